"""Looking into a network: frozen, stopped where enough is known, and asked sensible questions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

__all__ = [
    "CHECK_EVERY",
    "PICTURES_AT_ONCE",
    "Model",
    "activations",
    "check_classes",
    "check_generator",
    "check_pictures",
    "check_tensor",
    "class_scores",
    "extract_features",
    "find_layer",
    "frozen",
    "gradient",
    "pictures_at_once",
]

# Anything that turns normalised pictures (N, 3, H, W) into class scores (N, C).
Model = Callable[[torch.Tensor], torch.Tensor]

# On a CPU three pictures are as fast as any number, and more would need more memory.
PICTURES_AT_ONCE = {"cpu": 3}

# To look at a number, Python must wait until a GPU has computed all that was asked for. A loop
# therefore looks whether its numbers are finite once in so many steps, and after the last.
CHECK_EVERY = 10

# Normalised pixels lie between -2.2 and 2.7. Beyond this somebody forgot to normalise.
_LARGEST_PIXEL = 20.0


@contextmanager
def frozen(model: Model) -> Iterator[None]:
    """Hold a network still while it is looked into, and leave it as it was.

    Inside, all its modules are in evaluation mode (no dropout, no statistics of the batch), and no
    gradient is computed for any weight. Afterwards, also after an error, everything is as before.

    Parameters
    ----------
    model : torch.nn.Module, or any callable
        A callable that is no module has nothing to hold.
    """
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    weights = list(model.parameters()) if isinstance(model, nn.Module) else []
    was_training = [module.training for module in modules]
    wanted_gradient = [weight.requires_grad for weight in weights]
    try:
        for module in modules:
            module.training = False
        for weight in weights:
            weight.requires_grad_(False)
        yield
    finally:
        for module, training in zip(modules, was_training):
            module.training = training
        for weight, wanted in zip(weights, wanted_gradient):
            weight.requires_grad_(wanted)


def pictures_at_once(X: torch.Tensor) -> int:
    """How many pictures should go through a network at once, where each has to many times.

    It depends on the device of ``X``: 3 on a CPU (``PICTURES_AT_ONCE``), else 64. Raises TypeError
    or ValueError if ``X`` is no tensor of floats, or empty.
    """
    check_tensor("pictures_at_once", X, "N C H W")
    return PICTURES_AT_ONCE.get(X.device.type, 64)


class _Reached(Exception):  # noqa: N818 - no error: it ends a forward pass early
    pass


def activations(model: nn.Module, X: torch.Tensor, layer: str) -> torch.Tensor:
    """What a layer makes of pictures. The layers after it are not computed.

    Parameters
    ----------
    model : torch.nn.Module
    X : (N, 3, H, W) tensor of floats
    layer : str
        The layer's name in the model, such as ``"features.12"``.

    Returns
    -------
    tensor
        The layer's output, differentiable with respect to ``X``.

    Raises
    ------
    TypeError
        If ``model`` is no ``torch.nn.Module``, or ``X`` no tensor of floats.
    ValueError
        If ``X`` has another shape, or the model has no such layer or does not use it.
    """
    check_tensor("activations", X, "N C H W")
    kept = []

    def keep_and_stop(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        kept.append(output)
        raise _Reached

    hook = find_layer(model, layer).register_forward_hook(keep_and_stop)
    try:
        model(X)
    except _Reached:
        return kept[0]
    finally:
        hook.remove()
    raise ValueError(f"the model never used its layer {layer!r}")


def find_layer(model: nn.Module, layer: str) -> nn.Module:
    """A layer of a network, by its name.

    Raises
    ------
    TypeError
        If ``model`` is no ``torch.nn.Module``, and so has no layers with names.
    ValueError
        If there is no such layer; the message lists what there is.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}, expected a torch.nn.Module")
    layers = dict(model.named_modules())
    if layer not in layers or not layer:
        known = ", ".join(name for name in layers if name and name.count(".") < 2)
        raise ValueError(f"the model has no layer {layer!r}; it has {known}")
    return layers[layer]


