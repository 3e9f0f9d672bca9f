"""Contracts of ``cs231n_lib.see.images``."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cs231n_lib.see.images import blur_image, deprocess, load_image, preprocess, save_png
from cs231n_lib.see.pixels import clamp_pixels, denormalize, normalize
from tests.contracts import Contract, Refusal
from tests.tiny import of_tensors, pictures, spoilt

SQUARE = np.zeros((6, 6, 3), np.uint8)


def _of_sources(name: str) -> tuple[Refusal, ...]:
    return (
        Refusal("a file that is not there", {name: "no-such.png"}, FileNotFoundError,
                "there is no file 'no-such.png', and no photograph of that name"),
        Refusal("a file that is no picture", {name: __file__}, ValueError,
                "is no picture that can be read"),
        Refusal("a number", {name: 5}, TypeError, "source is a int, expected a name, a path"),
        Refusal("a tensor", {name: torch.zeros(6, 6, 3)}, TypeError, "source is a Tensor, exp"),
        Refusal("an array of whole numbers that are no bytes", {name: np.zeros((6, 6, 3), int)},
                TypeError, "dtype int64, expected uint8 from 0 to 255 or floats from 0 to 1"),
        Refusal("an array of complex numbers", {name: np.zeros((6, 6, 3), complex)}, TypeError,
                "dtype complex128, expected uint8"),
        Refusal("an array of objects", {name: np.full((6, 6), None)}, TypeError,
                "dtype object, expected uint8"),
        Refusal("an array with two channels", {name: np.zeros((6, 6, 2), np.uint8)}, ValueError,
                r"shape \(6, 6, 2\), expected \(H, W\)"),
        Refusal("an array without a pixel", {name: np.zeros((0, 6, 3), np.uint8)}, ValueError,
                r"shape \(0, 6, 3\), and so no pixel"),
        Refusal("a PIL image without a pixel", {name: Image.new("RGB", (0, 6))}, ValueError,
                r"size \(0, 6\), and so no pixel"),
        Refusal("an array with NaN", {name: np.full((6, 6), math.nan)}, ValueError,
                "NaN or infinite pixels"),
        Refusal("floats from 0 to 255", {name: np.full((6, 6), 200.0)}, ValueError,
                "floats from 200 to 200, expected 0 to 1"),
        Refusal("no size", {"size": 0}, ValueError, "size is 0, expected at least 1"),
        Refusal("a size that is no whole number", {"size": 6.5}, TypeError,
                "size is 6.5, expected a whole number"),
        Refusal("a size beyond all memory", {"size": 10**9}, ValueError,
                "size is 1000000000, expected at most 9000"),
    )  # fmt: skip


def _target() -> dict:
    return {"path": Path(tempfile.gettempdir(), "picture.png"), "image": SQUARE}


OF_COLOURS = (
    *of_tensors("X", "pictures"),
    Refusal("grey pictures", lambda a: {"X": a["X"].detach()[:, :1]}, ValueError,
            r"X has shape \(2, 1, 8, 8\), expected \(N, 3, H, W\)"),
)  # fmt: skip


def _of_stacks(name: str) -> tuple[Refusal, ...]:
    """Of any number of dimensions, the last three of which are a picture."""
    return (
        Refusal("a NumPy array", lambda a: {name: a[name].detach().numpy()}, TypeError,
                f"{name} is a ndarray, expected a tensor"),
        Refusal("bytes, which have no place for a mean of 0.4",
                lambda a: {name: a[name].detach().byte()}, TypeError,
                f"{name} has dtype torch.uint8, expected floats"),
        Refusal("grey pictures", lambda a: {name: a[name].detach()[:, :1]}, ValueError,
                rf"{name} has shape \(2, 1, 8, 8\), expected \(..., 3, H, W\)"),
        Refusal("a matrix", lambda a: {name: a[name].detach()[0, 0]}, ValueError,
                rf"{name} has shape \(8, 8\), expected \(..., 3, H, W\)"),
    )  # fmt: skip


CONTRACTS = (
    Contract(load_image, lambda: {"source": SQUARE.copy(), "size": 4}, _of_sources("source")),
    Contract(
        preprocess,
        lambda: {"images": [SQUARE.copy(), SQUARE.copy()], "size": 4},
        (
            Refusal("no pictures", {"images": []}, ValueError, "no pictures were given"),
            Refusal("pictures of different sizes", {"images": [SQUARE, SQUARE[:3]], "size": None},
                    ValueError, "different sizes, .* do not fit in one tensor; give a size"),
            Refusal("a batch as one array", {"images": np.zeros((2, 6, 6, 3))}, ValueError,
                    r"shape \(2, 6, 6, 3\), expected \(H, W\)"),
            *_of_sources("images")[::2],
        ),
    ),
    Contract(
        deprocess,
        lambda: {"X": pictures()},
        (
            *OF_COLOURS,
            Refusal("pictures with NaN", lambda a: {"X": spoilt(a["X"], math.nan)}, ValueError,
                    "X contains pixels that are NaN or infinite"),
            Refusal("pictures with an infinite pixel", lambda a: {"X": spoilt(a["X"], math.inf)},
                    ValueError, "X contains pixels that are NaN or infinite"),
        ),
    ),
    Contract(normalize, lambda: {"pixels": pictures()}, _of_stacks("pixels")),
    Contract(denormalize, lambda: {"X": pictures()}, _of_stacks("X")),
    Contract(clamp_pixels, lambda: {"X": pictures()}, OF_COLOURS),
    Contract(
        blur_image,
        lambda: {"X": pictures(), "sigma": 1.0},
        (
            *of_tensors("X", "pictures"),
            Refusal("no width", {"sigma": 0}, ValueError, "sigma is 0, expected above 0"),
            Refusal("a width that is NaN", {"sigma": math.nan}, ValueError, "sigma is nan, exp"),
            Refusal("a width that is no number", {"sigma": "1"}, TypeError, "sigma is '1', exp"),
            Refusal("a width beyond the picture", {"sigma": 3}, ValueError,
                    "sigma 3 needs pictures of 12 pixels a side or more"),
        ),
    ),
    Contract(
        save_png,
        _target,
        (
            Refusal("floats", {"image": np.zeros((6, 6, 3))}, TypeError,
                    "image is float64, expected a NumPy array of uint8"),
            Refusal("a list", {"image": [[[0]]]}, TypeError, "image is list, expected a NumPy"),
            Refusal("a grey picture", {"image": SQUARE[:, :, 0]}, ValueError,
                    r"image has shape \(6, 6\), expected \(H, W, 3\)"),
            Refusal("a picture with opacity", {"image": np.zeros((6, 6, 4), np.uint8)}, ValueError,
                    r"image has shape \(6, 6, 4\)"),
            Refusal("a picture without a pixel", {"image": SQUARE[:0]}, ValueError,
                    r"image has shape \(0, 6, 3\)"),
            Refusal("a folder that is not there", lambda a: {"path": a["path"].parent / "no" / "x"},
                    FileNotFoundError, "No such file or directory|there is no folder"),
        ),
    ),
)  # fmt: skip
