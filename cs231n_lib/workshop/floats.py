"""What right numbers may still lack: room for large ones, and the dtype of what was given."""

from __future__ import annotations

import copy
import linecache
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Overflow", "in_float32", "wider"]

_EXP = np.exp
_LIBRARY = str(Path(__file__).parents[1])


class Overflow:
    """Where a function's numbers first grew beyond what a float holds, if they did.

    Attributes
    ----------
    where
        The line, such as ``"line 3: return 1 / (1 + np.exp(-a))"``; empty if nothing overflowed.
    """

    def __init__(self) -> None:
        self.where = ""

    def watch(self, function: Callable) -> Callable:
        """The function, watched while it works."""

        def watched(*arguments: Any) -> Any:
            if sys.platform == "emscripten":  # in a page, floats raise no flags
                np.exp = self._exp
            try:
                with np.errstate(over="call", call=self._note):
                    return function(*arguments)
            finally:
                np.exp = _EXP

        return watched

    def _exp(self, x: Any, *rest: Any, **options: Any) -> Any:
        y = _EXP(x, *rest, **options)
        if np.isinf(y).any() and np.isfinite(x).all():
            self._note()
        return y

    def _note(self, *_: object) -> None:
        frame = sys._getframe(1)
        while frame.f_back and frame.f_code.co_filename.startswith(_LIBRARY):
            frame = frame.f_back
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        self.where = self.where or f"line {frame.f_lineno}" + (f": {line}" if line else "")


def in_float32(value: Any) -> Any:
    """NumPy's float64 arrays in single precision, in whatever holds them; all else as it is."""
    if isinstance(value, np.ndarray):
        return value.astype(np.float32) if value.dtype == np.float64 else value
    if isinstance(value, tuple | list):
        return type(value)(map(in_float32, value))
    if isinstance(value, dict):
        return {key: in_float32(part) for key, part in value.items()}
    if isinstance(getattr(value, "params", None), dict):
        value = copy.copy(value)
        value.params, value.dtype = in_float32(value.params), np.dtype(np.float32)
    return value


def wider(got: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Names of the arrays whose floats are longer than they should be. Single numbers are not."""
    return [
        name
        for name, value in got.items()
        if name in wanted
        and isinstance(value, np.ndarray)
        and value.ndim
        and value.dtype.kind == "f"
        and value.dtype.itemsize > np.asarray(wanted[name]).dtype.itemsize
    ]
