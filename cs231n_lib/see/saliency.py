"""Saliency: which pixels does the score of a class hang on, and can a map that says so be trusted?

Letters: ``X`` (N, 3, H, W) normalised pictures, ``y`` (N,) int64 classes, ``S`` the score of a
class before any softmax. ``model`` is any callable from pictures to (N, C) scores, except where
layers are asked for by name. Maps are (N, H, W), on the device and with the dtype of the pictures.

All functions hold the model still while they look (:func:`cs231n_lib.see.network.frozen`), never
change what they are given, and work inside ``torch.no_grad()`` as well.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import scipy.stats
import torch
from torch import nn

from cs231n_lib.progress import progress
from cs231n_lib.see.checks import Model
from cs231n_lib.see.network import class_scores, find_layer, frozen, gradient, pictures_at_once
from cs231n_lib.see.old_checks import check_classes, check_pictures, check_tensor
from cs231n_lib.see.pixels import normalize
from cs231n_lib.validation import check_count, check_number

__all__ = [
    "completeness_gap",
    "compute_saliency_maps",
    "delete_cells",
    "deletion_curve",
    "grad_cam",
    "insertion_curve",
    "integrated_gradients",
    "layers_with_weights",
    "randomisation_check",
    "randomise_layer",
    "rank_correlation",
    "score_gradients",
    "share_inside",
    "smooth_grad",
]

# What explains a class: (X, y, model) -> maps (N, H, W).
Method = Callable[[torch.Tensor, torch.Tensor, Model], torch.Tensor]


def score_gradients(X: torch.Tensor, y: torch.Tensor, model: Model) -> torch.Tensor:
    """The gradient of the score of a class with respect to every pixel.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : (N,) int64 tensor
        For each picture, the class whose score is asked about.
    model : callable
        From pictures to (N, C) scores. What it makes of one picture must not depend on the others.

    Returns
    -------
    (N, 3, H, W) tensor

    Raises
    ------
    TypeError, ValueError
        If ``X`` holds no normalised pictures that the model can read, ``y`` no class for each; if
        the scores are not (N, C) finite numbers or do not depend on the pictures.
    """
    check_pictures("score_gradients", X, model)
    check_classes("score_gradients", y, X)
    size = pictures_at_once(X)
    gradients = []
    with frozen(model), torch.enable_grad():
        for part, classes in zip(X.detach().split(size), y.split(size)):
            part = part.clone().requires_grad_()
            _, chosen = class_scores(model, part, classes)
            gradients.append(gradient(chosen.sum(), part))
    return torch.cat(gradients)


def compute_saliency_maps(X: torch.Tensor, y: torch.Tensor, model: Model) -> torch.Tensor:
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
        As :func:`score_gradients`.

    Notes
    -----
    NetworkVisualization-PyTorch of the assignment; Simonyan, Vedaldi and Zisserman, "Deep inside
    convolutional networks" (arXiv:1312.6034).
    """
    return score_gradients(X, y, model).abs().amax(dim=1)


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
        Standard deviation of the noise, as a part of the range of the picture's values: from its
        smallest to its largest. The paper recommends 0.1 to 0.2.
    seed : int
        Of the noise. All pictures meet the same noise, whatever their company, device and dtype.
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
        As :func:`score_gradients`; also if ``samples`` is no count from 1 or ``sigma`` no number
        from 0.

    Notes
    -----
    Smilkov et al., "SmoothGrad" (arXiv:1706.03825); the squares are from Hooker et al., "A
    benchmark for interpretability methods" (arXiv:1806.10758).
    """
    check_pictures("smooth_grad", X, model)
    check_classes("smooth_grad", y, X)
    check_count("smooth_grad", "samples", samples)
    check_number("smooth_grad", "sigma", sigma, least=0)
    X = X.detach()
    reach = sigma * (X.amax(dim=(1, 2, 3)) - X.amin(dim=(1, 2, 3)))
    generator = torch.Generator().manual_seed(seed)

    total = torch.zeros_like(X)
    for count in _chunks(samples, X):
        noise = torch.stack([torch.randn(X.shape[1:], generator=generator) for _ in range(count)])
        noisy = X + reach[:, None, None, None] * noise.to(X)[:, None]
        gradients = score_gradients(noisy.flatten(0, 1), y.repeat(count), model)
        gradients = gradients.view(noisy.shape)
        total += (gradients**2 if squared else gradients).sum(dim=0)
    return (total / samples).abs().amax(dim=1)


def _chunks(count: int, X: torch.Tensor) -> Iterator[int]:
    """Split many passes over pictures into batches of passes that suit the device."""
    size = max(1, pictures_at_once(X) // len(X))
    for start in range(0, count, size):
        yield min(size, count - start)


def integrated_gradients(
    X: torch.Tensor,
    y: torch.Tensor,
    model: Model,
    baseline: torch.Tensor | None = None,
    steps: int = 32,
) -> torch.Tensor:
    """Integrated Gradients: the score, shared out among the pixels.

    The gradient is averaged along the straight path from a baseline to the picture, by the midpoint
    rule, and multiplied by the way that each pixel has gone.

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
        As :func:`score_gradients`; also if ``baseline`` is no such tensor, or ``steps`` less
        than 1.

    Notes
    -----
    Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks" (arXiv:1703.01365).
    """
    check_pictures("integrated_gradients", X, model)
    check_classes("integrated_gradients", y, X)
    check_count("integrated_gradients", "steps", steps)
    X = X.detach()
    baseline = _baseline("integrated_gradients", baseline, X)

    total = torch.zeros_like(X)
    done = 0
    for count in _chunks(steps, X):
        alpha = (torch.arange(done, done + count, device=X.device, dtype=X.dtype) + 0.5) / steps
        path = baseline + alpha[:, None, None, None, None] * (X - baseline)
        gradients = score_gradients(path.flatten(0, 1), y.repeat(count), model)
        total += gradients.view(path.shape).sum(dim=0)
        done += count
    return (X - baseline) * total / steps


def _baseline(
    function: str, baseline: torch.Tensor | None, X: torch.Tensor, name: str = "baseline"
) -> torch.Tensor:
    if baseline is None:
        return normalize(torch.zeros_like(X[:1])).expand_as(X)
    if isinstance(baseline, torch.Tensor) and (
        baseline.device != X.device or baseline.dtype != X.dtype
    ):
        raise ValueError(
            f"{function}: {name} is {baseline.dtype} on {baseline.device}, but X is {X.dtype} on "
            f"{X.device}"
        )
    check_pictures(function, baseline, name=name)
    if baseline.shape not in (X.shape, (1, *X.shape[1:])):
        raise ValueError(
            f"{function}: {name} has shape {tuple(baseline.shape)}, expected {tuple(X.shape)} or "
            f"{(1, *X.shape[1:])}"
        )
    return baseline.detach().expand_as(X)


def completeness_gap(
    attributions: torch.Tensor,
    X: torch.Tensor,
    y: torch.Tensor,
    model: Model,
    baseline: torch.Tensor | None = None,
) -> torch.Tensor:
    """By how much attributions fail to add up to what they share out.

    Parameters
    ----------
    attributions : (N, 3, H, W) tensor
        As from :func:`integrated_gradients`.
    X, y, model, baseline
        What they were made of.

    Returns
    -------
    (N,) tensor
        Sum of the attributions, minus S(X) - S(baseline).

    Raises
    ------
    TypeError, ValueError
        As :func:`integrated_gradients`; also if ``attributions`` is no tensor like ``X``, or holds
        NaN or infinity.
    """
    check_pictures("completeness_gap", X, model)
    check_classes("completeness_gap", y, X)
    baseline = _baseline("completeness_gap", baseline, X)
    _check_fits("completeness_gap", "attributions", attributions, X, tuple(X.shape))
    with frozen(model), torch.no_grad():
        _, score = class_scores(model, X, y)
        _, nothing = class_scores(model, baseline, y)
    return attributions.detach().sum(dim=(1, 2, 3)) - (score - nothing)


def grad_cam(
    X: torch.Tensor, y: torch.Tensor, model: nn.Module, layer: str, upsample: bool = True
) -> torch.Tensor:
    """Grad-CAM: where a layer holds what speaks for a class.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : (N,) int64 tensor
        The class to ask about, for each picture.
    model : torch.nn.Module
        From pictures to (N, C) scores.
    layer : str
        Name of a layer in it whose output is (N, C, h, w), such as ``"features.12"``.
    upsample : bool
        Stretch the maps to the size of the pictures, bilinearly.

    Returns
    -------
    (N, H, W) tensor, or (N, h, w) without ``upsample``; not negative

    Raises
    ------
    TypeError, ValueError
        As :func:`score_gradients`; ValueError also if there is no such layer, if it gives no maps,
        or if it is used more than once.

    Notes
    -----
    Selvaraju et al., "Grad-CAM" (arXiv:1610.02391). Nothing in front of the layer is
    differentiated.
    """
    check_pictures("grad_cam", X, model)
    check_classes("grad_cam", y, X)
    kept = []

    def keep(module: nn.Module, inputs: tuple, output: torch.Tensor) -> torch.Tensor:
        kept.append(output.detach().requires_grad_())  # the backward pass ends here
        return kept[-1].clone()  # the next layer may overwrite what it gets

    hook = find_layer(model, layer).register_forward_hook(keep)
    try:
        with frozen(model), torch.enable_grad():
            _, chosen = class_scores(model, X.detach(), y)
            A = _only_map(kept, layer)
            dA = gradient(chosen.sum(), A)
    finally:
        hook.remove()
    weights = dA.mean(dim=(2, 3), keepdim=True)
    maps = (weights * A.detach()).sum(dim=1, keepdim=True).relu()
    if upsample:
        maps = nn.functional.interpolate(maps, X.shape[2:], mode="bilinear", align_corners=False)
    return maps.squeeze(1)


def _only_map(kept: list[torch.Tensor], layer: str) -> torch.Tensor:
    if len(kept) != 1:
        raise ValueError(
            f"grad_cam: the model used its layer {layer!r} {len(kept)} times, expected once"
        )
    if kept[0].ndim != 4:
        raise ValueError(
            f"grad_cam: layer {layer!r} gives shape {tuple(kept[0].shape)}, expected maps, "
            "(N, C, h, w)"
        )
    return kept[0]


def layers_with_weights(model: nn.Module) -> list[str]:
    """Names of all layers of a network that have weights of their own, from below to the top.

    Raises TypeError if ``model`` is no ``torch.nn.Module``.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"layers_with_weights: model is a {type(model).__name__}, expected a torch.nn.Module"
        )
    return [name for name, layer in model.named_modules() if layer._parameters and name]


