"""Contracts of ``cs231n_lib.figures.panels``."""

from __future__ import annotations

from typing import Any

import numpy as np

from cs231n_lib.figures.panels import panels
from tests.contracts import Contract, Refusal


def comparison() -> dict[str, Any]:
    return {
        "kind": "compare",
        "tiles": [np.full((4, 4, 3), grey, np.uint8) for grey in (0, 90, 255)],
        "labels": ["before", "difference", "after"],
        "size": (32, 32),
        "magnified": 10.0,
    }


def with_tile(tile: Any) -> Any:
    """A change that replaces the first tile."""
    return lambda valid: {"tiles": [tile, *valid["tiles"][1:]]}


CONTRACTS = (
    Contract(
        panels,
        comparison,
        (
            Refusal("a label too few", {"labels": ["before", "after"]}, ValueError,
                    "labels has 2 strings, expected 3"),
            Refusal("two pictures to compare",
                    lambda valid: {"tiles": valid["tiles"][:2], "labels": ["before", "after"]},
                    ValueError, "tiles has 2 parts, expected .* 3 to compare"),
            Refusal("steps that cannot be shared out among pictures",
                    {"kind": "steps", "together": 2}, ValueError,
                    "tiles has 3 parts, .* as many for each of 2 pictures"),
            Refusal("a tile of floats", with_tile(np.zeros((4, 4, 3))), TypeError,
                    r"tiles\[0\] is float64, expected a NumPy array of uint8"),
            Refusal("a tile with opacity", with_tile(np.zeros((4, 4, 4), np.uint8)), ValueError,
                    r"shape \(4, 4, 4\), expected \(H, W, 3\)"),
            Refusal("a tile that is neither picture nor drawing", with_tile("a.png"), TypeError,
                    r"tiles\[0\] is a str"),
            Refusal("tiles without width", {"size": (0, 32)}, ValueError, r"size\[0\] is 0"),
        ),
    ),
    Contract(
        panels,
        lambda: {
            "kind": "steps",
            "tiles": [lambda figure: figure.text(0.5, 0.5, "a")] * 2,
            "labels": ["", ""],
            "size": (32, 32),
        },
    ),
)  # fmt: skip
