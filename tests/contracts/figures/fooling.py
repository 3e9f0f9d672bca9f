"""Contracts of ``cs231n_lib.figures.fooling``."""

from __future__ import annotations

import numpy as np
import torch

from cs231n_lib.figures.fooling import magnify, plot_class_map, plot_score_paths, plot_series
from cs231n_lib.see.fooling import Fooling
from tests.contracts import Contract, Refusal


def two_steps() -> Fooling:
    """Two pictures that were fooled in two steps."""
    X, y = torch.zeros(2, 3, 4, 4), torch.zeros(2, dtype=torch.int64)
    scores = torch.arange(6.0).reshape(3, 2)
    return Fooling(X, X, y, ("fooled", "fooled"), torch.full((2,), 2), y, scores, -scores)


CONTRACTS = (
    Contract(
        magnify,
        lambda: {"X": torch.zeros(1, 3, 4, 4), "X_fooling": torch.ones(1, 3, 4, 4), "times": 5},
    ),
    Contract(
        plot_score_paths,
        lambda: {"results": {"to a dog": two_steps()}, "n": 1},
        (
            Refusal("no results", {"results": {}}, ValueError, "results is empty, expected"),
            Refusal("something else than a result", {"results": {"to a dog": [1.0, 2.0]}},
                    TypeError, r"results\['to a dog'\] is a list, expected a .*Fooling"),
            Refusal("a picture that does not exist", {"n": 2}, ValueError, "n is 2.*has 2 pict"),
        ),
    ),
    Contract(
        plot_series,
        lambda: {
            "x": [1, 2, 4],
            "curves": {"measured": [3, 2, 1], "computed": [3.0, np.nan, 1.0]},
            "xlabel": "budget",
            "ylabel": "kept",
            "log": True,
            "dashed": ["computed"],
        },
        (
            Refusal("zero on a logarithmic axis", {"x": [0, 2, 4]}, ValueError, "x contains 0"),
            Refusal("a dashed curve that does not exist", {"dashed": ["guessed"]}, ValueError,
                    "dashed names 'guessed', expected one of measured, computed"),
        ),
    ),
    Contract(
        plot_class_map,
        lambda: {
            "classes": np.array([[0, 1, 1], [0, 0, 1]]),
            "names": ["cat", "dog"],
            "x": [0.0, 0.5, 1.0],
            "y": [0.0, 1.0],
            "xlabel": "across",
            "ylabel": "up",
            "points": {"here": (0.5, 0.5)},
        },
        (
            Refusal("a class without a name", {"names": ["cat"]}, ValueError,
                    "classes contains 1, expected indices from 0 to 0"),
            Refusal("one string as names", {"names": "cat"}, TypeError, "names is a single string"),
            Refusal("coordinates that are not evenly spaced", {"x": [0.0, 0.5, 3.0]}, ValueError,
                    "x is .*evenly spaced and rising"),
            Refusal("falling coordinates", {"y": [1.0, 0.0]}, ValueError, "y is .*rising"),
            Refusal("a single coordinate", {"y": [0.0]}, ValueError, "at least two numbers"),
            Refusal("a point that is not a pair", {"points": {"here": (1.0, 2.0, 3.0)}}, ValueError,
                    r"points\['here'\] has shape \(3,\), expected \(2,\)"),
            Refusal("points as a list", {"points": [(1.0, 2.0)]}, TypeError, "points is a list"),
        ),
    ),
)  # fmt: skip