def randomise_layer(model: nn.Module, layer: str, seed: int = 0) -> None:
    """Forget what a layer has learned. This changes the model: work on a copy.

    Every tensor of weights is drawn anew from a normal distribution of mean zero and of its own
    size (root mean square), so that activations keep their scale.

    Parameters
    ----------
    model : torch.nn.Module
    layer : str
        Name of a layer, or of a block of layers.
    seed : int

    Raises
    ------
    TypeError, ValueError
        If there is no such layer; ValueError also if it has no weights.
    """
    weights = list(find_layer(model, layer).parameters())
    if not weights:
        raise ValueError(f"randomise_layer: layer {layer!r} has no weights")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in weights:
            size = weight.square().mean().sqrt()
            weight.copy_(torch.randn(weight.shape, generator=generator).to(weight) * size)


def randomisation_check(
    X: torch.Tensor,
    y: torch.Tensor,
    model: nn.Module,
    method: Method,
    layers: Sequence[str] | None = None,
    seed: int = 0,
) -> dict[str, torch.Tensor]:
    """Maps of a network that forgets, layer by layer from the top, what it has learned.

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
        Layers or blocks, from below to the top. By default all that have weights.
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
        As :func:`score_gradients` and :func:`randomise_layer`.

    Notes
    -----
    Cascading randomisation of Adebayo et al., "Sanity checks for saliency maps" (arXiv:1810.03292).
    """
    check_pictures("randomisation_check", X, model)
    check_classes("randomisation_check", y, X)
    layers = _layers(model, layers)
    maps = {"trained": method(X, y, model)}
    forgetful = copy.deepcopy(model).eval()
    for k, layer in enumerate(progress(layers[::-1], "forgetting")):
        randomise_layer(forgetful, layer, seed + k)
        maps[layer] = method(X, _open_classes(X, y, forgetful), forgetful)
    return maps


