"""The figures of the chapters on captions, as a page can draw them: pictures and text, and curves.

They take what the functions of :mod:`cs231n_lib.figures` take, and are called in their place.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from cs231n_lib.speak.scenes import Scene, draw
from cs231n_lib.speak.truth import judge

__all__ = [
    "compare_captions",
    "look_tiles",
    "panels",
    "plot_curves",
    "plot_gradient_norms",
    "plot_mistakes",
    "plot_open_directions",
    "png_address",
    "show_captions",
]

_COLOURS = ("blue", "orange", "green", "purple", "grey")  # classes of page.css
_DARK = 0.25  # what is left of a field's brightness where the network does not look


@dataclass(frozen=True)
class Figure:
    """Something to look at, in HTML."""

    html: str

    def _repr_html_(self) -> str:
        return f'<div class="page-figure">{self.html}</div>'


def show_captions(
    scenes: Sequence[Scene], sentences: Sequence[str] | None = None, columns: int = 4
) -> Figure:
    """Pictures with a sentence under each, wrong words marked and followed by the right ones."""
    sentences = [scene.captions[0] for scene in scenes] if sentences is None else sentences
    shown = (
        f"<figure>{_picture(scene)}<figcaption>{_caption(said, scene)}</figcaption></figure>"
        for scene, said in zip(scenes, sentences)
    )
    return Figure(f'<div class="page-pictures">{"".join(shown)}</div>')


def compare_captions(scenes: Sequence[Scene], rows: Mapping[str, Sequence[str]]) -> Figure:
    """Pictures side by side, and below each what was said of it at several times."""
    pictures = "".join(f"<td>{_picture(scene)}</td>" for scene in scenes)
    lines = "".join(
        f'<tr><th scope="row">{escape(title)}</th>'
        + "".join(f"<td>{_caption(s, scene, False)}</td>" for s, scene in zip(said, scenes))
        + "</tr>"
        for title, said in rows.items()
    )
    return Figure(
        f'<table class="page-versions"><tbody><tr><td></td>{pictures}</tr>{lines}</tbody></table>'
    )


def _caption(sentence: str, scene: Scene, corrected: bool = True) -> str:
    mistakes = judge(sentence, scene).mistakes
    wrong = {mistake.word: mistake for mistake in mistakes}
    words = []
    for index, word in enumerate(sentence.split()):
        mistake = wrong.get(index)
        words.append(f"<strong>{escape(word)}</strong>" if mistake else escape(word))
        if mistake and mistake.true and corrected:
            words.append(f"[{escape(mistake.true)}]")
    garbled = any(mistake.attribute == "grammar" for mistake in mistakes)
    return f'<span class="page-said{" page-garbled" * garbled}">{" ".join(words)}</span>'


def _picture(scene: Scene) -> str:
    return _image(draw(scene, scale=2), f"Drawn: {scene.captions[0]}.")


def _image(picture: np.ndarray, alt: str) -> str:
    return f'<img alt="{escape(alt)}" src="{png_address(Image.fromarray(picture))}">'


def png_address(picture: Image.Image) -> str:
    """The address of a picture that is all in the address, packed quickly rather than tightly."""
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def look_tiles(
    picture: np.ndarray, words: Sequence[str], weights: np.ndarray
) -> list[tuple[np.ndarray, str]]:
    """The picture, and the same for each word: lit where the network looked before it."""
    side = math.isqrt(weights.shape[1])
    rows, columns = (np.arange(n) * side // n for n in picture.shape[:2])
    tiles = [(picture, "")]
    for shares in weights:
        light = _DARK + (1 - _DARK) * np.sqrt(shares / shares.max())
        lit = picture * light.reshape(side, side)[np.ix_(rows, columns)][:, :, None]
        row, column = divmod(int(shares.argmax()), side)
        strongest = np.ix_(rows == row, columns == column)
        field = lit[strongest]
        field[:4] = field[-4:] = field[:, :4] = field[:, -4:] = 255  # a frame
        lit[strongest] = field
        tiles.append((lit.astype(np.uint8), f"{shares.max():.0%}"))
    return tiles


def panels(
    kind: str, tiles: Sequence[tuple[np.ndarray, str]], labels: Sequence[str], **_: Any
) -> Figure:
    """Tiles in rows, a label under each."""
    shown = (
        f"<figure>{_image(picture[::2, ::2], label)}"
        f"<figcaption>{escape(label)} <small>{share}</small></figcaption></figure>"
        for (picture, share), label in zip(tiles, labels)
    )
    return Figure(f'<div class="page-pictures">{"".join(shown)}</div>')


def plot_curves(curves: Mapping[str, Sequence[float]], ylabel: str, window: int = 1) -> Figure:
    """Losses, or other measures, over the steps of training, on a logarithmic axis."""
    smooth = {}
    for name, values in curves.items():
        width = min(window, len(values))
        smooth[name] = np.convolve(values, np.full(width, 1 / width), mode="valid")
    return _plot(smooth, "step", ylabel)


def plot_gradient_norms(norms: Mapping[str, np.ndarray]) -> Figure:
    """How the gradient of a word's loss grows or shrinks on the way back."""
    return _plot(norms, "steps back from the word", "norm of the gradient, relative to the start")


