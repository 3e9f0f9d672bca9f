"""Contracts of ``cs231n_lib.progress``."""

from __future__ import annotations

from cs231n_lib.progress import progress
from tests.contracts import Contract

CONTRACTS = (Contract(progress, lambda: {"iterable": range(3), "label": "training", "total": 3}),)
