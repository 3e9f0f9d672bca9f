"""Contracts of ``cs231n_lib.figures.paintings``."""

from __future__ import annotations

from cs231n_lib.figures.paintings import PAINTINGS
from tests.contracts import Contract

CONTRACTS = tuple(Contract(paint, lambda: {"size": 32, "seed": 1}) for paint in PAINTINGS.values())
