"""The captioning model: a picture's features start a recurrent network that speaks.

Source: CS231n 2017, Assignment 3, ``classifiers/rnn.py``; Vinyals et al., "Show and tell"
(arXiv:1411.4555), and Karpathy and Fei-Fei (arXiv:1412.2306).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cs231n_lib.checks import RNG, Call, Count, Number, OneOf, check_finite, checked, named
from cs231n_lib.speak.attention import (
    attention_backward,
    attention_forward,
    attention_step_forward,
    field_affine_backward,
    field_affine_forward,
)
from cs231n_lib.speak.checks import Captions, Features, Model, Vocabulary
from cs231n_lib.speak.layers import (
    affine_backward,
    affine_forward,
    temporal_affine_backward,
    temporal_affine_forward,
    temporal_softmax_loss,
    word_embedding_backward,
    word_embedding_forward,
)
from cs231n_lib.speak.lstm import lstm_backward, lstm_cell, lstm_forward
from cs231n_lib.speak.rnn import rnn_backward, rnn_forward

__all__ = ["CaptioningRNN", "keys_and_values"]

_LOOKING = ("Wq", "W_keys", "P_keys", "W_values", "P_values")  # the weights of attention alone


def _check_dtype(name: str, dtype: Any, call: Call) -> None:
    try:
        floats = np.dtype(dtype).kind == "f"
    except TypeError:
        floats = False
    if not floats:
        raise ValueError(named(f"{name} is {dtype!r}, expected a float dtype"))
    if np.dtype(dtype).itemsize == 2:
        message = f"{name} is {np.dtype(dtype)}, expected float32 or float64"
        raise TypeError(named(f"{message}: half precision is too coarse here"))


def _looking(features: np.ndarray, p: dict[str, np.ndarray]) -> tuple[Callable, Callable]:
    """Forward and backward of the LSTM that looks at these pictures, called as those of the LSTM.

    After the gradients of the LSTM, ``backward`` returns those of the weights ``_LOOKING``.
    """
    fields = features.reshape(len(features), len(p["P_keys"]), -1)  # (N, L, C)

    def forward(x, h0, Wx, Wh, b):
        keys, keys_cache = field_affine_forward(fields, p["W_keys"], p["P_keys"])
        values, values_cache = field_affine_forward(fields, p["W_values"], p["P_values"])
        h, cache = attention_forward(x, h0, keys, values, Wx, Wh, p["Wq"], b)
        return h, (keys_cache, values_cache, cache)

    def backward(dh, caches):
        keys_cache, values_cache, cache = caches
        dx, dh0, dkeys, dvalues, dWx, dWh, dWq, db = attention_backward(dh, cache)
        _, dW_keys, dP_keys = field_affine_backward(dkeys, keys_cache)
        _, dW_values, dP_values = field_affine_backward(dvalues, values_cache)
        return dx, dh0, dWx, dWh, db, dWq, dW_keys, dP_keys, dW_values, dP_values

    return forward, backward


class CaptioningRNN:
    """A network that reads the features of a picture and says, word by word, what is on it.

    The features, through an affine layer, are the first hidden state. At every step the network
    reads a word and gives a score to every word that could come next.

    Parameters
    ----------
    word_to_idx : dict
        The vocabulary, from V words to integers, each word to its own. ``<NULL>`` is needed (the
        padding behind a caption), ``<START>`` to sample, ``<END>`` to stop; they are below V.
    input_dim : int
        D, the size of a picture's features.
    wordvec_dim : int
        W, the size of a word's vector.
    hidden_dim : int
        H, the size of the hidden state.
    cell_type : {"rnn", "lstm", "attention"}
        ``"attention"``: an LSTM that looks at the fields of the picture before every word.
    dtype : float dtype
        Of the weights and of all that is computed: float32 to train, float64 to check gradients.
        Half precision is refused.
    fields, attention_dim : int
        For attention: L, the number of fields, and A, the size of keys, values and query. Features
        are then (N, L, C), flattened to (N, D).

    Attributes
    ----------
    params : dict
        The weights: ``W_proj`` (D, H), ``b_proj`` (H,), ``W_embed`` (V, W), ``Wx`` (W, G),
        ``Wh`` (H, G), ``b`` (G,), ``W_vocab`` (H, V), ``b_vocab`` (V,), where G is H for the
        vanilla RNN and 4H for the LSTM. With attention ``Wx`` is (W + A, 4H), and there are also
        ``Wq`` (H, A), and ``W_keys``, ``W_values`` (C, A), ``P_keys``, ``P_values`` (L, A), which
        make the keys and the values of the fields.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is stated, two words have one index, ``<NULL>`` is missing, a
        special word is not in [0, V), or D is not a multiple of L.
    """

    @checked(
        word_to_idx=Vocabulary(("<NULL>",)),
        input_dim=Count(),
        wordvec_dim=Count(),
        hidden_dim=Count(),
        cell_type=OneOf(("rnn", "lstm", "attention")),
        dtype=_check_dtype,
        fields=Count(),
        attention_dim=Count(),
    )
    def __init__(
        self,
        word_to_idx: dict[str, int],
        input_dim: int = 512,
        wordvec_dim: int = 128,
        hidden_dim: int = 128,
        cell_type: str = "rnn",
        dtype: type = np.float32,
        fields: int = 36,
        attention_dim: int = 64,
    ) -> None:
        self.word_to_idx = dict(word_to_idx)
        self.cell_type = cell_type
        self.dtype = np.dtype(dtype)
        self.params: dict[str, np.ndarray] = {}
        V, D, W, H = len(word_to_idx), input_dim, wordvec_dim, hidden_dim
        G = H if cell_type == "rnn" else 4 * H
        self._shapes = {
            "W_proj": (D, H),
            "b_proj": (H,),
            "W_embed": (V, W),
            "Wx": (W, G),
            "Wh": (H, G),
            "b": (G,),
            "W_vocab": (H, V),
            "b_vocab": (V,),
        }
        if cell_type == "attention":
            L, A = fields, attention_dim
            C, rest = divmod(D, L)
            if rest:
                raise ValueError(named(f"input_dim is {D}, expected a multiple of fields, {L}"))
            self._shapes |= {
                "Wx": (W + A, G),
                "Wq": (H, A),
                "W_keys": (C, A),
                "P_keys": (L, A),
                "W_values": (C, A),
                "P_values": (L, A),
            }
        self.initialize(np.random.default_rng(0))

    @checked(rng=RNG)
    def initialize(self, rng: np.random.Generator) -> None:
        """Draw new weights: biases 0, word vectors 0.01 n, matrices n / sqrt(rows), n normal.

        Raises TypeError if ``rng`` is not a NumPy Generator.
        """
        for name, shape in self._shapes.items():
            if len(shape) == 1:
                weight = np.zeros(shape)
            else:
                scale = 0.01 if name == "W_embed" else 1 / np.sqrt(shape[0])
                weight = scale * rng.standard_normal(shape)
            self.params[name] = weight.astype(self.dtype)

    @checked(self=Model(), features=Features(), captions=Captions())
    def loss(
        self,
        features: np.ndarray,
        captions: np.ndarray,
    ) -> tuple[np.floating, dict[str, np.ndarray]]:
        """How badly the network predicts each next word, and the gradients of that.

        Parameters
        ----------
        features : (N, D) floats
        captions : (N, T + 1) integers in [0, V)
            Words with ``<START>`` before and ``<END>`` and ``<NULL>`` behind. The first T are what
            the network reads, the last T what it should say.

        Returns
        -------
        loss : float
            Cross-entropy, summed over the words that are not ``<NULL>``, averaged over captions.
        grads : dict
            The gradient of the loss with respect to each of ``params``.

        Raises
        ------
        TypeError, ValueError
            If shapes or dtypes do not fit, features are not finite, a word is outside the
            vocabulary, there is no caption or a caption has nothing to predict.
        """
        p = self.params
        features = features.astype(self.dtype, copy=False)
        captions = np.asarray(captions)
        words_in, words_out = captions[:, :-1], captions[:, 1:]
        mask = words_out != self.word_to_idx["<NULL>"]
        if self.cell_type == "rnn":
            forward, backward = rnn_forward, rnn_backward
        elif self.cell_type == "lstm":
            forward, backward = lstm_forward, lstm_backward
        else:
            forward, backward = _looking(features, p)

        h0, proj_cache = affine_forward(features, p["W_proj"], p["b_proj"])
        x, embed_cache = word_embedding_forward(words_in, p["W_embed"])
        h, cell_cache = forward(x, h0, p["Wx"], p["Wh"], p["b"])
        scores, out_cache = temporal_affine_forward(h, p["W_vocab"], p["b_vocab"])
        loss, dscores = temporal_softmax_loss(scores, words_out, mask)

        dh, dW_vocab, db_vocab = temporal_affine_backward(dscores, out_cache)
        dx, dh0, dWx, dWh, db, *dlooking = backward(dh, cell_cache)
        dW_embed = word_embedding_backward(dx, embed_cache)
        _, dW_proj, db_proj = affine_backward(dh0, proj_cache)
        grads = {
            "W_proj": dW_proj,
            "b_proj": db_proj,
            "W_embed": dW_embed,
            "Wx": dWx,
            "Wh": dWh,
            "b": db,
            "W_vocab": dW_vocab,
            "b_vocab": db_vocab,
            **dict(zip(_LOOKING, dlooking)),
        }
        return loss, grads

    @checked(
        self=Model(finite=True, speaks=True),
        features=Features(),
        max_length=Count(),
        temperature=Number(least=0),
        rng=RNG,
    )
    def sample(
        self,
        features: np.ndarray,
        max_length: int = 30,
        temperature: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> np.ndarray:
        """Caption pictures: at every step say a word and read it back.

        Parameters
        ----------
        features : (N, D) floats
        max_length : int
            T, the number of words after which to stop at the latest.
        temperature : float
            0 says the likeliest word (greedy search). Above 0, a word is drawn: word v with
            probability proportional to ``exp(scores[v] / temperature)``.
        rng : numpy.random.Generator, optional
            For the draws. By default one seeded with 0, so that repeated calls say the same.

        Returns
        -------
        captions : (N, T) integers in [0, V)
            The first column is the first word after ``<START>``; behind ``<END>`` all is
            ``<NULL>``. A caption without ``<END>`` was cut at ``max_length``.

        Raises
        ------
        TypeError, ValueError
            If an argument is not what is stated, features, weights or what becomes of them are
            not finite, or the vocabulary has no ``<START>`` or one beyond its size.

        Notes
        -----
        The largest of scores plus Gumbel noise is a draw from their softmax: Maddison et al.,
        "A* sampling" (arXiv:1411.0030), section 2.
        """
        p, words = self.params, self.word_to_idx
        rng = np.random.default_rng(0) if rng is None else rng
        captions = np.full((len(features), max_length), words["<NULL>"])
        word = np.full(len(features), words["<START>"])
        speaking = np.full(len(features), True)

        features = features.astype(self.dtype, copy=False)
        h, _ = affine_forward(features, p["W_proj"], p["b_proj"])
        c = np.zeros_like(h)
        Wx, Wc = np.split(p["Wx"], [p["W_embed"].shape[1]])  # of words, of contexts
        x_part = p["W_embed"] @ Wx + p["b"]  # x Wx + b of every word
        if self.cell_type == "attention":
            keys, values = keys_and_values(self, features)
        for t in range(max_length):
            # One step: read a word, change the state.
            a = x_part[word] + h @ p["Wh"]
            if self.cell_type == "attention":
                context, _ = attention_step_forward(h, keys, values, p["Wq"])
                a += context @ Wc
            if self.cell_type == "rnn":
                h = np.tanh(a)
            else:
                h, c, _ = lstm_cell(a, c)
            # Say the likeliest word, or draw one.
            scores, _ = affine_forward(h, p["W_vocab"], p["b_vocab"])
            if temperature > 0:
                scores += temperature * rng.gumbel(size=scores.shape)
            word = scores.argmax(axis=1)
            # Whoever has said <END> says nothing more.
            captions[speaking, t] = word[speaking]
            speaking &= word != words.get("<END>")
            if not speaking.any():
                break
        check_finite("the hidden state", h)
        return captions


@checked(model=Model(finite=True, looks=True), features=Features("model"))
def keys_and_values(model: CaptioningRNN, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a model with attention compares its queries with, and what it sees of pictures.

    Parameters
    ----------
    model : CaptioningRNN
        With ``cell_type="attention"``.
    features : (N, D) floats

    Returns
    -------
    keys, values : (N, L, A) floats
        One of each for every field.
    """
    p = model.params
    fields = features.astype(model.dtype, copy=False).reshape(len(features), len(p["P_keys"]), -1)
    keys, _ = field_affine_forward(fields, p["W_keys"], p["P_keys"])
    values, _ = field_affine_forward(fields, p["W_values"], p["P_values"])
    return keys, values
