"""The long short-term memory: one step, a whole sequence, and their backward passes.

The four gates lie side by side, in the order input ``i``, forget ``f``, output ``o``, candidate
``g``: columns ``0:H``, ``H:2H``, ``2H:3H`` and ``3H:4H`` of ``Wx``, ``Wh`` and ``b``.

A sequence is run in three ways that give the same: the plain loop over the steps
(``lstm_loop_…``), the loop with the products that need no state taken out of it
(``lstm_hoisted_…``), and the fast one.

Letters: ``N`` sequences in a batch, ``T`` steps, ``D`` size of an input, ``H`` size of the state.
Float dtypes are kept, inputs and caches are never changed, a cache serves any number of times.
A cache holds arguments as they are, not copies: change those after the backward pass. What else a
function returns belongs to the caller.
Arguments are arrays of floats of the shapes stated: anything else raises TypeError or ValueError.

Source: CS231n 2017, Assignment 3, ``rnn_layers.py``; Hochreiter and Schmidhuber, "Long short-term
memory" (1997), with the forget gate of Gers, Schmidhuber and Cummins (2000).
"""

from __future__ import annotations

import numpy as np

from cs231n_lib.checks import Each, checked

__all__ = [
    "lstm_backward",
    "lstm_cell",
    "lstm_forward",
    "lstm_gates",
    "lstm_hoisted_backward",
    "lstm_hoisted_forward",
    "lstm_loop_backward",
    "lstm_loop_forward",
    "lstm_step_backward",
    "lstm_step_forward",
    "sigmoid",
]

Gradients = tuple[np.ndarray, ...]  # of every argument of the forward pass, in its order

# x, prev_h, prev_c, Wx, Wh, and what lstm_cell keeps.
_STEP_CACHE = ("N D", "N H", "N H", "D 4H", "H 4H", *5 * ("N H",))
# x, gates, c and h with time first, the states from before the first step on; Wx, Wh.
_CACHE = ("T N D", "T 4 N H", "... N H", "... N H", "D 4H", "H 4H")
_ROWS = 256  # of the products that sum over time, at least


def sigmoid(a: np.ndarray) -> np.ndarray:
    """The logistic function 1 / (1 + exp(-a)), element by element, in [0, 1].

    Written with tanh, which saturates where exp would overflow. Any shape, float dtype kept.
    """
    return 0.5 * (1 + np.tanh(0.5 * a))


@checked(prev_c="N H", a="N 4H")
def lstm_cell(
    a: np.ndarray,
    prev_c: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, tuple]:
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
    """
    ai, af, ao, ag = np.split(a, 4, axis=1)
    i, f, o, g = sigmoid(ai), sigmoid(af), sigmoid(ao), np.tanh(ag)
    next_c = f * prev_c + i * g
    tanh_c = np.tanh(next_c)
    next_h = o * tanh_c
    return next_h, next_c, (i, f, o, g, tanh_c)


@checked(x="N D", prev_h="N H", prev_c="N H", Wx="D 4H", Wh="H 4H", b="4H")
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
    """
    a = x @ Wx + prev_h @ Wh + b
    next_h, next_c, gates = lstm_cell(a, prev_c)
    return next_h, next_c, (x, prev_h, prev_c, Wx, Wh, *gates)


