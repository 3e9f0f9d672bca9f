"""Contracts of ``cs231n_lib.see.images``."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cs231n_lib.see.images import (
    Source,
    as_tensor,
    blur_image,
    deprocess,
    load_image,
    load_scaled,
    preprocess,
    save_png,
)
from tests.contracts import Contract, Refusal
from tests.tiny import pictures

SQUARE = np.zeros((6, 6, 3), np.uint8)


def _of_sources(name: str) -> tuple[Refusal, ...]:
    return (
        Refusal("a file that is not there", {name: "no-such.png"}, FileNotFoundError,
                "there is no file 'no-such.png', and no picture of that name"),
        Refusal("a file that is not a picture", {name: __file__}, ValueError,
                "is not a picture that can be read"),
        Refusal("an array of integers that are not bytes", {name: np.zeros((6, 6, 3), int)},
                TypeError, "dtype int64, expected uint8 from 0 to 255, uint16 from 0 to 65535, "),
        Refusal("an array of objects", {name: np.full((6, 6), None)}, TypeError,
                "dtype object, expected uint8"),
        Refusal("an array with two channels", {name: np.zeros((6, 6, 2), np.uint8)}, ValueError,
                r"shape \(6, 6, 2\), expected \(H, W\)"),
        Refusal("an array without a pixel", {name: np.zeros((0, 6, 3), np.uint8)}, ValueError,
                r"shape \(0, 6, 3\), expected .* no dimension of size zero"),
        Refusal("a PIL image without a pixel", {name: Image.new("RGB", (0, 6))}, ValueError,
                r"size \(0, 6\), expected at least one pixel"),
        Refusal("an array of which some is masked", {name: np.ma.masked_array(SQUARE)}, TypeError,
                "is a MaskedArray, expected .*filled"),
        Refusal("a tensor", {name: torch.zeros(3, 6, 6)}, TypeError,
                r"is a Tensor, expected a name, a path, a NumPy array .*\.numpy\(\)"),
        Refusal("an array with NaN", {name: np.full((6, 6), math.nan)}, ValueError,
                "NaN or infinite pixels"),
        Refusal("floats from 0 to 255", {name: np.full((6, 6), 200.0)}, ValueError,
                "floats from 200 to 200, expected 0 to 1"),
    )  # fmt: skip


CONTRACTS = (
    Contract(Source, lambda: {"several": True}),
    Contract(load_image, lambda: {"source": SQUARE.copy(), "size": 4}, _of_sources("source")),
    Contract(load_scaled, lambda: {"source": SQUARE.copy(), "side": 4}),
    Contract(
        preprocess,
        lambda: {"images": [SQUARE.copy(), SQUARE.copy()], "size": 4},
        (
            Refusal("pictures of different sizes", {"images": [SQUARE, SQUARE[:3]], "size": None},
                    ValueError, "images of different sizes, .* do not fit in one tensor"),
            Refusal("no size", {"size": 0}, ValueError, "size is 0, expected at least 1"),
            Refusal("a batch as one array", {"images": np.zeros((2, 6, 6, 3))}, ValueError,
                    r"shape \(2, 6, 6, 3\), expected \(H, W\)"),
            Refusal("a number among the pictures", {"images": [SQUARE, 3]}, TypeError,
                    r"images\[1\] is an int, expected a name, a path"),
        ),
    ),
    Contract(as_tensor, lambda: {"images": SQUARE[None].copy()}),
    Contract(deprocess, lambda: {"X": pictures()}),
    Contract(
        blur_image,
        lambda: {"X": pictures(), "sigma": 1.0},
        (Refusal("a width beyond the picture", {"sigma": 3}, ValueError,
                 "sigma is 3, which needs pictures of 12 pixels a side or more"),),
    ),
    Contract(
        save_png,
        lambda: {"path": Path(tempfile.gettempdir(), "picture.png"), "image": SQUARE.copy()},
        (Refusal("a folder that is not there", lambda a: {"path": a["path"].parent / "no" / "x"},
                 FileNotFoundError, "No such file or directory|there is no folder"),),
    ),
)  # fmt: skip