def _layers(model: nn.Module, layers: Sequence[str] | None) -> list[str]:
    if layers is None:
        return layers_with_weights(model)
    if isinstance(layers, str):  # its letters could be names of layers as well
        raise TypeError(f"randomisation_check: layers is {layers!r}, expected a list of names")
    for layer in layers:
        find_layer(model, layer)
    return list(layers)


def _open_classes(X: torch.Tensor, y: torch.Tensor, model: Model) -> torch.Tensor:
    """Class y, or the next one (behind the last comes 0) whose score is not exactly zero."""
    with torch.no_grad():
        scores, _ = class_scores(model, X, y)
    classes = scores.shape[1]
    distance = (torch.arange(classes, device=y.device) - y[:, None]) % classes
    return distance.masked_fill(scores == 0, classes).argmin(dim=1)


def rank_correlation(a: torch.Tensor, b: torch.Tensor) -> np.ndarray:
    """Spearman's rank correlation of maps: how far two maps agree on the order of the pixels.

    Parameters
    ----------
    a, b : (N, H, W) tensors

    Returns
    -------
    (N,) float64 array in [-1, 1]
        1 for the same order, about 0 for none in common; 0 also where a map is constant.

    Raises
    ------
    TypeError
        If they are no tensors of floats.
    ValueError
        If the shapes differ, or are no such shapes; if a value is NaN or infinite.
    """
    check_tensor("rank_correlation", a, "N H W", "a")
    check_tensor("rank_correlation", b, "N H W", "b")
    if a.shape != b.shape:
        raise ValueError(
            f"rank_correlation: the maps have shapes {tuple(a.shape)} and {tuple(b.shape)}, "
            "expected (N, H, W) of both"
        )
    if not (a.isfinite().all() and b.isfinite().all()):
        raise ValueError("rank_correlation: the maps contain values that are NaN or infinite")
    pairs = zip(a.detach().cpu().flatten(1).numpy(), b.detach().cpu().flatten(1).numpy())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", scipy.stats.ConstantInputWarning)
        return np.nan_to_num([scipy.stats.spearmanr(*pair).statistic for pair in pairs])


