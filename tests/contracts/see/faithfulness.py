"""Contracts of ``cs231n_lib.see.faithfulness``."""

from __future__ import annotations

import torch

from cs231n_lib.see.faithfulness import (
    delete_cells,
    deletion_curve,
    insertion_curve,
    layers_with_weights,
    randomisation_check,
    randomise_layer,
    rank_correlation,
    share_inside,
)
from cs231n_lib.see.saliency import compute_saliency_maps
from tests.contracts import Contract, Refusal
from tests.tiny import network, pictures, question


def _maps() -> torch.Tensor:
    return torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(2))


NO_CLASS = Refusal("a class that does not exist", {"y": torch.tensor([0, 5])}, ValueError,
                   "no class 5, expected 0 to 4")  # fmt: skip

CONTRACTS = (
    Contract(layers_with_weights, lambda: {"model": network()}),
    Contract(
        randomise_layer,
        lambda: {"model": network(), "layer": "6"},
        (
            Refusal("a layer that does not exist", {"layer": "features.12"}, ValueError,
                    "the model has no layer 'features.12'; it has 0, 1"),
            Refusal("a layer without weights", {"layer": "3"}, ValueError, "'3' has no weights"),
        ),
        changes={"model": "the layer forgets"},
    ),
    Contract(
        randomisation_check,
        lambda: question(method=compute_saliency_maps, layers=["0", "6"]),
        (
            Refusal("a layer that does not exist", {"layers": ["0", "features.12"]}, ValueError,
                    "the model has no layer 'features.12'"),
            Refusal("a layer without weights", {"layers": ["3"]}, ValueError,
                    "layer '3' has no weights"),
            Refusal("a class that does not exist, before a method that does not look",
                    {"y": torch.tensor([0, 5]), "method": lambda X, y, model: X[:, 0]},
                    ValueError, "no class 5, expected 0 to 4"),
        ),
    ),
    Contract(rank_correlation, lambda: {"a": _maps(), "b": _maps().flip(0)}),
    Contract(
        delete_cells,
        lambda: {"X": pictures(), "maps": _maps(), "part": 0.5, "cell": 4,
                 "replacement": torch.zeros(2, 3, 8, 8)},
    ),
    *(
        Contract(curve, lambda: question(maps=_maps(), steps=2, cell=4), (NO_CLASS,))
        for curve in (deletion_curve, insertion_curve)
    ),
    Contract(
        share_inside,
        lambda: {"maps": _maps(), "mask": torch.ones(8, 8, dtype=torch.bool)},
        (
            Refusal("a mask of floats", {"mask": torch.ones(8, 8)}, TypeError,
                    "mask is torch.float32, expected a tensor of bool"),
            Refusal("a mask as a NumPy array", lambda a: {"mask": a["mask"].numpy()}, TypeError,
                    "mask is ndarray, expected a tensor of bool"),
            Refusal("a mask of another size", {"mask": torch.ones(8, 7, dtype=torch.bool)},
                    ValueError, r"mask has shape \(8, 7\), expected \(2, 8, 8\)"),
            Refusal("a mask on another device", lambda a: {"mask": a["mask"].to("meta")},
                    ValueError, "mask is on meta, but maps is on cpu"),
            Refusal("maps with negative values", {"maps": -torch.ones(2, 8, 8)}, ValueError,
                    "maps has negative values"),
        ),
    ),
)  # fmt: skip
