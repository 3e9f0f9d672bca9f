"""Class visualisation: the 2017 recipe against a plain copy of it, and any other objective."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d
from torch import nn

from cs231n_lib.see import class_visualization
from cs231n_lib.see.class_visualization import (
    channel_mean,
    class_log_probability,
    class_score,
    class_visualization_step,
    create_class_visualization,
    deep_dream,
    jitter,
    visualize,
)
from cs231n_lib.see.fourier import FourierPicture, PixelPicture
from cs231n_lib.see.pixels import IMAGENET_MEAN, IMAGENET_STD, clamp_pixels, denormalize
from cs231n_lib.see.pretrained import squeezenet
from tests.see.test_network import Looks


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

    def test_a_step_is_that_of_each_picture_alone(self):
        model = tiny().eval()
        img, _ = noise_and_shifts(20, 0, 5, torch.float64, count=2)
        both, scores = class_visualization_step(img, torch.tensor([3, 1]), model, 0.1, 2)
        for n, y in enumerate((3, 1)):
            (alone,) = one = img[n : n + 1].clone().requires_grad_()
            score = model(one)[0, y]
            (g,) = torch.autograd.grad(score - 0.1 * alone.square().sum(), one)
            torch.testing.assert_close(both[n : n + 1], (one + 2 * g / g.norm()).detach())
            assert scores[n] == pytest.approx(score.item(), rel=1e-9)

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
    def test_jitter_is_that_of_the_notebook(self):
        X = torch.arange(2 * 3 * 5 * 6.0).view(2, 3, 5, 6)

        def original(X, ox, oy):
            if ox:
                X = torch.cat([X[:, :, :, -ox:], X[:, :, :, :-ox]], dim=3)
            if oy:
                X = torch.cat([X[:, :, -oy:], X[:, :, :-oy]], dim=2)
            return X

        for ox, oy in [(0, 0), (2, 0), (0, 3), (4, 1), (-2, -3), np.array([1, 2])]:
            assert torch.equal(jitter(X, ox, oy), original(X, ox, oy))
            assert torch.equal(jitter(jitter(X, ox, oy), -ox, -oy), X)


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


def recipe_2017(steps, scores=lambda X: X.mean((2, 3))):
    create_class_visualization(0, scores, size=8, num_iterations=steps)


def test_no_step_waits_for_a_number():
    counts = []
    for steps in (22, 30):  # both look after 1, 11 and 21 steps, and after the last
        with Looks() as looks:
            recipe_2017(steps)
        counts.append(looks.count)
    assert counts[0] == counts[1]


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


def test_a_pixel_that_went_wrong_is_seen_though_scores_are_finite():
    calls = []

    def scores(X):
        calls.append(1)
        bad = (0 * X).sqrt() if len(calls) == 4 else 0  # whose slope is NaN
        return (X.nan_to_num() + bad).mean((2, 3))

    with pytest.raises(ValueError, match="the picture contains pixels that are NaN"):
        recipe_2017(30, scores)
    assert len(calls) == 11


class TestDeepDream:
    def test_one_octave_equals_the_plain_loop(self):
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3)).double()
        X = 0.3 * torch.randn(2, 3, 9, 11, dtype=torch.float64)
        dream, random = X, torch.Generator().manual_seed(5)
        for _ in range(3):
            ox, oy = torch.randint(-16, 17, (2,), generator=random).tolist()
            seen = torch.roll(dream, (oy, ox), dims=(2, 3)).requires_grad_()
            (g,) = torch.autograd.grad((model[:2](seen) ** 2).sum(), seen)
            step = 0.1 * g / (g**2).mean(dim=(1, 2, 3), keepdim=True).sqrt()
            dream = torch.roll(seen.detach() + step, (-oy, -ox), dims=(2, 3))
            dream = clamp_pixels(dream)
        ours = deep_dream(
            X, model, "1", octaves=1, num_iterations=3, learning_rate=0.1, seed=5
        )  # fmt: skip
        torch.testing.assert_close(ours, dream)

    def test_what_is_added_grows_through_the_sizes(self):
        """A network whose answer is the picture: coarse steps are still there at the end."""
        X = torch.zeros(1, 3, 16, 24)
        X[..., 12:] = 1
        coarse = deep_dream(X, nn.Sequential(nn.Identity()), "0", octaves=2, num_iterations=1)
        last = deep_dream(X, nn.Sequential(nn.Identity()), "0", octaves=1, num_iterations=1)
        assert coarse.shape == X.shape
        assert (coarse - X).square().mean() > 1.5 * (last - X).square().mean()
