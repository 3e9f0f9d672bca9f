"""Figures of what a recurrent network remembers, and of what the gates of an LSTM do."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from cs231n_lib.checks import Call, Count, Floats, Instance, Number, Texts, checked, named
from cs231n_lib.figures.checks import Curves, Rising, Values, check_names
from cs231n_lib.figures.style import MARKERS, finish
from cs231n_lib.speak.scenes import Scene, draw

__all__ = [
    "gate_tiles",
    "plot_gates",
    "plot_gradient_norms",
    "plot_open_directions",
    "plot_recall",
]


@checked(norms=Curves(Values(least=0)))
def plot_gradient_norms(norms: Mapping[str, np.ndarray]) -> Figure:
    """How the gradient of one word's loss grows or shrinks on the way back to earlier states.

    Parameters
    ----------
    norms : dict
        Name -> (K + 1,) floats, at 0 to K steps before the word, as from
        :func:`cs231n_lib.speak.memory.gradient_norms`. Zeros are left out.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return _plot_back(norms, "norm of the gradient,\nrelative to the start")


@checked(counts=Curves(Values(least=0)))
def plot_open_directions(counts: Mapping[str, np.ndarray]) -> Figure:
    """How many directions of the state are still open, step by step back.

    Parameters
    ----------
    counts : dict
        Name -> (K + 1,) floats, as from :func:`cs231n_lib.speak.memory.open_directions`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return _plot_back(counts, "open directions")


def _plot_back(curves: Mapping[str, np.ndarray], ylabel: str) -> Figure:
    figure, ax = plt.subplots()
    for (name, values), marker in zip(curves.items(), itertools.cycle(MARKERS)):
        values = np.asarray(values)
        ax.plot(np.where(values > 0, values, np.nan), marker=marker, label=name)
    ax.set(xlabel="steps back from the word", ylabel=ylabel, yscale="log")
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
    ax.set_xticks(range(max(map(len, curves.values()))))
    return finish(figure, ax, legend=len(curves) > 1)


def _check_shares(name: str, shares: Mapping[str, np.ndarray], call: Call) -> None:
    check_names(name, shares)
    for key, values in shares.items():
        Floats("S L")(f"{name}[{key!r}]", values, call)
        Values(least=0, most=1)(f"{name}[{key!r}]", values.ravel(), call)
    if shares.keys() != call.arguments["reach"].keys():
        raise ValueError(
            named(f"{name} has {', '.join(shares)}, reach {', '.join(call.arguments['reach'])}")
        )


@checked(
    lengths=Rising(length="L"),
    reach=Curves(Values(least=0)),
    shares=_check_shares,
    guess=Number(least=0, most=1),
)
def plot_recall(
    lengths: Sequence[int],
    reach: Mapping[str, np.ndarray],
    shares: Mapping[str, np.ndarray],
    guess: float,
) -> Figure:
    """How far back networks learn, beside how far back their gradients reach before training.

    Parameters
    ----------
    lengths : (L,) numbers
        Of the sequences that were learned, rising.
    reach : dict
        Name -> (K,) floats: norms of a gradient, at 0 to K - 1 steps back. Left.
    shares : dict
        The same names -> (S, L) floats: the share of right answers of S seeds. Right, a mark for
        each and a line through their means.
    guess : float
        The share that is right by chance.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.9))
    for (name, norms), marker in zip(reach.items(), itertools.cycle(MARKERS)):
        every = max(1, len(norms) // 10)
        norms = np.where(np.asarray(norms) > 0, norms, np.nan)
        (line,) = left.plot(norms, marker=marker, markevery=every, markersize=5, label=name)
        right.plot(lengths, shares[name].mean(axis=0), color=line.get_color())
        for share in shares[name]:
            right.plot(lengths, share, marker, color=line.get_color(), markersize=5, alpha=0.6)
    left.set(yscale="log", ylim=(1e-6, 2), xlabel="steps back", ylabel="gradient, relative")
    left.set_title("before training")
    right.axhline(guess, color="#888888", linewidth=1, linestyle=":")
    right.set(xscale="log", ylim=(0, 1.05), xlabel="length", ylabel="share recalled")
    right.set_title("after training")
    right.set_xticks(lengths, [f"{length:g}" for length in lengths])
    right.minorticks_off()
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=len(reach))
    return finish(figure, left)


