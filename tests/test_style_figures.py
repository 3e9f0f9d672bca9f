"""Figures of the chapter on style transfer: what they show, and how."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cs231n_lib.style_figures import plot_losses, show_paintings


def test_show_paintings_enlarges_softly_and_closes_its_figure():
    images = [np.full((8, 8, 3), 20 * i, np.uint8) for i in range(6)]
    figure = show_paintings(images, list("abc"), columns=3, row_labels=["above", "below"])
    assert [ax.get_title() for ax in figure.axes] == ["a", "b", "c", "", "", ""]
    assert [ax.get_ylabel() for ax in figure.axes[::3]] == ["above", "below"]
    for ax, image in zip(figure.axes, images):
        assert ax.images[0].get_interpolation() == "bicubic"
        assert np.array_equal(ax.images[0].get_array(), image)
    assert plt.get_fignums() == []


def test_show_paintings_passes_errors_on():
    with pytest.raises(ValueError, match="no images were given"):
        show_paintings([])


def test_plot_losses_spans_whole_decades():
    figure = plot_losses({"a": [0.0, 250.0, 30.0], "b": [0.02, 0.5, 3.0]}, "weighted loss")
    (ax,) = figure.axes
    assert ax.get_ylim() == (0.01, 1000.0)
    assert ax.get_yscale() == "log"
    assert ax.get_xlabel() == "evaluations of the loss"
    assert ax.get_ylabel() == "weighted loss"
    assert [line.get_label() for line in ax.lines] == ["a", "b"]
    assert list(ax.lines[1].get_ydata()) == [0.02, 0.5, 3.0]
    assert plt.get_fignums() == []
