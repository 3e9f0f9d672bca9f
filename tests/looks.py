"""How a picture looks, in a few words: the mean colour of each field of a coarse grid."""

from __future__ import annotations

import numpy as np


def colours_of(picture: np.ndarray, fields: int) -> list[str]:
    """A line of colours, such as ``"#12315f #2f8f9d"``, for each row of fields."""
    means = _means(picture, fields).round().astype(int)
    return [" ".join("#{:02x}{:02x}{:02x}".format(*colour) for colour in row) for row in means]


def assert_looks_like(picture: np.ndarray, lines: list[str]) -> None:
    """Whatever rounding another machine does, no field's mean moves by as much as two levels."""
    expected = [
        [[int(colour[k : k + 2], 16) for k in (1, 3, 5)] for colour in line.split()]
        for line in lines
    ]
    found = _means(picture, len(lines))
    assert np.abs(found - expected).max() < 2, "\n".join(colours_of(picture, len(lines)))


def _means(picture: np.ndarray, fields: int) -> np.ndarray:
    height, width = (size // fields for size in picture.shape[:2])
    return picture.reshape(fields, height, fields, width, 3).mean(axis=(1, 3))
