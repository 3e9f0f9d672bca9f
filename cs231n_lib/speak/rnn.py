"""The vanilla recurrent network: one step, a whole sequence, and their backward passes.

A sequence is run in three ways that give the same: the plain loop over the steps
(``rnn_loop_…``), the loop with the products that need no state taken out of it
(``rnn_hoisted_…``), and the fast one.

Letters: ``N`` sequences in a batch, ``T`` steps, ``D`` size of an input, ``H`` size of the state.
Float dtypes are kept, inputs and caches are never changed, a cache serves any number of times.
A cache holds arguments as they are, not copies: change those after the backward pass. What else a
function returns belongs to the caller.
Arguments are arrays of floats of the shapes stated: anything else raises TypeError or ValueError.

Source: CS231n 2017, Assignment 3, ``rnn_layers.py``; Elman, "Finding structure in time" (1990).
"""

from __future__ import annotations

import numpy as np

from cs231n_lib.checks import Each, checked

__all__ = [
    "rnn_backward",
    "rnn_forward",
    "rnn_hoisted_backward",
    "rnn_hoisted_forward",
    "rnn_loop_backward",
    "rnn_loop_forward",
    "rnn_step_backward",
    "rnn_step_forward",
]

Gradients = tuple[np.ndarray, ...]  # of every argument of the forward pass, in its order

_STEP_CACHE = ("N D", "N H", "D H", "H H", "N H")


@checked(x="N D", prev_h="N H", Wx="D H", Wh="H H", b="H")
def rnn_step_forward(
    x: np.ndarray,
    prev_h: np.ndarray,
    Wx: np.ndarray,
    Wh: np.ndarray,
    b: np.ndarray,
) -> tuple[np.ndarray, tuple]:
    """One step: mix the input with the previous state and squash.

    Parameters
    ----------
    x : (N, D) floats
        Input of this step.
    prev_h : (N, H) floats
        State before this step.
    Wx : (D, H) floats
    Wh : (H, H) floats
    b : (H,) floats

    Returns
    -------
    next_h : (N, H) floats in [-1, 1]
    cache : tuple
        For :func:`rnn_step_backward`.
    """
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h.copy(), (x, prev_h, Wx, Wh, next_h)


@checked(cache=_STEP_CACHE, dnext_h="N H")
def rnn_step_backward(dnext_h: np.ndarray, cache: tuple) -> Gradients:
    """Gradients of :func:`rnn_step_forward`.

    Parameters
    ----------
    dnext_h : (N, H) floats
    cache : tuple

    Returns
    -------
    dx : (N, D) floats
    dprev_h : (N, H) floats
    dWx : (D, H) floats
    dWh : (H, H) floats
    db : (H,) floats
    """
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)  # through tanh
    dx = da @ Wx.T
    dprev_h = da @ Wh.T
    dWx = x.T @ da
    dWh = prev_h.T @ da
    db = da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db


@checked(x="N T D", h0="N H", Wx="D H", Wh="H H", b="H")
def rnn_loop_forward(
    x: np.ndarray,
    h0: np.ndarray,
    Wx: np.ndarray,
    Wh: np.ndarray,
    b: np.ndarray,
) -> tuple[np.ndarray, list[tuple]]:
    """:func:`rnn_forward` as T calls of the step; the cache is the list of theirs."""
    h, caches = [h0], []
    for t in range(x.shape[1]):
        next_h, cache = rnn_step_forward(x[:, t], h[-1], Wx, Wh, b)
        h.append(next_h)
        caches.append(cache)
    return np.stack(h[1:], axis=1), caches


@checked(caches=Each(_STEP_CACHE, "T"), dh="N T H")
def rnn_loop_backward(dh: np.ndarray, caches: list[tuple]) -> Gradients:
    """:func:`rnn_backward` as T calls of the step back."""
    dx = []
    dprev_h = dWx = dWh = db = 0
    for t in reversed(range(len(caches))):
        # Two streams meet: from this step's loss, and from the step after.
        dnext_h = dh[:, t] + dprev_h
        step = rnn_step_backward(dnext_h, caches[t])
        dx_t, dprev_h, dWx_t, dWh_t, db_t = step
        dx.append(dx_t)
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    dx = np.stack(dx[::-1], axis=1)
    dh0 = dprev_h
    return dx, dh0, dWx, dWh, db


@checked(x="N T D", h0="N H", Wx="D H", Wh="H H", b="H")
def rnn_hoisted_forward(
    x: np.ndarray,
    h0: np.ndarray,
    Wx: np.ndarray,
    Wh: np.ndarray,
    b: np.ndarray,
) -> tuple[np.ndarray, tuple]:
    """:func:`rnn_forward` as a loop, with the products of the inputs taken out of it."""
    a = x @ Wx + b  # (N, T, H)
    h = np.empty_like(a)
    prev_h = h0
    for t in range(x.shape[1]):
        h[:, t] = np.tanh(a[:, t] + prev_h @ Wh)
        prev_h = h[:, t]
    return h.copy(), (x, h0, Wx, Wh, h)


