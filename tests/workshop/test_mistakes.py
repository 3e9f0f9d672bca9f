"""Every known mistake, handed in: it is named, and no other; pairs too, where they can be told."""

from __future__ import annotations

import functools
import itertools
import sys

import numpy as np
import pytest

from cs231n_lib.workshop import diagnosis
from cs231n_lib.workshop.diagnosis import diagnose
from cs231n_lib.workshop.mistakes import Mistake, remember, with_mistakes, wrong
from cs231n_lib.workshop.task import UNASKED
from cs231n_lib.workshop.tasks import Task, every_task

TASKS = every_task()
SINGLE = [
    pytest.param(task, mistake, id=f"{name}-{mistake.what}")
    for name, task in TASKS.items()
    for mistake in task.mistakes
]


def handed_in(task: Task, *mistakes: Mistake):
    """A reader's function with these mistakes, beside the forward function whose cache it reads."""
    function = with_mistakes(task.sources or (task.function,), mistakes)
    if task.plain_forward is not None:
        function.__globals__[task.forward.__name__] = task.plain_forward
    return function


@pytest.mark.parametrize(("task", "mistake"), SINGLE)
def test_each_mistake_is_told_from_all_others(task, mistake):
    found = diagnose(handed_in(task, mistake), task)
    assert not found.right
    assert [known.what for known in found.mistakes] == [mistake.what]


@pytest.mark.parametrize("name", TASKS)
def test_there_are_mistakes_enough_and_each_is_told_in_words_of_its_own(name):
    mistakes = TASKS[name].mistakes
    assert len(mistakes) >= (8 if name.endswith("_backward") or name == "loss" else 4)
    assert len({mistake.what for mistake in mistakes}) == len(mistakes)
    for mistake in mistakes:
        assert mistake.what.endswith((".", ")")), mistake.what
        assert mistake.hint.endswith(("?", ".")), mistake.hint
        assert mistake.hint != mistake.what


@functools.cache
def pairs_of(name: str) -> tuple[int, int]:
    """How many pairs of mistakes can be made together, and how many of them are named rightly.

    One that is taken for a single mistake must give the very numbers of that.
    """
    task, possible, named = TASKS[name], 0, 0
    for pair in itertools.combinations(task.mistakes, 2):
        try:
            numbers = diagnosis._answer(task, pair)
        except Exception:  # both edit the same words, or the function stops
            continue
        possible += 1
        taken_for = diagnosis._explanation(task, numbers)
        named += taken_for == pair
        if len(taken_for) == 1:
            for key, single in diagnosis._answer(task, taken_for).items():
                if single is UNASKED or numbers[key] is UNASKED:
                    continue
                np.testing.assert_allclose(
                    numbers[key], single, rtol=1e-6, atol=1e-9, err_msg=str((pair, taken_for))
                )
    return possible, named


@pytest.mark.parametrize("name", TASKS)
def test_pairs_are_told_wherever_their_numbers_differ(name):
    possible, named = pairs_of(name)
    assert named >= 0.75 * possible


def test_an_edit_that_no_longer_fits_is_named():
    task = TASKS["sigmoid"]
    gone = wrong("A line that is gone.", "Where?", ("np.tanh(7 * a)", "a"))
    with pytest.raises(LookupError, match=r"'np.tanh\(7 \* a\)' is 0 times in sigmoid.* is gone"):
        with_mistakes((task.function,), (gone,))


def test_the_library_is_not_changed():
    task = TASKS["rnn_step_forward"]
    before = task.function.__code__
    handed_in(task, task.mistakes[0])
    assert task.function.__code__ is before
    assert diagnosis._is_right(task.function, task, 1.0)


def test_the_book_is_remembered_as_it_was_before_readers_put_theirs_to_work(monkeypatch):
    loss = TASKS["loss"]
    remember([loss.function])  # once more changes nothing
    monkeypatch.setattr(sys.modules[loss.function.__module__], "rnn_forward", None)
    assert with_mistakes((loss.function,), ()).__globals__["rnn_forward"] is not None


def table() -> str:
    """For the notes of a release: ``python -m tests.workshop.test_mistakes``."""
    rows = [f"{'function':28} mistakes  pairs  named"]
    for name, task in TASKS.items():
        possible, named = pairs_of(name)
        rows.append(f"{name:28} {len(task.mistakes):8} {possible:6} {named:6}")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
