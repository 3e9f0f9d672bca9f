"""Kinds of arguments of figures: a figure of wrong data can look right.

They come in addition to those of :mod:`cs231n_lib.checks`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np

from cs231n_lib.checks import Call, a_type, check_finite, check_shape, named, shown

__all__ = ["Colours", "Curves", "Rising", "Values", "check_names"]


@dataclass(frozen=True)
class Values:
    """A sequence of real numbers, within limits.

    ``length`` is a number, or a letter for the same size everywhere in one call. With ``gaps``, NaN
    is allowed and means a missing number.
    """

    length: str = ""
    least: float = -math.inf
    most: float = math.inf
    gaps: bool = False

    def __call__(self, name: str, values: Sequence[float], call: Call) -> None:
        try:
            array = np.asarray(values)
        except (TypeError, RuntimeError) as error:  # PyTorch's, for what NumPy does not know
            raise TypeError(
                named(f"{name} is nothing that NumPy knows, give .detach().cpu().float(): {error}")
            ) from error
        if array.size and array.dtype.kind not in "iuf":
            raise TypeError(
                named(f"{name} has dtype {array.dtype}, expected a sequence of real numbers")
            )
        check_shape(name, array.shape, self.length or "K", call if self.length else Call({}))
        check_finite(name, array[~np.isnan(array)] if self.gaps else array)
        wrong = array[(array < self.least) | (array > self.most)]
        if wrong.size:
            worst, least, most = wrong[0], self.least, self.most
            limits = [f"at least {shown(least, worst)}"] * (least > -math.inf)
            limits += [f"at most {shown(most, worst)}"] * (most < math.inf)
            raise ValueError(
                named(
                    f"{name} contains {shown(worst, least, most)}, expected {' and '.join(limits)}"
                )
            )


@dataclass(frozen=True)
class Rising(Values):
    """Values of an axis: two or more, each above the one before; with ``even``, in equal steps."""

    even: bool = False

    def __call__(self, name: str, values: Sequence[float], call: Call) -> None:
        super().__call__(name, values, call)
        steps = np.diff(values)
        if steps.size == 0 or steps.min() <= 0 or (self.even and not np.allclose(steps, steps[0])):
            raise ValueError(
                named(
                    f"{name} is {list(values)}, expected at least two numbers, "
                    f"{'evenly spaced and ' * self.even}rising"
                )
            )


@dataclass(frozen=True)
class Curves:
    """A dict of names and values, at least one of them."""

    values: Values = Values()

    def __call__(self, name: str, curves: Mapping[str, Sequence[float]], call: Call) -> None:
        check_names(name, curves)
        for key, values in curves.items():
            self.values(f"{name}[{key!r}]", values, call)


def check_names(name: str, things: Mapping[str, Any]) -> None:
    """Raise an error unless something is a dict with at least one entry."""
    if not isinstance(things, Mapping):
        raise TypeError(named(f"{name} is {a_type(things)}, expected a dict with names as keys"))
    if not things:
        raise ValueError(named(f"{name} is empty, expected at least one entry"))


@dataclass(frozen=True)
class Colours:
    """Matplotlib's name of a colour map."""

    def __call__(self, name: str, colours: str, call: Call) -> None:
        if colours not in matplotlib.colormaps:
            raise ValueError(
                named(f"{name} is {colours!r}, expected one of matplotlib's, such as 'inferno'")
            )
