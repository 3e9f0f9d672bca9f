"""Right code is right, however it is written, and the tasks keep what they promise."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from cs231n_lib.workshop.diagnosis import diagnose
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


def test_a_loop_that_does_not_end_is_told_its_mistake():
    def make_fooling_image(X, target_y, model):
        X = X.clone().requires_grad_()
        while model(X).argmax() != target_y:
            (g,) = torch.autograd.grad(model(X)[0, target_y], X)
            X = (X - g / g.norm()).detach().requires_grad_()
        return X

    def once_a_step(X, target_y, model):
        X = X.clone().requires_grad_()
        while True:
            scores = model(X)
            if scores.argmax() == target_y:
                return X
            (g,) = torch.autograd.grad(scores[0, target_y], X)
            X = (X - g / g.norm()).detach().requires_grad_()

    task = ALL["make_fooling_image"]
    found = diagnose(make_fooling_image, task)
    assert found.wrong and "had not come to an end after 16 calls" in found.remarks[0]
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


def test_a_list_is_compared_part_by_part():
    def extract_features(x, cnn, last=None):
        return loops.extract_features(x, cnn, last)[:-1]

    def one(x, cnn, last=None):
        return loops.extract_features(x, cnn, last)[-1]

    def all_of_them(x, cnn, last=None):
        return [*loops.extract_features(x, cnn, last), x]

    found = diagnose(extract_features, ALL["extract_features"])
    assert found.wrong == ["all[4]", "up to last[2]"]
    assert diagnose(one, ALL["extract_features"]).remarks == [
        "It returns a Tensor; expected a list."
    ]
    found = diagnose(all_of_them, ALL["extract_features"])
    assert found.remarks == ["all[5], up to last[3]: the list should have ended before."]


def test_what_can_be_seen_without_a_known_mistake_is_said():
    def make_fooling_image(X, target_y, model):
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
