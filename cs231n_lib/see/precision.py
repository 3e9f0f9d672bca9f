"""How precisely PyTorch computes: half precision, autocast and inference mode.

Functions that look into a network are right in half precision, float16 and bfloat16: the network
works in it, and what is done with its answers is done in float32 (:func:`in_float32`). All others
refuse it (:mod:`cs231n_lib.see.checks`).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import torch
from torch import nn

from cs231n_lib.checks import named

__all__ = ["in_float32", "normal", "plainly", "widened"]

F = TypeVar("F", bound=Callable)

_DEVICES = ("cpu", "cuda", "mps")


def normal(shape: Sequence[int], generator: torch.Generator) -> torch.Tensor:
    """Numbers of a standard normal distribution: float32 on the CPU, whatever PyTorch's defaults.

    Parameters
    ----------
    shape : sequence of ints
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    tensor
        The same for the same state of the generator, on every machine.
    """
    return torch.randn(*shape, generator=generator, dtype=torch.float32, device="cpu")


def widened(value: Any) -> Any:
    """A tensor of half precision in float32; anything else as it is."""
    half = isinstance(value, torch.Tensor) and value.dtype in (torch.float16, torch.bfloat16)
    return value.float() if half else value


def in_float32(function: F) -> F:
    """Let a function compute in float32 what it is asked in half precision.

    Its tensors of half precision reach it in float32. A ``model`` among its arguments still gets
    pictures in the dtype of ``X``, or else of the first argument, and the function still returns
    tensors of that dtype. Where it cannot hold them, ValueError is raised.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def entry(*args: Any, **kwargs: Any) -> Any:
        if not any(widened(value) is not value for value in (*args, *kwargs.values())):
            return function(*args, **kwargs)
        call = signature.bind(*args, **kwargs)
        given = call.arguments
        dtype = given.get("X", call.args[0]).dtype
        given.update({name: widened(value) for name, value in given.items()})
        if "model" in given:
            given["model"] = _Narrow(given["model"], dtype)
        result = function(*call.args, **call.kwargs)
        if isinstance(result, tuple):
            return tuple(_narrowed(part, dtype) for part in result)
        return _narrowed(result, dtype)

    return entry


def _narrowed(part: Any, dtype: torch.dtype) -> Any:
    if not isinstance(part, torch.Tensor) or not part.is_floating_point():
        return part
    narrow = part.to(dtype)
    if narrow.isinf().any() and not part.isinf().any():
        raise ValueError(
            named(
                f"the answer goes up to {part.abs().max():.3g}, and {dtype} to "
                f"{torch.finfo(dtype).max:.3g}; give X.float(), and model.float()"
            )
        )
    return narrow


class _Narrow(nn.Module):
    """A model that gets its pictures in a dtype."""

    def __init__(self, model: Callable[[torch.Tensor], torch.Tensor], dtype: torch.dtype) -> None:
        super().__init__()
        self.model, self.dtype = model, dtype

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.model(X.to(self.dtype))

    def named_modules(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, nn.Module]]:
        """Those of the model: an error names a layer as the caller knows it."""
        named_by = self.model if isinstance(self.model, nn.Module) else super()
        return named_by.named_modules(*args, **kwargs)


@contextmanager
def plainly() -> Iterator[None]:
    """Leave ``torch.inference_mode`` and ``torch.autocast``, as a context or as a decorator.

    Inside, a gradient can be had with ``torch.enable_grad``, and numbers are as precise as those
    that they are computed from.
    """
    with ExitStack() as left:
        if torch.is_inference_mode_enabled():
            left.enter_context(torch.inference_mode(False))
            left.enter_context(torch.no_grad())
        for device in _DEVICES:
            if torch.is_autocast_enabled(device):
                left.enter_context(torch.autocast(device, enabled=False))
        yield
