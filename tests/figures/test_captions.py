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
from cs231n_lib.speak.scenes import sample_scenes

SCENES = sample_scenes("test", 5)
SOLVER = SimpleNamespace(loss_history=list(np.linspace(9, 1, 60)), validation_history=[0.2, 0.8])
FIGURES = {
    "captions": lambda: plotting.show_captions(SCENES),
    "curves": lambda: plotting.plot_curves({"a": [3, 2, 1], "b": [2, 1, 1]}, "loss"),
    "training": lambda: plotting.plot_training({"RNN": SOLVER, "LSTM": SOLVER}),
    "mistakes": lambda: plotting.plot_mistakes({"RNN": {"first colour": 0.1}, "LSTM": {}}),
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


def test_bars_of_mistakes_stand_around_their_tick():
    figure = plotting.plot_mistakes({"RNN": {"first colour": 0.1}, "LSTM": {"first colour": 0.2}})
    (ax,) = figure.axes
    first, second = ([bar.get_x() + bar.get_width() / 2 for bar in bars] for bars in ax.containers)
    np.testing.assert_allclose(np.add(first, second) / 2, range(len(first)), atol=1e-9)
    assert np.less(first, second).all()


def test_a_share_of_true_captions_is_drawn_up_to_all_of_them():
    _, right = plotting.plot_training({"RNN": SOLVER}).axes
    assert right.get_ylim() == (0, 100)
