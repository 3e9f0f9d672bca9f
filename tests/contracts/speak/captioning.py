"""Contracts of the captioning model, and the small ones that other contracts need."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from cs231n_lib.speak.captioning import CaptioningRNN, keys_and_values
from tests.contracts import Contract, Refusal

VOCABULARY = {"<NULL>": 0, "<START>": 1, "<END>": 2, "<UNK>": 3, "cat": 4, "dog": 5}
CAPTIONS = np.array([[1, 4, 5, 2], [1, 5, 2, 0]])
CELLS = ("rnn", "lstm", "attention")
D = 3


def small_model(cell_type: str) -> CaptioningRNN:
    return CaptioningRNN(
        VOCABULARY, input_dim=D, wordvec_dim=4, hidden_dim=5, cell_type=cell_type, fields=3,
        attention_dim=2,
    )  # fmt: skip


def features() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((2, D)).astype(np.float32)


def _new() -> dict[str, Any]:
    return {"word_to_idx": dict(VOCABULARY), "input_dim": D, "wordvec_dim": 4, "hidden_dim": 5}


def _loss(cell_type: str) -> dict[str, Any]:
    model = small_model(cell_type)
    return {"self": model, "features": features(), "captions": CAPTIONS.copy()}


def unspeakable(name: str = "self") -> tuple[Refusal, ...]:
    """What a function refuses that has a model speak."""

    def begins_beyond(_: dict[str, Any]) -> dict[str, Any]:
        model = small_model("rnn")
        model.word_to_idx["<START>"] = 6
        return {name: model}

    return (
        Refusal(
            "a vocabulary without a word to begin with",
            {name: CaptioningRNN({"<NULL>": 0, "cat": 1}, input_dim=D)},
            ValueError, "word_to_idx has no '<START>', the word to begin with",
        ),
        Refusal(
            "a first word without a vector",
            begins_beyond,
            ValueError, r"word_to_idx\['<START>'\] contains 6, expected .* from 0 to 5",
        ),
    )  # fmt: skip


def _sample(cell_type: str) -> dict[str, Any]:
    return {
        "self": small_model(cell_type), "features": features(), "max_length": 4,
        "temperature": 0.5, "rng": np.random.default_rng(1),
    }  # fmt: skip


CONTRACTS = (
    Contract(
        CaptioningRNN,
        _new,
        (
            Refusal(
                "an unknown kind of cell", {"cell_type": "gru"},
                ValueError, "cell_type is 'gru', expected 'rnn' or 'lstm' or 'attention'",
            ),
            Refusal(
                "an integer dtype", {"dtype": np.int32},
                ValueError, "dtype is <class 'numpy.int32'>, expected a float dtype",
            ),
            Refusal(
                "a vocabulary without padding", {"word_to_idx": {"cat": 0}},
                ValueError, r"no '<NULL>', the padding .* has 1 words, such as \['cat'\]",
            ),
            Refusal(
                "padding beyond the vocabulary", {"word_to_idx": {"<NULL>": 2, "cat": 0}},
                ValueError, r"word_to_idx\['<NULL>'\] contains 2, expected indices from 0 to 1",
            ),
            Refusal(
                "a dtype that does not exist", {"dtype": "float33"},
                ValueError, "dtype is 'float33', expected a float dtype",
            ),
            Refusal(
                "half precision", {"dtype": np.float16},
                TypeError, "dtype is float16, expected float32 or float64: half precision is too",
            ),
            Refusal(
                "padding between two words", {"word_to_idx": {"<NULL>": 0.5, "cat": 0}},
                TypeError, r"word_to_idx\['<NULL>'\] is 0.5, expected a whole number",
            ),
            Refusal(
                "features that do not fall into fields", {"cell_type": "attention", "fields": 2},
                ValueError, "input_dim is 3, expected a multiple of fields, 2",
            ),
        ),
    ),
    Contract(
        CaptioningRNN.initialize,
        lambda: {"self": small_model("rnn"), "rng": np.random.default_rng(1)},
        changes={"self": "gets new weights", "rng": "is drawn from"},
    ),
    *(Contract(CaptioningRNN.loss, partial(_loss, cell)) for cell in CELLS),
    *(
        Contract(
            CaptioningRNN.sample,
            partial(_sample, cell),
            unspeakable(),
            changes={"rng": "is drawn from"},
        )
        for cell in CELLS
    ),
    Contract(
        keys_and_values,
        lambda: {"model": small_model("attention"), "features": features()},
    ),
)  # fmt: skip
