"""Affine layers, the loss of a sentence, word embedding: values, gradients, promises, errors."""

import re

import numpy as np
import pytest
import torch
from torch.nn import functional

from cs231n_lib.speak import layers
from cs231n_lib.speak.gradient_check import relative_error
from tests.gradients import (
    FLOATS,
    autograd,
    cast,
    central_differences,
    differences_by_name,
    normal,
    read_only,
    strided,
)

AFFINE = {
    "affine": (layers.affine_forward, layers.affine_backward),
    "temporal_affine": (layers.temporal_affine_forward, layers.temporal_affine_backward),
}
# Name of the layer, shape of x, D, M.
AFFINE_SHAPES = [
    ("affine", (1, 1), 1, 1),
    ("affine", (1, 3), 3, 2),
    ("affine", (4, 1), 1, 3),
    ("affine", (2, 5), 5, 1),
    ("affine", (2, 3, 4), 12, 3),
    ("affine", (3, 2, 1, 2, 2), 8, 5),
    ("temporal_affine", (1, 1, 1), 1, 1),
    ("temporal_affine", (1, 4, 3), 3, 2),
    ("temporal_affine", (3, 1, 2), 2, 4),
    ("temporal_affine", (2, 3, 1), 1, 5),
    ("temporal_affine", (2, 3, 4), 4, 1),
    ("temporal_affine", (4, 3, 5), 5, 6),
]


def affine_case(kind, shape, D, M):
    arguments = normal(D + 10 * M, x=shape, w=(D, M), b=(M,))
    lead = shape[:1] if kind == "affine" else shape[:2]
    return arguments, normal(1, dout=(*lead, M))["dout"]


def torch_affine(kind):
    def forward(x, w, b):
        return functional.linear(x.flatten(1) if kind == "affine" else x, w.T, b)

    return forward


def test_affine_forward_reads_a_picture_as_one_vector():
    x = np.array([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 1.0]]])
    w = np.array([[1.0, 0.0, 1.0], [10.0, 0.0, 1.0], [100.0, 0.0, 1.0], [1000.0, 1.0, 1.0]])
    out, _ = layers.affine_forward(x, w, np.array([0.5, -1.0, 0.0]))
    np.testing.assert_array_equal(out, [[4321.5, 3.0, 10.0], [1000.5, 0.0, 1.0]])


def test_temporal_affine_forward_treats_every_step_alike():
    x = np.array([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]])
    out, _ = layers.temporal_affine_forward(x, np.array([[1.0], [10.0]]), np.array([0.5]))
    np.testing.assert_array_equal(out, [[[21.5], [43.5], [65.5]]])


@pytest.mark.parametrize(("kind", "shape", "D", "M"), AFFINE_SHAPES)
def test_affine_gradients_equal_central_differences(kind, shape, D, M):
    forward, backward = AFFINE[kind]
    arguments, dout = affine_case(kind, shape, D, M)
    gradients = backward(dout, forward(**arguments)[1])
    expected = differences_by_name(lambda **a: forward(**a)[0], arguments, dout)
    for gradient, numeric in zip(gradients, expected.values(), strict=True):
        assert relative_error(gradient, numeric) < 1e-7


@pytest.mark.parametrize(("kind", "shape", "D", "M"), AFFINE_SHAPES)
def test_affine_output_and_gradients_equal_those_of_autograd(kind, shape, D, M):
    forward, backward = AFFINE[kind]
    arguments, dout = affine_case(kind, shape, D, M)
    out, cache = forward(**arguments)
    expected_out, expected = autograd(torch_affine(kind), arguments, dout)
    np.testing.assert_allclose(out, expected_out, rtol=1e-10, atol=1e-13, strict=True)
    for gradient, other in zip(backward(dout, cache), expected.values(), strict=True):
        np.testing.assert_allclose(gradient, other, rtol=1e-10, atol=1e-13, strict=True)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("kind", "shape", "D", "M"), [AFFINE_SHAPES[4], AFFINE_SHAPES[-1]])
def test_affine_keeps_the_dtype(kind, shape, D, M, dtype):
    forward, backward = AFFINE[kind]
    arguments, dout = affine_case(kind, shape, D, M)
    out, cache = forward(**cast(arguments, dtype))
    gradients = backward(dout.astype(dtype), cache)
    assert {a.dtype for a in (out, *gradients)} == {np.dtype(dtype)}
    np.testing.assert_allclose(out, forward(**arguments)[0], atol=20 * np.finfo(dtype).eps)


