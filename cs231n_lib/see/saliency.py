"""Saliency: which pixels does the score of a class depend on?

Notation: ``X`` (N, 3, H, W) normalised pictures, ``y`` (N,) int64 classes, ``S`` the score of a
class before any softmax. ``model`` is any callable from pictures to (N, C) scores, except where a
layer is given by name. Maps are (N, H, W), on the device and with the dtype of the pictures; in
half precision they are added up in float32.

All functions hold the model still while they look (:func:`cs231n_lib.see.network.frozen`), never
change what they are given, and work inside ``torch.no_grad()`` as well.
:mod:`cs231n_lib.see.faithfulness` tests whether a map can be trusted.
"""

from __future__ import annotations

import itertools

import torch
from torch import nn

from cs231n_lib.checks import Count, Number, checked, named
from cs231n_lib.see.checks import (
    MODEL,
    NETWORK,
    Classes,
    Model,
    Pictures,
    Tensor,
    check_maps,
    check_output,
)
from cs231n_lib.see.network import (
    activations,
    class_scores,
    find_layer,
    frozen,
    gradient,
    input_gradients,
    pictures_at_once,
)
from cs231n_lib.see.pixels import normalize
from cs231n_lib.see.precision import in_float32, normal, widened

__all__ = [
    "completeness_gap",
    "compute_saliency_maps",
    "grad_cam",
    "integrated_gradients",
    "occlusion",
    "smooth_grad",
]


@checked(X=Pictures(half=True), y=Classes(), model=MODEL)
def compute_saliency_maps(
    X: torch.Tensor,
    y: torch.Tensor,
    model: Model,
) -> torch.Tensor:
    """Saliency maps: how much the score of a class can change with each pixel.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : (N,) int64 tensor
        The class to ask about, for each picture; usually the correct one.
    model : callable
        From pictures to (N, C) scores.

    Returns
    -------
    (N, H, W) tensor, not negative
        The largest absolute value of the gradient over the three colours.

    Raises
    ------
    TypeError, ValueError
        As :func:`~cs231n_lib.see.network.input_gradients`.

    Notes
    -----
    NetworkVisualization-PyTorch of the assignment; Simonyan, Vedaldi and Zisserman, "Deep inside
    convolutional networks" (arXiv:1312.6034).
    """
    gradients, _ = input_gradients(X, y, model)
    return gradients.abs().amax(dim=1)


@checked(
    X=Pictures(half=True), y=Classes(), model=MODEL,
    samples=Count(), sigma=Number(least=0), seed=Count(least=0),
)  # fmt: skip
@in_float32
def smooth_grad(
    X: torch.Tensor,
    y: torch.Tensor,
    model: Model,
    samples: int = 16,
    sigma: float = 0.15,
    seed: int = 0,
    squared: bool = False,
) -> torch.Tensor:
    """SmoothGrad: the gradient, averaged over noisy copies of the picture.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : (N,) int64 tensor
        The class to ask about, for each picture.
    model : callable
        From pictures to (N, C) scores.
    samples : int
        Noisy copies of each picture.
    sigma : float
        Standard deviation of the noise, as a share of the range of the picture's values, from
        smallest to largest. The paper recommends 0.1 to 0.2.
    seed : int
        Seed of the noise, which ``torch.randn`` draws copy by copy, in float32 on the CPU. Every
        picture gets the same noise, whatever its batch, device and dtype.
    squared : bool
        Average the squares of the gradients (SmoothGrad²) instead of the gradients.

    Returns
    -------
    (N, H, W) tensor, not negative
        The largest value over the three colours: of the averaged gradient's absolute value, or of
        the averaged squares.

    Raises
    ------
    TypeError, ValueError
        As :func:`~cs231n_lib.see.network.input_gradients`.

    Notes
    -----
    Smilkov et al., "SmoothGrad" (arXiv:1706.03825); the squares are from Hooker et al., "A
    benchmark for interpretability methods" (arXiv:1806.10758).
    """
    X = X.detach()
    reach = sigma * (X.amax(dim=(1, 2, 3)) - X.amin(dim=(1, 2, 3)))
    rng = torch.Generator().manual_seed(seed)
    total, at_once = torch.zeros_like(X), _copies_at_once(X)
    for done in range(0, samples, at_once):
        count = min(at_once, samples - done)
        noise = [normal(X.shape[1:], rng) for _ in range(count)]
        noise = torch.stack(noise).to(X)[:, None]
        noisy = X + reach[:, None, None, None] * noise
        G, _ = input_gradients(noisy.flatten(0, 1), y.repeat(count), model)
        G = G.view(noisy.shape)
        total += (G**2 if squared else G).sum(dim=0)
    return (total / samples).abs().amax(dim=1)


