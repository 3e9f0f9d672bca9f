"""What every public function promises: a call that works, and what it refuses.

One module for each of the library's. ``tests/ground/test_contracts.py`` proves the promises. What a
declaration of :func:`cs231n_lib.checks.checked` says is refused there without being listed here.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Contract", "Refusal", "contracts"]


@dataclass(frozen=True)
class Refusal:
    """Bad input, and the error that it leads to.

    ``change`` holds the arguments to replace in the valid call: values, or, where they must be made
    afresh or depend on the valid ones, a function of all valid arguments.
    """

    what: str  # for the table, as in "a class index that does not exist"
    change: dict[str, Any] | Callable[[dict[str, Any]], dict[str, Any]]
    error: type[Exception]
    says: str  # a regular expression that the message must contain


@dataclass(frozen=True)
class Contract:
    """One valid call of a public function, and what it refuses.

    ``arguments`` makes fresh arguments for each call. ``changes`` names what the function is there
    to change, with the reason, as in ``{"config": "holds the running averages"}``: arguments, or
    what is shared, by its name in ``tests.untouched.photograph_shared``.
    """

    function: Callable
    arguments: Callable[[], dict[str, Any]]
    refuses: tuple[Refusal, ...] = ()
    changes: dict[str, str] | None = None
    name: str = ""  # as in "CaptioningRNN.loss"; the function's own, if empty

    def __str__(self) -> str:
        return self.name or self.function.__qualname__


def contracts() -> dict[str, tuple[Contract, ...]]:
    """All contracts, by the name of the library's module, such as ``"speak.rnn"``."""
    found = {}
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        if not module.ispkg:
            name = module.name.removeprefix(f"{__name__}.")
            found[name] = importlib.import_module(module.name).CONTRACTS
    return found
