"""Contracts of the comparison with reference captions."""

from __future__ import annotations

from cs231n_lib.speak.metrics import bleu4
from tests.contracts import Contract

CONTRACTS = (
    Contract(
        bleu4,
        lambda: {
            "sentences": ["a red circle above a blue star", "a cat"],
            "references": [["a red circle above a blue star"], ["a dog", "a cat"]],
        },
    ),
)
