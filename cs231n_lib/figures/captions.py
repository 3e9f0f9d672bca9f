"""Figures of the captioning chapters, in one style."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, HPacker, TextArea, VPacker

from cs231n_lib.figures.checks import check_curves, check_values
from cs231n_lib.speak.scenes import RELATIONS, Scene, draw
from cs231n_lib.speak.training import CaptioningSolver
from cs231n_lib.speak.truth import judge
from cs231n_lib.validation import check_count, check_finite, check_shapes, check_texts

__all__ = [
    "COLOUR",
    "STYLE",
    "gate_tiles",
    "plot_curves",
    "plot_gates",
    "plot_gradient_norms",
    "plot_mistakes",
    "plot_open_directions",
    "plot_training",
    "show_captions",
]

# Okabe and Ito's palette: told apart by readers with any kind of colour vision.
COLOUR = {
    "blue": "#0072B2",
    "orange": "#D55E00",
    "green": "#009E73",
    "purple": "#AA4499",
    "grey": "#6B6B6B",
    "ink": "#222222",
}
STYLE = {
    "figure.figsize": (8, 3.2),
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E3E3E3",
    "legend.frameon": False,
    "lines.linewidth": 2,
    "axes.prop_cycle": plt.cycler(
        color=[COLOUR[name] for name in ("blue", "orange", "green", "purple", "grey")]
    ),
}


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
    for name, marker in zip(solvers, itertools.cycle(_MARKERS)):
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
    for (name, values), marker in zip(curves.items(), itertools.cycle(_MARKERS)):
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


_OPEN = {"cmap": "viridis", "vmin": 0, "vmax": 1}
_DOES = {"f": "keeps", "i": "lets in", "o": "shows"}


def _plot_smooth(ax: Axes, values: Sequence[float], window: int, label: str) -> None:
    window = min(window, len(values))  # of a training that was too short to fill one
    smooth = np.convolve(values, np.full(window, 1 / window), mode="valid")
    ax.plot(np.arange(window, len(values) + 1), smooth, label=label)


def finish(figure: Figure, ax: Axes, legend: bool = False) -> Figure:
    """Close a figure, so that a notebook shows it once: as the value of its cell."""
    if legend:
        ax.legend()
    plt.close(figure)
    return figure


_MARKERS = "osD^v"


_GATE_TITLES = {
    "i": "input gate i", "f": "forget gate f", "o": "output gate o",
    "g": "candidate g", "c": "cell state c",
}  # fmt: skip
