"""Vocabularies, encoding, decoding, captioned data sets, minibatches."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs231n_lib.speak.captions import (
    SPECIAL_WORDS,
    CaptionData,
    Split,
    build_vocabulary,
    caption,
    decode_captions,
    encode_captions,
    sample_minibatch,
)

WORD_TO_IDX, IDX_TO_WORD = build_vocabulary(["a cat sat", "a dog ran away"])


def make_data(captions=10, pictures=4, columns=6):
    rng = np.random.default_rng(0)
    train = Split(
        captions=rng.integers(0, 10, (captions, columns)),
        image_idxs=rng.integers(0, pictures, captions),
        features=rng.standard_normal((pictures, 3)),
        images=[f"picture {i}" for i in range(pictures)],
    )
    return CaptionData(WORD_TO_IDX, IDX_TO_WORD, train)


DATA = make_data()


def test_a_vocabulary_numbers_special_words_first_then_the_alphabet():
    assert [*SPECIAL_WORDS, "a", "away", "cat", "dog", "ran", "sat"] == IDX_TO_WORD
    assert [WORD_TO_IDX[word] for word in IDX_TO_WORD] == list(range(10))
    assert build_vocabulary(["<START> a <END>"])[1] == [*SPECIAL_WORDS, "a"]
    assert build_vocabulary(iter(["a cat"])) == build_vocabulary(["a cat"])
    assert build_vocabulary(["a cat", "a dog"], min_count=2)[1] == [*SPECIAL_WORDS, "a"]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"idx_to_word": [*IDX_TO_WORD, "extra"]}, "idx_to_word has 11 words, word_to_idx 10"),
        (
            {"word_to_idx": WORD_TO_IDX | {"cat": 7, "dog": 6}},
            r"idx_to_word\[6\] is 'cat', .* is 7",
        ),
        ({"word_to_idx": WORD_TO_IDX | {"cat": 99}}, r"idx_to_word\[6\] is 'cat', .* is 99"),
        ({"idx_to_word": [*IDX_TO_WORD[:-1], "set"]}, r"idx_to_word\[9\] is 'set', .* is None"),
        ({"val": replace(DATA.train, captions=np.full((10, 6), 10))}, "val.captions contains 10"),
    ],
)
def test_a_data_set_that_does_not_hold_together_is_refused(parts, message):
    with pytest.raises(ValueError, match=f"^CaptionData: {message}"):
        replace(DATA, **parts)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"image_idxs": np.full(10, 4)}, "image_idxs contains 4, expected indices from 0 to 3"),
        ({"image_idxs": np.full(10, -1)}, "image_idxs contains -1"),
        ({"images": ["one"]}, "images has 1 parts, expected 4"),
        ({"captions": DATA.train.captions[:0]}, r"captions has shape \(0, 6\)"),
        ({"features": np.full((4, 3), np.nan)}, "features contains 12 values that are NaN"),
    ],
)
def test_a_split_whose_parts_do_not_match_is_refused(parts, message):
    with pytest.raises(ValueError, match=f"^Split: {message}"):
        replace(DATA.train, **parts)


def test_the_last_word_and_the_last_picture_are_within_the_range():
    train = replace(DATA.train, captions=np.full((2, 6), 9), image_idxs=np.array([3, 3]))
    assert replace(DATA, train=train).train.captions.max() == 9


def test_sentences_are_framed_and_padded():
    captions = encode_captions(["a cat", "a dog ran"], WORD_TO_IDX)
    assert captions.dtype == np.int32
    assert [[IDX_TO_WORD[i] for i in row] for row in captions] == [
        ["<START>", "a", "cat", "<END>", "<NULL>"],
        ["<START>", "a", "dog", "ran", "<END>"],
    ]
    assert encode_captions(["a"], WORD_TO_IDX, length=7).shape == (1, 7)
    assert encode_captions(["a horse"], WORD_TO_IDX)[0, 2] == WORD_TO_IDX["<UNK>"]


def test_a_sentence_may_fill_its_row_and_no_more():
    assert encode_captions(["a cat sat"], WORD_TO_IDX, length=5).shape == (1, 5)
    message = "needs 5 columns with <START> and <END>, length is 4"
    with pytest.raises(ValueError, match=message):
        encode_captions(["a cat sat"], WORD_TO_IDX, length=4)


@given(st.lists(st.lists(st.sampled_from(IDX_TO_WORD[4:]), max_size=9).map(" ".join), min_size=1))
def test_decoding_undoes_encoding(sentences):
    assert decode_captions(encode_captions(sentences, WORD_TO_IDX), IDX_TO_WORD) == sentences


@pytest.mark.parametrize(
    "idx_to_word",
    [
        IDX_TO_WORD,
        np.array(IDX_TO_WORD),
        np.array(IDX_TO_WORD, object),
        dict(enumerate(IDX_TO_WORD)),
        {np.int64(i): word for i, word in enumerate(IDX_TO_WORD)},
    ],
    ids=["list", "array", "objects", "dict", "dict of NumPy's integers"],
)
def test_words_may_be_in_a_list_an_array_or_a_dict_and_captions_in_lists(idx_to_word):
    captions = encode_captions(["a cat", "a dog ran"], WORD_TO_IDX)
    for rows in (captions, captions.tolist(), tuple(map(tuple, captions))):
        assert decode_captions(rows, idx_to_word) == ["a cat", "a dog ran"]
    data = replace(DATA, idx_to_word=idx_to_word)
    train = replace(DATA.train, captions=DATA.train.captions.tolist())
    batch, *_ = sample_minibatch(replace(data, train=train), 3)
    assert decode_captions(batch, data.idx_to_word) == decode_captions(
        sample_minibatch(DATA, 3)[0], IDX_TO_WORD
    )


def test_a_vocabulary_may_have_gaps():
    words = {0: "<NULL>", 2: "cat", 3: "dog"}
    assert decode_captions([[2, 3, 0], [3, 0, 0]], words) == ["cat dog", "dog"]
    with pytest.raises(ValueError, match=r"^decode_captions: captions contains 1, expected ind"):
        decode_captions([2, 1], words)


def test_the_keys_of_json_are_named_as_such():
    words = json.loads(json.dumps({0: "<NULL>", 1: "cat"}))
    message = "^decode_captions: idx_to_word has the key '0', expected integers, which JSON turns"
    with pytest.raises(TypeError, match=message):
        decode_captions(np.array([0, 1]), words)
    assert decode_captions([0, 1], {int(i): word for i, word in words.items()}) == "cat"
    message = r"^decode_captions: .* expected integers; give {i: word for word, i in idx_to_word.it"
    with pytest.raises(TypeError, match=message):
        decode_captions(np.array([1, 0]), {"<NULL>": 0, "cat": 1})


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("a cat <END> dog <NULL>", "a cat"),
        ("<NULL> <START> a <NULL> <UNK> <START> cat", "a <UNK> cat"),
    ],
)
def test_decoding_stops_at_end_and_leaves_out_what_only_frames_and_pads(words, sentence):
    row = np.array([WORD_TO_IDX[word] for word in words.split()])
    assert decode_captions(row, IDX_TO_WORD) == sentence
    assert decode_captions(row[None], IDX_TO_WORD) == [sentence]


def test_a_minibatch_belongs_together():
    captions, features, images = sample_minibatch(DATA, 50, "train", np.random.default_rng(1))
    assert captions.shape == (50, 6)
    assert features.shape == (50, 3)
    for caption_, feature, image in zip(captions, features, images):
        picture = int(image.split()[1])
        np.testing.assert_array_equal(feature, DATA.train.features[picture])
        own = DATA.train.captions[DATA.train.image_idxs == picture]
        assert (own == caption_).all(axis=1).any()


def test_a_minibatch_is_of_the_split_asked_for():
    val = Split(np.full((1, 6), 9), np.array([0]), np.ones((1, 3)), ["only"])
    assert sample_minibatch(replace(DATA, val=val), 2, "val")[2] == ["only", "only"]


def test_a_split_that_the_data_do_not_have_is_refused():
    with pytest.raises(ValueError, match="split is 'val', which the data do not have"):
        sample_minibatch(DATA, 2, "val")


def test_captions_of_another_rank_are_not_decoded():
    with pytest.raises(ValueError, match=r"captions has shape \(1, 1, 1\), expected \(N, T\)"):
        decode_captions(np.zeros((1, 1, 1), int), IDX_TO_WORD)


def test_minibatches_follow_their_generator():
    rng = np.random.default_rng(1)
    first, second = (sample_minibatch(DATA, 8, rng=rng)[0] for _ in range(2))
    assert (first != second).any()
    np.testing.assert_array_equal(first, sample_minibatch(DATA, 8, rng=np.random.default_rng(1))[0])
    np.testing.assert_array_equal(sample_minibatch(DATA, 8)[0], sample_minibatch(DATA, 8)[0])
    assert len(sample_minibatch(DATA)[0]) == 100


def test_a_caption_is_no_longer_than_those_of_the_data():
    asked = []

    def sample(features, max_length):
        asked.append((features, max_length))
        return np.full((len(features), max_length), 4)

    model = SimpleNamespace(
        params={"W_embed": np.ones((10, 2)), "W_proj": np.ones((3, 2))},
        word_to_idx=WORD_TO_IDX, cell_type="rnn", dtype=np.dtype(float), sample=sample,
    )  # fmt: skip
    assert caption(model, DATA, "train") == ["a a a a a a"] * 4
    ((features, length),) = asked
    assert features is DATA.train.features
    assert length == 6
