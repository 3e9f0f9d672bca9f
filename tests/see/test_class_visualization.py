"""Class visualisation: the 2017 recipe against a plain copy of it, waves, views, inversion."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d, rotate
from torch import nn

from cs231n_lib.see import class_visualization, inversion
from cs231n_lib.see.class_visualization import (
    channel_mean,
    class_log_probability,
    class_score,
    create_class_visualization,
    jitter,
    score_gradient,
    unit_step,
    visualize,
)
from cs231n_lib.see.fourier import (
    COLOUR_BASIS,
    FourierPicture,
    PixelPicture,
    random_view,
    wave_amplitudes,
)
from cs231n_lib.see.images import preprocess
from cs231n_lib.see.inversion import feature_distance, invert_features, total_variation
from cs231n_lib.see.network import PIXELS_AT_ONCE, activations
from cs231n_lib.see.pixels import IMAGENET_MEAN, IMAGENET_STD, clamp_pixels, denormalize
from cs231n_lib.see.pretrained import squeezenet
from tests.test_inspection import Looks


def tiny(dtype=torch.float64, activation=nn.Tanh):
    """Two layers, seven classes, with a dropout and a batch norm that evaluation mode silences."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 5, 3),
        nn.BatchNorm2d(5),
        activation(),
        nn.Dropout(0.5),
        nn.Conv2d(5, 7, 3),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    ).to(dtype)


@pytest.fixture(scope="module")
def network():
    return squeezenet()


def state(model):
    """All that must not change."""
    return (
        {name: tensor.clone() for name, tensor in model.state_dict().items()},
        [weight.requires_grad for weight in model.parameters()],
        [weight.grad is None for weight in model.parameters()],
        [module.training for module in model.modules()],
        [len(module._forward_hooks) for module in model.modules()],
    )


def assert_same(before, after):
    assert before[1:] == after[1:]
    assert all(torch.equal(before[0][name], after[0][name]) for name in before[0])


def plain_2017(y, model, noise, shifts, l2_reg=1e-3, learning_rate=25, blur_every=10):
    """The notebook of 2017 with its exercise solved: one picture, SciPy's blur, in place."""
    img = noise.clone()
    for t, (ox, oy) in enumerate(shifts):

        def roll(X, ox, oy):
            return np.roll(np.roll(X.numpy(), ox, axis=3), oy, axis=2)

        img.copy_(torch.from_numpy(roll(img, ox, oy)))
        variable = img.clone().requires_grad_()
        (model(variable)[0, y] - l2_reg * (variable**2).sum()).backward()
        img += learning_rate * variable.grad / torch.sqrt((variable.grad**2).sum())
        img.copy_(torch.from_numpy(roll(img, -ox, -oy)))
        for c in range(3):
            low = -IMAGENET_MEAN[c] / IMAGENET_STD[c]
            high = (1 - IMAGENET_MEAN[c]) / IMAGENET_STD[c]
            img[:, c].clamp_(min=low, max=high)
        if t % blur_every == 0:
            blurred = gaussian_filter1d(img.numpy(), 0.5, axis=2)
            img.copy_(torch.from_numpy(gaussian_filter1d(blurred, 0.5, axis=3)))
    return img


def noise_and_shifts(size, steps, seed, dtype, max_jitter=16, count=1):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(count, 3, size, size, generator=generator).to(dtype)

    def draw():
        return torch.randint(0, max_jitter + 1, (2,), generator=generator).tolist()

    return noise, [draw() for _ in range(steps)]


