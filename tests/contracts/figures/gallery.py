"""Contracts of ``cs231n_lib.figures.gallery``."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from cs231n_lib.figures.gallery import show_images
from tests.contracts import Contract, Refusal


def grid() -> dict[str, Any]:
    return {
        "images": [np.full((4, 6, 3), 90, np.uint8), np.array([[-1.0, 0.0, 4.0]])],
        "titles": ["picture", "map"],
        "columns": 1,
        "row_labels": ["a", "b"],
    }


def only(image: Any) -> dict[str, Any]:
    """A change that shows one image."""
    return {"images": [image], "titles": None, "row_labels": None}


CONTRACTS = (
    Contract(
        show_images,
        grid,
        (
            Refusal("a batch instead of a picture", only(np.zeros((1, 4, 4, 3))), ValueError,
                    r"images\[0\] has shape \(1, 4, 4, 3\)"),
            Refusal("colours first", only(np.zeros((3, 4, 4))), ValueError, "expected .H, W, 3."),
            Refusal("a picture with opacity", only(np.zeros((4, 4, 4), np.uint8)), ValueError,
                    "expected .H, W, 3."),
            Refusal("a picture without pixels", only(np.zeros((0, 4))), ValueError,
                    r"has shape \(0, 4\)"),
            Refusal("a normalised picture", only(np.full((4, 4, 3), -2.1)), ValueError,
                    "deprocess makes pictures"),
            Refusal("a picture from 0 to 255 in floats", only(np.full((4, 4, 3), 90.0)), ValueError,
                    r"images\[0\] has values from 90 to 90, expected 0 to 1"),
            Refusal("a picture of int64", only(np.full((4, 4, 3), 90)), TypeError,
                    "dtype int64, expected uint8"),
            Refusal("an open image", only(Image.new("P", (4, 4))), TypeError,
                    r"images\[0\] is an Image, expected an array; .*load_image makes one"),
            Refusal("a map of complex numbers", only(np.zeros((4, 4), complex)), TypeError,
                    "dtype complex128"),
            Refusal("a map with NaN", only(np.array([[np.nan, 1.0]])), ValueError, "1 values"),
            Refusal("titles of another number", {"titles": ["a"] * 5}, ValueError,
                    "5 titles for 2 images"),
            Refusal("labels of another number", {"row_labels": ["a"]}, ValueError,
                    "1 row_labels for 2 rows"),
            Refusal("colours that do not exist", {"colours": "fire"}, ValueError,
                    "colours is 'fire'"),
        ),
    ),
)  # fmt: skip
