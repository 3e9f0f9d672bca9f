"""Contracts of ``cs231n_lib.see.saliency``."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from cs231n_lib.see.saliency import (
    completeness_gap,
    compute_saliency_maps,
    grad_cam,
    integrated_gradients,
    occlusion,
    smooth_grad,
)
from tests.contracts import Contract, Refusal
from tests.tiny import of_models, question

NO_CLASS = Refusal("a class that does not exist", {"y": torch.tensor([0, 5])}, ValueError,
                   "no class 5, expected 0 to 4")  # fmt: skip


def _twice(arguments: dict[str, Any]) -> dict[str, Any]:
    model = arguments["model"]
    same = nn.Conv2d(3, 3, 1)
    return {"model": nn.Sequential(same, same, *model), "layer": "0"}


class _Detached(nn.Module):
    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        return scores.detach()


CONTRACTS = (
    Contract(compute_saliency_maps, question, (*of_models(), NO_CLASS)),
    Contract(smooth_grad, lambda: question(samples=2), (NO_CLASS,)),
    Contract(integrated_gradients, lambda: question(steps=2), (NO_CLASS,)),
    Contract(
        occlusion,
        lambda: question(size=4, stride=3),
        (
            NO_CLASS,
            Refusal("a patch larger than the picture", {"size": 9}, ValueError,
                    "size is 9, expected at most 8, the picture's side"),
            Refusal("a patch that leaps", {"stride": 5}, ValueError,
                    "stride is 5, expected at most size, 4"),
        ),
    ),
    Contract(
        completeness_gap,
        lambda: question(attributions=torch.zeros(2, 3, 8, 8)),
        (
            NO_CLASS,
            Refusal("a model whose scores are NaN where the picture is missing",
                    {"model": lambda X: X.mean(dim=(2, 3)) / X.abs().amax(dim=(2, 3)),
                     "baseline": torch.zeros(1, 3, 8, 8)},
                    ValueError, "the model gave scores that are NaN or infinite"),
        ),
    ),
    Contract(
        grad_cam,
        lambda: question(layer="3"),
        (
            NO_CLASS,
            Refusal("a layer that does not exist", {"layer": "features.12"}, ValueError,
                    "the model has no layer 'features.12'; it has 0, 1"),
            Refusal("a layer that does not give maps", {"layer": "6"}, ValueError,
                    r"layer '6' gives shape \(2, 5\), expected maps, \(N, C, h, w\); choose an"),
            Refusal("a layer that is used twice", _twice, ValueError,
                    "used its layer '0' 2 times, expected once"),
            Refusal("a model whose scores have no gradient",
                    lambda a: {"model": nn.Sequential(*a["model"], _Detached())}, ValueError,
                    "no gradient leads from the scores back"),
        ),
    ),
)  # fmt: skip
