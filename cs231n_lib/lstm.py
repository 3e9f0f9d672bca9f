"""The long short-term memory: one step, a whole sequence, and their backward passes.

The four gates stand side by side, in the order input ``i``, forget ``f``, output ``o``, candidate
``g``: columns ``0:H``, ``H:2H``, ``2H:3H`` and ``3H:4H`` of ``Wx``, ``Wh`` and ``b``.

Letters: ``N`` sequences in a batch, ``T`` steps, ``D`` size of an input, ``H`` size of the state.
Float dtypes are kept, inputs and caches are never changed, a cache serves any number of times.

Source: CS231n 2017, Assignment 3, ``rnn_layers.py``; Hochreiter and Schmidhuber, "Long short-term
memory" (1997), with the forget gate of Gers, Schmidhuber and Cummins (2000).
"""

from __future__ import annotations

import numpy as np

from cs231n_lib.validation import check_shapes

__all__ = [
    "lstm_backward",
    "lstm_forward",
    "lstm_gates",
    "lstm_step_backward",
    "lstm_step_forward",
    "sigmoid",
]


def sigmoid(a: np.ndarray) -> np.ndarray:
    """The logistic function 1 / (1 + exp(-a)), element by element, in [0, 1].

    Written with tanh, which saturates where exp would overflow. Any shape, float dtype kept.
    """
    return 0.5 * (1 + np.tanh(0.5 * a))


def lstm_step_forward(
    x: np.ndarray,
    prev_h: np.ndarray,
    prev_c: np.ndarray,
    Wx: np.ndarray,
    Wh: np.ndarray,
    b: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, tuple]:
    """One step: forget some of the cell, write to it, show some of it.

    Parameters
    ----------
    x : (N, D) floats
        Input of this step.
    prev_h, prev_c : (N, H) floats
        Hidden state and cell state before this step.
    Wx : (D, 4H) floats
    Wh : (H, 4H) floats
    b : (4H,) floats

    Returns
    -------
    next_h : (N, H) floats in [-1, 1]
    next_c : (N, H) floats
    cache : tuple
        For :func:`lstm_step_backward`.

    Raises
    ------
    TypeError, ValueError
        If an argument is no array of floats, or the shapes do not fit.
    """
    check_shapes(
        "lstm_step_forward",
        x=(x, "N D"),
        prev_h=(prev_h, "N H"),
        prev_c=(prev_c, "N H"),
        Wx=(Wx, "D 4H"),
        Wh=(Wh, "H 4H"),
        b=(b, "4H"),
    )
    ai, af, ao, ag = np.split(x @ Wx + prev_h @ Wh + b, 4, axis=1)
    i, f, o, g = sigmoid(ai), sigmoid(af), sigmoid(ao), np.tanh(ag)
    next_c = f * prev_c + i * g
    tanh_c = np.tanh(next_c)
    next_h = o * tanh_c
    return next_h, next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, tanh_c)


