"""Beam search: keep the likeliest beginnings of a caption, not only the likeliest next word.

Source: Sutskever et al., "Sequence to sequence learning with neural networks" (arXiv:1409.3215).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cs231n_lib.checks import Count, check_finite, checked
from cs231n_lib.speak.checks import Features, Model
from cs231n_lib.speak.steps import STEPS, begin

if TYPE_CHECKING:
    from cs231n_lib.speak.captioning import CaptioningRNN

__all__ = ["beam_search"]


@checked(
    model=Model(finite=True, speaks=True),
    features=Features("model"),
    beam_width=Count(),
    max_length=Count(),
)
def beam_search(
    model: CaptioningRNN,
    features: np.ndarray,
    beam_width: int,
    max_length: int = 30,
) -> np.ndarray:
    """Caption pictures, following the ``beam_width`` likeliest beginnings at a time.

    At every step each beginning of a caption is followed by every word, and of all that comes of
    it the likeliest go on. A caption that has said ``<END>`` keeps its place and its probability.

    Parameters
    ----------
    model : CaptioningRNN
        With any cell.
    features : (N, D) floats
    beam_width : int
        1 is greedy search: :meth:`.CaptioningRNN.sample` at temperature 0.
    max_length : int
        T, the number of words after which to stop at the latest.

    Returns
    -------
    captions : (N, T) integers in [0, V)
        The likeliest caption found for each picture, laid out as by
        :meth:`.CaptioningRNN.sample`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is stated, features, weights or what becomes of them are not
        finite, or the vocabulary has no ``<START>``.
    """
    p, words = model.params, model.word_to_idx
    forward, _ = STEPS[model.cell_type]
    N, B, V = len(features), beam_width, len(p["W_embed"])
    # B beams for each picture, one after the other: N * B rows.
    state, weights = begin(model, np.repeat(features, B, axis=0))
    captions = np.full((N * B, max_length), words["<NULL>"])
    word = np.full(N * B, words["<START>"])
    ended = np.full(N * B, False)
    # In the beginning all beams of a picture are alike: one of them counts.
    total = np.full((N, B), -np.inf)
    total[:, 0] = 0
    for t in range(max_length):
        *state, _ = forward(p["W_embed"][word], *state, *weights)
        scores = state[0] @ p["W_vocab"] + p["b_vocab"]
        check_finite("what becomes of the weights", scores)
        # In double precision, no two scores become equal by rounding.
        scores = scores - scores.max(axis=1, keepdims=True).astype(float)
        log_probs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        # Whoever has said <END> says <NULL>, for certain, and nothing else.
        log_probs[ended] = -np.inf
        log_probs[ended, words["<NULL>"]] = 0
        # The best B of the B * V continuations of each picture.
        longer = total[:, :, None] + log_probs.reshape(N, B, V)
        longer = longer.reshape(N, B * V)
        best = np.argsort(-longer, axis=1, kind="stable")[:, :B]
        total = np.take_along_axis(longer, best, axis=1)
        rows = (best // V + B * np.arange(N)[:, None]).ravel()
        word = (best % V).ravel()
        captions, ended = captions[rows], ended[rows]
        state = [part[rows] for part in state]
        captions[:, t] = word
        ended |= word == words.get("<END>")
        # No other beam overtakes one that has ended: totals only ever fall.
        if ended[::B].all():
            break
    return captions[::B]
