"""Contracts of ``cs231n_lib.see.network``."""

from __future__ import annotations

import torch
from torch import nn

from cs231n_lib.see.network import (
    activations,
    chosen_scores,
    class_scores,
    cross_entropy,
    extract_features,
    find_layer,
    frozen,
    gradient,
    input_gradients,
    pictures_at_once,
    unit_step,
)
from tests.contracts import Contract, Refusal
from tests.tiny import chain, classes, network, of_models, pictures, question


def _unused() -> nn.Module:
    model = network(training=False)
    model.spare = nn.Linear(1, 1)
    model.forward = nn.Flatten().forward
    return model


NO_LAYER = Refusal("a layer that does not exist", {"layer": "features.12"}, ValueError,
                   "the model has no layer 'features.12'; it has 0, 1")  # fmt: skip
NO_CLASS = Refusal("a class that does not exist", {"y": torch.tensor([0, 5])}, ValueError,
                   "no class 5, expected 0 to 4")  # fmt: skip

CONTRACTS = (
    Contract(frozen, lambda: {"model": network()}),
    Contract(pictures_at_once, lambda: {"X": pictures()}),
    Contract(
        find_layer,
        lambda: {"model": network(), "layer": "0"},
        (
            NO_LAYER,
            Refusal("a number in place of a name", {"layer": 0}, ValueError, "has no layer 0; it"),
            Refusal("the whole model as a layer", {"layer": ""}, ValueError, "has no layer ''"),
        ),
    ),
    Contract(
        activations,
        lambda: {"model": network(training=False), "X": pictures(), "layer": "3"},
        (
            NO_LAYER,
            Refusal("a layer that is never used", lambda a: {"model": _unused(), "layer": "spare"},
                    ValueError, "never used its layer 'spare'"),
        ),
    ),
    Contract(
        extract_features,
        lambda: {"x": pictures(), "cnn": nn.Sequential(nn.Identity(), nn.Flatten(), nn.Identity())},
    ),
    Contract(
        extract_features,
        lambda: {"x": pictures(), "cnn": chain(training=False), "last": 2},
        (Refusal("a layer that does not exist", {"last": 9}, ValueError,
                 "there is no layer 9, expected 0 to 3"),),
    ),
    Contract(
        class_scores,
        lambda: {"model": network(training=False), "X": pictures(), "y": classes()},
        (*of_models(gradient=False), NO_CLASS),
    ),
    Contract(chosen_scores, lambda: {"scores": torch.randn(2, 5), "y": classes()}),
    Contract(cross_entropy, lambda: {"scores": torch.randn(2, 5), "y": classes()}),
    Contract(input_gradients, question, (*of_models(), NO_CLASS)),
    Contract(
        gradient,
        lambda: {"X": (X := pictures()), "value": X.square().sum()},
        (
            Refusal("a number that nothing leads to", {"value": torch.zeros(())}, ValueError,
                    "no gradient leads from the scores back"),
            Refusal("a gradient that is NaN", lambda a: {"value": (0 * a["X"]).sqrt().sum()},
                    ValueError, "the model's gradient is NaN or infinite"),
        ),
    ),
    Contract(unit_step, lambda: {"gradients": pictures()}),
)  # fmt: skip
