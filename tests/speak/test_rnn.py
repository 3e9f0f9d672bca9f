"""The vanilla RNN: every gradient proven three ways, every version the same, the promises."""

import numpy as np
import pytest
import torch

from cs231n_lib.speak import rnn
from cs231n_lib.speak.rnn import rnn_backward, rnn_forward, rnn_step_backward, rnn_step_forward
from tests.gradients import (
    FLOATS,
    assert_differences,
    assert_dtypes,
    assert_tight,
    assert_versions_agree,
    autograd,
    bytes_used,
    cast,
    differences_by_name,
    forth_and_back,
    give_weights,
    normal,
    weight_gradients,
)

# N, T, D, H.
SHAPES = [(1, 1, 1, 1), (1, 5, 2, 3), (3, 4, 1, 2), (2, 3, 4, 1), (4, 6, 5, 7)]
FAST = rnn_forward, rnn_backward
VERSIONS = [
    (rnn.rnn_loop_forward, rnn.rnn_loop_backward),
    (rnn.rnn_hoisted_forward, rnn.rnn_hoisted_backward),
    FAST,
]


def step_case(N, D, H):
    arguments = normal(N + D + H, x=(N, D), prev_h=(N, H), Wx=(D, H), Wh=(H, H), b=(H,))
    arguments["Wx"] /= np.sqrt(D)
    arguments["Wh"] /= np.sqrt(H)
    return arguments, normal(1, dnext_h=(N, H))["dnext_h"]


def sequence_case(N, T, D, H):
    arguments, _ = step_case(N, D, H)
    weights = {name: arguments[name] for name in ("Wx", "Wh", "b")}
    return normal(N + T, x=(N, T, D), h0=(N, H)) | weights, normal(2, dh=(N, T, H))["dh"]


def torch_step(x, prev_h, Wx, Wh, b):
    return torch.tanh(torch.cat([x, prev_h], 1) @ torch.cat([Wx, Wh]) + b)


def torch_sequence(x, h0, Wx, Wh, b):
    states = [h0]
    for step in x.unbind(1):
        states.append(torch_step(step, states[-1], Wx, Wh, b))
    return torch.stack(states[1:], 1)


@pytest.mark.parametrize(("N", "T", "D", "H"), SHAPES)
def test_step_equals_differences_autograd_and_the_cell_of_torch(N, T, D, H):
    arguments, dnext_h = step_case(N, D, H)
    next_h, cache = rnn_step_forward(**arguments)
    gradients = rnn_step_backward(dnext_h, cache)
    numeric = differences_by_name(lambda **a: rnn_step_forward(**a)[0], arguments, dnext_h)
    assert_differences(gradients, numeric)
    out, expected = autograd(torch_step, arguments, dnext_h)
    assert_tight((next_h, *gradients), (out, *expected.values()))
    x, prev_h, *weights = arguments.values()
    cell = torch.nn.RNNCell(D, H, dtype=torch.float64)
    give_weights(cell, weights)
    out, expected = autograd(cell, {"input": x, "hx": prev_h}, dnext_h)
    assert_tight((next_h, *gradients), (out, *expected.values(), *weight_gradients(cell)))


@pytest.mark.parametrize(("N", "T", "D", "H"), SHAPES)
def test_sequence_equals_differences_autograd_and_the_rnn_of_torch(N, T, D, H):
    arguments, dh = sequence_case(N, T, D, H)
    h, *gradients = forth_and_back(FAST, arguments, dh)
    assert_differences(
        gradients, differences_by_name(lambda **a: rnn_forward(**a)[0], arguments, dh)
    )
    out, expected = autograd(torch_sequence, arguments, dh)
    assert_tight((h, *gradients), (out, *expected.values()))
    x, h0, *weights = arguments.values()
    module = torch.nn.RNN(D, H, batch_first=True, dtype=torch.float64)
    give_weights(module, weights)
    out, expected = autograd(lambda x, h0: module(x, h0[None])[0], {"x": x, "h0": h0}, dh)
    assert_tight((h, *gradients), (out, *expected.values(), *weight_gradients(module)))


@pytest.mark.parametrize("shape", [*SHAPES, (3, 1, 4, 2), (2, 700, 1, 2)])
def test_all_versions_are_equal(shape):
    assert_versions_agree(VERSIONS, *sequence_case(*shape))


def test_dtypes_of_a_sequence():
    assert_dtypes(FAST, *sequence_case(3, 4, 4, 5))


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_step_keeps_the_dtype(dtype):
    arguments, dnext_h = step_case(3, 4, 5)
    next_h, cache = rnn_step_forward(**cast(arguments, dtype))
    results = (next_h, *rnn_step_backward(dnext_h.astype(dtype), cache))
    assert {a.dtype for a in results} == {np.dtype(dtype)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [500, -500])
def test_saturation_raises_no_floating_point_error(size, dtype):
    arguments, dh = sequence_case(2, 3, 4, 5)
    arguments = cast(arguments | {"b": np.full(5, size)}, dtype)
    with np.errstate(all="raise"):
        h, dx, dh0, *_ = forth_and_back(FAST, arguments, dh.astype(dtype))
    np.testing.assert_array_equal(h, np.full_like(h, np.sign(size)))
    assert not dx.any()
    assert not dh0.any()

    step = {"x": arguments["x"][:, 0], "prev_h": arguments.pop("h0")}
    with np.errstate(all="raise"):
        next_h, cache = rnn_step_forward(**(arguments | step))
        dx, *_ = rnn_step_backward(dh[:, 0].astype(dtype), cache)
    np.testing.assert_array_equal(next_h, np.full_like(next_h, np.sign(size)))
    assert not dx.any()


@pytest.mark.parametrize("sizes", [[(8, 16), (8, 4096)], [(1, 64), (1024, 64)]])
def test_memory_grows_at_most_linearly(sizes):
    few, many = (bytes_used(FAST, *sequence_case(N, T, 4, 8))[0] for N, T in sizes)
    (N, T), (more_N, more_T) = sizes
    assert many < 1.5 * few * more_N * more_T / (N * T)


def test_long_sequences_stay_finite():
    with np.errstate(all="raise", under="ignore"):
        results = forth_and_back(FAST, *sequence_case(1, 4096, 2, 3))
    assert all(np.isfinite(result).all() for result in results)
