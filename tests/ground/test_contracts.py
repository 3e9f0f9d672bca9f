"""Every public function keeps its contract: it works, refuses bad input, and damages nothing."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import random
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from tests.contracts import Contract, Refusal, contracts
from tests.interface import MODULES
from tests.untouched import differences, photograph, photograph_files, photograph_shared

# Nothing may hang, on bad input least of all.
pytestmark = pytest.mark.timeout(30)

CONTRACTS = contracts()

# Public, and without a contract.
EXEMPT: dict[str, str] = {
    "class_visualization.Objective": "a type, to annotate with",
    "inspection.Model": "a type, to annotate with",
    "truth.Mistake": "a record of what it is given",
    "truth.Verdict": "a record of what it is given",
}

# An error from the depth says where it came from, and not what was wrong with the argument.
UNCLEAR = re.compile(
    "object has no attribute|is out of bounds for axis|has no len|is not subscriptable"
    "|unsupported operand|not supported between|unhashable type|list indices must be"
    "|truth value of an array|could not be broadcast|unexpected keyword|positional argument"
)

# Of these a part is wrong, and named, or where they come from.
OF_PARTS = {
    "arrays", "card", "config", "content_image", "content_original", "data", "feats", "folder",
    "functions", "grads", "images", "model", "objective", "optim_config", "path", "scene", "scenes",
    "self", "solvers", "source", "style_image", "style_layers", "style_targets", "style_weights",
    "target", "texts", "tv_weight", "value", "values", "write",
}  # fmt: skip

# These speak of how two arguments fit, of a step, or say what PyTorch or Python says.
SPEAK_OTHERWISE = {
    "chapter_figure", "check_indices", "check_number", "check_texts", "check_values",
    "check_vocabulary", "class_index", "extract_features", "feature_distance", "jitter",
    "lstm_loop_backward", "match_colours", "numeric_gradient", "panels", "plot_class_map",
    "plot_randomisation", "randomisation_check", "rank_correlation", "rnn_loop_backward",
    "score_gradient", "show_images", "sigmoid", "style_transfer", "style_transfer_lbfgs",
}  # fmt: skip

# With one of these names a message of ours begins.
OURS = {
    name
    for module, of_module in CONTRACTS.items()
    for name in (
        *importlib.import_module(f"cs231n_lib.{module}").__all__,
        *(part for contract in of_module for part in (str(contract), *str(contract).split("."))),
    )
}

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
    begins = re.match(r"([\w.]+): ", str(caught.value))
    known = {*OURS, *map(str, arguments.values())}
    assert begins is None or begins[1] in known, "the message names another function"
    named = any(re.search(rf"\b{argument}\b", str(caught.value)) for argument in change)
    elsewhere = change.keys() & OF_PARTS or str(contract) in SPEAK_OTHERWISE or not change
    assert named or elsewhere, "the message does not name the argument"
    assert differences(shared, photograph_shared()) == []
    assert differences(given, photograph(**arguments)) == []
    assert differences(files, photograph_files(scratch_folder)) == []


@pytest.mark.parametrize("module", CONTRACTS)
def test_refusals_state_one_clear_error_each(module: str) -> None:
    for contract in CONTRACTS[module]:
        assert len({refusal.what for refusal in contract.refuses}) == len(contract.refuses)
        for refusal in contract.refuses:
            assert refusal.error not in (Exception, AttributeError, AssertionError)
            assert len(refusal.says) >= 5, "too little to tell one error from another"


@pytest.mark.parametrize("module", MODULES)
def test_every_public_function_has_a_contract(module: str) -> None:
    kept = {id(contract.function) for contract in CONTRACTS.get(module, ())}
    names = {str(contract).split(".")[0] for contract in CONTRACTS.get(module, ())}
    missing = [
        name
        for name, thing in public(module).items()
        if callable(thing) and id(thing) not in kept and name not in names
    ]
    assert [name for name in missing if f"{module}.{name}" not in EXEMPT] == []


def test_what_is_exempt_exists_and_has_no_contract() -> None:
    for entry in EXEMPT:
        module, name = entry.split(".")
        assert name in public(module)
        assert name not in map(str, CONTRACTS.get(module, ()))


def public(module: str) -> dict[str, Callable | Any]:
    """What a module of the library offers, by name."""
    library_module = importlib.import_module(f"cs231n_lib.{module}")
    return {name: getattr(library_module, name) for name in library_module.__all__}