def plot_open_directions(counts: Mapping[str, np.ndarray]) -> Figure:
    """How many directions of the state are still open, step by step back."""
    return _plot(counts, "steps back from the word", "open directions")


def plot_mistakes(shares: Mapping[str, Mapping[str, float]]) -> Figure:
    """How often each attribute is wrong, in percent of the captions."""
    order = [f"{which} {what}" for which in ("first", "second") for what in _ATTRIBUTES]
    order.insert(3, "relation")
    most = max(value for share in shares.values() for value in [0, *share.values()])
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in shares)
    rows = "".join(
        f'<tr><th scope="row">{attribute}</th>'
        + "".join(f"<td>{_bar(share.get(attribute, 0), most)}</td>" for share in shares.values())
        + "</tr>"
        for attribute in order
    )
    return Figure(
        '<table class="page-bars"><caption>captions with this mistake, in percent</caption>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


_ATTRIBUTES = ("size", "colour", "shape")


def _bar(share: float, most: float) -> str:
    width = 7 * share / most if most else 0
    return f'<span class="page-bar" style="width: {width:.2f}em"></span> {100 * share:.1f}'


_WIDTH, _HEIGHT, _LEFT, _LOW = 640, 340, 60, 296  # of a plot, and of the corner of its axes


def _plot(curves: Mapping[str, Sequence[float]], xlabel: str, ylabel: str) -> Figure:
    """Curves over 0, 1, 2, …, on a logarithmic axis. What is not above 0 is left out."""
    curves = {name: np.asarray(values, float) for name, values in curves.items()}
    every = np.concatenate(list(curves.values()))
    every = np.log10(every[every > 0])
    low, high = math.floor(every.min() * 2) / 2, math.ceil(every.max() * 2) / 2 or 0.5
    steps = max(map(len, curves.values())) - 1

    def x(step: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - 12) * step / max(steps, 1)

    def y(value: float) -> float:
        return _LOW - (_LOW - 12) * (value - low) / max(high - low, 0.5)

    parts = [
        f'<path class="page-axis" d="M{_LEFT} 8V{_LOW}H{_WIDTH - 8}"/>',
        f'<text x="{(_LEFT + _WIDTH) / 2}" y="{_HEIGHT - 6}" text-anchor="middle">{xlabel}</text>',
        f'<text transform="translate(14 {_LOW / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(ylabel)}</text>",
    ]
    every_step = range(steps + 1) if steps <= 12 else [round(steps * k / 8) for k in range(9)]
    for step in every_step:
        parts.append(f'<text x="{x(step):.0f}" y="{_LOW + 18}" text-anchor="middle">{step}</text>')
    for tick in np.arange(low, high + 0.1, 0.5 if high - low <= 2 else 1):
        label = f"{10**tick:.2g}"
        parts.append(f'<path class="page-grid" d="M{_LEFT} {y(tick):.1f}H{_WIDTH - 8}"/>')
        parts.append(
            f'<text x="{_LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{label}</text>'
        )
    for number, (name, values) in enumerate(curves.items()):
        points = [f"{x(k):.1f},{y(math.log10(v)):.1f}" for k, v in enumerate(values) if v > 0]
        colour = f"page-{_COLOURS[number % len(_COLOURS)]}"
        dash = f' stroke-dasharray="{6 * number} 3"' if number else ""
        parts.append(f'<polyline class="{colour}" points="{" ".join(points)}"{dash}/>')
        if len(curves) > 1:
            row = 20 + 18 * number
            parts.append(f'<path class="{colour}" d="M{_WIDTH - 150} {row}h28"{dash}/>')
            parts.append(f'<text x="{_WIDTH - 116}" y="{row + 4}">{escape(name)}</text>')
    said = f"{ylabel}: " + "; ".join(
        f"{name} from {values[0]:.3g} to {values[-1]:.3g}" for name, values in curves.items()
    )
    return Figure(
        f'<svg class="page-plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(said)}">{"".join(parts)}</svg>'
    )
