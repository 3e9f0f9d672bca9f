"""The judge: true sentences pass, and of false ones it names what is wrong."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs231n_lib.speak.scenes import (
    COLOURS,
    RELATIONS,
    SHAPES,
    SIZES,
    Description,
    Scene,
    Thing,
    sample_scenes,
)
from cs231n_lib.speak.truth import Mistake, count_mistakes, judge, share_true

SCENE = Scene(
    Description(Thing("large", "red", "circle"), "above", Thing("small", "blue", "star")), seed=0
)
WORDS = [*SIZES, *COLOURS, *SHAPES, "above", "below", "left", "right", "of", "a", "the", "and"]
WORDS += ["is", "to", "there", "thing", "<END>", "<UNK>"]
PHRASE = "a size, a colour or a shape"
RELATION = "one of above, below, left of, right of"


@pytest.mark.parametrize("scene", sample_scenes("test", 60, seed=2))
def test_both_captions_of_a_scene_are_true(scene):
    for sentence in scene.captions:
        assert judge(sentence, scene).true
        assert judge(sentence, scene).mistakes == ()


@pytest.mark.parametrize(
    "sentence",
    [
        "a large red circle above a small blue star",
        "a small blue star below a large red circle",
        "A large red circle is above a small blue star.",
        "a red large circle above the blue small star",
        "there is a red circle",
        "a star",
        "star",
        "a small thing below a circle",
        "a blue object",
        "a red circle and a star",
        "a star and a red circle",
        "a thing above a thing",
        "a small blue star is below a large red circle",
        "an object and the red shape",
        "There is a STAR.",
        "  there   is a red circle above a star ",
    ],
)
def test_true_sentences(sentence):
    assert judge(sentence, SCENE)


@pytest.mark.parametrize(
    ("sentence", "mistake"),
    [
        ("a small red circle above a small blue star", ("size", "first", "small", "large", 1)),
        ("a large pink circle above a small blue star", ("colour", "first", "pink", "red", 2)),
        ("a large red square above a small blue star", ("shape", "first", "square", "circle", 3)),
        ("a large red circle below a small blue star", ("relation", "", "below", "above", 4)),
        ("a large red circle left of a small blue star", ("relation", "", "left of", "above", 4)),
        ("a large red circle above a large blue star", ("size", "second", "large", "small", 6)),
        ("a large red circle above a small green star", ("colour", "second", "green", "blue", 7)),
        ("a large red circle above a small blue cross", ("shape", "second", "cross", "star", 8)),
        ("a small blue star above a large red circle", ("relation", "", "above", "below", 4)),
        ("a star is to the left of a circle", ("relation", "", "left of", "below", 5)),
        ("a green circle", ("colour", "first", "green", "red", 1)),
    ],
)
def test_one_wrong_word_is_one_mistake_in_its_place(sentence, mistake):
    verdict = judge(sentence, SCENE)
    assert not verdict.true
    assert verdict.mistakes == (Mistake(*mistake),)


@pytest.mark.parametrize(
    ("sentence", "word", "found", "expected"),
    [
        ("", 0, "the end", PHRASE),
        ("a", 1, "the end", PHRASE),
        ("a large red", 3, "the end", PHRASE),
        ("a large red circle above", 5, "the end", PHRASE),
        ("a large red circle above a small", 7, "the end", PHRASE),
        ("a large small circle", 2, "'small'", "one size, not two"),
        ("a red blue circle", 2, "'blue'", "one colour, not two"),
        ("a red circle on a star", 3, "'on'", RELATION),
        ("a red circle left a star", 3, "'left'", RELATION),
        ("a red circle above a star star", 6, "'star'", "the end"),
        ("a violet circle", 1, "'violet'", PHRASE),
        ("<UNK>", 0, "'<unk>'", PHRASE),
        ("above", 0, "'above'", PHRASE),
        (".", 0, "''", PHRASE),
        ("a red circle above", 4, "the end", PHRASE),
        ("a red circle and", 4, "the end", PHRASE),
        ("a red circle and above a star", 4, "'above'", PHRASE),
        ("a red circle above a star <END>", 6, "'<end>'", "the end"),
        ("a a red circle", 1, "'a'", PHRASE),
        ("a red circle. above a star", 2, "'circle.'", PHRASE),
        ("a red circle is to the star", 6, "'star'", RELATION),
    ],
)
def test_what_is_not_a_sentence_is_false_and_says_where_reading_stopped(
    sentence, word, found, expected
):
    verdict = judge(sentence, SCENE)
    assert not verdict
    (mistake,) = verdict.mistakes
    assert (mistake.attribute, mistake.word) == ("grammar", word)
    assert (mistake.place, mistake.true) == ("", "")
    assert str(mistake) == f"word {word + 1}: found {found}, expected {expected}"


def test_exactly_the_true_full_sentences_are_true():
    """Against a brute force that knows nothing of the parser: of all 25,600 full sentences
    about any two things, those and only those that are the scene's own captions are true."""
    things = [Thing(*words) for words in itertools.product(SIZES, COLOURS, SHAPES)]
    for scene in (SCENE, *sample_scenes("val", 2, seed=9)):
        true = {
            sentence
            for first, relation, second in itertools.product(things, RELATIONS, things)
            if judge(sentence := f"{first} {relation} {second}", scene)
        }
        assert true == set(scene.captions)


