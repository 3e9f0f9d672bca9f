"""The chapters' cells in the pages' Python: as in the book, broken in one character, and edited."""

from __future__ import annotations

import ast
import base64
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tests.chapters import ROOT
from tests.nbval_tolerance import accept
from tests.node import Page
from website.book import read
from website.page.figures import look_tiles
from website.run_here import cells_of, data_of, modules_of_the_page, shown_cells, why_not

CHAPTERS = ("01-rnn", "02-lstm", "07-captions-that-look")
# Of a cell that takes ten seconds in a page, and what needs it a minute. Each week, or with
# EVERY_CELL=1, these run as well, and those of which the page says itself that they take long.
HEAVY = "maps = attention_maps(model, data.test.features, words)"
EVERY_CELL = "EVERY_CELL" in os.environ
# A line of a cell, and what it says in a page where there is less than in the book.
OTHERWISE = {
    "load_scenes()\nsplits": "In this page: 50 of the 30,000 training pictures, and all 1,000 test "
    "pictures.\n{'train': (50, 1152), 'val': (50, 1152), 'test': (1000, 1152)}",
    "data = load_scenes()": "In this page: 50 of the 30,000 training pictures, and all 1,000 test "
    "pictures.\n",
    "nouns = load_nouns()": "In this page: 50 of the 20,000 training pictures, and 400 of the "
    "1,000 test pictures.\n212 words in the vocabulary\n355 pairs of nouns in the test pictures\n"
    "0 of them in training pictures\n",
}


@dataclass
class Cell:
    """A cell as a page has it: its code, or what it lists, and what the book says it gives."""

    number: int
    code: str
    data: dict
    listing: str
    output: str


def cells_that_run(stem: str) -> list[Cell]:
    notebook = read(ROOT / "chapters" / f"{stem}.ipynb")
    codes = cells_of(notebook)
    reasons = why_not(codes, modules_of_the_page(ROOT))
    cells = []
    for number, (code, cell, reason) in enumerate(
        zip(codes, shown_cells(notebook), reasons, strict=True)
    ):
        data = data_of(code, cell.source, reason)
        texts = [output.get("data", {}).get("text/markdown", "") for output in cell.outputs]
        lines = [line for line in "\n".join(texts).split("\n") if not line.startswith("```")]
        if "cannot" not in data:
            cells.append(Cell(number, code, data, "\n".join(lines), output_of(cell.outputs)))
    return cells


def output_of(outputs: list) -> str:
    """What a page would print of what a cell gives: no pictures, bars or facts for the text."""
    other = ("image/png", "text/html", "text/markdown", "application/papermill.record/text/plain")
    return "".join(
        output.get("text", "")
        or ("" if set(other) & output["data"].keys() else output["data"]["text/plain"])
        for output in outputs
    )


def book_says(cell: Cell) -> str:
    """What a page has to print: what the book does, but where the page has less."""
    return next((text for line, text in OTHERWISE.items() if line in cell.code), cell.output)


class Session:
    """A chapter's cells in Python as a page has it."""

    def __init__(self, page: Page, stem: str) -> None:
        self.page, self.cells = page, cells_that_run(stem)
        for file in {file for cell in self.cells for file in cell.data.get("files", ())}:
            data = base64.b64encode((ROOT / "website" / "page" / file).read_bytes()).decode()
            page.run(
                "import base64, pathlib, website.page as page\n"
                f"path = pathlib.Path(page.__file__).parent / {file!r}\n"
                f"path.parent.mkdir(exist_ok=True)\npath.write_bytes(base64.b64decode({data!r}))"
            )
        page.call("page.cells.begin", cells=cells_of(read(ROOT / "chapters" / f"{stem}.ipynb")))

    def run(self, number: int, code: str) -> dict[str, Any]:
        """What comes of a cell; `text` is all that it prints and says."""
        result = self.page.call("page.cells.run", cell=number, code=code)
        said = "".join(text for stream, text in self.page.said if stream == "stdout")
        return result | {"text": said + "".join(s.get("text", "") for s in result.get("shows", ()))}

    def change(self, number: int, code: str) -> dict[str, Any]:
        return self.page.call("page.cells.change", cell=number, code=code)

    def find(self, line: str) -> Cell:
        (cell,) = (cell for cell in self.cells if line in cell.code)
        return cell


