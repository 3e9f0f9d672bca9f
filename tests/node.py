"""The pages' Python without a browser: the very runtime and the very archive, in Node."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chapters import ROOT
from website.runtime import book_archive

RUNTIME = ROOT / "_build" / "runtime"

# Code of the tests themselves is run as a cell runs that of a reader.
PROBE = """import linecache

def run(code):
    linecache.cache["<cell 1>"] = len(code), None, code.splitlines(True), "<cell 1>"
    space = {"__name__": "__main__"}
    exec(compile(code, "<cell 1>", "exec"), space)
    return space.get("result")
"""


class PageError(Exception):
    """What a call has raised: its message, and `.traceback`, the reader's lines of it."""

    def __init__(self, message: str, traceback: str) -> None:
        super().__init__(message)
        self.traceback = traceback


class Page:
    """Python as a page has it: `call("page.cells.run", code="1 + 1")`.

    What the last call printed is in `said`: `[stream, text]`, …
    """

    def __init__(self, node: str, book: Path) -> None:
        command = [node, str(Path(__file__).with_suffix(".mjs")), str(RUNTIME), str(book)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.said: list[list[str]] = []

    def call(self, name: str, /, **arguments: Any) -> Any:
        print(
            json.dumps({"name": name, "arguments": arguments}), file=self.process.stdin, flush=True
        )
        line = self.process.stdout.readline()
        assert line, "Node has ended"
        told = json.loads(line)
        self.said = told["said"]
        if error := told["answer"].get("error"):
            raise PageError(error["message"], error["traceback"])
        return told["answer"]["result"]

    def run(self, code: str) -> Any:
        """Run code as a cell does, in a space of its own; what it calls `result` is returned."""
        return self.call("page.probe.run", code=code)


def archive() -> bytes:
    """The archive of the book, and in it ``page.probe.run``, which runs code."""
    data = io.BytesIO(book_archive(ROOT))
    with zipfile.ZipFile(data, "a") as file:
        file.writestr(zipfile.ZipInfo("website/page/probe.py"), PROBE)
    return data.getvalue()


def needs_runtime() -> None:
    """Skip the test that asked, where `make runtime` was not run."""
    if not RUNTIME.is_dir():
        pytest.skip("needs Python for the pages, which npm brings: `make runtime`")


@pytest.fixture(scope="session")
def page_python(tmp_path_factory) -> Iterator[Page]:
    """One Python for all tests of a process, as a page has one for all its cells."""
    needs_runtime()
    node = shutil.which("node")
    if not node:
        pytest.skip("needs Debian's package nodejs: `make browser`")
    book = tmp_path_factory.mktemp("page") / "book.zip"
    book.write_bytes(archive())
    page = Page(node, book)
    yield page
    page.process.stdin.close()
    page.process.wait(timeout=60)
