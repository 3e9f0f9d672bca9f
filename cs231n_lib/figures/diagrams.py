"""Drawings of the networks: what flows where, forward and backward."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Rectangle

from cs231n_lib.checks import OneOf, Texts, checked, named
from cs231n_lib.figures.style import COLOUR, finish
from cs231n_lib.speak.scenes import Description, Scene, Thing, draw

__all__ = ["draw_attention", "draw_captioning", "draw_lstm_cell", "draw_unrolled_rnn"]

Point = tuple[float, float]

_PALE = "#D5D5D5"  # what is not the matter


@checked(words=Texts())
def draw_captioning(words: list[str]) -> Figure:
    """The captioning network, unrolled over a sentence.

    Parameters
    ----------
    words : list of str
        The sentence, with ``<START>`` before it and ``<END>`` after it.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are fewer than two words.
    """
    if len(words) < 2:
        raise ValueError(named(f"words has {len(words)}, expected at least <START> and <END>"))
    steps = len(words) - 1
    figure, ax = _canvas(width=steps + 2.2, height=4.2)
    _box(ax, (0.8, 2.1), "features\nof the\npicture", COLOUR["green"], size=(1.3, 1.1))
    for t in range(steps):
        x = t + 2.3
        _box(ax, (x, 2.1), rf"$h_{{{t + 1}}}$", COLOUR["blue"], size=(0.6, 0.6))
        start = (1.45, 2.1) if t == 0 else (x - 0.7, 2.1)
        _arrow(ax, start, (x - 0.3, 2.1))
        _arrow(ax, (x, 0.9), (x, 1.8))
        _arrow(ax, (x, 2.4), (x, 3.3))
        for y, word in ((0.6, words[t]), (3.6, words[t + 1])):
            ax.text(x, y, word, ha="center", va="center", fontsize=8.5, rotation=20)
    ax.text(1.62, 2.35, r"$h_0$", ha="center", fontsize=10)
    ax.text(0.8, 0.6, "words it reads", ha="center", va="center", color=COLOUR["grey"])
    ax.text(0.8, 3.6, "words it should say", ha="center", va="center", color=COLOUR["grey"])
    return finish(figure, ax)


def draw_unrolled_rnn() -> Figure:
    """A vanilla RNN over three steps: values forward in black, gradients backward in red."""
    figure, ax = _canvas(width=10.6, height=5)
    y, low = 2.5, 2.25
    centres = (2.1, 5.2, 8.3)
    ax.text(0.3, y, r"$h_0$", ha="center", va="center", fontsize=14)
    for t, x in enumerate(centres, start=1):
        left, right = x - 0.8, x + 0.8
        before = 0.6 if t == 1 else centres[t - 2] + 0.8
        _box(ax, (x, y), rf"$h_{t}=\tanh(a_{t})$", COLOUR["blue"], size=(1.6, 1))
        _arrow(ax, (before, y + 0.25), (left, y + 0.25))
        ax.text(x, 0.35, rf"$x_{t}$", ha="center", va="center", fontsize=13)
        _arrow(ax, (x - 0.15, 0.65), (x - 0.15, y - 0.5))
        ax.text(x, 4.7, rf"$L_{t}$", ha="center", va="center", fontsize=13)
        _arrow(ax, (x, y + 0.5), (x, 4.4))
        # Backward: the loss's own gradient comes down on the right and meets the one from later.
        meet = right + 0.45
        ax.plot([x + 0.3, meet], [4.7, 4.7], color=COLOUR["orange"], lw=1.4, ls="--")
        _arrow(ax, (meet, 4.7), (meet, low + 0.25), red=True)
        _arrow(ax, (meet - 0.25, low), (right, low), red=True)
        _circle(ax, (meet, low), "+")
        _arrow(ax, (x + 0.15, y - 0.5), (x + 0.15, 0.65), red=True)
        goal = 0.6 if t == 1 else centres[t - 2] + 1.5
        _arrow(ax, (left, low), (goal, low), red=True)
        for place, text in (
            ((x + 0.25, 1.3), rf"$dx_{t} = da_{t} W_x^\top$"),
            ((meet + 0.1, 3.75), rf"$dh_{t}$"),
            ((right + 0.05, low - 0.45), rf"$\overline{{dh}}_{t}$"),
            ((goal + 0.02, low - 0.33), rf"$da_{t} W_h^\top$"),
        ):
            ax.text(*place, text, color=COLOUR["orange"], va="center", fontsize=9.5)
    return finish(figure, ax)


@checked(lit=OneOf(("all", "forget", "input", "output")))
def draw_lstm_cell(lit: str = "all") -> Figure:
    """One step of an LSTM: four gates below, the cell state along the top.

    Parameters
    ----------
    lit : {"all", "forget", "input", "output"}
        The gate that is drawn in colour, with all it works on; the others are pale. The candidate
        goes with the input gate.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, ax = _canvas(width=10, height=5.4)
    top, gate_y, bus = 4.4, 2.2, 0.9
    gates = {"f": 2.2, "i": 3.9, "g": 5.3, "o": 7.2}
    names = {"f": "forget", "i": "input", "g": "candidate", "o": "output"}
    bright = {"all": "figo", "forget": "f", "input": "ig", "output": "o"}[lit]

    def ink(*of: str) -> str:
        return COLOUR["ink"] if set(of) & set(bright) else _PALE

    for place, word, colour, size in (
        ((0.35, top), r"$c_{t-1}$", ink("f"), 14), ((9.65, top), r"$c_t$", ink("i", "o"), 14),
        ((0.6, bus), r"$x_t,\ h_{t-1}$", COLOUR["ink"], 13), ((9.65, 3.1), r"$h_t$", ink("o"), 14),
    ):  # fmt: skip
        ax.text(*place, word, ha="center", va="center", fontsize=size, color=colour)

    _arrow(ax, (0.75, top), (gates["f"] - 0.25, top), width=3, colour=ink("f"))
    _arrow(ax, (gates["f"] + 0.25, top), (4.35, top), width=3, colour=ink("f", "i"))
    _arrow(ax, (4.85, top), (9.3, top), width=3, colour=ink("i", "o"))
    _circle(ax, (gates["f"], top), r"$\times$", colour=ink("f"))
    _circle(ax, (4.6, top), "+", colour=ink("i"))
    _circle(ax, (4.6, 3.4), r"$\times$", colour=ink("i"))
    _arrow(ax, (4.6, 3.65), (4.6, top - 0.25), colour=ink("i"))
    _circle(ax, (8.4, 3.1), r"$\times$", colour=ink("o"))

    ends = [1.3, *sorted(gates.values())]
    for gate, left, right in zip(gates, ends, ends[1:]):
        lit_to_here = ink(*(other for other in gates if gates[other] >= gates[gate]))
        ax.plot([left, right], [bus, bus], color=lit_to_here, lw=1.4, solid_capstyle="butt")
    for gate, x in gates.items():
        squash = r"$\tanh$" if gate == "g" else r"$\sigma$"
        _arrow(ax, (x, bus), (x, gate_y - 0.4), colour=ink(gate))
        colour = COLOUR["purple" if gate == "g" else "blue"] if gate in bright else _PALE
        _box(ax, (x, gate_y), squash, colour, size=(0.9, 0.75))
        grey = COLOUR["grey"] if gate in bright else _PALE
        ax.text(x + 0.1, gate_y - 0.62, names[gate], fontsize=9, color=grey)
    for gate, end in (
        ("f", (gates["f"], top - 0.25)), ("i", (4.42, 3.22)), ("g", (4.78, 3.22)),
    ):  # fmt: skip
        _arrow(ax, (gates[gate], gate_y + 0.38), end, label=gate, colour=ink(gate))
    ax.plot([gates["o"], gates["o"]], [gate_y + 0.38, 3.1], color=ink("o"), lw=1.4)
    _arrow(ax, (gates["o"], 3.1), (8.15, 3.1), colour=ink("o"))
    ax.text(7.65, 3.2, r"$o_t$", ha="center", va="bottom", fontsize=11, color=ink("o"))
    _arrow(ax, (8.4, top), (8.4, 3.35), label=r"$\tanh$", colour=ink("o"))
    _arrow(ax, (8.65, 3.1), (9.35, 3.1), colour=ink("o"))
    return finish(figure, ax)


