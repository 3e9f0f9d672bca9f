"""Style transfer: a photograph's content in a painting's strokes.

The losses and :func:`style_transfer` are those of the assignment (StyleTransfer-PyTorch, after
Gatys, Ecker and Bethge, CVPR 2016). :func:`style_transfer_lbfgs` weighs every layer by its own
size and takes a better optimiser. :func:`synthesize_texture` and :func:`reconstruct_content` use
one half of its loss each. All work wherever the network is, on a CPU or a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from PIL import Image
from torch import nn

from cs231n_lib.progress import progress
from cs231n_lib.see.images import Picture, deprocess, load_image, preprocess
from cs231n_lib.see.network import CHECK_EVERY, extract_features, frozen
from cs231n_lib.see.old_checks import check_tensor
from cs231n_lib.see.pretrained import squeezenet
from cs231n_lib.validation import check_count, check_number

__all__ = [
    "STYLE_LAYERS",
    "GramProduct",
    "NormalizedLoss",
    "SquaredDifferences",
    "Transfer",
    "average_pooled",
    "content_loss",
    "gram_gradient",
    "gram_matrix",
    "match_colours",
    "minimize",
    "reconstruct_content",
    "relative_square",
    "replace_luminance",
    "style_loss",
    "style_transfer",
    "style_transfer_lbfgs",
    "synthesize_texture",
    "tv_loss",
]

# Layers of SqueezeNet's ``features`` whose Gram matrices describe a style, from fine to coarse.
STYLE_LAYERS = (1, 3, 4, 6, 7)

# Below this SqueezeNet's seventh layer has no place left.
_SMALLEST = 16

Callback = Callable[[int, torch.Tensor, Mapping[str, float]], object]


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


def content_loss(
    content_weight: float, content_current: torch.Tensor, content_original: torch.Tensor
) -> torch.Tensor:
    """How far the features of two pictures are from each other (StyleTransfer-PyTorch).

    Parameters
    ----------
    content_weight : float
    content_current, content_original : (1, C_l, H_l, W_l) tensors
        Features of the picture that is made, and of the content picture, in one layer.

    Returns
    -------
    () tensor
        The weight times the sum of squared differences.

    Raises
    ------
    TypeError
        If the weight is no number, or the features are no tensors of floats.
    ValueError
        If the weight is not finite, or if the two differ in shape or device.
    """
    check_number("content_loss", "content_weight", content_weight)
    _check_same("content_loss", "content_original", content_original, content_current)
    return content_weight * (content_current - content_original).square().sum()


def gram_matrix(features: torch.Tensor, normalize: bool = True) -> torch.Tensor:
    """Which channels fire together, summed over all places (StyleTransfer-PyTorch).

    Parameters
    ----------
    features : (N, C, H, W) tensor of floats
    normalize : bool
        Divide by the number of neurons, H W C.

    Returns
    -------
    (N, C, C) tensor
        Symmetric; of each picture, for each pair of channels, the sum of their products.

    Raises
    ------
    TypeError, ValueError
        If ``features`` is no tensor of floats of that shape, or empty.
    """
    _check_features("gram_matrix", features)
    N, C, H, W = features.shape
    places = features.permute(0, 2, 3, 1).reshape(N, H * W, C)  # no copy in channels_last
    gram = GramProduct.apply(places)
    return gram / (H * W * C) if normalize else gram


class GramProduct(torch.autograd.Function):
    """The product of a matrix with itself, (N, M, C) -> (N, C, C), and its gradient by hand.

    It is symmetric, so one of its four blocks is a copy. And left to itself, autograd multiplies
    twice, once for each factor. Both products are the same.
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, places: torch.Tensor) -> torch.Tensor:
        """The products, (N, C, C)."""
        ctx.save_for_backward(places)
        half = places.shape[2] // 2
        first, second = places[:, :, :half], places[:, :, half:]
        above = first.mT @ places
        below = torch.cat([above[:, :, half:].mT, second.mT @ second], dim=2)
        return torch.cat([above, below], dim=1)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, dgram: torch.Tensor) -> torch.Tensor:
        """From the gradient of the products to that of the matrices, (N, M, C)."""
        (places,) = ctx.saved_tensors
        return places @ (dgram + dgram.mT)


