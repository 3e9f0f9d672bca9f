"""What surrounds the book: checks before a commit, workflows, ways in, and what the README says."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import jupytext
import nbformat
import pytest
import yaml
from ipykernel.kernelspec import get_kernel_dict
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.chapters import NOTEBOOKS, ROOT, code_cells, complaints, out_of_step, read

CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
ADDRESS = CONFIG["repository"]["url"]
BRANCH = CONFIG["repository"]["branch"]
SLUG = ADDRESS.removeprefix("https://github.com/")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in (ROOT / ".github" / "workflows").glob("*.yml")
}
JOBS = [(name, job) for name, flow in WORKFLOWS.items() for job in flow["jobs"].values()]
STEPS = [step for _, job in JOBS for step in job.get("steps", [])]


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess:
    """Run a command without what the machine's user has set for git, pip and pre-commit."""
    environment = os.environ | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "a test", "GIT_AUTHOR_EMAIL": "test@example.org",
        "GIT_COMMITTER_NAME": "a test", "GIT_COMMITTER_EMAIL": "test@example.org",
    } | environment  # fmt: skip
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


def made_repository(folder: Path) -> Path:
    """Put the files of a folder under git; give it the environment that the tests run in."""
    for command in (("init", "-q", "-b", BRANCH), ("add", "--all"), ("commit", "-q", "-m", "all")):
        result = run("git", *command, cwd=folder)
        assert result.returncode == 0, result.stderr
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """A repository with what is in this one, committed or about to be."""
    listed = run(
        "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT
    ).stdout
    folder = tmp_path_factory.mktemp("a clone")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return made_repository(folder)


def failed_hooks(repository: Path, home: Path, **environment: str) -> tuple[set[str], str]:
    """Run all checks; which of them failed, and what they said."""
    command = [sys.executable, "-m", "pre_commit", "run", "--all-files", "--color=never"]
    result = run(*command, cwd=repository, PRE_COMMIT_HOME=str(home), **environment)
    failures = re.findall(r"\.Failed\n- hook id: (\S+)", result.stdout)
    assert result.returncode == bool(failures), result.stdout + result.stderr
    return set(failures), result.stdout


# The checks before a commit: code, words, notebooks, schemas, workflows


def test_every_check_before_a_commit_passes(clone, tmp_path):
    # The chapters have tests of their own.
    failures, said = failed_hooks(clone, tmp_path, SKIP="notebooks")
    assert failures == set(), said


BROKEN = {
    "ruff-format": ("crowded.py", "x = [1,2]\n"),
    "ruff": ("unused.py", "import os\n"),
    "codespell": ("words.md", "Look at teh picture.\n"),  # codespell:ignore teh
    "notebooks": ("chapters/01-rnn.md", "# A text file without its notebook\n"),
    "trailing-whitespace": ("blanks.md", "Blanks. \n"),
    "end-of-file": ("end.md", "No newline"),
    "line-endings": ("lines.md", "one\r\ntwo\r\n"),
    "yaml": ("open.yml", "a: [1, 2\n"),
    "toml": ("open.toml", "a = [1, 2\n"),
    "json": ("open.json", "[1, 2\n"),
    "conflicts": ("both.md", f"{'<' * 7} ours\nA\n{'=' * 7}\nB\n{'>' * 7} theirs\n"),
    "same-names": ("Words.md", "Words.\n"),
    "large-files": ("large.txt", "All the same.\n" * 600_000),
    "workflows": (".github/workflows/a.yml", "name: a\non: push\njobs: {a: {steps: 1}}\n"),
    "timeouts": (
        ".github/workflows/b.yml",
        "name: b\non: push\njobs:\n  b:\n    runs-on: ubuntu-24.04\n    steps: [{run: make}]\n",
    ),
    "zizmor": (
        ".github/workflows/c.yml",
        "name: c\non: push\njobs:\n  c:\n    runs-on: ubuntu-24.04\n    timeout-minutes: 5\n"
        "    steps:\n      - uses: actions/checkout@v6\n",
    ),
    "dependabot": (".github/dependabot.yml", "version: 2\nupdates:\n  - directory: /\n"),
    "issue-forms": (".github/ISSUE_TEMPLATE/a.yml", "name: a\ndescription: b\nbody: c\n"),
    "issue-config": (".github/ISSUE_TEMPLATE/config.yml", "blank_issues_enabled: perhaps\n"),
    "citation": ("CITATION.cff", "cff-version: 1.2.0\ntitle: Without authors\n"),
}


