"""What the first layers of SqueezeNet see in one picture, in NumPy: the eyes of a page.

The same as `cs231n_lib.speak.features.describe_pictures`, which needs PyTorch. The weights are
those that ``make captioners`` has saved.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

FOLDER = Path(__file__).parent / "captioners"
FIELDS = 6  # of the map, in each direction


def describe(picture: np.ndarray, world: str) -> np.ndarray:
    """Features of a picture, (96, 96, 3) uint8, for the captioners of ``"scenes"`` or ``"nouns"``.

    Returns
    -------
    (1152,) float32, or (2304,)
        6 x 6 fields, with 32 numbers for each, or 64.
    """
    eyes = _eyes(world)
    x = (np.float32(picture) / 255 - eyes["pixel_mean"]) / eyes["pixel_std"]  # channels last
    x = _pool(_convolve(x, eyes, "0", stride=2))
    x = _fire(_fire(x, eyes, "3"), eyes, "4")
    if world == "nouns":
        x = _pool(x)
        x = _fire(_fire(x, eyes, "6"), eyes, "7")
    fields = (_fields(x) - eyes["mean"]) @ eyes["components"].T / eyes["scale"]
    return fields.ravel()


@lru_cache
def _eyes(world: str) -> dict[str, np.ndarray]:
    with np.load(FOLDER / f"{world}-eyes.npz") as file:
        return dict(file)


def _convolve(x: np.ndarray, eyes: dict, name: str, stride: int = 1, pad: int = 0) -> np.ndarray:
    """A convolution and its ReLU: every patch of the picture as a row, times the weights."""
    weight = eyes[f"{name}.weight"]  # (channels out, in, k, k)
    side = weight.shape[-1]
    x = np.pad(x, ((pad, pad), (pad, pad), (0, 0)))
    patches = sliding_window_view(x, (side, side), axis=(0, 1))[::stride, ::stride]
    # Transposed, a matrix lies column by column: without BLAS, that is the fast way.
    y = patches.reshape(-1, weight[0].size) @ weight.reshape(len(weight), -1).T
    y = np.maximum(y + eyes[f"{name}.bias"], 0)
    return y.reshape(*patches.shape[:2], -1)


def _fire(x: np.ndarray, eyes: dict, number: str) -> np.ndarray:
    """A Fire module: few channels, and of these many, alone and with their neighbours."""
    x = _convolve(x, eyes, f"{number}.squeeze")
    alone = _convolve(x, eyes, f"{number}.expand1x1")
    return np.concatenate([alone, _convolve(x, eyes, f"{number}.expand3x3", pad=1)], axis=2)


def _pool(x: np.ndarray) -> np.ndarray:
    """The largest of every 3 x 3, in steps of 2; of 96 pixels, nothing is left at the border."""
    return sliding_window_view(x, (3, 3), axis=(0, 1))[::2, ::2].max(axis=(3, 4))


def _fields(x: np.ndarray) -> np.ndarray:
    """Means over 6 x 6 fields, which overlap where the map cannot be divided: (36, C)."""
    edges = np.arange(FIELDS + 1) * len(x)
    cuts = [slice(a // FIELDS, -(-b // FIELDS)) for a, b in pairwise(edges)]
    return np.array([x[rows, columns].mean(axis=(0, 1)) for rows in cuts for columns in cuts])
