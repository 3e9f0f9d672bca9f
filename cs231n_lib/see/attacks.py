"""Attacks with a budget: a limit on how large the change may be.

Notation: ``X`` (N, 3, H, W) normalised pictures, ``y`` (N,) int64 classes, C classes. ``model`` is
any callable from normalised pictures to (N, C) scores. It is held in evaluation mode, and neither
it nor the caller's tensors are changed. A budget ``epsilon`` is in pixels from 0 to 1, as in the
literature: 8 / 255. Half precision, in which that cannot be kept, is refused.

Sources: Goodfellow et al. (arXiv:1412.6572); Madry et al. (arXiv:1706.06083).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from cs231n_lib.checks import Call, Count, Number, checked, named, shown
from cs231n_lib.see.checks import Classes, Model, Models, Tensor, several
from cs231n_lib.see.network import cross_entropy, input_gradients, unit_step
from cs231n_lib.see.pixels import RealPictures, denormalize, mean_and_std, normalize

__all__ = ["fgsm", "loss_gradient", "pgd", "project", "steepest"]


@dataclass(frozen=True)
class _Norm:
    def __call__(self, name: str, norm: str | float, call: Call) -> None:
        if norm not in ("inf", math.inf, 2) or isinstance(norm, bool):
            raise ValueError(named(f'{name} is {norm!r}, expected "inf" or 2'))


@dataclass(frozen=True)
class _Budget:
    def __call__(self, name: str, epsilon: float, call: Call) -> None:
        Number(above=0)(name, epsilon)
        if epsilon > 1 and call.arguments.get("norm") != 2:
            raise ValueError(
                named(
                    f"{name} is {shown(epsilon, 1)}, expected at most 1: pixels go from 0 to 1, "
                    "so 8 grey levels are 8 / 255"
                )
            )


@dataclass(frozen=True)
class _Pixels:
    def __call__(self, name: str, pixels: torch.Tensor, call: Call) -> None:
        Tensor("N 3 H W")(name, pixels, call)
        low, high = (end.item() for end in pixels.detach().aminmax())  # NaN if there is one
        if not -1e-3 <= low <= high <= 1 + 1e-3:
            raise ValueError(
                named(
                    f"{name} goes from {shown(low, 0)} to {shown(high, 1)}, expected 0 to 1, "
                    "not normalised"
                )
            )


@checked(X=RealPictures(), y=Classes(), model=Models(several=True), epsilon=_Budget())
def fgsm(
    X: torch.Tensor,
    y: torch.Tensor,
    model: Model | Sequence[Model],
    epsilon: float,
    targeted: bool = False,
) -> torch.Tensor:
    """The fast gradient sign method: one step, of size ``epsilon`` in every number.

    Of all changes up to ``epsilon``, it raises the linearised loss most.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : (N,) int64 tensor
        Classes to move away from, or towards if ``targeted``.
    model : callable, or sequence of callables
        With several, their losses are added, so that a change has to fool them all.
    epsilon : float
        Largest change of a number, in pixels from 0 to 1, such as 8 / 255.
    targeted : bool

    Returns
    -------
    (N, 3, H, W) tensor
        Normalised pictures, in the range of pixels.

    Raises
    ------
    TypeError, ValueError
        As :func:`pgd`.
    """
    step = -epsilon if targeted else epsilon
    pixels = denormalize(X.detach()).clamp(0, 1)
    g, _ = loss_gradient(pixels, y, model)
    return normalize((pixels + step * g.sign()).clamp(0, 1))


@checked(
    X=RealPictures(), y=Classes(), model=Models(several=True), epsilon=_Budget(), norm=_Norm(),
    steps=Count(), seed=Count(least=0),
)  # fmt: skip
def pgd(
    X: torch.Tensor,
    y: torch.Tensor,
    model: Model | Sequence[Model],
    epsilon: float,
    norm: str | float = "inf",
    steps: int = 10,
    targeted: bool = False,
    seed: int | None = None,
) -> torch.Tensor:
    """Projected gradient: many small steps, each brought back into the budget and the pixels.

    A step is ``2.5 * epsilon / steps`` long, as Madry et al. advise: far enough to cross the ball.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : (N,) int64 tensor
        Classes to move away from, or towards if ``targeted``.
    model : callable, or sequence of callables
        With several, their losses are added, so that a change has to fool them all.
    epsilon : float
        The budget: how large the change may be in ``norm``, in pixels from 0 to 1.
    norm : "inf" or 2
        The largest change of a number, or the Euclidean norm of the change of a picture.
    steps : int
    targeted : bool
    seed : int, optional
        Begin at a point of the ball, drawn uniformly from this seed and the same on every device,
        instead of at the picture.

    Returns
    -------
    (N, 3, H, W) tensor
        Normalised pictures, in the range of pixels and within the budget.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared; if the scores are not (N, C) finite numbers, do not
        depend on the pictures, or have no such class as in ``y``.
    """
    step_size = 2.5 * epsilon / steps
    start = pixels = denormalize(X.detach()).clamp(0, 1)
    if seed is not None:
        change = _random_change(start, epsilon, norm, seed)
        pixels = (start + change).clamp(0, 1)
    for _ in range(steps):
        g, _ = loss_gradient(pixels, y, model)
        step = step_size * steepest(-g if targeted else g, norm)
        change = project(pixels + step - start, epsilon, norm)
        pixels = (start + change).clamp(0, 1)
    return normalize(pixels)


@checked(pixels=_Pixels(), y=Classes(of="pixels"), model=Models(several=True))
def loss_gradient(
    pixels: torch.Tensor, y: torch.Tensor, model: Model | Sequence[Model]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The cross entropy of each picture, and its gradient with respect to the pixels.

    Parameters
    ----------
    pixels : (N, 3, H, W) tensor of floats
        From 0 to 1, not normalised.
    y : (N,) int64 tensor
        Classes.
    model : callable, or sequence of callables
        From normalised pictures to scores. With several, their losses are added.

    Returns
    -------
    g : (N, 3, H, W) tensor
    losses : (N,) tensor

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, and as
        :func:`~cs231n_lib.see.network.input_gradients`.
    """
    X = normalize(pixels.detach())
    found = [input_gradients(X, y, m, cross_entropy) for m in several(model)]
    g, losses = (functools.reduce(torch.add, parts) for parts in zip(*found))
    _, std = mean_and_std(X)
    return g / std, losses  # X = (pixels - mean) / std


