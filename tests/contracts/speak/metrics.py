"""Contracts of the comparison with reference captions."""

from __future__ import annotations

from cs231n_lib.speak.metrics import bleu4
from tests.contracts import Contract, Refusal

CONTRACTS = (
    Contract(
        bleu4,
        lambda: {
            "sentences": ["a red circle above a blue star", "a cat"],
            "references": [["a red circle above a blue star"], ["a dog", "a cat"]],
        },
        (
            Refusal(
                "no sentences", {"sentences": [], "references": []},
                ValueError, "0 sentences and references for 0 pictures",
            ),
            Refusal(
                "sentences for more pictures", lambda a: {"sentences": a["sentences"] * 2},
                ValueError, "4 sentences and references for 2 pictures",
            ),
            Refusal(
                "a picture without a reference", {"references": [["a cat"], []]},
                ValueError, "references must hold, for each picture, a list of sentences",
            ),
            Refusal(
                "one reference instead of a list", {"references": ["a cat", "a dog"]},
                ValueError, "references must hold, for each picture, a list of sentences",
            ),
            Refusal(
                "a single sentence", {"sentences": "ab"},
                TypeError, "sentences is a single string, expected a list of strings",
            ),
            Refusal(
                "captions that are not decoded", {"sentences": [[1, 4, 2], [1, 5, 2]]},
                TypeError, "sentences holds a list, expected strings only",
            ),
            Refusal(
                "references that are not decoded", {"references": [[1, 4, 2], [1, 5, 2]]},
                TypeError, "references holds a int, expected strings only",
            ),
        ),
    ),
)  # fmt: skip
