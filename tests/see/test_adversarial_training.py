"""Adversarial training on digits: what is robust afterwards, and what nobody touched."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from cs231n_lib.see import adversarial_training
from cs231n_lib.see.adversarial_training import (
    digit_network,
    digit_pictures,
    robust_accuracy,
    train_digits,
)
from cs231n_lib.see.attacks import pgd
from cs231n_lib.see.pixels import denormalize


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
    order = np.random.default_rng(231).permutation(1797)
    assert labels.tolist() == digits.target[order].tolist()
    assert mine == {(y, *x.astype(int)) for y, x in zip(digits.target, digits.data)}
    assert torch.equal(pixels[:, 0], pixels[:, 0].clamp(-1, 2)) and len(mine) > 1700


def test_the_network_bends_after_each_hidden_layer():
    kinds = [type(part).__name__ for part in digit_network()]
    assert kinds[1:] == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]


def test_the_sizes_and_the_seed_of_the_network():
    network = digit_network(seed=3, hidden=7)
    assert [tuple(network[n].weight.shape) for n in (1, 3, 5)] == [(7, 64), (7, 7), (10, 7)]
    assert torch.equal(network[1].weight, digit_network(seed=3, hidden=7)[1].weight)
    assert not torch.equal(network[1].weight, digit_network(seed=4, hidden=7)[1].weight)


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


def plain_training(X, y, epsilon, steps, epochs, batch_size, learning_rate, seed):
    model = digit_network(seed)
    adam = torch.optim.Adam(model.parameters(), lr=learning_rate)
    generator, losses = torch.Generator().manual_seed(seed), []
    for _ in range(epochs):
        order = torch.randperm(len(X), generator=generator)
        for first in range(0, len(X), batch_size):
            batch = order[first : first + batch_size]
            seen = X[batch]
            if epsilon:
                seen = pgd(seen, y[batch], model, epsilon, steps=steps)
            loss = nn.functional.cross_entropy(model(seen), y[batch])
            model.zero_grad()
            loss.backward()
            adam.step()
            losses.append(loss.item())
    return model, losses


@pytest.mark.parametrize("epsilon", [0.0, 0.1])
def test_training_equals_a_plain_loop(data, epsilon):
    X, y = data["X_train"][:12], data["y_train"][:12]
    settings = {"steps": 2, "epochs": 2, "batch_size": 5, "learning_rate": 0.01, "seed": 4}
    (model, losses), (expected, expected_losses) = (
        train(X, y, epsilon, **settings) for train in (train_digits, plain_training)
    )
    assert len(losses) == 6
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-3)
    np.testing.assert_allclose(model(X).numpy(), expected(X).detach().numpy(), rtol=0.1, atol=0.02)


@pytest.mark.parametrize("attacked", [train_digits, robust_accuracy])
def test_the_attack_gets_the_budget_and_the_steps(data, monkeypatch, attacked):
    X, y, attacks = data["X_test"][:4], data["y_test"][:4], []

    def attack(*given, **settings):
        attacks.append(inspect.signature(pgd).bind(*given, **settings).arguments)
        return given[0]

    monkeypatch.setattr(adversarial_training, "pgd", attack)
    rest = {"epochs": 1} if attacked is train_digits else {"model": digit_network()}
    attacked(X, y, epsilon=0.0, **rest)
    assert attacks == []
    attacked(X, y, epsilon=0.1, steps=3, **rest)
    (found,) = attacks
    assert found.keys() == {"X", "y", "model", "epsilon", "steps"}
    assert (found["epsilon"], found["steps"]) == (0.1, 3)


def test_a_budget_may_be_as_large_as_all_pixels(data):
    X, y = data["X_test"][:4], data["y_test"][:4]
    model, losses = train_digits(X, y, 1.0, steps=1, epochs=1)
    assert np.isfinite(losses).all()
    assert 0 <= robust_accuracy(X, y, model, 1.0, steps=1) <= 1


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
