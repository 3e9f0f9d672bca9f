"""Contracts of ``cs231n_lib.see.attacks``."""

from __future__ import annotations

import math
from typing import Any

import torch

from cs231n_lib.see.attacks import fgsm, loss_gradient, pgd, project, steepest
from cs231n_lib.see.pixels import denormalize
from tests.contracts import Contract, Refusal
from tests.tiny import classes, network, of_models, pictures, question


def _pixels(**more: Any) -> dict[str, Any]:
    pixels = denormalize(pictures()).detach().clamp(0, 1).requires_grad_()
    return {"pixels": pixels, "y": classes(), "model": network(), **more}


NO_CLASS = Refusal("a class that does not exist", {"y": torch.tensor([0, 5])}, ValueError,
                   "no class 5, expected 0 to 4")  # fmt: skip
OF_ATTACKS = (
    NO_CLASS,
    Refusal("pixels that no byte can hold", lambda a: {"X": a["X"].detach() + 2}, ValueError,
            "X has .*clamp_pixels moves them there"),
    Refusal("no budget", {"epsilon": 0.0}, ValueError, "epsilon is 0, expected above 0"),
    Refusal("a budget in bytes", {"epsilon": 8}, ValueError,
            "epsilon is 8, expected at most 1: .* 8 grey levels are 8 / 255"),
    Refusal("a budget in text", {"epsilon": "8 / 255"}, TypeError,
            "epsilon is '8 / 255', expected a number"),
)  # fmt: skip
OF_NORMS = tuple(
    Refusal(f"{norm!r} as a norm", {"norm": norm}, ValueError,
            f'norm is {norm!r}, expected "inf" or 2')
    for norm in (1, "2", True, None)
)  # fmt: skip

CONTRACTS = (
    Contract(fgsm, lambda: question(epsilon=0.1), OF_ATTACKS),
    Contract(
        pgd,
        lambda: question(epsilon=0.1, norm="inf", steps=2, seed=0),
        (*OF_ATTACKS, *OF_NORMS),
    ),
    Contract(
        loss_gradient,
        _pixels,
        (
            *of_models(),
            NO_CLASS,
            Refusal("pixels as an array", lambda a: {"pixels": a["pixels"].detach().numpy()},
                    TypeError, "pixels is an ndarray, expected a tensor"),
            Refusal("a single picture", lambda a: {"pixels": a["pixels"][0]}, ValueError,
                    r"pixels has shape \(3, 8, 8\), expected 4 dimensions, \(N, 3, H, W\)"),
            Refusal("normalised pictures", lambda a: {"pixels": pictures()}, ValueError,
                    "pixels goes from -.* to .*, expected 0 to 1, not normalised"),
            Refusal("pictures with NaN", lambda a: {"pixels": a["pixels"].detach() * math.nan},
                    ValueError, "pixels goes from nan to nan, expected 0 to 1"),
        ),
    ),
    Contract(steepest, lambda: {"g": pictures(), "norm": 2}, OF_NORMS),
    Contract(
        project, lambda: {"change": pictures(), "epsilon": 0.1, "norm": math.inf}, OF_NORMS
    ),
)  # fmt: skip
