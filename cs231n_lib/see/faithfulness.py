"""Tests of saliency maps: does a map show what the network uses, or only what pleases the eye?

Notation and guarantees are those of :mod:`cs231n_lib.see.saliency`.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import scipy  # its statistics, slow to load, are loaded when first used
import torch
from torch import nn

from cs231n_lib.checks import Count, Each, Function, Instance, Number, checked, named
from cs231n_lib.progress import progress
from cs231n_lib.see.checks import MODEL, NETWORK, Classes, Model, Pictures, Tensor, check_device
from cs231n_lib.see.network import class_scores, find_layer, frozen
from cs231n_lib.see.pixels import normalize
from cs231n_lib.see.precision import in_float32, normal, plainly, widened

__all__ = [
    "delete_cells",
    "deletion_curve",
    "insertion_curve",
    "layers_with_weights",
    "randomisation_check",
    "randomise_layer",
    "rank_correlation",
    "share_inside",
]

# What explains a class: (X, y, model) -> maps (N, H, W).
Method = Callable[[torch.Tensor, torch.Tensor, Model], torch.Tensor]


@checked(model=NETWORK)
def layers_with_weights(model: nn.Module) -> list[str]:
    """Names of all layers of a network that have weights of their own, from bottom to top.

    Raises TypeError if ``model`` is not a ``torch.nn.Module``.
    """
    return [name for name, layer in model.named_modules() if layer._parameters and name]


@checked(model=NETWORK, seed=Count(least=0))
def randomise_layer(model: nn.Module, layer: str, seed: int = 0) -> None:
    """Forget what a layer has learned. This changes the model: work on a copy.

    Every tensor of weights is drawn anew from a normal distribution with mean zero and its own size
    (root mean square), so that activations keep their scale.

    Parameters
    ----------
    model : torch.nn.Module
    layer : str
        Name of a layer, or of a block of layers.
    seed : int

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared; if there is no such layer, or it has no weights.
    """
    weights = _weights_of(model, layer)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in weights:
            size = widened(weight).square().mean().sqrt()
            noise = normal(weight.shape, generator)
            weight.copy_(noise.to(size) * size)


def _weights_of(model: nn.Module, layer: str) -> list[torch.Tensor]:
    weights = list(find_layer(model, layer).parameters())
    if not weights:
        raise ValueError(named(f"layer {layer!r} has no weights"))
    return weights


@checked(
    X=Pictures(half=True), y=Classes(), model=NETWORK,
    method=Function("from pictures, classes and a model to maps"),
    layers=Each(Instance(str), empty=True), seed=Count(least=0),
)  # fmt: skip
@plainly()
def randomisation_check(
    X: torch.Tensor,
    y: torch.Tensor,
    model: nn.Module,
    method: Method,
    layers: Sequence[str] | None = None,
    seed: int = 0,
) -> dict[str, torch.Tensor]:
    """Maps of a network that forgets what it has learned, layer by layer from the top.

    A map that explains what the network has learned must change when that is gone.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : (N,) int64 tensor
        The class to ask about, for each picture. Where a ReLU holds its score at exactly zero, the
        next class with another score is asked about instead: with random weights on top all
        classes are alike, and a closed ReLU has no gradient.
    model : torch.nn.Module
        It is copied and stays as it is.
    method : callable
        From (X, y, model) to maps (N, H, W).
    layers : sequence of str, optional
        Layers or blocks, from bottom to top. By default all that have weights.
    seed : int

    Returns
    -------
    dict
        ``"trained"`` -> maps of the network as it is; then, for each layer from the top down, its
        name -> maps with this layer and all above it random. Compare them by
        :func:`rank_correlation`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, and as :func:`randomise_layer`.

    Notes
    -----
    Cascading randomisation of Adebayo et al., "Sanity checks for saliency maps" (arXiv:1810.03292).
    """
    layers = layers_with_weights(model) if layers is None else layers
    _check_layers(model, layers)
    maps = {"trained": method(X, y, model)}
    forgetful = copy.deepcopy(model).eval()
    for k, layer in enumerate(progress(layers[::-1], "forgetting")):
        randomise_layer(forgetful, layer, seed + k)
        maps[layer] = method(X, _open_classes(X, y, forgetful), forgetful)
    return maps


def _check_layers(model: nn.Module, layers: Sequence[str]) -> None:
    for layer in layers:
        find_layer(model, layer)


def _open_classes(X: torch.Tensor, y: torch.Tensor, model: Model) -> torch.Tensor:
    """Class y, or the next one (0 follows the last) whose score is not exactly zero."""
    with torch.no_grad():
        scores, _ = class_scores(model, X, y)
    classes = scores.shape[1]
    distance = (torch.arange(classes, device=y.device) - y[:, None]) % classes
    return distance.masked_fill(scores == 0, classes).argmin(dim=1)


@checked(a=Tensor("N H W", finite=True, half=True), b=Tensor("N H W", finite=True, half=True))
@in_float32
def rank_correlation(a: torch.Tensor, b: torch.Tensor) -> np.ndarray:
    """Spearman's rank correlation: how far two maps agree on the order of the pixels.

    Parameters
    ----------
    a, b : (N, H, W) tensors

    Returns
    -------
    (N,) float64 array in [-1, 1]
        1 for the same order, about 0 for none in common; 0 also where a map is constant.
    """
    a, b = (maps.detach().cpu().flatten(1).numpy() for maps in (a, b))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", scipy.stats.ConstantInputWarning)
        found = [scipy.stats.spearmanr(*pair).statistic for pair in zip(a, b)]
    return np.nan_to_num(found)


@checked(
    X=Tensor("N 3 H W", half=True), maps=Tensor("N H W", finite=True, on="X", half=True),
    part=Number(least=0, most=1),
    replacement=Tensor("N 3 H W", finite=True, on="X", half=True), cell=Count(),
)  # fmt: skip
@in_float32
def delete_cells(
    X: torch.Tensor,
    maps: torch.Tensor,
    part: float,
    replacement: torch.Tensor,
    cell: int = 16,
) -> torch.Tensor:
    """Replace the most salient parts of pictures.

    Parameters
    ----------
    X, replacement : (N, 3, H, W) tensors
    maps : (N, H, W) tensor
        Saliency maps. They are averaged over square cells, and cells are replaced as a whole.
    part : float from 0 to 1
        The part of the cells to replace.
    cell : int
        Side of the cells in pixels. A cell at the right or lower border may be cut off.

    Returns
    -------
    (N, 3, H, W) tensor
    """
    H, W = X.shape[2:]
    cells = nn.functional.avg_pool2d(maps, cell, ceil_mode=True)
    order = cells.flatten(1).argsort(dim=1, descending=True, stable=True)
    rank = order.argsort(dim=1).view(cells.shape)  # 0: most salient
    rank = rank.repeat_interleave(cell, dim=1).repeat_interleave(cell, dim=2)
    gone = rank[:, None, :H, :W] < round(part * order.shape[1])
    return torch.where(gone, replacement, X)


@checked(
    X=Pictures(half=True), y=Classes(), model=MODEL,
    maps=Tensor("N H W", finite=True, on="X", half=True),
    steps=Count(), replacement=Pictures(like="X", half=True), cell=Count(),
)  # fmt: skip
@in_float32
def deletion_curve(
    X: torch.Tensor,
    y: torch.Tensor,
    model: Model,
    maps: torch.Tensor,
    steps: int = 16,
    replacement: torch.Tensor | None = None,
    cell: int = 16,
) -> tuple[np.ndarray, torch.Tensor]:
    """The probability of a class while its picture is deleted, the most salient cells first.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : (N,) int64 tensor
        The class to ask about, for each picture.
    model : callable
        From pictures to (N, C) scores.
    maps : (N, H, W) tensor
        Saliency maps.
    steps : int
        Number of equal steps of the deletion.
    replacement : (N, 3, H, W) or (1, 3, H, W) tensor, optional
        What replaces the picture, such as :func:`~cs231n_lib.see.images.blur_image` of it. By
        default black.
    cell : int
        Side of the cells that are deleted as a whole, see :func:`delete_cells`.

    Returns
    -------
    parts : (steps + 1,) float64 array
        The part of the cells that is gone, from 0 to 1.
    probabilities : (steps + 1, N) tensor
        The softmax of the scores, for the class.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, and as
        :func:`~cs231n_lib.see.network.class_scores`.

    Notes
    -----
    Petsiuk, Das and Saenko, "RISE" (arXiv:1806.07421), with cells instead of single pixels.
    """
    if replacement is None:
        replacement = normalize(torch.zeros_like(X[:1]))  # black
    parts = np.linspace(0, 1, steps + 1)
    probabilities = []
    with frozen(model), torch.no_grad():
        for part in parts:
            rest = delete_cells(X, maps, part, replacement, cell)
            scores, chosen = class_scores(model, rest, y)
            probabilities.append((chosen - scores.logsumexp(dim=1)).exp())
    return parts, torch.stack(probabilities)


@checked(
    X=Pictures(half=True), y=Classes(), model=MODEL,
    maps=Tensor("N H W", finite=True, on="X", half=True),
    steps=Count(), replacement=Pictures(like="X", half=True), cell=Count(),
)  # fmt: skip
@in_float32
def insertion_curve(
    X: torch.Tensor,
    y: torch.Tensor,
    model: Model,
    maps: torch.Tensor,
    steps: int = 16,
    replacement: torch.Tensor | None = None,
    cell: int = 16,
) -> tuple[np.ndarray, torch.Tensor]:
    """The probability of a class while its picture appears, the most salient cells first.

    The same as :func:`deletion_curve`, with picture and replacement changing places: the
    replacement is "deleted", and the picture replaces it.
    """
    if replacement is None:
        replacement = normalize(torch.zeros_like(X[:1]))
    return deletion_curve(replacement.expand_as(X), y, model, maps, steps, X, cell)


@checked(maps=Tensor("N H W", finite=True, half=True))
@in_float32
def share_inside(maps: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The share of a map that lies where it should.

    Parameters
    ----------
    maps : (N, H, W) tensor, not negative
    mask : (N, H, W) or (H, W) tensor of bool
        True where the object is that the map is about.

    Returns
    -------
    (N,) tensor in [0, 1]
        The map's sum inside over its total; 0 where a map is zero everywhere.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared; if the mask is not bool or does not fit, or a map
        has negative values.
    """
    _check_mask(maps, mask)
    total = maps.sum(dim=(1, 2))
    inside = (maps * mask).sum(dim=(1, 2))
    return inside / total.where(total > 0, 1)


def _check_mask(maps: torch.Tensor, mask: torch.Tensor) -> None:
    if not isinstance(mask, torch.Tensor) or mask.dtype != torch.bool:
        given = mask.dtype if isinstance(mask, torch.Tensor) else type(mask).__name__
        raise TypeError(named(f"mask is {given}, expected a tensor of bool"))
    check_device("mask", mask, "maps", maps)
    if mask.shape not in (maps.shape, maps.shape[1:]):
        raise ValueError(
            named(
                f"mask has shape {tuple(mask.shape)}, expected {tuple(maps.shape)}, as maps, or "
                f"{tuple(maps.shape[1:])}"
            )
        )
    if (maps < 0).any():
        raise ValueError(named("maps has negative values; take absolute values first"))
