"""Captioned scenes: pictures of two things, what can be said of them, and whether it is true.

A scene shows two things, each with a size, a colour and a shape, one above, below, left of or right
of the other; in those of :mod:`cs231n_lib.speak.nouns` a thing has a size and a name. Because the
scene is known, any sentence about it can be judged: true, or false and where. Whole descriptions,
not only pictures, are held out: no sentence that is true of a test picture's two things in their
order is ever read in training.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import ClassVar, TypeVar

import numpy as np
from PIL import Image, ImageDraw

from cs231n_lib.checks import Count, Instance, OneOf, check_fields, checked

__all__ = [
    "COLOURS",
    "RELATIONS",
    "SHAPES",
    "SIZES",
    "Description",
    "Scene",
    "Thing",
    "draw",
    "places",
    "sample_scenes",
    "split_descriptions",
]

T = TypeVar("T")

SIZES = ("large", "small")
COLOURS = {
    "red": (208, 38, 42),
    "orange": (240, 125, 20),
    "yellow": (250, 218, 45),
    "green": (44, 150, 62),
    "blue": (36, 90, 200),
    "purple": (124, 54, 168),
    "pink": (246, 140, 190),
    "black": (32, 32, 36),
}  # name -> red, green, blue, each from 0 to 255
SHAPES = ("circle", "square", "triangle", "cross", "star")
RELATIONS = {"above": "below", "below": "above", "left of": "right of", "right of": "left of"}

PICTURE_SIZE = 96  # pixels per side; positions and radii below are in these pixels
_RADII = {"small": (10, 13), "large": (16, 20)}  # low <= radius < high
_MARGIN = 3  # pixels between a thing and the border
_GAP = 4  # pixels, at least, between two things
_ANGLES = (-12, -6, 0, 6, 12)  # degrees


class _Thing:
    """Whatever can be in a scene.

    ``words`` are those that each of its attributes can have, in the order in which they are said:
    its size first, last what it is.
    """

    words: ClassVar[dict[str, tuple[str, ...]]]

    def __post_init__(self) -> None:
        check_fields(self, **{name: OneOf(words) for name, words in self.words.items()})

    def __str__(self) -> str:
        return " ".join(["a", *astuple(self)])

    def _paint(self, rng: np.random.Generator, radius: int) -> tuple[np.ndarray, np.ndarray]:
        """How much of each pixel it covers, (S, S) floats in [0, 1], and in which colours,
        (S, S, 3) or (3,) from 0 to 255."""
        raise NotImplementedError


@dataclass(frozen=True)
class Thing(_Thing):
    """One thing in a scene, in words. Raises ValueError if a word is not in this module's lists."""

    size: str
    colour: str
    shape: str

    words: ClassVar = {"size": SIZES, "colour": tuple(COLOURS), "shape": SHAPES}

    def _paint(self, rng: np.random.Generator, radius: int) -> tuple[np.ndarray, np.ndarray]:
        angle = int(rng.choice(_ANGLES))
        colour = np.float32(COLOURS[self.colour]) + rng.integers(-8, 9, size=3)
        return _mask(self.shape, radius, angle), colour


@dataclass(frozen=True)
class Description:
    """What a scene shows: ``first`` is ``relation`` ``second``.

    Raises ValueError if there is no such relation, TypeError if these are not two things.
    """

    first: _Thing
    relation: str
    second: _Thing

    def __post_init__(self) -> None:
        thing, relation = Instance(_Thing, "such as a Thing"), OneOf(tuple(RELATIONS))
        check_fields(self, first=thing, relation=relation, second=thing)

    def __str__(self) -> str:
        return f"{self.first} {self.relation} {self.second}"

    def converse(self) -> Description:
        """The same fact, told from the other side."""
        return Description(self.second, RELATIONS[self.relation], self.first)


