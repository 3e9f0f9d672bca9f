"""Fooling images, FGSM and PGD: against a plain loop, foolbox, closed forms and bad input."""

from __future__ import annotations

import io
import itertools
import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from cs231n_lib.see import fooling
from cs231n_lib.see.fooling import (
    DISTORTIONS,
    crop,
    fgsm,
    fool,
    jpeg,
    loss_gradient,
    make_fooling_image,
    pgd,
    project,
    round_to_bytes,
    seen_as,
    shrink_and_pad,
    steepest,
    survives,
)
from cs231n_lib.see.images import blur_image, deprocess, load_image, preprocess, save_png
from cs231n_lib.see.pixels import IMAGENET_MEAN, IMAGENET_STD, denormalize, normalize
from cs231n_lib.see.pretrained import class_index, squeezenet
from cs231n_lib.see.torchvision_import import import_torchvision

import_torchvision()
import foolbox  # noqa: E402  (it imports torchvision)


def tiny_network(dtype=torch.float64, classes=5):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = nn.Sequential(
            nn.Conv2d(3, 6, 3, stride=2), nn.Tanh(), nn.Dropout(0.5), nn.Conv2d(6, 8, 3), nn.Tanh(),
            nn.Flatten(), nn.Linear(8 * 3 * 3, classes),
        )  # fmt: skip
    return model.to(dtype).eval()


def tiny_pictures(N=4, dtype=torch.float64):
    generator = torch.Generator().manual_seed(7)
    return normalize(torch.rand(N, 3, 12, 12, generator=generator, dtype=dtype))


def pixels_of(X):
    """Written independently of cs231n_lib.see.images."""
    array = X.double().numpy()
    return array * np.reshape(IMAGENET_STD, (3, 1, 1)) + np.reshape(IMAGENET_MEAN, (3, 1, 1))


@pytest.fixture(scope="module")
def tiny():
    return tiny_network()


@pytest.fixture(scope="module", name="X")
def _pictures():
    return tiny_pictures()


@pytest.fixture
def targets(tiny, X):
    """The least likely class of each picture."""
    return tiny(X).argmin(dim=1)


# --- The assignment's function


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


def test_no_gradient_is_computed_that_no_step_follows(tiny, X, targets):
    backward = []
    hook = tiny[0].register_full_backward_hook(lambda *_: backward.append(1))
    fool(X[:1], targets[:1], tiny, max_steps=3, margin=1e9, in_bytes=False)
    hook.remove()
    assert len(backward) == 3


def test_each_step_has_the_length_of_the_learning_rate(tiny, X, targets):
    seen = []
    fool(X[:1], targets[:1], tiny, learning_rate=0.25, in_bytes=False,
         callback=lambda step, X_now, ahead: seen.append(X_now))  # fmt: skip
    lengths = [(b - a).norm().item() for a, b in itertools.pairwise(seen)]
    assert len(lengths) > 2
    np.testing.assert_allclose(lengths, 0.25, atol=1e-12)


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


def test_the_callback_gets_the_step_and_the_pictures_still_at_work(tiny, X, targets):
    looks = []
    result = fool(X, targets, tiny, in_bytes=False, callback=lambda *look: looks.append(look))
    assert [step for step, _, _ in looks] == list(range(result.steps.max() + 1))
    assert torch.equal(looks[0][1], X)
    for step, X_now, ahead in looks:
        working = result.steps >= step
        target, rival = result.target_scores[step, working], result.rival_scores[step, working]
        torch.testing.assert_close(ahead, target - rival)
        scores = tiny(X_now).detach().gather(1, targets[working, None])[:, 0]
        torch.testing.assert_close(scores, target)


def test_climbing_the_margin_follows_the_difference_of_gradients(tiny, X, targets):
    x = X[:1].clone().requires_grad_()
    scores = tiny(x)[0]
    y = targets[0].item()
    rival = max((c for c in range(5) if c != y), key=lambda c: scores[c].item())
    (g,) = torch.autograd.grad(scores[y] - scores[rival], x)
    one = fool(X[:1], targets[:1], tiny, max_steps=1, margin=50.0, climb="margin", in_bytes=False)
    torch.testing.assert_close(one.X_fooling, X[:1] + g / g.norm())


