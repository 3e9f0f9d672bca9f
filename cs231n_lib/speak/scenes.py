"""Captioned scenes: pictures of two things, what can be said of them, and whether it is true.

A scene shows two things, each with a size, a colour and a shape, one above, below, left of or right
of the other. Because the scene is known, any sentence about it can be judged: true, or false and
where. Whole descriptions, not only pictures, are held out: no sentence that is true of a test
picture's two things in their order is ever read in training.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from cs231n_lib.progress import progress
from cs231n_lib.reproducible import choose_device
from cs231n_lib.see.pixels import normalize
from cs231n_lib.see.pretrained import squeezenet
from cs231n_lib.speak.captions import build_vocabulary, encode_captions
from cs231n_lib.validation import check_count

__all__ = [
    "COLOURS",
    "RELATIONS",
    "SHAPES",
    "SIZES",
    "Description",
    "Scene",
    "Thing",
    "check_scenes",
    "describe_pictures",
    "draw",
    "load",
    "sample_scenes",
    "split_descriptions",
]

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

PICTURE_SIZE = 96  # pixels a side; positions and radii below are in these pixels
_RADII = {"small": (10, 13), "large": (16, 20)}  # low <= radius < high
_MARGIN = 3  # pixels between a thing and the border
_GAP = 4  # pixels, at least, between two things
_ANGLES = (-12, -6, 0, 6, 12)  # degrees


def _check_word(kind: str, name: str, word: str, known: Iterable[str]) -> None:
    if word not in known:
        raise ValueError(f"{kind}: {name} is {word!r}, expected one of {list(known)}")


def _check_kind(whole: str, name: str, part: object, kind: type) -> None:
    if not isinstance(part, kind):
        raise TypeError(f"{whole}: {name} is a {type(part).__name__}, expected a {kind.__name__}")


@dataclass(frozen=True)
class Thing:
    """One thing in a scene, in words. Raises ValueError if a word is none of this module's."""

    size: str
    colour: str
    shape: str

    def __post_init__(self) -> None:
        for name, known in (("size", SIZES), ("colour", COLOURS), ("shape", SHAPES)):
            _check_word("Thing", name, getattr(self, name), known)

    def __str__(self) -> str:
        return f"a {self.size} {self.colour} {self.shape}"


@dataclass(frozen=True)
class Description:
    """What a scene shows: ``first`` is ``relation`` ``second``.

    Raises ValueError if there is no such relation, TypeError if there are no two things.
    """

    first: Thing
    relation: str
    second: Thing

    def __post_init__(self) -> None:
        _check_word("Description", "relation", self.relation, RELATIONS)
        _check_kind("Description", "first", self.first, Thing)
        _check_kind("Description", "second", self.second, Thing)

    def __str__(self) -> str:
        return f"{self.first} {self.relation} {self.second}"

    def converse(self) -> Description:
        """The same fact, told from the other side."""
        return Description(self.second, RELATIONS[self.relation], self.first)


@dataclass(frozen=True)
class Scene:
    """A description, and the seed of everything that it leaves open: places, angles, tints.

    Raises TypeError or ValueError if they are none.
    """

    description: Description
    seed: int

    def __post_init__(self) -> None:
        _check_kind("Scene", "description", self.description, Description)
        check_count("Scene", "seed", self.seed, least=0)

    @property
    def captions(self) -> tuple[str, str]:
        """Both true descriptions; the first is the one that training uses.

        It names the large thing first, or, of two things of one size, the left or upper one. A
        rule is needed: were the order a coin toss, no network could foresee the first noun.
        """
        return str(self.description), str(self.description.converse())


