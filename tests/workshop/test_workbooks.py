"""The workbooks: in step with the chapters, plain, without a solution, and they run."""

from __future__ import annotations

import ast
import inspect
import re

import nbformat
import pytest

from cs231n_lib.workshop.mistakes import source_of
from cs231n_lib.workshop.tasks import every_task
from tests.chapters import NOTEBOOKS, ROOT
from tests.workbooks import WORKBOOKS, main, quick, said
from website.book import code_cells, read
from website.workbook import blank, workbook, write_for_nbgrader, write_workbooks

TASKS = every_task()

each = pytest.mark.parametrize("path", WORKBOOKS, ids=lambda path: path.stem)


def blanks(notebook):
    return [cell.metadata.function for cell in code_cells(notebook) if "function" in cell.metadata]


def test_the_committed_workbooks_are_what_make_workbook_makes(tmp_path):
    (tmp_path / "chapters").symlink_to(ROOT / "chapters")
    write_workbooks(tmp_path)
    made = {path.name: path.read_text("utf-8") for path in (tmp_path / "workbooks").iterdir()}
    assert {path.name for path in NOTEBOOKS} == made.keys()
    for path in WORKBOOKS:
        assert path.read_text("utf-8") == made[path.name], f"{path.name}: run make workbook"


def test_every_function_has_one_blank():
    assert sorted(name for path in WORKBOOKS for name in blanks(read(path))) == sorted(TASKS)


def test_a_function_comes_after_those_that_it_calls():
    names = blanks(read(ROOT / "workbooks" / "04-fooling-images.ipynb"))
    assert names.index("pgd") > max(names.index("steepest"), names.index("project"))


@pytest.mark.parametrize("name", TASKS)
def test_a_blank_can_be_run_and_says_what_is_asked_for(name):
    space: dict = {}
    exec(blank(TASKS[name].function), space)
    asked, given = inspect.signature(space[name]), inspect.signature(TASKS[name].function)
    assert list(asked.parameters) == list(given.parameters)
    assert space[name].__doc__
    assert ":func:" not in space[name].__doc__


@each
def test_no_cell_takes_the_name_of_a_function_to_write_for_something_else(path):
    """Or a check could not be run again."""
    notebook = read(path)
    names = set(blanks(notebook))
    for cell in code_cells(notebook):
        stored = {
            node.id
            for node in ast.walk(ast.parse(cell.source))
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        assert not stored & names, cell.source


def telling_lines(name):
    """The lines of a function that give it away, without those that might stand anywhere."""
    task = TASKS[name]
    sources = "\n".join(map(source_of, (*task.sources, task.function)))
    lines = {line.strip() for line in sources.splitlines()}
    return {line for line in lines if len(line) > 24 and not line.startswith(("def ", "return "))}


@each
def test_no_workbook_holds_a_solution(path):
    notebook = read(path)
    text = "\n".join(cell.source for cell in notebook.cells)
    lines = {line.strip() for line in text.splitlines()}
    found = {name: telling_lines(name) & lines for name in blanks(notebook)}
    assert {name: given_away for name, given_away in found.items() if given_away} == {}
    for name in blanks(notebook):
        assert not re.search(rf"show_source\([^)]*\b{name}\b", text)
    assert "solution-start" not in text
    (chapter,) = (other for other in NOTEBOOKS if other.name == path.name)
    inside = "\n".join(cell.source for cell in read(chapter).cells)
    solutions = re.findall(r"\{solution-start\}.*?\{solution-end\}", inside, re.S)
    outside = re.sub(r"\{solution-start\}.*?\{solution-end\}", "", inside, flags=re.S)
    for line in map(str.strip, "\n".join(solutions).splitlines()):
        assert len(line) < 30 or line not in lines or line in outside, line
    assert not any(cell.outputs or cell.execution_count for cell in code_cells(notebook))


@each
def test_the_text_is_plain_markdown(path):
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"\$\$?[^$]*\$\$?", "", cell.source)  # formulas have their own braces
            assert not re.search(r"\{[\w:-]+\}`|^`{3,}|^:{3,}|^\([\w-]+\)=$", text, re.M), text