@pytest.mark.parametrize(("kind", "shape", "D", "M"), [AFFINE_SHAPES[4], AFFINE_SHAPES[-1]])
def test_affine_changes_no_input_and_goes_back_twice(kind, shape, D, M):
    forward, backward = AFFINE[kind]
    arguments, dout = affine_case(kind, shape, D, M)
    dout.flags.writeable = False
    _, cache = forward(**read_only(arguments))
    for first, second in zip(backward(dout, cache), backward(dout, cache)):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(("kind", "shape", "D", "M"), [AFFINE_SHAPES[4], AFFINE_SHAPES[-1]])
def test_affine_takes_arrays_with_gaps(kind, shape, D, M):
    forward, backward = AFFINE[kind]
    arguments, dout = affine_case(kind, shape, D, M)
    out, cache = forward(**arguments)
    out_strided, cache_strided = forward(**strided(arguments))
    np.testing.assert_allclose(out_strided, out, rtol=1e-12, atol=1e-14)
    gradients = backward(strided({"dout": dout})["dout"], cache_strided)
    for gradient, expected in zip(gradients, backward(dout, cache)):
        np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("x", "given"),
    [
        ([[1.0]], "type list"),
        (np.ones(3), "shape (3,)"),
        (np.ones((0, 3)), "shape (0, 3)"),
        (np.ones((2, 0)), "shape (2, 0)"),
        (np.array(1.0), "shape ()"),
    ],
)
def test_affine_forward_wants_an_array_of_two_dimensions_or_more(x, given):
    message = (
        f"affine_forward: x has {given}, expected an array (N, d_1, ..., d_k) "
        "with no dimension of size zero"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        layers.affine_forward(x, np.ones((3, 2)), np.ones(2))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"x": np.ones((2, 3), int)}, TypeError, "x has dtype int64, expected floats"),
        (
            {"x": np.ones((2, 2, 2))},
            ValueError,
            "w has shape (3, 2), expected (D, M) = (4, 2); D = 4 from x",
        ),
        ({"w": [[1.0]]}, TypeError, "w is a list, expected a NumPy array of shape (D, M)"),
        ({"w": np.ones(3)}, ValueError, "w has shape (3,), expected 2 dimensions, (D, M)"),
        ({"b": np.ones(3)}, ValueError, "b has shape (3,), expected (M,) = (2,); M = 2 from w"),
        ({"b": np.ones((1, 2))}, ValueError, "b has shape (1, 2), expected 1 dimension, (M,)"),
        ({"b": 0.0}, TypeError, "b is a float, expected a NumPy array of shape (M,)"),
    ],
)
def test_affine_forward_says_what_does_not_fit(changes, error, message):
    arguments = {"x": np.ones((2, 3)), "w": np.ones((3, 2)), "b": np.ones(2)} | changes
    with pytest.raises(error, match=re.escape(f"affine_forward: {message}")):
        layers.affine_forward(**arguments)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"x": np.ones((2, 3))},
            ValueError,
            "x has shape (2, 3), expected 3 dimensions, (N, T, D)",
        ),
        ({"x": [[[1.0]]]}, TypeError, "x is a list, expected a NumPy array of shape (N, T, D)"),
        (
            {"x": np.ones((2, 0, 3))},
            ValueError,
            "x has shape (2, 0, 3), expected (N, T, D) with no dimension of size zero",
        ),
        (
            {"w": np.ones((4, 2))},
            ValueError,
            "w has shape (4, 2), expected (D, M) = (3, 2); D = 3 from x",
        ),
        ({"b": np.ones(3)}, ValueError, "b has shape (3,), expected (M,) = (2,); M = 2 from w"),
        ({"b": np.ones(2, bool)}, TypeError, "b has dtype bool, expected floats"),
    ],
)
def test_temporal_affine_forward_says_what_does_not_fit(changes, error, message):
    arguments = {"x": np.ones((2, 4, 3)), "w": np.ones((3, 2)), "b": np.ones(2)} | changes
    with pytest.raises(error, match=re.escape(f"temporal_affine_forward: {message}")):
        layers.temporal_affine_forward(**arguments)


