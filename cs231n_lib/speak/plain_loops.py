"""The recurrent networks before they were made fast: the plain loop, and a first improvement.

The chapters start from these and end with :mod:`cs231n_lib.speak.rnn` and :mod:`cs231n_lib.speak.lstm`, whose
results are the same, and so are the errors. The tests prove that, ``make bench`` measures the gain.

Letters: ``N`` sequences in a batch, ``T`` steps, ``D`` size of an input, ``H`` size of the state.

Source: CS231n 2017, Assignment 3, ``rnn_layers.py``.
"""

from __future__ import annotations

import numpy as np

from cs231n_lib.speak.lstm import lstm_step_backward, lstm_step_forward, sigmoid
from cs231n_lib.speak.rnn import rnn_step_backward, rnn_step_forward
from cs231n_lib.validation import check_shapes

__all__ = [
    "lstm_hoisted_backward",
    "lstm_hoisted_forward",
    "lstm_loop_backward",
    "lstm_loop_forward",
    "rnn_hoisted_backward",
    "rnn_hoisted_forward",
    "rnn_loop_backward",
    "rnn_loop_forward",
]

Gradients = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def rnn_loop_forward(
    x: np.ndarray, h0: np.ndarray, Wx: np.ndarray, Wh: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, list[tuple]]:
    """T calls of the step, see :func:`cs231n_lib.speak.rnn.rnn_forward`; the cache lists theirs."""
    _check_rnn("rnn_loop_forward", x, h0, Wx, Wh, b)
    h, caches = [h0], []
    for t in range(x.shape[1]):
        next_h, cache = rnn_step_forward(x[:, t], h[-1], Wx, Wh, b)
        h.append(next_h)
        caches.append(cache)
    return np.stack(h[1:], axis=1), caches


def rnn_loop_backward(dh: np.ndarray, caches: list[tuple]) -> Gradients:
    """T calls of the step back, see :func:`cs231n_lib.speak.rnn.rnn_backward`."""
    _check_steps("rnn_loop_backward", dh, caches)
    dx, dprev_h, dWx, dWh, db = [], 0, 0, 0, 0
    for t in reversed(range(len(caches))):
        # Two streams meet in h_t: from the loss at this step, and from the step after it.
        dx_t, dprev_h, dWx_t, dWh_t, db_t = rnn_step_backward(dh[:, t] + dprev_h, caches[t])
        dx.append(dx_t)
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    return np.stack(dx[::-1], axis=1), dprev_h, dWx, dWh, db


def rnn_hoisted_forward(
    x: np.ndarray, h0: np.ndarray, Wx: np.ndarray, Wh: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, tuple]:
    """The loop with the products that need no state taken out of it."""
    _check_rnn("rnn_hoisted_forward", x, h0, Wx, Wh, b)
    a = x @ Wx + b  # (N, T, H)
    h = np.empty_like(a)
    prev_h = h0
    for t in range(x.shape[1]):
        h[:, t] = np.tanh(a[:, t] + prev_h @ Wh)
        prev_h = h[:, t]
    return h, (x, h0, Wx, Wh, h)


def rnn_hoisted_backward(dh: np.ndarray, cache: tuple) -> Gradients:
    """The loop back with all but one of its products taken out of it."""
    x, h0, Wx, Wh, h = cache
    check_shapes("rnn_hoisted_backward", h=(h, "N T H"), dh=(dh, "N T H"))
    da = np.empty_like(h)
    dprev_h = np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        da[:, t] = (dh[:, t] + dprev_h) * (1 - h[:, t] ** 2)
        dprev_h = da[:, t] @ Wh.T
    return da @ Wx.T, dprev_h, *_sums_over_time(x, h0, h, da)


def lstm_loop_forward(
    x: np.ndarray, h0: np.ndarray, Wx: np.ndarray, Wh: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, list[tuple]]:
    """T calls of the step, see :func:`cs231n_lib.speak.lstm.lstm_forward`; the cache lists theirs."""
    _check_lstm("lstm_loop_forward", x, h0, Wx, Wh, b)
    h, c, caches = [h0], np.zeros_like(h0), []
    for t in range(x.shape[1]):
        next_h, c, cache = lstm_step_forward(x[:, t], h[-1], c, Wx, Wh, b)
        h.append(next_h)
        caches.append(cache)
    return np.stack(h[1:], axis=1), caches