@each
def test_a_workbook_runs_with_its_blanks_and_filled(path):
    """In one kernel, from top to bottom, first with blanks, then with the library's source.

    Left out: trainings, loading all scenes, all that asks a pretrained network or digits, and what
    needs the results of these. Blanks, checks, gradient checks, the data of the chapters' examples
    and the summary are run. `make workbook RUN=1` runs everything, as the weekly workflow does.
    """
    notebook = read(path)
    names = blanks(notebook)
    empty, right = said(notebook, quick)
    assert empty == [f"{name} is not written yet" for name in names]
    assert right == [f"{name} is right" for name in names]


def test_a_solution_an_output_and_a_quoted_fact():
    """What the generator does with a chapter that has one of everything."""
    cells = [
        nbformat.v4.new_markdown_cell(
            "# A title\n\n{doc}`01-rnn`, {glue:text}`cell_true`. {numref}`fig-words` ({ref}`each-change`)"
        ),
        nbformat.v4.new_code_cell("solver.train()"),
        nbformat.v4.new_markdown_cell("```{solution-start} x\n```\nThe answer is"),
        nbformat.v4.new_code_cell("42"),
        nbformat.v4.new_markdown_cell("```{solution-end}\n```\n## Next"),
        nbformat.v4.new_code_cell("from cs231n_lib.speak.lstm import lstm_gates"),
        nbformat.v4.new_markdown_cell("```{include} _measured/cells.md\n```\n\nSee the table."),
        nbformat.v4.new_code_cell(
            "from cs231n_lib.speak.lstm import lstm_cell, lstm_loop_forward\n\n"
            "show_source(lstm_cell, lstm_loop_forward)"
        ),
        nbformat.v4.new_code_cell("lstm_loop_forward"),
    ]
    record = {"scrapbook": {"name": "cell_true"}}
    fact = {"application/papermill.record/text/plain": "'0.83 ± 0.03'"}
    cells[1].outputs = [nbformat.v4.new_output("display_data", fact, metadata=record)]
    made = workbook(nbformat.v4.new_notebook(cells=cells), "https://book/07-new.html")
    text = [cell.source for cell in made.cells]
    assert text[1].startswith("# A title\n\n[01-rnn](https://")
    assert "01-rnn.html), 0.83 ± 0.03. [The figure](https://" in text[1]
    assert "/02-lstm.html#fig-words) ([Which change matters?](https://" in text[1]
    assert text[1].endswith("/06-style-transfer.html#each-change))")
    assert "own cells take" not in text[0]  # no record of this chapter
    assert "0.83 ± 0.03 of the" in text[2].replace("\n", " ")
    assert text[3:5] == ["summary()", "solver.train()"]
    assert text[5] == "## Next"
    assert text[6].startswith("from cs231n_lib.speak.lstm import lstm_gates\n")
    assert "import lstm_forward  # the book's" in text[6]
    assert re.match(r"\| cell .*\| LSTM .*\n\nSee the table\.$", text[7], re.S)
    assert [line.partition("(")[0] for line in text[8:12]] == [
        "def lstm_step_forward", "check", "def lstm_forward", "check"
    ]  # fmt: skip
    assert "lstm_cell" not in text[12]
    assert text[12].endswith("import lstm_loop_forward")
    assert text[13:] == ["lstm_loop_forward", "summary()"]


def test_an_assignment_for_nbgrader_has_a_solution_and_a_point_for_each_function(tmp_path):
    (tmp_path / "workbooks").symlink_to(ROOT / "workbooks")
    write_for_nbgrader(tmp_path)
    for path in WORKBOOKS:
        made = read(tmp_path / "_build" / "nbgrader" / "source" / path.stem / path.name)
        told = [c.metadata.nbgrader for c in made.cells if "nbgrader" in c.metadata]
        points = {about.grade_id: about.points for about in told if about.grade}
        solutions = [about.grade_id for about in told if about.solution]
        assert solutions == blanks(made)
        assert points == {f"check-{name}": 1 for name in solutions}
        assert sum("### BEGIN SOLUTION\n    raise" in c.source for c in made.cells) == len(
            solutions
        )


def test_the_full_run_tells_a_workbook_that_fails(monkeypatch, capsys):
    monkeypatch.setattr(
        "tests.workbooks.said", lambda _: (["f is not written yet"], ["f is not right yet"])
    )
    assert main(["01-rnn"]) == 1
    assert "01-rnn: 1 of 1 not written yet, 0 of 1 right" in capsys.readouterr().out
