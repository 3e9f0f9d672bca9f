"""Kinds of arguments of the half that sees, in addition to those of :mod:`cs231n_lib.checks`.

What kind of tensor it is can be checked at once; looking at its numbers means waiting for a GPU.

A kind refuses half precision, float16 and bfloat16, unless it is declared with ``half``. Functions
that look, by one pass through a network or the mean of several, are right in it: they add up in
float32, and their answer has the dtype of the pictures. Functions that make something step by step,
or measure it, are not: a step can be lost in rounding.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from cs231n_lib.checks import Call, Instance, a_type, check_precision, check_shape, named, shown

__all__ = [
    "CHAIN",
    "MODEL",
    "NETWORK",
    "PAINTER",
    "Classes",
    "Generator",
    "Like",
    "Model",
    "Models",
    "Network",
    "Pictures",
    "Tensor",
    "as_classes",
    "check_device",
    "check_floats",
    "check_like",
    "check_maps",
    "check_output",
    "several",
]

# Anything that turns normalised pictures (N, 3, H, W) into class scores (N, C).
Model = Callable[[torch.Tensor], torch.Tensor]

# Normalised pixels lie between -2.2 and 2.7. Far beyond this, somebody forgot to normalise.
_LARGEST_PIXEL = 20.0


@dataclass(frozen=True)
class Tensor:
    """A tensor of floats with a given shape; with ``finite``, of finite numbers.

    ``on`` names another argument whose device it must share. ``half`` precision may be right too.
    """

    shape: str
    finite: bool = False
    on: str = ""
    half: bool = False

    def __call__(self, name: str, tensor: torch.Tensor, call: Call) -> None:
        check_floats(name, tensor, "a tensor of floats", self.half, call)
        check_shape(name, tensor.shape, self.shape, call)
        if self.on:
            check_device(name, tensor, self.on, call.arguments[self.on])
        if self.finite and not tensor.isfinite().all():
            raise ValueError(named(f"{name} contains values that are NaN or infinite"))


@dataclass(frozen=True)
class Like:
    """A tensor of floats with the shape and on the device of another argument."""

    other: str

    def __call__(self, name: str, tensor: torch.Tensor, call: Call) -> None:
        check_floats(name, tensor, "a tensor of floats")
        check_like(name, tensor, self.other, call.arguments[self.other])


def check_like(name: str, tensor: torch.Tensor, other: str, given: torch.Tensor) -> None:
    """Raise ValueError unless two tensors have the same shape, and are on the same device."""
    if tensor.shape != given.shape:
        raise ValueError(
            named(f"{name} has shape {tuple(tensor.shape)}, expected {tuple(given.shape)}")
        )
    check_device(name, tensor, other, given)


def check_device(name: str, tensor: torch.Tensor, other: str, given: torch.Tensor) -> None:
    """Raise ValueError unless two tensors are on the same device."""
    if tensor.device != given.device:
        raise ValueError(
            named(
                f"{name} is on {tensor.device}, but {other} is on {given.device}; "
                "move one of them with .to()"
            )
        )


def check_floats(
    name: str, tensor: torch.Tensor, expected: str, half: bool = False, call: Call | None = None
) -> None:
    """Raise TypeError unless something is a tensor of floats, which may have ``half`` precision."""
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(named(f"{name} is {a_type(tensor)}, expected {expected}"))
    if not tensor.is_floating_point():
        raise TypeError(named(f"{name} has dtype {tensor.dtype}, expected floats"))
    if not half or tensor.element_size() < 2:
        both = " and model.float()" * (call is not None and "model" in call.arguments)
        check_precision(name, tensor.dtype, f"{name}.float(){both}")


@dataclass(frozen=True)
class Pictures:
    """Normalised pictures, (N, 3, H, W), that the model of the same call can read.

    ``like`` names another argument: the pictures have its dtype and device, and there is one for
    each of its own or one for all. ``half`` precision may be right too.
    """

    like: str = ""
    shape: str = "N 3 H W"
    half: bool = False

    def __call__(self, name: str, X: torch.Tensor, call: Call) -> None:
        check_floats(name, X, "a tensor of shape (N, 3, H, W); cs231n_lib.see.images.preprocess "
                     "makes one", self.half, call)  # fmt: skip
        if self.like:
            _check_like(name, X, self.like, call.arguments[self.like])
        else:
            check_shape(name, X.shape, self.shape, call)
        for model in several(call.arguments.get("model")):
            _check_reads(name, X, model)
        low, high = (end.item() for end in X.detach().aminmax())  # NaN if there is one
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError(named(f"{name} contains pixels that are NaN or infinite"))
        if max(-low, high) > _LARGEST_PIXEL:
            raise ValueError(
                named(
                    f"{name} has values from {shown(low, -_LARGEST_PIXEL)} to "
                    f"{shown(high, _LARGEST_PIXEL)}, expected normalised pixels, "
                    "about -2.2 to 2.7; cs231n_lib.see.images.preprocess normalises pictures"
                )
            )


def _check_like(name: str, X: torch.Tensor, other: str, given: torch.Tensor) -> None:
    if X.device != given.device or X.dtype != given.dtype:
        raise ValueError(
            named(
                f"{name} is {X.dtype} on {X.device}, but {other} is {given.dtype} on {given.device}"
            )
        )
    if X.shape not in (given.shape, (1, *given.shape[1:])):
        raise ValueError(
            named(
                f"{name} has shape {tuple(X.shape)}, expected {tuple(given.shape)}"
                + f" or {(1, *given.shape[1:])}" * (len(given) > 1)
            )
        )


def several(model: Any) -> list[Any]:
    """The models of a list or tuple, or the single one."""
    return list(model) if isinstance(model, list | tuple) else [model]


def _check_reads(name: str, X: torch.Tensor, model: Any) -> None:
    weights = model.parameters() if isinstance(model, nn.Module) else ()
    weight = next((weight for weight in weights if weight.is_floating_point()), None)
    if weight is not None and (is_lazy(weight) or weight.is_meta):
        return  # it has no numbers yet, as the kind of the model says
    if weight is not None and weight.device != X.device:
        raise ValueError(
            named(
                f"{name} is on {X.device}, but the model is on {weight.device}; "
                f"move one of them, as in {name}.to({str(weight.device)!r})"
            )
        )
    if weight is not None and weight.dtype != X.dtype:
        narrower = weight.element_size() < X.element_size()
        give = f"model.to({X.dtype})" if narrower else f"{name}.to({weight.dtype})"
        raise TypeError(
            named(
                f"{name} has dtype {X.dtype}, but the model's weights are {weight.dtype}; "
                f"give {give}"
            )
        )


@dataclass(frozen=True)
class Classes:
    """An int64 tensor of classes, one for each of the pictures ``of``, on their device.

    With ``one_for_all``, a whole number is accepted too. Classes must be less than ``below``;
    without it, only the scores can tell: see :func:`cs231n_lib.see.network.class_scores`.
    """

    of: str = "X"
    one_for_all: bool = False
    below: float = math.inf

    def __call__(self, name: str, y: torch.Tensor | int, call: Call) -> None:
        X = call.arguments[self.of]
        if self.one_for_all and isinstance(y, int | np.integer) and not isinstance(y, bool):
            y = torch.tensor(int(y), device=X.device).expand(len(X))
        if not isinstance(y, torch.Tensor) or y.dtype != torch.int64:
            given = y.dtype if isinstance(y, torch.Tensor) else type(y).__name__
            raise TypeError(named(f"{name} is {given}, expected an int64 tensor of classes"))
        if y.shape != X.shape[:1]:
            raise ValueError(
                named(
                    f"{name} has shape {tuple(y.shape)}, expected ({len(X)},), "
                    "one class for each picture"
                )
            )
        if y.device != X.device:
            raise ValueError(named(f"{name} is on {y.device}, but the pictures are on {X.device}"))
        if y.min() < 0:
            raise ValueError(named(f"{name} contains class {y.min().item()}, expected 0 or more"))
        if y.max() >= self.below:
            raise ValueError(
                named(f"{name} contains class {y.max().item()}, expected 0 to {self.below - 1}")
            )


def as_classes(name: str, y: int | Sequence[int] | torch.Tensor) -> torch.Tensor:
    """Classes as a tensor, (N,) int64, from a whole number, a list or a tensor of them.

    Raises TypeError if they are not whole numbers, ValueError if there are none.
    """
    try:
        classes = torch.as_tensor(y)
    except (TypeError, ValueError, RuntimeError):  # PyTorch's, for what is not numbers at all
        classes = torch.tensor(torch.nan)
    if classes.numel() == 0:
        raise ValueError(named(f"{name} is empty, expected at least one class"))
    whole = not (classes.is_floating_point() or classes.is_complex() or classes.dtype == torch.bool)
    if not whole or classes.ndim > 1:
        raise TypeError(named(f"{name} is {y!r}, expected a class or a list of classes"))
    return classes.reshape(-1).long()


@dataclass(frozen=True)
class Models:
    """A model that can be run, or with ``several`` a sequence of them."""

    several: bool = False

    def __call__(self, name: str, model: Model | list[Model], call: Call) -> None:
        models = several(model) if self.several else [model]
        if not models:
            raise ValueError(named(f"{name} is empty, expected at least one"))
        for one in models:
            if not callable(one):
                raise TypeError(
                    named(
                        f"{name} is {a_type(one)}, expected a network or another "
                        "function from pictures to scores"
                    )
                )
            if isinstance(one, nn.Module):
                _check_runs(name, one)
            elif isinstance(one, type) or hasattr(one, "declared"):  # as squeezenet itself
                made = f"{one.__name__}()"
                raise TypeError(
                    named(f"{name} is {one.__name__}, expected the network that it makes: {made}")
                )


@dataclass(frozen=True)
class Network:
    """A module that can be run; ``hint`` says how to make one.

    ``half`` precision may be right too.
    """

    of: type
    hint: str = ""
    half: bool = False

    def __call__(self, name: str, model: nn.Module, call: Call | None = None) -> None:
        Instance(self.of, self.hint)(name, model)
        if self.of is nn.Sequential and type(model).forward is not nn.Sequential.forward:
            raise TypeError(
                named(
                    f"{name} is {a_type(model)} with a forward() of its own, expected a chain of "
                    "layers; give torch.nn.Sequential() of such layers"
                )
            )
        _check_runs(name, model)
        for weight in () if self.half else model.parameters():
            if weight.is_floating_point():
                check_precision(name, weight.dtype, f"{name}.float()")


def _check_runs(name: str, model: nn.Module) -> None:
    if getattr(model.forward, "__func__", None) is nn.Module.forward:
        raise TypeError(
            named(
                f"{name} is {a_type(model)}, which has no forward(); give a torch.nn.Sequential of "
                "its layers, or a list where several models may be given"
            )
        )
    for layer, weight in itertools.chain(model.named_parameters(), model.named_buffers()):
        if is_lazy(weight):
            raise ValueError(
                named(f"{name} is lazy, {layer!r} has no size yet; run it once on a picture first")
            )
        if weight.is_meta:
            raise ValueError(named(f"{name} is on meta, a device that holds no numbers"))
        if weight.is_inference():
            raise ValueError(
                named(
                    f"{name} was made under torch.inference_mode(), so no gradient can be had; "
                    "make it outside, or give copy.deepcopy(model), made outside"
                )
            )


def check_output(name: str, output: torch.Tensor, expected: str) -> None:
    """Raise TypeError unless a network or a layer gave one ordinary tensor of floats."""
    if not isinstance(output, torch.Tensor):
        given = type(output).__name__
    elif not output.is_floating_point():
        given = output.dtype
    elif output.is_nested or output.layout != torch.strided:
        given = f"a tensor of layout {output.layout}" if not output.is_nested else "a nested tensor"
    else:
        return
    raise TypeError(named(f"{name} gave {given}, expected one tensor of floats, {expected}"))


def check_maps(
    name: str, maps: torch.Tensor, X: torch.Tensor, again: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    """Raise TypeError or ValueError unless a layer gave maps, (N, C, h, w), of pictures X.

    The sides of maps are in the same proportion as those of the pictures, within two places. If
    the second and the third size are so too, or they alone, ``again``, which gives the layer's
    output for other pictures, is asked for one half as wide: which size has become smaller?
    """
    check_output(name, maps, "maps, (N, C, h, w)")
    shape, (H, W) = tuple(maps.shape), X.shape[2:]
    if len(shape) != 4:
        raise ValueError(
            named(f"{name} gives shape {shape}, expected maps, (N, C, h, w); choose another layer")
        )
    last, first = (abs(h * W - w * H) <= 2 * max(H, W) for h, w in (shape[1:3], shape[2:]))
    if not last:
        return
    try:
        h, w = again(X[:1, ..., : W // 2].detach()).shape[2:]
        last = h < shape[2] and w == shape[3]
    except ValueError:  # the network reads pictures of one size, or none so narrow
        last = not first
    if last:
        raise ValueError(
            named(
                f"{name} gives shape {shape}, channels last, expected maps, (N, C, h, w); choose "
                "a layer behind a permutation, as is 'permute' of torchvision's Swin Transformer"
            )
        )


@dataclass(frozen=True)
class Generator:
    """A source of random numbers on the CPU, so that they are the same on every device."""

    def __call__(self, name: str, generator: torch.Generator, call: Call) -> None:
        Instance(torch.Generator)(name, generator)
        if generator.device.type != "cpu":
            raise ValueError(named(f"{name} is on {generator.device}, expected the CPU"))


MODEL = Models()
NETWORK = Network(nn.Module, half=True)
CHAIN = Network(nn.Sequential, "such as squeezenet().features", half=True)
PAINTER = Network(nn.Sequential, "such as squeezenet().features")
