"""The captioned scenes: what is drawn is what is said, and what is held out stays unseen."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from cs231n_lib.speak import scenes as module
from cs231n_lib.speak.scenes import (
    COLOURS,
    RELATIONS,
    SHAPES,
    SIZES,
    Description,
    Scene,
    Thing,
    deal,
    draw,
    paint,
    places,
    put,
    sample_scenes,
    split_descriptions,
)
from tests.looks import assert_looks_like

SCENES = sample_scenes("train", 150, seed=3)

# Mean colours of 6 x 6 fields. What the network reads must be the same scenes tomorrow.
LOOKS = {
    "a large red circle above a small blue star": [
        "#e5d4d9 #e2d4df #ded5e4 #dbd5e9 #d7d5ef #d4d6f4",
        "#e6d2dc #e3d3e1 #dba7b7 #d47788 #d9cbe5 #d7d5f4",
        "#e7d1df #e4d2e3 #d14553 #cd222e #d28ea4 #dad4f3",
        "#e7d0e2 #e5d0e5 #dc9cb1 #cf6476 #d9c2dd #ded3f3",
        "#e8cee4 #e7cfe7 #e5d0ea #b9b5e4 #c0bae6 #e1d2f3",
        "#e9cde7 #e8cde9 #e7ceec #b9b1e2 #bdb4e3 #e4d1f3",
    ],
    "a large green square below a small pink cross": [
        "#e5d4d9 #e2d4df #ded5e4 #dbd5e9 #d7d5ef #d4d6f4",
        "#e6d2dc #e3d3e1 #e2cfe3 #eab1d5 #d9d3ee #d7d5f4",
        "#e7d1df #e4d2e3 #e4c9e1 #e6a8cd #dbd1ec #dad4f3",
        "#e7d0e2 #e5d0e5 #e1d0e6 #96b8a7 #86b29b #dcd2f2",
        "#e8cee4 #e7cfe7 #e5cfea #2f9447 #299242 #d6cbe8",
        "#e9cde7 #e8cde9 #e7ceec #81ab91 #85ac96 #d8cbe7",
    ],
    "a large black triangle left of a large yellow star": [
        "#e5d4d9 #e2d4df #ded5e4 #dbd5e9 #d7d5ef #d4d6f4",
        "#e6d2dc #e3d3e1 #e0d3e6 #ddd4ea #dad4ef #d7d5f4",
        "#e7d1df #8b808f #bbaec2 #dfd3eb #ddd3ea #dad4f3",
        "#e3cbdd #34313e #4b4655 #e1cfcf #f3d56d #e3d1b8",
        "#e6cce3 #dfc8df #e4cee9 #e4d0e9 #f2d25c #e3ceb4",
        "#e9cde7 #e8cde9 #e7ceec #e6cfee #e4ceec #e4d0f2",
    ],
    "a large purple cross right of a small orange circle": [
        "#e5d4d9 #e2d4df #ded5e4 #dbd5e9 #d7d5ef #d4d6f4",
        "#e6d2dc #e3d3e1 #e0d3e6 #ddd4ea #dad4ef #d7d5f4",
        "#e7d1df #e6c8cc #e4c7cc #dfd2eb #d0bee6 #dad4f3",
        "#e7d0e2 #efa479 #e89967 #ccb0de #7e3cae #b99ad9",
        "#e8cee4 #e6cee7 #e3cee8 #bb95d3 #813fb1 #b999d3",
        "#e9cde7 #e8cde9 #e7ceec #e6cfee #cfb1e0 #e1ccef",
    ],
}


def things_of(scene: Scene):
    return scene.description.first, scene.description.second


def pixels_of(scene: Scene, colour: str) -> np.ndarray:
    """Rows and columns (P, 2) of the pixels that are close to a colour's, shadows excluded."""
    distance = np.abs(draw(scene, scale=2).astype(int) - np.array(COLOURS[colour])).max(axis=2)
    return np.argwhere(distance <= 12)


def test_splits_share_no_scene_and_are_always_the_same():
    splits = split_descriptions()
    sizes = {name: len(descriptions) for name, descriptions in splits.items()}
    assert sizes == {"train": 10_240, "val": 1_280, "test": 1_280}
    told = {
        name: {str(way) for d in descriptions for way in (d, d.converse())}
        for name, descriptions in splits.items()
    }
    assert not told["train"] & told["val"]
    assert not told["train"] & told["test"]
    assert not told["val"] & told["test"]
    assert splits == split_descriptions()


def test_a_tenth_is_dealt_to_validate_and_a_tenth_to_test_with():
    dealt = deal(list(range(25)))
    assert {name: len(part) for name, part in dealt.items()} == {"train": 21, "val": 2, "test": 2}
    assert sorted(itertools.chain(*dealt.values())) == list(range(25)) and dealt == deal(
        list(range(25))
    )


