"""Every function keeps its contract: it works, refuses bad input, and damages nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import os
import random
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from cs231n_lib import checks
from cs231n_lib.checks import Texts
from cs231n_lib.speak.checks import Words
from tests.contracts import Contract, Refusal, contracts
from tests.faults import faults, letters
from tests.untouched import differences, memory, photograph, photograph_files, photograph_shared

# Nothing may hang, on bad input least of all.
pytestmark = pytest.mark.timeout(30)

CONTRACTS = contracts()

# An error from the depth says where it came from, and not what was wrong with the argument.
UNCLEAR = re.compile(
    "object has no attribute|is out of bounds for axis|has no len|is not subscriptable"
    "|unsupported operand|not supported between|unhashable type|list indices must be"
    "|truth value of an array|could not be broadcast|unexpected keyword|positional argument"
)


def title(contract: Contract) -> str:
    """The name with which the messages of a function begin."""
    owner, _, name = str(contract).rpartition(".")
    return owner if name in ("__init__", "__call__", "forward") else name


# A message that begins with the name of a function begins with that of the one called.
OURS = {"cs231n_lib", *(title(each) for of_module in CONTRACTS.values() for each in of_module)}

EVERY_CONTRACT = [
    pytest.param(contract, id=f"{module}-{contract}-{number}")
    for module, of_module in CONTRACTS.items()
    for number, contract in enumerate(of_module)
]
EVERY_REFUSAL = [
    pytest.param(contract, refusal, id=f"{module}-{contract}-{refusal.what}")
    for module, of_module in CONTRACTS.items()
    for contract in of_module
    for refusal in contract.refuses
]


@pytest.fixture(autouse=True)
def scratch_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where ``tempfile`` makes its files, so that contracts may use it and leave nothing."""
    with tempfile.TemporaryDirectory() as folder, monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)
    plt.close("all")


