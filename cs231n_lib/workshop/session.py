"""Whose functions are at work: a reader's own, or the book's.

What a reader has written and checked is used from there on, by the cells of the notebook and by the
library, right or wrong: a wrong network should be seen to learn badly. What is not written yet is
the book's, and so is the other half of its pair, since a cache is known to its own pair alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from cs231n_lib.workshop.diagnosis import Diagnosis
from cs231n_lib.workshop.tasks import Task

__all__ = ["Entry", "Session", "partner"]

_SPEAKS = "cs231n_lib.speak"
_NOT_REPLACED = ("cs231n_lib.workshop", "cs231n_lib.figures", "cs231n_lib.speak.memory")


@dataclass
class Entry:
    """How far a reader has come with one function."""

    task: Task
    function: Callable  # as it was checked last
    written: bool = False
    right: bool = False
    hints: int = 0
    given: bool = False  # the reader has asked for the book's

    @property
    def name(self) -> str:
        return self.task.function.__name__

    @property
    def own(self) -> bool:
        return self.written and not self.given


class Session:
    """The functions of one reader in one notebook, by name."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.at_work: dict[str, Callable] = {}  # what stands in the library for a name now

    def entry(self, task: Task, function: Callable) -> Entry:
        """The entry of a task, made if there is none."""
        entry = self.entries.setdefault(task.function.__name__, Entry(task, function))
        entry.function = function
        return entry

    def checked(self, found: Diagnosis, function: Callable) -> Entry:
        """Note what came of a check, and put the function to work."""
        entry = self.entry(found.task, function)
        entry.written, entry.right, entry.given = found.written, found.right, False
        self.put_to_work(entry)
        return entry

    def put_to_work(self, entry: Entry) -> None:
        """Use a reader's function and the other half of its pair, or the book's of both."""
        pair = [entry, *(self.entries[n] for n in [partner(entry.task)] if n in self.entries)]
        whole = len(pair) == 2 or partner(entry.task) is None
        own = whole and all(part.own for part in pair)
        for part in pair:
            book = part.task.function
            new = part.function if own else book
            if own and hasattr(book, "declared"):  # a training asks its rule what settings it knows
                vars(new).setdefault("declared", book.declared)
            _replace(book, self.at_work.get(part.name, book), new)
            self.at_work[part.name] = new
            if not part.own:
                needed = [other.name for other in pair if other.own]
                self._in_notebook(part, _missing(part.name, needed[0]) if needed else book)

    @staticmethod
    def _in_notebook(entry: Entry, function: Callable) -> None:
        """Give a name in the notebook to another function, if it was not written anew since."""
        space = getattr(entry.function, "__globals__", {})
        there = space.get(entry.name)
        if there in (None, entry.function, entry.task.function) or hasattr(there, "stands_for"):
            space[entry.name] = function


def partner(task: Task) -> str | None:
    """The name of the other half of a pair that shares a cache, if there is one."""
    name = task.function.__name__
    for half, other in (("_forward", "_backward"), ("_backward", "_forward")):
        if name.endswith(half):
            return name.removesuffix(half) + other
    return None


def _missing(name: str, written: str) -> Callable:
    def missing(*_: object, **__: object) -> None:
        raise NotImplementedError(
            f"The book's {name} does not go with your {written}: one reads the cache that the "
            f"other keeps. Write your own, or take the book's of both: use_solution({written!r})"
        )

    missing.__name__ = missing.stands_for = name
    return missing


def _replace(book: Callable, old: Callable, new: Callable) -> None:
    """In every module of the library that calls a function by this name, and in its tables.

    A method is replaced in its class. What speaks keeps the book's own in its own module, where
    other functions make the caches that a way back is tried with.
    """
    name, home = book.__name__, book.__module__
    if owner := book.__qualname__.rpartition(".")[0]:
        setattr(vars(sys.modules[home])[owner], name, new)
        return
    for path, module in list(sys.modules.items()):
        if path.startswith(_NOT_REPLACED) or (path == home and path.startswith(_SPEAKS)):
            continue
        if path.startswith("cs231n_lib."):
            tables = [value for value in vars(module).values() if isinstance(value, dict)]
            for space in (vars(module), *tables):
                if space.get(name) is old:
                    space[name] = new
