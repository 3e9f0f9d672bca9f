"""Figures of the chapter on fooling images."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from cs231n_lib.checks import Call, Count, Indices, Instance, Number, Texts, checked, named
from cs231n_lib.figures.checks import Curves, Rising, Values, check_names
from cs231n_lib.figures.style import COLOUR, MARKERS, finish
from cs231n_lib.see.checks import Pictures
from cs231n_lib.see.fooling import Fooling
from cs231n_lib.see.pixels import denormalize

__all__ = ["magnify", "plot_class_map", "plot_score_paths", "plot_series"]


@checked(X=Pictures(), X_fooling=Pictures(like="X"), times=Number(above=0))
def magnify(X: torch.Tensor, X_fooling: torch.Tensor, times: float = 10) -> np.ndarray:
    """The difference of two pictures, magnified, on a grey background.

    Parameters
    ----------
    X, X_fooling : (N, 3, H, W) tensors of floats
        Normalised pictures.
    times : float

    Returns
    -------
    (N, H, W, 3) uint8 array
        Mid grey where nothing changed; brighter where a colour was raised, darker where lowered.
    """
    change = denormalize(X_fooling.detach()) - denormalize(X.detach())
    pixels = (0.5 + times * change).clamp(0, 1).mul(255).round()
    return pixels.to("cpu", torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


@dataclass(frozen=True)
class _Results:
    def __call__(self, name: str, results: Mapping[str, Fooling], call: Call) -> None:
        check_names(name, results)
        n = call.arguments.get("n", 0)
        for title, result in results.items():
            Instance(Fooling, "as fool returns it")(f"{name}[{title!r}]", result)
            if n >= len(result.ended):
                raise ValueError(
                    named(
                        f"n is {n}, but {name}[{title!r}] has {len(result.ended)} pictures, "
                        "counted from 0"
                    )
                )


@checked(n=Count(least=0), results=_Results())
def plot_score_paths(results: Mapping[str, Fooling], n: int = 0) -> Figure:
    """The target's score and the best other score, step by step, one panel for each result.

    Parameters
    ----------
    results : dict
        Title -> :class:`~cs231n_lib.see.fooling.Fooling`.
    n : int
        Which of its pictures.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, or a result has no picture ``n``.
    """
    figure, axes = plt.subplots(1, len(results), sharey=True, squeeze=False)
    for ax, (title, result) in zip(axes[0], results.items()):
        last = int(result.steps[n])
        target = result.target_scores[: last + 1, n].tolist()
        rival = result.rival_scores[: last + 1, n].tolist()
        ax.plot(rival, color=COLOUR["grey"], label="best other class")
        ax.plot(target, color=COLOUR["orange"], label="target")
        ending = f"{result.ended[n]} after {last} steps"
        if result.ended[n] == "fooled":
            ax.plot(last, target[-1], "o", color=COLOUR["orange"], markersize=8)
        ax.text(
            0.97, 0.05, ending, transform=ax.transAxes, ha="right", fontsize=9,
            color=COLOUR["orange"],
        )  # fmt: skip
        ax.set_title(title, loc="left")
        ax.set(xlabel="step", xlim=(0, last * 1.04 + 0.2))
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.margins(y=0.22)
    axes[0, 0].set_ylabel("score")
    axes[0, 0].legend(loc="upper left")
    return finish(figure, axes[0, 0])


@checked(x=Values("K"), curves=Curves(Values("K", gaps=True)), dashed=Texts(ordered=False))
def plot_series(
    x: Sequence[float],
    curves: Mapping[str, Sequence[float]],
    xlabel: str,
    ylabel: str,
    log: bool = False,
    dashed: Sequence[str] = (),
) -> Figure:
    """Curves over a common axis.

    Parameters
    ----------
    x : sequence of K floats
    curves : dict
        Name -> K values. NaN is a gap.
    xlabel, ylabel : str
    log : bool
        Logarithmic x, with each value of ``x`` as a tick.
    dashed : sequence of str
        Names of curves that were computed rather than measured.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared; if an x is not positive on a logarithmic axis, or
        ``dashed`` has a name that no curve has.
    """
    _check_series(x, curves, log, dashed)
    figure, ax = plt.subplots()
    for (name, values), marker in zip(curves.items(), itertools.cycle(MARKERS)):
        style = {"linestyle": "--"} if name in dashed else {"marker": marker, "markersize": 5}
        ax.plot(x, values, label=name, **style)
    if log:
        ax.set_xscale("log")
        ax.set_xticks(x, [f"{value:g}" for value in x])
        ax.minorticks_off()
    if all(isinstance(value, int) for values in curves.values() for value in values):
        ax.yaxis.get_major_locator().set_params(integer=True)
        ax.set_ylim(bottom=0)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    return finish(figure, ax, legend=len(curves) > 1)


def _check_series(
    x: Sequence[float], curves: Mapping[str, object], log: bool, dashed: Collection[str]
) -> None:
    if log and min(x) <= 0:
        raise ValueError(named(f"x contains {min(x):g}, expected more than 0 as log is set"))
    unknown = [name for name in dashed if name not in curves]
    if unknown:
        raise ValueError(named(f"dashed names {unknown[0]!r}, expected one of {', '.join(curves)}"))


@dataclass(frozen=True)
class _Names:
    def __call__(self, name: str, names: Sequence[str], call: Call) -> None:
        Texts()(name, names, call)
        call.sizes["C"] = len(names)


@dataclass(frozen=True)
class _Points:
    def __call__(self, name: str, points: Mapping[str, tuple[float, float]], call: Call) -> None:
        Instance(Mapping)(name, points)
        for label, at in points.items():
            Values("2")(f"{name}[{label!r}]", at, Call({}))


@checked(
    names=_Names(), y=Rising("H", even=True), x=Rising("W", even=True),
    classes=Indices("H W", below="C"), points=_Points(),
)  # fmt: skip
def plot_class_map(
    classes: np.ndarray, names: Sequence[str], x: Sequence[float], y: Sequence[float],
    xlabel: str, ylabel: str, points: Mapping[str, tuple[float, float]],
) -> Figure:  # fmt: skip
    """What a network sees at each point of a plane through a picture, in colours.

    Parameters
    ----------
    classes : (len(y), len(x)) int array
    names : sequence of str
        Name of each class.
    x, y : sequences of floats
        The coordinates, evenly spaced.
    xlabel, ylabel : str
    points : dict
        Label -> position (x, y) of a picture to mark.

    Returns
    -------
    matplotlib.figure.Figure
        Each of the seven most frequent classes has a colour; all others are white.
    """
    found, counts = np.unique(classes, return_counts=True)
    shown = found[np.argsort(-counts, kind="stable")][:7]
    place = np.full(classes.shape, len(shown))
    for k, c in enumerate(shown):
        place[classes == c] = k
    palette = ["#0072B2", "#D55E00", "#009E73", "#F0E442", "#AA4499", "#56B4E9", "#E69F00"]
    palette = [*palette[: len(shown)], "#FFFFFF"]
    figure, ax = plt.subplots(figsize=(8, 4.2))
    dx, dy = (x[1] - x[0]) / 2, (y[1] - y[0]) / 2
    ax.imshow(
        place, origin="lower", cmap=ListedColormap(palette), vmin=-0.5, vmax=len(shown) + 0.5,
        extent=(x[0] - dx, x[-1] + dx, y[0] - dy, y[-1] + dy), interpolation="nearest",
        aspect="auto",
    )  # fmt: skip
    for label, at in points.items():
        ax.plot(*at, "o", color="white", markeredgecolor=COLOUR["ink"], markersize=10)
        ax.annotate(
            label, at, xytext=(9, 7), textcoords="offset points", fontsize=9,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5},
        )  # fmt: skip
    for k, c in enumerate(shown):
        ax.plot([], [], "s", color=palette[k], label=names[c], markersize=10)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.grid(False)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=9)
    return finish(figure, ax)
