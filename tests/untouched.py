"""Photographs of everything that a function could damage, to be compared before and after a call.

A photograph is a flat dict from a path, such as ``"model.features.0.weight"``, to something that is
equal only if not a bit has changed there.
"""

from __future__ import annotations

import hashlib
import locale
import os
import random
import sys
import types
import warnings
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image
from torch import nn

__all__ = ["differences", "memory", "photograph", "photograph_files", "photograph_shared"]

Photograph = dict[str, Any]

# What cannot be looked into, or is not worth it: the same object afterwards is all that is asked.
_BY_IDENTITY = (type, types.ModuleType, types.BuiltinFunctionType, Iterator)
_BY_NAME = (str, bytes, int, float, complex, Path, np.dtype, torch.dtype, torch.device, type(None))


def photograph(**values: Any) -> Photograph:
    """Photograph values: arrays, tensors, models, random generators, containers, any object."""
    picture: Photograph = {}
    for name, value in values.items():
        _look(value, name, picture, seen={})
    return picture


def photograph_shared() -> Photograph:
    """Photograph what all functions share: random states, settings, figures, the process."""
    # Flat already, and compared as they are: this is done more than a thousand times.
    matplotlib.get_backend()  # chosen when first asked for, which does no damage
    name, keys, *position = np.random.get_state()  # noqa: NPY002 – that it stays as it is
    settings = {
        "random": random.getstate(),
        "numpy.random": (name, keys.tobytes(), *position),
        "numpy.errors": np.geterr(),
        "numpy.print": np.get_printoptions(),
        "torch.random": torch.get_rng_state().numpy().tobytes(),
        "torch.default dtype": torch.get_default_dtype(),
        "torch.default device": torch.get_default_device(),
        "torch.threads": torch.get_num_threads(),
        "torch.gradients": torch.is_grad_enabled(),
        "torch.inference": torch.is_inference_mode_enabled(),
        "torch.deterministic": torch.are_deterministic_algorithms_enabled(),
        "torch.deterministic cuDNN": torch.backends.cudnn.deterministic,
        "torch.benchmarks of cuDNN": torch.backends.cudnn.benchmark,
        "torch.precision of products": torch.get_float32_matmul_precision(),
        "figures": plt.get_fignums(),
        "warnings": list(warnings.filters),
        "locale": locale.setlocale(locale.LC_ALL),
        "folder": str(Path.cwd()),
        "path": list(sys.path),
    }
    settings |= {f"matplotlib.{key}": value for key, value in dict.items(matplotlib.rcParams)}
    return settings | {f"environment.{key}": value for key, value in os.environ.items()}


def photograph_files(folder: Path) -> Photograph:
    """Photograph every file and folder below ``folder``."""
    return {
        str(path.relative_to(folder)): _digest(path.read_bytes()) if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }


def differences(before: Photograph, after: Photograph) -> list[str]:
    """The paths at which two photographs differ."""
    return sorted(
        path
        for path in before.keys() | after.keys()
        if path not in before or path not in after or before[path] != after[path]
    )


def memory(value: Any, path: str = "result") -> Iterator[tuple[str, np.ndarray]]:
    """Where the numbers of a value lie: its arrays and tensors, as arrays, with their paths.

    A network's weights are its own, whoever holds it.
    """
    if isinstance(value, torch.Tensor):
        if value.device.type == "cpu" and value.layout == torch.strided:
            value = value.detach()
            yield (
                path,
                (value.view(torch.int16) if value.dtype == torch.bfloat16 else value).numpy(),
            )
    elif isinstance(value, np.ndarray):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from memory(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from memory(item, f"{path}.{index}")
    elif not isinstance(value, (nn.Module, *_BY_IDENTITY)) and not type(
        value
    ).__module__.startswith("matplotlib"):
        for name, item in getattr(value, "__dict__", {}).items():
            yield from memory(item, f"{path}.{name}")


def _look(value: Any, path: str, picture: Photograph, seen: dict[int, Any]) -> None:
    if isinstance(value, _BY_NAME):
        picture[path] = (type(value), repr(value))  # so that NaN equals NaN, and 1 is not True
        return
    if id(value) in seen:  # seen before, perhaps in itself
        picture[path] = id(value)
        return
    seen[id(value)] = value  # kept alive: an identity is not given twice
    if isinstance(value, np.ndarray):
        _look_at_array(value, path, picture, seen)
    elif isinstance(value, torch.Tensor):
        _look_at_tensor(value, path, picture, seen)
    elif isinstance(value, np.generic):
        picture[path] = (value.dtype, value.tobytes())
    elif isinstance(value, np.random.Generator):
        picture[path] = repr(value.bit_generator.state)
    elif isinstance(value, torch.Generator):
        picture[path] = _digest(value.get_state().numpy().tobytes())
    elif isinstance(value, Image.Image):
        picture[path] = (value.mode, value.size, _digest(value.tobytes()))
    elif isinstance(value, Mapping):
        picture[path] = (type(value), [repr(key) for key in value])  # the order counts as well
        for key, item in value.items():
            _look(item, f"{path}.{key}", picture, seen)
    elif isinstance(value, list | tuple):
        picture[path] = (type(value), len(value))
        for index, item in enumerate(value):
            _look(item, f"{path}.{index}", picture, seen)
    elif isinstance(value, Set):
        picture[path] = (type(value), sorted(map(repr, value)))
    elif isinstance(value, _BY_IDENTITY) or type(value).__module__.startswith("matplotlib"):
        picture[path] = id(value)
    elif isinstance(value, types.MethodType):
        picture[path] = value.__func__.__qualname__
        _look(value.__self__, f"{path}.__self__", picture, seen)
    else:  # a model, a scene, a solver: what its attributes hold
        picture[path] = (type(value), id(value))
        for name, item in getattr(value, "__dict__", {}).items():
            _look(item, f"{path}.{name}", picture, seen)


def _look_at_array(array: np.ndarray, path: str, picture: Photograph, seen: dict) -> None:
    picture[path] = (array.dtype, array.shape, array.strides, array.flags.writeable)
    if array.dtype.hasobject:
        _look(array.ravel().tolist(), f"{path}.objects", picture, seen)
    else:
        picture[f"{path}.content"] = _digest(array.tobytes())


def _look_at_tensor(tensor: torch.Tensor, path: str, picture: Photograph, seen: dict) -> None:
    picture[path] = (tensor.dtype, tensor.shape, tensor.device, tensor.requires_grad)
    picture[f"{path}.hooks"] = sorted(tensor._backward_hooks or ())
    if tensor.layout == torch.strided:
        picture[f"{path}.strides"] = tensor.stride()
    if tensor.device.type != "meta":
        plain = tensor.detach().to_dense().cpu().contiguous().reshape(-1)
        picture[f"{path}.content"] = _digest(plain.view(torch.uint8).numpy().tobytes())
    _look(tensor.grad if tensor.is_leaf else None, f"{path}.grad", picture, seen)


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
