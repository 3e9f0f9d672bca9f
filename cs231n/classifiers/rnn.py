"""The captioning model: see :class:`cs231n_lib.speak.captioning.CaptioningRNN`."""

from __future__ import annotations

import numpy as np

from cs231n_lib.speak import captioning


class CaptioningRNN(captioning.CaptioningRNN):
    """The model with the attributes, the random weights and the integers of 2017."""

    def __init__(
        self,
        word_to_idx: dict[str, int],
        input_dim: int = 512,
        wordvec_dim: int = 128,
        hidden_dim: int = 128,
        cell_type: str = "rnn",
        dtype: type = np.float32,
    ) -> None:
        super().__init__(word_to_idx, input_dim, wordvec_dim, hidden_dim, cell_type, dtype)
        self.idx_to_word = {index: word for word, index in word_to_idx.items()}
        self._null, self._start, self._end = map(word_to_idx.get, ("<NULL>", "<START>", "<END>"))
        # In the assignment's order, so that np.random.seed gives the assignment's weights.
        for name in ("W_embed", "W_proj", "Wx", "Wh", "W_vocab"):
            rows, columns = self.params[name].shape
            scale = 100 if name == "W_embed" else np.sqrt(rows)
            weight = np.random.randn(rows, columns) / scale  # noqa: NPY002
            self.params[name] = weight.astype(dtype)

    def loss(
        self, features: np.ndarray, captions: np.ndarray
    ) -> tuple[np.floating, dict[str, np.ndarray]]:
        """The loss and its gradients.

        A caption of nothing but ``<NULL>`` adds nothing to the mean, and counts in it.
        """
        shapes = [a.shape if isinstance(a, np.ndarray) else () for a in (features, captions)]
        if [len(shape) for shape in shapes] != [2, 2] or shapes[0][0] != shapes[1][0]:
            return super().loss(features, captions)  # which takes lists, and says what is wrong
        spoken = (captions[:, 1:] != self._null).any(axis=1)
        share = self.dtype.type(spoken.mean())
        if share == 0:
            return share, {name: np.zeros_like(w) for name, w in self.params.items()}
        loss, grads = super().loss(features[spoken], captions[spoken])
        return share * loss, {name: share * grad for name, grad in grads.items()}

    def sample(self, features: np.ndarray, max_length: int = 30) -> np.ndarray:
        """Captions, (N, max_length) int32, found by greedy search."""
        return super().sample(features, max_length).astype(np.int32)