def gram_gradient(features: torch.Tensor, target: torch.Tensor, weight: float) -> torch.Tensor:
    """The gradient of one layer's style loss with respect to the features, derived by hand.

    Parameters
    ----------
    features : (N, C, H, W) tensor of floats
    target : (N, C, C) tensor
        A normalised Gram matrix A, symmetric.
    weight : float

    Returns
    -------
    (N, C, H, W) tensor
        ``4 weight / (C H W) (G - A) F``.

    Raises
    ------
    TypeError, ValueError
        As :func:`gram_matrix`; also if ``target`` differs from it in shape or device, or if
        ``weight`` is no finite number.
    """
    check_number("gram_gradient", "weight", weight)
    G = gram_matrix(features)
    _check_same("gram_gradient", "target", target, G)
    N, C, H, W = features.shape
    F = features.reshape(N, C, H * W)
    return (4 * weight / (C * H * W) * (G - target) @ F).reshape(N, C, H, W)


def style_loss(
    feats: Sequence[torch.Tensor],
    style_layers: Sequence[int],
    style_targets: Sequence[torch.Tensor],
    style_weights: Sequence[float],
) -> torch.Tensor:
    """How far a picture's Gram matrices are from those of a style (StyleTransfer-PyTorch).

    Parameters
    ----------
    feats : list of (1, C_i, H_i, W_i) tensors
        Features of the picture, layer by layer, as ``extract_features`` gives them.
    style_layers : sequence of L ints
        Places in ``feats``.
    style_targets : sequence of L (1, C_l, C_l) tensors
        Normalised Gram matrices of the style picture in those layers.
    style_weights : sequence of L floats

    Returns
    -------
    () tensor
        The weighted sum of the sums of squared differences.

    Raises
    ------
    TypeError
        If an argument is no sequence, a weight no number, or a target no tensor of floats.
    ValueError
        If the three sequences are of different lengths, if there is no such layer, if a weight is
        negative or not finite, or if a target differs in shape or device from the picture's Gram
        matrix.
    """
    _check_lengths(
        "style_loss", style_layers, style_targets=style_targets, style_weights=style_weights
    )
    _check_layers("style_loss", style_layers, len(feats))
    _check_weights("style_loss", *style_weights)
    loss = feats[0].new_zeros(())
    for layer, target, weight in zip(style_layers, style_targets, style_weights):
        gram = gram_matrix(feats[layer])
        _check_same("style_loss", f"the target of layer {layer}", target, gram)
        loss = loss + weight * (gram - target).square().sum()
    return loss


def tv_loss(img: torch.Tensor, tv_weight: float) -> torch.Tensor:
    """Total variation: how much neighbouring pixels differ (StyleTransfer-PyTorch).

    Parameters
    ----------
    img : (N, 3, H, W) tensor of floats
    tv_weight : float

    Returns
    -------
    () tensor
        The weight times the sum of squared differences, to the right and down.

    Raises
    ------
    TypeError, ValueError
        If ``img`` is no tensor of floats with four axes, or empty; if ``tv_weight`` is no finite
        number.
    """
    _check_features("tv_loss", img, "img")
    check_number("tv_loss", "tv_weight", tv_weight)
    return tv_weight * SquaredDifferences.apply(img)


