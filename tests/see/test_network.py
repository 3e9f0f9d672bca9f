"""Looking into a network: it is held still, left as it was, and never asked nonsense."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from cs231n_lib.see.network import (
    PIXELS_AT_ONCE,
    activations,
    chosen_scores,
    class_scores,
    cross_entropy,
    extract_features,
    find_layer,
    frozen,
    gradient,
    input_gradients,
    pictures_at_once,
    unit_step,
)
from tests.untouched import differences, photograph


class Looks(TorchDispatchMode):
    """Counts how often Python asks for a number, for which it would have to wait for a GPU."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        asks = torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default
        self.count += function in asks
        return function(*args, **(kwargs or {}))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5),
    )  # fmt: skip


@pytest.fixture(name="X")
def pictures():
    return torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(1))


def test_a_frozen_network_is_in_evaluation_mode_and_comes_back_as_it_was(network, X):
    network.train()
    network[1].eval()  # a mixture, to be restored module by module
    network[0].weight.requires_grad_(False)
    before = photograph(network=network)
    with frozen(network):
        assert not any(module.training for module in network.modules())
        assert not any(weight.requires_grad for weight in network.parameters())
        assert torch.equal(network(X), network(X))
    assert differences(before, photograph(network=network)) == []


def test_a_frozen_network_comes_back_after_an_error(network):
    network.train()
    before = photograph(network=network)
    with pytest.raises(RuntimeError, match="boom"), frozen(network):
        raise RuntimeError("boom")
    assert differences(before, photograph(network=network)) == []


def test_activations_are_those_of_the_chain_and_stop_there(network, X):
    network.eval()
    later = []
    network[6].register_forward_hook(lambda *_: later.append(1))
    expected = network[3](network[2](network[1](network[0](X))))
    later.clear()
    assert torch.equal(activations(network, X, "3"), expected)
    assert not later


def test_activations_can_be_differentiated(network, X):
    network.eval()
    X = X.requires_grad_()
    (gradient,) = torch.autograd.grad(activations(network, X, "0").sum(), X)
    (expected,) = torch.autograd.grad(network[0](X).sum(), X)
    assert torch.equal(gradient, expected)


def test_activations_leave_no_hook_behind(network, X):
    before = photograph(network=network.eval())
    activations(network, X, "3")
    with pytest.raises(
        ValueError, match=r"of shape \(2, 2, 6, 6\), in its layer '0': Given groups"
    ):
        activations(network, X[:, :2], "3")
    assert differences(before, photograph(network=network)) == []


def test_features_are_the_outputs_of_each_layer(network, X):
    network.eval()
    features = extract_features(X, network)
    assert len(features) == 7
    assert torch.equal(features[-1], network(X))
    assert torch.equal(features[3], activations(network, X, "3"))


def test_scores_of_the_classes_are_chosen(network, X):
    scores, chosen = class_scores(network.eval(), X, torch.tensor([4, 1]))
    assert scores.shape == (2, 5)
    assert torch.equal(chosen, torch.stack([scores[0, 4], scores[1, 1]]))
    assert torch.equal(chosen, chosen_scores(scores, torch.tensor([4, 1])))


def test_cross_entropy_is_minus_the_log_of_a_probability():
    scores = torch.tensor([[1.0, 2.0, 4.0], [0.5, -1.0, 0.0]])
    expected = -scores.softmax(dim=1).log()[[0, 1], [2, 0]]
    torch.testing.assert_close(cross_entropy(scores, torch.tensor([2, 0])), expected)


def test_numbers_are_not_looked_at_unless_asked_to(X):
    def looks(check):
        with Looks() as looks:
            input_gradients(X, torch.tensor([0, 1]), lambda X: X.mean(dim=(2, 3)), check=check)
        return looks.count

    assert 0 < looks(check=False) <= looks(check=True) - 2  # scores and gradient
    broken = input_gradients(X, torch.tensor([0, 1]), lambda X: X[:, 0, 0] * torch.nan, check=False)
    assert all(numbers.isnan().any() for numbers in broken)


@pytest.mark.parametrize("of", [chosen_scores, cross_entropy, lambda s, y: s.square().sum(dim=1)])
@pytest.mark.parametrize("at_once", [1, 2, 3, 10])
def test_input_gradients_are_those_of_autograd_in_parts_of_any_size(
    network, monkeypatch, of, at_once
):
    X = torch.randn(5, 3, 6, 6, generator=torch.Generator().manual_seed(2))
    y = torch.tensor([0, 4, 2, 1, 3])
    monkeypatch.setitem(PIXELS_AT_ONCE, "cpu", at_once * 36)
    seen = []

    def model(X):
        seen.append(len(X))
        return network(X)

    network.eval()
    leaf = X.clone().requires_grad_()
    values = of(network(leaf), y)
    (expected,) = torch.autograd.grad(values.sum(), leaf)
    with torch.no_grad():
        gradients, found = input_gradients(X, y, model, of)
    torch.testing.assert_close(gradients, expected)
    torch.testing.assert_close(found, values.detach())
    assert not (gradients.requires_grad or found.requires_grad or X.requires_grad)
    assert sum(seen) == 5
    assert max(seen) == min(at_once, 5)


