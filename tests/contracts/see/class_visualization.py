"""Contracts of ``cs231n_lib.see.class_visualization``."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from cs231n_lib.see.class_visualization import (
    channel_mean,
    class_log_probability,
    class_score,
    class_visualization_step,
    create_class_visualization,
    deep_dream,
    jitter,
    visualize,
)
from cs231n_lib.see.fourier import FourierPicture, PixelPicture
from tests.contracts import Contract, Refusal
from tests.tiny import classes, elsewhere, network, of_models, pictures


def _visualization() -> dict[str, Any]:
    return {
        "objective": class_score(classes()),
        "model": network(),
        "picture": FourierPicture(2, 8),
        "num_iterations": 2,
        "learning_rate": 0.1,
    }


def _of_objective(make: Any, says: str, *arguments: Any) -> Refusal:
    """What an objective refuses when it is shown pictures; its own checks are left out."""
    objective = make.__wrapped__(*arguments)
    return Refusal(f"{make.__name__}{arguments}", {"objective": objective}, ValueError, says)


CONTRACTS = (
    Contract(
        create_class_visualization,
        lambda: {"target_y": [0, 3], "model": network(), "dtype": torch.float32, "l2_reg": 0.1,
                 "learning_rate": 2, "num_iterations": 2, "blur_every": 1, "max_jitter": 2,
                 "show_every": 1, "size": 8},
        (
            Refusal("a class that does not exist", {"target_y": [0, 5]}, ValueError,
                    "there is no class 5, expected 0 to 4"),
            Refusal("a negative class", {"target_y": -1}, ValueError, "target_y contains class -1"),
            Refusal("no class", {"target_y": []}, ValueError, "target_y is empty, expected"),
            Refusal("a part of a class", {"target_y": 1.5}, TypeError, "target_y is 1.5, expected"),
            Refusal("a dtype of integers", {"dtype": torch.int64}, TypeError,
                    "expected a type of floats such as torch.float32"),
            Refusal("another dtype than the model's", {"dtype": torch.float64}, TypeError,
                    "dtype is torch.float64, but the model's weights are torch.float32"),
            *(
                Refusal(f"the dtype {dtype}", lambda a, dtype=dtype: {"dtype": dtype,
                        "model": a["model"].half()}, TypeError, "picture has dtype torch.float16,"
                        r" expected float32 .* give dtype=torch.float32 and model.float\(\)")
                for dtype in (torch.float16, torch.HalfTensor, torch.cuda.HalfTensor)
            ),
            Refusal("a model of half precision", lambda a: {"model": a["model"].bfloat16()},
                    TypeError, "the model's weights are torch.bfloat16; give model.to"),
            Refusal("a type of another device", {"dtype": torch.cuda.FloatTensor}, ValueError,
                    "dtype is a type on cuda, but the model is on cpu"),
            Refusal("no steps between two blurs", {"blur_every": 0}, ValueError, "blur_every is 0"),
            *of_models(),
        ),
    ),
    Contract(
        class_visualization_step,
        lambda: {"img": pictures(), "y": classes(), "model": network(), "l2_reg": 0.1,
                 "learning_rate": 2},
        (
            Refusal("a class that does not exist", {"y": torch.tensor([0, 5])}, ValueError,
                    "there is no class 5, expected 0 to 4"),
            *of_models(),
        ),
    ),
    Contract(jitter, lambda: {"X": pictures(), "ox": 3, "oy": -2}),
    Contract(
        visualize,
        _visualization,
        (
            Refusal("an objective that gives one loss for all",
                    {"objective": lambda model, X: X.sum()}, ValueError,
                    r"losses of shape \(\), expected \(2,\), one per picture"),
            Refusal("an objective that gives a list", {"objective": lambda model, X: [0.0]},
                    TypeError, "the objective gave a list, expected a tensor of 2 losses"),
            Refusal("an objective that gives NaN",
                    {"objective": lambda model, X: X.mean(dim=(1, 2, 3)) * math.nan}, ValueError,
                    "the objective gave a loss that is NaN"),
            Refusal("an objective that does not look", {"objective": lambda model, X: classes()
                    * 1.0}, ValueError, "losses that do not depend on the picture"),
            Refusal("an objective in half precision",
                    {"objective": lambda model, X: X.mean(dim=(1, 2, 3)).half()}, TypeError,
                    "the loss has dtype torch.float16, expected float32"),
            Refusal("a model in half precision", lambda a: {"model": a["model"].half()}, TypeError,
                    r"picture\(\) has dtype torch.float32, but .* give model.to\(torch.float32"),
            Refusal("a picture in half precision", lambda a: {"picture": a["picture"].half()},
                    TypeError, r"picture has dtype torch.float16, .* give picture.float\(\)"),
            Refusal("a picture without parameters", {"picture": nn.Identity()}, ValueError,
                    "picture has no parameter that requires a gradient"),
            Refusal("a picture of another dtype", lambda a: {"picture": a["picture"].double()},
                    TypeError, "torch.float64, but the model's weights are torch.float32"),
            Refusal("a model on another device", lambda a: {"model": elsewhere(a["model"])},
                    ValueError, "model is on meta, a device that holds no numbers"),
            _of_objective(class_score, "there is no class 5", torch.tensor([0, 5])),
            _of_objective(class_score, r"scores of shape \(2, 5\), exp", torch.tensor([0, 1, 2])),
            _of_objective(class_score, "classes are on meta", torch.tensor([0, 1]).to("meta")),
            _of_objective(class_log_probability, "there is no class 5", torch.tensor([0, 5])),
            _of_objective(channel_mean, "no layer 'features.12'; it has 0, 1", "features.12",
                          torch.tensor([0, 1])),
            _of_objective(channel_mean, "numbers from 0 to 3", "0", torch.tensor([0, 4])),
            _of_objective(channel_mean, "one for each of 2 pictures", "0", torch.tensor([0])),
            _of_objective(channel_mean, "pictures, on cpu", "0", torch.tensor([0, 1]).to("meta")),
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
    *(
        Contract(make, lambda: {"y": classes()}, (
            Refusal("classes of floats", {"y": torch.tensor([0.0])}, TypeError,
                    r"y is torch.float32 \(1,\), expected an int64 tensor"),
            Refusal("a negative class", {"y": torch.tensor([0, -1])}, ValueError, "y is .*-1"),
            Refusal("no class", {"y": torch.tensor([], dtype=torch.int64)}, ValueError, "least on"),
        ))
        for make in (class_score, class_log_probability)
    ),
    Contract(
        deep_dream,
        lambda: {"X": pictures(), "model": network(), "layer": "0", "octaves": 2, "scale": 1.5,
                 "num_iterations": 2, "learning_rate": 0.1},
        (
            Refusal("no such layer", {"layer": "features.12"}, ValueError,
                    "no layer 'features.12'; it has 0, 1"),
        ),
    ),
    Contract(channel_mean, lambda: {"layer": "0", "channels": classes()}),
    *(
        Contract(objective, lambda: {"model": network(training=False), "X": pictures()}, name=name)
        for name, objective in (
            ("class_score", class_score(classes())),
            ("class_log_probability", class_log_probability(classes())),
            ("channel_mean", channel_mean("0", classes())),
        )
    ),
)  # fmt: skip
