"""The website, built once for all tests, whatever process they run in."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup
from filelock import FileLock

from tests.chapters import ROOT

SOURCES = (
    "_config.yml",
    "_toc.yml",
    "benchmarks",
    "chapters",
    "cs231n_lib",
    "website",
    "workbooks",
    "CHANGELOG.md",
)


def contents() -> list[str]:
    """The pages of the table of contents, as `chapters/index`, in its order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return [toc["root"], *(page["file"] for part in toc["parts"] for page in part["chapters"])]


def copy_sources(book: Path) -> Path:
    """Copy what the website is made of into an existing folder, and return the folder."""
    ignore = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "node_modules")
    for source in (ROOT / name for name in SOURCES):
        if source.is_dir():
            shutil.copytree(source, book / source.name, ignore=ignore)
        elif source.exists():
            shutil.copy(source, book)
    if (runtime := ROOT / "_build" / "runtime").is_dir():
        (book / "_build").mkdir()
        (book / "_build" / "runtime").symlink_to(runtime)
    return book


def build(book: Path) -> subprocess.CompletedProcess:
    """Build the website of a folder as `make book` does; it is then in `_build/html`."""
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    command += ["build", "-n", "-W", "--keep-going", "-q", "."]
    environment = os.environ | {"PYTHONPATH": str(book)}
    return subprocess.run(command, cwd=book, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="session")
def site(tmp_path_factory, worker_id) -> Path:
    """The folder of the built website, in a path with spaces, beside files that are not pages.

    The first process that asks builds it; the others wait. None may change it: to break something,
    copy it.
    """
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    book, log = shared / "a book with spaces", shared / "book.log"
    with FileLock(shared / "book.lock"):
        if not log.exists():
            book.mkdir()
            copy_sources(book)
            for stray in ("README.md", ".pytest_cache/README.md", ".venv/lib/NOTES.md"):
                (book / stray).parent.mkdir(parents=True, exist_ok=True)
                (book / stray).write_text("# Not a page of the book\n")
            result = build(book)
            failure = result.stdout + result.stderr if result.returncode else ""
            log.write_text(failure, encoding="utf-8")
    failure = log.read_text(encoding="utf-8")
    if failure:
        pytest.fail(f"the website does not build:\n{failure}", pytrace=False)
    return book / "_build" / "html"


@pytest.fixture(scope="session")
def pages(site) -> dict[Path, BeautifulSoup]:
    """The pages of the table of contents."""
    pages = {
        path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in sorted((site / "chapters").glob("*.html"))
    }
    gc.freeze()  # They stay: whenever garbage is looked for, half a second would go to them.
    return pages
