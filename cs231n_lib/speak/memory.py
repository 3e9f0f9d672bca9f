"""What a captioning network remembers: how far back its gradients reach, and in what breadth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cs231n_lib.checks import Call, Count, Indices, Number, checked, named
from cs231n_lib.speak.checks import Captions, Features, Model
from cs231n_lib.speak.layers import temporal_softmax_loss
from cs231n_lib.speak.steps import STEPS, State, begin

if TYPE_CHECKING:
    from cs231n_lib.speak.captioning import CaptioningRNN

__all__ = ["attention_maps", "gradient_norms", "open_directions"]


def _check_column(name: str, word: int, call: Call) -> None:
    Count(1, call.sizes["C"] - 1)(name, word)


_ARGUMENTS = {
    "model": Model(finite=True),
    "features": Features("model"),
    "captions": Captions("model"),
    "word": _check_column,
}


@checked(**_ARGUMENTS)
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
        ``"h"`` and, for an LSTM, ``"c"``: each (word + 1,) floats. Entry k is the norm of the
        gradient with respect to the state k steps before the scores of that word, averaged over
        captions; the last entry is the state that came from the picture. The loss does not look
        at the cell state, so the first entry of ``"c"`` is 0.

    Raises
    ------
    TypeError, ValueError
        As :meth:`.CaptioningRNN.loss`, or if ``model`` is not a captioning model, its weights are
        not finite or ``word`` is out of range.
    """
    p, captions = model.params, np.asarray(captions)
    (h, *c), caches = _read(model, features, captions[:, :word])
    scores = (h @ p["W_vocab"] + p["b_vocab"])[:, None]
    target = captions[:, word, None]
    _, dscores = temporal_softmax_loss(scores, target, np.ones_like(target))
    # That loss is an average: the gradient of each caption's own is wanted.
    dh = len(h) * dscores[:, 0] @ p["W_vocab"].T
    history = _gradients(model, caches, [dh, *map(np.zeros_like, c)])
    return {
        state: np.array([np.linalg.norm(d, axis=1).mean() for d in gradients])
        for state, gradients in zip("hc", zip(*history))
    }


@checked(**_ARGUMENTS, threshold=Number(least=0))
def open_directions(
    model: CaptioningRNN,
    features: np.ndarray,
    captions: np.ndarray,
    word: int,
    threshold: float = 0.5,
) -> np.ndarray:
    """In how many directions each earlier state still shows in the state that says a word.

    Nudge the state k steps earlier: the later state moves by the Jacobian matrix of those k steps,
    times the nudge. The singular values of that matrix say by how much a nudge is stretched, in
    each of its singular directions.

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
        captions; entry 0 is the size of the state: H, or 2H for an LSTM, which has two.

    Raises
    ------
    TypeError, ValueError
        As :func:`gradient_norms`, or if ``threshold`` is negative or not a number.
    """
    captions = np.asarray(captions)
    states = 1 if model.cell_type == "rnn" else 2
    size = states * len(model.params["Wh"])
    nudges = np.split(np.eye(size, dtype=model.dtype), states, axis=1)
    counts = []
    for n in range(len(features)):
        # With a copy of the caption for each number of the state, a single
        # pass back gives the gradients of all of them.
        copies = np.full(size, n)
        _, caches = _read(model, features[copies], captions[copies, :word])
        history = _gradients(model, caches, nudges)
        J = np.stack([np.concatenate(dstate, axis=1) for dstate in history])
        # The squares of J's singular values are the eigenvalues of J J^T,
        # and found sooner.
        squares = np.linalg.eigvalsh(J @ J.mT)
        counts.append(np.count_nonzero(squares > threshold**2, axis=1))
    return np.mean(counts, axis=0)


def _check_said(name: str, captions: np.ndarray, call: Call) -> None:
    """Words as ``sample`` returns them: without the <START> that was read before."""
    model = call.arguments["model"]
    Indices("N T", below=len(model.params["W_embed"]))(name, captions, call)
    if (captions[:, 0] == model.word_to_idx["<START>"]).all():
        raise ValueError(
            named(f"{name} begin with '<START>', expected what was said after it: {name}[:, 1:]")
        )


@checked(
    model=Model(finite=True, speaks=True, looks=True),
    features=Features("model"),
    captions=_check_said,
)
def attention_maps(
    model: CaptioningRNN,
    features: np.ndarray,
    captions: np.ndarray,
) -> np.ndarray:
    """Where a network with attention looks before it says each word.

    Parameters
    ----------
    model : CaptioningRNN
        With ``cell_type="attention"``.
    features : (N, D) floats
    captions : (N, T) integers in [0, V)
        As :meth:`.CaptioningRNN.sample` returns them, without ``<START>``. Any other words will
        do: the network reads them as if it had said them.

    Returns
    -------
    (N, T, L) floats in [0, 1]
        How much of each field it saw just before the word; those of a word add up to 1. Behind
        ``<END>`` they mean nothing.

    Raises
    ------
    TypeError, ValueError
        If ``model`` is not a captioning model with attention and finite weights, ``captions``
        begin with ``<START>``, or shapes do not fit.
    """
    start = np.full((len(captions), 1), model.word_to_idx["<START>"])
    words = np.concatenate([start, captions[:, :-1]], axis=1)
    _, caches = _read(model, features, words)
    return np.stack([look[-1] for look, _ in caches], axis=1)


def _read(
    model: CaptioningRNN, features: np.ndarray, words: np.ndarray
) -> tuple[State, list[tuple]]:
    """Read words (N, T) one by one: the last state, and the cache of every step."""
    forward, _ = STEPS[model.cell_type]
    state, weights = begin(model, features)
    caches = []
    for word in words.T:
        *state, cache = forward(model.params["W_embed"][word], *state, *weights)
        caches.append(cache)
    return state, caches


def _gradients(model: CaptioningRNN, caches: list[tuple], dstate: State) -> list[State]:
    """Gradients at the last state, ``dstate``, and at every earlier one."""
    _, backward = STEPS[model.cell_type]
    history = [dstate]
    for cache in reversed(caches):
        _, *gradients = backward(*history[-1], cache)
        history.append(gradients[: len(dstate)])
    return history
