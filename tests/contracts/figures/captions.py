"""Contracts of ``cs231n_lib.figures.captions``."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from cs231n_lib.figures.captions import (
    compare_captions,
    plot_curves,
    plot_mistakes,
    plot_training,
    show_captions,
)
from cs231n_lib.speak.scenes import Description, Scene, Thing
from tests.contracts import Contract, Refusal

ABOVE = Description(Thing("large", "red", "circle"), "above", Thing("small", "blue", "star"))
SCENE = Scene(ABOVE, 0)
CURVE = [3.0, 2.0, 1.0]


def solver(losses: list[float], shares: list[float]) -> SimpleNamespace:
    """What is asked of a trained solver."""
    return SimpleNamespace(loss_history=losses, validation_history=shares)


CONTRACTS = (
    Contract(
        show_captions,
        lambda: {"scenes": [SCENE], "sentences": ["a red star"], "columns": 2},
    ),
    Contract(
        compare_captions,
        lambda: {"scenes": [SCENE], "rows": {"before": ["a red red"], "after": ["a red star"]}},
        (
            Refusal("no rows", {"rows": {}}, ValueError, "is empty, expected at least one"),
            Refusal("a sentence too few", {"rows": {"before": []}}, ValueError,
                    r"rows\['before'\]"),
        ),
    ),
    Contract(
        plot_curves,
        lambda: {"curves": {"RNN": list(CURVE)}, "ylabel": "loss", "window": 2},
    ),
    Contract(
        plot_training,
        lambda: {"solvers": {"RNN": solver(list(CURVE), [0.2, 0.8])}, "window": 2},
        (
            Refusal("no solvers", {"solvers": {}}, ValueError, "is empty, expected at least one"),
            Refusal("something else than solvers", {"solvers": {"RNN": 1}}, TypeError,
                    "has no loss_history, expected a CaptioningSolver"),
            Refusal("a solver that has not been trained", {"solvers": {"RNN": solver([], [])}},
                    ValueError, "call its train"),
            Refusal("a loss that is NaN", {"solvers": {"RNN": solver([np.nan], [0.5])}},
                    ValueError, "loss_history of .*1 values that are NaN"),
            Refusal("a share above one", {"solvers": {"RNN": solver([1.0], [20.0])}}, ValueError,
                    "contains 20, expected at least 0 and at most 1"),
        ),
    ),
    Contract(
        plot_mistakes,
        lambda: {"shares": {"RNN": {"first colour": 0.1, "grammar": 0.0}, "LSTM": {}}},
        (
            Refusal("no networks", {"shares": {}}, ValueError, "is empty, expected at least one"),
            Refusal("an attribute that sentences do not have", {"shares": {"RNN": {"hue": 0.1}}},
                    ValueError, "has 'hue', expected attributes"),
            Refusal("counts instead of shares", {"shares": {"RNN": {"relation": 12}}}, ValueError,
                    "contains 12, expected at least 0 and at most 1"),
            Refusal("a share that is NaN", {"shares": {"RNN": {"relation": np.nan}}}, ValueError,
                    "1 values that are NaN"),
            Refusal("a share that is not a number", {"shares": {"RNN": {"relation": "much"}}},
                    TypeError, "expected a sequence of real numbers"),
        ),
    ),
)  # fmt: skip
