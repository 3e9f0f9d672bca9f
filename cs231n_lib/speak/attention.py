"""An LSTM that looks: before every step it chooses, field by field, what to see of the picture.

A picture is L fields. Each has a key, which says what is there, and a value, which is what the
network gets to see. The state asks with a query; the fields whose keys fit it best are seen most.
What is seen, the context, goes into the step beside the word: the input of the LSTM is
``[x_t, context_t]``, so the first D rows of ``Wx`` are for the word and its last A for the context.

A sequence is run in two ways that give the same: the plain loop over the steps
(``attention_loop_…``), and the fast one.

Letters: ``N`` sequences in a batch, ``T`` steps, ``D`` size of a word's vector, ``H`` size of the
state, ``L`` fields of a picture, ``C`` channels of a field, ``A`` size of keys, values and query.
Float dtypes are kept, inputs and caches are never changed, a cache serves any number of times.
A cache holds arguments as they are, not copies: change those after the backward pass. What else a
function returns belongs to the caller.
Arguments are arrays of floats of the shapes stated: anything else raises TypeError or ValueError.

Source: Xu et al., "Show, attend and tell" (arXiv:1502.03044), with the scaled dot product of
Vaswani et al., "Attention is all you need" (arXiv:1706.03762).
"""

from __future__ import annotations

import numpy as np

from cs231n_lib.checks import Call, Each, Floats, checked
from cs231n_lib.speak.lstm import lstm_step_backward, lstm_step_forward

__all__ = [
    "attention_backward",
    "attention_forward",
    "attention_loop_backward",
    "attention_loop_forward",
    "attention_step_backward",
    "attention_step_forward",
    "attention_weights",
    "field_affine_backward",
    "field_affine_forward",
]

Gradients = tuple[np.ndarray, ...]  # of every argument of the forward pass, in its order

# prev_h, keys, values, Wq, the query and the weights.
_LOOK = ("N H", "N L A", "N L A", "H A", "N A", "N L")
# E is D + A.
_STEP = ("N E", "N H", "N H", "E 4H", "H 4H", *5 * ("N H",))
# With time first: x, gates, c, state and context side by side, query and weights; then keys,
# values, Wx, Wh, Wq.
_CACHE = (
    *("T N D", "T 4 N H", "... N H", "... N E", "T N A", "T N L"),
    *("N L A", "N L A", "G 4H", "H 4H", "H A"),
)


def _check_input_weights(name: str, Wx: np.ndarray, call: Call) -> None:
    """(D + A, 4H) floats: rows for the word, then rows for the context."""
    Floats(f"{call.sizes['D'] + call.sizes['A']} 4H")(name, Wx, call)


_SEQUENCE = {
    **{"x": "N T D", "h0": "N H", "keys": "N L A", "values": "N L A"},
    **{"Wx": _check_input_weights, "Wh": "H 4H", "Wq": "H A", "b": "4H"},
}


@checked(prev_h="N H", keys="N L A", values="N L A", Wq="H A")
def attention_step_forward(
    prev_h: np.ndarray,
    keys: np.ndarray,
    values: np.ndarray,
    Wq: np.ndarray,
) -> tuple[np.ndarray, tuple]:
    """One look: ask, compare with every field's key, and see a mean of the values.

    Parameters
    ----------
    prev_h : (N, H) floats
        The state that asks.
    keys, values : (N, L, A) floats
        One of each for every field of the picture.
    Wq : (H, A) floats

    Returns
    -------
    context : (N, A) floats
        What the network sees: the mean of the values, weighted by how well their keys fit.
    cache : tuple
        For :func:`attention_step_backward`. Its last part are the weights, (N, L) floats in
        [0, 1]; those of a picture add up to 1.
    """
    A = Wq.shape[1]
    query = prev_h @ Wq
    scores = np.einsum("nla,na->nl", keys, query) / A**0.5
    scores -= scores.max(axis=1, keepdims=True)  # exp cannot overflow
    weights = np.exp(scores)
    weights /= weights.sum(axis=1, keepdims=True)
    context = np.einsum("nl,nla->na", weights, values)
    return context, (prev_h, keys, values, Wq, query, weights)


