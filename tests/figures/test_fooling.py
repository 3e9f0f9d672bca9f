"""Figures of the chapter on fooling images: they draw what they are given."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from cs231n_lib.figures.fooling import magnify, plot_class_map, plot_score_paths, plot_series
from cs231n_lib.figures.style import COLOUR
from cs231n_lib.see.fooling import Fooling
from cs231n_lib.see.pixels import normalize


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


def test_score_paths_are_told_apart_and_share_a_scale():
    figure = plot_score_paths({"one": result(("fooled",), (3,)), "two": result(("fooled",), (6,))})
    left, right = figure.axes
    assert left.get_shared_y_axes().joined(left, right)
    for ax, steps in ((left, 3), (right, 6)):
        rival, target, dot = ax.lines
        colours = [line.get_color() for line in (rival, target, dot)]
        assert colours == [COLOUR["grey"], COLOUR["orange"], COLOUR["orange"]]
        assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (steps, target.get_ydata()[-1])
        assert (dot.get_marker(), dot.get_markersize()) == ("o", 8)
        (ending,) = ax.texts
        assert (ending.get_position(), ending.get_ha()) == ((0.97, 0.05), "right")
        assert ending.get_transform() == ax.transAxes
        assert ending.get_color() == COLOUR["orange"]
        assert ax.get_xlim() == pytest.approx((0, steps * 1.04 + 0.2))
        assert ax.margins()[1] == 0.22
        assert all(tick == round(tick) for tick in ax.get_xticks())
        assert ax.get_xlabel() == "step"
    assert (left.get_ylabel(), right.get_ylabel()) == ("score", "")
    (legend,) = (ax.get_legend() for ax in figure.axes if ax.get_legend())
    assert [text.get_text() for text in legend.get_texts()] == ["best other class", "target"]


def test_measured_series_have_markers_and_computed_ones_none():
    figure = plot_series([1, 2, 4], {"a": [3.0, 2, 1], "b": [1.5, 1, 1]}, "x", "y", dashed=["b"])
    (ax,) = figure.axes
    measured, computed = ax.lines
    assert measured.get_marker() not in ("None", "") and measured.get_markersize() == 5
    assert (measured.get_linestyle(), computed.get_linestyle()) == ("-", "--")
    assert computed.get_marker() == "None"
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_xscale()) == ("x", "y", "linear")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    assert ax.get_ylim()[0] > 0.5
    assert plot_series([1, 2], {"a": [3.5, 2]}, "x", "y").axes[0].get_legend() is None


def test_counts_start_at_zero_and_have_whole_ticks():
    (ax,) = plot_series([1, 2], {"a": [1, 2], "b": [2, 3]}, "x", "y", log=True).axes
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), [2, 3])
    assert ax.get_xscale() == "log" and not plt.get_fignums()
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "2"]
    assert ax.get_ylim()[0] == 0
    assert all(tick == round(tick) for tick in ax.get_yticks())
    assert list(ax.get_xticks(minor=True)) == []


def test_the_class_map_gives_seven_classes_a_colour_and_a_name():
    classes = np.repeat(np.arange(9), [9, 8, 7, 6, 5, 4, 3, 2, 1]).reshape(5, 9)
    names = [f"class {c}" for c in range(9)]
    figure = plot_class_map(
        classes, names, np.arange(9) / 2, np.arange(5.0), "along", "across", {"p": (1, 2)}
    )
    (ax,) = figure.axes
    (image,) = ax.images
    np.testing.assert_array_equal(image.get_array(), np.minimum(classes, 7))
    assert image.get_clim() == (-0.5, 7.5)
    assert image.get_extent() == [-0.25, 4.25, -0.5, 4.5]
    assert (image.origin, image.get_interpolation()) == ("lower", "nearest")
    assert ax.get_aspect() == "auto"
    shown = [to_hex(image.cmap(image.norm(k))) for k in range(8)]
    assert shown[7] == "#ffffff" and len(set(shown)) == 8
    point, *keys = ax.lines
    assert [to_hex(key.get_color()) for key in keys] == shown[:7]
    assert all((key.get_marker(), key.get_markersize()) == ("s", 10) for key in keys)
    assert (point.get_color(), point.get_markeredgecolor()) == ("white", COLOUR["ink"])
    assert (point.get_marker(), point.get_markersize()) == ("o", 10)
    (label,) = ax.texts
    assert (label.xy, label.get_position(), label.get_fontsize()) == ((1, 2), (9, 7), 9)
    assert label.anncoords == "offset points"
    assert figure.get_size_inches().tolist() == [8, 4.2]
    assert label.get_bbox_patch().get_alpha() == 0.85
    legend = ax.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == names[:7]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("along", "across")
    figure.draw_without_rendering()
    assert legend.get_window_extent().x0 >= ax.get_window_extent().x1


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
