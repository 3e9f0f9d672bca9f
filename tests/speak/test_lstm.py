"""The LSTM: every gradient proven three ways, every version the same, the promises."""

import itertools

import numpy as np
import pytest
import torch

from cs231n_lib.speak import lstm
from cs231n_lib.speak.lstm import (
    lstm_backward,
    lstm_cell,
    lstm_forward,
    lstm_gates,
    lstm_step_backward,
    lstm_step_forward,
    sigmoid,
)
from tests.gradients import (
    FLOATS,
    TIGHT,
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
FAST = lstm_forward, lstm_backward
VERSIONS = [
    (lstm.lstm_loop_forward, lstm.lstm_loop_backward),
    (lstm.lstm_hoisted_forward, lstm.lstm_hoisted_backward),
    FAST,
]


def step_case(N, D, H):
    """Arguments of a step, and the gradients with respect to both of its results."""
    arguments = normal(
        N + D + H,
        x=(N, D), prev_h=(N, H), prev_c=(N, H), Wx=(D, 4 * H), Wh=(H, 4 * H), b=(4 * H,),
    )  # fmt: skip
    arguments["Wx"] /= np.sqrt(D)
    arguments["Wh"] /= np.sqrt(H)
    return arguments, normal(1, dnext_h=(N, H), dnext_c=(N, H))


def sequence_case(N, T, D, H):
    arguments, _ = step_case(N, D, H)
    weights = {name: arguments[name] for name in ("Wx", "Wh", "b")}
    return normal(N + T, x=(N, T, D), h0=(N, H)) | weights, normal(2, dh=(N, T, H))["dh"]


def both_states(x, prev_h, prev_c, Wx, Wh, b):
    """The two results of a step side by side, for a single upstream gradient."""
    next_h, next_c, _ = lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b)
    return np.concatenate([next_h, next_c], axis=1)


def torch_step(x, prev_h, prev_c, Wx, Wh, b):
    """One step as written in the paper, gate by gate, in the order i, f, o, g."""
    i, f, o, g = (x @ Wx + prev_h @ Wh + b).chunk(4, dim=1)
    next_c = torch.sigmoid(f) * prev_c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(next_c), next_c


def torch_sequence(x, h0, Wx, Wh, b):
    states, h, c = [], h0, torch.zeros_like(h0)
    for step in x.unbind(1):
        h, c = torch_step(step, h, c, Wx, Wh, b)
        states.append(h)
    return torch.stack(states, 1)


def swap_gates(a):
    """From our gates i, f, o, g to those of torch, i, f, g, o, or back; along the last axis."""
    i, f, third, fourth = np.split(a, 4, axis=-1)
    return np.concatenate([i, f, fourth, third], axis=-1)


def test_sigmoid_equals_that_of_torch_and_never_overflows():
    a = np.linspace(-1000, 1000, 4001).reshape(-1, 1)
    with np.errstate(all="raise"):
        values = sigmoid(a)
    np.testing.assert_allclose(values, torch.sigmoid(torch.tensor(a)), rtol=0, atol=1e-15)
    assert values.min() == 0
    assert values.max() == 1
    assert sigmoid(np.log(3)) == pytest.approx(0.75, rel=1e-14)


@pytest.mark.parametrize(("N", "T", "D", "H"), SHAPES)
def test_step_equals_differences_autograd_and_the_cell_of_torch(N, T, D, H):
    arguments, upstream = step_case(N, D, H)
    next_h, next_c, cache = lstm_step_forward(**arguments)
    gradients = lstm_step_backward(**upstream, cache=cache)
    upstream = np.concatenate(list(upstream.values()), axis=1)
    assert_differences(gradients, differences_by_name(both_states, arguments, upstream))
    states = np.concatenate([next_h, next_c], axis=1)
    out, expected = autograd(lambda **a: torch.cat(torch_step(**a), dim=1), arguments, upstream)
    assert_tight((states, *gradients), (out, *expected.values()))
    cell = torch.nn.LSTMCell(D, H, dtype=torch.float64)
    give_weights(cell, [arguments.pop(name) for name in ("Wx", "Wh", "b")], swap_gates)
    out, expected = autograd(
        lambda x, prev_h, prev_c: torch.cat(cell(x, (prev_h, prev_c)), dim=1), arguments, upstream
    )
    expected = (*expected.values(), *weight_gradients(cell, swap_gates))
    assert_tight((states, *gradients), (out, *expected))


@pytest.mark.parametrize(("N", "T", "D", "H"), SHAPES)
def test_sequence_equals_differences_autograd_and_the_lstm_of_torch(N, T, D, H):
    arguments, dh = sequence_case(N, T, D, H)
    h, *gradients = forth_and_back(FAST, arguments, dh)
    assert_differences(
        gradients, differences_by_name(lambda **a: lstm_forward(**a)[0], arguments, dh)
    )
    out, expected = autograd(torch_sequence, arguments, dh)
    assert_tight((h, *gradients), (out, *expected.values()))
    x, h0, *weights = arguments.values()
    module = torch.nn.LSTM(D, H, batch_first=True, dtype=torch.float64)
    give_weights(module, weights, swap_gates)
    out, expected = autograd(
        lambda x, h0: module(x, (h0[None], torch.zeros_like(h0[None])))[0],
        {"x": x, "h0": h0},
        dh,
    )
    expected = (*expected.values(), *weight_gradients(module, swap_gates))
    assert_tight((h, *gradients), (out, *expected))