def _copies_at_once(X: torch.Tensor) -> int:
    """How many copies of all pictures should go through a network at once."""
    return max(1, pictures_at_once(X) // len(X))


@checked(
    X=Pictures(half=True), y=Classes(), model=MODEL, baseline=Pictures(like="X", half=True),
    steps=Count(),
)  # fmt: skip
@in_float32
def integrated_gradients(
    X: torch.Tensor,
    y: torch.Tensor,
    model: Model,
    baseline: torch.Tensor | None = None,
    steps: int = 32,
) -> torch.Tensor:
    """Integrated Gradients: the score, shared out among the pixels.

    The gradient is averaged along the straight path from a baseline to the picture, by the midpoint
    rule, and multiplied by how far each pixel has moved.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : (N,) int64 tensor
        The class to ask about, for each picture.
    model : callable
        From pictures to (N, C) scores.
    baseline : (N, 3, H, W) or (1, 3, H, W) tensor, optional
        Normalised pictures that show nothing. By default black ones.
    steps : int
        Points on the path. The sum of the attributions misses the difference of the scores by at
        most V / (2 steps), where V is the total variation of the score's slope along the path.

    Returns
    -------
    (N, 3, H, W) tensor
        Attributions of either sign. They sum to S(X) - S(baseline), up to
        :func:`completeness_gap`.

    Raises
    ------
    TypeError, ValueError
        As :func:`~cs231n_lib.see.network.input_gradients`.

    Notes
    -----
    Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks" (arXiv:1703.01365).
    """
    if baseline is None:
        baseline = normalize(torch.zeros_like(X[:1]))  # black
    baseline, X = baseline.detach(), X.detach()
    total = torch.zeros_like(X)
    middles = (torch.arange(steps, dtype=torch.float64) + 0.5) / steps
    for alpha in middles.to(X).split(_copies_at_once(X)):
        path = baseline + alpha[:, None, None, None, None] * (X - baseline)
        G, _ = input_gradients(path.flatten(0, 1), y.repeat(len(alpha)), model)
        total += G.view(path.shape).sum(dim=0)
    return (X - baseline) * total / steps


@checked(
    X=Pictures(half=True), y=Classes(), model=MODEL, baseline=Pictures(like="X", half=True),
    attributions=Tensor("N 3 H W", finite=True, on="X", half=True),
)  # fmt: skip
@in_float32
def completeness_gap(
    attributions: torch.Tensor,
    X: torch.Tensor,
    y: torch.Tensor,
    model: Model,
    baseline: torch.Tensor | None = None,
) -> torch.Tensor:
    """How far attributions are from adding up to what they share out.

    Parameters
    ----------
    attributions : (N, 3, H, W) tensor
        As from :func:`integrated_gradients`.
    X, y, model, baseline
        What they were made from.

    Returns
    -------
    (N,) tensor
        Sum of the attributions, minus S(X) - S(baseline).

    Raises
    ------
    TypeError, ValueError
        As :func:`integrated_gradients`.
    """
    if baseline is None:
        baseline = normalize(torch.zeros_like(X[:1]))
    with frozen(model), torch.no_grad():
        _, score = class_scores(model, X, y)
        _, nothing = class_scores(model, baseline.expand_as(X), y)
    return attributions.detach().sum(dim=(1, 2, 3)) - (score - nothing)


@checked(X=Pictures(half=True), y=Classes(), model=MODEL, size=Count(), stride=Count())
@in_float32
def occlusion(
    X: torch.Tensor,
    y: torch.Tensor,
    model: Model,
    size: int = 32,
    stride: int = 16,
) -> torch.Tensor:
    """Occlusion: how far the score of a class falls when a grey patch covers a part of the picture.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : (N,) int64 tensor
        The class to ask about, for each picture.
    model : callable
        From pictures to (N, C) scores.
    size : int
        Side of the patch in pixels. Its colour is 0, which is ImageNet's mean.
    stride : int
        How far the patch moves. The last patches in a row or column may be cut off.

    Returns
    -------
    (N, H, W) tensor
        For each pixel the mean fall over the patches that cover it; negative where the score rises.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared; if the patch is larger than the picture, or its
        steps leave gaps; as :func:`~cs231n_lib.see.network.class_scores`.

    Notes
    -----
    Zeiler and Fergus, "Visualizing and understanding convolutional networks" (arXiv:1311.2901).
    """
    H, W = X.shape[2:]
    _check_patch(size, stride, min(H, W))
    rows, columns = (range(0, n - size + stride, stride) for n in (H, W))
    starts = itertools.product(rows, columns)
    patches = [(..., slice(i, i + size), slice(j, j + size)) for i, j in starts]
    at_once = _copies_at_once(X)
    with frozen(model), torch.no_grad():
        falls, times = torch.zeros_like(X[:, 0]), torch.zeros_like(X[0, 0])
        _, before = class_scores(model, X, y)
        for first in range(0, len(patches), at_once):
            some = patches[first : first + at_once]
            covered = X.repeat(len(some), 1, 1, 1, 1)
            for copy, patch in zip(covered, some):
                copy[patch] = 0
            classes = y.repeat(len(some))
            _, after = class_scores(model, covered.flatten(0, 1), classes)
            for patch, score in zip(some, after.view(len(some), -1)):
                falls[patch] += (before - score)[:, None, None]
                times[patch] += 1
    return falls / times


def _check_patch(size: int, stride: int, most: int) -> None:
    if size > most:
        raise ValueError(named(f"size is {size}, expected at most {most}, the picture's side"))
    if stride > size:
        raise ValueError(named(f"stride is {stride}, expected at most size, {size}"))


@checked(X=Pictures(half=True), y=Classes(), model=NETWORK)
def grad_cam(
    X: torch.Tensor,
    y: torch.Tensor,
    model: nn.Module,
    layer: str,
    upsample: bool = True,
) -> torch.Tensor:
    """Grad-CAM: where in a layer a class finds support.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : (N,) int64 tensor
        The class to ask about, for each picture.
    model : torch.nn.Module
        From pictures to (N, C) scores.
    layer : str
        Name of one of its layers whose output is (N, C, h, w), such as ``"features.12"``.
    upsample : bool
        Stretch the maps to the size of the pictures, bilinearly.

    Returns
    -------
    (N, H, W) tensor, or (N, h, w) without ``upsample``; not negative

    Raises
    ------
    TypeError, ValueError
        As :func:`~cs231n_lib.see.network.input_gradients`; ValueError also if there is no such
        layer, if it does not give maps, or if it is used more than once.

    Notes
    -----
    Selvaraju et al., "Grad-CAM" (arXiv:1610.02391). Nothing before the layer is differentiated.
    """
    kept = []

    def keep(module, inputs, output):
        check_output(f"layer {layer!r}", output, "maps, (N, C, h, w)")
        kept.append(widened(output.detach()).requires_grad_())  # backward ends
        return kept[-1].to(output.dtype, copy=True)  # may be overwritten next

    hook = find_layer(model, layer).register_forward_hook(keep)
    try:
        with frozen(model), torch.enable_grad():
            _, chosen = class_scores(model, X.detach(), y)
            A = _only_map(kept, layer, X, model)
            dA = gradient(chosen.sum(), A)
    finally:
        hook.remove()
    weights = dA.mean(dim=(2, 3), keepdim=True)
    maps = (weights * A.detach()).sum(dim=1, keepdim=True).relu()
    if upsample:
        maps = nn.functional.interpolate(maps, X.shape[2:], mode="bilinear")
    return maps.squeeze(1).to(X.dtype)


def _only_map(
    kept: list[torch.Tensor], layer: str, X: torch.Tensor, model: nn.Module
) -> torch.Tensor:
    if len(kept) != 1:
        raise ValueError(
            named(f"the model used its layer {layer!r} {len(kept)} times, expected once")
        )
    check_maps(f"layer {layer!r}", kept[0], X, lambda X: activations(model, X, layer))
    return kept[0]
