"""What a style transfer measures: content, style and smoothness.

:func:`content_loss`, :func:`gram_matrix`, :func:`style_loss` and :func:`tv_loss` are those of the
assignment (StyleTransfer-PyTorch, after Gatys, Ecker and Bethge, CVPR 2016). A
:class:`NormalizedLoss` measures every layer in units of its own target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from cs231n_lib.checks import (
    Call,
    Count,
    Each,
    Function,
    Instance,
    Number,
    check_fields,
    checked,
    named,
)
from cs231n_lib.see.checks import PAINTER, Like, Tensor, check_floats, check_like, check_maps
from cs231n_lib.see.network import extract_features, frozen
from cs231n_lib.see.precision import plainly

__all__ = [
    "GramProduct",
    "NormalizedLoss",
    "content_loss",
    "fits",
    "gram_gradient",
    "gram_matrix",
    "relative_square",
    "style_loss",
    "tv_loss",
]


@dataclass(frozen=True)
class _Layer:
    """An index into the chain or the list of features that the same call gets as ``of``."""

    of: str

    def __call__(self, name: str, layer: int, call: Call) -> None:
        Count(least=0, most=len(call.arguments[self.of]) - 1)(name, layer)


def _features(name: str, features: torch.Tensor, call: Call) -> None:
    Tensor("N C H W")(name, features, Call({}))  # other layers have other sizes


def _gram(name: str, target: torch.Tensor, call: Call) -> None:
    """What the Gram matrix of the same call's features should resemble."""
    _check_gram(name, target, call.arguments["features"])


def _grams(name: str, targets: Sequence[torch.Tensor], call: Call) -> None:
    """What the Gram matrices should resemble, one for each style layer of the same call."""
    layers = call.arguments["style_layers"]
    Each(Instance(torch.Tensor), len(layers), empty=True)(name, targets, call)
    for number, (layer, target) in enumerate(zip(layers, targets)):
        _check_gram(f"{name}[{number}]", target, call.arguments["feats"][layer])


def _check_gram(name: str, target: torch.Tensor, features: torch.Tensor) -> None:
    check_floats(name, target, "a Gram matrix")
    N, C = features.shape[:2]
    check_like(name, target, "the picture", features.new_empty(N, C, C))


def _unit(name: str, target: torch.Tensor, call: Call) -> None:
    """The unit in which another tensor is measured."""
    Like("current")(name, target, call)
    _check_not_zero(name, target)


def _check_not_zero(name: str, target: torch.Tensor) -> None:
    if not target.square().sum() > 0:
        raise ValueError(
            named(f"{name} is zero, or its square is, so nothing can be measured in it")
        )


@dataclass(frozen=True)
class _Targets:
    """What features, or Gram matrices, in some layers of the same chain should resemble."""

    of_shape: str

    def __call__(self, name: str, targets: Mapping[int, torch.Tensor], call: Call) -> None:
        Instance(Mapping)(name, targets)
        if not (call.arguments["content"] or call.arguments["style"]):
            raise ValueError(named("there is neither content nor style to resemble"))
        for layer, target in targets.items():
            _Layer("cnn")(f"a layer of {name}", layer, call)
            Tensor(self.of_shape)(f"{name}[{layer}]", target, Call({}))
            _check_not_zero(f"{name}[{layer}]", target)


def fits(name: str, loss: Any, call: Call) -> None:
    """Check a function from a picture, ``img`` of the same call, to losses.

    Only its features can tell whether the targets of a :class:`NormalizedLoss` fit the picture.
    """
    Function("from a picture to a dict of losses")(name, loss)
    if not isinstance(loss, NormalizedLoss):
        return
    with frozen(loss.cnn), torch.no_grad():
        feats = extract_features(call.arguments["img"], loss.cnn, loss.last)
    for layer, target in loss.content.items():
        check_like(f"content[{layer}]", target, "the picture", feats[layer])
    for layer, target in loss.style.items():
        check_maps(
            f"layer {layer}", feats[layer], call.arguments["img"],
            lambda X, last=layer: extract_features(X, loss.cnn, last)[last],
        )  # fmt: skip
        _check_gram(f"style[{layer}]", target, feats[layer])


@checked(
    content_weight=Number(),
    content_current=Tensor("N C H W"),
    content_original=Like("content_current"),
)
def content_loss(
    content_weight: float,
    content_current: torch.Tensor,
    content_original: torch.Tensor,
) -> torch.Tensor:
    """How far apart the features of two pictures are (StyleTransfer-PyTorch).

    Parameters
    ----------
    content_weight : float
    content_current, content_original : (1, C_l, H_l, W_l) tensors
        Features of the picture being made, and of the content picture, in one layer.

    Returns
    -------
    () tensor
        The weight times the sum of squared differences.
    """
    return content_weight * (content_current - content_original).square().sum()


@checked(features=Tensor("N C H W"))
@plainly()
def gram_matrix(
    features: torch.Tensor,
    normalize: bool = True,
) -> torch.Tensor:
    """Which channels fire together, summed over all places (StyleTransfer-PyTorch).

    Parameters
    ----------
    features : (N, C, H, W) tensor of floats
    normalize : bool
        Divide by the number of neurons, H W C.

    Returns
    -------
    (N, C, C) tensor
        Symmetric; for each picture and each pair of channels, the sum of their products.
    """
    N, C, H, W = features.shape
    places = features.permute(0, 2, 3, 1).reshape(N, H * W, C)
    gram = GramProduct.apply(places)  # places.mT @ places, only faster
    return gram / (C * H * W) if normalize else gram


