"""The losses of style transfer: closed forms, NumPy, gradients in three ways."""

import numpy as np
import pytest
import torch
from torch import nn

from cs231n_lib.see.images import preprocess
from cs231n_lib.see.network import extract_features
from cs231n_lib.see.pretrained import squeezenet
from cs231n_lib.see.style_losses import (
    GramProduct,
    NormalizedLoss,
    content_loss,
    gram_gradient,
    gram_matrix,
    relative_square,
    style_loss,
    tv_loss,
)

FLOATS = [torch.float32, torch.float64]


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def tiny_cnn(dtype=torch.float64):
    """Three convolutions, with a pooling, a dropout and a batch normalisation, from a seed."""
    generator = torch.Generator().manual_seed(7)
    cnn = nn.Sequential(
        nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(5, 6, 3, padding=1), nn.BatchNorm2d(6), nn.Softplus(), nn.Dropout(0.5),
        nn.Conv2d(6, 4, 3), nn.Tanh(),
    )  # fmt: skip
    for weight in cnn.parameters():
        weight.data = 0.4 * torch.randn(weight.shape, generator=generator)
    return cnn.to(dtype)


# The formulas, written again in NumPy.


def numpy_gram(features, normalize=True):
    N, C, H, W = features.shape
    gram = np.zeros((N, C, C))
    for i in range(C):
        for j in range(C):
            gram[:, i, j] = (features[:, i] * features[:, j]).sum(axis=(1, 2))
    return gram / (C * H * W) if normalize else gram


def numpy_tv(img, weight):
    return weight * sum(np.square(np.diff(img, axis=axis)).sum() for axis in (2, 3))


@pytest.mark.parametrize("dtype", FLOATS)
def test_content_loss(dtype):
    a, b = normal(1, 4, 5, 6, dtype=dtype), normal(1, 4, 5, 6, seed=1, dtype=dtype)
    loss = content_loss(6e-2, a, b)
    assert loss.shape == () and loss.dtype == dtype
    assert loss.item() == pytest.approx(6e-2 * np.square(a.numpy() - b.numpy()).sum(), rel=1e-5)
    assert content_loss(0.5, torch.full((1, 2, 3, 4), 3.0), torch.ones(1, 2, 3, 4)).item() == 48


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 4, 3, 2), (2, 3, 5, 4)])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("dtype", FLOATS)
def test_gram_matrix(shape, normalize, dtype):
    features = normal(*shape, dtype=dtype)
    gram = gram_matrix(features, normalize)
    assert gram.shape == (shape[0], shape[1], shape[1]) and gram.dtype == dtype
    np.testing.assert_allclose(gram, numpy_gram(features.numpy(), normalize), rtol=1e-4, atol=1e-5)


def test_gram_matrix_in_closed_form():
    features = torch.tensor([1.0, 2.0, -1.0])[None, :, None, None].expand(1, 3, 4, 5)
    expected = torch.tensor([[1.0, 2, -1], [2, 4, -2], [-1, -2, 1]])[None]
    torch.testing.assert_close(gram_matrix(features, normalize=False), 20 * expected)
    torch.testing.assert_close(gram_matrix(features), expected / 3)


def test_gram_matrix_of_any_memory_layout():
    features = normal(2, 4, 5, 6)
    for other in (
        features.contiguous(memory_format=torch.channels_last),
        features.transpose(2, 3).contiguous().transpose(2, 3),
        features.flip(0).flip(0),
    ):
        torch.testing.assert_close(gram_matrix(other), gram_matrix(features))


def test_gram_matrix_does_not_know_places_and_is_positive():
    features = normal(1, 4, 5, 6)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(0))
    shuffled = features.flatten(2)[:, :, order].reshape(1, 4, 5, 6)
    torch.testing.assert_close(gram_matrix(shuffled), gram_matrix(features))
    assert torch.linalg.eigvalsh(gram_matrix(features)).min() > -1e-12


@pytest.mark.parametrize("dtype", FLOATS)
def test_style_loss(dtype):
    feats = [normal(1, c, 6, 5, seed=c, dtype=dtype) for c in (2, 3, 4)]
    layers, weights = np.array([0, 2]), [300.0, 7.0]
    targets = [gram_matrix(normal(1, c, 8, 3, seed=9, dtype=dtype)) for c in (2, 4)]
    expected = sum(
        w * np.square(numpy_gram(feats[i].numpy()) - target.numpy()).sum()
        for i, target, w in zip(layers, targets, weights)
    )
    loss = style_loss(feats, layers, targets, weights)
    assert loss.shape == () and loss.dtype == dtype
    assert loss.item() == pytest.approx(expected, rel=1e-4)
    assert style_loss(feats, [1], [gram_matrix(feats[1])], [5.0]).item() == 0
    assert style_loss(feats, [], [], []).item() == 0


@pytest.mark.parametrize("dtype", FLOATS)
def test_tv_loss(dtype):
    img = normal(1, 3, 5, 7, dtype=dtype)
    loss = tv_loss(img, 2e-2)
    assert loss.shape == () and loss.dtype == dtype
    assert loss.item() == pytest.approx(numpy_tv(img.numpy(), 2e-2), rel=1e-4)
    ramp = torch.arange(4.0)[None, None, None, :].expand(1, 3, 5, 4)  # 3 x 5 x 3 steps of 1
    assert tv_loss(ramp, 2.0).item() == tv_loss(ramp.transpose(2, 3), 2.0).item() == 90
    assert tv_loss(torch.ones(1, 3, 1, 1), 2.0).item() == 0


