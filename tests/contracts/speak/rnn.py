"""Contracts of the vanilla RNN, and arguments for every recurrent network of the library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cs231n_lib.speak import rnn
from tests.contracts import Contract
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


def _step_backward() -> dict[str, Any]:
    next_h, cache = rnn.rnn_step_forward(**step())
    return {"dnext_h": np.ones_like(next_h), "cache": cache}


CONTRACTS = (
    Contract(rnn.rnn_step_forward, step),
    Contract(rnn.rnn_step_backward, _step_backward),
    Contract(rnn.rnn_loop_forward, sequence),
    Contract(rnn.rnn_loop_backward, backward(rnn.rnn_loop_forward, name="caches")),
    Contract(rnn.rnn_hoisted_forward, sequence),
    Contract(rnn.rnn_hoisted_backward, backward(rnn.rnn_hoisted_forward)),
    Contract(rnn.rnn_forward, sequence),
    Contract(rnn.rnn_backward, backward(rnn.rnn_forward)),
)
