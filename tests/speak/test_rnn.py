"""The vanilla RNN: every gradient proven three ways, the promises of the module, its errors."""

import re

import numpy as np
import pytest
import torch

from cs231n_lib.speak.gradient_check import relative_error
from cs231n_lib.speak.rnn import rnn_backward, rnn_forward, rnn_step_backward, rnn_step_forward
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
    arguments = normal(N + D + H, x=(N, D), prev_h=(N, H), Wx=(D, H), Wh=(H, H), b=(H,))
    arguments["Wx"] /= np.sqrt(D)
    arguments["Wh"] /= np.sqrt(H)
    return arguments, normal(1, dnext_h=(N, H))["dnext_h"]


def sequence_case(N, T, D, H):
    arguments, _ = step_case(N, D, H)
    del arguments["x"], arguments["prev_h"]
    states = normal(N + T, x=(N, T, D), h0=(N, H))
    return states | arguments, normal(2, dh=(N, T, H))["dh"]


def torch_step(x, prev_h, Wx, Wh, b):
    return torch.tanh(torch.cat([x, prev_h], 1) @ torch.cat([Wx, Wh]) + b)


def torch_sequence(x, h0, Wx, Wh, b):
    states, h = [], h0
    for step in x.unbind(1):
        h = torch_step(step, h, Wx, Wh, b)
        states.append(h)
    return torch.stack(states, 1)


def carry_over(module, Wx, Wh, b, suffix=""):
    """Give the weights to a PyTorch module; its two biases share ours."""
    with torch.no_grad():
        for name, weight in {
            "weight_ih": Wx.T,
            "weight_hh": Wh.T,
            "bias_ih": 0.25 * b,
            "bias_hh": 0.75 * b,
        }.items():
            getattr(module, name + suffix).copy_(torch.tensor(weight))