@pytest.mark.parametrize(
    ("dout", "error", "message"),
    [
        ([[1.0]], TypeError, "dout is a list, expected a NumPy array of shape (N, M)"),
        (np.ones((2, 5), int), TypeError, "dout has dtype int64, expected floats"),
        (np.ones((2, 1, 5)), ValueError, "dout has shape (2, 1, 5), expected 2 dimensions, (N, M)"),
        (np.ones((1, 5)), ValueError, "dout has shape (1, 5), expected (N, M) = (2, 5)"),
        (np.ones((2, 1)), ValueError, "dout has shape (2, 1), expected (N, M) = (2, 5)"),
    ],
)
def test_affine_backward_says_what_does_not_fit(dout, error, message):
    _, cache = layers.affine_forward(np.ones((2, 3)), np.ones((3, 5)), np.ones(5))
    with pytest.raises(error, match=re.escape(f"affine_backward: {message}")):
        layers.affine_backward(dout, cache)


@pytest.mark.parametrize(
    ("dout", "error", "message"),
    [
        ([[[1.0]]], TypeError, "dout is a list, expected a NumPy array of shape (N, T, M)"),
        (np.ones((8, 5)), ValueError, "dout has shape (8, 5), expected 3 dimensions, (N, T, M)"),
        (
            np.ones((4, 2, 5)),
            ValueError,
            "dout has shape (4, 2, 5), expected (N, T, M) = (2, 4, 5)",
        ),
        (
            np.ones((2, 4, 1)),
            ValueError,
            "dout has shape (2, 4, 1), expected (N, T, M) = (2, 4, 5)",
        ),
    ],
)
def test_temporal_affine_backward_says_what_does_not_fit(dout, error, message):
    _, cache = layers.temporal_affine_forward(np.ones((2, 4, 3)), np.ones((3, 5)), np.ones(5))
    with pytest.raises(error, match=re.escape(f"temporal_affine_backward: {message}")):
        layers.temporal_affine_backward(dout, cache)


# The loss of a sentence.

LOSS_SHAPES = [(1, 1, 1), (1, 1, 5), (1, 4, 3), (3, 1, 4), (2, 3, 2), (4, 5, 6)]
MASKS = {
    "all": lambda N, T: np.ones((N, T), bool),
    "none": lambda N, T: np.zeros((N, T), bool),
    "some": lambda N, T: np.random.default_rng(N * T).random((N, T)) < 0.6,
    "padding": lambda N, T: np.arange(T) < 1 + np.arange(N)[:, None] % T,
}


def loss_case(N, T, V, mask="some"):
    rng = np.random.default_rng(N + 10 * T + 100 * V)
    scores = 2 * rng.standard_normal((N, T, V))
    return scores, rng.integers(V, size=(N, T)), MASKS[mask](N, T)


def torch_loss(y, mask):
    def forward(x):
        targets = torch.tensor(np.where(mask, y, -100))
        total = functional.cross_entropy(
            x.reshape(-1, x.shape[2]), targets.reshape(-1), ignore_index=-100, reduction="sum"
        )
        return total / len(y)

    return forward


def test_temporal_softmax_loss_of_known_probabilities():
    probabilities = np.array([[[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]], [[0.3, 0.3, 0.4], [1, 1, 1]]])
    y = np.array([[0, 2], [1, 0]])
    mask = np.array([[True, True], [True, False]])
    loss, dx = layers.temporal_softmax_loss(np.log(probabilities) + 7, y, mask)
    assert loss == pytest.approx(-np.log(0.5 * 0.7 * 0.3) / 2, rel=1e-14)
    expected = [[[-0.25, 0.125, 0.125], [0.05, 0.1, -0.15]], [[0.15, -0.35, 0.2], [0, 0, 0]]]
    np.testing.assert_allclose(dx, expected, rtol=1e-13)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize(("N", "T", "V"), LOSS_SHAPES)
