"""Right code is right, however it is written, and the tasks keep what they promise."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.workshop.diagnosis import _answer, diagnose
from cs231n_lib.workshop.mistakes import with_mistakes, wrong
from cs231n_lib.workshop.tasks import TASKS, every_task
from tests.workshop.students import einsum, loops, tensors

ALL = every_task()
CHAPTERS = Path(__file__).parents[2] / "chapters"


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("student", [loops, einsum, tensors], ids=lambda module: module.__doc__)
def test_right_code_is_right(student, name):
    found = diagnose(getattr(student, name), ALL[name])
    assert found.right, (found.wrong, found.errors, found.remarks)


@pytest.mark.parametrize("name", ALL)
def test_the_books_own_is_right(name):
    assert diagnose(ALL[name].function, ALL[name]).right


@pytest.mark.parametrize("name", ALL)
def test_each_task_leads_to_a_heading_of_its_chapter(name):
    chapter, _, heading = ALL[name].section.partition("#")
    text = CHAPTERS.joinpath(f"{chapter}.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    assert heading in [re.sub(r"[^a-z0-9]+", "-", line.lower()).strip("-") for line in headings]


def test_a_function_that_was_not_written_is_not_wrong():
    def sigmoid(a):
        raise NotImplementedError

    assert not diagnose(sigmoid, ALL["sigmoid"]).written


def test_what_was_written_beside_the_line_to_replace_is_not_taken_for_nothing():
    def sigmoid(a):
        a = np.exp(-np.abs(a))
        raise NotImplementedError

    found = diagnose(sigmoid, ALL["sigmoid"])
    assert found.written and not found.right
    (remark,) = found.remarks
    assert "still raises NotImplementedError, at line" in remark and "Delete that line" in remark


def test_a_function_that_calls_one_that_is_not_written_says_which():
    space = {"np": np}
    exec("def sigmoid(a):\n    raise NotImplementedError", space)
    exec(inspect.getsource(loops.lstm_step_forward), space)
    found = diagnose(space["lstm_step_forward"], ALL["lstm_step_forward"])
    assert found.remarks == ["It calls your sigmoid, which is not written yet: begin there."]


def test_the_half_that_speaks_needs_no_pytorch():
    code = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'torch' else find(name, *rest)\n"
        "sys.modules['torch'] = None\n"
        "from cs231n_lib.workshop import check\n"
        "from cs231n_lib.workshop.tasks import every_task\n"
        "def sigmoid(a): return a\n"
        "assert not check(sigmoid).right and 'loss' in every_task()\n"
        "try: check(len)\n"
        "except ValueError as error: assert 'gram_matrix' not in str(error)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert set(TASKS) < set(ALL)


def test_a_loss_is_asked_of_every_cell_that_it_has_code_for():
    assert diagnose(loops.loss, ALL["loss"]).unasked == [
        name for name in _answer(ALL["loss"], ()) if " LSTM" in name or "attention" in name
    ]
    edit = wrong("", "", ("_looking(features, p)", "_looking(features + 1, p)"))
    found = diagnose(with_mistakes([CaptioningRNN.loss], [edit]), ALL["loss"])
    assert found.unasked == [] and "loss with attention" in found.wrong
    assert all("attention" in name for name in found.wrong)


def test_a_loop_that_does_not_end_is_told_its_mistake():
    def make_fooling_image(X, target_y, model, **_):
        X = X[:1].clone().requires_grad_()
        while model(X).argmax() != target_y:
            (g,) = torch.autograd.grad(model(X)[0, target_y], X)
            X = (X - g / g.norm()).detach().requires_grad_()
        return X

    def once_a_step(X, target_y, model, learning_rate=1, max_steps=100):
        X, y = X.clone(), torch.as_tensor(target_y).expand(len(X))
        while True:
            X.requires_grad_()
            scores = model(X)
            if (scores.argmax(1) == y).all():
                return X
            (g,) = torch.autograd.grad(scores.gather(1, y[:, None]).sum(), X)
            length = g.flatten(1).norm(dim=1)[:, None, None, None]
            X = (X - learning_rate * g / length).detach()

    task = ALL["make_fooling_image"]
    outcome = diagnose(
        lambda X, y, model, **_: make_fooling_image(
            X[:1], y if isinstance(y, int) else y[0], model
        ),
        task,
    )
    assert outcome.wrong and "had not come to an end after 60 calls" in outcome.remarks[0]
    (mistake,) = diagnose(once_a_step, task).mistakes
    assert "go down the target's score" in mistake.what


def test_numbers_without_a_way_back_are_not_enough():
    def tv_loss(img, tv_weight):
        return loops.tv_loss(img, tv_weight).item()

    found = diagnose(tv_loss, ALL["tv_loss"])
    assert not found.right and not found.wrong
    assert "no gradient leads back" in found.remarks[0]


def test_a_model_or_a_picture_may_be_marked_but_not_changed():
    def compute_saliency_maps(X, y, model):  # as in 2017: X.requires_grad_(), and X.grad is left
        maps = loops.compute_saliency_maps(X, y, model)
        with torch.no_grad():
            model[0].weight += 1
        return maps

    found = diagnose(compute_saliency_maps, ALL["compute_saliency_maps"])
    assert not found.wrong and "changes its argument model" in found.remarks[0]


def _on_the_picture_itself(X, y, model):  # as in 2017
    X.requires_grad_()
    model(X).gather(1, y[:, None]).sum().backward()
    return X.grad.abs().amax(dim=1)


def _on_a_copy_that_is_no_leaf(X, y, model):
    X = X.clone().requires_grad_()
    model(X).gather(1, y[:, None]).sum().backward()
    return X.grad.abs().amax(dim=1)


def _in_training(X, y, model):
    model.train()
    return tensors.compute_saliency_maps(X, y, model)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (_on_the_picture_itself, "It leaves marks on its argument X"),
        (_on_a_copy_that_is_no_leaf, "not if X requires a gradient already"),
        (_in_training, "It leaves marks on model"),
    ],
)
def test_what_pytorch_notes_on_arguments_is_left_as_it_was(function, words):
    found = diagnose(function, ALL["compute_saliency_maps"])
    assert not found.right and not found.wrong
    assert words in " ".join(found.remarks)


def test_features_without_a_gradient_are_not_enough():
    def extract_features(x, cnn, last=None):
        with torch.no_grad():
            return loops.extract_features(x, cnn, last)

    def detached(x, cnn, last=None):
        return [feature.detach() for feature in loops.extract_features(x, cnn, last)]

    for function in (extract_features, detached):
        assert "no gradient leads back" in diagnose(function, ALL["extract_features"]).remarks[0]


def test_the_assignments_loop_is_for_one_picture_alone():
    def make_fooling_image(X, target_y, model, learning_rate=1, max_steps=100):
        X = X.detach().clone().requires_grad_()
        for _ in range(max_steps):
            scores = model(X)
            if (scores.argmax(1) == torch.as_tensor(target_y)).all():
                break
            score = scores.gather(1, torch.as_tensor(target_y).expand(len(X))[:, None]).sum()
            (g,) = torch.autograd.grad(score, X)
            X = (X + learning_rate * g / g.norm()).detach().requires_grad_()
        return X.detach()

    assert diagnose(make_fooling_image, ALL["make_fooling_image"]).wrong == ["two pictures"]


def test_what_may_be_written_into_may_be_written_into():
    assert diagnose(loops.adam, ALL["adam"]).right  # which changes config

    def adam(w, dw, config=None):
        new, config = loops.adam(w, dw, config)
        w[:] = new
        return w, config

    assert "changes its argument w" in diagnose(adam, ALL["adam"]).remarks[0]


def test_a_wrong_function_that_another_one_calls_is_named():
    space = {"np": np}
    code = """
