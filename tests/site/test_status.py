"""Times, versions and dates of the chapters: counted, recorded, and shown."""

from __future__ import annotations

import copy
import json
import re
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from sphinx.cmd.build import build_main

from tests.chapters import NOTEBOOKS, ROOT
from website import execute, status
from website.book import fingerprint, read
from website.status import Contents, count, duration, read_record, reading_minutes

ENTRY = {
    "seconds": 50, "date": "2026-01-02", "code": "", "memory": 1234, "python": "3.11.7",
    "numpy": "2.4.6", "torch": "2.13.0+cpu", "torchvision": "0.28.0", "device": "CPU", "threads": 2,
    "architecture": "x86_64",
}  # fmt: skip


def small_notebook(code: str = "print(6 * 7)") -> nbformat.NotebookNode:
    cells = [new_markdown_cell("# A chapter\n\nSix words are on this page."), new_code_cell(code)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


@pytest.fixture
def chapters(tmp_path):
    """A book of two chapters that have not been executed."""
    folder = tmp_path / "chapters"
    folder.mkdir()
    for name in ("01-first", "02-second"):
        nbformat.write(small_notebook(), folder / f"{name}.ipynb")
    return folder


# Counting.


def test_what_a_page_shows_is_counted():
    figure = {"figure": {"caption": "nine ten"}}
    source = "```python\ndef f():\n    pass\n```"
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# One two\n\nthree **four** $x$ six {cite:p}`seven`\n\n$$\nx\n$$"),
            new_markdown_cell("```{math}\n:label: a\nx\n```"),
            new_markdown_cell("```{figure} a.png\n:alt: b\neight\n```"),
            new_code_cell("a = 1\n\nb = 2", metadata={"mystnb": figure}),
            new_code_cell("hidden = 1", metadata={"tags": ["hide-input"]}),
            new_code_cell(
                "show_source(f)",
                outputs=[new_output("display_data", {"text/markdown": source})],
            ),
            new_markdown_cell("```{solution-start} ex\n:class: dropdown\n```\n\nnot counted"),
            new_code_cell("not_counted = 1", metadata={"mystnb": figure}),
            new_markdown_cell("```{solution-end}\n```\n\ntwelve\n\n```{solution-start} ex\n```"),
            new_code_cell("not_counted = 1"),
            new_markdown_cell("```{solution-end}\n```"),
            new_markdown_cell("````{solution} ex\n:class: dropdown\nnot counted\n````\n\neleven"),
        ]
    )  # fmt: skip
    assert count(notebook) == Contents(words=12, code_lines=5, formulas=2, figures=2)


def test_reading_takes_what_the_status_page_says():
    contents = Contents(words=1500, code_lines=100, formulas=4, figures=2)
    assert reading_minutes(contents) == 20  # 10 + 5 + 2 + 1 = 18
    assert reading_minutes(Contents(10, 0, 0, 0)) == 5
    page = (ROOT / "chapters" / "status.md").read_text(encoding="utf-8")
    stated = re.search(
        r"(\d+) words a minute, (\d+) lines of code a minute, and (\w+) seconds", page
    )
    assert stated.groups() == (str(status.WORDS), str(status.CODE_LINES), "thirty")
    assert status.FORMULAS == status.FIGURES == 60 / 30


@pytest.mark.parametrize(("seconds", "text"), [(50.4, "50 s"), (89, "89 s"), (95, "2 minutes")])
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_the_fingerprint_follows_the_code_only():
    notebook = small_notebook()
    other = copy.deepcopy(notebook)
    other.cells[0].source += " And more."
    other.cells[1].outputs = [new_output("stream", text="42")]
    assert fingerprint(other) == fingerprint(notebook)
    other.cells[1].source += "\nprint()"
    assert fingerprint(other) != fingerprint(notebook)


# The committed record.


