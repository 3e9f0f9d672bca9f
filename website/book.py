"""The chapters, as the website's extensions read them."""

from __future__ import annotations

import ast
import hashlib
from itertools import pairwise
from pathlib import Path

import jupytext
import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from markdown_it import MarkdownIt

__all__ = ["chapter_files", "code_cells", "fingerprint", "headings", "read", "syntax_tree"]


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


def headings(markdown: str) -> list[str]:
    """The headings of a text, from the first to the last, without those inside directives."""
    tokens = MarkdownIt().parse(markdown)
    return [
        inline.content
        for opening, inline in pairwise(tokens)
        if opening.type == "heading_open" and opening.level == 0
    ]


def syntax_tree(cell: nbformat.NotebookNode) -> ast.Module:
    """A code cell, parsed. What only IPython understands, such as ``%pip``, is translated first."""
    return ast.parse(TransformerManager().transform_cell(cell.source))
