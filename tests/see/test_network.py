"""Looking into a network: it is held still, left as it was, and never asked nonsense."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from cs231n_lib.see.network import (
    activations,
    class_scores,
    extract_features,
    find_layer,
    frozen,
    gradient,
    pictures_at_once,
)
from cs231n_lib.see.old_checks import check_classes, check_pictures, check_tensor


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


def state(network):
    return (
        [module.training for module in network.modules()],
        [weight.requires_grad for weight in network.parameters()],
        {name: value.clone() for name, value in network.state_dict().items()},
        [len(module._forward_hooks) for module in network.modules()],
    )


def assert_same_state(network, before):
    after = state(network)
    assert after[:2] == before[:2] and after[3] == before[3]
    assert all(torch.equal(after[2][name], before[2][name]) for name in before[2])
    assert all(weight.grad is None for weight in network.parameters())


def test_a_frozen_network_is_in_evaluation_mode_and_comes_back_as_it_was(network, X):
    network.train()
    network[1].eval()  # a mixture, to be restored module by module
    network[0].weight.requires_grad_(False)
    before = state(network)
    with frozen(network):
        assert not any(module.training for module in network.modules())
        assert not any(weight.requires_grad for weight in network.parameters())
        assert torch.equal(network(X), network(X))
    assert_same_state(network, before)


def test_a_frozen_network_comes_back_after_an_error(network):
    network.train()
    before = state(network)
    with pytest.raises(RuntimeError, match="boom"), frozen(network):
        raise RuntimeError("boom")
    assert_same_state(network, before)


def test_a_plain_function_can_be_frozen():
    with frozen(lambda X: X):
        pass


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
    before = state(network.eval())
    activations(network, X, "3")
    with pytest.raises(RuntimeError):
        activations(network, X[:, :2], "3")
    assert_same_state(network, before)


def test_a_layer_that_is_never_used_is_named(X):
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.spare = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1)

        def forward(self, X):
            return self.used(X)

    with pytest.raises(ValueError, match="never used its layer 'spare'"):
        activations(Network(), X, "spare")


@pytest.mark.parametrize("layer", ["9", "features.99", "", "0.weight"])
def test_a_layer_that_does_not_exist_is_named(network, layer):
    with pytest.raises(ValueError, match=rf"no layer '{layer}'; it has 0, 1, 2, 3, 4, 5, 6"):
        find_layer(network, layer)


def test_only_modules_have_layers():
    with pytest.raises(TypeError, match=r"model is a function, expected a torch\.nn\.Module"):
        find_layer(lambda X: X, "0")


def test_features_are_the_outputs_of_each_layer(network, X):
    network.eval()
    features = extract_features(X, network)
    assert len(features) == 7
    assert torch.equal(features[-1], network(X))
    assert torch.equal(features[3], activations(network, X, "3"))


def test_features_stop_behind_the_last_layer_asked_for(network, X):
    later = []
    network[3].register_forward_hook(lambda *_: later.append(1))
    assert len(extract_features(X, network.eval(), last=2)) == 3
    assert not later


@pytest.mark.parametrize("last", [-1, 7])
def test_features_of_a_missing_layer_are_refused(network, X, last):
    with pytest.raises(ValueError, match=f"no layer {last}, expected 0 to 6"):
        extract_features(X, network, last)


def test_scores_of_the_classes_are_picked(network, X):
    scores, chosen = class_scores("f", network.eval(), X, torch.tensor([4, 1]))
    assert scores.shape == (2, 5)
    assert torch.equal(chosen, torch.stack([scores[0, 4], scores[1, 1]]))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda X: X, r"scores of shape \(2, 3, 6, 6\), expected \(2, C\)"),
        (lambda X: X[:1, 0, 0], r"scores of shape \(1, 6\)"),
        (lambda X: X[:, 0, 0] * torch.nan, "NaN or infinite"),
        (lambda X: X[:, 0, 0, :5], "target contains class 5, expected 0 to 4"),
    ],
)
def test_senseless_scores_are_refused(X, model, message):
    with pytest.raises(ValueError, match=f"f: .*{message}"):
        class_scores("f", model, X, torch.tensor([0, 5]), name="target")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda X: X.numpy(), TypeError, r"ndarray, expected a tensor of shape \(N, 3, H, W\)"),
        (lambda X: X.byte(), TypeError, r"torch\.uint8, expected floats"),
        (lambda X: X[0], ValueError, r"shape \(3, 6, 6\), expected \(N, 3, H, W\)"),
        (lambda X: X[:, :1], ValueError, r"shape \(2, 1, 6, 6\)"),
        (lambda X: X.permute(0, 2, 3, 1), ValueError, r"shape \(2, 6, 6, 3\)"),
        (lambda X: X[:0], ValueError, r"shape \(0, 3, 6, 6\), expected no size to be zero"),
        (lambda X: X[..., :0], ValueError, r"shape \(2, 3, 6, 0\)"),
        (lambda X: X.double(), TypeError, r"torch\.float64, but the model's weights torch\.float3"),
        (lambda X: X.to("meta"), ValueError, r"on meta, but the model is on cpu; .*X\.to\('cpu'\)"),
        (lambda X: X * torch.inf, ValueError, "NaN or infinite"),
        (lambda X: X.index_fill(3, torch.tensor(2), torch.nan), ValueError, "NaN or infinite"),
        (lambda X: 100 * X, ValueError, "expected normalised pixels"),
    ],
)
def test_what_is_no_batch_of_pictures_is_refused(network, X, change, error, message):
    with pytest.raises(error, match=f"f: X .*{message}"):
        check_pictures("f", change(X), network)


def test_good_pictures_pass(network, X):
    check_pictures("f", X, network)
    check_pictures("f", X.double())
    check_pictures("f", X.double(), lambda X: X)


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        ([1, 2], TypeError, "list, expected an int64 tensor"),
        (torch.tensor([1.0, 2.0]), TypeError, r"torch\.float32"),
        (torch.tensor([1]), ValueError, r"shape \(1,\), expected \(2,\)"),
        (torch.tensor(1), ValueError, r"shape \(\)"),
        (torch.tensor([1, -1]), ValueError, "class -1"),
        (torch.tensor([1, 2], device="meta"), ValueError, "on meta, but the pictures are on cpu"),
    ],
)
def test_what_is_no_class_for_each_picture_is_refused(X, y, error, message):
    with pytest.raises(error, match=f"f: target .*{message}"):
        check_classes("f", y, X, name="target")


def test_numbers_are_not_looked_at_unless_asked_to(X):
    X = X.requires_grad_()
    with Looks() as looks:
        y = torch.tensor([0, 1])
        _, chosen = class_scores("f", lambda X: X[:, 0, 0] * torch.nan, X, y, check=False)
        assert gradient("f", chosen.sum(), X, check=False).isnan().any()
    assert looks.count == 1  # the assertion's own


def test_the_gradient_is_that_of_autograd(X):
    X = X.requires_grad_()
    torch.testing.assert_close(gradient("f", (X**3).sum(), X), 3 * X.detach() ** 2)
    assert X.grad is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda X: X.detach().sum(), "no gradient leads from the scores back"),
        (lambda X: torch.ones((), requires_grad=True), "no gradient leads from the scores back"),
        (lambda X: (0 * X).sqrt().sum(), "gradient is NaN or infinite"),
    ],
)
def test_a_gradient_that_does_not_exist_is_refused(X, value, message):
    X = X.requires_grad_()
    with pytest.raises(ValueError, match=f"f: .*{message}"):
        gradient("f", value(X), X)


@pytest.mark.parametrize("shape", [(3, 2, 2), (1, 1, 3, 2, 2), (1, 4, 2, 2)])
def test_a_tensor_of_more_or_fewer_dimensions_is_refused(shape):
    with pytest.raises(ValueError, match=r"f: X has shape .*, expected \(N, 3, H, W\)"):
        check_tensor("f", torch.zeros(shape), "N 3 H W")


@pytest.mark.parametrize(
    ("shape", "fits", "fails", "expected"),
    [
        ("N", [(1,), (4,)], [(), (2, 2), (0,)], r"\(N,\)"),
        ("N 3 2", [(1, 3, 2), (5, 3, 2)], [(1, 3, 3), (1, 2, 2), (0, 3, 2)], r"\(N, 3, 2\)"),
        ("... 3 W", [(3, 1), (2, 3, 5), (2, 2, 3, 1)], [(3,), (2, 1), (0, 3, 2)], r"\(\.{3}, 3, W"),
        ("...", [(), (2,), (1, 2, 3)], [(0,), (2, 0)], r"\(\.\.\.,\)"),
    ],
)  # fmt: skip
def test_a_shape_is_spelled_by_numbers_letters_and_dots(shape, fits, fails, expected):
    for good in fits:
        check_tensor("f", torch.zeros(good), shape)
    for bad in fails:
        with pytest.raises(ValueError, match=rf"^f: x has shape .*, expected {expected}"):
            check_tensor("f", torch.zeros(bad), shape, "x")
    with pytest.raises(TypeError, match=rf"^f: x is a list, .* of shape {expected}"):
        check_tensor("f", [1.0], shape, "x")


@pytest.mark.parametrize(
    "call",
    [
        lambda X, chain: activations(chain, X, "3"),
        lambda X, chain: extract_features(X, chain),
        lambda X, chain: pictures_at_once(X),
    ],
    ids=["activations", "extract_features", "pictures_at_once"],
)
def test_a_message_says_which_shape_was_expected(call, network, X, request):
    function = request.node.callspec.id
    with pytest.raises(ValueError, match=rf"^{function}: .*expected \(N, C, H, W\)$"):
        call(X[0], network)


def test_a_gpu_gets_more_pictures_at_once_than_a_cpu(X):
    assert pictures_at_once(X) == 3
    assert pictures_at_once(X.to("meta")) == 64


def test_a_missing_layer_is_told_from_the_upper_two_storeys():
    house = nn.Sequential(nn.Sequential(nn.Sequential(nn.Tanh())), nn.ReLU())
    with pytest.raises(ValueError, match=r"no layer '7'; it has 0, 0\.0, 1$"):
        find_layer(house, "7")
    assert find_layer(house, "0.0.0") is house[0][0][0]


@pytest.mark.parametrize(("last", "count"), [(0, 1), (6, 7)])
def test_the_first_layer_and_the_last_can_be_the_end_of_the_features(network, X, last, count):
    assert len(extract_features(X, network.eval(), last)) == count


@pytest.mark.parametrize("pixel", [20.0, -20.0])
def test_the_largest_pixel_is_still_a_pixel(X, pixel):
    X[1, 2, 3, 4] = pixel
    check_pictures("f", X)
    X[1, 2, 3, 4] = 1.05 * pixel
    ends = rf"from -\d\.\d+ to {1.05 * pixel:g}" if pixel > 0 else rf"from {1.05 * pixel:g} to \d"
    with pytest.raises(ValueError, match=f"^f: X has values {ends}"):
        check_pictures("f", X)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_a_single_wrong_number_is_enough(X, bad):
    y = torch.tensor([0, 1])
    with pytest.raises(ValueError, match=r"^f: X contains pixels that are NaN"):
        check_pictures("f", X.index_put((y, y, y, y), torch.tensor([bad, 0.0])))
    wrong = torch.tensor([[0.0, 1.0], [2.0, bad]])
    with pytest.raises(ValueError, match=r"^f: the model gave scores that are NaN"):
        class_scores("f", lambda X: wrong, X, y)
    x = torch.ones(2, 2, requires_grad=True)
    with pytest.raises(ValueError, match=r"^f: the model's gradient is NaN"):
        gradient("f", (x * wrong).sum(), x)


def test_a_pass_is_kept_for_a_second_gradient_where_asked_to(X):
    X = X.requires_grad_()
    value = (X**3).sum()
    first = gradient("f", value, X, retain_graph=True)
    assert torch.equal(gradient("f", value, X), first)
    with pytest.raises(RuntimeError, match="second time"):
        gradient("f", value, X)