class SquaredDifferences(torch.autograd.Function):
    """The sum of the squared differences of neighbours, (N, C, H, W) -> (), and its gradient.

    Each difference pulls one of two pixels down and the other up, in place. Autograd would lay each
    of the four parts into a picture of zeros, and add these.
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, img: torch.Tensor) -> torch.Tensor:
        """The sum, ()."""
        ctx.save_for_backward(img)
        return img.diff(dim=2).square().sum() + img.diff(dim=3).square().sum()

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, dsum: torch.Tensor) -> torch.Tensor:
        """From the gradient of the sum to that of the picture, (N, C, H, W)."""
        (img,) = ctx.saved_tensors
        dimg = torch.zeros_like(img)
        for axis in (2, 3):
            difference = img.diff(dim=axis)
            pairs = difference.shape[axis]
            dimg.narrow(axis, 1, pairs).add_(difference)
            dimg.narrow(axis, 0, pairs).sub_(difference)
        return 2 * dsum * dimg


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
    """Style transfer as the assignment has it: Adam on the weighted sum of the three losses.

    The rate is 3 and falls to 0.1 for the last twenty of 200 steps; before each but the last ten,
    the picture is clamped to [-1.5, 1.5] (StyleTransfer-PyTorch).

    Parameters
    ----------
    content_image, style_image : picture
        As for ``load_image``: the path of a file, a name such as ``"chelsea"``, or an array.
    image_size, style_size : int
        To what their shorter sides are scaled. They keep their shapes.
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
        Steps; for another number than 200 the rate and the clamping change at the same shares.
    callback : callable, optional
        Called as ``callback(step, img, losses)`` before each step, with the (1, 3, H, W) normalised
        picture and a dict of floats as in the history.
    seed : int
        Of the noise.

    Returns
    -------
    Transfer
        The picture and the history of its losses, one entry a step.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        As ``load_image``. ValueError also if the lists are of different lengths, if a layer does
        not exist, if a weight is negative or not finite, if a size is less than 16, or if there is
        no step to do.
    FloatingPointError
        If the loss becomes infinite or NaN.
    """
    name = "style_transfer"
    cnn = squeezenet().features if cnn is None else cnn
    _check_cnn(name, cnn)
    _check_lengths(name, style_layers, style_weights=style_weights)
    _check_layers(name, [content_layer, *style_layers], len(cnn))
    _check_weights(name, content_weight, *style_weights, tv_weight)
    check_count(name, "num_iterations", num_iterations)

    last = max([content_layer, *style_layers])
    content = _load(name, content_image, image_size, cnn, "image_size")
    style = _load(name, style_image, style_size, cnn, "style_size")
    with frozen(cnn), torch.no_grad():
        content_target = extract_features(content, cnn, last)[content_layer]
        style_features = extract_features(style, cnn, last)
        style_targets = [gram_matrix(style_features[layer]) for layer in style_layers]

    img = _uniform_noise(content, seed) if init_random else content.clone()
    img.requires_grad_()
    optimizer = torch.optim.Adam([img], lr=3.0)
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
            total = _total(name, losses, history)
            if callback is not None:
                callback(step, img.detach(), _latest(history))
            (img.grad,) = torch.autograd.grad(total, img)
            if step == int(0.9 * num_iterations):
                optimizer = torch.optim.Adam([img], lr=0.1)
            optimizer.step()
    floats = _as_floats(name, history)
    return Transfer(deprocess(img)[0], floats)


def relative_square(current: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The squared distance of two tensors in units of the second: 0 if equal, 1 for nothing at all.

    Parameters
    ----------
    current, target : tensors of the same shape

    Returns
    -------
    () tensor

    Raises
    ------
    TypeError
        If they are no tensors of floats.
    ValueError
        If the two differ in shape or device, or if the target is zero.
    """
    _check_same("relative_square", "target", target, current)
    size = target.square().sum()
    if size == 0:
        raise ValueError("relative_square: target is zero, and no unit to measure in")
    return (current - target).square().sum() / size


