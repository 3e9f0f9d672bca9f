"""Saliency: equal to captum, to differences and to plain loops; what it promises; its errors."""

from __future__ import annotations

import functools
import re

import numpy as np
import pytest
import scipy.stats
import torch
from torch import nn

from cs231n_lib.figures.saliency import (
    overlay,
    plot_deletion,
    plot_path,
    plot_randomisation,
    visible,
)
from cs231n_lib.see.images import preprocess
from cs231n_lib.see.network import PICTURES_AT_ONCE
from cs231n_lib.see.pixels import normalize
from cs231n_lib.see.pretrained import class_index, squeezenet
from cs231n_lib.see.saliency import (
    _chunks,
    _open_classes,
    completeness_gap,
    compute_saliency_maps,
    delete_cells,
    deletion_curve,
    grad_cam,
    insertion_curve,
    integrated_gradients,
    layers_with_weights,
    randomisation_check,
    randomise_layer,
    rank_correlation,
    score_gradients,
    share_inside,
    smooth_grad,
)
from cs231n_lib.see.torchvision_import import import_torchvision

import_torchvision()
from captum.attr import IntegratedGradients, LayerGradCam, NoiseTunnel, Saliency  # noqa: E402

TIGHT = {"rtol": 1e-9, "atol": 1e-12}
METHODS = {
    "gradients": score_gradients,
    "saliency": compute_saliency_maps,
    "smooth": functools.partial(smooth_grad, samples=3),
    "squared": functools.partial(smooth_grad, samples=3, squared=True),
    "integrated": functools.partial(integrated_gradients, steps=3),
    "cam": functools.partial(grad_cam, layer="4"),
    "randomisation": lambda X, y, model: randomisation_check(X, y, model, compute_saliency_maps)[
        "0"
    ],
    "deletion": lambda X, y, model: deletion_curve(X, y, model, X[:, 0], 3, cell=2)[1],
    "insertion": lambda X, y, model: insertion_curve(X, y, model, X[:, 0], 3, cell=2)[1],
    "gap": lambda X, y, model: completeness_gap(X, X, y, model),
}
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def small_network(dtype=torch.float64):
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2), nn.BatchNorm2d(6), nn.Tanh(), nn.MaxPool2d(2, 1),
        nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(), nn.Dropout(0.5),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5),
    )  # fmt: skip
    with torch.no_grad():
        network[1].running_mean.uniform_(-0.2, 0.2)
        network[1].running_var.uniform_(0.5, 2)
    return network.to(dtype).eval()


@pytest.fixture(name="model")
def network():
    return small_network()


@pytest.fixture(name="X")
def pictures():
    return torch.randn(3, 3, 11, 14, generator=torch.Generator().manual_seed(1)).double()


@pytest.fixture(name="y")
def classes():
    return torch.tensor([4, 0, 2])


@pytest.fixture(scope="module")
def photographs():
    X = preprocess(["chelsea", "coffee"], size=112)
    return squeezenet(), X, torch.tensor([class_index("Egyptian cat"), class_index("espresso")])


def close(ours, theirs, **tolerance):
    torch.testing.assert_close(ours, theirs, **(tolerance or TIGHT))


# The gradient


def test_gradients_equal_differences(model, X, y):
    gradients = score_gradients(X, y, model)
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for _ in range(30):
            n, c, i, j = (rng.integers(size) for size in X.shape)
            ends = []
            for step in (1e-6, -1e-6):
                moved = X.clone()
                moved[n, c, i, j] += step
                ends.append(model(moved)[n, y[n]])
            difference = (ends[0] - ends[1]).item() / 2e-6
            assert gradients[n, c, i, j].item() == pytest.approx(difference, abs=1e-7)


def plain_saliency(X, y, model):
    """As the assignment's notebook would have it, for one picture after another."""
    maps = []
    for x, target in zip(X, y):
        x = x[None].clone().requires_grad_()
        model(x)[0, target].backward()
        maps.append(x.grad.abs().max(dim=1).values[0])
    return torch.stack(maps)


def test_saliency_equals_the_plain_loop(model, X, y):
    close(compute_saliency_maps(X, y, model), plain_saliency(X, y, model))


@pytest.mark.parametrize("batch", [1, 2, 64])
def test_the_size_of_the_batches_changes_nothing(model, X, y, batch, monkeypatch):
    expected = score_gradients(X, y, model)
    monkeypatch.setitem(PICTURES_AT_ONCE, "cpu", batch)
    close(score_gradients(X, y, model), expected)


