"""Vocabularies, encoding, decoding, minibatches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs231n_lib.speak.captions import (
    SPECIAL_WORDS,
    build_vocabulary,
    check_vocabulary,
    decode_captions,
    encode_captions,
    sample_minibatch,
)

WORD_TO_IDX, IDX_TO_WORD = build_vocabulary(["a cat sat", "a dog ran away"])


def make_data(captions=10, pictures=4, columns=6):
    rng = np.random.default_rng(0)
    return {
        "train_captions": rng.integers(0, 5, (captions, columns)),
        "train_image_idxs": rng.integers(0, pictures, captions),
        "train_features": rng.standard_normal((pictures, 3)),
        "train_images": [f"picture {i}" for i in range(pictures)],
        "val_captions": np.empty((0, columns), int),
    }


def test_a_vocabulary_numbers_special_words_first_then_the_alphabet():
    assert [*SPECIAL_WORDS, "a", "away", "cat", "dog", "ran", "sat"] == IDX_TO_WORD
    assert [WORD_TO_IDX[word] for word in IDX_TO_WORD] == list(range(10))
    check_vocabulary(WORD_TO_IDX, IDX_TO_WORD, "here")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w, i: w.pop("<START>"), "here: the vocabulary has no <START>"),
        (lambda w, i: i.append("extra"), "word_to_idx has 10 words, idx_to_word 11"),
        (lambda w, i: w.update(cat=7), r"word_to_idx\['cat'\] is 7, idx_to_word disagrees"),
        (lambda w, i: w.update(cat=-4), r"word_to_idx\['cat'\] is -4"),
        (lambda w, i: w.update(cat=99), r"word_to_idx\['cat'\] is 99"),
        (lambda w, i: w.update(cat=6.0), r"word_to_idx\['cat'\] is 6.0, expected an integer"),
        (lambda w, i: w.update(cat="6"), r"word_to_idx\['cat'\] is '6', expected an integer"),
    ],
)
def test_a_vocabulary_that_does_not_hold_together_is_refused(change, message):
    words, back = dict(WORD_TO_IDX), list(IDX_TO_WORD)
    change(words, back)
    with pytest.raises(ValueError, match=message):
        check_vocabulary(words, back, "here")


@pytest.mark.parametrize(
    ("words", "back"),
    [
        (list(WORD_TO_IDX), IDX_TO_WORD),
        (None, IDX_TO_WORD),
        (WORD_TO_IDX, {str(i): word for i, word in enumerate(IDX_TO_WORD)}),
    ],
)
def test_a_vocabulary_of_another_kind_is_refused(words, back):
    with pytest.raises(ValueError, match="here: expected word_to_idx to be a dict"):
        check_vocabulary(words, back, "here")


def test_special_words_in_sentences_are_numbered_once():
    assert build_vocabulary(["<START> a <END>"])[1] == [*SPECIAL_WORDS, "a"]


def test_sentences_may_come_one_by_one():
    sentences = ["a cat sat", "a dog ran away"]
    assert build_vocabulary(iter(sentences)) == build_vocabulary(sentences)


def test_sentences_are_framed_and_padded():
    captions = encode_captions(["a cat", "a dog ran"], WORD_TO_IDX)
    assert captions.dtype == np.int32
    assert [[IDX_TO_WORD[i] for i in row] for row in captions] == [
        ["<START>", "a", "cat", "<END>", "<NULL>"],
        ["<START>", "a", "dog", "ran", "<END>"],
    ]
    assert encode_captions(["a"], WORD_TO_IDX, length=7).shape == (1, 7)


def test_an_unknown_word_becomes_unk():
    assert encode_captions(["a horse"], WORD_TO_IDX)[0, 2] == WORD_TO_IDX["<UNK>"]


@pytest.mark.parametrize(
    ("sentences", "length", "message"),
    [
        ([], None, "empty"),
        (["a cat sat"], 4, "needs 5 columns with <START> and <END>, length is 4"),
    ],
)
def test_encoding_refuses(sentences, length, message):
    with pytest.raises(ValueError, match=message):
        encode_captions(sentences, WORD_TO_IDX, length)


@given(st.lists(st.lists(st.sampled_from(IDX_TO_WORD[4:]), max_size=9).map(" ".join), min_size=1))
def test_decoding_undoes_encoding(sentences):
    assert decode_captions(encode_captions(sentences, WORD_TO_IDX), IDX_TO_WORD) == sentences


def test_decoding_stops_at_end_and_takes_a_single_row():
    row = np.array([WORD_TO_IDX[word] for word in ("a", "cat", "<END>", "dog", "<NULL>")])
    assert decode_captions(row, IDX_TO_WORD) == "a cat"


def test_decoding_leaves_out_what_only_frames_and_pads():
    words = ("<NULL>", "<START>", "a", "<NULL>", "<UNK>", "<START>", "cat")
    row = np.array([WORD_TO_IDX[word] for word in words])
    assert decode_captions(row[None], IDX_TO_WORD) == ["a <UNK> cat"]


@pytest.mark.parametrize(
    ("captions", "error", "message"),
    [
        (np.array([[0, 10]]), ValueError, "contains 10, expected indices from 0 to 9"),
        (np.array([[-1, 1]]), ValueError, "contains -1"),
        (np.array([[0.5]]), TypeError, "expected a NumPy array of integers"),
        (np.zeros((1, 1, 1), int), ValueError, r"has shape \(1, 1, 1\), expected \(N, T\)"),
    ],
)
def test_decoding_refuses(captions, error, message):
    with pytest.raises(error, match=message):
        decode_captions(captions, IDX_TO_WORD)


def test_a_minibatch_belongs_together():
    data = make_data()
    captions, features, images = sample_minibatch(data, 50, "train", np.random.default_rng(1))
    assert captions.shape == (50, 6)
    assert features.shape == (50, 3)
    for caption, feature, image in zip(captions, features, images):
        picture = int(image.split()[1])
        np.testing.assert_array_equal(feature, data["train_features"][picture])
        own = data["train_captions"][data["train_image_idxs"] == picture]
        assert (own == caption).all(axis=1).any()


def test_minibatches_follow_their_generator():
    data = make_data()
    rng = np.random.default_rng(1)
    first, second = (sample_minibatch(data, 8, rng=rng)[0] for _ in range(2))
    assert (first != second).any()
    np.testing.assert_array_equal(first, sample_minibatch(data, 8, rng=np.random.default_rng(1))[0])
    np.testing.assert_array_equal(sample_minibatch(data, 8)[0], sample_minibatch(data, 8)[0])
    assert len(sample_minibatch(data)[0]) == 100


@pytest.mark.parametrize(
    ("size", "split", "message"),
    [
        (5, "dev", r"split is 'dev', expected one of \['train', 'val'\]"),
        (0, "train", "batch_size is 0, expected at least 1"),
        (5, "val", "the split 'val' has no captions"),
    ],
)
def test_minibatches_refuse(size, split, message):
    with pytest.raises(ValueError, match=message):
        sample_minibatch(make_data(), size, split)
