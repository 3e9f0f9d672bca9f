"""Contracts of ``cs231n_lib.see.pixels``."""

from __future__ import annotations

import torch

from cs231n_lib.see.pixels import clamp_pixels, denormalize, mean_and_std, normalize
from tests.contracts import Contract
from tests.tiny import pictures

CONTRACTS = (
    Contract(normalize, lambda: {"pixels": torch.rand(2, 3, 4, 5)}),
    Contract(denormalize, lambda: {"X": pictures()}),
    Contract(clamp_pixels, lambda: {"X": pictures()}),
    Contract(mean_and_std, lambda: {"like": pictures()}),
)
