"""Beam search: greedy at width one, exhaustive where it is wide, and right about the ends."""

import itertools

import numpy as np
import pytest

from cs231n_lib.speak.beam import beam_search
from cs231n_lib.speak.captioning import CaptioningRNN
from tests.speak.test_captioning import (
    CELLS,
    END,
    NULL,
    SPREAD,
    START,
    VOCABULARY,
    pictures,
    scores_after,
    small_model,
    speaker,
)


def log_probability(model, picture, caption):
    """Of a caption up to and with its <END>, word by word."""
    words, total = [START], 0.0
    for word in caption:
        scores = scores_after(model, picture[None], np.array([words]))
        total += scores[word] - np.log(np.exp(scores).sum())
        words.append(int(word))
        if word == END:
            break
    return total


@pytest.mark.parametrize(("cell_type", "seed"), SPREAD)
@pytest.mark.parametrize("max_length", [1, 2, 9])
def test_the_narrowest_beam_is_greedy(cell_type, seed, max_length):
    model, features = small_model(cell_type, seed, scale=2.0), pictures(40)
    captions = beam_search(model, features, 1, max_length)
    np.testing.assert_array_equal(captions, model.sample(features, max_length), strict=True)


# Weights with which it matters that a beam goes on from its own state.
@pytest.mark.parametrize(("cell_type", "seed"), [("rnn", 0), ("lstm", 9), ("attention", 8)])
def test_a_beam_that_is_wide_enough_finds_the_likeliest_of_all_captions(cell_type, seed):
    model, features, T = small_model(cell_type, seed), pictures(6), 3
    every = [
        (*caption, *[NULL] * (T - len(caption)))
        for caption in itertools.product(range(len(VOCABULARY)), repeat=T)
        if END not in caption[:-1]
    ] + [
        (*beginning, END, *[NULL] * (T - 1 - length))
        for length in range(T - 1)
        for beginning in itertools.product(set(range(len(VOCABULARY))) - {END}, repeat=length)
    ]
    assert len(every) == len(set(every)) == 6 * 6 * 7 + 1 + 6
    captions = beam_search(model, features, len(VOCABULARY) ** 2, T)
    for picture, caption in zip(features, captions):
        best = max(every, key=lambda words, picture=picture: log_probability(model, picture, words))
        np.testing.assert_array_equal(caption, best)
    assert (captions != model.sample(features, T)).any()  # the claim above says something
    assert (captions == END).any()


@pytest.mark.parametrize(("cell_type", "seed"), SPREAD)
def test_pictures_are_searched_each_for_itself(cell_type, seed):
    model, features = small_model(cell_type, seed, scale=2.0), pictures(10)
    one_by_one = [beam_search(model, features[[n]], 3, 6)[0] for n in range(10)]
    np.testing.assert_array_equal(beam_search(model, features, 3, 6), one_by_one)


@pytest.mark.parametrize(("cell_type", "seed"), SPREAD)
def test_behind_end_there_is_null_alone(cell_type, seed):
    captions = beam_search(small_model(cell_type, seed, scale=2.0), pictures(40), 4, 9)
    ends = [list(row).index(END) if END in row else 9 for row in captions]
    assert len(set(ends)) > 1
    for row, end in zip(captions, ends):
        assert set(row[end + 1 :]) <= {NULL}


@pytest.mark.parametrize("cell_type", CELLS)
def test_a_caption_without_end_is_cut(cell_type):
    model = speaker(cell_type, {1: 3, 3: 4, 4: 3})
    model.params["W_vocab"] *= 50
    np.testing.assert_array_equal(beam_search(model, np.ones((1, 2)), 2), [[3, 4] * 15])
    vocabulary = {"<NULL>": 0, "<START>": 1, "a": 2}
    endless = CaptioningRNN(vocabulary, 6, 3, 4, cell_type, fields=3)
    endless.params["b_vocab"][2] = 100
    np.testing.assert_array_equal(beam_search(endless, pictures(2), 3, 4), np.full((2, 4), 2))


@pytest.mark.parametrize("cell_type", CELLS)
def test_weights_that_overflow_are_said(cell_type):
    model = small_model(cell_type)
    model.params["W_vocab"][...] = [[1.7e308, -1.7e308, *[0] * 5]]
    model.params["b_vocab"][...] = 1.7e308
    error = pytest.raises(ValueError, match=r"^beam_search: what becomes of the weights contains")
    with np.errstate(all="ignore"), error:
        beam_search(model, pictures(3), 2, 3)
