"""The layers of ``RNN_Captioning`` and ``LSTM_Captioning``: see :mod:`cs231n_lib.speak`."""
# ruff: noqa: F403 - all names, for the notebooks

from __future__ import annotations

import numpy as np

from cs231n_lib.speak import layers, lstm
from cs231n_lib.speak.layers import *
from cs231n_lib.speak.lstm import *
from cs231n_lib.speak.rnn import *


def sigmoid(x: np.ndarray) -> np.ndarray:
    """See :func:`cs231n_lib.speak.lstm.sigmoid`."""
    return lstm.sigmoid(x)


def temporal_softmax_loss(
    x: np.ndarray, y: np.ndarray, mask: np.ndarray, verbose: bool = False
) -> tuple[np.floating, np.ndarray]:
    """See :func:`cs231n_lib.speak.layers.temporal_softmax_loss`; ``verbose`` prints a shape."""
    loss, dx = layers.temporal_softmax_loss(x, y, mask)
    if verbose:
        print("dx_flat: ", dx.reshape(-1, dx.shape[2]).shape)
    return loss, dx


def word_embedding_forward(x: np.ndarray, W: np.ndarray) -> tuple[np.ndarray, tuple]:
    """See :func:`cs231n_lib.speak.layers.word_embedding_forward`; one sentence (T,) will do."""
    out, cache = layers.word_embedding_forward(np.atleast_2d(x), W)
    return out.reshape(*np.shape(x), -1), cache


def word_embedding_backward(dout: np.ndarray, cache: tuple) -> np.ndarray:
    """See :func:`cs231n_lib.speak.layers.word_embedding_backward`."""
    dout = np.expand_dims(dout, 0) if np.ndim(dout) == 2 else dout
    return layers.word_embedding_backward(dout, cache)
