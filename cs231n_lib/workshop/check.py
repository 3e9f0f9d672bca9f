"""What a reader calls: :func:`check`, :func:`hint` and :func:`solution`."""

from __future__ import annotations

import html
import inspect
import textwrap
from collections import Counter
from collections.abc import Callable

from cs231n_lib.checks import Function, checked, named
from cs231n_lib.workshop.diagnosis import Diagnosis, diagnose
from cs231n_lib.workshop.tasks import TASKS, Task

__all__ = ["Report", "check", "hint", "solution"]

_BOOK = "https://networks-that-speak-and-see.github.io/book/chapters/"
_hints = Counter()  # how many a reader has had, for each function


class Report:
    """A few lines that say how a function did: text on a terminal, a table in a notebook.

    Attributes
    ----------
    right : bool
    lines : list of str
    """

    def __init__(self, right: bool, lines: list[str]) -> None:
        self.right, self.lines = right, lines

    def __repr__(self) -> str:
        return "\n".join(
            textwrap.fill(line, 88, subsequent_indent="  ", break_on_hyphens=False)
            for line in self.lines
        )

    def _repr_html_(self) -> str:
        first, *rest = map(html.escape, self.lines)
        return f"<p><strong>{first}</strong></p><ul>{''.join(f'<li>{x}</li>' for x in rest)}</ul>"


def _task(function: Callable) -> Task:
    name = getattr(function, "__name__", "")
    if name not in TASKS:
        raise ValueError(
            named(f"{name!r} is none of the functions to write, which are: {', '.join(TASKS)}")
        )
    return TASKS[name]


@checked(function=Function("that you wrote"))
def check(function: Callable) -> Report:
    """Try a function that you wrote, and say what is right and what is wrong.

    Parameters
    ----------
    function : callable
        With the name and the parameters of the book's.

    Returns
    -------
    Report
        ``right`` is true if all is.

    Raises
    ------
    TypeError, ValueError
        If that is not a function, or not the name of one that the book asks for.
    """
    found = diagnose(function, _task(function))
    name = found.task.function.__name__
    if not found.written:
        return Report(False, [f"{name} is not written yet.", f"Begin here: {found.task.start}"])
    if found.right:
        return Report(True, [f"{name} is right.", *_how_measured(found)])
    return Report(False, [f"{name} is not right yet.", *_what_is_wrong(found)])


def _how_measured(found: Diagnosis) -> list[str]:
    largest = max(found.errors.values())
    lines = [
        f"{', '.join(found.errors)}: largest difference from the book's {largest:.0e}, relative to "
        "the largest number, on random arrays in float64."
    ]
    if found.seconds:
        yours, book = found.seconds
        lines.append(f"It took {1e3 * yours:.2f} ms; the book's takes {1e3 * book:.2f} ms.")
    return lines


def _what_is_wrong(found: Diagnosis) -> list[str]:
    lines = []
    if found.wrong and found.errors:
        right = [name for name in found.errors if name not in found.wrong]
        lines.append(f"Wrong: {', '.join(found.wrong)}. Right: {', '.join(right) or 'nothing'}.")
    if found.mistakes:
        both = " Both together: " if len(found.mistakes) > 1 else " "
        lines.append(
            f"One thing gives exactly your numbers.{both}"
            + " ".join(mistake.what for mistake in found.mistakes)
        )
        lines.append(f"The book derives it at {_BOOK}{found.task.section.replace('#', '.html#')}.")
    return lines + found.remarks


@checked(function=Function("that you wrote"))
def hint(function: Callable) -> Report:
    """The next of three hints about a function that is not right yet: each gives more.

    Parameters, errors as :func:`check`.
    """
    task = _task(function)
    found = diagnose(function, task)
    rungs = [mistake.hint for mistake in found.mistakes] or [task.start]
    rungs.append(f"The book derives it at {_BOOK}{task.section.replace('#', '.html#')}.")
    rungs += [mistake.what for mistake in found.mistakes] or ["Then: " + task.start]
    rung = min(_hints[task.function.__name__], len(rungs) - 1)
    _hints[task.function.__name__] += 1
    return Report(found.right, [f"Hint {rung + 1} of {len(rungs)}", rungs[rung]])


@checked(function=Function("of the book, or your own with its name"))
def solution(function: Callable) -> str:
    """The book's own source of a function, without its docstring."""
    from cs231n_lib.notebook import show_source  # needs IPython, which a browser has not

    return show_source(_task(function).function)
