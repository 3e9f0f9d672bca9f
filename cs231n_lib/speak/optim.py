"""Update rules: how a gradient changes a weight.

Every rule takes ``(w, dw, config)`` and returns ``(next_w, config)``: the new weight, and the
settings and running averages to pass in next time. Neither the weight nor the given ``config`` is
changed; keys that are missing from it get the defaults. Any shape, float dtype kept.

Source: CS231n 2017, Assignments 2 and 3, ``optim.py``.
"""

from __future__ import annotations

import numpy as np

from cs231n_lib.validation import check_count, check_number

__all__ = ["adam", "rmsprop", "sgd", "sgd_momentum"]

Config = dict[str, float | int | np.ndarray]


def sgd(w: np.ndarray, dw: np.ndarray, config: Config | None = None) -> tuple[np.ndarray, Config]:
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
        If ``w`` or ``dw`` is no array of floats, the shapes differ, that of a running average
        included, or ``config`` has a key that the rule does not know, or a setting that is no
        number or out of range: rates are at least 0, shares that a running average keeps from 0
        to 1, steps whole.
    """
    config = _configure("sgd", w, dw, config, learning_rate=1e-2)
    return w - config["learning_rate"] * dw, config


def sgd_momentum(
    w: np.ndarray, dw: np.ndarray, config: Config | None = None
) -> tuple[np.ndarray, Config]:
    """Gradient descent with momentum: a ball that rolls and keeps some of its speed.

    Parameters, results and errors as in :func:`sgd`; ``config`` also has ``momentum`` (0.9) and
    ``velocity``, the running sum of steps. Source: Polyak (1964).
    """
    config = _configure(
        "sgd_momentum", w, dw, config, ("velocity",), learning_rate=1e-2, momentum=0.9
    )
    config["velocity"] = config["momentum"] * config["velocity"] - config["learning_rate"] * dw
    return w + config["velocity"], config


def rmsprop(
    w: np.ndarray, dw: np.ndarray, config: Config | None = None
) -> tuple[np.ndarray, Config]:
    """RMSProp: each weight's step is divided by the recent size of its gradient.

    Parameters, results and errors as in :func:`sgd`; ``config`` also has ``decay_rate`` (0.99),
    ``epsilon`` (1e-8) and ``cache``, the running mean of squared gradients. Source: Tieleman and
    Hinton, lecture 6.5 of "Neural networks for machine learning" (2012).
    """
    config = _configure(
        "rmsprop", w, dw, config, ("cache",), learning_rate=1e-2, decay_rate=0.99, epsilon=1e-8
    )
    rate, decay, epsilon = (config[key] for key in ("learning_rate", "decay_rate", "epsilon"))
    config["cache"] = decay * config["cache"] + (1 - decay) * dw**2
    return w - rate * dw / (np.sqrt(config["cache"]) + epsilon), config


def adam(w: np.ndarray, dw: np.ndarray, config: Config | None = None) -> tuple[np.ndarray, Config]:
    """Adam: momentum and RMSProp together, both corrected for their start at zero.

    Parameters, results and errors as in :func:`sgd`, but ``learning_rate`` (0.001); ``config`` also
    has ``beta1`` (0.9), ``beta2`` (0.999), ``epsilon`` (1e-8), the moments ``m`` and ``v`` and the
    number of steps taken, ``t``. Source: Kingma and Ba, arXiv:1412.6980.
    """
    config = _configure(
        "adam", w, dw, config, ("m", "v"),
        learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, t=0,
    )  # fmt: skip
    beta1, beta2 = config["beta1"], config["beta2"]
    config["t"] += 1
    config["m"] = beta1 * config["m"] + (1 - beta1) * dw
    config["v"] = beta2 * config["v"] + (1 - beta2) * dw**2
    m_hat = config["m"] / (1 - beta1 ** config["t"])
    v_hat = config["v"] / (1 - beta2 ** config["t"])
    return w - config["learning_rate"] * m_hat / (np.sqrt(v_hat) + config["epsilon"]), config


def _configure(
    rule: str,
    w: np.ndarray,
    dw: np.ndarray,
    config: Config | None,
    averages: tuple[str, ...] = (),
    **defaults: float,
) -> Config:
    """A copy of ``config``, complete: defaults for settings, zeros for running averages."""
    for name, array in (("w", w), ("dw", dw)):
        if getattr(getattr(array, "dtype", None), "kind", None) != "f":
            given = getattr(array, "dtype", type(array).__name__)
            raise TypeError(f"{rule}: {name} is {given}, expected a NumPy array of floats")
    if not isinstance(config, dict | None):
        raise TypeError(f"{rule}: config is a {type(config).__name__}, expected a dict")
    if np.shape(w) != np.shape(dw):
        raise ValueError(f"{rule}: dw has shape {np.shape(dw)}, expected {np.shape(w)}, that of w")
    unknown = set(config or ()) - set(defaults) - set(averages)
    if unknown:
        raise ValueError(
            f"{rule}: config has unknown keys {sorted(unknown)}, "
            f"expected some of {sorted({*defaults, *averages})}"
        )
    config = {**defaults, **{key: np.zeros_like(w) for key in averages}, **(config or {})}
    for key in averages:
        if np.shape(config[key]) != np.shape(w):
            raise ValueError(
                f"{rule}: config has {key!r} of shape {np.shape(config[key])}, "
                f"expected {np.shape(w)}, that of w"
            )
    for key in defaults:
        setting = config[key]
        if isinstance(setting, np.ndarray) and setting.ndim == 0:
            setting = setting.item()  # a number that was read from a file
        if key == "t":
            check_count(rule, key, setting, least=0)
        else:
            kept = key in ("momentum", "decay_rate", "beta1", "beta2")  # a share, of what was
            check_number(rule, key, setting, least=0, most=1 if kept else np.inf)
    # Settings become Python numbers: a NumPy one, from a schedule, would widen float32 weights.
    return {**config, **{key: type(number)(config[key]) for key, number in defaults.items()}}
