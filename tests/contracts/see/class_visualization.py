"""Contracts of ``cs231n_lib.see.class_visualization``."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from cs231n_lib.see.checks import Model
from cs231n_lib.see.class_visualization import (
    Objective,
    channel_mean,
    class_log_probability,
    class_score,
    create_class_visualization,
    jitter,
    score_gradient,
    unit_step,
    visualize,
)
from cs231n_lib.see.fourier import FourierPicture, PixelPicture
from tests.contracts import Contract, Refusal
from tests.tiny import (
    classes,
    elsewhere,
    network,
    of_classes,
    of_models,
    of_tensors,
    pictures,
    spoilt,
)


def _seen(objective: Objective, model: Model, X: torch.Tensor) -> torch.Tensor:
    """An objective looks at its arguments when it looks at pictures."""
    return objective(model, X)


def _of_objective(make: Any, **arguments: Any) -> dict[str, Any]:
    model = network(training=False)
    return {"objective": make(**arguments), "model": model, "X": pictures()}


def _of_y(make: Any) -> tuple[Refusal, ...]:
    """The refusals of classes, as they are given to an objective."""
    return tuple(
        Refusal(refusal.what, _given(make, **refusal.change), refusal.error, refusal.says)
        for refusal in of_classes()
    )


def _given(make: Any, **arguments: Any) -> Any:
    """The change to another objective, made anew for each call."""
    return lambda _: {"objective": make(**arguments)}


def _creation() -> dict[str, Any]:
    return {"target_y": [0, 3], "model": network(), "num_iterations": 2, "size": 8}


def _visualization() -> dict[str, Any]:
    return {
        "objective": class_score(classes()),
        "model": network(),
        "picture": FourierPicture(2, 8),
        "num_iterations": 2,
    }


def _of_numbers(name: str, least: str) -> tuple[Refusal, ...]:
    return (
        Refusal(f"{name} below {least}", {name: -1}, ValueError, f"{name} is -1, expected"),
        Refusal(f"{name} that is NaN", {name: math.nan}, ValueError, f"{name} is nan, expected"),
        Refusal(f"{name} that is no number", {name: "1"}, TypeError, f"{name} is '1', expected"),
    )


def _of_counts(name: str) -> tuple[Refusal, ...]:
    return (
        Refusal(f"{name} of 0", {name: 0}, ValueError, f"{name} is 0, expected at least 1"),
        Refusal(f"{name} that is no whole number", {name: 2.5}, TypeError,
                f"{name} is 2.5, expected a whole number"),
    )  # fmt: skip


NO_LAYER = Refusal("a layer that does not exist",
                   {"objective": channel_mean("features.12", torch.tensor([0, 1]))}, ValueError,
                   "the model has no layer 'features.12'; it has 0, 1")  # fmt: skip

CONTRACTS = (
    Contract(
        create_class_visualization,
        _creation,
        (
            Refusal("a class that does not exist", {"target_y": [0, 5]}, ValueError,
                    "target_y contains class 5, expected 0 to 4"),
            Refusal("a negative class", {"target_y": -1}, ValueError, "target_y contains class -1"),
            Refusal("no class", {"target_y": []}, ValueError, "target_y is empty, expected"),
            Refusal("a part of a class", {"target_y": 1.5}, TypeError, "target_y is 1.5, expected"),
            Refusal("True in place of a class", {"target_y": True}, TypeError, "target_y is True"),
            Refusal("the name of a class", {"target_y": "snail"}, TypeError,
                    "target_y is 'snail', expected a class or a list of classes"),
            Refusal("None in place of a class", {"target_y": None}, TypeError,
                    "target_y is None, expected a class"),
            Refusal("a dtype of whole numbers", {"dtype": torch.int64}, TypeError,
                    "expected a type of floats such as torch.float32"),
            Refusal("another dtype than the model's", {"dtype": torch.float64}, TypeError,
                    "the picture of the given dtype has dtype torch.float64, but the model's"),
            Refusal("a model on another device",
                    lambda a: {"model": elsewhere(a["model"]), "dtype": torch.FloatTensor},
                    ValueError, "the picture of the given dtype is on cpu, but the model is on"),
            *of_models(),
            *_of_counts("size"),
            *_of_counts("num_iterations"),
            *_of_counts("blur_every")[:1],
            *_of_counts("show_every")[:1],
            *_of_numbers("learning_rate", "0"),
            *_of_numbers("l2_reg", "0")[:1],
            *_of_numbers("max_jitter", "0")[:1],
        ),
    ),
    Contract(
        score_gradient,
        lambda: {"img": pictures(), "y": classes(), "model": network()},
        (
            *of_tensors("img", "pictures"),
            *of_models(),
            Refusal("a class that does not exist", {"y": torch.tensor([0, 5])}, ValueError,
                    "target_y contains class 5, expected 0 to 4"),
            Refusal("a negative class", {"y": torch.tensor([0, -1])}, ValueError,
                    "target_y contains class -1, expected 0 or more"),
            Refusal("a model on another device", lambda a: {"model": elsewhere(a["model"])},
                    RuntimeError, "on device meta is not on the expected device cpu"),
            Refusal("pictures with an infinite pixel",
                    lambda a: {"img": spoilt(a["img"], math.inf)}, ValueError,
                    "img contains pixels that are NaN or infinite"),
        ),
    ),
    Contract(unit_step, lambda: {"gradient": pictures()}, of_tensors("gradient", "gradients")),
    Contract(
        jitter,
        lambda: {"X": pictures(), "ox": 3, "oy": -2},
        (
            *of_tensors("X", "pictures"),
            Refusal("half a pixel", {"ox": 0.5}, TypeError, "must be tuple of ints"),
        ),
    ),
    Contract(
        visualize,
        _visualization,
        (
            *_of_counts("num_iterations"),
            *_of_numbers("learning_rate", "0"),
            Refusal("an objective that is no function", {"objective": 3}, TypeError,
                    "objective is a int, expected a function"),
            Refusal("an objective that gives one loss for all",
                    {"objective": lambda model, X: X.sum()}, ValueError,
                    r"losses of shape \(\), expected \(2,\), one a picture"),
            Refusal("an objective that gives no tensor", {"objective": lambda model, X: [0.0]},
                    TypeError, "the objective gave a list, expected a tensor of 2 losses"),
            Refusal("an objective that gives NaN",
                    {"objective": lambda model, X: X.mean(dim=(1, 2, 3)) * math.nan}, ValueError,
                    "the objective gave a loss that is NaN"),
            Refusal("an objective that does not look", {"objective": lambda model, X: classes()
                    * 1.0}, ValueError, "the losses do not depend on the picture"),
            Refusal("a picture that is a tensor", lambda a: {"picture": pictures()}, TypeError,
                    "picture is a Tensor, expected a torch.nn.Module such as a FourierPicture"),
            Refusal("a picture without parameters", {"picture": nn.Identity()}, ValueError,
                    "picture has no parameter that requires a gradient"),
            Refusal("a picture of another dtype", lambda a: {"picture": a["picture"].double()},
                    TypeError, "torch.float64, but the model's weights torch.float32"),
            Refusal("a model on another device", lambda a: {"model": elsewhere(a["model"])},
                    ValueError, "is on cpu, but the model is on meta"),
            NO_LAYER,
        ),
        changes={"picture": "the optimiser moves its parameters"},
    ),
    Contract(  # a function: its network is not seen, and so not held still
        visualize,
        lambda: _visualization()
        | {"model": network(training=False).forward, "picture": PixelPicture(2, 8)},
        changes={"picture": "the optimiser moves its parameters"},
        name="visualize",
    ),
    Contract(class_score, lambda: {"y": classes()}),
    Contract(
        _seen,
        lambda: _of_objective(class_score, y=classes()),
        _of_y(class_score),
        name="class_score",
    ),
    Contract(class_log_probability, lambda: {"y": classes()}),
    Contract(
        _seen,
        lambda: _of_objective(class_log_probability, y=classes()),
        _of_y(class_log_probability),
        name="class_log_probability",
    ),
    Contract(channel_mean, lambda: {"layer": "0", "channels": classes()}),
    Contract(
        _seen,
        lambda: _of_objective(channel_mean, layer="0", channels=classes()),
        (
            NO_LAYER,
            Refusal("a channel that does not exist",
                    _given(channel_mean, layer="0", channels=torch.tensor([0, 4])), ValueError,
                    "channels contains 4, but layer '0' has 4, counted from 0"),
            Refusal("a negative channel",
                    _given(channel_mean, layer="0", channels=torch.tensor([0, -1])), ValueError,
                    "channels contains class -1, expected 0 or more"),
            Refusal("a channel too few",
                    _given(channel_mean, layer="0", channels=torch.tensor([0])), ValueError,
                    r"channels has shape \(1,\), expected \(2,\)"),
            Refusal("a function, which has no layers", {"model": lambda X: X}, TypeError,
                    "model is a function, expected a torch.nn.Module"),
        ),
        name="channel_mean",
    ),
)  # fmt: skip