def broken(code: str) -> tuple[str, str]:
    """The code with one character more or less, and the error that comes of it.

    In the first statement that does something, the first name that is looked up at once gets a
    letter: nothing has changed by then. Where there is none, the last ")" goes.
    """
    names: list[ast.Name] = []

    def look(node: ast.AST) -> None:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            names.append(node)
        # In strings with f in front, Python 3.11 does not know where a name stands.
        if not isinstance(node, ast.Lambda | ast.JoinedStr):
            for part in ast.iter_child_nodes(node):
                look(part)

    defines = ast.Import | ast.ImportFrom | ast.FunctionDef
    for statement in [s for s in ast.parse(code).body if not isinstance(s, defines)][:1]:
        look(statement)
    if not names:
        return "".join(code.rsplit(")", 1)), "SyntaxError: "
    first = min(names, key=lambda name: (name.lineno, name.col_offset))
    lines = code.split("\n")
    line = lines[first.lineno - 1].encode()  # whose bytes are what an offset counts
    end = first.end_col_offset
    lines[first.lineno - 1] = (line[:end] + b"z" + line[end:]).decode()
    return "\n".join(lines), f"NameError: name '{first.id}z' is not defined"


@pytest.mark.parametrize("stem", CHAPTERS)
def test_cells_give_what_the_book_shows_and_say_what_is_broken(page_python, stem):
    session, left_out, different = Session(page_python, stem), set(), []
    assert len(session.cells) > 20
    for cell in session.cells:
        if cell.listing.strip():
            assert session.change(cell.number, cell.listing)["changed"] == []
            wrong = cell.listing.replace("(", "", 1)
            assert "SyntaxError" in session.change(cell.number, wrong)["error"]
            continue
        code, error = broken(cell.code)
        long = "slow" in cell.data or HEAVY in cell.code
        if long and not EVERY_CELL:
            left_out.add(cell.number)
            continue
        wrong, result = (session.run(cell.number, text) for text in (code, cell.code))
        if "needs" in result:  # only what takes too long for a test
            assert set(result["needs"]) <= left_out
            left_out.add(cell.number)
            continue
        assert error in wrong.get("error", ""), (cell.number, code)
        assert "error" not in result, (cell.number, result)
        output = book_says(cell)
        if accept(output, result["text"]).rstrip() != output.rstrip():
            different.append((cell.number, output, result["text"]))
    assert different == []


def edited(session: Session, line: str, old: str, new: str) -> dict[str, Any]:
    cell = session.find(line)
    assert cell.listing.count(old) == 1
    return session.change(cell.number, cell.listing.replace(old, new))


def test_an_edited_function_is_at_work_in_cells_and_library_until_it_is_reset(page_python):
    session = Session(page_python, "01-rnn")
    check = session.find("variables = {")
    loops = session.find("fast version and plain loop")
    step = session.find("show_source(rnn_step_backward)")
    assert "error" not in session.run(check.number, check.code)

    assert edited(session, "show_source(rnn_step_backward)", "1 - next_h", "1 + next_h") == {
        "changed": ["rnn_step_backward"],
        "next": check.number,
    }
    found = session.run(check.number, check.code)["error"]
    assert "AssertionError: dx is wrong: relative error" in found
    assert "line 14, in <module>" in found and "website" not in found
    # The plain loop of the library calls it as well; the fast version does not.
    assert "dx is not that of the loop" in session.run(loops.number, loops.code)["error"]
    # An error inside shows the reader's lines of both.
    edited(session, "show_source(rnn_step_backward)", "Wx.T", "Wx")
    found = session.run(check.number, check.code)["error"]
    assert 'File "<rnn_step_backward>", line 5' in found and "dx = da @ Wx\n" in found
    # What is declared of its arguments is still checked.
    wrong = "rnn_step_backward(np.zeros((4, 7)), cache)"
    assert "ValueError: rnn_step_backward: " in session.run(check.number + 1, wrong)["error"]

    page_python.call("page.cells.reset", cell=step.number)
    assert "error" not in session.run(check.number, check.code)
    assert "error" not in session.run(loops.number, loops.code)
    # Comments and blanks are no change.
    assert (
        edited(session, "show_source(rnn_step_backward)", "  # through tanh", "")["changed"] == []
    )


