"""Contracts of the layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cs231n_lib.speak import layers
from tests.contracts import Contract, Refusal
from tests.gradients import normal

_WORDS = np.array([[0, 4, 2], [3, 1, 1]])


def _affine() -> dict[str, np.ndarray]:
    return normal(0, x=(2, 3, 2), w=(6, 4), b=(4,))


def _temporal_affine() -> dict[str, np.ndarray]:
    return normal(0, x=(2, 3, 6), w=(6, 4), b=(4,))


def _softmax() -> dict[str, np.ndarray]:
    return normal(0, x=(2, 3, 5)) | {"y": _WORDS.copy(), "mask": _WORDS != 2}


def _embedding() -> dict[str, np.ndarray]:
    return {"x": _WORDS.copy()} | normal(0, W=(5, 4))


def _back(forward: Callable, given: Callable[[], dict]) -> Callable[[], dict[str, Any]]:
    """Arguments of a backward pass."""

    def arguments() -> dict[str, Any]:
        out, cache = forward(**given())
        return {"dout": np.ones_like(out), "cache": cache}

    return arguments


CONTRACTS = (
    Contract(layers.affine_forward, _affine),
    Contract(layers.affine_backward, _back(layers.affine_forward, _affine)),
    Contract(layers.temporal_affine_forward, _temporal_affine),
    Contract(
        layers.temporal_affine_backward, _back(layers.temporal_affine_forward, _temporal_affine)
    ),
    Contract(
        layers.temporal_softmax_loss,
        _softmax,
        (
            Refusal(
                "words of another length", lambda a: {"y": a["y"][:, 1:]},
                ValueError, r"y has shape \(2, 2\), expected \(N, T\) = \(2, 3\) from x",
            ),
            Refusal(
                "a word beyond the vocabulary", lambda a: {"y": a["y"] + 1},
                ValueError, "y contains 5, expected indices from 0 to 4",
            ),
            Refusal(
                "a negative word", lambda a: {"y": a["y"] - 1},
                ValueError, "y contains -1, expected indices from 0 to 4",
            ),
            Refusal(
                "words as floats", lambda a: {"y": a["y"].astype(float)},
                TypeError, "y is float64, expected a NumPy array of integers",
            ),
            Refusal(
                "a mask of another shape", lambda a: {"mask": a["mask"][0]},
                ValueError, r"mask has shape \(3,\), expected \(N, T\) = \(2, 3\) from x",
            ),
            Refusal(
                "a mask of weights", lambda a: {"mask": 0.5 * a["mask"]},
                ValueError, "mask of dtype float64 contains values other than 0 and 1",
            ),
            Refusal(
                "a structured mask", {"mask": np.zeros((2, 3), "f4,f4")},
                ValueError, "contains values other than 0 and 1, expected truth values",
            ),
            Refusal(
                "a masked mask", lambda a: {"mask": np.ma.array(a["mask"], mask=a["mask"])},
                TypeError, r"mask is a MaskedArray, expected .*; give mask.filled\(0\)",
            ),
            Refusal(
                "a mask with NaN", lambda a: {"mask": np.where(a["mask"], 1, np.nan)},
                ValueError, "mask of dtype float64 contains values other than 0 and 1",
            ),
        ),
    ),
    Contract(layers.word_embedding_forward, _embedding),
    Contract(layers.word_embedding_backward, _back(layers.word_embedding_forward, _embedding)),
)  # fmt: skip
