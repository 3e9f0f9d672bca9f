"""Contracts of ``cs231n_lib.figures.captions``."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from cs231n_lib.figures import captions as plotting
from cs231n_lib.speak.scenes import Description, Scene, Thing
from tests.contracts import Contract, Refusal

ABOVE = Description(Thing("large", "red", "circle"), "above", Thing("small", "blue", "star"))
SCENE = Scene(ABOVE, 0)
WORDS = ["<START>", "a", "star"]
CURVE = [3.0, 2.0, 1.0]


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


def solver(losses: list[float], shares: list[float]) -> SimpleNamespace:
    """What is asked of a trained solver."""
    return SimpleNamespace(loss_history=losses, validation_history=shares)


def with_gate(name: str, gate: Any) -> Any:
    """A change that replaces one gate."""
    return lambda valid: {"gates": valid["gates"] | {name: gate}}


def bad_curves(argument: str) -> tuple[Refusal, ...]:
    """What all curves over a logarithmic axis refuse."""
    return (
        Refusal("no curves", {argument: {}}, ValueError, "is empty, expected one curve"),
        Refusal("a list of numbers instead of named curves", {argument: [1.0, 2.0]}, TypeError,
                "expected a dict of named curves"),
        Refusal("a curve of strings", {argument: {"RNN": ["a"]}}, TypeError, "real numbers"),
        Refusal("an empty curve", {argument: {"RNN": []}}, ValueError, r"shape \(0,\)"),
        Refusal("a value that is NaN", {argument: {"RNN": [1, np.nan]}}, ValueError, "1 values"),
        Refusal("an infinite value", {argument: {"RNN": [1, np.inf]}}, ValueError, "1 values"),
        Refusal("a negative value", {argument: {"RNN": [1, -2.0]}}, ValueError,
                r"\['RNN'\] contains -2, expected at least 0"),
    )  # fmt: skip


BAD_GATES = (
    Refusal("no cell state", lambda valid: {"gates": {"f": valid["gates"]["f"]}}, ValueError,
            "gates are f, expected c"),
    Refusal("a gate that an LSTM does not have", with_gate("z", np.ones((3, 7))), ValueError,
            "gates are i, f, o, g, c, z, expected"),
    Refusal("a gate of another shape", with_gate("f", np.ones((3, 6))), ValueError,
            r"gates\['f'\] has shape \(3, 6\)"),
    Refusal("a gate of integers", with_gate("f", np.ones((3, 7), int)), TypeError,
            "int64, expected floats"),
    Refusal("a gate below zero", with_gate("f", -np.ones((3, 7))), ValueError,
            "contains -1, expected at least 0 and at most 1"),
    Refusal("a gate that is NaN", with_gate("f", np.full((3, 7), np.nan)), ValueError, "21 values"),
    Refusal("gates of another number of words", {"words": WORDS[:2]}, ValueError,
            "3 steps for 2 words"),
    Refusal("one string instead of words", {"words": "abc"}, TypeError, "expected a list"),
)  # fmt: skip

CONTRACTS = (
    Contract(
        plotting.show_captions,
        lambda: {"scenes": [SCENE], "sentences": ["a red star"], "columns": 2},
        (
            Refusal("no scenes", {"scenes": [], "sentences": None}, ValueError, "no scenes"),
            Refusal("something else than scenes", {"scenes": [ABOVE]}, TypeError,
                    "a Description, expected a Scene"),
            Refusal("more sentences than scenes", {"sentences": ["a star"] * 2}, ValueError,
                    "2 strings, expected 1"),
            Refusal("one string instead of sentences", {"sentences": "a"}, TypeError,
                    "expected a list of strings"),
            Refusal("a sentence that is no string", {"sentences": [3]}, TypeError, "holds a int"),
            Refusal("no columns", {"columns": 0}, ValueError, "columns is 0"),
            Refusal("half a column", {"columns": 1.5}, TypeError, "whole number"),
        ),
    ),
    Contract(
        plotting.plot_curves,
        lambda: {"curves": {"RNN": list(CURVE)}, "ylabel": "loss", "window": 2},
        (
            *bad_curves("curves"),
            Refusal("a window of no steps", {"window": 0}, ValueError, "window is 0"),
            Refusal("a window that is no whole number", {"window": 2.5}, TypeError, "whole number"),
        ),
    ),
    Contract(
        plotting.plot_training,
        lambda: {"solvers": {"RNN": solver(list(CURVE), [0.2, 0.8])}, "window": 2},
        (
            Refusal("no solvers", {"solvers": {}}, ValueError, "is empty, expected one"),
            Refusal("something else than solvers", {"solvers": {"RNN": 1}}, TypeError,
                    "expected CaptioningSolvers"),
            Refusal("a solver that has not been trained", {"solvers": {"RNN": solver([], [])}},
                    ValueError, "call its train"),
            Refusal("a loss that is NaN", {"solvers": {"RNN": solver([np.nan], [0.5])}},
                    ValueError, "loss_history.*1 values that are NaN"),
            Refusal("a share above one", {"solvers": {"RNN": solver([1.0], [20.0])}}, ValueError,
                    "contains 20, expected at least 0 and at most 1"),
            Refusal("a window of no steps", {"window": 0}, ValueError, "window is 0"),
        ),
    ),
    Contract(
        plotting.plot_mistakes,
        lambda: {"shares": {"RNN": {"first colour": 0.1, "grammar": 0.0}, "LSTM": {}}},
        (
            Refusal("no networks", {"shares": {}}, ValueError, "is empty, expected one network"),
            Refusal("an attribute that sentences do not have", {"shares": {"RNN": {"hue": 0.1}}},
                    ValueError, "has 'hue', expected attributes"),
            Refusal("counts instead of shares", {"shares": {"RNN": {"relation": 12}}}, ValueError,
                    "contains 12, expected at least 0 and at most 1"),
            Refusal("a share that is NaN", {"shares": {"RNN": {"relation": np.nan}}}, ValueError,
                    "1 values that are NaN"),
            Refusal("a share that is no number", {"shares": {"RNN": {"relation": "much"}}},
                    TypeError, "expected a sequence of real numbers"),
        ),
    ),
    Contract(
        plotting.plot_gradient_norms,
        lambda: {"norms": {"RNN": np.array([1.0, 0.5, 0.0])}},
        bad_curves("norms"),
    ),
    Contract(
        plotting.plot_open_directions,
        lambda: {"counts": {"RNN": np.array([4.0, 2.0, 0.0])}},
        bad_curves("counts"),
    ),
    Contract(
        plotting.plot_gates,
        lambda: {"gates": gates(), "words": list(WORDS), "per_word": 2},
        (
            *BAD_GATES,
            Refusal("no units for a word", {"per_word": 0}, ValueError, "per_word is 0"),
        ),
    ),
    Contract(
        plotting.gate_tiles,
        tiles,
        (
            *BAD_GATES,
            Refusal("a gate that is missing",
                    lambda valid: {"gates": {n: g for n, g in valid["gates"].items() if n != "o"}},
                    ValueError, "gates have no 'o'"),
            Refusal("something else than a scene", {"scene": "a star"}, TypeError,
                    "expected a Scene"),
            Refusal("scores of another number of words", {"scores": np.zeros((2, 4))}, ValueError,
                    "2 rows of scores for 3 words"),
            Refusal("scores that are NaN", {"scores": np.full((3, 4), np.nan)}, ValueError,
                    "12 values that are NaN"),
            Refusal("a vocabulary of another size", {"vocabulary": ["a", "star"]}, ValueError,
                    "2 strings, expected 4"),
        ),
    ),
)  # fmt: skip
