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

from cs231n_lib.checks import Count, Each, Floats, Instance, OneOf, check_fields, checked

__all__ = [
    "ANGLES",
    "COLOURS",
    "PICTURE_SIZE",
    "RELATIONS",
    "SHAPES",
    "SIZES",
    "AnyThing",
    "Description",
    "Painted",
    "Scene",
    "Thing",
    "deal",
    "draw",
    "paint",
    "places",
    "put",
    "sample_scenes",
    "split_descriptions",
]

T = TypeVar("T")
Painted = tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray, tuple[int, int, int]]]]

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
ANGLES = (-12, -6, 0, 6, 12)  # degrees by which a thing may be turned


class AnyThing:
    """Whatever can be in a scene.

    ``words`` are those that each of its attributes can have, in the order in which they are said:
    its size first, last what it is.
    """

    words: ClassVar[dict[str, tuple[str, ...]]]

    def __post_init__(self) -> None:
        check_fields(self, **{name: OneOf(words) for name, words in self.words.items()})

    def __str__(self) -> str:
        return " ".join(["a", *astuple(self)])

    def paint(self, rng: np.random.Generator, radius: int) -> tuple[np.ndarray, np.ndarray]:
        """Paint it, turned and tinted at random.

        Returns
        -------
        mask : (S, S) floats in [0, 1]
            How much of each pixel it covers. Not to be changed.
        colours : (S, S, 3) or (3,) floats
            From 0 to 255. Not to be changed.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Thing(AnyThing):
    """One thing in a scene, in words. Raises ValueError if a word is not in this module's lists."""

    size: str
    colour: str
    shape: str

    words: ClassVar = {"size": SIZES, "colour": tuple(COLOURS), "shape": SHAPES}

    def paint(self, rng: np.random.Generator, radius: int) -> tuple[np.ndarray, np.ndarray]:
        angle = int(rng.choice(ANGLES))
        colour = np.float32(COLOURS[self.colour]) + rng.integers(-8, 9, size=3)
        return _mask(self.shape, radius, angle), colour


@dataclass(frozen=True)
class Description:
    """What a scene shows: ``first`` is ``relation`` ``second``.

    Raises ValueError if there is no such relation, TypeError if these are not two things.
    """

    first: AnyThing
    relation: str
    second: AnyThing

    def __post_init__(self) -> None:
        thing, relation = Instance(AnyThing, "such as a Thing"), OneOf(tuple(RELATIONS))
        check_fields(self, first=thing, relation=relation, second=thing)

    def __str__(self) -> str:
        return f"{self.first} {self.relation} {self.second}"

    def converse(self) -> Description:
        """The same fact, told from the other side."""
        return Description(self.second, RELATIONS[self.relation], self.first)

    def as_trained(self) -> Description:
        """The same fact, told from the side from which training tells it."""
        told = _is_first_told(self.first, self.relation, self.second)
        return self if told else self.converse()


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
    return deal(everything)


def deal(everything: list[T]) -> dict[str, list[T]]:
    """Deal a list into training (80 %), validation (10 %) and test (10 %).

    Returns
    -------
    dict
        ``"train"``, ``"val"`` and ``"test"``, each a list. Of the same list always the same.
    """
    order = np.random.default_rng(0).permutation(len(everything))
    tenth = len(everything) // 10
    val, test, train = np.split(order, [tenth, 2 * tenth])
    return {
        name: [everything[i] for i in indices]
        for name, indices in (("train", train), ("val", val), ("test", test))
    }


def _is_first_told(first: AnyThing, relation: str, second: AnyThing) -> bool:
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
    told = scene.description
    picture, painted = paint(scene, (told.first, told.second), scale)
    for mask, colours, (x, y, _) in painted:
        put(picture, mask, colours, (x, y), scale)
    return picture.clip(0, 255).astype(np.uint8)


@checked(scene=Instance(Scene), things=Each(Instance(AnyThing), 2), scale=Count())
def paint(scene: Scene, things: Sequence[AnyThing], scale: int = 1) -> Painted:
    """Paint the ground of a scene and, with nothing behind them, two things, its own or others.

    Parameters
    ----------
    scene : Scene
        Its seed decides on the ground, and how the things are turned and tinted.
    things : sequence of two AnyThing
        One of another size than the scene's own has the middle one of the radii of that size.
    scale : int
        As for :func:`draw`.

    Returns
    -------
    ground : (96 * scale, 96 * scale, 3) float32 in [0, 255]
    painted : list of two (mask, colours, (x, y, radius))
        As ``AnyThing.paint`` gives them, for :func:`put`; and the scene's places at scale 1.
    """
    rng = np.random.default_rng(scene.seed)
    own = (scene.description.first, scene.description.second)
    radii, centres = _layout(rng, scene.description)
    ground, painted = _ground(rng, PICTURE_SIZE * scale), []
    for thing, same, radius, (x, y) in zip(things, own, radii, centres):
        if thing.size != same.size:
            radius = sum(_RADII[thing.size]) // 2
        mask, colours = thing.paint(rng, radius * scale)
        painted.append((mask.copy(), colours.copy(), (x, y, radius)))  # masks are kept
    return ground, painted


def _ground(rng: np.random.Generator, side: int) -> np.ndarray:
    """Pale colours between those of four corners, linear in each direction: (S, S, 3) float32."""
    corners = rng.integers(205, 246, size=(2, 2, 3)) + rng.integers(-10, 11, size=3)
    ramp = np.linspace(0, 1, side, dtype=np.float32)
    ramp = np.stack([1 - ramp, ramp], axis=1)
    return (ramp @ (ramp @ corners.astype(np.float32)).reshape(2, -1)).reshape(side, side, 3)


@checked(
    picture=Floats("H W 3", half=False),
    mask=Floats("S S", half=False),
    centre=Each(Count(least=0), 2),
    scale=Count(),
)
def put(
    picture: np.ndarray,
    mask: np.ndarray,
    colours: np.ndarray,
    centre: tuple[int, int],
    scale: int = 1,
) -> None:
    """Put a thing, and before it its shadow, into a picture.

    Parameters
    ----------
    picture : (H, W, 3) floats
        It is changed.
    mask, colours : (S, S) and (S, S, 3) or (3,) floats
        As :func:`paint` gives them. All of the mask lies in the picture.
    centre : (int, int)
        Column and row of the thing's middle, at scale 1.
    scale : int
        Of picture and mask.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared; arrays of half precision are refused.
    """
    x, y = centre
    for shift, tones, strength in ((2 * scale, 40, 0.25), (0, colours, 1)):  # shadow, thing
        row, column = (v * scale + shift - mask.shape[0] // 2 for v in (y, x))
        patch = picture[row : row + mask.shape[0], column : column + mask.shape[1]]
        patch += strength * mask[: patch.shape[0], : patch.shape[1], None] * (tones - patch)


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
