"""Contracts of the LSTM."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from cs231n_lib.speak.lstm import (
    lstm_backward,
    lstm_cell,
    lstm_forward,
    lstm_gates,
    lstm_step_backward,
    lstm_step_forward,
    sigmoid,
)
from cs231n_lib.speak.rnn import rnn_forward
from tests.contracts import Contract, Refusal
from tests.contracts.speak.rnn import (
    REFUSES_GRADIENT,
    REFUSES_SEQUENCE,
    REFUSES_STEP,
    H,
    N,
    backward,
    refuses_of_floats,
    sequence,
    step,
)
from tests.gradients import normal


def _step_backward() -> dict[str, Any]:
    next_h, next_c, cache = lstm_step_forward(**step(gates=4))
    return {"dnext_h": np.ones_like(next_h), "dnext_c": np.ones_like(next_c), "cache": cache}


def _cell() -> dict[str, np.ndarray]:
    return normal(0, a=(N, 4 * H), prev_c=(N, H))


CONTRACTS = (
    Contract(
        sigmoid,
        lambda: {"a": np.array([-800.0, 0.0, 800.0])},
        (
            Refusal("a list instead of an array", {"a": [0.5]}, TypeError, "multiply sequence"),
            Refusal("text", {"a": np.array(["0.5"])}, TypeError, "ufunc 'multiply'"),
        ),
    ),
    Contract(
        lstm_cell,
        _cell,
        (
            *refuses_of_floats("a"),
            Refusal(
                "sums that are not four gates", lambda a: {"a": a["a"][:, :-1]},
                ValueError, r"a has shape \(2, 19\), expected \(N, 4H\) = \(2, 20\)",
            ),
            Refusal(
                "one cell state for several inputs", lambda a: {"prev_c": a["prev_c"][:1]},
                ValueError, r"a has shape \(2, 20\), expected \(N, 4H\) = \(1, 20\)",
            ),
            Refusal(
                "a cell state with one number for all", lambda a: {"prev_c": a["prev_c"][:, :1]},
                ValueError, r"a has shape \(2, 20\), expected \(N, 4H\) = \(2, 4\)",
            ),
        ),
    ),
    Contract(
        lstm_step_forward,
        partial(step, gates=4),
        (
            *REFUSES_STEP,
            Refusal(
                "one cell state for several inputs", lambda a: {"prev_c": a["prev_c"][:1]},
                ValueError, r"prev_c has shape \(1, 5\), expected \(N, H\) = \(2, 5\)",
            ),
            Refusal(
                "the weights of a vanilla RNN", lambda a: {"Wh": a["Wh"][:, :H]},
                ValueError, r"Wh has shape \(5, 5\), expected \(H, 4H\) = \(5, 20\)",
            ),
        ),
    ),
    Contract(
        lstm_step_backward,
        _step_backward,
        (
            *refuses_of_floats("dnext_h"),
            Refusal(
                "one gradient for several inputs", lambda a: {"dnext_h": a["dnext_h"][:1]},
                ValueError, r"dnext_h has shape \(1, 5\), expected \(N, H\) = \(2, 5\)",
            ),
            Refusal(
                "zero for a gradient of zeros", {"dnext_c": 0.0},
                TypeError, "dnext_c is a float, expected a NumPy array",
            ),
        ),
    ),
    Contract(
        lstm_forward,
        partial(sequence, gates=4),
        (
            *REFUSES_SEQUENCE,
            Refusal(
                "the weights of a vanilla RNN", lambda a: {"Wh": a["Wh"][:, :H]},
                ValueError, r"Wh has shape \(5, 5\), expected \(H, 4H\) = \(5, 20\)",
            ),
        ),
    ),
    Contract(lstm_backward, backward(lstm_forward, gates=4), REFUSES_GRADIENT),
    Contract(
        lstm_gates,
        lambda: {"cache": lstm_forward(**sequence(gates=4))[1]},
        (
            Refusal(
                "the cache of a vanilla RNN", lambda a: {"cache": rnn_forward(**sequence())[1]},
                ValueError, "cache is not what lstm_forward returned",
            ),
            Refusal(
                "the cache of one step", lambda a: {"cache": lstm_step_forward(**step(gates=4))[2]},
                ValueError, "cache is not what lstm_forward returned",
            ),
            Refusal("no cache", {"cache": None}, ValueError, "cache is not what lstm_forward"),
        ),
    ),
)  # fmt: skip
