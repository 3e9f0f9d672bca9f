"""Kinds of arguments of the half that sees: pictures, classes, tensors, models, generators."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cs231n_lib.checks import checked
from cs231n_lib.see.checks import MODEL, Classes, Generator, Models, Pictures, Tensor, as_classes
from cs231n_lib.see.network import extract_features
from cs231n_lib.see.pretrained import squeezenet


@checked(
    X=Pictures(), y=Classes(), baseline=Pictures(like="X"), model=MODEL,
    generator=Generator(), models=Models(several=True),
)  # fmt: skip
def look(X=None, y=None, model=None, baseline=None, generator=None, models=None):
    pass


@pytest.fixture(name="X")
def pictures():
    return torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda X: X.numpy(), TypeError, r"ndarray, expected a tensor of shape \(N, 3, H, W\)"),
        (lambda X: X.byte(), TypeError, r"torch\.uint8, expected floats"),
        (lambda X: X * 1j, TypeError, r"torch\.complex64, expected floats"),
        (lambda X: X[0], ValueError, r"shape \(3, 6, 6\), expected 4 dimensions, \(N, 3, H, W\)"),
        (lambda X: X[:, :1], ValueError, r"shape \(2, 1, 6, 6\)"),
        (lambda X: X.permute(0, 2, 3, 1), ValueError, r"shape \(2, 6, 6, 3\)"),
        (
            lambda X: X[:0],
            ValueError,
            r"shape \(0, 3, 6, 6\), expected .*no dimension of size zero",
        ),
        (lambda X: X.double(), TypeError, r"torch\.float64, but the model's weights are torch\.f"),
        (lambda X: X.to("meta"), ValueError, r"on meta, but the model is on cpu; .*X\.to\('cpu'\)"),
        (lambda X: X * torch.inf, ValueError, "NaN or infinite"),
        (lambda X: X.index_fill(3, torch.tensor(2), torch.nan), ValueError, "NaN or infinite"),
        (lambda X: 100 * X, ValueError, r"values from -\d.* to \d.*expected normalised pixels"),
    ],
)
def test_what_is_not_a_batch_of_pictures_is_refused(X, change, error, message):
    with pytest.raises(error, match=f"^look: X .*{message}"):
        look(change(X), model=nn.Conv2d(3, 1, 1))


def test_a_chain_does_nothing_but_call_its_layers(X):
    class Twice(nn.Sequential):
        def forward(self, X):
            return super().forward(super().forward(X))

    class Pair(nn.Sequential):
        pass

    says = r"^extract_features: cnn is a Twice with a forward\(\) of its own, expected a chain"
    with pytest.raises(TypeError, match=says):
        extract_features(X, Twice(nn.Tanh()))
    assert torch.equal(extract_features(X, Pair(nn.Tanh()))[0], X.tanh())


@pytest.mark.parametrize("dtype", [torch.uint8, torch.complex64])
def test_pictures_have_the_dtype_of_the_weights_that_are_floats(X, dtype):
    model = nn.Sequential(nn.Module(), nn.Conv2d(3, 2, 1))
    model[0].indices = nn.Parameter(torch.zeros(1, dtype=dtype), requires_grad=False)
    look(X=X, model=model)
    with pytest.raises(TypeError, match=r"but the model's weights are torch\.float32"):
        look(X=X.double(), model=model)


def test_what_makes_a_network_is_no_network():
    for maker in (squeezenet, nn.Linear):
        name = maker.__name__
        says = rf"look: model is {name}, expected the network that it makes: {name}\(\)"
        with pytest.raises(TypeError, match=says):
            look(model=maker)


@checked(X=Pictures(half=True), model=MODEL)
def look_in_half(X, model):
    pass


@pytest.mark.parametrize(
    ("function", "of_pictures", "of_model", "message"),
    [
        (look, "float16", "float16", r"expected float32 .* give X.float\(\) and model.float\(\)"),
        (look, "bfloat16", "float32", r"expected float32 .* give X.float\(\) and model.float\(\)"),
        (
            look,
            "float32",
            "float16",
            r"weights are torch.float16; give model.to\(torch.float",
        ),
        (look, "float64", "float32", r"float32; give model.to\(torch.float64\)"),
        (look, "float32", "float64", r"float64; give X.to\(torch.float64\)"),
        (look_in_half, "float8_e5m2", "float32", r"expected float32 .* give X.float\(\)"),
        (look_in_half, "float16", "float32", r"float32; give X.to\(torch.float32\)"),
        (look_in_half, "float32", "bfloat16", r"bfloat16; give model.to\(torch.float32\)"),
        (look_in_half, "float16", "bfloat16", r"bfloat16; give X.to\(torch.bfloat16\)"),
        (look_in_half, "bfloat16", "bfloat16", None),
    ],
)
def test_a_precision_that_is_refused_is_named_and_the_advice_helps(
    X, function, of_pictures, of_model, message
):
    arguments = {
        "X": X.to(getattr(torch, of_pictures)),
        "model": nn.Conv2d(3, 1, 1).to(getattr(torch, of_model)),
    }
    if message:
        with pytest.raises(TypeError, match=rf"X has dtype torch.{of_pictures}.*{message}") as info:
            function(**arguments)
        for advice in str(info.value).partition("give ")[2].split(" and "):
            arguments[advice.partition(".")[0]] = eval(advice, {"torch": torch, **arguments})
    function(**arguments)


def test_good_pictures_pass(X):
    look(X, model=nn.Conv2d(3, 1, 1))
    look(X.double(), model=lambda X: X)
    look(X, baseline=X[:1])


@pytest.mark.parametrize("pixel", [20.0, -20.0])
def test_the_largest_pixel_is_still_a_pixel(X, pixel):
    X[1, 2, 3, 4] = pixel
    look(X)
    X[1, 2, 3, 4] = 1.05 * pixel
    with pytest.raises(ValueError, match=f"^look: X has values .*{1.05 * pixel:g}"):
        look(X)


@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        (
            torch.zeros(1, 3, 6, 5),
            r"shape \(1, 3, 6, 5\), expected \(2, 3, 6, 6\) or \(1, 3, 6, 6\)$",
        ),
        (torch.zeros(1, 3, 6, 6).double(), r"torch\.float64 on cpu, but X is torch\.float32"),
        (torch.zeros(1, 3, 6, 6, device="meta"), "on meta, but X is .* on cpu"),
        (torch.full((1, 3, 6, 6), torch.nan), "NaN or infinite"),
    ],
)
def test_a_baseline_unlike_the_pictures_is_refused(X, baseline, message):
    with pytest.raises(ValueError, match=f"^look: baseline .*{message}"):
        look(X, baseline=baseline)


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        ([1, 2], TypeError, "list, expected an int64 tensor"),
        (1, TypeError, "int, expected an int64 tensor"),
        (torch.tensor([1.0, 2.0]), TypeError, r"torch\.float32"),
        (torch.tensor([1]), ValueError, r"shape \(1,\), expected \(2,\)"),
        (torch.tensor(1), ValueError, r"shape \(\)"),
        (torch.tensor([1, -1]), ValueError, "class -1"),
        (torch.tensor([1, 2], device="meta"), ValueError, "on meta, but the pictures are on cpu"),
    ],
)
def test_what_is_not_a_class_for_each_picture_is_refused(X, y, error, message):
    with pytest.raises(error, match=f"^look: y .*{message}"):
        look(X, y)


def test_one_class_can_be_that_of_all_pictures(X):
    @checked(y=Classes(one_for_all=True))
    def name(X, y):
        pass

    for good in (3, np.int64(3), torch.tensor([0, 3])):
        name(X, good)
    for bad, error in ((-1, ValueError), (True, TypeError), (1.0, TypeError)):
        with pytest.raises(error, match=r"^name: y "):
            name(X, bad)


@pytest.mark.parametrize(
    ("y", "expected"),
    [(3, [3]), (np.int64(3), [3]), ([0, 2], [0, 2]), (torch.tensor([0, 2]), [0, 2]),
     (torch.tensor(3, dtype=torch.uint8), [3])],
)  # fmt: skip
def test_classes_are_converted(y, expected):
    assert torch.equal(as_classes("y", y), torch.tensor(expected))


@pytest.mark.parametrize(
    ("y", "error"),
    [(1.5, TypeError), (True, TypeError), ("cat", TypeError), (None, TypeError),
     ([[1, 2]], TypeError), (1j, TypeError), ([], ValueError)],
)  # fmt: skip
def test_what_is_not_classes_is_not_converted(y, error):
    with pytest.raises(error, match="target_y "):
        as_classes("target_y", y)


@pytest.mark.parametrize(
    ("shape", "fits", "fails"),
    [
        ("", [()], [(1,)]),
        ("N", [(1,), (4,)], [(), (2, 2), (0,)]),
        ("N 3 2", [(1, 3, 2), (5, 3, 2)], [(1, 3, 3), (1, 2, 2), (0, 3, 2)]),
        ("... 3 W", [(3, 1), (2, 3, 5), (2, 2, 3, 1)], [(3,), (2, 1), (0, 3, 2)]),
        ("...", [(), (2,), (1, 2, 3)], [(0,), (2, 0)]),
    ],
)
def test_a_shape_is_spelled_by_numbers_letters_and_dots(shape, fits, fails):
    @checked(x=Tensor(shape, finite=True))
    def f(x):
        pass

    for good in fits:
        f(torch.zeros(good))
        with pytest.raises(ValueError, match=r"^f: x contains values that are NaN or infinite"):
            f(torch.full(good, torch.inf))
    for bad in fails:
        with pytest.raises(ValueError, match=r"^f: x has shape "):
            f(torch.zeros(bad))
    with pytest.raises(TypeError, match=r"^f: x is a list, expected a tensor of floats"):
        f([1.0])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"model": "squeezenet"}, TypeError, "model is a str, expected a network"),
        ({"models": []}, ValueError, "models is empty, expected at least one"),
        ({"models": [len, 3]}, TypeError, "models is an int, expected a network"),
        ({"generator": 0}, TypeError, "generator is an int, expected a torch"),
    ],
)
def test_other_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=f"^look: {message}"):
        look(**arguments)
