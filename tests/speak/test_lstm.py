"""The LSTM: every gradient proven three ways, the promises of the module, its errors."""

import itertools
import re

import numpy as np
import pytest
import torch

from cs231n_lib.speak import lstm
from cs231n_lib.speak.gradient_check import relative_error
from cs231n_lib.speak.lstm import (
    lstm_backward,
    lstm_forward,
    lstm_gates,
    lstm_step_backward,
    lstm_step_forward,
    sigmoid,
)
from cs231n_lib.speak.plain_loops import lstm_loop_forward
from tests.gradients import (
    FLOATS,
    autograd,
    cast,
    differences_by_name,
    normal,
    read_only,
    strided,
)

# N, T, D, H.
SHAPES = [
    (1, 1, 1, 1),
    (1, 1, 3, 4),
    (2, 1, 4, 3),
    (1, 5, 2, 3),
    (3, 4, 1, 2),
    (2, 3, 4, 1),
    (3, 4, 5, 5),
    (4, 6, 5, 7),
]
TIGHT = {"rtol": 1e-10, "atol": 1e-13, "strict": True}


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
    H = prev_h.shape[1]
    i, f, o, g = (
        squash(x @ Wx[:, k * H : (k + 1) * H] + prev_h @ Wh[:, k * H : (k + 1) * H] + part)
        for k, (squash, part) in enumerate(
            zip([torch.sigmoid, torch.sigmoid, torch.sigmoid, torch.tanh], b.split(H))
        )
    )
    next_c = f * prev_c + i * g
    return o * torch.tanh(next_c), next_c


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


def carry_over(module, Wx, Wh, b, suffix=""):
    """Give the weights to a PyTorch module; its two biases share ours."""
    with torch.no_grad():
        for name, weight in {
            "weight_ih": swap_gates(Wx).T,
            "weight_hh": swap_gates(Wh).T,
            "bias_ih": 0.25 * swap_gates(b),
            "bias_hh": 0.75 * swap_gates(b),
        }.items():
            getattr(module, name + suffix).copy_(torch.tensor(weight))