def test_input_gradients_hold_the_network_still_and_change_nothing(network, X):
    before, pictures = photograph(network=network.train()), X.clone()

    def greedy(X):
        with torch.no_grad():
            X *= 0  # what a model does to its pictures stays with it
        return network(X)

    first = input_gradients(X, torch.tensor([0, 1]), network)
    again = input_gradients(X, torch.tensor([0, 1]), network)
    assert all(map(torch.equal, first, again))
    assert differences(before, photograph(network=network)) == []
    input_gradients(X, torch.tensor([0, 1]), greedy)
    assert torch.equal(X, pictures)


def test_the_gradient_is_that_of_autograd(X):
    X = X.requires_grad_()
    torch.testing.assert_close(gradient((X**3).sum(), X), 3 * X.detach() ** 2)
    assert X.grad is None


def test_how_many_pictures_go_at_once_depends_on_their_size_and_the_device():
    X = torch.zeros(1, 3, 224, 224)
    assert pictures_at_once(X) == 6
    assert pictures_at_once(X.to("meta")) == 64
    assert pictures_at_once(X[..., :112]) == 12
    assert pictures_at_once(X.repeat(1, 1, 3, 3)) == 1


def test_unit_steps():
    gradients = torch.randn(3, 3, 4, 4, generator=torch.Generator().manual_seed(3))
    gradients[1] = 0
    gradients[2] *= 1e-15
    step = unit_step(gradients)
    torch.testing.assert_close(step.flatten(1).norm(dim=1), torch.tensor([1.0, 0.0, 1.0]))
    torch.testing.assert_close(step[0], gradients[0] / gradients[0].norm())
    assert unit_step(gradients * torch.nan).isnan().all()
    assert torch.equal(unit_step(torch.zeros(1, 3, 2, 2).half()), torch.zeros(1, 3, 2, 2).half())


def test_a_missing_layer_is_told_from_the_upper_two_storeys():
    house = nn.Sequential(nn.Sequential(nn.Sequential(nn.Tanh())), nn.ReLU())
    with pytest.raises(ValueError, match=r"no layer '7'; it has 0, 0\.0, 1$"):
        find_layer(house, "7")
    assert find_layer(house, "0.0.0") is house[0][0][0]


@pytest.mark.parametrize(("last", "count"), [(0, 1), (6, 7)])
def test_no_feature_is_computed_that_nobody_asked_for(network, X, last, count):
    computed = []
    for layer in network:
        layer.register_forward_hook(lambda *_: computed.append(1))
    assert len(extract_features(X, network.eval(), last)) == len(computed) == count


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_a_single_wrong_number_is_enough(X, bad):
    wrong = torch.tensor([[0.0, 1.0], [2.0, bad]])
    with pytest.raises(ValueError, match=r"^class_scores: the model gave scores that are NaN"):
        class_scores(lambda X: wrong, X, torch.tensor([0, 1]))
    x = torch.ones(2, 2, requires_grad=True)
    with pytest.raises(ValueError, match=r"^gradient: the model's gradient is NaN"):
        gradient((x * wrong).sum(), x)


def test_a_pass_is_kept_for_a_second_gradient_where_asked_to(X):
    X = X.requires_grad_()
    value = (X**3).sum()
    first = gradient(value, X, retain_graph=True)
    assert torch.equal(gradient(value, X), first)
    says = "^gradient: PyTorch cannot compute the gradient: .*second time"
    with pytest.raises(ValueError, match=says):
        gradient(value, X)


@pytest.mark.parametrize("gradients", [True, False])
def test_what_a_layer_keeps_is_no_part_of_its_features(X, gradients):
    class Place(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("place", torch.ones(1, 2, 3, 4))

        def forward(self, X):
            return self.place[:, :1]

    model = torch.nn.Sequential(Place(), torch.nn.Conv2d(1, 1, 1))
    with torch.set_grad_enabled(gradients):
        activations(model, X, "0").zero_()
    assert model[0].place.all()


def test_a_model_that_overwrites_what_its_gradient_needs_is_told(X):
    y, says = torch.tensor([0] * len(X)), "PyTorch cannot compute the gradient: .*inplace"
    with pytest.raises(ValueError, match=f"^input_gradients: {says}"):
        input_gradients(X, y, lambda X: X.mean(dim=(2, 3)).sigmoid().mul_(X.mean().sigmoid() * 2))

    def exhausted(*args, **kwargs):
        raise torch.OutOfMemoryError("no memory left")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(torch.OutOfMemoryError):
        patch.setattr(torch.autograd, "grad", exhausted)
        input_gradients(X, y, lambda X: X.mean(dim=(2, 3)))


@pytest.mark.parametrize(
    ("dtype", "sizes"),
    [
        (torch.float64, (1e-300, 1e-200, 1, 1e200)),
        (torch.float32, (1e-44, 1e-30, 1e-20, 1, 1e20, 1e36)),
        (torch.bfloat16, (1e-30, 1e-20, 1, 1e20)),
        (torch.float16, (1e-5, 1, 1e4)),
    ],
    ids=str,
)
def test_a_step_has_length_1_however_small_or_large_the_gradient(dtype, sizes):
    """The squares of most of these vanish or overflow."""
    direction = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(0)).clamp(-3, 3)
    for size in sizes:
        step = unit_step((size * direction.double()).to(dtype))
        length = torch.linalg.vector_norm(step.double(), dim=(1, 2, 3))
        assert step.dtype == dtype
        assert torch.allclose(length, torch.ones(2).double(), atol=8 * torch.finfo(dtype).eps)
    assert not unit_step(torch.zeros(1, 3, 2, 2, dtype=dtype)).any()
