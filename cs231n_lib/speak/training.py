"""Train a captioning model: minibatches, update rules, learning rates, checkpoints.

Source: CS231n 2017, Assignment 3, ``captioning_solver.py``.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cs231n_lib.files import check_file, write_atomically
from cs231n_lib.progress import progress
from cs231n_lib.speak import optim
from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.captions import check_split, sample_minibatch
from cs231n_lib.validation import check_count, check_finite, check_number, check_rng, check_shapes

__all__ = ["CaptioningSolver", "clip_gradients", "drop_features", "one_cycle"]

_RULES = {name: getattr(optim, name) for name in optim.__all__}


class _OtherSettingsError(Exception):
    """A whole checkpoint, but of another training."""


class CaptioningSolver:
    """Trains a :class:`~cs231n_lib.speak.captioning.CaptioningRNN` on a captioned data set.

    Parameters
    ----------
    model : CaptioningRNN
        Its ``params`` are replaced, step by step.
    data : dict
        See :mod:`cs231n_lib.speak.captions`; ``train_captions`` and their features are used.
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
    validate : callable, optional
        From the model to a number; called after every epoch.
    checkpoint : path, optional
        Where to save the state after every epoch. Training that was interrupted goes on from there
        and ends with the very same weights.
    seed : int
        For minibatches and dropout.
    print_every : int
        With ``verbose``, print the loss every so many steps.
    verbose : bool

    Attributes
    ----------
    loss_history : list of float
        The loss of every step's minibatch.
    validation_history : list of float
        What ``validate`` returned after every epoch.

    Raises
    ------
    TypeError, ValueError
        If a setting is no number or out of range, the update rule unknown, ``model`` no
        CaptioningRNN, or the training part of ``data`` incomplete or not matching.
    """

    def __init__(
        self,
        model: CaptioningRNN,
        data: dict[str, Any],
        *,
        update_rule: str = "sgd",
        optim_config: dict[str, float] | None = None,
        lr_decay: float = 1.0,
        schedule: Callable[[float], float] | None = None,
        batch_size: int = 100,
        num_epochs: int = 10,
        max_grad_norm: float | None = None,
        feature_dropout: float = 0.0,
        validate: Callable[[CaptioningRNN], float] | None = None,
        checkpoint: str | Path | None = None,
        seed: int = 0,
        print_every: int = 100,
        verbose: bool = False,
    ) -> None:
        if update_rule not in _RULES:
            raise ValueError(
                f"CaptioningSolver: update_rule is {update_rule!r}, expected one of {list(_RULES)}"
            )
        for name, number in (
            ("batch_size", batch_size), ("num_epochs", num_epochs), ("print_every", print_every),
        ):  # fmt: skip
            check_count("CaptioningSolver", name, number)
        check_number("CaptioningSolver", "lr_decay", lr_decay, least=0)
        if max_grad_norm is not None:
            check_number("CaptioningSolver", "max_grad_norm", max_grad_norm, above=0)
        _check_share("CaptioningSolver", "feature_dropout", feature_dropout)
        if not isinstance(model, CaptioningRNN):
            raise TypeError(
                f"CaptioningSolver: model is a {type(model).__name__}, expected a CaptioningRNN"
            )
        check_split("CaptioningSolver", data, "train")
        _RULES[update_rule](np.zeros(1), np.zeros(1), optim_config)  # complains of wrong settings
        self.model, self.data = model, data
        self.rule = _RULES[update_rule]
        defaults = self.rule(np.zeros(1), np.zeros(1))[1]
        if "t" in defaults:
            defaults["t"] = 0  # the call above has counted a step
        self.optim_config = defaults | (optim_config or {})
        self.lr_decay, self.schedule = lr_decay, schedule
        self.batch_size, self.num_epochs = batch_size, num_epochs
        self.max_grad_norm, self.feature_dropout = max_grad_norm, feature_dropout
        self.validate = validate
        self.checkpoint = None if checkpoint is None else Path(checkpoint)
        self.print_every, self.verbose = print_every, verbose
        self.steps_per_epoch = max(len(data["train_captions"]) // batch_size, 1)
        self.loss_history: list[float] = []
        self.validation_history: list[float] = []
        self._rng = np.random.default_rng(seed)
        averages = {k: v for k, v in self.optim_config.items() if isinstance(v, np.ndarray)}
        settings = {k: v for k, v in self.optim_config.items() if k not in averages}
        self._configs = {
            name: settings | {k: np.zeros_like(w) for k in averages}
            for name, w in model.params.items()
        }
        identity = {
            "cell_type": model.cell_type,
            "update_rule": update_rule,
            "settings": settings,
            "lr_decay": lr_decay,
            "batch_size": batch_size,
            "num_epochs": num_epochs,
            "max_grad_norm": max_grad_norm,
            "feature_dropout": feature_dropout,
            "seed": seed,
            "data": [
                zlib.crc32(np.ascontiguousarray(data[f"train_{part}"]))
                for part in ("captions", "image_idxs", "features")
            ],
        }
        # As a checkpoint gives it back: without NumPy's numbers, and with lists for tuples.
        self._identity = json.loads(json.dumps(identity, default=lambda number: number.tolist()))

    def train(self) -> None:
        """Train until ``num_epochs`` are done, from the checkpoint if there is one.

        Raises
        ------
        FloatingPointError
            If a loss is NaN or infinite. The weights of the step before, and the last checkpoint,
            are kept.
        ValueError
            If the checkpoint is damaged or no file, or was made with other settings or data.
        OSError
            If the checkpoint cannot be written. The last one is kept.
        """
        if self.checkpoint is not None:
            self.checkpoint.parent.mkdir(parents=True, exist_ok=True)  # or fail before the work
            if self.checkpoint.exists():
                self._load()
        total = self.num_epochs * self.steps_per_epoch
        for step in progress(range(len(self.loss_history), total), "training"):
            self._step(step, total)
            if self.verbose and step % self.print_every == 0:
                print(f"(Iteration {step + 1} / {total}) loss: {self.loss_history[-1]:f}")
            if (step + 1) % self.steps_per_epoch == 0:
                if self.validate is not None:
                    self.validation_history.append(float(self.validate(self.model)))
                if self.checkpoint is not None:
                    self._save()

    def _step(self, step: int, total: int) -> None:
        captions, features, _ = sample_minibatch(self.data, self.batch_size, "train", self._rng)
        if self.feature_dropout:
            features = drop_features(features, self.feature_dropout, self._rng)
        loss, grads = self.model.loss(features, captions)
        if not np.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss} at step {step + 1} of {total}: "
                "lower the learning rate, or set max_grad_norm"
            )
        if self.max_grad_norm is not None:
            grads = clip_gradients(grads, self.max_grad_norm)
        factor = self.lr_decay ** (step // self.steps_per_epoch)
        if self.schedule is not None:
            factor *= self.schedule(step / total)
        for name, w in self.model.params.items():
            config = self._configs[name]
            config["learning_rate"] = self.optim_config["learning_rate"] * factor
            self.model.params[name], self._configs[name] = self.rule(w, grads[name], config)
        self.loss_history.append(float(loss))

    def _save(self) -> None:
        arrays = {f"params/{name}": w for name, w in self.model.params.items()}
        for name, config in self._configs.items():
            arrays |= {f"optim/{name}/{key}": np.asarray(v) for key, v in config.items()}
        arrays["loss_history"] = np.array(self.loss_history)
        arrays["validation_history"] = np.array(self.validation_history)
        header = {"identity": self._identity, "rng": self._rng.bit_generator.state}
        arrays["header"] = np.array(json.dumps(header))
        write_atomically(self.checkpoint, lambda file: np.savez(file, **arrays))

    def _load(self) -> None:
        check_file(self.checkpoint, "the checkpoint")
        try:
            arrays = _read_arrays(self.checkpoint)
            header = json.loads(str(arrays["header"]))
            identity, rng_state = header["identity"], header["rng"]
            wrong = [key for key, value in self._identity.items() if identity.get(key) != value]
            params = {name: arrays[f"params/{name}"] for name in self.model.params}
            wrong += [
                name
                for name, w in self.model.params.items()
                if (params[name].shape, params[name].dtype) != (w.shape, w.dtype)
            ]
            if wrong:
                raise _OtherSettingsError(", ".join(wrong))
            configs = {
                name: {
                    key: _setting(arrays[f"optim/{name}/{key}"], now) for key, now in config.items()
                }
                for name, config in self._configs.items()
            }
            losses, validations = (_history(arrays[f"{n}_history"]) for n in ("loss", "validation"))
            np.random.default_rng().bit_generator.state = rng_state  # to see whether it is one
        except _OtherSettingsError as error:
            raise ValueError(
                f"the checkpoint {self.checkpoint} was made with other settings ({error}); "
                "give another path, or move it away"
            ) from None
        except Exception as error:  # one changed byte can lead to nearly any
            raise ValueError(
                f"the checkpoint {self.checkpoint} is damaged ({error}); "
                "move it away to train from the beginning"
            ) from error
        self.model.params.update(params)
        self._configs = configs
        self.loss_history, self.validation_history = losses, validations
        self._rng.bit_generator.state = rng_state


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an uncompressed archive, by name: no objects, and nothing larger than it says.

    Both an archive and an array in it declare sizes, for which memory would be asked unseen.
    """
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > path.stat().st_size:
            raise ValueError("it declares more than it holds")
        for member in archive.infolist():
            file = io.BytesIO(archive.read(member))
            version = np.lib.format.read_magic(file)
            read_header = getattr(np.lib.format, "read_array_header_{}_{}".format(*version))
            shape, _, dtype = read_header(file)
            left = len(file.getbuffer()) - file.tell()
            if max(dtype.itemsize, 1) * math.prod(shape) != left:
                raise ValueError(f"{member.filename} declares another size than it has")
            file.seek(0)
            name = member.filename.removesuffix(".npy")
            arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
    return arrays