def draw_attention() -> Figure:
    """One look: a query meets the key of every field, and the weights mix the values.

    Three of the 36 fields are followed, with weights of 0.8, 0.1 and 0.1.
    """
    large, small = Thing("large", "red", "circle"), Thing("small", "blue", "star")
    picture = draw(Scene(Description(large, "left of", small), seed=3), scale=4)
    pixels = len(picture) // 6
    fields = {(2, 1): (0.8, "orange"), (2, 3): (0.1, "blue"), (5, 0): (0.1, "grey")}
    crops = [picture[pixels * r : pixels * (r + 1), pixels * c : pixels * (c + 1)].copy()
             for r, c in fields]  # fmt: skip
    picture[::pixels] = picture[:, ::pixels] = 255
    figure, ax = _canvas(width=12.4, height=6)
    left, top, side = 0.2, 5.7, 0.7
    ax.imshow(picture, extent=(left, left + 6 * side, top - 6 * side, top))
    ax.set(xlim=(0, 12.4), ylim=(0, 6))

    rows = 5.15, 3.75, 2.35
    for y, crop, ((row, column), (weight, name)) in zip(rows, crops, fields.items()):
        frame = {"fill": False, "edgecolor": COLOUR[name], "linewidth": 2.6}
        corner = left + side * column, top - side * (row + 1)
        ax.add_patch(Rectangle(corner, side, side, **frame))
        ax.imshow(crop, extent=(5, 5.9, y - 0.45, y + 0.45))
        ax.add_patch(Rectangle((5, y - 0.45), 0.9, 0.9, **frame))
        _arrow(ax, (5.95, y), (6.5, y))
        _box(ax, (7, y), "key", COLOUR["purple"], size=(1, 0.6))
        _arrow(ax, (7.5, y), (7.95, y))
        _circle(ax, (8.2, y), r"$\cdot$")
        _arrow(ax, (8.45, y), (8.9, y))
        for share, colour in ((1, _PALE), (weight, COLOUR["orange"])):
            bar = {"color": colour, "linewidth": 17, "solid_capstyle": "butt"}
            ax.plot([8.92, 8.92 + 0.75 * share], [y, y], **bar)
        ax.text(9.3, y + 0.48, f"{weight:g}", ha="center", va="center", fontsize=10.5)
        ax.text(9.95, y, r"$\times$", ha="center", va="center", fontsize=13)
        _box(ax, (10.75, y), "value", COLOUR["green"], size=(1.1, 0.6))
        ax.plot([11.3, 11.8], [y, y], color=COLOUR["ink"], lw=1.4)
    for above, below in itertools.pairwise(rows):
        ax.plot([8.2, 8.2], [above - 0.25, below + 0.25], color=COLOUR["ink"], lw=1.4)
    ax.plot([11.8, 11.8], [1.75, rows[0]], color=COLOUR["ink"], lw=1.4)
    _arrow(ax, (6.6, 0.6), (7.65, 0.6))
    _box(ax, (8.2, 0.6), "query", COLOUR["purple"], size=(1.1, 0.6))
    _arrow(ax, (8.2, 0.9), (8.2, rows[2] - 0.25))
    _circle(ax, (11.8, 1.5), "+")
    _arrow(ax, (11.8, 1.25), (11.8, 0.9))
    for x, y, text, size in (
        (6.2, 0.6, r"$h_{t-1}$", 14), (9.3, 1.7, "softmax", 10.5), (11.8, 0.6, r"$z_t$", 14),
        (10.5, 0.6, "to the LSTM", 10.5),
    ):  # fmt: skip
        ax.text(x, y, text, ha="center", va="center", fontsize=size)
    return finish(figure, ax)


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    figure, ax = plt.subplots(figsize=(8, 8 * height / width))
    ax.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    ax.axis("off")
    return figure, ax