def test_an_edited_method_and_a_function_in_a_table_are_at_work_too(page_python):
    session = Session(page_python, "01-rnn")
    tiny = session.find("gradients of all eight arrays")
    session.run(session.find("variables = {").number, session.find("variables = {").code)
    edited(session, "show_source(CaptioningRNN.loss)", '"b": db,', '"b": 2 * db,')
    assert "gradient of b is wrong" in session.run(tiny.number, tiny.code)["error"]
    page_python.call("page.cells.reset")
    assert "error" not in session.run(tiny.number, tiny.code)

    edited(session, "show_source(rnn_step_forward)", "np.tanh(", "np.sin(")
    page_python.run(
        "from cs231n_lib.speak.steps import STEPS\nimport numpy as np\n"
        "ones = np.ones((1, 1))\nh, _ = STEPS['rnn'][0](ones, ones, ones, ones, np.ones(1))\n"
        "assert h[0, 0] == np.sin(3), h"
    )
    page_python.call("page.cells.reset")


def test_a_function_that_is_gone_is_missed(page_python):
    session = Session(page_python, "01-rnn")
    error = edited(session, "show_source(rnn_step_backward)", "def rnn", "def my_rnn")["error"]
    assert error == "The function rnn_step_backward is missing: the cells below call it.\n"


def begin(page: Page, *cells: str) -> None:
    page.call("page.cells.begin", cells=list(cells))


def needs(page: Page, number: int, code: str) -> list:
    result = page.call("page.cells.run", cell=number, code=code)
    return [result["needs"], result["names"]] if "needs" in result else []


def test_a_cell_asks_for_the_cells_that_it_needs_and_no_others(page_python):
    cells = "import math\na = 1", "b = a + math.pi", "c = 5", "a = b", "a + c"
    begin(page_python, *cells)
    assert needs(page_python, 4, cells[4]) == [[0, 1, 2, 3], ["a", "c"]]
    assert needs(page_python, 1, cells[1]) == [[0], ["a"]]
    for number in (0, 1, 2, 3, 4):
        assert needs(page_python, number, cells[number]) == []
    # The third has given the name to something else since: it is as if it had not been run.
    assert needs(page_python, 1, cells[1]) == [[0], ["a"]]
    # A reader's own name, in an edited cell, counts as the book's do.
    assert needs(page_python, 2, "c = d = 6") == []
    assert needs(page_python, 4, "d") == []
    # What is no longer Python changes nothing: the names are still those of the cell that ran.
    assert "SyntaxError" in page_python.call("page.cells.run", cell=2, code="c = (")["error"]
    assert needs(page_python, 4, cells[4]) == []
    # What is reset has to run as the book has it.
    page_python.call("page.cells.reset", cell=2)
    assert needs(page_python, 4, cells[4]) == [[2], ["c"]]
    # An import is not worth a cell.
    begin(page_python, *cells)
    assert needs(page_python, 2, "c = math.sqrt(4)") == []


def test_values_show_as_a_notebook_shows_them(page_python):
    begin(page_python, "0")

    def shows(code: str) -> list:
        return page_python.call("page.cells.run", cell=0, code=code)["shows"]

    assert shows("a = 1") == shows("None") == shows("") == []
    assert shows("[1, 2]") == [{"text": "[1, 2]"}]
    assert len(shows("'x' * 10**6")[0]["text"]) < 30_000
    assert shows("from PIL import Image\nImage.new('L', (2, 2))")[0]["html"].startswith("<img")
    figure = shows(
        "from cs231n_lib.figures.captions import show_captions\n"
        "from cs231n_lib.speak.scenes import sample_scenes\n"
        "show_captions(sample_scenes('test', 1))"
    )
    assert "<figure>" in figure[0]["html"]


def test_what_a_page_does_not_have_is_named(page_python):
    begin(page_python, "0")
    error = page_python.call("page.cells.run", cell=0, code="import torch")["error"]
    assert error.endswith("and the book's own library without PyTorch.\n")
    assert "No module named 'torch'" in error


def test_the_strongest_field_of_a_look_is_framed():
    weights = np.full((1, 36), 0.01)
    weights[0, 7] = 0.65
    _, (tile, share) = look_tiles(np.zeros((384, 384, 3), np.uint8), ["star"], weights)
    rows, columns = np.nonzero(tile.any(axis=2))
    assert [rows.min(), rows.max(), columns.min(), columns.max()] == [64, 127, 64, 127]
    assert share == "65%" and tile[96, 96].max() == 0
