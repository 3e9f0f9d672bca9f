"""Figures of the captioning chapters, in one style."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, HPacker, TextArea, VPacker
from matplotlib.patches import Rectangle

from cs231n_lib.checks import Call, Count, Each, Instance, Texts, checked, named
from cs231n_lib.figures.checks import Curves, Values, check_names
from cs231n_lib.figures.style import COLOUR, MARKERS, finish
from cs231n_lib.speak.scenes import RELATIONS, Scene, draw
from cs231n_lib.speak.training import CaptioningSolver
from cs231n_lib.speak.truth import judge

__all__ = [
    "compare_captions",
    "plot_curves",
    "plot_mistakes",
    "plot_training",
    "show_captions",
]

_LONGEST_LINE = 34  # letters that fit under a picture


@checked(scenes=Each(Instance(Scene), "N"), sentences=Texts("N"), columns=Count())
def show_captions(
    scenes: Sequence[Scene], sentences: Sequence[str] | None = None, columns: int = 4
) -> Figure:
    """Pictures with a sentence under each, wrong words marked.

    Parameters
    ----------
    scenes : sequence of Scene
    sentences : sequence of str, optional
        One for each scene; a wrong word is bold and red, followed by the right word in brackets. A
        sentence outside the grammar is grey, and red where reading it stopped. By default the
        scenes' own captions.
    columns : int

    Returns
    -------
    matplotlib.figure.Figure
    """
    sentences = [scene.captions[0] for scene in scenes] if sentences is None else sentences
    rows = -(-len(scenes) // columns)
    side, text = 8 / columns, 0.36  # inches: of a picture, and of the two lines under it
    figure, axes = plt.subplots(
        rows, columns, figsize=(8, rows * (side + text)), squeeze=False, layout="none"
    )
    figure.subplots_adjust(0, 0, 1, 1, wspace=0.04, hspace=text / side)
    for ax in axes.flat:
        ax.axis("off")
    for ax, scene, sentence in zip(axes.flat, scenes, sentences):
        ax.imshow(draw(scene, scale=4))
        caption = _caption(sentence, scene, fontsize=30 / columns)
        ax.add_artist(
            AnnotationBbox(
                caption, (0.5, -0.02), xycoords="axes fraction", box_alignment=(0.5, 1),
                frameon=False, pad=0,
            )
        )  # fmt: skip
    return finish(figure, axes[0, 0])


@dataclass(frozen=True)
class _Versions:
    """Title -> a sentence for each scene of the call."""

    def __call__(self, name: str, rows: Mapping[str, Sequence[str]], call: Call) -> None:
        check_names(name, rows)
        for title, sentences in rows.items():
            Texts("N")(f"{name}[{title!r}]", sentences, call)


@checked(scenes=Each(Instance(Scene), "N"), rows=_Versions())
def compare_captions(scenes: Sequence[Scene], rows: Mapping[str, Sequence[str]]) -> Figure:
    """Pictures side by side, and below each what was said of it at several times, one per row.

    Parameters
    ----------
    scenes : sequence of Scene
    rows : dict
        Title of a row -> a sentence for each scene, marked as by :func:`show_captions`, but without
        the right words.

    Returns
    -------
    matplotlib.figure.Figure
    """
    margin, line = 0.9, 0.43  # inches: for the titles, and for a row of two lines
    side = (8 - margin) / len(scenes)
    picture = min(side, 1.9)
    height = picture + line * (len(rows) + 0.3)
    figure = plt.figure(figsize=(8, height), layout="none")
    for column, scene in enumerate(scenes):
        left = (margin + side * column + (side - picture) / 2) / 8
        ax = figure.add_axes((left, 1 - picture / height, picture / 8, picture / height))
        ax.imshow(draw(scene, scale=4))
        ax.axis("off")
        for row, sentences in enumerate(rows.values()):
            below = -((row + 0.8) * line) / picture
            caption = _caption(sentences[column], scene, min(8.5, 3.4 * side), corrected=False)
            ax.add_artist(
                AnnotationBbox(caption, (0.5, below), xycoords="axes fraction", frameon=False)
            )
    for row, title in enumerate(rows):
        y = 1 - (picture + (row + 0.8) * line) / height
        figure.text(0, y, title, va="center", fontsize=8.5, weight="bold")
    # As wide with any sentences: a notebook cuts a figure to what is drawn.
    figure.add_artist(Rectangle((0, 0), 1, 1, alpha=0))
    return finish(figure, figure.axes[0])


def _caption(sentence: str, scene: Scene, fontsize: float, corrected: bool = True) -> VPacker:
    verdict = judge(sentence, scene)
    wrong = {mistake.word: mistake for mistake in verdict.mistakes}
    garbled = any(mistake.attribute == "grammar" for mistake in verdict.mistakes)
    colour = "grey" if garbled else "ink"
    words = sentence.split()
    relations = [name.split()[0] for name in RELATIONS]
    second_line = next((i for i, word in enumerate(words) if word in relations), 0)
    second_line = len(words) // 2 if garbled else second_line
    lines: list[list[tuple[str, dict[str, str]]]] = [[]]
    for index, word in enumerate(words):
        if index and index == second_line:
            lines.append([])
        mistake = wrong.get(index)
        marked = {"color": COLOUR["orange"], "weight": "bold"}
        lines[-1].append((word, marked if mistake else {"color": COLOUR[colour]}))
        if mistake and mistake.true and corrected:
            lines[-1].append((f"[{mistake.true}]", {"color": COLOUR["grey"]}))
    # A line with many mistakes would be wider than its picture, and the figure with it.
    longest = max(len(" ".join(text for text, _ in line)) for line in lines)
    fontsize *= min(1, _LONGEST_LINE / max(longest, 1))
    gap = 0.35 * fontsize
    packed = []
    for line in lines:
        words = [TextArea(text, textprops={"fontsize": fontsize} | look) for text, look in line]
        packed.append(HPacker(children=words, pad=0, sep=gap, align="baseline"))
    return VPacker(children=packed, pad=0, sep=gap, align="center")


@checked(curves=Curves(Values(least=0)), window=Count())
def plot_curves(curves: Mapping[str, Sequence[float]], ylabel: str, window: int = 1) -> Figure:
    """Losses, or other measures, over the steps of training, on a logarithmic axis.

    Parameters
    ----------
    curves : dict
        Name -> values of 0 or more.
    ylabel : str
    window : int
        Average over this many steps.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, ax = plt.subplots()
    for name, values in curves.items():
        _plot_smooth(ax, values, window, name)
    ax.set(xlabel="step", ylabel=ylabel, yscale="log", xlim=(0, None))
    return finish(figure, ax, legend=len(curves) > 1)


