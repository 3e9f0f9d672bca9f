"""Train a captioning model: minibatches, update rules, learning rates.

Source: CS231n 2017, Assignment 3, ``captioning_solver.py``.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cs231n_lib.checks import (
    RNG,
    Call,
    Count,
    Floats,
    Function,
    Instance,
    Number,
    OneOf,
    check,
    check_fields,
    check_finite,
    check_range,
    checked,
    named,
)
from cs231n_lib.progress import progress
from cs231n_lib.speak import optim
from cs231n_lib.speak.captions import CaptionData, sample_minibatch
from cs231n_lib.speak.checkpoint import load, save
from cs231n_lib.speak.checks import Captions, Features, Model, check_weight

__all__ = [
    "SCENE_TRAINING",
    "CaptioningSolver",
    "TrainingSettings",
    "clip_gradients",
    "drop_features",
    "one_cycle",
]

_RULES = {name: getattr(optim, name) for name in optim.__all__}
_SHARE = Number(least=0, below=1)


def _check_optim_config(name: str, config: dict[str, Any], call: Call) -> None:
    """What the update rule of the call knows."""
    rule = _RULES[call.arguments["update_rule"]]
    rule.declared["config"](name, config, Call({"w": np.zeros(())}))


@dataclass(frozen=True)
class TrainingSettings:
    """How to train. Raises TypeError or ValueError if a setting is not what is stated here.

    Attributes
    ----------
    update_rule : {"adam", "rmsprop", "sgd_momentum", "sgd"}
    optim_config : dict, optional
        Settings of the update rule, such as ``{"learning_rate": 1e-3}``.
    lr_decay : float
        Factor on the learning rate after every epoch.
    schedule : callable, optional
        From the share of training done, in [0, 1), to another factor on the learning rate, such as
        :func:`one_cycle`.
    batch_size : int
    num_epochs : int
        An epoch is ``number of captions // batch_size`` steps, at least one.
    max_grad_norm : float, optional
        Gradients whose joint norm is larger are scaled down to it.
    feature_dropout : float in [0, 1)
        Share of the features that are dropped, at random, from every minibatch.
    seed : int
        For minibatches and dropout.
    """

    update_rule: str = "sgd"
    optim_config: dict[str, float] | None = None
    lr_decay: float = 1.0
    schedule: Callable[[float], float] | None = None
    batch_size: int = 100
    num_epochs: int = 10
    max_grad_norm: float | None = None
    feature_dropout: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_fields(
            self,
            update_rule=OneOf(tuple(_RULES)),
            optim_config=_check_optim_config,
            lr_decay=Number(least=0),
            schedule=Function("from the share of training done to a factor"),
            batch_size=Count(),
            num_epochs=Count(),
            max_grad_norm=Number(above=0),
            feature_dropout=_SHARE,
            seed=Count(least=0),
        )


def _settings(settings: dict[str, Any]) -> TrainingSettings:
    known = [field.name for field in dataclasses.fields(TrainingSettings)]
    for name in settings:
        if name not in known:
            raise TypeError(named(f"there is no setting {name!r}, expected some of {known}"))
    return TrainingSettings(**settings)


def _check_data(name: str, data: CaptionData, call: Call) -> None:
    """A captioned data set that the call's model can be trained on."""
    Instance(CaptionData, "such as load_scenes returns")(name, data)
    check_range(f"{name}.train.image_idxs", data.train.image_idxs, len(data.train.features))
    Features("model")(f"{name}.train.features", data.train.features, Call(call.arguments))
    Captions("model")(f"{name}.train.captions", data.train.captions, Call(call.arguments))


