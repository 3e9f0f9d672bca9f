"""The committed notebooks: executed, paired, described, and honest about what they ignore."""

from __future__ import annotations

import re

import pytest

from tests.chapters import (
    NOTEBOOKS,
    ROOT,
    code_cells,
    not_executed,
    out_of_step,
    read,
    undescribed_figures,
)
from tests.nbval_pictures import LEAST_SIMILARITY, LEAST_TILE, limits

ABSOLUTE_PATH = re.compile(r"(?<![\w/.:])/(home|Users|root|tmp|var|opt|mnt|content)/|\b[A-Z]:\\")

chapter = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_every_text_file_has_a_notebook():
    texts = {path.stem for path in (ROOT / "chapters").glob("[0-9][0-9]-*.md")}
    assert texts == {path.stem for path in NOTEBOOKS}


@chapter
def test_pair_is_in_step(path):
    differences = out_of_step(path)
    assert not differences, "make sync takes the text file's version:\n" + "\n".join(differences)


@chapter
def test_every_code_cell_was_executed_in_order(path):
    assert not_executed(read(path)) == []


@chapter
def test_every_picture_has_a_caption_and_an_alternative_text(path):
    notebook = read(path)
    assert undescribed_figures(notebook) == []
    texts = [
        cell.metadata["mystnb"]["image"]["alt"]
        for cell in code_cells(notebook)
        if "image" in cell.metadata.get("mystnb", {})
    ]
    assert len(texts) >= 1
    assert len(set(texts)) == len(texts)


@chapter
def test_no_cell_hides_a_difference_from_the_comparison(path):
    for cell in read(path).cells:
        tags = [tag.lower().replace("_", "-") for tag in cell.metadata.get("tags", [])]
        assert not [tag for tag in tags if tag.startswith("nbval") or tag == "raises-exception"]
        assert "NBVAL_" not in cell.source


@chapter
def test_pictures_are_never_left_to_themselves(path):
    for cell in code_cells(read(path)):
        least = limits(cell.metadata)
        assert 0.3 <= least.whole <= LEAST_SIMILARITY
        assert 0 <= least.tile <= LEAST_TILE
        assert "least_tile" not in cell.metadata or "least_similarity" in cell.metadata


@chapter
def test_no_output_holds_warnings_paths_or_the_remains_of_a_progress_bar(path):
    for cell in code_cells(read(path)):
        for output in cell.outputs:
            assert output.get("name") != "stderr", output
            text = str(output.get("text", "")) + str(output.get("data", {}).get("text/plain", ""))
            assert str(ROOT) not in text
            assert not ABSOLUTE_PATH.search(text)
            assert "it/s" not in text
            assert " at 0x" not in text
