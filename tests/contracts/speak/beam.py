"""The contract of beam search."""

from __future__ import annotations

from functools import partial
from typing import Any

from cs231n_lib.speak.beam import beam_search
from tests.contracts import Contract
from tests.contracts.speak.captioning import CELLS, features, small_model, unspeakable


def _arguments(cell_type: str) -> dict[str, Any]:
    model = small_model(cell_type)
    return {"model": model, "features": features(), "beam_width": 3, "max_length": 4}


CONTRACTS = tuple(
    Contract(beam_search, partial(_arguments, cell), unspeakable("model")) for cell in CELLS
)
