"""Fooling images: against a plain loop and closed forms; what is saved, and what is unchanged."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from cs231n_lib.see.fooling import fool, make_fooling_image, round_to_bytes, seen_as, uphill
from cs231n_lib.see.images import deprocess, preprocess, save_png
from cs231n_lib.see.pixels import IMAGENET_MEAN, IMAGENET_STD, denormalize, normalize
from cs231n_lib.see.pretrained import class_index, squeezenet
from tests.see import promises
from tests.tiny import exact_pictures, smooth_network


def pixels_of(X):
    """Written independently of cs231n_lib.see.pixels."""
    array = X.double().numpy()
    return array * np.reshape(IMAGENET_STD, (3, 1, 1)) + np.reshape(IMAGENET_MEAN, (3, 1, 1))


@pytest.fixture(scope="module")
def tiny():
    return smooth_network()


@pytest.fixture(scope="module", name="X")
def _pictures():
    return exact_pictures()


@pytest.fixture
def targets(tiny, X):
    """The least likely class of each picture."""
    return tiny(X).argmin(dim=1)


# The assignment's function


def plain_loop(X, target_y, model, max_steps=100):
    """As the 2017 notebook asks for it, picture by picture."""
    X_fooling = X.clone()
    for step in range(max_steps + 1):
        X_fooling = X_fooling.detach().requires_grad_()
        scores = model(X_fooling)
        if scores.argmax().item() == target_y:
            return X_fooling.detach(), step
        scores[0, target_y].backward()
        X_fooling = X_fooling + 1.0 * X_fooling.grad / X_fooling.grad.norm()
    raise AssertionError("did not fool")


def test_equal_to_the_plain_loop(tiny, X, targets):
    together = fool(X, targets, tiny, in_bytes=False)
    for n in range(len(X)):
        picture, steps = plain_loop(X[[n]], targets[n].item(), tiny)
        assert steps == together.steps[n] > 0
        alone = make_fooling_image(X[[n]], targets[n].item(), tiny)
        assert alone.shape == (1, 3, 12, 12)
        torch.testing.assert_close(alone, picture, rtol=0, atol=1e-12)
        torch.testing.assert_close(together.X_fooling[[n]], picture, rtol=0, atol=1e-12)
    assert len(set(together.steps.tolist())) > 1, "the pictures should end at different steps"


def test_the_assignments_function_steps_as_far_as_it_is_told(tiny, X, targets):
    ours = make_fooling_image(X, targets, tiny, learning_rate=0.25)
    expected = fool(X, targets, tiny, learning_rate=0.25, in_bytes=False)
    assert torch.equal(ours, expected.X_fooling)


def test_equal_to_the_plain_loop_on_squeezenet():
    model, X, stingray = squeezenet(), preprocess("chelsea"), class_index("stingray")
    picture, steps = plain_loop(X, stingray, model)
    result = fool(X, stingray, model, in_bytes=False)
    assert abs(result.steps.item() - steps) <= 1 and result.ended == ("fooled",)
    if result.steps.item() == steps:  # rounding opens another gate, now and then
        assert (result.X_fooling - picture).norm() < 0.3 * (picture - X).norm()


def test_a_step_of_a_linear_model_by_hand():
    w = torch.tensor([[3.0, 0, 4], [0, 0, 0]], dtype=torch.float64)  # scores = W mean colour

    def model(X):
        return X.mean(dim=(2, 3)) @ w.T + X.new_tensor([-2, 0])

    X = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    result = fool(X, 0, model, in_bytes=False)
    # The gradient is (3, 0, 4) / 4 everywhere, its norm 2.5; a step raises the score by 2.5.
    assert result.steps.item() == 1
    direction = torch.tensor([0.3, 0, 0.4], dtype=torch.float64)[:, None, None].expand(3, 2, 2)
    torch.testing.assert_close(result.X_fooling[0], direction)
    torch.testing.assert_close(result.target_scores[:, 0], X.new_tensor([-2, 0.5]))
    torch.testing.assert_close(result.margin, X.new_tensor([0.5]))


@pytest.mark.parametrize("in_bytes", [False, True])
def test_each_step_has_the_length_of_the_learning_rate(tiny, X, targets, in_bytes):
    def after(steps):
        return fool(
            X[:1], targets[:1], tiny, learning_rate=0.25, max_steps=steps, in_bytes=in_bytes
        )

    steps = after(100).steps.item()
    assert steps > 2
    looks = [after(t).X_fooling for t in range(steps + 1)]
    lengths = [(b - a).norm().item() for a, b in itertools.pairwise(looks)]
    np.testing.assert_allclose(lengths, 0.25, atol=0.1 if in_bytes else 1e-12)


def test_the_margin_is_asked_for_and_reached(tiny, X, targets):
    for climb in ("score", "margin"):
        result = fool(X, targets, tiny, margin=0.3, climb=climb, in_bytes=False)
        assert result.fooled.all()
        scores = tiny(result.X_fooling)
        for n, y in enumerate(targets.tolist()):
            rival = max(s for c, s in enumerate(scores[n].tolist()) if c != y)
            assert scores[n, y].item() - rival == pytest.approx(result.margin[n].item(), abs=1e-12)
            assert result.margin[n] > 0.3
            before = result.steps[n] - 1
            assert result.target_scores[before, n] - result.rival_scores[before, n] <= 0.3


@pytest.mark.parametrize("climb", ["score", "margin"])
def test_a_margin_that_is_just_reached_is_not_enough(climb):
    def model(X):
        m = X.mean(dim=(1, 2, 3))
        return torch.stack([m + 0.25, 0 * m], dim=1)

    X = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    result = fool(X, 0, model, margin=0.25, climb=climb, in_bytes=False)
    assert result.ended == ("fooled",) and result.steps.item() == 1


def test_climbing_the_margin_follows_the_difference_of_gradients(tiny, X, targets):
    x = X[:1].clone().requires_grad_()
    scores = tiny(x)[0]
    y = targets[0].item()
    rival = max((c for c in range(5) if c != y), key=lambda c: scores[c].item())
    (g,) = torch.autograd.grad(scores[y] - scores[rival], x)
    one = fool(X[:1], targets[:1], tiny, max_steps=1, margin=50.0, climb="margin", in_bytes=False)
    torch.testing.assert_close(one.X_fooling, X[:1] + g / g.norm())


def test_the_path_has_one_row_per_step_and_ends_with_each_picture(tiny, X, targets):
    result = fool(X, targets, tiny, in_bytes=False)
    T = result.steps.max().item()
    assert result.target_scores.shape == result.rival_scores.shape == (T + 1, len(X))
    for n, steps in enumerate(result.steps.tolist()):
        assert result.target_scores[: steps + 1, n].isfinite().all()
        assert result.target_scores[steps + 1 :, n].isnan().all()
    torch.testing.assert_close(result.target_scores[0], tiny(X).gather(1, targets[:, None])[:, 0])


def test_the_norms_are_those_of_the_change(tiny, X, targets):
    result = fool(X, targets, tiny, in_bytes=False)
    change = (result.X_fooling - X).numpy()
    in_bytes = 255 * (pixels_of(result.X_fooling) - pixels_of(X))
    for n in range(len(X)):
        assert result.l2[n].item() == pytest.approx(np.linalg.norm(change[n]))
        assert result.linf[n].item() == pytest.approx(np.abs(change[n]).max())
        assert result.l2_levels[n].item() == pytest.approx(np.linalg.norm(in_bytes[n]))
        assert result.linf_levels[n].item() == pytest.approx(np.abs(in_bytes[n]).max())


def test_a_picture_that_fools_already_stays_as_it_is(tiny, X):
    result = fool(X, tiny(X).argmax(dim=1), tiny, in_bytes=False)
    assert result.steps.tolist() == [0] * len(X) and result.fooled.all()
    assert torch.equal(result.X_fooling, X)


def test_the_step_limit_ends_it_with_an_error_or_an_honest_result(tiny, X, targets):
    result = fool(X, targets, tiny, max_steps=2, margin=100.0, in_bytes=False)
    assert result.ended == ("step limit",) * len(X) and not result.fooled.any()
    assert result.steps.tolist() == [2] * len(X) and (result.margin < 100).all()
    with pytest.raises(
        RuntimeError,
        match=r"picture 0 is not taken for class .* step limit after 1 steps, \d[\de.-]* below",
    ):
        make_fooling_image(X, targets, tiny, learning_rate=1e-6, max_steps=1)
    assert fool(X, targets, tiny, max_steps=0).steps.tolist() == [0] * len(X)


# Scores that end in a ReLU


def relu_scores(offset):
    """Scores (relu(m), relu(offset - m), 1/2) of the mean colour m; class 0 can be asleep."""

    def model(X):
        m = X.mean(dim=(1, 2, 3))
        return torch.stack([torch.relu(m), torch.relu(offset - m), torch.full_like(m, 0.02)], dim=1)

    return model


def test_a_target_that_is_asleep_is_woken_by_a_detour():
    X = torch.full((1, 3, 4, 4), -0.5, dtype=torch.float64)
    result = fool(X, 0, relu_scores(0.4), in_bytes=False, learning_rate=0.5)
    assert result.ended == ("fooled",)
    # A step moves m by 0.5 / sqrt(48) = 0.072: from -0.5 to above 0 in 7, to above 0.2 in 10.
    assert result.detours.item() == 7 and result.steps.item() == 10
    assert (result.target_scores[:7, 0] == 0).all() and result.target_scores[7, 0] > 0


def test_no_gradient_at_all_is_said():
    X = torch.full((2, 3, 4, 4), -0.5, dtype=torch.float64)
    X[1] = 0.01  # this one is awake and gets there
    result = fool(X, 0, relu_scores(-1.0), in_bytes=False, learning_rate=0.1)
    assert result.ended == ("no gradient", "fooled")
    assert torch.equal(result.X_fooling[0], X[0])
    with pytest.raises(RuntimeError, match=r"picture 0 .* no gradient after 0 steps"):
        make_fooling_image(X, 0, relu_scores(-1.0))


@pytest.mark.parametrize("climb", ["score", "margin"])
def test_a_rival_with_an_infinite_gradient(climb):
    def model(X):
        m = X.mean(dim=(1, 2, 3))
        return torch.stack([0 * m, 1e200 * (1e200 * m)], dim=1)

    with pytest.raises(ValueError, match=r"^fool: the model's gradient is NaN or infinite"):
        fool(torch.zeros(1, 3, 2, 2, dtype=torch.float64), 0, model, climb=climb, in_bytes=False)


# Surviving a PNG


def with_ends(X, low, high):
    """Pictures whose pixels go from ``low`` to ``high``, normalised."""
    pixels = denormalize(X).clone()
    pixels[:, :, 0], pixels[:, :, 1] = low, high
    return normalize(pixels)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rounding_is_what_saving_and_loading_does(dtype):
    generator = torch.Generator().manual_seed(1)
    X = 3 * torch.randn(2, 3, 9, 11, generator=generator, dtype=dtype)
    loaded = preprocess(list(deprocess(X)), size=None)
    assert torch.equal(round_to_bytes(X), loaded.to(dtype))
    assert torch.equal(round_to_bytes(round_to_bytes(X)), round_to_bytes(X))


def test_a_saved_picture_still_fools(tmp_path):
    model = squeezenet()
    X = preprocess(["chelsea", "coffee"])
    targets = torch.tensor([class_index("flamingo"), class_index("stingray")])
    result = fool(X, targets, model, margin=1.0, climb="margin")
    for n, picture in enumerate(deprocess(result.X_fooling)):
        save_png(tmp_path / f"{n}.png", picture)
        loaded = preprocess(tmp_path / f"{n}.png", size=None)
        assert torch.equal(loaded[0], result.X_fooling[n])
        scores = model(loaded)[0]
        top = scores.topk(2)
        assert top.indices[0] == targets[n]
        assert top.values[0] - top.values[1] > 0.9
    assert (result.linf_levels < 40).all()
    assert not seen_as(X, targets, model).any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_whatever_fooled_fools_again_when_it_is_saved_and_loaded(dtype, tmp_path):
    X, model = exact_pictures(8, dtype), smooth_network(dtype)
    outcomes = []
    for target_y in range(5):
        result = fool(X, target_y, model, learning_rate=0.05, climb="margin")
        for n, picture in enumerate(deprocess(result.X_fooling)):
            save_png(tmp_path / "fooling.png", picture)
            loaded = preprocess(tmp_path / "fooling.png", size=None).to(dtype)
            assert seen_as(loaded, target_y, model).item() == result.fooled[n]
            outcomes.append(result.fooled[n].item())
    assert sum(outcomes) > 30


def test_steps_shorter_than_a_byte_add_up(tiny, X, targets):
    result = fool(X[:1], targets[:1], tiny, learning_rate=0.02, max_steps=400)
    assert result.fooled.all()
    pixels = 255 * pixels_of(result.X_fooling)
    np.testing.assert_allclose(pixels, np.rint(pixels), atol=1e-4)


@pytest.mark.parametrize(("low", "high"), [(-0.0011, 1.0), (0.0, 1.0011)])
def test_pixels_a_little_out_of_range_are_refused_and_rounding_is_not(tiny, X, low, high):
    y = tiny(X).argmax(dim=1)
    with pytest.raises(ValueError, match=rf"^fool: X .* from {low:g} to {high:g} .*clamp"):
        fool(with_ends(X, low, high), y, tiny)
    assert fool(with_ends(X, 0.8 * low, 1 + 0.8 * (high - 1)), y, tiny).fooled.all()
    fool(with_ends(X, low, high), y, tiny, in_bytes=False)


# What all promise


METHODS = {
    "make_fooling_image": make_fooling_image,
    "fool": lambda X, y, model: fool(X, y, model).X_fooling,
    "seen_as": seen_as,
}
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


@every_method
@pytest.mark.parametrize("fails", [False, True])
def test_model_and_pictures_stay_as_they_were(method, fails):
    promises.assert_model_and_pictures_stay_as_they_were(method, fails)


@every_method
def test_while_it_works_dropout_is_off_and_gradients_need_no_permission(method):
    promises.assert_dropout_is_off_and_gradients_need_no_permission(method)


def test_the_dtype_of_the_record_is_that_of_the_pictures():
    y, X = torch.tensor([1, 2]), exact_pictures(2, torch.float32)
    result = fool(X, y, smooth_network(torch.float32))
    assert result.l2_levels.dtype == result.margin.dtype == result.rival_scores.dtype == X.dtype


@pytest.mark.parametrize("climb", ["score", "margin"])
def test_uphill_is_the_gradient_of_what_is_climbed(tiny, X, targets, climb):
    g, detour, (target, rival) = uphill(X, targets, tiny, climb)
    Z = X.detach().requires_grad_()
    scores = tiny(Z)
    others = scores.scatter(1, targets[:, None], -torch.inf).amax(dim=1)
    chosen = scores.gather(1, targets[:, None]).squeeze(1)
    height = chosen if climb == "score" else chosen - others
    (expected,) = torch.autograd.grad(height.sum(), Z)
    torch.testing.assert_close(g, expected)
    torch.testing.assert_close(torch.stack([target, rival]), torch.stack([chosen, others]))
    assert not detour.any()
