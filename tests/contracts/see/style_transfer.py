"""Contracts of ``cs231n_lib.see.style_transfer``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import nn

from cs231n_lib.see.style_transfer import (
    GramProduct,
    NormalizedLoss,
    SquaredDifferences,
    Transfer,
    average_pooled,
    content_loss,
    gram_gradient,
    gram_matrix,
    match_colours,
    minimize,
    reconstruct_content,
    relative_square,
    replace_luminance,
    style_loss,
    style_transfer,
    style_transfer_lbfgs,
    synthesize_texture,
    tv_loss,
)
from tests.contracts import Contract, Refusal
from tests.tiny import chain, of_tensors, pictures


def _picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (16, 18, 3), dtype=np.uint8)


def _features() -> torch.Tensor:
    features = torch.rand(1, 4, 6, 6, generator=torch.Generator().manual_seed(3)).requires_grad_()
    features.grad = torch.ones_like(features)
    return features


def _gram() -> torch.Tensor:
    return torch.eye(4)[None].requires_grad_()


def _transfer(**more: Any) -> dict[str, Any]:
    return {
        "content_image": _picture(),
        "style_image": _picture(1),
        "image_size": 16,
        "style_size": 16,
        "content_layer": 3,
        "style_layers": [0, 3],
        "cnn": chain(),
        **more,
    }


def _loss(img: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"style": img.square().sum()}


def _of_weights(name: str) -> tuple[Refusal, ...]:
    return (
        Refusal(f"a {name} that is NaN", {name: math.nan}, ValueError, "weight is nan, expected"),
        Refusal(f"a {name} as a text", {name: "1"}, TypeError, "weight is '1', expected a number"),
    )


def _of_targets(name: str) -> tuple[Refusal, ...]:
    return (
        Refusal("a target of another shape", {name: torch.zeros(1, 4, 6, 5)}, ValueError,
                r"has shape \(1, 4, 6, .\), expected \(1, 4, 6, .\)"),
        Refusal("a target on another device", {name: torch.zeros(1, 4, 6, 6, device="meta")},
                ValueError, "on meta|move one of them"),
        Refusal("a target as a NumPy array", {name: np.zeros((1, 4, 6, 6))}, TypeError,
                "got a ndarray, expected tensors"),
        Refusal("a target of whole numbers", {name: torch.zeros(1, 4, 6, 6, dtype=torch.int64)},
                TypeError, "got a tensor of torch.int64, expected floats"),
    )  # fmt: skip


NO_CHAIN = Refusal("a network that is no chain", {"cnn": nn.Tanh()}, TypeError,
                   "cnn is a Tanh, expected a torch.nn.Sequential")  # fmt: skip
OF_STYLE_LAYERS = (
    Refusal("a layer that does not exist", {"style_layers": [0, 9]}, ValueError,
            "there is no layer 9, expected 0 to 3"),
    Refusal("a negative layer", {"style_layers": [0, -1]}, ValueError,
            "there is no layer -1, expected 0 to 3"),
    Refusal("layers by name", {"style_layers": ["0", "3"]}, ValueError,
            "there is no layer '0', expected 0 to 3"),
    Refusal("True in place of a layer", {"style_layers": [0, True]}, ValueError,
            "there is no layer True, expected 0 to 3"),
    Refusal("a number in place of a list of layers", {"style_layers": 3}, TypeError,
            "style_layers is a int, expected a list"),
)  # fmt: skip
OF_EVALUATIONS = Refusal("nothing to do", {"evaluations": 0}, ValueError,
                         "evaluations is 0, expected at least 1")  # fmt: skip
ELSEWHERE = Refusal("a network on the device meta, without numbers",
                    lambda a: {"cnn": chain().to("meta")}, ValueError,
                    "cnn is on meta, a device that holds no numbers")  # fmt: skip


def _of_content(name: str = "content_image") -> tuple[Refusal, ...]:
    return (
        Refusal("a picture that is not there", {name: "no-such.png"}, FileNotFoundError,
                "no file 'no-such.png'"),
        Refusal("a picture with NaN", {name: np.full((20, 20), math.nan)}, ValueError,
                "NaN or infinite pixels"),
        Refusal("a tensor in place of a picture", {name: torch.zeros(20, 20, 3)}, TypeError,
                "source is a Tensor, expected a name, a path"),
        Refusal("a size below 16", {"image_size": 15}, ValueError,
                "image_size is 15, expected at least 16"),
        Refusal("a size that is no whole number", {"image_size": 16.5}, TypeError,
                "image_size is 16.5, expected a whole number"),
    )  # fmt: skip


CONTRACTS = (
    Contract(Transfer, lambda: {"image": _picture(), "history": {"total": [1.0]}}),
    Contract(
        content_loss,
        lambda: {"content_weight": 2.0, "content_current": _features(),
                 "content_original": _features()},
        (*_of_targets("content_original"), *_of_weights("content_weight")),
    ),
    Contract(
        gram_matrix,
        lambda: {"features": _features(), "normalize": True},
        of_tensors("features", "features"),
    ),
    Contract(GramProduct.apply, lambda: {"args": (_features()[0],)}, name="GramProduct.apply"),
    Contract(
        SquaredDifferences.apply, lambda: {"args": (_features(),)}, name="SquaredDifferences.apply"
    ),
    Contract(
        gram_gradient,
        lambda: {"features": _features(), "target": _gram(), "weight": 2.0},
        (
            *of_tensors("features", "features"),
            Refusal("a target of another shape", {"target": torch.zeros(1, 3, 3)}, ValueError,
                    r"target has shape \(1, 3, 3\), expected \(1, 4, 4\)"),
            *_of_weights("weight"),
        ),
    ),
    Contract(
        style_loss,
        lambda: {"feats": [_features(), _features()], "style_layers": [1],
                 "style_targets": [_gram()], "style_weights": [2.0]},
        (
            Refusal("a layer that does not exist", {"style_layers": [2]}, ValueError,
                    "there is no layer 2, expected 0 to 1"),
            Refusal("a negative layer", {"style_layers": [-1]}, ValueError,
                    "there is no layer -1, expected 0 to 1"),
            Refusal("a weight too few", {"style_weights": []}, ValueError,
                    "1 style_layers, but 0 style_weights"),
            Refusal("one weight in place of a list", {"style_weights": 2.0}, TypeError,
                    "style_weights is a float, expected a list"),
            Refusal("a target too many", {"style_targets": [_gram(), _gram()]}, ValueError,
                    "1 style_layers, but 2 style_targets"),
            Refusal("a target of another shape", {"style_targets": [torch.zeros(1, 3, 3)]},
                    ValueError, r"the target of layer 1 has shape \(1, 3, 3\)"),
            Refusal("a target on another device", {"style_targets": [_gram().to("meta")]},
                    ValueError, "the target of layer 1 is on meta"),
            Refusal("no features", {"feats": [], "style_layers": [], "style_targets": [],
                                    "style_weights": []}, ValueError, "there are no layers"),
            Refusal("a weight that is NaN", {"style_weights": [math.nan]}, ValueError,
                    "a weight is nan, expected at least 0"),
        ),
    ),
    Contract(
        tv_loss,
        lambda: {"img": pictures(), "tv_weight": 2.0},
        (*of_tensors("img", "pictures"), *_of_weights("tv_weight")),
    ),
    Contract(
        style_transfer,
        lambda: _transfer(content_weight=1.0, style_weights=[1.0, 2.0], tv_weight=0.1,
                          num_iterations=2),
        (
            *_of_content(),
            *OF_STYLE_LAYERS,
            NO_CHAIN,
            ELSEWHERE,
            Refusal("a weight too few", {"style_weights": [1.0]}, ValueError,
                    "2 style_layers, but 1 style_weights"),
            Refusal("a negative weight", {"content_weight": -1}, ValueError, "a weight is -1, exp"),
            *_of_weights("tv_weight"),
            Refusal("no steps", {"num_iterations": 0}, ValueError,
                    "num_iterations is 0, expected at least 1"),
            Refusal("weights that make the loss infinite", {"style_weights": [1e300, 1e300]},
                    FloatingPointError, "the loss is inf at step 0; try smaller weights"),
        ),
    ),
    Contract(
        relative_square,
        lambda: {"current": _features(), "target": _features()},
        (
            *_of_targets("target"),
            Refusal("a target of zeros", {"target": torch.zeros(1, 4, 6, 6)}, ValueError,
                    "target is zero, and no unit to measure in"),
        ),
    ),
    Contract(NormalizedLoss, lambda: {"cnn": chain(training=False)}),
    Contract(
        NormalizedLoss.__call__,
        lambda: {"self": NormalizedLoss(chain(training=False), style={0: _gram()}),
                 "img": pictures(1)},
        (
            *of_tensors("img", "pictures"),
            Refusal("nothing to resemble", {"self": NormalizedLoss(chain(training=False))},
                    ValueError, "there is neither content nor style to resemble"),
            Refusal("a layer that does not exist",
                    {"self": NormalizedLoss(chain(training=False), style={9: _gram()})},
                    ValueError, "NormalizedLoss: there is no layer 9, expected 0 to 3"),
            Refusal("a target of another shape",
                    {"self": NormalizedLoss(chain(training=False), style={3: _gram()})},
                    ValueError, r"target has shape \(1, 4, 4\), expected \(1, 5, 5\)"),
        ),
    ),
    Contract(
        minimize,
        lambda: {"loss": _loss, "img": pictures(1), "evaluations": 2},
        (
            *of_tensors("img", "pictures")[:3],
            OF_EVALUATIONS,
            Refusal("two pictures", {"img": torch.zeros(2, 3, 8, 8)}, ValueError,
                    r"img has shape \(2, 3, 8, 8\), expected \(1, 3, H, W\)"),
            Refusal("another optimiser", {"optimizer": "sgd"}, ValueError,
                    "optimizer is 'sgd', expected 'lbfgs' or 'adam'"),
            Refusal("a step of no length", {"learning_rate": 0}, ValueError,
                    "learning_rate is 0, expected above 0"),
            Refusal("a loss that is NaN", {"loss": lambda img: {"a": img.sum() * math.nan}},
                    FloatingPointError, "the loss is nan at step 0"),
        ),
    ),
    Contract(
        style_transfer_lbfgs,
        lambda: _transfer(border=2, evaluations=2),
        (
            *_of_content(),
            *OF_STYLE_LAYERS[:2],
            OF_STYLE_LAYERS[-1],
            NO_CHAIN,
            ELSEWHERE,
            OF_EVALUATIONS,
            Refusal("no style", {"style_image": []}, ValueError, "no style picture was given"),
            Refusal("a share too many", {"mix": [0.5, 0.5]}, ValueError,
                    "1 styles, but 2 shares in mix"),
            Refusal("a share that is NaN", {"mix": [math.nan]}, ValueError,
                    "expected shares of 0 or more with sum 1"),
            Refusal("an unknown way to keep colours", {"keep_colours": "yes"}, ValueError,
                    "keep_colours is 'yes', expected None, 'matched' or 'luminance'"),
            Refusal("a border as wide as the picture", {"border": 16}, ValueError,
                    "border is 16, expected 0 to 15 pixels"),
            Refusal("half a pixel of border", {"border": 0.5}, TypeError,
                    "border is 0.5, expected a whole number"),
            Refusal("a negative weight", {"style_weight": -3}, ValueError, "a weight is -3, expe"),
        ),
    ),
    Contract(
        synthesize_texture,
        lambda: {"style_image": _picture(), "image_size": 16, "style_layers": [0], "border": 2,
                 "cnn": chain(), "evaluations": 2},
        (
            *_of_content("style_image"),
            *OF_STYLE_LAYERS[:2],
            Refusal("no layers", {"style_layers": []}, ValueError, "style_layers is empty, expect"),
            NO_CHAIN,
            OF_EVALUATIONS,
        ),
    ),
    Contract(
        reconstruct_content,
        lambda: {"content_image": _picture(), "layer": 3, "image_size": 16, "cnn": chain(),
                 "evaluations": 2},
        (
            *_of_content(),
            Refusal("a layer that does not exist", {"layer": 9}, ValueError,
                    "there is no layer 9, expected 0 to 3"),
            NO_CHAIN,
            OF_EVALUATIONS,
            *_of_weights("tv_weight"),
        ),
    ),
    Contract(average_pooled, lambda: {"cnn": chain()}, (NO_CHAIN,)),
    Contract(
        match_colours,
        lambda: {"image": _picture(), "reference": _picture(1)},
        (
            Refusal("a picture of a single pixel", {"reference": np.zeros((1, 1, 3), np.uint8)},
                    ValueError, "a picture of a single pixel has no covariance"),
            Refusal("floats from 0 to 255", {"image": np.full((4, 4, 3), 200.0)}, ValueError,
                    "floats from 200 to 200, expected 0 to 1"),
            Refusal("a tensor", {"image": torch.zeros(4, 4, 3)}, TypeError, "source is a Tensor"),
        ),
    ),
    Contract(
        replace_luminance,
        lambda: {"image": _picture(), "luminance": _picture(1)},
        (
            Refusal("pictures of different sizes", {"luminance": _picture()[:8]}, ValueError,
                    r"luminance has shape \(8, 18, 3\), expected \(16, 18, 3\)"),
            Refusal("a tensor", {"image": torch.zeros(4, 4, 3)}, TypeError, "source is a Tensor"),
        ),
    ),
)  # fmt: skip
