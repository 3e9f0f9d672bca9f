"""Fooling images: a change that nobody sees, and a network that sees something else.

:func:`make_fooling_image` and :func:`fool` climb the score of a chosen class until it wins. Attacks
that spend a budget are in :mod:`cs231n_lib.see.attacks`; :mod:`cs231n_lib.see.distortions` tests
what survives a blur, a crop or a JPEG file.

Notation: ``X`` (N, 3, H, W) normalised pictures, ``y`` (N,) int64 classes, C classes. ``model`` is
any callable from normalised pictures to (N, C) scores. It is held in evaluation mode, and neither
it nor the caller's tensors are changed. Steps and norms are in normalised units, as in the
assignment; norms are given in grey levels as well. Half precision, which rounds away what fools, is
refused.

Sources: CS231n 2017, Assignment 3, ``NetworkVisualization-PyTorch``; Szegedy et al.
(arXiv:1312.6199).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from cs231n_lib.checks import Count, Number, OneOf, check, checked, named
from cs231n_lib.progress import progress
from cs231n_lib.see.checks import MODEL, Classes, Model, Pictures, Tensor, as_classes
from cs231n_lib.see.network import (
    chosen_scores,
    class_scores,
    frozen,
    input_gradients,
    unit_step,
)
from cs231n_lib.see.pixels import check_real, denormalize, mean_and_std, normalize

__all__ = ["Fooling", "fool", "make_fooling_image", "round_to_bytes", "seen_as", "uphill"]


@dataclass(frozen=True)
class Fooling:
    """How an attempt to fool ended, for N pictures.

    Attributes
    ----------
    X, X_fooling
        The pictures before and after, (N, 3, H, W); after means the last state, also where the
        model was not fooled.
    target_y
        The target classes, (N,) int64.
    ended
        For each picture ``"fooled"``, ``"step limit"``, or ``"no gradient"`` if nothing showed the
        way.
    steps
        Steps taken, (N,) int64.
    detours
        How many of them went down the best rival's score, see :func:`fool`; (N,) int64.
    target_scores, rival_scores
        The target's score and the best other score, before the first step and after each; NaN
        once a picture is done. (T + 1, N), where T is the largest number of steps.
    """

    X: torch.Tensor
    X_fooling: torch.Tensor
    target_y: torch.Tensor
    ended: tuple[str, ...]
    steps: torch.Tensor
    detours: torch.Tensor
    target_scores: torch.Tensor
    rival_scores: torch.Tensor

    @property
    def fooled(self) -> torch.Tensor:
        """Which pictures fool the model, (N,) bool, on the device of the pictures."""
        return torch.tensor([end == "fooled" for end in self.ended], device=self.X.device)

    @property
    def margin(self) -> torch.Tensor:
        """By how much the target's score beats the next best at the end, (N,)."""
        margins = self.target_scores - self.rival_scores
        return margins.gather(0, self.steps[None])[0]

    @property
    def l2(self) -> torch.Tensor:
        """Euclidean norm of the change in normalised units, (N,)."""
        return _norm(self.X_fooling - self.X, 2)

    @property
    def linf(self) -> torch.Tensor:
        """The largest change of a number in normalised units, (N,)."""
        return _norm(self.X_fooling - self.X, math.inf)

    @property
    def l2_levels(self) -> torch.Tensor:
        """Euclidean norm of the change in grey levels, (N,); white is level 255."""
        return _norm(_in_levels(self.X_fooling - self.X), 2)

    @property
    def linf_levels(self) -> torch.Tensor:
        """The largest change of a number in grey levels, (N,)."""
        return _norm(_in_levels(self.X_fooling - self.X), math.inf)


