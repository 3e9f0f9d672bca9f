"""Training against an attacker, on a problem small enough for a few seconds: handwritten digits.

Madry et al. (arXiv:1706.06083) train on the worst pictures within a budget instead of the given
ones: ``min over weights of mean over pictures of max over changes of loss``. The inner maximum is
what :func:`cs231n_lib.see.attacks.pgd` looks for.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from cs231n_lib.checks import Count, Number, checked
from cs231n_lib.progress import progress
from cs231n_lib.see.attacks import pgd
from cs231n_lib.see.checks import MODEL, Classes, Model
from cs231n_lib.see.fooling import seen_as
from cs231n_lib.see.pixels import RealPictures, denormalize, normalize
from cs231n_lib.see.precision import plainly

__all__ = ["digit_network", "digit_pictures", "robust_accuracy", "train_digits"]


def digit_pictures() -> dict[str, torch.Tensor]:
    """Scikit-learn's 1797 handwritten digits as normalised pictures.

    Returns
    -------
    dict
        ``X_train`` (1437, 3, 8, 8) and ``X_test`` (360, 3, 8, 8) float32, grey, normalised like
        every picture of this book; ``y_train`` and ``y_test`` int64, 0 to 9. Shuffled with a fixed
        seed.
    """
    from sklearn.datasets import load_digits  # only here, and slow to load

    digits = load_digits()
    order = np.random.default_rng(231).permutation(len(digits.target))
    pixels = torch.from_numpy(digits.images[order]).float() / 16
    X = normalize(pixels[:, None].repeat(1, 3, 1, 1))
    y = torch.from_numpy(digits.target[order]).long()
    return {"X_train": X[:1437], "y_train": y[:1437], "X_test": X[1437:], "y_test": y[1437:]}


class _GreyPixels(nn.Module):
    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return denormalize(X).mean(dim=1).flatten(1)  # the mean of the three colours


@checked(seed=Count(least=0), hidden=Count())
@plainly()
def digit_network(seed: int = 0, hidden: int = 256) -> nn.Module:
    """An untrained network with two hidden layers for 8 x 8 digits.

    Parameters
    ----------
    seed : int
        Seed of its weights.
    hidden : int
        Size of a hidden layer.

    Returns
    -------
    torch.nn.Module
        (N, 3, 8, 8) normalised pictures to (N, 10) scores.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            _GreyPixels(),
            nn.Linear(64, hidden), nn.ReLU(),
            nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, 10),
        )  # fmt: skip


@checked(
    X=RealPictures(shape="N 3 8 8"), y=Classes(below=10), epsilon=Number(least=0, most=1),
    steps=Count(), epochs=Count(), batch_size=Count(), learning_rate=Number(above=0),
    seed=Count(least=0),
)  # fmt: skip
@plainly()
@torch.enable_grad()
def train_digits(
    X: torch.Tensor,
    y: torch.Tensor,
    epsilon: float = 0.0,
    steps: int = 5,
    epochs: int = 20,
    batch_size: int = 100,
    learning_rate: float = 2e-3,
    seed: int = 0,
) -> tuple[nn.Module, list[float]]:
    """Train :func:`digit_network`, on given pictures or on the worst within a budget.

    Parameters
    ----------
    X : (N, 3, 8, 8) tensor of floats
        Normalised pictures.
    y : (N,) int64 tensor
    epsilon : float
        The attacker's budget for the largest change of a pixel, 0 to 1. With 0 nobody attacks.
    steps : int
        Steps of the attack on each minibatch. A minibatch then costs ``steps + 1`` gradients.
    epochs, batch_size : int
    learning_rate : float
        Learning rate of Adam.
    seed : int
        Seed of the weights and of the order of the pictures.

    Returns
    -------
    model : torch.nn.Module
        In evaluation mode, frozen.
    losses : list of float
        The cross entropy on each training minibatch.
    """
    model = digit_network(seed).to(X)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for _ in progress(range(epochs), "training"):
        order = torch.randperm(len(X), generator=generator)
        for batch in order.to(X.device).split(batch_size):
            X_now, y_now = X[batch], y[batch]
            if epsilon > 0:  # max over changes
                X_now = pgd(X_now, y_now, model, epsilon, steps=steps)
            loss = F.cross_entropy(model(X_now), y_now)  # min over weights
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return model.eval().requires_grad_(False), losses


@checked(
    X=RealPictures(), y=Classes(), model=MODEL, epsilon=Number(least=0, most=1), steps=Count()
)  # fmt: skip
def robust_accuracy(
    X: torch.Tensor, y: torch.Tensor, model: Model, epsilon: float, steps: int = 20
) -> float:
    """Share of pictures that are still classified correctly after each was attacked.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : (N,) int64 tensor
        Their classes.
    model : callable
    epsilon : float
        Budget of :func:`~cs231n_lib.see.attacks.pgd` for the largest change of a pixel; 0 for none.
    steps : int

    Returns
    -------
    float
        From 0 to 1: an upper bound, since a better attack might leave fewer.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, and as :func:`~cs231n_lib.see.attacks.pgd`.
    """
    if epsilon > 0:
        X = pgd(X, y, model, epsilon, steps=steps)
    return seen_as(X, y, model).float().mean().item()
