"""Contract of the grading of a notebook."""

from __future__ import annotations

from cs231n_lib.workshop.grade import grade
from tests.contracts import Contract

CONTRACTS = (
    Contract(grade, lambda: {"path": "not a notebook", "seconds": 20.0, "megabytes": 4000}),
)
