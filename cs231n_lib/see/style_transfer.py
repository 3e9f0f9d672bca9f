"""Style transfer: a photograph's content in a painting's strokes.

:func:`style_transfer` is that of the assignment (StyleTransfer-PyTorch, after Gatys, Ecker and
Bethge, CVPR 2016). :func:`style_transfer_lbfgs` measures every layer in units of its own size and
uses a better optimiser. :func:`synthesize_texture` and :func:`reconstruct_content` each use one
half of its loss. All work wherever the network is, on a CPU or a GPU, and with SqueezeNet, which is
fast, or VGG-19, which paints better: their layers are known. Any other chain needs a
:class:`Recipe` that names its layers.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from cs231n_lib.checks import (
    Bytes,
    Call,
    Count,
    Each,
    Function,
    Instance,
    Number,
    OneOf,
    check_fields,
    check_precision,
    checked,
    named,
)
from cs231n_lib.progress import progress
from cs231n_lib.see.checks import CHAIN, PAINTER, Tensor, check_maps
from cs231n_lib.see.images import Picture, Source, as_tensor, deprocess, load_scaled
from cs231n_lib.see.network import CHECK_EVERY, extract_features, frozen
from cs231n_lib.see.precision import normal, plainly
from cs231n_lib.see.pretrained import squeezenet
from cs231n_lib.see.style_colours import grey, match_colours, replace_luminance
from cs231n_lib.see.style_losses import (
    NormalizedLoss,
    content_loss,
    fits,
    gram_matrix,
    style_loss,
    tv_loss,
)

__all__ = [
    "BORDER",
    "STYLE_LAYERS",
    "VGG19_STYLE_LAYERS",
    "Recipe",
    "Transfer",
    "average_pooled",
    "minimize",
    "reconstruct_content",
    "style_transfer",
    "style_transfer_lbfgs",
    "synthesize_texture",
    "transfer_loss",
]

# Layers whose Gram matrices describe a style, from fine to coarse: of SqueezeNet's ``features``,
# and of VGG-19, relu1_1 to relu4_1.
STYLE_LAYERS = (1, 3, 4, 6, 7)
VGG19_STYLE_LAYERS = (1, 6, 11, 20)

# A network sees the outermost pixels less often than others. This many reflected pixels are added
# around a picture, and cut off at the end.
BORDER = 8

Callback = Callable[[int, torch.Tensor, Mapping[str, float]], object]

_SIDE = Count(least=16)  # below this, SqueezeNet's seventh layer has no places left
_WEIGHT = Number(least=0)
_CALLBACK = Function("of a step, a picture and its losses")


@dataclass(frozen=True)
class _Known:
    """A network, known by the convolutions that it begins with, and which layers to use of it."""

    content_layer: int
    style_layers: tuple[int, ...]
    convolutions: Mapping[str, tuple[int, ...]]

    def is_it(self, cnn: nn.Sequential) -> bool:
        shapes = {name: tuple(weight.shape) for name, weight in cnn.named_parameters()}
        return self.convolutions.items() <= shapes.items()


_VGG19_CHANNELS = {
    0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256),
    14: (256, 256), 16: (256, 256), 19: (256, 512), 21: (512, 512),
}  # fmt: skip
_KNOWN = (
    _Known(
        6, STYLE_LAYERS,
        {"0.weight": (64, 3, 3, 3), "3.squeeze.weight": (16, 64, 1, 1),
         "7.squeeze.weight": (32, 256, 1, 1)},
    ),
    _Known(
        22, VGG19_STYLE_LAYERS,
        {f"{i}.weight": (C, before, 3, 3) for i, (before, C) in _VGG19_CHANNELS.items()},
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Transfer:
    """A picture that was made, and how its loss went.

    Attributes
    ----------
    image
        (H, W, 3) uint8 array.
    history
        ``"content"``, ``"style"``, ``"tv"`` and their sum ``"total"``, each a list with one float
        for every evaluation of the loss, weights included.
    """

    image: np.ndarray
    history: dict[str, list[float]]


@checked(
    content_image=Source(),
    style_image=Source(),
    image_size=_SIDE,
    style_size=_SIDE,
    content_layer=Count(least=0),
    content_weight=_WEIGHT,
    style_layers=Each(Count(least=0), "L", empty=True),
    style_weights=Each(_WEIGHT, "L", empty=True),
    tv_weight=_WEIGHT,
    cnn=PAINTER,
    num_iterations=Count(),
    callback=_CALLBACK,
)
@plainly()
def style_transfer(
    content_image: Picture,
    style_image: Picture,
    image_size: int,
    style_size: int,
    content_layer: int,
    content_weight: float,
    style_layers: Sequence[int],
    style_weights: Sequence[float],
    tv_weight: float,
    init_random: bool = False,
    *,
    cnn: nn.Sequential | None = None,
    num_iterations: int = 200,
    callback: Callback | None = None,
    seed: int = 0,
) -> Transfer:
    """Style transfer as in the assignment: Adam on the weighted sum of the three losses.

    The rate is 3 and falls to 0.1 for the last twenty of 200 steps; before each but the last ten,
    the picture is clamped to [-1.5, 1.5] (StyleTransfer-PyTorch).

    Parameters
    ----------
    content_image, style_image : picture
        As for ``load_image``: the path of a file, a name such as ``"chelsea"``, or an array.
    image_size, style_size : int
        Lengths to which the shorter sides are scaled, at least 16. The pictures keep their shapes.
    content_layer : int
        The layer of ``cnn`` whose features are compared.
    content_weight : float
    style_layers : sequence of L ints
        Layers whose Gram matrices are compared.
    style_weights : sequence of L floats
    tv_weight : float
    init_random : bool
        Start from noise instead of the content picture.
    cnn : torch.nn.Sequential, optional
        By default ``squeezenet().features``. All the work is done on its device and in its dtype.
    num_iterations : int
        Number of steps; if not 200, the rate and the clamping change at the same fractions of the
        run.
    callback : callable, optional
        Called as ``callback(step, img, losses)`` before each step, with the (1, 3, H, W) normalised
        picture and a dict of floats as in the history.
    seed : int
        Seed of the noise.

    Returns
    -------
    Transfer
        The picture and the history of its losses, one entry per step.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        As ``load_image``; if an argument is not what is declared, or there is no such layer.
    FloatingPointError
        If the loss becomes infinite or NaN.
    """
    cnn = squeezenet().features if cnn is None else cnn
    last = max([content_layer, *style_layers])
    content = _tensor(load_scaled(content_image, image_size), cnn)
    style = _tensor(load_scaled(style_image, style_size), cnn)
    with frozen(cnn), torch.no_grad():
        content_target = extract_features(content, cnn, last)[content_layer]
        style_features = extract_features(style, cnn, last)
        _check_style_layers(style_layers, style_features, style, cnn)
        style_targets = [gram_matrix(style_features[layer]) for layer in style_layers]

    img = content.clone()
    if init_random:
        generator = torch.Generator().manual_seed(seed)
        noise = torch.rand(img.shape, generator=generator, dtype=torch.float32, device="cpu")
        img = noise.to(content)
    img.requires_grad_()
    optimizer = torch.optim.Adam([img], lr=3.0, fused=True)
    history: _History = {}
    with frozen(cnn), torch.enable_grad():
        for step in progress(range(num_iterations), "style transfer"):
            if step < 0.95 * num_iterations:
                img.data.clamp_(-1.5, 1.5)
            feats = extract_features(img, cnn, last)
            losses = {
                "content": content_loss(content_weight, feats[content_layer], content_target),
                "style": style_loss(feats, style_layers, style_targets, style_weights),
                "tv": tv_loss(img, tv_weight),
            }
            total = _record(losses, history)
            if callback is not None:
                callback(step, img.detach(), _latest(history))
            optimizer.zero_grad()
            total.backward(inputs=[img])  # lays out the gradient as img is, as fused needs it
            if step == int(0.9 * num_iterations):
                optimizer = torch.optim.Adam([img], lr=0.1, fused=True)
            optimizer.step()
    return _transfer(img, _as_floats(history), border=0)


@checked(
    img=Tensor("1 3 H W"),
    loss=fits,
    evaluations=Count(),
    optimizer=OneOf(("lbfgs", "adam")),
    learning_rate=Number(above=0),
    callback=_CALLBACK,
)
@plainly()
def minimize(
    loss: Callable[[torch.Tensor], Mapping[str, torch.Tensor]],
    img: torch.Tensor,
    evaluations: int = 200,
    optimizer: str = "lbfgs",
    learning_rate: float = 0.05,
    callback: Callback | None = None,
) -> tuple[torch.Tensor, dict[str, list[float]]]:
    """Change a picture until a loss is small.

    Parameters
    ----------
    loss : callable
        From a (1, 3, H, W) normalised picture to a dict of losses, such as a
        :class:`~cs231n_lib.see.style_losses.NormalizedLoss`.
    img : (1, 3, H, W) tensor of floats
        Where to start. It is not changed.
    evaluations : int
        How often the loss and its gradient are computed; L-BFGS may finish its last line search.
    optimizer : {"lbfgs", "adam"}
    learning_rate : float
        Learning rate of Adam. L-BFGS finds its own step length.
    callback : callable, optional
        Called as ``callback(evaluation, img, losses)`` at each evaluation.

    Returns
    -------
    img : (1, 3, H, W) tensor
    history : dict
        As in :class:`Transfer`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared.
    FloatingPointError
        If the loss becomes infinite or NaN.
    """
    lbfgs = optimizer == "lbfgs"
    # The first step of L-BFGS changes all pixels together by 1 unit. Let that
    # be 1/100 for each; a power of two, so that scaling is exact.
    unit = 2.0 ** round(math.log2(img.numel() / 100)) if lbfgs else 1.0
    z = (img.detach() / unit).contiguous().requires_grad_()
    history = {}
    bar = progress(range(evaluations), "painting")

    def closure() -> torch.Tensor:
        next(bar, None)
        with torch.enable_grad():
            # Convolutions are fast in channels_last; L-BFGS wants one vector.
            x = (z * unit).contiguous(memory_format=torch.channels_last)
            total = _record(loss(x), history)
            (gradient,) = torch.autograd.grad(total, z)
        z.grad = gradient.contiguous()
        if callback is not None:
            step = len(history["total"]) - 1
            callback(step, x.detach(), _latest(history))
        return total.detach()

    try:
        if lbfgs:
            _lbfgs(z, evaluations).step(closure)
        else:
            adam = torch.optim.Adam([z], lr=learning_rate)
            for _ in range(evaluations):
                adam.step(closure)
    finally:
        bar.close()
    return (z * unit).detach(), _as_floats(history)


def _lbfgs(z: torch.Tensor, evaluations: int) -> torch.optim.LBFGS:
    return torch.optim.LBFGS(
        [z],
        max_iter=evaluations,
        max_eval=evaluations,
        tolerance_grad=0,
        tolerance_change=0,
        history_size=20,
        line_search_fn="strong_wolfe",
    )


def _shares(name: str, shares: Sequence[float], call: Call) -> None:
    Each(_WEIGHT)(name, shares, call)
    if not math.isclose(sum(shares), 1, abs_tol=1e-6):
        raise ValueError(named(f"{name} is {shares}, expected shares with sum 1"))


@dataclass(frozen=True)
class Recipe:
    """Which layers are compared, how, and what each part of the loss weighs.

    Parameters
    ----------
    content_layer : int, optional
        The layer whose features are compared. By default 6 for SqueezeNet and 22, relu4_2, for
        VGG-19; another network needs a number.
    content_weight : float
    style_layers : sequence of ints, optional
        Layers whose Gram matrices are compared. By default ``STYLE_LAYERS`` for SqueezeNet and
        ``VGG19_STYLE_LAYERS`` for VGG-19.
    style_weight, tv_weight : float
        See :class:`~cs231n_lib.see.style_losses.NormalizedLoss`.
    style_size : int, optional
        Length to which the styles' shorter sides are scaled, by default the content's. Twice as
        large makes strokes twice as broad. While the content is still smaller than it will be in
        the end, so are the styles.
    mix : sequence of K floats, optional
        Shares of K styles, 0 or more, that sum to 1. By default they are equal.
    average_pooling : bool
        Replace max pooling, see :func:`average_pooled`.

    Raises
    ------
    TypeError, ValueError
        If a field is not what is declared, or the shares do not sum to 1.
    """

    content_layer: int | None = None
    content_weight: float = 1.0
    style_layers: Sequence[int] | None = None
    style_weight: float = 100.0
    tv_weight: float = 2.0
    style_size: int | None = None
    mix: Sequence[float] | None = None
    average_pooling: bool = True

    def __post_init__(self) -> None:
        check_fields(
            self,
            content_layer=Count(least=0),
            content_weight=_WEIGHT,
            style_layers=Each(Count(least=0)),
            style_weight=_WEIGHT,
            tv_weight=_WEIGHT,
            style_size=_SIDE,
            mix=_shares,
            average_pooling=Instance(bool),
        )


_TRANSFER = Recipe()
_TEXTURE = Recipe(tv_weight=1.0)


def _sizes(name: str, sizes: int | Sequence[int], call: Call) -> None:
    if isinstance(sizes, list | tuple):
        Each(_SIDE)(name, sizes, call)
    else:
        _SIDE(name, sizes)


def _evaluations(name: str, counts: int | Sequence[int], call: Call) -> None:
    """A number for all sizes, or one for each."""
    if isinstance(counts, list | tuple):
        sizes = call.arguments["image_size"]
        Each(Count(), len(sizes) if isinstance(sizes, list | tuple) else 1)(name, counts, call)
    else:
        Count()(name, counts)


@checked(
    content_image=Source(),
    style_image=Source(several=True),
    image_size=_sizes,
    recipe=Instance(Recipe),
    keep_colours=OneOf(("matched", "luminance")),
    evaluations=_evaluations,
    cnn=PAINTER,
    callback=_CALLBACK,
)
def style_transfer_lbfgs(
    content_image: Picture,
    style_image: Picture | Sequence[Picture],
    image_size: int | Sequence[int] = 224,
    recipe: Recipe = _TRANSFER,
    *,
    keep_colours: str | None = None,
    evaluations: int | Sequence[int] = 200,
    cnn: nn.Sequential | None = None,
    callback: Callback | None = None,
) -> Transfer:
    """Style transfer that brings the strokes: normalised losses, average pooling, L-BFGS.

    Parameters
    ----------
    content_image : picture
        As for ``load_image``: the path of a file, a name such as ``"chelsea"``, or an array.
    style_image : picture, or list of K pictures
        With several, the target Gram matrices are means of theirs.
    image_size : int, or list of ints
        Length to which the content's shorter side is scaled, at least 16. It keeps its shape. With
        several, from coarse to fine, the result at each size, enlarged, is where the next begins:
        broad strokes and colours are found where an evaluation is cheap (Gatys et al.,
        arXiv:1611.07865).
    recipe : Recipe
        Layers and weights.
    keep_colours : {None, "matched", "luminance"}
        Keep the content's colours (Gatys et al., arXiv:1606.05897): give the style pictures the
        content's mean colour and covariance first, or transfer the luminance only.
    evaluations : int, or list of ints
        As for :func:`minimize`, at every size or one for each.
    cnn : torch.nn.Sequential, optional
        ``squeezenet().features``, the default, ``vgg19()``, or another chain whose layers the
        recipe names. All the work is done on its device and in its dtype.
    callback : callable, optional
        As for :func:`minimize`; evaluations are counted from the first size on.

    Returns
    -------
    Transfer

    Raises
    ------
    FileNotFoundError, TypeError, ValueError, FloatingPointError
        As :func:`style_transfer`; ValueError also if the recipe does not have one share for each
        style, or names no layers for a network that is neither SqueezeNet nor VGG-19.
    """
    sizes = image_size if isinstance(image_size, list | tuple) else [image_size]
    counts = evaluations if isinstance(evaluations, list | tuple) else [evaluations] * len(sizes)
    step, img, history = itertools.count(), None, {}
    for size, count in zip(sizes, counts):
        content = load_scaled(content_image, size)
        motif, styles = content, _styles(style_image, size, recipe, size / sizes[-1])
        if keep_colours == "luminance":
            motif, styles = grey(content), [grey(style) for style in styles]
        if keep_colours is not None:
            styles = [match_colours(style, motif) for style in styles]
        loss, start = transfer_loss(motif, styles, recipe, cnn)
        start = start if img is None else _enlarged(img, start)
        told = callback and (lambda _, *given: callback(next(step), *given))
        with frozen(loss.cnn):
            img, part = minimize(loss, start, count, callback=told)
        history = {name: history.get(name, []) + losses for name, losses in part.items()}
    result = _transfer(img, history)
    if keep_colours == "luminance":
        return Transfer(replace_luminance(content, result.image), history)
    return result


def _enlarged(img: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
    """A picture in its border, as large as another in such a border."""
    inner = img[:, :, BORDER:-BORDER, BORDER:-BORDER]
    size = [side - 2 * BORDER for side in start.shape[2:]]
    inner = nn.functional.interpolate(inner, size, mode="bicubic", align_corners=False)
    return nn.functional.pad(inner, [BORDER] * 4, mode="reflect")


def _style(name: str, image: np.ndarray, call: Call) -> None:
    Bytes()(name, image, Call({}))  # each may have a size of its own


@checked(content=Bytes(), styles=Each(_style), recipe=Instance(Recipe), cnn=PAINTER)
def transfer_loss(
    content: np.ndarray,
    styles: Sequence[np.ndarray],
    recipe: Recipe = _TRANSFER,
    cnn: nn.Sequential | None = None,
) -> tuple[NormalizedLoss, torch.Tensor]:
    """What :func:`style_transfer_lbfgs` minimises, and where it starts.

    Parameters
    ----------
    content : (H, W, 3) uint8 array
        More than BORDER pixels on each side.
    styles : list of K such arrays
    recipe, cnn
        As for :func:`style_transfer_lbfgs`.

    Returns
    -------
    loss : NormalizedLoss
    start : (1, 3, H + 2 BORDER, W + 2 BORDER) tensor
        The content, with a border that mirrors it.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, if there is no such layer, if the recipe does not
        have one share for each style, or names no layers for a network that is neither SqueezeNet
        nor VGG-19.
    """
    _check_border(content)
    cnn = _network(cnn, recipe.average_pooling)
    start = nn.functional.pad(_tensor(content, cnn), [BORDER] * 4, mode="reflect")
    layer = _known(recipe, "content_layer", cnn)
    target = {layer: _feature(start, cnn, layer)}
    weights = recipe.content_weight, recipe.style_weight, recipe.tv_weight
    return NormalizedLoss(cnn, target, _grams(styles, recipe, cnn), *weights), start


def _check_border(content: np.ndarray) -> None:
    if min(content.shape[:2]) <= BORDER:
        raise ValueError(
            named(f"content has shape {content.shape}, expected more than {BORDER} pixels a side")
        )


@checked(
    style_image=Source(several=True),
    image_size=_SIDE,
    recipe=Instance(Recipe),
    evaluations=Count(),
    cnn=PAINTER,
)
def synthesize_texture(
    style_image: Picture | Sequence[Picture],
    image_size: int = 224,
    recipe: Recipe = _TEXTURE,
    *,
    evaluations: int = 200,
    cnn: nn.Sequential | None = None,
    seed: int = 0,
) -> Transfer:
    """A new square of a picture's texture, from noise and Gram matrices alone.

    After Gatys, Ecker and Bethge, "Texture synthesis using convolutional neural networks" (2015).

    Parameters
    ----------
    style_image, evaluations, cnn
        As for :func:`style_transfer_lbfgs`.
    image_size : int
        Side of the square, at least 16.
    recipe : Recipe
        As there; by default with a ``tv_weight`` of 1. Its content fields are ignored.
    seed : int
        Seed of the noise.

    Returns
    -------
    Transfer

    Raises
    ------
    FileNotFoundError, TypeError, ValueError, FloatingPointError
        As :func:`style_transfer_lbfgs`.
    """
    cnn = _network(cnn, recipe.average_pooling)
    grams = _grams(_styles(style_image, image_size, recipe), recipe, cnn)
    loss = NormalizedLoss(cnn, {}, grams, 0.0, recipe.style_weight, recipe.tv_weight)
    side = image_size + 2 * BORDER
    start = _noise((1, 3, side, side), next(iter(grams.values())), seed)
    with frozen(cnn):
        return _transfer(*minimize(loss, start, evaluations))


@checked(
    content_image=Source(),
    layer=Count(least=0),
    image_size=_SIDE,
    tv_weight=_WEIGHT,
    evaluations=Count(),
    average_pooling=Instance(bool),
    cnn=PAINTER,
)
def reconstruct_content(
    content_image: Picture,
    layer: int,
    image_size: int = 224,
    tv_weight: float = 0.03,
    *,
    evaluations: int = 100,
    average_pooling: bool = True,
    cnn: nn.Sequential | None = None,
    seed: int = 0,
) -> Transfer:
    """What one layer still knows of a picture: noise, changed until its features are the same.

    Parameters
    ----------
    content_image, image_size, evaluations, cnn
        As for :func:`style_transfer_lbfgs`.
    layer : int
        The layer of ``cnn`` whose features should agree.
    tv_weight : float
    average_pooling : bool
        As in a :class:`Recipe`.
    seed : int
        Seed of the noise.

    Returns
    -------
    Transfer

    Raises
    ------
    FileNotFoundError, TypeError, ValueError, FloatingPointError
        As :func:`style_transfer_lbfgs`.
    """
    cnn = _network(cnn, average_pooling)
    content = _tensor(load_scaled(content_image, image_size), cnn)
    target = {layer: _feature(content, cnn, layer)}
    loss = NormalizedLoss(cnn, target, {}, 1.0, 0.0, tv_weight)
    start = _noise(content.shape, content, seed)
    with frozen(cnn):
        return _transfer(*minimize(loss, start, evaluations), border=0)


@checked(cnn=CHAIN)
def average_pooled(cnn: nn.Sequential) -> nn.Sequential:
    """The same chain of layers with average pooling in place of max pooling.

    The maximum sends its gradient to one pixel of each window, the mean to all of them, which gives
    smoother pictures. Gatys et al. (2016) prefer it.

    Parameters
    ----------
    cnn : torch.nn.Sequential
        It is not changed. The new chain shares its layers and weights.

    Returns
    -------
    torch.nn.Sequential

    Raises
    ------
    TypeError, ValueError
        If ``cnn`` is not a chain, or is on the device meta.
    """
    chain = nn.Sequential(
        *(
            nn.AvgPool2d(layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode)
            if isinstance(layer, nn.MaxPool2d)
            else layer
            for layer in cnn
        )
    )
    chain.training = cnn.training  # train() would reach into the layers, which are shared
    return chain


def _network(cnn: nn.Sequential | None, average_pooling: bool) -> nn.Sequential:
    cnn = squeezenet().features if cnn is None else cnn
    return average_pooled(cnn) if average_pooling else cnn


def _known(recipe: Recipe, field: str, cnn: nn.Sequential) -> Any:
    """The layers that a recipe names, or those of a network that is known."""
    given = getattr(recipe, field)
    if given is not None:
        return given
    for known in _KNOWN:
        if known.is_it(cnn):
            return getattr(known, field)
    raise ValueError(
        named(
            f"cnn begins neither as SqueezeNet 1.1's features nor as VGG-19, and the recipe has no "
            f"{field}; give Recipe({field}=...)"
        )
    )


def _styles(
    style_image: Picture | Sequence[Picture], image_size: int, recipe: Recipe, scale: float = 1.0
) -> list[np.ndarray]:
    size = image_size
    if recipe.style_size is not None:
        size = max(16, round(recipe.style_size * scale))
    several = isinstance(style_image, list | tuple)
    return [load_scaled(style, size) for style in (style_image if several else [style_image])]


def _grams(
    styles: Sequence[np.ndarray], recipe: Recipe, cnn: nn.Sequential
) -> dict[int, torch.Tensor]:
    """The mean of the styles' Gram matrices, for each layer."""
    mix = [1 / len(styles)] * len(styles) if recipe.mix is None else recipe.mix
    if len(mix) != len(styles):
        raise ValueError(named(f"mix has {len(mix)} shares, expected {len(styles)}, one per style"))
    grams = dict.fromkeys(_known(recipe, "style_layers", cnn), 0)
    for share, style in zip(mix, styles):
        picture = _tensor(style, cnn)
        feats = _features(picture, cnn, max(grams))
        _check_style_layers(grams, feats, picture, cnn)
        grams = {layer: gram + share * gram_matrix(feats[layer]) for layer, gram in grams.items()}
    return grams


