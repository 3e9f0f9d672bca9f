"""Numerical gradients: see :func:`cs231n_lib.speak.gradient_check.numeric_gradient`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cs231n_lib.speak.gradient_check import numeric_gradient


def eval_numerical_gradient(
    f: Callable[[np.ndarray], float], x: np.ndarray, verbose: bool = True, h: float = 1e-5
) -> np.ndarray:
    """The gradient of a number; ``verbose`` prints every part of it."""
    grad = numeric_gradient(f, x, 1.0, h)
    if verbose:
        for index in np.ndindex(x.shape):
            print(index, grad[index])
    return grad


def eval_numerical_gradient_array(
    f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, df: np.ndarray, h: float = 1e-5
) -> np.ndarray:
    """The gradient of ``sum(f(x) * df)``."""
    return numeric_gradient(f, x, df, h)
