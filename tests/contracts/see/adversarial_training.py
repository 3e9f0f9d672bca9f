"""Contracts of training against an attacker."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch

from cs231n_lib.see.adversarial_training import (
    digit_network,
    digit_pictures,
    robust_accuracy,
    train_digits,
)
from tests.contracts import Contract, Refusal


def _digits() -> dict[str, torch.Tensor]:
    data = digit_pictures()
    return {"X": data["X_train"][:4].clone(), "y": data["y_train"][:4].clone()}


def _accuracy() -> dict[str, Any]:
    return {**_digits(), "model": digit_network(hidden=4), "epsilon": 0.1, "steps": 2}


def _refuses(what: str, error: type[Exception], says: str, **setting: Any) -> Refusal:
    (name,) = setting
    return Refusal(what, setting, error, f"{name} is .*, expected {says}")


_REFUSES_DIGITS = (
    Refusal(
        "an array instead of a tensor", lambda a: {"X": a["X"].numpy()},
        TypeError, "X is a ndarray, expected a tensor",
    ),
    Refusal(
        "pictures of bytes", lambda a: {"X": a["X"].to(torch.uint8)},
        TypeError, "X has dtype torch.uint8, expected floats",
    ),
    Refusal(
        "grey pictures", lambda a: {"X": a["X"][:, :1]},
        ValueError, r"X has shape \(4, 1, 8, 8\), expected \(N, 3, H, W\) with 3 colours",
    ),
    Refusal(
        "no pictures", lambda a: {"X": a["X"][:0], "y": a["y"][:0]},
        ValueError, r"X has shape \(0, 3, 8, 8\), expected no size to be zero",
    ),
    Refusal("pictures of NaN", lambda a: {"X": a["X"] * np.nan}, ValueError, "X contains pixels"),
    Refusal(
        "labels of another length", lambda a: {"y": a["y"].repeat(2)},
        ValueError, r"y has shape \(8,\), expected \(4,\), one class for each picture",
    ),
    Refusal(
        "labels as floats", lambda a: {"y": a["y"].float()},
        TypeError, "y is torch.float32, expected an int64 tensor of classes",
    ),
    Refusal(
        "a negative class", lambda a: {"y": a["y"] - 10},
        ValueError, "y contains class -",
    ),
    _refuses("a budget of NaN", ValueError, "at least 0", epsilon=np.nan),
    _refuses("a negative budget", ValueError, "at least 0", epsilon=-0.1),
    _refuses("a budget of more than all", ValueError, "at least 0 and at most 1", epsilon=2.0),
    _refuses("a budget in text", TypeError, "a number", epsilon="0.1"),
)  # fmt: skip

CONTRACTS = (
    Contract(digit_pictures, dict),
    Contract(
        digit_network,
        lambda: {"seed": 0, "hidden": 4},
        (
            _refuses("a layer of size zero", ValueError, "at least 1", hidden=0),
            _refuses("a size that is not whole", TypeError, "a whole number", hidden=4.0),
            _refuses("a negative seed", ValueError, "at least 0", seed=-1),
        ),
    ),
    *(
        Contract(
            train_digits,
            partial(lambda e: {**_digits(), "epsilon": e, "steps": 1, "epochs": 1}, epsilon),
            (
                *_REFUSES_DIGITS,
                Refusal(
                    "pictures of another size", lambda a: {"X": a["X"][..., 1:]},
                    ValueError, r"X has shape \(4, 3, 8, 7\), expected pictures \(N, 3, 8, 8\)",
                ),
                Refusal(
                    "a class beyond the digits", lambda a: {"y": a["y"] + 10},
                    ValueError, r"y contains class 1\d, expected 0 to 9",
                ),
                _refuses("an attack without a step", ValueError, "at least 1", steps=0),
                _refuses("no epochs", ValueError, "at least 1", epochs=0),
                _refuses("half an epoch", TypeError, "a whole number", epochs=0.5),
                _refuses("an empty batch", ValueError, "at least 1", batch_size=0),
                _refuses("a negative learning rate", ValueError, "above 0", learning_rate=-0.1),
            ),
        )
        for epsilon in (0.0, 0.1)
    ),
    Contract(
        robust_accuracy,
        _accuracy,
        (
            *_REFUSES_DIGITS,
            Refusal(
                "a class beyond those of the model", lambda a: {"y": a["y"] + 10},
                ValueError, r"y contains class 1\d, expected 0 to 9",
            ),
        ),
    ),
)  # fmt: skip