def test_every_check_before_a_commit_can_fail(tmp_path):
    repository = tmp_path / "broken"
    for name in (".pre-commit-config.yaml", "pyproject.toml", "tests/chapters.py"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, repository / name)
    for name, text in BROKEN.values():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(text, encoding="utf-8", newline="")
    failures, said = failed_hooks(made_repository(repository), tmp_path / "home")
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert set(BROKEN) == {hook["id"] for repo in hooks["repos"] for hook in repo["hooks"]}
    assert failures == set(BROKEN), said


def test_what_is_wrong_with_a_chapter_is_named(tmp_path):
    pair = tmp_path / "07-new.ipynb", tmp_path / "07-new.md"
    assert complaints(pair)[0].endswith("missing; `make sync` makes it from its text file")

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    for path in pair:
        jupytext.write(notebook, path, fmt="ipynb" if path.suffix == ".ipynb" else "md:myst")
    (complaint,) = complaints(pair)
    assert "code cell 1 has the execution count None; run `make run`" in complaint

    notebook.cells[0].execution_count = 1
    jupytext.write(notebook, pair[0])
    assert complaints(pair) == []

    notebook.cells[0].source = "1 + 2"
    jupytext.write(notebook, pair[1], fmt="md:myst")
    (complaint,) = complaints([pair[1]])
    assert "1 + 1" in complaint
    assert "1 + 2" in complaint
    assert complaint.endswith("run `make sync`")


# Workflows


def test_only_a_green_run_on_main_publishes():
    tests, publish = WORKFLOWS["tests"], WORKFLOWS["publish"]
    assert set(tests[True]) == {"push", "pull_request"}  # YAML 1.1 reads the key "on" as true
    assert tests[True]["push"] == {"branches": [BRANCH]}
    caller = tests["jobs"]["publish"]
    assert caller["uses"] == "./.github/workflows/publish.yml"
    assert caller["needs"] == "tests"
    assert f"github.event_name == 'push' && github.ref == 'refs/heads/{BRANCH}'" == caller["if"]
    assert publish[True] == {"workflow_call": None}, "nothing else may start it"
    assert publish["jobs"]["deploy"]["needs"] == "build"
    commands = [step.get("run") for step in publish["jobs"]["build"]["steps"]]
    assert "make book" in commands
    writers = [name for name, job in JOBS if "write" in job["permissions"].values()]
    assert sorted(writers) == ["publish", "tests"], "the job that publishes, and its caller"
    assert not any("run" in step for step in publish["jobs"]["deploy"]["steps"])


def test_the_tests_run_the_two_commands_of_the_readme():
    commands = [step.get("run") for step in WORKFLOWS["tests"]["jobs"]["tests"]["steps"]]
    two = re.search(r"## Two commands\n\n```\n(make \w+).*\n(make \w+)", README).groups()
    assert set(two) <= set(commands)
    (kept,) = [
        s for s in WORKFLOWS["tests"]["jobs"]["tests"]["steps"] if s.get("if") == "failure()"
    ]
    assert "_build/pictures" in kept["with"]["path"].split()


def test_a_job_may_do_only_what_it_says():
    assert all(workflow["permissions"] == {} for workflow in WORKFLOWS.values())
    assert all("permissions" in job for _, job in JOBS)


def test_the_weekly_run_looks_for_rot_on_every_supported_python():
    weekly = WORKFLOWS["weekly"]
    assert "schedule" in weekly[True]
    commands = "\n".join(s.get("run", "") for j in weekly["jobs"].values() for s in j["steps"])
    for target in ("run", "test", "linkcheck", "unit"):
        assert re.search(rf"^make {target}$", commands, re.M), target
    assert weekly["jobs"]["links"]["continue-on-error"] is True
    supported = SpecifierSet(PROJECT["requires-python"])
    pythons = weekly["jobs"]["pythons"]["strategy"]["matrix"]["python"]
    assert pythons == ["3.11", "3.12", "3.13"]
    assert all(version in supported for version in pythons)
    assert "3.10" not in supported


