"""Pictures that a network likes: of a class, or of one channel of a layer.

:func:`create_class_visualization` is the recipe of the 2017 assignment: ascent along the gradient
of a score, in pixels, with a little shifting and blurring. :func:`visualize` is what came later:
any objective, on pictures held as waves and seen from changing points of view.

Source: CS231n 2017, Assignment 3, ``NetworkVisualization-PyTorch``; Simonyan, Vedaldi and Zisserman
2013, "Deep inside convolutional networks"; Yosinski et al. 2015, "Understanding neural networks
through deep visualization"; Olah, Mordvintsev and Schubert 2017, "Feature visualization".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from cs231n_lib.progress import progress
from cs231n_lib.see.checks import Model
from cs231n_lib.see.fourier import random_view
from cs231n_lib.see.images import blur_image
from cs231n_lib.see.network import (
    CHECK_EVERY,
    activations,
    class_scores,
    frozen,
    gradient,
    pictures_at_once,
)
from cs231n_lib.see.old_checks import check_classes, check_pictures, check_tensor
from cs231n_lib.see.pixels import clamp_pixels
from cs231n_lib.validation import check_count, check_number

__all__ = [
    "Objective",
    "channel_mean",
    "class_log_probability",
    "class_score",
    "create_class_visualization",
    "jitter",
    "score_gradient",
    "unit_step",
    "visualize",
]

# From a model and (N, 3, H, W) normalised pictures to (N,) losses, one a picture.
Objective = Callable[[Model, torch.Tensor], torch.Tensor]

# Called with the step, counted from 0, the pictures (N, 3, H, W) and a number for each, (N,).
Callback = Callable[[int, torch.Tensor, torch.Tensor], None]


def create_class_visualization(
    target_y: int | Sequence[int] | torch.Tensor,
    model: Model,
    dtype: torch.dtype | type = torch.float32,
    *,
    l2_reg: float = 1e-3,
    learning_rate: float = 25,
    num_iterations: int = 100,
    blur_every: int | None = 10,
    max_jitter: int = 16,
    show_every: int = 25,
    size: int = 224,
    seed: int = 0,
    callback: Callback | None = None,
    return_history: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Make pictures of classes, by climbing the scores of a network (2017 assignment).

    Parameters
    ----------
    target_y : int, or (N,) ints
        One class, or several: a picture is made for each. Together they are made faster.
    model : callable
        From normalised pictures (N, 3, H, W) to scores (N, C).
    dtype : torch.dtype, or tensor type
        That of the model's weights; the pictures have it, and are on the model's device. In 2017
        one wrote ``torch.FloatTensor`` or ``torch.cuda.FloatTensor``, which still works.
    l2_reg : float
        Weight of the squared norm of a picture, which is subtracted from its score.
    learning_rate : float
        Length of a step, in normalised pixels: the gradient's own length does not matter.
    num_iterations : int
    blur_every : int or None
        Blur after the first and then every so many steps; None for never.
    max_jitter : int
        Shift by at most so many pixels before a step, and back after it.
    show_every : int
        Call ``callback`` after the first, the last and every so many steps.
    size : int
        Side of the pictures, S.
    seed : int
        Of the noise in the beginning and of the shifts. They are drawn on the CPU: the same
        everywhere.
    callback : callable, optional
        Called with the step, the pictures (N, 3, S, S) and their scores (N,), where the original
        drew a picture.
    return_history : bool
        Return the scores as well.

    Returns
    -------
    X : (N, 3, S, S) tensor
        Normalised pictures, each pixel within the range of bytes. N is 1 for a single class.
        (The original returned a picture to look at, as ``deprocess(X)[0]`` does.)
    history : (num_iterations, N) tensor
        With ``return_history``: the score of each picture's class before each step.

    Raises
    ------
    TypeError, ValueError
        If classes are no integers or out of range, if a size or a number of steps is not positive,
        if another setting is negative, or if dtype and model do not fit.
    """
    y, img, generator = _begin(target_y, model, dtype, size, seed)
    _check_recipe(l2_reg, learning_rate, num_iterations, blur_every, max_jitter, show_every)
    history = []
    with frozen(model):
        for t in progress(range(num_iterations), "class visualisation"):
            ox, oy = torch.randint(0, max_jitter + 1, (2,), generator=generator).tolist()
            img = jitter(img, ox, oy)
            check = t % CHECK_EVERY == 0 or t == num_iterations - 1
            g, score = score_gradient(img, y, model, l2_reg, check)
            img = jitter(img + learning_rate * unit_step(g), -ox, -oy)
            img = clamp_pixels(img)
            if blur_every is not None and t % blur_every == 0:
                img = blur_image(img, sigma=0.5)
            history.append(score)
            if callback and (t == 0 or (t + 1) % show_every == 0 or t == num_iterations - 1):
                callback(t, img, score)
    return (img, torch.stack(history)) if return_history else img


