"""A figure of the book is shown once, and names its curves where it is asked to."""

import matplotlib.pyplot as plt
import pytest

from cs231n_lib.figures.style import MARKERS, STYLE, finish


@pytest.mark.parametrize("legend", [False, True])
def test_a_finished_figure_is_closed_and_has_a_legend_if_asked(legend):
    with plt.rc_context(STYLE):
        figure, ax = plt.subplots()
        ax.plot([0, 1], [0, 1], MARKERS[0], label="line")
        assert finish(figure, ax, legend) is figure
    assert not plt.fignum_exists(figure.number)
    assert (ax.get_legend() is not None) == legend