@dataclass
class NormalizedLoss:
    """Content, style and smoothness, every layer measured in units of its own target.

    No layer can outweigh another because its activations happen to be large, so that one set of
    weights does for every network and every picture.

    Parameters
    ----------
    cnn : torch.nn.Sequential
    content : dict
        Layer -> features to resemble, (1, C_l, H_l, W_l).
    style : dict
        Layer -> Gram matrix to resemble, (1, C_l, C_l).
    content_weight, style_weight, tv_weight : float
        Of the layers' mean content loss, of their mean style loss, and of the mean square of the
        differences between neighbouring pixels.
    """

    cnn: nn.Sequential
    content: Mapping[int, torch.Tensor] = field(default_factory=dict)
    style: Mapping[int, torch.Tensor] = field(default_factory=dict)
    content_weight: float = 1.0
    style_weight: float = 100.0
    tv_weight: float = 2.0

    def __call__(self, img: torch.Tensor) -> dict[str, torch.Tensor]:
        """The weighted losses ``content``, ``style`` and ``tv`` of a picture, (1, 3, H, W).

        Raises TypeError or ValueError if picture, layers and targets do not fit together.
        """
        _check_features("NormalizedLoss", img, "img")
        _check_cnn("NormalizedLoss", self.cnn)
        layers = [*self.content, *self.style]
        if not layers:
            raise ValueError("NormalizedLoss: there is neither content nor style to resemble")
        _check_layers("NormalizedLoss", layers, len(self.cnn))
        feats = extract_features(img, self.cnn, last=max(layers))
        content = [relative_square(feats[i], P) for i, P in self.content.items()]
        style = [relative_square(gram_matrix(feats[i]), A) for i, A in self.style.items()]
        return {
            "content": self.content_weight * sum(content, img.new_zeros(())) / max(len(content), 1),
            "style": self.style_weight * sum(style, img.new_zeros(())) / max(len(style), 1),
            "tv": tv_loss(img, self.tv_weight / img.numel()),
        }


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
        :class:`NormalizedLoss`.
    img : (1, 3, H, W) tensor of floats
        Where to start. It is not changed.
    evaluations : int
        How often the loss and its gradient are computed; L-BFGS may finish its last line search.
    optimizer : {"lbfgs", "adam"}
    learning_rate : float
        Of Adam. L-BFGS searches for its step itself.
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
        If ``img`` is no such tensor, if there is nothing to do or a setting makes no sense, or for
        another optimiser.
    FloatingPointError
        If the loss becomes infinite or NaN.
    """
    check_tensor("minimize", img, "1 3 H W", "img")
    check_count("minimize", "evaluations", evaluations)
    check_number("minimize", "learning_rate", learning_rate, above=0)
    if optimizer not in ("lbfgs", "adam"):
        raise ValueError(f"minimize: optimizer is {optimizer!r}, expected 'lbfgs' or 'adam'")
    # The first step of L-BFGS changes all pixels together by 1 unit. Let that be 1/100 for each;
    # a power of two, so that scaling is exact.
    unit = 2.0 ** round(math.log2(img.numel() / 100)) if optimizer == "lbfgs" else 1.0
    z = (img.detach() / unit).contiguous().requires_grad_()
    history: _History = {}
    bar = progress(range(evaluations), "painting")

    def closure() -> torch.Tensor:
        next(bar, None)
        with torch.enable_grad():
            # channels_last makes the convolutions fast; L-BFGS needs a contiguous variable.
            picture = (z * unit).contiguous(memory_format=torch.channels_last)
            losses = loss(picture)
            total = _total("minimize", losses, history)
            (gradient,) = torch.autograd.grad(total, z)
        z.grad = gradient.contiguous()
        if callback is not None:
            callback(len(history["total"]) - 1, picture.detach(), _latest(history))
        return total.detach()

    try:
        if optimizer == "lbfgs":
            torch.optim.LBFGS(
                [z],
                max_iter=evaluations,
                max_eval=evaluations,
                tolerance_grad=0,
                tolerance_change=0,
                history_size=20,
                line_search_fn="strong_wolfe",
            ).step(closure)
        else:
            adam = torch.optim.Adam([z], lr=learning_rate)
            for _ in range(evaluations):
                adam.step(closure)
    finally:
        bar.close()
    return (z * unit).detach(), _as_floats("minimize", history)


def style_transfer_lbfgs(
    content_image: Picture,
    style_image: Picture | Sequence[Picture],
    image_size: int = 224,
    style_size: int | None = None,
    content_layer: int = 6,
    content_weight: float = 1.0,
    style_layers: Sequence[int] = STYLE_LAYERS,
    style_weight: float = 100.0,
    tv_weight: float = 2.0,
    init_random: bool = False,
    *,
    mix: Sequence[float] | None = None,
    keep_colours: str | None = None,
    border: int = 8,
    optimizer: str = "lbfgs",
    learning_rate: float = 0.05,
    evaluations: int = 200,
    average_pooling: bool = True,
    cnn: nn.Sequential | None = None,
    callback: Callback | None = None,
    seed: int = 0,
) -> Transfer:
    """Style transfer that brings the strokes: normalised losses, average pooling, L-BFGS.

    Parameters
    ----------
    content_image : picture
        As for ``load_image``: the path of a file, a name such as ``"chelsea"``, or an array.
    style_image : picture, or sequence of K pictures
        With several, the Gram matrices to resemble are means of theirs.
    image_size : int
        To what the content's shorter side is scaled. It keeps its shape.
    style_size : int, optional
        The same for the styles, by default ``image_size``. Twice as large makes strokes twice as
        broad.
    content_layer : int
    content_weight : float
    style_layers : sequence of ints
    style_weight : float
        See :class:`NormalizedLoss`.
    tv_weight : float
    init_random : bool
        Start from noise instead of the content picture.
    mix : sequence of K floats, optional
        Shares of the styles, 0 or more, with sum 1. By default equal ones.
    keep_colours : {None, "matched", "luminance"}
        Keep the content's colours (Gatys et al., arXiv:1606.05897): give the style pictures the
        content's mean colour and covariance first, or transfer in the luminance only.
    border : int
        So many reflected pixels are added around the content and cut off at the end, because a
        network sees the outermost pixels less often.
    optimizer, learning_rate, evaluations, callback
        As for :func:`minimize`.
    average_pooling : bool
        Replace max pooling, see :func:`average_pooled`.
    cnn : torch.nn.Sequential, optional
        By default ``squeezenet().features``. All the work is done on its device and in its dtype.
    seed : int
        Of the noise.

    Returns
    -------
    Transfer

    Raises
    ------
    FileNotFoundError, TypeError, ValueError, FloatingPointError
        As :func:`style_transfer`; ValueError also if ``mix`` does not fit the styles, or for an
        unknown ``keep_colours``.
    """
    name = "style_transfer_lbfgs"
    styles, mix = _as_styles(name, style_image, mix)
    if keep_colours not in (None, "matched", "luminance"):
        raise ValueError(
            f"{name}: keep_colours is {keep_colours!r}, expected None, 'matched' or 'luminance'"
        )
    content = _resized(name, content_image, image_size, "image_size")
    size = image_size if style_size is None else style_size
    styles = [_resized(name, style, size, "style_size") for style in styles]
    if keep_colours == "matched":
        styles = [match_colours(style, content) for style in styles]
    grey = keep_colours == "luminance"
    if grey:
        styles = [match_colours(_grey(style), _grey(content)) for style in styles]

    loss, start = _prepare(
        name, cnn, _grey(content) if grey else content, styles, mix, [content_layer], style_layers,
        (content_weight, style_weight, tv_weight), border, average_pooling,
    )  # fmt: skip
    if init_random:
        start = _noise(start, seed)
    with frozen(loss.cnn):
        img, history = minimize(loss, start, evaluations, optimizer, learning_rate, callback)
    image = _cropped(img, border)
    return Transfer(replace_luminance(content, image) if grey else image, history)


def synthesize_texture(
    style_image: Picture | Sequence[Picture],
    image_size: int = 224,
    style_size: int | None = None,
    style_layers: Sequence[int] = STYLE_LAYERS,
    style_weight: float = 100.0,
    tv_weight: float = 1.0,
    *,
    mix: Sequence[float] | None = None,
    border: int = 8,
    evaluations: int = 200,
    average_pooling: bool = True,
    cnn: nn.Sequential | None = None,
    callback: Callback | None = None,
    seed: int = 0,
) -> Transfer:
    """A new square of a picture's texture, from noise and Gram matrices alone.

    After Gatys, Ecker and Bethge, "Texture synthesis using convolutional neural networks" (2015).

    Parameters
    ----------
    style_image, image_size, style_size, style_layers, style_weight, tv_weight, mix, border, \
