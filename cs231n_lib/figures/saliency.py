"""Figures of the saliency chapter: maps made visible, maps over photographs, curves."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from cs231n_lib.checks import Bytes, Call, Each, Floats, Number, Texts, checked, named, shown
from cs231n_lib.figures.checks import Curves, Rising, Values, check_names
from cs231n_lib.figures.gallery import show_images
from cs231n_lib.figures.style import COLOUR, finish
from cs231n_lib.see.checks import Tensor

__all__ = [
    "overlay",
    "plot_deletion",
    "plot_path",
    "plot_randomisation",
    "show_maps",
    "show_overlays",
    "visible",
]


@checked(maps=Tensor("N H W", finite=True, half=True), percentile=Number(above=0, most=100))
def visible(maps: torch.Tensor, percentile: float = 99.0) -> list[np.ndarray]:
    """Maps scaled for the eye, so that a few extreme pixels do not leave the rest in the dark.

    Parameters
    ----------
    maps : (N, H, W) tensor
    percentile : float
        Percentile of the absolute values, map by map; larger values are drawn as if equal to it.

    Returns
    -------
    list of N (H, W) arrays
        From 0 to 1, or from -1 to 1 if a map has negative values.
    """
    arrays = maps.detach().cpu().double().numpy()
    limits = np.percentile(np.abs(arrays), percentile, axis=(1, 2), keepdims=True)
    limits = np.where(
        limits > 0, limits, np.maximum(np.abs(arrays).max((1, 2), keepdims=True), 1e-300)
    )
    return list(np.clip(arrays / limits, -1, 1))


@dataclass(frozen=True)
class _Heat(Floats):
    def __call__(self, name: str, heat: np.ndarray, call: Call) -> None:
        super().__call__(name, heat, call)
        if heat.min() < 0 or heat.max() > 1:
            raise ValueError(
                named(
                    f"{name} goes from {shown(heat.min(), 0)} to {shown(heat.max(), 1)}, "
                    "expected 0 to 1"
                )
            )


@checked(image=Bytes("H W 3"), heat=_Heat("H W", finite=True))
def overlay(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A map over its photograph: dark and grey where the map is low, glowing where it is high.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
    heat : (H, W) array from 0 to 1
        As from :func:`visible`.

    Returns
    -------
    (H, W, 3) uint8 array
    """
    grey = image.mean(axis=2, keepdims=True) / 255
    above = np.clip((heat - 0.15) / 0.85, 0, 1)
    weight = above[:, :, None] ** 0.6
    hot = matplotlib.colormaps["inferno"](0.35 + 0.5 * above)[:, :, :3]
    glow = hot * (0.6 + 0.4 * grey)  # so that the photograph stays sharp inside
    return np.rint(255 * ((1 - weight) * 0.75 * grey + weight * glow)).astype(np.uint8)


@checked(images=Each(Bytes("H W 3"), "N"), heats=Each(_Heat("H W", finite=True), "N"),
         words=Texts("N"))  # fmt: skip
def show_overlays(
    images: Sequence[np.ndarray], heats: Sequence[np.ndarray], words: Sequence[str]
) -> Figure:
    """Photographs, and below each its map over it, with a word that a telephone shows large enough.

    Parameters
    ----------
    images : sequence of N (H, W, 3) uint8 arrays
    heats : sequence of N (H, W) arrays from 0 to 1
        As from :func:`visible`.
    words : sequence of N str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = show_images([*images, *map(overlay, images, heats)], columns=len(images))
    for ax, word in zip(figure.axes[len(images) :], words):
        text = ax.text(0.5, 0.04, word, transform=ax.transAxes, ha="center", va="bottom")
        text.set(color="white", fontsize=19, fontweight="bold")
        text.set_path_effects([withStroke(linewidth=4, foreground=COLOUR["ink"])])
    return figure


@dataclass(frozen=True)
class _Rows:
    def __call__(self, name: str, rows: Mapping[str, torch.Tensor], call: Call) -> None:
        check_names(name, rows)
        for key, maps in rows.items():
            Tensor("N H W", finite=True, half=True)(f"{name}[{key!r}]", maps, call)


@checked(
    images=Each(Bytes("H W 3"), "N"), rows=_Rows(), titles=Texts("N"),
    percentile=Number(above=0, most=100),
)  # fmt: skip
def show_maps(
    images: Sequence[np.ndarray],
    rows: Mapping[str, torch.Tensor],
    titles: Sequence[str],
    percentile: float = 99.0,
) -> Figure:
    """Photographs, rows of maps below them, and a bar that says what the colours mean.

    Parameters
    ----------
    images : sequence of N (H, W, 3) uint8 arrays
    rows : dict
        Name -> (N, H, W) maps; all of them signed, or none.
    titles : sequence of N str
    percentile : float
        As of :func:`visible`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    shown_maps = [image for maps in rows.values() for image in visible(maps, percentile)]
    figure = show_images(
        [*images, *shown_maps], titles, columns=len(images), row_labels=["photograph", *rows]
    )
    drawn = figure.axes[len(images) :]
    signed = min(image.min() for image in shown_maps) < 0
    for ax in drawn:
        ax.images[0].set(cmap="RdBu_r" if signed else "inferno", clim=(-int(signed), 1))
    part = figure.get_figwidth() / (figure.get_figwidth() + _BAR)
    for ax in figure.axes:  # which keep their size
        x, y, width, height = ax.get_position(original=True).bounds
        ax.set_position([x * part, y, width * part, height])
    figure.set_figwidth(figure.get_figwidth() / part)
    top, last = drawn[0].get_position().y1, drawn[-1].get_position()
    place = figure.add_axes([last.x1 + 0.012, last.y0, 0.016, top - last.y0])
    bar = figure.colorbar(drawn[-1].images[0], cax=place)
    most = "largest" if percentile == 100 else f"{percentile:g}th\npercentile"
    bar.set_ticks([-1, 0, 1] if signed else [0, 1])
    bar.set_ticklabels(["against", "0", "for"] if signed else ["0", most])
    bar.outline.set_visible(False)
    return figure


