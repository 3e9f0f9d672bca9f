"""Checks of arguments, with messages that say what was given and what was expected."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from functools import cache

import numpy as np

__all__ = [
    "check_count",
    "check_finite",
    "check_indices",
    "check_number",
    "check_rng",
    "check_shapes",
    "check_texts",
]


def check_shapes(function: str, **arguments: tuple[np.ndarray, str]) -> dict[str, int]:
    """Check that arrays of floats fit together, dimension by dimension.

    Parameters
    ----------
    function : str
        Name of the calling function, with which every message begins.
    **arguments : (array, str)
        Each argument with its shape in letters, such as ``x=(x, "N T D")``. A letter stands for
        the same size everywhere; ``4H`` stands for four times ``H``, a letter seen before.

    Returns
    -------
    dict
        The size of every letter, such as ``{"N": 2, "T": 3, "D": 4}``.

    Raises
    ------
    TypeError
        If an argument is no NumPy array of floats.
    ValueError
        If a rank or a size does not fit, or a size is zero.
    """
    sizes: dict[str, int] = {}
    sources: dict[str, str] = {}
    for name, (array, letters) in arguments.items():
        if not isinstance(array, np.ndarray):
            raise TypeError(
                f"{function}: {name} is a {type(array).__name__}, expected a NumPy array "
                f"of shape {_tuple(letters)}"
            )
        if array.dtype.kind != "f":
            raise TypeError(f"{function}: {name} has dtype {array.dtype}, expected floats")
        expected = _dimensions(letters)
        if array.ndim != len(expected):
            raise ValueError(
                f"{function}: {name} has shape {array.shape}, expected {len(expected)} "
                f"dimension{'s' * (len(expected) != 1)}, {_tuple(letters)}"
            )
        if 0 in array.shape:
            raise ValueError(
                f"{function}: {name} has shape {array.shape}, expected {_tuple(letters)} "
                "with no dimension of size zero"
            )
        for (factor, letter), size in zip(expected, array.shape):
            if factor == 1 and letter not in sizes:
                sizes[letter], sources[letter] = size, name
        wanted = tuple(factor * sizes[letter] for factor, letter in expected)
        if array.shape != wanted:
            origin = ", ".join(
                f"{letter} = {sizes[letter]} from {sources[letter]}"
                for letter in sorted({letter for _, letter in expected})
                if sources[letter] != name
            )
            raise ValueError(
                f"{function}: {name} has shape {array.shape}, "
                f"expected {_tuple(letters)} = {wanted}{origin and '; '}{origin}"
            )
    return sizes


def check_indices(function: str, name: str, array: np.ndarray, upper: int) -> None:
    """Check that an array holds integers from 0 to ``upper - 1``.

    Raises
    ------
    TypeError
        If ``array`` is no NumPy array of integers.
    ValueError
        If an index is negative or too large. NumPy would read -1 as the last row, silently.
    """
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iu":
        given = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"{function}: {name} is {given}, expected a NumPy array of integers")
    if array.size and (array.min() < 0 or array.max() >= upper):
        worst = array.min() if array.min() < 0 else array.max()
        raise ValueError(
            f"{function}: {name} contains {worst}, expected indices from 0 to {upper - 1}"
        )


def check_finite(function: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Raise ValueError, with name and count, if an array holds NaN or infinity."""
    for name, array in arrays.items():
        bad = array.size - np.count_nonzero(np.isfinite(array))
        if bad:
            raise ValueError(
                f"{function}: {name} contains {bad} values that are NaN or infinite, "
                "expected finite numbers only"
            )


def check_count(function: str, name: str, value: int, least: int = 1) -> None:
    """Check a number of steps, samples or pixels.

    Raises
    ------
    TypeError
        If ``value`` is no int; True and False are none.
    ValueError
        If it is less than ``least``.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{function}: {name} is {value!r}, expected a whole number")
    if value < least:
        raise ValueError(f"{function}: {name} is {value}, expected at least {least}")


def check_number(
    function: str,
    name: str,
    value: float,
    above: float | None = None,
    least: float | None = None,
    most: float = math.inf,
) -> None:
    """Check a rate, a weight or another real number: finite, and within the given limits.

    Raises
    ------
    TypeError
        If ``value`` is no number.
    ValueError
        If it is not finite, not above ``above``, less than ``least`` or more than ``most``.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{function}: {name} is {value!r}, expected a number")
    too_low = (above is not None and value <= above) or (least is not None and value < least)
    if not math.isfinite(value) or too_low or value > most:
        limits = [] if above is None else [f"above {above:g}"]
        limits += [] if least is None else [f"at least {least:g}"]
        limits += [] if most == math.inf else [f"at most {most:g}"]
        expected = " and ".join(limits) or "a finite number"
        raise ValueError(f"{function}: {name} is {value:g}, expected {expected}")


def check_rng(function: str, rng: np.random.Generator) -> None:
    """Raise TypeError unless ``rng`` is a generator of random numbers; a seed is none."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"{function}: rng is a {type(rng).__name__}, expected a numpy.random.Generator, "
            "such as numpy.random.default_rng(0)"
        )


def check_texts(
    function: str, name: str, texts: Collection[str], length: int | None = None
) -> None:
    """Check a list of strings.

    Raises
    ------
    TypeError
        If it is a single string, whose letters would be taken for strings, or holds something else.
    ValueError
        If there are not as many as ``length``.
    """
    if isinstance(texts, str):
        raise TypeError(f"{function}: {name} is a single string, expected a list of strings")
    if not isinstance(texts, Collection):
        raise TypeError(
            f"{function}: {name} is a {type(texts).__name__}, expected a list of strings"
        )
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(
                f"{function}: {name} holds a {type(text).__name__}, expected strings only"
            )
    if length is not None and len(texts) != length:
        raise ValueError(f"{function}: {name} has {len(texts)} strings, expected {length}")


@cache
def _dimensions(letters: str) -> list[tuple[int, str]]:
    """``"N 4H"`` -> ``[(1, "N"), (4, "H")]``. Layers ask for the same few again and again."""
    return [(int(letter[:-1] or 1), letter[-1]) for letter in letters.split()]


def _tuple(letters: str) -> str:
    names = letters.split()
    return f"({', '.join(names)}{',' * (len(names) == 1)})"
