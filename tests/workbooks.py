"""The workbooks, run: ``python -m tests.workbooks [CHAPTER …]``, or ``make workbook RUN=1``.

Each runs twice in one kernel, from top to bottom: with its blanks, and filled with the library's
own source. Each check must say that a function is not written yet, and then that it is right.
"""

from __future__ import annotations

import ast
import copy
import re
import sys
import time
from collections.abc import Callable, Iterator

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from cs231n_lib.workshop.mistakes import source_of
from cs231n_lib.workshop.tasks import Task, every_task
from tests.chapters import ROOT
from website.book import chapter_files, code_cells, read

__all__ = ["WORKBOOKS", "filled", "quick", "said"]

WORKBOOKS = chapter_files(ROOT / "workbooks", ".ipynb")

# What takes long: trainings, all scenes, and whatever asks a pretrained network.
LONG = re.compile(
    r"\b(train|load_scenes|reach|share_recalled|digit_pictures|squeezenet|efficientnet_lite0)\("
)
_DEFINES = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
# After the blanks: the kernel as it was, with the library's own functions at work.
_AGAIN = """
from cs231n_lib.workshop import reports, use_solution
for name in list(reports._session.entries):
    use_solution(name)
reports._session.entries.clear()
%reset -f
"""


def answer(task: Task, written: set[str]) -> str:
    """The library's source of a function, under the name that a reader gives it.

    What it calls is imported, unless the notebook has a blank for it.
    """
    functions = task.sources or (task.function,)
    source = "\n\n".join(map(source_of, functions))
    name, module = task.function.__name__, functions[-1].__module__
    source = re.sub(rf"\b{functions[-1].__name__}\b", name, source)
    home = vars(sys.modules[module])
    tree = ast.parse(source)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    own = {node.name for node in tree.body}
    helpers = sorted(name for name in used & {*home} - own - written - {"np", "torch"})
    return f"from {module} import {', '.join(helpers)}\n\n" * bool(helpers) + source


def filled(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A workbook with the library's source in each blank."""
    notebook = copy.deepcopy(notebook)
    written = {cell.metadata.get("function") for cell in code_cells(notebook)}
    for cell in code_cells(notebook):
        if name := cell.metadata.get("function"):
            cell.source = answer(every_task()[name], written)
    return notebook


def quick(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A workbook without what takes long, and without what needs its results.

    Of a cell that is left out, imports stay, and functions that can be called.
    """
    notebook = copy.deepcopy(notebook)
    lost: set[str] = set()
    for cell in code_cells(notebook):
        body = ast.parse(cell.source).body
        functions = [node for node in body if isinstance(node, ast.FunctionDef)]
        calls = ast.Module([node for node in body if not isinstance(node, _DEFINES)], [])
        lost |= {node.name for node in functions if _reads(node) & lost}
        left_out = LONG.search(ast.unparse(calls)) or _reads(calls) & lost
        lost = lost | _names(calls, ast.Store) if left_out else lost - _names(calls, ast.Store)
        for node in functions:
            (lost.add if _reads(node) & lost else lost.discard)(node.name)
        kept = [node for node in body if getattr(node, "name", "") not in lost]
        if left_out:
            kept = [node for node in kept if isinstance(node, _DEFINES)]
        if len(kept) < len(body):
            cell.source = ast.unparse(ast.Module(kept, []))
    return notebook


def _reads(tree: ast.Module | ast.FunctionDef) -> set[str]:
    """The names that it takes from outside, without those that a function, here or in it, makes."""
    inner = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.Lambda)]
    made = {
        argument.arg
        for n in inner
        for argument in ast.walk(n.args)
        if isinstance(argument, ast.arg)
    }
    made |= _names(tree, ast.Store) if isinstance(tree, ast.FunctionDef) else set()
    return _names(tree, ast.Load) - made


def _names(tree: ast.AST, context: type[ast.expr_context]) -> set[str]:
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, context)}


def said(notebook: nbformat.NotebookNode, shorten: Callable | None = None) -> Iterator[list[str]]:
    """What each check says, with blanks and then filled, run in one kernel."""
    parts = [notebook, filled(notebook)]
    if shorten:
        parts = [shorten(part) for part in parts]
    cells = [*parts[0].cells, new_code_cell(_AGAIN), *parts[1].cells]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    whole = nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)
    NotebookClient(whole, timeout=None, resources={"metadata": {"path": str(ROOT)}}).execute()
    for part in (cells[: len(parts[0].cells)], cells[-len(parts[1].cells) :]):
        yield [
            output.data["text/plain"].partition(".")[0]
            for cell in part
            if cell.cell_type == "code" and cell.source.startswith("check(")
            for output in cell.outputs
            if output.output_type == "execute_result"
        ]


def main(arguments: list[str]) -> int:
    """Run the workbooks that are asked for, or all; 1 if one of them failed."""
    failed = False
    for path in WORKBOOKS:
        if arguments and path.stem not in arguments:
            continue
        start = time.perf_counter()
        blanks, answers = said(read(path))
        good = [line for line in answers if line.endswith(" is right")]
        empty = [line for line in blanks if "is not written yet" in line]
        failed |= len(good) < len(answers) or len(empty) < len(blanks)
        print(
            f"{path.stem}: {len(empty)} of {len(blanks)} not written yet, {len(good)} of "
            f"{len(answers)} right, {time.perf_counter() - start:.0f} s",
            flush=True,
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
