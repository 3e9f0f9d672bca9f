"""Contracts of ``cs231n_lib.see.style_losses``."""

from __future__ import annotations

import math

import torch

from cs231n_lib.see.style_losses import (
    GramProduct,
    NormalizedLoss,
    content_loss,
    gram_gradient,
    gram_matrix,
    relative_square,
    style_loss,
    tv_loss,
)
from tests.contracts import Contract, Refusal
from tests.tiny import chain, pictures


def features() -> torch.Tensor:
    maps = torch.rand(1, 4, 6, 6, generator=torch.Generator().manual_seed(3)).requires_grad_()
    maps.grad = torch.ones_like(maps)
    return maps


def gram() -> torch.Tensor:
    return torch.eye(4)[None].requires_grad_()


def _loss(**targets: dict[int, torch.Tensor]) -> NormalizedLoss:
    return NormalizedLoss(chain(training=False), **targets)


CONTRACTS = (
    Contract(
        content_loss,
        lambda: {"content_weight": 2.0, "content_current": features(),
                 "content_original": features()},
    ),
    Contract(gram_matrix, lambda: {"features": features(), "normalize": True}),
    Contract(GramProduct.apply, lambda: {"args": (features()[0],)}, name="GramProduct.apply"),
    Contract(
        gram_gradient,
        lambda: {"features": features(), "target": gram(), "weight": 2.0},
        (
            Refusal("a target of another shape", {"target": torch.zeros(1, 3, 3)}, ValueError,
                    r"target has shape \(1, 3, 3\), expected \(1, 4, 4\)"),
            Refusal("a target on another device", {"target": gram().to("meta")}, ValueError,
                    "target is on meta, but the picture is on cpu"),
        ),
    ),
    Contract(
        style_loss,
        lambda: {"feats": [pictures(1), features()], "style_layers": [1],
                 "style_targets": [gram()], "style_weights": [2.0]},
        (
            Refusal("a layer that does not exist", {"style_layers": [2]}, ValueError,
                    r"style_layers\[0\] is 2, expected at most 1"),
            Refusal("a negative layer", {"style_layers": [-1]}, ValueError,
                    r"style_layers\[0\] is -1, expected at least 0"),
            Refusal("no weight", {"style_weights": []}, ValueError,
                    "style_weights has 0 parts, expected 1"),
            Refusal("a target too many", {"style_targets": [gram(), gram()]}, ValueError,
                    "style_targets has 2 parts, expected 1"),
            Refusal("a target as an array", {"style_targets": [gram().detach().numpy()]},
                    TypeError, r"style_targets\[0\] is an ndarray"),
            Refusal("a target of integers", {"style_targets": [gram().detach().long()]},
                    TypeError, r"style_targets\[0\] has dtype torch.int64"),
            Refusal("a target of another shape", {"style_targets": [torch.zeros(1, 3, 3)]},
                    ValueError, r"style_targets\[0\] has shape \(1, 3, 3\)"),
            Refusal("a target on another device", {"style_targets": [gram().to("meta")]},
                    ValueError, r"style_targets\[0\] is on meta"),
        ),
    ),
    Contract(tv_loss, lambda: {"img": pictures(), "tv_weight": 2.0}),
    Contract(
        relative_square,
        lambda: {"current": features(), "target": features()},
        (
            Refusal("a target of another shape", {"target": torch.ones(1, 4, 6, 5)}, ValueError,
                    r"target has shape \(1, 4, 6, 5\), expected \(1, 4, 6, 6\)"),
            Refusal("a target of zeros", {"target": torch.zeros(1, 4, 6, 6)}, ValueError,
                    "target is zero, or its square is, so nothing can be measured in it"),
            Refusal("a target so small that its squares vanish",
                    {"target": torch.full((1, 4, 6, 6), 1e-30)}, ValueError, "or its square is"),
        ),
    ),
    Contract(
        NormalizedLoss,
        lambda: {"cnn": chain(training=False), "content": {3: torch.ones(1, 5, 1, 1)},
                 "style": {0: gram()}},
        (
            Refusal("nothing to resemble", {"content": {}, "style": {}}, ValueError,
                    "there is neither content nor style to resemble"),
            Refusal("a layer that does not exist", {"style": {9: gram()}}, ValueError,
                    "a layer of style is 9, expected at most 3"),
            Refusal("a layer by name", {"style": {"0": gram()}}, TypeError,
                    "a layer of style is '0', expected a whole number"),
            Refusal("a target that is not square", {"style": {0: torch.ones(1, 3, 4)}}, ValueError,
                    r"style\[0\] has shape \(1, 3, 4\)"),
            Refusal("a target of zeros", {"content": {3: torch.zeros(1, 5, 1, 1)}}, ValueError,
                    r"content\[3\] is zero"),
            Refusal("a weight that is NaN", {"style_weight": math.nan}, ValueError,
                    "style_weight is nan"),
        ),
    ),
    Contract(
        NormalizedLoss.__call__,
        lambda: {"self": _loss(style={0: gram()}), "img": pictures(1)},
        (
            Refusal("a style's target that does not fit", {"self": _loss(style={3: gram()})},
                    ValueError, r"style\[3\] has shape \(1, 4, 4\), expected \(1, 5, 5\)"),
            Refusal("a content's target that does not fit",
                    {"self": _loss(content={0: features()[..., :1]})}, ValueError,
                    r"content\[0\] has shape \(1, 4, 6, 1\), expected \(1, 4, 6, 6\)"),
        ),
    ),
)  # fmt: skip
