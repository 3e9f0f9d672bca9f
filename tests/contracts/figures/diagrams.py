"""Contracts of ``cs231n_lib.figures.diagrams``."""

from __future__ import annotations

from cs231n_lib.figures import diagrams
from tests.contracts import Contract, Refusal

CONTRACTS = (
    Contract(
        diagrams.draw_captioning,
        lambda: {"words": ["<START>", "a", "star", "<END>"]},
        (
            Refusal("one string instead of words", {"words": "a star"}, TypeError,
                    "expected a list of strings"),
            Refusal("a word that is no string", {"words": ["a", 3]}, TypeError, "holds a int"),
            Refusal("less than two words", {"words": ["<START>"]}, ValueError, "1 words, expected"),
        ),
    ),
    Contract(diagrams.draw_unrolled_rnn, dict),
    Contract(diagrams.draw_lstm_cell, dict),
)  # fmt: skip