def check_scenes(function: str, scenes: Sequence[Scene]) -> None:
    """Raise TypeError unless ``scenes`` is a list or another sequence of scenes."""
    if not isinstance(scenes, Sequence):
        raise TypeError(f"{function}: scenes is a {type(scenes).__name__}, expected a list")
    for scene in scenes:
        if not isinstance(scene, Scene):
            raise TypeError(f"{function}: expected a Scene, given a {type(scene).__name__}")


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
        if (first.size, second.size) == ("large", "small")
        or (first.size == second.size and relation in ("above", "left of"))
    ]
    order = np.random.default_rng(0).permutation(len(everything))
    tenth = len(everything) // 10
    val, test, train = np.split(order, [tenth, 2 * tenth])
    return {
        name: [everything[i] for i in indices]
        for name, indices in (("train", train), ("val", val), ("test", test))
    }


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

    Raises
    ------
    TypeError, ValueError
        If there is no such split, ``count`` is no positive integer, or ``seed`` a negative one.
    """
    check_count("sample_scenes", "count", count)
    check_count("sample_scenes", "seed", seed, least=0)
    descriptions = split_descriptions()
    if split not in descriptions:
        raise ValueError(f"sample_scenes: split is {split!r}, expected one of {list(descriptions)}")
    pool = descriptions[split]
    rng = np.random.default_rng([seed, list(descriptions).index(split)])
    which = rng.integers(len(pool), size=count)
    seeds = rng.integers(2**63, size=count)
    return [Scene(pool[i], int(s)) for i, s in zip(which, seeds)]


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

    Raises
    ------
    TypeError, ValueError
        If ``scene`` is no scene, or ``scale`` no positive integer.
    """
    check_scenes("draw", [scene])
    check_count("draw", "scale", scale)
    rng = np.random.default_rng(scene.seed)
    things = (scene.description.first, scene.description.second)
    radii = [int(rng.integers(*_RADII[thing.size])) for thing in things]
    centres = _place(rng, radii, scene.description.relation)

    side = PICTURE_SIZE * scale
    corners = rng.integers(205, 246, size=(2, 2, 3)) + rng.integers(-10, 11, size=3)
    ramp = np.linspace(0, 1, side, dtype=np.float32)
    ramp = np.stack([1 - ramp, ramp], axis=1)
    # Between the colours of the four corners, linear in each direction.
    picture = (ramp @ (ramp @ corners.astype(np.float32)).reshape(2, -1)).reshape(side, side, 3)

    for thing, radius, (x, y) in zip(things, radii, centres):
        angle = int(rng.choice(_ANGLES))
        colour = np.float32(COLOURS[thing.colour]) + rng.integers(-8, 9, size=3)
        mask = _mask(thing.shape, radius * scale, angle)
        for shift, paint, strength in ((2 * scale, 40, 0.25), (0, colour, 1)):  # shadow, thing
            row, column = (v * scale + shift - mask.shape[0] // 2 for v in (y, x))
            patch = picture[row : row + mask.shape[0], column : column + mask.shape[1]]
            patch += strength * mask[: patch.shape[0], : patch.shape[1], None] * (paint - patch)
    return picture.clip(0, 255).astype(np.uint8)


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


_FIELDS = 6  # the network's map is averaged over 6 x 6 fields
_CHANNELS = 32  # of the map's 128 channels, so many principal components are kept
_BATCH = 12  # pictures at a time: few, so that what becomes of them stays in the cache


def describe_pictures(
    scenes: Sequence[Scene], projection: PCA | None = None
) -> tuple[np.ndarray, PCA]:
    """Features of scenes: what the first layers of SqueezeNet see in them, and where.

    Each picture becomes 6 x 6 fields with 32 numbers a field: the output of ``features[:5]``,
    averaged over the field and reduced from 128 channels by principal component analysis.

    Parameters
    ----------
    scenes : sequence of Scene
        P of them.
    projection : sklearn.decomposition.PCA, optional
        Of an earlier call. Without it, one is fitted to the first 2,000 of the scenes.

    Returns
    -------
    features : (P, 1152) float32
        Of mean about 0 and standard deviation about 1.
    projection : sklearn.decomposition.PCA
        For the next call, so that held-out pictures are described as training pictures are.

    Raises
    ------
    TypeError, ValueError
        If there are no scenes, too few (32) to fit a projection to, or anything else among them,
        or ``projection`` is none of an earlier call.
    """
    check_scenes("describe_pictures", scenes)
    if not scenes:
        raise ValueError("describe_pictures: scenes is empty, expected at least one")
    if projection is None and len(scenes) < _CHANNELS:
        raise ValueError(
            f"describe_pictures: {len(scenes)} scenes, expected at least {_CHANNELS} "
            "to fit a projection to"
        )
    components = np.shape(getattr(projection, "components_", ()))
    if projection is not None and components != (_CHANNELS, 128):
        raise TypeError(
            f"describe_pictures: projection is {projection!r} with components of shape "
            f"{components}, expected the one of an earlier call"
        )
    device = choose_device()
    network = squeezenet().features[:5].to(device, memory_format=torch.channels_last)
    network[1].inplace = True  # the ReLU's input, the largest array of all, is of no further use
    maps = np.empty((len(scenes), _FIELDS**2, 128), dtype=np.float32)
    # One thread: more gain little on arrays so small, and wait for each other on a busy machine.
    with torch.inference_mode(), threadpool_limits(1):
        for start in progress(range(0, len(scenes), _BATCH), "drawing and describing"):
            pictures = np.stack([draw(scene) for scene in scenes[start : start + _BATCH]])
            x = torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2)
            y = network(normalize(x / 255))  # the layout in memory stays channels last
            y = torch.nn.functional.adaptive_avg_pool2d(y, _FIELDS)
            maps[start : start + _BATCH] = y.flatten(2).mT.cpu().numpy()
    if projection is None:
        sample = maps[:2000].reshape(-1, maps.shape[-1])
        projection = PCA(_CHANNELS, svd_solver="covariance_eigh").fit(sample)
    scale = np.sqrt(projection.explained_variance_.mean())
    features = projection.transform(maps.reshape(-1, maps.shape[-1])) / scale
    return features.reshape(len(scenes), -1).astype(np.float32), projection