def test_temporal_softmax_loss_and_gradient_equal_those_of_autograd(N, T, V, mask):
    x, y, mask = loss_case(N, T, V, mask)
    loss, dx = layers.temporal_softmax_loss(x, y, mask)
    expected, gradients = autograd(torch_loss(y, mask), {"x": x}, np.array(1.0))
    np.testing.assert_allclose(loss, expected, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(dx, gradients["x"], rtol=1e-10, atol=1e-13, strict=True)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize(("N", "T", "V"), LOSS_SHAPES)
def test_temporal_softmax_gradient_equals_central_differences(N, T, V, mask):
    x, y, mask = loss_case(N, T, V, mask)
    _, dx = layers.temporal_softmax_loss(x, y, mask)
    numeric = central_differences(lambda x: layers.temporal_softmax_loss(x, y, mask)[0], x, 1.0)
    assert relative_error(dx, numeric) < 1e-7


def test_temporal_softmax_loss_of_nothing_is_zero():
    x, y, mask = loss_case(2, 3, 4, "none")
    loss, dx = layers.temporal_softmax_loss(x, y, mask)
    assert loss == 0
    np.testing.assert_array_equal(dx, np.zeros_like(x), strict=True)


def test_temporal_softmax_loss_ignores_scores_and_words_that_are_masked():
    x, y, mask = loss_case(4, 5, 6)
    expected = layers.temporal_softmax_loss(x, y, mask)
    x, y = np.where(mask[..., None], x, np.nan), np.where(mask, y, -1000)
    loss, dx = layers.temporal_softmax_loss(x, y, mask)
    assert loss == expected[0]
    np.testing.assert_array_equal(dx, expected[1])


@pytest.mark.parametrize("kind", [int, float, np.uint8, np.ndarray.tolist])
def test_temporal_softmax_loss_takes_zeros_and_ones_as_mask(kind):
    x, y, mask = loss_case(4, 5, 6)
    expected = layers.temporal_softmax_loss(x, y, mask)
    other = mask.astype(kind) if isinstance(kind, type) else kind(mask)
    for words in (y.astype(np.uint8), y.tolist()):
        loss, dx = layers.temporal_softmax_loss(x, words, other)
        assert loss == expected[0]
        np.testing.assert_array_equal(dx, expected[1])


@pytest.mark.parametrize("size", [500, 1e5])
def test_temporal_softmax_loss_does_not_overflow(size):
    x = size * np.array([[[1.0, -1.0, 0.0], [-1.0, -1.0, 1.0]]])
    y = np.array([[1, 2]])
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        loss, dx = layers.temporal_softmax_loss(x, y, np.ones((1, 2), bool))
    assert loss == pytest.approx(2 * size, rel=1e-12)
    np.testing.assert_allclose(dx, [[[1, -1, 0], [0, 0, 0]]], atol=1e-12)


@pytest.mark.parametrize("dtype", FLOATS)
def test_temporal_softmax_loss_keeps_the_dtype(dtype):
    x, y, mask = loss_case(4, 5, 6)
    loss, dx = layers.temporal_softmax_loss(x.astype(dtype), y, mask)
    assert loss.dtype == dx.dtype == dtype
    expected, _ = layers.temporal_softmax_loss(x, y, mask)
    np.testing.assert_allclose(loss, expected, rtol=20 * np.finfo(dtype).eps + 1e-14)


def test_temporal_softmax_loss_changes_no_input_and_takes_arrays_with_gaps():
    x, y, mask = loss_case(4, 5, 6)
    loss, dx = layers.temporal_softmax_loss(x, y, mask)
    gaps = strided({"x": x, "y": y, "mask": mask})
    for array in gaps.values():
        array.flags.writeable = False
    loss_gaps, dx_gaps = layers.temporal_softmax_loss(**gaps)
    assert loss_gaps == pytest.approx(loss, rel=1e-14)
    np.testing.assert_allclose(dx_gaps, dx, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"x": np.ones((2, 3))},
            ValueError,
            "x has shape (2, 3), expected 3 dimensions, (N, T, V)",
        ),
        ({"x": np.ones((2, 3, 4), int)}, TypeError, "x has dtype int64, expected floats"),
        ({"x": [[[1.0]]]}, TypeError, "x is a list, expected a NumPy array of shape (N, T, V)"),
        (
            {"y": np.zeros((3, 2), int)},
            ValueError,
            "y has shape (3, 2), expected (N, T) = (2, 3) from x",
        ),
        (
            {"mask": np.ones((2, 1), bool)},
            ValueError,
            "mask has shape (2, 1), expected (N, T) = (2, 3) from x",
        ),
        ({"mask": True}, ValueError, "mask has shape (), expected (N, T) = (2, 3) from x"),
        (
            {"mask": np.full((2, 3), 2)},
            ValueError,
            "mask of dtype int64 contains values other than 0 and 1, expected truth values",
        ),
        (
            {"mask": np.array([[1, 1, 1], [1, 1, 0.5]])},
            ValueError,
            "mask of dtype float64 contains values other than 0 and 1, expected truth values",
        ),
        (
            {"mask": np.full((2, 3), np.nan)},
            ValueError,
            "mask of dtype float64 contains values other than 0 and 1, expected truth values",
        ),
        ({"y": np.full((2, 3), 4)}, ValueError, "y contains 4, expected indices from 0 to 3"),
        ({"y": np.full((2, 3), -1)}, ValueError, "y contains -1, expected indices from 0 to 3"),
        (
            {"y": np.zeros((2, 3))},
            TypeError,
            "y is float64, expected a NumPy array of integers",
        ),
    ],
)
def test_temporal_softmax_loss_says_what_is_wrong(changes, error, message):
    arguments = {
        "x": np.ones((2, 3, 4)),
        "y": np.zeros((2, 3), int),
        "mask": np.ones((2, 3), bool),
    } | changes
    with pytest.raises(error, match=re.escape(f"temporal_softmax_loss: {message}")):
        layers.temporal_softmax_loss(**arguments)