@pytest.mark.parametrize("method", ["small", "photographs"])
def test_saliency_equals_captum(method, model, X, y, photographs):
    model, X, y = (model, X, y) if method == "small" else photographs
    theirs = Saliency(model).attribute(X.clone().requires_grad_(), target=y).amax(dim=1).detach()
    ours = compute_saliency_maps(X, y, model)
    assert ours.shape == (len(X), *X.shape[2:]) and ours.min() >= 0 and ours.max() > 0
    close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_any_callable_will_do(X, y):
    direction = torch.randn(3, 11, 14, 5, dtype=X.dtype)
    gradients = score_gradients(X, y, lambda X: torch.einsum("nchw,chwk->nk", X, direction))
    close(gradients, direction.movedim(-1, 0)[y])


# SmoothGrad


def noise_for(X, samples, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(X.shape[1:], generator=generator).to(X) for _ in range(samples)]


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("samples", [1, 7, 40])
@pytest.mark.parametrize("batch", [1, 4, 64])
def test_smooth_grad_equals_the_plain_loop(model, X, y, samples, squared, batch, monkeypatch):
    monkeypatch.setitem(PICTURES_AT_ONCE, "cpu", batch)
    maps = []
    for x, target in zip(X, y):
        mean = torch.zeros_like(x)
        for noise in noise_for(X, samples, seed=5):
            noisy = (x + 0.2 * (x.max() - x.min()) * noise)[None].requires_grad_()
            model(noisy)[0, target].backward()
            mean += (noisy.grad[0] ** 2 if squared else noisy.grad[0]) / samples
        maps.append(mean.abs().max(dim=0).values)
    ours = smooth_grad(X, y, model, samples=samples, sigma=0.2, seed=5, squared=squared)
    close(ours, torch.stack(maps))


@pytest.mark.parametrize(("squared", "kind"), [(False, "smoothgrad"), (True, "smoothgrad_sq")])
def test_smooth_grad_equals_captum_over_the_same_noise(photographs, squared, kind, monkeypatch):
    model, X, y = photographs
    X, y = X[:1], y[:1]
    noise = torch.stack(noise_for(X, 4))
    reach = 0.1 * (X.max() - X.min())
    monkeypatch.setattr(torch, "normal", lambda mean, std: noise.view_as(std) * std)
    theirs = NoiseTunnel(Saliency(model)).attribute(
        X.clone(), nt_type=kind, nt_samples=4, stdevs=reach.item(), abs=False, target=y
    )
    ours = smooth_grad(X, y, model, samples=4, sigma=0.1, squared=squared)
    close(ours, theirs.abs().amax(dim=1).detach(), rtol=1e-4, atol=1e-5)


def test_smooth_grad_without_noise_is_the_gradient(model, X, y):
    maps = compute_saliency_maps(X, y, model)
    close(smooth_grad(X, y, model, samples=3, sigma=0), maps)
    close(smooth_grad(X, y, model, samples=3, sigma=0, squared=True), maps**2)


def test_the_noise_depends_on_the_seed_alone(model, X, y):
    torch.manual_seed(7)
    before = torch.get_rng_state()
    maps = smooth_grad(X, y, model)
    assert torch.equal(torch.get_rng_state(), before)
    close(smooth_grad(X, y, model), maps)
    close(smooth_grad(X[1:2], y[1:2], model), maps[1:2])  # whatever the company
    close(
        smooth_grad(X.float(), y, small_network(torch.float32)), maps.float(), rtol=1e-3, atol=1e-5
    )
    assert not torch.allclose(smooth_grad(X, y, model, seed=1), maps)


def test_the_noise_is_measured_by_the_range_of_each_picture(X, y):
    seen = []

    def model(noisy):
        seen.append(noisy.detach())
        return noisy.flatten(1)[:, :5]

    X[1] *= 3
    smooth_grad(X, y, model, samples=200, sigma=0.1)
    spread = (torch.cat([part.view(-1, *X.shape) for part in seen]) - X).std(dim=(0, 2, 3, 4))
    reach = torch.stack([x.max() - x.min() for x in X])
    close(spread / reach, torch.full((3,), 0.1, dtype=X.dtype), rtol=0.03, atol=0)


# Integrated Gradients


@pytest.mark.parametrize("steps", [1, 5, 33])
@pytest.mark.parametrize("batch", [1, 4, 64])
def test_integrated_gradients_equal_the_plain_loop(model, X, y, steps, batch, monkeypatch):
    monkeypatch.setitem(PICTURES_AT_ONCE, "cpu", batch)
    expected = []
    for x, target in zip(X, y):
        start = normalize(torch.zeros_like(x))
        mean = torch.zeros_like(x)
        for k in range(steps):
            point = (start + (k + 0.5) / steps * (x - start))[None].requires_grad_()
            model(point)[0, target].backward()
            mean += point.grad[0] / steps
        expected.append((x - start) * mean)
    close(integrated_gradients(X, y, model, steps=steps), torch.stack(expected))


