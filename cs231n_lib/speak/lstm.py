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
    "lstm_cell",
    "lstm_forward",
    "lstm_gates",
    "lstm_step_backward",
    "lstm_step_forward",
    "sigmoid",
]


_ROWS = 256  # of the products that sum over time, at least


def sigmoid(a: np.ndarray) -> np.ndarray:
    """The logistic function 1 / (1 + exp(-a)), element by element, in [0, 1].

    Written with tanh, which saturates where exp would overflow. Any shape, float dtype kept.
    """
    return 0.5 * (1 + np.tanh(0.5 * a))


def lstm_cell(a: np.ndarray, prev_c: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple]:
    """The gates at work, once the sums are there: all of a step but its matrix products.

    Parameters
    ----------
    a : (N, 4H) floats
        The sums ``x @ Wx + prev_h @ Wh + b``.
    prev_c : (N, H) floats

    Returns
    -------
    next_h : (N, H) floats in [-1, 1]
    next_c : (N, H) floats
    gates : tuple
        ``i``, ``f``, ``o``, ``g`` and ``tanh(next_c)``, each (N, H) floats.

    Raises
    ------
    TypeError, ValueError
        If an argument is no array of floats, or the shapes do not fit.
    """
    check_shapes("lstm_cell", prev_c=(prev_c, "N H"), a=(a, "N 4H"))
    ai, af, ao, ag = np.split(a, 4, axis=1)
    i, f, o, g = sigmoid(ai), sigmoid(af), sigmoid(ao), np.tanh(ag)
    next_c = f * prev_c + i * g
    tanh_c = np.tanh(next_c)
    return o * tanh_c, next_c, (i, f, o, g, tanh_c)


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
    next_h, next_c, gates = lstm_cell(x @ Wx + prev_h @ Wh + b, prev_c)
    return next_h, next_c, (x, prev_h, prev_c, Wx, Wh, *gates)


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

    Equal to T calls of :func:`lstm_step_forward`, and faster: one product for all inputs, one tanh
    for all gates, every step in place.

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
    check_shapes(
        "lstm_forward",
        x=(x, "N T D"),
        h0=(h0, "N H"),
        Wx=(Wx, "D 4H"),
        Wh=(Wh, "H 4H"),
        b=(b, "4H"),
    )
    N, T, D = x.shape
    H = len(Wh)
    dtype = np.result_type(x, h0, Wx, Wh, b)
    # sigmoid(a) is 1/2 + 1/2 tanh(a/2): halve the sums of i, f and o, and one tanh serves all.
    scale = np.array([0.5, 0.5, 0.5, 1], dtype).reshape(4, 1, 1)
    shift, halves = 1 - scale, np.repeat(scale, H)
    x = np.ascontiguousarray(x.swapaxes(0, 1))  # time first: what a step reads lies together
    gates = np.empty((T, 4, N, H), dtype)
    np.matmul(x.reshape(T * N, D), Wx, out=gates.reshape(T * N, 4 * H))
    h, c = np.empty((T + 1, N, H), dtype), np.zeros((T + 1, N, H), dtype)
    h[0] = h0
    a, tanh_c = np.empty((N, 4 * H), dtype), np.empty((N, H), dtype)
    for t in range(T):
        np.matmul(h[t], Wh, out=a)
        a += gates[t].reshape(N, 4 * H)  # so far the product with x_t; its place is now free
        a += b
        a *= halves
        np.tanh(a, out=a)
        np.multiply(a.reshape(N, 4, H).swapaxes(0, 1), scale, out=gates[t])
        gates[t] += shift
        i, f, o, g = gates[t]
        next_c = np.multiply(f, c[t], out=c[t + 1])
        next_c += np.multiply(i, g, out=tanh_c)
        np.multiply(o, np.tanh(next_c, out=tanh_c), out=h[t + 1])
    return h[1:].swapaxes(0, 1), (x, Wx, Wh, gates, c, h)


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
    x, Wx, Wh, gates, c, h = cache  # time first; gates one by one: (T, 4, N, H)
    check_shapes("lstm_backward", h=(h[1:].swapaxes(0, 1), "N T H"), dh=(dh, "N T H"))
    T, N, D = x.shape
    H = len(Wh)
    dtype = np.result_type(h, dh)
    dh = dh.swapaxes(0, 1)
    dx, dWx, dWh = np.empty(x.shape, dtype), np.zeros(Wx.shape, dtype), np.zeros(Wh.shape, dtype)
    db = np.zeros(4 * H, dtype)
    dprev_h, dc, tanh_c, factor = (np.zeros((N, H), dtype) for _ in range(4))
    slopes = np.empty((4, N, H), dtype)
    WhT = np.ascontiguousarray(Wh.T)  # turned round once, not in each of the small products
    # The sums over time are products of tall matrices, one row a (step, sentence). A few steps at
    # a time are tall enough, and da never has to hold more than those.
    piece = min(T, -(-_ROWS // N))
    da = np.empty((piece, N, 4 * H), dtype)
    for end in range(T, 0, -piece):
        start = max(0, end - piece)
        for t in reversed(range(start, end)):
            i, f, o, g = gates[t]
            # s (1 - s) is the slope of the sigmoid, for i, f and o, and 1 - g^2 of the tanh, for g.
            np.subtract(gates[t], np.multiply(gates[t], gates[t], out=slopes), out=slopes)
            np.subtract(1, np.multiply(g, g, out=factor), out=slopes[3])
            di, df, do, dg = slopes  # each to be multiplied by the gradient at its gate

            dprev_h += dh[t]  # now the gradient at h_t
            np.tanh(c[t + 1], out=tanh_c)
            do *= np.multiply(dprev_h, tanh_c, out=factor)
            dprev_h -= np.multiply(factor, tanh_c, out=tanh_c)
            dc += np.multiply(dprev_h, o, out=factor)  # dh_t o (1 - tanh^2 c)
            di *= np.multiply(dc, g, out=factor)
            df *= np.multiply(dc, c[t], out=factor)
            dg *= np.multiply(dc, i, out=factor)
            dc *= f
            da_t = da[t - start]
            da_t.reshape(N, 4, H)[...] = slopes.swapaxes(0, 1)
            np.matmul(da_t, WhT, out=dprev_h)
        rows = da[: end - start].reshape(-1, 4 * H)
        np.matmul(rows, Wx.T, out=dx[start:end].reshape(-1, D))
        dWx += x[start:end].reshape(-1, D).T @ rows
        dWh += h[start:end].reshape(-1, H).T @ rows
        db += rows.sum(axis=0)
    return dx.swapaxes(0, 1), dprev_h, dWx, dWh, db


def lstm_gates(cache: tuple) -> dict[str, np.ndarray]:
    """What happened inside :func:`lstm_forward`, for pictures.

    Returns
    -------
    dict
        ``i``, ``f``, ``o`` in [0, 1] and ``g`` in [-1, 1], and the cell state ``c``: copies,
        each (N, T, H) floats.

    Raises
    ------
    ValueError
        If ``cache`` is not what :func:`lstm_forward` returned.
    """
    if not isinstance(cache, tuple) or len(cache) != 6 or np.ndim(cache[3]) != 4:
        raise ValueError("lstm_gates: cache is not what lstm_forward returned")
    gates, c = cache[3], cache[4][1:]
    parts = dict(zip("ifogc", [*gates.swapaxes(0, 1), c]))
    return {name: part.swapaxes(0, 1).copy() for name, part in parts.items()}