def test_actions_are_pinned_by_their_hash_and_name_their_version():
    lines = [
        line
        for path in (ROOT / ".github" / "workflows").glob("*.yml")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "uses: " in line and "uses: ./" not in line
    ]
    assert len(lines) >= 10
    assert [
        line for line in lines if not re.search(r"uses: \S+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)
    ] == []
    assert len({line.strip("- ") for line in lines}) == 5, "one version of each action"


# Ways in


def test_the_same_first_cell_installs_the_library_in_every_chapter():
    first = [code_cells(jupytext.read(path.with_suffix(".md")))[0] for path in NOTEBOOKS]
    assert len(first) == 6
    assert len({cell.source for cell in first}) == 1
    assert all(cell.metadata["tags"] == ["remove-cell"] for cell in first)
    assert f'"git+{ADDRESS}"' in first[0].source


def test_the_first_cell_does_nothing_where_the_library_is(monkeypatch):
    def never(*_, **__):
        pytest.fail("nothing is to be installed here")

    monkeypatch.setattr(subprocess, "run", never)
    exec(code_cells(jupytext.read(NOTEBOOKS[0].with_suffix(".md")))[0].source, {})


def test_the_first_cells_of_a_chapter_work_where_the_library_is_missing(clone, tmp_path):
    """As on Colab: all that the library needs is there, the library is not, git brings it."""
    environment, packages = tmp_path / "venv", tmp_path / "packages"
    assert run(
        sys.executable, "-m", "venv", "--without-pip", environment, cwd=tmp_path
    ).returncode == 0  # fmt: skip
    (site,) = environment.glob("lib/python*/site-packages")
    packages.mkdir()
    for path in Path(pytest.__file__).parent.parent.iterdir():
        if "cs231n" not in path.name:
            (packages / path.name).symlink_to(path)
    (site / "all-but-the-library.pth").write_text(f"{packages}\n", encoding="utf-8")

    cells = code_cells(jupytext.read(NOTEBOOKS[0].with_suffix(".md")))[:2]
    assert "setup()" in cells[1].source
    script = tmp_path / "chapter.py"
    lines = [
        *(cell.source for cell in cells),
        "import cs231n_lib.speak.rnn",
        "print(cs231n_lib.__path__)",
    ]
    script.write_text("\n".join(lines), encoding="utf-8")
    result = run(
        environment / "bin" / "python", script,
        cwd=tmp_path,
        # git fetches the clone instead, and pip no package but this one
        GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0=f"url.{clone}.insteadOf", GIT_CONFIG_VALUE_0=ADDRESS,
        PIP_NO_DEPS="1", PIP_NO_INDEX="1", PIP_NO_BUILD_ISOLATION="0",
        PYTHONPATH="", PYTHONNOUSERSITE="1",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert str(site / "cs231n_lib") in result.stdout

    installed, committed = (
        {path.relative_to(folder) for path in (folder / "cs231n_lib").rglob("*") if path.is_file()}
        for folder in (site, clone)
    )
    assert {path for path in installed if "__pycache__" not in path.parts} == committed


def test_the_library_names_all_packages_that_chapters_import():
    known = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    codes = {path.name: path.read_text(encoding="utf-8") for path in ROOT.glob("cs231n_lib/*.py")}
    for path in NOTEBOOKS:
        cells = code_cells(jupytext.read(path.with_suffix(".md")))
        codes[path.name] = "\n".join(cell.source for cell in cells if cell.source[:1] not in "%!")
    missing, providers = set(), packages_distributions()
    for name, code in codes.items():
        for node in ast.walk(ast.parse(code)):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                modules = [node.module]
            for module in {module.split(".")[0] for module in modules} - {"cs231n_lib"}:
                if module not in sys.stdlib_module_names and not known & {
                    canonicalize_name(provider) for provider in providers[module]
                }:
                    missing.add(f"{name}: {module}")
    assert missing == set()


def test_chapters_can_be_launched_and_pages_reported(pages):
    for path in NOTEBOOKS:
        (page,) = [page for name, page in pages.items() if name.stem == path.stem]
        links = {link["href"] for link in page.find_all("a", href=True)}
        file = f"chapters/{path.name}"
        assert f"https://colab.research.google.com/github/{SLUG}/blob/{BRANCH}/{file}" in links
        assert f"https://mybinder.org/v2/gh/{SLUG}/{BRANCH}?urlpath=lab/tree/{file}" in links
        assert ADDRESS in links
        assert any(link.startswith(f"{ADDRESS}/issues/new") for link in links)
        assert "find_spec" not in page.find("article").get_text()


def test_binder_and_the_container_use_the_python_of_the_workflows():
    pythons = {s["with"]["python-version"] for s in STEPS if "setup-python" in s.get("uses", "")}
    pythons.remove("${{ matrix.python }}")
    (python,) = pythons
    assert (ROOT / ".binder" / "runtime.txt").read_text() == f"python-{python}\n"
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert container["image"].startswith(f"mcr.microsoft.com/devcontainers/python:{python}-")
    for command in (container["updateContentCommand"], container["postCreateCommand"]):
        assert command.removeprefix("make ") in TARGETS
    workspace = container["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    assert workspace == "${containerWorkspaceFolder}/.venv/bin/python"
    assert all((ROOT / p).exists() for p in container["customizations"]["codespaces"]["openFiles"])


def test_binder_gets_the_library_at_the_versions_of_the_book():
    lines = (ROOT / ".binder" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert {"--constraint ../requirements.txt", "--editable .", "jupytext"} <= set(lines)
    assert "--constraint requirements.txt" in (ROOT / "requirements-lab.txt").read_text()


# JupyterLab and the pair


@pytest.fixture
def contents_api(tmp_path):
    """The contents API of a Jupyter server such as `make lab` starts, and the folder of a pair."""
    root = tmp_path / "book"
    (root / "chapters").mkdir(parents=True)
    for name in ("jupytext.toml", ".jupyter"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, root / name)
    for path in (NOTEBOOKS[3], NOTEBOOKS[3].with_suffix(".md")):
        shutil.copy(path, root / "chapters")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {f"JUPYTER_{what}_DIR": str(tmp_path / what) for what in ("CONFIG", "DATA", "RUNTIME")}
    own |= dict(re.findall(r"^\t(JUPYTER_CONFIG_PATH)=(\S+) .* -m jupyterlab", MAKEFILE, re.M))
    command = [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser"]
    command += [f"--ServerApp.port={port}", "--IdentityProvider.token=secret"]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=root, env=os.environ | own, stdout=log, stderr=subprocess.STDOUT
        )

    def ask(path: str, content: nbformat.NotebookNode | None = None) -> dict:
        model = content and json.dumps({"type": "notebook", "content": content}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/{path}",
            data=model,
            headers={"Authorization": "token secret"},
            method="PUT" if model else "GET",
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            pytest.fail(error.read().decode())

    try:
        for _ in range(240):
            try:
                ask("status")
                break
            except OSError:
                assert server.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.25)
        yield ask, root / "chapters"
    finally:
        server.terminate()
        server.wait(timeout=30)


def test_saving_a_notebook_saves_its_text_file_and_the_other_way_round(contents_api):
    ask, folder = contents_api
    (notebook_path,), (text_path,) = folder.glob("*.ipynb"), folder.glob("*.md")
    text = text_path.read_text(encoding="utf-8")
    assert "least_similarity: " in text
    # The name that JupyterLab gives the kernel when it saves.
    assert f"display_name: {get_kernel_dict()['display_name']}\n" in text
    outputs = [cell.outputs for cell in code_cells(read(notebook_path))]
    assert any(outputs)
    hour_ago = time.time() - 3600
    os.utime(text_path, (hour_ago, hour_ago))  # as after `make run`

    def change(name: str, old: str, new: str) -> str:
        content = nbformat.from_dict(ask(f"contents/chapters/{name}?type=notebook")["content"])
        assert old in content.cells[0].source
        content.cells[0].source = content.cells[0].source.replace(old, new)
        ask(f"contents/chapters/{name}", content)
        assert text_path.read_text(encoding="utf-8") == text.replace(old, new), "no other change"
        assert out_of_step(notebook_path) == []
        assert [cell.outputs for cell in code_cells(read(notebook_path))] == outputs
        return text.replace(old, new)

    text = change(notebook_path.name, "A network that names", "A notebook that names")
    text = change(text_path.name, "A notebook that names", "A text file that names")

    text_path.write_text(text.replace("A text file that", "An edited file that"), "utf-8")
    later = time.time() + 2
    os.utime(text_path, (later, later))
    opened = ask(f"contents/chapters/{notebook_path.name}?type=notebook")["content"]
    assert "An edited file that names" in opened["cells"][0]["source"]


# Versions, names, addresses


def test_dependabot_leaves_what_jupyter_book_1_needs():
    settings = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))
    updates = {update["package-ecosystem"]: update for update in settings["updates"]}
    ignored = {rule["dependency-name"]: rule.get("versions") for rule in updates["pip"]["ignore"]}
    assert ignored["jupyter-book"] == [">=2"]
    needed = {
        canonicalize_name(r.name): r.specifier for r in map(Requirement, requires("jupyter-book"))
    }
    for name in ("sphinx", "myst-nb", "myst-parser"):
        (range_,) = ignored[name]
        limit = range_.removeprefix(">=")
        assert f"{limit}.0" not in needed[name]
        assert any(f"{int(limit) - 1}.{minor}" in needed[name] for minor in range(30))
    assert updates["pip"]["groups"]["torch"]["patterns"] == ["torch", "torchvision"]
    assert {"pip", "github-actions"} <= set(updates)
    package_json = [p.parent for p in ROOT.glob("*/package.json")]
    assert [ROOT / updates["npm"]["directory"].strip("/")] == package_json
    pinned = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert re.search(r"^jupyter-book==1\.", pinned, re.M)


def test_everything_in_the_requirements_is_pinned_once():
    lines = [
        line
        for name in ("requirements.txt", "requirements-lab.txt", "requirements-mutants.txt")
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines()
        if line and not line.startswith(("#", "--"))
    ]
    assert [line for line in lines if not re.fullmatch(r"[\w-]+==[\w.]+", line)] == []
    names = [canonicalize_name(line.split("==")[0]) for line in lines]
    assert len(names) == len(set(names))


def test_the_citation_agrees_with_the_book():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["title"] == CONFIG["title"]
    assert [author["name"] for author in citation["authors"]] == [CONFIG["author"]]
    assert citation["version"] == PROJECT["version"]
    assert citation["repository-code"] == ADDRESS
    assert PROJECT["license"] in citation["license"]


def test_every_file_names_the_same_repository(clone):
    addresses = re.compile(r"https://github\.com/[\w-]*speak[\w-]*/[\w.-]+")
    for path in clone.rglob("*"):
        if path.suffix in {".md", ".yml", ".yaml", ".cff", ".toml", ".json", ".py"}:
            named = addresses.findall(path.read_text(encoding="utf-8"))
            assert set(named) <= {ADDRESS}, path
    badges = re.findall(r"\((https://[^()]*)\)", README.split("## ")[0])
    file = f"chapters/{NOTEBOOKS[0].name}"
    for address in (
        f"{ADDRESS}/actions/workflows/tests.yml/badge.svg?branch={BRANCH}",
        f"{ADDRESS}/actions/workflows/tests.yml",
        f"https://colab.research.google.com/github/{SLUG}/blob/{BRANCH}/{file}",
        f"https://mybinder.org/v2/gh/{SLUG}/{BRANCH}?urlpath=lab/tree/{file}",
    ):
        assert address in badges


def test_the_readme_names_every_command_and_every_file_it_names_exists():
    for target in re.findall(r'echo "make (\w+)', MAKEFILE):
        assert f"make {target}" in README, target
    guides = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`?make ([a-z]+)", guides)) <= TARGETS
    links = [link for link in re.findall(r"\]\(([^)]+)\)", guides) if "://" not in link]
    assert len(links) >= 5
    files = re.findall(r"^\| `([\w./-]+)`", README, re.M)
    assert [name for name in links + files if not (ROOT / name).exists()] == []
    assert f"Python {PROJECT['requires-python'].removeprefix('>=')} or newer" in README