class TestRecipeOf2017:
    @pytest.mark.parametrize(
        ("max_jitter", "others"), [(16, {}), (3, {"l2_reg": 0.3, "blur_every": 4})]
    )
    def test_equals_the_plain_loop(self, max_jitter, others):
        model = tiny().eval()
        noise, shifts = noise_and_shifts(20, 23, 5, torch.float64, max_jitter)
        expected = plain_2017(3, model, noise, shifts, learning_rate=2, **others)
        ours = create_class_visualization(
            3, model, torch.float64, size=20, num_iterations=23, seed=5, learning_rate=2,
            max_jitter=max_jitter, **others,
        )  # fmt: skip
        assert ours.shape == (1, 3, 20, 20)
        torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-10)

    def test_equals_the_plain_loop_on_squeezenet(self, network):
        noise, shifts = noise_and_shifts(64, 3, 0, torch.float32)
        expected = plain_2017(76, network, noise, shifts)
        ours = create_class_visualization(76, network, torch.FloatTensor, size=64, num_iterations=3)
        difference = (ours - expected).abs()
        assert difference.mean() < 1e-3 and difference.max() < 0.1

    def test_defaults_are_those_of_the_assignment(self):
        parameters = inspect.signature(create_class_visualization).parameters
        expected = {
            "l2_reg": 1e-3, "learning_rate": 25, "num_iterations": 100, "blur_every": 10,
            "max_jitter": 16, "show_every": 25, "size": 224,
        }  # fmt: skip
        assert {name: parameters[name].default for name in expected} == expected

    def test_climbs(self):
        _, history = create_class_visualization(
            [2, 4], tiny().eval(), torch.float64, size=16, num_iterations=30, learning_rate=1,
            max_jitter=0, blur_every=None, return_history=True,
        )  # fmt: skip
        assert history.shape == (30, 2)
        assert (history[-1] > history[0] + 0.1).all()

    def test_pixels_are_legal(self):
        X = create_class_visualization(0, tiny(), torch.float64, size=18, num_iterations=4)
        torch.testing.assert_close(clamp_pixels(X), X)

    def test_several_classes_do_not_disturb_each_other(self):
        settings = {"size": 16, "num_iterations": 5, "max_jitter": 0, "seed": 1}
        both = create_class_visualization([1, 6], tiny(), torch.float64, **settings)
        alone = create_class_visualization(1, tiny(), torch.float64, **settings)
        torch.testing.assert_close(both[:1], alone)

    @pytest.mark.parametrize("target", [2, [2], (2,), np.int64(2), torch.tensor(2)])
    def test_kinds_of_target(self, target):
        X = create_class_visualization(
            target, tiny(), torch.float64, size=8, num_iterations=1, max_jitter=2
        )
        assert X.shape == (1, 3, 8, 8)

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (torch.FloatTensor, torch.float32),
            (torch.DoubleTensor, torch.float64),
            (torch.float64, torch.float64),
        ],
    )
    def test_types_of_2017_and_of_today(self, given, expected):
        X = create_class_visualization(0, tiny(expected), given, size=8, num_iterations=1)
        assert X.dtype == expected and not X.requires_grad

    def test_any_callable_is_a_model(self):
        def scores(X):
            return X.mean(dim=(2, 3))

        X = create_class_visualization(0, scores, size=8, num_iterations=40)
        red, green, _ = denormalize(X)[0].mean(dim=(1, 2))
        assert red > 0.99 and green < 0.9

    def test_a_network_without_weights_has_its_pictures_on_the_cpu(self):
        model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        X = create_class_visualization(0, model, size=8, num_iterations=1)
        assert X.device == torch.device("cpu")

    @pytest.mark.parametrize(
        ("dtype", "device"),
        [
            (torch.float32, "meta"),  # a dtype of today says nothing of a device
            (torch.FloatTensor, "cpu"),
            (torch.cuda.FloatTensor, "cuda"),
        ],
    )
    def test_the_device_is_that_of_the_type_or_of_the_model(self, dtype, device):
        model = tiny(torch.float32).to("meta")
        assert class_visualization._device(model, dtype) == torch.device(device)

    def test_a_gradient_of_zero_stops_nothing(self):
        def dead(X):
            return X.mean(dim=(2, 3)) * 0

        X = create_class_visualization(0, dead, size=8, num_iterations=3, l2_reg=0)
        assert X.isfinite().all()

    def test_seeds(self):
        def make(seed):
            return create_class_visualization(
                0, tiny(), torch.float64, size=8, num_iterations=2, seed=seed
            )

        assert torch.equal(make(3), make(3)) and not torch.equal(make(3), make(4))

    def test_global_random_numbers_are_left_alone(self):
        torch.manual_seed(0)
        expected = torch.get_rng_state()
        create_class_visualization(0, lambda X: X.mean((2, 3)), size=8, num_iterations=2)
        visualize(lambda m, X: X.mean((1, 2, 3)), None, FourierPicture(1, 8), num_iterations=2)
        assert torch.equal(torch.get_rng_state(), expected)

    def test_callback_where_the_original_drew(self):
        seen = []
        X, history = create_class_visualization(
            [0, 1], tiny(), torch.float64, size=8, num_iterations=7, show_every=3,
            callback=lambda t, X, score: seen.append((t, X.clone(), score)), return_history=True,
        )  # fmt: skip
        assert [t for t, _, _ in seen] == [0, 2, 5, 6]
        assert all(torch.equal(score, history[t]) for t, _, score in seen)
        assert torch.equal(seen[-1][1], X)

    def test_works_without_gradients_around_it(self):
        with torch.no_grad():
            X = create_class_visualization(0, tiny(), torch.float64, size=8, num_iterations=2)
        assert X.isfinite().all()

    def test_the_model_is_left_as_it_was(self):
        model = tiny().train()
        model[0].weight.requires_grad_(False)
        before = state(model)
        create_class_visualization(0, model, torch.float64, size=8, num_iterations=2)
        visualize(class_score(torch.tensor([1])), model, FourierPicture(1, 8).double())
        assert_same(before, state(model))

    def test_evaluation_mode_inside(self):
        def make(model):
            return create_class_visualization(0, model, torch.float64, size=8, num_iterations=3)

        assert torch.equal(make(tiny().train()), make(tiny().eval()))