@checked(cache=("N T D", "N H", "D H", "H H", "N T H"), dh="N T H")
def rnn_hoisted_backward(dh: np.ndarray, cache: tuple) -> Gradients:
    """:func:`rnn_backward` as a loop, with all but one of its products taken out of it."""
    x, h0, Wx, Wh, h = cache
    prev_h = np.concatenate([h0[:, None], h[:, :-1]], axis=1)
    da = np.empty_like(h)
    dprev_h = np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        dnext_h = dh[:, t] + dprev_h
        da[:, t] = dnext_h * (1 - h[:, t] ** 2)
        dprev_h = da[:, t] @ Wh.T
    dx = da @ Wx.T
    dh0 = dprev_h
    # The sums run over sentences and steps, axes 0 and 1.
    dWx = np.tensordot(x, da, axes=([0, 1], [0, 1]))
    dWh = np.tensordot(prev_h, da, axes=([0, 1], [0, 1]))
    db = da.sum(axis=(0, 1))
    return dx, dh0, dWx, dWh, db


@checked(x="N T D", h0="N H", Wx="D H", Wh="H H", b="H")
def rnn_forward(
    x: np.ndarray,
    h0: np.ndarray,
    Wx: np.ndarray,
    Wh: np.ndarray,
    b: np.ndarray,
) -> tuple[np.ndarray, tuple]:
    """Run the recurrence over a whole sequence.

    Equal to T calls of :func:`rnn_step_forward`, and faster: the products with the inputs do not
    wait for the states, so one product makes them all, and every step works in place.

    Parameters
    ----------
    x : (N, T, D) floats
    h0 : (N, H) floats
        State before the first step.
    Wx : (D, H) floats
    Wh : (H, H) floats
    b : (H,) floats

    Returns
    -------
    h : (N, T, H) floats in [-1, 1]
        The state after every step.
    cache : tuple
        For :func:`rnn_backward`.
    """
    N, T, D = x.shape
    H = len(b)
    dtype = np.result_type(x, h0, Wx, Wh, b)
    # Time first: what a step reads lies together.
    x = np.ascontiguousarray(x.swapaxes(0, 1))
    h = np.empty((T + 1, N, H), dtype)
    h[0] = h0
    np.matmul(x.reshape(T * N, D), Wx, out=h[1:].reshape(T * N, H))
    product = np.empty((N, H), dtype)
    for t in range(T):
        a = h[t + 1]  # so far x_t Wx; the sum and the state replace it
        a += np.matmul(h[t], Wh, out=product)
        a += b
        np.tanh(a, out=a)
    return h[1:].swapaxes(0, 1).copy(), (x, Wx, Wh, h)


@checked(cache=("T N D", "D H", "H H", "... N H"), dh="N T H")
def rnn_backward(dh: np.ndarray, cache: tuple) -> Gradients:
    """Gradients of :func:`rnn_forward`: backpropagation through time.

    Parameters
    ----------
    dh : (N, T, H) floats
        Gradients of the loss with respect to every state *directly*, not through later states.
    cache : tuple

    Returns
    -------
    dx : (N, T, D) floats
    dh0 : (N, H) floats
    dWx : (D, H) floats
    dWh : (H, H) floats
    db : (H,) floats
    """
    x, Wx, Wh, h = cache  # x and h with time first
    T, N, D = x.shape
    H = len(Wh)
    da = np.empty((T, N, H), np.result_type(h, dh))
    dprev_h, dnext_h = np.zeros((2, N, H), da.dtype)
    # Transposed once, not in each of the small products.
    WhT = np.ascontiguousarray(Wh.T)
    for t in reversed(range(T)):
        # Two streams meet: from this step's loss, and from the step after.
        np.add(dh[:, t], dprev_h, out=dnext_h)
        np.multiply(h[t + 1], h[t + 1], out=da[t])
        np.subtract(1, da[t], out=da[t])
        da[t] *= dnext_h  # through tanh
        np.matmul(da[t], WhT, out=dprev_h)
    # The sums over time are products of tall matrices: one row per step
    # of each sentence.
    da = da.reshape(T * N, H)
    dx = (da @ Wx.T).reshape(T, N, D).swapaxes(0, 1)
    dh0 = dprev_h
    dWx = x.reshape(T * N, D).T @ da
    dWh = h[:-1].reshape(T * N, H).T @ da
    db = da.sum(axis=0)
    return dx, dh0, dWx, dWh, db
