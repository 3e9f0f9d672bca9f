"""Contracts of ``cs231n_lib.figures.checks``: refusing is what they are for."""

from __future__ import annotations

import numpy as np

from cs231n_lib.figures import checks as figure_checks
from tests.contracts import Contract, Refusal

CONTRACTS = (
    Contract(
        figure_checks.check_values,
        lambda: {
            "function": "plot", "name": "x", "values": [0.0, np.nan, 1.0], "length": 3, "least": 0,
            "most": 1, "gaps": True,
        },
        (
            Refusal("strings", {"values": ["1", "2", "3"]}, TypeError, "plot: x has dtype <U1"),
            Refusal("complex numbers", {"values": [1j, 0, 0]}, TypeError, "complex128, expected"),
            Refusal("truth values", {"values": [True] * 3}, TypeError, "dtype bool, expected"),
            Refusal("a table", {"values": np.zeros((3, 2))}, ValueError, r"shape \(3, 2\)"),
            Refusal("one number", {"values": 1.0}, ValueError, r"shape \(\), expected a sequence"),
            Refusal("another length", {"values": [1.0]}, ValueError, "1 values, expected 3"),
            Refusal("infinity", {"values": [0, np.inf, 0]}, ValueError, "1 values that are NaN or"),
            Refusal("NaN where there are no gaps", {"gaps": False}, ValueError, "1 values that"),
            Refusal("a number out of range", {"values": [0, 2, 0]}, ValueError, "x contains 2"),
        ),
    ),
    Contract(
        figure_checks.check_curves,
        lambda: {"function": "plot", "name": "curves", "curves": {"a": [1.0, 2.0]}},
        (
            Refusal("no curves", {"curves": {}}, ValueError, "curves is empty, expected one"),
            Refusal("a list of curves", {"curves": [[1.0]]}, TypeError, "is a list, expected a d"),
            Refusal("a curve that is NaN", {"curves": {"a": [np.nan]}}, ValueError, r"\['a'\]"),
        ),
    ),
    Contract(
        figure_checks.check_picture,
        lambda: {"function": "show", "name": "image", "image": np.zeros((2, 3, 3), np.uint8)},
        (
            Refusal("floats", {"image": np.zeros((2, 3, 3))}, TypeError, "image is of float64"),
            Refusal("a list", {"image": [[[1, 2, 3]]]}, TypeError, "image is list, expected"),
            Refusal("a grey picture", {"image": np.zeros((2, 3), np.uint8)}, ValueError,
                    r"shape \(2, 3\), expected"),
            Refusal("no pixels", {"image": np.zeros((0, 3, 3), np.uint8)}, ValueError,
                    r"shape \(0, 3, 3\)"),
        ),
    ),
    Contract(
        figure_checks.check_colours,
        lambda: {"function": "show", "colours": "inferno"},
        (
            Refusal("colours that do not exist", {"colours": "fire"}, ValueError,
                    "colours is 'fire', expected one of"),
        ),
    ),
)  # fmt: skip
