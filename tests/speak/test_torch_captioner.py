"""The captioner as a PyTorch module: the same numbers as NumPy's, with the same weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.torch_captioner import TorchCaptioner

WORDS = ("<NULL>", "<START>", "<END>", "<UNK>", "a", "red", "star", "circle")
FIELDS, CHANNELS = 4, 3


def numpy_model(dtype=np.float64, seed=0):
    """All weights are drawn, so that no term is small or missing."""
    words = {word: index for index, word in enumerate(WORDS)}
    D = FIELDS * CHANNELS
    model = CaptioningRNN(words, D, 5, 7, "attention", dtype, fields=FIELDS, attention_dim=6)
    rng = np.random.default_rng(seed)
    for name, weight in model.params.items():
        model.params[name] = (0.5 * rng.standard_normal(weight.shape)).astype(dtype)
    return model


def minibatch(N=5, T=6, seed=1):
    rng = np.random.default_rng(seed)
    captions = rng.integers(len(WORDS), size=(N, T + 1))  # <NULL> is among them
    captions[:, 1] = WORDS.index("star")
    return rng.standard_normal((N, FIELDS * CHANNELS)), captions


def loss_and_gradients(captioner, features, captions):
    captioner.zero_grad()
    loss = captioner(torch.from_numpy(features), torch.from_numpy(captions))
    loss.backward()
    return loss.item(), {name: w.grad.numpy() for name, w in captioner.named_parameters()}


def assert_equal(ours, theirs):
    (loss, grads), (their_loss, their_grads) = ours, theirs
    np.testing.assert_allclose(loss, their_loss, rtol=1e-10)
    assert grads.keys() == their_grads.keys()
    for name, grad in grads.items():
        assert np.abs(grad - their_grads[name]).max() <= 1e-10 * np.abs(grad).max(), name


@pytest.mark.parametrize(("N", "T"), [(5, 6), (1, 1), (3, 9)])
def test_loss_and_gradients_equal_numpy_s(N, T):
    model = numpy_model()
    batch = minibatch(N, T)
    assert_equal(model.loss(*batch), loss_and_gradients(TorchCaptioner(model), *batch))


def test_trained_weights_go_back_to_numpy():
    model, batch = numpy_model(), minibatch()
    captioner = TorchCaptioner(model)
    before = model.loss(*batch)[0]
    sgd = torch.optim.SGD(captioner.parameters(), lr=0.1)
    for _ in range(3):
        loss_and_gradients(captioner, *batch)
        sgd.step()
    assert model.loss(*batch)[0] == before  # what it was made from is left alone
    model.params.update(captioner.to_numpy())
    assert model.loss(*batch)[0] < before - 0.1
    assert_equal(model.loss(*batch), loss_and_gradients(captioner, *batch))
    model.params["b"] += 1
    assert (captioner.to_numpy()["b"] != model.params["b"]).all()


def test_float32_is_kept_whatever_the_features_are():
    captioner = TorchCaptioner(numpy_model(np.float32))
    features, captions = map(torch.from_numpy, minibatch())
    assert captioner(features, captions).dtype == torch.float32
    assert captioner(features, captions.int()) == captioner(features.float(), captions)
    assert {weight.dtype for weight in captioner.to_numpy().values()} == {np.dtype(np.float32)}


def test_mixed_precision_is_coarse_and_no_more():
    captioner = TorchCaptioner(numpy_model(np.float32))
    features, captions = map(torch.from_numpy, minibatch())
    exact = captioner(features, captions).item()
    with torch.autocast("cpu", torch.bfloat16):
        loss = captioner(features, captions)
    loss.backward()
    assert loss.dtype == captioner.Wh.grad.dtype == torch.float32
    assert 0 < abs(loss.item() - exact) < 0.01 * exact