@checked(cache=_LOOK, dcontext="N A")
def attention_step_backward(dcontext: np.ndarray, cache: tuple) -> Gradients:
    """Gradients of :func:`attention_step_forward`.

    Parameters
    ----------
    dcontext : (N, A) floats
    cache : tuple

    Returns
    -------
    dprev_h : (N, H) floats
    dkeys, dvalues : (N, L, A) floats
    dWq : (H, A) floats
    """
    prev_h, keys, values, Wq, query, weights = cache
    A = Wq.shape[1]
    dvalues = np.einsum("nl,na->nla", weights, dcontext)
    dweights = np.einsum("nla,na->nl", values, dcontext)
    # Through the softmax: only what differs from the weighted mean counts.
    mean = (weights * dweights).sum(axis=1, keepdims=True)
    dscores = weights * (dweights - mean) / A**0.5
    dkeys = np.einsum("nl,na->nla", dscores, query)
    dquery = np.einsum("nl,nla->na", dscores, keys)
    dprev_h = dquery @ Wq.T
    dWq = prev_h.T @ dquery
    return dprev_h, dkeys, dvalues, dWq


@checked(**_SEQUENCE)
def attention_loop_forward(
    x: np.ndarray,
    h0: np.ndarray,
    keys: np.ndarray,
    values: np.ndarray,
    Wx: np.ndarray,
    Wh: np.ndarray,
    Wq: np.ndarray,
    b: np.ndarray,
) -> tuple[np.ndarray, list[tuple]]:
    """:func:`attention_forward` as T looks and steps; the cache is the list of theirs."""
    h, c, caches = [h0], np.zeros_like(h0), []
    for t in range(x.shape[1]):
        context, look = attention_step_forward(h[-1], keys, values, Wq)
        x_t = np.concatenate([x[:, t], context], axis=1)
        next_h, c, step = lstm_step_forward(x_t, h[-1], c, Wx, Wh, b)
        h.append(next_h)
        caches.append((look, step))
    return np.stack(h[1:], axis=1), caches


@checked(caches=Each((_LOOK, _STEP), "T"), dh="N T H")
def attention_loop_backward(dh: np.ndarray, caches: list[tuple]) -> Gradients:
    """:func:`attention_backward` as T steps and looks back."""
    dx = []
    dprev_h = dkeys = dvalues = dWx = dWh = dWq = db = 0
    dprev_c = np.zeros_like(dh[:, 0])
    for t in reversed(range(len(caches))):
        look, step = caches[t]
        # Two streams meet: from this step's loss, and from the step after.
        dnext_h = dh[:, t] + dprev_h
        back = lstm_step_backward(dnext_h, dprev_c, step)
        dx_t, dprev_h, dprev_c, dWx_t, dWh_t, db_t = back
        # The last A numbers of the input were the context.
        A = look[3].shape[1]
        back = attention_step_backward(dx_t[:, -A:], look)
        dlook_h, dkeys_t, dvalues_t, dWq_t = back
        # The state was used twice: by the gates and by the query.
        dprev_h = dprev_h + dlook_h
        dx.append(dx_t[:, :-A])
        dkeys += dkeys_t
        dvalues += dvalues_t
        dWx += dWx_t
        dWh += dWh_t
        dWq += dWq_t
        db += db_t
    dx = np.stack(dx[::-1], axis=1)
    dh0 = dprev_h
    return dx, dh0, dkeys, dvalues, dWx, dWh, dWq, db