def test_losses_of_the_notebook_on_squeezenet():
    """The notebook's own shapes and settings, against NumPy on the network's features."""
    cnn = squeezenet().features
    content, style = preprocess("coffee", 48), preprocess("chelsea", 48)
    feats = [extract_features(X, cnn) for X in (content, style)]
    a, b = (f[3].double().numpy() for f in feats)
    loss = content_loss(5e-2, feats[0][3], feats[1][3])
    assert loss.item() == pytest.approx(5e-2 * np.square(a - b).sum(), rel=1e-4)
    layers, weights = (1, 4, 6, 7), (20000, 500, 12, 1)
    grams = [[numpy_gram(f[i].double().numpy()) for i in layers] for f in feats]
    expected = sum(w * np.square(a - b).sum() for w, a, b in zip(weights, *grams))
    targets = [gram_matrix(feats[1][i]) for i in layers]
    loss = style_loss(feats[0], layers, targets, weights)
    assert loss.item() == pytest.approx(expected, rel=1e-4)
    expected = numpy_tv(content.double().numpy(), 2e-2)
    assert tv_loss(content, 2e-2).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 3, 4, 5), (2, 4, 3, 3)])
def test_the_hand_derived_gradient_of_the_gram_loss(shape):
    """By hand, by autograd, by differences."""
    features = normal(*shape).requires_grad_()
    target = gram_matrix(normal(*shape, seed=5))
    F = features.flatten(2)
    plain = F @ F.mT / features[0].numel()
    (expected,) = torch.autograd.grad(3.5 * (plain - target).square().sum(), features)
    (ours,) = torch.autograd.grad(style_loss([features], [0], [target], [3.5]), features)
    by_hand = gram_gradient(features.detach(), target, 3.5)
    torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(by_hand, expected, rtol=1e-10, atol=1e-12)
    assert torch.autograd.gradcheck(lambda f: style_loss([f], [0], [target], [3.5]), features)


@pytest.mark.parametrize("channels", [1, 4, 5])
def test_the_fast_product_is_the_plain_one(channels):
    """Of every entry, not only of symmetric combinations; twice; in either memory layout."""
    places, weights = normal(2, 6, channels).requires_grad_(), normal(2, channels, channels, seed=4)
    torch.testing.assert_close(GramProduct.apply(places), places.mT @ places)
    assert torch.autograd.gradcheck(GramProduct.apply, places)
    assert torch.autograd.gradgradcheck(GramProduct.apply, places)
    (expected,) = torch.autograd.grad((places.mT @ places * weights).sum(), places)
    for other in (places, places.detach().mT.contiguous().mT.requires_grad_()):
        (found,) = torch.autograd.grad((GramProduct.apply(other) * weights).sum(), other)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("channels", [1, 5, 64])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_the_convolved_product_is_the_plain_one(channels, memory_format):
    """Of one picture in float32, with the way back twice."""
    features = normal(1, channels, 7, 9).float().contiguous(memory_format=memory_format)
    weights = normal(1, channels, channels, seed=4).float()
    found = []
    for product in (GramProduct.apply, lambda places: places.mT @ places):
        F = features.clone().requires_grad_()
        G = product(F.permute(0, 2, 3, 1).reshape(1, 63, channels))
        (dF,) = torch.autograd.grad((G * weights).sum(), F, create_graph=True)
        (ddF,) = torch.autograd.grad(dF.square().sum(), F)
        found.append((G, dF, ddF))
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-3)


def test_gradients_by_differences():
    current, original, img = normal(1, 2, 3, 3), normal(1, 2, 3, 3, seed=1), normal(1, 3, 4, 3)
    current.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: content_loss(0.3, x, original), current)
    assert torch.autograd.gradcheck(lambda x: tv_loss(x, 0.3), img.requires_grad_())
    loss = NormalizedLoss(
        tiny_cnn().eval()[:6],
        {3: normal(1, 6, 2, 2)},
        {1: gram_matrix(normal(1, 5, 4, 4)), 5: gram_matrix(normal(1, 6, 2, 2))},
    )
    img = normal(1, 3, 4, 4, seed=3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: sum(loss(x).values()), img)


def test_relative_square():
    target = normal(3, 4)
    assert relative_square(target, target).item() == 0
    assert relative_square(torch.zeros_like(target), target).item() == pytest.approx(1)
    assert relative_square(3 * target, target).item() == pytest.approx(4)


def test_normalized_loss_against_numpy():
    cnn = tiny_cnn().eval()
    img, P = normal(1, 3, 8, 9), {3: normal(1, 6, 4, 4), 0: normal(1, 5, 8, 9)}
    A = {1: gram_matrix(normal(1, 5, 4, 4)), 5: gram_matrix(normal(1, 6, 2, 2))}
    losses = NormalizedLoss(cnn, P, A, 2.0, 30.0, 0.7)(img)
    feats = [f.detach().numpy() for f in extract_features(img, cnn)]

    def relative(current, target):
        return np.square(current - target).sum() / np.square(target).sum()

    content = [relative(feats[i], P[i].numpy()) for i in P]
    style = [relative(numpy_gram(feats[i]), A[i].numpy()) for i in A]
    assert losses["content"].item() == pytest.approx(2 * np.mean(content))
    assert losses["style"].item() == pytest.approx(30 * np.mean(style))
    assert losses["tv"].item() == pytest.approx(numpy_tv(img.numpy(), 0.7) / img.numel())
    assert NormalizedLoss(cnn, P)(img)["style"].item() == 0
    assert NormalizedLoss(cnn, style=A)(img)["content"].item() == 0
