"""BLEU-4, by a library, against values worked out by hand."""

from __future__ import annotations

import math

import pytest

from cs231n_lib.speak.metrics import bleu4

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
