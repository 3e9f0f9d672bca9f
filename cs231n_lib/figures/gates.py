"""Figures of what the memory of an RNN and the gates of an LSTM do."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from cs231n_lib.figures.captions import _check_scene
from cs231n_lib.figures.checks import check_curves, check_values
from cs231n_lib.figures.style import MARKERS, finish
from cs231n_lib.speak.scenes import Scene, draw
from cs231n_lib.validation import check_count, check_finite, check_shapes, check_texts

__all__ = ["gate_tiles", "plot_gates", "plot_gradient_norms", "plot_open_directions"]

_GATE_TITLES = {
    "i": "input gate i", "f": "forget gate f", "o": "output gate o",
    "g": "candidate g", "c": "cell state c",
}  # fmt: skip
_OPEN = {"cmap": "viridis", "vmin": 0, "vmax": 1}
_DOES = {"f": "keeps", "i": "lets in", "o": "shows"}


def plot_gradient_norms(norms: Mapping[str, np.ndarray]) -> Figure:
    """How the gradient of one word's loss fares on its way back to earlier states.

    Parameters
    ----------
    norms : dict
        Name -> (K + 1,) floats, at 0 to K steps before the word, as from
        :func:`cs231n_lib.speak.memory.gradient_norms`. Zeros are left out.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If a curve holds no real numbers.
    ValueError
        If there is no curve or no value, or if a value is NaN, infinite or negative.
    """
    norms = check_curves("plot_gradient_norms", "norms", norms, least=0)
    return _plot_back(norms, "norm of the gradient,\nrelative to the start")


def plot_open_directions(counts: Mapping[str, np.ndarray]) -> Figure:
    """How many directions of the state are still open, so many steps back.

    Parameters
    ----------
    counts : dict
        Name -> (K + 1,) floats, as from :func:`cs231n_lib.speak.memory.open_directions`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If a curve holds no real numbers.
    ValueError
        If there is no curve or no value, or if a value is NaN, infinite or negative.
    """
    counts = check_curves("plot_open_directions", "counts", counts, least=0)
    return _plot_back(counts, "open directions")


def _plot_back(curves: Mapping[str, np.ndarray], ylabel: str) -> Figure:
    figure, ax = plt.subplots()
    for (name, values), marker in zip(curves.items(), itertools.cycle(MARKERS)):
        ax.plot(np.where(values > 0, values, np.nan), marker=marker, label=name)
    ax.set(xlabel="steps back from the word", ylabel=ylabel, yscale="log")
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
    ax.set_xticks(range(max(map(len, curves.values()))))
    return finish(figure, ax, legend=len(curves) > 1)


def plot_gates(gates: Mapping[str, np.ndarray], words: Sequence[str], per_word: int = 3) -> Figure:
    """A heat map for every gate: words from left to right, units from top to bottom.

    Parameters
    ----------
    gates : dict
        Name -> (T, H) activations in [0, 1] or [-1, 1], as from one sentence of
        :func:`cs231n_lib.speak.lstm.lstm_gates`, the cell state ``c`` among them.
    words : sequence of T str
        What is read at each step.
    per_word : int
        How many units to show for each word: of those whose cell is fullest there, the ones whose
        cell stands out most from the other words.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If a gate is no NumPy array of floats, a word no string, or ``per_word`` no int.
    ValueError
        If there is no cell state, a gate that an LSTM does not have, or an activation out of its
        range; if shapes and words do not go together, or ``per_word`` is not positive.
    """
    check_count("plot_gates", "per_word", per_word)
    _check_gates("plot_gates", gates, words)
    full = np.abs(gates["c"])
    stands_out = full.max(axis=0) - full.mean(axis=0)
    units = np.concatenate(
        [
            sorted(np.flatnonzero(full.argmax(axis=0) == t), key=lambda u: -stands_out[u])[
                :per_word
            ]
            for t in range(len(words))
        ]
    ).astype(int)
    figure, axes = plt.subplots(1, len(gates), figsize=(8, 4.6), sharey=True)
    for ax, (name, values) in zip(axes, gates.items()):
        signed = name in "gc"
        limit = np.abs(values[:, units]).max() if name == "c" else 1
        image = ax.imshow(
            values[:, units].T, aspect="auto", interpolation="nearest",
            cmap="RdBu_r" if signed else "viridis", vmin=-limit if signed else 0, vmax=limit,
        )  # fmt: skip
        ax.set_xticks(range(len(words)), words, rotation=90, fontsize=7.5)
        ax.set_yticks([])
        ax.set_title(_GATE_TITLES[name], fontsize=9)
        ax.grid(False)
        bar = figure.colorbar(image, ax=ax, location="bottom", aspect=12, pad=0.02)
        bar.ax.tick_params(labelsize=7)
    axes[0].set_ylabel(f"{len(units)} units")
    return finish(figure, axes[0])


def gate_tiles(
    scene: Scene,
    words: Sequence[str],
    gates: Mapping[str, np.ndarray],
    scores: np.ndarray,
    vocabulary: Sequence[str],
) -> list[Callable[[Figure], None]]:
    """What an LSTM does at each word of a caption, to be drawn by :func:`cs231n_lib.figures.panels.panels`.

    Parameters
    ----------
    scene : Scene
        What the caption is about.
    words : sequence of T str
        What is read at each step.
    gates : dict
        ``i``, ``f``, ``o``, ``g`` and ``c``, each (T, H), as from one sentence of
        :func:`cs231n_lib.speak.lstm.lstm_gates`.
    scores : (T, V) floats
        Of every word that could come next.
    vocabulary : sequence of V str

    Returns
    -------
    list of 1 + T callables
        The first draws the scene and the two scales. Each of the others draws its word's step as a
        sum: old cell times forget gate, plus input gate times candidate, is the new cell; below,
        the output gate and the likeliest next words. Units are small squares, always at the same
        place: first those whose cell is fullest at the first word, then those of the second, ...

    Raises
    ------
    TypeError
        If ``scene`` is no Scene, if gates or scores are no NumPy arrays of floats, or if a word is
        no string.
    ValueError
        If a gate is missing or unknown, or an activation out of its range; if a score is NaN or
        infinite; if shapes, words and vocabulary do not go together.
    """
    _check_scene("gate_tiles", scene)
    _check_gates("gate_tiles", gates, words)
    missing = [name for name in "ifogc" if name not in gates]
    if missing:
        raise ValueError(f"gate_tiles: gates have no {missing[0]!r}, expected i, f, o, g and c")
    check_shapes("gate_tiles", scores=(scores, "T V"))
    check_finite("gate_tiles", {"scores": scores})
    if len(scores) != len(words):
        raise ValueError(f"gate_tiles: {len(scores)} rows of scores for {len(words)} words")
    check_texts("gate_tiles", "vocabulary", vocabulary, scores.shape[1])
    full = np.abs(gates["c"])
    order = np.lexsort((-full.max(axis=0), full.argmax(axis=0)))
    wide = int(np.ceil(np.sqrt(len(order))))
    high = -(-len(order) // wide)
    empty = [(0, 0), (0, wide * high - len(order))]  # places of the last row without a unit
    maps = {
        name: np.pad(values[:, order], empty, constant_values=np.nan).reshape(-1, high, wide)
        for name, values in gates.items()
    }
    limit = np.quantile(full, 0.99)
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)

    def draw_map(figure: Figure, name: str, t: int, left: float, low: float, title: str) -> None:
        ax = figure.add_axes((left, low, 0.19, 0.285))
        values = maps[name][t] if t >= 0 else np.zeros_like(maps[name][0])
        most = limit if name == "c" else 1
        signed = {"cmap": "RdBu_r", "vmin": -most, "vmax": most}
        ax.imshow(values, **(signed if name in "gc" else _OPEN), interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.set_title(title, fontsize=8, pad=2, loc="center", weight="normal")
        for spine in ax.spines.values():
            spine.set(visible=True, color="#BBBBBB", linewidth=0.5)
        if name in _DOES:
            ax.set_xlabel(f"{_DOES[name]} {np.nanmean(values):.0%}", fontsize=7, labelpad=2)

    def draw_step(figure: Figure, t: int) -> None:
        above, below = 0.59, 0.09
        draw_map(figure, "c", t - 1, 0.03, above, "old cell")
        draw_map(figure, "f", t, 0.28, above, "forget gate")
        draw_map(figure, "i", t, 0.53, above, "input gate")
        draw_map(figure, "g", t, 0.78, above, "candidate")
        draw_map(figure, "c", t, 0.03, below, "new cell")
        draw_map(figure, "o", t, 0.28, below, "output gate")
        for x, low, sign in ((0.25, above, "×"), (0.5, above, "+"), (0.75, above, "×"),
                             (0.25, below, "→"), (0.5, below, "→")):  # fmt: skip
            figure.text(x, low + 0.14, sign, fontsize=9, ha="center", va="center")
        ax = figure.add_axes((0.53, below, 0.44, 0.285))
        ax.axis("off")
        ax.set(xlim=(0, 1), ylim=(2.5, -0.5))
        ax.set_title("next word", fontsize=8, pad=2, loc="left", weight="normal")
        for k, word in enumerate(np.argsort(-chances[t])[:3]):
            ax.barh(k, chances[t, word], 0.86, color="#A6D0EA")
            ax.text(0.02, k, vocabulary[word], fontsize=8, va="center")
            ax.text(1, k, f"{chances[t, word]:.0%}", fontsize=7, va="center", ha="right")

    def draw_scene(figure: Figure) -> None:
        ax = figure.add_axes((0.03, 0.02, 0.64, 0.96))
        ax.imshow(draw(scene, scale=8))
        ax.axis("off")
        scales = ((0.62, "viridis", "0 closed", "1 open"), (0.18, "RdBu_r", "−", "+"))
        for low, colours, bottom, top in scales:
            bar = figure.add_axes((0.72, low, 0.05, 0.3))
            bar.imshow(np.linspace(1, 0, 64)[:, None], aspect="auto", cmap=colours)
            bar.axis("off")
            figure.text(0.79, low, bottom, fontsize=8, va="bottom")
            figure.text(0.79, low + 0.3, top, fontsize=8, va="top")

    steps = [functools.partial(draw_step, t=t) for t in range(len(words))]
    return [draw_scene, *steps]


def _check_gates(function: str, gates: Mapping[str, np.ndarray], words: Sequence[str]) -> None:
    check_texts(function, "words", words)
    unknown = [name for name in gates if name not in _GATE_TITLES]
    if unknown or "c" not in gates:
        raise ValueError(
            f"{function}: gates are {', '.join(map(str, gates)) or 'none'}, expected c and any of "
            "i, f, o, g"
        )
    check_shapes(function, **{f"gates[{name!r}]": (gates[name], "T H") for name in gates})
    if len(gates["c"]) != len(words):
        raise ValueError(f"{function}: gates of {len(gates['c'])} steps for {len(words)} words")
    for name, values in gates.items():
        least, most = {"c": (-math.inf, math.inf), "g": (-1, 1)}.get(name, (0, 1))
        check_values(function, f"gates[{name!r}]", values.ravel(), least=least, most=most)
