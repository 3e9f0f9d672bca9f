"""Figures of memory and gates show what they are given."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from cs231n_lib.figures.gates import (
    gate_tiles,
    plot_gates,
    plot_gradient_norms,
    plot_open_directions,
    plot_recall,
)
from cs231n_lib.speak.scenes import draw, sample_scenes

SCENES = sample_scenes("test", 1)
GATES = {name: np.linspace(-(name in "gc"), 1, 40).reshape(4, 10) for name in "ifogc"}
SHARES = {
    "RNN": np.array([[1, 0.5, 0.2], [1, 0.9, 0.3]]),
    "LSTM": np.array([[1, 1, 0.4], [1, 0.8, 0.2]]),
}
REACH = {"RNN": np.array([1, 0.1, 0]), "LSTM": np.array([1, 0.9, 0.8])}
FIGURES = {
    "recall": lambda: plot_recall([10, 20, 50], REACH, SHARES, guess=0.25),
    "norms": lambda: plot_gradient_norms({"h": np.ones(4), "c": np.array([0, 1, 2, 3.0])}),
    "open": lambda: plot_open_directions({"RNN": np.array([9.0, 4, 2])}),
    "gates": lambda: plot_gates(GATES, ["a", "b", "c", "d"]),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_drawn_and_nothing_is_left_behind(name, tmp_path):
    before = dict(mpl.rcParams)
    figure = FIGURES[name]()
    figure.savefig(tmp_path / "figure.png")
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


def test_no_curve_is_left_out():
    curves = {f"network {i}": np.array([2.0, 1.0]) for i in range(7)}
    assert len(plot_open_directions(curves).axes[0].lines) == 7


def test_recall_shows_every_seed_the_means_and_what_a_guess_would_be():
    left, right = FIGURES["recall"]().axes
    np.testing.assert_array_equal(left.lines[0].get_ydata(), [1, 0.1, np.nan])
    np.testing.assert_array_equal(left.lines[1].get_ydata(), REACH["LSTM"])
    *curves, chance = right.lines
    drawn = [curve.get_ydata() for curve in curves]
    expected = [row for s in SHARES.values() for row in (s.mean(axis=0), *s)]
    np.testing.assert_array_equal(drawn, expected)
    assert set(chance.get_ydata()) == {0.25}
    for line, curve in zip(left.lines, curves[::3], strict=True):
        assert line.get_color() == curve.get_color()
    assert [label.get_text() for label in right.get_xticklabels()] == ["10", "20", "50"]


def test_gates_show_units_in_the_order_of_the_words_that_fill_them():
    cell = np.zeros((3, 5))
    cell[2, 0], cell[0, 1], cell[1, 3], cell[0, 4] = 2, -3, 4, 1
    gates = dict.fromkeys("ifog", cell.clip(0, 1)) | {"c": cell}
    figure = plot_gates(gates, ["a", "b", "c"], per_word=1)
    shown = figure.axes[4].images[0].get_array()
    np.testing.assert_array_equal(shown, cell[:, [1, 3, 0]].T)


def test_zeros_are_left_out_of_a_logarithmic_plot():
    figure = plot_gradient_norms({"c": np.array([0, 1, 2.0])})
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), [np.nan, 1, 2])


def test_the_gates_of_each_word_are_a_sum_with_the_likeliest_next_words():
    vocabulary, words = ["a", "red", "star", "cross"], ["<START>", "a", "red"]
    rng = np.random.default_rng(0)
    gates = {name: rng.uniform(0.2, 1, (3, 9)) for name in "ifogc"}
    scores = np.log([[0.7, 0.1, 0.1, 0.1], [0.2, 0.5, 0.2, 0.1], [0.01, 0.01, 0.08, 0.9]])
    tiles = gate_tiles(SCENES[0], words, gates, scores, vocabulary)
    assert len(tiles) == 4
    for tile, said, chance in zip(tiles[1:], ("a", "red", "cross"), ("70%", "50%", "90%")):
        figure = mpl.figure.Figure(figsize=(3, 2))
        tile(figure)
        maps = {ax.get_title(): ax.images[0].get_array() for ax in figure.axes if ax.images}
        assert list(maps) == [
            "old cell", "forget gate", "input gate", "candidate", "new cell", "output gate",
        ]  # fmt: skip
        written = [text.get_text() for ax in figure.axes for text in ax.texts]
        assert written[:2] == [said, chance]
    # In the last tile: the same unit at the same place, fullest at the first word first.
    order = np.lexsort((-gates["c"].max(axis=0), gates["c"].argmax(axis=0)))
    np.testing.assert_array_equal(maps["new cell"], gates["c"][2, order].reshape(3, 3))
    np.testing.assert_array_equal(maps["old cell"], gates["c"][1, order].reshape(3, 3))
    np.testing.assert_array_equal(maps["forget gate"], gates["f"][2, order].reshape(3, 3))


def test_the_first_tile_of_the_gates_shows_the_scene_and_both_scales():
    words = ["<START>", "a", "red", "star"]
    scene, *_ = gate_tiles(SCENES[0], words, GATES, np.zeros((4, 2)), ["a", "b"])
    figure = mpl.figure.Figure(figsize=(3, 2))
    scene(figure)
    picture, *scales = (ax.images[0] for ax in figure.axes)
    np.testing.assert_array_equal(picture.get_array(), draw(SCENES[0], scale=8))
    assert [scale.get_cmap().name for scale in scales] == ["viridis", "RdBu_r"]
    assert not any(ax.axison for ax in figure.axes)
    boxes = [ax.get_position(original=True) for ax in figure.axes]
    assert all(0 <= box.x0 < box.x1 <= 1 and 0 <= box.y0 < box.y1 <= 1 for box in boxes)
    ends = {text.get_text(): text.get_position() for text in figure.texts}
    assert list(ends) == ["0 closed", "1 open", "−", "+"]
    for box, (low, high) in zip(boxes[1:], (("0 closed", "1 open"), ("−", "+"))):
        assert box.x1 < ends[low][0] == ends[high][0] < 0.85
        assert (ends[low][1], ends[high][1]) == pytest.approx((box.y0, box.y1))


def test_gates_are_open_or_closed_and_cells_have_a_sign():
    figure = plot_gates(GATES, ["a", "b", "c", "d"])
    assert figure.get_size_inches().tolist() == [8, 4.6]
    images = [ax.images[0] for ax in figure.axes[:5]]
    for image in images:
        low, high = image.get_clim()
        signed = image.get_cmap().name == "RdBu_r"
        assert low == (-high if signed else 0) < high
    assert [image.get_cmap().name for image in images].count("RdBu_r") == 2


def test_norms_are_told_apart_without_colours():
    norms = {"h": np.ones(4), "c": np.ones(4)}
    lines = plot_gradient_norms(norms).axes[0].lines
    assert len({line.get_marker() for line in lines} - {"None", ""}) == 2
