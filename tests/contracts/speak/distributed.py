"""Contracts of training on many processors."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cs231n_lib.speak.distributed import (
    Minibatches,
    RunSettings,
    load_captioner,
    train,
    write_data,
)
from tests.contracts import Contract, Refusal
from tests.contracts.speak.captions import small_data

SMALL = RunSettings(
    batch_size=2, num_epochs=1, wordvec_dim=2, hidden_dim=3, attention_dim=2, fields=3
)


def _folder() -> Path:
    return Path(tempfile.mkdtemp())


def _data() -> Path:
    path = _folder() / "data.h5"
    write_data(path, small_data())
    return path


def _changed(**arrays: Any) -> dict[str, Path]:
    """A file in which some arrays are others, or none."""
    path = _data()
    with h5py.File(path, "r+") as store:
        for name, array in arrays.items():
            del store[name]
            if array is not None:
                store[name] = array
    return {"path": path}


def _damaged(name: str) -> Path:
    path = _folder() / name
    path.write_bytes(b"PK\x03\x04 not what it should be")
    return path


def _trained() -> Path:
    out = _folder()
    train(_data(), out, SMALL)
    return out / "weights.npz"


CONTRACTS = (
    Contract(
        RunSettings,
        lambda: dict(vars(SMALL)),
        (
            Refusal("an unknown dtype", {"dtype": "float16"},
                    ValueError, "dtype is 'float16', expected 'float32' or 'float64'"),
        ),
    ),
    Contract(write_data, lambda: {"path": _folder() / "data.h5", "data": small_data()}),
    Contract(
        Minibatches,
        lambda: {"path": _data(), "settings": SMALL, "rank": 0, "processes": 2},
        (
            Refusal("no file", lambda a: {"path": _folder() / "none.h5"},
                    FileNotFoundError, "none.h5"),
            Refusal("something else", lambda a: {"path": _damaged("data.h5")},
                    ValueError, "the data file .* is damaged, or no HDF5 file of features"),
            Refusal("a file without captions", lambda a: _changed(captions=None),
                    ValueError, "the data file .* captions"),
            Refusal("captions of other words", lambda a: _changed(captions=np.full((2, 4), 99)),
                    ValueError, "captions contains 99, expected indices from 0 to 5"),
            Refusal("a picture that is not there", lambda a: _changed(image_idxs=np.array([0, 7])),
                    ValueError, "image_idxs contains 7, expected indices from 0 to 1"),
            Refusal("a picture too few", lambda a: _changed(image_idxs=np.array([0])),
                    ValueError, r"image_idxs has shape \(1,\)"),
            Refusal("features that are not finite",
                    lambda a: _changed(features=np.full((2, 3), np.nan)),
                    ValueError, "features contains 6 values that are NaN"),
            Refusal("one word twice", lambda a: _changed(words=["<NULL>"] * 6),
                    ValueError, "words"),
            Refusal("processes that the minibatch cannot be shared by", {"processes": 3},
                    ValueError, "a batch_size of 2 cannot be shared evenly by 3 processes"),
        ),
    ),
    Contract(
        train,
        lambda: {"data": _data(), "out": _folder(), "settings": SMALL,
                 "workers": 0, "save_every": 1},
        (
            Refusal("no data", lambda a: {"data": _folder() / "none.h5"},
                    FileNotFoundError, "none.h5"),
            Refusal("fields that do not fit", {"settings": replace(SMALL, fields=2)},
                    ValueError, "input_dim is 3, expected a multiple of fields, 2"),
            Refusal("mixed precision without a GPU", {"settings": RunSettings(amp=True)},
                    ValueError, "amp is for GPUs, and there is none: leave it out"),
        ),
    ),
    Contract(
        load_captioner,
        lambda: {"path": _trained()},
        (
            Refusal("no file", lambda a: {"path": _folder() / "weights.npz"},
                    FileNotFoundError, "weights.npz"),
            Refusal("something else", lambda a: {"path": _damaged("weights.npz")},
                    ValueError, "the file of weights .* is damaged"),
        ),
    ),
)  # fmt: skip
