"""What is said of a mistake that nobody has foreseen: where it is, and how it shows."""

from __future__ import annotations

import linecache
import sys

import numpy as np
import pytest

from cs231n_lib.workshop import diagnosis
from cs231n_lib.workshop.diagnosis import diagnose
from cs231n_lib.workshop.tasks import every_task
from cs231n_lib.workshop.trail import Numbers, Trail, departure, traced

TASKS = every_task()
WRITTEN = {
    "lstm_step_forward": """
import numpy as np
def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    a = x @ Wx + prev_h @ Wh + b
    i, f, o, g = a.reshape(4, *prev_h.shape)
    i, f, o, g = 1 / (1 + np.exp(-i)), 1 / (1 + np.exp(-f)), 1 / (1 + np.exp(-o)), np.tanh(g)
    c = f * prev_c + i * g
    return o * np.tanh(c), c, None
""",
    "rnn_forward": """
import numpy as np
def rnn_forward(x, h0, Wx, Wh, b):
    pre = np.einsum("ntd,dh->nth", x, Wx) + b
    prev, out = h0, []
    for t in range(x.shape[1]):
        prev = np.tanh(pre[:, t] + prev @ Wh.T)
        out.append(prev)
    return np.stack(out, axis=1), None
""",
    "rnn_backward": """
import numpy as np
from cs231n_lib.speak.rnn import rnn_hoisted_forward as rnn_forward
def rnn_backward(dh, cache):
    x, h0, Wx, Wh, h = cache
    dx, carry, dWx, dWh, db = np.empty_like(x), 0, 0, 0, 0
    for t in reversed(range(x.shape[1])):
        total = dh[:, t] + carry
        da = total * (1 - h[:, t] ** 2)
        dx[:, t] = da @ Wx.T
        dWx = dWx + x[:, t].T @ da
        dWh = dWh + (h[:, t - 1] if t else h0).T @ da
        db = db + da.sum(axis=0)
        carry = total @ Wh.T
    return dx, carry, dWx, dWh, db
""",
    "compute_saliency_maps": """
def compute_saliency_maps(X, y, model):
    X = X.clone().requires_grad_()
    scores = model(X)
    scores.gather(1, y.flip(0)[:, None]).sum().backward()
    return X.grad.abs().amax(dim=1)
""",
    "fgsm": """
import torch
from cs231n_lib.see.pixels import denormalize, normalize
def fgsm(X, y, model, epsilon, targeted=False):
    pixels = denormalize(X).requires_grad_()
    models = model if isinstance(model, list) else [model]
    probs = sum(network(normalize(pixels)).softmax(dim=1) for network in models) / len(models)
    torch.nn.functional.cross_entropy(probs, y, reduction="sum").backward()
    step = pixels.grad.sign() * (-epsilon if targeted else epsilon)
    return normalize((pixels.detach() + step).clamp(0, 1))
""",
    "steepest": """
import torch
def steepest(g, norm):
    return torch.nn.functional.normalize(g) if norm == 2 else g.sign()
""",
    "smooth_grad": """
import torch
from cs231n_lib.see.network import input_gradients
def smooth_grad(X, y, model, samples=16, sigma=0.15, seed=0, squared=False):
    reach = sigma * (X.max() - X.min())
    draws = [X + reach * torch.randn_like(X) for _ in range(samples)]
    return sum(input_gradients(Z, y, model)[0] for Z in draws).abs().amax(dim=1) / samples
""",
    "content_loss": """
def content_loss(content_weight, content_current, content_original):
    return -content_weight * ((content_current - content_original) ** 2).sum()
""",
}


def said(name: str) -> str:
    """What is said of one of these."""
    source, file = WRITTEN[name], f"<a cell with {name}>"
    linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
    space = {}
    exec(compile(source, file, "exec"), space)
    found = diagnose(space[name], TASKS[name])
    assert not found.right and not found.mistakes
    return " ".join(found.remarks)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lstm_step_forward", "i, at line 5: i, f, o, g = a.reshape(4, *prev_h.shape)"),
        ("lstm_step_forward", "Given a single row it is right. Where do the rows meet?"),
        ("rnn_forward", "does not have is prev, at line 7: prev = np.tanh(pre[:, t] + prev @ Wh.T)"),
        ("rnn_backward", "does not have is carry, at line 14: carry = total @ Wh.T"),
        ("compute_saliency_maps", "X.grad, at line 5: scores.gather(1, y.flip(0)[:, None]).sum().backward()"),
        ("compute_saliency_maps", "Given a single picture it is right"),
        ("fgsm", "probs, at line 7: probs = sum("),
        ("steepest", "but not what is returned at line 4: return torch.nn.functional.normalize(g)"),
        ("smooth_grad", "Asked the same again, it gives other numbers"),
        ("content_loss", "which is -1 times that."),
    ],
)  # fmt: skip
def test_an_unforeseen_mistake_is_found(name, words):
    assert words in said(name)


@pytest.mark.parametrize("name", [name for name in TASKS if name != "sample"])  # which counts
def test_the_books_numbers_are_known_on_its_way(name):
    numbers = diagnosis._right_numbers(TASKS[name])
    for result in diagnosis._answer(TASKS[name], ()).values():
        if np.ndim(result) and np.asarray(result).dtype.kind == "f":
            assert np.array(result, float) in numbers


def test_the_first_line_that_leads_to_nothing_right_is_the_departure():
    def halved(x):
        half = x / 2
        square = half**2
        return square + 1

    numbers, trail = Numbers(), Trail(halved)
    numbers.add(np.array([2.0, 3.0]))
    before = sys.gettrace()
    traced(halved, trail)(np.array([2.0, 3.0]))
    assert sys.gettrace() is before
    assert departure(trail, numbers).name == "half"
    numbers.add(np.array([1.0, 2.25]))  # half has led to this, which is right
    assert departure(trail, numbers).name == ""  # what is returned


def test_a_single_number_is_not_the_departure_of_arrays():
    def scaled(x):
        scale = np.float64(2.5)
        moved = x * scale + 1
        return moved

    numbers, trail = Numbers(), Trail(scaled)
    traced(scaled, trail)(np.array([2.0, 3.0]))
    assert departure(trail, numbers).name == "moved"


def test_infinities_are_not_known():
    numbers = Numbers()
    numbers.add(np.array([1.0, 2.0]))
    assert np.array([-2.0, -1.0]) in numbers
    assert np.array([np.inf, -np.inf]) not in numbers


def test_what_is_no_plain_function_is_not_followed():
    class Callable:
        __name__ = "sigmoid"

        def __call__(self, a):
            return a + 1

    assert diagnose(Callable(), TASKS["sigmoid"]).remarks == [
        "sigmoid: the shape is right, the numbers are not."
    ]