evaluations, average_pooling, cnn, callback, seed
        As for :func:`style_transfer_lbfgs`.

    Returns
    -------
    Transfer

    Raises
    ------
    FileNotFoundError, TypeError, ValueError, FloatingPointError
        As :func:`style_transfer_lbfgs`.
    """
    name = "synthesize_texture"
    styles, mix = _as_styles(name, style_image, mix)
    check_count(name, "image_size", image_size, least=_SMALLEST)
    size = image_size if style_size is None else style_size
    styles = [_resized(name, style, size, "style_size") for style in styles]
    grey = np.full((image_size, image_size, 3), 128, np.uint8)
    loss, start = _prepare(
        name, cnn, grey, styles, mix, [], style_layers,
        (0.0, style_weight, tv_weight), border, average_pooling,
    )  # fmt: skip
    with frozen(loss.cnn):
        img, history = minimize(loss, _noise(start, seed, 0.1), evaluations, callback=callback)
    return Transfer(_cropped(img, border), history)


def reconstruct_content(
    content_image: Picture,
    layer: int,
    image_size: int = 224,
    tv_weight: float = 0.03,
    *,
    evaluations: int = 100,
    average_pooling: bool = True,
    cnn: nn.Sequential | None = None,
    callback: Callback | None = None,
    seed: int = 0,
) -> Transfer:
    """What one layer still knows of a picture: noise, changed until its features are the same.

    Parameters
    ----------
    content_image, image_size, evaluations, average_pooling, cnn, callback, seed
        As for :func:`style_transfer_lbfgs`.
    layer : int
        The layer of ``cnn`` whose features are to agree.
    tv_weight : float

    Returns
    -------
    Transfer

    Raises
    ------
    FileNotFoundError, TypeError, ValueError, FloatingPointError
        As :func:`style_transfer_lbfgs`.
    """
    name = "reconstruct_content"
    content = _resized(name, content_image, image_size, "image_size")
    loss, start = _prepare(
        name, cnn, content, [], [], [layer], [], (1.0, 0.0, tv_weight), 0, average_pooling
    )
    with frozen(loss.cnn):
        img, history = minimize(loss, _noise(start, seed, 0.1), evaluations, callback=callback)
    return Transfer(deprocess(img)[0], history)


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
    """
    _check_cnn("average_pooled", cnn)
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


