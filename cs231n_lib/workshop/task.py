"""A function that a reader is asked to write: :class:`Task`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cs231n_lib.workshop.mistakes import Mistake

__all__ = ["UNASKED", "Arguments", "Task"]

Arguments = tuple
UNASKED = object()  # in the place of a result that a function need not have


def _call(function: Callable, *arguments: Any) -> Any:
    """The plain way to ask a function."""
    return function(*arguments)


@dataclass(frozen=True, eq=False)
class Task:
    """A function to write.

    Attributes
    ----------
    function
        The book's.
    outputs
        Names of what it returns. What is called ``"cache"`` may be anything: only the way back
        reads it. A name that ends with ``"[]"`` belongs to a list.
    question
        From a random generator, and for a way back the forward function whose cache it gets, to
        the arguments.
    start
        Where to begin, for a reader who has written nothing yet.
    section
        Where the book derives it, as a path on the website.
    mistakes
        What can go wrong, in the order in which it is looked for.
    forward
        The forward function of a way back.
    sources
        What the mistakes edit, if not ``function`` itself: functions that call one another, the
        entry last.
    plain_forward
        The forward function whose cache that entry reads, if it is not ``forward``.
    ask
        From a function and a question to what is compared, where one call does not tell enough.
        What a function need not answer is ``UNASKED``, which is compared with nothing.
    tolerance
        Relative and absolute, within which numbers are the same.
    axes
        What the first and the second axis of a result count.
    differentiable
        Must a gradient lead back from the result to the question?
    may_change
        Arguments that may be written into.
    keeps_dtype
        Is float32 to stay float32? Of functions of NumPy's arrays.
    unchanged
        What to do instead of changing the others.
    key
        The line that the last hint shows, if it is not the one that most mistakes are made in.
    """

    function: Callable
    outputs: tuple[str, ...]
    question: Callable[..., Arguments]
    start: str
    section: str
    mistakes: tuple[Mistake, ...]
    forward: Callable | None = None
    sources: tuple[Callable, ...] = ()
    plain_forward: Callable | None = None
    ask: Callable[..., Any] = _call
    tolerance: tuple[float, float] = (1e-8, 1e-10)
    axes: tuple[str, str] = ("row", "time step")
    differentiable: bool = False
    may_change: tuple[str, ...] = ()
    keeps_dtype: bool = True
    unchanged: str = "The caller still needs it: write a = a + b, not a += b."
    key: str = ""
