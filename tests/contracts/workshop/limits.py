"""Contract of running what somebody else wrote."""

from __future__ import annotations

from cs231n_lib.workshop.limits import run
from tests.contracts import Contract

CONTRACTS = (
    Contract(run, lambda: {"function": lambda x: x + 1, "arguments": (1,), "seconds": 5.0}),
)
