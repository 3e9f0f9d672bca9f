"""Contracts of ``cs231n_lib.figures.attention``."""

from __future__ import annotations

import numpy as np

from cs231n_lib.figures.attention import look_tiles
from tests.contracts import Contract, Refusal

CONTRACTS = (
    Contract(
        look_tiles,
        lambda: {
            "picture": np.zeros((12, 12, 3), np.uint8),
            "words": ["a", "star"],
            "weights": np.full((2, 4), 0.25),
        },
        (
            Refusal("weights of another number of words", {"weights": np.ones((3, 4))}, ValueError,
                    r"weights has shape \(3, 4\)"),
            Refusal("weights of integers", {"weights": np.ones((2, 4), int)}, TypeError,
                    "int64, expected floats"),
            Refusal("a share above one", {"weights": np.full((2, 4), 1.5)}, ValueError,
                    "weights contains 1.5, expected"),
            Refusal("a share that is NaN", {"weights": np.full((2, 4), np.nan)}, ValueError,
                    "weights"),
            Refusal("fields that form no square", {"weights": np.full((2, 6), 0.1)}, ValueError,
                    "weights has 6 fields, expected a square"),
        ),
    ),
)  # fmt: skip
