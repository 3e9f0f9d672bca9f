"""Contracts of the update rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cs231n_lib.speak.optim import adam, rmsprop, sgd, sgd_momentum
from tests.contracts import Contract, Refusal
from tests.gradients import normal


def _first_step() -> dict[str, Any]:
    return normal(0, w=(2, 3), dw=(2, 3)) | {"config": {"learning_rate": 0.1}}


def _later_step(rule: Callable) -> Callable[[], dict[str, Any]]:
    """Arguments with running averages, which a rule must not change in place."""

    def arguments() -> dict[str, Any]:
        given = _first_step()
        w, config = rule(**given)
        return given | {"w": w, "config": config}

    return arguments


_REFUSES = (
    Refusal(
        "a gradient of another shape", lambda a: {"dw": a["dw"].T},
        ValueError, r"dw has shape \(3, 2\), expected \(2, 3\), that of w",
    ),
    Refusal(
        "one gradient for several weights", lambda a: {"dw": a["dw"][:1]},
        ValueError, r"dw has shape \(1, 3\), expected \(2, 3\), that of w",
    ),
    Refusal(
        "an integer weight", lambda a: {"w": a["w"].astype(int)},
        TypeError, "w is int64, expected a NumPy array of floats",
    ),
    Refusal(
        "a complex gradient", lambda a: {"dw": a["dw"].astype(complex)},
        TypeError, "dw is complex128, expected a NumPy array of floats",
    ),
    Refusal(
        "a list instead of an array", lambda a: {"w": a["w"].tolist()},
        TypeError, "w is list, expected a NumPy array of floats",
    ),
    Refusal("a rate for a config", {"config": 0.1}, TypeError, "config is a float, expected"),
    Refusal(
        "a setting that it does not know", {"config": {"rate": 0.1}},
        ValueError, r"config has unknown keys \['rate'\]",
    ),
    Refusal(
        "a negative learning rate", {"config": {"learning_rate": -0.1}},
        ValueError, "learning_rate is -0.1, expected at least 0",
    ),
    Refusal(
        "a learning rate of NaN", {"config": {"learning_rate": float("nan")}},
        ValueError, "learning_rate is nan, expected at least 0",
    ),
    Refusal(
        "a learning rate in text", {"config": {"learning_rate": "0.1"}},
        TypeError, "learning_rate is '0.1', expected a number",
    ),
)  # fmt: skip


def _refuses_share(key: str) -> Refusal:
    return Refusal(
        f"a {key} above 1", {"config": {key: 1.5}},
        ValueError, f"{key} is 1.5, expected at least 0 and at most 1",
    )  # fmt: skip


def _refuses_average(key: str) -> Refusal:
    return Refusal(
        f"a running average {key!r} of another shape", {"config": {key: np.zeros(3)}},
        ValueError, rf"config has '{key}' of shape \(3,\), expected \(2, 3\)",
    )  # fmt: skip


CONTRACTS = (
    Contract(sgd, _first_step, _REFUSES),
    Contract(
        sgd_momentum,
        _later_step(sgd_momentum),
        (*_REFUSES, _refuses_share("momentum"), _refuses_average("velocity")),
    ),
    Contract(
        rmsprop,
        _later_step(rmsprop),
        (*_REFUSES, _refuses_share("decay_rate"), _refuses_average("cache")),
    ),
    Contract(
        adam,
        _later_step(adam),
        (
            *_REFUSES,
            _refuses_share("beta1"),
            _refuses_share("beta2"),
            _refuses_average("m"),
            Refusal(
                "a number of steps that is not whole", {"config": {"t": 2.5}},
                TypeError, "t is 2.5, expected a whole number",
            ),
            Refusal(
                "a negative number of steps", {"config": {"t": -1}},
                ValueError, "t is -1, expected at least 0",
            ),
        ),
    ),
)  # fmt: skip