def lstm_loop_backward(dh: np.ndarray, caches: list[tuple]) -> Gradients:
    """T calls of the step back, see :func:`cs231n_lib.speak.lstm.lstm_backward`."""
    _check_steps("lstm_loop_backward", dh, caches)
    dx, dprev_h, dWx, dWh, db = [], 0, 0, 0, 0
    dprev_c = np.zeros_like(dh[:, 0])
    for t in reversed(range(len(caches))):
        dx_t, dprev_h, dprev_c, dWx_t, dWh_t, db_t = lstm_step_backward(
            dh[:, t] + dprev_h, dprev_c, caches[t]
        )
        dx.append(dx_t)
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    return np.stack(dx[::-1], axis=1), dprev_h, dWx, dWh, db


def lstm_hoisted_forward(
    x: np.ndarray, h0: np.ndarray, Wx: np.ndarray, Wh: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, tuple]:
    """The loop with the products that need no state taken out of it."""
    _check_lstm("lstm_hoisted_forward", x, h0, Wx, Wh, b)
    (N, T, _), H = x.shape, len(Wh)
    gates = x @ Wx + b  # (N, T, 4H)
    h, c, tanh_c = np.empty((3, N, T, H), gates.dtype)
    prev_h, prev_c = h0, np.zeros_like(h0)
    for t in range(T):
        ai, af, ao, ag = np.split(gates[:, t] + prev_h @ Wh, 4, axis=1)
        i, f, o, g = sigmoid(ai), sigmoid(af), sigmoid(ao), np.tanh(ag)
        c[:, t] = f * prev_c + i * g
        tanh_c[:, t] = np.tanh(c[:, t])
        h[:, t] = o * tanh_c[:, t]
        gates[:, t] = np.concatenate([i, f, o, g], axis=1)
        prev_h, prev_c = h[:, t], c[:, t]
    return h, (x, h0, Wx, Wh, gates, c, tanh_c, h)


def lstm_hoisted_backward(dh: np.ndarray, cache: tuple) -> Gradients:
    """The loop back with all but one of its products taken out of it."""
    x, h0, Wx, Wh, gates, c, tanh_c, h = cache
    check_shapes("lstm_hoisted_backward", h=(h, "N T H"), dh=(dh, "N T H"))
    da = np.empty_like(gates)
    dprev_h, dprev_c = np.zeros_like(h0), np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        i, f, o, g = np.split(gates[:, t], 4, axis=1)
        dnext_h = dh[:, t] + dprev_h
        dc = dprev_c + dnext_h * o * (1 - tanh_c[:, t] ** 2)
        prev_c = c[:, t - 1] if t else np.zeros_like(dc)
        da[:, t] = np.concatenate(
            [
                dc * g * i * (1 - i),
                dc * prev_c * f * (1 - f),
                dnext_h * tanh_c[:, t] * o * (1 - o),
                dc * i * (1 - g**2),
            ],
            axis=1,
        )
        dprev_h, dprev_c = da[:, t] @ Wh.T, dc * f
    return da @ Wx.T, dprev_h, *_sums_over_time(x, h0, h, da)


def _check_rnn(function: str, x: np.ndarray, h0: np.ndarray, *weights: np.ndarray) -> None:
    Wx, Wh, b = weights
    check_shapes(
        function, x=(x, "N T D"), h0=(h0, "N H"), Wx=(Wx, "D H"), Wh=(Wh, "H H"), b=(b, "H")
    )


def _check_lstm(function: str, x: np.ndarray, h0: np.ndarray, *weights: np.ndarray) -> None:
    Wx, Wh, b = weights
    check_shapes(
        function, x=(x, "N T D"), h0=(h0, "N H"), Wx=(Wx, "D 4H"), Wh=(Wh, "H 4H"), b=(b, "4H")
    )


def _check_steps(function: str, dh: np.ndarray, caches: list[tuple]) -> None:
    """One gradient a step: a longer ``dh`` would be cut without a word."""
    check_shapes(function, dh=(dh, "N T H"))
    if dh.shape[1] != len(caches):
        raise ValueError(
            f"{function}: dh has shape {dh.shape}, expected (N, T, H) with T = {len(caches)}, "
            "one step for each of caches"
        )


def _sums_over_time(
    x: np.ndarray, h0: np.ndarray, h: np.ndarray, da: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dWx, dWh and db: each is one product, of matrices with a row for every (sentence, step)."""
    prev_h = np.concatenate([h0[:, None], h[:, :-1]], axis=1)
    x, prev_h, da = (v.reshape(-1, v.shape[2]) for v in (x, prev_h, da))
    return x.T @ da, prev_h.T @ da, da.sum(axis=0)
