"""One step of a captioning model, forth and back, called alike for every cell."""

from __future__ import annotations

import numpy as np

from cs231n_lib.checks import checked
from cs231n_lib.speak.attention import (
    Gradients,
    attention_step_backward,
    attention_step_forward,
)
from cs231n_lib.speak.captioning import CaptioningRNN, keys_and_values
from cs231n_lib.speak.checks import Features, Model
from cs231n_lib.speak.lstm import lstm_step_backward, lstm_step_forward
from cs231n_lib.speak.rnn import rnn_step_backward, rnn_step_forward

__all__ = ["STEPS", "State", "begin"]

State = list[np.ndarray]  # h, or h and c, each (N, H); or their gradients


def _look_and_step(
    x: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    *weights: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, tuple]:
    Wx, Wh, b, keys, values, Wq = weights
    context, look = attention_step_forward(h, keys, values, Wq)
    x = np.concatenate([x, context], axis=1)
    h, c, step = lstm_step_forward(x, h, c, Wx, Wh, b)
    return h, c, (look, step)


def _look_and_step_back(dh: np.ndarray, dc: np.ndarray, cache: tuple) -> Gradients:
    look, step = cache
    dx, dh, dc, *_ = lstm_step_backward(dh, dc, step)
    *_, query, _ = look
    dx, dcontext = np.split(dx, [-query.shape[1]], axis=1)
    dlook_h, *_ = attention_step_backward(dcontext, look)
    return dx, dh + dlook_h, dc


STEPS = {
    "rnn": (rnn_step_forward, rnn_step_backward),
    "lstm": (lstm_step_forward, lstm_step_backward),
    "attention": (_look_and_step, _look_and_step_back),
}
"""By ``cell_type``: ``forward(x, *state, *weights)`` returns ``(*state, cache)``, and
``backward(*dstate, cache)`` the gradients ``(dx, *dstate, ...)``."""


@checked(model=Model(finite=True), features=Features("model"))
def begin(model: CaptioningRNN, features: np.ndarray) -> tuple[State, list[np.ndarray]]:
    """From where a model starts with pictures, and what its steps need beside words and state.

    Parameters
    ----------
    model : CaptioningRNN
    features : (N, D) floats

    Returns
    -------
    state : list of (N, H) floats
        The first h, and c if there is one.
    weights : list of arrays of floats
        ``Wx``, ``Wh``, ``b``; with attention also the keys, the values and ``Wq``.
    """
    p = model.params
    h = features.astype(model.dtype, copy=False) @ p["W_proj"] + p["b_proj"]
    state = [h] if model.cell_type == "rnn" else [h, np.zeros_like(h)]
    weights = [p["Wx"], p["Wh"], p["b"]]
    if model.cell_type == "attention":
        weights += [*keys_and_values(model, features), p["Wq"]]
    return state, [weight.copy() for weight in weights]
