"""Style transfer: closed forms, the assignment's loop done plainly, the promises, the errors."""

import inspect

import numpy as np
import pytest
import torch
from torch import nn

from cs231n_lib import style_transfer as module
from cs231n_lib.images import deprocess, load_image, preprocess, save_png
from cs231n_lib.inspection import extract_features
from cs231n_lib.pretrained import squeezenet
from cs231n_lib.style_transfer import (
    NormalizedLoss,
    average_pooled,
    content_loss,
    gram_gradient,
    gram_matrix,
    match_colours,
    minimize,
    reconstruct_content,
    relative_square,
    replace_luminance,
    style_loss,
    style_transfer,
    style_transfer_lbfgs,
    synthesize_texture,
    tv_loss,
)
from tests.test_inspection import Looks

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


def picture(height, width, seed=0):
    """A smooth picture of bytes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = [np.cos(rng.normal(0, 6) * x + rng.normal(0, 6) * y + rng.normal()) for _ in range(3)]
    return np.uint8(
        np.clip(127 + 90 * np.stack(waves, axis=2) + rng.normal(0, 9, (height, width, 3)), 0, 255)
    )


CONTENT, STYLE = picture(24, 32, 1), picture(28, 20, 2)
SETTINGS = {
    "content_image": CONTENT, "style_image": STYLE, "image_size": 20, "style_size": 24,
    "content_layer": 3, "content_weight": 0.05, "style_layers": (1, 4, 5),
    "style_weights": (50, 9, 20),
    "tv_weight": 0.05,
}  # fmt: skip


# The formulas, written again in NumPy, one number at a time.


def plain_content_loss(weight, current, original):
    total = 0.0
    for a, b in zip(current.ravel().tolist(), original.ravel().tolist()):
        total += (a - b) ** 2
    return weight * total


def plain_gram(features, normalize=True):
    N, C, H, W = features.shape
    gram = np.zeros((N, C, C))
    for n in range(N):
        for i in range(C):
            for j in range(C):
                for y in range(H):
                    for x in range(W):
                        gram[n, i, j] += features[n, i, y, x] * features[n, j, y, x]
    return gram / (C * H * W) if normalize else gram


def plain_tv(img, weight):
    total = 0.0
    _, C, H, W = img.shape
    for c in range(C):
        for y in range(H):
            for x in range(W):
                if y + 1 < H:
                    total += (img[0, c, y + 1, x] - img[0, c, y, x]) ** 2
                if x + 1 < W:
                    total += (img[0, c, y, x + 1] - img[0, c, y, x]) ** 2
    return weight * total


@pytest.mark.parametrize("dtype", FLOATS)
def test_content_loss(dtype):
    current, original = normal(1, 4, 5, 6, dtype=dtype), normal(1, 4, 5, 6, seed=1, dtype=dtype)
    loss = content_loss(6e-2, current, original)
    assert loss.shape == () and loss.dtype == dtype
    assert loss.item() == pytest.approx(
        plain_content_loss(6e-2, current.numpy(), original.numpy()), rel=1e-5
    )
    assert content_loss(3.0, current, current).item() == 0


def test_content_loss_in_closed_form():
    assert content_loss(0.5, torch.full((1, 2, 3, 4), 3.0), torch.ones(1, 2, 3, 4)).item() == 48


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 4, 3, 2), (2, 3, 5, 4)])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("dtype", FLOATS)
def test_gram_matrix(shape, normalize, dtype):
    features = normal(*shape, dtype=dtype)
    gram = gram_matrix(features, normalize)
    assert gram.shape == (shape[0], shape[1], shape[1]) and gram.dtype == dtype
    np.testing.assert_allclose(gram, plain_gram(features.numpy(), normalize), rtol=1e-4, atol=1e-5)


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
    shuffled = features.flatten(2)[
        :, :, torch.randperm(30, generator=torch.Generator().manual_seed(0))
    ]
    torch.testing.assert_close(gram_matrix(shuffled.reshape(1, 4, 5, 6)), gram_matrix(features))
    assert torch.linalg.eigvalsh(gram_matrix(features)).min() > -1e-12


@pytest.mark.parametrize("dtype", FLOATS)
def test_style_loss(dtype):
    feats = [normal(1, c, 6, 5, seed=c, dtype=dtype) for c in (2, 3, 4)]
    layers, weights = [0, 2], [300.0, 7.0]
    targets = [gram_matrix(normal(1, c, 8, 3, seed=9, dtype=dtype)) for c in (2, 4)]
    expected = sum(
        w * np.square(plain_gram(feats[i].numpy()) - target.numpy()).sum()
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
    assert loss.item() == pytest.approx(plain_tv(img.numpy(), 2e-2), rel=1e-4)


def test_tv_loss_in_closed_form():
    ramp = torch.arange(4.0)[None, None, None, :].expand(1, 3, 5, 4)  # 3 x 5 x 3 steps of 1
    assert tv_loss(ramp, 2.0).item() == 90
    assert tv_loss(ramp.transpose(2, 3), 2.0).item() == 90
    assert tv_loss(torch.ones(1, 3, 5, 4), 2.0).item() == 0
    assert tv_loss(torch.ones(1, 3, 1, 1), 2.0).item() == 0


def test_losses_of_the_notebook_on_squeezenet():
    """The notebook's own shapes and settings, against NumPy on the network's features."""
    cnn = squeezenet().features
    content, style = preprocess("coffee", 48), preprocess("chelsea", 48)
    feats = [extract_features(X, cnn) for X in (content, style)]
    for layer in (3, 6):
        a, b = (f[layer] for f in feats)
        expected = 5e-2 * np.square(a.double().numpy() - b.double().numpy()).sum()
        assert content_loss(5e-2, a, b).item() == pytest.approx(expected, rel=1e-4)
    grams = []
    for features in feats:
        flat = [features[i][0].double().numpy() for i in (1, 4, 6, 7)]
        flat = [f.reshape(len(f), -1) for f in flat]
        grams.append([np.einsum("ip,jp->ij", f, f) / f.size for f in flat])
    weights = (20000, 500, 12, 1)
    expected = sum(w * np.square(a - b).sum() for w, a, b in zip(weights, *grams))
    targets = [gram_matrix(feats[1][i]) for i in (1, 4, 6, 7)]
    assert style_loss(feats[0], (1, 4, 6, 7), targets, weights).item() == pytest.approx(
        expected, rel=1e-4
    )
    expected = 2e-2 * sum(
        np.square(np.diff(content.double().numpy(), axis=k)).sum() for k in (2, 3)
    )
    assert tv_loss(content, 2e-2).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 3, 4, 5), (2, 4, 3, 3)])
def test_the_hand_derived_gradient_of_the_gram_loss(shape):
    features = normal(*shape).requires_grad_()
    target = gram_matrix(normal(*shape, seed=5))
    loss = 3.5 * (plain_gram_matrix(features) - target).square().sum()
    (expected,) = torch.autograd.grad(loss, features)
    (ours,) = torch.autograd.grad(style_loss([features], [0], [target], [3.5]), features)
    torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(
        gram_gradient(features.detach(), target, 3.5), expected, rtol=1e-10, atol=1e-12
    )
    assert torch.autograd.gradcheck(lambda f: style_loss([f], [0], [target], [3.5]), features)


@pytest.mark.parametrize("normalize", [True, False])
def test_the_gradient_of_the_gram_matrix(normalize):
    """Of every entry, not only of symmetric combinations; twice; in either memory layout."""
    features = normal(2, 3, 4, 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda f: gram_matrix(f, normalize), features)
    assert torch.autograd.gradgradcheck(lambda f: gram_matrix(f, normalize), features)
    other = features.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    weights = normal(2, 3, 3, seed=4)
    gradients = [
        torch.autograd.grad((gram_matrix(f) * weights).sum(), f)[0] for f in (features, other)
    ]
    torch.testing.assert_close(*gradients)


def test_gradients_by_differences():
    current, original, img = normal(1, 2, 3, 3), normal(1, 2, 3, 3, seed=1), normal(1, 3, 4, 3)
    assert torch.autograd.gradcheck(
        lambda x: content_loss(0.3, x, original), current.requires_grad_()
    )
    assert torch.autograd.gradcheck(lambda x: tv_loss(x, 0.3), img.requires_grad_())
    assert torch.autograd.gradgradcheck(lambda x: tv_loss(x, 0.3), img)
    loss = NormalizedLoss(
        tiny_cnn().eval()[:6],
        {3: normal(1, 6, 2, 2)},
        {1: gram_matrix(normal(1, 5, 4, 4)), 5: gram_matrix(normal(1, 6, 2, 2))},
    )  # fmt: skip
    img = normal(1, 3, 4, 4, seed=3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: sum(loss(x).values()), img)


# The assignment's loop, done plainly: all layers, no thought about memory.


def plain_gram_matrix(features):
    N, C, H, W = features.size()
    features = features.reshape(N, C, H * W)
    return torch.bmm(features, features.permute(0, 2, 1)) / (H * W * C)


def plain_tv_loss(img, weight):
    down = img[:, :, 1:, :] - img[:, :, :-1, :]
    right = img[:, :, :, 1:] - img[:, :, :, :-1]
    return weight * (down.square().sum() + right.square().sum())


def plain_style_transfer(cnn, content, style, s, iterations=200, img=None, losses=None):
    cnn = cnn.eval().requires_grad_(False)
    content_target = extract_features(content, cnn)[s["content_layer"]].clone()
    style_targets = [
        plain_gram_matrix(extract_features(style, cnn)[i].clone()) for i in s["style_layers"]
    ]
    img = content.clone() if img is None else img.clone()
    img.requires_grad_()
    optimizer = torch.optim.Adam([img], lr=3.0)
    for t in range(iterations):
        if t < 190:
            img.data.clamp_(-1.5, 1.5)
        optimizer.zero_grad()
        feats = extract_features(img, cnn)
        loss = (
            content_loss(s["content_weight"], feats[s["content_layer"]], content_target)
            + sum(
                w * torch.sum((plain_gram_matrix(feats[i]) - target) ** 2)
                for i, target, w in zip(s["style_layers"], style_targets, s["style_weights"])
            )
            + plain_tv_loss(img, s["tv_weight"])
        )
        if losses is not None:
            losses.append(loss.item())
        loss.backward()
        if t == 180:
            optimizer = torch.optim.Adam([img], lr=0.1)
        optimizer.step()
    return img.detach()


@pytest.mark.parametrize("init_random", [False, True])
def test_style_transfer_is_the_assignments_loop(init_random):
    cnn = tiny_cnn()
    result = style_transfer(**SETTINGS, init_random=init_random, cnn=cnn, seed=4)
    content = preprocess(_shorter_side(CONTENT, 20), None).double()
    style = preprocess(_shorter_side(STYLE, 24), None).double()
    img = None
    if init_random:
        img = torch.rand(content.shape, generator=torch.Generator().manual_seed(4)).double()
    losses = []
    expected = plain_style_transfer(cnn, content, style, SETTINGS, img=img, losses=losses)
    np.testing.assert_allclose(result.history["total"], losses, rtol=1e-6)
    assert np.abs(result.image.astype(int) - deprocess(expected)[0]).max() <= 1
    assert result.image.shape == (20, 27, 3) and result.image.dtype == np.uint8
    for part in ("content", "style", "tv", "total"):
        assert len(result.history[part]) == 200


def _shorter_side(image, size):
    from PIL import Image

    height, width = image.shape[:2]
    scale = size / min(height, width)
    shape = (round(width * scale), round(height * scale))
    return np.array(Image.fromarray(image).resize(shape, Image.Resampling.BICUBIC))


def test_the_fast_path_on_squeezenet_begins_as_the_plain_loop():
    plain = squeezenet().features.to(memory_format=torch.contiguous_format)
    settings = SETTINGS | {"style_layers": (1, 4, 6), "style_weights": (200, 50, 1)}
    settings |= {
        "content_image": "chelsea",
        "style_image": "coffee",
        "image_size": 40,
        "style_size": 48,
    }
    content = preprocess(_shorter_side(load_image("chelsea"), 40), None)
    style = preprocess(_shorter_side(load_image("coffee"), 48), None)
    losses = []
    plain_style_transfer(plain, content, style, settings, iterations=2, losses=losses)
    result = style_transfer(**settings, num_iterations=2)
    np.testing.assert_allclose(result.history["total"], losses, rtol=1e-3)


def test_only_the_layers_that_are_needed_are_computed():
    calls = []
    cnn = tiny_cnn()
    for i, layer in enumerate(cnn):
        layer.register_forward_hook(lambda *_, i=i: calls.append(i))
    style_transfer(**SETTINGS, cnn=cnn, num_iterations=3)
    assert max(calls) == 5
    assert calls.count(0) == 2 + 3  # the targets once, and the steps


def test_signature_of_the_assignment():
    names = list(inspect.signature(style_transfer).parameters)
    assert names[:10] == [
        "content_image", "style_image", "image_size", "style_size", "content_layer",
        "content_weight", "style_layers", "style_weights", "tv_weight", "init_random",
    ]  # fmt: skip
    assert inspect.signature(style_transfer).parameters["init_random"].default is False
    assert list(inspect.signature(gram_matrix).parameters) == ["features", "normalize"]
    assert list(inspect.signature(tv_loss).parameters) == ["img", "tv_weight"]


def test_pictures_come_as_names_files_and_arrays(tmp_path):
    path = tmp_path / "mine.png"
    save_png(path, CONTENT)
    results = [
        style_transfer_lbfgs(content, STYLE, 20, evaluations=3, cnn=tiny_cnn(), content_layer=3,
                             style_layers=(1,), border=2).image
        for content in (CONTENT, path, str(path))
    ]  # fmt: skip
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])
    named = style_transfer_lbfgs(
        "coffee", STYLE, 20, evaluations=1, cnn=tiny_cnn(), content_layer=3,
        style_layers=(1,), border=2,
    )  # fmt: skip
    assert named.image.shape == (20, 30, 3)


# The version with normalised losses.

SMALL = {"content_layer": 3, "style_layers": (1, 4, 5), "border": 2}


def lbfgs(**changes):
    arguments = {"image_size": 20, "style_size": 24, "evaluations": 30, **SMALL, **changes}
    if "cnn" not in arguments:
        arguments["cnn"] = tiny_cnn()
    return style_transfer_lbfgs(**{"content_image": CONTENT, "style_image": STYLE, **arguments})


def test_relative_square():
    target = normal(3, 4)
    assert relative_square(target, target).item() == 0
    assert relative_square(torch.zeros_like(target), target).item() == pytest.approx(1)
    assert relative_square(3 * target, target).item() == pytest.approx(4)
    with pytest.raises(ValueError, match="relative_square: target is zero"):
        relative_square(target, torch.zeros_like(target))
    with pytest.raises(ValueError, match=r"target has shape \(4,\), expected \(3, 4"):
        relative_square(target, target[0])


def test_normalized_loss_against_numpy():
    cnn = tiny_cnn().eval()
    img, P = normal(1, 3, 8, 9), normal(1, 6, 4, 4)
    A = {1: gram_matrix(normal(1, 5, 4, 4)), 5: gram_matrix(normal(1, 6, 2, 2))}
    losses = NormalizedLoss(cnn, {3: P}, A, 2.0, 30.0, 0.7)(img)
    feats = [f.detach().numpy() for f in extract_features(img, cnn)]
    content = np.square(feats[3] - P.numpy()).sum() / np.square(P.numpy()).sum()
    style = [
        np.square(plain_gram(feats[i]) - A[i].numpy()).sum() / np.square(A[i].numpy()).sum()
        for i in (1, 5)
    ]
    assert losses["content"].item() == pytest.approx(2 * content)
    assert losses["style"].item() == pytest.approx(30 * np.mean(style))
    assert losses["tv"].item() == pytest.approx(plain_tv(img.numpy(), 0.7) / img.numel())


def test_a_scaled_network_gives_the_same_normalized_losses():
    """Homogeneous layers: activations k times as large, and not a thing changes."""
    first = nn.Sequential(
        nn.Conv2d(3, 5, 3, bias=False), nn.ReLU(), nn.Conv2d(5, 4, 3, bias=False)
    ).double()
    first.requires_grad_(False)
    scaled = nn.Sequential(
        nn.Conv2d(3, 5, 3, bias=False), nn.ReLU(), nn.Conv2d(5, 4, 3, bias=False)
    ).double()
    scaled.load_state_dict(
        {k: v * (50 if k == "0.weight" else 1) for k, v in first.state_dict().items()}
    )
    settings = {"content_layer": 2, "style_layers": (1, 2)}
    histories = [
        lbfgs(cnn=cnn, evaluations=5, **settings).history["total"] for cnn in (first, scaled)
    ]
    np.testing.assert_allclose(*histories, rtol=1e-6)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_the_loss_falls(optimizer):
    history = lbfgs(optimizer=optimizer).history
    assert history["total"][-1] < 0.7 * history["total"][0]
    assert history["content"][0] == 0  # it starts from the content picture
    for parts in zip(history["content"], history["style"], history["tv"], history["total"]):
        assert sum(parts[:3]) == pytest.approx(parts[3])


def test_lbfgs_is_ahead_of_adam():
    totals = [lbfgs(optimizer=o, evaluations=60).history["total"] for o in ("lbfgs", "adam")]
    assert min(totals[0][:30]) < totals[1][-1]


def test_evaluations_are_counted():
    assert len(lbfgs(optimizer="adam", evaluations=7).history["total"]) == 7
    assert 7 <= len(lbfgs(evaluations=7).history["total"]) <= 7 + 25


def test_repeats_and_needs_no_global_generator():
    cnn = tiny_cnn()
    state = torch.random.get_rng_state()
    first, again, other = (
        lbfgs(init_random=True, seed=s, evaluations=5, cnn=cnn).image for s in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert torch.equal(state, torch.random.get_rng_state())


def test_works_where_the_caller_wants_no_gradients():
    with torch.no_grad():
        assert np.array_equal(lbfgs(evaluations=5).image, lbfgs(evaluations=5).image)
        assert style_transfer(**SETTINGS, cnn=tiny_cnn(), num_iterations=3).history["total"][-1] > 0


def test_callback_sees_every_evaluation():
    seen = []
    result = lbfgs(
        evaluations=6, callback=lambda i, img, losses: seen.append((i, tuple(img.shape), losses))
    )
    assert [i for i, _, _ in seen] == list(range(len(result.history["total"])))
    assert {shape for _, shape, _ in seen} == {(1, 3, 24, 31)}
    assert [losses["total"] for _, _, losses in seen] == result.history["total"]
    seen.clear()
    style_transfer(**SETTINGS, cnn=tiny_cnn(), num_iterations=3, callback=lambda *a: seen.append(a))
    assert [a[0] for a in seen] == [0, 1, 2]
    assert set(seen[0][2]) == {"content", "style", "tv", "total"}


def test_mixing_styles():
    other = picture(24, 24, 5)
    only = lbfgs(evaluations=5)
    assert np.array_equal(
        lbfgs(style_image=[STYLE, other], mix=[1, 0], evaluations=5).image, only.image
    )
    assert not np.array_equal(lbfgs(style_image=[STYLE, other], evaluations=5).image, only.image)


def test_the_target_of_a_mix_is_the_mean_of_the_gram_matrices():
    cnn = tiny_cnn().eval()
    styles = [picture(24, 24, 5), picture(24, 24, 6)]
    loss, _ = module._prepare("t", cnn, CONTENT, styles, [0.3, 0.7], [3], [1], (1, 1, 1), 2, False)
    grams = [gram_matrix(extract_features(preprocess(s, None).double(), cnn)[1]) for s in styles]
    torch.testing.assert_close(loss.style[1], 0.3 * grams[0] + 0.7 * grams[1])


def test_keeping_colours():
    kept = lbfgs(keep_colours="luminance", evaluations=10).image
    assert np.abs(_chroma(kept) - _chroma(_shorter_side(CONTENT, 20))).mean() < 12
    matched = lbfgs(keep_colours="matched", evaluations=10).image
    plain = lbfgs(evaluations=10).image
    off, plain_off = (
        np.abs(image.mean(axis=(0, 1)) - CONTENT.mean(axis=(0, 1))).max()
        for image in (matched, plain)
    )
    assert off < plain_off


def _chroma(image):
    return np.diff(image.astype(int), axis=2)


def test_match_colours_gives_mean_and_covariance():
    rng = np.random.default_rng(0)
    image = np.uint8((rng.normal(0, 12, (60, 50, 3)) @ rng.normal(0, 1, (3, 3)) + 120).clip(0, 255))
    reference = np.uint8(
        (rng.normal(0, 12, (40, 50, 3)) @ rng.normal(0, 1, (3, 3)) + 100).clip(0, 255)
    )
    matched = match_colours(image, reference)
    assert matched.shape == image.shape and matched.dtype == np.uint8
    pixels, wanted = matched.reshape(-1, 3), reference.reshape(-1, 3)
    np.testing.assert_allclose(pixels.mean(axis=0), wanted.mean(axis=0), atol=0.5)
    np.testing.assert_allclose(np.cov(pixels.T), np.cov(wanted.T), rtol=0.05, atol=4)
    assert np.abs(match_colours(image, image).astype(int) - image).max() <= 1
    grey = np.full((8, 8, 3), 90, np.uint8)  # no covariance to divide by
    assert np.abs(match_colours(grey, reference).mean(axis=(0, 1)) - wanted.mean(axis=0)).max() < 1


def test_replace_luminance():
    image, other = picture(9, 8, 1) // 2 + 64, picture(9, 8, 2) // 8 + 100
    result = replace_luminance(image, other)
    inside = ((result > 0) & (result < 255)).all(axis=2)
    assert inside.mean() > 0.9
    luma = [(rgb.astype(float) @ [0.299, 0.587, 0.114])[inside] for rgb in (result, other)]
    np.testing.assert_allclose(*luma, atol=0.6)
    same = np.diff(result.astype(int), axis=2)[inside] - np.diff(image.astype(int), axis=2)[inside]
    assert np.abs(same).max() <= 1
    assert np.array_equal(replace_luminance(image, image), image)
    with pytest.raises(ValueError, match="luminance has shape"):
        replace_luminance(image, other[:5])


def test_average_pooling_on_a_copy():
    cnn = tiny_cnn()
    average = average_pooled(cnn)
    assert isinstance(cnn[2], nn.MaxPool2d) and isinstance(average[2], nn.AvgPool2d)
    assert average[0] is cnn[0] and average.training == cnn.training
    X = normal(1, 3, 8, 10)
    expected = nn.functional.avg_pool2d(X, 3, 2, ceil_mode=True)
    torch.testing.assert_close(average[2](X), expected)
    assert average_pooled(cnn.eval()).training is False


def test_texture_from_noise():
    texture = synthesize_texture(
        STYLE, 20, 24, style_layers=(1, 4, 5), border=2, evaluations=40, cnn=tiny_cnn()
    )
    assert texture.image.shape == (20, 20, 3)
    assert texture.history["style"][-1] < 0.1 * texture.history["style"][0]
    assert set(texture.history["content"]) == {0.0}


def test_reconstruction_from_the_first_layer_is_the_picture():
    cnn = tiny_cnn()
    image = reconstruct_content(CONTENT, 0, 24, tv_weight=0.0, evaluations=150, cnn=cnn)
    assert image.history["style"][-1] == 0
    assert image.history["content"][-1] < 1e-3
    assert np.abs(image.image.astype(int) - CONTENT).mean() < 10


def test_minimize_finds_a_minimum_and_leaves_its_start():
    goal = normal(1, 3, 6, 5)
    start = normal(1, 3, 5, 6, seed=1).transpose(2, 3)  # not contiguous
    kept = start.clone()
    img, history = minimize(lambda x: {"style": (x - goal).square().sum()}, start, 30)
    torch.testing.assert_close(img, goal, atol=1e-4, rtol=0)
    assert torch.equal(start, kept) and not start.requires_grad and not img.requires_grad
    assert history["total"] == history["style"]


def test_minimize_follows_a_curved_valley_without_leaping_out_of_it():
    def rosenbrock(img):
        x, y, rest = img.flatten()
        return {"style": 100 * (y - x**2) ** 2 + (1 - x) ** 2 + rest**2}

    _, history = minimize(rosenbrock, torch.tensor([-1.2, 1, 0]).reshape(1, 3, 1, 1), 60)
    assert history["total"][0] == pytest.approx(24.2)
    assert max(history["total"]) < 100  # without a line search: 83,000
    assert history["total"][-1] < 1e-6


def test_a_picture_in_channels_last_is_no_problem():
    start = normal(1, 20, 20, 3).permute(0, 3, 1, 2)
    loss = NormalizedLoss(tiny_cnn().eval(), {}, {1: gram_matrix(normal(1, 5, 9, 9))})
    _, history = minimize(loss, start, 5)
    assert history["total"][-1] < history["total"][0]


# What must stay as it was, and what must be refused.


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize(
    "run",
    [
        lambda cnn, **k: style_transfer(**SETTINGS, cnn=cnn, num_iterations=3, **k),
        lambda cnn, **k: lbfgs(cnn=cnn, evaluations=3, **k),
        lambda cnn, **k: synthesize_texture(
            STYLE, 20, style_layers=(1, 5), border=2, evaluations=3, cnn=cnn, **k
        ),
        lambda cnn, **k: reconstruct_content(CONTENT, 4, 20, evaluations=3, cnn=cnn, **k),
    ],
)
def test_nothing_is_left_changed(run, fails):
    cnn = tiny_cnn().train()
    cnn[1].eval()
    cnn[3].weight.requires_grad_(False)
    before = {name: value.clone() for name, value in cnn.state_dict().items()}
    flags = [m.training for m in cnn.modules()], [p.requires_grad for p in cnn.parameters()]
    content, style = CONTENT.copy(), STYLE.copy()

    def callback(*_):
        if fails:
            raise KeyError("stop")

    if fails:
        with pytest.raises(KeyError, match="stop"):
            run(cnn, callback=callback)
    else:
        run(cnn, callback=callback)
    for name, value in cnn.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert flags == (
        [m.training for m in cnn.modules()],
        [p.requires_grad for p in cnn.parameters()],
    )
    assert all(p.grad is None for p in cnn.parameters())
    assert not any(m._forward_hooks for m in cnn.modules())
    assert np.array_equal(content, CONTENT) and np.array_equal(style, STYLE)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"style_weights": (1, 2)}, "3 style_layers, but 2 style_weights"),
        ({"style_layers": (1, 4)}, "2 style_layers, but 3 style_weights"),
        ({"style_layers": (1, 4, 9)}, "there is no layer 9, expected 0 to 8"),
        ({"style_layers": (-1, 4, 5)}, "there is no layer -1"),
        ({"style_layers": (1, 4, "5")}, "there is no layer '5'"),
        ({"content_layer": 12}, "there is no layer 12"),
        ({"content_weight": -1}, "a weight is -1"),
        ({"style_weights": (1, float("nan"), 3)}, "a weight is nan"),
        ({"tv_weight": float("inf")}, "a weight is inf"),
        ({"image_size": 15}, "image_size is 15, expected at least 16"),
        ({"style_size": 0}, "style_size is 0"),
        ({"num_iterations": 0}, "num_iterations is 0, expected at least 1"),
        ({"content_image": np.zeros((4, 4, 2), np.uint8)}, "shape"),
        ({"content_image": np.full((20, 20, 3), np.nan)}, "NaN"),
        ({"style_image": np.full((20, 20, 3), 2.0)}, "expected 0 to 1"),
        ({"style_image": np.zeros((0, 20, 3), np.uint8)}, "no pixel"),
    ],
)
def test_errors_of_style_transfer(changes, message):
    cnn = tiny_cnn()
    with pytest.raises(ValueError, match=message):
        style_transfer(**{**SETTINGS, "cnn": cnn, **changes})
    assert all(m.training for m in cnn.modules())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"style_layers": (1, 99)}, "style_transfer_lbfgs: there is no layer 99"),
        ({"content_layer": -2}, "there is no layer -2"),
        ({"style_image": []}, "no style picture"),
        ({"style_image": [STYLE, STYLE], "mix": [1.0]}, "2 styles, but 1 shares in mix"),
        ({"style_image": [STYLE, STYLE], "mix": [0.9, 0.9]}, "with sum 1"),
        ({"style_image": [STYLE, STYLE], "mix": [2, -1]}, "shares of 0 or more"),
        ({"keep_colours": "yes"}, "keep_colours is 'yes', expected None, 'matched' or 'luminance'"),
        ({"border": -1}, "border is -1"),
        ({"border": 20}, "border is 20, expected 0 to 19"),
        ({"evaluations": 0}, "evaluations is 0"),
        ({"optimizer": "sgd"}, "optimizer is 'sgd'"),
        ({"style_weight": -3}, "a weight is -3"),
        ({"style_size": 3}, "style_size is 3"),
    ],
)
def test_errors_of_style_transfer_lbfgs(changes, message):
    with pytest.raises(ValueError, match=message):
        lbfgs(**changes)


def test_errors_of_the_other_two():
    with pytest.raises(ValueError, match="synthesize_texture: style_layers is empty"):
        synthesize_texture(STYLE, 20, style_layers=(), border=2, cnn=tiny_cnn())
    with pytest.raises(ValueError, match="synthesize_texture: image_size is 5"):
        synthesize_texture(STYLE, 5, cnn=tiny_cnn())
    with pytest.raises(ValueError, match="reconstruct_content: there is no layer 40"):
        reconstruct_content(CONTENT, 40, 20, cnn=tiny_cnn())


def test_a_network_or_a_picture_of_the_wrong_kind():
    for run in (
        lambda c: style_transfer(**SETTINGS, cnn=c),
        lambda c: lbfgs(cnn=c),
        average_pooled,
    ):
        with pytest.raises(TypeError, match=r"cnn is a Tanh, expected a torch.nn.Sequential"):
            run(nn.Tanh())
    with pytest.raises(TypeError, match="source is a list"):
        style_transfer(**{**SETTINGS, "content_image": [1, 2]}, cnn=tiny_cnn())
    with pytest.raises(FileNotFoundError, match="no file"):
        lbfgs(style_image="no-such-painting.jpg")


def test_a_file_that_is_no_picture(tmp_path):
    path = tmp_path / "painting.jpg"
    path.write_text("a thousand words")
    with pytest.raises(ValueError, match="no picture that can be read"):
        lbfgs(style_image=path)


@pytest.mark.parametrize("steps", [5, 25])
def test_the_step_at_which_a_loss_went_wrong_is_named(steps):
    class Breaks(nn.Module):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return x * (float("nan") if self.calls == 6 else 1)  # 2 targets, then step 3

    with pytest.raises(FloatingPointError, match="the loss is nan at step 3; try"):
        style_transfer(**SETTINGS, cnn=nn.Sequential(Breaks(), *tiny_cnn()), num_iterations=steps)


def test_no_step_waits_for_a_number():
    counts = []
    for steps in (22, 30):  # both look after 1, 11 and 21 steps, and after the last
        with Looks() as looks:
            style_transfer(**SETTINGS, cnn=tiny_cnn(), num_iterations=steps)
        counts.append(looks.count)
    assert counts[1] - counts[0] == 8  # Adam's number of the step, which is on the CPU in any case


def test_a_loss_that_explodes_is_told():
    cnn = tiny_cnn(torch.float32)
    cnn[0].weight.data *= 1e30
    with pytest.raises(
        FloatingPointError, match=r"style_transfer: the loss is (nan|inf) at step 0"
    ):
        style_transfer(**SETTINGS, cnn=cnn)
    assert all(m.training for m in cnn.modules())


def test_errors_of_the_losses():
    here, there = torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 3, 3, device="meta")
    with pytest.raises(ValueError, match=r"has shape \(1, 2, 3, 4\), expected \(1, 2, 3, 3\)"):
        content_loss(1.0, here, torch.zeros(1, 2, 3, 4))
    with pytest.raises(ValueError, match="content_original is on meta"):
        content_loss(1.0, here, there)
    with pytest.raises(TypeError, match="got a ndarray"):
        content_loss(1.0, here, here.numpy())
    integers = torch.zeros(1, 2, 3, 3, dtype=torch.int64)
    wrongs = [torch.zeros(2, 3, 3), torch.zeros(1, 2, 0, 3), integers, [1.0]]
    for wrong, error in zip(wrongs, (ValueError, ValueError, TypeError, TypeError)):
        with pytest.raises(error, match="gram_matrix: features"):
            gram_matrix(wrong)
        with pytest.raises(error, match="tv_loss: img"):
            tv_loss(wrong, 1.0)
    gram = torch.zeros(1, 2, 2)
    with pytest.raises(ValueError, match="1 style_layers, but 2 style_targets"):
        style_loss([here], [0], [gram, gram], [1.0])
    with pytest.raises(ValueError, match="1 style_layers, but 0 style_weights"):
        style_loss([here], [0], [gram], [])
    with pytest.raises(ValueError, match="style_loss: there is no layer 1, expected 0 to 0"):
        style_loss([here], [1], [gram], [1.0])
    with pytest.raises(ValueError, match=r"the target of layer 0 has shape \(1, 3, 3\)"):
        style_loss([here], [0], [torch.zeros(1, 3, 3)], [1.0])
    with pytest.raises(ValueError, match="the target of layer 0 is on meta"):
        style_loss([here], [0], [gram.to("meta")], [1.0])
    with pytest.raises(ValueError, match=r"gram_gradient: target has shape \(1, 3, 3\)"):
        gram_gradient(here, torch.zeros(1, 3, 3), 1.0)