# In the last three the sums over time are made in pieces: of many steps, uneven, of one step.
@pytest.mark.parametrize(
    "shape", [*SHAPES, (3, 1, 4, 2), (2, 700, 1, 2), (100, 13, 3, 2), (600, 3, 2, 2)]
)
def test_all_versions_are_equal(shape):
    assert_versions_agree(VERSIONS, *sequence_case(*shape))


@pytest.mark.parametrize("rows", [1, 5, 12, 18])
def test_sequence_gradients_are_the_same_however_many_steps_are_summed_at_once(rows, monkeypatch):
    arguments, dh = sequence_case(3, 7, 2, 4)
    whole = forth_and_back(FAST, arguments, dh)
    monkeypatch.setattr(lstm, "_ROWS", rows)
    assert_tight(forth_and_back(FAST, arguments, dh), whole)


@pytest.mark.parametrize(("N", "T", "D", "H"), SHAPES)
def test_gates_are_those_of_every_step(N, T, D, H):
    arguments, _ = sequence_case(N, T, D, H)
    gates = lstm_gates(lstm_forward(**arguments)[1])
    _, caches = lstm.lstm_loop_forward(**arguments)
    assert list(gates) == ["i", "f", "o", "g", "c"]
    for name, place in zip("ifog", (5, 6, 7, 8)):
        steps = np.stack([cache[place] for cache in caches], axis=1)
        np.testing.assert_allclose(gates[name], steps, **TIGHT)
    tanh_c = np.stack([cache[9] for cache in caches], axis=1)
    np.testing.assert_allclose(np.tanh(gates["c"]), tanh_c, **TIGHT)


def test_gates_are_copies():
    arguments, dh = sequence_case(3, 4, 4, 5)
    _, cache = lstm_forward(**arguments)
    before = lstm_backward(dh, cache)
    for values in lstm_gates(cache).values():
        values[:] = np.nan
    assert_tight(lstm_backward(dh, cache), before)


def test_dtypes_of_a_sequence():
    assert_dtypes(FAST, *sequence_case(3, 4, 4, 5))


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_step_and_the_gates_keep_the_dtype(dtype):
    arguments, upstream = step_case(3, 4, 5)
    next_h, next_c, cache = lstm_step_forward(**cast(arguments, dtype))
    gradients = lstm_step_backward(**cast(upstream, dtype), cache=cache)
    gates = lstm_gates(lstm_forward(**cast(sequence_case(3, 4, 4, 5)[0], dtype))[1]).values()
    assert {a.dtype for a in (next_h, next_c, *gradients, *gates)} == {np.dtype(dtype)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("signs", list(itertools.product([1, -1], repeat=4)))
def test_saturated_gates_raise_no_floating_point_error(signs, dtype):
    arguments, dh = sequence_case(2, 3, 4, 5)
    arguments = cast(arguments | {"b": np.repeat(500.0 * np.array(signs), 5)}, dtype)
    dh = dh.astype(dtype)
    with np.errstate(all="raise"):
        h, dx, dh0, *_ = forth_and_back(FAST, arguments, dh)
    i, f, o = (np.array(signs[:3]) + 1) / 2
    c = i * signs[3] * np.array([1, 1 + f, 1 + f + f])
    np.testing.assert_allclose(h, np.broadcast_to((o * np.tanh(c))[:, None], h.shape), rtol=1e-6)
    assert not dx.any()
    assert not dh0.any()

    x, prev_h, prev_c = arguments.pop("x")[:, 0], arguments.pop("h0"), np.ones((2, 5), dtype)
    with np.errstate(all="raise"):
        next_h, next_c, cache = lstm_step_forward(x, prev_h, prev_c, **arguments)
        dx, _, dprev_c, *_ = lstm_step_backward(dh[:, 0], dh[:, 1], cache)
    np.testing.assert_array_equal(next_c, np.full((2, 5), f + i * signs[3]))
    np.testing.assert_allclose(next_h, o * np.tanh(next_c), rtol=1e-6)
    assert not dx.any()
    through_h = dh[:, 0] * o * (1 - np.tanh(next_c) ** 2)
    np.testing.assert_allclose(dprev_c, f * (dh[:, 1] + through_h), rtol=1e-5)


def test_little_more_memory_is_needed_than_is_kept_and_returned():
    arguments, dh = sequence_case(128, 16, 256, 512)
    peak, kept = bytes_used(FAST, cast(arguments, np.float32), dh.astype(np.float32))
    assert peak < 1.3 * kept


@pytest.mark.parametrize("sizes", [[(8, 16), (8, 4096)], [(1, 64), (1024, 64)]])
def test_memory_grows_at_most_linearly(sizes):
    few, many = (bytes_used(FAST, *sequence_case(N, T, 4, 8))[0] for N, T in sizes)
    (N, T), (more_N, more_T) = sizes
    assert many < 1.5 * few * more_N * more_T / (N * T)


def test_long_sequences_stay_finite():
    with np.errstate(all="raise", under="ignore"):
        results = forth_and_back(FAST, *sequence_case(1, 4096, 2, 3))
    assert all(np.isfinite(result).all() for result in results)


def test_the_cell_is_the_step_without_its_products():
    x, prev_h, prev_c, Wx, Wh, b = normal(
        3, x=(2, 4), prev_h=(2, 5), prev_c=(2, 5), Wx=(4, 20), Wh=(5, 20), b=(20,)
    ).values()
    next_h, next_c, _ = lstm_cell(x @ Wx + prev_h @ Wh + b, prev_c)
    expected_h, expected_c, _ = lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b)
    np.testing.assert_array_equal(next_h, expected_h)
    np.testing.assert_array_equal(next_c, expected_c)
