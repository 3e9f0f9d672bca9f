"""Contracts of ``cs231n_lib.see.precision``."""

from __future__ import annotations

import torch

from cs231n_lib.see.precision import in_float32, normal, plainly, widened
from tests.contracts import Contract
from tests.tiny import pictures

CONTRACTS = (
    Contract(widened, lambda: {"value": pictures().detach().half()}),
    Contract(in_float32, lambda: {"function": pictures}),
    Contract(
        normal,
        lambda: {"shape": (2, 3), "generator": torch.Generator().manual_seed(0)},
        changes={"generator": "is drawn from"},
    ),
    Contract(plainly, lambda: {}),
)
