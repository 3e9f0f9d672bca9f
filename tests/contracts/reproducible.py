"""Contracts of ``cs231n_lib.reproducible``."""

from __future__ import annotations

import os
import random
from typing import Any

import numpy as np
import torch

from cs231n_lib import reproducible
from cs231n_lib.reproducible import DEVICE_VARIABLE
from tests.contracts import Contract, Refusal

CHANGES = {
    "random": "is seeded",
    "numpy": "its global generator is seeded",
    "torch": "its global generator is seeded, and cuDNN adds in a fixed order",
    "environment": "tells cuBLAS to add in a fixed order",
}


def not_set_up() -> None:
    """A process whose generators have been used, and whose kernels may be any."""
    random.random()
    np.random.rand()  # noqa: NPY002 - the global generator is the one to be set
    torch.rand(1)
    os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)
    torch.backends.cudnn.deterministic = False


def to_be_seeded() -> dict[str, Any]:
    not_set_up()
    return {"seed": 1}


def device(name: str) -> Any:
    """A change that asks for a device, by the environment."""

    def change(_: dict[str, Any]) -> dict[str, Any]:
        os.environ[DEVICE_VARIABLE] = name
        return {}

    return change


NO_DEVICE = Refusal("a device that does not exist", device("tpu"), ValueError,
                    "CS231N_DEVICE is 'tpu', expected 'cpu' or 'cuda'")  # fmt: skip

CONTRACTS = (
    Contract(
        reproducible.make_reproducible,
        to_be_seeded,
        changes=CHANGES,
    ),
    Contract(reproducible.choose_threads, dict),  # nothing changes: the tests have chosen
    Contract(reproducible.choose_device, dict, (NO_DEVICE,)),
    Contract(reproducible.environment, dict, (NO_DEVICE,)),
)
