"""Layers that a captioning network is made of, each with its backward pass.

A ``*_forward`` function returns its output and a cache; the matching ``*_backward`` function takes
the gradient of the loss with respect to that output, and the cache, and returns the gradients with
respect to every input. Float dtypes are kept, inputs and caches are never changed. A cache holds
arguments as they are, not copies: change those after the backward pass. What else a function
returns belongs to the caller. Arguments are arrays of the shapes and numbers stated: anything else
raises TypeError or ValueError.

Letters: ``N`` sentences in a batch, ``T`` words in a sentence, ``D`` and ``M`` sizes of vectors,
``V`` words in the vocabulary.

Source: CS231n 2017, Assignment 2, ``layers.py``, and Assignment 3, ``rnn_layers.py``.
"""

from __future__ import annotations

import numpy as np

from cs231n_lib.checks import Call, Floats, Indices, Rows, check_array, check_range, checked, named

__all__ = [
    "affine_backward",
    "affine_forward",
    "temporal_affine_backward",
    "temporal_affine_forward",
    "temporal_softmax_loss",
    "word_embedding_backward",
    "word_embedding_forward",
]

Gradients = tuple[np.ndarray, ...]  # of every argument of the forward pass, in its order


@checked(x=Rows(), w="D M", b="M")
def affine_forward(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray,
) -> tuple[np.ndarray, tuple]:
    """Multiply by a matrix and add a bias.

    Parameters
    ----------
    x : (N, d_1, ..., d_k) floats
        Each of the N inputs is read as one vector of size D = d_1 * ... * d_k.
    w : (D, M) floats
    b : (M,) floats

    Returns
    -------
    out : (N, M) floats
    cache : tuple
        For :func:`affine_backward`.
    """
    out = x.reshape(len(x), -1) @ w + b
    return out, (x, w)


@checked(cache=(Rows(), "D M"), dout="N M")
def affine_backward(dout: np.ndarray, cache: tuple) -> Gradients:
    """Gradients of :func:`affine_forward`.

    Parameters
    ----------
    dout : (N, M) floats
    cache : tuple

    Returns
    -------
    dx : (N, d_1, ..., d_k) floats
    dw : (D, M) floats
    db : (M,) floats
    """
    x, w = cache
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(len(x), -1).T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db


@checked(x="N T D", w="D M", b="M")
def temporal_affine_forward(
    x: np.ndarray, w: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, tuple]:
    """Apply one affine layer to the vector at every time step.

    Parameters
    ----------
    x : (N, T, D) floats
    w : (D, M) floats
    b : (M,) floats

    Returns
    -------
    out : (N, T, M) floats
    cache : tuple
        For :func:`temporal_affine_backward`.
    """
    N, T, D = x.shape
    out = x.reshape(N * T, D) @ w + b  # one tall product
    return out.reshape(N, T, -1), (x, w)


@checked(cache=("N T D", "D M"), dout="N T M")
def temporal_affine_backward(dout: np.ndarray, cache: tuple) -> Gradients:
    """Gradients of :func:`temporal_affine_forward`.

    Parameters
    ----------
    dout : (N, T, M) floats
    cache : tuple

    Returns
    -------
    dx : (N, T, D) floats
    dw : (D, M) floats
    db : (M,) floats
    """
    x, w = cache
    N, T, D = x.shape
    dout = dout.reshape(N * T, -1)
    dx = (dout @ w.T).reshape(N, T, D)
    dw = x.reshape(N * T, D).T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db


def _check_mask(name: str, mask: np.ndarray, call: Call) -> None:
    """Truth values, or zeros and ones, (N, T)."""
    _check_places(name, mask, call)
    mask = np.asarray(mask)
    right = mask.dtype == bool or (mask.dtype.kind in "iufO" and np.isin(mask, (0, 1)).all())
    if not right:
        raise ValueError(
            named(
                f"{name} of dtype {mask.dtype} contains values other than 0 and 1, "
                "expected truth values"
            )
        )


def _check_words_that_count(name: str, words: np.ndarray, call: Call) -> None:
    """Integers, (N, T): from 0 to V - 1 where the mask is true."""
    _check_places(name, words, call)
    words = np.asarray(words)[np.asarray(call.arguments["mask"], bool)]
    if words.dtype.kind not in "iu":
        raise TypeError(named(f"{name} is {words.dtype}, expected a NumPy array of integers"))
    check_range(name, words, call.sizes["V"])


def _check_places(name: str, array: np.ndarray, call: Call) -> None:
    if not isinstance(array, list | tuple):
        check_array(name, array, "a NumPy array of shape (N, T)")
    expected = call.sizes["N"], call.sizes["T"]
    if np.shape(array) != expected:
        raise ValueError(
            named(f"{name} has shape {np.shape(array)}, expected (N, T) = {expected} from x")
        )


@checked(x=Floats("N T V", half=False), mask=_check_mask, y=_check_words_that_count)
def temporal_softmax_loss(
    x: np.ndarray,
    y: np.ndarray,
    mask: np.ndarray,
) -> tuple[np.floating, np.ndarray]:
    """Cross-entropy of the next word: summed over the words that count, averaged over the batch.

    Parameters
    ----------
    x : (N, T, V) floats
        Scores of every word of the vocabulary at every step.
    y : (N, T) integers in [0, V)
        The word that should have come. Only read where ``mask`` is true.
    mask : (N, T) booleans, or zeros and ones
        True where the word counts; false at the padding behind a sentence.

    Returns
    -------
    loss : float, of the dtype of ``x``
    dx : (N, T, V) floats
    """
    N = len(x)
    mask = np.asarray(mask, dtype=bool)
    words = np.asarray(y)[mask]  # (K,): only the K words that count
    scores = x[mask]  # (K, V)
    scores = scores - scores.max(axis=1, keepdims=True)  # exp cannot overflow
    log_probs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    rows = np.arange(len(words))
    loss = -log_probs[rows, words].sum() / N

    dscores = np.exp(log_probs)
    dscores[rows, words] -= 1
    dx = np.zeros_like(x)
    dx[mask] = dscores / N
    return loss, dx


@checked(W="V D", x=Indices("N T", below="V"))
def word_embedding_forward(
    x: np.ndarray,
    W: np.ndarray,
) -> tuple[np.ndarray, tuple]:
    """Look up the vector of every word.

    Parameters
    ----------
    x : (N, T) integers in [0, V)
        Words, as indices into the vocabulary.
    W : (V, D) floats
        One row per word.

    Returns
    -------
    out : (N, T, D) floats
    cache : tuple
        For :func:`word_embedding_backward`.
    """
    return W[x], (W, x)


@checked(cache=("V D", Indices("N T", below="V")), dout="N T D")
def word_embedding_backward(dout: np.ndarray, cache: tuple) -> np.ndarray:
    """Gradient of :func:`word_embedding_forward` with respect to the word vectors.

    A word that occurs several times collects the sum of the gradients of all its places.

    Parameters
    ----------
    dout : (N, T, D) floats
    cache : tuple

    Returns
    -------
    dW : (V, D) floats
    """
    W, x = cache
    V, D = W.shape
    # dW[x] += dout would add only one of the gradients of a repeated word.
    # np.add.at adds them all, and does so fast if its arrays are flat.
    places = D * x[..., None].astype(int) + np.arange(D)  # (N, T, D)
    dW = np.zeros(V * D, dout.dtype)
    np.add.at(dW, places.ravel(), dout.ravel())
    return dW.reshape(V, D)
