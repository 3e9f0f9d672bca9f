"""Drawings of the networks: what is joined by an arrow, what is said where, and that it fits."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Rectangle
from matplotlib.transforms import Bbox

from cs231n_lib.figures import diagrams
from cs231n_lib.figures.style import COLOUR

WORDS = ["<START>", "a", "star", "<END>"]
DIAGRAMS: dict[str, Callable[[], Figure]] = {
    "captioning": lambda: diagrams.draw_captioning(WORDS),
    "unrolled": diagrams.draw_unrolled_rnn,
    "cell": diagrams.draw_lstm_cell,
    "forget gate": lambda: diagrams.draw_lstm_cell("forget"),
    "input gate": lambda: diagrams.draw_lstm_cell("input"),
    "output gate": lambda: diagrams.draw_lstm_cell("output"),
    "attention": diagrams.draw_attention,
}
every = pytest.mark.parametrize("draw", DIAGRAMS.values(), ids=DIAGRAMS.keys())


def arrows_of(ax: Axes) -> list[FancyArrowPatch]:
    return [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]


def ends_of(arrow: FancyArrowPatch) -> np.ndarray:
    return np.array(arrow._posA_posB)


def distances(ax: Axes, point: np.ndarray, but: FancyArrowPatch) -> Iterator[float]:
    """How far a point is from the edge of each box and circle, each word, line and other arrow."""
    for patch in ax.patches:
        if isinstance(patch, FancyBboxPatch | Rectangle):
            corner, size = np.array((patch.get_x(), patch.get_y())), patch.get_width()
            half = np.array((size, patch.get_height())) / 2
            yield abs((np.abs(point - corner - half) - half).max())
        elif isinstance(patch, Circle):
            yield abs(np.hypot(*(point - patch.center)) - patch.radius)
        elif patch is not but:
            yield from_segment(point, *ends_of(patch))
    for line in ax.lines:
        yield from_segment(point, *line.get_xydata())
    for text in ax.texts:
        if to_hex(text.get_color()) != COLOUR["orange"].lower():  # gradients stand beside
            away = np.abs(point - text.get_position())
            yield max(0.0, away.min() - 0.25, away.max() - 0.42)


def from_segment(point: np.ndarray, start: np.ndarray, end: np.ndarray) -> float:
    along = end - start
    share = np.clip((point - start) @ along / (along @ along), 0, 1)
    return float(np.hypot(*(point - start - share * along)))


@every
def test_an_arrow_leads_from_one_thing_to_another(draw):
    (ax,) = draw().axes
    loose = [
        point.tolist()
        for arrow in arrows_of(ax)
        for point in ends_of(arrow)
        if min(distances(ax, point, arrow)) > 0.06
    ]
    assert loose == []


@every
def test_all_of_it_is_inside_and_round_circles_stay_round(draw):
    figure = draw()
    (ax,) = figure.axes
    width, height = (np.ptp(limits) for limits in (ax.get_xlim(), ax.get_ylim()))
    inches = figure.get_size_inches()
    assert inches[0] == 8
    assert inches[0] / width == pytest.approx(inches[1] / height)
    assert ax.get_aspect() == 1
    assert not ax.axison
    points = [end for arrow in arrows_of(ax) for end in ends_of(arrow)]
    points += [text.get_position() for text in ax.texts if text.get_position() != (6, 0)]
    assert np.min(points) > 0.2
    assert (np.max(points, axis=0) < np.array((width, height)) - 0.2).all()


@every
def test_the_page_is_used_up_to_a_narrow_margin(draw):
    (ax,) = draw().axes
    extents = [artist.get_window_extent() for artist in (*ax.texts, *ax.patches)]
    around = ax.transData.inverted().transform_bbox(Bbox.union(extents))
    margins = *around.min, *(np.array((ax.get_xlim()[1], ax.get_ylim()[1])) - around.max)
    assert min(margins) > 0 and max(margins) < 0.9


@every
def test_nothing_runs_through_a_box_a_circle_or_a_label(draw):
    (ax,) = draw().axes
    extents = {
        patch: ax.transData.inverted().transform_bbox(patch.get_window_extent())
        for patch in ax.patches
        if not isinstance(patch, FancyArrowPatch)
    }
    assert not any(a.overlaps(b) for a, b in itertools.combinations(extents.values(), 2))
    lines = [ends_of(arrow) for arrow in arrows_of(ax)] + [line.get_xydata() for line in ax.lines]
    for start, end in lines:
        between = start + np.linspace(0.15, 0.85, 9)[:, None] * (end - start)
        for box in extents.values():
            assert not any(box.contains(*point) for point in between)
        for text in ax.texts:
            if to_hex(text.get_color()) == COLOUR["ink"].lower() and text.get_position() != (6, 0):
                assert np.hypot(*(between - text.get_position()).T).min() > 0.1, text


@every
def test_no_two_labels_overlap(draw):
    figure = draw()
    figure.draw_without_rendering()
    boxes = [text.get_window_extent().padded(-2) for text in figure.axes[0].texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_the_captioning_network_reads_a_word_and_says_the_next():
    (ax,) = DIAGRAMS["captioning"]().axes
    at = {text.get_position(): text.get_text() for text in ax.texts}
    for t, (read, said) in enumerate(itertools.pairwise(WORDS)):
        column = {y: text for (x, y), text in at.items() if x == t + 2.3}
        assert [text for _, text in sorted(column.items())] == [read, f"$h_{{{t + 1}}}$", said]
    words = [text for text in ax.texts if text.get_text() in WORDS]
    assert {(word.get_rotation(), word.get_fontsize()) for word in words} == {(20, 8.5)}
    others = [text for (x, _), text in sorted(at.items()) if x < 2.3]
    assert others == ["words it reads", "features\nof the\npicture", "words it should say", "$h_0$"]
    boxes = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    assert [to_hex(box.get_facecolor()) for box in boxes] == [
        COLOUR[name].lower() for name in ("green", "blue", "blue", "blue")
    ]
    assert kinds_of_arrows(ax) == {("-", COLOUR["ink"], 1.4): 9}


def test_gradients_flow_back_along_every_value_of_the_recurrent_network():
    (ax,) = DIAGRAMS["unrolled"]().axes
    assert kinds_of_arrows(ax) == {("-", COLOUR["ink"], 1.4): 9, ("--", COLOUR["orange"], 1.4): 12}
    for arrow in arrows_of(ax):
        right, up = np.diff(ends_of(arrow), axis=0)[0]
        back = arrow.get_linestyle() == "--"
        assert max(right, up) < 1e-9 if back else min(right, up) > -1e-9
        assert min(abs(right), abs(up)) < 1e-9
    red = [line for line in ax.lines if line.get_color() == COLOUR["orange"]]
    assert [line.get_linestyle() for line in red] == ["--"] * 3
    said = Counter(text.get_text() for text in ax.texts if text.get_color() == COLOUR["orange"])
    assert said == Counter(
        formula
        for t in (1, 2, 3)
        for formula in (
            rf"$dx_{t} = da_{t} W_x^\top$",
            rf"$dh_{t}$",
            rf"$\overline{{dh}}_{t}$",
            rf"$da_{t} W_h^\top$",
        )
    )
    at = {text.get_text(): text.get_position() for text in ax.texts}
    sizes = {text.get_text(): text.get_fontsize() for text in ax.texts}
    for t in (1, 2, 3):
        assert sizes[f"$x_{t}$"] == sizes[f"$L_{t}$"] == 13
        column = [at[name] for name in (f"$x_{t}$", rf"$h_{t}=\tanh(a_{t})$", f"$L_{t}$")]
        assert len({x for x, _ in column}) == 1
        assert column == sorted(column, key=lambda place: place[1])


def test_the_cell_state_runs_along_the_top_past_its_four_gates():
    (ax,) = DIAGRAMS["cell"]().axes
    assert kinds_of_arrows(ax) == {("-", COLOUR["ink"], 1.4): 11, ("-", COLOUR["ink"], 3): 3}
    state = np.array([ends_of(arrow) for arrow in arrows_of(ax) if arrow.get_linewidth() == 3])
    assert np.unique(state[..., 1]).size == 1
    assert (np.diff(state[..., 0].ravel()) > 0).all()
    gates = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    colours = [to_hex(gate.get_facecolor()) for gate in gates]
    assert colours == [COLOUR[name].lower() for name in ("blue", "blue", "purple", "blue")]
    said = [text.get_text() for text in ax.texts]
    assert [word for word in said if word.isalpha()] == ["forget", "input", "candidate", "output"]
    squashed = [word for word in said if word in (r"$\sigma$", r"$\tanh$")]
    assert squashed == [r"$\sigma$", r"$\sigma$", r"$\tanh$", r"$\sigma$", r"$\tanh$"]
    ends = [r"$c_{t-1}$", r"$c_t$", r"$x_t,\ h_{t-1}$", r"$h_t$"]
    assert [word for word in said if word in ends] == ends
    sizes = {text.get_text(): text.get_fontsize() for text in ax.texts}
    assert [sizes[word] for word in ends] == [14, 14, 13, 14]
    assert [word for word in said if word in ("$f_t$", "$i_t$", "$g_t$", "$o_t$")] == [
        "$f_t$", "$i_t$", "$g_t$", "$o_t$",
    ]  # fmt: skip


def test_a_query_meets_each_key_and_the_weights_of_the_values_add_up_to_one():
    (ax,) = DIAGRAMS["attention"]().axes
    said = Counter(text.get_text() for text in ax.texts)
    assert said["key"] == said["value"] == said[r"$\cdot$"] == said[r"$\times$"] == 3
    assert said["query"] == said["softmax"] == said[r"$h_{t-1}$"] == said[r"$z_t$"] == 1
    weights = [float(word) for word in said.elements() if word.startswith("0.")]
    assert sum(weights) == pytest.approx(1)
    bars = [line for line in ax.lines if to_hex(line.get_color()) == COLOUR["orange"].lower()]
    lengths = [np.ptp(bar.get_xdata()) for bar in bars]
    assert lengths == pytest.approx([0.75 * weight for weight in weights])
    # Each field that is followed is framed in the picture, and shown larger in the same frame.
    frames = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    for small, large in zip(frames[::2], frames[1::2], strict=True):
        assert small.get_edgecolor() == large.get_edgecolor()
    picture, *crops = (image.get_array() for image in ax.images)
    for crop, frame in zip(crops, frames[::2], strict=True):
        across, down = frame.get_x() - 0.2, 5.7 - frame.get_y() - 0.7
        row, column = (round(64 * place / 0.7) for place in (down, across))
        inside = picture[row : row + 64, column : column + 64]
        np.testing.assert_array_equal(inside[1:, 1:], crop[1:, 1:])


@pytest.mark.parametrize(
    ("lit", "bright"),
    [
        ("forget", ["$c_{t-1}$", "$f_t$", "forget"]),
        ("input", ["$c_t$", "$i_t$", "$g_t$", "input", "candidate"]),
        ("output", ["$c_t$", "$o_t$", r"$\tanh$", "$h_t$", "output"]),
    ],
)
def test_one_gate_is_lit_with_what_it_works_on_and_the_rest_is_pale(lit, bright):
    (ax,) = diagrams.draw_lstm_cell(lit).axes
    shown = [text for text in ax.texts if to_hex(text.get_color()).upper() != diagrams._PALE]
    names = [text.get_text() for text in shown if to_hex(text.get_color()) != "#ffffff"]
    signs = {r"$\times$", "+", r"$x_t,\ h_{t-1}$"}
    assert sorted(set(names) - signs) == sorted(bright)
    boxes = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    coloured = [to_hex(box.get_facecolor()).upper() != diagrams._PALE for box in boxes]
    assert coloured == [name in bright for name in ("forget", "input", "candidate", "output")]
    assert len(arrows_of(ax)) == len(arrows_of(DIAGRAMS["cell"]().axes[0]))


def kinds_of_arrows(ax: Axes) -> Counter:
    return Counter(
        (arrow.get_linestyle(), to_hex(arrow.get_edgecolor()).upper(), arrow.get_linewidth())
        for arrow in arrows_of(ax)
    )
