"""Figures of the captioning chapters, in one style."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, HPacker, TextArea, VPacker

from cs231n_lib.figures.checks import check_curves, check_values
from cs231n_lib.figures.style import COLOUR, MARKERS, finish
from cs231n_lib.speak.scenes import RELATIONS, Scene, draw
from cs231n_lib.speak.training import CaptioningSolver
from cs231n_lib.speak.truth import judge
from cs231n_lib.validation import check_count, check_texts

__all__ = [
    "plot_curves",
    "plot_mistakes",
    "plot_training",
    "show_captions",
]

_LONGEST_LINE = 34  # letters that fit under a picture


def show_captions(
    scenes: Sequence[Scene], sentences: Sequence[str] | None = None, columns: int = 4
) -> Figure:
    """Pictures with a sentence under each, wrong words marked.

    Parameters
    ----------
    scenes : sequence of Scene
    sentences : sequence of str, optional
        One a scene; a word that is not true of it is set bold and red, the true word behind it in
        brackets. By default the scenes' own captions.
    columns : int

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If something else is given for a scene or a sentence, or ``columns`` is no int.
    ValueError
        If there are no scenes or no columns, or not as many sentences as scenes.
    """
    check_count("show_captions", "columns", columns)
    for scene in scenes:
        _check_scene("show_captions", scene)
    if len(scenes) == 0:
        raise ValueError("show_captions: no scenes were given")
    if sentences is not None:
        check_texts("show_captions", "sentences", sentences, len(scenes))
    sentences = [scene.captions[0] for scene in scenes] if sentences is None else sentences
    rows = -(-len(scenes) // columns)
    side, text = 8 / columns, 0.36  # inches: of a picture, of the two lines under it
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


def _check_scene(function: str, scene: Scene) -> None:
    if not isinstance(scene, Scene):
        raise TypeError(f"{function}: a scene is a {type(scene).__name__}, expected a Scene")


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


def plot_curves(curves: Mapping[str, Sequence[float]], ylabel: str, window: int = 1) -> Figure:
    """Losses, or other measures, over the steps of a training.

    Parameters
    ----------
    curves : dict
        Name -> values.
    ylabel : str
    window : int
        Average over so many steps.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If a curve holds no real numbers, or ``window`` is no int.
    ValueError
        If there is no curve or no value, if a value is NaN, infinite or negative, which a
        logarithmic axis would leave out, or if ``window`` is not positive.
    """
    check_count("plot_curves", "window", window)
    curves = check_curves("plot_curves", "curves", curves, least=0)
    figure, ax = plt.subplots()
    for name, values in curves.items():
        _plot_smooth(ax, values, window, name)
    ax.set(xlabel="step", ylabel=ylabel, yscale="log", xlim=(0, None))
    return finish(figure, ax, legend=len(curves) > 1)


def plot_training(solvers: Mapping[str, CaptioningSolver], window: int = 50) -> Figure:
    """Losses and validation measures of finished trainings, side by side.

    Parameters
    ----------
    solvers : dict
        Name -> :class:`~cs231n_lib.speak.training.CaptioningSolver`, trained.
    window : int
        Average losses over so many steps.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If something else is given for a solver, or ``window`` is no int.
    ValueError
        If there is no solver, or one that has not been trained and validated; if a loss is NaN,
        infinite or negative, or a validation measure not from 0 to 1.
    """
    check_count("plot_training", "window", window)
    losses = _histories("plot_training", solvers, "loss_history")
    shares = _histories("plot_training", solvers, "validation_history", most=1)
    figure, (left, right) = plt.subplots(1, 2)
    for name, marker in zip(solvers, itertools.cycle(MARKERS)):
        _plot_smooth(left, losses[name], window, name)
        percent = 100 * shares[name]
        right.plot(np.arange(1, len(percent) + 1), percent, marker=marker, label=name)
    left.set(xlabel="step", ylabel="loss of a sentence", yscale="log", xlim=(0, None))
    right.set(xlabel="epoch", ylabel="true captions, %", ylim=(0, 100))
    return finish(figure, right, legend=len(solvers) > 1)


def _histories(
    function: str, solvers: Mapping[str, CaptioningSolver], history: str, most: float = math.inf
) -> dict[str, np.ndarray]:
    if not all(hasattr(solver, history) for solver in dict(solvers).values()):
        raise TypeError(f"{function}: solvers have no {history}, expected CaptioningSolvers")
    for name, solver in solvers.items():
        if len(getattr(solver, history)) == 0:
            raise ValueError(f"{function}: {history} of {name!r} is empty; call its train() first")
    found = {name: getattr(solver, history) for name, solver in solvers.items()}
    return check_curves(function, history, found, least=0, most=most)


def plot_mistakes(shares: Mapping[str, Mapping[str, float]]) -> Figure:
    """Bars: how often each attribute is said wrongly, for one network or several side by side.

    Parameters
    ----------
    shares : dict of dicts
        Network -> attribute -> share of captions from 0 to 1, as from
        :func:`cs231n_lib.speak.truth.count_mistakes` over the number of captions. An attribute that is
        not there counts as 0; ``"grammar"`` has no bar.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If a share is no real number.
    ValueError
        If there is no network, an attribute that sentences do not have, or a share that is not
        from 0 to 1.
    """
    attributes = ["first size", "first colour", "first shape", "relation"]
    attributes += ["second size", "second colour", "second shape"]
    if not shares:
        raise ValueError("plot_mistakes: shares is empty, expected one network at least")
    for name, share in shares.items():
        unknown = [key for key in share if key not in (*attributes, "grammar")]
        if unknown:
            raise ValueError(
                f"plot_mistakes: shares[{name!r}] has {unknown[0]!r}, expected attributes such as "
                "'first colour'"
            )
        if share:
            values = list(share.values())
            check_values("plot_mistakes", f"shares[{name!r}]", values, least=0, most=1)
    figure, ax = plt.subplots()
    width = 0.8 / len(shares)
    for k, (name, share) in enumerate(shares.items()):
        places = np.arange(len(attributes)) + (k - (len(shares) - 1) / 2) * width
        bars = ax.bar(places, [100 * share.get(a, 0) for a in attributes], width * 0.92, label=name)
        ax.bar_label(bars, fmt="%.0f", padding=2, fontsize=9)
    ax.set_xticks(np.arange(len(attributes)), [a.replace(" ", "\n") for a in attributes])
    ax.set_ylabel("captions with this mistake, %")
    ax.grid(False, axis="x")
    return finish(figure, ax, legend=len(shares) > 1)


def _plot_smooth(ax: Axes, values: Sequence[float], window: int, label: str) -> None:
    window = min(window, len(values))  # of a training that was too short to fill one
    smooth = np.convolve(values, np.full(window, 1 / window), mode="valid")
    ax.plot(np.arange(window, len(values) + 1), smooth, label=label)
