"""Figures of the chapter on fooling images: they draw what they are given."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from cs231n_lib.fooling import Fooling
from cs231n_lib.fooling_figures import magnify, plot_class_map, plot_score_paths, plot_series
from cs231n_lib.images import normalize


def test_magnify_shows_the_difference_on_grey():
    pixels = torch.full((1, 3, 2, 2), 0.4)
    changed = pixels.clone()
    changed[0, 0, 0, 0] += 5 / 255
    changed[0, 1, 1, 1] -= 2 / 255
    changed[0, 2, 1, 0] += 0.3
    shown = magnify(normalize(pixels), normalize(changed))
    assert shown.shape == (1, 2, 2, 3) and shown.dtype == np.uint8
    assert abs(int(shown[0, 0, 0, 0]) - 177) <= 1 and abs(int(shown[0, 1, 1, 1]) - 107) <= 1
    assert shown[0, 1, 0, 2] == 255 and shown[0, 0, 1, 0] in (127, 128)
    with pytest.raises(ValueError, match="magnify: X has shape"):
        magnify(normalize(pixels), normalize(changed)[:, :, :1])


def result(ended, steps):
    T = max(steps)
    scores = torch.arange(2.0 * (T + 1)).reshape(T + 1, 2)
    X = torch.zeros(2, 3, 4, 4)
    none = torch.zeros(2, dtype=torch.int64)
    return Fooling(X, X, none, ended, torch.tensor(steps), none, scores, -scores)


def test_score_paths_end_with_the_picture():
    figure = plot_score_paths(
        {"one": result(("fooled", "step limit"), (3, 5)), "two": result(("fooled",) * 2, (4, 4))}
    )
    left, right = figure.axes
    assert [ax.get_title(loc="left") for ax in (left, right)] == ["one", "two"]
    rival, target, dot = left.lines
    np.testing.assert_array_equal(target.get_ydata(), [0, 2, 4, 6])
    np.testing.assert_array_equal(rival.get_ydata(), [0, -2, -4, -6])
    assert dot.get_xdata()[0] == 3 and left.texts[0].get_text() == "fooled after 3 steps"
    unfinished = plot_score_paths({"": result(("fooled", "step limit"), (3, 5))}, n=1).axes[0]
    assert len(unfinished.lines) == 2
    assert unfinished.texts[0].get_text() == "step limit after 5 steps"


def test_series_have_their_values_and_labels():
    figure = plot_series(
        [1, 2, 4], {"a": [3, 2, 1], "b": [1, 1, 1]}, "x", "y", log=True, dashed=["b"]
    )
    (ax,) = figure.axes
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [3, 2, 1])
    assert ax.lines[1].get_linestyle() == "--" and ax.get_xscale() == "log"
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "2", "4"]
    with pytest.raises(ValueError, match=r"curves\['a'\] has 2 values, expected 3"):
        plot_series([1, 2, 3], {"a": [1, 2]}, "x", "y")
    assert not plt.get_fignums()


def test_the_class_map_colours_the_frequent_classes():
    classes = np.zeros((4, 5), dtype=int)
    classes[0, :3] = 2
    figure = plot_class_map(
        classes, ["cat", "dog", "tea"], range(5), range(4), "x", "y", {"here": (1, 2)}
    )
    (ax,) = figure.axes
    place = ax.images[0].get_array()
    assert set(np.unique(place[classes == 0])) == {0} and set(np.unique(place[classes == 2])) == {1}
    assert [text.get_text() for text in ax.texts] == ["here"]
    assert ax.lines[0].get_xydata().tolist() == [[1, 2]]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["cat", "tea"]
