"""Half precision, autocast and inference mode, for the functions that look into a network."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from cs231n_lib.see.adversarial_training import digit_network
from cs231n_lib.see.attacks import pgd
from cs231n_lib.see.class_visualization import class_score, visualize
from cs231n_lib.see.fooling import fool, seen_as
from cs231n_lib.see.fourier import FourierPicture
from cs231n_lib.see.images import deprocess, preprocess
from cs231n_lib.see.inversion import feature_distance
from cs231n_lib.see.network import frozen
from cs231n_lib.see.pixels import denormalize
from cs231n_lib.see.precision import in_float32, plainly, widened
from cs231n_lib.see.saliency import compute_saliency_maps, smooth_grad
from cs231n_lib.see.style_transfer import Recipe, minimize, transfer_loss
from tests.tiny import chain, exact_pictures, smooth_network

HALF = (torch.float16, torch.bfloat16)


@pytest.mark.parametrize("dtype", HALF)
def test_only_half_precision_is_widened(dtype):
    assert widened(torch.ones(2, dtype=dtype)).dtype == torch.float32
    for other in (torch.ones(2), torch.ones(2).double(), torch.ones(2).long(), None, [1.0]):
        assert widened(other) is other


@pytest.mark.parametrize("dtype", HALF)
def test_a_function_computes_in_float32_and_its_model_and_its_answer_have_half_precision(dtype):
    @in_float32
    def method(X, model, weights=None):
        assert X.dtype == weights.dtype == torch.float32
        return model(X).float() + 1e-5 - 1e-5, weights > 0, "a name"

    X = torch.tensor([0.5, 1.0], dtype=dtype)
    seen = []
    numbers, positive, name = method(X, lambda X: seen.append(X.dtype) or X, weights=X)
    assert seen == [dtype]
    assert numbers.dtype == dtype and positive.dtype == torch.bool and name == "a name"
    torch.testing.assert_close(numbers, X, rtol=0, atol=0)


def test_a_layer_of_half_precision_that_fails_has_its_own_name():
    X, y = exact_pictures(1).half(), torch.tensor([0])
    with pytest.raises(ValueError, match=r"of shape \(1, 3, 2, 2\), in its layer '0': "):
        smooth_grad(X[:, :, :2, :2], y, smooth_network(torch.float16), samples=1)


def test_what_is_not_half_precision_is_handed_on():
    method = in_float32(lambda X, model: (X, model))
    X = torch.ones(2)
    assert method(X, abs) == (X, abs) and method(X, model=X.half())[0].dtype == torch.float32


def test_an_answer_that_a_precision_cannot_hold_is_refused():
    square = in_float32(lambda X: X**2)
    X = torch.tensor([300.0, 3.0]).half()
    with pytest.raises(ValueError, match=r"goes up to 9e\+04, and torch.float16 to 6.55e\+04"):
        square(X)
    assert torch.equal(square(X.bfloat16()), torch.tensor([90112.0, 9.0]).bfloat16())
    assert square(X * torch.inf).isinf().all()


@pytest.mark.parametrize("left", [plainly, lambda: frozen(abs)], ids=["plainly", "frozen"])
def test_inference_mode_and_autocast_are_left_and_entered_again(left):
    A = torch.ones(2, 2)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        with left():
            assert not torch.is_grad_enabled()
            product = A @ A
            assert not product.is_inference() and product.dtype == torch.float32
        assert torch.is_inference_mode_enabled() and (A @ A).dtype == torch.bfloat16
    with left():
        assert torch.is_grad_enabled()


def test_what_is_made_under_inference_mode_is_used_outside_of_it():
    cnn, content = chain(training=False), np.zeros((16, 16, 3), np.uint8)
    with torch.inference_mode():
        picture, digits = FourierPicture(2, 12), digit_network()
        y, model = torch.tensor([0, 1]), smooth_network(torch.float32)
        X = exact_pictures(2, torch.float32)
        aims = [class_score(y), feature_distance("3", torch.ones(2, 8, 3, 3))]
        loss, start = transfer_loss(content, [content[:9] + 90], Recipe(3, style_layers=[0]), cnn)
    model = copy.deepcopy(model)
    for objective in aims:
        visualize(objective, model, picture, num_iterations=2, view=None)
    minimize(loss, start, 2)
    for attack in (fool, pgd):
        attack(X, y, model, **{"epsilon": 0.1} if attack is pgd else {})
    compute_saliency_maps(X[:, :, 2:10, 2:10], y, digits)


@pytest.mark.parametrize("dtype", HALF)
def test_a_function_that_answers_in_half_precision_is_looked_into_and_attacked(dtype):
    """The pictures stay in float32, and so do steps, budgets and bytes."""
    exact, coarse = smooth_network(torch.float32), smooth_network(dtype)
    X, y = exact_pictures(4, torch.float32), torch.tensor([0, 1, 2, 3])

    def model(X):
        return coarse(X.to(dtype))

    maps, right = (compute_saliency_maps(X, y, f) for f in (model, exact))
    assert maps.dtype == torch.float32
    assert (maps - right).abs().max() < 4 * torch.finfo(dtype).eps * right.max()
    change = denormalize(pgd(X, y, model, 8 / 255)) - denormalize(X)
    assert 0.9 * 8 / 255 < change.abs().max() < 1.00001 * 8 / 255
    result = fool(X, y, model, climb="margin")
    loaded = preprocess(list(deprocess(result.X_fooling)), size=None)
    assert result.fooled.all() and seen_as(loaded, y, model).all()
    _, losses = visualize(class_score(y), model, FourierPicture(4, 12), num_iterations=9)
    assert losses.dtype == torch.float32 and (losses[-1] < losses[0]).all()
