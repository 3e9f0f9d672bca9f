"""Contracts of the captioning model, and the small ones that other contracts need."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch

from cs231n_lib.speak.captioning import CaptioningRNN
from tests.contracts import Contract, Refusal

VOCABULARY = {"<NULL>": 0, "<START>": 1, "<END>": 2, "<UNK>": 3, "cat": 4, "dog": 5}
CAPTIONS = np.array([[1, 4, 5, 2], [1, 5, 2, 0]])
D = 3


def small_model(cell_type: str) -> CaptioningRNN:
    return CaptioningRNN(VOCABULARY, input_dim=D, wordvec_dim=4, hidden_dim=5, cell_type=cell_type)


def features() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((2, D)).astype(np.float32)


def broken_model(a: dict[str, Any], name: str = "self") -> dict[str, CaptioningRNN]:
    """The model with a weight that training has driven to NaN."""
    model = small_model(a[name].cell_type)
    model.params["Wh"][0, 0] = np.nan
    return {name: model}


REFUSES_FEATURES = (
    Refusal(
        "features of another size", lambda a: {"features": a["features"][:, 1:]},
        ValueError, r"features has shape \(2, 2\), expected \(N, D\) = \(2, 3\)",
    ),
    Refusal(
        "the features of one picture, without a batch", lambda a: {"features": a["features"][0]},
        ValueError, r"features has shape \(3,\), expected 2 dimensions",
    ),
    Refusal(
        "an empty batch", lambda a: {"features": a["features"][:0]},
        ValueError, r"features has shape \(0, 3\), an empty batch",
    ),
    Refusal(
        "features with NaN", lambda a: {"features": a["features"] * np.nan},
        ValueError, "features contains 6 values that are NaN or infinite",
    ),
    Refusal(
        "infinite features", lambda a: {"features": a["features"] + np.inf},
        ValueError, "features contains 6 values that are NaN or infinite",
    ),
    Refusal(
        "features too large for the model's dtype",
        lambda a: {"features": a["features"].astype(float) * 1e300},
        ValueError, "features as float32 contains 6 values that are NaN or infinite",
    ),
    Refusal(
        "integer features", lambda a: {"features": a["features"].astype(int)},
        TypeError, "features has dtype int64, expected floats",
    ),
    Refusal(
        "a tensor instead of an array", lambda a: {"features": torch.from_numpy(a["features"])},
        TypeError, "features is a Tensor, expected a NumPy array",
    ),
)  # fmt: skip

REFUSES_CAPTIONS = (
    Refusal(
        "captions of more pictures", lambda a: {"captions": a["captions"].repeat(2, axis=0)},
        ValueError, r"captions has shape \(4, 4\), expected \(N, T \+ 1\) with N = 2",
    ),
    Refusal(
        "a word beyond the vocabulary", lambda a: {"captions": a["captions"] + 1},
        ValueError, "captions contains 6, expected indices from 0 to 5",
    ),
    Refusal(
        "a negative word", lambda a: {"captions": a["captions"] - 1},
        ValueError, "captions contains -1, expected indices from 0 to 5",
    ),
    Refusal(
        "captions as floats", lambda a: {"captions": a["captions"].astype(float)},
        TypeError, "captions is float64, expected a NumPy array of integers",
    ),
    Refusal(
        "captions as sentences", {"captions": ["cat dog", "dog"]},
        TypeError, "captions is list, expected a NumPy array of integers",
    ),
    Refusal(
        "captions with nothing to predict", lambda a: {"captions": a["captions"][:, :1]},
        ValueError, r"captions has shape \(2, 1\), expected .* T at least 1",
    ),
    Refusal(
        "a caption that says nothing", {"captions": np.array([[1, 0, 0], [1, 4, 2]])},
        ValueError, "1 of 2 captions hold nothing but '<NULL>'",
    ),
)  # fmt: skip


def _new() -> dict[str, Any]:
    return {"word_to_idx": dict(VOCABULARY), "input_dim": D, "wordvec_dim": 4, "hidden_dim": 5}


def _loss(cell_type: str) -> dict[str, Any]:
    model = small_model(cell_type)
    return {"self": model, "features": features(), "captions": CAPTIONS.copy()}


def _sample(cell_type: str) -> dict[str, Any]:
    return {"self": small_model(cell_type), "features": features(), "max_length": 4}


_REFUSES_SAMPLE = (
    *REFUSES_FEATURES,
    Refusal("no words at all", {"max_length": 0}, ValueError, "max_length is 0, expected"),
    Refusal(
        "a length that is not whole", {"max_length": 4.0},
        TypeError, "max_length is 4.0, expected a whole number",
    ),
    Refusal("a truth value for a length", {"max_length": True}, TypeError, "max_length is True"),
    Refusal(
        "a model whose weights are NaN", broken_model,
        ValueError, "Wh contains 1 values that are NaN or infinite",
    ),
    Refusal(
        "a vocabulary without a word to begin with",
        lambda a: {"self": CaptioningRNN({"<NULL>": 0, "cat": 1}, input_dim=D)},
        ValueError, "the vocabulary has no '<START>'",
    ),
)  # fmt: skip

CONTRACTS = (
    Contract(
        CaptioningRNN,
        _new,
        (
            Refusal(
                "an unknown kind of cell", {"cell_type": "gru"},
                ValueError, "cell_type is 'gru', expected 'rnn' or 'lstm'",
            ),
            Refusal("a size of zero", {"hidden_dim": 0}, ValueError, "hidden_dim is 0, expected"),
            Refusal(
                "a size that is not whole", {"input_dim": 2.5},
                TypeError, "input_dim is 2.5, expected a whole number",
            ),
            Refusal(
                "a truth value for a size", {"wordvec_dim": True},
                TypeError, "wordvec_dim is True, expected a whole number",
            ),
            Refusal(
                "an integer dtype", {"dtype": np.int32},
                ValueError, "dtype is int32, expected a float dtype",
            ),
            Refusal(
                "a list of words", {"word_to_idx": list(VOCABULARY)},
                TypeError, "word_to_idx is a list, expected a dict from words to integers",
            ),
            Refusal(
                "a vocabulary without padding", {"word_to_idx": {"cat": 0}},
                ValueError, "word_to_idx has no '<NULL>', the padding behind a caption",
            ),
            Refusal(
                "padding beyond the vocabulary", {"word_to_idx": {"<NULL>": 2, "cat": 0}},
                ValueError, r"word_to_idx\['<NULL>'\] contains 2, expected indices from 0 to 1",
            ),
        ),
    ),
    Contract(
        CaptioningRNN.initialize,
        lambda: {"self": small_model("rnn"), "rng": np.random.default_rng(1)},
        (Refusal("a seed instead of a generator", {"rng": 0}, TypeError, "rng is a int, exp"),),
        changes={"self": "gets new weights", "rng": "is drawn from"},
    ),
    *(
        Contract(CaptioningRNN.loss, partial(_loss, cell), REFUSES_FEATURES + REFUSES_CAPTIONS)
        for cell in ("rnn", "lstm")
    ),
    *(
        Contract(CaptioningRNN.sample, partial(_sample, cell), _REFUSES_SAMPLE)
        for cell in ("rnn", "lstm")
    ),
)  # fmt: skip