def load(
    num_train: int = 30_000, num_val: int = 1_000, num_test: int = 1_000, seed: int = 0
) -> dict[str, Any]:
    """Draw scenes, describe them, and pack them as the course's loader packs COCO.

    Parameters
    ----------
    num_train, num_val, num_test : int
        Pictures in each split.
    seed : int
        Another seed, other scenes; which descriptions are held out stays the same.

    Returns
    -------
    dict
        A captioned data set, see :mod:`cs231n_lib.speak.captions`, with the splits ``train``, ``val``
        and ``test``. The images are scenes, one caption each: the first of their two.

    Raises
    ------
    TypeError, ValueError
        If a number of pictures is no positive integer, ``num_train`` is less than 32, to which the
        features are fitted, or ``seed`` is negative.
    """
    counts = {"num_train": num_train, "num_val": num_val, "num_test": num_test}
    for name, count in counts.items():
        check_count("load", name, count, least=_CHANNELS if name == "num_train" else 1)
    check_count("load", "seed", seed, least=0)
    everything = [str(told) for part in split_descriptions().values() for told in part]
    word_to_idx, idx_to_word = build_vocabulary(everything)
    length = max(len(sentence.split()) for sentence in everything) + 2
    data: dict[str, Any] = {"word_to_idx": word_to_idx, "idx_to_word": idx_to_word}
    projection = None
    for split, count in (("train", num_train), ("val", num_val), ("test", num_test)):
        scenes = sample_scenes(split, count, seed)
        features, projection = describe_pictures(scenes, projection)
        captions = encode_captions([scene.captions[0] for scene in scenes], word_to_idx, length)
        data |= {
            f"{split}_captions": captions,
            f"{split}_image_idxs": np.arange(count),
            f"{split}_features": features,
            f"{split}_images": scenes,
        }
    return data