# Word embedding.

EMBEDDING_SHAPES = [
    (1, 1, 1, 1),
    (1, 1, 4, 3),
    (1, 6, 2, 3),
    (5, 1, 3, 1),
    (3, 4, 1, 2),
    (4, 5, 6, 7),
]


def embedding_case(N, T, V, D):
    rng = np.random.default_rng(N + T + V + D)
    return (
        rng.integers(V, size=(N, T)),
        rng.standard_normal((V, D)),
        rng.standard_normal((N, T, D)),
    )


@pytest.mark.parametrize(("N", "T", "V", "D"), EMBEDDING_SHAPES)
def test_word_embedding_gradient_equals_central_differences(N, T, V, D):
    x, W, dout = embedding_case(N, T, V, D)
    dW = layers.word_embedding_backward(dout, layers.word_embedding_forward(x, W)[1])
    numeric = central_differences(lambda W: layers.word_embedding_forward(x, W)[0], W, dout)
    assert relative_error(dW, numeric) < 1e-7


@pytest.mark.parametrize(("N", "T", "V", "D"), EMBEDDING_SHAPES)
def test_word_embedding_and_its_gradient_equal_those_of_autograd(N, T, V, D):
    x, W, dout = embedding_case(N, T, V, D)
    out, cache = layers.word_embedding_forward(x, W)
    expected, gradients = autograd(
        lambda W: functional.embedding(torch.tensor(x), W), {"W": W}, dout
    )
    np.testing.assert_array_equal(out, expected, strict=True)
    dW = layers.word_embedding_backward(dout, cache)
    np.testing.assert_allclose(dW, gradients["W"], rtol=1e-10, atol=1e-13, strict=True)


def test_word_embedding_backward_adds_up_repeated_words():
    x = np.array([[2, 0, 2], [2, 3, 0]])
    dout = np.arange(12.0).reshape(2, 3, 2)
    _, cache = layers.word_embedding_forward(x, np.zeros((5, 2)))
    expected = [[2 + 10, 3 + 11], [0, 0], [0 + 4 + 6, 1 + 5 + 7], [8, 9], [0, 0]]
    np.testing.assert_array_equal(layers.word_embedding_backward(dout, cache), expected)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("index", [np.uint8, np.int16, np.int64, np.uint64])
def test_word_embedding_keeps_the_dtype_whatever_the_integers(dtype, index):
    x, W, dout = embedding_case(4, 5, 6, 7)
    out, cache = layers.word_embedding_forward(x.astype(index), W.astype(dtype))
    dW = layers.word_embedding_backward(dout.astype(dtype), cache)
    assert out.dtype == dW.dtype == dtype
    expected = np.zeros_like(W)
    np.add.at(expected, x, dout)
    np.testing.assert_allclose(dW, expected, atol=10 * np.finfo(dtype).eps)


