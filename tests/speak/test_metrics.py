"""BLEU by a library, and CIDEr, against values worked out by hand and by COCO's own evaluation."""

from __future__ import annotations

import math

import pytest

from cs231n_lib.speak.metrics import bleu, bleu4, cider

CAT = "the cat sat on the mat today"


def test_equal_sentences_score_one():
    assert bleu4([CAT], [[CAT]]) == pytest.approx(1)
    assert bleu4([CAT], [["something else entirely", CAT]]) == pytest.approx(1)


def test_one_wrong_word_by_hand():
    # Of seven words the fourth is wrong: 6/7 words match, 4/6 pairs, 2/5 triples, 0/4 quadruples.
    # Only the last is smoothed, to 0.1/4.
    expected = math.exp(sum(map(math.log, (6 / 7, 4 / 6, 2 / 5, 0.1 / 4))) / 4)
    assert bleu4(["the cat sat at the mat today"], [[CAT]]) == pytest.approx(expected)


def test_a_short_sentence_is_punished():
    # Every group of words matches, but there are five words instead of seven.
    assert bleu4(["the cat sat on the"], [[CAT]]) == pytest.approx(math.exp(1 - 7 / 5))


def test_a_sentence_without_a_right_word_scores_nothing():
    assert bleu4([""], [[CAT]]) == 0
    assert bleu4(["dogs never do"], [[CAT]]) == 0


def test_sentences_may_come_in_any_collection():
    assert bleu4({"a": CAT}.values(), [{CAT}]) == 1


def test_counts_are_taken_over_all_sentences():
    both = bleu4([CAT, "a b c d e"], [[CAT], ["v w x y z"]])
    expected = math.exp(sum(map(math.log, (7 / 12, 6 / 10, 5 / 8, 4 / 6))) / 4)
    assert both == pytest.approx(expected)


def test_bleu_of_one_to_four_words_by_hand():
    shares = (6 / 7, 4 / 6, 2 / 5, 0.1 / 4)
    expected = [math.exp(sum(map(math.log, shares[:n])) / n) for n in range(1, 5)]
    assert bleu(["the cat sat at the mat today"], [[CAT]]) == pytest.approx(expected)


# By COCO's own evaluation: pycocoevalcap 1.2.
SAID = ["a cat sits on the mat", "two dogs run on the green grass", "a man", "", "a a a a dog"]
TOLD = [
    ["a cat sat on the mat", "the cat is on a red mat"],
    ["two dogs are running on grass", "dogs run on the green grass today"],
    ["a man rides a wave on his board"],
    ["a boat"],
    ["a dog", "a small dog barks"],
]
CIDER = (2.64154321, 4.93789004, 1.25856877, 0, 1.95512795)


def test_cider_is_that_of_coco():
    assert cider(SAID, TOLD) == pytest.approx(sum(CIDER) / 5)
    assert cider(SAID[:2], TOLD[:2]) == pytest.approx(3.8128334620469837)


def test_cider_tells_pictures_apart_or_says_nothing():
    assert cider([CAT], [[CAT]]) == 0
    assert cider([CAT, "a b c d"], [[CAT], ["a b c d"]]) == pytest.approx(10)
    assert cider([CAT, CAT], [[CAT], [CAT]]) == 0
