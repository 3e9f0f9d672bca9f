"""On a GPU every function of a network gives what it gives on the CPU, and damages as little."""

from __future__ import annotations

import copy
import dataclasses
import functools
import types
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.contracts import Contract
from tests.ground.test_contracts import (
    EVERY_CONTRACT,
    outcome,
    scratch_folder,  # noqa: F401 - fixtures
    shared_again_as_before,  # noqa: F401
)
from tests.untouched import differences, photograph, photograph_shared

GPU = "cuda"


def moved(value: Any, device: str) -> Any:
    """The same value with every tensor and network in it on another device."""
    if isinstance(value, nn.Module):
        return copy.deepcopy(value).to(device)
    if isinstance(value, torch.Tensor):
        there = value.detach().to(device).requires_grad_(value.requires_grad)
        there.grad = None if value.grad is None else value.grad.to(device)
        return there
    if isinstance(value, Mapping):
        return {key: moved(item, device) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(moved(item, device) for item in value)
    if isinstance(value, types.MethodType):
        return types.MethodType(value.__func__, moved(value.__self__, device))
    if isinstance(value, types.FunctionType) and value.__closure__:
        cells = (types.CellType(moved(cell.cell_contents, device)) for cell in value.__closure__)
        there = types.FunctionType(
            value.__code__, value.__globals__, value.__name__, value.__defaults__, tuple(cells)
        )
        there.__kwdefaults__ = value.__kwdefaults__
        return functools.update_wrapper(there, value)
    return value


def tensors(value: Any) -> Iterator[torch.Tensor | nn.Module]:
    """Every tensor and network in a value."""
    if isinstance(value, torch.Tensor | nn.Module):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from tensors(item)


def numbers(value: Any, path: str = "result") -> dict[str, np.ndarray]:
    """Every array, tensor and number in an outcome, by its place."""
    if isinstance(value, torch.Tensor):
        return {path: value.detach().cpu().numpy()}
    if isinstance(value, np.ndarray | float | int):
        return {path: np.asarray(value)}
    if isinstance(value, nn.Module):
        return numbers(dict(value.state_dict()), path)
    if isinstance(value, Mapping):
        items = list(value.items())
    else:
        items = list(enumerate(value)) if isinstance(value, list | tuple) else []
    found: dict[str, np.ndarray] = {}
    for key, item in items:
        found |= numbers(item, f"{path}.{key}")
    return found


@pytest.fixture(autouse=True)
def all_digits() -> Iterator[None]:
    """A GPU would shorten the factors of a convolution, as make_reproducible explains."""
    with torch.backends.cudnn.flags(allow_tf32=False, deterministic=True):
        yield


# What is not compared.
EXEMPT = {
    "pictures_at_once": "the number is there to depend on the device",
    "NormalizedLoss.__call__": "the function itself holds a network",
    "minimize": "L-BFGS divides by a step so short that the losses' difference is rounding",
    "plot_randomisation": "it takes floats; the contract only shows that PyTorch's will do",
}


# Without a GPU there is nothing to compare.
@pytest.mark.parametrize("contract", EVERY_CONTRACT if torch.cuda.is_available() else [])
def test_a_gpu_gives_what_the_cpu_gives_and_nothing_is_damaged(contract: Contract) -> None:
    if str(contract) in EXEMPT:
        pytest.skip(EXEMPT[str(contract)])
    given = list(tensors(contract.arguments()))
    if not given:
        pytest.skip("it takes neither tensors nor networks")
    if any(isinstance(tensor, torch.Tensor) and not tensor.is_leaf for tensor in given):
        pytest.skip("its arguments are of one computation, which cannot be moved in parts")
    here = numbers(outcome(contract, contract.arguments()))
    arguments = moved(contract.arguments(), GPU)
    on_gpu = dataclasses.replace(contract, function=moved(contract.function, GPU))
    shared, given = photograph_shared(), photograph(**arguments)
    there = outcome(on_gpu, arguments)
    changed = differences(shared, photograph_shared()) + differences(given, photograph(**arguments))
    allowed = tuple(contract.changes or ())
    assert [path for path in changed if path.split(".")[0] not in allowed] == []
    there = numbers(there)
    assert there.keys() == here.keys()
    for place, expected in here.items():
        np.testing.assert_allclose(there[place], expected, rtol=1e-3, atol=1e-4, err_msg=place)
