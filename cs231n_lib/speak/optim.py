"""Update rules: how a gradient changes a weight.

Every rule takes ``(w, dw, config)`` and returns ``(next_w, config)``: the new weight, and the
settings and running averages to pass in next time. Neither the weight nor the given ``config`` is
changed; keys that are missing from it get the defaults. Any shape, float dtype kept; half precision
is refused, since a small step would be lost in it.

Source: CS231n 2017, Assignments 2 and 3, ``optim.py``.
"""

from __future__ import annotations

import numpy as np

from cs231n_lib.checks import Call, Count, Instance, Number, checked, named
from cs231n_lib.speak.checks import check_weight

__all__ = ["adam", "rmsprop", "sgd", "sgd_momentum"]

Config = dict[str, float | int | np.ndarray]

_SHARE = Number(least=0, most=1)  # of what was
_MEAN = Number(least=0, below=1)  # the same, for a mean that is corrected by 1 - share**t
_LIMITS = {
    "learning_rate": Number(least=0),
    "epsilon": Number(above=0),
    "momentum": _SHARE,
    "decay_rate": _SHARE,
    "beta1": _MEAN,
    "beta2": _MEAN,
    "t": Count(least=0),
}


def _check_weight(name: str, array: np.ndarray, call: Call) -> None:
    """Floats of the shape of ``w``."""
    check_weight(name, array)
    wanted = call.arguments["w"].shape
    if array.shape != wanted:
        raise ValueError(named(f"{name} has shape {array.shape}, expected {wanted}, that of w"))


class _Settings:
    """What the config of a rule may hold: running averages, and settings with their defaults."""

    def __init__(self, *averages: str, **defaults: float) -> None:
        self.averages, self.defaults = averages, defaults

    def __call__(self, name: str, config: Config, call: Call) -> None:
        Instance(dict)(name, config)
        known = {*self.averages, *self.defaults}
        if config.keys() - known:
            raise ValueError(
                named(
                    f"{name} has unknown keys {sorted(config.keys() - known)}, "
                    f"expected some of {sorted(known)}"
                )
            )
        for key, value in config.items():
            if key in self.averages:
                _check_weight(f"{name}[{key!r}]", value, call)
            else:
                read = isinstance(value, np.ndarray) and value.ndim == 0  # from a file
                _LIMITS[key](f"{name}[{key!r}]", value.item() if read else value)

    def complete(self, config: Config | None, w: np.ndarray) -> Config:
        """A copy with defaults for settings, and zeros for running averages."""
        averages = {key: np.zeros_like(w) for key in self.averages}
        config = {**self.defaults, **averages, **(config or {})}
        # Settings become Python numbers: NumPy's, from a schedule, would widen float32 weights.
        numbers = {key: type(default)(config[key]) for key, default in self.defaults.items()}
        return config | numbers


_SGD = _Settings(learning_rate=1e-2)
_MOMENTUM = _Settings("velocity", learning_rate=1e-2, momentum=0.9)
_RMSPROP = _Settings("cache", learning_rate=1e-2, decay_rate=0.99, epsilon=1e-8)
_ADAM = _Settings("m", "v", learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, t=0)


@checked(w=_check_weight, dw=_check_weight, config=_SGD)
def sgd(
    w: np.ndarray,
    dw: np.ndarray,
    config: Config | None = None,
) -> tuple[np.ndarray, Config]:
    """Stochastic gradient descent: a step against the gradient.

    Parameters
    ----------
    w, dw : floats of one shape
        The weight, and the gradient of the loss with respect to it.
    config : dict, optional
        ``learning_rate`` (0.01).

    Returns
    -------
    next_w : floats of that shape
    config : dict

    Raises
    ------
    TypeError, ValueError
        If ``w`` or ``dw`` is not an array of floats, the shapes differ, that of a running average
        included, or ``config`` has a key that the rule does not know, or a setting that is not a
        number or out of range: rates are at least 0, shares that a running average keeps from 0
        to 1, steps whole.
    """
    config = _SGD.complete(config, w)
    next_w = w - config["learning_rate"] * dw
    return next_w, config


@checked(w=_check_weight, dw=_check_weight, config=_MOMENTUM)
def sgd_momentum(
    w: np.ndarray,
    dw: np.ndarray,
    config: Config | None = None,
) -> tuple[np.ndarray, Config]:
    """Gradient descent with momentum: a ball that rolls and keeps some of its speed.

    Parameters, results and errors as in :func:`sgd`; ``config`` also has ``momentum`` (0.9) and
    ``velocity``, the running sum of steps. Source: Polyak (1964).
    """
    config = _MOMENTUM.complete(config, w)
    rate, momentum = config["learning_rate"], config["momentum"]
    velocity = momentum * config["velocity"] - rate * dw
    next_w = w + velocity
    return next_w, config | {"velocity": velocity}


@checked(w=_check_weight, dw=_check_weight, config=_RMSPROP)
def rmsprop(
    w: np.ndarray,
    dw: np.ndarray,
    config: Config | None = None,
) -> tuple[np.ndarray, Config]:
    """RMSProp: each weight's step is divided by the recent size of its gradient.

    Parameters, results and errors as in :func:`sgd`; ``config`` also has ``decay_rate`` (0.99),
    ``epsilon`` (1e-8) and ``cache``, the running mean of squared gradients. Source: Tieleman and
    Hinton, lecture 6.5 of "Neural networks for machine learning" (2012).
    """
    config = _RMSPROP.complete(config, w)
    rate, epsilon = config["learning_rate"], config["epsilon"]
    decay = config["decay_rate"]
    cache = decay * config["cache"] + (1 - decay) * dw**2
    next_w = w - rate * dw / (np.sqrt(cache) + epsilon)
    return next_w, config | {"cache": cache}


@checked(w=_check_weight, dw=_check_weight, config=_ADAM)
def adam(
    w: np.ndarray,
    dw: np.ndarray,
    config: Config | None = None,
) -> tuple[np.ndarray, Config]:
    """Adam: momentum and RMSProp together, both corrected for their start at zero.

    Errors as in :func:`sgd`. Source: Kingma and Ba, arXiv:1412.6980.

    Parameters
    ----------
    w, dw : floats of one shape
        The weight, and the gradient of the loss with respect to it.
    config : dict, optional
        Any of ``learning_rate`` (0.001), ``beta1`` (0.9), ``beta2`` (0.999), ``epsilon`` (1e-8),
        and what earlier steps leave: the running means ``m`` of gradients and ``v`` of their
        squares, zeros at first, and the number of steps taken, ``t``.

    Returns
    -------
    next_w : floats of that shape
    config : dict
        With all seven, for the next step.
    """
    config = _ADAM.complete(config, w)
    rate, epsilon = config["learning_rate"], config["epsilon"]
    beta1, beta2 = config["beta1"], config["beta2"]
    t = config["t"] + 1
    m = beta1 * config["m"] + (1 - beta1) * dw
    v = beta2 * config["v"] + (1 - beta2) * dw**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    next_w = w - rate * m_hat / (np.sqrt(v_hat) + epsilon)
    return next_w, config | {"m": m, "v": v, "t": t}
