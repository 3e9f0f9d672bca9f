"""Contracts of ``cs231n_lib.see.fooling``."""

from __future__ import annotations

import functools
from typing import Any

import torch

from cs231n_lib.see.fooling import (
    Fooling,
    fool,
    make_fooling_image,
    round_to_bytes,
    seen_as,
    uphill,
)
from tests.contracts import Contract, Refusal
from tests.tiny import classes, network, of_models, pictures, question


def _attempt(**more: Any) -> dict[str, Any]:
    return {"X": pictures(), "target_y": classes(), "model": network(), "max_steps": 2, **more}


@functools.cache
def _fooling() -> Fooling:
    return fool(pictures().detach(), classes(), network(), max_steps=1)


NO_CLASS = Refusal("a class that does not exist", {"target_y": 5}, ValueError,
                   "no class 5, expected 0 to 4")  # fmt: skip

CONTRACTS = (
    *(
        Contract(
            Fooling.__dict__[name].fget,
            lambda: {"self": _fooling()},
            name=f"Fooling.{name}",
        )
        for name in ("fooled", "margin", "l2", "linf", "l2_levels", "linf_levels")
    ),
    Contract(
        make_fooling_image,
        lambda: _attempt(max_steps=100, learning_rate=1.0),
        (
            NO_CLASS,
            Refusal("too few steps", {"max_steps": 0, "target_y": 4, "learning_rate": 1e-3},
                    RuntimeError, "is not taken for class 4: step limit after 0 steps"),
        ),
    ),
    Contract(
        fool,
        lambda: _attempt(learning_rate=1.0, margin=0.5, climb="score"),
        (
            NO_CLASS,
            *of_models(),
            Refusal("pixels that no byte can hold", lambda a: {"X": a["X"].detach() + 2},
                    ValueError, "X has .*clamp_pixels moves them there"),
            Refusal("a model with a single class",
                    {"model": lambda X: X.mean(dim=(1, 2, 3))[:, None], "target_y": 0}, ValueError,
                    "the model has a single class"),
        ),
    ),
    Contract(
        uphill,
        lambda: question(climb="score"),
        (Refusal("a class that does not exist", {"y": torch.tensor([0, 5])}, ValueError,
                 "no class 5, expected 0 to 4"),),
    ),
    Contract(
        seen_as,
        question,
        (Refusal("a class that does not exist", {"y": 5}, ValueError, "no class 5, exp"),),
    ),
    Contract(round_to_bytes, lambda: {"X": pictures()}),
)  # fmt: skip
