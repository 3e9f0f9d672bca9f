"""Contracts of what a captioning network remembers."""

from __future__ import annotations

from functools import partial
from typing import Any

from cs231n_lib.speak.memory import attention_maps, gradient_norms, open_directions
from tests.contracts import Contract, Refusal
from tests.contracts.speak.captioning import CAPTIONS, CELLS, features, small_model


def _arguments(cell_type: str) -> dict[str, Any]:
    model = small_model(cell_type)
    return {"model": model, "features": features(), "captions": CAPTIONS.copy(), "word": 2}


_REFUSES = (
    Refusal("the column that begins a caption", {"word": 0}, ValueError, "word is 0, expected"),
    Refusal("a column behind the captions", {"word": 4}, ValueError, "word is 4, expected at most"),
    Refusal(
        "weights instead of a model", lambda a: {"model": a["model"].params},
        TypeError, "model is a dict, expected a captioning model",
    ),
)  # fmt: skip


def _said() -> dict[str, Any]:
    captions = CAPTIONS[:, 1:].copy()
    return {"model": small_model("attention"), "features": features(), "captions": captions}


_MAPS = Contract(
    attention_maps,
    _said,
    (
        Refusal(
            "captions that begin with <START>", {"captions": CAPTIONS.copy()},
            ValueError, r"captions begin with '<START>', expected what was said after it",
        ),
    ),
)  # fmt: skip

CONTRACTS = (
    _MAPS,
    *(
        Contract(function, partial(_arguments, cell), _REFUSES)
        for function in (gradient_norms, open_directions)
        for cell in CELLS
    ),
)