def test_integrated_gradients_equal_captum(photographs):
    model, X, y = photographs
    X, y, baseline = X[:1], y[:1], torch.full_like(X[:1], 0.3)
    theirs = IntegratedGradients(model).attribute(
        X, baseline, target=y, n_steps=10, method="riemann_middle"
    )
    ours = integrated_gradients(X, y, model, baseline, steps=10)
    close(ours, theirs.float(), rtol=1e-5, atol=1e-5)


def test_a_linear_score_is_shared_out_exactly(X, y):
    direction = torch.randn(3, 11, 14, 5, dtype=X.dtype)

    def linear(X):
        return torch.einsum("nchw,chwk->nk", X, direction)

    baseline = torch.randn_like(X)
    attributions = integrated_gradients(X, y, linear, baseline, steps=1)
    close(attributions, (X - baseline) * direction.movedim(-1, 0)[y])
    close(completeness_gap(attributions, X, y, linear, baseline), torch.zeros(3).double())


def test_the_gap_obeys_its_bound_and_shrinks(X, y):
    """A network of ReLUs, whose slope jumps: the gap is at most V / (2 steps)."""
    torch.manual_seed(3)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(462, 60), nn.ReLU(), nn.Linear(60, 60), nn.ReLU(), nn.Linear(60, 5)
    ).double()
    start = normalize(torch.zeros_like(X))
    alpha = torch.linspace(0, 1, 20001, dtype=X.dtype)[:, None, None, None]
    variation = []
    with torch.no_grad():
        for n in range(3):
            scores = model(start[n] + alpha * (X[n] - start[n]))[:, y[n]]
            variation.append(((scores.diff() * 20000).diff().abs()).sum())
    variation = torch.stack(variation)
    gaps = {
        steps: completeness_gap(integrated_gradients(X, y, model, steps=steps), X, y, model).abs()
        for steps in (2, 4, 8, 16, 64, 256, 1024)
    }
    for steps, gap in gaps.items():
        assert (gap <= variation / (2 * steps) * 1.001 + 1e-12).all()
    assert (gaps[2] > 1e-6).all()  # there is something to bound
    assert gaps[1024].max() < 0.02 * gaps[4].max()


def test_the_gap_of_a_smooth_network_shrinks_with_the_square_of_the_steps(X, y):
    torch.manual_seed(3)
    model = nn.Sequential(nn.Flatten(), nn.Linear(462, 20), nn.Tanh(), nn.Linear(20, 5)).double()

    def gap(n):
        return completeness_gap(integrated_gradients(X, y, model, steps=n), X, y, model).abs()

    close(gap(100) / gap(200), torch.full((3,), 4.0).double(), rtol=0.05, atol=0)


def test_a_pixel_that_equals_the_baseline_gets_nothing(model, X, y):
    baseline = torch.randn_like(X)
    baseline[:, :, 3:5, 6:8] = X[:, :, 3:5, 6:8]
    attributions = integrated_gradients(X, y, model, baseline, steps=4)
    assert (attributions[:, :, 3:5, 6:8] == 0).all()
    assert (attributions != 0).any()


def test_one_baseline_serves_all_pictures(model, X, y):
    baseline = torch.randn_like(X[:1])
    each = integrated_gradients(X, y, model, baseline.repeat(3, 1, 1, 1), steps=4)
    close(integrated_gradients(X, y, model, baseline, steps=4), each)


# Grad-CAM


@pytest.mark.parametrize("layer", ["0", "3", "4", "5"])
def test_grad_cam_equals_captum(model, X, y, layer):
    theirs = LayerGradCam(model, model[int(layer)]).attribute(X, target=y, relu_attributions=True)
    close(grad_cam(X, y, model, layer, upsample=False), theirs.squeeze(1).detach())


@pytest.mark.parametrize("layer", ["features.6", "features.12", "features.12.squeeze"])
def test_grad_cam_of_photographs_equals_captum(photographs, layer):
    model, X, y = photographs
    module = model.get_submodule(layer)
    theirs = LayerGradCam(model, module).attribute(X, target=y, relu_attributions=True)
    ours = grad_cam(X, y, model, layer, upsample=False)
    assert ours.max() > 0
    close(ours, theirs.squeeze(1).detach(), rtol=1e-5, atol=1e-6)
    large = nn.functional.interpolate(theirs, (112, 112), mode="bilinear").squeeze(1)
    close(grad_cam(X, y, model, layer), large.detach(), rtol=1e-5, atol=1e-6)


