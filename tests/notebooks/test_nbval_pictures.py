"""The extension of nbval sees when a picture is another one, or one tile of it, and says where."""

from __future__ import annotations

import base64
import io

import nbformat
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from cs231n_lib.see.images import load_image
from tests.chapters import ROOT
from tests.nbval_pictures import (
    LEAST_SIMILARITY,
    LEAST_TILE,
    Likeness,
    Limits,
    likeness,
    limits,
    pictures,
    report,
    similarity,
)

CAT = Image.fromarray(load_image("chelsea", 224))


def encoded(picture: Image.Image, kind: str = "png") -> dict:
    file = io.BytesIO()
    picture.save(file, format=kind)
    text = base64.b64encode(file.getvalue()).decode()
    return {"output_type": "display_data", "data": {f"image/{kind}": text}, "metadata": {}}


def test_pictures_are_found_among_the_outputs():
    outputs = [encoded(CAT), {"output_type": "stream", "text": "a"}, encoded(CAT, "jpeg")]
    found = pictures(outputs)
    assert len(found) == 2
    np.testing.assert_array_equal(found[0], CAT)


def test_a_picture_resembles_itself_and_its_jpeg():
    assert similarity(CAT, CAT) == pytest.approx(1)
    assert similarity(CAT, pictures([encoded(CAT, "jpeg")])[0]) > 0.9


@pytest.mark.parametrize(
    "other",
    [
        Image.fromarray(load_image("coffee", 224)),
        Image.fromarray(np.asarray(CAT)[:, ::-1]),
        Image.fromarray(255 - np.asarray(CAT)),
        Image.new("RGB", CAT.size, "white"),
    ],
)
def test_another_picture_does_not(other):
    assert similarity(CAT, other) < 0.6


def test_another_shape_never_does():
    assert similarity(CAT, CAT.resize((224, 200))) == -1


def test_a_line_that_moved_is_seen():
    drawings = []
    for shift in (0, 12):
        pixels = np.full((320, 800, 3), 255, np.uint8)
        for x in range(50, 750):
            y = 160 + round(80 * np.sin(x / 60)) + shift
            pixels[y - 3 : y + 3, x] = 0
        drawings.append(Image.fromarray(pixels))
    assert similarity(drawings[0], drawings[0]) == pytest.approx(1)
    assert similarity(*drawings) < LEAST_SIMILARITY


def diagram(number: str) -> Image.Image:
    """A plot of 1400 × 600 pixels with one small number in it, as a figure of a chapter has."""
    drawing = Image.new("RGB", (1400, 600), "white")
    draw = ImageDraw.Draw(drawing)
    draw.rectangle((80, 40, 1360, 540), outline="black", width=3)
    draw.line([(x, 300 - round(0.2 * (x - 700))) for x in range(100, 1300, 100)], "blue", width=5)
    draw.text((400, 200), number, fill="black", font=ImageFont.load_default(size=22))
    return drawing


@pytest.mark.parametrize("other", ["0.88", "0.63", "-0.83", "0.8", "0.93"])
def test_a_number_that_has_changed_in_a_diagram_is_seen_in_its_tile_alone(other):
    found = likeness(diagram("0.83"), diagram(other))
    assert found.whole > 0.995  # lost in the average
    assert found.tile < LEAST_TILE
    left, top, right, bottom = np.multiply(found.box, (1400, 600, 1400, 600))
    assert 350 < left < right < 480
    assert 180 < top < bottom < 250


def test_the_worst_tile_of_equal_pictures_is_perfect():
    found = likeness(diagram("0.83"), diagram("0.83"))
    assert (found.whole, found.tile) == (pytest.approx(1), pytest.approx(1))


@pytest.mark.parametrize("small_tiles", [True, False])
def test_one_of_many_pictures_in_a_figure_replaced_by_another_is_seen(small_tiles):
    """A figure of eight photographs: the seventh shows something else."""
    figure, changed = Image.new("RGB", (896, 448)), Image.new("RGB", (896, 448))
    names = ["chelsea", "coffee", "camera", "rocket", "china", "astronaut", "flower"]
    for number, name in enumerate([*names, "chelsea"]):
        place = (number % 4 * 224, number // 4 * 224)
        figure.paste(Image.fromarray(load_image(name, 224)), place)
        other = "coffee" if number == 6 else name
        changed.paste(Image.fromarray(load_image(other, 224)), place)
    found = likeness(figure, changed, small_tiles)
    least = limits({} if small_tiles else {"least_similarity": 0.7})
    assert least.small_tiles == small_tiles
    assert found.whole > 0.8
    assert found.tile < least.tile
    assert not found.suffices(least)
    left, top, right, bottom = found.box
    assert 0.5 <= left < right <= 0.75
    assert 0.5 <= top < bottom <= 1


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, Limits(LEAST_SIMILARITY, LEAST_TILE, small_tiles=True)),
        ({"least_similarity": 0.6}, Limits(0.6, 0.3, small_tiles=False)),
        ({"least_similarity": 0.6, "least_tile": 0.1}, Limits(0.6, 0.1, small_tiles=False)),
    ],
)
def test_what_a_picture_must_reach_is_stated_for_each_kind(metadata, expected):
    assert limits(metadata) == expected