def _setting(saved: np.ndarray, now: float | np.ndarray) -> float | np.ndarray:
    """A setting or running average of the update rule, if it is of the kind of the present one."""
    fits = saved.dtype == now.dtype if np.ndim(now) else saved.dtype.kind in "iuf"
    if saved.shape != np.shape(now) or not fits:
        raise ValueError(f"the update rule has {saved.dtype} {saved.shape} for {np.shape(now)}")
    return saved if saved.ndim else saved.item()


def _history(saved: np.ndarray) -> list[float]:
    if saved.ndim != 1 or saved.dtype != np.float64:
        raise ValueError(f"a history has {saved.dtype} {saved.shape}, expected (steps,) floats")
    return saved.tolist()


def _check_share(function: str, name: str, share: float) -> None:
    check_number(function, name, share)
    if not 0 <= share < 1:
        raise ValueError(f"{function}: {name} is {share:g}, expected 0 <= p < 1")


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
        If ``done`` is no number, or not from 0 to 1.
    """
    check_number("one_cycle", "done", done, least=0, most=1)
    warm = 0.2
    return done / warm if done < warm else (1 + np.cos(np.pi * (done - warm) / (1 - warm))) / 2


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
        New arrays of the same shapes and dtypes, or the given ones if their norm is small enough.
        Source: Pascanu et al., arXiv:1211.5063.

    Raises
    ------
    TypeError, ValueError
        If ``grads`` is no dict of arrays of floats, a gradient is NaN or infinite, or ``max_norm``
        is not positive.
    """
    check_number("clip_gradients", "max_norm", max_norm, above=0)
    if not isinstance(grads, dict):
        raise TypeError(f"clip_gradients: grads is a {type(grads).__name__}, expected a dict")
    for name, g in grads.items():
        if getattr(getattr(g, "dtype", None), "kind", None) != "f":
            given = getattr(g, "dtype", type(g).__name__)
            raise TypeError(f"clip_gradients: grads[{name!r}] is {given}, expected floats")
    with np.errstate(over="ignore"):
        norm = np.sqrt(sum(float(np.vdot(g, g)) for g in grads.values()))
    if not np.isfinite(norm):  # the squares are too large for their dtype, if not the numbers
        check_finite("clip_gradients", grads)
        norms = [np.linalg.norm(g.astype(np.longdouble)) for g in grads.values()]
        norm = np.linalg.norm(norms)
    if norm <= max_norm:
        return grads
    return {name: g * g.dtype.type(max_norm / norm) for name, g in grads.items()}


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

    Raises
    ------
    TypeError, ValueError
        If ``features`` are no such array, ``share`` is out of range or ``rng`` no generator.
    """
    check_shapes("drop_features", features=(features, "N D"))
    _check_share("drop_features", "share", share)
    check_rng("drop_features", rng)
    keep = rng.random(features.shape, dtype=np.float32) >= share
    return features * (keep / features.dtype.type(1 - share)).astype(features.dtype)