def test_the_record_has_all_chapters_and_nothing_private():
    record = read_record(ROOT / "chapters" / "status.json")
    assert set(record) == {path.stem for path in NOTEBOOKS}
    for entry in record.values():
        assert entry.keys() == ENTRY.keys()
        assert not re.search(r"[/\\@]|\.local|localhost", json.dumps(entry))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_chapter_runs_in_two_gigabytes(path):
    assert read_record(ROOT / "chapters" / "status.json")[path.stem]["memory"] <= 2000


# Executing.


def test_a_chapter_that_runs_is_kept_and_recorded(chapters, capsys):
    second = (chapters / "02-second.ipynb").read_bytes()
    assert execute.main(["chapters/01-first.ipynb"], chapters) == 0
    notebook = read(chapters / "01-first.ipynb")
    assert notebook.cells[1].outputs[0].text == "42\n"
    assert "execution" not in notebook.cells[1].metadata  # no times in the notebook
    entry = read_record(chapters / "status.json")["01-first"]
    assert entry["code"] == fingerprint(notebook)
    assert status.state(entry, notebook) == f"verified {entry['date']}"
    assert re.fullmatch(r"01-first: running \.\.\.\n01-first: \d+ s\n", capsys.readouterr().out)
    assert (chapters / "02-second.ipynb").read_bytes() == second
    assert sorted(path.suffix for path in chapters.iterdir()) == [".ipynb", ".ipynb", ".json"]


def test_a_chapter_that_fails_is_left_as_it_was_and_the_next_one_runs(chapters, capsys):
    nbformat.write(small_notebook("print(1)\n1 / 0"), chapters / "01-first.ipynb")
    before = (chapters / "01-first.ipynb").read_bytes()
    (chapters / "status.json").write_text(json.dumps({"01-first": ENTRY}))
    assert execute.main([], chapters) == 1
    assert (chapters / "01-first.ipynb").read_bytes() == before
    record = read_record(chapters / "status.json")
    assert record["01-first"] == ENTRY
    assert "02-second" in record
    messages = capsys.readouterr()
    assert "01-first: FAILED; notebook and record are as before." in messages.out
    assert "ZeroDivisionError" in messages.err


INTERRUPTED = """01-first: running ...
02-second: running ...
INTERRUPTED; what was running is as before.
"""


@pytest.mark.parametrize(
    ("sent", "status", "message"),
    [(signal.SIGINT, 130, INTERRUPTED), (signal.SIGTERM, -signal.SIGTERM, None)],
    ids=["Ctrl-C", "termination"],
)
def test_an_interruption_loses_nothing_and_starts_no_other_chapter(chapters, sent, status, message):
    nbformat.write(small_notebook(), chapters / "03-third.ipynb")
    names = [f"{name}.ipynb" for name in ("01-first", "02-second", "03-third")]
    started = [chapters.parent / name for name in names]
    for name, file in zip(names[:2], started):
        sleep = f"import pathlib, time\npathlib.Path({str(file)!r}).touch()\ntime.sleep(60)"
        nbformat.write(small_notebook(sleep), chapters / name)
    before = [(chapters / name).read_bytes() for name in names]
    code = "import pathlib, sys; from website.execute import main; "
    code += f"sys.exit(main([], pathlib.Path({str(chapters)!r})))"
    run = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=-1, stderr=-1, text=True)
    while not all(file.exists() for file in started[:2]):
        assert run.poll() is None, run.communicate()
        time.sleep(0.1)
    run.send_signal(sent)
    output, errors = run.communicate(timeout=30)
    assert run.returncode == status
    assert errors == ""
    assert message is None or output == message
    assert [(chapters / name).read_bytes() for name in names] == before
    assert sorted(path.name for path in chapters.iterdir()) == names


