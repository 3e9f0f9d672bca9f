"""Figures of the saliency chapter: maps over photographs, and curves with their words."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from cs231n_lib.figures.saliency import (
    overlay,
    plot_deletion,
    plot_path,
    plot_randomisation,
    show_maps,
    show_overlays,
    visible,
)


def test_a_map_darkens_the_photograph_where_it_is_low_and_glows_where_it_is_high():
    image = np.array([[[60, 90, 120]] * 4], np.uint8)
    low, edge, half, high = overlay(image, np.array([[0, 0.15, 0.575, 1]]))[0]
    assert low.tolist() == edge.tolist() == [68] * 3  # three quarters of the mean
    for found, above in ((half, 0.5), (high, 1.0)):
        weight = above**0.6
        hot = np.array(matplotlib.colormaps["inferno"](0.35 + 0.5 * above)[:3])
        glow = 255 * hot * (0.6 + 0.4 * 90 / 255)
        np.testing.assert_allclose(found, 67.5 * (1 - weight) + weight * glow, atol=1)


def test_inside_a_glow_the_photograph_can_still_be_seen():
    image = np.array([[[0] * 3, [255] * 3]], np.uint8)
    dark, bright = overlay(image, np.ones((1, 2)))[0]
    assert (dark < 0.61 * bright + 1).all() and dark.any()


def test_overlays_lie_below_their_photographs_and_say_a_large_word():
    images = [np.full((4, 4, 3), n, np.uint8) for n in (50, 200)]
    heats = [np.eye(4), np.zeros((4, 4))]
    figure = show_overlays(images, heats, ["cat", "dog"])
    expected = [*images, overlay(images[0], heats[0]), overlay(images[1], heats[1])]
    for ax, image in zip(figure.axes, expected, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), image)
    words = [[text for text in ax.texts if text.get_text()] for ax in figure.axes]
    assert [[text.get_text() for text in each] for each in words] == [[], [], ["cat"], ["dog"]]
    points = words[2][0].get_fontsize()
    assert points / 72 * 360 / figure.get_figwidth() > 11  # pixels, on a page of 360


@pytest.mark.parametrize(
    ("maps", "percentile", "ends", "words", "colours"),
    [
        ([1.0, 2, 3, 4], 100, (0, 1), ["0", "largest"], "inferno"),
        ([1.0, 2, 3, 4], 99, (0, 1), ["0", "99th\npercentile"], "inferno"),
        ([-2.0, 0, 1, 1], 100, (-1, 1), ["against", "0", "for"], "RdBu_r"),
    ],
)
def test_one_bar_says_what_the_colours_of_all_maps_mean(maps, percentile, ends, words, colours):
    """Also of a map that is not negative, beside one that is."""
    images = [np.zeros((2, 2, 3), np.uint8)] * 2
    maps = torch.tensor([maps, [1.0, 2, 3, 4]]).view(2, 2, 2)
    figure = show_maps(images, {"a": maps, "b": 2 * maps}, ["cat", "dog"], percentile)
    *axes, bar = figure.axes
    assert len(axes) == 6
    for ax, expected in zip(axes[2:], [*visible(maps, percentile)] * 2):
        shown = ax.images[0]
        np.testing.assert_allclose(shown.get_array(), expected)
        assert (shown.get_clim(), shown.get_cmap().name) == (ends, colours)
    assert [tick.get_text() for tick in bar.get_yticklabels()] == words
    boxes = [ax.get_position(original=True) for ax in axes]
    assert len({round(box.height, 9) for box in boxes}) == 1
    assert bar.get_position().x0 > boxes[-1].x1
    assert bar.get_position().y0 == boxes[-1].y0 and bar.get_position().y1 == boxes[2].y1
    assert [axes[k].get_ylabel() for k in (0, 2, 4)] == ["photograph", "a", "b"]


def test_a_path_shows_the_scores_and_between_them_their_slopes():
    figure = plot_path([0, 0.4, 0.5, 1], {"cat": [1, 3, 4, 4], "dog": [0, 0, 0, 1]})
    left, right = figure.axes
    assert [line.get_label() for line in left.lines] == ["cat", "dog"]
    np.testing.assert_allclose(left.lines[0].get_xydata(), [[0, 1], [0.4, 3], [0.5, 4], [1, 4]])
    np.testing.assert_allclose(right.lines[0].get_xydata(), [[0.2, 5], [0.45, 10], [0.75, 0]])
    for line, area in zip(right.lines, right.collections):
        assert line.get_linewidth() == 1
        assert area.get_alpha() == 0.15 and area.get_linewidth() == [0]
        np.testing.assert_allclose(area.get_facecolor()[0, :3], to_rgb(line.get_color()))
    assert [ax.get_title() or ax.get_title("left") for ax in figure.axes] == ["score", "its slope"]
    for ax in figure.axes:
        assert ax.get_xlabel() == "way from black to the picture, α"
        assert ax.get_xlim() == (0, 1)
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["cat", "dog"]


def test_deletion_and_insertion_are_side_by_side_on_one_scale():
    figure = plot_deletion([0, 0.5, 1], {"a": [0.9, 0.5, 0.1]}, {"a": [0.1, 0.5, 0.8]})
    left, right = figure.axes
    assert figure.get_size_inches().tolist() == [8, 3.6]
    assert left.get_shared_y_axes().joined(left, right)
    np.testing.assert_allclose(left.lines[0].get_xydata(), [[0, 0.9], [50, 0.5], [100, 0.1]])
    np.testing.assert_allclose(right.lines[0].get_xydata(), [[0, 0.1], [50, 0.5], [100, 0.8]])
    assert [ax.get_title() or ax.get_title("left") for ax in figure.axes] == [
        "deletion: lower is better", "insertion: higher is better",
    ]  # fmt: skip
    assert (left.get_xlabel(), right.get_xlabel()) == ("places deleted, %", "places inserted, %")
    assert (left.get_ylabel(), right.get_ylabel()) == ("probability of the class", "")
    assert left.get_xlim() == right.get_xlim() == (0, 100)
    assert left.get_ylim()[0] == 0
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["a"]


def test_what_is_left_of_a_map_is_drawn_block_by_block():
    methods = {f"method {k}": {"top": 0.9, "all": k / 9 - 0.3} for k in range(7)}
    figure = plot_randomisation(methods)
    (ax,) = figure.axes
    *curves, zero = ax.lines
    assert figure.get_size_inches().tolist() == [8, 3.6]
    assert [list(curve.get_ydata()) for curve in curves] == [
        list(values.values()) for values in methods.values()
    ]
    styles = {(curve.get_color(), curve.get_linestyle()) for curve in curves}
    assert len(styles) == 7
    assert all((curve.get_marker(), curve.get_markersize()) == ("o", 4) for curve in curves)
    assert (list(zero.get_ydata()), zero.get_color()) == ([0, 0], "#222222")
    assert zero.get_linewidth() == 0.8
    ticks = ax.get_xticklabels()
    assert [tick.get_text() for tick in ticks] == ["top", "all"]
    assert {(t.get_rotation(), t.get_ha(), t.get_fontsize()) for t in ticks} == {(30, "right", 8.5)}
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "random from the top down to here", "rank correlation",
    )  # fmt: skip
    assert ax.get_ylim()[0] < -0.3 and ax.get_ylim()[1] == 1.05
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(methods)
    calm = plot_randomisation({"a": {"top": 0.9, "all": 0.5}}).axes[0]
    assert calm.get_ylim() == (-0.25, 1.05)


def test_a_cold_place_shows_three_quarters_of_its_own_grey():
    image = np.array([[[0, 0, 0], [30, 60, 90]], [[248, 248, 248], [200, 0, 0]]], np.uint8)
    shown = overlay(image, np.zeros((2, 2)))
    assert shown.tolist() == [[[0] * 3, [45] * 3], [[186] * 3, [50] * 3]]


@pytest.mark.parametrize("scale", [1e-3, 1, 50])
@pytest.mark.parametrize(
    ("row", "percentile", "expected"),
    [
        ([-4, 0, 1, 2, 3], 50, [-1, 0, 0.5, 1, 1]),
        ([-4, 0, 1, 2, 3], 75, [-1, 0, 1 / 3, 2 / 3, 1]),
        ([-4, 0, 1, 2, 3], 100, [-1, 0, 0.25, 0.5, 0.75]),
        ([0, -2, 0, 0, 1], 50, [0, -1, 0, 0, 0.5]),  # the percentile is zero, the map is not
        ([0, 0, 0, 0, 0], 99, [0, 0, 0, 0, 0]),
    ],
)
def test_each_map_is_measured_by_its_own_percentile(row, percentile, expected, scale):
    maps = torch.tensor([[row], [[7, 7, 7, 7, 7]]], dtype=torch.float64)
    maps[0] *= scale
    first, second = visible(maps, percentile)
    np.testing.assert_allclose(first, [expected], atol=1e-12)
    np.testing.assert_allclose(second, np.ones((1, 5)))


def test_both_panels_name_the_same_curves_side_by_side():
    curves = {"cat": [0, 3, 4], "dog": [0, 0, 1]}
    for figure in (plot_path([0, 0.5, 1], curves), plot_deletion([0, 0.5, 1], curves, curves)):
        for place, ax in enumerate(figure.axes):
            assert [line.get_label() for line in ax.lines] == ["cat", "dog"]
            assert ax.get_subplotspec().get_geometry() == (1, 2, place, place)


def test_a_correlation_may_be_rounded_beyond_one():
    (ax,) = plot_randomisation({"a": {"top": 1 + 9e-7, "all": -1 - 9e-7}}).axes
    assert ax.lines[0].get_label() == "a"
    for value in (1 + 2e-6, -1 - 2e-6):
        with pytest.raises(ValueError, match="expected at least -1 and at most 1"):
            plot_randomisation({"a": {"top": value}})
