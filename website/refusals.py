"""What every public function refuses, and what it is there to change: from the tests' contracts.

The directive ``refusals`` writes a section with a table for each module of the library, and the
directive ``changes`` one table for all. The role ``refusal-count`` counts ``modules``,
``functions`` or ``refusals``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

import tests.contracts
from tests.contracts import Contract

__all__ = ["changed", "counted", "refused", "setup"]

Contracts = Mapping[str, Sequence[Contract]]


def refused(module: Iterable[Contract]) -> dict[str, dict[str, list[str]]]:
    """What the functions of a module refuse: function -> error -> kinds of bad input.

    A function with several contracts stands there once, and so does what it refuses twice.
    """
    table: dict[str, dict[str, list[str]]] = {}
    for contract in module:
        errors = table.setdefault(str(contract), {})
        for refusal in contract.refuses:
            kinds = errors.setdefault(refusal.error.__name__, [])
            if refusal.what not in kinds:
                kinds.append(refusal.what)
    return table


def changed(modules: Contracts) -> list[tuple[str, str, str, str]]:
    """Module, function, argument and reason, for each argument that a call changes."""
    rows = {
        (module, str(contract), argument): reason
        for module, of_module in modules.items()
        for contract in of_module
        for argument, reason in (contract.changes or {}).items()
    }
    return [(*row, reason) for row, reason in rows.items()]


def counted(modules: Contracts) -> dict[str, int]:
    """How many modules, functions and refusals the tables have."""
    tables = [refused(module) for module in modules.values()]
    kinds = [kinds for table in tables for errors in table.values() for kinds in errors.values()]
    return {
        "modules": len(modules),
        "functions": sum(map(len, tables)),
        "refusals": sum(map(len, kinds)),
    }


class Refusals(SphinxDirective):
    """A section for each module: its functions, the errors that they raise, and for what."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        """Make the sections."""
        sections = []
        for name, module in _noted_contracts(self.env).items():
            rows = []
            for function, errors in refused(module).items():
                rows.append([[_link(self.env, name, function)]])
                for error, kinds in errors.items():
                    words = nodes.bullet_list("", *(_item(kind) for kind in kinds))
                    rows.append([[words], [nodes.literal("", error)]])
                if not errors:
                    rows.append([[nodes.Text("nothing")], []])
            section = nodes.section(ids=[f"refused-by-{nodes.make_id(name)}"], names=[name])
            section += nodes.title("", name)
            section += _table(("function, and what it refuses", "error"), (75, 25), rows)
            sections.append(section)
        return sections


class Changes(SphinxDirective):
    """A table of what functions are there to change."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        """Make the table."""
        rows, last = [], None
        for *function, argument, reason in changed(_noted_contracts(self.env)):
            if function != last:
                rows.append([[_link(self.env, *function)]])
            rows.append([[nodes.literal("", argument)], [nodes.Text(reason)]])
            last = function
        return [_table(("function, and argument", "what happens to it"), (40, 60), rows)]


def _noted_contracts(env: BuildEnvironment) -> Contracts:
    """All contracts; the page is built anew when one changes."""
    folder = Path(tests.contracts.__file__).parent
    for path in (folder, *folder.glob("*.py")):
        env.note_dependency(str(path))
    return tests.contracts.contracts()


def _table(titles: Sequence[str], widths: Sequence[int], rows: list) -> nodes.table:
    group = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in widths), cols=len(widths))
    group += nodes.thead("", _row([[nodes.Text(title)] for title in titles], len(titles)))
    group += nodes.tbody("", *(_row(row, len(titles)) for row in rows))
    return nodes.table("", group, classes=["refusals"])


def _row(cells: list[list[nodes.Node]], columns: int) -> nodes.row:
    """A row; a single cell goes across all columns."""
    row = nodes.row(classes=["across"] * (len(cells) < columns))
    for cell in cells:
        entry = nodes.entry(**({"morecols": columns - 1} if len(cells) < columns else {}))
        if cell and isinstance(cell[0], nodes.Body):
            entry += cell
        elif cell:
            entry += nodes.paragraph("", "", *cell)
        row += entry
    return row


def _item(text: str) -> nodes.list_item:
    return nodes.list_item("", nodes.paragraph("", text))


def _link(env: BuildEnvironment, module: str, function: str) -> pending_xref:
    """A link to the function's entry in the API reference, or to that of a method's class."""
    public = function.partition(".")[0]
    return pending_xref(
        "", nodes.literal("", function), refdomain="py", reftype="obj", refexplicit=True,
        reftarget=f"cs231n_lib.{module}.{public}", refwarn=True, refdoc=env.docname,
    )  # fmt: skip


def count_role(
    role: str, raw: str, what: str, line: int, inliner: Inliner, options: object = None,
    content: object = (),
) -> tuple[list[nodes.Node], list]:  # fmt: skip
    """``{refusal-count}`functions```: such as "203"."""
    numbers = counted(_noted_contracts(inliner.document.settings.env))
    if what not in numbers:
        raise ExtensionError(f"refusal-count: no {what!r}, only {', '.join(numbers)}")
    return [nodes.Text(f"{numbers[what]:,}")], []


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.add_directive("refusals", Refusals)
    app.add_directive("changes", Changes)
    app.add_role("refusal-count", count_role)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
