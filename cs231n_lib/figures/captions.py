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

from cs231n_lib.checks import Call, Count, Each, Instance, Texts, checked, named
from cs231n_lib.figures.checks import Curves, Values, check_names
from cs231n_lib.figures.style import COLOUR, MARKERS, finish
from cs231n_lib.speak.scenes import RELATIONS, Scene, draw
from cs231n_lib.speak.training import CaptioningSolver
from cs231n_lib.speak.truth import judge

__all__ = [
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
        One for each scene; a wrong word is bold and red, followed by the right word in brackets. By
        default the scenes' own captions.
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


def _caption(sentence: str, scene: Scene, fontsize: float) -> VPacker:
    verdict = judge(sentence, scene)
    wrong = {mistake.word: mistake for mistake in verdict.mistakes}
    lines: list[list[tuple[str, dict[str, str]]]] = [[]]
    for index, word in enumerate(sentence.split()):
        if index and any(name.split()[0] == word for name in RELATIONS):
            lines.append([])
        mistake = wrong.get(index)
        marked = {"color": COLOUR["orange"], "weight": "bold"}
        lines[-1].append((word, marked if mistake else {"color": COLOUR["ink"]}))
        if mistake and mistake.true:
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
