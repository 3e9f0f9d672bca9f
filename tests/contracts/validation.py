"""Contracts of the checks themselves."""

from __future__ import annotations

import numpy as np

from cs231n_lib.validation import (
    check_count,
    check_finite,
    check_indices,
    check_number,
    check_rng,
    check_shapes,
    check_texts,
)
from tests.contracts import Contract, Refusal

CONTRACTS = (
    Contract(
        check_shapes,
        lambda: {
            "function": "f",
            "x": (np.ones((2, 3)), "N D"),
            "h": (np.ones((2, 2)), "N H"),
            "b": (np.ones(8), "4H"),
        },
        (
            Refusal(
                "sizes that disagree", {"h": (np.ones((5, 2)), "N H")},
                ValueError, r"f: h has shape \(5, 2\), expected \(N, H\) = \(2, 2\)",
            ),
            Refusal(
                "another rank", {"x": (np.ones(3), "N D")},
                ValueError, r"f: x has shape \(3,\), expected 2 dimensions, \(N, D\)",
            ),
            Refusal(
                "a dimension of size zero", {"x": (np.ones((0, 3)), "N D")},
                ValueError, r"f: x has shape \(0, 3\), .* no dimension of size zero",
            ),
            Refusal(
                "integers", {"x": (np.ones((2, 3), int), "N D")},
                TypeError, "f: x has dtype int64, expected floats",
            ),
            Refusal("no array", {"x": (1.0, "N D")}, TypeError, "x is a float, expected a NumPy"),
        ),
    ),
    Contract(
        check_indices,
        lambda: {"function": "f", "name": "y", "array": np.array([0, 4]), "upper": 5},
        (
            Refusal(
                "an index too large", {"upper": 4},
                ValueError, "f: y contains 4, expected indices from 0 to 3",
            ),
            Refusal(
                "a negative index", {"array": np.array([-1, 9])},
                ValueError, "f: y contains -1, expected indices from 0 to 4",
            ),
            Refusal(
                "floats", {"array": np.array([0.0])},
                TypeError, "f: y is float64, expected a NumPy array of integers",
            ),
            Refusal(
                "truth values", {"array": np.array([True])},
                TypeError, "f: y is bool, expected a NumPy array of integers",
            ),
        ),
    ),
    Contract(
        check_finite,
        lambda: {"function": "f", "arrays": {"x": np.array([1.0, 2.0, 3.0])}},
        (
            Refusal(
                "NaN and infinite numbers", {"arrays": {"x": np.array([np.nan, 0, -np.inf])}},
                ValueError, "f: x contains 2 values that are NaN or infinite",
            ),
        ),
    ),
    Contract(
        check_count,
        lambda: {"function": "f", "name": "steps", "value": 3},
        (
            Refusal("zero", {"value": 0}, ValueError, "f: steps is 0, expected at least 1"),
            Refusal("a float", {"value": 3.0}, TypeError, "steps is 3.0, expected a whole number"),
            Refusal("a truth value", {"value": True}, TypeError, "steps is True, expected a"),
            Refusal("text", {"value": "3"}, TypeError, "f: steps is '3', expected a whole number"),
        ),
    ),
    Contract(
        check_number,
        lambda: {"function": "f", "name": "rate", "value": 0.5, "least": 0, "most": 1},
        (
            Refusal("too small", {"value": -0.1}, ValueError, "rate is -0.1, expected at least 0"),
            Refusal("too large", {"value": 1.5}, ValueError, "f: rate is 1.5, .* at most 1"),
            Refusal("NaN", {"value": np.nan}, ValueError, "f: rate is nan, expected at least 0"),
            Refusal(
                "infinite", {"value": np.inf, "least": None, "most": np.inf},
                ValueError, "f: rate is inf, expected a finite number",
            ),
            Refusal("text", {"value": "0.5"}, TypeError, "f: rate is '0.5', expected a number"),
            Refusal("a truth value", {"value": True}, TypeError, "rate is True, expected a number"),
        ),
    ),
    Contract(
        check_rng,
        lambda: {"function": "f", "rng": np.random.default_rng(0)},
        (
            Refusal("a seed", {"rng": 0}, TypeError, "rng is a int, expected a numpy"),
            Refusal(
                "the state that all share", {"rng": np.random}, TypeError,
                "f: rng is a module, expected a numpy.random.Generator, such as numpy.random.def",
            ),
        ),
    ),
    Contract(
        check_texts,
        lambda: {"function": "f", "name": "words", "texts": ["a", "b"]},
        (
            Refusal("a single string", {"texts": "ab"}, TypeError, "f: words is a single string"),
            Refusal("what is no list", {"texts": 7}, TypeError, "words is a int, expected a list"),
            Refusal("numbers", {"texts": ["a", 1]}, TypeError, "words holds a int, expected"),
            Refusal("another number of strings", {"length": 3}, ValueError, "2 strings, exp"),
        ),
    ),
)  # fmt: skip
