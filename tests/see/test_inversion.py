"""Feature inversion: its distances against NumPy, and what comes back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cs231n_lib.see.class_visualization import visualize
from cs231n_lib.see.fourier import FourierPicture
from cs231n_lib.see.images import preprocess
from cs231n_lib.see.inversion import feature_distance, invert_features, total_variation
from cs231n_lib.see.network import activations
from cs231n_lib.see.pretrained import squeezenet
from tests.see.test_class_visualization import assert_same, state, tiny
from tests.see.test_network import Looks


@pytest.fixture(scope="module")
def network():
    return squeezenet()


def test_distance_and_variation_against_numpy():
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


def test_the_smallest_picture_varies_from_one_pixel():
    X = torch.tensor([[3.0, 5.0], [2.0, 99.0]]).view(1, 1, 2, 2)
    assert total_variation(X).tolist() == [(3 - 2) ** 2 + (3 - 5) ** 2]


def test_it_is_visualize_with_a_distance_and_no_view():
    model, X = tiny().eval(), torch.rand(2, 3, 8, 8, dtype=torch.float64)
    distance = feature_distance("2", activations(model, X, "2").detach())
    settings = {"num_iterations": 3, "learning_rate": 0.2}
    expected, losses = visualize(
        lambda model, guess: distance(model, guess) + 0.5 * total_variation(guess),
        model, FourierPicture(2, 8, seed=4).double(), view=None, **settings,
    )  # fmt: skip
    inverted, ours = invert_features(X, model, "2", tv_weight=0.5, seed=4, **settings)
    torch.testing.assert_close(inverted, expected)
    torch.testing.assert_close(ours, losses)


def test_a_flat_picture_has_a_gradient():
    X = torch.zeros(1, 3, 4, 4, requires_grad=True)
    total_variation(X, 1).sum().backward()
    assert X.grad.isfinite().all()


def test_gets_the_picture_back_from_the_first_layer(network):
    X = preprocess("chelsea", 64)
    inverted, losses = invert_features(X, network, "features.0", tv_weight=0, num_iterations=80)
    assert losses[-1] < 0.25 * losses[0]
    both = torch.stack([X.ravel(), inverted.ravel()])
    assert torch.corrcoef(both)[0, 1] > 0.7


def test_the_weight_of_the_variation_makes_smooth_pictures():
    model, X = tiny().eval(), torch.rand(1, 3, 8, 8, dtype=torch.float64)
    rough, smooth = (
        total_variation(invert_features(X, model, "2", tv_weight=w, num_iterations=20)[0], 1)
        for w in (0.0, 10.0)
    )
    assert smooth < 0.5 * rough


def test_deep_layers_forget_more(network):
    X = preprocess("chelsea", 64)
    lost = []
    for layer in ("features.0", "features.12"):
        inverted, _ = invert_features(X, network, layer, num_iterations=40)
        lost.append((inverted - X).square().mean().item())
    assert lost[1] > 2 * lost[0]


def test_leaves_all_as_it_was():
    model, X = tiny().train(), torch.rand(1, 3, 8, 8, dtype=torch.float64)
    before, copy = state(model), X.clone()
    inverted, _ = invert_features(X, model, "2", num_iterations=2)
    assert_same(before, state(model))
    assert torch.equal(X, copy) and not X.requires_grad and inverted.dtype == X.dtype


def test_the_activations_have_to_fit_the_target():
    distance = feature_distance("0", torch.ones(1, 5, 6, 7))
    model, picture = tiny().eval(), FourierPicture(1, 8).double()
    with pytest.raises(ValueError, match=r"visualize: target has shape .*, expected \(1, 5, 6, 6"):
        visualize(distance, model, picture)


def test_no_step_waits_for_a_number():
    X, counts = torch.randn(1, 3, 8, 8, dtype=torch.float64), []
    for steps in (22, 30):  # both look after 1, 11 and 21 steps, and after the last
        with Looks() as looks:
            invert_features(X, tiny(), "2", num_iterations=steps)
        counts.append(looks.count)
    assert counts[1] - counts[0] == 8  # Adam's number of the step, which is on the CPU in any case
