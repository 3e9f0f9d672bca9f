"""Contracts of the comparison with reference captions."""

from __future__ import annotations

from cs231n_lib.speak.metrics import bleu, bleu4, cider
from tests.contracts import Contract

CONTRACTS = tuple(
    Contract(
        score,
        lambda: {
            "sentences": ["a red circle above a blue star", "a cat"],
            "references": [["a red circle above a blue star"], ["a dog", "a cat"]],
        },
    )
    for score in (bleu, bleu4, cider)
)