@dataclass(frozen=True)
class Scene:
    """A description, and the seed of everything that it leaves open: places, angles, tints.

    Raises TypeError or ValueError if a field is of another kind, or the seed negative.
    """

    description: Description
    seed: int

    def __post_init__(self) -> None:
        check_fields(self, description=Instance(Description), seed=Count(least=0))

    @property
    def captions(self) -> tuple[str, str]:
        """Both true descriptions; the first is the one that training uses.

        It names the large thing first, or, of two things of one size, the left or upper one. A
        rule is needed: were the order a coin toss, no network could foresee the first noun.
        """
        return str(self.description), str(self.description.converse())


def split_descriptions() -> dict[str, list[Description]]:
    """Deal all 12,800 descriptions into training (80 %), validation (10 %) and test (10 %).

    Returns
    -------
    dict
        ``"train"``, ``"val"`` and ``"test"``, each a list. No description is in two lists, nor is
        its converse. Always the same.
    """
    things = [Thing(*words) for words in itertools.product(SIZES, COLOURS, SHAPES)]
    everything = [
        Description(first, relation, second)
        for first, relation, second in itertools.product(things, RELATIONS, things)
        if _is_first_told(first, relation, second)
    ]
    return _deal(everything)


def _deal(everything: list[T]) -> dict[str, list[T]]:
    """A tenth to validate with, a tenth to test with and the rest to train on: always the same."""
    order = np.random.default_rng(0).permutation(len(everything))
    tenth = len(everything) // 10
    val, test, train = np.split(order, [tenth, 2 * tenth])
    return {
        name: [everything[i] for i in indices]
        for name, indices in (("train", train), ("val", val), ("test", test))
    }


def _is_first_told(first: _Thing, relation: str, second: _Thing) -> bool:
    """Whether it is this way round that training tells a scene."""
    if first.size == second.size:
        return relation in ("above", "left of")
    return first.size == "large"


@checked(split=OneOf(("train", "val", "test")), count=Count(), seed=Count(least=0))
def sample_scenes(split: str, count: int, seed: int = 0) -> list[Scene]:
    """Draw scenes at random from one part of the descriptions.

    Parameters
    ----------
    split : {"train", "val", "test"}
    count : int
    seed : int

    Returns
    -------
    list of Scene
    """
    descriptions = split_descriptions()
    pool = descriptions[split]
    rng = np.random.default_rng([seed, list(descriptions).index(split)])
    which = rng.integers(len(pool), size=count)
    seeds = rng.integers(2**63, size=count)
    return [Scene(pool[i], int(s)) for i, s in zip(which, seeds)]


@checked(scene=Instance(Scene), scale=Count())
def draw(scene: Scene, scale: int = 1) -> np.ndarray:
    """Draw a scene.

    Parameters
    ----------
    scene : Scene
    scale : int
        1 for the 96 x 96 pixels that the network sees, more for a larger print of the same.

    Returns
    -------
    (96 * scale, 96 * scale, 3) uint8 in [0, 255]
    """
    rng = np.random.default_rng(scene.seed)
    things = (scene.description.first, scene.description.second)
    radii, centres = _layout(rng, scene.description)
    picture = _ground(rng, PICTURE_SIZE * scale)
    for thing, radius, centre in zip(things, radii, centres):
        _put(picture, *thing._paint(rng, radius * scale), centre, scale)
    return picture.clip(0, 255).astype(np.uint8)


def _ground(rng: np.random.Generator, side: int) -> np.ndarray:
    """Pale colours between those of four corners, linear in each direction: (S, S, 3) float32."""
    corners = rng.integers(205, 246, size=(2, 2, 3)) + rng.integers(-10, 11, size=3)
    ramp = np.linspace(0, 1, side, dtype=np.float32)
    ramp = np.stack([1 - ramp, ramp], axis=1)
    return (ramp @ (ramp @ corners.astype(np.float32)).reshape(2, -1)).reshape(side, side, 3)