def _check_style_layers(
    layers: Iterable[int], feats: Sequence[torch.Tensor], picture: torch.Tensor, cnn: nn.Sequential
) -> None:
    """Gram matrices are of channels, which must be where they are expected."""
    for layer in layers:
        again = functools.partial(_feature, cnn=cnn, layer=layer)
        check_maps(f"layer {layer}", feats[layer], picture, again)


def _feature(picture: torch.Tensor, cnn: nn.Sequential, layer: int) -> torch.Tensor:
    return _features(picture, cnn, layer)[layer]


def _features(picture: torch.Tensor, cnn: nn.Sequential, last: int) -> list[torch.Tensor]:
    with frozen(cnn), torch.no_grad():
        return extract_features(picture, cnn, last)


def _tensor(image: np.ndarray, cnn: nn.Sequential) -> torch.Tensor:
    weight = next(cnn.parameters(), torch.zeros(1))
    tensor = as_tensor(image[None]).to(weight.device, weight.dtype)
    return tensor.contiguous(memory_format=torch.channels_last)


def _noise(shape: Sequence[int], like: torch.Tensor, seed: int) -> torch.Tensor:
    """A little grey noise, the same on every device."""
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * normal(shape, generator).to(like)


def _transfer(img: torch.Tensor, history: dict[str, list[float]], border: int = BORDER) -> Transfer:
    if not img.isfinite().all():
        raise FloatingPointError(named("a pixel became NaN or infinite; try smaller weights"))
    height, width = img.shape[2:]
    inner = img[:, :, border : height - border, border : width - border]
    return Transfer(deprocess(inner)[0], history)