def test_every_relation_size_colour_and_shape_occurs_in_every_split():
    for descriptions in split_descriptions().values():
        assert {d.relation for d in descriptions} == set(RELATIONS)
        for attribute, words in (("size", SIZES), ("colour", COLOURS), ("shape", SHAPES)):
            for place in ("first", "second"):
                said = {getattr(getattr(d, place), attribute) for d in descriptions}
                assert said == set(words)


def test_the_larger_thing_is_named_first_else_the_left_or_upper_one():
    for descriptions in split_descriptions().values():
        for d in descriptions:
            if d.first.size == d.second.size:
                assert d.relation in ("above", "left of")
            else:
                assert d.first.size == "large"


def test_sampling_repeats_with_a_seed_and_differs_without():
    assert sample_scenes("val", 20, seed=1) == sample_scenes("val", 20, seed=1)
    assert sample_scenes("val", 20, seed=1) != sample_scenes("val", 20, seed=2)
    assert sample_scenes("val", 20, seed=1) != sample_scenes("test", 20, seed=1)


def test_a_fact_is_told_from_the_side_from_which_training_tells_it():
    for scene in SCENES:
        told = scene.description
        assert told.as_trained() == told.converse().as_trained() == told


@pytest.mark.parametrize(
    ("relation", "first", "second"),
    [
        ("above", "a large red star above a small pink cross", "below"),
        ("below", "a large red star below a small pink cross", "above"),
        ("left of", "a large red star left of a small pink cross", "right of"),
        ("right of", "a large red star right of a small pink cross", "left of"),
    ],
)
def test_both_captions_say_the_same_from_either_side(relation, first, second):
    things = Thing("large", "red", "star"), Thing("small", "pink", "cross")
    scene = Scene(Description(things[0], relation, things[1]), seed=0)
    assert scene.captions == (first, f"a small pink cross {second} a large red star")
    assert scene.description.converse().converse() == scene.description


@pytest.mark.parametrize("scale", [1, 3])
def test_pictures_have_the_promised_form_and_repeat(scale):
    picture = draw(SCENES[0], scale)
    assert picture.shape == (96 * scale, 96 * scale, 3)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, draw(SCENES[0], scale))
    assert (picture != draw(SCENES[1], scale)).any()


@pytest.mark.parametrize("caption", LOOKS)
def test_a_scene_is_drawn_as_it_was(caption):
    relation = next(name for name in RELATIONS if f" {name} " in caption)
    first, second = (
        Thing(*words.strip().removeprefix("a ").split()) for words in caption.split(relation)
    )
    assert_looks_like(draw(Scene(Description(first, relation, second), seed=7)), LOOKS[caption])


def test_a_larger_print_shows_the_same_picture():
    for scene in SCENES[:10]:
        small, large = draw(scene).astype(float), draw(scene, 4).astype(float)
        shrunk = large.reshape(96, 4, 96, 4, 3).mean(axis=(1, 3))
        assert np.abs(small - shrunk).mean() < 2


def test_the_things_are_where_the_description_says():
    looked_at = 0
    for scene in SCENES:
        first, second = things_of(scene)
        if first.colour == second.colour:
            continue
        a, b = pixels_of(scene, first.colour), pixels_of(scene, second.colour)
        (row_a, column_a), (row_b, column_b) = a.mean(axis=0), b.mean(axis=0)
        down, right = row_b - row_a, column_b - column_a
        found = {
            "above": down > abs(right),
            "below": -down > abs(right),
            "left of": right > abs(down),
            "right of": -right > abs(down),
        }
        assert [name for name, true in found.items() if true] == [scene.description.relation]
        looked_at += 1
    assert looked_at > 100


def test_a_thing_is_where_its_place_says_and_reaches_as_far_as_its_radius():
    looked_at = 0
    for scene in SCENES:
        things = things_of(scene)
        if things[0].colour == things[1].colour:
            continue
        for thing, (x, y, radius) in zip(things, places(scene), strict=True):
            rows, columns = pixels_of(scene, thing.colour).T / 2
            away = np.hypot(rows - y, columns - x)
            assert 0.8 * radius < away.max() < 1.2 * radius + 2
            looked_at += 1
    assert looked_at > 200


def test_other_things_can_be_put_elsewhere_in_a_scene():
    other = Thing("small", "blue", "cross")
    scene = next(s for s in SCENES if s.description.second.size == "large")
    own = things_of(scene)
    ground, (_, (mask, colours, (_, _, radius))) = paint(scene, (own[0], other), 2)
    assert ground.shape == (192, 192, 3) and ground.min() > 190
    assert radius == 11  # the middle one of small things
    picture = ground.copy()
    put(picture, mask, colours, (70, 20), 2)
    r, g, b = picture[40, 140]
    assert b > 190 and max(r, g) < 100
    changed = np.argwhere((picture != ground).any(axis=2)) / 2 - (20, 70)
    assert 0.8 * radius < np.abs(changed).max() < 1.3 * radius + 3  # and its shadow


