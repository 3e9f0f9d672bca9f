"""Contracts of ``cs231n_lib.see.network``."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from cs231n_lib.see.network import (
    activations,
    class_scores,
    extract_features,
    find_layer,
    frozen,
    gradient,
    pictures_at_once,
)
from cs231n_lib.see.old_checks import check_classes, check_generator, check_pictures, check_tensor
from tests.contracts import Contract, Refusal
from tests.tiny import (
    chain,
    classes,
    network,
    of_classes,
    of_models,
    of_pictures,
    of_tensors,
    pictures,
)


def _question(**more: Any) -> dict[str, Any]:
    return {"function": "f", "X": pictures(), **more}


def _slope() -> dict[str, Any]:
    X = pictures()
    return {"function": "f", "X": X, "value": X.square().sum()}


def _unused() -> nn.Module:
    model = network(training=False)
    model.spare = nn.Linear(1, 1)
    model.forward = nn.Flatten().forward
    return model


NO_LAYER = Refusal("a layer that does not exist", {"layer": "features.12"}, ValueError,
                   "the model has no layer 'features.12'; it has 0, 1")  # fmt: skip
NO_MODULE = Refusal("a function, which has no layers", {"model": lambda X: X}, TypeError,
                    "model is a function, expected a torch.nn.Module")  # fmt: skip

CONTRACTS = (
    Contract(frozen, lambda: {"model": network()}),
    Contract(pictures_at_once, lambda: {"X": pictures()}, of_tensors("X", "pictures")),
    Contract(
        find_layer,
        lambda: {"model": network(), "layer": "0"},
        (
            NO_LAYER,
            NO_MODULE,
            Refusal("a number in place of a name", {"layer": 0}, ValueError, "has no layer 0; it"),
            Refusal("the whole model as a layer", {"layer": ""}, ValueError, "has no layer ''"),
        ),
    ),
    Contract(
        activations,
        lambda: {"model": network(training=False), "X": pictures(), "layer": "3"},
        (
            *of_tensors("X", "pictures"),
            NO_LAYER,
            NO_MODULE,
            Refusal("a layer that is never used", lambda a: {"model": _unused(), "layer": "spare"},
                    ValueError, "never used its layer 'spare'"),
        ),
    ),
    Contract(
        extract_features,
        lambda: {"x": pictures(), "cnn": chain(training=False), "last": 2},
        (
            *of_tensors("x", "pictures"),
            Refusal("a network that is no chain", {"cnn": nn.Tanh()}, TypeError,
                    "cnn is a Tanh, expected a torch.nn.Sequential"),
            Refusal("a layer that does not exist", {"last": 9}, ValueError,
                    "there is no layer 9, expected 0 to 3"),
            Refusal("a negative layer", {"last": -1}, ValueError, "there is no layer -1"),
            Refusal("a layer by name", {"last": "0"}, TypeError, "last is '0', expected the numb"),
            Refusal("True in place of a layer", {"last": True}, TypeError, "last is True, exp"),
        ),
    ),
    Contract(
        class_scores,
        lambda: _question(model=network(training=False), y=classes()),
        (
            *of_models(gradient=False),
            *of_classes()[:2],
            Refusal("a model that gives whole numbers", {"model": lambda X: X[:, 0, 0].long()},
                    TypeError, "the model gave torch.int64, expected one tensor of floats"),
        ),
    ),
    Contract(
        gradient,
        _slope,
        (
            Refusal("a number that nothing leads to", {"value": torch.zeros(())}, ValueError,
                    "no gradient leads from the scores back"),
            Refusal("a gradient that is NaN", lambda a: {"value": (0 * a["X"]).sqrt().sum()},
                    ValueError, "the model's gradient is NaN or infinite"),
            Refusal("more than one number", lambda a: {"value": a["X"] ** 2}, RuntimeError,
                    "grad can be implicitly created only for scalar outputs"),
        ),
    ),
    Contract(check_pictures, lambda: _question(model=network()), of_pictures()),
    Contract(check_classes, lambda: _question(y=classes()), of_classes()[1:]),
    Contract(
        check_generator,
        lambda: {"function": "f", "generator": torch.Generator()},
        (
            Refusal("none, which would be the one that all share", {"generator": None}, TypeError,
                    "generator is a NoneType, expected a torch.Generator"),
            Refusal("a seed", {"generator": 0}, TypeError, "generator is a int, expected"),
        ),
    ),
    Contract(
        check_tensor,
        lambda: {"function": "f", "tensor": pictures(), "shape": "N 3 H W", "name": "tensor"},
        (
            *of_tensors("tensor", "numbers"),
            Refusal("another size", {"tensor": torch.zeros(2, 4, 8, 8)}, ValueError,
                    r"tensor has shape \(2, 4, 8, 8\), expected \(N, 3, H, W\)"),
        ),
    ),
)  # fmt: skip
