"""Contracts of the captioned scenes."""

from __future__ import annotations

from typing import Any

import numpy as np

from cs231n_lib.speak.scenes import (
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
    Contract(paint, lambda: {"scene": scenes()[0], "things": [Thing(**_thing())] * 2, "scale": 1}),
    Contract(
        put,
        lambda: {
            "picture": np.ones((20, 20, 3)),
            "mask": np.ones((5, 5)),
            "colours": np.ones(3),
            "centre": (8, 9),
            "scale": 1,
        },
        changes={"picture": "the thing is put into it"},
    ),
    Contract(deal, lambda: {"everything": list(range(20))}),
)