_BAR = 0.9  # inches for the bar and its words


@checked(alpha=Rising("K", least=0, most=1), curves=Curves(Values("K")))
def plot_path(alpha: Sequence[float], curves: Mapping[str, Sequence[float]]) -> Figure:
    """The score of a class, and its slope, on the path from black to the picture.

    Parameters
    ----------
    alpha : (K,) floats from 0 to 1
        Points on the path, evenly spaced.
    curves : dict
        Name -> (K,) scores.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = plt.subplots(1, 2)
    middles = (np.asarray(alpha)[1:] + np.asarray(alpha)[:-1]) / 2
    for name, scores in curves.items():
        left.plot(alpha, scores, label=name)
        slope = np.diff(scores) / np.diff(alpha)
        (line,) = right.plot(middles, slope, linewidth=1, label=name)
        right.fill_between(middles, slope, alpha=0.15, color=line.get_color(), linewidth=0)
    left.set(title="score", xlabel="way from black to the picture, α", xlim=(0, 1))
    right.set(title="its slope", xlabel="way from black to the picture, α", xlim=(0, 1))
    return finish(figure, left, legend=True)


@checked(
    parts=Values("K", least=0, most=1),
    deletion=Curves(Values("K", least=0)), insertion=Curves(Values("K", least=0)),
)  # fmt: skip
def plot_deletion(
    parts: Sequence[float],
    deletion: Mapping[str, Sequence[float]],
    insertion: Mapping[str, Sequence[float]],
) -> Figure:
    """How the probability of a class falls and rises as the picture disappears and appears.

    Parameters
    ----------
    parts : (K,) floats from 0 to 1
        The part of the picture that is deleted, or inserted.
    deletion, insertion : dict
        Method -> (K,) probabilities.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(1, 2, sharey=True, figsize=(8, 3.6))
    for ax, curves, title in zip(
        axes, (deletion, insertion), ("deletion: lower is better", "insertion: higher is better")
    ):
        for (name, values), style in zip(curves.items(), itertools.cycle(_STYLES)):
            ax.plot(100 * np.asarray(parts), values, label=name, **style)
        ax.set(title=title, xlim=(0, 100), ylim=(0, None))
    axes[0].set(xlabel="places deleted, %", ylabel="probability of the class")
    axes[1].set(xlabel="places inserted, %")
    return finish(figure, axes[0], legend=True)


@dataclass(frozen=True)
class _Correlations:
    def __call__(self, name: str, methods: Mapping[str, Mapping[str, float]], call: Call) -> None:
        check_names(name, methods)
        first, blocks = next((method, [*values]) for method, values in methods.items())
        for method, values in methods.items():
            limits = Values(least=-1 - 1e-6, most=1 + 1e-6)  # a correlation is rounded
            limits(f"{name}[{method!r}]", [*values.values()], call)
            if [*values] != blocks:
                raise ValueError(
                    named(
                        f"{name}[{method!r}] has the blocks {', '.join(values)}, expected "
                        f"{', '.join(blocks)}, as {name}[{first!r}]"
                    )
                )


@checked(correlations=_Correlations())
def plot_randomisation(correlations: Mapping[str, Mapping[str, float]]) -> Figure:
    """How much of a map is left while its network forgets, block by block from the top.

    Parameters
    ----------
    correlations : dict of dicts
        Method -> block randomised last -> rank correlation with the first map. All methods have the
        same blocks in the same order.

    Returns
    -------
    matplotlib.figure.Figure
    """
    blocks = [*next(iter(correlations.values()))]
    figure, ax = plt.subplots(figsize=(8, 3.6))
    for (name, values), style in zip(correlations.items(), itertools.cycle(_STYLES)):
        ax.plot(list(values.values()), label=name, marker="o", markersize=4, **style)
    ax.set_xticks(range(len(blocks)), blocks, rotation=30, ha="right", fontsize=8.5)
    ax.axhline(0, color="#222222", linewidth=0.8)
    ax.set(ylabel="rank correlation", xlabel="random from the top down to here")
    ax.set_ylim(min(-0.25, ax.get_ylim()[0]), 1.05)
    return finish(figure, ax, legend=True)


# Colour and dashes together, so that curves can be told apart without colours too.
_STYLES = [
    {"color": "#0072B2", "linestyle": "-"},
    {"color": "#009E73", "linestyle": "-."},
    {"color": "#AA4499", "linestyle": "--"},
    {"color": "#D55E00", "linestyle": "-", "linewidth": 3},
    {"color": "#8C6D1F", "linestyle": (0, (1, 1))},
    {"color": "#222222", "linestyle": ":"},
    {"color": "#9A9A9A", "linestyle": "--"},
]