def test_word_embedding_backward_sums_short_floats_in_single_precision():
    # In half precision, 2048 + 1 is 2048: added one by one, the sum would stay there.
    dout = np.ones((1, 4096, 1), np.float16)
    dW = layers.word_embedding_backward(dout, (np.zeros((1, 4096), int), (1, 1)))
    assert dW.dtype == np.float16
    assert dW == 4096


def test_word_embedding_backward_keeps_every_digit_of_long_floats():
    dout = np.full((1, 2, 1), 1 + np.finfo(np.longdouble).eps)
    dW = layers.word_embedding_backward(dout, (np.zeros((1, 2), int), (1, 1)))
    assert dW == 2 * dout[0, 0, 0]


def test_word_embedding_changes_no_input_and_goes_back_twice():
    x, W, dout = embedding_case(4, 5, 6, 7)
    fixed = read_only({"x": x, "W": W, "dout": dout})
    _, cache = layers.word_embedding_forward(fixed["x"], fixed["W"])
    first, second = (layers.word_embedding_backward(fixed["dout"], cache) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_word_embedding_returns_vectors_that_are_no_part_of_the_weights():
    W = np.ones((3, 2))
    out, _ = layers.word_embedding_forward(np.array([[0, 1]]), W)
    out += 1
    np.testing.assert_array_equal(W, np.ones((3, 2)))


def test_word_embedding_takes_arrays_with_gaps():
    x, W, dout = embedding_case(4, 5, 6, 7)
    gaps = strided({"x": x, "W": W, "dout": dout})
    out, cache = layers.word_embedding_forward(gaps["x"], gaps["W"])
    np.testing.assert_array_equal(out, W[x])
    expected = np.zeros_like(W)
    np.add.at(expected, x, dout)
    dW = layers.word_embedding_backward(gaps["dout"], cache)
    np.testing.assert_allclose(dW, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("x", "W", "error", "message"),
    [
        ([[0]], None, TypeError, "x is list, expected a NumPy array of integers"),
        (np.zeros((1, 2)), None, TypeError, "x is float64, expected a NumPy array of integers"),
        (np.zeros((1, 2), bool), None, TypeError, "x is bool, expected a NumPy array of integers"),
        (np.array([[0, 4]]), None, ValueError, "x contains 4, expected indices from 0 to 3"),
        (np.array([[-1, 9]]), None, ValueError, "x contains -1, expected indices from 0 to 3"),
        (np.array([0, 1]), None, ValueError, "x has shape (2,), expected (N, T), neither zero"),
        (np.zeros((0, 3), int), None, ValueError, "x has shape (0, 3), expected (N, T), neither"),
        (None, [[1.0]], TypeError, "W is a list, expected a NumPy array of shape (V, D)"),
        (None, np.ones((4, 2), int), TypeError, "W has dtype int64, expected floats"),
        (None, np.ones(4), ValueError, "W has shape (4,), expected 2 dimensions, (V, D)"),
    ],
)
def test_word_embedding_forward_says_what_is_wrong(x, W, error, message):
    x = np.array([[0, 1, 3]]) if x is None else x
    W = np.ones((4, 2)) if W is None else W
    with pytest.raises(error, match=re.escape(f"word_embedding_forward: {message}")):
        layers.word_embedding_forward(x, W)


@pytest.mark.parametrize(
    ("dout", "error", "message"),
    [
        ([[[1.0]]], TypeError, "dout is a list, expected a NumPy array of shape (N, T, D)"),
        (np.ones((2, 3, 5), int), TypeError, "dout has dtype int64, expected floats"),
        (np.ones((6, 5)), ValueError, "dout has shape (6, 5), expected 3 dimensions, (N, T, D)"),
        (
            np.ones((3, 2, 5)),
            ValueError,
            "dout has shape (3, 2, 5), expected (N, T, D) = (2, 3, 5)",
        ),
        (
            np.ones((2, 3, 1)),
            ValueError,
            "dout has shape (2, 3, 1), expected (N, T, D) = (2, 3, 5)",
        ),
    ],
)
def test_word_embedding_backward_says_what_does_not_fit(dout, error, message):
    _, cache = layers.word_embedding_forward(np.zeros((2, 3), int), np.ones((4, 5)))
    with pytest.raises(error, match=re.escape(f"word_embedding_backward: {message}")):
        layers.word_embedding_backward(dout, cache)
