"""Style transfer: closed forms, the assignment's loop done plainly, the promises, the errors."""

import inspect
import math

import numpy as np
import pytest
import torch
from torch import nn

from cs231n_lib.see import style_transfer as module
from cs231n_lib.see.images import deprocess, load_image, preprocess, save_png
from cs231n_lib.see.network import extract_features
from cs231n_lib.see.pretrained import squeezenet
from cs231n_lib.see.style_transfer import (
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


def test_a_normalised_loss_is_the_mean_over_its_layers():
    cnn, target, img = tiny_cnn(), normal(1, 3, 12, 12, seed=1), normal(1, 3, 12, 12, seed=2)
    feats = extract_features(target, cnn)

    def loss(*layers):
        content = {layer: feats[layer] for layer in layers}
        style = {layer: gram_matrix(feats[layer]) for layer in layers}
        return NormalizedLoss(cnn, content, style)(img)

    for part in ("content", "style"):
        mean = (loss(1)[part] + loss(3)[part]) / 2
        torch.testing.assert_close(loss(1, 3)[part], mean)


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
@pytest.mark.parametrize("image", [CONTENT, np.where(CONTENT > 127, 255, 0).astype(np.uint8)])
def test_style_transfer_is_the_assignments_loop(image, init_random):
    cnn = tiny_cnn()
    result = style_transfer(
        **SETTINGS | {"content_image": image}, init_random=init_random, cnn=cnn, seed=4
    )
    content = preprocess(_shorter_side(image, 20), None).double()
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


def counted_cnn():
    """A network, and how often each of its layers has been computed."""
    cnn, calls = tiny_cnn(), [0] * 9
    for i, layer in enumerate(cnn):

        def count(*_, i=i):
            calls[i] += 1

        layer.register_forward_hook(count)
    return cnn, calls


@pytest.mark.parametrize(
    ("content_layer", "style_layers", "expected"),
    [  # the targets once, and three steps
        (3, (1, 4, 5), [5, 5, 5, 5, 5, 5, 0, 0, 0]),
        (5, (1,), [5, 5, 5, 5, 5, 5, 0, 0, 0]),
        (3, (), [5, 5, 5, 5, 0, 0, 0, 0, 0]),
    ],
)
def test_only_the_layers_that_are_needed_are_computed(content_layer, style_layers, expected):
    cnn, calls = counted_cnn()
    layers = {
        "content_layer": content_layer,
        "style_layers": style_layers,
        "style_weights": [1.0] * len(style_layers),
    }
    result = style_transfer(**{**SETTINGS, **layers}, cnn=cnn, num_iterations=3)
    assert calls == expected
    assert all(value > 0 for value in result.history["style"]) == bool(style_layers)


def test_no_target_needs_deeper_layers_than_its_own():
    """One style and the content once, to their own depths, and three evaluations."""
    settings = {"evaluations": 3, "average_pooling": False}
    cnn, calls = counted_cnn()
    lbfgs(cnn=cnn, optimizer="adam", content_layer=5, style_layers=(0, 1), **settings)
    assert calls == [5, 5, 4, 4, 4, 4, 0, 0, 0]
    cnn, calls = counted_cnn()
    lbfgs(cnn=cnn, optimizer="adam", content_layer=1, style_layers=(4,), **settings)
    assert calls == [5, 5, 4, 4, 4, 0, 0, 0, 0]
    cnn, calls = counted_cnn()
    NormalizedLoss(cnn, {1: normal(1, 5, 8, 9)}, {3: torch.eye(6)[None].double()})(
        normal(1, 3, 8, 9)
    )
    assert calls == [1, 1, 1, 1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    "run",
    [
        lambda **k: style_transfer(**SETTINGS, num_iterations=1, **k),
        lambda **k: style_transfer_lbfgs(CONTENT, STYLE, 20, evaluations=1, **SMALL, **k),
        lambda **k: synthesize_texture(STYLE, 20, style_layers=(1,), evaluations=1, **k),
        lambda **k: reconstruct_content(CONTENT, 3, 20, evaluations=1, **k),
    ],
)
def test_the_network_is_squeezenet_by_default(run, monkeypatch):
    class Tiny:
        features = tiny_cnn()

    monkeypatch.setattr(module, "squeezenet", Tiny)
    assert_same_histories(run(), run(cnn=tiny_cnn()))


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


@pytest.mark.parametrize("transfer", [style_transfer, style_transfer_lbfgs])
def test_layers_may_be_numbers_of_numpy(transfer):
    arguments = SETTINGS if transfer is style_transfer else {
        "content_image": CONTENT, "style_image": STYLE, "image_size": 20, "style_size": 24,
        "evaluations": 3, "content_layer": 2, "style_layers": (1, 3),
    }  # fmt: skip
    layers = np.array(arguments["style_layers"])
    as_numpy = {"style_layers": layers, "content_layer": np.int64(arguments["content_layer"])}
    expected = transfer(**{**arguments, "cnn": tiny_cnn()})
    result = transfer(**{**arguments, **as_numpy, "cnn": tiny_cnn()})
    assert_same_histories(result, expected)


def assert_same_histories(result, other):
    assert result.history.keys() == other.history.keys()
    for part, values in result.history.items():
        np.testing.assert_allclose(values, other.history[part], 1e-6, 1e-12, err_msg=part)


def by_hand(cnn, content, styles, mix, content_layers, style_layers, weights, border, pooling):
    """The loss of :func:`style_transfer_lbfgs` and its relatives, and the content in its border."""
    cnn = (average_pooled(cnn) if pooling else cnn).eval().requires_grad_(False)
    content = preprocess(content, None).double()
    content = nn.functional.pad(content, [border] * 4, mode="reflect")
    feats = extract_features(content, cnn)
    of_styles = [extract_features(preprocess(style, None).double(), cnn) for style in styles]
    grams = {
        i: sum(share * gram_matrix(of_style[i]) for share, of_style in zip(mix, of_styles))
        for i in style_layers
    }
    return NormalizedLoss(cnn, {i: feats[i] for i in content_layers}, grams, *weights), content


OTHER = picture(24, 24, 5)
CONTENT20, STYLE24 = _shorter_side(CONTENT, 20), _shorter_side(STYLE, 24)


@pytest.mark.parametrize("average_pooling", [True, False])
def test_style_transfer_lbfgs_in_its_parts(average_pooling):
    loss, start = by_hand(
        tiny_cnn(), CONTENT20, [STYLE24, OTHER], [0.3, 0.7], [5], (1, 3), (0.4, 70.0, 3.0), 5,
        average_pooling,
    )  # fmt: skip
    img, history = minimize(loss, start, 4, "adam", 0.02)
    result = style_transfer_lbfgs(
        CONTENT, [STYLE, OTHER], 20, 24, 5, 0.4, (1, 3), 70.0, 3.0, mix=[0.3, 0.7], border=5,
        optimizer="adam", learning_rate=0.02, evaluations=4, average_pooling=average_pooling,
        cnn=tiny_cnn(),
    )  # fmt: skip
    assert_same_histories(result, module.Transfer(result.image, history))
    assert np.abs(result.image - deprocess(img)[0, 5:-5, 5:-5].astype(int)).max() <= 1
    assert history["content"][1] > 0


@pytest.mark.parametrize("average_pooling", [True, False])
def test_textures_and_reconstructions_in_their_parts(average_pooling):
    settings = {"evaluations": 1, "average_pooling": average_pooling, "seed": 6}
    grey = np.full((20, 20, 3), 128, np.uint8)
    loss, like = by_hand(
        tiny_cnn(), grey, [STYLE24, OTHER], [0.3, 0.7], [], (1, 3), (0.0, 70.0, 3.0), 5,
        average_pooling,
    )  # fmt: skip
    noise = 0.1 * normal(*like.shape, seed=6, dtype=torch.float32).double()
    texture = synthesize_texture(
        [STYLE, OTHER], 20, 24, (1, 3), 70.0, 3.0, mix=[0.3, 0.7], border=5, cnn=tiny_cnn(),
        **settings,
    )  # fmt: skip
    assert_same_histories(texture, module.Transfer(grey, minimize(loss, noise, 1)[1]))

    loss, like = by_hand(
        tiny_cnn(), CONTENT20, [], [], [4], (), (1.0, 0.0, 0.8), 0, average_pooling
    )
    noise = 0.1 * normal(*like.shape, seed=6, dtype=torch.float32).double()
    image = reconstruct_content(CONTENT, 4, 20, 0.8, cnn=tiny_cnn(), **settings)
    assert_same_histories(image, module.Transfer(CONTENT20, minimize(loss, noise, 1)[1]))


def first_picture(run, **settings):
    """The one that the callback gets first."""
    seen = []
    run(callback=lambda step, img, losses: seen.append((step, img.clone())), **settings)
    step, img = seen[0]
    assert step == 0 and not img.requires_grad
    return img


def test_the_first_picture_is_the_content_or_noise():
    content = preprocess(CONTENT20, None).double()
    padded = nn.functional.pad(content, [2] * 4, mode="reflect")
    close = {"rtol": 0, "atol": 1e-6}
    torch.testing.assert_close(first_picture(lbfgs, evaluations=1), padded, **close)
    noise = normal(*padded.shape, seed=6, dtype=torch.float32).double()
    first = first_picture(lbfgs, evaluations=1, init_random=True, seed=6)
    torch.testing.assert_close(first, 0.5 * noise, **close)
    grey = np.rint(CONTENT20 @ np.array([0.299, 0.587, 0.114]))[..., None].repeat(3, axis=2)
    first = first_picture(lbfgs, evaluations=1, keep_colours="luminance")[:, :, 2:-2, 2:-2]
    torch.testing.assert_close(first, preprocess(np.uint8(grey), None).double(), **close)

    settings = {"cnn": tiny_cnn(), "evaluations": 1, "seed": 6}
    first = first_picture(synthesize_texture, style_image=STYLE, image_size=20, style_layers=(1,),
                          border=3, **settings)  # fmt: skip
    noise = normal(1, 3, 26, 26, seed=6, dtype=torch.float32).double()
    torch.testing.assert_close(first, 0.1 * noise, **close)
    first = first_picture(reconstruct_content, content_image=CONTENT, layer=1, image_size=20,
                          **settings)  # fmt: skip
    noise = normal(1, 3, 20, 27, seed=6, dtype=torch.float32).double()
    torch.testing.assert_close(first, 0.1 * noise, **close)
    settings = {**SETTINGS, "cnn": tiny_cnn(), "num_iterations": 1}
    torch.testing.assert_close(
        first_picture(style_transfer, **settings), content.clamp(-1.5, 1.5), **close
    )
    noise = torch.rand(content.shape, generator=torch.Generator().manual_seed(6)).double()
    first = first_picture(style_transfer, **settings, init_random=True, seed=6)
    torch.testing.assert_close(first, noise, **close)


def test_styles_are_as_large_as_the_content_unless_told():
    same, told = (lbfgs(style_size=size, evaluations=1) for size in (None, 20))
    assert_same_histories(same, told)
    assert same.history["style"] != lbfgs(evaluations=1).history["style"]
    same, told, other = (
        synthesize_texture(STYLE, 20, size, style_layers=(1,), evaluations=1, cnn=tiny_cnn())
        for size in (None, 20, 24)
    )
    assert_same_histories(same, told)
    assert same.history["style"] != other.history["style"]


def test_ways_to_keep_colours_in_their_parts():
    matched = lbfgs(keep_colours="matched", evaluations=3)
    style = match_colours(STYLE24, CONTENT20)
    assert_same_histories(matched, lbfgs(style_image=style, evaluations=3))
    content, style = module._grey(CONTENT20), module._grey(STYLE24)
    assert content.shape == CONTENT20.shape
    plain = lbfgs(content_image=content, style_image=match_colours(style, content), evaluations=3)
    kept = lbfgs(keep_colours="luminance", evaluations=3)
    assert_same_histories(kept, plain)
    again = replace_luminance(CONTENT20, plain.image)
    assert np.abs(kept.image.astype(int) - again).max() <= 1


@pytest.mark.parametrize("border", [0, 3, 19])
def test_any_border_within_the_picture_is_cut_off_again(border):
    result = lbfgs(border=border, optimizer="adam", learning_rate=1e-4, evaluations=1)
    assert np.abs(result.image.astype(int) - CONTENT20).max() <= 1
    texture = synthesize_texture(
        STYLE, 20, style_layers=(1,), border=border, evaluations=1, cnn=tiny_cnn()
    )
    assert texture.image.shape == (20, 20, 3)


@pytest.mark.parametrize("size", [16, 24, 32, 48])
def test_pictures_are_scaled_whatever_the_scale(size):
    image = picture(16, 24, 3)
    resized = module._resized("t", image, size, "size")
    assert resized.shape == (size, size * 3 // 2, 3)
    np.testing.assert_array_equal(resized, _shorter_side(image, size))


def test_shares_of_the_styles_may_be_rounded_a_little():
    styles = [STYLE, OTHER, OTHER]
    lbfgs(style_image=styles, mix=[0.3333333] * 3, evaluations=1)
    with pytest.raises(ValueError, match=r"mix is .* with sum 1"):
        lbfgs(style_image=styles, mix=[0.33333] * 3, evaluations=1)


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


def test_callback_gets_the_picture_that_has_these_losses():
    seen = []

    def callback(step, img, losses):
        assert not img.requires_grad
        seen.append((step, img.clone(), dict(losses)))

    loss = NormalizedLoss(tiny_cnn().eval(), {}, {1: gram_matrix(normal(1, 5, 9, 9))})
    for optimizer in ("lbfgs", "adam"):
        seen.clear()
        start = normal(1, 3, 9, 8)
        _, history = minimize(loss, start, 4, optimizer, callback=callback)
        torch.testing.assert_close(seen[0][1], start)
        assert [step for step, _, _ in seen] == list(range(len(history["total"])))
        for step, img, losses in seen:
            for part, value in loss(img).items():
                assert losses[part] == pytest.approx(value.item())
                assert losses[part] == history[part][step]

    seen.clear()
    history = style_transfer(
        **SETTINGS, cnn=tiny_cnn(), num_iterations=3, callback=callback
    ).history
    for step, img, losses in seen:
        assert img.shape == (1, 3, 20, 27)
        assert losses == {part: values[step] for part, values in history.items()}
        assert losses["tv"] == pytest.approx(plain_tv_loss(img, SETTINGS["tv_weight"]).item())


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


def greys(*values):
    """A row of grey pixels."""
    return np.repeat(np.uint8(values)[None, :, None], 3, axis=2)


def test_match_colours_in_closed_form():
    two = greys(0, 100)
    assert np.array_equal(match_colours(two, greys(50, 150)), greys(50, 150))
    # Means 50 and 205, deviations 100 and 70.7: what lies outside a byte is cut off, either way.
    assert np.array_equal(
        match_colours(greys(0, 0, 0, 200), greys(155, 255)), greys(170, 170, 170, 255)
    )
    assert np.array_equal(
        match_colours(greys(255, 255, 255, 55), greys(0, 100)), greys(85, 85, 85, 0)
    )


def test_one_step_of_a_byte_is_variance_enough():
    image, reference = (
        np.array([[[100, 50, 50], [101, 50, 50]]], np.uint8),
        np.array([[[20, 9, 9], [120, 9, 9]]], np.uint8),
    )
    assert np.array_equal(match_colours(image, reference), reference)


def test_grey_is_the_luminance_three_times():
    primary = np.eye(3, dtype=np.uint8)[None] * 255
    assert np.array_equal(module._grey(primary), greys(76, 150, 29))
    assert np.array_equal(module._grey(greys(0, 7, 255)), greys(0, 7, 255))


@pytest.mark.parametrize(
    ("luminance", "expected"),
    [(255, [255, 251, 151]), (204, [250, 200, 100]), (0, [46, 0, 0])],
)
def test_replace_luminance_in_closed_form(luminance, expected):
    """The luminance of this colour is 203.55."""
    colour = np.array([[[250, 200, 100]]], np.uint8)
    assert replace_luminance(colour, greys(luminance))[0, 0].tolist() == expected


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


@pytest.mark.parametrize(
    ("height", "width", "step"),
    [(3, 4, 0.5), (5, 6, 1.0), (5, 18, 2.0), (5, 19, 4.0), (12, 16, 8.0)],  # 0.36 .. 5.76 hundred
)
def test_the_first_step_changes_pixels_by_about_a_hundredth(height, width, step):
    """All together by a hundredth of their number, which is rounded to a power of two."""
    start = normal(1, 3, height, width)
    seen = []
    minimize(
        lambda img: {"style": 100 * img.square().sum()},
        start,
        2,
        callback=lambda _, img, __: seen.append(img),
    )
    assert (seen[1] - start).abs().sum().item() == pytest.approx(step)
    assert 1 / 142 < step / start.numel() < 1 / 70


@pytest.mark.parametrize("learning_rate", [0.03, 0.2])
def test_adams_first_step_is_its_rate_for_each_pixel(learning_rate):
    start = normal(1, 3, 4, 5)
    img, _ = minimize(lambda img: {"style": img.square().sum()}, start, 1, "adam", learning_rate)
    torch.testing.assert_close(start - img, learning_rate * start.sign(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("unit", [1e-8, 1e6])
def test_minimize_goes_on_however_small_the_loss(unit):
    goal = normal(1, 3, 6, 5)
    scale = torch.linspace(1, 3, 5).double()

    def loss(img):
        return {"style": unit * (scale * (img - goal)).square().sum()}

    img, _ = minimize(loss, normal(1, 3, 6, 5, seed=1), 60)
    torch.testing.assert_close(img, goal, atol=1e-4, rtol=0)


def test_lbfgs_remembers_twenty_steps(monkeypatch):
    made = []

    class Kept(torch.optim.LBFGS):
        def __init__(self, *args, **settings):
            super().__init__(*args, **settings)
            made.append(self)

    monkeypatch.setattr(torch.optim, "LBFGS", Kept)
    scale = torch.logspace(0, 2, 90).double().reshape(1, 3, 6, 5)
    minimize(lambda img: {"style": (scale * img**2).sum()}, normal(1, 3, 6, 5), 60)
    (state,) = made[0].state.values()
    assert len(state["old_dirs"]) == len(state["old_stps"]) == 20


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
    arrays = any(isinstance(value, np.ndarray) for value in changes.values())
    name = "load_image" if arrays else "style_transfer"
    with pytest.raises(ValueError, match=rf"^{name}: .*{message}"):
        style_transfer(**{**SETTINGS, "cnn": cnn, **changes})
    assert all(m.training for m in cnn.modules())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"style_layers": (1, 99)}, "style_transfer_lbfgs: there is no layer 99"),
        ({"style_layers": ()}, "style_layers is empty, expected at least one layer"),
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
    name = "minimize" if set(changes) & {"evaluations", "optimizer"} else "style_transfer_lbfgs"
    message = message.removeprefix("style_transfer_lbfgs: ")
    with pytest.raises(ValueError, match=rf"^{name}: .*{message}"):
        lbfgs(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"style_layers": ()}, "style_layers is empty"),
        ({"style_layers": (1, 9)}, "there is no layer 9, expected 0 to 8"),
        ({"image_size": 5}, "image_size is 5, expected at least 16"),
        ({"style_size": 15}, "style_size is 15, expected at least 16"),
        ({"style_image": []}, "no style picture was given"),
        ({"mix": [0.5, 0.5]}, "1 styles, but 2 shares in mix"),
        ({"mix": [0.5]}, r"mix is \[0.5\]"),
        ({"border": 20}, "border is 20, expected 0 to 19 pixels"),
        ({"border": -1}, "border is -1, expected at least 0"),
        ({"style_weight": -1}, "a weight is -1"),
        ({"tv_weight": -2}, "a weight is -2"),
        ({"cnn": tiny_cnn().to("meta")}, "cnn is on meta"),
    ],
)
def test_errors_of_synthesize_texture(changes, message):
    settings = {"image_size": 20, "style_layers": (1,), "border": 2, "cnn": tiny_cnn()}
    with pytest.raises(ValueError, match=f"^synthesize_texture: {message}"):
        synthesize_texture(**{"style_image": STYLE, **settings, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer": 40}, "there is no layer 40, expected 0 to 8"),
        ({"image_size": 15}, "image_size is 15, expected at least 16"),
        ({"tv_weight": -2}, "a weight is -2"),
        ({"cnn": tiny_cnn().to("meta")}, "cnn is on meta"),
    ],
)
def test_errors_of_reconstruct_content(changes, message):
    settings = {"layer": 3, "image_size": 20, "cnn": tiny_cnn()}
    with pytest.raises(ValueError, match=f"^reconstruct_content: {message}"):
        reconstruct_content(CONTENT, **{**settings, **changes})