@checked(cache=_STEP_CACHE, dnext_h="N H", dnext_c="N H")
def lstm_step_backward(
    dnext_h: np.ndarray,
    dnext_c: np.ndarray,
    cache: tuple,
) -> Gradients:
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
    """
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, tanh_c = cache
    # Two paths into the cell: along it, and through the hidden state.
    dc = dnext_c + dnext_h * o * (1 - tanh_c**2)
    dai = dc * g * i * (1 - i)
    daf = dc * prev_c * f * (1 - f)
    dao = dnext_h * tanh_c * o * (1 - o)
    dag = dc * i * (1 - g**2)
    da = np.concatenate([dai, daf, dao, dag], axis=1)
    dx = da @ Wx.T
    dprev_h = da @ Wh.T
    dprev_c = dc * f
    dWx = x.T @ da
    dWh = prev_h.T @ da
    db = da.sum(axis=0)
    return dx, dprev_h, dprev_c, dWx, dWh, db


@checked(x="N T D", h0="N H", Wx="D 4H", Wh="H 4H", b="4H")
def lstm_loop_forward(
    x: np.ndarray,
    h0: np.ndarray,
    Wx: np.ndarray,
    Wh: np.ndarray,
    b: np.ndarray,
) -> tuple[np.ndarray, list[tuple]]:
    """:func:`lstm_forward` as T calls of the step; the cache is the list of theirs."""
    h, c, caches = [h0], np.zeros_like(h0), []
    for t in range(x.shape[1]):
        next_h, c, cache = lstm_step_forward(x[:, t], h[-1], c, Wx, Wh, b)
        h.append(next_h)
        caches.append(cache)
    return np.stack(h[1:], axis=1), caches


@checked(caches=Each(_STEP_CACHE, "T"), dh="N T H")
def lstm_loop_backward(dh: np.ndarray, caches: list[tuple]) -> Gradients:
    """:func:`lstm_backward` as T calls of the step back."""
    dx = []
    dprev_h = dWx = dWh = db = 0
    dprev_c = np.zeros_like(dh[:, 0])
    for t in reversed(range(len(caches))):
        # Two streams meet: from this step's loss, and from the step after.
        dnext_h = dh[:, t] + dprev_h
        step = lstm_step_backward(dnext_h, dprev_c, caches[t])
        dx_t, dprev_h, dprev_c, dWx_t, dWh_t, db_t = step
        dx.append(dx_t)
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    dx = np.stack(dx[::-1], axis=1)
    dh0 = dprev_h
    return dx, dh0, dWx, dWh, db


@checked(x="N T D", h0="N H", Wx="D 4H", Wh="H 4H", b="4H")
def lstm_hoisted_forward(
    x: np.ndarray,
    h0: np.ndarray,
    Wx: np.ndarray,
    Wh: np.ndarray,
    b: np.ndarray,
) -> tuple[np.ndarray, tuple]:
    """:func:`lstm_forward` as a loop, with the products of the inputs taken out of it."""
    (N, T, _), H = x.shape, len(Wh)
    a = x @ Wx + b  # (N, T, 4H)
    h, c, tanh_c = np.empty((3, N, T, H), a.dtype)
    gates = np.empty_like(a)
    prev_h, prev_c = h0, np.zeros_like(h0)
    for t in range(T):
        a_t = a[:, t] + prev_h @ Wh
        prev_h, prev_c, kept = lstm_cell(a_t, prev_c)
        h[:, t], c[:, t], tanh_c[:, t] = prev_h, prev_c, kept[4]
        gates[:, t] = np.concatenate(kept[:4], axis=1)
    return h.copy(), (x, h0, Wx, Wh, gates, c, tanh_c, h)


@checked(
    cache=("N T D", "N H", "D 4H", "H 4H", "N T 4H", *3 * ("N T H",)),
    dh="N T H",
)
def lstm_hoisted_backward(dh: np.ndarray, cache: tuple) -> Gradients:
    """:func:`lstm_backward` as a loop, with all but one of its products taken out of it."""
    x, h0, Wx, Wh, gates, c, tanh_c, h = cache
    prev_h = np.concatenate([h0[:, None], h[:, :-1]], axis=1)
    prev_c = np.concatenate([np.zeros_like(c[:, :1]), c[:, :-1]], axis=1)
    da = np.empty_like(gates)
    dprev_h, dprev_c = np.zeros_like(h0), np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        i, f, o, g = np.split(gates[:, t], 4, axis=1)
        dnext_h = dh[:, t] + dprev_h
        dc = dprev_c + dnext_h * o * (1 - tanh_c[:, t] ** 2)
        dai = dc * g * i * (1 - i)
        daf = dc * prev_c[:, t] * f * (1 - f)
        dao = dnext_h * tanh_c[:, t] * o * (1 - o)
        dag = dc * i * (1 - g**2)
        da[:, t] = np.concatenate([dai, daf, dao, dag], axis=1)
        dprev_h = da[:, t] @ Wh.T
        dprev_c = dc * f
    dx = da @ Wx.T
    dh0 = dprev_h
    # The sums run over sentences and steps, axes 0 and 1.
    dWx = np.tensordot(x, da, axes=([0, 1], [0, 1]))
    dWh = np.tensordot(prev_h, da, axes=([0, 1], [0, 1]))
    db = da.sum(axis=(0, 1))
    return dx, dh0, dWx, dWh, db


@checked(x="N T D", h0="N H", Wx="D 4H", Wh="H 4H", b="4H")
def lstm_forward(
    x: np.ndarray,
    h0: np.ndarray,
    Wx: np.ndarray,
    Wh: np.ndarray,
    b: np.ndarray,
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
    """
    N, T, D = x.shape
    H = len(Wh)
    dtype = np.result_type(x, h0, Wx, Wh, b)
    # sigmoid(a) is 1/2 + 1/2 tanh(a/2): halve the sums of i, f and o, and
    # one tanh serves all.
    scale = np.array([0.5, 0.5, 0.5, 1], dtype).reshape(4, 1, 1)
    shift, halves = 1 - scale, np.repeat(scale, H)
    # Time first: what a step reads lies together.
    x = np.ascontiguousarray(x.swapaxes(0, 1))
    gates = np.empty((T, 4, N, H), dtype)
    np.matmul(x.reshape(T * N, D), Wx, out=gates.reshape(T * N, 4 * H))
    h, c = np.empty((T + 1, N, H), dtype), np.zeros((T + 1, N, H), dtype)
    h[0] = h0
    a, tanh_c = np.empty((N, 4 * H), dtype), np.empty((N, H), dtype)
    for t in range(T):
        np.matmul(h[t], Wh, out=a)
        # So far, gates holds the product with x_t; its place is now free.
        a += gates[t].reshape(N, 4 * H)
        a += b
        a *= halves
        np.tanh(a, out=a)
        by_gate = a.reshape(N, 4, H).swapaxes(0, 1)
        np.multiply(by_gate, scale, out=gates[t])
        gates[t] += shift
        i, f, o, g = gates[t]
        next_c = np.multiply(f, c[t], out=c[t + 1])
        next_c += np.multiply(i, g, out=tanh_c)
        np.multiply(o, np.tanh(next_c, out=tanh_c), out=h[t + 1])
    return h[1:].swapaxes(0, 1).copy(), (x, gates, c, h, Wx, Wh)


