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

from cs231n_lib.checks import Bytes, Call, Floats, Number, checked, named, shown
from cs231n_lib.figures.checks import Colours, Curves, Rising, Values, check_names
from cs231n_lib.figures.style import finish
from cs231n_lib.see.checks import Tensor

__all__ = ["overlay", "plot_deletion", "plot_path", "plot_randomisation", "visible"]


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


@checked(image=Bytes("H W 3"), heat=_Heat("H W", finite=True), colours=Colours())
def overlay(image: np.ndarray, heat: np.ndarray, colours: str = "inferno") -> np.ndarray:
    """A map over its photograph: grey and dim where the map is low, coloured where it is high.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
    heat : (H, W) array from 0 to 1
        As from :func:`visible`.
    colours : str
        Matplotlib's name of the colour map.

    Returns
    -------
    (H, W, 3) uint8 array
    """
    grey = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2) / 255
    above = np.clip((heat - 0.15) / 0.85, 0, 1)
    weight = 0.8 * above[:, :, None] ** 0.8
    hot = matplotlib.colormaps[colours](0.4 + 0.5 * above)[:, :, :3]
    return np.rint(255 * ((1 - weight) * 0.9 * grey + weight * hot)).astype(np.uint8)


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
    {"color": "#222222", "linestyle": ":"},
    {"color": "#9A9A9A", "linestyle": "--"},
]
