"""A reader's function, run so that it can do no harm to the session: :func:`run`."""

from __future__ import annotations

import contextlib
import ctypes
import io
import random
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np

from cs231n_lib.checks import Number, checked
from cs231n_lib.workshop.trail import traced

__all__ = ["Outcome", "Unending", "run"]

_MOST_PRINTED = 2000  # characters that are kept of what a function prints


@dataclass
class Outcome:
    """What came of a call.

    Attributes
    ----------
    value
        What was returned.
    error
        What was raised, if anything; a TimeoutError if it took too long.
    seconds
        How long it took.
    printed
        What it printed, cut if it was much.
    changed
        What it changed behind the caller's back and was put right again, in words.
    """

    value: Any = None
    error: BaseException | None = None
    seconds: float = 0.0
    printed: str = ""
    changed: list[str] = field(default_factory=list)


class Unending(Exception):  # noqa: N818 - it is no error of the reader
    """Raised by a question that has been asked too often, with how far the loop had come."""

    def __init__(self, calls: int, value: Any) -> None:
        super().__init__(f"its loop had not come to an end after {calls} calls of the model")
        self.value = value


class _OutOfTime(BaseException):
    """Raised inside a function that takes too long. No ``except Exception`` catches it."""


@checked(seconds=Number(above=0))
def run(function: Callable, arguments: tuple, seconds: float = 10.0) -> Outcome:
    """Call a function that somebody else wrote, and come back whatever it does.

    It runs in a thread of its own, or where there are none, as in a page of the website, with a
    trace function that looks at the clock. Loops that never end are stopped. What it prints is
    kept, random generators, NumPy's functions and the filters of warnings are put back as they
    were.

    Parameters
    ----------
    function : callable
    arguments : tuple
        Given as they are: make copies if they must not change.
    seconds : float
        After that time it is stopped.

    Returns
    -------
    Outcome
    """
    outcome = Outcome()
    printed = io.StringIO()

    def call() -> None:
        start = time.perf_counter()
        try:
            outcome.value = function(*arguments)
        except BaseException as error:  # of any kind: also SystemExit must not end the session
            outcome.error = error
        outcome.seconds = time.perf_counter() - start

    with _put_back(outcome.changed), contextlib.redirect_stdout(printed):
        try:
            thread = threading.Thread(target=call, daemon=True)
            thread.start()
        except RuntimeError:  # no threads here
            traced(call, _clock(seconds))()
        else:
            _wait(thread, outcome, seconds)
    if isinstance(outcome.error, _OutOfTime):
        outcome.error = TimeoutError(f"it had not come to an end after {seconds:g} seconds")
    outcome.printed = printed.getvalue()[:_MOST_PRINTED]
    return outcome


def _wait(thread: threading.Thread, outcome: Outcome, seconds: float) -> None:
    thread.join(seconds)
    end = time.monotonic() + 2
    while thread.is_alive() and time.monotonic() < end:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(_OutOfTime)
        )
        thread.join(0.05)
    if thread.is_alive():
        outcome.error = _OutOfTime()


def _clock(seconds: float) -> Callable:
    """A trace function that ends what takes too long, between two lines that are not the book's."""
    end = time.monotonic() + seconds

    def watch(frame: FrameType, event: str, _: Any) -> Callable | None:
        if any(part in frame.f_code.co_filename for part in ("cs231n_lib", "site-packages")):
            return None
        if time.monotonic() > end:
            raise _OutOfTime
        return watch

    return watch


@contextlib.contextmanager
def _put_back(changed: list[str]) -> Iterator[None]:
    torch = sys.modules.get("torch")
    numpy_random, python_random = np.random.get_state(), random.getstate()  # noqa: NPY002
    torch_random = torch.get_rng_state() if torch else None
    functions = dict(vars(np))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as an overflow, which the numbers tell better
        try:
            yield
        finally:
            for name, value in functions.items():
                if vars(np).get(name) is not value:
                    setattr(np, name, value)
                    changed.append(f"np.{name}")
            np.random.set_state(numpy_random)  # noqa: NPY002
            random.setstate(python_random)
            if torch_random is not None:
                torch.set_rng_state(torch_random)
