"""Cells that run in the page: which of them do, what a page runs in place of hours, and buttons.

Nothing of this is written into the chapters. A cell runs in the page if all that it imports is
there, and all that it reads comes from cells that run.
"""

from __future__ import annotations

import ast
import io
import json
import re
import sys
import zipfile
from collections.abc import Collection, Sequence
from html import escape
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from website.book import code_cells, read
from website.page.names import last_writers, names_of
from website.page.stand_ins import STAND_INS
from website.runtime import add_module, site

__all__ = [
    "SLOW",
    "PutButtons",
    "cells_of",
    "data_of",
    "modules_of_the_page",
    "setup",
    "shown_cells",
    "why_not",
]

# Lines of a chapter that take too long in a page, and what it runs in their place.
_INSTEAD = (
    (
        r"(?s)diary = \{\}\nfor steps in .*",
        "# This training takes a minute on a computer, and an hour in a page. So the page loads\n"
        "# the network that came of it. The diary of the training is not kept.\n"
        "from website.page.captioners import load\n\n"
        'model = load("scenes-rnn")',
    ),
    (
        r'(?s)(model = CaptioningRNN\(data\..+, 256, "(\w+)"\)\n.*)solver.train\(\)',
        r"\1"
        "# solver.train() takes minutes on a computer, and hours in a page. So the page loads\n"
        "# the network that came of it:\n"
        "from website.page.captioners import load\n\n"
        r'model = load("scenes-\2")',
    ),
    (
        r"named\[cell\] = CaptioningRNN\(nouns.*\n    CaptioningSolver\(.*",
        "# Trained already: that takes minutes on a computer, and hours in a page.\n"
        '    named[cell] = load(f"nouns-{cell}")',
    ),
    (
        r"named, said = \{\}, \{\}",
        "from website.page.captioners import load\n\nnamed, said = {}, {}",
    ),
)
# What cells call -> the files that it reads.
_FILES = {
    "load_scenes()": ("scenes-data",),
    "load_nouns()": ("nouns-data",),
    'load("scenes-rnn")': ("scenes-rnn",),
    'load("scenes-lstm")': ("scenes-lstm",),
    'load("scenes-attention")': ("scenes-attention",),
    'load(f"nouns-{cell}")': ("nouns-attention", "nouns-lstm"),
}
# A piece of a cell -> how long it takes in a page, where that is long: measured in Chromium, in
# seconds of the processor, and rounded up.
SLOW = {
    "num_epochs=100": "about twenty seconds",
    "for T in lengths]": "about two and a half minutes. Fewer lengths and seeds take less",
    "open_directions(network": "half a minute",
    "open_directions(model": "about a minute and a half",
    "[lost(x, x, t) for x in hidden]": "about five minutes. One draw in place of five takes less",
    "lost(hidden, pictures, t)": "about two minutes",
    "told, gone)": "about a minute and a half",
    "for width in (1, 3, 10)": "about four minutes. A beam of 3 alone takes less",
}
_PAGE = Path(__file__).parent / "page"


def shown_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The code cells of a chapter that its page shows."""
    return [c for c in code_cells(notebook) if "remove-cell" not in c.metadata.get("tags", ())]


def cells_of(notebook: nbformat.NotebookNode) -> list[str]:
    """The code of a chapter's cells, without those that no page shows, as a page runs it."""
    cells = []
    for cell in shown_cells(notebook):
        code = cell.source
        for old, new in _INSTEAD:
            code = re.sub(old, new, code)
        cells.append(code)
    return cells


def modules_of_the_page(root: Path) -> set[str]:
    """The modules that can be imported in a page, beside those of Python, NumPy and Pillow."""
    book, _ = site(root)
    names = zipfile.ZipFile(io.BytesIO(book)).namelist()
    return {
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in names
        if name.endswith(".py")
    }