def test_two_chapters_run_at_a_time_and_each_tells_its_own_memory_and_threads(chapters):
    meet = """import os, pathlib, time
here = pathlib.Path({!r})
(here / f"{{os.getpid()}}.here").touch()
while len(list(here.glob("*.here"))) < 2:
    time.sleep(0.05)
import torch
torch.set_num_threads({})
large = b"x" * {}
del large"""
    for number, name in enumerate(("01-first", "02-second"), start=1):
        code = meet.format(str(chapters.parent), 2 + number, number * 10**9 // 4)
        nbformat.write(small_notebook(code), chapters / f"{name}.ipynb")
    assert execute.main([], chapters) == 0
    record = read_record(chapters / "status.json")
    assert [entry["threads"] for entry in record.values()] == [3, 4]
    first, second = (entry["memory"] for entry in record.values())
    assert 350 < first < 900
    assert 220 < second - first < 280
    notebook = read(chapters / "01-first.ipynb")
    assert len(notebook.cells) == 2  # the question for these facts is not kept
    assert notebook.cells[1].outputs == []


def test_a_chapter_that_is_not_there_is_named(chapters, capsys):
    with pytest.raises(SystemExit):
        execute.main(["07-audio"], chapters)
    assert "no chapter 07-audio; there are 01-first, 02-second" in capsys.readouterr().err


# Showing.


def build(chapters, text):
    """Build a website of one page and its chapters; the exit code and the page."""
    book = chapters.parent
    conf = "extensions = ['myst_nb', 'website.status']\nnb_execution_mode = 'off'\n"
    (book / "conf.py").write_text(conf)
    (book / "index.md").write_text(f"# Book\n\n{text}\n\n```{{toctree}}\n:glob:\nchapters/*\n```\n")
    code = build_main(["-q", "-W", "--keep-going", str(book), str(book / "out")])
    page = book / "out" / "index.html"
    return code, page.read_text(encoding="utf-8") if page.exists() else ""


def test_times_are_quoted_from_the_record(chapters):
    (chapters / "status.json").write_text(json.dumps({"01-first": ENTRY}))
    text = "{chapter-times}`01-first`; {chapter-times}`02-second`; {chapter-times}`all`."
    code, page = build(chapters, text)
    assert code == 0
    assert "5 minutes to read, 50 s to run; 5 minutes to read; 10 minutes to read." in page


def test_times_of_a_chapter_that_is_not_there_fail_the_build(chapters, capsys):
    code, _ = build(chapters, "{chapter-times}`03-third`")
    assert code != 0
    assert "no chapter '03-third', only 01-first, 02-second" in capsys.readouterr().err


def test_a_chapter_that_changed_is_marked(chapters):
    current = fingerprint(small_notebook())
    record = {"01-first": ENTRY | {"code": current}, "02-second": ENTRY | {"code": current}}
    (chapters / "status.json").write_text(json.dumps(record))
    nbformat.write(small_notebook("print('changed')"), chapters / "02-second.ipynb")
    code, page = build(chapters, "```{chapter-status}\n```")
    assert code == 0
    states = re.findall(r"verified 2026-01-02|not verified since it changed", page)
    assert states == ["verified 2026-01-02", "not verified since it changed"]


def test_the_status_page_has_every_chapter_and_what_it_was_run_with(pages):
    page = next(soup for path, soup in pages.items() if path.stem == "status")
    first, second = page.select("article table")
    record = read_record(ROOT / "chapters" / "status.json")
    for path, row, versions in zip(NOTEBOOKS, first.select("tbody tr"), second.select("tbody tr")):
        cells = [cell.get_text(strip=True) for cell in row.select("td")]
        entry = record[path.stem]
        assert row.a["href"] == versions.a["href"] == f"{path.stem}.html"
        assert cells[1:3] == [status.state(entry, read(path)), duration(entry["seconds"])]
        assert cells[3] == f"{entry['memory']:,} MB"
        figures = page_figures(pages, path.stem)
        assert int(cells[6]) == figures
        shown = [cell.get_text(strip=True) for cell in versions.select("td")][1:]
        assert shown == [str(entry[name]) for name in status.VERSIONS]


def page_figures(pages, chapter):
    """How many figures a page shows, without those in solutions."""
    page = next(soup for path, soup in pages.items() if path.stem == chapter)
    return sum(
        not figure.find_parent(class_="solution") for figure in page.select("article figure")
    )
