"""Paintings made by rules: styles to transfer.

The packages that this book installs contain no free painting. These four are drawn instead, each
with what makes a style: strokes, leading, lines or fans of a certain size, direction and colour.
Every function takes the side of the square and a seed, and returns the same picture for the same
seed. They are drawn larger and scaled down to smooth the edges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from cs231n_lib.checks import Count, checked

__all__ = ["PAINTINGS", "engraving", "stained_glass", "swirls", "waves"]

_LARGER = 3  # drawn three times as large, then scaled down

_painting = checked(size=Count(least=32, most=4096), seed=Count(least=0))


@_painting
def swirls(size: int = 256, seed: int = 0) -> np.ndarray:
    """A night sky in thick, curved brush strokes that follow the wind around a few stars.

    Strokes start all over the picture and run along a flow: a breeze, and a whirl around each star.
    A stroke takes its colour, slightly varied, from where it starts, thins towards its end, and is
    made of bristles, light on one side and dark on the other.

    Parameters
    ----------
    size : int
        Side of the square in pixels, from 32 to 4096.
    seed : int
        At least 0.

    Returns
    -------
    (size, size, 3) uint8 array
    """
    rng, side = np.random.default_rng(seed), _LARGER * size
    stars = np.array(
        [(0.74, 0.24), (0.30, 0.40), (0.60, 0.66), (0.10, 0.10), (0.14, 0.80), (0.93, 0.84)]
    )
    reach = np.array([0.16, 0.15, 0.12, 0.08, 0.10, 0.09])
    turn = np.array([1, -1, 1, -1, 1, -1]) * 3.0

    def flow(points: np.ndarray) -> np.ndarray:
        x, y = points[..., 0], points[..., 1]
        wind = np.stack([np.ones_like(x), 0.5 * np.cos(7 * x + 3 * y)], axis=-1)
        for star, r, strength in zip(stars, reach, turn):
            away = points - star
            near = np.exp(-(away**2).sum(axis=-1, keepdims=True) / (2 * r**2))
            around = np.stack([-away[..., 1], away[..., 0]], axis=-1)
            wind = wind + strength * near * around / r
        return wind / np.linalg.norm(wind, axis=-1, keepdims=True).clip(min=1e-9)

    def glow(points: np.ndarray) -> np.ndarray:
        distance = np.linalg.norm(points[:, None] - stars, axis=-1) / reach
        rings = np.exp(-(distance**2) * 1.6) + 0.35 * np.exp(-((distance - 1.35) ** 2) * 14)
        return rings.max(axis=1)

    sky = _palette("#0b1a46 #16357f #2a5fb0 #4f8fcb #8fbfd9")
    light = _palette("#9cc4c4 #d9c85a #f3b229 #fbe48a #fff6cf")
    image = Image.new("RGB", (side, side), "#12275e")
    draw = ImageDraw.Draw(image)
    for width, count in ((0.034, 700), (0.024, 1500), (0.018, 1500)):
        start = _spread(rng, count, margin=0.08)
        path = [start]
        for _ in range(14):
            path.append(path[-1] + 0.011 * flow(path[-1]))
        paths = np.stack(path, axis=1)
        bright = glow(start) + rng.normal(0, 0.09, len(start))
        bands = 0.5 + 0.5 * np.sin(9 * start[:, 1] + 4 * np.sin(4 * start[:, 0]))
        shade = (0.7 * bands + rng.normal(0.12, 0.2, len(start))).clip(0, 1)
        colours = np.where(
            bright[:, None] > 0.38,
            _pick(light, (bright - 0.3) / 0.75),
            _pick(sky, shade + 0.35 * bright.clip(0, 1)),
        )
        for line, colour in zip(paths, colours):
            _stroke(draw, rng, line * side, width * side * rng.uniform(0.7, 1.1), colour)
    return _finish(image, size)


@_painting
def stained_glass(size: int = 256, seed: int = 0) -> np.ndarray:
    """A window of coloured panes in dark leading, on rings around a bright middle.

    Panes are Voronoi cells: a pane consists of all places nearest to the same point. Where two
    points are almost equally near, there is lead.

    Parameters
    ----------
    size : int
        Side of the square in pixels, from 32 to 4096.
    seed : int
        At least 0.

    Returns
    -------
    (size, size, 3) uint8 array
    """
    from scipy.ndimage import gaussian_filter  # only here, and slow to load
    from scipy.spatial import cKDTree

    rng, side = np.random.default_rng(seed), _LARGER * size
    seeds, ring = [np.array([[0.5, 0.5]])], [np.zeros(1, int)]
    for k, count in enumerate((6, 12, 18, 24, 30, 36, 42)):
        radius = 0.11 * (k + 1)
        angle = 2 * np.pi * (np.arange(count) + 0.5 * (k % 2)) / count + rng.normal(0, 0.05, count)
        radii = radius + rng.normal(0, 0.010, count)
        seeds.append(0.5 + radii[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1))
        ring.append(np.full(count, k + 1))
    seeds, ring = np.concatenate(seeds), np.concatenate(ring)
    glass = [
        _palette(colours)
        for colours in (
            "#ffe9a0 #ffd75e",
            "#e8481f #f59a1f #c81d25",
            "#0f4fb5 #1c86c7 #0a2f86",
            "#f2b51d #e0761a #ffd75e",
            "#16803f #0f9c8a #3fae49",
            "#b3123a #7a1fa0 #d9383a",
            "#123a9c #0c2466 #1668b0",
            "#8a1538 #5b2a86 #b3123a",
        )
    ]
    colours = np.array([_pick(glass[k], rng.random(1))[0] for k in ring])

    pixels = _grid(side)
    wobble = gaussian_filter(rng.standard_normal((2, side, side)), (0, side / 60, side / 60))
    wobble *= 0.004 / wobble.std()
    (near, second), (pane, _) = (
        a.reshape(side, side, 2).transpose(2, 0, 1)
        for a in cKDTree(seeds).query(pixels + wobble.transpose(1, 2, 0).reshape(-1, 2), k=2)
    )
    streaks = gaussian_filter(rng.standard_normal((side, side)), (side / 130, side / 22))
    light = 1.06 - 3.2 * near + 0.10 * streaks / streaks.std()
    picture = colours[pane] * light[..., None] + 30 * (light[..., None] > 1.12)
    edge = second - near
    lead = np.array([24, 22, 30]) + 55 * np.exp(-((edge / 0.0035) ** 2))[..., None]
    picture = np.where(edge[..., None] < 0.014, lead, picture)
    return _finish(Image.fromarray(picture.clip(0, 255).astype(np.uint8)), size)


@_painting
def engraving(size: int = 256, seed: int = 0) -> np.ndarray:
    """A copper engraving: ink lines swell where it is dark and are crossed where it is darkest.

    Parameters
    ----------
    size : int
        Side of the square in pixels, from 32 to 4096.
    seed : int
        At least 0.

    Returns
    -------
    (size, size, 3) uint8 array
    """
    rng, side = np.random.default_rng(seed), _LARGER * size
    y, x = np.mgrid[:side, :side] / side
    relief = np.zeros((side, side))
    for kx, ky, phase in rng.normal(0, (1.5, 2.0, 9.0), (18, 3)):
        relief += np.cos(2 * np.pi * (kx * x + ky * y) + phase)
    relief /= np.abs(relief).max()
    down, right = np.gradient(relief, 1 / side)
    tone = (0.42 + 0.055 * (down - right)).clip(0.06, 0.78)
    lines = 0.5 + 0.5 * np.cos(2 * np.pi * 34 * (y + 0.16 * relief))
    crossed = 0.5 + 0.5 * np.cos(2 * np.pi * 30 * (0.8 * x + 0.6 * y + 0.10 * relief))
    ink = (lines < 1.15 * tone) | ((tone > 0.62) & (crossed < 1.6 * (tone - 0.58)))
    paper = np.array([243, 232, 208]) + 5 * rng.standard_normal((side, side, 1))
    picture = np.where(ink[..., None], np.array([27, 32, 52]), paper)
    return _finish(Image.fromarray(picture.clip(0, 255).astype(np.uint8)), size)


@_painting
def waves(size: int = 256, seed: int = 0) -> np.ndarray:
    """The Japanese pattern of sea waves: rows of fans, each covering the one behind it.

    Parameters
    ----------
    size : int
        Side of the square in pixels, from 32 to 4096.
    seed : int
        At least 0.

    Returns
    -------
    (size, size, 3) uint8 array
    """
    rng, side = np.random.default_rng(seed), _LARGER * size
    image = Image.new("RGB", (side, side), "#f4ead2")
    draw = ImageDraw.Draw(image)
    inks = _palette("#12315f #1d5a8c #2f8f9d #d8452f #12315f #1d4f86")
    radius = side / 9
    for row in range(-1, 22):
        for column in range(-1, 7):
            cx = (2 * column + row % 2) * radius + rng.normal(0, 0.012) * radius
            cy = (row + 1) * radius / 2
            ink = tuple(int(v) for v in inks[rng.integers(len(inks))])
            for k, share in enumerate((1.0, 0.86, 0.70, 0.54, 0.38, 0.22)):
                r = share * radius * (1 + rng.normal(0, 0.012))
                fill = ink if k % 2 == 0 else "#f4ead2"
                draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=fill)
    return _finish(image, size)


PAINTINGS: dict[str, Callable[[int, int], np.ndarray]] = {
    "swirls": swirls,
    "stained glass": stained_glass,
    "engraving": engraving,
    "waves": waves,
}


def _finish(image: Image.Image, size: int) -> np.ndarray:
    return np.array(image.resize((size, size), Image.Resampling.LANCZOS))


def _palette(colours: str) -> np.ndarray:
    return np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours.split()], float)


def _pick(palette: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Colours of a palette, blended, at places from 0 (first) to 1 (last)."""
    place = np.clip(where, 0, 1) * (len(palette) - 1)
    low = np.minimum(place.astype(int), len(palette) - 2)
    share = (place - low)[:, None]
    return (1 - share) * palette[low] + share * palette[low + 1]