def sigmoid(a):
    return 1 / (1 + np.exp(-3 * a))
def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    i, f, o, g = np.split(x @ Wx + prev_h @ Wh + b, 4, axis=1)
    next_c = sigmoid(f) * prev_c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(next_c), next_c, None
"""
    exec(code, space)
    found = diagnose(space["lstm_step_forward"], ALL["lstm_step_forward"])
    assert "It calls your sigmoid, which is not right yet: begin there." in found.remarks


RIGHT_BUT = """
import numpy as np

def sigmoid(a):
    return 1 / (1 + np.exp(-a))

def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    squash = lambda a: np.where(a < 0, np.exp(a) / (1 + np.exp(a)), 1 / (1 + np.exp(-a)))
    i, f, o, g = np.split(x @ Wx + prev_h @ Wh + b, 4, axis=1)
    next_c = squash(f) * prev_c + squash(i) * np.tanh(g)
    return squash(o) * np.tanh(next_c), next_c, None

def rnn_forward(x, h0, Wx, Wh, b):
    h = np.zeros((*x.shape[:2], len(b)))
    for t in range(x.shape[1]):
        h0 = h[:, t] = np.tanh(x[:, t] @ Wx + h0 @ Wh + b)
    return h, None

def word_embedding_backward(dout, cache):
    dW = np.zeros(cache[0].shape)
    np.add.at(dW, cache[1], dout)
    return dW

