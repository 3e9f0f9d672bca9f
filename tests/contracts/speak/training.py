"""Contracts of the trainer."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from cs231n_lib.speak.training import CaptioningSolver, clip_gradients, drop_features, one_cycle
from tests.contracts import Contract, Refusal
from tests.contracts.speak.captioning import features, small_model
from tests.contracts.speak.captions import REFUSES_DATA, small_data


def _settings() -> dict[str, Any]:
    return {
        "model": small_model("rnn"), "data": small_data(), "update_rule": "adam",
        "batch_size": 2, "num_epochs": 2, "max_grad_norm": 1.0, "feature_dropout": 0.1,
    }  # fmt: skip


def _solver(**settings: Any) -> CaptioningSolver:
    return CaptioningSolver(**_settings() | settings)


def _damaged() -> CaptioningSolver:
    checkpoint = Path(tempfile.mkdtemp()) / "state.npz"
    checkpoint.write_bytes(b"PK\x03\x04 no checkpoint")
    return _solver(checkpoint=checkpoint)


def _of_other_settings() -> CaptioningSolver:
    checkpoint = Path(tempfile.mkdtemp()) / "state.npz"
    _solver(checkpoint=checkpoint).train()
    return _solver(checkpoint=checkpoint, batch_size=1)


def _gradients() -> dict[str, Any]:
    return {"grads": {"W": np.ones((2, 3)), "b": np.ones(3, np.float32)}, "max_norm": 1.0}


_REFUSES_SETTINGS = (
    Refusal(
        "weights instead of a model", lambda a: {"model": a["model"].params},
        TypeError, "model is a dict, expected a CaptioningRNN",
    ),
    Refusal(
        "an update rule that does not exist", {"update_rule": "adamw"},
        ValueError, "update_rule is 'adamw', expected one of",
    ),
    Refusal(
        "a setting that the rule does not know", {"optim_config": {"rate": 0.1}},
        ValueError, r"config has unknown keys \['rate'\]",
    ),
    Refusal(
        "a negative learning rate", {"optim_config": {"learning_rate": -0.1}},
        ValueError, "learning_rate is -0.1, expected at least 0",
    ),
    Refusal("an empty batch", {"batch_size": 0}, ValueError, "batch_size is 0, expected"),
    Refusal("no epochs", {"num_epochs": 0}, ValueError, "num_epochs is 0, expected at least 1"),
    Refusal(
        "half an epoch", {"num_epochs": 0.5},
        TypeError, "num_epochs is 0.5, expected a whole number",
    ),
    Refusal(
        "a largest norm of zero", {"max_grad_norm": 0},
        ValueError, "max_grad_norm is 0, expected above 0",
    ),
    Refusal(
        "a largest norm in text", {"max_grad_norm": "5"},
        TypeError, "max_grad_norm is '5', expected a number",
    ),
    Refusal(
        "all features dropped", {"feature_dropout": 1.0},
        ValueError, "feature_dropout is 1, expected 0 <= p < 1",
    ),
    Refusal("a decay of NaN", {"lr_decay": np.nan}, ValueError, "lr_decay is nan, expected"),
)  # fmt: skip

CONTRACTS = (
    Contract(CaptioningSolver, _settings, _REFUSES_SETTINGS + REFUSES_DATA),
    Contract(
        CaptioningSolver.train,
        lambda: {"self": _solver()},
        (
            Refusal(
                "a damaged checkpoint", lambda a: {"self": _damaged()},
                ValueError, "the checkpoint .* is damaged",
            ),
            Refusal(
                "a checkpoint of other settings", lambda a: {"self": _of_other_settings()},
                ValueError, r"was made with other settings \(batch_size\)",
            ),
        ),
        changes={"self": "is trained, and with it its model"},
    ),
    Contract(
        one_cycle,
        lambda: {"done": 0.5},
        (
            Refusal("before the beginning", {"done": -0.1}, ValueError, "done is -0.1, expected"),
            Refusal("after the end", {"done": 1.1}, ValueError, "done is 1.1, .* at most 1"),
            Refusal("NaN", {"done": np.nan}, ValueError, "done is nan, expected at least 0"),
            Refusal("text", {"done": "0.5"}, TypeError, "done is '0.5', expected a number"),
        ),
    ),
    Contract(
        clip_gradients,
        _gradients,
        (
            Refusal("a norm of zero", {"max_norm": 0}, ValueError, "max_norm is 0, expected"),
            Refusal("a negative norm", {"max_norm": -1.0}, ValueError, "max_norm is -1, expected"),
            Refusal("a norm of NaN", {"max_norm": np.nan}, ValueError, "max_norm is nan, expected"),
            Refusal(
                "a gradient of NaN", lambda a: {"grads": a["grads"] | {"b": np.array([np.nan])}},
                ValueError, "b contains 1 values that are NaN or infinite",
            ),
            Refusal(
                "an infinite gradient", lambda a: {"grads": a["grads"] | {"b": np.array([np.inf])}},
                ValueError, "b contains 1 values that are NaN or infinite",
            ),
            Refusal(
                "an integer gradient", lambda a: {"grads": a["grads"] | {"b": np.array([200])}},
                TypeError, r"grads\['b'\] is int64, expected floats",
            ),
            Refusal(
                "a list for a gradient", lambda a: {"grads": a["grads"] | {"b": [200.0]}},
                TypeError, r"grads\['b'\] is list, expected floats",
            ),
            Refusal(
                "a list of gradients", lambda a: {"grads": list(a["grads"].values())},
                TypeError, "grads is a list, expected a dict",
            ),
        ),
    ),
    Contract(
        drop_features,
        lambda: {"features": features(), "share": 0.5, "rng": np.random.default_rng(0)},
        (
            Refusal("all dropped", {"share": 1.0}, ValueError, "share is 1, expected 0 <= p < 1"),
            Refusal("fewer than none", {"share": -0.1}, ValueError, "share is -0.1, expected"),
            Refusal("a share of NaN", {"share": np.nan}, ValueError, "share is nan, expected"),
            Refusal(
                "integer features", lambda a: {"features": a["features"].astype(int)},
                TypeError, "features has dtype int64, expected floats",
            ),
            Refusal(
                "the features of one picture", lambda a: {"features": a["features"][0]},
                ValueError, r"features has shape \(3,\), expected 2 dimensions",
            ),
            Refusal(
                "a seed instead of a generator", {"rng": 0},
                TypeError, "rng is a int, expected a numpy.random.Generator",
            ),
        ),
        changes={"rng": "is drawn from"},
    ),
)  # fmt: skip
