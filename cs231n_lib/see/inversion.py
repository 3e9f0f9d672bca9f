"""Feature inversion: what a picture may have looked like, given only a layer's activations.

Source: Mahendran and Vedaldi 2015, "Understanding deep image representations by inverting them".
"""

from __future__ import annotations

import torch
from torch import nn

from cs231n_lib.checks import Call, Count, Number, checked, named
from cs231n_lib.see.checks import NETWORK, Pictures, Tensor, check_like
from cs231n_lib.see.class_visualization import Objective, visualize
from cs231n_lib.see.fourier import FourierPicture
from cs231n_lib.see.network import activations, frozen
from cs231n_lib.see.precision import plainly, widened

__all__ = ["feature_distance", "invert_features", "total_variation"]


def _squares(name: str, X: torch.Tensor, call: Call) -> None:
    Pictures()(name, X, call)
    if X.shape[2] != X.shape[3] or X.shape[2] < 2:
        raise ValueError(
            named(f"{name} has shape {tuple(X.shape)}, expected square pictures, 2 x 2 or larger")
        )


@checked(
    model=NETWORK,
    X=_squares,
    tv_weight=Number(least=0),
    num_iterations=Count(),
    learning_rate=Number(above=0),
)
@plainly()
def invert_features(
    X: torch.Tensor,
    model: nn.Module,
    layer: str,
    *,
    tv_weight: float = 0.01,
    num_iterations: int = 128,
    learning_rate: float = 0.05,
    seed: int = 0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """From noise, find pictures that a layer cannot tell from the given ones.

    Parameters
    ----------
    X : (N, 3, S, S) tensor of floats
        Normalised pictures. Only their activations are used; they are not changed.
    model : torch.nn.Module
    layer : str
        Its name, such as ``"features.12"``. The layers after it are not computed.
    tv_weight : float
        Weight of the total variation, which picks a smooth one of all pictures with these
        activations.
    num_iterations : int
    learning_rate : float
        Learning rate of Adam, for the coefficients of a
        :class:`~cs231n_lib.see.fourier.FourierPicture`.
    seed : int
        Seed of the initial noise.

    Returns
    -------
    X_inverted : (N, 3, S, S) tensor
    losses : (num_iterations, N) tensor
        Distance plus weighted variation, before each step.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, if there is no such layer, if its activations are
        all zero, or as :func:`~cs231n_lib.see.class_visualization.visualize`.
    """
    with frozen(model), torch.no_grad():
        target = activations(model, X, layer)
    distance = feature_distance(layer, target)

    def objective(model: nn.Module, guess: torch.Tensor) -> torch.Tensor:
        return distance(model, guess) + tv_weight * total_variation(guess)

    picture = FourierPicture(len(X), X.shape[2], seed).to(X.device, X.dtype)
    return visualize(
        objective,
        model,
        picture,
        num_iterations=num_iterations,
        learning_rate=learning_rate,
        view=None,
    )


@checked(target=Tensor("..."))
@plainly()
def feature_distance(layer: str, target: torch.Tensor) -> Objective:
    """The objective of feature inversion: the activations of a layer.

    Parameters
    ----------
    layer : str
        Its name in the model.
    target : (N, ...) tensor
        What the activations should be. No gradient goes into it.

    Returns
    -------
    callable
        For :func:`~cs231n_lib.see.class_visualization.visualize`: the squared distance to
        ``target`` over the squared norm of ``target``. It is 0 for the same activations, 1 if all
        are zero. It raises ValueError if the activations have another shape.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, or the target of a picture is all zero or contains
        NaN or infinity.
    """
    target = widened(target.detach())
    energy = _energy(layer, target)
    axes = tuple(range(1, target.ndim))  # without a copy, unlike flatten(1)

    @checked(model=NETWORK, X=Pictures())
    def losses(model: nn.Module, X: torch.Tensor) -> torch.Tensor:
        features = activations(model, X, layer)
        check_like("target", target, f"layer {layer!r}", features)
        return (features - target).square().sum(dim=axes) / energy

    return losses


def _energy(layer: str, target: torch.Tensor) -> torch.Tensor:
    """Each picture's squared norm, (N,), the unit of distances."""
    energy = target.flatten(1).square().sum(dim=1)
    if not energy.isfinite().all():
        raise ValueError(named(f"target, layer {layer!r}, is NaN or infinite for a picture"))
    if not (energy > 0).all():
        raise ValueError(
            named(
                f"target, layer {layer!r}, is all zero for a picture, or its squares are, which "
                "says nothing about it; choose another layer"
            )
        )
    return energy


def _maps(name: str, X: torch.Tensor, call: Call) -> None:
    Tensor("N C H W")(name, X, call)
    if min(X.shape[2:]) < 2:
        raise ValueError(
            named(f"{name} has shape {tuple(X.shape)}, expected two rows and columns or more")
        )


@checked(X=_maps, beta=Number(above=0))
def total_variation(X: torch.Tensor, beta: float = 2) -> torch.Tensor:
    """How much neighbouring pixels differ (Mahendran and Vedaldi 2015, equation 5).

    Parameters
    ----------
    X : (N, C, H, W) tensor of floats
        H and W at least 2.
    beta : float
        Power of the length of a pixel's slope. 2 penalises sharp edges, 1 only their height.

    Returns
    -------
    (N,) tensor
        The mean over pixels and channels, so that it does not depend on a picture's size.
    """
    down = X[:, :, 1:, :-1] - X[:, :, :-1, :-1]
    right = X[:, :, :-1, 1:] - X[:, :, :-1, :-1]
    squared = down.square() + right.square()
    if beta != 2:  # a slope of zero has no direction: keep its gradient finite
        squared = (squared + 1e-12).pow(beta / 2)
    return squared.mean(dim=(1, 2, 3))
