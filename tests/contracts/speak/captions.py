"""Contracts of captions as numbers, and the small data sets that other contracts need."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cs231n_lib.speak.captions import (
    CaptionData,
    Split,
    build_vocabulary,
    caption,
    decode_captions,
    encode_captions,
    sample_minibatch,
)
from tests.contracts import Contract, Refusal
from tests.contracts.speak.captioning import CAPTIONS, VOCABULARY, features, small_model


def small_split() -> dict[str, Any]:
    return {
        "captions": CAPTIONS.copy(),
        "image_idxs": np.array([1, 0]),
        "features": features(),
        "images": ["a", "b"],
    }


def small_data() -> CaptionData:
    """A captioned data set of two pictures, without a test split."""
    words = dict(VOCABULARY), list(VOCABULARY)
    return CaptionData(*words, train=Split(**small_split()), val=Split(**small_split()))


def _changed(data: CaptionData) -> dict[str, Any]:
    data.val.image_idxs[0] = -1
    return {"data": data}


def _beyond(a: dict[str, Any]) -> dict[str, Any]:
    return {"val": replace(a["val"], captions=CAPTIONS + 1)}


_REFUSES_A_SPLIT = (
    Refusal("an unknown split", {"split": "dev"},
            ValueError, "split is 'dev', expected 'train' or"),
    Refusal("a split that is not there", {"split": "test"},
            ValueError, "split is 'test', which the data do not have"),
)  # fmt: skip
_REFUSES_WORDS = (
    Refusal("a list of words", lambda a: {"word_to_idx": list(a["word_to_idx"])},
            TypeError, "word_to_idx is a list, expected a dict"),
    Refusal("no special words", {"word_to_idx": {"cat": 0, "dog": 1}},
            ValueError, "word_to_idx has no '<NULL>', the padding behind a caption"),
    Refusal("a negative index", {"word_to_idx": VOCABULARY | {"dog": -1}},
            ValueError, r"word_to_idx\['dog'\] is -1, expected at least 0"),
    Refusal("an index in text", {"word_to_idx": VOCABULARY | {"dog": "5"}},
            TypeError, r"word_to_idx\['dog'\] is '5', expected a whole number"),
)  # fmt: skip

CONTRACTS = (
    Contract(
        Split,
        small_split,
        (
            Refusal("captions as floats", lambda a: {"captions": a["captions"] / 2},
                    TypeError, "captions is float64, expected a NumPy array of integers"),
            Refusal("a negative word", lambda a: {"captions": a["captions"] - 1},
                    ValueError, "captions contains -1"),
            Refusal("fewer pictures named than captions", {"image_idxs": np.array([0])},
                    ValueError, r"image_idxs has shape \(1,\), expected .* M = 2 from captions"),
            Refusal("more images than features", {"images": list("abc")},
                    ValueError, "images has 3 parts, expected 2"),
        ),
    ),
    Contract(
        CaptionData,
        lambda: {"word_to_idx": dict(VOCABULARY), "idx_to_word": list(VOCABULARY),
                 "train": Split(**small_split()), "val": Split(**small_split())},
        (
            *_REFUSES_WORDS,
            Refusal("words in one string", {"idx_to_word": "abcdef"},
                    TypeError, "idx_to_word is a str, expected a list"),
            Refusal("one word more on one side", {"idx_to_word": [*VOCABULARY, "bird"]},
                    ValueError, "idx_to_word has 7 words, word_to_idx 6"),
            Refusal("two words exchanged", {"word_to_idx": VOCABULARY | {"cat": 5, "dog": 4}},
                    ValueError, r"idx_to_word\[4\] is 'cat', whose index in word_to_idx is 5"),
            Refusal("captions without pictures", {"train": CAPTIONS},
                    TypeError, r"train is an ndarray, expected a .*\.Split"),
            Refusal("a word beyond the vocabulary", _beyond,
                    ValueError, r"val\.captions contains 6, expected indices from 0 to 5"),
        ),
    ),
    Contract(
        build_vocabulary,
        lambda: {"sentences": ["dog", "cat dog"], "min_count": 1},
        (
            Refusal("a single sentence", {"sentences": "cat dog"},
                    TypeError, "sentences is a single string, expected a list of strings"),
            Refusal("sentences split into words", lambda a: {"sentences": iter([["cat", "dog"]])},
                    TypeError, "sentences holds a list, expected strings only"),
        ),
    ),
    Contract(
        encode_captions,
        lambda: {"sentences": ["cat", "dog bird"], "word_to_idx": dict(VOCABULARY), "length": 6},
        (
            *_REFUSES_WORDS,
            Refusal("a sentence that does not fit", {"length": 3},
                    ValueError, "a sentence needs 4 columns with <START> and <END>, length is 3"),
        ),
    ),
    Contract(
        decode_captions,
        lambda: {"captions": CAPTIONS.copy(), "idx_to_word": list(VOCABULARY)},
        (
            Refusal("captions of another rank", lambda a: {"captions": a["captions"][None]},
                    ValueError, r"captions has shape \(1, 2, 4\), expected \(N, T\)"),
            Refusal("rows of different lengths", {"captions": [[1, 4], [2]]},
                    ValueError, r"captions has rows of different lengths, expected \(N, T\)"),
            Refusal("a word beyond the vocabulary", lambda a: {"captions": a["captions"] + 1},
                    ValueError, "captions contains 6, expected indices of idx_to_word"),
            Refusal("a negative word", lambda a: {"captions": a["captions"] - 1},
                    ValueError, "captions contains -1, expected indices from 0"),
            Refusal("a word in a gap of the vocabulary", {"idx_to_word": {0: "<NULL>", 5: "cat"}},
                    ValueError, "captions contains 1, expected indices of idx_to_word"),
            Refusal("words as floats", lambda a: {"captions": a["captions"] / 2},
                    TypeError, "captions is float64, expected a NumPy array of integers"),
        ),
    ),
    Contract(
        sample_minibatch,
        lambda: {"data": small_data(), "batch_size": 3, "split": "val",
                 "rng": np.random.default_rng(1)},
        (
            *_REFUSES_A_SPLIT,
            Refusal("arrays that were changed afterwards", lambda a: _changed(a["data"]),
                    ValueError, "image_idxs in data contains -1, expected indices from 0 to 1"),
        ),
        changes={"rng": "is drawn from"},
    ),
    Contract(
        caption,
        lambda: {"model": small_model("rnn"), "data": small_data(), "split": "val"},
        (
            *_REFUSES_A_SPLIT,
            Refusal("features of another network",
                    lambda a: {"data": replace(a["data"], val=replace(
                        a["data"].val, features=np.ones((2, 7), np.float32)))},
                    ValueError, r"features has shape \(2, 7\), expected \(N, D\)"),
            Refusal("words of another network",
                    lambda a: {"data": replace(
                        a["data"], word_to_idx=VOCABULARY | {"bird": 6},
                        idx_to_word=[*VOCABULARY, "bird"])},
                    ValueError, "model has 6 words, the vocabulary of data 7"),
        ),
    ),
)  # fmt: skip