def test_a_network_or_a_picture_of_the_wrong_kind():
    for name, run in {
        "style_transfer": lambda c: style_transfer(**SETTINGS, cnn=c),
        "style_transfer_lbfgs": lambda c: lbfgs(cnn=c),
        "synthesize_texture": lambda c: synthesize_texture(STYLE, 20, cnn=c),
        "reconstruct_content": lambda c: reconstruct_content(CONTENT, 3, 20, cnn=c),
        "NormalizedLoss": lambda c: NormalizedLoss(c, {0: CONTENT})(torch.zeros(1, 3, 4, 4)),
        "average_pooled": average_pooled,
    }.items():
        expected = (
            r"cnn is a Tanh, expected a torch\.nn\.Sequential such as squeezenet\(\)\.features$"
        )
        with pytest.raises(TypeError, match=f"^{name}: {expected}"):
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


@pytest.mark.parametrize(("wrong", "seen"), [(0, 0), (3, 10), (10, 10), (11, 20), (24, 24)])
def test_a_loss_that_went_wrong_is_found_within_ten_steps(wrong, seen):
    """It is looked at after 1, 11 and 21 of 25 steps, and after the last."""
    steps = []

    def loss(img):
        return {"style": img.square().sum() * (math.nan if len(steps) == wrong else 1)}

    with pytest.raises(
        FloatingPointError, match=f"^minimize: the loss is nan at step {wrong}; try"
    ):
        minimize(loss, normal(1, 3, 4, 4), 25, "adam", callback=lambda *given: steps.append(given))
    assert len(steps) == (25 if wrong == 24 else seen)


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
    with pytest.raises(ValueError, match=r"gram_matrix: .*expected \(N, C, H, W\)$"):
        gram_matrix(torch.zeros(2, 3, 3))
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
