"""What the tests of gradients share: exact differences, autograd, arrays that cannot change."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from cs231n_lib.speak.gradient_check import numeric_gradient

FLOATS = (np.float16, np.float32, np.float64, np.longdouble)

Arrays = dict[str, np.ndarray]


def central_differences(
    f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, df: np.ndarray | float
) -> np.ndarray:
    """Central differences at two widths, combined so that the error of order h**2 cancels.

    What is left is about 1e-12, so that a relative error of 1e-7 has meaning even for a number
    as small as 1e-5.
    """
    narrow = numeric_gradient(f, x, df, h=5e-4)
    wide = numeric_gradient(f, x, df, h=1e-3)
    return (4 * narrow - wide) / 3


def differences_by_name(
    forward: Callable[..., np.ndarray], arguments: Arrays, upstream: np.ndarray
) -> Arrays:
    """The gradient with respect to each argument of ``forward``, by central differences."""
    return {
        name: central_differences(lambda _: forward(**arguments), argument, upstream)
        for name, argument in arguments.items()
    }


def autograd(
    forward: Callable[..., torch.Tensor], arguments: Arrays, upstream: np.ndarray
) -> tuple[np.ndarray, Arrays]:
    """The output of ``forward``, written in PyTorch, and the gradient for each argument."""
    leaves = {name: torch.tensor(a, requires_grad=True) for name, a in arguments.items()}
    out = forward(**leaves)
    out.backward(torch.tensor(upstream))
    return out.detach().numpy(), {name: leaf.grad.numpy() for name, leaf in leaves.items()}


def normal(seed: int, **shapes: tuple[int, ...]) -> Arrays:
    """Arrays of normal numbers."""
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def read_only(arrays: Arrays) -> Arrays:
    """Copies that raise an error when they are written to."""
    copies = {name: array.copy() for name, array in arrays.items()}
    for array in copies.values():
        array.flags.writeable = False
    return copies


def strided(arrays: Arrays) -> Arrays:
    """Equal arrays that lie in memory backwards and with gaps."""
    return {
        name: np.repeat(array, 2, axis=-1)[..., ::2][..., ::-1].copy()[..., ::-1]
        for name, array in arrays.items()
    }


def cast(arrays: Arrays, dtype: type) -> Arrays:
    return {name: array.astype(dtype) for name, array in arrays.items()}
