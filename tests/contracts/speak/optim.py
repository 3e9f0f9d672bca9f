"""Contracts of the update rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cs231n_lib.speak.optim import adam, rmsprop, sgd, sgd_momentum
from tests.contracts import Contract, Refusal
from tests.gradients import normal


def _later_step(rule: Callable) -> Callable[[], dict[str, Any]]:
    """Arguments with running averages, which a rule must not change in place."""

    def arguments() -> dict[str, Any]:
        given = normal(0, w=(2, 3), dw=(2, 3))
        w, config = rule(**given)
        return given | {"w": w, "config": config}

    return arguments


_REFUSES = (
    Refusal(
        "a gradient of another shape", lambda a: {"dw": a["dw"].T},
        ValueError, r"dw has shape \(3, 2\), expected \(2, 3\), that of w",
    ),
    Refusal(
        "an integer weight", lambda a: {"w": a["w"].astype(int)},
        TypeError, "w is int64, expected a NumPy array of floats",
    ),
    *(
        Refusal(
            f"half precision: {name}", lambda a, name=name: {name: a[name].astype(np.float16)},
            TypeError,
            rf"{name} has dtype float16, expected float32 or float64: half precision is too "
            rf"coarse here; give {name}.astype\(np.float32\)",
        )
        for name in ("w", "dw")
    ),
    Refusal(
        "a complex gradient", lambda a: {"dw": a["dw"].astype(complex)},
        TypeError, "dw is complex128, expected a NumPy array of floats",
    ),
    Refusal(
        "a setting that it does not know", {"config": {"rate": 0.1}},
        ValueError, r"config has unknown keys \['rate'\], expected some of \['",
    ),
    Refusal(
        "a negative learning rate", {"config": {"learning_rate": -0.1}},
        ValueError, r"config\['learning_rate'\] is -0.1, expected at least 0",
    ),
    Refusal(
        "a learning rate in text", {"config": {"learning_rate": "0.1"}},
        TypeError, r"config\['learning_rate'\] is '0.1', expected a number",
    ),
)  # fmt: skip


def _refuses(key: str, value: Any, error: type[Exception], says: str) -> Refusal:
    return Refusal(f"{key} of {value}", {"config": {key: value}}, error, rf"\['{key}'\] {says}")


def _refuses_share(key: str) -> Refusal:
    return _refuses(key, 1.5, ValueError, "is 1.5, expected at least 0 and at most 1")


def _refuses_average(key: str) -> Refusal:
    return _refuses(key, np.zeros(3), ValueError, r"has shape \(3,\), expected \(2, 3\), that of w")


_PARTICULAR = {
    sgd: (),
    sgd_momentum: (_refuses_share("momentum"), _refuses_average("velocity")),
    rmsprop: (
        _refuses_share("decay_rate"),
        _refuses_average("cache"),
        _refuses("epsilon", 0.0, ValueError, "is 0, expected above 0"),
    ),
    adam: (
        *(
            _refuses(beta, 1.0, ValueError, "is 1, expected at least 0 and below 1")
            for beta in ("beta1", "beta2")
        ),
        *map(_refuses_average, ("m", "v")),
        _refuses("t", 2.5, TypeError, "is 2.5, expected a whole number"),
        _refuses("t", -1, ValueError, "is -1, expected at least 0"),
    ),
}

CONTRACTS = tuple(
    Contract(rule, _later_step(rule), (*_REFUSES, *particular))
    for rule, particular in _PARTICULAR.items()
)