def lstm_step_backward(
    dnext_h: np.ndarray, dnext_c: np.ndarray, cache: tuple
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of :func:`lstm_step_forward`.

    Parameters
    ----------
    dnext_h, dnext_c : (N, H) floats
    cache : tuple

    Returns
    -------
    dx : (N, D) floats
    dprev_h, dprev_c : (N, H) floats
    dWx : (D, 4H) floats
    dWh : (H, 4H) floats
    db : (4H,) floats

    Raises
    ------
    TypeError, ValueError
        If a gradient is no array of floats, or its shape does not fit.
    """
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, tanh_c = cache
    check_shapes(
        "lstm_step_backward",
        i=(i, "N H"),
        dnext_h=(dnext_h, "N H"),
        dnext_c=(dnext_c, "N H"),
    )
    dc = dnext_c + dnext_h * o * (1 - tanh_c**2)  # both paths into the cell state
    da = np.concatenate(
        [
            dc * g * i * (1 - i),
            dc * prev_c * f * (1 - f),
            dnext_h * tanh_c * o * (1 - o),
            dc * i * (1 - g**2),
        ],
        axis=1,
    )
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def lstm_forward(
    x: np.ndarray, h0: np.ndarray, Wx: np.ndarray, Wh: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, tuple]:
    """Run the LSTM over a whole sequence, from a cell state of zero.

    Equal to T calls of :func:`lstm_step_forward`. The products with the inputs do not wait for
    the states, so they are all taken at once, before the loop.

    Parameters
    ----------
    x : (N, T, D) floats
    h0 : (N, H) floats
        Hidden state before the first step.
    Wx : (D, 4H) floats
    Wh : (H, 4H) floats
    b : (4H,) floats

    Returns
    -------
    h : (N, T, H) floats in [-1, 1]
        The hidden state after every step.
    cache : tuple
        For :func:`lstm_backward` and :func:`lstm_gates`.

    Raises
    ------
    TypeError, ValueError
        If an argument is no array of floats, or the shapes do not fit.
    """
    H = check_shapes(
        "lstm_forward",
        x=(x, "N T D"),
        h0=(h0, "N H"),
        Wx=(Wx, "D 4H"),
        Wh=(Wh, "H 4H"),
        b=(b, "4H"),
    )["H"]
    N, T, D = x.shape
    dtype = np.result_type(x, h0, Wx, Wh, b)
    gates = (x.reshape(N * T, D) @ Wx + b).reshape(N, T, 4 * H).astype(dtype, copy=False)
    h, c, tanh_c = (np.empty((N, T, H), dtype) for _ in range(3))
    prev_h, prev_c = h0, np.zeros((N, H), dtype)
    for t in range(T):
        a = gates[:, t]  # a view: the activations replace the sums in place
        a += prev_h @ Wh
        a[:, : 3 * H] = sigmoid(a[:, : 3 * H])
        a[:, 3 * H :] = np.tanh(a[:, 3 * H :])
        i, f, o, g = np.split(a, 4, axis=1)
        c[:, t] = f * prev_c + i * g
        tanh_c[:, t] = np.tanh(c[:, t])
        h[:, t] = o * tanh_c[:, t]
        prev_h, prev_c = h[:, t], c[:, t]
    return h, (x, h0, Wx, Wh, gates, c, tanh_c, h)


def lstm_backward(
    dh: np.ndarray, cache: tuple
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of :func:`lstm_forward`: backpropagation through time.

    Parameters
    ----------
    dh : (N, T, H) floats
        Gradients of the loss with respect to every hidden state *directly*, not through later
        states. The cell state is internal: no gradient comes to it from outside.
    cache : tuple

    Returns
    -------
    dx : (N, T, D) floats
    dh0 : (N, H) floats
    dWx : (D, 4H) floats
    dWh : (H, 4H) floats
    db : (4H,) floats

    Raises
    ------
    TypeError, ValueError
        If ``dh`` is no array of floats, or its shape does not fit.
    """
    x, h0, Wx, Wh, gates, c, tanh_c, h = cache
    check_shapes("lstm_backward", h=(h, "N T H"), dh=(dh, "N T H"))
    N, T, H = h.shape
    da = np.empty_like(gates, dtype=np.result_type(gates, dh))
    dprev_h = np.zeros_like(dh[:, 0])
    dprev_c = np.zeros_like(dprev_h)
    for t in reversed(range(T)):
        i, f, o, g = np.split(gates[:, t], 4, axis=1)
        dnext_h = dh[:, t] + dprev_h
        dc = dprev_c + dnext_h * o * (1 - tanh_c[:, t] ** 2)
        da[:, t, :H] = dc * g * i * (1 - i)
        # The first step starts from an empty cell: nothing to forget, no gradient.
        da[:, t, H : 2 * H] = dc * c[:, t - 1] * f * (1 - f) if t else 0
        da[:, t, 2 * H : 3 * H] = dnext_h * tanh_c[:, t] * o * (1 - o)
        da[:, t, 3 * H :] = dc * i * (1 - g**2)
        dprev_h, dprev_c = da[:, t] @ Wh.T, dc * f
    # The sums over time are products of tall matrices, one row a (sentence, step).
    da_rows = da.reshape(N * T, 4 * H)
    prev_h = np.concatenate([h0[:, None], h[:, :-1]], axis=1).reshape(N * T, H)
    dx = (da_rows @ Wx.T).reshape(x.shape)
    return dx, dprev_h, x.reshape(N * T, -1).T @ da_rows, prev_h.T @ da_rows, da_rows.sum(axis=0)


def lstm_gates(cache: tuple) -> dict[str, np.ndarray]:
    """What happened inside :func:`lstm_forward`, for pictures.

    Returns
    -------
    dict
        ``i``, ``f``, ``o`` in [0, 1] and ``g`` in [-1, 1], and the cell state ``c``: copies,
        each (N, T, H) floats.
    """
    gates, c = cache[4], cache[5]
    parts = dict(zip("ifogc", [*np.split(gates, 4, axis=2), c]))
    return {name: part.copy() for name, part in parts.items()}