@checked(**_SEQUENCE)
def attention_forward(
    x: np.ndarray,
    h0: np.ndarray,
    keys: np.ndarray,
    values: np.ndarray,
    Wx: np.ndarray,
    Wh: np.ndarray,
    Wq: np.ndarray,
    b: np.ndarray,
) -> tuple[np.ndarray, tuple]:
    """Run the LSTM that looks over a whole sequence, from a cell state of zero.

    Equal to T calls of :func:`attention_step_forward` and :func:`.lstm_step_forward`, and faster:
    one product for all words, one for the state and the context together, every step in place.

    Parameters
    ----------
    x : (N, T, D) floats
    h0 : (N, H) floats
        Hidden state before the first step.
    keys, values : (N, L, A) floats
    Wx : (D + A, 4H) floats
        Rows for the word, then rows for the context.
    Wh : (H, 4H) floats
    Wq : (H, A) floats
    b : (4H,) floats

    Returns
    -------
    h : (N, T, H) floats in [-1, 1]
        The hidden state after every step.
    cache : tuple
        For :func:`attention_backward` and :func:`attention_weights`.
    """
    (N, T, D), (H, A), L = x.shape, Wq.shape, keys.shape[1]
    dtype = np.result_type(x, h0, keys, values, Wx, Wh, Wq, b)
    # sigmoid(a) is 1/2 + 1/2 tanh(a/2): halve the sums of i, f and o, and
    # one tanh serves all.
    scale = np.array([0.5, 0.5, 0.5, 1], dtype).reshape(4, 1, 1)
    shift, halves = 1 - scale, np.repeat(scale, H)
    # Time first: what a step reads lies together.
    x = np.ascontiguousarray(x.swapaxes(0, 1))
    gates = np.empty((T, 4, N, H), dtype)
    np.matmul(x.reshape(T * N, D), Wx[:D], out=gates.reshape(T * N, 4 * H))
    # State and context side by side: one product serves both.
    W = np.concatenate([Wh, Wx[D:]])
    both = np.zeros((T + 1, N, H + A), dtype)  # no look follows the last state
    h, context = both[..., :H], both[..., H:]
    h[0] = h0
    c = np.zeros((T + 1, N, H), dtype)
    query, weights = np.empty((T, N, A), dtype), np.empty((T, N, L), dtype)
    a, tanh_c = np.empty((N, 4 * H), dtype), np.empty((N, H), dtype)
    for t in range(T):
        np.matmul(h[t], Wq, out=query[t])
        query[t] /= A**0.5
        np.matmul(keys, query[t, :, :, None], out=weights[t, :, :, None])
        weights[t] -= weights[t].max(axis=1, keepdims=True)
        np.exp(weights[t], out=weights[t])
        weights[t] /= weights[t].sum(axis=1, keepdims=True)
        np.matmul(weights[t, :, None], values, out=context[t, :, None])
        np.matmul(both[t], W, out=a)
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
    cache = (x, gates, c, both, query, weights, keys, values, Wx, Wh, Wq)
    return h[1:].swapaxes(0, 1).copy(), cache


