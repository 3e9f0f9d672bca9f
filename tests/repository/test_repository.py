"""What surrounds the book: checks before a commit, workflows, ways in, and what the README says."""

from __future__ import annotations

import ast
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import time
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import jupytext
import nbformat
import pytest
import yaml
from jupytext.myst import CompactDumper
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.chapters import NOTEBOOKS, ROOT, code_cells, complaints, out_of_step, read
from tests.coverage import gaps

CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
ADDRESS = CONFIG["repository"]["url"]
BRANCH = CONFIG["repository"]["branch"]
SLUG = ADDRESS.removeprefix("https://github.com/")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in (ROOT / ".github" / "workflows").glob("*.yml")
}


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


# Checks before a commit, workflows


def test_every_check_before_a_commit_passes(clone, tmp_path):
    command = [sys.executable, "-m", "pre_commit", "run", "--all-files", "--color=never"]
    # The chapters have tests of their own.
    result = run(*command, cwd=clone, PRE_COMMIT_HOME=str(tmp_path), SKIP="notebooks")
    assert result.returncode == 0, result.stdout + result.stderr


def test_what_is_wrong_with_a_chapter_is_named(tmp_path):
    pair = tmp_path / "99-new.ipynb", tmp_path / "99-new.md"
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


def test_a_module_that_the_tests_reach_too_little_of_is_named(tmp_path):
    shares = {"cs231n_lib/speak/new.py": 0.0, "cs231n_lib/speak/rnn.py": 97.0}
    files = {name: {"summary": {"percent_covered": share}} for name, share in shares.items()}
    (tmp_path / "report.json").write_text(json.dumps({"files": files}), encoding="utf-8")
    assert gaps(tmp_path / "report.json") == ["cs231n_lib/speak/new.py: 0.0 %"]


def test_only_a_green_run_on_main_publishes():
    tests, publish = WORKFLOWS["tests"], WORKFLOWS["publish"]
    assert tests[True]["push"] == {"branches": [BRANCH]}  # YAML 1.1 reads the key "on" as true
    caller = tests["jobs"]["publish"]
    assert caller["uses"] == "./.github/workflows/publish.yml"
    assert caller["needs"] == "tests"
    assert f"github.event_name == 'push' && github.ref == 'refs/heads/{BRANCH}'" == caller["if"]
    assert publish[True] == {"workflow_call": None}, "nothing else may start it"
    jobs = [(name, job) for flow in WORKFLOWS.values() for name, job in flow["jobs"].items()]
    writers = [name for name, job in jobs if "write" in job["permissions"].values()]
    assert sorted(writers) == ["deploy", "publish"], "the job that publishes, and its caller"
    assert not any("run" in step for step in publish["jobs"]["deploy"]["steps"])


def test_every_command_that_a_workflow_or_a_guide_names_exists():
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
    folders = (".github/workflows/*.yml", ".devcontainer/*", ".ci/*", "*.md", "chapters/*.md")
    for path in (path for pattern in folders for path in ROOT.glob(pattern)):
        named = re.findall(r"(?:`|run: |^ *|\n)make ([a-z-]+)", path.read_text("utf-8"), re.M)
        assert path.name == "CHANGELOG.md" or set(named) <= targets, path
    for target in re.findall(r"^([a-z-]+):.* ## ", MAKEFILE, re.M):
        assert f"make {target}" in README, target


def test_every_file_that_a_guide_names_exists():
    guides = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", guides) if "://" not in link]
    files = re.findall(r"`((?:tests|website|cs231n_lib|benchmarks)/[\w./-]+)`", guides)
    files += re.findall(r"^\| `([\w./-]+)`", README, re.M)
    assert len(links) >= 5
    assert [name for name in links + files if not (ROOT / name).exists()] == []


# Ways in


def test_the_first_cell_of_every_chapter_installs_the_library_where_it_is_missing(monkeypatch):
    first = [code_cells(jupytext.read(path.with_suffix(".md")))[0] for path in NOTEBOOKS]
    assert len({cell.source for cell in first}) == 1
    assert all(cell.metadata["tags"] == ["remove-cell"] for cell in first)
    assert f'"git+{ADDRESS}"' in first[0].source
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("it is here"))
    exec(first[0].source, {})


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
    codes = {
        path.name: path.read_text(encoding="utf-8") for path in ROOT.rglob("cs231n_lib/**/*.py")
    }
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


def test_binder_and_the_container_use_the_python_of_the_lock():
    (python,) = re.findall(r"--python-version (3\.\d+)", MAKEFILE)
    assert (ROOT / ".binder" / "runtime.txt").read_text() == f"python-{python}\n"
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert container["image"].startswith(f"mcr.microsoft.com/devcontainers/python:{python}-")
    lines = (ROOT / ".binder" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert {"--constraint ../requirements.txt", "--editable .", "jupytext"} <= set(lines)


def test_saving_a_notebook_saves_its_text_file_and_the_other_way_round(tmp_path, monkeypatch):
    """What `make lab` does, whose settings are in two files."""
    monkeypatch.setattr(CompactDumper, "yaml_representers", {**CompactDumper.yaml_representers})
    runpy.run_path(str(ROOT / ".jupyter" / "jupyter_server_config.py"))
    for path in (ROOT / "jupytext.toml", NOTEBOOKS[3], NOTEBOOKS[3].with_suffix(".md")):
        shutil.copy(path, tmp_path)
    manager = jupytext.TextFileContentsManager(root_dir=str(tmp_path))
    notebook_path, text_path = (tmp_path / f"{NOTEBOOKS[3].stem}{end}" for end in (".ipynb", ".md"))
    text = text_path.read_text(encoding="utf-8")
    assert "least_similarity: " in text
    outputs = [cell.outputs for cell in code_cells(read(notebook_path))]
    assert any(outputs)
    os.utime(text_path, (time.time() - 3600,) * 2)  # as after `make run`
    for name, old, new in (
        (notebook_path.name, "A network that names", "A notebook that names"),
        (text_path.name, "A notebook that names", "A text file that names"),
    ):
        model = manager.get(name, type="notebook")
        assert old in model["content"].cells[0].source
        model["content"].cells[0].source = model["content"].cells[0].source.replace(old, new)
        manager.save(model, name)
        text = text.replace(old, new)
        assert text_path.read_text(encoding="utf-8") == text, "no other change"
        assert out_of_step(notebook_path) == []
        assert [cell.outputs for cell in code_cells(read(notebook_path))] == outputs


# Versions, names, addresses


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
