"""Fooling images: a change that nobody sees, and a network that sees something else.

:func:`make_fooling_image` and :func:`fool` climb the score of a chosen class until it wins.
:func:`fgsm` and :func:`pgd` spend a budget instead: the change may be so large and no larger.
:func:`survives` asks what is left of the effect after a blur, a crop, a JPEG file.

Letters: ``X`` (N, 3, H, W) normalised pictures, ``y`` (N,) int64 classes, C classes. ``model`` is
any callable from normalised pictures to (N, C) scores. It is held in evaluation mode, and neither
it nor a tensor of the caller is changed.

Two units. Steps and norms of :func:`fool` are in normalised units, as in the assignment, and told
in bytes as well. A budget ``epsilon`` is in pixels from 0 to 1, as in the literature: 8 / 255.

Sources: CS231n 2017, Assignment 3, ``NetworkVisualization-PyTorch``; Szegedy et al.
(arXiv:1312.6199); Goodfellow et al. (arXiv:1412.6572); Madry et al. (arXiv:1706.06083).
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F  # noqa: N812

from cs231n_lib.progress import progress
from cs231n_lib.see.checks import Model
from cs231n_lib.see.images import blur_image, deprocess
from cs231n_lib.see.network import class_scores, frozen, gradient, pictures_at_once
from cs231n_lib.see.old_checks import check_classes, check_generator, check_pictures, check_tensor
from cs231n_lib.see.pixels import IMAGENET_STD, denormalize, normalize
from cs231n_lib.validation import check_count, check_number

__all__ = [
    "DISTORTIONS",
    "Fooling",
    "crop",
    "fgsm",
    "fool",
    "jpeg",
    "loss_gradient",
    "make_fooling_image",
    "pgd",
    "project",
    "round_to_bytes",
    "seen_as",
    "shrink_and_pad",
    "steepest",
    "survives",
]


@dataclass(frozen=True)
class Fooling:
    """How an attempt to fool ended, for N pictures.

    Attributes
    ----------
    X, X_fooling
        The pictures before and after, (N, 3, H, W). Also of one that was not fooled, the last
        state.
    target_y
        The classes to be seen, (N,) int64.
    ended
        For each picture ``"fooled"``, ``"step limit"``, or ``"no gradient"`` if nothing told where
        to go.
    steps
        Steps taken, (N,) int64.
    detours
        How many of them led down the best rival's score, see :func:`fool`; (N,) int64.
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
        """Who was fooled, (N,) bool, on the device of the pictures."""
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
    def l2_bytes(self) -> torch.Tensor:
        """Euclidean norm of the change in bytes from 0 to 255, (N,)."""
        return _norm(_in_bytes(self.X_fooling - self.X), 2)

    @property
    def linf_bytes(self) -> torch.Tensor:
        """The largest change of a number in bytes from 0 to 255, (N,)."""
        return _norm(_in_bytes(self.X_fooling - self.X), math.inf)


