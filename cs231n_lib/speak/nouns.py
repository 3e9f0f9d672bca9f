"""Scenes of things with names: two of two hundred cut-out pictures, such as a guitar and a lemon.

They are described, drawn and judged like the scenes of :mod:`cs231n_lib.speak.scenes`; only
the things are others. What is held out are pairs of names: those of a test picture never meet in
training, though each has been seen beside many others.

The pictures are Fluent Emoji by Microsoft, under the MIT licence.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from cs231n_lib.checks import Count, OneOf, checked
from cs231n_lib.speak.scenes import (
    ANGLES,
    PICTURE_SIZE,
    RELATIONS,
    SIZES,
    AnyThing,
    Description,
    Scene,
    deal,
)

__all__ = ["NOUNS", "NamedThing", "sample_noun_scenes", "split_pairs"]

_FOLDER = Path(__file__).parent / "pictures"
_COLUMNS = 20  # pictures in a row of the sheet, each 96 pixels wide and high
NOUNS = tuple((_FOLDER / "nouns.txt").read_text(encoding="utf-8").split())


@dataclass(frozen=True)
class NamedThing(AnyThing):
    """One thing in a scene: its size and its name. Raises ValueError if either is unknown."""

    size: str
    noun: str

    words: ClassVar = {"size": SIZES, "noun": NOUNS}

    def paint(self, rng: np.random.Generator, radius: int) -> tuple[np.ndarray, np.ndarray]:
        mirrored, angle = bool(rng.integers(2)), int(rng.choice(ANGLES))
        return _cut_out(self.noun, radius, mirrored, angle)


def split_pairs() -> dict[str, list[tuple[str, str]]]:
    """Deal all 20,100 pairs of nouns into training (80 %), validation (10 %) and test (10 %).

    Returns
    -------
    dict
        ``"train"``, ``"val"`` and ``"test"``, each a list of pairs in the order of ``NOUNS``. No
        pair is in two lists. A pair can be of one noun twice. Always the same.
    """
    return deal(list(itertools.combinations_with_replacement(NOUNS, 2)))


@checked(split=OneOf(("train", "val", "test")), count=Count(), seed=Count(least=0))
def sample_noun_scenes(split: str, count: int, seed: int = 0) -> list[Scene]:
    """Draw scenes of named things at random, of the pairs of nouns of one split.

    Parameters
    ----------
    split : {"train", "val", "test"}
    count : int
    seed : int

    Returns
    -------
    list of Scene
        For :func:`cs231n_lib.speak.scenes.draw`. The things are :class:`NamedThing`. As in all
        scenes, the large thing is told first, or, of two of one size, the left or upper one.
    """
    splits, relations = split_pairs(), tuple(RELATIONS)
    pairs = splits[split]
    rng = np.random.default_rng([seed, list(splits).index(split)])
    which = rng.integers(len(pairs), size=count)
    sizes = rng.integers(len(SIZES), size=(count, 2))
    related = rng.integers(len(relations), size=count)
    seeds = rng.integers(2**63, size=count)
    scenes = []
    for i, two, relation, scene_seed in zip(which, sizes, related, seeds):
        first, second = (NamedThing(SIZES[k], noun) for k, noun in zip(two, pairs[i]))
        told = Description(first, relations[relation], second).as_trained()
        scenes.append(Scene(told, int(scene_seed)))
    return scenes


@lru_cache(maxsize=16384)
def _cut_out(noun: str, radius: int, mirrored: bool, angle: int) -> tuple[np.ndarray, np.ndarray]:
    """How much of every pixel a thing covers, (S, S) in [0, 1], and its colours, (S, S, 3)."""
    row, column = divmod(NOUNS.index(noun), _COLUMNS)
    x, y = column * PICTURE_SIZE, row * PICTURE_SIZE
    picture = _sheet().crop((x, y, x + PICTURE_SIZE, y + PICTURE_SIZE))
    if mirrored:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    # Turned at twice the size, then averaged.
    picture = picture.resize((4 * radius, 4 * radius), Image.Resampling.BICUBIC)
    picture = picture.rotate(angle, Image.Resampling.BICUBIC).reduce(2)
    pixels = np.asarray(picture, dtype=np.float32)
    return pixels[..., 3] / 255, pixels[..., :3]


@lru_cache(maxsize=1)
def _sheet() -> Image.Image:
    with Image.open(_FOLDER / "nouns.webp") as sheet:
        return sheet.convert("RGBA")
