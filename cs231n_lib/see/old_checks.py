"""TO BE DELETED: checks in their old form, until every caller declares."""

from __future__ import annotations

import math

import torch
from torch import nn

_LARGEST_PIXEL = 20.0
Model = object


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
            "cs231n_lib.see.images.preprocess makes one"
        )
    if not X.is_floating_point():
        raise TypeError(
            f"{function}: {name} has dtype {X.dtype}, expected floats; "
            "cs231n_lib.see.images.preprocess normalises pictures"
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
            "expected normalised pixels, about -2.2 to 2.7; cs231n_lib.see.images.preprocess "
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
