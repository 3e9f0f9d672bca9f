"""Contracts of the LSTM."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from cs231n_lib.speak import lstm
from cs231n_lib.speak.rnn import rnn_forward
from tests.contracts import Contract, Refusal
from tests.contracts.speak.rnn import H, N, backward, sequence, step
from tests.gradients import normal

_SEQUENCE = partial(sequence, gates=4)


def _step_backward() -> dict[str, Any]:
    next_h, next_c, cache = lstm.lstm_step_forward(**step(gates=4))
    return {"dnext_h": np.ones_like(next_h), "dnext_c": np.ones_like(next_c), "cache": cache}


CONTRACTS = (
    Contract(
        lstm.sigmoid,
        lambda: {"a": np.array([-800.0, 0.0, 800.0])},
        (Refusal("a list instead of an array", {"a": [0.5]}, TypeError, "multiply sequence"),),
    ),
    Contract(lstm.lstm_cell, lambda: normal(0, a=(N, 4 * H), prev_c=(N, H))),
    Contract(lstm.lstm_step_forward, partial(step, gates=4)),
    Contract(lstm.lstm_step_backward, _step_backward),
    Contract(lstm.lstm_loop_forward, _SEQUENCE),
    Contract(lstm.lstm_loop_backward, backward(lstm.lstm_loop_forward, 4, "caches")),
    Contract(lstm.lstm_hoisted_forward, _SEQUENCE),
    Contract(lstm.lstm_hoisted_backward, backward(lstm.lstm_hoisted_forward, 4)),
    Contract(lstm.lstm_forward, _SEQUENCE),
    Contract(lstm.lstm_backward, backward(lstm.lstm_forward, 4)),
    Contract(
        lstm.lstm_gates,
        lambda: {"cache": lstm.lstm_forward(**_SEQUENCE())[1]},
        (
            Refusal(
                "the cache of a vanilla RNN", lambda a: {"cache": rnn_forward(**sequence())[1]},
                TypeError, "cache is 4 parts, expected a tuple of 6",
            ),
        ),
    ),
)  # fmt: skip