def _begin(
    target_y: int | Sequence[int] | torch.Tensor,
    model: Model,
    dtype: torch.dtype | type,
    size: int,
    seed: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Generator]:
    """The classes, the noise to begin with, and the numbers for the shifts."""
    name = "create_class_visualization"
    check_count(name, "size", size)
    y = _as_classes(name, target_y)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(len(y), 3, size, size, generator=generator)
    img = noise.to(_device(model, dtype), _float_type(name, dtype))
    y = y.to(img.device)
    check_pictures(name, img, model, "the picture of the given dtype")
    check_classes(name, y, img, "target_y")
    return y, img.contiguous(memory_format=torch.channels_last), generator


def _check_recipe(
    l2_reg: float,
    learning_rate: float,
    num_iterations: int,
    blur_every: int | None,
    max_jitter: int,
    show_every: int,
) -> None:
    name = "create_class_visualization"
    check_number(name, "l2_reg", l2_reg, least=0)
    check_number(name, "learning_rate", learning_rate, above=0)
    check_count(name, "num_iterations", num_iterations)
    check_count(name, "blur_every", 1 if blur_every is None else blur_every)
    check_count(name, "max_jitter", max_jitter, least=0)
    check_count(name, "show_every", show_every)


def score_gradient(
    img: torch.Tensor, y: torch.Tensor, model: Model, l2_reg: float = 0, check: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """The gradient of what :func:`create_class_visualization` climbs.

    Parameters
    ----------
    img : (N, 3, H, W) tensor of floats
        Normalised pictures; not changed.
    y : (N,) int64 tensor
        Classes.
    model : callable
    l2_reg : float
    check : bool
        Look at the numbers, too: see :func:`~cs231n_lib.see.network.class_scores`.

    Returns
    -------
    gradient : (N, 3, H, W) tensor
        Of the score of class y, minus ``l2_reg`` times the squared norm of the picture.
    score : (N,) tensor
        Without that penalty, and without a gradient.

    Raises
    ------
    TypeError, ValueError
        As :func:`~cs231n_lib.see.saliency.score_gradients`.
    """
    name = "create_class_visualization"
    check_tensor(name, img, "N 3 H W", "img")
    if check:
        check_classes(name, y, img, "target_y")
    size = pictures_at_once(img)
    gradients, scores = [], []
    with frozen(model), torch.enable_grad():
        for X, classes in zip(img.detach().split(size), y.split(size)):
            X.requires_grad_()
            _, score = class_scores(model, X, classes, check)
            gradients.append(gradient(score.sum(), X, check=check))
            scores.append(score.detach())
    if check and not img.isfinite().all():  # a model can give finite scores all the same
        raise ValueError(f"{name}: img contains pixels that are NaN or infinite")
    return torch.cat(gradients) - 2 * l2_reg * img.detach(), torch.cat(scores)


def unit_step(gradient: torch.Tensor) -> torch.Tensor:
    """Each picture's gradient, (N, 3, H, W), scaled to length 1; a gradient of zero stays zero.

    Raises TypeError or ValueError if it is no such tensor.
    """
    check_tensor("unit_step", gradient, "N 3 H W", "gradient")
    length = torch.linalg.vector_norm(gradient, dim=(1, 2, 3), keepdim=True)
    return gradient / length.clamp(min=torch.finfo(length.dtype).tiny)


def jitter(X: torch.Tensor, ox: int, oy: int) -> torch.Tensor:
    """Shift pictures, and bring in on one side what left on the other (2017 assignment).

    Parameters
    ----------
    X : (N, 3, H, W) tensor
    ox, oy : int
        Pixels to the right, and down. Opposite numbers undo the shift.

    Returns
    -------
    (N, 3, H, W) tensor

    Raises
    ------
    TypeError, ValueError
        If ``X`` is no such tensor; TypeError also if a shift is no int.
    """
    check_tensor("jitter", X, "N 3 H W")
    return torch.roll(X, (oy, ox), dims=(2, 3))


def visualize(
    objective: Objective,
    model: Model,
    picture: nn.Module,
    *,
    num_iterations: int = 128,
    learning_rate: float = 0.05,
    view: Callable[[torch.Tensor, torch.Generator], torch.Tensor] | None = random_view,
    seed: int = 0,
    callback: Callback | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Find pictures that make an objective small (Olah, Mordvintsev and Schubert 2017).

    Parameters
    ----------
    objective : callable
        From the model and N pictures to N losses: :func:`class_score`, :func:`channel_mean`, or
        your own.
    model : callable
        From normalised pictures (N, 3, H, W) to scores (N, C).
    picture : torch.nn.Module
        Its call without an argument gives the pictures, (N, 3, H, W), normalised:
        :class:`~cs231n_lib.see.fourier.FourierPicture`. Its parameters are changed, and nothing else.
    num_iterations : int
    learning_rate : float
        Of Adam, for the picture's parameters.
    view : callable or None
        What to do to the pictures before the network sees them; it gets a generator of random
        numbers. None: nothing.
    seed : int
        Of that generator.
    callback : callable, optional
        Called at each step with the step, the pictures before it and their losses.

    Returns
    -------
    X : (N, 3, H, W) tensor
    losses : (num_iterations, N) tensor
        Before each step.

    Raises
    ------
    TypeError, ValueError
        If a number of steps or a learning rate is not positive, if ``objective`` cannot be called
        or ``picture`` has nothing to change, if picture and model do not fit, if there is not one
        loss a picture, or if a loss is not finite or does not depend on the picture.
    """
    check_count("visualize", "num_iterations", num_iterations)
    check_number("visualize", "learning_rate", learning_rate, above=0)
    _check_parts(objective, picture)
    with torch.no_grad():
        check_pictures("visualize", picture(), model, "picture()")
    generator = torch.Generator().manual_seed(seed)
    parameters = list(picture.parameters())
    adam = torch.optim.Adam(parameters, lr=learning_rate)
    history = []
    with frozen(model), torch.enable_grad():
        for t in progress(range(num_iterations), "visualisation"):
            X = picture()
            seen = X if view is None else view(X, generator)
            losses = objective(model, seen.contiguous(memory_format=torch.channels_last))
            _check_losses(losses, len(X), t % CHECK_EVERY == 0 or t == num_iterations - 1)
            adam.zero_grad()
            losses.sum().backward(inputs=parameters)
            adam.step()
            history.append(losses.detach())
            if callback:
                callback(t, X.detach(), history[-1])
        return picture().detach(), torch.stack(history)


def class_score(y: torch.Tensor) -> Objective:
    """The objective of a picture of a class: a high score, whatever the other scores are.

    Parameters
    ----------
    y : (N,) int64 tensor
        Classes, one a picture.

    Returns
    -------
    callable
        For :func:`visualize`. It raises as :func:`cs231n_lib.see.network.check_classes` and
        :func:`cs231n_lib.see.network.class_scores` do.
    """

    def losses(model: Model, X: torch.Tensor) -> torch.Tensor:
        check_classes("class_score", y, X)
        return -class_scores(model, X, y)[1]

    return losses


def class_log_probability(y: torch.Tensor) -> Objective:
    """The objective of a picture of a class: a high score, and low scores of all others.

    Parameters, results and errors as :func:`class_score`. Once the class is certain, there is
    nothing left to gain.
    """

    def losses(model: Model, X: torch.Tensor) -> torch.Tensor:
        check_classes("class_log_probability", y, X)
        scores, chosen = class_scores(model, X, y)
        return scores.logsumexp(dim=1) - chosen

    return losses


def channel_mean(layer: str, channels: torch.Tensor) -> Objective:
    """The objective of a picture that a channel of a layer wants to see, all over.

    Parameters
    ----------
    layer : str
        Its name in the model, such as ``"features.7"``. The layers after it are not computed.
    channels : (N,) int64 tensor
        One a picture.

    Returns
    -------
    callable
        For :func:`visualize`. It raises ValueError if there is no such layer or channel.
    """

    def losses(model: nn.Module, X: torch.Tensor) -> torch.Tensor:
        check_classes("channel_mean", channels, X, "channels")
        maps = activations(model, X, layer)
        if channels.max() >= maps.shape[1]:
            raise ValueError(
                f"channel_mean: channels contains {channels.max().item()}, but layer {layer!r} "
                f"has {maps.shape[1]}, counted from 0"
            )
        chosen = maps[torch.arange(len(X), device=X.device), channels]
        return -chosen.flatten(1).mean(dim=1)

    return losses


def _check_parts(objective: Objective, picture: nn.Module) -> None:
    if not callable(objective):
        raise TypeError(
            f"visualize: objective is a {type(objective).__name__}, expected a function from model "
            "and pictures to losses"
        )
    if not isinstance(picture, nn.Module):
        raise TypeError(
            f"visualize: picture is a {type(picture).__name__}, expected a torch.nn.Module such as "
            "a FourierPicture"
        )
    if not any(parameter.requires_grad for parameter in picture.parameters()):
        raise ValueError("visualize: picture has no parameter that requires a gradient")


def _check_losses(losses: torch.Tensor, count: int, finite: bool) -> None:
    if not isinstance(losses, torch.Tensor):
        raise TypeError(
            f"visualize: the objective gave a {type(losses).__name__}, expected a tensor of "
            f"{count} losses"
        )
    if losses.shape != (count,):
        raise ValueError(
            f"visualize: the objective gave losses of shape {tuple(losses.shape)}, expected "
            f"({count},), one a picture"
        )
    if not losses.requires_grad:
        raise ValueError("visualize: the losses do not depend on the picture")
    if finite and not losses.isfinite().all():
        raise ValueError("visualize: the objective gave a loss that is NaN or infinite")


def _as_classes(function: str, target_y: object) -> torch.Tensor:
    try:
        y = torch.as_tensor(target_y)
    except (TypeError, ValueError, RuntimeError):  # torch's, for what is no numbers at all
        y = torch.tensor(torch.nan)
    if y.numel() == 0:
        raise ValueError(f"{function}: target_y is empty, expected at least one class")
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool or y.ndim > 1:
        raise TypeError(
            f"{function}: target_y is {target_y!r}, expected a class or a list of classes"
        )
    return y.reshape(-1).long()


def _float_type(function: str, dtype: torch.dtype | type) -> torch.dtype:
    """From 2017's tensor types, such as ``torch.FloatTensor``, to today's dtypes."""
    known = dtype if isinstance(dtype, torch.dtype) else getattr(dtype, "dtype", None)
    if not isinstance(known, torch.dtype) or not known.is_floating_point:
        raise TypeError(
            f"{function}: dtype is {dtype!r}, expected a type of floats such as torch.float32"
        )
    return known


def _device(model: Model, dtype: torch.dtype | type) -> torch.device:
    if getattr(dtype, "is_cuda", False):
        return torch.device("cuda")
    if isinstance(dtype, type) or not isinstance(model, nn.Module):
        return torch.device("cpu")
    weight = next(model.parameters(), None)
    return torch.device("cpu") if weight is None else weight.device