@checked(
    X=Pictures(), target_y=Classes(one_for_all=True), model=MODEL,
    learning_rate=Number(above=0), max_steps=Count(least=0),
)  # fmt: skip
def make_fooling_image(
    X: torch.Tensor,
    target_y: int | torch.Tensor,
    model: Model,
    *,
    learning_rate: float = 1.0,
    max_steps: int = 100,
) -> torch.Tensor:
    """Change pictures until the model takes them for another class (the assignment's function).

    Each step goes ``learning_rate`` far along the gradient of the target's score, until the picture
    fools. It is neither clipped nor rounded: :func:`fool` does that, and reports how it went.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures; in the assignment N is 1.
    target_y : int or (N,) int64 tensor
        The target class.
    model : callable
    learning_rate : float
        Length of a step, in normalised units.
    max_steps : int

    Returns
    -------
    (N, 3, H, W) tensor
        New pictures. In each, the target's score is above all others.

    Raises
    ------
    RuntimeError
        If a picture does not fool after ``max_steps`` steps, or if no gradient shows a way.
    TypeError, ValueError
        As :func:`fool`.
    """
    result = fool(
        X, target_y, model,
        learning_rate=learning_rate, max_steps=max_steps, in_bytes=False,
    )  # fmt: skip
    _check_all_fooled(result)
    return result.X_fooling


def _check_all_fooled(result: Fooling) -> None:
    for n, end in enumerate(result.ended):
        if end != "fooled":
            raise RuntimeError(
                named(
                    f"picture {n} is not taken for class {result.target_y[n].item()}: {end} after "
                    f"{result.steps[n].item()} steps, {-result.margin[n].item():.3g} below the "
                    "best score; allow more max_steps, or a larger learning_rate"
                )
            )


@checked(
    X=Pictures(), target_y=Classes(one_for_all=True), model=MODEL,
    learning_rate=Number(above=0), max_steps=Count(least=0), margin=Number(least=0),
    climb=OneOf(("score", "margin")),
)  # fmt: skip
def fool(
    X: torch.Tensor,
    target_y: int | torch.Tensor,
    model: Model,
    *,
    learning_rate: float = 1.0,
    max_steps: int = 100,
    margin: float = 0.0,
    climb: str = "score",
    in_bytes: bool = True,
) -> Fooling:
    """Change pictures until the model takes them for another class, and report how it went.

    Like :func:`make_fooling_image`, for many pictures at once; those that are done stop moving.

    With ``in_bytes`` the model never sees anything that cannot be saved: the picture is clipped
    and rounded to bytes before each look. The steps add up on a copy that is not rounded, since
    a step can be too short to move a byte.

    A score that ends in a ReLU can be zero with a gradient of zero: the target is asleep. Then
    the step makes a detour, down the gradient of the best other score, until the target wakes.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    target_y : int or (N,) int64 tensor
        The target class, one for all or one each.
    model : callable
    learning_rate : float
        Length of a step, in normalised units.
    max_steps : int
        At least 0.
    margin : float
        By how much the target's score must exceed the next best, at least 0.
    climb : "score" or "margin"
        Whose gradient a step follows: that of the target's score, as in the assignment, or that of
        the target's score minus the best other score. The second needs a smaller change, and also
        works where a rival rises along with the target.
    in_bytes : bool
        Accept only a picture that still fools after being saved as PNG and loaded again.

    Returns
    -------
    Fooling

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared; if pixels are out of range with ``in_bytes``; if
        the scores are not (N, C) finite numbers of two classes or more.
    """
    if in_bytes:
        check_real("X", X)
    y = as_classes("target_y", target_y).to(X.device).expand(len(X))
    Z = X.detach().clone()  # the steps add up here, unrounded
    X_fooling = Z.clone()
    path = X.new_full((2, max_steps + 1, len(X)), torch.nan)
    steps, detours = torch.zeros_like(y), torch.zeros_like(y)
    working = torch.arange(len(X), device=X.device)
    for step in progress(range(max_steps + 1), "fooling"):
        X_now = round_to_bytes(Z[working]) if in_bytes else Z[working]
        g, detour, scores = uphill(X_now, y[working], model, climb)
        X_fooling[working], steps[working] = X_now, step
        path[:, step, working] = scores
        going = (scores[0] - scores[1] <= margin) & (g != 0).any(dim=(1, 2, 3))
        if step == max_steps or not going.any():
            break
        working = working[going]
        Z[working] += learning_rate * unit_step(g[going])
        detours[working] += detour[going]
    return _told(X.detach().clone(), X_fooling, y.clone(), margin, path, steps, detours)


