"""Contracts of ``cs231n_lib.see.saliency``."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from cs231n_lib.see.saliency import (
    completeness_gap,
    compute_saliency_maps,
    delete_cells,
    deletion_curve,
    grad_cam,
    insertion_curve,
    integrated_gradients,
    layers_with_weights,
    randomisation_check,
    randomise_layer,
    rank_correlation,
    score_gradients,
    share_inside,
    smooth_grad,
)
from tests.contracts import Contract, Refusal
from tests.tiny import (
    in_short,
    network,
    of_classes,
    of_models,
    of_pictures,
    of_tensors,
    pictures,
    question,
)


def _maps() -> torch.Tensor:
    return torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(2))


ALL_OF_QUESTIONS = (*of_pictures(), *of_classes(), *of_models())
# The other functions ask by the same checks.
OF_QUESTIONS = (*in_short(), *of_classes()[:3], of_models()[0])
NO_LAYERS = Refusal("a function, where layers are asked for by name",
                    {"model": lambda X: X.mean(dim=(2, 3))}, TypeError,
                    "model is a function, expected a torch.nn.Module")  # fmt: skip
NO_LAYER = Refusal("a layer that does not exist", {"layer": "features.12"}, ValueError,
                   "the model has no layer 'features.12'; it has 0, 1")  # fmt: skip


def _of_baselines(name: str) -> tuple[Refusal, ...]:
    return (
        Refusal(f"a {name} of another size", {name: torch.zeros(1, 3, 7, 8)}, ValueError,
                rf"{name} has shape \(1, 3, 7, 8\), expected \(2, 3, 8, 8\) or \(1, 3, 8, 8\)$"),
        Refusal(f"a {name} of another dtype", {name: torch.zeros(1, 3, 8, 8).double()}, ValueError,
                f"{name} is torch.float64 on cpu, but X is torch.float32"),
        Refusal(f"a {name} that is a number", {name: 0.0}, TypeError,
                f"{name} is a float, expected a tensor"),
        Refusal(f"a {name} with NaN", {name: torch.full((1, 3, 8, 8), math.nan)}, ValueError,
                f"{name} contains pixels that are NaN"),
    )  # fmt: skip


def _of_counts(name: str) -> tuple[Refusal, ...]:
    return (
        Refusal(f"no {name}", {name: 0}, ValueError, f"{name} is 0, expected at least 1"),
        Refusal(f"{name} that is no whole number", {name: 2.5}, TypeError,
                f"{name} is 2.5, expected a whole number"),
    )  # fmt: skip


OF_MAPS = (
    Refusal("maps of another size", {"maps": torch.zeros(2, 8, 7)}, ValueError,
            r"maps have shape \(2, 8, 7\), expected \(2, 8, 8\), a map for each picture$"),
    Refusal("maps of whole numbers", {"maps": torch.zeros(2, 8, 8, dtype=torch.int64)}, TypeError,
            "maps has dtype torch.int64, expected floats"),
    Refusal("maps as a list", {"maps": [[0.0]]}, TypeError, "maps is a list, expected a tensor"),
    Refusal("maps with NaN", {"maps": torch.full((2, 8, 8), math.nan)}, ValueError,
            "maps contain values that are NaN"),
    Refusal("maps on another device", {"maps": torch.zeros(2, 8, 8, device="meta")}, ValueError,
            "maps are on meta, but X is on cpu"),
)  # fmt: skip


def _twice(arguments: dict[str, Any]) -> dict[str, Any]:
    model = arguments["model"]
    same = nn.Conv2d(3, 3, 1)
    return {"model": nn.Sequential(same, same, *model), "layer": "0"}


class _Detached(nn.Module):
    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        return scores.detach()


CONTRACTS = (
    Contract(score_gradients, question, ALL_OF_QUESTIONS),
    Contract(compute_saliency_maps, question, OF_QUESTIONS),
    Contract(
        smooth_grad,
        lambda: question(samples=2),
        (
            *OF_QUESTIONS,
            *_of_counts("samples"),
            Refusal("negative noise", {"sigma": -0.1}, ValueError, "sigma is -0.1, expected at"),
            Refusal("noise that is NaN", {"sigma": math.nan}, ValueError, "sigma is nan"),
            Refusal("noise that is no number", {"sigma": "0.1"}, TypeError, "sigma is '0.1', exp"),
        ),
    ),
    Contract(
        integrated_gradients,
        lambda: question(steps=2),
        (*OF_QUESTIONS, *_of_counts("steps"), *_of_baselines("baseline")),
    ),
    Contract(
        completeness_gap,
        lambda: question(attributions=torch.zeros(2, 3, 8, 8)),
        (
            *OF_QUESTIONS,
            *_of_baselines("baseline"),
            Refusal("attributions of another shape", {"attributions": torch.zeros(2, 8, 8)},
                    ValueError, r"attributions have shape \(2, 8, 8\), expected \(2, 3, 8, 8\)$"),
            Refusal("attributions as a list", {"attributions": [0.0]}, TypeError,
                    "attributions is a list, expected a tensor"),
            Refusal("attributions with NaN", {"attributions": torch.full((2, 3, 8, 8), math.nan)},
                    ValueError, "attributions contain values that are NaN"),
            Refusal("a model whose scores are NaN where the picture is missing",
                    {"model": lambda X: X.mean(dim=(2, 3)) / X.abs().amax(dim=(2, 3)),
                     "baseline": torch.zeros(1, 3, 8, 8)},
                    ValueError, "the model gave scores that are NaN or infinite"),
        ),
    ),
    Contract(
        grad_cam,
        lambda: question(layer="3"),
        (
            *OF_QUESTIONS[:-1],
            NO_LAYERS,
            NO_LAYER,
            Refusal("a layer that gives no maps", {"layer": "6"}, ValueError,
                    r"layer '6' gives shape \(2, 5\), expected maps, \(N, C, h, w\)$"),
            Refusal("a layer that is used twice", _twice, ValueError,
                    "used its layer '0' 2 times, expected once"),
            Refusal("a model whose scores have no gradient",
                    lambda a: {"model": nn.Sequential(*a["model"], _Detached())}, ValueError,
                    "no gradient leads from the scores back"),
        ),
    ),
    Contract(
        layers_with_weights,
        lambda: {"model": network()},
        (NO_LAYERS,),
    ),
    Contract(
        randomise_layer,
        lambda: {"model": network(), "layer": "6"},
        (
            NO_LAYERS,
            NO_LAYER,
            Refusal("a layer without weights", {"layer": "3"}, ValueError, "'3' has no weights"),
        ),
        changes={"model": "the layer forgets"},
    ),
    Contract(
        randomisation_check,
        lambda: question(method=compute_saliency_maps, layers=["0", "6"]),
        (
            *OF_QUESTIONS[:-1],
            NO_LAYERS,
            Refusal("a layer that does not exist", {"layers": ["0", "features.12"]}, ValueError,
                    "the model has no layer 'features.12'"),
            Refusal("a text in place of a list of layers", {"layers": "06"}, TypeError,
                    "layers is '06', expected a list of names"),
            Refusal("a layer without weights", {"layers": ["3"]}, ValueError,
                    "layer '3' has no weights"),
            Refusal("a class that does not exist, before a method that does not look",
                    {"y": torch.tensor([0, 5]), "method": lambda X, y, model: X[:, 0]},
                    ValueError, "y contains class 5, expected 0 to 4"),
        ),
    ),
    Contract(
        rank_correlation,
        lambda: {"a": _maps(), "b": _maps().flip(0)},
        (
            *of_tensors("a", "maps"),
            *of_tensors("b", "other maps"),
            Refusal("maps of different shapes", {"b": torch.zeros(2, 8, 7)}, ValueError,
                    r"shapes \(2, 8, 8\) and \(2, 8, 7\)"),
            Refusal("maps with NaN", {"b": torch.full((2, 8, 8), math.nan)}, ValueError,
                    "NaN or infinite"),
        ),
    ),
    Contract(
        delete_cells,
        lambda: {"X": pictures(), "maps": _maps(), "part": 0.5, "cell": 4,
                 "replacement": torch.zeros(2, 3, 8, 8)},
        (
            *of_tensors("X", "pictures"),
            *OF_MAPS,
            *_of_counts("cell"),
            Refusal("more than all", {"part": 1.5}, ValueError, "part is 1.5, expected at least 0"),
            Refusal("less than nothing", {"part": -0.1}, ValueError, "part is -0.1, expected"),
            Refusal("a part that is NaN", {"part": math.nan}, ValueError, "part is nan, expected"),
            Refusal("a replacement of another size", {"replacement": torch.zeros(2, 3, 8, 7)},
                    ValueError,
                    r"replacement have shape \(2, 3, 8, 7\), expected \(2, 3, 8, 8\)$"),
        ),
    ),
    *(
        Contract(
            curve,
            lambda: question(maps=_maps(), steps=2, cell=4),
            (
                *OF_QUESTIONS,
                *OF_MAPS,
                *_of_counts("steps"),
                *_of_counts("cell"),
                *_of_baselines("replacement"),
            ),
        )
        for curve in (deletion_curve, insertion_curve)
    ),
    Contract(
        share_inside,
        lambda: {"maps": _maps(), "mask": torch.ones(8, 8, dtype=torch.bool)},
        (
            *of_tensors("maps", "maps"),
            Refusal("a mask of floats", {"mask": torch.ones(8, 8)}, TypeError,
                    "mask is torch.float32, expected bool"),
            Refusal("a mask as a NumPy array", lambda a: {"mask": a["mask"].numpy()}, TypeError,
                    "mask is ndarray, expected bool"),
            Refusal("a mask of another size", {"mask": torch.ones(8, 7, dtype=torch.bool)},
                    ValueError, r"mask \(8, 7\), expected"),
            Refusal("a mask on another device", lambda a: {"mask": a["mask"].to("meta")},
                    ValueError, "mask is on meta, but the maps on cpu"),
            Refusal("maps with negative values", {"maps": -torch.ones(2, 8, 8)}, ValueError,
                    "maps have negative values"),
            Refusal("maps with infinite values", {"maps": torch.full((2, 8, 8), math.inf)},
                    ValueError, "NaN or infinite"),
        ),
    ),
)  # fmt: skip
