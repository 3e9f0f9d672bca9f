"""Tests of maps: equal to plain loops and to a calculation by ranks; what they promise."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import scipy.stats
import torch
from torch import nn

from cs231n_lib.see.faithfulness import (
    _open_classes,
    delete_cells,
    deletion_curve,
    insertion_curve,
    layers_with_weights,
    randomisation_check,
    randomise_layer,
    rank_correlation,
    share_inside,
)
from cs231n_lib.see.pixels import normalize
from cs231n_lib.see.pretrained import squeezenet
from cs231n_lib.see.saliency import compute_saliency_maps, smooth_grad
from tests.see import promises
from tests.tiny import exact_pictures, small_network, smooth_network

METHODS = {
    "randomisation": lambda X, y, model: randomisation_check(X, y, model, compute_saliency_maps)[
        "0"
    ],
    "deletion": lambda X, y, model: deletion_curve(X, y, model, X[:, 0], 3, cell=2)[1],
    "insertion": lambda X, y, model: insertion_curve(X, y, model, X[:, 0], 3, cell=2)[1],
}
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


@pytest.fixture(name="model")
def network():
    return small_network()


@pytest.fixture(name="X")
def pictures():
    return torch.randn(3, 3, 11, 14, generator=torch.Generator().manual_seed(1)).double()


@pytest.fixture(name="y")
def classes():
    return torch.tensor([4, 0, 2])


def close(ours, theirs, **tolerance):
    torch.testing.assert_close(ours, theirs, **(tolerance or {"rtol": 1e-9, "atol": 1e-12}))


@every_method
def test_nothing_is_left_changed(method, model, X, y):
    promises.assert_nothing_is_left_changed(method, model, X, y)


@every_method
def test_it_works_inside_no_grad_and_in_training_mode(method, model, X, y):
    promises.assert_it_works_inside_no_grad_and_in_training_mode(method, model, X, y)


@every_method
def test_a_failing_model_is_left_as_it_was(method, model, X, y):
    promises.assert_a_failing_model_is_left_as_it_was(method, model, X, y)


# The network forgets


def test_randomising_changes_a_layer_and_no_other(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    generator = torch.Generator().manual_seed(3)
    randomise_layer(model, "4", seed=3)
    after = model.state_dict()
    assert {n for n in before if not torch.equal(before[n], after[n])} == {"4.weight", "4.bias"}
    for name in ("4.weight", "4.bias"):
        drawn = torch.randn(before[name].shape, generator=generator).double()
        close(after[name], drawn * (before[name] ** 2).mean() ** 0.5)


def test_layers_with_weights(model):
    assert layers_with_weights(model) == ["0", "1", "4", "9"]
    assert len(layers_with_weights(squeezenet())) == 26


def test_the_cascade_goes_from_the_top_down(model, X, y):
    maps = randomisation_check(X, y, model, compute_saliency_maps, seed=2)
    assert list(maps) == ["trained", "9", "4", "1", "0"]
    close(maps["trained"], compute_saliency_maps(X, y, model))
    forgetful = small_network()
    for k, layer in enumerate(["9", "4", "1", "0"]):
        randomise_layer(forgetful, layer, 2 + k)
        close(maps[layer], compute_saliency_maps(X, y, forgetful))


def test_a_class_that_a_relu_closed_is_passed_over(X, y):
    model = nn.Sequential(*small_network(), nn.ReLU())
    asked = []

    def method(X, y, model):
        asked.append((y, model(X).detach()))
        return compute_saliency_maps(X, y, model)

    for seed in range(5):
        randomisation_check(X, y, model, method, seed=seed)
    passed_over = 0
    for given, scores in asked:
        for n in range(3):
            if scores[n, y[n]] != 0:
                assert given[n] == y[n]
            elif (scores[n] != 0).any() and len(scores) == 3:
                following = [(y[n].item() + k) % 5 for k in range(5)]
                first = next(c for c in following if scores[n, c] != 0)
                passed_over += given[n] == first
    assert passed_over > 0


def test_the_next_open_class_is_asked_about_and_behind_the_last_comes_the_first():
    scores = torch.tensor([
        [1.0, 2, 3, 4], [1, 0, 0, 4], [1, 0, 0, 0], [0, 2, 0, 0], [0, -1, 0, 5],
    ])  # fmt: skip
    y = torch.tensor([2, 1, 1, 1, 2])
    asked = _open_classes(torch.zeros(5, 3, 1, 1), y, lambda X: scores)
    assert asked.tolist() == [2, 3, 0, 1, 3]


def test_blocks_can_forget_together(model, X, y):
    block = nn.Sequential(nn.Sequential(*model[:6]), nn.Sequential(*model[6:]))
    maps = randomisation_check(X, y, block, compute_saliency_maps, layers=["0", "1"])
    assert list(maps) == ["trained", "1", "0"]


def test_the_method_sees_the_network_itself_and_then_a_copy_in_evaluation_mode(model, X, y):
    seen = []

    def method(*given):
        seen.append(given)
        return X[:, 0]

    model.train()
    randomisation_check(X, y, model, method, layers=["0", "9"])
    assert all(pictures is X for pictures, _, _ in seen)
    assert all(torch.equal(classes, y) for _, classes, _ in seen)
    first, *others = [network for _, _, network in seen]
    assert first is model and len(others) == 2
    for network in others:
        assert network is not model and not any(module.training for module in network.modules())


def test_rank_correlation_equals_a_calculation_by_ranks():
    a, b = torch.rand(2, 4, 5, 6, dtype=torch.float64)
    b[2] = a[2] ** 3
    b[3] = -a[3]
    expected = [
        np.corrcoef(scipy.stats.rankdata(p), scipy.stats.rankdata(q))[0, 1] for p, q in zip(a, b)
    ]
    np.testing.assert_allclose(rank_correlation(a, b), expected, atol=1e-12)
    np.testing.assert_allclose(rank_correlation(a, b)[2:], [1, -1], atol=1e-12)
    assert rank_correlation(a[:1], torch.ones(1, 5, 6)).tolist() == [0]


# Cells go, and come


def plain_deletion(x, target, model, salience, steps, replacement, cell):
    """Cell after cell, in a loop over one picture."""
    H, W = salience.shape
    cells = [(i, j) for i in range(0, H, cell) for j in range(0, W, cell)]
    mean = {c: salience[c[0] : c[0] + cell, c[1] : c[1] + cell].mean().item() for c in cells}
    cells.sort(key=lambda c: -mean[c])
    probabilities = []
    for k in range(steps + 1):
        x_now = x.clone()
        for i, j in cells[: round(k / steps * len(cells))]:
            x_now[:, i : i + cell, j : j + cell] = replacement[:, i : i + cell, j : j + cell]
        with torch.no_grad():
            probabilities.append(model(x_now[None]).softmax(dim=1)[0, target])
    return torch.stack(probabilities)


@pytest.mark.parametrize(("steps", "cell"), [(1, 3), (7, 1), (5, 4), (3, 50)])
def test_deletion_and_insertion_equal_the_plain_loop(model, X, y, steps, cell):
    maps = torch.rand(3, 11, 14, dtype=X.dtype)
    other = torch.randn_like(X)
    parts, deletion = deletion_curve(X, y, model, maps, steps, other, cell)
    _, insertion = insertion_curve(X, y, model, maps, steps, other, cell)
    np.testing.assert_allclose(parts, np.arange(steps + 1) / steps)
    for n in range(3):
        plain = functools.partial(plain_deletion, target=y[n], model=model, salience=maps[n],
                                  steps=steps, cell=cell)  # fmt: skip
        close(deletion[:, n], plain(X[n], replacement=other[n]))
        close(insertion[:, n], plain(other[n], replacement=X[n]))
    close(deletion[0], insertion[-1])
    close(deletion[-1], insertion[0])


def test_what_is_deleted_becomes_black_by_default(model, X, y):
    _, probabilities = deletion_curve(X, y, model, X[:, 0], 2, cell=3)
    black = normalize(torch.zeros_like(X))
    close(probabilities[-1], model(black).softmax(dim=1)[range(3), y].detach())


@pytest.mark.parametrize("cell", [1, 2])
def test_of_equal_cells_those_above_and_to_the_left_go_first(cell):
    X = torch.zeros(2, 3, 40, 40)
    maps = torch.ones(2, 40, 40)
    maps[1, 20:] = 2
    deleted = delete_cells(X, maps, 0.25, torch.ones_like(X), cell)
    assert (deleted[0, :, :10] == 1).all() and (deleted[0, :, 10:] == 0).all()
    assert (deleted[1, :, 20:30] == 1).all() and deleted[1].mean() == 0.25


@pytest.mark.parametrize(
    ("part", "gone"), [(0, 0), (0.12, 0), (0.13, 1), (0.5, 2), (0.87, 3), (0.88, 4), (1, 4)]
)
def test_cells_go_whole_by_the_mean_of_their_pixels(part, gone):
    X, black = torch.ones(1, 3, 3, 3), torch.zeros(1, 3, 3, 3)
    maps = torch.tensor([[[3.0, 3, 9], [3, 3, 0], [4, 4, 3.5]]])  # means: 3, 4.5 / 4, 3.5
    places = [((0, 2), (2, 3)), ((2, 3), (0, 2)), ((2, 3), (2, 3)), ((0, 2), (0, 2))]
    expected = X.clone()
    for (top, bottom), (left, right) in places[:gone]:
        expected[:, :, top:bottom, left:right] = 0
    assert torch.equal(delete_cells(X, maps, part, black, cell=2), expected)


# Where a map lies


def test_share_inside():
    maps = torch.tensor([[[1.0, 2], [3, 4]], [[0, 0], [0, 0]], [[0, 5], [0, 0]]])
    right = torch.tensor([[False, True], [False, True]])
    close(share_inside(maps, right), torch.tensor([0.6, 0, 1]))
    close(share_inside(maps, right.expand(3, 2, 2)), torch.tensor([0.6, 0, 1]))
    close(share_inside(torch.full((1, 2, 2), 1e-40), right), torch.tensor([0.5]))


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1, 1e6])
def test_a_share_does_not_depend_on_the_size_of_the_map(scale):
    maps = scale * torch.tensor([[[1.0, 2], [3, 4]], [[0, 0.25], [0.25, 0]]])
    top = torch.tensor([[True, True], [False, False]])
    close(share_inside(maps, top), torch.tensor([0.3, 0.5]), rtol=1e-6, atol=0)


def test_a_setting_bound_to_a_method_is_checked(X, y, model):
    with pytest.raises(ValueError, match=r"^smooth_grad: samples is 0, expected at least 1"):
        randomisation_check(X, y, model, functools.partial(smooth_grad, samples=0))


# In half precision


def test_a_sum_too_large_for_half_precision_is_shared_out():
    maps = torch.full((1, 64, 64), 100.0, dtype=torch.float16)  # 409600 in all
    mask = torch.arange(64) < 16
    assert share_inside(maps, mask.expand(64, 64)).tolist() == [0.25]


def test_small_weights_keep_their_scale_in_half_precision():
    layer = nn.Conv2d(3, 64, 3)
    nn.init.constant_(layer.weight, 1e-4)  # whose square vanishes
    model = nn.Sequential(layer).half()
    randomise_layer(model, "0")
    assert layer.weight.float().std().item() == pytest.approx(1e-4, rel=0.05)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_probabilities_of_half_precision_are_those_of_single(dtype):
    X, y = exact_pictures(2).to(dtype), torch.tensor([1, 4])
    maps = X.abs().sum(dim=1)
    _, found = deletion_curve(X, y, smooth_network(dtype), maps, 4, cell=4)
    _, right = deletion_curve(X.float(), y, smooth_network(dtype).float(), maps.float(), 4, cell=4)
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), right, rtol=torch.finfo(dtype).eps, atol=0)
