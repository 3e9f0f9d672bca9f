"""Contracts of ``cs231n_lib.figures.paintings``."""

from __future__ import annotations

from cs231n_lib.figures.paintings import PAINTINGS
from tests.contracts import Contract, Refusal

REFUSED = (
    Refusal("a size that is too small", {"size": 31}, ValueError, "size is 31, expected at least"),
    Refusal("a size that fills the memory", {"size": 10**6}, ValueError, "expected at most 4096"),
    Refusal("a size that is no whole number", {"size": 64.0}, TypeError, "size is 64.0, expected"),
    Refusal("a negative seed", {"seed": -1}, ValueError, "seed is -1, expected at least 0"),
    Refusal("no seed", {"seed": None}, TypeError, "seed is None, expected a whole number"),
)

CONTRACTS = tuple(
    Contract(paint, lambda: {"size": 32, "seed": 1}, REFUSED) for paint in PAINTINGS.values()
)
