"""What figures refuse to draw."""

from __future__ import annotations

import re

import numpy as np
import pytest

from cs231n_lib.checks import checked
from cs231n_lib.figures.checks import Colours, Curves, Rising, Values


@checked(
    x=Values("K", least=0, most=1, gaps=True), y=Rising("K"), z=Rising(even=True), c=Curves(),
    d=Curves(Values("K")), colours=Colours(),
)  # fmt: skip
def plot(x=None, y=None, z=None, c=None, d=None, colours=None):
    return "drawn"


GOOD = {
    "x": [0, np.nan, 1.0],
    "y": (1, 2, 4),
    "z": np.arange(0.0, 1.0, 0.1),
    "c": {"a": [1], "b": np.array([-2.0, 3.0])},
    "d": {"a": [1, 2, 3]},
    "colours": "inferno",
}


def test_values_of_their_kind_are_drawn():
    assert plot(**GOOD) == plot() == "drawn"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": ["1", "2", "3"]}, TypeError, "x has dtype <U1, expected a sequence of real numbers"),
        ({"x": [1j, 0, 0]}, TypeError, "x has dtype complex128"),
        ({"x": [True] * 3}, TypeError, "x has dtype bool"),
        ({"x": np.zeros((3, 2))}, ValueError, "x has shape (3, 2), expected 1 dimension"),
        ({"x": 1.0}, ValueError, "x has shape (), expected 1 dimension"),
        ({"x": []}, ValueError, "x has shape (0,), expected (K,) with no dimension of size zero"),
        ({"x": [0, np.inf, 0]}, ValueError, "x contains 1 values that are NaN or infinite"),
        ({"x": [0, 2, 0]}, ValueError, "x contains 2, expected at least 0 and at most 1"),
        ({"x": [0, -2, 0]}, ValueError, "x contains -2, expected at least 0 and at most 1"),
        ({"y": [1, 2]}, ValueError, "y has shape (2,), expected (K,) = (3,); K = 3 from x"),
        ({"y": [1, 1, 2]}, ValueError, "y is [1, 1, 2], expected at least two numbers, rising"),
        ({"z": [1, 2, 4]}, ValueError, "expected at least two numbers, evenly spaced and rising"),
        ({"z": [1]}, ValueError, "z is [1], expected at least two numbers"),
        ({"c": {}}, ValueError, "c is empty, expected at least one entry"),
        ({"c": [[1.0]]}, TypeError, "c is a list, expected a dict"),
        ({"c": {"a": [np.nan]}}, ValueError, "c['a'] contains 1 values that are NaN"),
        ({"d": {"a": [1, 2]}}, ValueError, "d['a'] has shape (2,), expected (K,) = (3,)"),
        ({"colours": "fire"}, ValueError, "colours is 'fire', expected one of matplotlib's"),
        ({"colours": 3}, ValueError, "colours is 3, expected one of matplotlib's"),
    ],
)
def test_other_values_are_not(change, error, message):
    with pytest.raises(error, match=f"^plot: .*{re.escape(message)}"):
        plot(**GOOD | change)
