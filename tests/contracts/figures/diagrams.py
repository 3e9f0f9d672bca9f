"""Contracts of ``cs231n_lib.figures.diagrams``."""

from __future__ import annotations

from cs231n_lib.figures import diagrams
from tests.contracts import Contract, Refusal

CONTRACTS = (
    Contract(
        diagrams.draw_captioning,
        lambda: {"words": ["<START>", "a", "star", "<END>"]},
        (
            Refusal("fewer than two words", {"words": ["<START>"]}, ValueError,
                    "words has 1, expected at least"),
        ),
    ),
    Contract(diagrams.draw_attention, dict),
    Contract(diagrams.draw_unrolled_rnn, dict),
    Contract(diagrams.draw_lstm_cell, lambda: {"lit": "forget"}),
)  # fmt: skip