def test_grad_cam_of_squeezenets_last_layer_in_closed_form(photographs):
    """S = mean of relu(z): the map is the open part of the cells over hw, times relu(z - b)."""
    model, X, y = photographs
    convolution = model.classifier[1]
    z = convolution(model.features(X))[range(2), y]
    open_cells = (z > 0).float().mean(dim=(1, 2), keepdim=True)
    bias = convolution.bias[y][:, None, None]
    expected = open_cells / z[0].numel() * (z - bias).relu()
    close(grad_cam(X, y, model, "features.12", upsample=False), expected, rtol=1e-4, atol=1e-6)


def test_nothing_in_front_of_the_layer_is_differentiated(model, X, y):
    def fail(*_):
        raise AssertionError("differentiated")

    class Blocked(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, dy):
            fail()

    hook = model[0].register_forward_hook(lambda m, i, output: Blocked.apply(output))
    grad_cam(X, y, model, "4")
    hook.remove()


# What all promise


@every_method
def test_nothing_is_left_changed(method, model, X, y):
    model.train()
    model[1].eval()
    model[0].weight.requires_grad_(False)
    model[4].weight.grad = torch.ones_like(model[4].weight)
    training = [module.training for module in model.modules()]
    wanted = [weight.requires_grad for weight in model.parameters()]
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    given = X.clone(), y.clone()
    X.requires_grad_()
    X.grad = torch.full_like(X, 2.0)
    result = method(X, y, model)
    assert not result.requires_grad
    assert torch.equal(X, given[0]) and torch.equal(y, given[1])
    assert X.requires_grad and (X.grad == 2).all()
    assert [module.training for module in model.modules()] == training
    assert [weight.requires_grad for weight in model.parameters()] == wanted
    assert (model[4].weight.grad == 1).all() and model[9].weight.grad is None
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


@every_method
def test_it_works_inside_no_grad_and_in_training_mode(method, model, X, y):
    expected = method(X, y, model)
    model.train()
    with torch.no_grad():
        close(method(X, y, model), expected)
    assert torch.is_grad_enabled()


@every_method
def test_dtype_and_memory_layout_do_not_matter(method, model, X, y):
    expected = method(X, y, model)
    close(method(X.to(memory_format=torch.channels_last), y, model), expected)
    if method is not METHODS["randomisation"]:
        result = method(X.float(), y, small_network(torch.float32))
        assert result.dtype == torch.float32
        close(result, expected.float(), rtol=1e-3, atol=1e-4)