@checked(X=Pictures(), y=Classes(), model=MODEL, climb=OneOf(("score", "margin")))
def uphill(
    X: torch.Tensor,
    y: torch.Tensor,
    model: Model,
    climb: str = "score",
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Where a step of :func:`fool` goes.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : (N,) int64 tensor
        The target classes.
    model : callable
    climb : "score" or "margin"
        As in :func:`fool`.

    Returns
    -------
    g : (N, 3, H, W) tensor
        The gradient to follow; zero if nothing shows the way.
    detour : (N,) tensor of bool
        True where the target is asleep, so that ``g`` leads down the best rival's score.
    scores : (2, N) tensor
        Scores of the target and of its best rival.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared; if there are fewer than two classes; and as
        :func:`~cs231n_lib.see.network.input_gradients`.
    """
    seen = []

    def height(scores, y):
        target, rival = chosen_scores(scores, y), _rival_scores(scores, y)
        seen.append(torch.stack([target, rival]).detach())
        return target if climb == "score" else target - rival

    g, _ = input_gradients(X, y, model, of=height)
    asleep = (g == 0).all(dim=(1, 2, 3)) & (climb == "score")
    if asleep.any():
        up, _ = input_gradients(X[asleep], y[asleep], model, of=_rival_scores)
        g[asleep] = -up
    return g, asleep, torch.cat(seen, dim=1)


def _rival_scores(scores: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The best score of all classes but y, (N,)."""
    if scores.shape[1] < 2:
        raise ValueError(named("the model has a single class: there is nothing to mistake it for"))
    return scores.scatter(1, y[:, None], -math.inf).amax(dim=1)


def _told(X, X_fooling, y, margin, path, steps, detours) -> Fooling:
    """The record of what was done."""
    target_scores, rival_scores = path[:, : int(steps.max()) + 1]
    result = Fooling(X, X_fooling, y, (), steps, detours, target_scores, rival_scores)
    limit = path.shape[1] - 1
    ended = (
        "fooled" if ahead > margin else "step limit" if taken == limit else "no gradient"
        for ahead, taken in zip(result.margin.tolist(), steps.tolist())
    )
    return replace(result, ended=tuple(ended))


@checked(X=Tensor("N 3 H W"))
def round_to_bytes(X: torch.Tensor) -> torch.Tensor:
    """Normalised pictures as they come back from a PNG: clipped, and rounded to bytes.

    Equal, number by number, to :func:`~cs231n_lib.see.images.preprocess` of
    :func:`~cs231n_lib.see.images.deprocess`. (N, 3, H, W) to the same; without a gradient. Raises
    TypeError or ValueError if ``X`` is not such a tensor.
    """
    with torch.no_grad():
        pixels = denormalize(X).clamp(0, 1).mul(255).round()
        return normalize(pixels.float() / 255).to(X.dtype)  # what is loaded is float32


@checked(X=Pictures(), y=Classes(one_for_all=True), model=MODEL)
def seen_as(X: torch.Tensor, y: int | torch.Tensor, model: Model) -> torch.Tensor:
    """Does the model take pictures for these classes?

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : int or (N,) int64 tensor
        One class for all or one each.
    model : callable

    Returns
    -------
    (N,) bool tensor

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, and as
        :func:`~cs231n_lib.see.network.class_scores`.
    """
    # In `survives` a function of yours has made the pictures.
    check({"X": X, "y": y, "model": model}, seen_as.declared)
    y = as_classes("y", y).to(X.device).expand(len(X))
    with frozen(model), torch.no_grad():
        scores, _ = class_scores(model, X, y)
    return scores.argmax(dim=1) == y


def _norm(X: torch.Tensor, p: float) -> torch.Tensor:
    return torch.linalg.vector_norm(X, p, dim=(1, 2, 3))


def _in_levels(change: torch.Tensor) -> torch.Tensor:
    _, std = mean_and_std(change)
    return 255 * change * std