def match_colours(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Give a picture the mean colour and the colour covariance of another one.

    Each pixel c becomes M (c - m) + m', with M = S'^(1/2) S^(-1/2): m, S are mean and covariance of
    the picture's colours, m', S' those of the reference (Gatys et al., arXiv:1606.05897).

    Parameters
    ----------
    image, reference : (H, W, 3) uint8 arrays
        Their sizes may differ.

    Returns
    -------
    (H, W, 3) uint8 array
        Of the size of ``image``.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        As ``load_image``; ValueError also for a picture of a single pixel.
    """
    image, reference = load_image(image), load_image(reference)
    pixels, wanted = _colours(image), _colours(reference)
    transform = _power(np.cov(wanted.T), 0.5) @ _power(np.cov(pixels.T), -0.5)
    matched = (pixels - pixels.mean(axis=0)) @ transform.T + wanted.mean(axis=0)
    return np.rint(255 * matched.clip(0, 1)).astype(np.uint8).reshape(image.shape)


def _colours(image: np.ndarray) -> np.ndarray:
    pixels = image.reshape(-1, 3) / 255
    if len(pixels) < 2:
        raise ValueError("match_colours: a picture of a single pixel has no covariance of colours")
    return pixels


def replace_luminance(image: np.ndarray, luminance: np.ndarray) -> np.ndarray:
    """A picture's colours with the brightness of another one.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
        Gives the colours.
    luminance : (H, W, 3) uint8 array
        Gives the brightness.

    Returns
    -------
    (H, W, 3) uint8 array

    Raises
    ------
    ValueError
        If they are of different sizes.
    """
    image, luminance = load_image(image), load_image(luminance)
    if image.shape != luminance.shape:
        raise ValueError(
            f"replace_luminance: luminance has shape {luminance.shape}, expected {image.shape}"
        )
    change = luminance.astype(float) @ _LUMA - image.astype(float) @ _LUMA
    return np.rint((image + change[..., None]).clip(0, 255)).astype(np.uint8)


# The luminance Y of the NTSC standard. Adding one number to R, G and B adds it to Y and leaves the
# two colour differences as they were.
_LUMA = np.array([0.299, 0.587, 0.114])


def _grey(image: np.ndarray) -> np.ndarray:
    grey = np.rint(image.astype(float) @ _LUMA).clip(0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _power(covariance: np.ndarray, exponent: float) -> np.ndarray:
    """A power of a symmetric matrix, of those directions in which there is any variance."""
    values, vectors = np.linalg.eigh(covariance)
    some = values > 1e-6  # a byte's step has a variance of 1.5e-5
    return (vectors[:, some] * values[some] ** exponent) @ vectors[:, some].T


def _prepare(
    name: str,
    cnn: nn.Sequential | None,
    content: np.ndarray,
    styles: Sequence[np.ndarray],
    mix: Sequence[float],
    content_layers: Sequence[int],
    style_layers: Sequence[int],
    weights: tuple[float, float, float],
    border: int,
    average_pooling: bool,
) -> tuple[NormalizedLoss, torch.Tensor]:
    """Check everything and compute all targets, once: the loss, and the content with its border."""
    cnn = squeezenet().features if cnn is None else cnn
    _check_cnn(name, cnn)
    _check_lengths(name, style_layers)
    _check_layers(name, [*content_layers, *style_layers], len(cnn))
    if styles and len(style_layers) == 0:
        raise ValueError(f"{name}: style_layers is empty, expected at least one layer")
    _check_weights(name, *weights)
    check_count(name, "border", border, least=0)
    if border >= min(content.shape[:2]):
        raise ValueError(
            f"{name}: border is {border}, expected 0 to {min(content.shape[:2]) - 1} pixels"
        )
    cnn = average_pooled(cnn) if average_pooling else cnn
    picture = nn.functional.pad(_tensor(content, cnn), [border] * 4, mode="reflect")
    loss = NormalizedLoss(cnn, {}, {}, *weights)
    with frozen(cnn), torch.no_grad():
        if content_layers:
            feats = extract_features(picture, cnn, max(content_layers))
            loss.content = {layer: feats[layer] for layer in content_layers}
        for share, style in zip(mix, styles):
            feats = extract_features(_tensor(style, cnn), cnn, max(style_layers))
            for layer in style_layers:
                gram = share * gram_matrix(feats[layer])
                loss.style[layer] = loss.style[layer] + gram if layer in loss.style else gram
    return loss, picture


def _load(name: str, source: Picture, size: int, cnn: nn.Sequential, argument: str) -> torch.Tensor:
    return _tensor(_resized(name, source, size, argument), cnn)


def _tensor(image: np.ndarray, cnn: nn.Sequential) -> torch.Tensor:
    weight = next(cnn.parameters(), torch.zeros(1))
    tensor = preprocess(image, size=None).to(weight.device, weight.dtype)
    return tensor.contiguous(memory_format=torch.channels_last)


def _resized(name: str, source: Picture, size: int, argument: str) -> np.ndarray:
    """A picture whose shorter side is ``size``, as torchvision's Resize makes it."""
    check_count(name, argument, size, least=_SMALLEST)
    image = Image.fromarray(load_image(source))
    scale = size / min(image.size)
    if scale != 1:
        width, height = (max(size, round(scale * side)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    return np.array(image)


def _cropped(img: torch.Tensor, border: int) -> np.ndarray:
    height, width = img.shape[2:]
    return deprocess(img[:, :, border : height - border, border : width - border])[0]


def _uniform_noise(like: torch.Tensor, seed: int) -> torch.Tensor:
    """The assignment's noise, the same on every device."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(like.shape, generator=generator).to(like)


def _noise(like: torch.Tensor, seed: int, contrast: float = 0.5) -> torch.Tensor:
    """Grey noise whose contrast is about that of a photograph, the same on every device."""
    generator = torch.Generator().manual_seed(seed)
    return contrast * torch.randn(like.shape, generator=generator).to(like)


# Part of the loss -> its values so far, which are still where they were computed.
_History = dict[str, list[torch.Tensor]]


def _total(name: str, losses: Mapping[str, torch.Tensor], history: _History) -> torch.Tensor:
    """The sum of the losses, after all of them were written down; now and then it looks at them."""
    total = sum(losses.values())
    for part, value in {**losses, "total": total}.items():
        history.setdefault(part, []).append(value.detach())
    if len(history["total"]) % CHECK_EVERY == 1:
        _as_floats(name, history)
    return total


def _as_floats(name: str, history: _History) -> dict[str, list[float]]:
    """The history to be read, if no loss in it is infinite or NaN."""
    floats = {part: torch.stack(values).tolist() for part, values in history.items()}
    for step, total in enumerate(floats["total"]):
        if not math.isfinite(total):
            raise FloatingPointError(
                f"{name}: the loss is {total} at step {step}; try smaller weights"
            )
    return floats


def _latest(history: _History) -> dict[str, float]:
    return {part: values[-1].item() for part, values in history.items()}


def _check_features(name: str, features: torch.Tensor, argument: str = "features") -> None:
    check_tensor(name, features, "N C H W", argument)


def _check_same(name: str, argument: str, given: torch.Tensor, expected: torch.Tensor) -> None:
    for tensor in (given, expected):
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(f"{name}: got a {type(tensor).__name__}, expected tensors")
        if not tensor.is_floating_point():
            raise TypeError(f"{name}: got a tensor of {tensor.dtype}, expected floats")
    if given.shape != expected.shape:
        raise ValueError(
            f"{name}: {argument} has shape {tuple(given.shape)}, expected {tuple(expected.shape)}"
        )
    if given.device != expected.device:
        raise ValueError(
            f"{name}: {argument} is on {given.device}, but the picture's features are on "
            f"{expected.device}; move one of them with .to()"
        )


def _check_lengths(name: str, style_layers: Sequence[int], **others: Sequence[object]) -> None:
    for argument, values in {"style_layers": style_layers, **others}.items():
        if not isinstance(values, Sequence | np.ndarray):
            raise TypeError(f"{name}: {argument} is a {type(values).__name__}, expected a list")
        if len(values) != len(style_layers):
            raise ValueError(
                f"{name}: {len(style_layers)} style_layers, but {len(values)} {argument}; "
                "expected one for each layer"
            )


def _check_layers(name: str, layers: Sequence[int], count: int) -> None:
    if count == 0:
        raise ValueError(f"{name}: there are no layers to choose from")
    for layer in layers:
        whole = isinstance(layer, int | np.integer) and not isinstance(layer, bool)
        if not whole or not 0 <= layer < count:
            raise ValueError(f"{name}: there is no layer {layer!r}, expected 0 to {count - 1}")


def _check_weights(name: str, *weights: float) -> None:
    for weight in weights:
        check_number(name, "a weight", weight, least=0)


def _as_styles(
    name: str, style_image: Picture | Sequence[Picture], mix: Sequence[float] | None
) -> tuple[list[Picture], list[float]]:
    """One style or several as a list, and their shares."""
    styles = list(style_image) if isinstance(style_image, list | tuple) else [style_image]
    if not styles:
        raise ValueError(f"{name}: no style picture was given, expected at least one")
    mix = [1 / len(styles)] * len(styles) if mix is None else list(mix)
    if len(mix) != len(styles):
        raise ValueError(f"{name}: {len(styles)} styles, but {len(mix)} shares in mix")
    if min(mix) < 0 or not math.isclose(sum(mix), 1, abs_tol=1e-6):
        raise ValueError(f"{name}: mix is {mix}, expected shares of 0 or more with sum 1")
    return styles, mix


def _check_cnn(name: str, cnn: nn.Sequential) -> None:
    if not isinstance(cnn, nn.Sequential):
        raise TypeError(
            f"{name}: cnn is a {type(cnn).__name__}, expected a torch.nn.Sequential such as "
            "squeezenet().features"
        )
    if any(weight.is_meta for weight in cnn.parameters()):
        raise ValueError(f"{name}: cnn is on meta, a device that holds no numbers")
