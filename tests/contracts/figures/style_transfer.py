"""Contracts of ``cs231n_lib.figures.style_transfer``."""

from __future__ import annotations

from cs231n_lib.figures.style_transfer import plot_losses
from tests.contracts import Contract, Refusal
from tests.contracts.figures.captions import bad_curves

CONTRACTS = (
    Contract(
        plot_losses,
        lambda: {"losses": {"style": [300.0, 20.0, 1.0], "content": [0.0, 2.0, 3.0]}},
        (
            *bad_curves("losses"),
            Refusal("losses that are all zero", {"losses": {"style": [0.0, 0.0]}}, ValueError,
                    "are all zero"),
        ),
    ),
)  # fmt: skip
