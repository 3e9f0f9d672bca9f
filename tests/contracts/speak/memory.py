"""Contracts of what a captioning network remembers."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from cs231n_lib.speak.memory import gradient_norms, open_directions
from tests.contracts import Contract, Refusal
from tests.contracts.speak.captioning import (
    CAPTIONS,
    REFUSES_CAPTIONS,
    REFUSES_FEATURES,
    broken_model,
    features,
    small_model,
)


def _arguments(cell_type: str) -> dict[str, Any]:
    model = small_model(cell_type)
    return {"model": model, "features": features(), "captions": CAPTIONS.copy(), "word": 2}


_REFUSES = (
    *REFUSES_FEATURES,
    *REFUSES_CAPTIONS,
    Refusal(
        "the column that begins a caption", {"word": 0},
        ValueError, "word is 0, expected a column from 1 to 3",
    ),
    Refusal(
        "a column behind the captions", {"word": 4},
        ValueError, "word is 4, expected a column from 1 to 3",
    ),
    Refusal(
        "a word instead of a column", {"word": "cat"},
        ValueError, "word is 'cat', expected a column from 1 to 3",
    ),
    Refusal(
        "a truth value for a column", {"word": True},
        ValueError, "word is True, expected a column from 1 to 3",
    ),
    Refusal(
        "weights instead of a model", lambda a: {"model": a["model"].params},
        TypeError, "model is a dict, expected a CaptioningRNN",
    ),
    Refusal(
        "a model whose weights are NaN", partial(broken_model, name="model"),
        ValueError, "Wh contains 1 values that are NaN or infinite",
    ),
)  # fmt: skip

_REFUSES_THRESHOLD = (
    Refusal(
        "a threshold of NaN", {"threshold": np.nan},
        ValueError, "threshold is nan, expected at least 0",
    ),
    Refusal(
        "a negative threshold", {"threshold": -0.5},
        ValueError, "threshold is -0.5, expected at least 0",
    ),
)  # fmt: skip

CONTRACTS = (
    *(Contract(gradient_norms, partial(_arguments, cell), _REFUSES) for cell in ("rnn", "lstm")),
    *(
        Contract(open_directions, partial(_arguments, cell), _REFUSES + _REFUSES_THRESHOLD)
        for cell in ("rnn", "lstm")
    ),
)
