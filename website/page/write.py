"""Write here: what a reader writes in the page is checked, and used by its cells from there on.

The same as in a notebook, by the same functions of :mod:`cs231n_lib.workshop`. What was written is
kept by the page; a Python that begins anew is told of it by `resume`.
"""

from __future__ import annotations

import contextlib
import html
import linecache
import re
from collections.abc import Callable
from typing import Any

from cs231n_lib.workshop import reports
from cs231n_lib.workshop.mistakes import source_of
from cs231n_lib.workshop.tasks import TASKS
from website.page import cells

__all__ = ["at_work", "check", "hint", "resume", "solution", "use_book"]

Said = dict[str, Any]

# What a notebook calls, as a page has it.
_BUTTONS = (
    (r"\bsolution\(\)", "“Show the solution”"),
    (r"use_solution\('(\w+)'\)", r"“Go on with the book's”, at \1"),
)
_space: dict[str, Any] = {"__name__": "__main__"}  # where the reader's functions are at home


def resume(imports: str, written: dict[str, dict]) -> None:
    """Begin with what a workbook's cells would have, and with what was written on a visit before.

    Parameters
    ----------
    imports : str
        The workbook's imports, one a line. Those that a page cannot have are left out.
    written : dict
        Name of a function -> ``"source"``, as it was checked last, whether it was ``"right"``,
        whether the book's is used in its place, ``"given"``, and how many ``"hints"`` were shown.
    """
    _space.update({name: task.function for name, task in TASKS.items()})
    for line in imports.splitlines():
        with contextlib.suppress(ImportError):
            exec(line, _space)
    for name, kept in written.items():
        with contextlib.suppress(_NotDefinedError):  # which a check will tell
            entry = reports._session.entry(TASKS[name], _define(name, kept["source"]))
            entry.written, entry.right = True, kept["right"]
            entry.given, entry.hints = kept["given"], kept["hints"]
            reports._session.put_to_work(entry)


def check(name: str, source: str) -> Said:
    """Check a function; ``"right"``, ``"written"`` and ``"html"`` say what came of it."""
    return _asked(reports.check, name, source)


def hint(name: str, source: str) -> Said:
    """The next hint about a function, as `check` gives its report."""
    return _asked(reports.hint, name, source)


def solution(name: str) -> str:
    """The book's source of a function, or of the plain loop that the chapter shows in its place."""
    return "\n\n".join(map(source_of, TASKS[name].sources or (TASKS[name].function,)))


def use_book(name: str) -> None:
    """Go on with the book's function, until the reader's own is checked."""
    cells.reset()
    reports.use_solution(name)


def at_work() -> list[tuple[Callable, Callable]]:
    """The book's functions in whose place the reader's are used now, each with that one."""
    used = reports._session.at_work
    pairs = [(TASKS[name].function, function) for name, function in used.items()]
    return [(book, own) for book, own in pairs if own is not book]


def _asked(ask: Callable[[Callable], reports.Report], name: str, source: str) -> Said:
    cells.reset()  # the book's functions are asked for what is right
    try:
        report = ask(_define(name, source))
    except _NotDefinedError as error:
        report = reports.Report(False, [f"{name} cannot be tried yet.", str(error)])
        return _said(report, name, written=True)
    entry = reports._session.entries.get(name)
    return _said(report, name, written=entry is None or entry.written)


def _said(report: reports.Report, name: str, written: bool) -> Said:
    task, entry = TASKS[name], reports._session.entries.get(name)
    for call, press in _BUTTONS:
        report.lines = [re.sub(call, press, line) for line in report.lines]
    heading, (page, _, label) = html.escape(reports._heading(task)), task.section.partition("#")
    link = f'<a href="{page}.html?write#{label}">{heading}</a>'
    return {
        "right": report.right,
        "written": written,
        "hints": entry.hints if entry else 0,
        "html": report._repr_html_().replace(heading, link),
    }


class _NotDefinedError(Exception):
    """What a reader wrote defines no such function, and why."""


def _define(name: str, source: str) -> Callable:
    """Run what a reader wrote, as a cell does, and find the function in it."""
    file, before = f"<{name}>", _space.pop(name, None)
    linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
    why = f"It defines no function {name}."
    try:
        exec(compile(source, file, "exec", dont_inherit=True), _space)
    except SyntaxError as error:
        line = (error.text or "").strip()
        why = f"Python does not understand line {error.lineno}: {line} ({error.msg})"
    except Exception as error:
        why = f"It stopped with {type(error).__name__}: {error}, before it was called."
    else:
        if callable(_space.get(name)):
            return _space[name]
    _space[name] = before
    raise _NotDefinedError(why)
