"""The chapters, as the website's extensions read them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import jupytext
import nbformat

__all__ = ["chapter_files", "code_cells", "fingerprint", "read"]


def chapter_files(folder: str | Path, suffix: str = ".md") -> list[Path]:
    """The chapters' files in a folder, in their order: text files, or with ``.ipynb`` notebooks."""
    return sorted(Path(folder).glob(f"[0-9][0-9]-*{suffix}"))


def read(path: str | Path) -> nbformat.NotebookNode:
    """A chapter, from its text file or from its notebook."""
    return jupytext.read(path)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The cells that are executed."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def fingerprint(notebook: nbformat.NotebookNode) -> str:
    """Sixteen hexadecimal digits that change with the code of a chapter, not with its text."""
    sources = "\0".join(cell.source.strip() for cell in code_cells(notebook))
    return hashlib.sha256(sources.encode()).hexdigest()[:16]
