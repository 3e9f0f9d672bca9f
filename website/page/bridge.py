"""Where the page's calls come in: a function of this package by its name, JSON in and out."""

from __future__ import annotations

import contextlib
import io
import json
import linecache
import traceback
from collections.abc import Callable
from importlib import import_module

__all__ = ["call"]


class _Sayer(io.TextIOBase):
    """A stream that passes on at once what is printed."""

    def __init__(self, stream: str, say: Callable[[str, str], None]) -> None:
        self._stream, self._say = stream, say

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if text:
            self._say(self._stream, text)
        return len(text)


def call(name: str, arguments: str, say: Callable[[str, str], None]) -> str:
    """Call a function such as ``page.cells.run`` with keyword arguments.

    Parameters
    ----------
    name : str
        Of the function: ``page``, its module in this package, and its own.
    arguments : str
        JSON of an object.
    say : callable
        Called with ``"stdout"`` or ``"stderr"`` and a text, as soon as it is printed.

    Returns
    -------
    str
        JSON: ``{"result": …}``, or ``{"error": {"message": …, "traceback": …}}``.
    """
    module, _, function = f"website.{name}".rpartition(".")
    out, err = _Sayer("stdout", say), _Sayer("stderr", say)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            found = getattr(import_module(module), function)
            return json.dumps({"result": found(**json.loads(arguments))}, allow_nan=False)
        except BaseException as error:  # SystemExit, too: a reader may write sys.exit()
            message = f"{type(error).__name__}: {error}".removesuffix(": ")
            return json.dumps({"error": {"message": message, "traceback": readers_lines(error)}})


def readers_lines(error: BaseException) -> str:
    """The traceback of an error, less the lines that are not the reader's.

    What a reader writes is compiled under a name in angle brackets, such as ``<cell 3>``, and put
    into ``linecache``. If none of it is in the traceback, the mistake is the book's: all is shown.
    """

    def is_theirs(filename: str | None) -> bool:
        return bool(filename) and filename.startswith("<") and filename in linecache.cache

    told = traceback.TracebackException.from_exception(error)
    theirs = [frame for frame in told.stack if is_theirs(frame.filename)]
    if theirs or is_theirs(getattr(error, "filename", None)):  # of a SyntaxError
        told.stack[:] = theirs
    return "".join(told.format())
