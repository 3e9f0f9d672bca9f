"""Where a reader's numbers leave the book's: :func:`departure`.

Both functions are watched while they work. A reader may go another way and be right, so a number
that the book has not is no fault if one that the book has was made from it.
"""

from __future__ import annotations

import dis
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np

__all__ = ["Made", "Numbers", "Trail", "departure", "traced"]

_MOST_LINES = 3000  # that are watched in one run
_MOST_NUMBERS = 20_000  # in an array that is looked at


def traced(function: Callable, watch: Callable) -> Callable:
    """The function, at work with ``watch`` as Python's trace function."""

    def watched(*arguments: Any, **settings: Any) -> Any:
        before = sys.gettrace()
        sys.settrace(watch)
        try:
            return function(*arguments, **settings)
        finally:
            sys.settrace(before)

    return watched


def _floats(value: Any) -> np.ndarray | None:
    """A copy of an array or tensor of floats or truth values; None of anything else."""
    if hasattr(value, "detach") and hasattr(value, "numpy"):
        value = value.detach().cpu().numpy()
    if not isinstance(value, np.ndarray | np.floating) or value.dtype.kind not in "fb":
        return None
    return np.array(value, float) if 0 < value.size <= _MOST_NUMBERS else None


def _found(name: str, value: Any) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays in a variable: itself, its gradient, or what a dict holds."""
    inside = isinstance(value, dict)
    for key, part in value.items() if inside else [(None, value)]:
        whole = f"{name}[{key!r}]" if inside else name
        gradient = part.grad if getattr(part, "is_leaf", False) else None
        for label, array in ((whole, _floats(part)), (f"{whole}.grad", _floats(gradient))):
            if array is not None:
                yield label, array


class Numbers:
    """Arrays that are right, known again in any shape, order of axes and sign."""

    def __init__(self, other: Numbers | None = None) -> None:
        self._known: dict[int, list[tuple[float, np.ndarray]]] = defaultdict(list)
        for size, known in other._known.items() if other else ():
            self._known[size] = list(known)

    def add(self, value: Any) -> Any:
        """Remember the arrays in a value, and give it back."""
        for part in value if isinstance(value, tuple | list) else [value]:
            for _, array in _found("", part):
                if np.isfinite(array).all() and array not in self:
                    self._known[array.size].append((np.abs(array).max(), np.sort(array, None)))
        return value

    def __contains__(self, array: np.ndarray) -> bool:
        if not np.isfinite(array).all():
            return False
        if array.size > 1 and np.ptp(array) == 0:  # zeros and ones, where sums begin
            return True
        largest, numbers = np.abs(array).max(), np.sort(array, None)
        near = 1e-5 * largest
        return any(
            abs(most - largest) <= near
            and any(np.abs(known - order).max() <= near for order in (numbers, -numbers[::-1]))
            for most, known in self._known[array.size]
        )

    def watch(self, frame: FrameType, event: str, _: Any) -> Callable | None:
        """A trace function: remember what the library's functions hold when they return."""
        module = frame.f_globals.get("__name__", "")
        if not module.startswith(("cs231n_lib.speak.", "cs231n_lib.see.")):
            return None
        frame.f_trace_lines = False
        if event == "return":
            for value in list(frame.f_locals.values()):
                self.add(value)
        return self.watch


@dataclass
class Made:
    """What one line made of one variable.

    Attributes
    ----------
    name
        The variable; empty for what is returned.
    line
        Its number in the file.
    reads
        Names in the line.
    values
        Each with its time, a count of what was made before.
    """

    name: str
    line: int
    reads: set[str] = field(default_factory=set)
    values: list[tuple[int, np.ndarray]] = field(default_factory=list)

    @property
    def largest(self) -> int:
        """How many numbers its largest array has."""
        return max(value.size for _, value in self.values)

    def first_wrong(self, numbers: Numbers) -> int | None:
        """When a value was not the book's. Of a sum that grows, only the last has to be."""
        if self.reads & {"empty", "empty_like"}:
            return None
        grows = self.name.partition("[")[0] in self.reads
        values = self.values[-1:] if grows else self.values
        return next((time for time, value in values if value not in numbers), None)


class Trail:
    """A trace function that follows the variables of one function.

    Attributes
    ----------
    made : dict
        By line and name, in the order of time.
    """

    def __init__(self, function: Callable) -> None:
        self.made: dict[tuple[int, str], Made] = {}
        self._code, self._lines, self._time = function.__code__, 0, 0
        self._reads: dict[int, set[str]] = defaultdict(set)
        for step in dis.get_instructions(self._code):
            if step.opname.startswith("LOAD_") and step.positions and step.positions.lineno:
                names = step.argval if isinstance(step.argval, tuple) else [step.argval]
                self._reads[step.positions.lineno] |= {name for name in names if type(name) is str}

    def __call__(self, frame: FrameType, event: str, _: Any) -> Callable | None:
        """Begin to follow a call, if it is of that function."""
        if frame.f_code is not self._code:
            return None
        known = dict(_variables(frame))
        line, reads = frame.f_lineno, set()

        def watch(frame: FrameType, event: str, value: Any) -> Callable:
            nonlocal line
            self._lines += 1
            if self._lines > _MOST_LINES:
                return watch
            reads.update(self._reads[line])
            new = {
                name: array
                for name, array in _variables(frame)
                if name not in known or not np.array_equal(known[name], array, equal_nan=True)
            }
            known.update(new)
            self._note(new.items(), line, reads)
            if new:
                reads.clear()
            line = frame.f_lineno
            if event == "return":
                results = value if isinstance(value, tuple) else [value]
                arrays = [part for result in results for part in _found("", result)]
                self._note(arrays, line, self._reads[line])
            return watch

        return watch

    def _note(self, arrays: Sequence[tuple[str, np.ndarray]], line: int, reads: set[str]) -> None:
        for name, array in arrays:
            made = self.made.setdefault((line, name), Made(name, line))
            made.reads |= reads
            made.values.append((self._time, array))
            self._time += 1


def _variables(frame: FrameType) -> Iterator[tuple[str, np.ndarray]]:
    for name, value in list(frame.f_locals.items()):
        yield from _found(name, value)


def departure(trail: Trail, numbers: Numbers) -> Made | None:
    """The first that is not the book's, and that led to nothing which is.

    Where arrays are returned, a single number is not it: a factor or a sum can be written in many
    ways that do no harm.
    """
    read: set[str] = set()  # by a later line that was right
    arrays = any(made.largest > 1 for made in trail.made.values() if made.name[:1] in ("", "["))
    wrong = []
    for made in reversed(trail.made.values()):
        time = made.first_wrong(numbers)
        if time is None or made.name.partition("[")[0] in read:
            read |= made.reads
        elif made.largest > 1 or not arrays:
            wrong.append((time, made))
    return min(wrong, key=lambda pair: pair[0], default=(0, None))[1]
