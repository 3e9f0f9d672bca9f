"""A progress bar that leaves nothing behind: not in a log, not in a saved notebook."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from cs231n_lib.checks import Count, Instance, checked

__all__ = ["progress"]

T = TypeVar("T")

_showing = False


@checked(iterable=Instance(Iterable), label=Instance(str), total=Count(least=0))
def progress(iterable: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Go through an iterable and show how far it is, where somebody may be watching.

    Parameters
    ----------
    iterable : iterable
    label : str
        What is being done, such as ``"training"``.
    total : int, optional
        The number of items, if ``len(iterable)`` does not tell.

    Returns
    -------
    iterator
        Over the same items. A bar shows in a terminal and in a notebook, and nowhere else; it is
        gone at the end, also after an error. Inside another bar there is none.
    """
    return _watched(iterable, {"desc": label, "total": total, "leave": False, "mininterval": 0.5})


def _watched(iterable: Iterable[T], settings: dict) -> Iterator[T]:
    global _showing
    if _showing:
        yield from iterable
        return
    _showing = True
    try:
        yield from _bar(iterable, settings)
    finally:
        _showing = False


def _bar(iterable: Iterable[T], settings: dict) -> Iterator[T]:
    from tqdm import tqdm  # here: where nothing takes long, neither tqdm nor IPython is needed

    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if hasattr(shell, "kernel"):
        yield from tqdm(iterable, **settings, file=_Output(), position=0)
    else:
        yield from tqdm(iterable, **settings, disable=None)  # None: unless it is not a terminal


class _Output:
    """One output of a cell, which begins and ends empty, and shows what was written last.

    What is saved, and what a regression test compares, is the empty output.
    """

    encoding = "utf-8"

    def __init__(self) -> None:
        from IPython.display import HTML, display

        self._html = HTML
        self._output = display(HTML(""), display_id=True)

    def write(self, text: str) -> None:
        line = text.strip()
        self._output.update(self._html(f"<pre>{line}</pre>" if line else ""))
