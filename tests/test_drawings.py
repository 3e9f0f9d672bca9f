"""Every figure is drawn as it was: each text, colour, place and size."""

from __future__ import annotations

import json
from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.drawings import RECORD, differences, drawing_contracts, look, looks

RECORDED = json.loads(RECORD.read_text(encoding="utf-8"))
DRAWING = drawing_contracts()


def test_every_function_that_draws_is_recorded():
    assert DRAWING.keys() == RECORDED.keys()


@pytest.mark.parametrize("name", RECORDED)
def test_figures_are_drawn_as_recorded(name):
    found = looks(DRAWING[name])
    assert len(found) == len(RECORDED[name])
    for figure, recorded in zip(found, RECORDED[name]):
        assert not differences(figure, recorded), "if that is meant: python -m tests.drawings"


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def example() -> tuple[Figure, plt.Axes]:
    figure, ax = plt.subplots()
    ax.plot([1.0, 2.0, 4.0], color="red", label="a line")
    ax.imshow(np.linspace(0, 1, 64).reshape(8, 8), extent=(0, 1, 1, 2))
    ax.set_title("a title", fontsize=9)
    return figure, ax


CHANGES: dict[str, Callable[[plt.Axes], object]] = {
    "a text": lambda ax: ax.set_title("another", fontsize=9),
    "the size of a text": lambda ax: ax.title.set_fontsize(9.5),
    "a colour": lambda ax: ax.lines[0].set_color("#fe0000"),
    "the width of a line": lambda ax: ax.lines[0].set_linewidth(2),
    "dashes": lambda ax: ax.lines[0].set_linestyle("--"),
    "a place": lambda ax: ax.lines[0].set_ydata([1.0, 2.02, 4.0]),
    "the colours of an image": lambda ax: ax.images[0].set_cmap("gray"),
    "the numbers of an image": lambda ax: ax.images[0].set_clim(0, 1.1),
    "a line more": lambda ax: ax.axhline(1),
    "a grid": lambda ax: ax.grid(visible=True),
    "a legend": lambda ax: ax.legend(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_drawn_otherwise_is_noticed_and_nothing_else(change):
    figure, ax = example()
    before = look(figure)
    assert differences(look(example()[0]), before) == []
    change(ax)
    assert differences(look(figure), before) != []
