"""The update rules: equal to those of PyTorch, gentle with what they are given."""

import numpy as np
import pytest
import torch

from cs231n_lib.speak.optim import adam, rmsprop, sgd, sgd_momentum
from tests.gradients import FLOATS

RULES = [sgd, sgd_momentum, rmsprop, adam]

# A rule, its settings, the same for PyTorch.
AGAINST_TORCH = [
    (sgd, {}, torch.optim.SGD, {"lr": 1e-2}),
    (sgd, {"learning_rate": 0.3}, torch.optim.SGD, {"lr": 0.3}),
    (sgd_momentum, {}, torch.optim.SGD, {"lr": 1e-2, "momentum": 0.9}),
    (
        sgd_momentum,
        {"learning_rate": 0.2, "momentum": 0.5},
        torch.optim.SGD,
        {"lr": 0.2, "momentum": 0.5},
    ),
    (rmsprop, {}, torch.optim.RMSprop, {"lr": 1e-2, "alpha": 0.99, "eps": 1e-8}),
    (
        rmsprop,
        {"learning_rate": 0.2, "decay_rate": 0.7, "epsilon": 0.1},
        torch.optim.RMSprop,
        {"lr": 0.2, "alpha": 0.7, "eps": 0.1},
    ),
    (adam, {}, torch.optim.Adam, {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8}),
    (
        adam,
        {"learning_rate": 0.2, "beta1": 0.6, "beta2": 0.7, "epsilon": 0.1},
        torch.optim.Adam,
        {"lr": 0.2, "betas": (0.6, 0.7), "eps": 0.1},
    ),
]


def gradients(scale=1.0):
    return list(scale * np.random.default_rng(1).standard_normal((12, 4, 3)))


@pytest.mark.parametrize("scale", [1.0, 1e-8])  # at 1e-8, the default epsilon counts
@pytest.mark.parametrize(("rule", "config", "torch_rule", "torch_config"), AGAINST_TORCH)
def test_twelve_steps_equal_those_of_torch(rule, config, torch_rule, torch_config, scale):
    start = scale * np.random.default_rng(0).standard_normal((4, 3))
    parameter = torch.nn.Parameter(torch.tensor(start))
    optimizer = torch_rule([parameter], **torch_config)
    w = start
    for dw in gradients(scale):
        w, config = rule(w, dw, config)
        parameter.grad = torch.tensor(dw)
        optimizer.step()
        expected = parameter.detach().numpy()
        np.testing.assert_allclose(w - start, expected - start, rtol=1e-9, atol=1e-18)


@pytest.mark.parametrize(
    ("rule", "next_w", "averages"),
    [
        (sgd, 1 - 0.01 * 2, {}),
        (sgd_momentum, 1 - 0.01 * 2, {"velocity": -0.02}),
        (rmsprop, 1 - 0.01 * 2 / (np.sqrt(0.04) + 1e-8), {"cache": 0.04}),
        (adam, 1 - 0.001 * 2 / (2 + 1e-8), {"m": 0.2, "v": 0.004, "t": 1}),
    ],
)
@pytest.mark.parametrize("empty", [None, {}])
def test_first_step_with_the_default_settings(rule, next_w, averages, empty):
    w, config = rule(np.ones(1), np.full(1, 2.0), empty)
    np.testing.assert_allclose(w, [next_w], rtol=1e-12)
    settings = {
        sgd: {"learning_rate": 0.01},
        sgd_momentum: {"learning_rate": 0.01, "momentum": 0.9},
        rmsprop: {"learning_rate": 0.01, "decay_rate": 0.99, "epsilon": 1e-8},
        adam: {"learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
    }[rule]
    assert set(config) == {*settings, *averages}
    assert {key: config[key] for key in settings} == settings
    for key, value in averages.items():
        np.testing.assert_allclose(config[key], value, rtol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_a_learning_rate_may_be_larger_than_one(rule):
    w, dw = np.ones(3), np.arange(3.0)
    once, twice = (rule(w, dw, {"learning_rate": rate})[0] - w for rate in (1.0, 2.0))
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_training_goes_on_from_the_returned_config(rule):
    dws = gradients()
    w, config = np.ones((4, 3)), None
    for dw in dws[:6]:
        w, config = rule(w, dw, config)
    kept = {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in config.items()}
    once, _ = rule(w, dws[6], config)
    again, _ = rule(w, dws[6], kept)
    np.testing.assert_array_equal(once, again)
    if rule is not sgd:
        assert not np.allclose(once, rule(w, dws[6], None)[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", FLOATS[1:])
@pytest.mark.parametrize("number", [float, np.float64, np.array])
@pytest.mark.parametrize("rule", RULES)
def test_dtype_is_kept_whatever_the_kind_of_number_in_config(rule, number, dtype):
    w, config = np.ones(3, dtype), {"learning_rate": number(0.5)}
    for _ in range(3):
        w, config = rule(w, np.full(3, 0.25, dtype), config)
        arrays = [w, *(v for v in config.values() if isinstance(v, np.ndarray))]
        assert {a.dtype for a in arrays} == {np.dtype(dtype)}
    assert isinstance(config["learning_rate"], float)


def test_steps_are_counted_in_whole_numbers():
    _, config = adam(np.ones(1), np.ones(1), {"t": np.array(4)})
    assert config["t"] == 5
    assert isinstance(config["t"], int)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", [(), (1,), (2, 3, 4)])
def test_any_shape_is_updated_number_by_number(rule, shape):
    dw = np.random.default_rng(0).standard_normal(shape)
    w, config = rule(np.ones(shape), dw, None)
    w, _ = rule(w, dw, config)
    assert np.shape(w) == shape
    for index in np.ndindex(shape):
        one, config = rule(np.ones(1), dw[index].reshape(1), None)
        one, _ = rule(one, dw[index].reshape(1), config)
        np.testing.assert_allclose(np.asarray(w)[index], one[0], rtol=1e-14)
