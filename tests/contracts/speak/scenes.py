"""Contracts of the captioned scenes."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import numpy as np
from sklearn.decomposition import PCA

from cs231n_lib.speak.scenes import (
    Description,
    Scene,
    Thing,
    check_scenes,
    describe_pictures,
    draw,
    load,
    sample_scenes,
    split_descriptions,
)
from tests.contracts import Contract, Refusal


def scenes(count: int = 2) -> list[Scene]:
    things = Thing("large", "red", "circle"), Thing("small", "blue", "star")
    description = Description(things[0], "above", things[1])
    return [Scene(description, seed) for seed in range(count)]


def scene_data() -> dict[str, Any]:
    """A small data set of scenes, as :func:`cs231n_lib.speak.scenes.load` makes it."""
    return copy.deepcopy(_data())


@cache
def _data() -> dict[str, Any]:
    return load(num_train=32, num_val=1, num_test=1)


def _thing() -> dict[str, Any]:
    return {"size": "large", "colour": "red", "shape": "star"}


_REFUSES_SCENES = (
    Refusal(
        "one scene instead of a list", lambda a: {"scenes": a["scenes"][0]},
        TypeError, "scenes is a Scene, expected a list",
    ),
    Refusal(
        "captions instead of scenes", {"scenes": ["a red circle"]},
        TypeError, "expected a Scene, given a str",
    ),
    Refusal(
        "an array of pictures", {"scenes": np.zeros((2, 96, 96, 3), np.uint8)},
        TypeError, "scenes is a ndarray, expected a list",
    ),
)  # fmt: skip


def _refuses_count(name: str, least: int = 1) -> tuple[Refusal, ...]:
    return (
        Refusal(
            f"no pictures: {name} of zero", {name: 0},
            ValueError, f"{name} is 0, expected at least {least}",
        ),
        Refusal(
            f"a number of pictures that is not whole: {name}", {name: 40.0},
            TypeError, f"{name} is 40.0, expected a whole number",
        ),
    )  # fmt: skip


CONTRACTS = (
    Contract(
        Thing,
        _thing,
        (
            Refusal("a size that does not exist", {"size": "huge"}, ValueError, "size is 'huge'"),
            Refusal("a colour that does not exist", {"colour": "mauve"}, ValueError, "'mauve'"),
            Refusal(
                "a shape that cannot be drawn", {"shape": "moon"},
                ValueError, r"shape is 'moon', expected one of \['circle'",
            ),
        ),
    ),
    Contract(
        Description,
        lambda: {"first": Thing(**_thing()), "relation": "above", "second": Thing(**_thing())},
        (
            Refusal(
                "a relation that does not exist", {"relation": "inside"},
                ValueError, r"relation is 'inside', expected one of \['above'",
            ),
            Refusal(
                "words instead of the first thing", {"first": "a small blue star"},
                TypeError, "^Description: first is a str, expected a Thing",
            ),
            Refusal(
                "words instead of the second thing", {"second": "a small blue star"},
                TypeError, "^Description: second is a str, expected a Thing",
            ),
        ),
    ),
    Contract(
        Scene,
        lambda: {"description": scenes()[0].description, "seed": 0},
        (
            Refusal(
                "a caption instead of a description", {"description": "a red circle"},
                TypeError, "^Scene: description is a str, expected a Description",
            ),
            Refusal("a negative seed", {"seed": -1}, ValueError, "seed is -1, expected at least 0"),
            Refusal("no seed", {"seed": None}, TypeError, "seed is None, expected a whole number"),
        ),
    ),
    Contract(check_scenes, lambda: {"function": "f", "scenes": scenes()}, _REFUSES_SCENES),
    Contract(split_descriptions, dict),
    Contract(
        sample_scenes,
        lambda: {"split": "val", "count": 3, "seed": 1},
        (
            Refusal(
                "a split that does not exist", {"split": "dev"},
                ValueError, r"split is 'dev', expected one of \['train', 'val', 'test'\]",
            ),
            *_refuses_count("count"),
            Refusal("a negative seed", {"seed": -1}, ValueError, "seed is -1, expected at least 0"),
            Refusal("no seed", {"seed": None}, TypeError, "seed is None, expected a whole number"),
        ),
    ),
    Contract(
        draw,
        lambda: {"scene": scenes()[0], "scale": 1},
        (
            Refusal("a scale of zero", {"scale": 0}, ValueError, "scale is 0, expected at least 1"),
            Refusal(
                "a scale that is not whole", {"scale": 1.5},
                TypeError, "scale is 1.5, expected a whole number",
            ),
            Refusal(
                "a caption instead of a scene", {"scene": "a red circle"},
                TypeError, "expected a Scene, given a str",
            ),
        ),
    ),
    Contract(
        describe_pictures,
        lambda: {"scenes": scenes(32)},
        (
            *_REFUSES_SCENES,
            Refusal("no scenes", {"scenes": []}, ValueError, "scenes is empty, expected at least"),
            Refusal(
                "too few scenes to fit a projection", {"scenes": scenes(31)},
                ValueError, "31 scenes, expected at least 32 to fit a projection to",
            ),
            Refusal(
                "a projection that was not fitted", lambda a: {"projection": PCA(32)},
                TypeError, "projection is PCA.* expected the one of an earlier call",
            ),
            Refusal(
                "a projection of something else",
                lambda a: {"projection": PCA(2).fit(np.random.default_rng(0).random((5, 3)))},
                TypeError, r"components of shape \(2, 3\), expected the one of an earlier call",
            ),
        ),
    ),
    Contract(
        load,
        lambda: {"num_train": 32, "num_val": 1, "num_test": 1},
        (
            *_refuses_count("num_train", 32),
            *_refuses_count("num_val"),
            *_refuses_count("num_test"),
            Refusal("a negative seed", {"seed": -1}, ValueError, "seed is -1, expected at least 0"),
        ),
    ),
)  # fmt: skip
