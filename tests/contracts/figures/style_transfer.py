"""Contracts of ``cs231n_lib.figures.style_transfer``."""

from __future__ import annotations

from cs231n_lib.figures.style_transfer import plot_losses
from tests.contracts import Contract, Refusal

CONTRACTS = (
    Contract(
        plot_losses,
        lambda: {"losses": {"style": [300.0, 20.0, 1.0], "content": [0.0, 2.0, 3.0]}},
        (
            Refusal("losses that are all zero", {"losses": {"style": [0.0, 0.0]}}, ValueError,
                    "losses are all zero"),
            Refusal("a loss below zero", {"losses": {"style": [1.0, -1.0]}}, ValueError,
                    r"losses\['style'\] contains -1, expected at least 0"),
            Refusal("no losses", {"losses": {}}, ValueError, "losses is empty"),
        ),
    ),
)  # fmt: skip
