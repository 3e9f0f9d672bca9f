"""The state of a training in a file: what was interrupted goes on as if it had not been."""

from __future__ import annotations

import dataclasses
import json
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from cs231n_lib.checks import Call, Instance, a_type, checked, named
from cs231n_lib.files import check_file, write_atomically

__all__ = ["load", "save"]


class _OtherTrainingError(Exception):
    """A whole checkpoint, but of another training."""


def _check_solver(name: str, solver: Any, call: Call) -> None:
    if not hasattr(solver, "optim_configs"):
        raise TypeError(named(f"{name} is {a_type(solver)}, expected a CaptioningSolver"))


@checked(solver=_check_solver, path=Instance((str, os.PathLike)))
def save(solver: Any, path: str | Path) -> None:
    """Save a CaptioningSolver: weights, running averages, histories and the random state.

    Raises OSError if the file cannot be written; what was there is kept.
    """
    arrays = {f"params/{name}": w for name, w in solver.model.params.items()}
    for name, config in solver.optim_configs.items():
        arrays |= {f"optim/{name}/{key}": np.asarray(value) for key, value in config.items()}
    arrays["loss_history"] = np.array(solver.loss_history)
    arrays["validation_history"] = np.array(solver.validation_history)
    header = {"identity": _identity(solver), "rng": solver.rng.bit_generator.state}
    arrays["header"] = np.array(json.dumps(header))
    write_atomically(path, lambda file: np.savez(file, **arrays))


@checked(solver=_check_solver, path=Instance((str, os.PathLike)))
def load(solver: Any, path: str | Path) -> None:
    """Put a CaptioningSolver into the state that was saved.

    Raises ValueError, and leaves the solver as it was, if the file is damaged, is not a
    checkpoint, or was made with other settings, data or sizes.
    """
    check_file(path, "the checkpoint")
    try:
        arrays = _read(path)
        header = json.loads(str(arrays["header"]))
        identity = _identity(solver)
        wrong = [key for key in identity if identity[key] != header["identity"].get(key)]
        if wrong:
            raise _OtherTrainingError(", ".join(wrong))
        params = {name: arrays[f"params/{name}"] for name in solver.model.params}
        configs = {name: _below(f"optim/{name}/", arrays) for name in params}
        losses, validations = (arrays[f"{name}_history"] for name in ("loss", "validation"))
        rng = np.random.default_rng()
        rng.bit_generator.state = header["rng"]
    except _OtherTrainingError as error:
        raise ValueError(
            f"the checkpoint {path} was made with other settings ({error}); "
            "give another path, or move it away"
        ) from None
    except Exception as error:  # one changed byte can lead to nearly any
        raise ValueError(
            f"the checkpoint {path} is damaged ({error}); move it away to train from the beginning"
        ) from error
    solver.model.params.update(params)
    solver.optim_configs, solver.rng = configs, rng
    solver.loss_history, solver.validation_history = losses.tolist(), validations.tolist()


def _identity(solver: Any) -> dict[str, Any]:
    """What has to be the same for a training to go on. A schedule cannot be compared."""
    settings = dataclasses.asdict(solver.settings)
    del settings["schedule"]
    train = solver.data.train
    identity = settings | {
        "optim_config": settings["optim_config"] or {},
        "model": {name: [w.shape, w.dtype.str] for name, w in solver.model.params.items()},
        "data": [
            zlib.crc32(np.ascontiguousarray(array))
            for array in (train.captions, train.image_idxs, train.features)
        ],
    }
    # As a checkpoint gives it back: without NumPy's numbers, and with lists for tuples.
    return json.loads(json.dumps(identity, default=lambda number: number.tolist()))


def _read(path: str | Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as archive:
        if archive.zip.testzip() is not None:  # NumPy reads no further than an array is long
            raise ValueError("a checksum is wrong")
        return dict(archive)


def _below(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """The settings and running averages of one weight, by name; numbers as numbers."""
    return {
        name.removeprefix(prefix): array if array.ndim else array.item()
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
