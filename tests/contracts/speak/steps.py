"""The contract of the beginning of a captioning model."""

from __future__ import annotations

from cs231n_lib.speak.steps import begin
from tests.contracts import Contract
from tests.contracts.speak.captioning import CELLS, features, small_model

CONTRACTS = tuple(
    Contract(begin, lambda cell=cell: {"model": small_model(cell), "features": features()})
    for cell in CELLS
)
