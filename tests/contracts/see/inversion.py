"""Contracts of ``cs231n_lib.see.inversion``."""

from __future__ import annotations

import math

import torch

from cs231n_lib.see.inversion import feature_distance, invert_features, total_variation
from tests.contracts import Contract, Refusal
from tests.tiny import network, pictures


def _features() -> torch.Tensor:
    return torch.rand(2, 4, 6, 6, generator=torch.Generator().manual_seed(3)).requires_grad_()


CONTRACTS = (
    Contract(
        invert_features,
        lambda: {"X": pictures(), "model": network(), "layer": "0", "tv_weight": 0.1,
                 "num_iterations": 2, "learning_rate": 0.1},
        (
            Refusal("pictures from 0 to 255", lambda a: {"X": 255 * a["X"].detach()}, ValueError,
                    "X has values .* expected normalised pixels"),
            Refusal("pictures on another device", lambda a: {"X": a["X"].detach().to("meta")},
                    ValueError, "X is on meta, but the model is on cpu"),
            Refusal("a layer that does not exist", {"layer": "features.12"}, ValueError,
                    "the model has no layer 'features.12'; it has 0, 1"),
            Refusal("pictures that are not square", {"X": torch.zeros(1, 3, 8, 9)}, ValueError,
                    "expected square pictures"),
            Refusal("pictures of one pixel", {"X": torch.zeros(1, 3, 1, 1)}, ValueError,
                    "2 x 2 or larger"),
            Refusal("a layer that is zero everywhere",
                    {"model": torch.nn.Sequential(torch.nn.Hardtanh(-1e-9, 0), torch.nn.ReLU()),
                     "layer": "1"}, ValueError, "layer '1', is all zero for a picture"),
        ),
    ),
    Contract(
        feature_distance,
        lambda: {"layer": "0", "target": _features()},
        (
            Refusal("a target of nothing", {"target": torch.zeros(2, 4, 6, 6)}, ValueError,
                    "layer '0', is all zero for a picture"),
            Refusal("a target with NaN", {"target": torch.full((2, 4, 6, 6), math.nan)},
                    ValueError, "layer '0', is NaN or infinite for a picture"),
        ),
    ),
    Contract(
        feature_distance("0", _features()),
        lambda: {"model": network(training=False), "X": pictures()},
        (
            Refusal("pictures whose features have another shape", {"X": pictures(size=9)},
                    ValueError, r"target has shape \(2, 4, 6, 6\), expected \(2, 4, 7, 7\)"),
        ),
        name="feature_distance",
    ),
    Contract(
        total_variation,
        lambda: {"X": pictures(), "beta": 2},
        (Refusal("a single row", {"X": torch.zeros(2, 3, 1, 8)}, ValueError, "two rows and col"),),
    ),
)  # fmt: skip