def _box(ax: Axes, centre: Point, text: str, colour: str, size: Point) -> None:
    corner = (centre[0] - size[0] / 2, centre[1] - size[1] / 2)
    ax.add_patch(
        FancyBboxPatch(
            corner, *size, boxstyle="round,pad=0,rounding_size=0.12",
            facecolor=colour, edgecolor="none",
        )
    )  # fmt: skip
    ax.text(*centre, text, ha="center", va="center", color="white", fontsize=10.5)


def _circle(ax: Axes, centre: Point, text: str, colour: str = COLOUR["ink"]) -> None:
    ax.add_patch(Circle(centre, 0.25, facecolor="white", edgecolor=colour, lw=1.4, zorder=3))
    ax.text(*centre, text, ha="center", va="center", fontsize=13, zorder=4, color=colour)


def _arrow(
    ax: Axes,
    start: Point,
    end: Point,
    red: bool = False,
    width: float = 1.4,
    label: str = "",
    colour: str = COLOUR["ink"],
) -> None:
    ax.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=11, shrinkA=0, shrinkB=0, lw=width,
            color=COLOUR["orange"] if red else colour, linestyle="--" if red else "-",
            zorder=0.9 if colour == _PALE else 1,
        )
    )  # fmt: skip
    if label:
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        text = label if label.startswith("$") else f"${label}_t$"
        ax.annotate(
            text, middle, xytext=(6, 0), textcoords="offset points", va="center", fontsize=11,
            color=colour,
        )  # fmt: skip