def delete_cells(
    X: torch.Tensor, maps: torch.Tensor, part: float, replacement: torch.Tensor, cell: int = 16
) -> torch.Tensor:
    """Put something else in the place of the most salient parts of pictures.

    Parameters
    ----------
    X, replacement : (N, 3, H, W) tensors
    maps : (N, H, W) tensor
        Saliency maps. They are averaged over square cells, and the cells replaced whole.
    part : float from 0 to 1
        The part of the cells to replace.
    cell : int
        Side of the cells in pixels. A cell at the right or lower border may be cut off.

    Returns
    -------
    (N, 3, H, W) tensor

    Raises
    ------
    TypeError, ValueError
        If the tensors do not fit, ``maps`` holds NaN or infinity, ``part`` is out of range, or
        ``cell`` less than 1.
    """
    check_tensor("delete_cells", X, "N 3 H W")
    check_number("delete_cells", "part", part, least=0, most=1)
    check_count("delete_cells", "cell", cell)
    _check_maps("delete_cells", maps, X)
    _check_fits("delete_cells", "replacement", replacement, X, tuple(X.shape))
    H, W = X.shape[2:]
    cells = nn.functional.avg_pool2d(maps, cell, ceil_mode=True)
    order = cells.flatten(1).argsort(dim=1, descending=True, stable=True)
    rank = order.argsort(dim=1).view(cells.shape)  # 0 for the most salient cell
    rank = rank.repeat_interleave(cell, dim=1).repeat_interleave(cell, dim=2)[:, None, :H, :W]
    return torch.where(rank < round(part * order.shape[1]), replacement, X)


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
        The deletion is cut into so many equal steps.
    replacement : (N, 3, H, W) or (1, 3, H, W) tensor, optional
        What comes in place of the picture, such as :func:`~cs231n_lib.see.images.blur_image` of it. By
        default black.
    cell : int
        Side of the cells that are deleted whole, see :func:`delete_cells`.

    Returns
    -------
    parts : (steps + 1,) float64 array
        The part of the cells that is gone, from 0 to 1.
    probabilities : (steps + 1, N) tensor
        The softmax of the scores, of the class.

    Raises
    ------
    TypeError, ValueError
        As :func:`score_gradients`; also if ``maps`` or ``replacement`` do not fit, or if ``steps``
        or ``cell`` is less than 1.

    Notes
    -----
    Petsiuk, Das and Saenko, "RISE" (arXiv:1806.07421), with cells instead of single pixels.
    """
    check_pictures("deletion_curve", X, model)
    check_classes("deletion_curve", y, X)
    check_count("deletion_curve", "steps", steps)
    check_count("deletion_curve", "cell", cell)
    replacement = _baseline("deletion_curve", replacement, X, "replacement")
    _check_maps("deletion_curve", maps, X)
    parts = np.linspace(0, 1, steps + 1)
    probabilities = []
    with frozen(model), torch.no_grad():
        for part in parts:
            rest = delete_cells(X, maps, part, replacement, cell)
            scores, chosen = class_scores(model, rest, y)
            probabilities.append((chosen - scores.logsumexp(dim=1)).exp())
    return parts, torch.stack(probabilities)


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
    replacement is "deleted", and what comes in its place is the picture.
    """
    check_pictures("insertion_curve", X, model)
    replacement = _baseline("insertion_curve", replacement, X, "replacement")
    return deletion_curve(replacement, y, model, maps, steps, X, cell)


