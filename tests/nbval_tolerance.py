"""An extension of nbval: a number printed with its tolerance is compared as an interval.

A notebook that prints ``0.83 ± 0.03`` promises that another machine gets a number from 0.80 to
0.86. nbval compares texts to the letter. Before it does, :func:`accept` replaces, in the fresh
output, each number that keeps its promise by the committed one; whatever does not is left as it
is, and nbval reports it. The tolerance may be a share of the number, such as 4 %. It is then not
the same on another machine, and the committed one counts.
"""

from __future__ import annotations

import copy
import functools
import re
from decimal import Decimal
from typing import Any

import pytest
from nbval.plugin import IPyNbCell

_NUMBER = r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_WITHIN = re.compile(rf"(?<![\w.+-])(-?{_NUMBER}) ± ({_NUMBER})(?!\.?\w)")


def accept(committed: str, fresh: str) -> str:
    """The fresh text, with the committed number wherever the fresh one lies in its interval."""
    promises = _WITHIN.findall(committed)
    if len(promises) != len(_WITHIN.findall(fresh)):
        return fresh
    remaining = iter(promises)

    def settle(match: re.Match[str]) -> str:
        value, tolerance = next(remaining)
        kept = abs(Decimal(match[1]) - Decimal(value)) <= Decimal(tolerance)
        return f"{value} ± {tolerance}" if kept else match[0]

    return _WITHIN.sub(settle, fresh)


def settle_outputs(fresh: list[dict], committed: list[dict]) -> list[dict]:
    """Apply :func:`accept` to every text of a cell's outputs, paired by their order."""
    fresh = copy.deepcopy(fresh)
    for new, old in zip(fresh, committed):
        for texts, expected in ((new, old), (new.get("data", {}), old.get("data", {}))):
            for key, text in texts.items():
                if isinstance(text, str) and isinstance(expected.get(key), str):
                    texts[key] = accept(expected[key], text)
    return fresh


def compare(cell: IPyNbCell, fresh: list[dict], committed: list[dict], *args: Any) -> bool:
    return IPyNbCell.compare_outputs(cell, settle_outputs(fresh, committed), committed, *args)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, IPyNbCell):
            item.compare_outputs = functools.partial(compare, item)
