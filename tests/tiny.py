"""Tiny pictures and networks, and what every function that reads them refuses."""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from cs231n_lib.see.pixels import normalize
from tests.contracts import Refusal

CLASSES = 5


def pictures(N: int = 2, size: int = 8) -> torch.Tensor:
    """Normalised pictures, (N, 3, size, size), which have a gradient that must stay."""
    pixels = torch.rand(N, 3, size, size, generator=torch.Generator().manual_seed(1))
    X = normalize(pixels).requires_grad_()
    X.grad = torch.ones_like(X)
    return X


def classes(N: int = 2) -> torch.Tensor:
    """Classes of the pictures, (N,)."""
    return torch.arange(N) % CLASSES


def network(training: bool = True) -> nn.Sequential:
    """From (N, 3, H, W) to (N, 5) scores, with all that a careless function would change.

    Dropout and statistics of the batch, layers in different modes, a frozen weight, a gradient.
    """
    model = copy.deepcopy(_network())
    model.train(training)
    if training:
        model[1].eval()
    model[0].weight.grad = torch.ones_like(model[0].weight)
    model[0].bias.requires_grad_(False)
    return model


def question(**more: Any) -> dict[str, Any]:
    """The arguments of most functions that ask a network about pictures."""
    return {"X": pictures(), "y": classes(), "model": network(), **more}


def chain(training: bool = True) -> nn.Sequential:
    """Layers of convolutions, from (N, 3, H, W) to maps, and as delicate."""
    model = copy.deepcopy(_chain()).train(training)
    model[0].weight.grad = torch.ones_like(model[0].weight)
    model[0].bias.requires_grad_(False)
    return model


@functools.cache
def _network() -> nn.Sequential:
    with _seeded():
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.Dropout(0.5), nn.BatchNorm2d(4), nn.Tanh(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, CLASSES),
        )  # fmt: skip


@functools.cache
def _chain() -> nn.Sequential:
    with _seeded():
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.MaxPool2d(2), nn.Conv2d(4, 5, 3)
        )


@contextmanager
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def small_network(dtype: torch.dtype = torch.float64) -> nn.Sequential:
    """From (N, 3, H, W) to (N, 5) scores through two convolutions, a pool and a ReLU."""
    with _seeded():
        model = nn.Sequential(
            nn.Conv2d(3, 6, 3, stride=2), nn.BatchNorm2d(6), nn.Tanh(), nn.MaxPool2d(2, 1),
            nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(), nn.Dropout(0.5),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES),
        )  # fmt: skip
        with torch.no_grad():
            model[1].running_mean.uniform_(-0.2, 0.2)
            model[1].running_var.uniform_(0.5, 2)
    return model.to(dtype).eval()


def smooth_network(dtype: torch.dtype = torch.float64) -> nn.Sequential:
    """From (N, 3, 12, 12) to (N, 5) scores, without kinks."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = nn.Sequential(
            nn.Conv2d(3, 6, 3, stride=2), nn.Tanh(), nn.Dropout(0.5), nn.Conv2d(6, 8, 3), nn.Tanh(),
            nn.Flatten(), nn.Linear(8 * 3 * 3, CLASSES),
        )  # fmt: skip
    return model.to(dtype).eval()


def exact_pictures(N: int = 4, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Pictures for it, (N, 3, 12, 12)."""
    generator = torch.Generator().manual_seed(7)
    return normalize(torch.rand(N, 3, 12, 12, generator=generator, dtype=dtype))


def elsewhere(model: nn.Module) -> nn.Module:
    """The model on another device, as far as that can be had everywhere."""
    return copy.deepcopy(model).to("meta")


def of_models(gradient: bool = True) -> tuple[Refusal, ...]:
    """What a function refuses that asks any callable for scores."""
    found = (
        Refusal("a model that gives no tensor", {"model": lambda X: [0.0] * len(X)}, TypeError,
                "the model gave list, expected one tensor of floats"),
        Refusal("a model that gives whole numbers", {"model": lambda X: X[:, 0, 0].long()},
                TypeError, "the model gave torch.int64, expected one tensor of floats"),
        Refusal("a model that gives maps, and no scores", {"model": lambda X: X}, ValueError,
                r"scores of shape \(.*\), expected \(\d+, C\)"),
        Refusal("a model whose scores are NaN", {"model": lambda X: _means(X) * math.nan},
                ValueError, "scores that are NaN or infinite"),
    )  # fmt: skip
    lost = Refusal("a model whose scores have no gradient", {"model": lambda X: _means(X.detach())},
                   ValueError, "no gradient leads from the scores back")  # fmt: skip
    return (*found, lost) if gradient else found


def _means(X: torch.Tensor) -> torch.Tensor:
    return torch.cat([X.mean(dim=(2, 3)), X.amax(dim=(2, 3))[:, :2]], dim=1)