class TestPieces:
    def test_gradient_against_differences(self):
        model = tiny().eval()
        generator = torch.Generator().manual_seed(0)
        X = torch.randn(2, 3, 7, 8, generator=generator, dtype=torch.float64)
        y = torch.tensor([1, 4])
        gradient, score = score_gradient(X, y, model, l2_reg=0.3)

        def value(X):
            return (model(X)[[0, 1], y] - 0.3 * (X**2).sum((1, 2, 3))).sum().item()

        for index in [(0, 0, 3, 3), (0, 2, 0, 7), (1, 1, 6, 4)]:
            step = torch.zeros_like(X)
            step[index] = 1e-5
            slope = (value(X + step) - value(X - step)) / 2e-5
            assert gradient[index].item() == pytest.approx(slope, rel=1e-6)
        torch.testing.assert_close(score, model(X)[[0, 1], y].detach())
        assert not X.requires_grad and not score.requires_grad

    def test_the_size_of_the_batches_changes_nothing(self, monkeypatch):
        X, y = torch.randn(5, 3, 7, 8, dtype=torch.float64), torch.tensor([1, 4, 0, 6, 1])
        expected = score_gradient(X, y, tiny().eval(), l2_reg=0.3)
        monkeypatch.setitem(PIXELS_AT_ONCE, "cpu", 2 * 7 * 8)
        for ours, all_at_once in zip(score_gradient(X, y, tiny().eval(), l2_reg=0.3), expected):
            torch.testing.assert_close(ours, all_at_once, rtol=1e-12, atol=1e-12)

    def test_unit_steps(self):
        gradient = torch.randn(3, 3, 4, 5, dtype=torch.float64)
        gradient[1] = 0
        assert unit_step(gradient * math.nan).isnan().all()
        lengths = unit_step(gradient).flatten(1).norm(dim=1)
        torch.testing.assert_close(lengths, torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64))

    def test_jitter_is_that_of_the_notebook(self):
        X = torch.arange(2 * 3 * 5 * 6.0).view(2, 3, 5, 6)

        def original(X, ox, oy):
            if ox:
                X = torch.cat([X[:, :, :, -ox:], X[:, :, :, :-ox]], dim=3)
            if oy:
                X = torch.cat([X[:, :, -oy:], X[:, :, :-oy]], dim=2)
            return X

        for ox, oy in [(0, 0), (2, 0), (0, 3), (4, 1), (-2, -3)]:
            assert torch.equal(jitter(X, ox, oy), original(X, ox, oy))
            assert torch.equal(jitter(jitter(X, ox, oy), -ox, -oy), X)


