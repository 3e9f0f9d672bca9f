"""A progress bar that leaves nothing behind: not in a log, not in a saved notebook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from IPython.core.getipython import get_ipython
from IPython.display import HTML, display
from tqdm import tqdm

from cs231n_lib.validation import check_count

__all__ = ["progress"]

T = TypeVar("T")


class _NotebookBar(tqdm):
    """tqdm inside one output of a cell, which begins and ends empty.

    What is saved, and what a regression test compares, is the empty output.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        self._output = display(HTML(""), display_id=True)
        super().__init__(*args, **kwargs)

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        self._output.update(HTML(f"<pre>{self}</pre>" if msg is None else ""))

    def close(self) -> None:
        if not self.disable:
            self.display("")
        self.disable = True


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
        gone at the end, also after an error.

    Raises
    ------
    TypeError
        At the first item: if there is nothing to go through, ``label`` is no string or ``total`` no
        int.
    ValueError
        At the first item: if ``total`` is negative.
    """
    if not isinstance(iterable, Iterable):
        raise TypeError(f"progress: iterable is {iterable!r}, expected something to go through")
    if not isinstance(label, str):
        raise TypeError(f"progress: label is {label!r}, expected a string")
    if total is not None:
        check_count("progress", "total", total, least=0)
    shell = get_ipython()
    bar = _NotebookBar if shell is not None and hasattr(shell, "kernel") else tqdm
    settings = {"disable": None} if bar is tqdm else {"gui": False}
    yield from bar(iterable, desc=label, total=total, leave=False, mininterval=0.5, **settings)
