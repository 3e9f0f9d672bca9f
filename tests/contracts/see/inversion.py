"""Contracts of ``cs231n_lib.see.inversion``."""

from __future__ import annotations

import math
from typing import Any

import torch

from cs231n_lib.see.inversion import feature_distance, invert_features, total_variation
from tests.contracts import Contract, Refusal
from tests.tiny import network, of_pictures, of_tensors, pictures


def _distance(layer: str, target: torch.Tensor, model: Any, X: torch.Tensor) -> torch.Tensor:
    """An objective looks at the model and the pictures when it is called."""
    return feature_distance(layer, target)(model, X)


def _features() -> torch.Tensor:
    return torch.rand(2, 4, 6, 6, generator=torch.Generator().manual_seed(3)).requires_grad_()


NO_LAYER = Refusal("a layer that does not exist", {"layer": "features.12"}, ValueError,
                   "the model has no layer 'features.12'; it has 0, 1")  # fmt: skip
NO_MODULE = Refusal("a function, which has no layers", {"model": lambda X: X}, TypeError,
                    "model is a function, expected a torch.nn.Module")  # fmt: skip

CONTRACTS = (
    Contract(
        invert_features,
        lambda: {"X": pictures(), "model": network(), "layer": "0", "num_iterations": 2},
        (
            *of_pictures(),
            NO_LAYER,
            NO_MODULE,
            Refusal("pictures that are not square", {"X": torch.zeros(1, 3, 8, 9)}, ValueError,
                    "expected square pictures"),
            Refusal("no steps", {"num_iterations": 0}, ValueError,
                    "num_iterations is 0, expected at least 1"),
            Refusal("a step of no length", {"learning_rate": 0}, ValueError,
                    "learning_rate is 0, expected above 0"),
            Refusal("a negative weight", {"tv_weight": -1}, ValueError, "tv_weight is -1"),
            Refusal("an infinite weight", {"tv_weight": math.inf}, ValueError, "tv_weight is inf"),
            Refusal("a weight as a text", {"tv_weight": "1"}, TypeError, "tv_weight is '1', expe"),
        ),
    ),
    Contract(
        feature_distance,
        lambda: {"layer": "0", "target": _features()},
        (
            Refusal("a target as a NumPy array", {"target": _features().detach().numpy()},
                    TypeError, "target is a ndarray, expected a tensor"),
            Refusal("a target of whole numbers", {"target": torch.ones(2, 3, dtype=torch.int64)},
                    TypeError, "target has dtype torch.int64, expected floats"),
            Refusal("a target of nothing", {"target": torch.zeros(2, 4, 6, 6)}, ValueError,
                    "layer '0' is all zero for a picture"),
            Refusal("a target with NaN", {"target": torch.full((2, 4, 6, 6), math.nan)},
                    ValueError, "layer '0' is NaN or infinite for a picture"),
            Refusal("no target", {"target": torch.zeros(0, 4, 6, 6)}, ValueError,
                    "with no size zero"),
        ),
    ),
    Contract(
        _distance,
        lambda: {"layer": "0", "target": _features(), "model": network(training=False),
                 "X": pictures()},
        (
            NO_LAYER,
            NO_MODULE,
            Refusal("pictures whose features have another shape", {"X": torch.zeros(2, 3, 9, 9)},
                    ValueError, r"shape \(2, 4, 7, 7\), the target \(2, 4, 6, 6\)"),
        ),
        name="feature_distance",
    ),
    Contract(
        total_variation,
        lambda: {"X": pictures(), "beta": 2},
        (
            *of_tensors("X", "pictures"),
            Refusal("a single row", {"X": torch.zeros(2, 3, 1, 8)}, ValueError,
                    "with two rows and two columns or more"),
            Refusal("no power", {"beta": 0}, ValueError, "beta is 0, expected above 0"),
            Refusal("a power that is NaN", {"beta": math.nan}, ValueError, "beta is nan, expected"),
            Refusal("a power as a text", {"beta": "2"}, TypeError, "beta is '2', expected a numb"),
        ),
    ),
)  # fmt: skip
