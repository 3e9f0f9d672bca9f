"""What a reader's function can do to the session: nothing."""

from __future__ import annotations

import random
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import torch

from cs231n_lib.workshop.limits import run


def endless():
    while True:
        try:  # noqa: SIM105 - as careless as a reader may be
            pass
        except Exception:
            pass


def test_what_is_returned_raised_and_printed_comes_back():
    assert run(divmod, (7, 2)).value == (3, 1)
    outcome = run(lambda: print("x" * 10_000), ())
    assert outcome.printed == "x" * 2000
    assert outcome.value is None and outcome.error is None
    assert isinstance(run(lambda: 1 / 0, ()).error, ZeroDivisionError)


def test_a_loop_that_never_ends_is_stopped():
    start = time.monotonic()
    outcome = run(endless, (), 0.2)
    assert isinstance(outcome.error, TimeoutError)
    assert str(outcome.error) == "it had not come to an end after 0.2 seconds"
    assert time.monotonic() - start < 2


def test_a_function_that_cannot_be_stopped_is_left_alone():
    start = time.monotonic()
    assert isinstance(run(time.sleep, (6,), 0.1).error, TimeoutError)
    # Under a tracer, as that of coverage, Python 3.11 waits until the thread has ended.
    assert sys.gettrace() or time.monotonic() - start < 4


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), RecursionError("deep")])
def test_no_error_ends_the_session(error):
    def function():
        raise error

    assert run(function, ()).error is error


def random_states():
    numpy_random = np.random.get_state()[1].tolist()  # noqa: NPY002
    return numpy_random, random.getstate(), torch.get_rng_state().tolist()


def test_what_everyone_shares_is_put_back():
    def function():
        np.random.seed(0)  # noqa: NPY002
        random.seed(0)
        torch.manual_seed(0)
        warnings.simplefilter("error")
        np.tanh = np.exp = None

    before = np.tanh, np.exp, list(warnings.filters), sys.stdout
    states = random_states()
    assert run(function, ()).changed == ["np.exp", "np.tanh"]
    assert (np.tanh, np.exp, list(warnings.filters), sys.stdout) == before
    assert random_states() == states


def test_where_there_are_no_threads_and_no_pytorch_it_runs_all_the_same(monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    before = sys.gettrace()
    monkeypatch.setattr(threading.Thread, "start", start)
    monkeypatch.delitem(sys.modules, "torch")
    assert run(lambda x: x + 1, (1,)).value == 2
    assert isinstance(run(endless, (), 0.1).error, TimeoutError)
    assert sys.gettrace() is before
