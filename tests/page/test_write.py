"""Write here: what Python says in a page of a function is what it says in a notebook."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from cs231n_lib.workshop.diagnosis import diagnose
from cs231n_lib.workshop.mistakes import Mistake
from cs231n_lib.workshop.reports import Report, _what_is_wrong
from cs231n_lib.workshop.tasks import TASKS
from tests.chapters import ROOT
from tests.workbooks import answer
from tests.workshop.test_mistakes import handed_in
from website.book import read
from website.run_here import cells_of
from website.workbook import blank

EVERY_MISTAKE = "EVERY_MISTAKE" in os.environ  # else two of each function, as all take minutes


def with_mistake(name: str, mistake: Mistake) -> str:
    """The library's source as a reader would write it, with a mistake."""
    text = answer(TASKS[name], set())
    for old, new in mistake.edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def seconds(process) -> float:
    """Of the processor, that a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def write(page_python):
    """Calls of `website.page.write`, with the right way forward written for each way back."""

    def call(what: str, name: str, source: str) -> dict:
        forward = TASKS[name].forward
        kept = {"right": True, "given": False, "hints": 0}
        if forward is not None:
            way = forward.__name__
            written = {way: {"source": answer(TASKS[way], set()), **kept}}
            page_python.call("page.write.resume", imports="import numpy as np", written=written)
        return page_python.call(f"page.write.{what}", name=name, source=source)

    page_python.call("page.write.resume", imports="import numpy as np\nimport torch", written={})
    return call


def plain(page: str) -> str:
    """HTML without links."""
    return re.sub(r"</?a[^>]*>", "", page)


@pytest.mark.parametrize("name", TASKS)
def test_every_function_is_solved_and_its_mistakes_are_told_as_in_a_notebook(write, name):
    task = TASKS[name]
    assert "is not written yet" in write("check", name, blank(task.function))["html"]
    for mistake in task.mistakes if EVERY_MISTAKE else task.mistakes[::7][:2]:
        found = diagnose(handed_in(task, mistake), task)
        lines = [f"{name} is not right yet.", *_what_is_wrong(found)]
        said = write("check", name, with_mistake(name, mistake))
        assert mistake.what in " ".join(lines)
        assert plain(said["html"]) == Report(False, lines)._repr_html_()
        assert f'<a href="{task.section.replace("#", ".html?write#")}">' in said["html"]
    said = write("check", name, answer(task, set()))
    assert said["right"] and f"{name} is right." in said["html"], said


def test_an_overflow_is_seen_although_floats_raise_no_flags_in_a_page(write):
    source = "def sigmoid(a):\n    return 1 / (1 + np.exp(-a))"
    said = write("check", "sigmoid", source)
    assert not said["right"] and "an exponential overflows" in said["html"]
    assert "It is at line 2: return" in said["html"]


BACKWARD = "lstm_step_backward"


def test_a_check_takes_less_than_a_second(write, page_python):
    """Also the first one, of a mistake that nobody has foreseen."""
    source = answer(TASKS[BACKWARD], set()).replace("dai = dc * g", "dai = dc * (g + 0.1)")
    write("check", "sigmoid", answer(TASKS["sigmoid"], set()))
    before = seconds(page_python.process)
    assert "that the book does not have is dai, at line" in write("check", BACKWARD, source)["html"]
    assert seconds(page_python.process) - before < 1


def run(page_python, cells: list[str], number: int) -> dict:
    """Run a cell of a chapter, and before it those that it needs."""
    told = page_python.call("page.cells.run", cell=number, code=cells[number])
    for needed in told.get("needs", ()):
        run(page_python, cells, needed)
    return run(page_python, cells, number) if "needs" in told else told


def test_the_cells_below_use_what_a_reader_has_written(write, page_python):
    cells = cells_of(read(ROOT / "chapters" / "01-rnn.ipynb"))
    page_python.call("page.cells.begin", cells=cells)
    (gradient_check,) = [n for n, c in enumerate(cells) if "rnn_step_backward(dnext_h, c" in c]
    task = TASKS["rnn_step_backward"]
    right = answer(task, set())
    assert write("check", "rnn_step_backward", right)["right"]
    assert "error" not in run(page_python, cells, gradient_check)
    halved = right.replace("da = ", "da = 0.5 * ")
    assert not write("check", "rnn_step_backward", halved)["right"]
    assert "dx is wrong: relative error" in run(page_python, cells, gradient_check)["error"]
    page_python.call("page.write.use_book", name="rnn_step_backward")
    assert "error" not in run(page_python, cells, gradient_check)