def extract_features(
    x: torch.Tensor, cnn: nn.Sequential, last: int | None = None
) -> list[torch.Tensor]:
    """The outputs of a chain of layers, one after another (StyleTransfer-PyTorch).

    Parameters
    ----------
    x : (N, C, H, W) tensor of floats
    cnn : torch.nn.Sequential
        Such as ``squeezenet().features``.
    last : int, optional
        Stop after this layer, counted from 0. By default all are computed.

    Returns
    -------
    list of (N, C_i, H_i, W_i) tensors
        The output of layer i at place i.

    Raises
    ------
    TypeError
        If ``cnn`` is no ``torch.nn.Sequential``, ``x`` no tensor of floats, ``last`` no int.
    ValueError
        If ``x`` has another shape, or there is no layer ``last``.
    """
    if not isinstance(cnn, nn.Sequential):
        raise TypeError(
            f"extract_features: cnn is a {type(cnn).__name__}, expected a torch.nn.Sequential"
        )
    check_tensor("extract_features", x, "N C H W", "x")
    layers = list(cnn.children())
    last = len(layers) - 1 if last is None else last
    if isinstance(last, bool) or not isinstance(last, int | np.integer):
        raise TypeError(f"extract_features: last is {last!r}, expected the number of a layer")
    if not 0 <= last < len(layers):
        raise ValueError(
            f"extract_features: there is no layer {last}, expected 0 to {len(layers) - 1}"
        )
    features = []
    for layer in layers[: last + 1]:
        x = layer(x)
        features.append(x)
    return features


def class_scores(
    function: str,
    model: Model,
    X: torch.Tensor,
    y: torch.Tensor,
    name: str = "y",
    check: bool = True,
) -> tuple[torch.Tensor, torch.Tensor]:
    """A model's scores, and of each picture the score of one class.

    Parameters
    ----------
    function : str
        Name of the calling function, with which a message begins.
    model : callable
    X : (N, 3, H, W) tensor of floats
    y : (N,) int64 tensor
        Classes.
    name : str
        What the caller calls ``y``.
    check : bool
        Look at the numbers, too, see ``CHECK_EVERY``; otherwise at the shape alone.

    Returns
    -------
    scores : (N, C) tensor
    chosen : (N,) tensor

    Raises
    ------
    TypeError
        If the model cannot be called, or gives no tensor of floats.
    ValueError
        If the scores have another shape, are not finite, or have no such class as in ``y``.
    """
    scores = _call(function, model, X)
    if scores.ndim != 2 or len(scores) != len(X):
        raise ValueError(
            f"{function}: the model gave scores of shape {tuple(scores.shape)}, "
            f"expected ({len(X)}, C)"
        )
    if check and (wrong := y[(y < 0) | (y >= scores.shape[1])].tolist()):
        raise ValueError(
            f"{function}: {name} contains class {wrong[0]}, expected 0 to {scores.shape[1] - 1}"
        )
    if check and not scores.isfinite().all():
        raise ValueError(f"{function}: the model gave scores that are NaN or infinite")
    return scores, scores.gather(1, y[:, None]).squeeze(1)


def _call(function: str, model: Model, X: torch.Tensor) -> torch.Tensor:
    if not callable(model):
        raise TypeError(
            f"{function}: model is a {type(model).__name__}, expected a network or another "
            "function from pictures to scores"
        )
    scores = model(X)
    if not isinstance(scores, torch.Tensor) or not scores.is_floating_point():
        given = scores.dtype if isinstance(scores, torch.Tensor) else type(scores).__name__
        raise TypeError(
            f"{function}: the model gave {given}, expected one tensor of floats, the scores (N, C)"
        )
    return scores


def gradient(
    function: str,
    value: torch.Tensor,
    X: torch.Tensor,
    retain_graph: bool = False,
    check: bool = True,
) -> torch.Tensor:
    """The gradient of a number that a model computed, with respect to what it was computed from.

    Parameters
    ----------
    function : str
        Name of the calling function, with which a message begins.
    value : () tensor
    X : tensor
        It must require a gradient; none is written into it.
    retain_graph : bool
        Keep what another gradient of the same pass needs.
    check : bool
        Look at the numbers, see ``CHECK_EVERY``.

    Returns
    -------
    tensor of the shape of ``X``

    Raises
    ------
    ValueError
        If nothing leads from ``value`` back to ``X``, or if the gradient is not finite.
    """
    found = None
    if value.requires_grad:
        (found,) = torch.autograd.grad(value, X, retain_graph=retain_graph, allow_unused=True)
    if found is None:
        raise ValueError(
            f"{function}: no gradient leads from the scores back to where it is asked for; the "
            "model must not detach its scores, compute them without what it was given, convert "
            "them to NumPy or run under torch.no_grad()"
        )
    if check and not all(end.isfinite() for end in found.aminmax()):
        raise ValueError(f"{function}: the model's gradient is NaN or infinite")
    return found


def check_generator(function: str, generator: torch.Generator) -> None:
    """Check a source of random numbers. With None, torch would draw on the one that all share.

    Raises
    ------
    TypeError
        If it is no ``torch.Generator``.
    ValueError
        If it is not on the CPU.
    """
    if not isinstance(generator, torch.Generator):
        raise TypeError(
            f"{function}: generator is a {type(generator).__name__}, expected a torch.Generator"
        )
    if generator.device.type != "cpu":
        raise ValueError(f"{function}: generator is on {generator.device}, expected the CPU")


