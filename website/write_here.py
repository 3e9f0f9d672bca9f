"""Write here: on a chapter's page, blanks in place of the functions that its workbook asks for.

A page is for reading until its address ends in ``?write``. Then ``write.mjs`` asks for a file that
this extension has made, with the chapter's blanks, and hides the listings that it has marked.
"""

from __future__ import annotations

import ast
import functools
import json
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from cs231n_lib.workshop.tasks import TASKS
from website.book import chapter_files, code_cells, read
from website.runtime import add_module
from website.workbook import asked, blank, is_written

__all__ = ["Listing", "blanks_of", "listings", "listings_on", "setup"]

# Number of a cell, the names it shows, the blanks that belong there.
Listing = tuple[int, list[str], list[str]]


@functools.cache
def listings(path: Path) -> list[Listing]:
    """Where a chapter's page has blanks: those that need NumPy alone."""
    found, written = [], set()
    for number, cell in enumerate(read(path).cells):
        if cell.cell_type == "code":
            names, blanks = asked(cell.source, written)
            written.update(blanks)
            if blanks and TASKS.keys() >= {*blanks}:
                found.append((number, names, blanks))
    return found


def imports(workbook: nbformat.NotebookNode) -> str:
    """All imports of a workbook's cells, one a line."""
    trees = (ast.parse(cell.source) for cell in code_cells(workbook))
    kinds = ast.Import | ast.ImportFrom
    lines = [ast.unparse(node) for tree in trees for node in tree.body if isinstance(node, kinds)]
    return "\n".join(dict.fromkeys(lines))


def blanks_of(root: Path, chapter: str) -> dict:
    """What the page of a chapter is told: its blanks, in their order, and how they begin."""
    found = listings(root / "chapters" / f"{chapter}.ipynb")
    return {
        "workbook": f"../../../_sources/workbooks/{chapter}.ipynb",
        "imports": imports(read(root / "workbooks" / f"{chapter}.ipynb")),
        "blanks": {name: blank(TASKS[name].function) for *_, names in found for name in names},
    }


def listings_on(app: Sphinx, page: str) -> list[Listing]:
    """Those of a page of the website."""
    path = Path(app.srcdir, f"{page}.ipynb")
    return listings(path) if path in chapter_files(Path(app.srcdir, "chapters"), ".ipynb") else []


class MarkListings(SphinxPostTransform):
    """Give the cells that ask for functions, and the listings in them, classes."""

    default_priority = 300  # when each output is chosen
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        cells = {
            node["cell_index"]: node
            for node in self.document.findall(nodes.container)
            if node.get("nb_element") == "cell_code"
        }
        for number, names, blanks in listings_on(self.app, self.env.docname):
            cells[number]["classes"] += ["asks", *(f"asks-{name}" for name in blanks)]
            _, output = cells[number].children
            for name, block in zip(names, output.findall(nodes.literal_block), strict=False):
                if is_written(name):  # beside others is what has no listing
                    block["classes"].append("listing")


def add_blanks(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Load the module on the pages that have blanks."""
    if listings_on(app, page):
        add_module(app, context, "write.mjs")


def write_files(app: Sphinx, exception: Exception | None) -> None:
    """Write the files that the pages ask for."""
    if exception is None and app.builder.format == "html":
        folder = Path(app.outdir, "_static", "page", "blanks")
        folder.mkdir(parents=True, exist_ok=True)
        for path in chapter_files(Path(app.srcdir, "chapters"), ".ipynb"):
            if listings(path):
                told = blanks_of(Path(app.srcdir), path.stem)
                folder.joinpath(f"{path.stem}.json").write_text(json.dumps(told), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("builder-inited", lambda app: listings.cache_clear())
    app.add_post_transform(MarkListings)
    app.connect("html-page-context", add_blanks)
    app.connect("build-finished", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