@checked(cache=_CACHE, dh="N T H")
def attention_backward(dh: np.ndarray, cache: tuple) -> Gradients:
    """Gradients of :func:`attention_forward`: backpropagation through time.

    Parameters
    ----------
    dh : (N, T, H) floats
        Gradients of the loss with respect to every hidden state *directly*, not through later
        states.
    cache : tuple

    Returns
    -------
    dx : (N, T, D) floats
    dh0 : (N, H) floats
    dkeys, dvalues : (N, L, A) floats
    dWx : (D + A, 4H) floats
    dWh : (H, 4H) floats
    dWq : (H, A) floats
    db : (4H,) floats
    """
    x, gates, c, both, query, weights, keys, values, Wx, Wh, Wq = cache
    (T, N, D), (H, A), L = x.shape, Wq.shape, keys.shape[1]
    dtype = np.result_type(both, dh)
    da = np.empty((T, N, 4 * H), dtype)
    dcontext, dquery = np.empty((2, T, N, A), dtype)
    dscores = np.empty((T, N, L), dtype)
    dprev_h, dc = np.zeros((2, N, H), dtype)
    dnext_h, tanh_c, factor = np.empty((3, N, H), dtype)
    slopes = np.empty((4, N, H), dtype)
    dboth, dlook_h = np.empty((N, H + A), dtype), np.empty((N, H), dtype)
    # Transposed once, not in each of the small products.
    WT = np.ascontiguousarray(np.concatenate([Wh, Wx[D:]]).T)
    WqT = np.ascontiguousarray(Wq.T)
    for t in reversed(range(T)):
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
        da[t].reshape(N, 4, H)[...] = slopes.swapaxes(0, 1)
        np.matmul(da[t], WT, out=dboth)
        # Back through the look, from the context to the state that asked.
        dcontext[t] = dboth[:, H:]
        ds = dscores[t]
        np.matmul(values, dcontext[t, :, :, None], out=ds[:, :, None])
        ds -= (weights[t] * ds).sum(axis=1, keepdims=True)
        ds *= weights[t]
        np.matmul(ds[:, None], keys, out=dquery[t, :, None])
        dquery[t] /= A**0.5
        np.matmul(dquery[t], WqT, out=dlook_h)
        np.add(dboth[:, :H], dlook_h, out=dprev_h)
    # The sums over time are products of tall matrices: one row per step
    # of each sentence. Those of keys and values are one for each picture.
    da = da.reshape(T * N, 4 * H)
    dx = (da @ Wx[:D].T).reshape(T, N, D).swapaxes(0, 1)
    dh0 = dprev_h
    dkeys = dscores.transpose(1, 2, 0) @ query.swapaxes(0, 1)
    dvalues = weights.transpose(1, 2, 0) @ dcontext.swapaxes(0, 1)
    dW = both[:-1].reshape(T * N, H + A).T @ da
    dWx = np.concatenate([x.reshape(T * N, D).T @ da, dW[H:]])
    dWh = dW[:H].copy()
    dWq = both[:-1, :, :H].reshape(T * N, H).T @ dquery.reshape(T * N, A)
    db = da.sum(axis=0)
    return dx, dh0, dkeys, dvalues, dWx, dWh, dWq, db


@checked(cache=_CACHE)
def attention_weights(cache: tuple) -> np.ndarray:
    """Where :func:`attention_forward` looked before every step, for pictures.

    Returns
    -------
    (N, T, L) floats in [0, 1]
        How much of each field was seen; those of a step add up to 1. A copy.
    """
    return cache[5].swapaxes(0, 1).copy()


@checked(x="N L C", w="C A", P="L A")
def field_affine_forward(
    x: np.ndarray,
    w: np.ndarray,
    P: np.ndarray,
) -> tuple[np.ndarray, tuple]:
    """Multiply every field by one matrix, and add what was learned about its place.

    Parameters
    ----------
    x : (N, L, C) floats
    w : (C, A) floats
    P : (L, A) floats
        One vector for each place, the same for all pictures.

    Returns
    -------
    out : (N, L, A) floats
    cache : tuple
        For :func:`field_affine_backward`.
    """
    out = x @ w + P
    return out, (x, w)


@checked(cache=("N L C", "C A"), dout="N L A")
def field_affine_backward(dout: np.ndarray, cache: tuple) -> Gradients:
    """Gradients of :func:`field_affine_forward`.

    Parameters
    ----------
    dout : (N, L, A) floats
    cache : tuple

    Returns
    -------
    dx : (N, L, C) floats
    dw : (C, A) floats
    dP : (L, A) floats
    """
    x, w = cache
    dx = dout @ w.T
    dw = np.tensordot(x, dout, axes=([0, 1], [0, 1]))
    dP = dout.sum(axis=0)
    return dx, dw, dP