@checked(g=Tensor("N 3 H W"), norm=_Norm())
def steepest(g: torch.Tensor, norm: str | float) -> torch.Tensor:
    """The direction of length 1 along which a function with gradient g rises fastest.

    Parameters
    ----------
    g : (N, 3, H, W) tensor
    norm : "inf" or 2
        What length means.

    Returns
    -------
    (N, 3, H, W) tensor
        ``g / ||g||`` of each picture, or ``sign(g)``; zero where g is zero.
    """
    return unit_step(g) if norm == 2 else g.sign()


@checked(change=Tensor("N 3 H W"), epsilon=Number(least=0), norm=_Norm())
def project(
    change: torch.Tensor,
    epsilon: float,
    norm: str | float,
) -> torch.Tensor:
    """The nearest change within the budget.

    Parameters
    ----------
    change : (N, 3, H, W) tensor
    epsilon : float
    norm : "inf" or 2

    Returns
    -------
    (N, 3, H, W) tensor
        Clipped number by number, or scaled as a whole; unchanged if already within.
    """
    if norm != 2:
        return change.clamp(-epsilon, epsilon)
    length = torch.linalg.vector_norm(change, dim=(1, 2, 3), keepdim=True)
    tiny = torch.finfo(length.dtype).tiny
    return change * (epsilon / length.clamp(min=tiny)).clamp(max=1)


def _random_change(
    like: torch.Tensor, epsilon: float, norm: str | float, seed: int
) -> torch.Tensor:
    """A change that is uniform in the ball, drawn on the CPU."""
    generator = torch.Generator().manual_seed(seed)
    if norm != 2:
        u = torch.rand(like.shape, generator=generator, dtype=torch.float64)
        return (epsilon * (2 * u - 1)).to(like)
    direction = torch.randn(like.shape, generator=generator, dtype=torch.float64)
    u = torch.rand(len(like), generator=generator, dtype=torch.float64)
    radius = epsilon * u ** (1 / like[0].numel())
    return (steepest(direction, 2) * radius[:, None, None, None]).to(like)
