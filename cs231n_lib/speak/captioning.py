"""The captioning model: a picture's features start a recurrent network that speaks.

Source: CS231n 2017, Assignment 3, ``classifiers/rnn.py``; Vinyals et al., "Show and tell"
(arXiv:1411.4555), and Karpathy and Fei-Fei (arXiv:1412.2306).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

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
from cs231n_lib.validation import (
    check_count,
    check_finite,
    check_indices,
    check_rng,
    check_shapes,
)

__all__ = ["CaptioningRNN"]


class CaptioningRNN:
    """A network that reads the features of a picture and says, word by word, what is on it.

    The features, through an affine layer, are the first hidden state. At every step the network
    reads a word and gives a score to every word that could come next.

    Parameters
    ----------
    word_to_idx : dict
        The vocabulary, from V words to integers. ``<NULL>`` is needed (the padding behind a
        caption), ``<START>`` to sample, ``<END>`` to stop.
    input_dim : int
        D, the size of a picture's features.
    wordvec_dim : int
        W, the size of a word's vector.
    hidden_dim : int
        H, the size of the hidden state.
    cell_type : {"rnn", "lstm"}
    dtype : float dtype
        Of the weights and of all that is computed: float32 to train, float64 to check gradients.

    Attributes
    ----------
    params : dict
        The weights: ``W_proj`` (D, H), ``b_proj`` (H,), ``W_embed`` (V, W), ``Wx`` (W, G),
        ``Wh`` (H, G), ``b`` (G,), ``W_vocab`` (H, V), ``b_vocab`` (V,), where G is H for the
        vanilla RNN and 4H for the LSTM.

    Raises
    ------
    TypeError, ValueError
        If the cell type is unknown, a size is no positive integer, ``dtype`` no float dtype,
        ``word_to_idx`` no dict, or ``<NULL>`` missing or not an integer in [0, V).
    """

    def __init__(
        self,
        word_to_idx: dict[str, int],
        input_dim: int = 512,
        wordvec_dim: int = 128,
        hidden_dim: int = 128,
        cell_type: str = "rnn",
        dtype: type = np.float32,
    ) -> None:
        if cell_type not in ("rnn", "lstm"):
            raise ValueError(f"CaptioningRNN: cell_type is {cell_type!r}, expected 'rnn' or 'lstm'")
        sizes = {"input_dim": input_dim, "wordvec_dim": wordvec_dim, "hidden_dim": hidden_dim}
        for name, size in sizes.items():
            check_count("CaptioningRNN", name, size)
        if np.dtype(dtype).kind != "f":
            raise ValueError(f"CaptioningRNN: dtype is {np.dtype(dtype)}, expected a float dtype")
        if not isinstance(word_to_idx, dict):
            raise TypeError(
                f"CaptioningRNN: word_to_idx is a {type(word_to_idx).__name__}, "
                "expected a dict from words to integers"
            )
        if "<NULL>" not in word_to_idx:
            raise ValueError(
                f"CaptioningRNN: word_to_idx has no '<NULL>', the padding behind a caption; "
                f"it has {len(word_to_idx)} words, such as {list(word_to_idx)[:3]}"
            )
        null = np.asarray(word_to_idx["<NULL>"])
        check_indices("CaptioningRNN", "word_to_idx['<NULL>']", null, len(word_to_idx))
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
        self.initialize(np.random.default_rng(0))

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw new weights: biases 0, word vectors 0.01 n, matrices n / sqrt(rows), n normal.

        Raises TypeError if ``rng`` is no NumPy Generator.
        """
        check_rng("initialize", rng)
        for name, shape in self._shapes.items():
            if len(shape) == 1:
                weight = np.zeros(shape)
            else:
                scale = 0.01 if name == "W_embed" else 1 / np.sqrt(shape[0])
                weight = scale * rng.standard_normal(shape)
            self.params[name] = weight.astype(self.dtype)

    def loss(
        self, features: np.ndarray, captions: np.ndarray
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
        features = self.check_features("loss", features)
        self.check_captions("loss", features, captions)
        p, grads = self.params, {}
        words_in, words_out = captions[:, :-1], captions[:, 1:]
        mask = words_out != self.word_to_idx["<NULL>"]
        forward, backward = (
            (rnn_forward, rnn_backward)
            if self.cell_type == "rnn"
            else (lstm_forward, lstm_backward)
        )

        h0, proj_cache = affine_forward(features, p["W_proj"], p["b_proj"])
        x, embed_cache = word_embedding_forward(words_in, p["W_embed"])
        h, cell_cache = forward(x, h0, p["Wx"], p["Wh"], p["b"])
        scores, vocab_cache = temporal_affine_forward(h, p["W_vocab"], p["b_vocab"])
        loss, dscores = temporal_softmax_loss(scores, words_out, mask)

        dh, grads["W_vocab"], grads["b_vocab"] = temporal_affine_backward(dscores, vocab_cache)
        dx, dh0, grads["Wx"], grads["Wh"], grads["b"] = backward(dh, cell_cache)
        grads["W_embed"] = word_embedding_backward(dx, embed_cache)
        _, grads["W_proj"], grads["b_proj"] = affine_backward(dh0, proj_cache)
        return loss, grads

    def sample(self, features: np.ndarray, max_length: int = 30) -> np.ndarray:
        """Caption pictures greedily: at every step say the likeliest word and read it back.

        Parameters
        ----------
        features : (N, D) floats
        max_length : int
            T, the number of words after which to stop at the latest.

        Returns
        -------
        captions : (N, T) integers in [0, V)
            The first column is the first word after ``<START>``; behind ``<END>`` all is
            ``<NULL>``. A caption without ``<END>`` was cut at ``max_length``.

        Raises
        ------
        TypeError, ValueError
            If shapes or dtypes do not fit, features, weights or what becomes of them are not
            finite, ``max_length`` is no positive integer, or the vocabulary has no ``<START>`` or
            one beyond its size.
        """
        features = self.check_features("sample", features)
        check_finite("sample", self.params)
        check_count("sample", "max_length", max_length)
        if "<START>" not in self.word_to_idx:
            raise ValueError("sample: the vocabulary has no '<START>', the word to begin with")
        p, null, end = self.params, self.word_to_idx["<NULL>"], self.word_to_idx.get("<END>")
        captions = np.full((len(features), max_length), null)
        word = np.full(len(features), self.word_to_idx["<START>"])
        check_indices("sample", "word_to_idx['<START>']", word, len(p["W_embed"]))
        speaking = np.ones(len(features), dtype=bool)
        h, _ = affine_forward(features, p["W_proj"], p["b_proj"])
        c = np.zeros_like(h)
        read = self._reader(len(features) * max_length)
        for t in range(max_length):
            a = h @ p["Wh"]
            a += read(word)
            if self.cell_type == "rnn":
                h = np.tanh(a)
            else:
                h, c, _ = lstm_cell(a, c)
            word = np.argmax(h @ p["W_vocab"] + p["b_vocab"], axis=1)
            captions[speaking, t] = word[speaking]
            speaking &= word != end
            if not speaking.any():
                break
        check_finite("sample", {"the hidden state": h})
        return captions

    def _reader(self, count: int) -> Callable[[np.ndarray], np.ndarray]:
        """A function from words (N,) to what they add to the sums, ``x @ Wx + b``, (N, G).

        If ``count`` words are to be read in all, more than there are, it looks them up: one product
        with the whole vocabulary is then less work than the products step by step.
        """
        p = self.params
        if count < len(p["W_embed"]):
            return lambda word: p["W_embed"][word] @ p["Wx"] + p["b"]
        sums = p["W_embed"] @ p["Wx"] + p["b"]
        return lambda word: sums[word]

    def check_features(self, function: str, features: np.ndarray) -> np.ndarray:
        """Features in the model's dtype, or an error in the name of ``function``."""
        if isinstance(features, np.ndarray) and features.ndim == 2 and len(features) == 0:
            raise ValueError(f"{function}: features has shape {features.shape}, an empty batch")
        check_shapes(function, W_proj=(self.params["W_proj"], "D H"), features=(features, "N D"))
        check_finite(function, {"features": features})
        if features.dtype != self.dtype:
            with np.errstate(over="ignore"):  # a number too large for this dtype is refused
                features = features.astype(self.dtype)
            check_finite(function, {f"features as {self.dtype}": features})
        return features

    def check_captions(self, function: str, features: np.ndarray, captions: np.ndarray) -> None:
        """Raise an error in the name of ``function`` unless there is one caption a picture."""
        check_indices(function, "captions", captions, len(self.params["W_embed"]))
        if captions.ndim != 2 or len(captions) != len(features) or captions.shape[1] < 2:
            raise ValueError(
                f"{function}: captions has shape {captions.shape}, "
                f"expected (N, T + 1) with N = {len(features)} from features and T at least 1"
            )
        silent = np.flatnonzero((captions[:, 1:] == self.word_to_idx["<NULL>"]).all(axis=1))
        if silent.size:
            raise ValueError(
                f"{function}: {silent.size} of {len(captions)} captions hold nothing but '<NULL>' "
                f"after their first word (the first is captions[{silent[0]}]), "
                "expected words to predict"
            )
