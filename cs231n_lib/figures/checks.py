"""Kinds of arguments that figures declare: a figure of wrong data looks right.

They are declared beside those of :mod:`cs231n_lib.checks`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np

from cs231n_lib import validation
from cs231n_lib.checks import Call, check_finite, check_shape, named

__all__ = ["Colours", "Curves", "Rising", "Values", "check_names"]


@dataclass(frozen=True)
class Values:
    """A sequence of real numbers, within limits.

    ``length`` is a letter, the same size everywhere in one call, or a number. With ``gaps``, NaN is
    right and means that there is no number.
    """

    length: str = ""
    least: float = -math.inf
    most: float = math.inf
    gaps: bool = False

    def __call__(self, name: str, values: Sequence[float], call: Call) -> None:
        array = np.asarray(values)
        if array.size and array.dtype.kind not in "iuf":
            raise TypeError(
                named(f"{name} has dtype {array.dtype}, expected a sequence of real numbers")
            )
        check_shape(name, array.shape, self.length or "K", call if self.length else Call({}))
        check_finite(name, array[~np.isnan(array)] if self.gaps else array)
        wrong = array[(array < self.least) | (array > self.most)]
        if wrong.size:
            limits = [f"at least {self.least:g}"] * (self.least > -math.inf)
            limits += [f"at most {self.most:g}"] * (self.most < math.inf)
            raise ValueError(
                named(f"{name} contains {wrong[0]:g}, expected {' and '.join(limits)}")
            )


@dataclass(frozen=True)
class Rising(Values):
    """Values of an axis: two or more, each above the one before; ``even`` steps, on request."""

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
    """Raise an error unless something is a dict that is not empty."""
    if not isinstance(things, Mapping):
        raise TypeError(
            named(f"{name} is a {type(things).__name__}, expected a dict of what has a name")
        )
    if not things:
        raise ValueError(named(f"{name} is empty, expected at least one entry"))


@dataclass(frozen=True)
class Colours:
    """Matplotlib's name of false colours."""

    def __call__(self, name: str, colours: str, call: Call) -> None:
        if colours not in matplotlib.colormaps:
            raise ValueError(
                named(f"{name} is {colours!r}, expected one of matplotlib's, such as 'inferno'")
            )


# The old functions, until their last callers have gone.


def check_values(
    function: str,
    name: str,
    values: Sequence[float],
    length: int | None = None,
    least: float = -math.inf,
    most: float = math.inf,
    gaps: bool = False,
) -> np.ndarray:
    """Check a row of numbers.

    Parameters
    ----------
    function, name : str
        The calling function and its argument, for the message.
    values : sequence of K floats
    length : int, optional
        What K has to be.
    least, most : float
        The range of the numbers.
    gaps : bool
        NaN is allowed, and means that there is no number.

    Returns
    -------
    (K,) array

    Raises
    ------
    TypeError
        If they are no real numbers.
    ValueError
        If they are none, or not ``length`` of them; if one is NaN, infinite or out of range.
    """
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iuf":
        raise TypeError(
            f"{function}: {name} has dtype {array.dtype}, expected a sequence of real numbers"
        )
    if array.ndim != 1 or array.size == 0:
        raise ValueError(
            f"{function}: {name} has shape {array.shape}, expected a sequence of numbers"
        )
    if length is not None and len(array) != length:
        raise ValueError(f"{function}: {name} has {len(array)} values, expected {length}")
    validation.check_finite(function, {name: array[~np.isnan(array)] if gaps else array})
    wrong = array[(array < least) | (array > most)]
    if wrong.size:
        limits = [f"at least {least:g}"] * (least > -math.inf)
        limits += [f"at most {most:g}"] * (most < math.inf)
        raise ValueError(
            f"{function}: {name} contains {wrong[0]:g}, expected {' and '.join(limits)}"
        )
    return array


def check_curves(
    function: str,
    name: str,
    curves: Mapping[str, Sequence[float]],
    length: int | None = None,
    least: float = -math.inf,
    most: float = math.inf,
    gaps: bool = False,
) -> dict[str, np.ndarray]:
    """Check named rows of numbers, each as by :func:`check_values`.

    Returns
    -------
    dict
        Name -> (K,) array.

    Raises
    ------
    TypeError
        If ``curves`` is no dict, or a curve holds no real numbers.
    ValueError
        If there is no curve, or one is refused by :func:`check_values`.
    """
    if not isinstance(curves, Mapping):
        raise TypeError(
            f"{function}: {name} is a {type(curves).__name__}, expected a dict of named curves"
        )
    if not curves:
        raise ValueError(f"{function}: {name} is empty, expected one curve at least")
    return {
        key: check_values(function, f"{name}[{key!r}]", values, length, least, most, gaps)
        for key, values in curves.items()
    }


def check_picture(function: str, name: str, image: np.ndarray) -> None:
    """Check one picture of bytes.

    Raises
    ------
    TypeError
        If it is no NumPy array of bytes: matplotlib and Pillow would read other numbers otherwise.
    ValueError
        If its shape is not (H, W, 3), or a size is zero.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        given = f"of {image.dtype}" if isinstance(image, np.ndarray) else type(image).__name__
        raise TypeError(
            f"{function}: {name} is {given}, expected an (H, W, 3) uint8 array; "
            "cs231n_lib.see.images.deprocess makes one of a normalised picture"
        )
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(
            f"{function}: {name} has shape {image.shape}, expected (H, W, 3) with 3 colours"
        )


def check_colours(function: str, colours: str) -> None:
    """Check the name of false colours.

    Raises
    ------
    ValueError
        If matplotlib knows no such colours.
    """
    if colours not in matplotlib.colormaps:
        raise ValueError(
            f"{function}: colours is {colours!r}, expected one of matplotlib's, as 'inferno'"
        )
