"""Links between the API reference and the chapters, found in the chapters themselves.

In the reference, below each object: the sections that show its source, or else the chapters that
use it. In a chapter, below each source: the entry in the reference.
"""

from __future__ import annotations

import ast
import importlib
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging

from website.book import chapter_files, headings, read, syntax_tree
from website.sections import link, sections

__all__ = ["Derivations", "find_derivations", "full_name", "setup"]

LIBRARY = "cs231n_lib"
logger = logging.getLogger(__name__)


@dataclass
class Derivations:
    """Where the chapters show and use what the library offers.

    Attributes
    ----------
    shown : dict of str to list of tuple
        For an object's full name, chapters and how many headings stand above the source there.
    used : dict of str to list of str
        For an object's full name, the chapters that import it or reach it through its module.
    cells : dict of str to list of list of str
        For a chapter, the full names in each of its calls of ``show_source``.
    """

    shown: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    used: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    cells: dict[str, list[list[str]]] = field(default_factory=lambda: defaultdict(list))


def full_name(thing: object, module: str = "", name: str = "") -> str:
    """Where an object is defined, whatever module it was imported from: ``package.module.name``."""
    if isinstance(thing, ModuleType):
        return thing.__name__
    if hasattr(thing, "__qualname__"):
        return f"{thing.__module__}.{thing.__qualname__}"
    return f"{module}.{name}"


class _Reader(ast.NodeVisitor):
    """Reads the cells of one chapter; remembers what its imports mean."""

    def __init__(self) -> None:
        self.names: dict[str, object] = {}
        self.used: list[str] = []
        self.shown: list[list[str]] = []

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if (node.module or "").split(".")[0] == LIBRARY:
            for alias in node.names:
                module = importlib.import_module(node.module)
                if not hasattr(module, alias.name):  # a module that nobody has imported so far
                    importlib.import_module(f"{node.module}.{alias.name}")
                thing = getattr(module, alias.name)
                self.names[alias.asname or alias.name] = thing
                self.used.append(full_name(thing, node.module, alias.name))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        owner = self.names.get(node.value.id) if isinstance(node.value, ast.Name) else None
        if isinstance(owner, ModuleType):
            thing = getattr(owner, node.attr)
            self.used.append(full_name(thing, owner.__name__, node.attr))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id == "show_source":
            self.shown.append([full_name(self.value(argument)) for argument in node.args])
        self.generic_visit(node)

    def value(self, node: ast.expr) -> object:
        if isinstance(node, ast.Attribute):
            return getattr(self.value(node.value), node.attr)
        if isinstance(node, ast.Name) and node.id in self.names:
            return self.names[node.id]
        raise ValueError(
            f"derivations: show_source is given {ast.unparse(node)!r}, "
            f"which the chapter does not import from {LIBRARY}"
        )


@cache
def find_derivations(folder: str | Path) -> Derivations:
    """Read the text files of all chapters.

    Parameters
    ----------
    folder : str or Path
        That of the chapters.

    Returns
    -------
    Derivations

    Raises
    ------
    ValueError
        If a chapter shows the source of something that it did not import.
    """
    found = Derivations()
    for path in chapter_files(folder):
        chapter, reader, passed = path.stem, _Reader(), 0
        for cell in read(path).cells:
            if cell.cell_type != "code":
                passed += len(headings(cell.source))
                continue
            before = len(reader.shown)
            reader.visit(syntax_tree(cell))
            for names in reader.shown[before:]:
                found.cells[chapter].append(names)
                for name in names:
                    found.shown[name].append((chapter, passed - 1))
        for name in dict.fromkeys(reader.used):
            found.used[name].append(chapter)
    return found


class _Where(nodes.Inline, nodes.TextElement):
    """Stands for the links from an object to the chapters, until all pages have been read."""


def _folder(app_or_env: object) -> Path:
    return Path(app_or_env.srcdir, "chapters")


def _where_role(
    role: str, raw: str, name: str, line: int, inliner: Inliner, options: object = None,
    content: object = (),
) -> tuple[list[nodes.Node], list]:  # fmt: skip
    env = inliner.document.settings.env
    for path in chapter_files(_folder(env)):
        env.note_dependency(str(path))
    found = find_derivations(_folder(env))
    places = found.shown.get(name) or [(chapter, 0) for chapter in found.used[name]]
    verb = "Explained" if name in found.shown else "Used"
    return [_Where(name, places=list(dict.fromkeys(places)), verb=verb)], []


def add_line(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Append to a docstring where the object is explained or used."""
    found = find_derivations(_folder(app))
    if what != "module" and (name in found.shown or name in found.used):
        lines += ["", f":where:`{name}`", ""]


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Replace what stands for links by the links."""
    for node in list(doctree.findall(_Where)):
        children: list[nodes.Node] = [nodes.Text(f"{node['verb']} in ")]
        for number, (chapter, heading) in enumerate(node["places"]):
            page = f"chapters/{chapter}"
            found = sections(app.env, page)
            if heading >= len(found):
                logger.warning("%s has no section number %d", page, heading, location=docname)
                continue
            (_, title), (anchor, section) = found[0], found[heading]
            text = f"{title}: {section}" if heading else title
            children += [nodes.Text("; ")] * bool(number)
            children.append(link(app, docname, page, anchor, text))
        node.replace_self([*children, nodes.Text(".")])


def link_sources(app: Sphinx, doctree: nodes.document) -> None:
    """Below each source in a chapter, link to its entry in the reference."""
    chapter = app.env.docname.removeprefix("chapters/")
    expected = find_derivations(_folder(app)).cells.get(chapter, [])
    cells = [
        node
        for node in doctree.findall(nodes.container)
        if node.get("nb_element") == "cell_code"
        and any("show_source(" in b.astext() for b in list(node.findall(nodes.literal_block))[:1])
    ]
    if len(cells) != len(expected):
        logger.warning(
            "%d cells show sources on the page, %d in the text file", len(cells), len(expected),
            location=app.env.docname,
        )  # fmt: skip
        return
    for cell, names in zip(cells, expected):
        paragraph = nodes.paragraph("", "In the reference: ", classes=["reference-links"])
        for number, name in enumerate(names):
            reference = addnodes.pending_xref(
                "", nodes.literal("", _short(name)), refdoc=app.env.docname, refdomain="py",
                reftype="obj", reftarget=name, refexplicit=True, refwarn=True,
            )  # fmt: skip
            paragraph += [nodes.Text(", ")] * bool(number) + [reference]
        paragraph += nodes.Text(".")
        cell.parent.insert(cell.parent.index(cell) + 1, paragraph)


def _short(name: str) -> str:
    """A full name without package and module."""
    return name.split(".", 2)[2]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    find_derivations.cache_clear()  # of an earlier build in this process
    app.add_role("where", _where_role)
    app.add_node(_Where)
    app.connect("autodoc-process-docstring", add_line, priority=900)  # after napoleon
    app.connect("doctree-read", link_sources)
    app.connect("doctree-resolved", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