def gradients_of(module, suffix=""):
    dWx, dWh, db_ih, db_hh = (
        swap_gates(getattr(module, name + suffix).grad.numpy().T)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    np.testing.assert_allclose(db_ih, db_hh, **TIGHT)
    return dWx, dWh, db_ih


@pytest.mark.parametrize(
    ("a", "expected"), [(0.0, 0.5), (np.log(3), 0.75), (-np.log(3), 0.25), (np.log(9), 0.9)]
)
def test_sigmoid_of_known_numbers(a, expected):
    assert sigmoid(np.array(a)) == pytest.approx(expected, rel=1e-14)


def test_sigmoid_equals_that_of_torch_and_never_overflows():
    a = np.linspace(-1000, 1000, 4001).reshape(-1, 1)
    with np.errstate(all="raise"):
        values = sigmoid(a)
    np.testing.assert_allclose(values, torch.sigmoid(torch.tensor(a)), rtol=0, atol=1e-15)
    assert values.min() == 0
    assert values.max() == 1


@pytest.mark.parametrize("dtype", FLOATS)
def test_sigmoid_keeps_the_dtype_and_the_input(dtype):
    a = np.ones((2, 1, 3), dtype)
    a.flags.writeable = False
    assert sigmoid(a).dtype == dtype
    assert sigmoid(a).shape == (2, 1, 3)


def test_step_forward_of_known_numbers():
    logit = np.log([1.0, 3.0, 1 / 3])  # of .5, .75 and .25
    x, prev_h = np.array([[2.0]]), np.array([[0.5]])
    Wx, Wh = np.array([[0.1, 0.2, 0.3, 0.4]]), np.array([[1.0, -1.0, 2.0, -2.0]])
    # The gates see exactly b, and what x and prev_h add, which the bias takes back.
    b = np.array([*logit, np.arctanh(0.8)]) - (2.0 * Wx + 0.5 * Wh)[0]
    next_h, next_c, _ = lstm_step_forward(x, prev_h, np.array([[-2.0]]), Wx, Wh, b)
    c = 0.75 * -2.0 + 0.5 * 0.8
    np.testing.assert_allclose(next_c, [[c]], rtol=1e-14)
    np.testing.assert_allclose(next_h, [[0.25 * np.tanh(c)]], rtol=1e-14)


@pytest.mark.parametrize(("N", "T", "D", "H"), SHAPES)
def test_step_gradients_equal_central_differences(N, T, D, H):
    arguments, upstream = step_case(N, D, H)
    gradients = lstm_step_backward(**upstream, cache=lstm_step_forward(**arguments)[2])
    side_by_side = np.concatenate([upstream["dnext_h"], upstream["dnext_c"]], axis=1)
    expected = differences_by_name(both_states, arguments, side_by_side)
    for gradient, (name, numeric) in zip(gradients, expected.items(), strict=True):
        assert relative_error(gradient, numeric) < 1e-7, f"d{name} is not what differences say"


@pytest.mark.parametrize(("N", "T", "D", "H"), SHAPES)
def test_step_equals_autograd(N, T, D, H):
    arguments, upstream = step_case(N, D, H)
    next_h, next_c, cache = lstm_step_forward(**arguments)
    side_by_side = np.concatenate([upstream["dnext_h"], upstream["dnext_c"]], axis=1)
    out, gradients = autograd(
        lambda **a: torch.cat(torch_step(**a), dim=1), arguments, side_by_side
    )
    np.testing.assert_allclose(np.concatenate([next_h, next_c], axis=1), out, **TIGHT)
    ours = lstm_step_backward(**upstream, cache=cache)
    for gradient, other in zip(ours, gradients.values(), strict=True):
        np.testing.assert_allclose(gradient, other, **TIGHT)


@pytest.mark.parametrize(("N", "T", "D", "H"), SHAPES)
def test_step_equals_the_lstm_cell_of_torch(N, T, D, H):
    arguments, upstream = step_case(N, D, H)
    next_h, next_c, cache = lstm_step_forward(**arguments)
    cell = torch.nn.LSTMCell(D, H, dtype=torch.float64)
    carry_over(cell, *(arguments.pop(name) for name in ("Wx", "Wh", "b")))
    side_by_side = np.concatenate([upstream["dnext_h"], upstream["dnext_c"]], axis=1)
    out, gradients = autograd(
        lambda x, prev_h, prev_c: torch.cat(cell(x, (prev_h, prev_c)), dim=1),
        arguments,
        side_by_side,
    )
    np.testing.assert_allclose(np.concatenate([next_h, next_c], axis=1), out, **TIGHT)
    expected = (*gradients.values(), *gradients_of(cell))
    for gradient, other in zip(lstm_step_backward(**upstream, cache=cache), expected, strict=True):
        np.testing.assert_allclose(gradient, other, **TIGHT)


@pytest.mark.parametrize(("N", "T", "D", "H"), SHAPES)
def test_sequence_gradients_equal_central_differences(N, T, D, H):
    arguments, dh = sequence_case(N, T, D, H)
    gradients = lstm_backward(dh, lstm_forward(**arguments)[1])
    expected = differences_by_name(lambda **a: lstm_forward(**a)[0], arguments, dh)
    for gradient, (name, numeric) in zip(gradients, expected.items(), strict=True):
        assert relative_error(gradient, numeric) < 1e-7, f"d{name} is not what differences say"


@pytest.mark.parametrize(("N", "T", "D", "H"), SHAPES)
def test_sequence_equals_autograd(N, T, D, H):
    arguments, dh = sequence_case(N, T, D, H)
    h, cache = lstm_forward(**arguments)
    out, gradients = autograd(torch_sequence, arguments, dh)
    np.testing.assert_allclose(h, out, **TIGHT)
    for gradient, other in zip(lstm_backward(dh, cache), gradients.values(), strict=True):
        np.testing.assert_allclose(gradient, other, **TIGHT)


@pytest.mark.parametrize(("N", "T", "D", "H"), SHAPES)
def test_sequence_equals_the_lstm_of_torch_with_the_same_weights(N, T, D, H):
    arguments, dh = sequence_case(N, T, D, H)
    h, cache = lstm_forward(**arguments)
    x, h0, *weights = arguments.values()
    module = torch.nn.LSTM(D, H, batch_first=True, dtype=torch.float64)
    carry_over(module, *weights, suffix="_l0")
    states = {"x": x, "h0": h0}
    out, gradients = autograd(
        lambda x, h0: module(x, (h0[None], torch.zeros_like(h0[None])))[0], states, dh
    )
    np.testing.assert_allclose(h, out, **TIGHT)
    expected = (*gradients.values(), *gradients_of(module, "_l0"))
    for gradient, other in zip(lstm_backward(dh, cache), expected, strict=True):
        np.testing.assert_allclose(gradient, other, **TIGHT)


@pytest.mark.parametrize(("N", "T", "D", "H"), SHAPES)
def test_gates_are_those_of_every_step(N, T, D, H):
    arguments, _ = sequence_case(N, T, D, H)
    h, cache = lstm_forward(**arguments)
    gates = lstm_gates(cache)
    assert list(gates) == ["i", "f", "o", "g", "c"]
    _, caches = lstm_loop_forward(**arguments)
    tanh_c = np.stack([cache[-1] for cache in caches], axis=1)
    np.testing.assert_allclose(np.tanh(gates["c"]), tanh_c, **TIGHT)
    prev_h = np.concatenate([arguments["h0"][:, None], h[:, :-1]], axis=1)
    sums = arguments["x"] @ arguments["Wx"] + prev_h @ arguments["Wh"] + arguments["b"]
    squashed = (sigmoid(sums), sigmoid(sums), sigmoid(sums), np.tanh(sums))
    for k, (name, values) in enumerate(zip("ifog", squashed)):
        np.testing.assert_allclose(gates[name], values[:, :, k * H : (k + 1) * H], **TIGHT)


def test_gates_are_copies():
    arguments, dh = sequence_case(3, 4, 4, 5)
    _, cache = lstm_forward(**arguments)
    before = lstm_backward(dh, cache)
    for values in lstm_gates(cache).values():
        values[:] = np.nan
    for gradient, expected in zip(lstm_backward(dh, cache), before):
        np.testing.assert_array_equal(gradient, expected)


@pytest.mark.parametrize("rows", [1, 5, 12, 18])
def test_sequence_gradients_are_the_same_however_many_steps_are_summed_at_once(rows, monkeypatch):
    arguments, dh = sequence_case(3, 7, 2, 4)
    cache = lstm_forward(**arguments)[1]
    whole = lstm_backward(dh, cache)
    monkeypatch.setattr(lstm, "_ROWS", rows)
    for found, expected in zip(lstm_backward(dh, cache), whole):
        np.testing.assert_allclose(found, expected, **TIGHT)


@pytest.mark.parametrize("cache", [[1, 2], (1, 2, 3, np.ones((1, 4, 1, 1)), 5), (1, 2, 3, 4, 5, 6)])
def test_gates_are_read_from_a_cache_of_an_lstm_only(cache):
    with pytest.raises((TypeError, ValueError), match=r"^lstm_gates: cache"):
        lstm_gates(cache)


@pytest.mark.parametrize("dtype", FLOATS)
def test_dtype_is_kept(dtype):
    arguments, upstream = step_case(3, 4, 5)
    next_h, next_c, cache = lstm_step_forward(**cast(arguments, dtype))
    results = (next_h, next_c, *lstm_step_backward(**cast(upstream, dtype), cache=cache))
    assert {a.dtype for a in results} == {np.dtype(dtype)}

    arguments, dh = sequence_case(3, 4, 4, 5)
    h, cache = lstm_forward(**cast(arguments, dtype))
    gradients = lstm_backward(dh.astype(dtype), cache)
    results = (h, *gradients, *lstm_gates(cache).values())
    assert {a.dtype for a in results} == {np.dtype(dtype)}
    expected = lstm_backward(dh, lstm_forward(**arguments)[1])
    for gradient, other in zip(gradients, expected):
        tolerance = 50 * np.finfo(dtype).eps + 1e-14
        np.testing.assert_allclose(gradient, other, rtol=0, atol=tolerance)


@pytest.mark.parametrize("wide", ["x", "h0", "Wx", "Wh", "b", "dh"])
def test_one_longer_float_among_shorter_ones_makes_the_result_long(wide):
    arguments, dh = sequence_case(3, 4, 4, 5)
    long = arguments | {"dh": dh}
    mixed = cast(long, np.float32) | {wide: long[wide]}
    dh_mixed = mixed.pop("dh")
    h, cache = lstm_forward(**mixed)
    assert h.dtype == (np.float32 if wide == "dh" else np.float64)
    expected_h, expected_cache = lstm_forward(**arguments)
    np.testing.assert_allclose(h, expected_h, rtol=0, atol=1e-6)
    gradients = lstm_backward(dh_mixed, cache)
    assert {a.dtype for a in gradients} == {np.dtype(np.float64)}
    for gradient, other in zip(gradients, lstm_backward(dh, expected_cache)):
        np.testing.assert_allclose(gradient, other, rtol=0, atol=1e-5)


def test_inputs_stay_and_a_cache_serves_twice():
    arguments, upstream = step_case(3, 4, 5)
    upstream = read_only(upstream)
    *_, cache = lstm_step_forward(**read_only(arguments))
    first, second = (lstm_step_backward(**upstream, cache=cache) for _ in range(2))
    for gradient, other in zip(first, second):
        np.testing.assert_array_equal(gradient, other)

    arguments, dh = sequence_case(3, 4, 4, 5)
    dh.flags.writeable = False
    h, cache = lstm_forward(**read_only(arguments))
    before = h.copy()
    for gradient, other in zip(lstm_backward(dh, cache), lstm_backward(dh, cache)):
        np.testing.assert_array_equal(gradient, other)
    np.testing.assert_array_equal(h, before)


def test_arrays_with_gaps_give_the_same():
    arguments, upstream = step_case(3, 4, 5)
    expected = lstm_step_backward(**upstream, cache=lstm_step_forward(**arguments)[2])
    *_, cache = lstm_step_forward(**strided(arguments))
    for gradient, other in zip(lstm_step_backward(**strided(upstream), cache=cache), expected):
        np.testing.assert_allclose(gradient, other, rtol=1e-11, atol=1e-14)

    arguments, dh = sequence_case(3, 4, 4, 5)
    expected = lstm_backward(dh, lstm_forward(**arguments)[1])
    _, cache = lstm_forward(**strided(arguments))
    for gradient, other in zip(lstm_backward(strided({"dh": dh})["dh"], cache), expected):
        np.testing.assert_allclose(gradient, other, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("signs", list(itertools.product([1, -1], repeat=4)))
def test_saturated_gates_raise_no_floating_point_error(signs, dtype):
    arguments, dh = sequence_case(2, 3, 4, 5)
    arguments = cast(arguments | {"b": np.repeat(500.0 * np.array(signs), 5)}, dtype)
    dh = dh.astype(dtype)
    with np.errstate(all="raise"):
        h, cache = lstm_forward(**arguments)
        dx, dh0, *_ = lstm_backward(dh, cache)
    i, f, o = (np.array(signs[:3]) + 1) / 2
    c = i * signs[3] * np.array([1, 1 + f, 1 + f + f])
    np.testing.assert_allclose(h, np.broadcast_to((o * np.tanh(c))[:, None], h.shape), rtol=1e-6)
    np.testing.assert_array_equal(dx, np.zeros_like(dx))
    np.testing.assert_array_equal(dh0, np.zeros_like(dh0))

    x, prev_h, prev_c = arguments.pop("x")[:, 0], arguments.pop("h0"), np.ones((2, 5), dtype)
    with np.errstate(all="raise"):
        next_h, next_c, cache = lstm_step_forward(x, prev_h, prev_c, **arguments)
        dx, _, dprev_c, *_ = lstm_step_backward(dh[:, 0], dh[:, 1], cache)
    np.testing.assert_array_equal(next_c, np.full((2, 5), f + i * signs[3]))
    np.testing.assert_allclose(next_h, o * np.tanh(next_c), rtol=1e-6)
    np.testing.assert_array_equal(dx, np.zeros_like(dx))
    through_h = dh[:, 0] * o * (1 - np.tanh(next_c) ** 2)
    np.testing.assert_allclose(dprev_c, f * (dh[:, 1] + through_h), rtol=1e-5)


# Name of the argument, a value that does not fit, what the message says of it.
WEIGHT_ERRORS = [
    ("Wx", np.ones((3, 20)), "(3, 20), expected (D, 4H) = (4, 20); D = 4 from x, H = 5 from"),
    ("Wx", np.ones((4, 15)), "(4, 15), expected (D, 4H) = (4, 20); D = 4 from x, H = 5 from"),
    ("Wx", np.ones((4, 5)), "(4, 5), expected (D, 4H) = (4, 20); D = 4 from x, H = 5 from"),
    ("Wx", np.ones(20), "(20,), expected 2 dimensions, (D, 4H)"),
    ("Wh", np.ones((6, 20)), "(6, 20), expected (H, 4H) = (5, 20); H = 5 from"),
    ("Wh", np.ones((5, 25)), "(5, 25), expected (H, 4H) = (5, 20); H = 5 from"),
    ("b", np.ones(5), "(5,), expected (4H,) = (20,); H = 5 from"),
    ("b", np.ones((4, 5)), "(4, 5), expected 1 dimension, (4H,)"),
]
STEP_ERRORS = [
    ("x", np.ones((2, 3, 4)), "(2, 3, 4), expected 2 dimensions, (N, D)"),
    ("x", np.ones((0, 4)), "(0, 4), expected (N, D) with no dimension of size zero"),
    ("prev_h", np.ones((3, 5)), "(3, 5), expected (N, H) = (2, 5); N = 2 from x"),
    ("prev_h", np.ones(5), "(5,), expected 2 dimensions, (N, H)"),
    (
        "prev_c",
        np.ones((3, 5)),
        "(3, 5), expected (N, H) = (2, 5); H = 5 from prev_h, N = 2 from x",
    ),
    (
        "prev_c",
        np.ones((2, 1)),
        "(2, 1), expected (N, H) = (2, 5); H = 5 from prev_h, N = 2 from x",
    ),
]
SEQUENCE_ERRORS = [
    ("x", np.ones((2, 4)), "(2, 4), expected 3 dimensions, (N, T, D)"),
    ("x", np.ones((2, 0, 4)), "(2, 0, 4), expected (N, T, D) with no dimension of size zero"),
    ("h0", np.ones((3, 5)), "(3, 5), expected (N, H) = (2, 5); N = 2 from x"),
    ("h0", np.ones((2, 1, 5)), "(2, 1, 5), expected 2 dimensions, (N, H)"),
]


@pytest.mark.parametrize(("name", "value", "message"), STEP_ERRORS + WEIGHT_ERRORS)
def test_step_forward_names_the_argument_that_does_not_fit(name, value, message):
    arguments = step_case(2, 4, 5)[0] | {name: value}
    with pytest.raises(
        ValueError, match=re.escape(f"lstm_step_forward: {name} has shape {message}")
    ):
        lstm_step_forward(**arguments)


@pytest.mark.parametrize(("name", "value", "message"), SEQUENCE_ERRORS + WEIGHT_ERRORS)
def test_forward_names_the_argument_that_does_not_fit(name, value, message):
    arguments = sequence_case(2, 3, 4, 5)[0] | {name: value}
    with pytest.raises(ValueError, match=re.escape(f"lstm_forward: {name} has shape {message}")):
        lstm_forward(**arguments)


@pytest.mark.parametrize("name", ["x", "prev_h", "prev_c", "Wx", "Wh", "b"])
def test_step_forward_takes_no_lists_and_no_integers(name):
    arguments, _ = step_case(2, 4, 5)
    with pytest.raises(TypeError, match=f"lstm_step_forward: {name} is a list, expected a NumPy"):
        lstm_step_forward(**(arguments | {name: arguments[name].tolist()}))
    with pytest.raises(TypeError, match=f"lstm_step_forward: {name} has dtype int64, expected fl"):
        lstm_step_forward(**(arguments | {name: arguments[name].astype(np.int64)}))


@pytest.mark.parametrize("name", ["x", "h0", "Wx", "Wh", "b"])
def test_forward_takes_no_lists_and_no_integers(name):
    arguments, _ = sequence_case(2, 3, 4, 5)
    with pytest.raises(TypeError, match=f"lstm_forward: {name} is a list, expected a NumPy array"):
        lstm_forward(**(arguments | {name: arguments[name].tolist()}))
    with pytest.raises(TypeError, match=f"lstm_forward: {name} has dtype int64, expected floats"):
        lstm_forward(**(arguments | {name: arguments[name].astype(np.int64)}))


@pytest.mark.parametrize("name", ["dnext_h", "dnext_c"])
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ([[1.0]], TypeError, "is a list, expected a NumPy array of shape (N, H)"),
        (np.ones((2, 5), int), TypeError, "has dtype int64, expected floats"),
        (np.ones(5), ValueError, "has shape (5,), expected 2 dimensions, (N, H)"),
        (np.ones((1, 5)), ValueError, "has shape (1, 5), expected (N, H) = (2, 5)"),
        (np.ones((2, 1)), ValueError, "has shape (2, 1), expected (N, H) = (2, 5)"),
    ],
)
def test_step_backward_says_what_does_not_fit(name, value, error, message):
    arguments, upstream = step_case(2, 4, 5)
    *_, cache = lstm_step_forward(**arguments)
    with pytest.raises(error, match=re.escape(f"lstm_step_backward: {name} {message}")):
        lstm_step_backward(**(upstream | {name: value}), cache=cache)


@pytest.mark.parametrize(
    ("dh", "error", "message"),
    [
        ([[[1.0]]], TypeError, "is a list, expected a NumPy array of shape (N, T, H)"),
        (np.ones((2, 3, 5), int), TypeError, "has dtype int64, expected floats"),
        (np.ones((2, 5)), ValueError, "has shape (2, 5), expected 3 dimensions, (N, T, H)"),
        (np.ones((1, 3, 5)), ValueError, "has shape (1, 3, 5), expected (N, T, H) = (2, 3, 5)"),
        (np.ones((2, 1, 5)), ValueError, "has shape (2, 1, 5), expected (N, T, H) = (2, 3, 5)"),
        (np.ones((2, 3, 1)), ValueError, "has shape (2, 3, 1), expected (N, T, H) = (2, 3, 5)"),
    ],
)
def test_backward_says_what_does_not_fit(dh, error, message):
    _, cache = lstm_forward(**sequence_case(2, 3, 4, 5)[0])
    with pytest.raises(error, match=re.escape(f"lstm_backward: dh {message}")):
        lstm_backward(dh, cache)
