"""Contracts of the captioned scenes."""

from __future__ import annotations

from typing import Any

from cs231n_lib.speak.scenes import (
    Description,
    Scene,
    Thing,
    draw,
    places,
    sample_scenes,
    split_descriptions,
)
from tests.contracts import Contract


def scenes(count: int = 2) -> list[Scene]:
    things = Thing("large", "red", "circle"), Thing("small", "blue", "star")
    description = Description(things[0], "above", things[1])
    return [Scene(description, seed) for seed in range(count)]


def _thing() -> dict[str, Any]:
    return {"size": "large", "colour": "red", "shape": "star"}


CONTRACTS = (
    Contract(Thing, _thing),
    Contract(
        Description,
        lambda: {"first": Thing(**_thing()), "relation": "above", "second": Thing(**_thing())},
    ),
    Contract(Scene, lambda: {"description": scenes()[0].description, "seed": 0}),
    Contract(split_descriptions, dict),
    Contract(sample_scenes, lambda: {"split": "val", "count": 3, "seed": 1}),
    Contract(draw, lambda: {"scene": scenes()[0], "scale": 1}),
    Contract(places, lambda: {"scene": scenes()[0]}),
)
