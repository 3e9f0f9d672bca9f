"""What the tests of gradients share: exact differences, autograd, every version of a cell."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable

import numpy as np
import torch

from cs231n_lib.speak.gradient_check import numeric_gradient, relative_error

FLOATS = (np.float16, np.float32, np.float64, np.longdouble)
TIGHT = {"rtol": 1e-10, "atol": 1e-13, "strict": True}

Arrays = dict[str, np.ndarray]
Pair = tuple[Callable, Callable]  # forward and backward


def central_differences(
    f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, df: np.ndarray | float
) -> np.ndarray:
    """Central differences at three widths, combined so that errors of order h**2 and h**4 cancel.

    The widths can then be large, and the rounding small that is divided by them. What is left is
    about 1e-13, so that a relative error of 1e-7 has meaning even for a number as small as 1e-5,
    whichever kernels compute the products.
    """
    narrow, middle, wide = (numeric_gradient(f, x, df, h=h) for h in (2e-3, 4e-3, 8e-3))
    return (16 * (4 * narrow - middle) - (4 * middle - wide)) / 45


def differences_by_name(
    forward: Callable[..., np.ndarray], arguments: Arrays, upstream: np.ndarray
) -> Arrays:
    """The gradient with respect to each argument of ``forward``, by central differences."""
    return {
        name: central_differences(lambda _: forward(**arguments), argument, upstream)
        for name, argument in arguments.items()
    }


def autograd(
    forward: Callable[..., torch.Tensor], arguments: Arrays, upstream: np.ndarray
) -> tuple[np.ndarray, Arrays]:
    """The output of ``forward``, written in PyTorch, and the gradient for each argument."""
    leaves = {name: torch.tensor(a, requires_grad=True) for name, a in arguments.items()}
    out = forward(**leaves)
    out.backward(torch.tensor(upstream))
    return out.detach().numpy(), {name: leaf.grad.numpy() for name, leaf in leaves.items()}


def normal(seed: int, **shapes: tuple[int, ...]) -> Arrays:
    """Arrays of normal numbers."""
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def cast(arrays: Arrays, dtype: type) -> Arrays:
    return {name: array.astype(dtype) for name, array in arrays.items()}


def assert_differences(gradients: Iterable[np.ndarray], expected: Arrays) -> None:
    """Gradients equal central differences."""
    for gradient, (name, numeric) in zip(gradients, expected.items(), strict=True):
        assert relative_error(gradient, numeric) < 1e-7, f"d{name} is not what differences say"


def assert_tight(found: Iterable[np.ndarray], expected: Iterable[np.ndarray]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, **TIGHT)


def give_weights(
    module: torch.nn.Module, weights: Iterable[np.ndarray], turn: Callable = np.asarray
) -> None:
    """Give ours to a cell of PyTorch; its two biases share one. ``turn`` orders the gates."""
    Wx, Wh, b = weights
    with torch.no_grad():
        for parameter, weight in zip(module.parameters(), (Wx, Wh, 0.25 * b, 0.75 * b)):
            parameter.copy_(torch.tensor(turn(weight).T))


def weight_gradients(
    module: torch.nn.Module, turn: Callable = np.asarray
) -> tuple[np.ndarray, ...]:
    dWx, dWh, db, same = (turn(parameter.grad.numpy().T) for parameter in module.parameters())
    np.testing.assert_allclose(db, same, **TIGHT)
    return dWx, dWh, db


def forth_and_back(version: Pair, arguments: Arrays, dh: np.ndarray) -> list[np.ndarray]:
    """The states, and all gradients."""
    forward, backward = version
    h, cache = forward(**arguments)
    return [h, *backward(dh, cache)]


def assert_versions_agree(versions: Iterable[Pair], arguments: Arrays, dh: np.ndarray) -> None:
    first, *others = (forth_and_back(version, arguments, dh) for version in versions)
    for results in others:
        for result, other in zip(results, first, strict=True):
            atol = 1e-12 * np.abs(other).max()
            np.testing.assert_allclose(result, other, rtol=0, atol=atol, strict=True)


def assert_dtypes(version: Pair, arguments: Arrays, dh: np.ndarray) -> None:
    """Every float dtype is kept, and one longer float among shorter ones makes results long."""
    expected = forth_and_back(version, arguments, dh)
    for dtype in FLOATS:
        results = forth_and_back(version, cast(arguments, dtype), dh.astype(dtype))
        assert {a.dtype for a in results} == {np.dtype(dtype)}
        for result, other in zip(results, expected):
            atol = 50 * np.finfo(dtype).eps + 1e-14
            np.testing.assert_allclose(result, other, rtol=0, atol=atol)
    for wide in (*arguments, "dh"):
        mixed = cast(arguments | {"dh": dh}, np.float32)
        mixed[wide] = mixed[wide].astype(np.float64)
        h, *gradients = forth_and_back(version, mixed, mixed.pop("dh"))
        assert h.dtype == (np.float32 if wide == "dh" else np.float64)
        assert {a.dtype for a in gradients} == {np.dtype(np.float64)}
        for result, other in zip((h, *gradients), expected):
            np.testing.assert_allclose(result, other, rtol=0, atol=1e-5)


def bytes_used(version: Pair, arguments: Arrays, dh: np.ndarray) -> tuple[int, int]:
    """At the peak of forward and backward; and of what is given, kept and returned in the end."""
    given = dh.nbytes + sum(value.nbytes for value in arguments.values())
    tracemalloc.start()
    try:
        forward, backward = version
        h, cache = forward(**arguments)
        results = h, cache, backward(dh, cache)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert results
    return given + peak, given + kept
