"""What a reader's function can do to the session: nothing."""

from __future__ import annotations

import random
import sys
import time
import warnings

import numpy as np
import pytest
import torch

from cs231n_lib.workshop.limits import run


def endless():
    while True:
        try:
            pass
        except Exception:  # noqa: BLE001, S110 - as careless as a reader may be
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
    assert time.monotonic() - start < 4


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), RecursionError("deep")])
def test_no_error_ends_the_session(error):
    def function():
        raise error

    assert run(function, ()).error is error


def test_what_everyone_shares_is_put_back():
    def function():
        np.random.seed(0)
        random.seed(0)
        torch.manual_seed(0)
        warnings.simplefilter("error")
        np.tanh = np.exp = None

    before = np.tanh, np.exp, list(warnings.filters), sys.stdout
    states = np.random.get_state()[1].tolist(), random.getstate(), torch.get_rng_state().tolist()
    assert run(function, ()).changed == ["np.exp", "np.tanh"]
    assert (np.tanh, np.exp, list(warnings.filters), sys.stdout) == before
    after = np.random.get_state()[1].tolist(), random.getstate(), torch.get_rng_state().tolist()
    assert after == states