def gradients_of(module, suffix=""):
    dWx, dWh, db_ih, db_hh = (
        getattr(module, name + suffix).grad.numpy().T
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    np.testing.assert_allclose(db_ih, db_hh, **TIGHT)
    return dWx, dWh, db_ih


def test_step_forward_of_known_numbers():
    next_h, _ = rnn_step_forward(
        np.array([[1.0, 2.0]]),
        np.array([[0.5]]),
        np.array([[0.1], [0.2]]),
        np.array([[0.4]]),
        np.array([-0.3]),
    )
    np.testing.assert_allclose(next_h, [[np.tanh(0.1 + 0.4 + 0.2 - 0.3)]], rtol=1e-14)


@pytest.mark.parametrize(("N", "T", "D", "H"), SHAPES)
def test_step_gradients_equal_central_differences(N, T, D, H):
    arguments, dnext_h = step_case(N, D, H)
    gradients = rnn_step_backward(dnext_h, rnn_step_forward(**arguments)[1])
    expected = differences_by_name(lambda **a: rnn_step_forward(**a)[0], arguments, dnext_h)
    for gradient, (name, numeric) in zip(gradients, expected.items(), strict=True):
        assert relative_error(gradient, numeric) < 1e-7, f"d{name} is not what differences say"


@pytest.mark.parametrize(("N", "T", "D", "H"), SHAPES)
def test_step_equals_autograd(N, T, D, H):
    arguments, dnext_h = step_case(N, D, H)
    next_h, cache = rnn_step_forward(**arguments)
    out, gradients = autograd(torch_step, arguments, dnext_h)
    np.testing.assert_allclose(next_h, out, **TIGHT)
    for gradient, other in zip(rnn_step_backward(dnext_h, cache), gradients.values(), strict=True):
        np.testing.assert_allclose(gradient, other, **TIGHT)


@pytest.mark.parametrize(("N", "T", "D", "H"), SHAPES)
def test_step_equals_the_rnn_cell_of_torch(N, T, D, H):
    arguments, dnext_h = step_case(N, D, H)
    next_h, cache = rnn_step_forward(**arguments)
    x, prev_h, *weights = arguments.values()
    cell = torch.nn.RNNCell(D, H, dtype=torch.float64)
    carry_over(cell, *weights)
    out, gradients = autograd(cell, {"input": x, "hx": prev_h}, dnext_h)
    np.testing.assert_allclose(next_h, out, **TIGHT)
    expected = (*gradients.values(), *gradients_of(cell))
    for gradient, other in zip(rnn_step_backward(dnext_h, cache), expected, strict=True):
        np.testing.assert_allclose(gradient, other, **TIGHT)


@pytest.mark.parametrize(("N", "T", "D", "H"), SHAPES)
def test_sequence_gradients_equal_central_differences(N, T, D, H):
    arguments, dh = sequence_case(N, T, D, H)
    gradients = rnn_backward(dh, rnn_forward(**arguments)[1])
    expected = differences_by_name(lambda **a: rnn_forward(**a)[0], arguments, dh)
    for gradient, (name, numeric) in zip(gradients, expected.items(), strict=True):
        assert relative_error(gradient, numeric) < 1e-7, f"d{name} is not what differences say"


@pytest.mark.parametrize(("N", "T", "D", "H"), SHAPES)
def test_sequence_equals_autograd(N, T, D, H):
    arguments, dh = sequence_case(N, T, D, H)
    h, cache = rnn_forward(**arguments)
    out, gradients = autograd(torch_sequence, arguments, dh)
    np.testing.assert_allclose(h, out, **TIGHT)
    for gradient, other in zip(rnn_backward(dh, cache), gradients.values(), strict=True):
        np.testing.assert_allclose(gradient, other, **TIGHT)


@pytest.mark.parametrize(("N", "T", "D", "H"), SHAPES)
def test_sequence_equals_the_rnn_of_torch_with_the_same_weights(N, T, D, H):
    arguments, dh = sequence_case(N, T, D, H)
    h, cache = rnn_forward(**arguments)
    x, h0, *weights = arguments.values()
    module = torch.nn.RNN(D, H, batch_first=True, dtype=torch.float64)
    carry_over(module, *weights, suffix="_l0")
    out, gradients = autograd(lambda x, h0: module(x, h0[None])[0], {"x": x, "h0": h0}, dh)
    np.testing.assert_allclose(h, out, **TIGHT)
    expected = (*gradients.values(), *gradients_of(module, "_l0"))
    for gradient, other in zip(rnn_backward(dh, cache), expected, strict=True):
        np.testing.assert_allclose(gradient, other, **TIGHT)


@pytest.mark.parametrize("dtype", FLOATS)
def test_dtype_is_kept(dtype):
    arguments, dnext_h = step_case(3, 4, 5)
    next_h, cache = rnn_step_forward(**cast(arguments, dtype))
    results = (next_h, *rnn_step_backward(dnext_h.astype(dtype), cache))
    assert {a.dtype for a in results} == {np.dtype(dtype)}

    arguments, dh = sequence_case(3, 4, 4, 5)
    h, cache = rnn_forward(**cast(arguments, dtype))
    gradients = rnn_backward(dh.astype(dtype), cache)
    assert {a.dtype for a in (h, *gradients)} == {np.dtype(dtype)}
    expected = rnn_backward(dh, rnn_forward(**arguments)[1])
    for gradient, other in zip(gradients, expected):
        tolerance = 50 * np.finfo(dtype).eps + 1e-14
        np.testing.assert_allclose(gradient, other, rtol=0, atol=tolerance)


@pytest.mark.parametrize("wide", ["x", "h0", "Wx", "Wh", "b", "dh"])
def test_one_longer_float_among_shorter_ones_makes_the_result_long(wide):
    arguments, dh = sequence_case(3, 4, 4, 5)
    long = arguments | {"dh": dh}
    mixed = cast(long, np.float32) | {wide: long[wide]}
    dh_mixed = mixed.pop("dh")
    h, cache = rnn_forward(**mixed)
    assert h.dtype == (np.float32 if wide == "dh" else np.float64)
    expected_h, expected_cache = rnn_forward(**arguments)
    np.testing.assert_allclose(h, expected_h, rtol=0, atol=1e-6)
    gradients = rnn_backward(dh_mixed, cache)
    assert {a.dtype for a in gradients} == {np.dtype(np.float64)}
    for gradient, other in zip(gradients, rnn_backward(dh, expected_cache)):
        np.testing.assert_allclose(gradient, other, rtol=0, atol=1e-5)


def test_inputs_stay_and_a_cache_serves_twice():
    arguments, dnext_h = step_case(3, 4, 5)
    dnext_h.flags.writeable = False
    _, cache = rnn_step_forward(**read_only(arguments))
    for first, second in zip(rnn_step_backward(dnext_h, cache), rnn_step_backward(dnext_h, cache)):
        np.testing.assert_array_equal(first, second)

    arguments, dh = sequence_case(3, 4, 4, 5)
    dh.flags.writeable = False
    h, cache = rnn_forward(**read_only(arguments))
    before = h.copy()
    for first, second in zip(rnn_backward(dh, cache), rnn_backward(dh, cache)):
        np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(h, before)


def test_arrays_with_gaps_give_the_same():
    arguments, dnext_h = step_case(3, 4, 5)
    _, cache = rnn_step_forward(**arguments)
    _, cache_strided = rnn_step_forward(**strided(arguments))
    expected = rnn_step_backward(dnext_h, cache)
    gradients = rnn_step_backward(strided({"dnext_h": dnext_h})["dnext_h"], cache_strided)
    for gradient, other in zip(gradients, expected):
        np.testing.assert_allclose(gradient, other, rtol=1e-11, atol=1e-14)

    arguments, dh = sequence_case(3, 4, 4, 5)
    expected = rnn_backward(dh, rnn_forward(**arguments)[1])
    _, cache = rnn_forward(**strided(arguments))
    for gradient, other in zip(rnn_backward(strided({"dh": dh})["dh"], cache), expected):
        np.testing.assert_allclose(gradient, other, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [500, -500])
def test_saturation_raises_no_floating_point_error(size, dtype):
    arguments, dh = sequence_case(2, 3, 4, 5)
    arguments = cast(arguments | {"b": np.full(5, size)}, dtype)
    with np.errstate(all="raise"):
        h, cache = rnn_forward(**arguments)
        dx, dh0, *_ = rnn_backward(dh.astype(dtype), cache)
    np.testing.assert_array_equal(h, np.full_like(h, np.sign(size)))
    np.testing.assert_array_equal(dx, np.zeros_like(dx))
    np.testing.assert_array_equal(dh0, np.zeros_like(dh0))

    step = {"x": arguments["x"][:, 0], "prev_h": arguments.pop("h0")}
    with np.errstate(all="raise"):
        next_h, cache = rnn_step_forward(**(arguments | step))
        dx, *_ = rnn_step_backward(dh[:, 0].astype(dtype), cache)
    np.testing.assert_array_equal(next_h, np.full_like(next_h, np.sign(size)))
    np.testing.assert_array_equal(dx, np.zeros_like(dx))


# Name of the argument, a value that does not fit, what the message says of it.
WEIGHT_ERRORS = [
    ("Wx", np.ones((3, 5)), "(3, 5), expected (D, H) = (4, 5); D = 4 from x, H = 5 from"),
    ("Wx", np.ones((4, 20)), "(4, 20), expected (D, H) = (4, 5); D = 4 from x, H = 5 from"),
    ("Wx", np.ones(4), "(4,), expected 2 dimensions, (D, H)"),
    ("Wh", np.ones((6, 5)), "(6, 5), expected (H, H) = (5, 5); H = 5 from"),
    ("Wh", np.ones((5, 20)), "(5, 20), expected (H, H) = (5, 5); H = 5 from"),
    ("b", np.ones(4), "(4,), expected (H,) = (5,); H = 5 from"),
    ("b", np.ones((1, 5)), "(1, 5), expected 1 dimension, (H,)"),
]
STEP_ERRORS = [
    ("x", np.ones((2, 3, 4)), "(2, 3, 4), expected 2 dimensions, (N, D)"),
    ("x", np.ones((0, 4)), "(0, 4), expected (N, D) with no dimension of size zero"),
    ("x", np.ones((2, 0)), "(2, 0), expected (N, D) with no dimension of size zero"),
    ("prev_h", np.ones((3, 5)), "(3, 5), expected (N, H) = (2, 5); N = 2 from x"),
    ("prev_h", np.ones(5), "(5,), expected 2 dimensions, (N, H)"),
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
        ValueError, match=re.escape(f"rnn_step_forward: {name} has shape {message}")
    ):
        rnn_step_forward(**arguments)


@pytest.mark.parametrize(("name", "value", "message"), SEQUENCE_ERRORS + WEIGHT_ERRORS)
def test_forward_names_the_argument_that_does_not_fit(name, value, message):
    arguments = sequence_case(2, 3, 4, 5)[0] | {name: value}
    with pytest.raises(ValueError, match=re.escape(f"rnn_forward: {name} has shape {message}")):
        rnn_forward(**arguments)


@pytest.mark.parametrize("name", ["x", "prev_h", "Wx", "Wh", "b"])
def test_step_forward_takes_no_lists_and_no_integers(name):
    arguments, _ = step_case(2, 4, 5)
    with pytest.raises(TypeError, match=f"rnn_step_forward: {name} is a list, expected a NumPy"):
        rnn_step_forward(**(arguments | {name: arguments[name].tolist()}))
    with pytest.raises(TypeError, match=f"rnn_step_forward: {name} has dtype int64, expected fl"):
        rnn_step_forward(**(arguments | {name: arguments[name].astype(np.int64)}))


@pytest.mark.parametrize("name", ["x", "h0", "Wx", "Wh", "b"])
def test_forward_takes_no_lists_and_no_integers(name):
    arguments, _ = sequence_case(2, 3, 4, 5)
    with pytest.raises(TypeError, match=f"rnn_forward: {name} is a list, expected a NumPy array"):
        rnn_forward(**(arguments | {name: arguments[name].tolist()}))
    with pytest.raises(TypeError, match=f"rnn_forward: {name} has dtype int64, expected floats"):
        rnn_forward(**(arguments | {name: arguments[name].astype(np.int64)}))


@pytest.mark.parametrize(
    ("dnext_h", "error", "message"),
    [
        ([[1.0]], TypeError, "is a list, expected a NumPy array of shape (N, H)"),
        (np.ones((2, 5), int), TypeError, "has dtype int64, expected floats"),
        (np.ones(5), ValueError, "has shape (5,), expected 2 dimensions, (N, H)"),
        (np.ones((1, 5)), ValueError, "has shape (1, 5), expected (N, H) = (2, 5)"),
        (np.ones((2, 1)), ValueError, "has shape (2, 1), expected (N, H) = (2, 5)"),
    ],
)
def test_step_backward_says_what_does_not_fit(dnext_h, error, message):
    _, cache = rnn_step_forward(**step_case(2, 4, 5)[0])
    with pytest.raises(error, match=re.escape(f"rnn_step_backward: dnext_h {message}")):
        rnn_step_backward(dnext_h, cache)


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
    _, cache = rnn_forward(**sequence_case(2, 3, 4, 5)[0])
    with pytest.raises(error, match=re.escape(f"rnn_backward: dh {message}")):
        rnn_backward(dh, cache)
