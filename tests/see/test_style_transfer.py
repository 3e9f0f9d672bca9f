"""Style transfer: the assignment's loop done plainly, its better sister in parts, the promises."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from cs231n_lib.see import style_transfer as module
from cs231n_lib.see.images import deprocess, load_image, preprocess, save_png
from cs231n_lib.see.network import extract_features
from cs231n_lib.see.pretrained import squeezenet, vgg19
from cs231n_lib.see.style_colours import grey, match_colours, replace_luminance
from cs231n_lib.see.style_losses import NormalizedLoss, content_loss, gram_matrix
from cs231n_lib.see.style_transfer import (
    BORDER,
    STYLE_LAYERS,
    VGG19_STYLE_LAYERS,
    Recipe,
    Transfer,
    average_pooled,
    minimize,
    reconstruct_content,
    style_transfer,
    style_transfer_lbfgs,
    synthesize_texture,
    transfer_loss,
)
from cs231n_lib.see.torchvision_import import import_torchvision
from tests.see.test_network import Looks
from tests.see.test_style_losses import normal, tiny_cnn


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
    """One style and the content once, to their own depths, and the evaluations."""
    cnn, calls = counted_cnn()
    loss, start = transfer_loss(
        CONTENT, [STYLE], Recipe(5, style_layers=(0, 1), average_pooling=False), cnn
    )
    assert calls == [2, 2, 1, 1, 1, 1, 0, 0, 0]
    minimize(loss, start, 3, "adam")
    assert calls[-4:] == [calls[0] - 1, 0, 0, 0]
    cnn, calls = counted_cnn()
    transfer_loss(CONTENT, [STYLE], Recipe(1, style_layers=(4,), average_pooling=False), cnn)
    assert calls == [2, 2, 1, 1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    "run",
    [
        lambda **k: style_transfer(**SETTINGS, num_iterations=1, **k),
        lambda **k: style_transfer_lbfgs(CONTENT, STYLE, 20, RECIPE, evaluations=1, **k),
        lambda **k: synthesize_texture(STYLE, 20, RECIPE, evaluations=1, **k),
        lambda **k: reconstruct_content(CONTENT, 3, 20, evaluations=1, **k),
    ],
)
def test_the_network_is_squeezenet_by_default(run, monkeypatch):
    class Tiny:
        features = tiny_cnn()

    monkeypatch.setattr(module, "squeezenet", Tiny)
    assert_same_histories(run(), run(cnn=tiny_cnn()))


def test_pictures_come_as_names_files_and_arrays(tmp_path):
    path = tmp_path / "mine.png"
    save_png(path, CONTENT)
    results = [lbfgs(content_image=content, evaluations=3) for content in (CONTENT, path)]
    assert np.array_equal(results[0].image, results[1].image)
    assert lbfgs(content_image="coffee", evaluations=1).image.shape == (20, 30, 3)


# The version with normalised losses.

RECIPE = Recipe(3, style_layers=np.array([1, 4, 5]), style_size=24)


def lbfgs(**changes):
    arguments = {
        "content_image": CONTENT, "style_image": STYLE, "image_size": 20, "recipe": RECIPE,
        "evaluations": 30, **changes,
    }  # fmt: skip
    return style_transfer_lbfgs(**{"cnn": tiny_cnn(), **arguments})


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
    recipe = Recipe(5, 0.4, (1, 3), 70.0, 3.0, 24, [0.3, 0.7], average_pooling)
    loss, start = by_hand(
        tiny_cnn(), CONTENT20, [STYLE24, OTHER], [0.3, 0.7], [5], (1, 3), (0.4, 70.0, 3.0), 8,
        average_pooling,
    )  # fmt: skip
    img, history = minimize(loss, start, 4)
    result = lbfgs(style_image=[STYLE, OTHER], recipe=recipe, evaluations=4)
    assert_same_histories(result, Transfer(result.image, history))
    assert np.abs(result.image - deprocess(img)[0, 8:-8, 8:-8].astype(int)).max() <= 1
    assert history["content"][0] < 1e-20 < history["content"][1]
    ours, same_start = transfer_loss(CONTENT20, [STYLE24, OTHER], recipe, tiny_cnn())
    torch.testing.assert_close(same_start, start)
    torch.testing.assert_close(ours.style, loss.style)
    torch.testing.assert_close(ours.content, loss.content)


@pytest.mark.parametrize("average_pooling", [True, False])
def test_textures_and_reconstructions_in_their_parts(average_pooling):
    grey = np.full((20, 20, 3), 128, np.uint8)
    loss, like = by_hand(
        tiny_cnn(), grey, [STYLE24, OTHER], [0.3, 0.7], [], (1, 3), (0.0, 70.0, 3.0), BORDER,
        average_pooling,
    )  # fmt: skip
    noise = 0.1 * normal(*like.shape, seed=6, dtype=torch.float32).double()
    recipe = Recipe(5, 0.4, (1, 3), 70.0, 3.0, 24, [0.3, 0.7], average_pooling)
    texture = synthesize_texture([STYLE, OTHER], 20, recipe, cnn=tiny_cnn(), evaluations=3, seed=6)
    img, history = minimize(loss, noise, 3)
    assert_same_histories(texture, Transfer(grey, history))
    assert np.abs(texture.image - deprocess(img)[0, 8:-8, 8:-8].astype(int)).max() <= 1

    loss, like = by_hand(
        tiny_cnn(), CONTENT20, [], [], [4], (), (1.0, 0.0, 0.8), 0, average_pooling
    )
    noise = 0.1 * normal(*like.shape, seed=6, dtype=torch.float32).double()
    result = reconstruct_content(
        CONTENT, 4, 20, 0.8, cnn=tiny_cnn(), evaluations=3, seed=6, average_pooling=average_pooling
    )
    img, history = minimize(loss, noise, 3)
    assert_same_histories(result, Transfer(CONTENT20, history))
    assert np.abs(result.image - deprocess(img)[0].astype(int)).max() <= 1


def test_a_texture_has_a_smaller_weight_for_smoothness():
    texture = [
        synthesize_texture("coffee", 16, *recipe, evaluations=1).history["tv"][0]
        for recipe in ((), (Recipe(),), (Recipe(tv_weight=1.0),))
    ]
    assert 2 * texture[0] == texture[1] and texture[0] == texture[2]


def test_the_first_picture_of_the_assignments_loop_is_the_content_or_noise():
    def first(**settings):
        seen = []
        style_transfer(
            **SETTINGS, cnn=tiny_cnn(), num_iterations=1, **settings,
            callback=lambda step, img, losses: seen.append((step, img.clone())),
        )  # fmt: skip
        assert seen[0][0] == 0 and not seen[0][1].requires_grad
        return seen[0][1]

    content = preprocess(CONTENT20, None).double()
    torch.testing.assert_close(first(), content.clamp(-1.5, 1.5), rtol=0, atol=1e-6)
    noise = torch.rand(content.shape, generator=torch.Generator().manual_seed(6)).double()
    torch.testing.assert_close(first(init_random=True, seed=6), noise, rtol=0, atol=1e-6)


def test_styles_are_as_large_as_the_content_unless_told():
    histories = [
        lbfgs(evaluations=1, recipe=Recipe(3, style_layers=(1, 4), style_size=size))
        for size in (None, 20, 24)
    ]
    assert_same_histories(*histories[:2])
    assert histories[0].history["style"] != histories[2].history["style"]


def test_ways_to_keep_colours_in_their_parts():
    matched = lbfgs(keep_colours="matched", evaluations=3)
    style = match_colours(STYLE24, CONTENT20)
    assert_same_histories(matched, lbfgs(style_image=style, evaluations=3))
    content, style = grey(CONTENT20), grey(STYLE24)
    plain = lbfgs(content_image=content, style_image=match_colours(style, content), evaluations=3)
    kept = lbfgs(keep_colours="luminance", evaluations=3)
    assert_same_histories(kept, plain)
    again = replace_luminance(CONTENT20, plain.image)
    assert np.abs(kept.image.astype(int) - again).max() <= 1


@pytest.mark.parametrize(
    ("network", "content", "style"),
    [(lambda: squeezenet().features, 6, STYLE_LAYERS), (vgg19, 22, VGG19_STYLE_LAYERS)],
)
def test_the_layers_are_those_of_the_network(network, content, style):
    cnn = network()
    for chain in (cnn, average_pooled(cnn), cnn[: max(content, *style) + 1]):
        loss, _ = transfer_loss(CONTENT, [STYLE], Recipe(), chain)
        assert list(loss.content) == [content]
        assert tuple(loss.style) == style
    assert tuple(transfer_loss(CONTENT, [STYLE], Recipe(5, style_layers=[2]), cnn)[0].style) == (2,)


@pytest.mark.parametrize("kind", ["D", "B"])
def test_no_other_network_gets_the_layers_of_one_that_is_known(kind):
    vgg = import_torchvision().vgg
    for cnn in (
        vgg.make_layers(vgg.cfgs[kind]),
        nn.Sequential(nn.Identity(), *vgg19()),
        tiny_cnn(),
    ):
        with pytest.raises(ValueError, match=r"no content_layer; give Recipe\(content_layer="):
            transfer_loss(CONTENT, [STYLE], Recipe(style_layers=[0]), cnn)
        with pytest.raises(ValueError, match=r"no style_layers; give Recipe\(style_layers="):
            synthesize_texture(STYLE, 16, Recipe(content_layer=0), cnn=cnn)


def test_from_coarse_to_fine_in_its_parts():
    loss, start = transfer_loss(
        _shorter_side(CONTENT, 16), [_shorter_side(STYLE, 19)], RECIPE, tiny_cnn().eval()
    )
    small, before = minimize(loss, start, 3)
    loss, start = transfer_loss(CONTENT20, [STYLE24], RECIPE, tiny_cnn().eval())
    inner = nn.functional.interpolate(small[:, :, 8:-8, 8:-8], (20, 27), mode="bicubic")
    img, after = minimize(loss, nn.functional.pad(inner, [8] * 4, mode="reflect"), 5)
    steps = []
    result = lbfgs(
        image_size=[16, 20], evaluations=[3, 5], callback=lambda step, *_: steps.append(step)
    )
    both = {part: before[part] + after[part] for part in before}
    assert_same_histories(result, Transfer(result.image, both))
    assert np.abs(result.image - deprocess(img)[0, 8:-8, 8:-8].astype(int)).max() <= 1
    assert steps == list(range(len(both["total"])))


def test_shares_of_the_styles_may_be_rounded_a_little():
    styles = [STYLE, OTHER, OTHER]
    lbfgs(style_image=styles, recipe=Recipe(3, style_layers=(1,), mix=[0.3333333] * 3))
    with pytest.raises(ValueError, match="expected shares with sum 1"):
        Recipe(mix=[0.33333] * 3)


def test_styles_have_equal_shares_unless_told():
    styles = {"style_image": [STYLE, OTHER], "evaluations": 1}
    equal, half, other = (
        lbfgs(**styles, recipe=Recipe(3, style_layers=(1,), mix=mix))
        for mix in (None, [0.5, 0.5], [1, 0])
    )
    assert_same_histories(equal, half)
    assert equal.history["style"] != other.history["style"]


def test_a_scaled_network_gives_the_same_normalized_losses():
    """Homogeneous layers: activations k times as large, and not a thing changes."""
    histories = []
    for scale in (1, 50):
        cnn = nn.Sequential(
            nn.Conv2d(3, 5, 3, bias=False), nn.ReLU(), nn.Conv2d(5, 4, 3, bias=False)
        ).double()
        for layer, seed in ((0, 1), (2, 2)):
            cnn[layer].weight.data = normal(*cnn[layer].weight.shape, seed=seed)
        cnn[0].weight.data *= scale
        recipe = Recipe(2, style_layers=(1, 2))
        histories.append(lbfgs(cnn=cnn, evaluations=5, recipe=recipe).history["total"])
    np.testing.assert_allclose(*histories, rtol=1e-6)


def test_the_loss_falls_and_is_the_sum_of_its_parts():
    history = lbfgs().history
    assert history["total"][-1] < 0.7 * history["total"][0]
    for parts in zip(history["content"], history["style"], history["tv"], history["total"]):
        assert sum(parts[:3]) == pytest.approx(parts[3])


def test_evaluations_are_counted():
    def loss(img):
        return {"style": (img**4).sum()}

    start = normal(1, 3, 4, 4)
    assert len(minimize(loss, start, 7, "adam")[1]["total"]) == 7
    assert 7 <= len(minimize(loss, start, 7)[1]["total"]) <= 7 + 25


def test_repeats_and_needs_no_global_generator():
    cnn = tiny_cnn()
    state = torch.random.get_rng_state()
    first, again, other = (
        synthesize_texture(STYLE, 20, RECIPE, seed=s, evaluations=5, cnn=cnn).image
        for s in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert torch.equal(state, torch.random.get_rng_state())


def test_works_where_the_caller_wants_no_gradients():
    expected = lbfgs(evaluations=5)
    with torch.no_grad():
        assert_same_histories(lbfgs(evaluations=5), expected)
        assert style_transfer(**SETTINGS, cnn=tiny_cnn(), num_iterations=3).history["total"][-1] > 0


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
    history = lbfgs(evaluations=3, callback=callback).history
    assert len(seen) == len(history["total"]) and seen[0][1].shape == (1, 3, 36, 43)

    seen.clear()
    settings = {"cnn": tiny_cnn(), "num_iterations": 3, "callback": callback}
    history = style_transfer(**SETTINGS, **settings).history
    assert len(seen) == 3
    for step, img, losses in seen:
        assert img.shape == (1, 3, 20, 27)
        assert losses == {part: values[step] for part, values in history.items()}
        assert losses["tv"] == pytest.approx(plain_tv_loss(img, SETTINGS["tv_weight"]).item())


def test_keeping_colours():
    kept = lbfgs(keep_colours="luminance", evaluations=10).image
    chroma = [np.diff(image.astype(int), axis=2) for image in (kept, CONTENT20)]
    assert np.abs(chroma[0] - chroma[1]).mean() < 12


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
    texture = synthesize_texture(STYLE, 20, RECIPE, evaluations=40, cnn=tiny_cnn())
    assert texture.image.shape == (20, 20, 3)
    assert texture.history["style"][-1] < 0.1 * texture.history["style"][0]
    assert set(texture.history["content"]) == {0.0}


def test_reconstruction_from_the_first_layer_is_the_picture():
    result = reconstruct_content(CONTENT, 0, 24, tv_weight=0.0, evaluations=150, cnn=tiny_cnn())
    assert result.history["style"][-1] == 0
    assert result.history["content"][-1] < 1e-3
    assert np.abs(result.image.astype(int) - CONTENT).mean() < 10


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
    assert counts[1] == counts[0]


def test_a_loss_that_explodes_is_told():
    cnn = tiny_cnn(torch.float32)
    cnn[0].weight.data *= 1e30
    with pytest.raises(
        FloatingPointError, match=r"style_transfer: the loss is (nan|inf) at step 0"
    ):
        style_transfer(**SETTINGS, cnn=cnn)
    assert all(m.training for m in cnn.modules())


def test_a_picture_that_explodes_is_told():
    class Root(nn.Module):
        def forward(self, x):
            return (0 * x).sqrt()  # whose slope at 0 is infinite

    settings = {"content_layer": 0, "style_layers": (), "style_weights": (), "num_iterations": 1}
    with pytest.raises(FloatingPointError, match="a pixel became NaN"):
        style_transfer(**SETTINGS | settings, cnn=nn.Sequential(Root()))
