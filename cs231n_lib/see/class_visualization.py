"""Pictures that excite a network: a class, or one channel of a layer.

:func:`create_class_visualization` is the recipe of the 2017 assignment: ascent along the gradient
of a score, in pixels, with a little shifting and blurring. :func:`visualize` is what came later:
any objective, on pictures held as waves and seen in changing views. :func:`deep_dream` starts from
a photograph.

Source: CS231n 2017, Assignment 3, ``NetworkVisualization-PyTorch``; Simonyan, Vedaldi and Zisserman
2013, "Deep inside convolutional networks"; Yosinski et al. 2015, "Understanding neural networks
through deep visualization"; Mordvintsev, Olah and Tyka 2015, "Inceptionism"; Olah, Mordvintsev and
Schubert 2017, "Feature visualization".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from cs231n_lib.checks import (
    Call,
    Count,
    Function,
    Instance,
    Number,
    a_type,
    check_precision,
    checked,
    named,
)
from cs231n_lib.progress import progress
from cs231n_lib.see.checks import (
    MODEL,
    NETWORK,
    Classes,
    Model,
    Network,
    Pictures,
    Tensor,
    as_classes,
    check_maps,
)
from cs231n_lib.see.fourier import random_view
from cs231n_lib.see.images import blur_image
from cs231n_lib.see.network import (
    CHECK_EVERY,
    activations,
    class_scores,
    frozen,
    gradient,
    input_gradients,
    unit_step,
)
from cs231n_lib.see.pixels import clamp_pixels
from cs231n_lib.see.precision import normal, plainly

__all__ = [
    "Objective",
    "channel_mean",
    "class_log_probability",
    "class_score",
    "class_visualization_step",
    "create_class_visualization",
    "deep_dream",
    "jitter",
    "visualize",
]

# From a model and (N, 3, H, W) normalised pictures to (N,) losses, one per picture.
Objective = Callable[[Model, torch.Tensor], torch.Tensor]

# From pictures and a source of random numbers to the pictures that the model sees.
View = Callable[[torch.Tensor, torch.Generator], torch.Tensor]

# Called with the step, counted from 0, the pictures (N, 3, H, W) and a number for each, (N,).
Callback = Callable[[int, torch.Tensor, torch.Tensor], None]


_CALLBACK = Function("of a step, pictures and a number for each")
_SHIFT = Instance((int, np.integer))


def _target(name: str, target_y: int | Sequence[int], call: Call) -> None:
    y = as_classes(name, target_y)
    if y.min() < 0:
        raise ValueError(named(f"{name} contains class {y.min().item()}, expected 0 or more"))


def _type(name: str, dtype: torch.dtype | type, call: Call) -> None:
    floats, device = getattr(dtype, "dtype", dtype), _device(call.arguments["model"], dtype)
    if not isinstance(floats, torch.dtype) or not floats.is_floating_point:
        raise TypeError(
            named(f"{name} is {dtype!r}, expected a type of floats such as torch.float32")
        )
    check_precision("the picture", floats, f"{name}=torch.float32 and model.float()")
    weight = _weight(call.arguments["model"])
    if weight is not None and weight.dtype != floats:
        raise TypeError(
            named(
                f"{name} is {floats}, but the model's weights are {weight.dtype}; "
                f"give model.to({floats})"
            )
        )
    if weight is not None and weight.device.type != device.type:
        raise ValueError(
            named(f"{name} is a type on {device}, but the model is on {weight.device}")
        )


def _weight(model: Model) -> torch.Tensor | None:
    return next(model.parameters(), None) if isinstance(model, nn.Module) else None


def _device(model: Model, dtype: torch.dtype | type) -> torch.device:
    """The device of the model, or of a tensor type of 2017."""
    weight = _weight(model)
    if weight is None or isinstance(dtype, type):
        return torch.device("cuda" if getattr(dtype, "is_cuda", False) else "cpu")
    return weight.device


def _every(name: str, steps: int | None, call: Call) -> None:
    if steps is not None:
        Count()(name, steps)


@checked(
    model=MODEL,
    target_y=_target,
    dtype=_type,
    l2_reg=Number(least=0),
    learning_rate=Number(above=0),
    num_iterations=Count(),
    blur_every=_every,
    max_jitter=Count(least=0),
    show_every=Count(),
    size=Count(),
    callback=_CALLBACK,
)
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
        One class, or several: a picture is made for each. Making them together is faster.
    model : callable
        From normalised pictures (N, 3, H, W) to scores (N, C).
    dtype : torch.dtype, or tensor type
        The dtype of the model's weights, and of the pictures, which are on the model's device:
        float32 or float64. The ``torch.FloatTensor`` or ``torch.cuda.FloatTensor`` of 2017 still
        works.
    l2_reg : float
        Weight of the squared norm of a picture, which is subtracted from its score.
    learning_rate : float
        Length of a step, in normalised pixels: the gradient's own length does not matter.
    num_iterations : int
    blur_every : int or None
        Blur after the first step and then at this interval; None for never.
    max_jitter : int
        Shift by at most this many pixels before a step, and back after it.
    show_every : int
        Call ``callback`` after the first and the last step, and at this interval.
    size : int
        Side of the pictures, S.
    seed : int
        Seed of the initial noise and of the shifts, which are drawn on the CPU: the same
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
        If an argument is not what is declared, if the model has no such class or gives scores that
        are not finite, or if dtype and model do not fit.
    """
    device, dtype = _device(model, dtype), getattr(dtype, "dtype", dtype)
    generator = torch.Generator().manual_seed(seed)
    y = as_classes("target_y", target_y).to(device)
    img = normal((len(y), 3, size, size), generator)
    img = img.to(device, dtype, memory_format=torch.channels_last)
    with frozen(model):
        history = img.new_empty(num_iterations, len(y))
        for t in progress(range(num_iterations), "class visualisation"):
            last = t == num_iterations - 1
            shift = torch.randint(max_jitter + 1, (2,), generator=generator)
            ox, oy = shift.tolist()
            img = jitter(img, ox, oy)
            look = last or t % CHECK_EVERY == 0
            settings = l2_reg, learning_rate, look
            img, score = class_visualization_step(img, y, model, *settings)
            img = clamp_pixels(jitter(img, -ox, -oy))
            if blur_every is not None and t % blur_every == 0:
                img = blur_image(img, sigma=0.5)
            _check_pixels(img, look)
            history[t] = score
            if callback and (last or t == 0 or (t + 1) % show_every == 0):
                callback(t, img, score)
    return (img, history) if return_history else img


