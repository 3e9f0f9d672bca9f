"""Update rules: see :mod:`cs231n_lib.speak.optim`; Adam in Assignment 3's own form."""

from __future__ import annotations

import numpy as np

from cs231n_lib.speak import optim
from cs231n_lib.speak.optim import rmsprop, sgd, sgd_momentum

__all__ = ["adam", "rmsprop", "sgd", "sgd_momentum"]


def adam(x: np.ndarray, dx: np.ndarray, config: dict | None = None) -> tuple[np.ndarray, dict]:
    """Adam with epsilon *before* the correction for the start at zero, as Assignment 3 has it.

    Assignment 2, the paper and :func:`cs231n_lib.speak.optim.adam` correct ``v`` first and add
    epsilon to its root then. Epsilon added before weighs ``1 / sqrt(1 - beta2**t)`` times as much,
    32 times in the first step. That shows where gradients are as small as epsilon: at 1e-8 the
    first step is 16 times shorter.
    """
    config = {"beta2": 0.999, "epsilon": 1e-8, "t": 0, **(config or {})}
    epsilon = config["epsilon"]
    config["epsilon"] = epsilon / np.sqrt(1 - config["beta2"] ** (config["t"] + 1))
    next_x, config = optim.adam(x, dx, config)
    return next_x, config | {"epsilon": epsilon}
