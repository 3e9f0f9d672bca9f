"""Contracts of what a reader calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cs231n_lib.speak.rnn import rnn_step_forward
from cs231n_lib.workshop.reports import check, hint, solution, summary, use_solution
from tests.contracts import Contract, Refusal


def own() -> dict[str, Any]:
    """A reader's function, with the bias left out; alone it is not put to work."""

    def rnn_step_forward(x, prev_h, Wx, Wh, b):
        next_h = np.tanh(x @ Wx + prev_h @ Wh)
        return next_h, (x, prev_h, Wx, Wh, next_h)

    return {"function": rnn_step_forward}


def another(*_: Any) -> None:
    """A function that the book does not ask for."""


def _contract(function: Callable) -> Contract:
    none_of_them = Refusal(
        "a function that the book does not ask for", {"function": another},
        ValueError, "'another' is none of the functions to write, which are: rnn_step_forward, ",
    )  # fmt: skip
    return Contract(function, own, (none_of_them,))


CONTRACTS = (
    *map(_contract, (check, hint, solution)),
    Contract(check, lambda: {"function": rnn_step_forward}),
    Contract(
        use_solution,
        lambda: {"function": "rnn_step_forward"},
        (
            Refusal(
                "a name that is not known", {"function": "another"}, ValueError, "'another' is none"
            ),
        ),
    ),
    Contract(summary, dict),
)