@checked(
    img=Pictures(), y=Classes(of="img"), model=MODEL,
    l2_reg=Number(least=0), learning_rate=Number(above=0),
)  # fmt: skip
def class_visualization_step(
    img: torch.Tensor,
    y: torch.Tensor,
    model: Model,
    l2_reg: float = 1e-3,
    learning_rate: float = 25,
    check: bool = True,
) -> tuple[torch.Tensor, torch.Tensor]:
    """One step uphill, on the score of a class minus ``l2_reg`` times the picture's squared norm.

    Parameters
    ----------
    img : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : (N,) int64 tensor
        The class of each.
    model : callable
    l2_reg : float
    learning_rate : float
        Length of the step of each picture.
    check : bool
        Check the model's numbers too, see :func:`~cs231n_lib.see.network.input_gradients`.

    Returns
    -------
    img : (N, 3, H, W) tensor
        New pictures.
    score : (N,) tensor
        The scores before the step, without the norm.

    Raises
    ------
    TypeError, ValueError
        As :func:`~cs231n_lib.see.network.input_gradients`.
    """
    g, score = input_gradients(img, y, model, check=check)
    g = g - 2 * l2_reg * img
    return img + learning_rate * unit_step(g), score


def _check_pixels(img: torch.Tensor, look: bool) -> None:
    if look and not img.isfinite().all():  # a model can give finite scores all the same
        raise ValueError(named("the picture contains pixels that are NaN or infinite"))


@checked(X=Tensor("N 3 H W"), ox=_SHIFT, oy=_SHIFT)
def jitter(X: torch.Tensor, ox: int, oy: int) -> torch.Tensor:
    """Shift pictures; what leaves on one side comes in on the other (2017 assignment).

    Parameters
    ----------
    X : (N, 3, H, W) tensor
    ox, oy : int
        Pixels to the right, and down. Opposite numbers undo the shift.

    Returns
    -------
    (N, 3, H, W) tensor
    """
    return torch.roll(X, (oy, ox), dims=(2, 3))