@pytest.mark.parametrize(
    ("whole", "tile", "expected"),
    [(0.6, 0.3, True), (0.59, 0.3, False), (0.6, 0.29, False), (1, 1, True)],
)
def test_both_the_whole_and_the_worst_tile_must_suffice(whole, tile, expected):
    found = Likeness(whole, tile, (0, 0, 1, 1))
    assert found.suffices(limits({"least_similarity": 0.6})) == expected


def test_the_report_frames_the_worst_tile_three_times(tmp_path):
    white = Image.new("RGB", (600, 300), "white")
    changed = white.copy()
    changed.paste("blue", (300, 150, 330, 160))
    report(white, changed, (0.5, 0.5, 0.55, 0.55), tmp_path / "a folder" / "report.png")
    shown = np.asarray(Image.open(tmp_path / "a folder" / "report.png")).astype(int)
    assert shown.shape == (300, 1800, 3)
    red = (shown == [255, 0, 0]).all(axis=2)
    rows, columns = np.nonzero(red)
    assert rows.min() in range(140, 147)
    assert rows.max() in range(169, 176)
    for start in (0, 600, 1200):
        part = columns[(columns >= start) & (columns < start + 600)] - start
        assert part.min() in range(290, 297)
        assert part.max() in range(334, 341)
    assert (shown[155, 610 + 300] == [0, 0, 255]).all()  # what is inside the frame stays visible
    assert (shown[155, 1210 + 300] == [255, 255, 0]).all()


def test_a_real_run_of_notebooks(pytester, monkeypatch):
    """Each notebook was committed with the cat. What it draws, what its metadata state, the end."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    noise = np.random.default_rng(0).normal(0, 25, (224, 224, 3))
    noisy = Image.fromarray((np.asarray(CAT) + noise).clip(0, 255).astype(np.uint8))
    one_tile = CAT.copy()
    one_tile.paste(Image.fromarray(load_image("coffee", 224)).crop((100, 100, 114, 114)), (96, 96))
    assert similarity(CAT, one_tile) > LEAST_SIMILARITY
    loose = {"least_similarity": 0.2}
    notebooks = {
        "cat": (CAT, {}, "PASSED"),
        "tile": (one_tile, {}, "FAILED"),
        "noisy": (noisy, {}, "FAILED"),
        "loose": (noisy, loose, "PASSED"),
        "tiles": (noisy, loose | {"least_tile": 0.9}, "FAILED"),
        "none": (None, {}, "FAILED"),
    }
    output = nbformat.v4.new_output(
        "execute_result",
        execution_count=1,
        data=encoded(CAT)["data"] | {"text/plain": "<IPython.core.display.Image object>"},
    )
    for name, (drawn, metadata, _) in notebooks.items():
        source = "print()"
        if drawn is not None:
            drawn.save(pytester.path / f"{name}.png")
            source = f"from IPython.display import Image\nImage('{name}.png')"
        cell = nbformat.v4.new_code_cell(
            source, execution_count=1, outputs=[output], metadata=metadata
        )
        notebook = nbformat.v4.new_notebook(cells=[cell])
        nbformat.write(notebook, pytester.path / f"{name}.ipynb")
    result = pytester.runpytest_subprocess(
        "--nbval", "--nbval-current-env", "-v", "-p", "tests.nbval_pictures"
    )
    result.assert_outcomes(passed=2, failed=4)
    lines = [f"{name}::ipynb::Cell 0 {end} *" for name, (*_, end) in notebooks.items()]
    result.stdout.fnmatch_lines_random(lines)
    result.stdout.fnmatch_lines("*the picture has changed: similarity*in the worst tile*")
    reports = sorted((pytester.path / "_build" / "pictures").iterdir())
    assert [path.name for path in reports] == [
        f"{name}-cell-0-0.png" for name in ("noisy", "tile", "tiles")
    ]
    assert Image.open(reports[0]).size == (3 * 224, 224)