@checked(features=Tensor("N C H W"), target=_gram, weight=Number())
@plainly()
def gram_gradient(
    features: torch.Tensor,
    target: torch.Tensor,
    weight: float,
) -> torch.Tensor:
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
    """
    G = gram_matrix(features)
    N, C, H, W = features.shape
    F = features.reshape(N, C, H * W)
    dF = 4 * weight / (C * H * W) * (G - target) @ F
    return dF.reshape(N, C, H, W)


@checked(
    feats=Each(_features),
    style_layers=Each(_Layer("feats"), "L", empty=True),
    style_targets=_grams,
    style_weights=Each(Number(least=0), "L", empty=True),
)
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
        Indices into ``feats``.
    style_targets : sequence of L (1, C_l, C_l) tensors
        Normalised Gram matrices of the style picture in those layers.
    style_weights : sequence of L floats

    Returns
    -------
    () tensor
        The weighted sum of the sums of squared differences.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, or a target differs in shape or device from the
        picture's Gram matrix.
    """
    loss = feats[0].new_zeros(())
    for i, A, weight in zip(style_layers, style_targets, style_weights):
        loss = loss + weight * (gram_matrix(feats[i]) - A).square().sum()
    return loss


@checked(img=Tensor("N C H W"), tv_weight=Number())
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
    """
    down, right = img.diff(dim=2), img.diff(dim=3)
    return tv_weight * (down.square().sum() + right.square().sum())


@checked(current=Tensor("..."), target=_unit)
def relative_square(
    current: torch.Tensor,
    target: torch.Tensor,
) -> torch.Tensor:
    """The squared distance of two tensors in units of the second: 0 if equal, 1 for nothing at all.

    Parameters
    ----------
    current, target : tensors of the same shape

    Returns
    -------
    () tensor

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, or the target is zero.
    """
    return (current - target).square().sum() / target.square().sum()


@dataclass(frozen=True)
class NormalizedLoss:
    """Content, style and smoothness, every layer measured in units of its own target.

    No layer can outweigh another because its activations happen to be large, so one set of weights
    works for every network and every picture.

    Parameters
    ----------
    cnn : torch.nn.Sequential
    content : dict
        Layer -> features to resemble, (1, C_l, H_l, W_l).
    style : dict
        Layer -> Gram matrix to resemble, (1, C_l, C_l).
    content_weight, style_weight, tv_weight : float
        Weights of the layers' mean content loss, of their mean style loss, and of the mean squared
        difference between neighbouring pixels.

    Raises
    ------
    TypeError, ValueError
        If a field is not what is declared, if there is no such layer, if there is nothing to
        resemble, or if a target is zero.
    """

    cnn: nn.Sequential
    content: Mapping[int, torch.Tensor] = field(default_factory=dict)
    style: Mapping[int, torch.Tensor] = field(default_factory=dict)
    content_weight: float = 1.0
    style_weight: float = 100.0
    tv_weight: float = 2.0

    def __post_init__(self) -> None:
        _check_loss(self)

    @property
    def last(self) -> int:
        """The last layer that has to be computed."""
        return max([*self.content, *self.style])

    @checked(img=Tensor("1 3 H W"), self=fits)
    @plainly()
    def __call__(self, img: torch.Tensor) -> dict[str, torch.Tensor]:
        """The weighted losses ``content``, ``style`` and ``tv`` of a picture, (1, 3, H, W).

        Raises TypeError or ValueError if the targets do not fit it.
        """
        F = extract_features(img, self.cnn, self.last)
        G = {i: gram_matrix(F[i]) for i in self.style}
        content = [relative_square(F[i], P) for i, P in self.content.items()]
        style = [relative_square(G[i], A) for i, A in self.style.items()]
        return {
            "content": self.content_weight * _mean(content, img),
            "style": self.style_weight * _mean(style, img),
            "tv": tv_loss(img, self.tv_weight / img.numel()),
        }


def _check_loss(loss: NormalizedLoss) -> None:
    weight = Number(least=0)
    check_fields(
        loss,
        cnn=PAINTER,
        content=_Targets("1 C H W"),
        style=_Targets("1 C C"),
        content_weight=weight,
        style_weight=weight,
        tv_weight=weight,
    )


def _mean(losses: Sequence[torch.Tensor], img: torch.Tensor) -> torch.Tensor:
    return sum(losses, img.new_zeros(())) / max(len(losses), 1)


class GramProduct(torch.autograd.Function):
    """An optimisation of ``places.mT @ places``, (N, M, C) -> (N, C, C), and of its gradient.

    Autograd, left to itself, multiplies twice, once for each factor, although both results are the
    same. And on a CPU PyTorch gives float32 matrices to MKL, and only convolutions to oneDNN, which
    on many processors is twice as fast. Kernels of one pixel, over the places as a picture of one
    row, multiply each place by a matrix; and their gradient is a sum of products over all places.
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, places: torch.Tensor) -> torch.Tensor:
        """The products, (N, C, C)."""
        ctx.save_for_backward(places)
        if not _convolves(places):
            return places.mT @ places
        row, C = places.mT[:, :, None], places.shape[2]
        return nn.grad.conv2d_weight(row, (C, C, 1, 1), row, dilation=2).reshape(1, C, C)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, dgram: torch.Tensor) -> torch.Tensor:
        """From the gradient of the products to that of the places, (N, M, C)."""
        (places,) = ctx.saved_tensors
        matrix = dgram + dgram.mT
        if not _convolves(places):
            return places @ matrix
        row, kernels = places.mT[:, :, None], matrix[0, :, :, None, None]
        return nn.functional.conv2d(row, kernels, dilation=2)[:, :, 0].mT


def _convolves(places: torch.Tensor) -> bool:
    """Is it for oneDNN? On one thread PyTorch gives it no kernels of one pixel but dilated ones."""
    return len(places) == 1 and places.dtype == torch.float32 and places.device.type == "cpu"