def test_the_path_has_a_row_a_step_and_ends_with_each_picture(tiny, X, targets):
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
        assert result.l2_bytes[n].item() == pytest.approx(np.linalg.norm(in_bytes[n]))
        assert result.linf_bytes[n].item() == pytest.approx(np.abs(in_bytes[n]).max())


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


# --- Scores that end in a ReLU


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


# --- Surviving a PNG


def test_rounding_is_what_saving_and_loading_does():
    generator = torch.Generator().manual_seed(1)
    X = 3 * torch.randn(2, 3, 9, 11, generator=generator)
    assert torch.equal(round_to_bytes(X), preprocess(list(deprocess(X)), size=None))
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
    assert (result.linf_bytes < 40).all()
    assert not seen_as(X, targets, model).any()


def test_steps_shorter_than_a_byte_add_up(tiny, X, targets):
    result = fool(X[:1], targets[:1], tiny, learning_rate=0.02, max_steps=400)
    assert result.fooled.all()
    pixels = 255 * pixels_of(result.X_fooling)
    np.testing.assert_allclose(pixels, np.rint(pixels), atol=1e-6)


# --- FGSM and PGD against foolbox


class FromPixels(nn.Module):
    """A model of [0, 1] pixels, as foolbox wants it."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixels):
        mean, std = (pixels.new_tensor(v)[:, None, None] for v in (IMAGENET_MEAN, IMAGENET_STD))
        return self.model((pixels - mean) / std)


def by_foolbox(attack, X, y, model, epsilon, targeted):
    oracle = foolbox.PyTorchModel(FromPixels(model).eval(), bounds=(0, 1), device="cpu")
    criterion = foolbox.criteria
    criterion = (
        criterion.TargetedMisclassification(y) if targeted else criterion.Misclassification(y)
    )
    pixels = denormalize(X).clamp(0, 1)
    return attack.run(oracle, pixels, criterion, epsilon=epsilon)


@pytest.mark.parametrize("targeted", [False, True])
def test_fgsm_is_that_of_foolbox(tiny, X, targets, targeted):
    y = targets if targeted else tiny(X).argmax(dim=1)
    if targeted:  # of which foolbox's own class is not capable
        attack = foolbox.attacks.LinfPGD(abs_stepsize=8 / 255, steps=1, random_start=False)
    else:
        attack = foolbox.attacks.LinfFastGradientAttack(random_start=False)
    expected = by_foolbox(attack, X, y, tiny, 8 / 255, targeted)
    ours = denormalize(fgsm(X, y, tiny, 8 / 255, targeted=targeted))
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("norm, epsilon, step", [("inf", 8 / 255, 2 / 255), (2, 1.0, 0.3)])
def test_pgd_is_that_of_foolbox(tiny, X, targets, targeted, norm, epsilon, step):
    y = targets if targeted else tiny(X).argmax(dim=1)
    kind = foolbox.attacks.LinfPGD if norm == "inf" else foolbox.attacks.L2PGD
    attack = kind(abs_stepsize=step, steps=7, random_start=False)
    expected = by_foolbox(attack, X, y, tiny, epsilon, targeted)
    ours = denormalize(pgd(X, y, tiny, epsilon, norm, 7, step, targeted))
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)
    assert not torch.equal(seen_as(normalize(ours), y, tiny), seen_as(X, y, tiny))


def test_attacks_on_squeezenet_are_those_of_foolbox():
    model, X = squeezenet(), preprocess(["coffee", "camera"])
    y = torch.tensor([class_index("stingray"), class_index("flamingo")])
    for ours, attack in (
        (
            fgsm(X, y, model, 4 / 255, targeted=True),
            foolbox.attacks.LinfPGD(abs_stepsize=4 / 255, steps=1, random_start=False),
        ),
        (
            pgd(X, y, model, 4 / 255, steps=2, step_size=1 / 255, targeted=True),
            foolbox.attacks.LinfPGD(abs_stepsize=1 / 255, steps=2, random_start=False),
        ),
        (
            pgd(X, y, model, 2.0, norm=2, steps=2, step_size=0.5, targeted=True),
            foolbox.attacks.L2PGD(abs_stepsize=0.5, steps=2, random_start=False),
        ),
    ):
        epsilon = 2.0 if isinstance(attack, foolbox.attacks.L2PGD) else 4 / 255
        difference = (denormalize(ours) - by_foolbox(attack, X, y, model, epsilon, True)).abs()
        # In float32 a gradient that is nearly zero may differ in sign, or another gate be open.
        assert (difference > 1e-5).float().mean() < 0.05
        assert difference.mean() < 1e-5


def random_starts(epsilon, norm, dtype=torch.float64):
    """Where 500 grey pictures of one pixel begin, as a share of the budget; (500, 3)."""
    X, starts = normalize(torch.full((500, 3, 1, 1), 0.5, dtype=dtype)), []
    pgd(X, torch.zeros(500, dtype=torch.int64), lambda X: X.mean(dim=(2, 3)), epsilon, norm,
        steps=1, random_start=True, callback=lambda step, Z, losses: starts.append(Z))  # fmt: skip
    return (pixels_of(starts[0]) - pixels_of(X)).reshape(500, 3) / epsilon


def test_the_random_start_is_uniform_in_the_cube():
    change = np.sort(random_starts(0.1, "inf").ravel())
    np.testing.assert_allclose(change, np.linspace(-1, 1, 1500), atol=0.1)
    assert np.abs(change).max() <= 1 + 1e-9


def test_the_random_start_is_uniform_in_the_ball():
    change = random_starts(0.1, 2)
    length = np.linalg.norm(change, axis=1)
    np.testing.assert_allclose(np.sort(length**3), np.linspace(0, 1, 500), atol=0.1)
    assert length.max() <= 1 + 1e-9
    assert np.abs((change / length[:, None]).mean(axis=0)).max() < 0.1


@pytest.mark.parametrize("norm, epsilon", [("inf", 0.05), (2, 0.7)])
@pytest.mark.parametrize("random_start", [False, True])
def test_pgd_keeps_within_its_budget_and_the_pixels(tiny, X, norm, epsilon, random_start):
    y = tiny(X).argmax(dim=1)
    adversarial = pgd(X, y, tiny, epsilon, norm, steps=9, random_start=random_start)
    pixels, change = pixels_of(adversarial), pixels_of(adversarial) - pixels_of(X)
    assert pixels.min() > -1e-12 and pixels.max() < 1 + 1e-12
    order = np.inf if norm == "inf" else 2
    lengths = [np.linalg.norm(c.ravel(), order) for c in change]
    assert max(lengths) < epsilon + 1e-9
    assert min(lengths) > 0.5 * epsilon
    before, after = (
        nn.functional.cross_entropy(tiny(Z), y, reduction="none") for Z in (X, adversarial)
    )
    assert (after > before).all()


@pytest.mark.parametrize(("norm", "epsilon"), [("inf", 0.05), (2, 0.5)])
def test_the_random_start_comes_from_the_seed_and_touches_nothing(tiny, X, norm, epsilon):
    y = tiny(X).argmax(dim=1)

    def attack(seed):
        return pgd(X, y, tiny, epsilon, norm, steps=2, random_start=True, seed=seed)

    state = torch.get_rng_state()
    assert torch.equal(attack(1), attack(1))
    assert not torch.equal(attack(1), attack(2))
    assert torch.equal(torch.get_rng_state(), state)
    # Nearly all of a ball in so many dimensions lies at its surface, and most steps point inwards.
    starts = []
    pgd(X, y, tiny, 0.7, 2, steps=1, random_start=True, callback=lambda _, Z, __: starts.append(Z))
    change = pixels_of(starts[0]) - pixels_of(X)
    assert all(0.3 < np.linalg.norm(c) <= 0.7 + 1e-9 for c in change)


def test_the_default_step_is_madrys(tiny, X):
    y = tiny(X).argmax(dim=1)
    assert torch.equal(
        pgd(X, y, tiny, 0.04, steps=5), pgd(X, y, tiny, 0.04, steps=5, step_size=2.5 * 0.04 / 5)
    )


def test_one_step_of_pgd_is_fgsm(tiny, X):
    y = tiny(X).argmax(dim=1)
    torch.testing.assert_close(
        pgd(X, y, tiny, 0.03, steps=1, step_size=0.03), fgsm(X, y, tiny, 0.03)
    )


def test_pgd_tells_its_pictures_and_their_losses(tiny, X):
    y, looks = tiny(X).argmax(dim=1), []
    pgd(X, y, tiny, 0.05, steps=4, step_size=0.02, callback=lambda *look: looks.append(look))
    steps, pictures, losses = zip(*looks)
    assert steps == (0, 1, 2, 3)
    torch.testing.assert_close(pictures[0], X)
    torch.testing.assert_close(pictures[1], fgsm(X, y, tiny, 0.02))
    for Z, loss in zip(pictures, losses):
        expected = nn.functional.cross_entropy(tiny(Z), y, reduction="none")
        torch.testing.assert_close(loss, expected.detach())
    assert (losses[3] > losses[0]).all()


@pytest.mark.parametrize("shown", [True, False])
def test_a_bar_shows_unless_it_is_turned_off(tiny, X, monkeypatch, shown):
    bars = []
    monkeypatch.setattr(fooling, "progress", lambda steps, label: bars.append(steps) or steps)
    pgd(X, tiny(X).argmax(dim=1), tiny, 0.05, steps=3, show_progress=shown)
    assert bars == [range(3)] * shown


def test_a_budget_may_be_as_large_as_all_pixels_and_a_length_larger(tiny, X):
    y = tiny(X).argmax(dim=1)
    assert torch.equal(pgd(X, y, tiny, 1.0, math.inf, steps=1), pgd(X, y, tiny, 1.0, steps=1))
    assert torch.equal(fgsm(X, y, tiny, 1.0), fgsm(X, y, tiny, 1))
    length = np.linalg.norm(pixels_of(pgd(X, y, tiny, 1.5, 2, steps=3)) - pixels_of(X), axis=(2, 3))
    assert (np.linalg.norm(length, axis=1) > 1).all()


def test_the_gradient_of_the_loss_by_differences(tiny, X):
    pixels, y = denormalize(X[:1]), torch.tensor([2])
    g, loss = loss_gradient(pixels, y, tiny)

    def at(p):
        return -torch.log_softmax(tiny(normalize(p)), dim=1)[0, 2]

    torch.testing.assert_close(loss[0], at(pixels))
    for place in ((0, 0, 0, 0), (0, 1, 5, 7), (0, 2, 10, 3)):
        nudge = torch.zeros_like(pixels)
        nudge[place] = 1e-5
        difference = (at(pixels + nudge) - at(pixels - nudge)) / 2e-5
        assert g[place].item() == pytest.approx(difference.item(), rel=1e-6)


def test_steepest_is_steepest():
    rng = np.random.default_rng(0)
    g = torch.from_numpy(rng.standard_normal((1, 3, 2, 2)))
    for norm, order, dual in ((2.0, 2, 2), (math.inf, np.inf, 1)):
        best = (g * steepest(g, norm)).sum().item()
        assert best == pytest.approx(np.linalg.norm(g.numpy().ravel(), dual))
        for _ in range(200):
            other = rng.standard_normal(12)
            assert g.numpy().ravel() @ other / np.linalg.norm(other, order) <= best
    assert (steepest(torch.zeros(1, 3, 2, 2), 2.0) == 0).all()
    assert (steepest(torch.zeros(1, 3, 2, 2), math.inf) == 0).all()


def test_project_finds_the_nearest_in_the_ball():
    change = torch.tensor([[3.0, 0, 4], [0.3, 0, 0.4]]).reshape(2, 3, 1, 1)
    two = project(change, 1.0, 2.0).reshape(2, 3)
    torch.testing.assert_close(two, torch.tensor([[0.6, 0, 0.8], [0.3, 0, 0.4]]))
    most = project(change, 1.0, math.inf).reshape(2, 3)
    torch.testing.assert_close(most, torch.tensor([[1.0, 0, 1], [0.3, 0, 0.4]]))
    short = project(change, 0.1, 2.0).reshape(2, 3)
    torch.testing.assert_close(short, torch.tensor([[0.06, 0, 0.08], [0.06, 0, 0.08]]))
    assert (project(torch.zeros(1, 3, 1, 1), 0.1, 2.0) == 0).all()


# --- What may happen to a picture


def test_crop_keeps_the_middle():
    X = torch.zeros(1, 3, 20, 10, dtype=torch.float64)
    X[:, :, 5:15, 2:8] = 1
    assert torch.equal(crop(X, 0.5), torch.ones_like(X))
    assert torch.equal(crop(X, 1.0), X)
    X = torch.arange(35.0).view(1, 1, 5, 7).repeat(1, 3, 1, 1)
    torch.testing.assert_close(crop(X, 0.01), torch.full_like(X, 17))  # a single pixel is left


@pytest.mark.parametrize("quality", [1, 60, 95])
def test_jpeg_is_pils(quality):
    X = preprocess("coffee", 32)
    file = io.BytesIO()
    Image.fromarray(load_image("coffee", 32)).save(file, format="JPEG", quality=quality)
    expected = np.asarray(Image.open(file))
    np.testing.assert_array_equal(deprocess(jpeg(X, quality))[0], expected)


def test_shrink_and_pad_moves_the_picture_over_grey_ground():
    X = torch.ones(1, 3, 40, 40, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    areas = {shrink_and_pad(X, generator, 0.5).sum().item() / 3 for _ in range(10)}
    assert len(areas) > 5 and all(20 * 20 <= area <= 40 * 40 for area in areas)
    assert torch.equal(shrink_and_pad(X, generator, 1.0), X)


@pytest.mark.parametrize("H, W, least", [(30, 40, 0.5), (3, 2, 0.05)])
def test_shrink_and_pad_draws_a_share_and_a_place(H, W, least):
    generator, same = (torch.Generator().manual_seed(2) for _ in range(2))
    for _ in range(20):
        share, down, right = torch.rand(3, generator=same, dtype=torch.float64).tolist()
        share = least + (1 - least) * share
        h, w = max(1, round(share * H)), max(1, round(share * W))
        top, left = round(down * (H - h)), round(right * (W - w))
        expected = torch.zeros(1, 3, H, W)
        expected[:, :, top : top + h, left : left + w] = 1
        ours = shrink_and_pad(torch.ones(1, 3, H, W), generator, least)
        torch.testing.assert_close(ours, expected)


def test_distortions_let_gradients_through_where_they_promise():
    X = tiny_pictures(1).requires_grad_()
    generator = torch.Generator().manual_seed(0)
    for distorted in (blur_image(X, 0.5), crop(X), shrink_and_pad(X, generator)):
        (g,) = torch.autograd.grad(distorted.square().sum(), X)
        assert g.isfinite().all() and (g != 0).any()


def test_survives_asks_for_each_distortion(tiny, X):
    y = tiny(X).argmax(dim=1)
    assert set(survives(X, y, tiny)) == set(DISTORTIONS) == {"rounding", "blur", "crop", "JPEG"}
    answers = survives(X, y, tiny, {"nothing": lambda Z: Z, "black": lambda Z: 0 * Z - 2})
    assert answers["nothing"].all()
    black = tiny(torch.full_like(X, -2)).argmax(dim=1)
    assert torch.equal(answers["black"], black == y)


def test_of_several_models_the_losses_are_added(tiny, X):
    other = tiny_network()
    with torch.no_grad():
        other[-1].bias += torch.arange(5.0, dtype=torch.float64)
    pixels, y = denormalize(X), tiny(X).argmin(dim=1)
    parts = [loss_gradient(pixels, y, model) for model in (tiny, other)]
    g, losses = loss_gradient(pixels, y, [tiny, other])
    torch.testing.assert_close(g, parts[0][0] + parts[1][0])
    torch.testing.assert_close(losses, parts[0][1] + parts[1][1])
    torch.testing.assert_close(fgsm(X, y, (tiny,), 0.1), fgsm(X, y, tiny, 0.1))


def test_one_picture_can_fool_several_models(tiny, X):
    other = tiny_network().train()
    with torch.no_grad():
        other[-1].bias += 0.2 * torch.arange(5.0, dtype=torch.float64)
    y = tiny(X).argmin(dim=1)
    adversarial = pgd(X, y, [tiny, other], 0.3, steps=30, targeted=True)
    assert seen_as(adversarial, y, tiny).all() and seen_as(adversarial, y, other).all()
    assert all(module.training for module in other.modules())
    with pytest.raises(ValueError, match="pgd: no models"):
        pgd(X, y, [], 0.3)
    with pytest.raises(TypeError, match=r"model's weights torch\.float32"):
        pgd(X, y, [tiny, tiny_network(torch.float32)], 0.3)


# --- Nothing is changed, whatever happens


def everything(model):
    return (
        [p.detach().clone() for p in model.parameters()],
        [p.requires_grad for p in model.parameters()],
        [m.training for m in model.modules()],
        [len(m._forward_hooks) + len(m._backward_hooks) for m in model.modules()],
        [p.grad for p in model.parameters()],
    )


ATTACKS = {
    "make_fooling_image": make_fooling_image,
    "fool": lambda X, y, model: fool(X, y, model).X_fooling,
    "fgsm": lambda X, y, model: fgsm(X, y, model, 0.03),
    "pgd": lambda X, y, model: pgd(X, y, model, 0.03, steps=2),
    "seen_as": seen_as,
    "survives": lambda X, y, model: survives(X, y, model, {"blur": lambda Z: blur_image(Z, 0.5)}),
}


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("fails", [False, True])
def test_model_and_pictures_stay_as_they_were(name, fails):
    model, X = tiny_network().train(), tiny_pictures(2).requires_grad_()
    model[0].weight.requires_grad_(False)
    y = torch.tensor([1, 99 if fails else 0])
    kept_X, kept_y, before = X.detach().clone(), y.clone(), everything(model)
    if fails:
        with pytest.raises(ValueError, match="class 99, expected 0 to 4"):
            ATTACKS[name](X, y, model)
    else:
        ATTACKS[name](X, y, model)
    after = everything(model)
    assert all(torch.equal(a, b) for a, b in zip(before[0], after[0]))
    assert before[1:4] == after[1:4] and after[4] == [None] * len(after[4])
    assert torch.equal(X.detach(), kept_X) and X.requires_grad and X.grad is None
    assert torch.equal(y, kept_y)


class Watched(nn.Module):
    """A network that notes how it is used."""

    def __init__(self):
        super().__init__()
        self.network = tiny_network().train()
        self.calls = 0

    def forward(self, X):
        assert not self.training and not any(m.training for m in self.modules())
        assert not any(weight.requires_grad for weight in self.parameters())
        self.calls += 1
        return self.network(X)


@pytest.mark.parametrize("name", ATTACKS)
def test_while_it_works_dropout_is_off_and_weights_are_frozen(name):
    X, y, watched = tiny_pictures(2), torch.tensor([1, 2]), Watched().train()
    ours, expected = (ATTACKS[name](X, y, model) for model in (watched, tiny_network()))
    assert watched.calls > 0 and watched.training
    if isinstance(ours, dict):
        ours, expected = ours["blur"], expected["blur"]
    assert torch.equal(ours, expected)


def test_it_works_inside_no_grad(tiny, X, targets):
    expected = make_fooling_image(X, targets, tiny)
    with torch.no_grad():
        assert torch.equal(make_fooling_image(X, targets, tiny), expected)
        assert not torch.equal(fgsm(X, targets, tiny, 0.03), X)
    assert not expected.requires_grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtypes_are_kept(dtype):
    model, X = tiny_network(dtype), tiny_pictures(2, dtype)
    y = torch.tensor([1, 2])
    for attack in (make_fooling_image, ATTACKS["fool"], ATTACKS["fgsm"], ATTACKS["pgd"]):
        assert attack(X, y, model).dtype == dtype
    for norm in ("inf", 2):
        assert pgd(X, y, model, 0.03, norm, steps=1, random_start=True).dtype == dtype
    result = fool(X, y, model)
    assert result.l2_bytes.dtype == result.margin.dtype == result.rival_scores.dtype == dtype


# --- Bad input


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize(
    "spoil, error, message",
    [
        (lambda X, y: (X.numpy(), y), TypeError, "X is a ndarray, expected a tensor"),
        (lambda X, y: (X[0], y), ValueError, r"X has shape \(3, 12, 12\)"),
        (lambda X, y: (X[:, :1], y), ValueError, "with 3 colours"),
        (lambda X, y: (X[:0], y[:0]), ValueError, "expected no size to be zero"),
        (lambda X, y: ((X * 50).byte(), y), TypeError, "expected floats"),
        (lambda X, y: (X.float(), y), TypeError, "but the model's weights torch.float64"),
        (lambda X, y: (X * 100, y), ValueError, "expected normalised pixels"),
        (lambda X, y: (X * math.nan, y), ValueError, "NaN or infinite"),
        (lambda X, y: (X.to("meta"), y), ValueError, "X is on meta, but the model is on cpu"),
        (lambda X, y: (X, y.to("meta")), ValueError, "is on meta, but the pictures are on cpu"),
        (lambda X, y: (X, y[:1]), ValueError, r"has shape \(1,\), expected \(2,\)"),
        (lambda X, y: (X, y.float()), TypeError, "expected an int64 tensor"),
        (lambda X, y: (X, y - 5), ValueError, "contains class -5, expected 0 or more"),
        (lambda X, y: (X, y + 5), ValueError, "expected 0 to 4"),
    ],
)
def test_bad_pictures_and_classes(tiny, name, spoil, error, message):
    X, y = spoil(tiny_pictures(2), torch.tensor([0, 1]))
    with pytest.raises(error, match=message):
        ATTACKS[name](X, y, tiny)


@pytest.mark.parametrize("name", ["make_fooling_image", "fool", "fgsm", "pgd"])
@pytest.mark.parametrize(
    "model, message",
    [
        (lambda X: X.mean(dim=(2, 3)) * math.nan, "scores that are NaN"),
        (lambda X: X.mean(dim=(2, 3)).detach(), "no gradient leads from the scores back"),
        (lambda X: X.mean(dim=2), "scores of shape"),
        (lambda X: X.new_ones(2, 3, requires_grad=True), "no gradient leads from the scores back"),
        (lambda X: torch.sqrt(X.sum(dim=(2, 3)) * 0), "gradient is NaN"),
    ],
)
def test_bad_models(name, model, message):
    X = tiny_pictures(2)
    target = model(X).flatten(1).argmin(dim=1).clamp(max=2)
    with pytest.raises(ValueError, match=message):
        ATTACKS[name](X, target, model)


@pytest.mark.parametrize("climb", ["score", "margin"])
def test_a_rival_with_an_infinite_gradient(climb):
    def model(X):
        m = X.mean(dim=(1, 2, 3))
        return torch.stack([0 * m, 1e200 * (1e200 * m)], dim=1)

    with pytest.raises(ValueError, match=r"^fool: the model's gradient is NaN or infinite"):
        fool(torch.zeros(1, 3, 2, 2, dtype=torch.float64), 0, model, climb=climb, in_bytes=False)


def test_a_single_class_is_no_contest(X):
    with pytest.raises(ValueError, match="single class"):
        fool(X, 0, lambda X: X.mean(dim=(1, 2, 3))[:, None])


@pytest.mark.parametrize(
    "settings, error, message",
    [
        ({"learning_rate": 0.0}, ValueError, "learning_rate is 0, expected above 0"),
        ({"learning_rate": math.nan}, ValueError, "learning_rate is nan"),
        ({"max_steps": -1}, ValueError, "max_steps is -1, expected at least 0"),
        ({"max_steps": 2.5}, TypeError, "max_steps is 2.5, expected a whole number"),
        ({"margin": -1.0}, ValueError, "margin is -1, expected at least 0"),
        ({"margin": "big"}, TypeError, "margin is 'big', expected a number"),
        ({"climb": "hill"}, ValueError, "climb is 'hill', expected"),
    ],
)
def test_bad_settings_of_fool(tiny, X, settings, error, message):
    with pytest.raises(error, match=message):
        fool(X, 0, tiny, **settings)


def test_a_bool_is_no_class(tiny, X):
    with pytest.raises(TypeError, match="target_y is bool"):
        fool(X, True, tiny)


@pytest.mark.parametrize(
    "settings, error, message",
    [
        ({"epsilon": 0.0}, ValueError, "epsilon is 0, expected above 0"),
        ({"epsilon": -0.1}, ValueError, "epsilon is -0.1"),
        ({"epsilon": math.inf}, ValueError, "epsilon is inf"),
        ({"epsilon": 8.0}, ValueError, "8 bytes are 8 / 255"),
        ({"epsilon": 0.1, "steps": 0}, ValueError, "steps is 0, expected at least 1"),
        ({"epsilon": 0.1, "step_size": -1.0}, ValueError, "step_size is -1"),
        ({"epsilon": 0.1, "norm": 1}, ValueError, 'norm is 1, expected "inf" or 2'),
        ({"epsilon": 0.1, "norm": "2"}, ValueError, "norm is '2'"),
    ],
)
def test_bad_settings_of_pgd(tiny, X, settings, error, message):
    with pytest.raises(error, match=message):
        pgd(X, torch.zeros(4, dtype=torch.int64), tiny, **settings)


def test_pixels_out_of_range(tiny, X):
    y = torch.zeros(4, dtype=torch.int64)
    for attack in (ATTACKS["fool"], ATTACKS["fgsm"], ATTACKS["pgd"]):
        with pytest.raises(ValueError, match="clamp_pixels moves them there"):
            attack(X + 2, y, tiny)


def with_ends(X, low, high):
    """Pictures whose pixels go from ``low`` to ``high``, normalised."""
    pixels = denormalize(X).clone()
    pixels[:, :, 0], pixels[:, :, 1] = low, high
    return normalize(pixels)


@pytest.mark.parametrize("low, high", [(-0.0011, 1.0), (0.0, 1.0011)])
def test_pixels_a_little_more_out_of_range(tiny, X, low, high):
    Z, y = with_ends(X, low, high), torch.zeros(4, dtype=torch.int64)
    for attack in (ATTACKS["fool"], ATTACKS["fgsm"], ATTACKS["pgd"]):
        with pytest.raises(ValueError, match="clamp_pixels moves them there"):
            attack(Z, y, tiny)
    with pytest.raises(ValueError, match=f"^loss_gradient: pixels go from {low:.4g} to {high:.4g}"):
        loss_gradient(denormalize(Z), y, tiny)


def test_pixels_that_rounding_moved_out_of_range_are_clipped_first(tiny, X):
    y = tiny(X).argmax(dim=1)
    outside, inside = with_ends(X, -0.0009, 1.0009), with_ends(X, 0.0, 1.0)
    for attack in (
        lambda Z: fgsm(Z, y, tiny, 0.05),
        lambda Z: pgd(Z, y, tiny, 0.05, steps=2),
        lambda Z: pgd(Z, y, tiny, 0.5, 2, steps=2),
    ):
        torch.testing.assert_close(attack(outside), attack(inside), rtol=0, atol=1e-12)
    assert fool(outside, y, tiny).fooled.all()
    assert loss_gradient(denormalize(outside), y, tiny)[1].isfinite().all()


@pytest.mark.parametrize(
    "function",
    [
        round_to_bytes,
        crop,
        jpeg,
        lambda X: shrink_and_pad(X, torch.Generator()),
        lambda X: steepest(X, 2),
        lambda X: project(X, 0.1, 2),
        lambda X: loss_gradient(X, torch.zeros(4, dtype=torch.int64), tiny_network()),
    ],
)
def test_a_message_about_a_shape_names_its_axes(function, X):
    with pytest.raises(ValueError, match=r"shape \(3, 12, 12\), expected \(N, 3, H, W\)$"):
        function(X[0])


def test_bad_settings_of_distortions(X):
    with pytest.raises(ValueError, match=r"share is 1\.5, expected above 0 and at most 1"):
        crop(X, 1.5)
    with pytest.raises(ValueError, match="least is 0"):
        shrink_and_pad(X, torch.Generator(), 0.0)
    with pytest.raises(ValueError, match="quality is 96, expected 1 to 95"):
        jpeg(X, 96)


def test_loss_gradient_holds_the_model_still():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten())
    model = nn.Sequential(model, nn.LazyLinear(5)).double().train()
    pixels, y = torch.rand(2, 3, 6, 6, dtype=torch.float64), torch.tensor([0, 3])
    model(normalize(pixels))
    statistics = model[0][1].running_mean.clone()
    first, _ = loss_gradient(pixels, y, model)
    again, _ = loss_gradient(pixels, y, model)
    assert torch.equal(first, again)
    assert torch.equal(model[0][1].running_mean, statistics)
    assert model[0][1].training
