"""Contracts of the checks that a gradient is right."""

from __future__ import annotations

from typing import Any

import numpy as np

from cs231n_lib.speak.gradient_check import numeric_gradient, relative_error
from tests.contracts import Contract, Refusal


def _gradient() -> dict[str, Any]:
    return {"f": np.sin, "x": np.array([[0.5, 1.0]]), "df": np.array([[1.0, 2.0]])}


CONTRACTS = (
    Contract(
        numeric_gradient,
        _gradient,
        (
            Refusal(
                "single precision", lambda a: {"x": a["x"].astype(np.float32)},
                TypeError, "x has dtype float32, expected float64 or longer",
            ),
            Refusal(
                "integers", lambda a: {"x": a["x"].astype(int)},
                TypeError, "x has dtype int64, expected float64 or longer",
            ),
            Refusal(
                "an array that cannot be moved", lambda a: {"x": np.broadcast_to(a["x"], (3, 2))},
                ValueError, "x is read-only, expected an array that can be moved",
            ),
            Refusal(
                "a function that computes in single precision",
                {"f": lambda x: np.sin(x.astype(np.float32))},
                TypeError, r"f\(x\) has dtype float32, expected float64 or longer: the rounding of",
            ),
            Refusal(
                "an upstream gradient of dates", lambda a: {"df": a["df"].astype("M8[s]")},
                TypeError, r"df has dtype datetime64\[s\], expected real numbers",
            ),
            Refusal(
                "a matrix for an upstream gradient", lambda a: {"df": a["df"].view(np.matrix)},
                TypeError, r"df is a matrix, expected real numbers; give np.asarray\(df\)",
            ),
            Refusal("a step of zero", {"h": 0.0}, ValueError, "h is 0, expected above 0"),
            Refusal("an infinite step", {"h": np.inf}, ValueError, "h is inf, expected above 0"),
            Refusal(
                "a step that rounding swallows", lambda a: {"x": a["x"] * 1e20},
                ValueError, r"h is 1e-05, too small to move 5e\+19, a number of x",
            ),
            Refusal(
                "an upstream gradient of another shape", lambda a: {"df": a["df"][0]},
                ValueError, r"df has shape \(2,\), expected \(1, 2\), that of f\(x\)",
            ),
        ),
    ),
    Contract(
        relative_error,
        lambda: {"a": np.array([1.0, 2.0]), "b": np.array([1.0, 2.1])},
        (
            Refusal(
                "arrays of two shapes", lambda a: {"b": a["b"][:1]},
                ValueError, r"b has shape \(1,\), expected \(2,\), that of a",
            ),
            Refusal("text", {"a": ["1", "2"]}, TypeError, "a has dtype <U1, expected real numbers"),
            Refusal(
                "complex numbers", lambda a: {"b": a["b"] * 1j},
                TypeError, "b has dtype complex128, expected real numbers",
            ),
            Refusal(
                "masked numbers", lambda a: {"b": np.ma.array(a["b"], mask=[True, False])},
                TypeError, r"b is a MaskedArray, expected real numbers; give b.filled\(0\)",
            ),
            Refusal(
                "truth values", lambda a: {"b": a["b"] > 1},
                TypeError, "b has dtype bool, expected real numbers",
            ),
            Refusal(
                "nothing to compare", {"a": np.zeros(0), "b": np.zeros(0)},
                ValueError, r"a has shape \(0,\), expected some numbers",
            ),
        ),
    ),
)  # fmt: skip