@every_method
def test_a_failing_model_is_left_as_it_was(method, model, X, y):
    model.train()
    hook = model[9].register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        method(X, y, model)
    hook.remove()
    assert all(module.training for module in model.modules())
    assert all(weight.requires_grad for weight in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


BAD = {
    "a class out of range": (lambda X, y: (X, y + 1), ValueError, "class 5, expected 0 to 4"),
    "a negative class": (lambda X, y: (X, y - 1), ValueError, "class -1"),
    "classes of floats": (lambda X, y: (X, y.double()), TypeError, "torch.float64"),
    "a class too few": (lambda X, y: (X, y[:2]), ValueError, r"shape (2,), expected (3,)"),
    "a single picture": (lambda X, y: (X[0], y), ValueError, "shape (3, 11, 14)"),
    "channels last": (lambda X, y: (X.movedim(1, -1), y), ValueError, "3 colours"),
    "bytes": (lambda X, y: (X.byte(), y), TypeError, "torch.uint8"),
    "another dtype": (lambda X, y: (X.float(), y), TypeError, "torch.float32"),
    "an array": (lambda X, y: (X.numpy(), y), TypeError, "ndarray"),
    "pixels to 255": (lambda X, y: (100 * X, y), ValueError, "expected normalised"),
    "NaN": (lambda X, y: (X * float("nan"), y), ValueError, "NaN"),
    "no pictures": (lambda X, y: (X[:0], y[:0]), ValueError, "no size to be zero"),
    "another device": (lambda X, y: (X.to("meta"), y), ValueError, "meta"),
    "classes elsewhere": (lambda X, y: (X, y.to("meta")), ValueError, "meta"),
}


@every_method
@pytest.mark.parametrize(("spoil", "error", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_named(method, model, X, y, spoil, error, message):
    bad_X, bad_y = spoil(X, y)
    if method in (METHODS["deletion"], METHODS["insertion"]) and getattr(bad_X, "ndim", 0) != 4:
        bad_X = bad_X[None] if isinstance(bad_X, np.ndarray) else bad_X
    before = X.clone()
    with pytest.raises(error, match=re.escape(message)):
        method(bad_X, bad_y, model)
    assert torch.equal(X, before)
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize(
    "spoil",
    [lambda s: s.detach(), lambda s: torch.zeros_like(s, requires_grad=True) + 1],
    ids=["detached", "unrelated"],
)
def test_scores_that_do_not_depend_on_the_picture_are_refused(model, X, y, spoil):
    with pytest.raises(ValueError, match="no gradient leads"):
        compute_saliency_maps(X, y, lambda X: spoil(model(X)))


def test_scores_of_another_shape_or_nan_are_refused(model, X, y):
    with pytest.raises(ValueError, match=r"expected \(3, C\)"):
        compute_saliency_maps(X, y, lambda X: model(X)[:2])
    with pytest.raises(ValueError, match="NaN"):
        compute_saliency_maps(X, y, lambda X: model(X) * float("nan"))


@pytest.mark.parametrize("count", [0, -3, 2.5, True])
def test_counts_are_whole_numbers_from_one(model, X, y, count):
    for call in (
        lambda: smooth_grad(X, y, model, samples=count),
        lambda: integrated_gradients(X, y, model, steps=count),
        lambda: deletion_curve(X, y, model, X[:, 0], steps=count),
        lambda: deletion_curve(X, y, model, X[:, 0], cell=count),
    ):
        with pytest.raises((TypeError, ValueError), match=re.escape(f"{count!r}, expected ")):
            call()


@pytest.mark.parametrize("sigma", [-0.1, float("nan"), float("inf")])
def test_sigma_is_a_size(model, X, y, sigma):
    with pytest.raises(ValueError, match="sigma"):
        smooth_grad(X, y, model, sigma=sigma)


def test_a_baseline_must_fit(model, X, y):
    for bad, error in (
        (X[:2], ValueError), (X[:, :, :5], ValueError), (X.float(), ValueError), (0.0, TypeError),
        (X.to("meta"), ValueError), (X * float("nan"), ValueError),
    ):  # fmt: skip
        for function in (
            lambda b: integrated_gradients(X, y, model, b),
            lambda b: completeness_gap(X, X, y, model, b),
            lambda b: deletion_curve(X, y, model, X[:, 0], replacement=b),
            lambda b: insertion_curve(X, y, model, X[:, 0], replacement=b),
        ):
            with pytest.raises(error, match=r"(baseline|replacement)"):
                function(bad)
    with pytest.raises(ValueError, match="attributions have shape"):
        completeness_gap(X[:, 0], X, y, model)


def test_grad_cam_wants_a_layer_that_gives_maps_once(model, X, y):
    with pytest.raises(ValueError, match=r"no layer 'features\.12'"):
        grad_cam(X, y, model, "features.12")
    with pytest.raises(TypeError, match=r"expected a torch\.nn\.Module"):
        grad_cam(X, y, lambda X: model(X), "0")
    with pytest.raises(ValueError, match=re.escape("shape (3, 5), expected maps")):
        grad_cam(X, y, model, "9")
    twice = nn.Sequential(model[0], model[2], model[2], nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ValueError, match="2 times"):
        grad_cam(X, y, twice, "1")
    idle = nn.Sequential(*model)
    idle.spare = nn.Conv2d(3, 3, 1).double()
    idle.forward = model.forward
    with pytest.raises(ValueError, match="0 times"):
        grad_cam(X, y, idle, "spare")
    assert not any(module._forward_hooks for module in (*model.modules(), *idle.modules()))


# Sanity checks


def test_randomising_changes_a_layer_and_no_other(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    randomise_layer(model, "4", seed=3)
    after = model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"4.weight", "4.bias"}
    ratio = after["4.weight"].square().mean() / before["4.weight"].square().mean()
    assert ratio.item() == pytest.approx(1, rel=0.3)
    again = small_network()
    randomise_layer(again, "4", seed=3)
    assert torch.equal(again[4].weight, model[4].weight)


def test_randomising_forgets(model):
    big = nn.Sequential(nn.Linear(100, 100))
    old = big[0].weight.detach().clone()
    randomise_layer(big, "0")
    new = big[0].weight.detach()
    assert abs(np.corrcoef(old.flatten(), new.flatten())[0, 1]) < 0.05
    assert new.std().item() == pytest.approx(old.square().mean().sqrt().item(), rel=0.03)


def test_a_layer_without_weights_cannot_forget(model):
    with pytest.raises(ValueError, match="no weights"):
        randomise_layer(model, "2")
    with pytest.raises(ValueError, match="no layer"):
        randomise_layer(model, "7.1")


def test_layers_with_weights(model):
    assert layers_with_weights(model) == ["0", "1", "4", "9"]
    assert len(layers_with_weights(squeezenet())) == 26


def test_the_cascade_goes_from_the_top_down(model, X, y):
    maps = randomisation_check(X, y, model, compute_saliency_maps, seed=2)
    assert list(maps) == ["trained", "9", "4", "1", "0"]
    close(maps["trained"], compute_saliency_maps(X, y, model))
    forgetful = small_network()
    for k, layer in enumerate(["9", "4", "1", "0"]):
        randomise_layer(forgetful, layer, 2 + k)
        close(maps[layer], compute_saliency_maps(X, y, forgetful))


def test_a_class_that_a_relu_closed_is_passed_over(X, y):
    model = nn.Sequential(*small_network(), nn.ReLU())
    asked = []

    def method(X, y, model):
        asked.append((y, model(X).detach()))
        return compute_saliency_maps(X, y, model)

    for seed in range(5):
        randomisation_check(X, y, model, method, seed=seed)
    passed_over = 0
    for given, scores in asked:
        for n in range(3):
            if scores[n, y[n]] != 0:
                assert given[n] == y[n]
            elif (scores[n] != 0).any() and len(scores) == 3:
                following = [(y[n].item() + k) % 5 for k in range(5)]
                first = next(c for c in following if scores[n, c] != 0)
                passed_over += given[n] == first
    assert passed_over > 0


def test_blocks_can_forget_together(model, X, y):
    block = nn.Sequential(nn.Sequential(*model[:6]), nn.Sequential(*model[6:]))
    maps = randomisation_check(X, y, block, compute_saliency_maps, layers=["0", "1"])
    assert list(maps) == ["trained", "1", "0"]
    with pytest.raises(ValueError, match="no layer '2'"):
        randomisation_check(X, y, block, compute_saliency_maps, layers=["0", "2"])


def test_rank_correlation_equals_a_calculation_by_ranks():
    a, b = torch.rand(2, 4, 5, 6, dtype=torch.float64)
    b[2] = a[2] ** 3
    b[3] = -a[3]
    expected = [
        np.corrcoef(scipy.stats.rankdata(p), scipy.stats.rankdata(q))[0, 1] for p, q in zip(a, b)
    ]
    np.testing.assert_allclose(rank_correlation(a, b), expected, atol=1e-12)
    np.testing.assert_allclose(rank_correlation(a, b)[2:], [1, -1], atol=1e-12)
    assert rank_correlation(a[:1], torch.ones(1, 5, 6)).tolist() == [0]
    with pytest.raises(ValueError, match="shapes"):
        rank_correlation(a, b[:2])


def plain_deletion(x, target, model, salience, steps, replacement, cell):
    """Cell after cell, in a loop over one picture."""
    H, W = salience.shape
    cells = [(i, j) for i in range(0, H, cell) for j in range(0, W, cell)]
    mean = {c: salience[c[0] : c[0] + cell, c[1] : c[1] + cell].mean().item() for c in cells}
    cells.sort(key=lambda c: -mean[c])
    probabilities = []
    for k in range(steps + 1):
        x_now = x.clone()
        for i, j in cells[: round(k / steps * len(cells))]:
            x_now[:, i : i + cell, j : j + cell] = replacement[:, i : i + cell, j : j + cell]
        with torch.no_grad():
            probabilities.append(model(x_now[None]).softmax(dim=1)[0, target])
    return torch.stack(probabilities)


@pytest.mark.parametrize(("steps", "cell"), [(1, 3), (7, 1), (5, 4), (3, 50)])
def test_deletion_and_insertion_equal_the_plain_loop(model, X, y, steps, cell):
    maps = torch.rand(3, 11, 14, dtype=X.dtype)
    other = torch.randn_like(X)
    parts, deletion = deletion_curve(X, y, model, maps, steps, other, cell)
    _, insertion = insertion_curve(X, y, model, maps, steps, other, cell)
    np.testing.assert_allclose(parts, np.arange(steps + 1) / steps)
    for n in range(3):
        plain = functools.partial(plain_deletion, target=y[n], model=model, salience=maps[n],
                                  steps=steps, cell=cell)  # fmt: skip
        close(deletion[:, n], plain(X[n], replacement=other[n]))
        close(insertion[:, n], plain(other[n], replacement=X[n]))
    close(deletion[0], insertion[-1])
    close(deletion[-1], insertion[0])


def test_what_is_deleted_becomes_black_by_default(model, X, y):
    _, probabilities = deletion_curve(X, y, model, X[:, 0], 2, cell=3)
    black = normalize(torch.zeros_like(X))
    close(probabilities[-1], model(black).softmax(dim=1)[range(3), y].detach())


def test_maps_must_fit(model, X, y):
    with pytest.raises(ValueError, match="a map for each picture"):
        deletion_curve(X, y, model, X)
    with pytest.raises(ValueError, match="NaN"):
        deletion_curve(X, y, model, X[:, 0] * float("nan"))
    with pytest.raises(ValueError, match="maps are on meta"):
        deletion_curve(X, y, model, X[:, 0].to("meta"))


def test_share_inside():
    maps = torch.tensor([[[1.0, 2], [3, 4]], [[0, 0], [0, 0]], [[0, 5], [0, 0]]])
    right = torch.tensor([[False, True], [False, True]])
    close(share_inside(maps, right), torch.tensor([0.6, 0, 1]))
    close(share_inside(maps, right.expand(3, 2, 2)), torch.tensor([0.6, 0, 1]))
    close(share_inside(torch.full((1, 2, 2), 1e-40), right), torch.tensor([0.5]))
    with pytest.raises(TypeError, match="expected bool"):
        share_inside(maps, right.float())
    with pytest.raises(ValueError, match="shape"):
        share_inside(maps, right[0])
    with pytest.raises(ValueError, match="negative"):
        share_inside(-maps, right)


# Figures


def test_visible_maps_are_clipped_and_scaled():
    maps = torch.arange(200.0).view(1, 10, 20)
    (shown,) = visible(maps, percentile=50)
    assert shown.min() == 0 and shown.max() == 1
    assert (shown == 1).mean() == pytest.approx(0.5, abs=0.02)
    (signed,) = visible(maps - 100)
    assert signed.min() == -1 and signed.max() == pytest.approx(1, abs=0.03)
    single = torch.zeros(1, 20, 20)
    single[0, 3, 4] = 2.0
    assert visible(single)[0].max() == 1
    assert visible(torch.zeros(1, 4, 4))[0].max() == 0
    with pytest.raises(ValueError, match="expected"):
        visible(maps[0])


def test_an_overlay_is_grey_where_cold_and_coloured_where_hot():
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    heat = np.zeros((4, 6))
    heat[2, 3] = 1
    shown = overlay(image, heat)
    assert shown.shape == image.shape and shown.dtype == np.uint8
    assert (np.ptp(shown, axis=2) > 0).sum() == 1 and np.ptp(shown[2, 3]) > 50
    with pytest.raises(ValueError, match="shape"):
        overlay(image, heat[:3])


def test_figures_hold_their_curves():
    path = plot_path(np.linspace(0, 1, 5), {"a": np.arange(5.0) ** 2, "b": np.zeros(5)})
    np.testing.assert_allclose(path.axes[1].lines[0].get_ydata(), [4, 12, 20, 28])
    assert [text.get_text() for text in path.axes[0].get_legend().texts] == ["a", "b"]
    parts = np.linspace(0, 1, 3)
    curves = plot_deletion(parts, {"a": [0.9, 0.2, 0]}, {"a": [0, 0.5, 0.9]})
    np.testing.assert_allclose(
        curves.axes[0].lines[0].get_xydata(), [[0, 0.9], [50, 0.2], [100, 0]]
    )
    np.testing.assert_allclose(curves.axes[1].lines[0].get_ydata(), [0, 0.5, 0.9])
    forgetting = plot_randomisation(
        {"a": {"trained": 1, "top": 0.5}, "b": {"trained": 1, "top": 0}}
    )
    np.testing.assert_allclose(forgetting.axes[0].lines[0].get_ydata(), [1, 0.5])
    labels = [label.get_text() for label in forgetting.axes[0].get_xticklabels()]
    assert labels == ["trained", "top"]


def test_maps_with_nan_are_refused(X):
    maps = X[:, 0].abs()
    spoilt = maps.clone()
    spoilt[0, 0, 0] = torch.nan
    for pair in ((maps, spoilt), (spoilt, maps)):
        with pytest.raises(ValueError, match=r"rank_correlation: .* NaN"):
            rank_correlation(*pair)
    with pytest.raises(ValueError, match=r"share_inside: .* NaN"):
        share_inside(spoilt, maps > 0)


def test_grad_cam_of_a_layer_whose_output_is_overwritten(model, X, y):
    def network(inplace):
        return nn.Sequential(
            model[0], nn.ReLU(inplace=inplace), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )

    y = torch.zeros_like(y)
    expected = grad_cam(X, y, network(False), "0")
    assert expected.max() > 0
    close(grad_cam(X, y, network(True), "0"), expected)


# Details


@pytest.mark.parametrize(("batch", "passes"), [(2, [1] * 5), (7, [2, 2, 1]), (64, [5])])
def test_passes_over_all_pictures_are_cut_into_batches(X, batch, passes, monkeypatch):
    monkeypatch.setitem(PICTURES_AT_ONCE, "cpu", batch)
    assert list(_chunks(5, X)) == passes


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X: rank_correlation(X, X[0]), r"rank_correlation: a .* \(N, H, W\)"),
        (lambda X: rank_correlation(X[:, 0], X[0, 0]), r"rank_correlation: b .* \(N, H, W\)"),
        (lambda X: share_inside(X, X > 0), r"share_inside: maps .* \(N, H, W\)"),
        (lambda X: delete_cells(X[:, :2], X[:, 0], 0.5, X), r"delete_cells: X .* \(N, 3, H, W\)"),
    ],
)
def test_a_message_says_which_shape_was_expected(X, call, message):
    function, _, rest = message.partition(": ")
    name, _, shape = rest.partition(" .* ")
    with pytest.raises(ValueError, match=rf"^{function}: {name} has shape .*, expected {shape}$"):
        call(X)


