"""What a reader calls: ``check``, ``hint``, ``solution`` and their like."""

from __future__ import annotations

import html
import sys
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING

from cs231n_lib.checks import Call, a_type, checked, named
from cs231n_lib.workshop.diagnosis import Diagnosis, diagnose, in_short
from cs231n_lib.workshop.hints import key_line, steps
from cs231n_lib.workshop.session import Entry, Session, partner
from cs231n_lib.workshop.tasks import TASKS, Task, every_task

if TYPE_CHECKING:
    from IPython.display import Markdown

__all__ = ["Report", "check", "hint", "solution", "summary", "use_solution"]

BOOK = "https://networks-that-speak-and-see.github.io/book/chapters/"
_LINES_PRINTED = 5  # that are shown
_LEAST_SECONDS = 1e-3  # below, a time says nothing
_session = Session()


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
        whole = {"break_on_hyphens": False, "break_long_words": False}  # words and addresses
        lines = (textwrap.fill(x, 88, subsequent_indent="  ", **whole) for x in self.lines)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        first, *rest = map(html.escape, self.lines)
        return f"<p><strong>{first}</strong></p><ul>{''.join(f'<li>{x}</li>' for x in rest)}</ul>"


def _check_given(name: str, given: Callable | str, call: Call | None = None) -> None:
    """A function, or its name."""
    if not callable(given) and not isinstance(given, str):
        raise TypeError(
            named(f"{name} is {a_type(given)}, expected a function that you wrote, or its name")
        )


def _task(given: Callable | str) -> Task:
    return _named_task(given if isinstance(given, str) else getattr(given, "__name__", ""))


def _function(given: Callable | str) -> Callable:
    """What has that name in the notebook, or had when it was last checked; else the book's."""
    if not isinstance(given, str):
        return given
    entry = _session.entries.get(given)
    last = entry.function if entry else _task(given).function
    return getattr(sys.modules["__main__"], given, last)


def _named_task(name: str) -> Task:
    tasks = TASKS if name in TASKS else every_task()
    if name not in tasks:
        raise ValueError(
            named(f"{name!r} is none of the functions to write, which are: {', '.join(tasks)}")
        )
    return tasks[name]


@checked(function=_check_given)
def check(function: Callable | str) -> Report:
    """Try a function that you wrote, say what is right and what is wrong, and use it from there on.

    The cells below and the library then work with it, right or wrong. While it is not written they
    work with the book's.

    Parameters
    ----------
    function : callable, or str
        With the name and the parameters of the book's; or that name.

    Returns
    -------
    Report
        ``right`` is true if all is.

    Raises
    ------
    TypeError, ValueError
        If that is not a function, or not the name of one that the book asks for.
    """
    task, function = _task(function), _function(function)
    if function is task.function:
        if _is_unwritten(task):
            return _begin(task)
        return Report(True, [f"This {function.__name__} is the book's."])
    found = diagnose(function, task)
    entry = _session.checked(found, function)
    if not found.written:
        return _begin(task)
    if not found.right:
        lines = [f"{entry.name} is not right yet.", *_what_is_wrong(found)]
    else:
        lines = [f"{entry.name} is right.", *_how_measured(found), *_used(entry)]
    return Report(found.right, lines + _printed(found))


def _is_unwritten(task: Task) -> bool:
    """Whether a name is the book's for no other reason than that its blank was checked."""
    entry = _session.entries.get(task.function.__name__)
    return entry is not None and not entry.written and not entry.given


def _begin(task: Task) -> Report:
    return Report(
        False,
        [
            f"{task.function.__name__} is not written yet. Until it is, the cells below use the "
            "book's.",
            f"Begin here: {task.start}",
        ],
    )


def _printed(found: Diagnosis) -> list[str]:
    lines = found.printed.split("\n", _LINES_PRINTED)
    more = " …" if "".join(lines[_LINES_PRINTED:]).strip() else ""
    text = textwrap.shorten(" | ".join(lines[:_LINES_PRINTED]).strip(" |"), 300, placeholder=" …")
    return [f"Your function printed: {text}{more}"] if text else []


def _how_measured(found: Diagnosis) -> list[str]:
    largest = max(found.errors.values())
    differ = "they differ" if len(found.errors) > 1 else "it differs"
    how = f"{differ} from the book's by at most {largest:.0e} of the largest number"
    how = how if largest else "the same as the book's"
    lines = [f"{in_short(found.errors, found.errors)}: {how}, on random arrays."]
    if found.unasked:
        lines.append(
            f"Not compared: {in_short(found.unasked, found.unasked)}. It stopped there, which is "
            "right if you have written nothing for them."
        )
    if found.seconds and max(found.seconds) > _LEAST_SECONDS:
        yours, book = found.seconds
        lines.append(f"It took {1e3 * yours:.2f} ms; the book's takes {1e3 * book:.2f} ms.")
    return lines


