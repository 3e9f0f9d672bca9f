"""The chapters, as the tests read them.

``python -m tests.chapters FILE…`` says what is wrong with the chapters that these files belong to.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import jupytext
import nbformat

from website.book import chapter_files, code_cells

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = chapter_files(ROOT / "chapters", ".ipynb")


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def content(notebook: nbformat.NotebookNode) -> list[tuple]:
    """What a pair must agree in: kinds, texts and settings of the cells."""
    return [(cell.cell_type, cell.source, dict(cell.metadata)) for cell in notebook.cells]


def out_of_step(notebook_path: Path) -> list[str]:
    """The differences between a notebook and its text file; empty if there are none."""
    text_path = notebook_path.with_suffix(".md")
    if not text_path.exists():
        return [f"{text_path.name} is missing"]
    notebook, text = content(read(notebook_path)), content(jupytext.read(text_path))
    if len(notebook) != len(text):
        return [f"{len(notebook)} cells in the notebook, {len(text)} in {text_path.name}"]
    return [
        f"cell {number}: {ours} in the notebook, {theirs} in {text_path.name}"
        for number, (ours, theirs) in enumerate(zip(notebook, text))
        if ours != theirs
    ]


def not_executed(notebook: nbformat.NotebookNode) -> list[str]:
    """Cells that were not run from the first to the last in one go, or that failed."""
    complaints = []
    for number, cell in enumerate(code_cells(notebook), start=1):
        if cell.execution_count != number:
            complaints.append(f"code cell {number} has the execution count {cell.execution_count}")
        if any(output.output_type == "error" for output in cell.outputs):
            complaints.append(f"code cell {number} ended in an error")
    return complaints


def undescribed_figures(notebook: nbformat.NotebookNode) -> list[str]:
    """Code cells with a picture that lack its caption or its alternative text."""
    complaints = []
    for number, cell in enumerate(code_cells(notebook), start=1):
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        if any(kind.startswith("image/") for kind in kinds):
            settings = cell.metadata.get("mystnb", {})
            for what, text in (
                ("caption", settings.get("figure", {}).get("caption")),
                ("alternative text", settings.get("image", {}).get("alt")),
            ):
                if not text or len(text.split()) < 6:
                    complaints.append(f"code cell {number}: a picture without {what}")
    return complaints


def complaints(files: Iterable[str | Path]) -> list[str]:
    """What is wrong with the chapters that some notebooks or text files belong to."""
    found = []
    for path in sorted({Path(file).with_suffix(".ipynb") for file in files}):
        if not path.exists():
            found.append(f"{path}: missing; `make sync` makes it from its text file")
            continue
        notebook = read(path)
        found += [f"{path}: {line}; run `make sync`" for line in out_of_step(path)]
        found += [f"{path}: {line}; run `make run`" for line in not_executed(notebook)]
        found += [f"{path}: {line}" for line in undescribed_figures(notebook)]
    return found


if __name__ == "__main__":
    found = complaints(sys.argv[1:])
    print(*found, sep="\n", file=sys.stderr)
    sys.exit(bool(found))
