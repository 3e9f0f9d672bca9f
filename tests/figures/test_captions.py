"""Figures of captions and trainings show what they are given, and leave matplotlib as it was."""

from __future__ import annotations

from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.offsetbox import AnnotationBbox, TextArea

from cs231n_lib.figures.captions import (
    compare_captions,
    plot_curves,
    plot_mistakes,
    plot_training,
    show_captions,
)
from cs231n_lib.figures.style import COLOUR
from cs231n_lib.speak.scenes import sample_scenes

SCENES = sample_scenes("test", 5)
SOLVER = SimpleNamespace(loss_history=list(np.linspace(9, 1, 60)), validation_history=[0.2, 0.8])
FIGURES = {
    "captions": lambda: show_captions(SCENES),
    "versions": lambda: compare_captions(SCENES, {"now": [s.captions[0] for s in SCENES]}),
    "curves": lambda: plot_curves({"a": [3, 2, 1], "b": [2, 1, 1]}, "loss"),
    "training": lambda: plot_training({"RNN": SOLVER, "LSTM": SOLVER}),
    "mistakes": lambda: plot_mistakes({"RNN": {"first colour": 0.1}, "LSTM": {}}),
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


def test_a_true_caption_is_shown_as_it_is():
    texts = texts_of(show_captions(SCENES[:1]))
    assert " ".join(texts) == SCENES[0].captions[0]


def test_a_wrong_word_is_marked_and_followed_by_the_true_one():
    words = SCENES[0].captions[0].split()
    true = words[2]
    words[2] = "pink" if true != "pink" else "blue"
    figure = show_captions(SCENES[:1], [" ".join(words)])
    texts = texts_of(figure)
    assert texts[2:4] == [words[2], f"[{true}]"]
    (box,) = (a for a in figure.axes[0].artists if isinstance(a, AnnotationBbox))
    weights = [area._text.get_weight() for area in box.offsetbox.findobj(TextArea)]
    assert [i for i, weight in enumerate(weights) if weight == "bold"] == [2]


def test_versions_lie_below_their_picture_and_grammar_is_told_from_truth():
    wrong = SCENES[1].captions[0].split()
    wrong[2] = "pink" if wrong[2] != "pink" else "blue"
    rows = {"early": ["a a a", "a a a"], "late": [SCENES[0].captions[0], " ".join(wrong)]}
    figure = compare_captions(SCENES[:2], rows)
    assert [text.get_text() for text in figure.texts] == ["early", "late"]
    for ax, *sentences in zip(figure.axes, *rows.values()):
        early, late = (a for a in ax.artists if isinstance(a, AnnotationBbox))
        assert 0 > early.xybox[1] > late.xybox[1]
        areas = [box.offsetbox.findobj(TextArea) for box in (early, late)]
        assert [" ".join(area.get_text() for area in line) for line in areas] == sentences
        looks = [{area._text.get_color() for area in line} for line in areas]
        assert looks[0] == {COLOUR["grey"], COLOUR["orange"]}
        assert looks[1] <= {COLOUR["ink"], COLOUR["orange"]}


def test_versions_make_a_figure_of_one_size_whatever_is_said():
    def size(sentence):
        figure = compare_captions(SCENES[:3], {"now": 3 * [sentence]})
        return figure.get_tightbbox().size

    np.testing.assert_array_equal(size("a"), size(" ".join(20 * ["triangle"])))


def test_bars_come_in_the_order_of_the_sentence_and_in_percent():
    figure = plot_mistakes({"RNN": {"first size": 0.02, "second shape": 0.25}})
    (ax,) = figure.axes
    np.testing.assert_allclose([bar.get_height() for bar in ax.patches], [2, 0, 0, 0, 0, 0, 25])
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels[0] == "first\nsize"
    assert labels[3] == "relation"


def test_curves_are_averaged_over_their_window():
    figure = plot_curves({"a": [4.0, 2.0, 6.0]}, "loss", window=2)
    (line,) = figure.axes[0].lines
    np.testing.assert_allclose(line.get_ydata(), [3, 4])
    np.testing.assert_allclose(line.get_xdata(), [2, 3])


def test_a_training_shorter_than_the_window_is_drawn():
    figure = plot_curves({"a": [4.0, 2.0]}, "loss", window=50)
    (line,) = figure.axes[0].lines
    assert (line.get_xdata().tolist(), line.get_ydata().tolist()) == ([2], [3])


def test_no_curve_is_left_out():
    curves = {f"network {i}": np.array([2.0, 1.0]) for i in range(7)}
    solvers = dict.fromkeys(curves, SOLVER)
    assert [len(ax.lines) for ax in plot_training(solvers).axes] == [7, 7]


def test_training_shows_losses_on_the_left_and_percent_on_the_right():
    left, right = plot_training({"RNN": SOLVER, "LSTM": SOLVER}, window=10).axes
    assert (left.get_xlabel(), left.get_ylabel()) == ("step", "loss of a sentence")
    assert (right.get_xlabel(), right.get_ylabel()) == ("epoch", "true captions, %")
    assert right.get_ylim() == (0, 100)
    np.testing.assert_allclose(right.lines[0].get_xydata(), [[1, 20], [2, 80]])
    assert len(left.lines[0].get_xdata()) == 51
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["RNN", "LSTM"]


def test_every_scene_is_shown_and_the_rest_of_the_grid_stays_empty():
    figure = show_captions(SCENES, columns=3)
    assert [len(ax.images) for ax in figure.axes] == [1, 1, 1, 1, 1, 0]
    assert figure.axes[0].images[0].get_array().shape == (384, 384, 3)


def test_bars_of_several_networks_lie_around_their_tick():
    figure = plot_mistakes({"RNN": {"first colour": 0.1}, "LSTM": {"first colour": 0.2}})
    (ax,) = figure.axes
    first, second = ([bar.get_x() + bar.get_width() / 2 for bar in bars] for bars in ax.containers)
    np.testing.assert_allclose(np.add(first, second) / 2, range(len(first)), atol=1e-9)
    assert np.less(first, second).all()