def _spread(rng: np.random.Generator, count: int, margin: float) -> np.ndarray:
    """About ``count`` places, even over slightly more than the unit square, in random order."""
    cells = round(count**0.5)
    corner = np.stack(np.meshgrid(np.arange(cells), np.arange(cells)), axis=-1).reshape(-1, 2)
    places = (corner + rng.random(corner.shape)) / cells * (1 + 2 * margin) - margin
    return rng.permutation(places)


def _grid(side: int) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    return np.stack([x, y], axis=-1).reshape(-1, 2) / side


def _stroke(
    draw: ImageDraw.ImageDraw,
    rng: np.random.Generator,
    line: np.ndarray,
    width: float,
    colour: Sequence[float],
) -> None:
    """One brush stroke along a line: bristles side by side, lit from one side, thin at the end."""
    along = np.gradient(line, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    across /= np.linalg.norm(across, axis=1, keepdims=True).clip(min=1e-9)
    taper = np.sqrt(np.linspace(1, 0.12, len(line)))
    bristles = 7
    for k in range(bristles):
        at = (k + 0.5) / bristles - 0.5
        hair = line + across * (at * width * taper)[:, None]
        shade = 1 - 0.38 * at + rng.normal(0, 0.10)
        tint = np.clip(np.asarray(colour) * shade + rng.normal(0, 5, 3), 0, 255).astype(int)
        begin, end = rng.integers(0, 3), len(line) - rng.integers(0, 4)
        points = [tuple(p) for p in hair[begin:end].tolist()]
        draw.line(
            points,
            fill=tuple(tint.tolist()),
            width=max(1, round(1.5 * width / bristles)),
            joint="curve",
        )
