"""Whose functions are at work."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cs231n_lib.see import class_visualization
from cs231n_lib.speak import lstm, training
from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.workshop.diagnosis import diagnose
from cs231n_lib.workshop.session import partner
from cs231n_lib.workshop.tasks import every_task
from tests.workshop.students import einsum, loops

TASKS = every_task()


def at_work(name):
    """What stands for a name where the library, or a notebook, looks it up."""
    if name == "loss":
        return CaptioningRNN.loss
    return vars(lstm if name == "sigmoid" else class_visualization)[name]


@pytest.mark.parametrize("name", ["loss", "class_visualization_step"])
def test_a_readers_function_works_in_its_class_or_module_until_the_books_is_asked_for(
    name, session, monkeypatch
):
    task, own = TASKS[name], getattr(loops, name)
    monkeypatch.setattr(loops, name, own)  # it is put back, where the book's takes its name
    entry = session.checked(diagnose(own, task), own)
    assert at_work(name) is own
    assert diagnose(own, task).right
    entry.given = True
    session.put_to_work(entry)
    assert at_work(name) is getattr(loops, name) is task.function


def test_a_picture_is_made_with_a_readers_step(session):
    def class_visualization_step(img, y, model, l2_reg=1e-3, learning_rate=25, check=True):
        return torch.zeros_like(img), torch.zeros(len(img))

    task = TASKS["class_visualization_step"]
    session.checked(diagnose(class_visualization_step, task), class_visualization_step)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 5))
    made = class_visualization.create_class_visualization(1, model, size=8, num_iterations=2)
    assert not made.any()


def test_a_network_is_trained_with_a_readers_update_rule(session):
    steps = []

    def adam(w, dw, config=None):
        steps.append(config)
        return einsum.adam(w, dw, config)

    session.checked(diagnose(adam, TASKS["adam"]), adam)
    steps.clear()
    settings = training.TrainingSettings(update_rule="adam", optim_config={"learning_rate": 0.1})
    w, config = training._RULES[settings.update_rule](np.ones(2), np.ones(2), settings.optim_config)
    assert steps == [{"learning_rate": 0.1}] and config["t"] == 1
    np.testing.assert_allclose(w, 0.9)
    with pytest.raises(ValueError, match="has unknown keys"):
        training.TrainingSettings(update_rule="adam", optim_config={"rate": 0.1})


def test_what_makes_caches_keeps_the_books_own_in_its_module(session):
    task = TASKS["sigmoid"]
    session.checked(diagnose(loops.sigmoid, task), loops.sigmoid)
    assert at_work("sigmoid") is task.function


def test_only_a_way_there_and_a_way_back_share_a_cache():
    assert partner(TASKS["lstm_forward"]) == "lstm_backward"
    assert partner(TASKS["adam"]) is None
