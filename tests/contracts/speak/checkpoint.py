"""Contracts of the state of a training in a file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from cs231n_lib.speak.checkpoint import load, save
from tests.contracts import Contract, Refusal
from tests.contracts.speak.training import small_solver


def _path() -> Path:
    return Path(tempfile.mkdtemp()) / "state.npz"


def _saved(**settings: Any) -> Path:
    solver, path = small_solver(**settings), _path()
    solver.train()
    save(solver, path)
    return path


def _damaged() -> Path:
    path = _path()
    path.write_bytes(b"PK\x03\x04 not a checkpoint")
    return path


CONTRACTS = (
    Contract(save, lambda: {"solver": small_solver(), "path": _path()}),
    Contract(
        load,
        lambda: {"solver": small_solver(), "path": _saved()},
        (
            Refusal("a damaged checkpoint", lambda a: {"path": _damaged()},
                    ValueError, "the checkpoint .* is damaged"),
            Refusal("a checkpoint of other settings", lambda a: {"path": _saved(batch_size=1)},
                    ValueError, r"was made with other settings \(batch_size\)"),
        ),
        changes={"solver": "is put into the state that was saved"},
    ),
)  # fmt: skip