def make_fooling_image(
    X: torch.Tensor,
    target_y: int | torch.Tensor,
    model: Model,
    *,
    learning_rate: float = 1.0,
    max_steps: int = 100,
) -> torch.Tensor:
    """Change pictures until the model takes them for another class (the assignment's function).

    Each step goes ``learning_rate`` far along the gradient of the target's score, and the first
    picture that fools ends it. Neither clipped nor rounded: :func:`fool` does that, and tells how
    it went.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures; in the assignment N is 1.
    target_y : int or (N,) int64 tensor
        The class to be seen.
    model : callable
    learning_rate : float
        Length of a step, in normalised units.
    max_steps : int

    Returns
    -------
    (N, 3, H, W) tensor
        New pictures. Of each the target's score is above all others.

    Raises
    ------
    RuntimeError
        If a picture does not fool after ``max_steps`` steps, or if no gradient shows a way.
    TypeError, ValueError
        As :func:`fool`.
    """
    result = fool(
        X, target_y, model, learning_rate=learning_rate, max_steps=max_steps, in_bytes=False
    )
    for n, end in enumerate(result.ended):
        if end != "fooled":
            raise RuntimeError(
                f"make_fooling_image: picture {n} is not taken for class "
                f"{result.target_y[n].item()}: {end} after {result.steps[n].item()} steps, "
                f"{-result.margin[n].item():.3g} below the best score; allow more max_steps, or "
                "a larger learning_rate"
            )
    return result.X_fooling


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
    callback: Callable[[int, torch.Tensor, torch.Tensor], object] | None = None,
) -> Fooling:
    """Change pictures until the model takes them for another class, and tell how it went.

    As :func:`make_fooling_image`, for many pictures at once; those that are done stop moving.

    With ``in_bytes`` the model never sees anything that cannot be saved: the picture is clipped
    and rounded to bytes before each look. The steps add up on a copy that is not rounded, since
    a step can be too short to move a byte.

    A score that ends in a ReLU can be zero with a gradient of zero: the target is asleep. Then
    the step makes a detour, down the gradient of the best other score, until the target awakes.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    target_y : int or (N,) int64 tensor
        The class to be seen, one for all or one each.
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
        End only with a picture that fools after it was saved as PNG and loaded again.
    callback : callable, optional
        Called as ``callback(step, X_now, margins)`` with the pictures still at work, (n, 3, H, W),
        and how far each is ahead, (n,).

    Returns
    -------
    Fooling

    Raises
    ------
    TypeError
        If ``X`` is no tensor of floats, or ``target_y`` no class.
    ValueError
        If shapes or devices do not fit, a class is out of range, pixels or scores are not finite,
        or a setting makes no sense.
    """
    check_pictures("fool", X, model)
    target_y = _classes("fool", target_y, X, "target_y")
    check_number("fool", "learning_rate", learning_rate, above=0)
    check_number("fool", "margin", margin, least=0)
    check_count("fool", "max_steps", max_steps, least=0)
    if climb not in ("score", "margin"):
        raise ValueError(f'fool: climb is {climb!r}, expected "score" or "margin"')
    if in_bytes:
        _check_range("fool", X)

    Z = X.detach().clone()  # the steps add up here, unrounded
    X_fooling = Z.clone()
    active = torch.arange(len(X), device=X.device)
    steps, detours = torch.zeros_like(target_y), torch.zeros_like(target_y)
    target_scores = X.new_full((max_steps + 1, len(X)), math.nan)
    rival_scores = target_scores.clone()
    ended = ["step limit"] * len(X)
    with frozen(model), torch.enable_grad():
        for step in progress(range(max_steps + 1), "fooling"):
            X_now = round_to_bytes(Z[active]) if in_bytes else Z[active]
            enough = margin if step < max_steps else -math.inf  # no step follows the last look
            target, rival, g, detour = _look(X_now, target_y[active], model, climb, enough)
            ahead = target - rival
            X_fooling[active], steps[active] = X_now, step
            target_scores[step, active], rival_scores[step, active] = target, rival
            if callback is not None:
                callback(step, X_now, ahead)
            won = ahead > margin
            _note(ended, active[won], "fooled")
            if won.all() or step == max_steps:
                break
            length = _norm(g, 2)
            lost = (length == 0) & ~won
            _note(ended, active[lost], "no gradient")
            going = ~won & ~lost
            active, g, length = active[going], g[going], length[going]
            if len(active) == 0:
                break
            Z[active] += learning_rate * g / length[:, None, None, None]
            detours[active] += detour[going]
    taken = int(steps.max()) + 1
    scores = target_scores[:taken], rival_scores[:taken]
    return Fooling(X.detach(), X_fooling, target_y, tuple(ended), steps, detours, *scores)


def _look(
    X: torch.Tensor, target_y: torch.Tensor, model: Model, climb: str, enough: float
) -> tuple[torch.Tensor, ...]:
    """Scores of the target and the best rival, where to go, and who makes a detour.

    Where all targets are ahead by more than ``enough``, nobody has to go anywhere.
    """
    looks = []
    size = pictures_at_once(X)
    for part, y in zip(X.split(size), target_y.split(size)):
        part = part.detach().requires_grad_()
        target, rival = _duel(part, y, model)
        g, detour = torch.zeros_like(part), torch.zeros_like(y, dtype=torch.bool)
        if (target - rival <= enough).any():
            g, detour = _uphill(target, rival, part, climb)
        looks.append((target.detach(), rival.detach(), g, detour))
    return tuple(torch.cat(kind) for kind in zip(*looks))


