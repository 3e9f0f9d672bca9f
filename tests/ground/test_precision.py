"""Every function is right in every precision, or refuses it by name.

``python -m tests.ground.test_precision`` prints what each does.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

from tests.contracts import Contract, contracts
from tests.ground.test_contracts import (
    outcome,
    scratch_folder,  # noqa: F401 - fixtures
    shared_again_as_before,  # noqa: F401
    title,
)

PRECISIONS = ("float64", "float32", "float16", "bfloat16")

# So many roundings may add up in a small network, relative to an answer's largest number. Where
# steps follow one another, more.
ROUNDINGS = 8
MORE = {
    "visualize": 256,  # Adam divides a small gradient by its own size
    "train_digits": 1e5,  # and that step after step
    "minimize": 2e6,  # L-BFGS is at the optimum at once, where only rounding is left of the picture
    "style_transfer_lbfgs": 1e4,
}
NOT_ASKED = {
    "gradient": "its two tensors have one graph, which no copy has; input_gradients asks it",
    "load": "a checkpoint is of one precision, that in which it was saved",
}
EVERY_CONTRACT = [
    pytest.param(contract, id=f"{module}-{contract}-{number}")
    for module, of_module in contracts().items()
    for number, contract in enumerate(of_module)
    if str(contract) not in NOT_ASKED
]


def converted(value: Any, precision: str, kinds: set[str]) -> Any:
    """A copy whose floats have a precision; ``kinds`` gets to know whose floats they are.

    NumPy has no bfloat16, and its arrays stay as they are.
    """
    dtype = getattr(torch, precision)
    if isinstance(value, torch.Tensor | nn.Module | torch.dtype):
        if isinstance(value, torch.dtype):
            return dtype if value.is_floating_point else value
        if isinstance(value, torch.Tensor) and not value.is_floating_point():
            return value
        kinds.add("torch")
        value = value.detach() if isinstance(value, torch.Tensor) else copy.deepcopy(value)
        return value.to(dtype)
    if isinstance(value, np.ndarray | np.dtype) and getattr(value, "dtype", value).kind == "f":
        kinds.add("numpy")
        array = isinstance(value, np.ndarray)
        number = getattr(np, precision, value.dtype if array else value)
        return value.astype(number) if array else np.dtype(number)
    if isinstance(value, np.random.Generator | torch.Generator):
        return copy.deepcopy(value)
    if isinstance(value, types.MethodType):
        return getattr(converted(value.__self__, precision, kinds), value.__name__)
    if isinstance(value, dict):
        return {key: converted(part, precision, kinds) for key, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(converted(part, precision, kinds) for part in value)
    if type(value).__module__.startswith("cs231n_lib"):
        other = copy.copy(value)
        vars(other).update(converted(vars(value), precision, kinds))
        return other
    return value


def numbers(value: Any) -> Iterator[np.ndarray]:
    """All numbers of an answer, floats in double precision."""
    if isinstance(value, torch.Tensor):
        yield from numbers(
            (value.double() if value.is_floating_point() else value).numpy(force=True)
        )
    elif isinstance(value, np.ndarray | np.number | float | int):
        array = np.asarray(value)
        if array.dtype.kind in "biuf":
            yield array.astype(float) if array.dtype.kind == "f" else array
    elif isinstance(value, nn.Module | Mapping):
        parts = value.state_dict() if isinstance(value, nn.Module) else value
        yield from numbers(list(parts.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from numbers(part)
    elif type(value).__module__.startswith("cs231n_lib"):
        yield from numbers(vars(value))


def answer(contract: Contract, arguments: dict[str, Any]) -> list[np.ndarray]:
    """What a function gives and what it is there to change, as numbers."""
    result = outcome(contract, arguments)
    plt.close("all")
    changed = [arguments[name] for name in contract.changes or () if name in arguments]
    return list(numbers([result, changed]))


def distance(found: list[np.ndarray], right: list[np.ndarray]) -> float:
    """The largest difference of two answers, relative to the largest number in each part.

    Whole numbers and truth values have to be the same.
    """
    assert [part.shape for part in found] == [part.shape for part in right]
    worst = 0.0
    for a, b in zip(found, right):
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        if b.dtype.kind != "f":
            worst = max(worst, 0 if same.all() else np.inf)
            continue
        scale = np.abs(b).max(initial=0, where=np.isfinite(b)) or 1
        worst = max(worst, np.abs(a - b).max(initial=0, where=~same) / scale)
    return worst


def cell(contract: Contract, precision: str) -> str:
    """``"right"`` or ``"refused"``; ``"-"`` if there are no such floats; or what went wrong."""
    kinds = set()
    given = converted(contract.arguments(), precision, kinds)
    if not kinds - ({"numpy"} if precision == "bfloat16" else set()):
        return "-"
    exact = converted(given, "float64", set())
    try:
        found = answer(contract, given)
    except (TypeError, ValueError) as error:
        ours = str(error).startswith(f"{title(contract)}: ")
        return "refused" if ours and precision in str(error).lower() else repr(error)
    far = distance(found, answer(contract, exact)) if found else 0
    roundings = far / torch.finfo(getattr(torch, precision)).eps
    right = roundings <= MORE.get(str(contract), ROUNDINGS)
    return "right" if right else f"{roundings:.3g} roundings away"


@pytest.mark.parametrize("contract", EVERY_CONTRACT)
def test_a_function_is_right_in_a_precision_or_refuses_it_by_name(contract):
    cells = {precision: cell(contract, precision) for precision in PRECISIONS}
    assert set(cells.values()) <= {"right", "refused", "-"}, cells
    assert cells["float64"] in ("right", "-")


# These run the network that they are given, as it is: under autocast, coarsely.
COARSE_UNDER_AUTOCAST = {
    "GramProduct.apply", "activations", "channel_mean", "class_log_probability", "class_score",
    "class_scores", "extract_features", "feature_distance",
}  # fmt: skip


# PyTorch draws the first weights of its layers in the default dtype.
OTHER_WEIGHTS_BY_DEFAULT = {"train_digits"}


@contextmanager
def float64_by_default():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("mode", ["inference mode", "autocast", "float64 by default"])
@pytest.mark.parametrize("contract", [each for each in EVERY_CONTRACT if "see." in each.id])
def test_a_function_is_right_in_whatever_mode_pytorch_is(contract, mode):
    kinds = set()
    arguments = converted(contract.arguments(), "float32", kinds)
    drawn_otherwise = mode == "float64 by default" and str(contract) in OTHER_WEIGHTS_BY_DEFAULT
    if "torch" not in kinds or drawn_otherwise:
        return
    right = answer(contract, converted(arguments, "float32", set()))
    modes = {
        "inference mode": torch.inference_mode,
        "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
        "float64 by default": float64_by_default,
    }
    with modes[mode]():
        made_inside = {k: v.clone() if torch.is_tensor(v) else v for k, v in arguments.items()}
        found = answer(contract, made_inside)
    coarse = mode == "autocast" and str(contract) in COARSE_UNDER_AUTOCAST
    assert distance(found, right) < 4 * torch.finfo(torch.bfloat16 if coarse else torch.float32).eps


def table() -> str:
    rows = [f"{'':60}" + "".join(f"{precision:10}" for precision in PRECISIONS)]
    for parameters in EVERY_CONTRACT:
        cells = [cell(parameters.values[0], precision) for precision in PRECISIONS]
        if {*cells} != {"-"}:
            rows.append(f"{parameters.id:60}" + "".join(f"{each:10}" for each in cells))
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
