"""Contracts of training against an attacker."""

from __future__ import annotations

from typing import Any

import torch

from cs231n_lib.see.adversarial_training import (
    digit_network,
    digit_pictures,
    robust_accuracy,
    train_digits,
)
from tests.contracts import Contract, Refusal


def _digits(**more: Any) -> dict[str, Any]:
    data = digit_pictures()
    return {"X": data["X_train"][:4].clone(), "y": data["y_train"][:4].clone(), **more}


OUT_OF_RANGE = Refusal("pixels that no byte can hold", lambda a: {"X": a["X"] + 2}, ValueError,
                       "X has .*clamp_pixels moves them there")  # fmt: skip

CONTRACTS = (
    Contract(digit_pictures, dict),
    Contract(digit_network, lambda: {"seed": 0, "hidden": 4}),
    Contract(
        train_digits,
        lambda: _digits(epsilon=0.1, steps=1, epochs=1, batch_size=4, learning_rate=0.01, seed=0),
        (
            OUT_OF_RANGE,
            Refusal("pictures of another size", lambda a: {"X": a["X"][..., 1:]}, ValueError,
                    r"X has shape \(4, 3, 8, 7\), expected \(N, 3, 8, 8\)"),
            Refusal("a class beyond the digits", {"y": torch.tensor([0, 1, 2, 10])}, ValueError,
                    "y contains class 10, expected 0 to 9"),
        ),
    ),
    Contract(
        robust_accuracy,
        lambda: _digits(model=digit_network(hidden=4), epsilon=0.1, steps=2),
        (
            OUT_OF_RANGE,
            Refusal("a class beyond those of the model", {"y": torch.tensor([0, 1, 2, 10])},
                    ValueError, "no class 10, expected 0 to 9"),
        ),
    ),
)  # fmt: skip
