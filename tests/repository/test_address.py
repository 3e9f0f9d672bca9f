"""The repository's address is set everywhere at once, for a fork."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml

from tests.chapters import ROOT
from tests.repository.test_repository import made_repository, run
from website.address import set_address
from website.book import chapter_files, fingerprint, read

OLD = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
OWNER, NAME = OLD.split("/")[-2:]
FORMS = f"{OWNER}/{NAME}", f"{OWNER.lower()}.github.io/{NAME}"
FORK = "Some-body", "a.fork"
NEW = "/".join(["https://github.com", *FORK])


@pytest.fixture
def fork(tmp_path):
    """What is committed here, or is about to be."""
    listed = run("git", "ls-files", "-z", cwd=ROOT).stdout
    for name in filter(None, listed.split("\0")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return made_repository(tmp_path)


def holding(folder, text):
    found = run("git", "grep", "-lI", "--fixed-strings", text, cwd=folder).stdout
    return set(found.splitlines())


def test_nothing_of_the_old_address_is_left_and_the_chapters_stay_current(fork):
    before = set.union(*(holding(fork, form) for form in FORMS))
    assert {"README.md", "CITATION.cff", "chapters/01-rnn.ipynb", "workbooks/01-rnn.ipynb"} < before
    record = json.loads((fork / "chapters" / "status.json").read_text(encoding="utf-8"))
    current = {
        path.stem for path in chapter_files(fork / "chapters", ".ipynb")
        if record[path.stem]["code"] == fingerprint(read(path))
    }  # fmt: skip

    assert set(set_address(fork, f"{NEW}.git")) == before
    assert [holding(fork, form) for form in FORMS] == [set(), set()]
    config = yaml.safe_load((fork / "_config.yml").read_text(encoding="utf-8"))
    assert config["repository"]["url"] == NEW
    chapter = (fork / "chapters" / "01-rnn.md").read_text(encoding="utf-8")
    assert f'"git+{NEW}"' in chapter
    assert f"https://{FORK[0].lower()}.github.io/{FORK[1]}/" in (
        fork / "cs231n_lib" / "workshop" / "reports.py"
    ).read_text("utf-8")
    record = json.loads((fork / "chapters" / "status.json").read_text(encoding="utf-8"))
    assert current <= {
        path.stem for path in chapter_files(fork / "chapters", ".ipynb")
        if record[path.stem]["code"] == fingerprint(read(path))
    }  # fmt: skip

    set_address(fork, OLD)
    assert run("git", "status", "--porcelain", "--untracked-files=no", cwd=fork).stdout == ""


def test_what_is_no_address_changes_nothing(fork):
    github = "https://github.com/a"
    for url in ("somebody/fork", "https://gitlab.com/a/b", github, f"{github}/b c"):
        with pytest.raises(ValueError, match="expected one like https:"):
            set_address(fork, url)
    assert run("git", "status", "--porcelain", "--untracked-files=no", cwd=fork).stdout == ""
