"""The extension of nbval sees when a picture is another one, and not when it is a shade lighter."""

from __future__ import annotations

import base64
import io

import nbformat
import numpy as np
import pytest
from PIL import Image

from cs231n_lib.images import load_image
from tests.chapters import ROOT
from tests.nbval_pictures import LEAST_SIMILARITY, pictures, similarity

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


SOURCE = """
from IPython.display import Image
Image("drawn.png")
"""


@pytest.mark.parametrize(
    ("drawn", "least", "passes"),
    [
        ("cat", None, 1),
        ("coffee", None, 0),
        ("noisy", None, 0),
        ("noisy", 0.2, 1),
        ("none", None, 0),
    ],
)
def test_a_real_notebook_run(pytester, monkeypatch, drawn, least, passes):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    noise = np.random.default_rng(0).normal(0, 25, (224, 224, 3))
    fresh = {
        "cat": CAT,
        "coffee": Image.fromarray(load_image("coffee", 224)),
        "noisy": Image.fromarray((np.asarray(CAT) + noise).clip(0, 255).astype(np.uint8)),
        "none": CAT,
    }[drawn]
    fresh.save(pytester.path / "drawn.png")
    output = nbformat.v4.new_output(
        "execute_result",
        execution_count=1,
        data=encoded(CAT)["data"] | {"text/plain": "<IPython.core.display.Image object>"},
    )
    source = "print()" if drawn == "none" else SOURCE
    metadata = {} if least is None else {"least_similarity": least}
    cell = nbformat.v4.new_code_cell(source, execution_count=1, outputs=[output], metadata=metadata)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), pytester.path / "sample.ipynb")
    result = pytester.runpytest_subprocess(
        "--nbval", "--nbval-current-env", "-p", "tests.nbval_pictures", "-p", "no:cacheprovider"
    )
    result.assert_outcomes(passed=passes, failed=1 - passes)
    side_by_side = pytester.path / "_build" / "pictures" / "sample-cell-0-0.png"
    assert side_by_side.exists() == (drawn != "none" and not passes)
    if side_by_side.exists():
        result.stdout.fnmatch_lines("*the picture has changed: similarity*")
        assert Image.open(side_by_side).size == (3 * 224, 224)