def numeric_gradient(f, x, df, h=1e-5):
    e = h * np.eye(x.size).reshape(-1, *x.shape)
    return np.reshape([np.sum((f(x + d) - f(x - d)) * df) / (2 * h) for d in e], x.shape)

def temporal_softmax_loss(x, y, mask):
    p = np.exp(x - x.max(axis=2, keepdims=True))
    p /= p.sum(axis=2, keepdims=True)
    n, t = np.indices(y.shape)
    loss = -np.sum(np.log(p[n, t, y]) * mask) / len(x)
    p[n, t, y] -= 1
    return loss, p * mask[:, :, None] / len(x)
"""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sigmoid", "such as 800, an exponential overflows.* at line 5"),
        ("lstm_step_forward", "an exponential overflows"),
        ("rnn_forward", "^h: the numbers are right, but of float32 they make float64"),
        ("word_embedding_backward", "^dW: .* np.zeros_like"),
        ("numeric_gradient", "moved in a copy of x"),
        ("temporal_softmax_loss", "y is read at the padding"),
    ],
)
def test_numbers_that_are_right_here_and_fail_in_a_training_are_not_right(name, words):
    space: dict = {}
    exec(RIGHT_BUT, space)
    found = diagnose(space[name], ALL[name])
    assert not found.right
    assert re.search(words, " ".join([m.what for m in found.mistakes] + found.remarks)), found


def test_what_keeps_float32_is_told_from_the_helper_that_does_not():
    space: dict = {}
    exec("import numpy as np\n" + inspect.getsource(loops.sigmoid), space)
    exec(inspect.getsource(loops.lstm_step_forward), space)
    assert diagnose(space["lstm_step_forward"], ALL["lstm_step_forward"]).right
    exec(
        "def sigmoid(a):\n    return np.float64(0.5) * np.tanh(np.array(a / 2, float)) + 0.5", space
    )
    remark, _ = diagnose(space["lstm_step_forward"], ALL["lstm_step_forward"]).remarks
    assert remark == "It calls your sigmoid, which is not right yet: begin there."


def test_a_list_is_compared_part_by_part():
    def extract_features(x, cnn, last=None):
        return loops.extract_features(x, cnn, last)[:-1]

    def two(x, cnn, last=None):
        return loops.extract_features(x, cnn, last)[:2]

    said = diagnose(two, ALL["extract_features"]).remarks
    assert "last=2[2]: it is missing: there are 2 entries, expected 3." in said

    def one(x, cnn, last=None):
        return loops.extract_features(x, cnn, last)[-1]

    def all_of_them(x, cnn, last=None):
        return [*loops.extract_features(x, cnn, last), x]

    found = diagnose(extract_features, ALL["extract_features"])
    assert found.wrong == ["without last[4]", "last=2[2]", "last=0[0]"]
    assert diagnose(one, ALL["extract_features"]).remarks == [
        "It returns a Tensor; expected a list."
    ]
    found = diagnose(all_of_them, ALL["extract_features"])
    assert found.remarks == [
        "without last[5], last=2[3], last=0[1]: the list should have ended before."
    ]


def test_what_is_wrong_for_negative_numbers_only_is_told_so():
    def sigmoid(a):
        e = np.exp(-np.abs(a))
        return np.where(a < 0, 1 - e, 1) / (1 + e)

    said = diagnose(sigmoid, ALL["sigmoid"]).remarks
    assert "sigmoid: wrong only where a is negative; everywhere else it is right." in said


def test_what_can_be_seen_without_a_known_mistake_is_said():
    def make_fooling_image(X, target_y, model, **_):
        return X.clone()

    def compute_saliency_maps(X, y, model):
        return torch.from_numpy(tensors.compute_saliency_maps(X, y, model)).max(dim=1)

    def turned(X, y, model):
        return tensors.compute_saliency_maps(X, y, model).swapaxes(1, 2)

    def no_loss(X, y, model):
        model(X.requires_grad_()).backward()

    for function, name, words in (
        (make_fooling_image, "make_fooling_image", "it is the argument X, as it was given."),
        (compute_saliency_maps, "compute_saliency_maps", "a tuple of 2 things, expected an array"),
        (turned, "compute_saliency_maps", "It is transposed; its numbers are right."),
        (no_loss, "compute_saliency_maps", "model(X.requires_grad_()).backward()"),
    ):
        assert words in " ".join(diagnose(function, ALL[name]).remarks)