def why_not(cells: Sequence[str], modules: Collection[str]) -> list[str]:
    """For each cell why it cannot run in a page, in a few words; nothing if it can."""
    found = [names_of(code) for code in cells]
    reasons: list[str] = []
    for code, names, writers in zip(cells, found, last_writers(found)):
        reason = next(filter(None, (_missing(line, modules) for line in _imports(code))), "")
        for name in sorted(names.read):
            writer = writers.get(name)
            if reason:
                break
            if writer is None:
                reason = f"It needs {name}, which only a training in full leaves behind."
            elif line := found[writer].imports.get(name):
                reason = _missing(ast.parse(line).body[0], modules)
            elif reasons[writer]:
                reason = "It needs what a cell above makes that cannot run in a page."
        reasons.append(reason)
    return reasons


def _imports(code: str) -> list[ast.Import | ast.ImportFrom]:
    return [n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Import | ast.ImportFrom)]


def _missing(statement: ast.stmt, modules: Collection[str]) -> str:
    """What a page lacks of an import, in a few words."""
    if isinstance(statement, ast.Import):
        wanted = [(alias.name, None) for alias in statement.names]
    else:
        wanted = [(statement.module, alias.name) for alias in statement.names]
    for module, name in wanted:
        top = module.partition(".")[0]
        stands_in = {f.__name__ for f in STAND_INS.get(module, ())}
        if top in sys.stdlib_module_names or top in ("numpy", "PIL") or name in stands_in:
            continue
        if top == "torch":
            return "PyTorch does not run in a page. The notebook runs this: download it at the top."
        if module.startswith("cs231n_lib.figures"):
            return "Matplotlib, which draws this figure, is not in the page."
        if module not in modules:
            return f"{module} does not run in a page."
    return ""


def _is_listing(code: str) -> bool:
    """Whether a cell shows library functions, which a reader can then change."""
    return ast.unparse(ast.parse(code).body[-1]).startswith("show_source(")


def _is_set_up(code: str) -> bool:
    """Whether a cell only imports, and sets up what no page has: nothing to run by itself."""
    return all(
        isinstance(part, ast.Import | ast.ImportFrom) or ast.unparse(part) == "setup()"
        for part in ast.parse(code).body
    )


def _files(code: str) -> list[str]:
    """What has to be there of trained networks and their data before a cell runs."""
    wanted = {name for call, names in _FILES.items() if call in code for name in names}
    return [f"captioners/{name}.npz" for name in sorted(wanted)]


def data_of(code: str, source: str, reason: str) -> dict:
    """What the page has to know of a cell."""
    if reason or _is_set_up(code):
        return {"cannot": reason}
    data: dict = {"code": code} if code != source else {}
    if _is_listing(code):
        data["listing"] = True
    if slow := next((time for piece, time in SLOW.items() if piece in code), ""):
        data["slow"] = slow
    if files := _files(code):
        data["files"] = files
        data["bytes"] = sum((_PAGE / file).stat().st_size for file in files)
    return data


class PutButtons(SphinxPostTransform):
    """Leave a place for buttons in every cell of a chapter of which any cell runs in the page."""

    default_priority = 900  # after the cells whose code is folded
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        places = [
            node
            for node in self.document.findall(nodes.container)
            if node.get("nb_element") == "cell_code"
        ]
        if not places:
            return
        notebook = read(self.env.doc2path(self.env.docname))
        shown, cells = shown_cells(notebook), cells_of(notebook)
        reasons = why_not(cells, modules_of_the_page(Path(self.app.srcdir)))
        if all(reasons):
            return
        for place, cell, code, reason in zip(places, shown, cells, reasons, strict=True):
            data = data_of(code, cell.source, reason)
            html = f'<div class="run-here" data-cell="{escape(json.dumps(data))}"></div>'
            where = len(place) if "listing" in data else 1
            place.insert(where, nodes.raw("", html, format="html"))


def add_script(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Have a page with such places load what puts buttons there."""
    if '<div class="run-here"' in context.get("body", ""):
        add_module(app, context, "run.mjs")
        app.add_css_file("page/page.css")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.add_post_transform(PutButtons)
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
