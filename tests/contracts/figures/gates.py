"""Contracts of ``cs231n_lib.figures.gates``."""

from __future__ import annotations

from typing import Any

import numpy as np

from cs231n_lib.figures.gates import (
    gate_tiles,
    plot_gates,
    plot_gradient_norms,
    plot_open_directions,
    plot_recall,
)
from tests.contracts import Contract, Refusal
from tests.contracts.figures.captions import SCENE

WORDS = ["<START>", "a", "star"]


def gates() -> dict[str, np.ndarray]:
    """Three steps of seven units."""
    return {name: np.linspace(0, 1, 21).reshape(3, 7) for name in "ifogc"}


def tiles() -> dict[str, Any]:
    return {
        "scene": SCENE,
        "words": list(WORDS),
        "gates": gates(),
        "scores": np.zeros((3, 4)),
        "vocabulary": ["a", "red", "star", "<END>"],
    }


def with_gate(name: str, gate: Any) -> Any:
    """A change that replaces one gate."""
    return lambda valid: {"gates": valid["gates"] | {name: gate}}


def without(name: str) -> Any:
    """A change that leaves one gate out."""
    return lambda valid: {"gates": {n: g for n, g in valid["gates"].items() if n != name}}


BAD_GATES = (
    Refusal("no gates", {"gates": {}}, ValueError, "gates is empty"),
    Refusal("a list of gates", {"gates": [np.ones((3, 7))]}, TypeError, "gates is a list"),
    Refusal("no cell state", without("c"), ValueError, "gates has i, f, o, g, expected"),
    Refusal("a gate that an LSTM does not have", with_gate("z", np.ones((3, 7))), ValueError,
            "gates has i, f, o, g, c, z, expected"),
    Refusal("a gate of another shape", with_gate("f", np.ones((3, 6))), ValueError,
            r"gates\['f'\] has shape \(3, 6\)"),
    Refusal("a gate of integers", with_gate("f", np.ones((3, 7), int)), TypeError,
            "int64, expected floats"),
    Refusal("a gate below zero", with_gate("f", -np.ones((3, 7))), ValueError,
            "contains -1, expected at least 0 and at most 1"),
    Refusal("a candidate above one", with_gate("g", 2 * np.ones((3, 7))), ValueError,
            "contains 2, expected at least -1 and at most 1"),
    Refusal("a cell that is NaN", with_gate("c", np.full((3, 7), np.nan)), ValueError, "21 values"),
)  # fmt: skip


def recall() -> dict[str, Any]:
    """Two seeds of one network, at three lengths."""
    return {
        "lengths": [10, 20, 50],
        "reach": {"RNN": np.array([1.0, 0.5, 0.0])},
        "shares": {"RNN": np.array([[1.0, 0.5, 0.2], [1.0, 0.9, 0.3]])},
        "guess": 0.25,
    }


CONTRACTS = (
    Contract(
        plot_gradient_norms,
        lambda: {"norms": {"RNN": np.array([1.0, 0.5, 0.0])}},
    ),
    Contract(
        plot_open_directions,
        lambda: {"counts": {"RNN": np.array([4.0, 2.0, 0.0])}},
    ),
    Contract(
        plot_recall,
        recall,
        (
            Refusal("other names", lambda a: {"shares": {"LSTM": a["shares"]["RNN"]}}, ValueError,
                    "shares has LSTM, reach RNN"),
            Refusal("shares of other lengths", {"shares": {"RNN": np.ones((2, 4))}}, ValueError,
                    r"shares\['RNN'\] has shape \(2, 4\)"),
            Refusal("a share above one", {"shares": {"RNN": np.full((1, 3), 1.5)}}, ValueError,
                    r"shares\['RNN'\] contains 1.5"),
        ),
    ),
    Contract(
        plot_gates, lambda: {"gates": gates(), "words": list(WORDS), "per_word": 2}, BAD_GATES
    ),
    Contract(
        gate_tiles,
        tiles,
        (
            *BAD_GATES,
            Refusal("a gate that is missing", without("o"), ValueError,
                    "gates has i, f, g, c, expected i, f, o, g, c$"),
        ),
    ),
)  # fmt: skip
