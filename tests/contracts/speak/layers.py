"""Contracts of the layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from cs231n_lib.speak.layers import (
    affine_backward,
    affine_forward,
    temporal_affine_backward,
    temporal_affine_forward,
    temporal_softmax_loss,
    word_embedding_backward,
    word_embedding_forward,
)
from tests.contracts import Contract, Refusal
from tests.contracts.speak.rnn import refuses_of_floats
from tests.gradients import normal


def _affine() -> dict[str, np.ndarray]:
    return normal(0, x=(2, 3, 2), w=(6, 4), b=(4,))


def _affine_backward() -> dict[str, Any]:
    out, cache = affine_forward(**_affine())
    return {"dout": np.ones_like(out), "cache": cache}


def _temporal_affine() -> dict[str, np.ndarray]:
    return normal(0, x=(2, 3, 6), w=(6, 4), b=(4,))


def _temporal_affine_backward() -> dict[str, Any]:
    out, cache = temporal_affine_forward(**_temporal_affine())
    return {"dout": np.ones_like(out), "cache": cache}


def _softmax() -> dict[str, np.ndarray]:
    y = np.array([[0, 4, 2], [3, 1, 1]])
    return normal(0, x=(2, 3, 5)) | {"y": y, "mask": y != 2}


def _embedding() -> dict[str, np.ndarray]:
    return {"x": np.array([[0, 4, 2], [3, 1, 1]])} | normal(0, W=(5, 4))


def _embedding_backward() -> dict[str, Any]:
    out, cache = word_embedding_forward(**_embedding())
    return {"dout": np.ones_like(out), "cache": cache}


_REFUSES_WEIGHTS = (
    Refusal(
        "a weight turned round", lambda a: {"w": a["w"].T},
        ValueError, r"w has shape \(4, 6\), expected \(D, M\) = \(6, 6\)",
    ),
    Refusal(
        "a bias with one number for all", lambda a: {"b": a["b"][:1]},
        ValueError, r"b has shape \(1,\), expected \(M,\) = \(4,\)",
    ),
    Refusal(
        "an integer weight", lambda a: {"w": a["w"].astype(int)},
        TypeError, "w has dtype int64, expected floats",
    ),
)  # fmt: skip

_REFUSES_GRADIENT = (
    *refuses_of_floats("dout"),
    Refusal(
        "one gradient for several inputs", lambda a: {"dout": a["dout"][:1]},
        ValueError, r"dout has shape \(1, (3, )?4\), expected \(N, (T, )?[DM]\)",
    ),
)  # fmt: skip

CONTRACTS = (
    Contract(
        affine_forward,
        _affine,
        (
            *refuses_of_floats("x")[2:],
            Refusal(
                "a list instead of an array", lambda a: {"x": a["x"].tolist()},
                ValueError, "x has type list, expected an array",
            ),
            Refusal(
                "a single vector", lambda a: {"x": a["x"].ravel()},
                ValueError, r"x has shape \(12,\), expected an array \(N, d_1, ..., d_k\)",
            ),
            Refusal(
                "an empty batch", lambda a: {"x": a["x"][:0]},
                ValueError, r"x has shape \(0, 3, 2\), .* no dimension of size zero",
            ),
            *_REFUSES_WEIGHTS,
        ),
    ),
    Contract(affine_backward, _affine_backward, _REFUSES_GRADIENT),
    Contract(
        temporal_affine_forward,
        _temporal_affine,
        (
            *refuses_of_floats("x"),
            Refusal(
                "a step instead of a sequence", lambda a: {"x": a["x"][:, 0]},
                ValueError, r"x has shape \(2, 6\), expected 3 dimensions, \(N, T, D\)",
            ),
            Refusal(
                "a sequence without a step", lambda a: {"x": a["x"][:, :0]},
                ValueError, r"x has shape \(2, 0, 6\), .* no dimension of size zero",
            ),
            *_REFUSES_WEIGHTS,
        ),
    ),
    Contract(temporal_affine_backward, _temporal_affine_backward, _REFUSES_GRADIENT),
    Contract(
        temporal_softmax_loss,
        _softmax,
        (
            *refuses_of_floats("x"),
            Refusal(
                "scores of one step only", lambda a: {"x": a["x"][:, 0]},
                ValueError, r"x has shape \(2, 5\), expected 3 dimensions, \(N, T, V\)",
            ),
            Refusal(
                "words of another length", lambda a: {"y": a["y"][:, 1:]},
                ValueError, r"y has shape \(2, 2\), expected \(N, T\) = \(2, 3\)",
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
                ValueError, r"mask has shape \(3,\), expected \(N, T\) = \(2, 3\)",
            ),
            Refusal(
                "a mask of weights", lambda a: {"mask": 0.5 * a["mask"]},
                ValueError, "mask of dtype float64 contains values other than 0 and 1",
            ),
            Refusal(
                "a mask with NaN", lambda a: {"mask": np.where(a["mask"], 1, np.nan)},
                ValueError, "mask of dtype float64 contains values other than 0 and 1",
            ),
        ),
    ),
    Contract(
        word_embedding_forward,
        _embedding,
        (
            Refusal(
                "a word beyond the vocabulary", lambda a: {"x": a["x"] + 1},
                ValueError, "x contains 5, expected indices from 0 to 4",
            ),
            Refusal(
                "a negative word", lambda a: {"x": a["x"] - 1},
                ValueError, "x contains -1, expected indices from 0 to 4",
            ),
            Refusal(
                "words as floats", lambda a: {"x": a["x"].astype(float)},
                TypeError, "x is float64, expected a NumPy array of integers",
            ),
            Refusal(
                "truth values", lambda a: {"x": a["x"] > 1},
                TypeError, "x is bool, expected a NumPy array of integers",
            ),
            Refusal(
                "a list instead of an array", lambda a: {"x": a["x"].tolist()},
                TypeError, "x is list, expected a NumPy array of integers",
            ),
            Refusal(
                "a single sentence", lambda a: {"x": a["x"][0]},
                ValueError, r"x has shape \(3,\), expected \(N, T\), neither zero",
            ),
            Refusal(
                "an empty batch", lambda a: {"x": a["x"][:0]},
                ValueError, r"x has shape \(0, 3\), expected \(N, T\), neither zero",
            ),
            Refusal(
                "integer word vectors", lambda a: {"W": a["W"].astype(int)},
                TypeError, "W has dtype int64, expected floats",
            ),
        ),
    ),
    Contract(word_embedding_backward, _embedding_backward, _REFUSES_GRADIENT),
)  # fmt: skip
