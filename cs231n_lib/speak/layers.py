"""Layers that a captioning network is made of, each with its backward pass.

A ``*_forward`` function returns its output and a cache; the matching ``*_backward`` function takes
the gradient of the loss with respect to that output, and the cache, and returns the gradients with
respect to every input. Float dtypes are kept, inputs and caches are never changed.

Letters: ``N`` sentences in a batch, ``T`` words in a sentence, ``D`` and ``M`` sizes of vectors,
``V`` words in the vocabulary.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from cs231n_lib.validation import check_indices, check_shapes

__all__ = [
    "affine_backward",
    "affine_forward",
    "temporal_affine_backward",
    "temporal_affine_forward",
    "temporal_softmax_loss",
    "word_embedding_backward",
    "word_embedding_forward",
]


def affine_forward(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, tuple]:
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

    Raises
    ------
    TypeError, ValueError
        If an argument is no array of floats, or the shapes do not fit.

    Notes
    -----
    CS231n 2017, Assignment 2, ``layers.py``.
    """
    if not isinstance(x, np.ndarray) or x.ndim < 2 or x.size == 0:
        given = f"shape {x.shape}" if isinstance(x, np.ndarray) else f"type {type(x).__name__}"
        raise ValueError(
            f"affine_forward: x has {given}, expected an array "
            "(N, d_1, ..., d_k) with no dimension of size zero"
        )
    rows = x.reshape(len(x), -1)
    check_shapes("affine_forward", x=(rows, "N D"), w=(w, "D M"), b=(b, "M"))
    return rows @ w + b, (x, w)


def affine_backward(dout: np.ndarray, cache: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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

    Raises
    ------
    TypeError, ValueError
        If ``dout`` is no array of floats, or its shape does not fit.
    """
    x, w = cache
    rows = x.reshape(len(x), -1)
    check_shapes("affine_backward", x=(rows, "N D"), w=(w, "D M"), dout=(dout, "N M"))
    return (dout @ w.T).reshape(x.shape), rows.T @ dout, dout.sum(axis=0)


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

    Raises
    ------
    TypeError, ValueError
        If an argument is no array of floats, or the shapes do not fit.

    Notes
    -----
    CS231n 2017, Assignment 3, ``rnn_layers.py``.
    """
    check_shapes("temporal_affine_forward", x=(x, "N T D"), w=(w, "D M"), b=(b, "M"))
    N, T, D = x.shape
    out = x.reshape(N * T, D) @ w + b
    return out.reshape(N, T, -1), (x, w)


def temporal_affine_backward(
    dout: np.ndarray, cache: tuple
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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

    Raises
    ------
    TypeError, ValueError
        If ``dout`` is no array of floats, or its shape does not fit.
    """
    x, w = cache
    check_shapes("temporal_affine_backward", x=(x, "N T D"), w=(w, "D M"), dout=(dout, "N T M"))
    N, T, D = x.shape
    dout = dout.reshape(N * T, -1)
    dx = (dout @ w.T).reshape(N, T, D)
    return dx, x.reshape(N * T, D).T @ dout, dout.sum(axis=0)


def temporal_softmax_loss(
    x: np.ndarray, y: np.ndarray, mask: np.ndarray
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

    Raises
    ------
    TypeError, ValueError
        If the shapes do not fit, a word that counts is no index into the vocabulary, or ``mask``
        holds anything but truth values.

    Notes
    -----
    CS231n 2017, Assignment 3, ``rnn_layers.py``.
    """
    check_shapes("temporal_softmax_loss", x=(x, "N T V"))
    N, T, V = x.shape
    for name, array in (("y", y), ("mask", mask)):
        if np.shape(array) != (N, T):
            raise ValueError(
                f"temporal_softmax_loss: {name} has shape {np.shape(array)}, "
                f"expected (N, T) = {(N, T)} from x"
            )
    mask = np.asarray(mask)
    if mask.dtype != bool and not np.isin(mask, (0, 1)).all():
        raise ValueError(
            f"temporal_softmax_loss: mask of dtype {mask.dtype} contains values other than 0 "
            "and 1, expected truth values"
        )
    mask = mask.astype(bool)
    words = np.asarray(y)[mask]
    check_indices("temporal_softmax_loss", "y", words, V)

    scores = x[mask]  # (K, V): only the K words that count
    scores = scores - scores.max(axis=1, keepdims=True)  # exp can no longer overflow
    log_probs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    rows = np.arange(len(words))
    loss = -log_probs[rows, words].sum() / N

    dscores = np.exp(log_probs)
    dscores[rows, words] -= 1
    dx = np.zeros_like(x)
    dx[mask] = dscores / N
    return loss, dx


def word_embedding_forward(x: np.ndarray, W: np.ndarray) -> tuple[np.ndarray, tuple]:
    """Look up the vector of every word.

    Parameters
    ----------
    x : (N, T) integers in [0, V)
        Words, as indices into the vocabulary.
    W : (V, D) floats
        One row a word.

    Returns
    -------
    out : (N, T, D) floats
    cache : tuple
        For :func:`word_embedding_backward`.

    Raises
    ------
    TypeError
        If ``x`` does not hold integers or ``W`` floats.
    ValueError
        If a shape does not fit or a word lies outside the vocabulary, negative ones included.

    Notes
    -----
    CS231n 2017, Assignment 3, ``rnn_layers.py``.
    """
    check_shapes("word_embedding_forward", W=(W, "V D"))
    check_indices("word_embedding_forward", "x", x, len(W))
    if x.ndim != 2 or x.size == 0:
        raise ValueError(
            f"word_embedding_forward: x has shape {x.shape}, expected (N, T), neither zero"
        )
    return W[x], (x, W.shape)


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

    Raises
    ------
    TypeError, ValueError
        If ``dout`` is no array of floats, or its shape does not fit.
    """
    x, (V, D) = cache
    check_shapes("word_embedding_backward", dout=(dout, "N T D"))
    if dout.shape != (*x.shape, D):
        raise ValueError(
            f"word_embedding_backward: dout has shape {dout.shape}, "
            f"expected (N, T, D) = {(*x.shape, D)}"
        )
    # Looking up is a product with a matrix that has a single 1 in every row, so its gradient is
    # the product with the transpose. SciPy stores just the ones, in single precision or better.
    dtype = np.result_type(dout, np.float32)
    one_hot = sparse.csc_array(  # already transposed: a column for every place
        (np.ones(x.size, dtype), x.ravel(), np.arange(x.size + 1)), shape=(V, x.size)
    )
    dW = one_hot @ dout.reshape(-1, D).astype(dtype, copy=False)
    return dW.astype(dout.dtype, copy=False)