def _duel(
    X: torch.Tensor, target_y: torch.Tensor, model: Model
) -> tuple[torch.Tensor, torch.Tensor]:
    """The target's score, (N,), and the best score of all other classes, (N,)."""
    scores, target = class_scores(model, X, target_y)
    if scores.shape[1] < 2:
        raise ValueError(
            "fool: the model has a single class, so there is nothing to mistake it for"
        )
    others = scores.scatter(1, target_y[:, None], -math.inf)
    return target, others.amax(dim=1)


def _uphill(
    target: torch.Tensor, rival: torch.Tensor, X: torch.Tensor, climb: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Where to go, and who makes a detour: the target asleep, the rival pushed down."""
    if climb == "margin":
        g = gradient((target - rival).sum(), X)
        return g, torch.zeros(len(X), dtype=torch.bool, device=X.device)
    g = gradient(target.sum(), X, retain_graph=True)
    asleep = _norm(g, 2) == 0
    if asleep.any():
        down = -gradient(rival.sum(), X)
        g = torch.where(asleep[:, None, None, None], down, g)
    return g, asleep


def _note(ended: list[str], pictures: torch.Tensor, end: str) -> None:
    for n in pictures.tolist():
        ended[n] = end


def round_to_bytes(X: torch.Tensor) -> torch.Tensor:
    """Normalised pictures as they come back from a PNG: clipped, and rounded to bytes.

    Equal, number by number, to :func:`~cs231n_lib.see.images.preprocess` of
    :func:`~cs231n_lib.see.images.deprocess`. (N, 3, H, W) to the same; without gradient. Raises
    TypeError or ValueError if ``X`` is no such tensor.
    """
    check_tensor("round_to_bytes", X, "N 3 H W")
    with torch.no_grad():
        return normalize(denormalize(X).clamp(0, 1).mul(255).round() / 255)


def fgsm(
    X: torch.Tensor,
    y: torch.Tensor,
    model: Model | Sequence[Model],
    epsilon: float,
    targeted: bool = False,
) -> torch.Tensor:
    """The fast gradient sign method: one step, of size ``epsilon`` in every number.

    Of all changes up to ``epsilon`` it is the one that raises the linearised loss most.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : (N,) int64 tensor
        Classes to be left, or reached if ``targeted``.
    model : callable, or sequence of callables
        Of several, the losses are added: what fools has to fool them all.
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
    _check_attack("fgsm", X, y, model, epsilon, math.inf)
    sign = -1 if targeted else 1
    with _all_frozen(model):
        pixels = denormalize(X.detach()).clamp(0, 1)
        g, _ = loss_gradient(pixels, y, model)
    return normalize((pixels + sign * epsilon * g.sign()).clamp(0, 1))


def pgd(
    X: torch.Tensor,
    y: torch.Tensor,
    model: Model | Sequence[Model],
    epsilon: float,
    norm: str | float = "inf",
    steps: int = 10,
    step_size: float | None = None,
    targeted: bool = False,
    random_start: bool = False,
    seed: int = 0,
    callback: Callable[[int, torch.Tensor, torch.Tensor], object] | None = None,
    show_progress: bool = True,
) -> torch.Tensor:
    """Projected gradient: many small steps, each brought back into the budget and the pixels.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : (N,) int64 tensor
        Classes to be left, or reached if ``targeted``.
    model : callable, or sequence of callables
        Of several, the losses are added: what fools has to fool them all.
    epsilon : float
        The budget: how large the change may be in ``norm``, in pixels from 0 to 1.
    norm : "inf" or 2
        The largest change of a number, or the Euclidean norm of the change of a picture.
    steps : int
        At least 1.
    step_size : float, optional
        Length of a step in the same norm and units. By default ``2.5 * epsilon / steps``, as Madry
        et al. advise: far enough to cross the ball.
    targeted : bool
    random_start : bool
        Begin somewhere in the ball, uniformly, instead of at the picture.
    seed : int
        For the random start, which is the same on every device.
    callback : callable, optional
        Called before each step as ``callback(step, X_now, losses)`` with normalised pictures,
        (N, 3, H, W), and their cross entropies, (N,).
    show_progress : bool
        Turn it off where many attacks run inside a longer loop.

    Returns
    -------
    (N, 3, H, W) tensor
        Normalised pictures, in the range of pixels and within the budget.

    Raises
    ------
    TypeError
        If ``X`` is no tensor of floats, or ``y`` no int64 tensor.
    ValueError
        If shapes or devices do not fit, a class is out of range, pixels or scores are not finite,
        pixels are out of range, or a setting makes no sense.
    """
    norm = _check_norm("pgd", norm)
    _check_attack("pgd", X, y, model, epsilon, norm)
    check_count("pgd", "steps", steps, least=1)
    step_size = 2.5 * epsilon / steps if step_size is None else step_size
    check_number("pgd", "step_size", step_size, above=0)

    sign = -1 if targeted else 1
    start = denormalize(X.detach()).clamp(0, 1)
    pixels = start
    if random_start:
        pixels = (start + _random_change(start, epsilon, norm, seed)).clamp(0, 1)
    with _all_frozen(model):
        for step in progress(range(steps), "PGD") if show_progress else range(steps):
            g, losses = loss_gradient(pixels, y, model)
            if callback is not None:
                callback(step, normalize(pixels), losses)
            change = pixels + sign * step_size * steepest(g, norm) - start
            pixels = (start + project(change, epsilon, norm)).clamp(0, 1)
    return normalize(pixels)


def loss_gradient(
    pixels: torch.Tensor, y: torch.Tensor, model: Model | Sequence[Model]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross entropy of each picture, and its gradient with respect to the pixels.

    Parameters
    ----------
    pixels : (N, 3, H, W) tensor of floats
        From 0 to 1, not normalised.
    y : (N,) int64 tensor
        Classes.
    model : callable, or sequence of callables
        From normalised pictures to scores. Of several, the losses are added.

    Returns
    -------
    g : (N, 3, H, W) tensor
    losses : (N,) tensor

    Raises
    ------
    TypeError, ValueError
        If ``pixels`` holds no pictures from 0 to 1 or ``y`` no class for each; if the model's
        scores are not (N, C) finite numbers or do not depend on the pictures.
    """
    _check_pixels("loss_gradient", pixels)
    check_classes("loss_gradient", y, pixels)
    with _all_frozen(model), torch.enable_grad():
        pixels = pixels.detach().clone().requires_grad_()
        losses = pixels.new_zeros(len(pixels))
        for one in _models(model):
            scores, _ = class_scores(one, normalize(pixels), y)
            losses = losses + F.cross_entropy(scores, y, reduction="none")
        return gradient(losses.sum(), pixels), losses.detach()


def steepest(g: torch.Tensor, norm: float) -> torch.Tensor:
    """The direction of length 1 along which a function with gradient g rises fastest.

    Parameters
    ----------
    g : (N, 3, H, W) tensor
    norm : float
        What length means: 2, or infinity.

    Returns
    -------
    (N, 3, H, W) tensor
        ``g / ||g||`` of each picture, or ``sign(g)``; zero where g is zero.

    Raises
    ------
    TypeError, ValueError
        If ``g`` is no such tensor; ValueError also for another norm.
    """
    check_tensor("steepest", g, "N 3 H W", "g")
    if _check_norm("steepest", norm) == math.inf:
        return g.sign()
    return g / _norm(g, 2).clamp(min=1e-12)[:, None, None, None]


def project(change: torch.Tensor, epsilon: float, norm: float) -> torch.Tensor:
    """The nearest change within the budget.

    Parameters
    ----------
    change : (N, 3, H, W) tensor
    epsilon : float
    norm : float
        2, or infinity.

    Returns
    -------
    (N, 3, H, W) tensor
        Clipped number by number, or scaled as a whole; unchanged if it was within.

    Raises
    ------
    TypeError, ValueError
        If ``change`` is no such tensor, or ``epsilon`` no number from 0; ValueError also for
        another norm.
    """
    check_tensor("project", change, "N 3 H W", "change")
    check_number("project", "epsilon", epsilon, least=0)
    if _check_norm("project", norm) == math.inf:
        return change.clamp(-epsilon, epsilon)
    length = _norm(change, 2).clamp(min=1e-12)
    return change * (epsilon / length).clamp(max=1)[:, None, None, None]


def _random_change(like: torch.Tensor, epsilon: float, norm: float, seed: int) -> torch.Tensor:
    """Uniform in the ball, drawn on the CPU."""
    generator = torch.Generator().manual_seed(seed)
    if norm == math.inf:
        u = torch.rand(like.shape, generator=generator, dtype=torch.float64)
        return (epsilon * (2 * u - 1)).to(like)
    direction = torch.randn(like.shape, generator=generator, dtype=torch.float64)
    u = torch.rand(len(like), generator=generator, dtype=torch.float64)
    radius = epsilon * u ** (1 / like[0].numel())
    return (steepest(direction, 2) * radius[:, None, None, None]).to(like)


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
        As :func:`fool`.
    """
    check_pictures("seen_as", X, model)
    y = _classes("seen_as", y, X, "y")
    with frozen(model), torch.no_grad():
        scores, _ = class_scores(model, X, y)
    return scores.argmax(dim=1) == y


def survives(
    X: torch.Tensor,
    y: int | torch.Tensor,
    model: Model,
    distortions: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] | None = None,
) -> dict[str, torch.Tensor]:
    """Are pictures still taken for these classes after something was done to them?

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : int or (N,) int64 tensor
    model : callable
    distortions : dict, optional
        Name -> function from normalised pictures to normalised pictures. By default
        ``DISTORTIONS``.

    Returns
    -------
    dict
        Name -> (N,) bool tensor, as from :func:`seen_as`.

    Raises
    ------
    TypeError, ValueError
        As :func:`seen_as`; TypeError also if ``distortions`` is no dict of functions.
    """
    distortions = DISTORTIONS if distortions is None else _check_distortions(distortions)
    check_pictures("survives", X, model)
    return {name: seen_as(distort(X.detach()), y, model) for name, distort in distortions.items()}


def _check_distortions(
    distortions: Mapping[str, Callable[[torch.Tensor], torch.Tensor]],
) -> Mapping[str, Callable[[torch.Tensor], torch.Tensor]]:
    if not isinstance(distortions, Mapping) or not all(map(callable, distortions.values())):
        raise TypeError(
            f"survives: distortions is {distortions!r}, expected a dict from names to functions"
        )
    return distortions


def crop(X: torch.Tensor, share: float = 0.9) -> torch.Tensor:
    """The middle of pictures, (N, 3, H, W), enlarged to the old size; differentiable.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
    share : float
        Of height and width, above 0 and at most 1.

    Returns
    -------
    (N, 3, H, W) tensor

    Raises
    ------
    TypeError, ValueError
        If ``X`` is no such tensor, or ``share`` no number in that range.
    """
    check_tensor("crop", X, "N 3 H W")
    check_number("crop", "share", share, above=0, most=1)
    H, W = X.shape[2:]
    h, w = (max(1, round(share * side)) for side in (H, W))
    top, left = (H - h) // 2, (W - w) // 2
    middle = X[:, :, top : top + h, left : left + w]
    return F.interpolate(middle, (H, W), mode="bilinear", align_corners=False)


def shrink_and_pad(X: torch.Tensor, generator: torch.Generator, least: float = 0.8) -> torch.Tensor:
    """Pictures, (N, 3, H, W), a little smaller, somewhere on grey ground; differentiable.

    An attack that sees through it, ``pgd(X, y, lambda X: model(shrink_and_pad(X, generator)),
    ...)``, cannot rely on single pixels (input diversity, Xie et al., arXiv:1803.06978).

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
    generator : torch.Generator
        On the CPU. It draws size and place, the same for the whole batch.
    least : float
        Smallest size, as a share of the old one, above 0 and at most 1.

    Returns
    -------
    (N, 3, H, W) tensor
        The ground is zero, ImageNet's mean colour.

    Raises
    ------
    TypeError, ValueError
        If ``X`` is no such tensor, ``generator`` no such generator, or ``least`` no number in that
        range.
    """
    check_tensor("shrink_and_pad", X, "N 3 H W")
    check_generator("shrink_and_pad", generator)
    check_number("shrink_and_pad", "least", least, above=0, most=1)
    H, W = X.shape[2:]
    share, down, right = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
    share = least + (1 - least) * share
    h, w = max(1, round(share * H)), max(1, round(share * W))
    top, left = round(down * (H - h)), round(right * (W - w))
    small = F.interpolate(X, (h, w), mode="bilinear", align_corners=False)
    return F.pad(small, (left, W - w - left, top, H - h - top))


def jpeg(X: torch.Tensor, quality: int = 75) -> torch.Tensor:
    """Pictures, (N, 3, H, W), as they come back from a JPEG file; without gradient.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    quality : int
        From 1 to 95.

    Returns
    -------
    (N, 3, H, W) tensor

    Raises
    ------
    TypeError, ValueError
        If ``X`` is no such tensor, or ``quality`` no such number; ValueError also if a pixel is NaN
        or infinite.
    """
    check_tensor("jpeg", X, "N 3 H W")
    check_count("jpeg", "quality", quality, least=1)
    if quality > 95:
        raise ValueError(f"jpeg: quality is {quality}, expected 1 to 95")
    pictures = []
    for picture in deprocess(X):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, format="JPEG", quality=quality)
        pictures.append(np.asarray(Image.open(file)))
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
    return normalize(pixels.to(X) / 255)


