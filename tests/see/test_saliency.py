"""Saliency maps: equal to captum and to plain loops; what they promise; their errors."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import nn

from cs231n_lib.see.images import preprocess
from cs231n_lib.see.network import PIXELS_AT_ONCE, input_gradients
from cs231n_lib.see.pixels import normalize
from cs231n_lib.see.pretrained import class_index, squeezenet
from cs231n_lib.see.saliency import (
    completeness_gap,
    compute_saliency_maps,
    grad_cam,
    integrated_gradients,
    occlusion,
    smooth_grad,
)
from cs231n_lib.see.torchvision_import import import_torchvision
from tests.see import promises
from tests.tiny import exact_pictures, small_network, smooth_network

import_torchvision()
from captum.attr import (  # noqa: E402
    IntegratedGradients,
    LayerGradCam,
    NoiseTunnel,
    Occlusion,
    Saliency,
)

METHODS = {
    "gradients": lambda X, y, model: input_gradients(X, y, model)[0],
    "saliency": compute_saliency_maps,
    "smooth": functools.partial(smooth_grad, samples=3),
    "squared": functools.partial(smooth_grad, samples=3, squared=True),
    "integrated": functools.partial(integrated_gradients, steps=3),
    "cam": functools.partial(grad_cam, layer="4"),
    "occlusion": functools.partial(occlusion, size=6, stride=4),
    "gap": lambda X, y, model: completeness_gap(X, X, y, model),
}
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


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
    torch.testing.assert_close(ours, theirs, **(tolerance or {"rtol": 1e-9, "atol": 1e-12}))


# The gradient


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


@pytest.mark.parametrize("method", ["small", "photographs"])
def test_saliency_equals_captum(method, model, X, y, photographs):
    model, X, y = (model, X, y) if method == "small" else photographs
    theirs = Saliency(model).attribute(X.clone().requires_grad_(), target=y).amax(dim=1).detach()
    ours = compute_saliency_maps(X, y, model)
    assert ours.shape == (len(X), *X.shape[2:]) and ours.min() >= 0 and ours.max() > 0
    close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_any_callable_will_do(X, y):
    direction = torch.randn(3, 11, 14, 5, dtype=X.dtype)
    maps = compute_saliency_maps(X, y, lambda X: torch.einsum("nchw,chwk->nk", X, direction))
    close(maps, direction.movedim(-1, 0)[y].abs().amax(dim=1))


# SmoothGrad


def noise_for(X, samples, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(X.shape[1:], generator=generator).to(X) for _ in range(samples)]


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("samples", [1, 7, 40])
@pytest.mark.parametrize("batch", [1, 4, 64])
def test_smooth_grad_equals_the_plain_loop(model, X, y, samples, squared, batch, monkeypatch):
    monkeypatch.setitem(PIXELS_AT_ONCE, "cpu", batch * 11 * 14)
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
    monkeypatch.setitem(PIXELS_AT_ONCE, "cpu", batch * 11 * 14)
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


@pytest.mark.parametrize(("batch", "passes"), [(2, [3] * 5), (7, [6, 6, 3]), (64, [15])])
@pytest.mark.parametrize("method", [smooth_grad, integrated_gradients])
def test_copies_of_all_pictures_go_in_batches(model, X, y, method, batch, passes, monkeypatch):
    monkeypatch.setitem(PIXELS_AT_ONCE, "cpu", batch * 11 * 14)
    seen = []
    monkeypatch.setattr(
        f"{method.__module__}.input_gradients",
        lambda X, y, model: seen.append(len(X)) or input_gradients(X, y, model),
    )
    method(X, y, model, **{"samples" if method is smooth_grad else "steps": 5})
    assert seen == passes


# Occlusion


def test_occlusion_in_numbers():
    """A score that is the sum of all: a patch takes away what it covers, and the last ones less."""
    X = torch.arange(1.0, 10).view(1, 1, 3, 3).repeat(1, 3, 1, 1).double()

    def model(X):
        return X.sum(dim=(1, 2, 3))[:, None]

    falls = occlusion(X, torch.tensor([0]), model, size=2, stride=2)
    a, b, c, d = 3 * (1 + 2 + 4 + 5), 3 * (3 + 6), 3 * (7 + 8), 3 * 9
    close(falls, torch.tensor([[[a, a, b], [a, a, b], [c, c, d]]]).double())


@pytest.mark.parametrize(("size", "stride"), [(1, 1), (4, 2), (5, 4), (6, 5), (11, 3)])
@pytest.mark.parametrize("batch", [1, 7, 64])
def test_occlusion_equals_captum(model, X, y, size, stride, batch, monkeypatch):
    monkeypatch.setitem(PIXELS_AT_ONCE, "cpu", batch * 11 * 14)
    theirs = Occlusion(model).attribute(X, (3, size, size), (3, stride, stride), 0, target=y)
    ours = occlusion(X, y, model, size, stride)
    close(ours, theirs[:, 0].double(), rtol=1e-5, atol=1e-7)  # captum adds up in float32
    assert ours.min() < 0 < ours.max()


def test_occlusion_of_photographs_equals_captum(photographs):
    model, X, y = photographs
    theirs = Occlusion(model).attribute(X, (3, 32, 32), (3, 16, 16), 0, target=y)
    close(occlusion(X, y, model), theirs[:, 0], rtol=1e-4, atol=1e-4)


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


def test_grad_cam_of_a_layer_whose_output_is_overwritten(model, X, y):
    def network(inplace):
        return nn.Sequential(
            model[0], nn.ReLU(inplace=inplace), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )

    y = torch.zeros_like(y)
    expected = grad_cam(X, y, network(False), "0")
    assert expected.max() > 0
    close(grad_cam(X, y, network(True), "0"), expected)


def test_a_layer_that_is_not_used_is_named_and_no_hook_is_left(model, X, y):
    model.spare = nn.Conv2d(3, 3, 1).double()
    model.forward = nn.Sequential(*model[:10]).forward
    with pytest.raises(ValueError, match="'spare' 0 times, expected once"):
        grad_cam(X, y, model, "spare")
    assert not any(module._forward_hooks for module in model.modules())


# What all promise


@every_method
def test_nothing_is_left_changed(method, model, X, y):
    promises.assert_nothing_is_left_changed(method, model, X, y)


@every_method
def test_it_works_inside_no_grad_and_in_training_mode(method, model, X, y):
    promises.assert_it_works_inside_no_grad_and_in_training_mode(method, model, X, y)


@every_method
def test_a_failing_model_is_left_as_it_was(method, model, X, y):
    promises.assert_a_failing_model_is_left_as_it_was(method, model, X, y)


# In half precision


HALF = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])


@HALF
@pytest.mark.parametrize("steps", [32, 500])
def test_in_half_precision_attributions_do_not_drift_with_more_steps(dtype, steps, monkeypatch):
    model, X, y = smooth_network(dtype), exact_pictures(2).to(dtype), torch.tensor([1, 4])
    right = integrated_gradients(X.double(), y, smooth_network(dtype).double(), steps=steps)
    monkeypatch.setitem(PIXELS_AT_ONCE, "cpu", 1)
    found = integrated_gradients(X, y, model, steps=steps)
    size, eps = right.abs().max(), torch.finfo(dtype).eps
    assert found.dtype == dtype and (found.double() - right).abs().max() < 2 * eps * size
    assert (found.double().sum() - right.sum()).abs() < eps * right.abs().sum() / 4


@HALF
@pytest.mark.parametrize("squared", [False, True])
def test_in_half_precision_many_noisy_copies_are_averaged(dtype, squared, monkeypatch):
    model, X, y = smooth_network(dtype), exact_pictures(2).to(dtype), torch.tensor([1, 4])
    right = smooth_grad(X.double(), y, smooth_network(dtype).double(), 300, squared=squared)
    monkeypatch.setitem(PIXELS_AT_ONCE, "cpu", 1)
    found = smooth_grad(X, y, model, 300, squared=squared)
    eps = torch.finfo(dtype).eps
    assert found.dtype == dtype and (found.double() - right).abs().max() < 2 * eps * right.max()


def test_a_square_too_large_for_half_precision_is_refused():
    model, X, y = smooth_network(torch.float16), exact_pictures(2).half(), torch.tensor([1, 4])

    def steep(X):
        return 20000 * model(X)

    with pytest.raises(ValueError, match=r"^smooth_grad: .* and torch.float16 to 6.55e\+04; give"):
        smooth_grad(X, y, steep, squared=True)
    assert smooth_grad(X, y, steep).isfinite().all()