@checked(cache=_CACHE, dh="N T H")
def lstm_backward(dh: np.ndarray, cache: tuple) -> Gradients:
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
    """
    x, gates, c, h, Wx, Wh = cache  # time first, gates one by one
    T, N, D = x.shape
    H = len(Wh)
    dtype = np.result_type(h, dh)
    dx = np.empty(x.shape, dtype)
    dWx, dWh = np.zeros(Wx.shape, dtype), np.zeros(Wh.shape, dtype)
    db = np.zeros(4 * H, dtype)
    dprev_h, dc = np.zeros((N, H), dtype), np.zeros((N, H), dtype)
    dnext_h, tanh_c, factor = np.empty((3, N, H), dtype)
    slopes = np.empty((4, N, H), dtype)
    # Transposed once, not in each of the small products.
    WhT = np.ascontiguousarray(Wh.T)
    # The sums over time are products of tall matrices: one row per step
    # of each sentence. A few steps at a time are tall enough, and da never
    # has to hold more than those.
    piece = min(T, -(-_ROWS // N))
    da = np.empty((piece, N, 4 * H), dtype)
    for end in range(T, 0, -piece):
        start = max(0, end - piece)
        for t in reversed(range(start, end)):
            i, f, o, g = gates[t]
            # The slope of the sigmoids is s (1 - s), that of tanh 1 - g^2.
            np.multiply(gates[t], gates[t], out=slopes)
            np.subtract(gates[t], slopes, out=slopes)
            np.subtract(1, np.multiply(g, g, out=factor), out=slopes[3])
            # Each slope is to be multiplied by the gradient at its gate.
            di, df, do, dg = slopes
            np.add(dh[:, t], dprev_h, out=dnext_h)
            np.tanh(c[t + 1], out=tanh_c)
            do *= np.multiply(dnext_h, tanh_c, out=factor)
            # The other path into the cell: dnext_h (1 - tanh^2 c) o.
            dnext_h -= np.multiply(factor, tanh_c, out=tanh_c)
            dc += np.multiply(dnext_h, o, out=factor)
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
    dx = dx.swapaxes(0, 1)
    dh0 = dprev_h
    return dx, dh0, dWx, dWh, db


@checked(cache=_CACHE)
def lstm_gates(cache: tuple) -> dict[str, np.ndarray]:
    """What happened inside :func:`lstm_forward`, for pictures.

    Returns
    -------
    dict
        ``i``, ``f``, ``o`` in [0, 1] and ``g`` in [-1, 1], and the cell state ``c``: copies,
        each (N, T, H) floats.
    """
    _, gates, c, *_ = cache
    parts = dict(zip("ifogc", [*gates.swapaxes(0, 1), c[1:]]))
    return {name: part.swapaxes(0, 1).copy() for name, part in parts.items()}
