"""Figures of the chapter on style transfer: what they show, and how."""

import matplotlib.pyplot as plt

from cs231n_lib.figures.style_transfer import plot_losses


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