@pytest.mark.parametrize("cell", [1, 2])
def test_of_equal_cells_those_above_and_to_the_left_go_first(cell):
    X = torch.zeros(2, 3, 40, 40)
    maps = torch.ones(2, 40, 40)
    maps[1, 20:] = 2
    deleted = delete_cells(X, maps, 0.25, torch.ones_like(X), cell)
    assert (deleted[0, :, :10] == 1).all() and (deleted[0, :, 10:] == 0).all()
    assert (deleted[1, :, 20:30] == 1).all() and deleted[1].mean() == 0.25


@pytest.mark.parametrize(
    ("part", "gone"), [(0, 0), (0.12, 0), (0.13, 1), (0.5, 2), (0.87, 3), (0.88, 4), (1, 4)]
)
def test_cells_go_whole_by_the_mean_of_their_pixels(part, gone):
    X, black = torch.ones(1, 3, 3, 3), torch.zeros(1, 3, 3, 3)
    maps = torch.tensor([[[3.0, 3, 9], [3, 3, 0], [4, 4, 3.5]]])  # means: 3, 4.5 / 4, 3.5
    places = [((0, 2), (2, 3)), ((2, 3), (0, 2)), ((2, 3), (2, 3)), ((0, 2), (0, 2))]
    expected = X.clone()
    for (top, bottom), (left, right) in places[:gone]:
        expected[:, :, top:bottom, left:right] = 0
    assert torch.equal(delete_cells(X, maps, part, black, cell=2), expected)


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1, 1e6])
def test_a_share_does_not_depend_on_the_size_of_the_map(scale):
    maps = scale * torch.tensor([[[1.0, 2], [3, 4]], [[0, 0.25], [0.25, 0]]])
    top = torch.tensor([[True, True], [False, False]])
    close(share_inside(maps, top), torch.tensor([0.3, 0.5]), rtol=1e-6, atol=0)