@pytest.fixture(autouse=True)
def shared_again_as_before() -> Iterator[None]:
    """Put back what a function that is there to change it may have changed."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    cudnn = torch.backends.cudnn
    with (
        mock.patch.dict(os.environ),
        matplotlib.rc_context(),
        cudnn.flags(cudnn.enabled, cudnn.benchmark, None, cudnn.deterministic, cudnn.allow_tf32),
    ):
        yield
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    torch.set_rng_state(states[2])


def outcome(contract: Contract, arguments: dict[str, Any]) -> Any:
    """What a function gives, called by keywords where it takes them, and used up."""
    arguments = dict(arguments)
    parameters = inspect.signature(contract.function).parameters
    several = [
        name
        for name, parameter in parameters.items()
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL and name in arguments
    ]
    positional = [value for name in several for value in arguments.pop(name)]
    result = contract.function(*positional, **arguments)
    if isinstance(result, contextlib._GeneratorContextManager):
        with result as entered:
            return entered
    return list(result) if isinstance(result, Iterator) else result


def call(contract: Contract, arguments: dict[str, Any]) -> None:
    """Call a function, use up what comes back, and leave no figure open."""
    result = outcome(contract, arguments)
    for part in result if isinstance(result, tuple) else (result,):
        if isinstance(part, Figure):  # the caller's from now on
            plt.close(part)


@pytest.mark.parametrize("contract", EVERY_CONTRACT)
def test_a_valid_call_works_and_damages_nothing(contract: Contract) -> None:
    arguments = contract.arguments()
    shared, given = photograph_shared(), photograph(**arguments)
    call(contract, arguments)
    changed = differences(shared, photograph_shared()) + differences(given, photograph(**arguments))
    allowed = tuple(contract.changes or ())
    surprises = [path for path in changed if path.split(".")[0] not in allowed]
    assert surprises == []
    idle = [name for name in allowed if not any(path.split(".")[0] == name for path in changed)]
    assert idle == [], "stated as changed, and not changed"


@pytest.mark.parametrize(("contract", "refusal"), EVERY_REFUSAL)
def test_bad_input_is_refused_clearly_and_damages_nothing(
    contract: Contract, refusal: Refusal, scratch_folder: Path
) -> None:
    arguments = contract.arguments()
    change = refusal.change(arguments) if callable(refusal.change) else refusal.change
    arguments |= change
    shared, given = photograph_shared(), photograph(**arguments)
    files = photograph_files(scratch_folder)
    with pytest.raises(refusal.error, match=refusal.says) as caught:
        call(contract, arguments)
    assert not UNCLEAR.search(str(caught.value))
    begins = re.match(r"(\w+): ", str(caught.value))
    other = begins and begins[1] in OURS - {title(contract)}
    assert not other, "the message names another function"
    assert differences(shared, photograph_shared()) == []
    assert differences(given, photograph(**arguments)) == []
    assert differences(files, photograph_files(scratch_folder)) == []


@pytest.mark.parametrize("contract", EVERY_CONTRACT)
def test_what_is_declared_is_checked(contract: Contract) -> None:
    arguments = contract.arguments()
    declared = declarations(contract, arguments)
    shared, given = photograph_shared(), photograph(**arguments)
    known, complaints = set(), []
    for name, kind in declared.items():
        if arguments.get(name) is None:
            continue
        for what, bad in faults(kind, name, arguments, known):
            try:
                call(contract, arguments | {name: bad})
                error = None
            except Exception as caught:
                error = caught
            message = str(error)
            clear = isinstance(error, TypeError | ValueError) and not UNCLEAR.search(message)
            begins = message.startswith(f"{title(contract)}: ")
            if not (clear and begins and re.search(rf"\b{name}\b", message)):
                complaints.append(f"{name}, {what}: {error!r}")
        known |= letters(kind)
    assert complaints == []
    assert differences(shared, photograph_shared()) == []
    assert differences(given, photograph(**arguments)) == []


@pytest.mark.parametrize("contract", EVERY_CONTRACT)
def test_what_is_returned_belongs_to_the_caller(contract: Contract) -> None:
    """To change it changes no argument, nothing else that came with it, and no later result.

    A cache, like a record, holds what it was given: but no result is part of it.
    """
    torch.manual_seed(0)
    arguments = contract.arguments()
    result, kept = outcome(contract, arguments), arguments
    if str(contract).endswith("_forward"):
        *result, cache = result
        kept = [cache, arguments]
    held = [] if inspect.isclass(contract.function) else list(memory(kept, "kept"))
    found = list(memory(result))
    shared = [
        f"{path} and {other}"
        for number, (path, array) in enumerate(found)
        for other, another in [*found[:number], *held]
        if np.shares_memory(array, another)
    ]
    assert shared == []
    assert [path for path, array in found if not array.flags.writeable] == []
    before = {path: array.copy() for path, array in found}
    for _, array in found:
        array.fill(1)
    torch.manual_seed(0)
    again = dict(memory(outcome(contract, contract.arguments())))
    if str(contract).endswith("_forward"):
        again = {path: again[path] for path in before}
    np.testing.assert_equal(again, before)


def in_arrays(value: Any) -> Iterator[Any]:
    """Strings, or lists of them, in a tuple and in arrays instead of a list."""
    yield tuple(value)
    objects = np.empty(len(value), object)
    objects[:] = list(value)
    yield objects
    if all(isinstance(part, str) for part in value):
        yield np.array(value)


@pytest.mark.parametrize("contract", EVERY_CONTRACT)
def test_strings_may_come_in_a_list_a_tuple_or_an_array(contract: Contract) -> None:
    arguments = contract.arguments()
    for name, kind in declarations(contract, arguments).items():
        if isinstance(getattr(kind, "kind", kind), Texts | Words) and arguments.get(name):
            expected = outcome(contract, contract.arguments())
            for given in in_arrays(arguments[name]):
                found = outcome(contract, contract.arguments() | {name: given})
                same = re.sub(r"np\.str_\((.*?)\)", r"\1", repr(found)) == repr(expected)
                assert same or dataclasses.is_dataclass(found)


def declarations(contract: Contract, arguments: dict[str, Any]) -> dict[str, Any]:
    """What a function, the initialiser of a class, or a dataclass declares of its arguments."""
    function = contract.function
    if dataclasses.is_dataclass(function):
        with mock.patch.object(checks, "check") as check:
            function(**arguments)
        return check.call_args.args[1] if check.called else {}
    return getattr(function.__init__ if inspect.isclass(function) else function, "declared", {})
