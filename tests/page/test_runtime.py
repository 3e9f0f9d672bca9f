"""The pages' Python in Node: what is in the archive, and how calls come in."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

from tests.chapters import ROOT
from tests.node import PageError, needs_runtime
from website import runtime


def modules() -> list[str]:
    with zipfile.ZipFile(io.BytesIO(runtime.book_archive(ROOT))) as archive:
        names = [name for name in archive.namelist() if name.endswith(".py")]
    return [name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in names]


@pytest.mark.parametrize("name", ["wheels/numpy", "node_modules/pyodide/pyodide.asm.js"])
def test_a_file_that_is_not_the_pinned_one_is_refused_by_name(tmp_path, monkeypatch, name):
    needs_runtime()
    shutil.copytree(runtime.SOURCE, tmp_path / "page", ignore=shutil.ignore_patterns("@*", "*.npz"))
    monkeypatch.setattr(runtime, "SOURCE", tmp_path / "page")
    (file,) = (path for path in tmp_path.rglob("*") if f"page/{name}" in str(path))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(ValueError, match=re.escape(file.name)):
        runtime.gather(tmp_path / "runtime")
    assert not (tmp_path / "runtime").exists()


def test_every_module_of_the_archive_needs_numpy_and_pillow_only(page_python):
    assert len(modules()) > 30
    page_python.run(f"import importlib\nfor name in {modules()!r}: importlib.import_module(name)")


def test_the_archive_has_no_module_that_is_heavy():
    """The same where there is no Node: nothing of it loads what a page does not have."""
    script = "import sys, importlib\n"
    script += f"for name in {modules()!r}: importlib.import_module(name)\n"
    script += "print(*{name.partition('.')[0] for name in sys.modules})"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = {"torch", "scipy", "sklearn", "matplotlib", "IPython", "joblib", "threadpoolctl"}
    assert heavy & set(done.stdout.split()) == set()


def test_what_is_printed_comes_as_it_is_printed(page_python):
    page_python.run("import sys; print('out', 1); print('err', file=sys.stderr)")
    text = {stream: "" for stream, _ in page_python.said}
    for stream, said in page_python.said:
        text[stream] += said
    assert text == {"stdout": "out 1\n", "stderr": "err\n"}


@pytest.mark.parametrize(
    ("code", "message", "lines"),
    [
        ("def f():\n    return 1 / 0\nf()", "ZeroDivisionError: division by zero", [3, 2]),
        ("x = (", "SyntaxError: '(' was never closed (<cell 1>, line 1)", []),
        ("import sys; sys.exit(3)", "SystemExit: 3", [1]),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", [1]),
    ],
)
def test_an_error_shows_the_readers_lines_only(page_python, code, message, lines):
    with pytest.raises(PageError) as caught:
        page_python.run(code)
    assert str(caught.value) == message
    assert [
        int(line.split("line ")[1].split(",")[0])
        for line in caught.value.traceback.splitlines()
        if line.startswith("  File ") and ", in " in line
    ] == lines
