"""The matrix: every machine that the book promises to run on alike, proven before it is trusted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests import matrix


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book whose only chapter fails where numbers have a decimal comma."""
    (tmp_path / "chapters").mkdir()
    unused = ("cacheprovider", "nbval", "anyio", "hypothesispytest", "pytest_cov")  # and slow
    (tmp_path / "pyproject.toml").write_text(
        f'[tool.pytest.ini_options]\naddopts = "{" ".join(f"-p no:{name}" for name in unused)}"\n'
    )
    (tmp_path / "chapters" / "test_chapter.py").write_text(
        "import os\ndef test_chapter():\n    assert 'de_DE' not in os.environ.get('LC_ALL', '')\n"
    )
    monkeypatch.setattr(matrix, "ROOT", tmp_path)
    monkeypatch.setattr(matrix, "LOGS", tmp_path / "_build" / "matrix")
    return tmp_path


def test_a_cell_is_green_where_every_chapter_agrees(book, capsys, monkeypatch):
    proof = "from pathlib import Path; assert not (Path.home() / '.cache').exists()"  # no PyTorch
    monkeypatch.setitem(
        matrix.CELLS, "fresh-home", replace(matrix.CELLS["fresh-home"], proof=proof)
    )
    assert matrix.main(["fresh-home"]) == 0
    assert "fresh-home · green · 1 cells agree" in capsys.readouterr().out
    assert "1 passed" in (book / "_build" / "matrix" / "fresh-home.log").read_text()


@pytest.mark.skipif(
    bool(matrix.CELLS["abroad"].missing()), reason="no de_DE, or no network to leave"
)
def test_a_cell_is_red_where_a_chapter_disagrees_and_the_log_says_why(book, capsys):
    assert matrix.main(["abroad"]) == 1
    assert "abroad · RED · exit status 1, see _build" in capsys.readouterr().out
    log = (book / "_build" / "matrix" / "abroad.log").read_text()
    assert "assert 'de_DE' not in 'de_DE.UTF-8'" in log


def test_a_condition_that_does_not_hold_is_red_and_nothing_runs(book, capsys, monkeypatch):
    monkeypatch.setitem(matrix.CELLS, "threads-1", matrix.Cell(proof="assert False, 'not so'"))
    assert matrix.main(["threads-1"]) == 1
    out = capsys.readouterr().out
    assert "RED · the condition does not hold" in out
    assert "not so" in out
    assert not (book / "_build").exists()


def test_a_condition_that_cannot_be_had_is_skipped_and_says_why(capsys, monkeypatch):
    cell = matrix.Cell(proof="", missing=lambda: "this processor is too old")
    monkeypatch.setitem(matrix.CELLS, "kernels-avx512", cell)
    assert matrix.main(["kernels-avx512"]) == 0
    assert "kernels-avx512 · skipped · this processor is too old" in capsys.readouterr().out


def test_the_names_are_listed_for_the_workflow_and_an_unknown_one_is_refused(capsys):
    assert matrix.main(["--list"]) == 0
    assert capsys.readouterr().out.split() == list(matrix.CELLS)
    with pytest.raises(SystemExit):
        matrix.main(["threads-3"])
    assert "no cell threads-3; there are threads-1, " in capsys.readouterr().err