def test_a_random_layer_is_drawn_to_the_size_of_the_old_one(model):
    old = [weight.detach().clone() for weight in model[4].parameters()]
    generator = torch.Generator().manual_seed(3)
    randomise_layer(model, "4", seed=3)
    for before, after in zip(old, model[4].parameters()):
        drawn = torch.randn(before.shape, generator=generator).double()
        close(after.detach(), drawn * (before**2).mean() ** 0.5)


def test_the_next_open_class_is_asked_about_and_behind_the_last_comes_the_first():
    scores = torch.tensor([
        [1.0, 2, 3, 4], [1, 0, 0, 4], [1, 0, 0, 0], [0, 2, 0, 0], [0, -1, 0, 5],
    ])  # fmt: skip
    y = torch.tensor([2, 1, 1, 1, 2])
    asked = _open_classes(torch.zeros(5, 3, 1, 1), y, lambda X: scores)
    assert asked.tolist() == [2, 3, 0, 1, 3]


def test_the_method_sees_the_network_itself_and_then_a_copy_in_evaluation_mode(model, X, y):
    seen = []

    def method(*given):
        seen.append(given)
        return X[:, 0]

    model.train()
    randomisation_check(X, y, model, method, layers=["0", "9"])
    assert all(pictures is X for pictures, _, _ in seen)
    assert all(torch.equal(classes, y) for _, classes, _ in seen)
    first, *others = [network for _, _, network in seen]
    assert first is model and len(others) == 2
    for network in others:
        assert network is not model and not any(module.training for module in network.modules())