@dataclass(frozen=True)
class _Trained:
    """Trained and validated solvers by name, or objects with the same two histories."""

    def __call__(self, name: str, solvers: Mapping[str, CaptioningSolver], call: Call) -> None:
        check_names(name, solvers)
        for title, solver in solvers.items():
            for history, most in (("loss_history", float("inf")), ("validation_history", 1)):
                if not hasattr(solver, history):
                    raise TypeError(
                        named(f"{name}[{title!r}] has no {history}, expected a CaptioningSolver")
                    )
                if len(getattr(solver, history)) == 0:
                    raise ValueError(
                        named(f"{history} of {name}[{title!r}] is empty; call its train() first")
                    )
                Values(least=0, most=most)(
                    f"{history} of {name}[{title!r}]", getattr(solver, history), call
                )


@checked(solvers=_Trained(), window=Count())
def plot_training(solvers: Mapping[str, CaptioningSolver], window: int = 50) -> Figure:
    """Losses and validation measures of one network, or of several side by side.

    Parameters
    ----------
    solvers : dict
        Name -> trained :class:`~cs231n_lib.speak.training.CaptioningSolver`, whose validation
        measure is a share from 0 to 1.
    window : int
        Average the loss over this many steps.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = plt.subplots(1, 2)
    for (name, solver), marker in zip(solvers.items(), itertools.cycle(MARKERS)):
        _plot_smooth(left, solver.loss_history, window, name)
        percent = 100 * np.asarray(solver.validation_history)
        right.plot(np.arange(1, len(percent) + 1), percent, marker=marker, label=name)
    left.set(xlabel="step", ylabel="loss of a sentence", yscale="log", xlim=(0, None))
    right.set(xlabel="epoch", ylabel="true captions, %", ylim=(0, 100))
    return finish(figure, right, legend=len(solvers) > 1)


def _plot_smooth(ax: Axes, values: Sequence[float], window: int, label: str) -> None:
    window = min(window, len(values))  # the run may be too short to fill one
    smooth = np.convolve(values, np.full(window, 1 / window), mode="valid")
    ax.plot(np.arange(window, len(values) + 1), smooth, label=label)


_ATTRIBUTES = (
    "first size", "first colour", "first shape", "relation",
    "second size", "second colour", "second shape",
)  # fmt: skip


@dataclass(frozen=True)
class _Shares:
    """Network -> attribute -> share from 0 to 1."""

    def __call__(self, name: str, shares: Mapping[str, Mapping[str, float]], call: Call) -> None:
        check_names(name, shares)
        for network, share in shares.items():
            unknown = [key for key in share if key not in (*_ATTRIBUTES, "grammar")]
            if unknown:
                raise ValueError(
                    named(
                        f"{name}[{network!r}] has {unknown[0]!r}, expected attributes such as "
                        "'first colour'"
                    )
                )
            if share:
                Values(least=0, most=1)(f"{name}[{network!r}]", list(share.values()), call)


@checked(shares=_Shares())
def plot_mistakes(shares: Mapping[str, Mapping[str, float]]) -> Figure:
    """Bars: how often each attribute is wrong, for one network or several side by side.

    Parameters
    ----------
    shares : dict of dicts
        Network -> attribute -> share of captions from 0 to 1, as from
        :func:`cs231n_lib.speak.truth.count_mistakes` over the number of captions. A missing
        attribute counts as 0; ``"grammar"`` has no bar.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, ax = plt.subplots()
    width = 0.8 / len(shares)
    for k, (name, share) in enumerate(shares.items()):
        places = np.arange(len(_ATTRIBUTES)) + (k - (len(shares) - 1) / 2) * width
        percent = [100 * share.get(attribute, 0) for attribute in _ATTRIBUTES]
        bars = ax.bar(places, percent, width * 0.92, label=name)
        ax.bar_label(bars, fmt="%.0f", padding=2, fontsize=9)
    ticks = [attribute.replace(" ", "\n") for attribute in _ATTRIBUTES]
    ax.set_xticks(np.arange(len(_ATTRIBUTES)), ticks)
    ax.set_ylabel("captions with this mistake, %")
    ax.grid(False, axis="x")
    return finish(figure, ax, legend=len(shares) > 1)
