"""Figures show what they are given, and leave matplotlib as they found it."""

from __future__ import annotations

from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.offsetbox import AnnotationBbox, TextArea

from cs231n_lib.figures import captions as plotting
from cs231n_lib.figures import diagrams
from cs231n_lib.speak.scenes import draw, sample_scenes

SCENES = sample_scenes("test", 5)
GATES = {name: np.linspace(-(name in "gc"), 1, 40).reshape(4, 10) for name in "ifogc"}
SOLVER = SimpleNamespace(loss_history=list(np.linspace(9, 1, 60)), validation_history=[0.2, 0.8])
FIGURES = {
    "captions": lambda: plotting.show_captions(SCENES),
    "curves": lambda: plotting.plot_curves({"a": [3, 2, 1], "b": [2, 1, 1]}, "loss"),
    "training": lambda: plotting.plot_training({"RNN": SOLVER, "LSTM": SOLVER}),
    "mistakes": lambda: plotting.plot_mistakes({"RNN": {"first colour": 0.1}, "LSTM": {}}),
    "norms": lambda: plotting.plot_gradient_norms({"h": np.ones(4), "c": np.array([0, 1, 2, 3.0])}),
    "open": lambda: plotting.plot_open_directions({"RNN": np.array([9.0, 4, 2])}),
    "gates": lambda: plotting.plot_gates(GATES, ["a", "b", "c", "d"]),
    "captioning": lambda: diagrams.draw_captioning(["<START>", "a", "star", "<END>"]),
    "unrolled": diagrams.draw_unrolled_rnn,
    "cell": diagrams.draw_lstm_cell,
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_drawn_and_nothing_is_left_behind(name, tmp_path):
    before = dict(mpl.rcParams)
    figure = FIGURES[name]()
    figure.savefig(tmp_path / "figure.png")
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


def texts_of(figure):
    boxes = [a for ax in figure.axes for a in ax.artists if isinstance(a, AnnotationBbox)]
    return [area.get_text() for box in boxes for area in box.offsetbox.findobj(TextArea)]


def test_a_true_caption_stands_as_it_is():
    texts = texts_of(plotting.show_captions(SCENES[:1]))
    assert " ".join(texts) == SCENES[0].captions[0]


def test_a_wrong_word_is_marked_and_followed_by_the_true_one():
    words = SCENES[0].captions[0].split()
    true = words[2]
    words[2] = "pink" if true != "pink" else "blue"
    figure = plotting.show_captions(SCENES[:1], [" ".join(words)])
    texts = texts_of(figure)
    assert texts[2:4] == [words[2], f"[{true}]"]
    (box,) = (a for a in figure.axes[0].artists if isinstance(a, AnnotationBbox))
    weights = [area._text.get_weight() for area in box.offsetbox.findobj(TextArea)]
    assert [i for i, weight in enumerate(weights) if weight == "bold"] == [2]


def test_bars_stand_in_the_order_of_the_sentence_and_in_percent():
    figure = plotting.plot_mistakes({"RNN": {"first size": 0.02, "second shape": 0.25}})
    (ax,) = figure.axes
    np.testing.assert_allclose([bar.get_height() for bar in ax.patches], [2, 0, 0, 0, 0, 0, 25])
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels[0] == "first\nsize"
    assert labels[3] == "relation"


def test_curves_are_averaged_over_their_window():
    figure = plotting.plot_curves({"a": [4.0, 2.0, 6.0]}, "loss", window=2)
    (line,) = figure.axes[0].lines
    np.testing.assert_allclose(line.get_ydata(), [3, 4])
    np.testing.assert_allclose(line.get_xdata(), [2, 3])


def test_gates_show_units_in_the_order_of_the_words_that_fill_them():
    cell = np.zeros((3, 5))
    cell[2, 0], cell[0, 1], cell[1, 3], cell[0, 4] = 2, -3, 4, 1
    gates = dict.fromkeys("ifog", cell.clip(0, 1)) | {"c": cell}
    figure = plotting.plot_gates(gates, ["a", "b", "c"], per_word=1)
    shown = figure.axes[4].images[0].get_array()
    np.testing.assert_array_equal(shown, cell[:, [1, 3, 0]].T)


def test_zeros_are_left_out_of_a_logarithmic_plot():
    figure = plotting.plot_gradient_norms({"c": np.array([0, 1, 2.0])})
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), [np.nan, 1, 2])