def swaps(scene):
    """Every caption of a scene with one word, or one relation, replaced by every other."""
    values = {"size": SIZES, "colour": tuple(COLOURS), "shape": SHAPES}
    for told in (scene.description, scene.description.converse()):
        for place in ("first", "second"):
            thing = getattr(told, place)
            start = 0 if place == "first" else len(f"{told.first} {told.relation}".split())
            for offset, (attribute, words) in enumerate(values.items(), start=1):
                true = getattr(thing, attribute)
                for said in words:
                    if said != true:
                        changed = replace(told, **{place: replace(thing, **{attribute: said})})
                        yield str(changed), Mistake(attribute, place, said, true, start + offset)
        for said in RELATIONS:
            if said != told.relation:
                mistake = Mistake("relation", "", said, told.relation, 4)
                yield str(replace(told, relation=said)), mistake


@pytest.mark.parametrize("scene", sample_scenes("train", 12, seed=7))
def test_any_word_of_a_caption_replaced_is_that_one_mistake(scene):
    assert scene.description.first != scene.description.second  # else "below" is as true as "above"
    looked_at = 0
    for sentence, mistake in swaps(scene):
        assert judge(sentence, scene).mistakes == (mistake,)
        looked_at += 1
    assert looked_at == 2 * (2 * (1 + 7 + 4) + 3)


def phrases(thing):
    """All that the grammar can truly say of one thing."""
    for noun in (thing.shape, "thing", "object", "shape"):
        for size, colour in itertools.product((thing.size, ""), (thing.colour, "")):
            for order in {(size, colour), (colour, size)}:
                yield " ".join(word for word in (*order, noun) if word)


@pytest.mark.parametrize(
    "scene",
    [
        SCENE,
        Scene(
            Description(Thing("small", "red", "star"), "left of", Thing("small", "red", "star")), 0
        ),
        *sample_scenes("test", 4, seed=11),
    ],
)
def test_partial_sentences_agree_with_all_that_can_truly_be_said(scene):
    """Against a list, made without the parser, of every true sentence in a plain form."""
    true = set()
    for told in (scene.description, scene.description.converse()):
        firsts, seconds = set(phrases(told.first)), set(phrases(told.second))
        true |= firsts
        for first, second in itertools.product(firsts, seconds):
            true |= {f"{first} {told.relation} {second}", f"{first} and {second}"}
    assert all(judge(sentence, scene) for sentence in true)

    rng = np.random.default_rng(0)
    things = [scene.description.first, scene.description.second]
    things += [Thing("small", "blue", "cross"), Thing("large", "red", "circle")]
    said = [phrase for thing in things for phrase in phrases(thing)]
    judged = {True: 0, False: 0}
    for first, second in rng.choice(said, size=(2_000, 2)):
        sentence = f"{first} {rng.choice([*RELATIONS, 'and'])} {second}"
        assert judge(sentence, scene).true == (sentence in true)
        judged[sentence in true] += 1
    assert min(judged.values()) > 100


@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join) | st.text(max_size=60))
def test_any_string_gets_a_verdict(sentence):
    verdict = judge(sentence, SCENE)
    assert verdict.true == (not verdict.mistakes)
    for mistake in verdict.mistakes:
        assert mistake.said
        assert 0 <= mistake.word <= len(sentence.split())


def test_a_mistake_reads_well():
    (mistake,) = judge("a large pink circle above a small blue star", SCENE).mistakes
    assert str(mistake) == "first colour: said 'pink', true is 'red'"
    (mistake,) = judge("a circle below a star", SCENE).mistakes
    assert str(mistake) == "relation: said 'below', true is 'above'"


def test_shares_and_counts():
    sentences = [
        "a large red circle above a small blue star",
        "a large red circle above a small pink cross",
        "a large pink circle above a small blue star",
        "nonsense",
    ]
    assert share_true(sentences, [SCENE] * 4) == 0.25
    assert count_mistakes(sentences, [SCENE] * 4) == {
        "second colour": 1,
        "second shape": 1,
        "first colour": 1,
        "grammar": 1,
    }
