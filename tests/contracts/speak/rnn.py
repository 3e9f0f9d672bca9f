"""Contracts of the vanilla RNN, and what every recurrent network of the library refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from cs231n_lib.speak.rnn import rnn_backward, rnn_forward, rnn_step_backward, rnn_step_forward
from tests.contracts import Contract, Refusal
from tests.gradients import normal

N, T, D, H = 2, 3, 4, 5


def step(gates: int = 1) -> dict[str, np.ndarray]:
    """Arguments of one step; an LSTM has 4 gates and a cell state besides."""
    G = gates * H
    shapes = {"x": (N, D), "prev_h": (N, H), "Wx": (D, G), "Wh": (H, G), "b": (G,)}
    return normal(0, **shapes, **({"prev_c": (N, H)} if gates == 4 else {}))


def sequence(gates: int = 1) -> dict[str, np.ndarray]:
    """Arguments of a forward pass over a sequence."""
    G = gates * H
    return normal(0, x=(N, T, D), h0=(N, H), Wx=(D, G), Wh=(H, G), b=(G,))


def backward(forward: Callable, gates: int = 1, name: str = "cache") -> Callable[[], dict]:
    """Arguments of a backward pass over a sequence, after ``forward``."""

    def arguments() -> dict[str, Any]:
        h, cache = forward(**sequence(gates))
        return {"dh": np.ones_like(h), name: cache}

    return arguments


def refuses_of_floats(name: str) -> tuple[Refusal, ...]:
    """What is refused wherever an array of floats is wanted."""
    return (
        Refusal(
            "a list instead of an array", lambda a: {name: a[name].tolist()},
            TypeError, f"{name} is a list, expected a NumPy array",
        ),
        Refusal(
            "a tensor instead of an array", lambda a: {name: torch.from_numpy(a[name])},
            TypeError, f"{name} is a Tensor, expected a NumPy array",
        ),
        Refusal(
            "integers", lambda a: {name: a[name].astype(int)},
            TypeError, f"{name} has dtype int64, expected floats",
        ),
        Refusal(
            "complex numbers", lambda a: {name: a[name].astype(complex)},
            TypeError, f"{name} has dtype complex128, expected floats",
        ),
        Refusal(
            "objects", lambda a: {name: a[name].astype(object)},
            TypeError, f"{name} has dtype object, expected floats",
        ),
    )  # fmt: skip


REFUSES_STEP = (
    *refuses_of_floats("x"),
    Refusal(
        "a sequence instead of a step", lambda a: {"x": a["x"][:, None]},
        ValueError, r"x has shape \(2, 1, 4\), expected 2 dimensions, \(N, D\)",
    ),
    Refusal(
        "an empty batch", lambda a: {"x": a["x"][:0], "prev_h": a["prev_h"][:0]},
        ValueError, r"x has shape \(0, 4\), expected \(N, D\) with no dimension of size zero",
    ),
    Refusal(
        "one state for several inputs", lambda a: {"prev_h": a["prev_h"][:1]},
        ValueError, r"prev_h has shape \(1, 5\), expected \(N, H\) = \(2, 5\)",
    ),
    Refusal(
        "a weight of another width", lambda a: {"Wx": a["Wx"][:3]},
        ValueError, r"Wx has shape \(3, \d+\), expected \(D, 4?H\)",
    ),
    Refusal(
        "a bias with one number for all", lambda a: {"b": a["b"][:1]},
        ValueError, r"b has shape \(1,\), expected \(4?H,\)",
    ),
)  # fmt: skip

REFUSES_SEQUENCE = (
    *refuses_of_floats("x"),
    Refusal(
        "a step instead of a sequence", lambda a: {"x": a["x"][:, 0]},
        ValueError, r"x has shape \(2, 4\), expected 3 dimensions, \(N, T, D\)",
    ),
    Refusal(
        "a sequence without a step", lambda a: {"x": a["x"][:, :0]},
        ValueError, r"x has shape \(2, 0, 4\), expected \(N, T, D\) with no dimension of size zero",
    ),
    Refusal(
        "one first state for several sequences", lambda a: {"h0": a["h0"][:1]},
        ValueError, r"h0 has shape \(1, 5\), expected \(N, H\) = \(2, 5\)",
    ),
    Refusal(
        "a weight turned round", lambda a: {"Wx": a["Wx"].T},
        ValueError, r"Wx has shape \(\d+, 4\), expected \(D, 4?H\)",
    ),
    Refusal(
        "a bias with one number for all", lambda a: {"b": a["b"][:1]},
        ValueError, r"b has shape \(1,\), expected \(4?H,\)",
    ),
)  # fmt: skip

REFUSES_GRADIENT = (
    *refuses_of_floats("dh"),
    Refusal(
        "a gradient of one step only", lambda a: {"dh": a["dh"][:, -1]},
        ValueError, r"dh has shape \(2, 5\), expected 3 dimensions, \(N, T, H\)",
    ),
    Refusal(
        "a gradient with more steps", lambda a: {"dh": a["dh"].repeat(2, axis=1)},
        ValueError, r"dh has shape \(2, 6, 5\), expected \(N, T, H\)",
    ),
    Refusal(
        "a gradient with fewer steps", lambda a: {"dh": a["dh"][:, 1:]},
        ValueError, r"dh has shape \(2, 2, 5\), expected \(N, T, H\)",
    ),
    Refusal(
        "one gradient for several sequences", lambda a: {"dh": a["dh"][:1]},
        ValueError, r"has shape \(1, (3, )?5\), expected \(N, (T, )?H\)",
    ),
)  # fmt: skip


def _step_backward() -> dict[str, Any]:
    next_h, cache = rnn_step_forward(**step())
    return {"dnext_h": np.ones_like(next_h), "cache": cache}


CONTRACTS = (
    Contract(rnn_step_forward, step, REFUSES_STEP),
    Contract(
        rnn_step_backward,
        _step_backward,
        (
            *refuses_of_floats("dnext_h"),
            Refusal(
                "one gradient for several inputs", lambda a: {"dnext_h": a["dnext_h"][:1]},
                ValueError, r"dnext_h has shape \(1, 5\), expected \(N, H\) = \(2, 5\)",
            ),
        ),
    ),
    Contract(rnn_forward, sequence, REFUSES_SEQUENCE),
    Contract(rnn_backward, backward(rnn_forward), REFUSES_GRADIENT),
)  # fmt: skip