def _used(entry: Entry) -> list[str]:
    other = partner(entry.task)
    if other is None or (other in _session.entries and _session.entries[other].own):
        return []
    return [
        f"The library uses it from the moment your {other} is there, too: it takes both or none, "
        "since one reads what the other keeps."
    ]


def _what_is_wrong(found: Diagnosis) -> list[str]:
    lines = []
    if found.wrong and found.errors:
        bad = {name.partition("[")[0] for name in found.wrong}
        right = dict.fromkeys(n.partition("[")[0] for n in found.errors if n not in found.wrong)
        right = ", ".join(f"the rest of {part}" if part in bad else part for part in right)
        right_too = f" Right: {right}." if right else ""
        lines.append(f"Wrong: {in_short(found.wrong, found.errors)}.{right_too}")
    if found.mistakes:
        two = len(found.mistakes) > 1
        lines.append(
            ("Two mistakes together give" if two else "One mistake gives")
            + " exactly your numbers. "
            + " ".join(mistake.what for mistake in found.mistakes)
        )
        lines.append(f"It is derived in the section {_heading(found.task)}.")
    return lines + found.remarks


def _heading(task: Task) -> str:
    """As it reads in the workbook, where the solution is not shown below it."""
    heading = task.section.partition("#")[2].replace("-", " ")
    return f"“{heading[0].upper()}{heading[1:]}”"


@checked(function=_check_given)
def hint(function: Callable | str) -> Report:
    """The next hint about a function that is not right yet. There are three; each gives more.

    Parameters and errors as :func:`check`.
    """
    task, function = _task(function), _function(function)
    name = task.function.__name__
    blank = function is task.function and _is_unwritten(task)
    found = Diagnosis(task, written=False) if blank else diagnose(function, task)
    if found.right:
        return Report(True, [f"{name} is right. It needs no hint."])
    entry = _session.entries.get(name) if blank else _session.entry(task, function)
    entry.hints += 1
    rungs = _rungs(task, found)
    rung = min(entry.hints, len(rungs))
    last = ["After this, solution() shows the book's."] if rung == len(rungs) else []
    first = f"Hint {rung} of {len(rungs)}"
    first = first if found.written else f"Not written yet. {first}"
    return Report(False, [first, rungs[rung - 1], *last])


def _rungs(task: Task, found: Diagnosis) -> list[str]:
    """Three hints: where to begin, which way it goes, and the line that matters."""
    way = ", ".join(steps(task))
    way = f" The book's makes, one after the other: {way}." if way else ""
    if found.mistakes:
        mistake = found.mistakes[0]
        return [mistake.hint, mistake.what + way, f"In the book: {key_line(task, (mistake,))}"]
    return [
        task.start,
        f"The section {_heading(task)} has the formula.{way}",
        f"The line that matters most, in the book: {key_line(task)}",
    ]


@checked(function=_check_given)
def solution(function: Callable | str) -> Markdown:
    """The book's own source of a function, without its docstring. Errors as :func:`check`."""
    from cs231n_lib.notebook import show_source  # which needs IPython

    return show_source(_task(function).function)


@checked(function=_check_given)
def use_solution(function: Callable | str) -> Callable:
    """Go on with the book's function, and the other half of its pair.

    Parameters
    ----------
    function : callable, or str
        Such as ``"lstm_step_backward"``.

    Returns
    -------
    callable
        The book's. The notebook and the library use it from here on, until you check your own.

    Raises
    ------
    TypeError, ValueError
        If that is not a function, or not the name of one that the book asks for.
    """
    task = _task(function)
    name = task.function.__name__
    for part in (partner(task), name):
        if part == name or part in _session.entries:
            entry = _session.entries.get(part) or _session.entry(task, task.function)
            entry.given = True
            _session.put_to_work(entry)
    return task.function


def summary() -> Report:
    """Which functions are done and right, how many hints were used, and whose are at work."""
    lines = []
    for name, entry in list(_session.entries.items()):
        now = getattr(entry.function, "__globals__", {}).get(name)
        other = now not in (None, entry.function, entry.task.function)
        if other and callable(now) and not hasattr(now, "stands_for"):  # written anew since
            _session.checked(diagnose(now, entry.task), now)
        state = "right" if entry.right else "wrong" if entry.written else "not written"
        whose = "yours at work" if entry.own else "the book's at work"
        lines.append(f"{entry.name}: {state}, {entry.hints} hints, {whose}")
    right = sum(entry.right for entry in _session.entries.values())
    return Report(right == len(lines), [f"{right} of {len(lines)} are right.", *lines])
