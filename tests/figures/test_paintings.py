"""The generated paintings: their promises, and that each has strokes and not only colours."""

import numpy as np
import pytest

from cs231n_lib.figures import paintings
from cs231n_lib.figures.paintings import PAINTINGS, stained_glass
from tests.looks import assert_looks_like

# Mean colours of 6 x 6 fields. The chapter's results depend on what is painted.
LOOKS = {
    "swirls": [
        "#919b85 #4e6783 #284170 #314d78 #869f98 #4e7093",
        "#5783aa #82968e #7e9390 #5f737d #d5bf6a #869481",
        "#3a5e8c #939f8a #afb584 #7296a5 #92987a #7ba2b1",
        "#264a87 #7799a4 #5c82a2 #789293 #638294 #39649c",
        "#7f9997 #8fa08e #23437c #a8a980 #6f8a93 #6c797c",
        "#4e6d8d #667374 #254682 #2b4a81 #3c669e #6e91a4",
    ],
    "stained glass": [
        "#49225f #444e5c #4c724b #386251 #3e475f #4b285e",
        "#495060 #7b7533 #636359 #5b675f #7f8346 #514f54",
        "#3f7756 #616d66 #7f6641 #8c563b #565d64 #467244",
        "#346858 #65615c #8e6f42 #836645 #696959 #4e764d",
        "#504344 #746032 #697565 #6a6359 #837f41 #434a55",
        "#591f42 #4b5153 #476f59 #3b6442 #425856 #452660",
    ],
    "engraving": [
        "#96938e #c3bcae #a6a29a #7f7e7d #b7b2a6 #898683",
        "#4a4c56 #83817f #908d89 #868482 #4d4e58 #97948f",
        "#b3aea3 #646469 #9c9892 #999690 #868382 #54555d",
        "#95918d #8f8c88 #595a61 #878483 #b8b2a6 #8f8b87",
        "#7d7b7b #a4a098 #727173 #65656a #41434f #a29e96",
        "#97938e #777677 #bbb5a9 #94918c #807e7e #717072",
    ],
    "waves": [
        "#7d8a97 #7a969f #a59a97 #879ba5 #8d929c #a89796",
        "#778d9f #7a94a6 #938a90 #86a5ab #849ca2 #98898d",
        "#ac8986 #7b8a9b #828997 #91898e #94898d #ad8a87",
        "#8a98a2 #98a7a3 #918f97 #7b95a7 #7b94a6 #7d98a4",
        "#7795a8 #7ea1ad #7f9aa8 #908d95 #96949c #a48989",
        "#ac9797 #7b909f #a09193 #9a949a #95949c #97a1a2",
    ],
}

every = pytest.mark.parametrize("paint", PAINTINGS.values(), ids=PAINTINGS.keys())


@every
def test_the_seed_decides_and_no_global_generator_is_touched(paint):
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - nobody may have used it
    first, again, other = paint(33, 3), paint(33, 3), paint(33, 4)
    assert (first.shape, first.dtype) == ((33, 33, 3), np.uint8)
    assert np.array_equal(first, again)
    assert (first != other).mean() > 0.05
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("name", PAINTINGS)
def test_a_painting_is_the_one_of_the_chapter(name):
    assert_looks_like(PAINTINGS[name](96, 1), LOOKS[name])


@every
def test_a_larger_painting_is_the_same_one(paint):
    large = paint(192).reshape(64, 3, 64, 3, 3).mean(axis=(1, 3))
    small = paint(64).astype(float)
    both = np.corrcoef(large.ravel(), small.ravel())[0, 1]
    assert both > 0.5


@every
def test_a_painting_uses_dark_and_light_and_has_edges(paint):
    grey = paint(128).mean(axis=2)
    assert np.quantile(grey, 0.05) < 90
    assert np.quantile(grey, 0.95) > 140
    assert np.abs(np.diff(grey, axis=0)).mean() > 5


def test_strokes_of_the_swirls_follow_the_wind_around_a_star():
    """Around a star the picture changes less along a circle than across it."""
    grey = PAINTINGS["swirls"](256).mean(axis=2)
    down, right = np.gradient(grey)
    y, x = np.mgrid[:256, :256] / 256
    away = np.stack([x - 0.74, y - 0.24])
    distance = np.hypot(*away)
    ring = (distance > 0.04) & (distance < 0.18)
    outwards = (away[0] * right + away[1] * down) / distance.clip(min=1e-9)
    along = (-away[1] * right + away[0] * down) / distance.clip(min=1e-9)
    assert np.square(outwards[ring]).mean() > 1.5 * np.square(along[ring]).mean()


def test_panes_are_parted_by_dark_lead():
    dark = PAINTINGS["stained glass"](256).max(axis=2) < 90
    assert 0.1 < dark.mean() < 0.5


def test_an_engraving_has_ink_and_paper_and_little_between():
    grey = PAINTINGS["engraving"](256).mean(axis=2)
    assert ((grey < 60) | (grey > 200)).mean() > 0.6
    assert 0.2 < (grey < 120).mean() < 0.6


class Recorder:
    """In place of what draws: it keeps the lines."""

    def __init__(self):
        self.lines = []

    def line(self, points, **style):
        self.lines.append((np.array(points), style))


def strokes(colour, width=70.0):
    """The lines of a stroke that runs from left to right."""
    recorder = Recorder()
    rng = np.random.default_rng(0)
    line = np.stack([np.arange(100.0, 115), np.full(15, 50.0)], axis=1)
    paintings._stroke(recorder, rng, line, width, colour)
    return recorder.lines


def test_a_stroke_is_seven_bristles_side_by_side_that_draw_together():
    lines = strokes((90, 120, 200))
    assert len(lines) == 7
    share = np.sqrt(np.linspace(1, 0.12, 15))
    for k, (points, style) in enumerate(lines):
        places = (points[:, 0] - 100).astype(int)
        np.testing.assert_allclose(points[:, 1] - 50, 10 * (k - 3) * share[places], atol=1e-9)
        assert style["width"] == 15 and style["joint"] == "curve"
        assert all(isinstance(value, int) for value in style["fill"])
    assert [style["width"] for _, style in strokes((0, 0, 0), width=1.0)] == [1] * 7


def test_a_colour_is_picked_between_its_neighbours_in_the_palette():
    palette = paintings._palette("#000000 #0a1464 #ff1464")
    np.testing.assert_array_equal(palette, [[0, 0, 0], [10, 20, 100], [255, 20, 100]])
    picked = paintings._pick(palette, np.array([-1, 0, 0.25, 0.5, 1, 2]))
    expected = [[0, 0, 0], [0, 0, 0], [5, 10, 50], [10, 20, 100], [255, 20, 100], [255, 20, 100]]
    np.testing.assert_allclose(picked, expected)


def test_strokes_start_once_in_each_cell():
    places = paintings._spread(np.random.default_rng(0), 24, margin=0.1)
    assert places.shape == (25, 2)  # the next square
    cells = np.floor((places + 0.1) / 1.2 * 5).astype(int)
    assert sorted(map(tuple, cells.tolist())) == [(i, j) for i in range(5) for j in range(5)]
    in_rows = sorted(cells.tolist(), key=lambda cell: cell[::-1])
    assert cells.tolist() not in (in_rows, sorted(cells.tolist()))


def test_panes_are_bright_and_the_leading_between_them_is_dark():
    brightness = stained_glass(128).max(axis=2)
    assert 0.1 < (brightness < 90).mean() < 0.5 and (brightness > 120).mean() > 0.4
