"""Affine layers, the loss of a sentence, word embedding: values, gradients, promises."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from cs231n_lib.speak import layers
from cs231n_lib.speak.gradient_check import relative_error
from tests.gradients import (
    FLOATS,
    assert_differences,
    assert_tight,
    autograd,
    cast,
    central_differences,
    differences_by_name,
    normal,
)

AFFINE = {
    "affine": (layers.affine_forward, layers.affine_backward),
    "temporal_affine": (layers.temporal_affine_forward, layers.temporal_affine_backward),
}
# Name of the layer, shape of x, D, M.
AFFINE_SHAPES = [
    ("affine", (1, 1), 1, 1),
    ("affine", (2, 5), 5, 1),
    ("affine", (3, 2, 1, 2, 2), 8, 5),
    ("temporal_affine", (1, 1, 1), 1, 1),
    ("temporal_affine", (2, 3, 1), 1, 5),
    ("temporal_affine", (4, 3, 5), 5, 6),
]


def affine_case(kind, shape, D, M):
    arguments = normal(D + 10 * M, x=shape, w=(D, M), b=(M,))
    lead = shape[:1] if kind == "affine" else shape[:2]
    return arguments, normal(1, dout=(*lead, M))["dout"]


@pytest.mark.parametrize(("kind", "shape", "D", "M"), AFFINE_SHAPES)
def test_affine_gradients_equal_central_differences_and_autograd(kind, shape, D, M):
    forward, backward = AFFINE[kind]
    arguments, dout = affine_case(kind, shape, D, M)
    out, cache = forward(**arguments)
    gradients = backward(dout, cache)
    numeric = differences_by_name(lambda **a: forward(**a)[0], arguments, dout)
    assert_differences(gradients, numeric)
    expected_out, expected = autograd(
        lambda x, w, b: functional.linear(x.flatten(1) if kind == "affine" else x, w.T, b),
        arguments,
        dout,
    )
    assert_tight((out, *gradients), (expected_out, *expected.values()))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("kind", "shape", "D", "M"), [AFFINE_SHAPES[2], AFFINE_SHAPES[-1]])
def test_affine_keeps_the_dtype(kind, shape, D, M, dtype):
    forward, backward = AFFINE[kind]
    arguments, dout = affine_case(kind, shape, D, M)
    out, cache = forward(**cast(arguments, dtype))
    gradients = backward(dout.astype(dtype), cache)
    assert {a.dtype for a in (out, *gradients)} == {np.dtype(dtype)}
    np.testing.assert_allclose(out, forward(**arguments)[0], atol=20 * np.finfo(dtype).eps)


# The loss of a sentence.

LOSS_SHAPES = [(1, 1, 1), (1, 4, 3), (3, 1, 4), (4, 5, 6)]
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


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize(("N", "T", "V"), LOSS_SHAPES)
def test_temporal_softmax_loss_equals_that_of_autograd_and_central_differences(N, T, V, mask):
    x, y, mask = loss_case(N, T, V, mask)
    loss, dx = layers.temporal_softmax_loss(x, y, mask)
    expected, gradients = autograd(torch_loss(y, mask), {"x": x}, np.array(1.0))
    np.testing.assert_allclose(loss, expected, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(dx, gradients["x"], rtol=1e-10, atol=1e-13, strict=True)
    numeric = central_differences(lambda x: layers.temporal_softmax_loss(x, y, mask)[0], x, 1.0)
    assert relative_error(dx, numeric) < 1e-7


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


@pytest.mark.parametrize("dtype", FLOATS[1:])
def test_temporal_softmax_loss_keeps_the_dtype(dtype):
    x, y, mask = loss_case(4, 5, 6)
    loss, dx = layers.temporal_softmax_loss(x.astype(dtype), y, mask)
    assert loss.dtype == dx.dtype == dtype
    expected, _ = layers.temporal_softmax_loss(x, y, mask)
    np.testing.assert_allclose(loss, expected, rtol=20 * np.finfo(dtype).eps + 1e-14)


# Word embedding.

EMBEDDING_SHAPES = [(1, 1, 1, 1), (1, 6, 2, 3), (5, 1, 3, 1), (3, 4, 1, 2), (4, 5, 6, 7)]


def embedding_case(N, T, V, D):
    x = np.random.default_rng(N + T + V + D).integers(V, size=(N, T))
    return x, *normal(1, W=(V, D), dout=(N, T, D)).values()


@pytest.mark.parametrize(("N", "T", "V", "D"), EMBEDDING_SHAPES)
def test_word_embedding_gradient_equals_central_differences_and_autograd(N, T, V, D):
    x, W, dout = embedding_case(N, T, V, D)
    out, cache = layers.word_embedding_forward(x, W)
    dW = layers.word_embedding_backward(dout, cache)
    numeric = central_differences(lambda W: layers.word_embedding_forward(x, W)[0], W, dout)
    assert relative_error(dW, numeric) < 1e-7
    expected, gradients = autograd(
        lambda W: functional.embedding(torch.tensor(x), W), {"W": W}, dout
    )
    assert_tight((out, dW), (expected, gradients["W"]))


def test_word_embedding_backward_adds_up_repeated_words():
    x = np.array([[2, 0, 2], [2, 3, 0]])
    dout = np.arange(12.0).reshape(2, 3, 2)
    _, cache = layers.word_embedding_forward(x, np.zeros((5, 2)))
    expected = [[2 + 10, 3 + 11], [0, 0], [0 + 4 + 6, 1 + 5 + 7], [8, 9], [0, 0]]
    np.testing.assert_array_equal(layers.word_embedding_backward(dout, cache), expected)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("index", [np.uint8, np.int16, np.int64, np.uint64])
def test_word_embedding_keeps_the_dtype_whatever_the_integers(dtype, index):
    x, W, dout = embedding_case(4, 5, 6, 300)  # places beyond the bytes
    out, cache = layers.word_embedding_forward(x.astype(index), W.astype(dtype))
    dW = layers.word_embedding_backward(dout.astype(dtype), cache)
    assert out.dtype == dW.dtype == dtype
    expected = np.zeros_like(W)
    np.add.at(expected, x, dout)
    np.testing.assert_allclose(dW, expected, atol=10 * np.finfo(dtype).eps)


def test_an_answer_that_half_precision_cannot_hold_is_refused():
    x, w, b = (np.full(shape, 100, np.float16) for shape in ((1, 200), (200, 1), (1,)))
    says = r"^affine_forward: the answer goes up to 2e\+06, and float16 to 6.55e\+04"
    with pytest.raises(ValueError, match=says):
        layers.affine_forward(x, w, b)
    assert layers.affine_forward(x, w.astype(np.float32), b)[0].item() == 2_000_100
    x[:] = np.inf
    assert np.isinf(layers.affine_forward(x, w, b)[0]).all()


def test_word_embedding_backward_sums_short_floats_in_single_precision():
    # In half precision, 2048 + 1 is 2048: added one by one, the sum would stay there.
    dout = np.ones((1, 4096, 1), np.float16)
    cache = (np.zeros((1, 1), np.float16), np.zeros((1, 4096), int))
    dW = layers.word_embedding_backward(dout, cache)
    assert dW.dtype == np.float16
    assert dW == 4096


def test_word_embedding_backward_keeps_every_digit_of_long_floats():
    dout = np.full((1, 2, 1), 1 + np.finfo(np.longdouble).eps)
    dW = layers.word_embedding_backward(dout, (np.zeros((1, 1)), np.zeros((1, 2), int)))
    assert dW == 2 * dout[0, 0, 0]


def test_word_embedding_returns_vectors_of_its_own():
    W = np.ones((3, 2))
    out, _ = layers.word_embedding_forward(np.array([[0, 1]]), W)
    out += 1
    np.testing.assert_array_equal(W, np.ones((3, 2)))
