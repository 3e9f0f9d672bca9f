"""The vanilla recurrent network: one step, a whole sequence, and their backward passes.

Letters: ``N`` sequences in a batch, ``T`` steps, ``D`` size of an input, ``H`` size of the state.
Float dtypes are kept, inputs and caches are never changed, a cache serves any number of times.

Source: CS231n 2017, Assignment 3, ``rnn_layers.py``; Elman, "Finding structure in time" (1990).
"""

from __future__ import annotations

import numpy as np

from cs231n_lib.checks import checked

__all__ = ["rnn_backward", "rnn_forward", "rnn_step_backward", "rnn_step_forward"]


@checked(x="N D", prev_h="N H", Wx="D H", Wh="H H", b="H")
def rnn_step_forward(
    x: np.ndarray, prev_h: np.ndarray, Wx: np.ndarray, Wh: np.ndarray, b: np.ndarray
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

    Raises
    ------
    TypeError, ValueError
        If an argument is no array of floats, or the shapes do not fit.
    """
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


@checked(cache=("N D", "N H", "D H", "H H", "N H"), dnext_h="N H")
def rnn_step_backward(
    dnext_h: np.ndarray, cache: tuple
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
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

    Raises
    ------
    TypeError, ValueError
        If ``dnext_h`` is no array of floats, or its shape does not fit.
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
def rnn_forward(
    x: np.ndarray, h0: np.ndarray, Wx: np.ndarray, Wh: np.ndarray, b: np.ndarray
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

    Raises
    ------
    TypeError, ValueError
        If an argument is no array of floats, or the shapes do not fit.
    """
    N, T, D = x.shape
    H = len(b)
    dtype = np.result_type(x, h0, Wx, Wh, b)
    x = np.ascontiguousarray(x.swapaxes(0, 1))  # time first: what a step reads lies together
    h = np.empty((T + 1, N, H), dtype)
    h[0] = h0
    np.matmul(x.reshape(T * N, D), Wx, out=h[1:].reshape(T * N, H))
    product = np.empty((N, H), dtype)
    for t in range(T):
        a = h[t + 1]  # so far x_t Wx; the sum and the state replace it
        a += np.matmul(h[t], Wh, out=product)
        a += b
        np.tanh(a, out=a)
    return h[1:].swapaxes(0, 1), (x, Wx, Wh, h)


@checked(cache=("T N D", "D H", "H H", None), dh="N T H")
def rnn_backward(
    dh: np.ndarray, cache: tuple
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
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

    Raises
    ------
    TypeError, ValueError
        If ``dh`` is no array of floats, or its shape does not fit.
    """
    x, Wx, Wh, h = cache  # x and h with time first
    T, N, D = x.shape
    H = len(Wh)
    da = np.empty((T, N, H), np.result_type(h, dh))
    dprev_h = np.zeros((N, H), da.dtype)
    WhT = np.ascontiguousarray(Wh.T)  # turned round once, not in each of the small products
    for t in reversed(range(T)):
        dprev_h += dh[:, t]  # two streams meet: from the step after, and from this step's loss
        np.multiply(h[t + 1], h[t + 1], out=da[t])
        np.subtract(1, da[t], out=da[t])
        da[t] *= dprev_h  # through tanh
        np.matmul(da[t], WhT, out=dprev_h)
    # The sums over time are products of tall matrices, one row a (step, sentence).
    da = da.reshape(T * N, H)
    dx = (da @ Wx.T).reshape(T, N, D).swapaxes(0, 1)
    dWx = x.reshape(T * N, D).T @ da
    dWh = h[:-1].reshape(T * N, H).T @ da
    db = da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db