# What may happen to a picture on its way: name -> function of normalised pictures.
DISTORTIONS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = MappingProxyType(
    {"rounding": round_to_bytes, "blur": blur_image, "crop": crop, "JPEG": jpeg}
)


def _models(model: Model | Sequence[Model]) -> Sequence[Model]:
    return model if isinstance(model, list | tuple) else (model,)


@contextmanager
def _all_frozen(model: Model | Sequence[Model]) -> Iterator[None]:
    with ExitStack() as stack:
        for one in _models(model):
            stack.enter_context(frozen(one))
        yield


def _norm(X: torch.Tensor, p: float) -> torch.Tensor:
    return torch.linalg.vector_norm(X, p, dim=(1, 2, 3))


def _in_bytes(change: torch.Tensor) -> torch.Tensor:
    return 255 * change * change.new_tensor(IMAGENET_STD)[:, None, None]


def _classes(function: str, y: int | torch.Tensor, X: torch.Tensor, name: str) -> torch.Tensor:
    if isinstance(y, int | np.integer) and not isinstance(y, bool):
        y = torch.full((len(X),), int(y), device=X.device)
    check_classes(function, y, X, name)
    return y


def _check_attack(
    function: str,
    X: torch.Tensor,
    y: torch.Tensor,
    model: Model | Sequence[Model],
    epsilon: float,
    norm: float,
) -> None:
    if not _models(model):
        raise ValueError(f"{function}: no models were given")
    for one in _models(model):
        check_pictures(function, X, one)
    check_classes(function, y, X)
    _check_range(function, X)
    check_number(function, "epsilon", epsilon, above=0)
    if norm == math.inf and epsilon > 1:
        raise ValueError(
            f"{function}: epsilon is {epsilon:g}, expected at most 1: pixels go from 0 to 1, "
            "so 8 bytes are 8 / 255"
        )


def _check_pixels(function: str, pixels: torch.Tensor) -> None:
    check_tensor(function, pixels, "N 3 H W", "pixels")
    low, high = (end.item() for end in pixels.detach().aminmax())  # NaN if there is one
    if not -1e-3 <= low <= high <= 1 + 1e-3:
        raise ValueError(
            f"{function}: pixels go from {low:.4g} to {high:.4g}, expected 0 to 1, not normalised"
        )


def _check_range(function: str, X: torch.Tensor) -> None:
    pixels = denormalize(X.detach())
    low, high = pixels.min().item(), pixels.max().item()
    if low < -1e-3 or high > 1 + 1e-3:
        raise ValueError(
            f"{function}: X has pixels from {low:.4g} to {high:.4g} once the normalisation is "
            "undone, expected 0 to 1; cs231n_lib.see.images.clamp_pixels moves them there"
        )


def _check_norm(function: str, norm: str | float) -> float:
    if norm in ("inf", math.inf):
        return math.inf
    if norm == 2 and not isinstance(norm, str):
        return 2.0
    raise ValueError(f'{function}: norm is {norm!r}, expected "inf" or 2')