def _put(
    picture: np.ndarray,
    mask: np.ndarray,
    colour: np.ndarray,
    centre: tuple[int, int],
    scale: int,
) -> None:
    """Paint a thing, and before it its shadow, into a picture; its centre is (x, y) at scale 1."""
    x, y = centre
    for shift, paint, strength in ((2 * scale, 40, 0.25), (0, colour, 1)):  # shadow, thing
        row, column = (v * scale + shift - mask.shape[0] // 2 for v in (y, x))
        patch = picture[row : row + mask.shape[0], column : column + mask.shape[1]]
        patch += strength * mask[: patch.shape[0], : patch.shape[1], None] * (paint - patch)


@checked(scene=Instance(Scene))
def places(scene: Scene) -> list[tuple[int, int, int]]:
    """Where the two things of a scene are.

    Returns
    -------
    list of two (int, int, int)
        Of the first and the second thing: column and row of its middle, and its radius, in the
        pixels of a picture of 96 x 96. Turned as it may be, a thing reaches at most a fifth of its
        radius beyond it.
    """
    radii, centres = _layout(np.random.default_rng(scene.seed), scene.description)
    return [(x, y, radius) for (x, y), radius in zip(centres, radii)]


def _layout(rng: np.random.Generator, told: Description) -> tuple[list[int], list[tuple[int, int]]]:
    """Radii and centres of both things, the first that a scene's random numbers decide."""
    radii = [int(rng.integers(*_RADII[thing.size])) for thing in (told.first, told.second)]
    return radii, _place(rng, radii, told.relation)


def _place(rng: np.random.Generator, radii: Sequence[int], relation: str) -> list[tuple[int, int]]:
    """Centres (x, y) of two things so that the relation is plain: along it at least twice as far
    apart as across it, and neither touching the other nor the border."""
    backwards = relation in ("below", "right of")
    r1, r2 = reversed(radii) if backwards else radii
    free = PICTURE_SIZE - 2 * (r1 + r2 + _MARGIN) - _GAP
    before, between = np.sort(rng.integers(0, free + 1, size=2))
    along1 = _MARGIN + r1 + before
    along2 = along1 + r1 + _GAP + (between - before) + r2
    across1 = rng.integers(_MARGIN + r1, PICTURE_SIZE - _MARGIN - r1 + 1)
    reach = (along2 - along1) // 2
    low = max(_MARGIN + r2, across1 - reach)
    high = min(PICTURE_SIZE - _MARGIN - r2, across1 + reach)
    across2 = rng.integers(low, high + 1)
    places = [(int(along1), int(across1)), (int(along2), int(across2))]
    if relation in ("above", "below"):
        places = [(x, y) for y, x in places]
    return places[::-1] if backwards else places


@lru_cache(maxsize=4096)
def _mask(shape: str, radius: int, angle: int) -> np.ndarray:
    """How much of every pixel a shape covers: a square array of floats in [0, 1]."""
    fine = 8  # draw eight times as large, then average
    side = 2 * radius + 3
    centre = fine * side / 2
    if shape == "circle":
        points = _polygon(np.full(64, 0.94))
    elif shape == "square":
        points = _polygon(np.full(4, 1.18), turn=45)
    elif shape == "triangle":
        points = _polygon(np.full(3, 1.12), turn=-90)
    elif shape == "star":
        points = _polygon(np.tile([1.14, 0.5], 5), turn=-90)
    else:  # a cross, its arms .36 wide on either side
        w = 0.36
        quarter = np.array([[w, -w], [1, -w], [1, w], [w, w]])
        turn = np.array([[0, 1], [-1, 0]])
        points = np.concatenate([quarter @ np.linalg.matrix_power(turn, k) for k in range(4)])
    radians = np.deg2rad(angle)
    rotation = [[np.cos(radians), np.sin(radians)], [-np.sin(radians), np.cos(radians)]]
    image = Image.new("L", (fine * side, fine * side))
    outline = centre + fine * radius * points @ np.array(rotation)
    ImageDraw.Draw(image).polygon([tuple(p) for p in outline], fill=255)
    return np.asarray(image.reduce(fine), dtype=np.float32) / 255


def _polygon(radii: np.ndarray, turn: float = 0) -> np.ndarray:
    angles = np.deg2rad(turn) + 2 * np.pi * np.arange(len(radii)) / len(radii)
    return radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