def test_large_things_cover_more_than_small_ones_of_the_same_shape():
    areas = {}
    for scene in sample_scenes("train", 600, seed=5):
        first, second = things_of(scene)
        if first.colour != second.colour:
            for thing in (first, second):
                area = len(pixels_of(scene, thing.colour))
                areas.setdefault((thing.shape, thing.size), []).append(area)
    for shape in SHAPES:
        assert min(areas[shape, "large"]) > max(areas[shape, "small"])


def test_no_thing_touches_the_border():
    for scene in SCENES:
        for thing in things_of(scene):
            places = pixels_of(scene, thing.colour)
            assert places.min() >= 2
            assert places.max() <= 2 * 96 - 3


@pytest.mark.parametrize("relation", RELATIONS)
def test_places_use_all_the_room_there_is_and_no_more(relation):
    """Of a radius of 10 and one of 20; 96 pixels, 3 to the border, 4 between."""
    rng = np.random.default_rng(0)
    places = np.array([module._place(rng, (10, 20), relation) for _ in range(3000)])
    down = int(relation in ("above", "below"))
    along, across = places[:, :, down], places[:, :, 1 - down]
    near, far = (1, 0) if relation in ("below", "right of") else (0, 1)
    radius = np.array([10, 20])
    assert (along[:, near] - radius[near]).min() == 3
    assert (along[:, far] + radius[far]).max() == 96 - 3
    distance = along[:, far] - along[:, near]
    assert distance.min() == 10 + 4 + 20
    assert (across - radius).min() == 3
    assert (across + radius).max() == 96 - 3
    assert (across[:, near] - radius[near]).min() == 3
    assert (across[:, near] + radius[near]).max() == 96 - 3
    aside = across[:, far] - across[:, near]
    for reach in (-aside, aside):
        assert (reach <= distance // 2).all()
        assert (reach == distance // 2).any()


def polygon(corners):
    """The area of a regular polygon whose corners are 1 from its middle."""
    return corners / 2 * np.sin(2 * np.pi / corners)


AREAS = {
    "circle": 0.94**2 * polygon(64),
    "square": 1.18**2 * polygon(4),
    "triangle": 1.12**2 * polygon(3),
    "cross": 4 * 0.72 * (1 - 0.36) + 0.72**2,
    "star": 1.14 * 0.5 * polygon(10),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("angle", [0, 12])
def test_a_shape_covers_its_area_around_its_middle(shape, angle):
    mask = module._mask(shape, 20, angle)
    assert (mask.shape, mask.dtype) == ((43, 43), np.float32)
    assert mask.min() == 0 and mask.max() == 1
    assert mask.sum() / 20**2 == pytest.approx(AREAS[shape], rel=0.03)
    place = np.arange(43) - 21
    for side in (mask.sum(axis=0), mask.sum(axis=1)):
        assert side @ place / mask.sum() == pytest.approx(0, abs=0.1)


def test_corners_of_a_polygon_begin_on_the_right_and_are_turned_to_below():
    right, below = [1, 0], [0, 1]
    np.testing.assert_allclose(module._polygon(np.array([1, 2]))[0], right, atol=1e-12)
    np.testing.assert_allclose(module._polygon(np.array([1, 2]))[1], [-2, 0], atol=1e-12)
    np.testing.assert_allclose(module._polygon(np.ones(4))[1], below, atol=1e-12)
    np.testing.assert_allclose(module._polygon(np.ones(3), turn=90)[0], below, atol=1e-12)


def test_a_shadow_lies_two_pixels_off_a_quarter_of_the_way_to_dark_grey(monkeypatch):
    """With squares of 3 x 3 pixels for both things, in a print of twice the size."""
    monkeypatch.setattr(module, "_place", lambda *_: [(20, 30), (60, 70)])
    scene, covers = SCENES[0], iter(np.float32([0, 0, 1, 1]))
    monkeypatch.setattr(module, "_mask", lambda *_: np.full((3, 3), next(covers)))
    bare, picture = draw(scene, scale=2), draw(scene, scale=2)
    ramp = np.linspace(1, 0, 192)[:, None]
    ramp = np.concatenate([ramp, 1 - ramp], axis=1)
    ground = np.einsum("yr,xc,rck->yxk", ramp, ramp, bare[::191, ::191].astype(float))
    expected = bare.copy()
    for thing, (x, y) in zip(things_of(scene), ((40, 60), (120, 140))):
        square = np.s_[y - 1 : y + 2, x - 1 : x + 2]
        colour = picture[y, x]
        assert np.abs(colour - np.float32(COLOURS[thing.colour])).max() <= 8
        expected[square] = colour
        shadow = np.s_[y + 3 : y + 6, x + 3 : x + 6]
        lost = ground[shadow] + 0.25 * (40 - ground[shadow]) - picture[shadow]
        assert lost.min() > -0.01 and lost.max() < 1.01  # numbers are cut to whole ones
        expected[shadow] = picture[shadow]
    np.testing.assert_array_equal(picture, expected)
