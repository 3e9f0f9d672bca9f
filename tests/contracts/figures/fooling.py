"""Contracts of ``cs231n_lib.figures.fooling``."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from cs231n_lib.figures import fooling as fooling_figures
from cs231n_lib.see.fooling import Fooling
from tests.contracts import Contract, Refusal


def two_steps() -> Fooling:
    """Two pictures that were fooled in two steps."""
    X, y = torch.zeros(2, 3, 4, 4), torch.zeros(2, dtype=torch.int64)
    scores = torch.arange(6.0).reshape(3, 2)
    return Fooling(X, X, y, ("fooled", "fooled"), torch.full((2,), 2), y, scores, -scores)


def plane() -> dict[str, Any]:
    return {
        "classes": np.array([[0, 1, 1], [0, 0, 1]]),
        "names": ["cat", "dog"],
        "x": [0.0, 0.5, 1.0],
        "y": [0.0, 1.0],
        "xlabel": "across",
        "ylabel": "up",
        "points": {"here": (0.5, 0.5)},
    }


CONTRACTS = (
    Contract(
        fooling_figures.magnify,
        lambda: {"X": torch.zeros(1, 3, 4, 4), "X_fooling": torch.ones(1, 3, 4, 4), "times": 5},
        (
            Refusal("NumPy instead of a tensor", {"X": np.zeros((1, 3, 4, 4))}, TypeError,
                    "X is a ndarray, expected a tensor"),
            Refusal("a picture of bytes", {"X_fooling": torch.zeros(1, 3, 4, 4).byte()}, TypeError,
                    "X_fooling has dtype torch.uint8, expected floats"),
            Refusal("pictures of another size", {"X_fooling": torch.zeros(1, 3, 5, 4)}, ValueError,
                    "magnify: X has shape"),
            Refusal("another number of pictures", {"X_fooling": torch.zeros(2, 3, 4, 4)},
                    ValueError, "magnify: X has shape"),
            Refusal("a single picture without a batch", {"X": torch.zeros(3, 4, 4)}, ValueError,
                    r"expected \(N, 3, H, W\)"),
            Refusal("a pixel that is NaN", {"X": torch.full((1, 3, 4, 4), torch.nan)}, ValueError,
                    "NaN or infinite"),
            Refusal("pixels from 0 to 255", {"X": torch.full((1, 3, 4, 4), 255.0)}, ValueError,
                    "expected normalised pixels"),
            Refusal("no magnification", {"times": 0}, ValueError, "times is 0, expected above 0"),
        ),
    ),
    Contract(
        fooling_figures.plot_score_paths,
        lambda: {"results": {"to a dog": two_steps()}, "n": 1},
        (
            Refusal("no results", {"results": {}}, ValueError, "is empty, expected one result"),
            Refusal("something else than a result", {"results": {"to a dog": [1.0, 2.0]}},
                    TypeError, "is a list, expected a Fooling"),
            Refusal("a picture that does not exist", {"n": 2}, ValueError, "has 2 pictures"),
            Refusal("a negative picture", {"n": -1}, ValueError, "n is -1, expected at least 0"),
        ),
    ),
    Contract(
        fooling_figures.plot_series,
        lambda: {
            "x": [1, 2, 4],
            "curves": {"measured": [3, 2, 1], "computed": [3.0, np.nan, 1.0]},
            "xlabel": "budget",
            "ylabel": "kept",
            "log": True,
            "dashed": ["computed"],
        },
        (
            Refusal("no curves", {"curves": {}}, ValueError, "is empty, expected one curve"),
            Refusal("a curve of another length", {"curves": {"measured": [3, 2]}}, ValueError,
                    r"curves\['measured'\] has 2 values, expected 3"),
            Refusal("an infinite value", {"curves": {"measured": [3, 2, np.inf]}}, ValueError,
                    "1 values that are NaN or infinite"),
            Refusal("a place that is NaN", {"x": [1, np.nan, 4]}, ValueError, "x contains 1 val"),
            Refusal("zero on a logarithmic axis", {"x": [0, 2, 4]}, ValueError, "x contains 0"),
            Refusal("a dashed curve that does not exist", {"dashed": ["guessed"]}, ValueError,
                    "dashed names 'guessed', expected one of measured, computed"),
            Refusal("one string instead of dashed curves", {"dashed": "computed"}, TypeError,
                    "expected a list of strings"),
        ),
    ),
    Contract(
        fooling_figures.plot_class_map,
        plane,
        (
            Refusal("a class without a name", {"names": ["cat"]}, ValueError,
                    "classes contains 1, expected indices from 0 to 0"),
            Refusal("a negative class", {"classes": np.array([[0, 1, -1], [0, 0, 1]])}, ValueError,
                    "classes contains -1"),
            Refusal("classes that are no integers", {"classes": np.zeros((2, 3))}, TypeError,
                    "expected a NumPy array of integers"),
            Refusal("classes of another shape", {"classes": np.zeros((3, 2), int)}, ValueError,
                    r"shape \(3, 2\), expected"),
            Refusal("coordinates that are not evenly spaced", {"x": [0.0, 0.5, 3.0]}, ValueError,
                    "x is .*evenly spaced and rising"),
            Refusal("falling coordinates", {"y": [1.0, 0.0]}, ValueError, "evenly spaced and ris"),
            Refusal("a single coordinate", {"y": [0.0]}, ValueError, "two numbers at least"),
            Refusal("a point that is no pair", {"points": {"here": (1.0, 2.0, 3.0)}}, ValueError,
                    "has 3 values, expected 2"),
        ),
    ),
)  # fmt: skip