def check_tensor(function: str, tensor: torch.Tensor, shape: str, name: str = "X") -> None:
    """Check what a tensor is, and not its numbers: to look at these is to wait for a GPU.

    Parameters
    ----------
    function : str
        Name of the calling function, with which every message begins.
    tensor : tensor of floats
    shape : str
        Such as ``"N 3 H W"``. A number stands for itself, a letter for any size but zero, ``...``
        at the beginning for any number of dimensions.
    name : str
        What the caller calls the tensor.

    Raises
    ------
    TypeError
        If it is no tensor of floats.
    ValueError
        If it has another shape, or a size is zero.
    """
    sizes = shape.split()
    expected = f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(
            f"{function}: {name} is a {type(tensor).__name__}, expected a tensor of floats of "
            f"shape {expected}"
        )
    if not tensor.is_floating_point():
        raise TypeError(f"{function}: {name} has dtype {tensor.dtype}, expected floats")
    more = sizes[0] == "..."
    sizes = sizes[more:]
    fits = tensor.ndim >= len(sizes) if more else tensor.ndim == len(sizes)
    if not fits or any(
        size.isdigit() and given != int(size)
        for size, given in zip(sizes, tensor.shape[tensor.ndim - len(sizes) :])
    ):
        raise ValueError(f"{function}: {name} has shape {tuple(tensor.shape)}, expected {expected}")
    if tensor.numel() == 0:
        raise ValueError(
            f"{function}: {name} has shape {tuple(tensor.shape)}, expected {expected} with no "
            "size zero"
        )


def check_pictures(
    function: str, X: torch.Tensor, model: Model | None = None, name: str = "X"
) -> None:
    """Check that a tensor holds normalised pictures, and that a model can read them.

    Raises
    ------
    TypeError
        If ``X`` is no tensor of floats, or of other floats than the model's weights.
    ValueError
        If its shape is not (N, 3, H, W) with no size zero; if a pixel is NaN, infinite or far from
        normalised; if the model is on another device.
    """
    if not isinstance(X, torch.Tensor):
        raise TypeError(
            f"{function}: {name} is a {type(X).__name__}, expected a tensor of shape (N, 3, H, W); "
            "cs231n_lib.images.preprocess makes one"
        )
    if not X.is_floating_point():
        raise TypeError(
            f"{function}: {name} has dtype {X.dtype}, expected floats; "
            "cs231n_lib.images.preprocess normalises pictures"
        )
    if X.ndim != 4 or X.shape[1] != 3:
        raise ValueError(
            f"{function}: {name} has shape {tuple(X.shape)}, expected (N, 3, H, W) with 3 colours"
        )
    if X.numel() == 0:
        raise ValueError(
            f"{function}: {name} has shape {tuple(X.shape)}, expected no size to be zero"
        )
    weight = next(model.parameters(), None) if isinstance(model, nn.Module) else None
    if weight is not None and weight.device != X.device:
        raise ValueError(
            f"{function}: {name} is on {X.device}, but the model is on {weight.device}; "
            f"move one of them, as in {name}.to({str(weight.device)!r})"
        )
    if weight is not None and weight.dtype != X.dtype:
        raise TypeError(
            f"{function}: {name} has dtype {X.dtype}, but the model's weights {weight.dtype}"
        )
    low, high = (end.item() for end in X.detach().aminmax())  # NaN if there is one
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"{function}: {name} contains pixels that are NaN or infinite")
    if max(-low, high) > _LARGEST_PIXEL:
        raise ValueError(
            f"{function}: {name} has values from {low:.4g} to {high:.4g}, "
            "expected normalised pixels, about -2.2 to 2.7; cs231n_lib.images.preprocess "
            "normalises pictures"
        )


def check_classes(function: str, y: torch.Tensor, X: torch.Tensor, name: str = "y") -> None:
    """Check that a tensor holds one class for each picture. :func:`class_scores` checks how large.

    Raises
    ------
    TypeError
        If ``y`` is no int64 tensor.
    ValueError
        If its shape is not (N,), if it is on another device than ``X``, or if a class is negative.
    """
    if not isinstance(y, torch.Tensor) or y.dtype != torch.int64:
        given = y.dtype if isinstance(y, torch.Tensor) else type(y).__name__
        raise TypeError(f"{function}: {name} is {given}, expected an int64 tensor of classes")
    if y.shape != X.shape[:1]:
        raise ValueError(
            f"{function}: {name} has shape {tuple(y.shape)}, expected ({len(X)},), "
            "one class for each picture"
        )
    if y.device != X.device:
        raise ValueError(f"{function}: {name} is on {y.device}, but the pictures are on {X.device}")
    if y.min() < 0:
        raise ValueError(f"{function}: {name} contains class {y.min().item()}, expected 0 or more")