class TestFourier:
    def test_a_wave_is_a_wave(self):
        """One coefficient makes one cosine, of the amplitude that its frequency has."""
        S, u, v = 12, 2, 3
        picture = FourierPicture(1, S, decorrelate=False).double()
        with torch.no_grad():
            picture.coefficients.zero_()
            picture.coefficients[0, 1, u, v, 0] = 0.7
        rows, columns = np.mgrid[:S, :S]
        amplitude = S / math.hypot(u / S, v / S) / 4
        wave = 0.7 * amplitude * 2 / S**2 * np.cos(2 * np.pi * (u * rows + v * columns) / S)
        pixels = denormalize(picture()).detach()[0]
        np.testing.assert_allclose(pixels[1], 1 / (1 + np.exp(-wave)), atol=1e-6)
        np.testing.assert_allclose(pixels[[0, 2]], 0.5, atol=1e-6)

    @pytest.mark.parametrize("size", [1, 2, 7, 8])
    def test_sizes(self, size):
        assert wave_amplitudes(size).shape == (size, size // 2 + 1)
        assert wave_amplitudes(size)[0, 0] == size**2
        picture = FourierPicture(2, size)
        assert picture().shape == (2, 3, size, size)
        assert 0.005 < picture.coefficients.std() < 0.015  # hardly anything to begin with

    def test_amplitudes_against_a_loop(self):
        amplitudes = wave_amplitudes(6)
        for row, u in enumerate([0, 1, 2, -3, -2, -1]):
            for v in range(4):
                frequency = max(math.hypot(u / 6, v / 6), 1 / 6)
                assert amplitudes[row, v].item() == pytest.approx(6 / frequency, rel=1e-12)

    def test_colours_of_one_direction(self):
        """Light alone makes nearly grey pictures, the second direction red against blue."""
        picture = FourierPicture(1, 8)
        with torch.no_grad():
            start = picture.coefficients.clone()
            picture.coefficients[:, 1:] = 0
            red, _, blue = torch.logit(denormalize(picture()))[0]
            assert torch.corrcoef(torch.stack([red.ravel(), blue.ravel()]))[0, 1] > 0.999
            picture.coefficients.copy_(start)
            picture.coefficients[:, [0, 2]] = 0
            red, _, blue = torch.logit(denormalize(picture()))[0]
            assert torch.corrcoef(torch.stack([red.ravel(), blue.ravel()]))[0, 1] < -0.999

    def test_basis_is_normalised(self):
        basis = FourierPicture(1, 4).basis
        expected = np.array(COLOUR_BASIS)
        np.testing.assert_allclose(
            basis, expected / np.sqrt((expected**2).sum(axis=0)).max(), rtol=1e-6
        )
        assert torch.equal(FourierPicture(1, 4, decorrelate=False).basis, torch.eye(3))

    @pytest.mark.parametrize("kind", [FourierPicture, PixelPicture])
    def test_legal_pixels_whatever_the_parameters(self, kind):
        picture = kind(1, 9)
        with torch.no_grad():
            next(picture.parameters()).mul_(1e4)
            pixels = denormalize(picture())
        assert pixels.min() > -1e-5 and pixels.max() < 1 + 1e-5

    def test_pixels_are_behind_a_sigmoid(self):
        picture = PixelPicture(2, 7)
        assert picture.pixels.shape == (2, 3, 7, 7)
        assert 0.005 < picture.pixels.std() < 0.015
        with torch.no_grad():
            picture.pixels.mul_(100)
            expected = 1 / (1 + (-picture.pixels).exp())
            torch.testing.assert_close(denormalize(picture()), expected, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("kind", [FourierPicture, PixelPicture])
    def test_seed_and_dtype(self, kind):
        assert torch.equal(kind(2, 6, seed=3)(), kind(2, 6, seed=3)())
        assert not torch.equal(kind(2, 6, seed=3)(), kind(2, 6, seed=4)())
        assert kind(2, 6).double()().dtype == torch.float64

    @pytest.mark.parametrize("kind", [FourierPicture, PixelPicture])
    @pytest.mark.parametrize(("count", "size", "bad"), [(0, 8, "count"), (1, 0, "size")])
    def test_errors(self, kind, count, size, bad):
        with pytest.raises(ValueError, match=f"{kind.__name__}: {bad} is 0, expected at least 1"):
            kind(count, size)

    def test_a_step_in_waves_is_a_smooth_step(self):
        """The step of the pixels is A Aᵀ g: check it against the matrix A, written out."""
        S = 6
        picture = FourierPicture(1, S, decorrelate=False).double()
        n = picture.coefficients[0, 0].numel()

        def pixels(z):
            full = torch.zeros_like(picture.coefficients[0, 0]).view(-1) + 0
            full = torch.view_as_complex(z.view(S, S // 2 + 1, 2) + full.view(S, -1, 2))
            return torch.fft.irfft2(full * picture.amplitudes, s=(S, S)).ravel()

        A = torch.autograd.functional.jacobian(pixels, torch.zeros(n, dtype=torch.float64))
        g = torch.randn(S * S, dtype=torch.float64)
        z = torch.zeros(n, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(pixels(z) @ g, z)
        torch.testing.assert_close(pixels(gradient.detach()), A @ A.T @ g)
        spectrum = torch.fft.rfft2((A @ A.T @ g).view(S, S)).abs()
        before = torch.fft.rfft2(g.view(S, S)).abs()
        gain = spectrum / before
        assert gain[0, 1] > 5 * gain[3, 2]


class TestView:
    def test_nothing_to_change(self):
        X = torch.randn(2, 3, 8, 10, dtype=torch.float64)
        seen = random_view(X, torch.Generator().manual_seed(0), shift=0, scale=0, degrees=0)
        torch.testing.assert_close(seen, X)

    def test_shift_within_its_bound(self):
        """A ramp from left to right is moved by at most so many pixels, and each on its own."""
        ramp = torch.arange(64.0, dtype=torch.float64).expand(50, 3, 64, 64)
        generator = torch.Generator().manual_seed(0)
        seen = random_view(ramp, generator, shift=5, scale=0, degrees=0)
        moved = (seen - ramp)[:, 0, 10:-10, 10:-10]
        assert moved.std(dim=(1, 2)).max() < 1e-9
        moved = moved.mean(dim=(1, 2))
        assert moved.abs().max() <= 5 and moved.min() < -4 and moved.max() > 4

    @pytest.mark.parametrize("axis", [2, 3])
    def test_beyond_an_edge_the_picture_is_mirrored(self, axis):
        """A ramp shifted by d shows, at j, what is at j + d, or at its mirror image."""
        ramp = torch.arange(20.0, dtype=torch.float64).expand(30, 3, 9, 20)
        X = ramp if axis == 3 else ramp.mT
        seen = random_view(X, torch.Generator().manual_seed(0), shift=6, scale=0, degrees=0)
        if axis == 2:
            seen = seen.mT
        d = (seen - ramp)[:, :, :, 9:11].mean(dim=3, keepdim=True)
        place = (ramp + d + 0.5).abs() - 0.5  # an edge is half a pixel before the first
        place = 19.5 - (19.5 - place).abs()
        torch.testing.assert_close(seen, place.clamp(0, 19), rtol=0, atol=1e-9)
        assert d.min() < -4 and d.max() > 4

    def test_turn_and_zoom_keep_their_bounds(self):
        y, x = torch.meshgrid(*(torch.arange(41.0, dtype=torch.float64) - 20,) * 2, indexing="ij")
        plane = torch.stack([x, y, x]).expand(50, 3, 41, 41)
        generator = torch.Generator().manual_seed(0)
        seen = random_view(plane, generator, shift=0, scale=0.2, degrees=30)
        a, c = seen[:, 0, 20, 24] / 4, seen[:, 1, 20, 24] / 4  # where the point (4, 0) came from
        angle, zoom = torch.rad2deg(torch.atan2(c, a)).abs(), 1 / torch.hypot(a, c)
        assert 25 < angle.max() <= 30 and angle.min() < 5
        assert 0.8 <= zoom.min() < 0.85 and 1.15 < zoom.max() <= 1.2

    def test_a_turn_does_not_shear(self):
        """On a picture that is not square as well."""
        generator = torch.Generator().manual_seed(1)
        smooth = np.add.outer(np.sin(np.arange(40) / 7), np.cos(np.arange(60) / 9))
        X = torch.from_numpy(smooth).expand(1, 3, 40, 60)
        seen = random_view(X, generator, shift=0, scale=0, degrees=20)[0, 0].numpy()
        turn = 2 * torch.rand(4, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        degrees = 20 * (turn[3].item() - 1)
        expected = rotate(smooth, degrees, reshape=False, order=1)
        np.testing.assert_allclose(seen[12:-12, 18:-18], expected[12:-12, 18:-18], atol=1e-6)

    def test_gradient_flows(self):
        X = torch.randn(1, 3, 6, 6, dtype=torch.float64, requires_grad=True)

        def view(X):
            return random_view(X, torch.Generator().manual_seed(2), shift=2)

        assert torch.autograd.gradcheck(view, X)


class TestVisualize:
    def test_reaches_an_optimum_that_is_known(self):
        goal = torch.tensor([0.7, 0.6, 0.5]).view(1, 3, 1, 1)

        def objective(model, X):
            return (denormalize(X) - goal).square().mean(dim=(1, 2, 3))

        for picture in (FourierPicture(2, 8), PixelPicture(2, 8)):
            X, losses = visualize(
                objective, None, picture, num_iterations=300, learning_rate=0.1, view=None
            )
            assert losses.shape == (300, 2) and not X.requires_grad
            assert losses[-1].max() < 1e-3
            torch.testing.assert_close(X, picture().detach())

    def test_objectives_against_formulas(self):
        model = tiny().eval()
        X = torch.randn(2, 3, 8, 8, dtype=torch.float64)
        y = torch.tensor([5, 0])
        scores = model(X)
        rows = torch.arange(2)
        torch.testing.assert_close(class_score(y)(model, X), -scores[rows, y])
        torch.testing.assert_close(
            class_log_probability(y)(model, X),
            nn.functional.cross_entropy(scores, y, reduction="none"),
        )
        channels = torch.tensor([4, 2])
        torch.testing.assert_close(
            channel_mean("4", channels)(model, X), -model[:5](X)[rows, channels].mean(dim=(1, 2))
        )

    def test_raises_a_class_above_all_others(self, network):
        y = torch.tensor([130, 76])
        X, losses = visualize(
            class_score(y), network, FourierPicture(2, 96), num_iterations=50, view=None
        )
        assert network(X)[0].argmax() == 130
        assert (losses[-1] < losses[0] - 5).all()

    def test_no_layer_behind_the_channel_is_computed(self):
        model = tiny()
        model[4].register_forward_hook(lambda *_: pytest.fail("computed too much"))
        visualize(
            channel_mean("0", torch.tensor([0])), model, FourierPicture(1, 8).double(),
            num_iterations=2,
        )  # fmt: skip

    def test_callback_and_no_grad_around(self):
        seen, model, y = [], tiny().eval(), torch.tensor([1, 4])
        picture = FourierPicture(2, 8).double()
        start = picture().detach()
        with torch.no_grad():
            _, history = visualize(
                class_score(y), model, picture, num_iterations=3, view=None,
                callback=lambda *look: seen.append(look),
            )  # fmt: skip
            assert [t for t, _, _ in seen] == [0, 1, 2]
            torch.testing.assert_close(seen[0][1], start)
            for t, X, losses in seen:
                assert not X.requires_grad and torch.equal(losses, history[t])
                torch.testing.assert_close(losses, -model(X)[[0, 1], y])

    def test_the_first_step_of_adam_has_the_learning_rate(self):
        picture = PixelPicture(1, 4).double()
        start = picture.pixels.detach().clone()
        visualize(lambda model, X: X.sum((1, 2, 3)), None, picture, num_iterations=1,
                  learning_rate=0.3, view=None)  # fmt: skip
        torch.testing.assert_close(picture.pixels.detach(), start - 0.3, rtol=0, atol=1e-5)

    def test_the_view_gets_the_pictures_and_numbers_from_the_seed(self):
        views, shown = [], []

        def view(X, generator):
            views.append((X.detach(), torch.rand(1, generator=generator).item()))
            return 2 * X

        def objective(model, X):
            shown.append(X.detach())
            return X.sum((1, 2, 3))

        visualize(objective, None, PixelPicture(1, 4), num_iterations=2, view=view, seed=3,
                  callback=lambda t, X, losses: shown.append(X))  # fmt: skip
        expected = torch.rand(2, generator=torch.Generator().manual_seed(3)).tolist()
        assert [number for _, number in views] == expected
        for t, (X, _) in enumerate(views):
            assert torch.equal(shown[2 * t], 2 * X) and torch.equal(shown[2 * t + 1], X)


class TestInversion:
    def test_distance_and_variation_against_numpy(self):
        X = torch.randn(2, 3, 5, 6, dtype=torch.float64)
        x = X.numpy()
        for beta in (1, 2, 3):
            expected = np.zeros(2)
            for i in range(4):
                for j in range(5):
                    down, right = (
                        x[:, :, i + 1, j] - x[:, :, i, j],
                        x[:, :, i, j + 1] - x[:, :, i, j],
                    )
                    expected += ((down**2 + right**2) ** (beta / 2)).sum(axis=1)
            np.testing.assert_allclose(total_variation(X, beta), expected / (3 * 4 * 5), rtol=1e-6)

        model = tiny().eval()
        target = activations(model, torch.randn_like(X), "2")
        features = activations(model, X, "2")
        expected = [
            np.linalg.norm((f - t).detach()) ** 2 / np.linalg.norm(t.detach()) ** 2
            for f, t in zip(features, target)
        ]
        np.testing.assert_allclose(feature_distance("2", target)(model, X).detach(), expected)

    def test_the_smallest_picture_varies_from_one_pixel(self):
        X = torch.tensor([[3.0, 5.0], [2.0, 99.0]]).view(1, 1, 2, 2)
        assert total_variation(X).tolist() == [(3 - 2) ** 2 + (3 - 5) ** 2]

    def test_it_is_visualize_with_a_distance_and_no_view(self):
        model, X, looks = tiny().eval(), torch.rand(2, 3, 8, 8, dtype=torch.float64), []
        distance = feature_distance("2", activations(model, X, "2").detach())
        settings = {"num_iterations": 3, "learning_rate": 0.2}
        expected, losses = visualize(
            lambda model, guess: distance(model, guess) + 0.5 * total_variation(guess),
            model, FourierPicture(2, 8, seed=4).double(), view=None, **settings,
        )  # fmt: skip
        inverted, ours = invert_features(
            X, model, "2", tv_weight=0.5, seed=4, callback=lambda *look: looks.append(look),
            **settings,
        )  # fmt: skip
        torch.testing.assert_close(inverted, expected)
        torch.testing.assert_close(ours, losses)
        assert [t for t, _, _ in looks] == [0, 1, 2]
        assert torch.equal(torch.stack([loss for _, _, loss in looks]), ours)

    def test_a_flat_picture_has_a_gradient(self):
        X = torch.zeros(1, 3, 4, 4, requires_grad=True)
        total_variation(X, 1).sum().backward()
        assert X.grad.isfinite().all()

    def test_gets_the_picture_back_from_the_first_layer(self, network):
        X = preprocess("chelsea", 64)
        inverted, losses = invert_features(X, network, "features.0", tv_weight=0, num_iterations=80)
        assert losses[-1] < 0.25 * losses[0]
        both = torch.stack([X.ravel(), inverted.ravel()])
        assert torch.corrcoef(both)[0, 1] > 0.7

    def test_the_weight_of_the_variation_makes_smooth_pictures(self):
        model, X = tiny().eval(), torch.rand(1, 3, 8, 8, dtype=torch.float64)
        rough, smooth = (
            total_variation(invert_features(X, model, "2", tv_weight=w, num_iterations=20)[0], 1)
            for w in (0.0, 10.0)
        )
        assert smooth < 0.5 * rough

    def test_deep_layers_forget_more(self, network):
        X = preprocess("chelsea", 64)
        lost = []
        for layer in ("features.0", "features.12"):
            inverted, _ = invert_features(X, network, layer, num_iterations=40)
            lost.append((inverted - X).square().mean().item())
        assert lost[1] > 2 * lost[0]

    def test_leaves_all_as_it_was(self):
        model, X = tiny().train(), torch.rand(1, 3, 8, 8, dtype=torch.float64)
        before, copy = state(model), X.clone()
        inverted, _ = invert_features(X, model, "2", num_iterations=2)
        assert_same(before, state(model))
        assert torch.equal(X, copy) and not X.requires_grad and inverted.dtype == X.dtype


def recipe_2017(steps, scores=lambda X: X.mean((2, 3))):
    create_class_visualization(0, scores, size=8, num_iterations=steps)


def inverted(steps):
    X = torch.randn(1, 3, 8, 8, dtype=torch.float64)
    invert_features(X, tiny(), "2", num_iterations=steps)


# Adam asks for the number of its step once a step, which is on the CPU in any case.
@pytest.mark.parametrize(("loop", "asked"), [(recipe_2017, 0), (inverted, 1)])
def test_no_step_waits_for_a_number(loop, asked):
    counts = []
    for steps in (22, 30):  # both look after 1, 11 and 21 steps, and after the last
        with Looks() as looks:
            loop(steps)
        counts.append(looks.count)
    assert counts[1] - counts[0] == 8 * asked


def waves(steps, scores):
    def objective(model, X):
        return -model(X)[:, 0]

    visualize(objective, scores, FourierPicture(1, 8), num_iterations=steps)


@pytest.mark.parametrize("loop", [recipe_2017, waves])
@pytest.mark.parametrize(("steps", "seen_at"), [(30, 11), (5, 5)])
def test_a_number_that_went_wrong_between_two_looks_is_seen_at_the_next(loop, steps, seen_at):
    calls = []

    def scores(X):
        calls.append(1)
        return X.mean((2, 3)) * (math.nan if len(calls) == 4 else 1)

    with pytest.raises(ValueError, match="NaN"):
        loop(steps, scores)
    assert len(calls) == seen_at


GOOD = {"size": 8, "num_iterations": 1}


def nan_scores(X):
    return X.mean(dim=(2, 3)) * math.nan


WRONG_CREATION = [
    ({"target_y": 7}, ValueError, "target_y contains class 7, expected 0 to 6"),
    ({"target_y": -1}, ValueError, "target_y contains class -1, expected 0 or more"),
    ({"target_y": []}, ValueError, "target_y is empty"),
    ({"target_y": 1.5}, TypeError, "target_y is 1.5, expected a class"),
    ({"target_y": [[1]]}, TypeError, "expected a class or a list"),
    ({"target_y": True}, TypeError, "target_y is True"),
    ({"dtype": torch.float32}, TypeError,
     "the picture of the given dtype has dtype torch.float32, but the model's weights"),
    ({"dtype": torch.int64}, TypeError, "expected a type of floats"),
    ({"dtype": "float"}, TypeError, "dtype is 'float'"),
    ({"model": nan_scores}, ValueError, "scores that are NaN"),
    ({"model": lambda X: X}, ValueError, "scores of shape"),
    ({"size": 0}, ValueError, "size is 0"),
    ({"num_iterations": 0}, ValueError, "num_iterations is 0"),
    ({"learning_rate": -1}, ValueError, "learning_rate is -1"),
    ({"learning_rate": math.nan}, ValueError, "learning_rate is nan"),
    ({"blur_every": 0}, ValueError, "blur_every is 0"),
    ({"show_every": 0}, ValueError, "show_every is 0"),
    ({"max_jitter": -1}, ValueError, "max_jitter is -1"),
    ({"l2_reg": -1}, ValueError, "l2_reg is -1"),
]  # fmt: skip


class TestErrors:
    @pytest.mark.parametrize(("wrong", "error", "message"), WRONG_CREATION)
    def test_of_the_2017_recipe(self, wrong, error, message):
        model = tiny().train()
        before = state(model)
        arguments = {"target_y": 0, "model": model, "dtype": torch.float64} | GOOD | wrong
        with pytest.raises(error, match=f"create_class_visualization: .*{message}"):
            create_class_visualization(**arguments)
        assert_same(before, state(model))

    def test_model_on_another_device(self):
        model = tiny(torch.float32).to("meta")
        with pytest.raises(ValueError, match="is on cpu, but the model is on meta"):
            create_class_visualization(0, model, torch.FloatTensor, **GOOD)
        with pytest.raises(ValueError, match="is on cpu, but the model is on meta"):
            visualize(class_score(torch.tensor([0])), model, FourierPicture(1, 8))
        with pytest.raises(ValueError, match="is on cpu, but the model is on meta"):
            invert_features(torch.zeros(1, 3, 8, 8), model, "0")

    @pytest.mark.parametrize(
        ("objective", "error", "message"),
        [
            (class_score(torch.tensor([7])), ValueError, "class_score: y contains class 7"),
            (class_score(torch.tensor([1, 2])), ValueError, "class_score: y has shape"),
            (class_score(torch.tensor([1.0])), TypeError, "class_score: y is torch.float32"),
            (class_log_probability(torch.tensor([-1])), ValueError, "contains class -1"),
            (channel_mean("nine", torch.tensor([0])), ValueError, "no layer 'nine'"),
            (channel_mean("0", torch.tensor([5])), ValueError, "contains 5, but layer '0' has 5"),
            (channel_mean("0", torch.tensor([-1])), ValueError, "channels contains class -1"),
            (lambda model, X: X.sum(), ValueError, "losses of shape"),
            (lambda model, X: X.sum((1, 2, 3)) * math.nan, ValueError, "a loss that is NaN"),
        ],
    )
    def test_of_objectives(self, objective, error, message):
        model, picture = tiny().train(), FourierPicture(1, 8).double()
        before, coefficients = state(model), picture.coefficients.detach().clone()
        with pytest.raises(error, match=message):
            visualize(objective, model, picture, num_iterations=2)
        assert_same(before, state(model))
        assert torch.equal(picture.coefficients, coefficients)

    @pytest.mark.parametrize("wrong", [{"num_iterations": 0}, {"learning_rate": 0}])
    def test_of_settings(self, wrong):
        with pytest.raises(ValueError, match=f"visualize: {next(iter(wrong))} is 0"):
            visualize(
                class_score(torch.tensor([0])), tiny(), FourierPicture(1, 8).double(), **wrong
            )

    def test_of_pictures_of_another_dtype(self):
        with pytest.raises(TypeError, match=r"visualize: picture\(\) has dtype torch.float32"):
            visualize(class_score(torch.tensor([0])), tiny(), FourierPicture(1, 8))

    @pytest.mark.parametrize(
        ("X", "error", "message"),
        [
            (torch.zeros(3, 8, 8), ValueError, "shape"),
            (torch.zeros(1, 4, 8, 8), ValueError, "3 colours"),
            (torch.zeros(0, 3, 8, 8), ValueError, "no size to be zero"),
            (torch.zeros(1, 3, 8, 9), ValueError, "expected square pictures"),
            (torch.full((1, 3, 8, 8), math.nan), ValueError, "NaN"),
            (torch.full((1, 3, 8, 8), 255.0), ValueError, "expected normalised pixels"),
            (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), TypeError, "expected floats"),
            (np.zeros((1, 3, 8, 8)), TypeError, "expected a tensor"),
        ],
    )
    def test_of_inversion(self, X, error, message):
        with pytest.raises(error, match=f"invert_features: .*{message}"):
            invert_features(X, tiny(torch.float32), "0")

    def test_of_layers_and_weights(self):
        X, model = torch.zeros(1, 3, 8, 8), tiny(torch.float32).train()
        before = state(model)
        for layer, settings, message in (
            ("12", {}, "no layer '12'"),
            ("0", {"tv_weight": -1}, "tv_weight is -1"),
            ("0", {"num_iterations": -3}, "num_iterations is -3"),
        ):
            with pytest.raises(ValueError, match=message):
                invert_features(X, model, layer, **settings)
        assert_same(before, state(model))
        with pytest.raises(TypeError, match=r"expected a torch.nn.Module"):
            invert_features(X, lambda X: X, "0")
        with pytest.raises(ValueError, match="all zero for a picture"):
            feature_distance("0", torch.zeros(1, 5, 6, 6))
        with pytest.raises(ValueError, match="activations of shape"):
            feature_distance("0", torch.ones(1, 5, 6, 7))(model, X)

    @pytest.mark.parametrize(
        ("function", "channels"),
        [
            (unit_step, "3"),
            (lambda X: jitter(X, 1, 2), "3"),
            (lambda X: random_view(X, torch.Generator()), "3"),
            (lambda X: score_gradient(X, torch.tensor([0]), tiny()), "3"),
            (total_variation, "C"),
        ],
    )
    def test_a_message_about_a_shape_names_its_axes(self, function, channels):
        with pytest.raises(ValueError, match=rf"expected \(N, {channels}, H, W\)$"):
            function(torch.zeros(3, 4, 4))

    @pytest.mark.parametrize(
        ("shape", "beta"), [((1, 3, 4, 4), 0), ((1, 3, 1, 4), 2), ((3, 4, 4), 2)]
    )
    def test_of_variation(self, shape, beta):
        with pytest.raises(ValueError, match="total_variation: "):
            total_variation(torch.zeros(shape), beta)


@pytest.mark.parametrize("module", [class_visualization, inversion])
def test_public_names_are_documented(module):
    functions = [getattr(module, name) for name in module.__all__ if name != "Objective"]
    assert all(function.__doc__ for function in functions)
