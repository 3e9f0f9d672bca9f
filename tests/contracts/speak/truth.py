"""Contracts of the judge of sentences about scenes."""

from __future__ import annotations

from typing import Any

from cs231n_lib.speak.truth import count_mistakes, judge, share_true
from tests.contracts import Contract
from tests.contracts.speak.scenes import scenes


def _pairs() -> dict[str, Any]:
    return {"sentences": ["a red circle", "nothing at all"], "scenes": scenes()}


CONTRACTS = (
    Contract(judge, lambda: {"sentence": "a red circle left of a star", "scene": scenes()[0]}),
    Contract(share_true, _pairs),
    Contract(count_mistakes, _pairs),
)