# Part of the loss -> its values so far; the latest are still on the device that computed them.
_History = dict[str, list[torch.Tensor | float]]


def _record(losses: Mapping[str, torch.Tensor], history: _History) -> torch.Tensor:
    """The sum of the losses, after recording them all; now and then it checks them."""
    total = sum(losses.values())
    check_precision("the loss", total.dtype, "a network in float32")
    for part, value in {**losses, "total": total}.items():
        history.setdefault(part, []).append(value.detach())
    if len(history["total"]) % CHECK_EVERY == 1:
        # A tensor that is kept, however small, parts memory that pictures need again.
        history.update(_as_floats(history))
    return total


def _as_floats(history: _History) -> dict[str, list[float]]:
    """The history as floats, if no loss in it is infinite or NaN."""
    floats = {}
    for part, values in history.items():
        told = [value for value in values if isinstance(value, float)]
        new = values[len(told) :]
        floats[part] = told + (torch.stack(new).tolist() if new else [])
    for step, total in enumerate(floats["total"]):
        if not math.isfinite(total):
            raise FloatingPointError(
                named(f"the loss is {total} at step {step}; try smaller weights")
            )
    return floats


def _latest(history: _History) -> dict[str, float]:
    return {part: float(values[-1]) for part, values in history.items()}
