"""Contracts of ``cs231n_lib.see.style_transfer``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from cs231n_lib.see.style_losses import NormalizedLoss
from cs231n_lib.see.style_transfer import (
    Recipe,
    Transfer,
    average_pooled,
    minimize,
    reconstruct_content,
    style_transfer,
    style_transfer_lbfgs,
    synthesize_texture,
    transfer_loss,
)
from tests.contracts import Contract, Refusal
from tests.tiny import chain, pictures

RECIPE = Recipe(content_layer=3, style_layers=[0, 3])


def _picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (16, 18, 3), dtype=np.uint8)


def _images(**more: Any) -> dict[str, Any]:
    return {
        "content_image": _picture(),
        "style_image": _picture(1),
        "image_size": 16,
        "cnn": chain(),
        **more,
    }


def _loss(img: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"style": img.square().sum()}


def _recipe(**fields: Any) -> dict[str, Recipe]:
    return {"recipe": Recipe(**{"content_layer": 3, "style_layers": [0, 3], **fields})}


NO_LAYER = Refusal("a layer that does not exist", _recipe(style_layers=[0, 9]), ValueError,
                   "there is no layer 9, expected 0 to 3")  # fmt: skip
UNKNOWN = Refusal(
    "no layers, and a network that nobody knows",
    {"recipe": Recipe()},
    ValueError,
    r"neither as SqueezeNet 1.1's features nor as VGG-19, .*; give Recipe\(",
)
NO_STYLE = Refusal("no style", {"style_image": []}, ValueError, "style_image is empty, expected")
NO_FILE = Refusal("a picture that is not there", {"style_image": "no-such.png"}, FileNotFoundError,
                  "no file 'no-such.png'")  # fmt: skip
A_SHARE_TOO_MANY = Refusal("a share too many", _recipe(mix=[0.5, 0.5]), ValueError,
                           "mix has 2 shares, expected 1, one per style")  # fmt: skip

CONTRACTS = (
    Contract(Transfer, lambda: {"image": _picture(), "history": {"total": [1.0]}}),
    Contract(
        Recipe,
        lambda: {"mix": [0.25, 0.75], "style_size": 20},
        (
            Refusal("shares that are not a whole", {"mix": [0.9, 0.9]}, ValueError,
                    r"mix is \[0.9, 0.9\], expected shares with sum 1"),
            Refusal("a negative share", {"mix": [2, -1]}, ValueError, r"mix\[1\] is -1"),
            Refusal("a layer as a truth value", {"style_layers": [0, True]}, TypeError,
                    r"style_layers\[1\] is True, expected a whole number"),
            Refusal("no layers", {"style_layers": ()}, ValueError, "style_layers is empty"),
        ),
    ),
    Contract(
        style_transfer,
        lambda: _images(style_size=16, content_layer=3, style_layers=[0, 3], content_weight=1.0,
                        style_weights=[1.0, 2.0], tv_weight=0.1, num_iterations=2),
        (
            NO_FILE,
            Refusal("a layer that does not exist", {"style_layers": [0, 9]}, ValueError,
                    "there is no layer 9, expected 0 to 3"),
            Refusal("a weight too few", {"style_weights": [1.0]}, ValueError,
                    "style_weights has 1 parts, expected 2"),
            Refusal("a picture with NaN", {"content_image": np.full((20, 20), math.nan)},
                    ValueError, "NaN or infinite pixels"),
            Refusal("weights that make the loss infinite", {"style_weights": [1e300, 1e300]},
                    FloatingPointError, "the loss is inf at step 0; try smaller weights"),
        ),
    ),
    Contract(
        minimize,
        lambda: {"loss": _loss, "img": pictures(1), "evaluations": 2},
        (
            Refusal("a loss that is NaN", {"loss": lambda img: {"a": img.sum() * math.nan}},
                    FloatingPointError, "the loss is nan at step 0"),
            Refusal("a loss in half precision", {"loss": lambda img: {"a": img.half().sum()}},
                    TypeError, "the loss has dtype torch.float16, expected float32"),
            Refusal("a loss whose targets do not fit",
                    {"loss": NormalizedLoss(chain(), style={3: torch.ones(1, 1, 1)})},
                    ValueError, r"style\[3\] has shape \(1, 1, 1\), expected \(1, 5, 5\)"),
        ),
    ),
    Contract(
        style_transfer_lbfgs,
        lambda: _images(evaluations=2, recipe=RECIPE),
        (
            NO_FILE, NO_LAYER, NO_STYLE, A_SHARE_TOO_MANY, UNKNOWN,
            Refusal("a size too small for the network", {"image_size": [8, 16]}, ValueError,
                    r"image_size\[0\] is 8, expected at least 16"),
            Refusal("no sizes", {"image_size": []}, ValueError, "image_size is empty"),
            Refusal("evaluations for a size too many",
                    {"image_size": [16, 18], "evaluations": [2, 2, 2]}, ValueError,
                    "evaluations has 3 parts, expected 2"),
            Refusal("evaluations for two sizes of one", {"evaluations": [2, 2]}, ValueError,
                    "evaluations has 2 parts, expected 1"),
        ),
    ),
    Contract(
        transfer_loss,
        lambda: {"content": _picture(), "styles": [_picture(1)[:9]], "recipe": RECIPE,
                 "cnn": chain()},
        (
            Refusal("a content no larger than its border", {"content": _picture()[:8]}, ValueError,
                    r"content has shape \(8, 18, 3\), expected more than 8 pixels"),
            Refusal("a black style", {"styles": [np.zeros((4, 4, 2), np.uint8)]}, ValueError,
                    r"styles\[0\] has shape \(4, 4, 2\)"),
        ),
    ),
    Contract(
        synthesize_texture,
        lambda: {"style_image": _picture(), "image_size": 16, "recipe": RECIPE, "cnn": chain(),
                 "evaluations": 2},
        (NO_FILE, NO_LAYER, NO_STYLE, A_SHARE_TOO_MANY, UNKNOWN),
    ),
    Contract(
        reconstruct_content,
        lambda: {"content_image": _picture(), "layer": 3, "image_size": 16, "tv_weight": 0.1,
                 "cnn": chain(), "evaluations": 2},
        (Refusal("a layer that does not exist", {"layer": 9}, ValueError,
                 "there is no layer 9, expected 0 to 3"),),
    ),
    Contract(average_pooled, lambda: {"cnn": chain()}),
)  # fmt: skip
