"""Contracts of ``cs231n_lib.notebook``."""

from __future__ import annotations

import sys
from typing import Any

import matplotlib

from cs231n_lib import notebook
from cs231n_lib.speak.metrics import bleu4
from tests.contracts import Contract, Refusal
from tests.contracts.reproducible import CHANGES, not_set_up


def a_fact() -> dict[str, Any]:
    notebook.record(warm_up="")  # the first time, IPython changes filters of warnings
    return {"share": "0.83 ± 0.03"}


def before_a_chapter() -> dict[str, Any]:
    notebook.setup()  # the first time, IPython changes filters of warnings
    not_set_up()
    matplotlib.rcParams["font.size"] = 30
    return {"photographs": False}


CONTRACTS = (
    Contract(
        notebook.setup,
        before_a_chapter,
        changes=CHANGES | {"matplotlib": "draws in the book's style"},
    ),
    Contract(
        notebook.show_source,
        lambda: {"functions": (bleu4,)},
        (
            Refusal("nothing", {"functions": ()}, ValueError, "no functions were given"),
            Refusal("a function not written in Python", {"functions": (sys.exit,)},
                    TypeError, "got builtin_function_or_method"),
            Refusal("a name instead of a function", {"functions": ("bleu4",)}, TypeError,
                    "function.* was expected, got str"),
        ),
    ),
    Contract(
        notebook.within,
        lambda: {"value": 0.8349, "tolerance": 0.03, "digits": 2},
        (
            Refusal("a value that is NaN", {"value": float("nan")}, ValueError, "value is nan"),
            Refusal("an infinite value", {"value": float("inf")}, ValueError, "value is inf"),
            Refusal("text instead of a value", {"value": "0.83"}, TypeError, "value is '0.83'"),
            Refusal("a tolerance that rounds to zero", {"tolerance": 0.001}, ValueError,
                    "tolerance is 0.001, expected more than 0 when rounded"),
        ),
    ),
    Contract(
        notebook.record,
        a_fact,
        (
            Refusal("a number without its tolerance", {"share": 0.83}, TypeError,
                    "share is 0.83, expected a string"),
        ),
    ),
)  # fmt: skip