def test_the_captioning_diagram_reads_and_says_the_sentence():
    words = ["<START>", "a", "star", "<END>"]
    texts = [text.get_text() for text in diagrams.draw_captioning(words).axes[0].texts]
    assert sorted(text for text in texts if text in words) == sorted(words[:-1] + words[1:])


def test_a_training_shorter_than_the_window_is_drawn():
    figure = plotting.plot_curves({"a": [4.0, 2.0]}, "loss", window=50)
    (line,) = figure.axes[0].lines
    assert (line.get_xdata().tolist(), line.get_ydata().tolist()) == ([2], [3])


def test_no_curve_is_left_out():
    curves = {f"network {i}": np.array([2.0, 1.0]) for i in range(7)}
    solvers = dict.fromkeys(curves, SOLVER)
    assert len(plotting.plot_open_directions(curves).axes[0].lines) == 7
    assert [len(ax.lines) for ax in plotting.plot_training(solvers).axes] == [7, 7]


def test_training_shows_losses_on_the_left_and_percent_on_the_right():
    left, right = plotting.plot_training({"RNN": SOLVER, "LSTM": SOLVER}, window=10).axes
    assert (left.get_xlabel(), left.get_ylabel()) == ("step", "loss of a sentence")
    assert (right.get_xlabel(), right.get_ylabel()) == ("epoch", "true captions, %")
    np.testing.assert_allclose(right.lines[0].get_xydata(), [[1, 20], [2, 80]])
    assert len(left.lines[0].get_xdata()) == 51
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["RNN", "LSTM"]


def test_every_scene_is_shown_and_the_rest_of_the_grid_stays_empty():
    figure = plotting.show_captions(SCENES, columns=3)
    assert [len(ax.images) for ax in figure.axes] == [1, 1, 1, 1, 1, 0]
    assert figure.axes[0].images[0].get_array().shape == (384, 384, 3)


def test_the_other_diagrams_name_what_flows():
    texts = {text.get_text() for text in diagrams.draw_unrolled_rnn().axes[0].texts}
    assert {"$h_0$", "$x_1$", "$x_3$", "$L_2$", r"$dx_2 = da_2 W_x^\top$"} <= texts
    texts = {text.get_text() for text in diagrams.draw_lstm_cell().axes[0].texts}
    assert {"forget", "input", "candidate", "output", "$c_{t-1}$", "$c_t$", "$h_t$"} <= texts


def test_the_gates_of_each_word_are_a_sum_with_the_likeliest_next_words():
    vocabulary, words = ["a", "red", "star", "cross"], ["<START>", "a", "red"]
    rng = np.random.default_rng(0)
    gates = {name: rng.uniform(0.2, 1, (3, 9)) for name in "ifogc"}
    scores = np.log([[0.7, 0.1, 0.1, 0.1], [0.2, 0.5, 0.2, 0.1], [0.01, 0.01, 0.08, 0.9]])
    tiles = plotting.gate_tiles(SCENES[0], words, gates, scores, vocabulary)
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
    scene, *_ = plotting.gate_tiles(SCENES[0], words, GATES, np.zeros((4, 2)), ["a", "b"])
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
    figure = plotting.plot_gates(GATES, ["a", "b", "c", "d"])
    assert figure.get_size_inches().tolist() == [8, 4.6]
    images = [ax.images[0] for ax in figure.axes[:5]]
    for image in images:
        low, high = image.get_clim()
        signed = image.get_cmap().name == "RdBu_r"
        assert low == (-high if signed else 0) < high
    assert [image.get_cmap().name for image in images].count("RdBu_r") == 2


def test_norms_are_told_apart_without_colours():
    norms = {"h": np.ones(4), "c": np.ones(4)}
    lines = plotting.plot_gradient_norms(norms).axes[0].lines
    assert len({line.get_marker() for line in lines} - {"None", ""}) == 2


def test_bars_of_mistakes_stand_around_their_tick():
    figure = plotting.plot_mistakes({"RNN": {"first colour": 0.1}, "LSTM": {"first colour": 0.2}})
    (ax,) = figure.axes
    first, second = ([bar.get_x() + bar.get_width() / 2 for bar in bars] for bars in ax.containers)
    np.testing.assert_allclose(np.add(first, second) / 2, range(len(first)), atol=1e-9)
    assert np.less(first, second).all()


def test_a_share_of_true_captions_is_drawn_up_to_all_of_them():
    _, right = plotting.plot_training({"RNN": SOLVER}).axes
    assert right.get_ylim() == (0, 100)
