"""What a captioning network remembers: its states, and how far back its gradients reach."""

from __future__ import annotations

import numpy as np

from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.layers import (
    affine_forward,
    temporal_affine_backward,
    temporal_affine_forward,
    temporal_softmax_loss,
)
from cs231n_lib.speak.lstm import lstm_step_backward, lstm_step_forward
from cs231n_lib.speak.rnn import rnn_step_backward, rnn_step_forward
from cs231n_lib.validation import check_finite, check_number

__all__ = ["gradient_norms", "open_directions"]


def gradient_norms(
    model: CaptioningRNN, features: np.ndarray, captions: np.ndarray, word: int
) -> dict[str, np.ndarray]:
    """How strongly each earlier state can still move the loss of one word.

    Parameters
    ----------
    model : CaptioningRNN
    features : (N, D) floats
    captions : (N, T + 1) integers in [0, V)
    word : int in [1, T]
        The column of ``captions`` whose loss is taken.

    Returns
    -------
    dict
        ``"h"`` and, for the LSTM, ``"c"``: each (word + 1,) floats. Entry k is the norm of the
        gradient with respect to the state k steps before the scores of that word, averaged over
        captions; the last entry is the state that came from the picture. The loss does not look
        at the cell state, so the first entry of ``"c"`` is 0.

    Raises
    ------
    TypeError, ValueError
        As :meth:`.CaptioningRNN.loss`, or if ``model`` is no CaptioningRNN, its weights are not
        finite or ``word`` is out of range.
    """
    features = _check("gradient_norms", model, features, captions, word)
    caches, h = _read(model, features, captions, word)
    scores, cache = temporal_affine_forward(
        h[:, None], model.params["W_vocab"], model.params["b_vocab"]
    )
    target = captions[:, word : word + 1]
    _, dscores = temporal_softmax_loss(scores, target, np.ones_like(target, dtype=bool))
    # The loss is an average over captions; each caption's own gradient is wanted.
    dh = len(h) * temporal_affine_backward(dscores, cache)[0][:, 0]
    history = _gradients(model, caches, dh, np.zeros_like(dh))
    norms = {
        state: np.array([np.linalg.norm(d, axis=1).mean() for d in gradients])
        for state, gradients in zip("hc", zip(*history))
    }
    return norms if model.cell_type == "lstm" else {"h": norms["h"]}


def open_directions(
    model: CaptioningRNN,
    features: np.ndarray,
    captions: np.ndarray,
    word: int,
    threshold: float = 0.5,
) -> np.ndarray:
    """In how many directions each earlier state still shows in the state that says a word.

    Nudge the state k steps earlier, in every direction in turn: the later state moves by the
    Jacobian matrix of those k steps. Its singular values say by how much, direction by direction.

    Parameters
    ----------
    model : CaptioningRNN
    features : (N, D) floats
    captions : (N, T + 1) integers in [0, V)
    word : int in [1, T]
        The column of ``captions`` that the later state says.
    threshold : float
        A direction is open if a nudge keeps more than this share of its length.

    Returns
    -------
    (word + 1,) floats
        Entry k is the number of singular values above ``threshold`` after k steps, averaged over
        captions; entry 0 is the size of the state: H, or 2H for the LSTM, which has two.

    Raises
    ------
    TypeError, ValueError
        As :func:`gradient_norms`, or if ``threshold`` is negative or no number.
    """
    features = _check("open_directions", model, features, captions, word)
    check_number("open_directions", "threshold", threshold, least=0)
    H = len(model.params["Wh"])
    size = H if model.cell_type == "rnn" else 2 * H
    counts = []
    for n in range(len(features)):
        # One copy of the caption for every direction, so that a single pass back gives them all.
        copies = np.full(size, n)
        caches, _ = _read(model, features[copies], captions[copies], word)
        nudges = np.eye(size, 2 * H, dtype=model.dtype)
        history = _gradients(model, caches, nudges[:, :H], nudges[:, H:])
        jacobians = np.stack([np.concatenate(pair, axis=1)[:, :size] for pair in history])
        # The squares of J's singular values are the eigenvalues of J J^T, and sooner found.
        squares = np.linalg.eigvalsh(jacobians @ jacobians.mT)
        counts.append(np.count_nonzero(squares > threshold**2, axis=1))
    return np.mean(counts, axis=0)


def _check(
    function: str, model: CaptioningRNN, features: np.ndarray, captions: np.ndarray, word: int
) -> np.ndarray:
    """Features in the model's dtype, or an error in the name of ``function``."""
    if not isinstance(model, CaptioningRNN):
        raise TypeError(f"{function}: model is a {type(model).__name__}, expected a CaptioningRNN")
    features = model.check_features(function, features)
    model.check_captions(function, features, captions)
    check_finite(function, model.params)
    whole = isinstance(word, int | np.integer) and not isinstance(word, bool)
    if not whole or not 1 <= word < captions.shape[1]:
        raise ValueError(
            f"{function}: word is {word!r}, expected a column from 1 to {captions.shape[1] - 1}"
        )
    return features


def _read(
    model: CaptioningRNN, features: np.ndarray, captions: np.ndarray, word: int
) -> tuple[list[tuple], np.ndarray]:
    """Read captions up to the step that says ``word``: every step's cache, and the last state."""
    p = model.params
    h, _ = affine_forward(features, p["W_proj"], p["b_proj"])
    c = np.zeros_like(h)
    caches = []
    for t in range(word):
        x = p["W_embed"][captions[:, t]]
        if model.cell_type == "rnn":
            h, cache = rnn_step_forward(x, h, p["Wx"], p["Wh"], p["b"])
        else:
            h, c, cache = lstm_step_forward(x, h, c, p["Wx"], p["Wh"], p["b"])
        caches.append(cache)
    return caches, h


def _gradients(
    model: CaptioningRNN, caches: list[tuple], dh: np.ndarray, dc: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Gradients (dh, dc), each (N, H), at the last state and at every earlier one."""
    history = [(dh, dc)]
    for cache in reversed(caches):
        if model.cell_type == "rnn":
            dh = rnn_step_backward(dh, cache)[1]
        else:
            _, dh, dc = lstm_step_backward(dh, dc, cache)[:3]
        history.append((dh, dc))
    return history
