"""Scenes of things with names: drawn as they are told, and whole pairs of names held out."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from cs231n_lib.speak import nouns as module
from cs231n_lib.speak.nouns import NOUNS, NamedThing, sample_noun_scenes, split_pairs
from cs231n_lib.speak.scenes import RELATIONS, SIZES, Description, Scene, draw
from cs231n_lib.speak.truth import Mistake, count_mistakes, judge, share_true

SCENES = sample_noun_scenes("train", 300, seed=3)
SCENE = Scene(
    Description(NamedThing("large", "guitar"), "above", NamedThing("small", "lemon")), seed=7
)


def nouns_of(scene: Scene) -> tuple[str, str]:
    return scene.description.first.noun, scene.description.second.noun


def test_there_are_two_hundred_words_each_with_a_picture_of_its_own():
    assert len(set(NOUNS)) == 200
    assert all(noun.isalpha() and noun.islower() and noun.isascii() for noun in NOUNS)
    masks, colours = zip(*(module._cut_out(noun, 48, False, 0) for noun in NOUNS))
    assert min(mask.mean() for mask in masks) > 0.1
    seen = np.array([(mask[..., None] * colour) for mask, colour in zip(masks, colours)])
    for one, two in itertools.combinations(range(200), 2):
        assert np.abs(seen[one] - seen[two]).mean() > 10, (NOUNS[one], NOUNS[two])


def test_splits_share_no_pair_and_are_always_the_same():
    splits = split_pairs()
    assert {name: len(pairs) for name, pairs in splits.items()} == {
        "train": 16_080, "val": 2_010, "test": 2_010,
    }  # fmt: skip
    all_pairs = {frozenset(pair) for pairs in splits.values() for pair in pairs}
    assert len(all_pairs) == 200 * 201 // 2
    assert splits == split_pairs()
    assert splits["test"][0] == ("eagle", "shark")


def test_every_noun_is_trained_beside_most_others_in_either_place():
    beside = Counter(noun for pair in split_pairs()["train"] for noun in set(pair))
    assert beside.keys() == set(NOUNS)
    assert min(beside.values()) > 140


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_scenes_are_of_the_pairs_of_their_split(split):
    pairs = {frozenset(pair) for pair in split_pairs()[split]}
    scenes = sample_noun_scenes(split, 400)
    assert all(frozenset(nouns_of(scene)) in pairs for scene in scenes)
    assert {scene.description.relation for scene in scenes} == set(RELATIONS)
    for place in ("first", "second"):
        assert {getattr(scene.description, place).size for scene in scenes} == set(SIZES)


def test_the_larger_thing_is_told_first_else_the_left_or_upper_one():
    for told in (scene.description for scene in SCENES):
        if told.first.size == told.second.size:
            assert told.relation in ("above", "left of")
        else:
            assert told.first.size == "large"
    ordered = sum(NOUNS.index(one) < NOUNS.index(two) for one, two in map(nouns_of, SCENES))
    assert 100 < ordered < 200, "the order of the nouns says nothing"


def test_sampling_repeats_with_a_seed_and_differs_without():
    assert sample_noun_scenes("val", 20, seed=1) == sample_noun_scenes("val", 20, seed=1)
    assert sample_noun_scenes("val", 20, seed=1) != sample_noun_scenes("val", 20, seed=2)
    assert sample_noun_scenes("val", 20, seed=1) != sample_noun_scenes("test", 20, seed=1)


def test_captions_say_the_same_from_either_side():
    assert SCENE.captions == (
        "a large guitar above a small lemon", "a small lemon below a large guitar",
    )  # fmt: skip


@pytest.mark.parametrize("scale", [1, 3])
def test_pictures_have_the_promised_form_and_repeat(scale):
    picture = draw(SCENE, scale)
    assert picture.shape == (96 * scale, 96 * scale, 3)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, draw(SCENE, scale))


def test_a_larger_print_shows_the_same_picture():
    for scene in SCENES[:10]:
        small, large = draw(scene).astype(float), draw(scene, 4).astype(float)
        assert np.abs(small - large.reshape(96, 4, 96, 4, 3).mean(axis=(1, 3))).mean() < 2


def test_a_named_thing_is_drawn_in_its_colours_where_its_scene_says():
    """A lemon is the only yellow thing beside a black ox, at its place, with its shadow."""
    for scene in SCENES[:40]:
        told = Description(
            NamedThing(scene.description.first.size, "lemon"),
            scene.description.relation,
            NamedThing(scene.description.second.size, "gorilla"),
        )
        picture = draw(Scene(told, scene.seed), scale=2).astype(int)
        yellow = np.argwhere((picture[..., 0] > 220) & (picture[..., 2] < 120))
        dark = np.argwhere(picture.max(axis=2) < 110)
        down, right = dark.mean(axis=0) - yellow.mean(axis=0)
        found = {
            "above": down > abs(right),
            "below": -down > abs(right),
            "left of": right > abs(down),
            "right of": -right > abs(down),
        }
        assert [name for name, true in found.items() if true] == [told.relation]


def test_a_picture_can_be_mirrored_and_turned():
    plain, colours = module._cut_out("guitar", 19, False, 0)
    assert plain.shape == (38, 38) and colours.shape == (38, 38, 3)
    assert plain.min() == 0 and plain.max() == 1
    mirrored, _ = module._cut_out("guitar", 19, True, 0)
    np.testing.assert_allclose(mirrored, plain[:, ::-1], atol=0.02)
    turned, _ = module._cut_out("guitar", 19, False, 12)
    assert np.abs(turned - plain).mean() > 0.02
    assert turned.sum() == pytest.approx(plain.sum(), rel=0.03)


@pytest.mark.parametrize(
    ("sentence", "mistake"),
    [
        ("a small guitar above a small lemon", ("size", "first", "small", "large", 1)),
        ("a large banjo above a small lemon", ("noun", "first", "banjo", "guitar", 2)),
        ("a large guitar left of a small lemon", ("relation", "", "left of", "above", 3)),
        ("a large guitar above a small pear", ("noun", "second", "pear", "lemon", 6)),
        ("a small lemon above a large guitar", ("relation", "", "above", "below", 3)),
    ],
)
def test_one_wrong_word_is_one_mistake_in_its_place(sentence, mistake):
    verdict = judge(sentence, SCENE)
    assert not verdict
    assert verdict.mistakes == (Mistake(*mistake),)


def test_captions_are_true_and_mistakes_are_counted():
    captions = [scene.captions for scene in SCENES]
    for told in zip(*captions):
        assert share_true(told, SCENES) == 1
    for sentence in ("a lemon", "a guitar above a thing", "There is a lemon below the guitar."):
        assert judge(sentence, SCENE)
    said = ["a large harp above a small lemon", "a large guitar above a large lime", "a red lemon"]
    assert count_mistakes(said, [SCENE] * 3) == {"grammar": 3}
    (mistake,) = judge("a red lemon", SCENE).mistakes
    assert str(mistake) == "word 2: found 'red', expected a size or a noun"


def test_exactly_the_true_full_sentences_are_true():
    nouns = ("guitar", "lemon", "pear")
    things = [NamedThing(size, noun) for size in SIZES for noun in nouns]
    true = {
        sentence
        for first, relation, second in itertools.product(things, RELATIONS, things)
        if judge(sentence := f"{first} {relation} {second}", SCENE)
    }
    assert true == set(SCENE.captions)
