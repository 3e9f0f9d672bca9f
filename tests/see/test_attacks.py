"""FGSM and PGD: against foolbox, by differences, in closed form; within their budget."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from cs231n_lib.see import attacks
from cs231n_lib.see.attacks import fgsm, loss_gradient, pgd, project, steepest
from cs231n_lib.see.fooling import seen_as
from cs231n_lib.see.images import preprocess
from cs231n_lib.see.pixels import IMAGENET_MEAN, IMAGENET_STD, denormalize, normalize
from cs231n_lib.see.pretrained import class_index, squeezenet
from cs231n_lib.see.torchvision_import import import_torchvision
from tests.see import promises
from tests.tiny import exact_pictures, smooth_network

import_torchvision()
import foolbox  # noqa: E402  (it imports torchvision)


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
@pytest.mark.parametrize(("norm", "epsilon"), [("inf", 8 / 255), (2, 1.0)])
def test_pgd_is_that_of_foolbox(tiny, X, targets, targeted, norm, epsilon):
    y = targets if targeted else tiny(X).argmax(dim=1)
    kind = foolbox.attacks.LinfPGD if norm == "inf" else foolbox.attacks.L2PGD
    attack = kind(abs_stepsize=2.5 * epsilon / 7, steps=7, random_start=False)
    expected = by_foolbox(attack, X, y, tiny, epsilon, targeted)
    ours = denormalize(pgd(X, y, tiny, epsilon, norm, 7, targeted))
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)
    assert not torch.equal(seen_as(normalize(ours), y, tiny), seen_as(X, y, tiny))


@pytest.mark.parametrize(
    ("norm", "epsilon", "steps"), [("inf", 4 / 255, 1), ("inf", 4 / 255, 3), (2, 2.0, 3)]
)
def test_attacks_on_squeezenet_are_those_of_foolbox(norm, epsilon, steps):
    model, X = squeezenet(), preprocess(["coffee", "camera"])
    y = torch.tensor([class_index("stingray"), class_index("flamingo")])
    kind = foolbox.attacks.LinfPGD if norm == "inf" else foolbox.attacks.L2PGD
    attack = kind(abs_stepsize=2.5 * epsilon / steps, steps=steps, random_start=False)
    if steps == 1:
        ours = fgsm(X, y, model, epsilon, targeted=True)
    else:
        ours = pgd(X, y, model, epsilon, norm, steps, targeted=True)
    difference = (denormalize(ours) - by_foolbox(attack, X, y, model, epsilon, True)).abs()
    # In float32 a gradient that is nearly zero may differ in sign, or another gate be open.
    assert (difference > 1e-5).float().mean() < 0.05
    assert difference.mean() < 3e-5


def random_starts(monkeypatch, epsilon, norm, dtype=torch.float64):
    """Where 500 grey pictures of one pixel begin, as a share of the budget; (500, 3)."""
    X, starts = normalize(torch.full((500, 3, 1, 1), 0.5, dtype=dtype)), []
    y = torch.zeros(500, dtype=torch.int64)
    note(monkeypatch, starts)
    pgd(X, y, lambda X: X.mean(dim=(2, 3)), epsilon, norm, steps=1, seed=0)
    return (starts[0].numpy() - 0.5).reshape(500, 3) / epsilon


def note(monkeypatch, looks):
    """Have the pixels noted at which an attack looks."""

    def look(pixels, y, model):
        looks.append(pixels)
        return loss_gradient(pixels, y, model)

    monkeypatch.setattr(attacks, "loss_gradient", look)


def test_the_random_start_is_uniform_in_the_cube(monkeypatch):
    change = np.sort(random_starts(monkeypatch, 0.1, "inf").ravel())
    np.testing.assert_allclose(change, np.linspace(-1, 1, 1500), atol=0.1)
    assert np.abs(change).max() <= 1 + 1e-9


def test_the_random_start_is_uniform_in_the_ball(monkeypatch):
    change = random_starts(monkeypatch, 0.1, 2)
    length = np.linalg.norm(change, axis=1)
    np.testing.assert_allclose(np.sort(length**3), np.linspace(0, 1, 500), atol=0.1)
    assert length.max() <= 1 + 1e-9
    assert np.abs((change / length[:, None]).mean(axis=0)).max() < 0.1


@pytest.mark.parametrize(("norm", "epsilon"), [("inf", 0.05), (2, 0.5)])
def test_the_random_start_comes_from_the_seed_and_touches_nothing(tiny, X, norm, epsilon):
    y = tiny(X).argmax(dim=1)

    def attack(seed):
        return pgd(X, y, tiny, epsilon, norm, steps=2, seed=seed)

    state = torch.get_rng_state()
    assert torch.equal(attack(1), attack(1))
    assert not torch.equal(attack(1), attack(2)) and not torch.equal(attack(0), attack(None))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(("norm", "epsilon"), [("inf", 0.05), (2, 0.7)])
@pytest.mark.parametrize("seed", [None, 0])
def test_pgd_keeps_within_its_budget_and_the_pixels(tiny, X, norm, epsilon, seed, monkeypatch):
    y, looks = tiny(X).argmax(dim=1), []
    note(monkeypatch, looks)
    adversarial = pgd(X, y, tiny, epsilon, norm, steps=9, seed=seed)
    order = np.inf if norm == "inf" else 2
    assert len(looks) == 9
    for pixels in [*(pixels.numpy() for pixels in looks[1:]), pixels_of(adversarial)]:
        lengths = [np.linalg.norm(c.ravel(), order) for c in pixels - pixels_of(X)]
        assert pixels.min() > -1e-12 and pixels.max() < 1 + 1e-12
        assert max(lengths) < epsilon + 1e-9 and min(lengths) > 0.2 * epsilon
    before, after = (
        nn.functional.cross_entropy(tiny(Z), y, reduction="none") for Z in (X, adversarial)
    )
    assert (after > before).all()


def test_one_step_of_pgd_is_fgsm(tiny, X):
    y = tiny(X).argmax(dim=1)
    torch.testing.assert_close(pgd(X, y, tiny, 0.03, steps=1), fgsm(X, y, tiny, 0.03))


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


def test_of_several_models_the_losses_are_added(tiny, X):
    other = smooth_network()
    with torch.no_grad():
        other[-1].bias += torch.arange(5.0, dtype=torch.float64)
    pixels, y = denormalize(X), tiny(X).argmin(dim=1)
    parts = [loss_gradient(pixels, y, model) for model in (tiny, other)]
    g, losses = loss_gradient(pixels, y, [tiny, other])
    torch.testing.assert_close(g, parts[0][0] + parts[1][0])
    torch.testing.assert_close(losses, parts[0][1] + parts[1][1])
    torch.testing.assert_close(fgsm(X, y, (tiny,), 0.1), fgsm(X, y, tiny, 0.1))


def test_one_picture_can_fool_several_models(tiny, X):
    other = smooth_network().train()
    with torch.no_grad():
        other[-1].bias += 0.2 * torch.arange(5.0, dtype=torch.float64)
    y = tiny(X).argmin(dim=1)
    adversarial = pgd(X, y, [tiny, other], 0.3, steps=30, targeted=True)
    assert seen_as(adversarial, y, tiny).all() and seen_as(adversarial, y, other).all()
    assert all(module.training for module in other.modules())


@pytest.mark.parametrize(("low", "high"), [(-0.0011, 1.0), (0.0, 1.0011)])
def test_pixels_a_little_out_of_range_are_refused(tiny, X, low, high):
    Z, y = with_ends(X, low, high), torch.zeros(4, dtype=torch.int64)
    for attack in (fgsm, pgd):
        with pytest.raises(ValueError, match=f"^{attack.__name__}: X .*clamp_pixels moves them"):
            attack(Z, y, tiny, 0.1)
    with pytest.raises(ValueError, match=f"^loss_gradient: .* from {low:g} to {high:g},"):
        loss_gradient(denormalize(Z), y, tiny)


def with_ends(X, low, high):
    """Pictures whose pixels go from ``low`` to ``high``, normalised."""
    pixels = denormalize(X).clone()
    pixels[:, :, 0], pixels[:, :, 1] = low, high
    return normalize(pixels)


def test_pixels_that_rounding_moved_out_of_range_are_clipped_first(tiny, X):
    y = tiny(X).argmax(dim=1)
    outside, inside = with_ends(X, -0.0009, 1.0009), with_ends(X, 0.0, 1.0)
    for attack in (
        lambda Z: fgsm(Z, y, tiny, 0.05),
        lambda Z: pgd(Z, y, tiny, 0.05, steps=2),
        lambda Z: pgd(Z, y, tiny, 0.5, 2, steps=2),
    ):
        torch.testing.assert_close(attack(outside), attack(inside), rtol=0, atol=1e-12)
    assert loss_gradient(denormalize(outside), y, tiny)[1].isfinite().all()


ATTACKS = {
    "fgsm": lambda X, y, model: fgsm(X, y, model, 0.03),
    "pgd": lambda X, y, model: pgd(X, y, model, 0.03, steps=2),
    "loss_gradient": lambda X, y, model: loss_gradient(denormalize(X), y, model)[0],
}
every_attack = pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)


@every_attack
@pytest.mark.parametrize("fails", [False, True])
def test_model_and_pictures_stay_as_they_were(attack, fails):
    promises.assert_model_and_pictures_stay_as_they_were(attack, fails)


@every_attack
def test_while_it_works_dropout_is_off_and_gradients_need_no_permission(attack):
    promises.assert_dropout_is_off_and_gradients_need_no_permission(attack)


@pytest.mark.parametrize("norm", ["inf", 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtypes_are_kept_and_no_gradient_is_no_step(norm, dtype):
    X, y = exact_pictures(2, torch.float32).to(dtype), torch.tensor([0, 1])

    def flat(X):
        return 0 * X.mean(dim=(2, 3))

    found = pgd(X, y, flat, 0.03, norm, steps=1)
    assert found.dtype == dtype and pgd(X, y, flat, 0.03, norm, steps=1, seed=1).dtype == dtype
    torch.testing.assert_close(found, X)