def share_inside(maps: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The share of a map that lies where it should.

    Parameters
    ----------
    maps : (N, H, W) tensor, not negative
    mask : (N, H, W) or (H, W) tensor of bool
        True where the thing is that the map is about.

    Returns
    -------
    (N,) tensor in [0, 1]
        Sum of the map inside, over its sum; 0 where a map is zero everywhere.

    Raises
    ------
    TypeError, ValueError
        If the mask is not bool, shapes or devices do not fit, or a map has negative values or
        such as are NaN or infinite.
    """
    check_tensor("share_inside", maps, "N H W", "maps")
    if not isinstance(mask, torch.Tensor) or mask.dtype != torch.bool:
        given = mask.dtype if isinstance(mask, torch.Tensor) else type(mask).__name__
        raise TypeError(f"share_inside: mask is {given}, expected bool, as a tensor")
    if mask.device != maps.device:
        raise ValueError(f"share_inside: mask is on {mask.device}, but the maps on {maps.device}")
    if mask.shape not in (maps.shape, maps.shape[1:]):
        raise ValueError(
            f"share_inside: maps have shape {tuple(maps.shape)} and mask {tuple(mask.shape)}, "
            "expected (N, H, W), and the same or (H, W)"
        )
    if not maps.isfinite().all():
        raise ValueError("share_inside: maps contain values that are NaN or infinite")
    if (maps < 0).any():
        raise ValueError("share_inside: maps have negative values; take them absolute first")
    total = maps.sum(dim=(1, 2))
    inside = (maps * mask).sum(dim=(1, 2))
    return torch.where(total > 0, inside / total.where(total > 0, 1), 0)


def _check_maps(function: str, maps: torch.Tensor, X: torch.Tensor) -> None:
    _check_fits(function, "maps", maps, X, (len(X), *X.shape[2:]), ", a map for each picture")


def _check_fits(
    function: str,
    name: str,
    tensor: torch.Tensor,
    X: torch.Tensor,
    shape: tuple[int, ...],
    hint: str = "",
) -> None:
    """Floats that are finite, of that shape, where the pictures are."""
    check_tensor(function, tensor, "...", name)
    if tensor.shape != shape:
        raise ValueError(
            f"{function}: {name} have shape {tuple(tensor.shape)}, expected {shape}{hint}"
        )
    if tensor.device != X.device:
        raise ValueError(f"{function}: {name} are on {tensor.device}, but X is on {X.device}")
    if not tensor.isfinite().all():
        raise ValueError(f"{function}: {name} contain values that are NaN or infinite")
