"""Contracts of ``cs231n_lib.progress``."""

from __future__ import annotations

from cs231n_lib.progress import progress
from tests.contracts import Contract, Refusal

CONTRACTS = (
    Contract(
        progress,
        lambda: {"iterable": range(3), "label": "training", "total": 3},
        (
            Refusal("a number instead of items", {"iterable": 3}, TypeError,
                    "iterable is 3, expected something to go through"),
            Refusal("a label that is no string", {"label": 3}, TypeError,
                    "label is 3, expected a string"),
            Refusal("a negative number of items", {"total": -1}, ValueError,
                    "total is -1, expected at least 0"),
            Refusal("a total that is no whole number", {"total": 2.5}, TypeError,
                    "total is 2.5, expected a whole number"),
        ),
    ),
)  # fmt: skip
