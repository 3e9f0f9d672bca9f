"""Contracts of ``cs231n_lib.see.precision``."""

from __future__ import annotations

from cs231n_lib.see.precision import in_float32, plainly, widened
from tests.contracts import Contract
from tests.tiny import pictures

CONTRACTS = (
    Contract(widened, lambda: {"value": pictures().detach().half()}),
    Contract(in_float32, lambda: {"function": pictures}),
    Contract(plainly, lambda: {}),
)