def _model_or_none(name: str, model: Model | None, call: Call) -> None:
    """An objective of your own may do without a model."""
    if model is not None:
        MODEL(name, model, call)


def _picture(name: str, picture: nn.Module, call: Call) -> None:
    Network(nn.Module, "such as a FourierPicture")(name, picture)
    if not any(parameter.requires_grad for parameter in picture.parameters()):
        raise ValueError(named(f"{name} has no parameter that requires a gradient"))
    with torch.no_grad():
        Pictures()(f"{name}()", picture(), Call({"model": call.arguments["model"]}))


@checked(
    objective=Function("from model and pictures to losses"),
    model=_model_or_none,
    picture=_picture,
    num_iterations=Count(),
    learning_rate=Number(above=0),
    callback=_CALLBACK,
)
@plainly()
def visualize(
    objective: Objective,
    model: Model,
    picture: nn.Module,
    *,
    num_iterations: int = 128,
    learning_rate: float = 0.05,
    view: View | None = random_view,
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
        Called without arguments, it gives the normalised pictures, (N, 3, H, W), as a
        :class:`~cs231n_lib.see.fourier.FourierPicture` does. Only its parameters are changed.
    num_iterations : int
    learning_rate : float
        Learning rate of Adam, for the picture's parameters.
    view : callable or None
        What to do to the pictures before the network sees them, given a generator of random
        numbers. None for nothing.
    seed : int
        Seed of that generator.
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
        If an argument is not what is declared, if ``picture`` has nothing to change or the model
        cannot read it, if there is not one loss per picture, or if a loss is not finite or does not
        depend on the picture.
    """
    generator = torch.Generator().manual_seed(seed)
    parameters = list(picture.parameters())
    adam = torch.optim.Adam(parameters, lr=learning_rate)
    with frozen(model), torch.enable_grad():
        for t in progress(range(num_iterations), "visualisation"):
            X = picture()
            seen = X if view is None else view(X, generator)
            seen = seen.contiguous(memory_format=torch.channels_last)
            losses = objective(model, seen)
            look = t % CHECK_EVERY == 0 or t == num_iterations - 1
            _check_losses(losses, len(X), look)
            adam.zero_grad()
            losses.sum().backward(inputs=parameters)
            adam.step()
            if t == 0:
                history = losses.new_empty(num_iterations, len(X))
            history[t] = losses.detach()
            if callback:
                callback(t, X.detach(), losses.detach())
        return picture().detach(), history


def _check_losses(losses: torch.Tensor, count: int, look: bool) -> None:
    if not isinstance(losses, torch.Tensor):
        raise TypeError(
            named(f"the objective gave {a_type(losses)}, expected a tensor of {count} losses")
        )
    check_precision("the loss", losses.dtype, "an objective and a model in float32")
    if losses.shape != (count,):
        raise ValueError(
            named(
                f"the objective gave losses of shape {tuple(losses.shape)}, expected ({count},), "
                "one per picture"
            )
        )
    if not losses.requires_grad:
        raise ValueError(named("the objective gave losses that do not depend on the picture"))
    if look and not losses.isfinite().all():
        raise ValueError(named("the objective gave a loss that is NaN or infinite"))


def _numbers(name: str, y: torch.Tensor, call: Call) -> None:
    """Classes or channels, one per picture."""
    if not isinstance(y, torch.Tensor) or y.dtype != torch.int64 or y.ndim != 1:
        given = f"{y.dtype} {tuple(y.shape)}" if torch.is_tensor(y) else type(y).__name__
        raise TypeError(named(f"{name} is {given}, expected an int64 tensor (N,)"))
    if len(y) == 0 or (not y.is_meta and y.min() < 0):
        raise ValueError(named(f"{name} is {y.tolist()}, expected at least one, 0 or more"))


@checked(y=_numbers)
def class_score(y: torch.Tensor) -> Objective:
    """The objective of a picture of a class: a high score, whatever the other scores are.

    Parameters
    ----------
    y : (N,) int64 tensor
        Classes, one per picture.

    Returns
    -------
    callable
        For :func:`visualize`. It raises ValueError if there is no such class, or not one per
        picture.
    """

    @checked(model=MODEL, X=Pictures())
    def losses(model: Model, X: torch.Tensor) -> torch.Tensor:
        return -class_scores(model, X, y)[1]

    return losses


@checked(y=_numbers)
def class_log_probability(y: torch.Tensor) -> Objective:
    """The objective of a picture of a class: a high score, and low scores of all others.

    Parameters, results and errors are those of :func:`class_score`. Once the class is certain,
    there is nothing left to gain.
    """

    @checked(model=MODEL, X=Pictures())
    def losses(model: Model, X: torch.Tensor) -> torch.Tensor:
        scores, chosen = class_scores(model, X, y)
        return scores.logsumexp(dim=1) - chosen

    return losses


@checked(channels=_numbers)
def channel_mean(layer: str, channels: torch.Tensor) -> Objective:
    """The objective of a picture that a channel of a layer wants to see, all over.

    Parameters
    ----------
    layer : str
        Its name in the model, such as ``"features.7"``. The layers after it are not computed.
    channels : (N,) int64 tensor
        One per picture.

    Returns
    -------
    callable
        For :func:`visualize`. It raises ValueError if there is no such layer or channel, or not one
        channel per picture.
    """

    @checked(model=NETWORK, X=Pictures())
    def losses(model: nn.Module, X: torch.Tensor) -> torch.Tensor:
        maps = activations(model, X, layer)
        check_maps(f"layer {layer!r}", maps, X, lambda X: activations(model, X, layer))
        chosen = _chosen_maps(maps, channels)
        return -chosen.flatten(1).mean(dim=1)

    return losses


def _chosen_maps(maps: torch.Tensor, channels: torch.Tensor) -> torch.Tensor:
    """For each picture, (N, C, H, W), the map of its channel, (N, H, W)."""
    N, C = maps.shape[:2]
    if channels.device != maps.device or len(channels) != N or channels.max() >= C:
        raise ValueError(
            named(
                f"channels is {channels}, expected numbers from 0 to {C - 1}, one for each of {N} "
                f"pictures, on {maps.device}"
            )
        )
    return maps[torch.arange(N, device=maps.device), channels]


@checked(
    X=Pictures(),
    model=NETWORK,
    octaves=Count(),
    scale=Number(above=1),
    num_iterations=Count(),
    learning_rate=Number(above=0),
)
@plainly()
def deep_dream(
    X: torch.Tensor,
    model: nn.Module,
    layer: str,
    *,
    octaves: int = 4,
    scale: float = 1.4,
    num_iterations: int = 10,
    learning_rate: float = 0.06,
    seed: int = 0,
) -> torch.Tensor:
    """Give a layer more of whatever it sees in photographs (Mordvintsev, Olah and Tyka 2015).

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    model : torch.nn.Module
    layer : str
        Its name in the model. The layers after it are not computed.
    octaves : int
        Sizes at which to dream, the coarsest first.
    scale : float
        From one size to the next.
    num_iterations : int
        Steps at each size.
    learning_rate : float
        Length of a step: the root mean square of what it adds to a normalised pixel.
    seed : int
        Seed of the shifts, which are drawn on the CPU.

    Returns
    -------
    (N, 3, H, W) tensor
        Normalised pictures, each pixel within the range of bytes.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, if there is no such layer, if the model cannot read
        the smallest size, or if a gradient is not finite.
    """
    generator = torch.Generator().manual_seed(seed)
    H, W = X.shape[2:]
    dream = photograph = X.detach()
    with frozen(model), torch.enable_grad():
        for octave in reversed(range(octaves)):
            size = round(H / scale**octave), round(W / scale**octave)
            added = _resized(dream - photograph, size)
            photograph = _resized(X.detach(), size)
            dream = photograph + added
            for _ in range(num_iterations):
                shift = torch.randint(-16, 17, (2,), generator=generator)
                ox, oy = shift.tolist()
                seen = jitter(dream, ox, oy).requires_grad_()
                features = activations(model, seen, layer)
                g = gradient(features.square().sum(), seen)
                step = learning_rate * g[0].numel() ** 0.5 * unit_step(g)
                dream = clamp_pixels(jitter(seen.detach() + step, -ox, -oy))
    return dream


def _resized(X: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return nn.functional.interpolate(X, size, mode="bilinear", antialias=True)
