"""What right numbers may still lack: room for large ones, and the dtype of what was given."""

from __future__ import annotations

import numpy as np
import torch

from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.workshop.floats import Overflow, in_float32, wider


def test_the_first_line_that_overflows_is_kept_and_what_comes_to_nothing_is_not():
    overflow = Overflow()
    space = {"np": np}
    exec("def f(a):\n    b = np.exp(-a) + 1 / a\n    return np.exp(a) + np.exp(2 * a)", space)
    assert overflow.watch(space["f"])(np.array([0.0, 5]))[1] > 100 and overflow.where == ""
    with np.errstate(over="raise"):  # which is put back
        overflow.watch(space["f"])(np.array([800.0]))
        assert np.geterr()["over"] == "raise"
    assert overflow.where == "line 3"


def test_arrays_become_float32_wherever_they_are_and_nothing_else_does():
    model = CaptioningRNN({"<NULL>": 0, "a": 1}, 2, 3, 4, dtype=np.float64)
    tensor = torch.ones(2, dtype=torch.float64)
    words, (a, b), config, small, same, n = in_float32(
        (np.arange(3), [np.ones(2), 0.5], {"m": np.ones(1), "t": 2}, model, tensor, 7)
    )
    assert words.dtype == np.int64 and a.dtype == np.float32 and b == 0.5
    assert config["m"].dtype == np.float32 and config["t"] == 2
    assert small.dtype == small.params["Wx"].dtype == np.float32
    assert model.dtype == model.params["Wx"].dtype == np.float64
    assert same is tensor and n == 7


def test_only_arrays_that_should_be_shorter_are_wider():
    wanted = {"h": np.ones(2, np.float32), "n": np.arange(2), "loss": np.float32(1)}
    got = {"h": np.ones(2), "n": np.arange(2), "loss": 1.0, "cache['x']": np.ones(2)}
    assert wider(got, wanted) == ["h"]
    assert wider(wanted, wanted) == []