class CaptioningSolver:
    """Trains a captioning model on a captioned data set.

    Parameters
    ----------
    model : CaptioningRNN
        Its ``params`` are replaced, step by step.
    data : CaptionData
        Of which ``train`` is used.
    validate : callable, optional
        From the model to a number; called after every epoch.
    checkpoint : path, optional
        Where to save the state after every epoch. Training that was interrupted goes on from there
        and ends with the very same weights.
    print_every : int
        With ``verbose``, print the loss every so many steps.
    verbose : bool
    **settings
        Those of :class:`TrainingSettings`, by name.

    Attributes
    ----------
    settings : TrainingSettings
    loss_history : list of float
        The loss of every step's minibatch.
    validation_history : list of float
        What ``validate`` returned after every epoch.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, a setting unknown or out of range, or the data do
        not fit the model.
    """

    @checked(
        model=Model(),
        data=_check_data,
        validate=Function("from the model to a number"),
        checkpoint=Instance((str, os.PathLike)),
        print_every=Count(),
    )
    def __init__(
        self,
        model: Any,
        data: CaptionData,
        *,
        validate: Callable[[Any], float] | None = None,
        checkpoint: str | Path | None = None,
        print_every: int = 100,
        verbose: bool = False,
        **settings: Any,
    ) -> None:
        self.model, self.data = model, data
        self.settings = _settings(settings)
        self.validate, self.print_every, self.verbose = validate, print_every, verbose
        self.checkpoint = None if checkpoint is None else Path(checkpoint)
        self.steps_per_epoch = max(len(data.train.captions) // self.settings.batch_size, 1)
        self.loss_history: list[float] = []
        self.validation_history: list[float] = []
        self.rng = np.random.default_rng(self.settings.seed)
        self.rule = _RULES[self.settings.update_rule]
        config = self.settings.optim_config or {}
        self.learning_rate = self.rule(np.zeros(1), np.zeros(1), config)[1]["learning_rate"]
        self.optim_configs = {name: dict(config) for name in model.params}

    @checked(steps=Count(least=0))
    def train(self, steps: int | None = None) -> None:
        """Train until ``num_epochs`` are done, from the checkpoint if there is one.

        Parameters
        ----------
        steps : int, optional
            Stop as soon as so many steps are done, those of earlier calls included. The next call
            goes on: training in pieces ends with the very same weights.

        Raises
        ------
        FloatingPointError
            If a loss is NaN or infinite. The weights of the step before, and the last checkpoint,
            are kept.
        ValueError
            If the checkpoint is damaged, is not a file, or was made with other settings or data.
        OSError
            If the checkpoint cannot be written. The last one is kept.
        """
        if self.checkpoint is not None:
            self.checkpoint.parent.mkdir(parents=True, exist_ok=True)  # or fail before the work
            if self.checkpoint.exists():
                load(self, self.checkpoint)
        total = self.settings.num_epochs * self.steps_per_epoch
        last = total if steps is None else min(steps, total)
        for step in progress(range(len(self.loss_history), last), "training"):
            self._step(step, total)
            if self.verbose and step % self.print_every == 0:
                print(f"(Iteration {step + 1} / {total}) loss: {self.loss_history[-1]:f}")
            if (step + 1) % self.steps_per_epoch == 0:
                if self.validate is not None:
                    self.validation_history.append(float(self.validate(self.model)))
                if self.checkpoint is not None:
                    save(self, self.checkpoint)

    def _step(self, step: int, total: int) -> None:
        settings = self.settings
        captions, features, _ = sample_minibatch(self.data, settings.batch_size, rng=self.rng)
        if settings.feature_dropout:
            features = drop_features(features, settings.feature_dropout, self.rng)
        loss, grads = self.model.loss(features, captions)
        if not np.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss} at step {step + 1} of {total}: "
                "lower the learning rate, or set max_grad_norm"
            )
        if settings.max_grad_norm is not None:
            grads = clip_gradients(grads, settings.max_grad_norm)
        # A float64, so that a factor in half precision does not make it coarse.
        rate = np.float64(self.learning_rate) * settings.lr_decay ** (step // self.steps_per_epoch)
        if settings.schedule is not None:
            rate *= settings.schedule(step / total)
        rule = _RULES[settings.update_rule]
        for name, w in self.model.params.items():
            config = self.optim_configs[name] | {"learning_rate": rate}
            # The factor of a schedule, and the gradients of your own model, are known only now.
            check({"w": w, "dw": grads[name], "config": config}, rule.declared)
            self.model.params[name], self.optim_configs[name] = self.rule(w, grads[name], config)
        self.loss_history.append(float(loss))


@checked(done=Number(least=0, most=1))
def one_cycle(done: float) -> float:
    """Warm up for a fifth of the training, then follow half a cosine down to 0.

    Parameters
    ----------
    done : float in [0, 1]
        Share of the training that is done.

    Returns
    -------
    float in [0, 1]
        Factor on the learning rate. Source: Smith and Topin, arXiv:1708.07120, simplified.

    Raises
    ------
    TypeError, ValueError
        If ``done`` is not a number from 0 to 1.
    """
    done, warm = float(done), 0.2
    return done / warm if done < warm else (1 + np.cos(np.pi * (done - warm) / (1 - warm))) / 2


SCENE_TRAINING = TrainingSettings(
    update_rule="adam",
    optim_config={"learning_rate": 2e-3},
    schedule=one_cycle,
    batch_size=128,
    num_epochs=12,
    max_grad_norm=5.0,
    feature_dropout=0.1,
    seed=0,
)
"""How both captioning chapters train, so that their networks can be compared."""


def _check_gradients(name: str, grads: dict[str, np.ndarray], call: Call) -> None:
    Instance(dict)(name, grads)
    for weight, g in grads.items():
        check_weight(f"{name}[{weight!r}]", g)


@checked(grads=_check_gradients, max_norm=Number(above=0))
def clip_gradients(grads: dict[str, np.ndarray], max_norm: float) -> dict[str, np.ndarray]:
    """Scale gradients down, all alike, so that their joint norm is at most ``max_norm``.

    Parameters
    ----------
    grads : dict of arrays of floats
    max_norm : float
        Positive.

    Returns
    -------
    dict
        New arrays of the same shapes and dtypes; equal ones if their norm is small enough.
        Source: Pascanu et al., arXiv:1211.5063.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, or a gradient is NaN or infinite.
    """
    with np.errstate(over="ignore"):
        norm = np.sqrt(sum(float(np.vdot(g, g)) for g in grads.values()))
    if not np.isfinite(norm):  # the squares are too large for their dtype, if not the numbers
        for name, g in grads.items():
            check_finite(name, g)
        norm = np.linalg.norm([np.linalg.norm(g.astype(np.longdouble)) for g in grads.values()])
    factor = max_norm / max(norm, max_norm)
    return {name: g * g.dtype.type(factor) for name, g in grads.items()}


@checked(features=Floats("N D", half=False), share=_SHARE, rng=RNG)
def drop_features(features: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Set a random share of the features to 0, and scale the others up to keep the mean.

    Parameters
    ----------
    features : (N, D) floats
    share : float in [0, 1)
    rng : numpy.random.Generator

    Returns
    -------
    (N, D) floats of the same dtype
        Source: Srivastava et al., "Dropout" (2014).
    """
    keep = rng.random(features.shape, dtype=np.float32) >= share
    return features * (keep / features.dtype.type(1 - float(share))).astype(features.dtype)
