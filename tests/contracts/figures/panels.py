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
            Refusal("a kind that does not exist", {"kind": "carousel"}, ValueError,
                    "expected one of compare, steps, words"),
            Refusal("a label too few", {"labels": ["before", "after"]}, ValueError,
                    "3 tiles and 2 labels, expected two tiles at least and a label for each"),
            Refusal("one string instead of labels", {"labels": "abc"}, TypeError,
                    "expected a list of strings"),
            Refusal("two pictures to compare",
                    lambda valid: {"tiles": valid["tiles"][:2], "labels": ["before", "after"]},
                    ValueError, "2 tiles to compare, expected 3"),
            Refusal("steps that are not so many pictures' together",
                    {"kind": "steps", "together": 2}, ValueError, "3 tiles are not 2 pictures"),
            Refusal("a tile of floats", with_tile(np.zeros((4, 4, 3))), TypeError,
                    "of float64, expected an"),
            Refusal("a tile with opacity", with_tile(np.zeros((4, 4, 4), np.uint8)), ValueError,
                    "with 3 colours"),
            Refusal("a grey tile", with_tile(np.zeros((4, 4), np.uint8)), ValueError,
                    "with 3 colours"),
            Refusal("a tile that is neither picture nor drawing", with_tile("a.png"), TypeError,
                    r"tiles\[0\] is str"),
            Refusal("no columns", {"columns": 0}, ValueError, "columns is 0"),
            Refusal("tiles without width", {"size": (0, 32)}, ValueError, "width is 0"),
            Refusal("nothing that changes together", {"together": 0}, ValueError, "together is 0"),
            Refusal("a difference magnified no times", {"magnified": 0}, ValueError,
                    "magnified is 0, expected above 0"),
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
