"""Contracts of the recurrent networks before they were made fast: those of the fast ones."""

from __future__ import annotations

from functools import partial

from cs231n_lib.speak.plain_loops import (
    lstm_hoisted_backward,
    lstm_hoisted_forward,
    lstm_loop_backward,
    lstm_loop_forward,
    rnn_hoisted_backward,
    rnn_hoisted_forward,
    rnn_loop_backward,
    rnn_loop_forward,
)
from tests.contracts import Contract
from tests.contracts.speak.rnn import REFUSES_GRADIENT, REFUSES_SEQUENCE, backward, sequence

_LSTM = partial(sequence, gates=4)

CONTRACTS = (
    Contract(rnn_loop_forward, sequence, REFUSES_SEQUENCE),
    Contract(rnn_loop_backward, backward(rnn_loop_forward, name="caches"), REFUSES_GRADIENT),
    Contract(rnn_hoisted_forward, sequence, REFUSES_SEQUENCE),
    Contract(rnn_hoisted_backward, backward(rnn_hoisted_forward), REFUSES_GRADIENT),
    Contract(lstm_loop_forward, _LSTM, REFUSES_SEQUENCE),
    Contract(lstm_loop_backward, backward(lstm_loop_forward, 4, "caches"), REFUSES_GRADIENT),
    Contract(lstm_hoisted_forward, _LSTM, REFUSES_SEQUENCE),
    Contract(lstm_hoisted_backward, backward(lstm_hoisted_forward, 4), REFUSES_GRADIENT),
)
