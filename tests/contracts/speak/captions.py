"""Contracts of captions as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from cs231n_lib.speak.captions import (
    build_vocabulary,
    check_split,
    check_vocabulary,
    decode_captions,
    encode_captions,
    sample_minibatch,
)
from tests.contracts import Contract, Refusal
from tests.contracts.speak.captioning import CAPTIONS, VOCABULARY, features

REFUSES_DATA = (
    Refusal(
        "captions instead of a data set", lambda a: {"data": a["data"]["train_captions"]},
        TypeError, "data is a ndarray, expected a captioned data set, a dict",
    ),
    Refusal(
        "a data set without captions to train on", {"data": {"val_captions": CAPTIONS}},
        ValueError, r"split is 'train', expected one of \['val'\]",
    ),
    Refusal(
        "a data set without features", lambda a: {"data": without(a["data"], "train_features")},
        ValueError, "data has no train_features",
    ),
    Refusal(
        "a split with no captions",
        lambda a: {"data": a["data"] | {"train_captions": CAPTIONS[:0]}},
        ValueError, "the split 'train' has no captions",
    ),
    Refusal(
        "fewer pictures named than captions",
        lambda a: {"data": a["data"] | {"train_image_idxs": np.array([0])}},
        ValueError, "the split 'train' has 2 captions with 1 image_idxs",
    ),
    Refusal(
        "more images than features", lambda a: {"data": a["data"] | {"train_images": list("abc")}},
        ValueError, "2 rows of features with 3 images, expected as many",
    ),
)  # fmt: skip


def small_data() -> dict[str, Any]:
    """A captioned data set of two pictures."""
    return {
        "word_to_idx": dict(VOCABULARY),
        "idx_to_word": list(VOCABULARY),
        "train_captions": CAPTIONS.copy(),
        "train_image_idxs": np.array([1, 0]),
        "train_features": features(),
        "train_images": ["a", "b"],
    }


def without(data: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: part for name, part in data.items() if name != key}


_REFUSES_SENTENCES = (
    Refusal(
        "a single sentence", {"sentences": "cat dog"},
        TypeError, "sentences is a single string, expected a list of strings",
    ),
    Refusal(
        "sentences split into words", {"sentences": [["cat", "dog"]]},
        TypeError, "sentences holds a list, expected strings only",
    ),
    Refusal(
        "what holds no sentences", {"sentences": None},
        TypeError, "sentences is a NoneType, expected a list of strings",
    ),
)  # fmt: skip

CONTRACTS = (
    Contract(build_vocabulary, lambda: {"sentences": ["dog", "cat dog"]}, _REFUSES_SENTENCES),
    Contract(
        check_vocabulary,
        lambda: {
            "word_to_idx": dict(VOCABULARY),
            "idx_to_word": list(VOCABULARY),
            "source": "vocab.json",
        },
        (
            Refusal(
                "two lists", {"word_to_idx": list(VOCABULARY)},
                ValueError, "vocab.json: expected word_to_idx to be a dict",
            ),
            Refusal(
                "no word to begin with", lambda a: {"word_to_idx": without(VOCABULARY, "<START>")},
                ValueError, "vocab.json: the vocabulary has no <START>",
            ),
            Refusal(
                "a word more on one side", lambda a: {"idx_to_word": [*a["idx_to_word"], "bird"]},
                ValueError, "word_to_idx has 6 words, idx_to_word 7",
            ),
            Refusal(
                "two words exchanged", lambda a: {"word_to_idx": VOCABULARY | {"cat": 5, "dog": 4}},
                ValueError, r"word_to_idx\['cat'\] is 5, idx_to_word disagrees",
            ),
            Refusal(
                "an index behind the last", lambda a: {"word_to_idx": VOCABULARY | {"dog": 6}},
                ValueError, r"word_to_idx\['dog'\] is 6, idx_to_word disagrees",
            ),
            Refusal(
                "a negative index", lambda a: {"word_to_idx": VOCABULARY | {"dog": -1}},
                ValueError, r"word_to_idx\['dog'\] is -1, idx_to_word disagrees",
            ),
            Refusal(
                "an index in text", lambda a: {"word_to_idx": VOCABULARY | {"dog": "5"}},
                ValueError, r"word_to_idx\['dog'\] is '5', expected an integer",
            ),
        ),
    ),
    Contract(
        check_split,
        lambda: {"function": "f", "data": small_data(), "split": "train"},
        (
            *REFUSES_DATA,
            Refusal(
                "a split that does not exist", {"split": "dev"},
                ValueError, r"f: split is 'dev', expected one of \['train'\]",
            ),
        ),
    ),
    Contract(
        encode_captions,
        lambda: {"sentences": ["cat", "dog bird"], "word_to_idx": dict(VOCABULARY), "length": 6},
        (
            *_REFUSES_SENTENCES,
            Refusal(
                "no sentences", {"sentences": []},
                ValueError, "sentences is empty, expected at least one",
            ),
            Refusal(
                "a sentence that does not fit", {"length": 3},
                ValueError, "a sentence needs 4 columns with <START> and <END>, length is 3",
            ),
            Refusal(
                "a length that is not whole", {"length": 6.0},
                TypeError, "length is 6.0, expected a whole number",
            ),
            Refusal(
                "a vocabulary without special words", {"word_to_idx": {"cat": 0, "dog": 1}},
                ValueError, "word_to_idx has no <NULL>, <START>, <END>, <UNK>",
            ),
        ),
    ),
    Contract(
        decode_captions,
        lambda: {"captions": CAPTIONS.copy(), "idx_to_word": list(VOCABULARY)},
        (
            Refusal(
                "a word beyond the vocabulary", lambda a: {"captions": a["captions"] + 1},
                ValueError, "captions contains 6, expected indices from 0 to 5",
            ),
            Refusal(
                "a negative word", lambda a: {"captions": a["captions"] - 1},
                ValueError, "captions contains -1, expected indices from 0 to 5",
            ),
            Refusal(
                "scores instead of words", lambda a: {"captions": a["captions"] / 2},
                TypeError, "captions is float64, expected a NumPy array of integers",
            ),
            Refusal(
                "captions of another rank", lambda a: {"captions": a["captions"][None]},
                ValueError, r"captions has shape \(1, 2, 4\), expected \(N, T\)",
            ),
            Refusal(
                "the vocabulary the wrong way round", {"idx_to_word": dict(enumerate(VOCABULARY))},
                TypeError, "idx_to_word holds a int, expected strings only",
            ),
            Refusal(
                "a vocabulary in one string", {"idx_to_word": "abcdef"},
                TypeError, "idx_to_word is a single string, expected a list of strings",
            ),
        ),
    ),
    Contract(
        sample_minibatch,
        lambda: {"data": small_data(), "batch_size": 3, "rng": np.random.default_rng(1)},
        (
            *REFUSES_DATA,
            Refusal(
                "a split that does not exist", {"split": "dev"},
                ValueError, r"split is 'dev', expected one of \['train'\]",
            ),
            Refusal("an empty batch", {"batch_size": 0}, ValueError, "batch_size is 0, expected"),
            Refusal(
                "a size that is not whole", {"batch_size": 2.5},
                TypeError, "batch_size is 2.5, expected a whole number",
            ),
            Refusal(
                "a seed instead of a generator", {"rng": 0},
                TypeError, "rng is a int, expected a numpy.random.Generator",
            ),
        ),
        changes={"rng": "is drawn from"},
    ),
    Contract(
        sample_minibatch,
        lambda: {"data": small_data(), "batch_size": 3},
        (
            Refusal(
                "a picture that does not exist",
                lambda a: {"data": a["data"] | {"train_image_idxs": np.array([2, 2])}},
                ValueError, "image_idxs contains 2, expected indices from 0 to 1",
            ),
            Refusal(
                "a negative picture",
                lambda a: {"data": a["data"] | {"train_image_idxs": np.array([-1, -1])}},
                ValueError, "image_idxs contains -1, expected indices from 0 to 1",
            ),
        ),
    ),
)  # fmt: skip
