"""Adversarial training on digits: what is robust afterwards, and what nobody touched."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from cs231n_lib.adversarial_training import (
    digit_network,
    digit_pictures,
    robust_accuracy,
    train_digits,
)
from cs231n_lib.images import denormalize


@pytest.fixture(scope="module")
def data():
    return digit_pictures()


@pytest.fixture(scope="module")
def networks(data):
    return [train_digits(data["X_train"], data["y_train"], e)[0] for e in (0.0, 0.15)]


def test_the_digits_are_scikit_learns(data):
    assert data["X_train"].shape == (1437, 3, 8, 8) and data["X_test"].shape == (360, 3, 8, 8)
    pixels = denormalize(torch.cat([data["X_train"], data["X_test"]]))
    assert pixels.min() > -1e-6 and pixels.max() < 1 + 1e-6
    labels = torch.cat([data["y_train"], data["y_test"]]).numpy()
    mine = {
        (label, *np.rint(16 * p[0].ravel()).astype(int)) for label, p in zip(labels, pixels.numpy())
    }
    digits = load_digits()
    assert mine == {(y, *x.astype(int)) for y, x in zip(digits.target, digits.data)}
    assert torch.equal(pixels[:, 0], pixels[:, 0].clamp(-1, 2)) and len(mine) > 1700


def test_the_network_bends_after_each_hidden_layer():
    kinds = [type(part).__name__ for part in digit_network()]
    assert kinds[1:] == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]


def test_the_network_sees_grey_pixels_from_zero_to_one(data):
    grey = digit_network()[0](data["X_test"])
    np.testing.assert_allclose(
        grey.numpy(), denormalize(data["X_test"])[:, 0].flatten(1).numpy(), atol=1e-6
    )


def test_training_against_an_attacker_makes_robust(networks, data):
    normal, robust = networks
    test = data["X_test"], data["y_test"]
    assert robust_accuracy(*test, normal, 0) > 0.93 and robust_accuracy(*test, robust, 0) > 0.92
    assert robust_accuracy(*test, normal, 0.15) < 0.25
    assert robust_accuracy(*test, robust, 0.15) > 0.5


def test_the_same_seed_gives_the_same_network_and_touches_nothing(data):
    X, y = data["X_train"][:200], data["y_train"][:200]
    state = torch.get_rng_state()
    first, losses = train_digits(X, y, 0.1, epochs=2)
    again, _ = train_digits(X, y, 0.1, epochs=2)
    other, _ = train_digits(X, y, 0.1, epochs=2, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first(X), again(X)) and not torch.equal(first(X), other(X))
    assert len(losses) == 4 and not first.training
    assert not any(p.requires_grad for p in first.parameters())


def test_bad_input(data):
    with pytest.raises(ValueError, match="epsilon is 8"):
        train_digits(data["X_train"], data["y_train"], 8.0)
    with pytest.raises(ValueError, match="contains class"):
        robust_accuracy(data["X_test"], data["y_test"] + 3, digit_network(), 0.1)