_TITLES = {
    "i": "input gate i", "f": "forget gate f", "o": "output gate o",
    "g": "candidate g", "c": "cell state c",
}  # fmt: skip
_RANGES = {"c": (-math.inf, math.inf), "g": (-1, 1)}  # all others range from 0 to 1


@dataclass(frozen=True)
class _Gates:
    """Activations by name, each (T, H) and within its range: some gates and the cell, or all."""

    needed: str = "c"

    def __call__(self, name: str, gates: Mapping[str, np.ndarray], call: Call) -> None:
        check_names(name, gates)
        if not set(self.needed) <= gates.keys() <= _TITLES.keys():
            others = [gate for gate in _TITLES if gate not in self.needed]
            raise ValueError(
                named(
                    f"{name} has {', '.join(map(str, gates))}, expected {', '.join(self.needed)}"
                    + (f" and any of {', '.join(others)}" if others else "")
                )
            )
        for gate, values in gates.items():
            Floats("T H")(f"{name}[{gate!r}]", values, call)
            least, most = _RANGES.get(gate, (0, 1))
            Values(least=least, most=most)(f"{name}[{gate!r}]", values.ravel(), call)


@checked(gates=_Gates(), words=Texts("T"), per_word=Count())
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
        How many units to show for each word: among those whose cell is fullest there, the ones
        whose cell differs most from its average over the words.

    Returns
    -------
    matplotlib.figure.Figure
    """
    units = _units_of_words(gates["c"], per_word)
    figure, axes = plt.subplots(1, len(gates), figsize=(8, 4.6), sharey=True)
    for ax, (name, values) in zip(axes, gates.items()):
        shown = values[:, units].T
        look = _look(name, np.abs(shown).max() if name == "c" else 1)
        image = ax.imshow(shown, aspect="auto", interpolation="nearest", **look)
        ax.set_xticks(range(len(words)), words, rotation=90, fontsize=7.5)
        ax.set_yticks([])
        ax.set_title(_TITLES[name], fontsize=9)
        ax.grid(False)
        bar = figure.colorbar(image, ax=ax, location="bottom", aspect=12, pad=0.02)
        bar.ax.tick_params(labelsize=7)
    axes[0].set_ylabel(f"{len(units)} units")
    return finish(figure, axes[0])


def _units_of_words(cell: np.ndarray, per_word: int) -> list[int]:
    full = np.abs(cell)
    fullest = full.argmax(axis=0)  # at which word
    differs = full.max(axis=0) - full.mean(axis=0)
    order = np.argsort(-differs, kind="stable")
    return [unit for t in range(len(cell)) for unit in order[fullest[order] == t][:per_word]]


def _look(name: str, limit: float) -> dict:
    """Colours of a map: from closed to open, or signed."""
    if name in "gc":
        return {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    return {"cmap": "viridis", "vmin": 0, "vmax": 1}


@checked(
    scene=Instance(Scene),
    gates=_Gates(needed="ifogc"),
    words=Texts("T"),
    scores=Floats("T V", finite=True),
    vocabulary=Texts("V"),
)
def gate_tiles(
    scene: Scene,
    words: Sequence[str],
    gates: Mapping[str, np.ndarray],
    scores: np.ndarray,
    vocabulary: Sequence[str],
) -> list[Callable[[Figure], None]]:
    """What an LSTM does at each word of a caption, for :func:`cs231n_lib.figures.panels.panels`.

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
        Scores of every word that could come next.
    vocabulary : sequence of V str

    Returns
    -------
    list of 1 + T callables
        The first draws the scene and the two scales. Each of the others draws one word's step as a
        sum: old cell times forget gate, plus input gate times candidate, is the new cell; below,
        the output gate and the likeliest next words. Units are small squares, always in the same
        place: first those whose cell is fullest at the first word, then those of the second, ...
    """
    maps = _maps(gates)
    limit = np.quantile(np.abs(gates["c"]), 0.99)
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    steps = [
        _Step(
            {name: values[t] for name, values in maps.items()},
            limit,
            [(vocabulary[word], chances[t, word]) for word in np.argsort(-chances[t])[:3]],
        )
        for t in range(len(words))
    ]
    return [functools.partial(_draw_scene, scene), *steps]


def _maps(gates: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Units as squares: each gate, (T, H) -> (T, high, wide), and the cell of the step before."""
    full = np.abs(gates["c"])
    order = np.lexsort((-full.max(axis=0), full.argmax(axis=0)))
    wide = math.ceil(math.sqrt(len(order)))
    high = -(-len(order) // wide)
    empty = [(0, 0), (0, wide * high - len(order))]  # places of the last row without a unit
    maps = {
        name: np.pad(values[:, order], empty, constant_values=np.nan).reshape(-1, high, wide)
        for name, values in gates.items()
    }
    return maps | {"before": np.concatenate([0 * maps["c"][:1], maps["c"][:-1]])}


_LEFT, _TOP, _BOTTOM = (0.03, 0.28, 0.53, 0.78), 0.59, 0.09
_PLACES = {
    "before": ("old cell", _LEFT[0], _TOP), "f": ("forget gate", _LEFT[1], _TOP),
    "i": ("input gate", _LEFT[2], _TOP), "g": ("candidate", _LEFT[3], _TOP),
    "c": ("new cell", _LEFT[0], _BOTTOM), "o": ("output gate", _LEFT[1], _BOTTOM),
}  # fmt: skip
_SIGNS = (
    (0.25, _TOP, "×"), (0.5, _TOP, "+"), (0.75, _TOP, "×"), (0.25, _BOTTOM, "→"),
    (0.5, _BOTTOM, "→"),
)  # fmt: skip
_DOES = {"f": "keeps", "i": "lets in", "o": "shows"}


@dataclass(frozen=True)
class _Step:
    """Draws what happens at a word: a map of each gate, and the likeliest next words."""

    maps: dict[str, np.ndarray]
    limit: float
    next_words: list[tuple[str, float]]

    def __call__(self, figure: Figure) -> None:
        for name, (title, left, low) in _PLACES.items():
            self._draw_map(figure, name, title, (left, low, 0.19, 0.285))
        for left, low, sign in _SIGNS:
            figure.text(left, low + 0.14, sign, fontsize=9, ha="center", va="center")
        self._draw_next_words(figure)

    def _draw_map(self, figure: Figure, name: str, title: str, box: tuple[float, ...]) -> None:
        ax = figure.add_axes(box)
        cell = name in ("c", "before")
        look = _look("c" if cell else name, self.limit if cell else 1)
        ax.imshow(self.maps[name], **look, interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.set_title(title, fontsize=8, pad=2, loc="center", weight="normal")
        for spine in ax.spines.values():
            spine.set(visible=True, color="#BBBBBB", linewidth=0.5)
        if name in _DOES:
            ax.set_xlabel(
                f"{_DOES[name]} {np.nanmean(self.maps[name]):.0%}", fontsize=7, labelpad=2
            )

    def _draw_next_words(self, figure: Figure) -> None:
        ax = figure.add_axes((_LEFT[2], _BOTTOM, 0.44, 0.285))
        ax.axis("off")
        ax.set(xlim=(0, 1), ylim=(2.5, -0.5))
        ax.set_title("next word", fontsize=8, pad=2, loc="left", weight="normal")
        for k, (word, chance) in enumerate(self.next_words):
            ax.barh(k, chance, 0.86, color="#A6D0EA")
            ax.text(0.02, k, word, fontsize=8, va="center")
            ax.text(1, k, f"{chance:.0%}", fontsize=7, va="center", ha="right")


def _draw_scene(scene: Scene, figure: Figure) -> None:
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
