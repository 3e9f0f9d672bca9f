"""Contracts of the trainer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cs231n_lib.speak.captions import CaptionData
from cs231n_lib.speak.training import (
    CaptioningSolver,
    TrainingSettings,
    clip_gradients,
    drop_features,
    one_cycle,
)
from tests.contracts import Contract, Refusal
from tests.contracts.speak.captioning import features, small_model
from tests.contracts.speak.captions import small_data


def small_settings() -> dict[str, Any]:
    return {
        "update_rule": "adam", "optim_config": {"learning_rate": 0.1}, "lr_decay": 0.9,
        "schedule": one_cycle, "batch_size": 2, "num_epochs": 2, "max_grad_norm": 1.0,
        "feature_dropout": 0.1, "seed": 0,
    }  # fmt: skip


def arguments() -> dict[str, Any]:
    return {"model": small_model("rnn"), "data": small_data(), "validate": lambda model: 0.5,
            "print_every": 10, "verbose": False, **small_settings()}  # fmt: skip


def small_solver(**settings: Any) -> CaptioningSolver:
    return CaptioningSolver(**arguments() | settings)


def _changed(data: CaptionData) -> dict[str, Any]:
    data.train.image_idxs[0] = -1
    return {"data": data}


def _with(data: CaptionData, **parts: Any) -> dict[str, Any]:
    return {"data": replace(data, train=replace(data.train, **parts))}


def _grads(a: dict[str, Any], gradient: object) -> dict[str, Any]:
    return {"grads": a["grads"] | {"b": gradient}}


CONTRACTS = (
    Contract(
        TrainingSettings,
        small_settings,
        (
            Refusal("a setting that the rule does not know", {"optim_config": {"rate": 0.1}},
                    ValueError, r"optim_config has unknown keys \['rate'\]"),
            Refusal("a negative learning rate", {"optim_config": {"learning_rate": -0.1}},
                    ValueError, r"optim_config\['learning_rate'\] is -0.1, expected at least 0"),
            Refusal("a running average", {"optim_config": {"m": np.zeros(3)}},
                    ValueError, r"optim_config\['m'\] has shape \(3,\)"),
        ),
    ),
    Contract(
        CaptioningSolver,
        arguments,
        (
            Refusal("an unknown setting", {"batchsize": 3},
                    TypeError, "there is no setting 'batchsize', expected some of .'update_rule'"),
            Refusal("captions instead of a data set", lambda a: {"data": a["data"].train.captions},
                    TypeError, r"data is an ndarray, expected a .*CaptionData, such as"),
            Refusal("features of another network",
                    lambda a: _with(a["data"], features=np.ones((2, 7), np.float32)),
                    ValueError, r"data\.train\.features has shape \(2, 7\)"),
            Refusal("features too large for the model",
                    lambda a: _with(a["data"], features=np.full((2, 3), 1e300)),
                    ValueError, "data.train.features as float32 contains 6 values"),
            Refusal("arrays that were changed afterwards", lambda a: _changed(a["data"]),
                    ValueError, "data.train.image_idxs contains -1, expected indices from 0 to 1"),
            Refusal("captions of nothing",
                    lambda a: _with(a["data"], captions=np.array([[1, 0], [1, 4]])),
                    ValueError, "1 of 2 data.train.captions hold nothing but '<NULL>'"),
        ),
    ),
    Contract(
        CaptioningSolver.train,
        lambda: {"self": small_solver(), "steps": 3},
        changes={"self": "is trained, and with it its model"},
    ),
    Contract(one_cycle, lambda: {"done": 0.5}),
    Contract(clip_gradients, lambda: {"grads": {"W": np.ones((2, 3))}, "max_norm": 10.0}),
    Contract(
        clip_gradients,
        lambda: {"grads": {"W": np.ones((2, 3)), "b": np.ones(3, np.float32)}, "max_norm": 1.0},
        (
            Refusal("a gradient of NaN", lambda a: _grads(a, np.array([np.nan])),
                    ValueError, "b contains 1 values that are NaN or infinite"),
            Refusal("an infinite gradient", lambda a: _grads(a, np.array([np.inf])),
                    ValueError, "b contains 1 values that are NaN or infinite"),
            Refusal("an integer gradient", lambda a: _grads(a, np.array([200])),
                    TypeError, r"grads\['b'\] is int64, expected a NumPy array of floats"),
            Refusal("a gradient of half precision", lambda a: _grads(a, np.ones(1, np.float16)),
                    TypeError, r"grads\['b'\] has dtype float16, expected float32 or float64"),
            Refusal("a list for a gradient", lambda a: _grads(a, [200.0]),
                    TypeError, r"grads\['b'\] is a list, expected .*; give np.asarray\("),
            Refusal("a list of gradients", lambda a: {"grads": list(a["grads"].values())},
                    TypeError, "grads is a list, expected a dict"),
        ),
    ),
    Contract(
        drop_features,
        lambda: {"features": features(), "share": 0.5, "rng": np.random.default_rng(0)},
        changes={"rng": "is drawn from"},
    ),
)  # fmt: skip
