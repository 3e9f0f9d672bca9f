"""The extension of nbval accepts a new value inside the printed interval, and nothing else."""

from __future__ import annotations

import nbformat
import pytest

from tests.chapters import NOTEBOOKS, ROOT
from tests.nbval_tolerance import accept, settle_outputs


@pytest.mark.parametrize(
    ("committed", "fresh"),
    [
        ("0.83 ± 0.03", "0.83 ± 0.03"),
        ("0.83 ± 0.03", "0.80 ± 0.03"),
        ("0.83 ± 0.03", "0.86 ± 0.03"),
        ("true: 0.83 ± 0.03\n", "true: 0.85 ± 0.03\n"),
        ("12 ± 3 and 0.5 ± 0.1", "14 ± 3 and 0.4 ± 0.1"),
        ("<td>0.83 ± 0.03</td>", "<td>0.81 ± 0.03</td>"),
        ("-1.5 ± 1", "-0.5 ± 1"),
        ("0 ± 1e-3", "-9e-4 ± 1e-3"),
        ("4.40 ± 0.18", "4.34 ± 0.17"),
    ],
)
def test_inside_the_interval_is_accepted(committed, fresh):
    assert accept(committed, fresh) == committed


@pytest.mark.parametrize(
    ("committed", "fresh"),
    [
        ("0.83 ± 0.03", "0.79 ± 0.03"),
        ("0.83 ± 0.03", "0.8601 ± 0.03"),
        ("0.83 ± 0.03", "-0.83 ± 0.03"),
        ("0.83 ± 0.03", "0.87 ± 0.04"),
        ("0.83 ± 0.03", "nan ± 0.03"),
        ("0.83 ± 0.03", "inf ± 0.03"),
        ("0.83 ± 0.03", "0.83"),
        ("0.83", "0.84"),
        ("a 0.83 ± 0.03", "b 0.83 ± 0.03"),
        ("12 ± 3 and 0.5 ± 0.1", "14 ± 3 and 0.7 ± 0.1"),
        ("12 ± 3 and 0.5 ± 0.1", "0.5 ± 0.1 and 12 ± 3"),
        ("12 ± 3 and 0.5 ± 0.1", "12 ± 3"),
        ("12 ± 3", "12 ± 3 and 12 ± 3"),
        ("12 ± 3 1.0", "13 ± 3 1.1"),
        ("v1.2 ± 3", "v1.3 ± 3"),
    ],
)
def test_anything_else_is_not(committed, fresh):
    assert accept(committed, fresh) != committed


def test_texts_of_all_kinds_are_settled_and_the_fresh_outputs_left_alone():
    def outputs(value):
        return [
            {"output_type": "stream", "name": "stdout", "text": f"{value} ± 0.1"},
            {
                "output_type": "display_data",
                "data": {"text/html": f"<b>{value} ± 0.1</b>", "image/png": "abc"},
            },
        ]

    fresh = outputs("0.55")
    assert settle_outputs(fresh, outputs("0.5")) == outputs("0.5")
    assert fresh == outputs("0.55")


def _notebook(printed: str, source: str) -> nbformat.NotebookNode:
    output = nbformat.v4.new_output("stream", name="stdout", text=printed)
    cell = nbformat.v4.new_code_cell(source, execution_count=1, outputs=[output])
    return nbformat.v4.new_notebook(cells=[cell])


def test_a_real_run_of_notebooks(pytester, monkeypatch):
    """What each was committed with, and the end when it prints 0.82 ± 0.03."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    ends = {
        "0.83 ± 0.03": "PASSED", "0.79 ± 0.03": "PASSED", "0.90 ± 0.03": "FAILED", "0.82": "FAILED",
    }  # fmt: skip
    for number, printed in enumerate(ends):
        notebook = _notebook(f"{printed}\n", "print('0.82 ± 0.03')")
        nbformat.write(notebook, pytester.path / f"sample-{number}.ipynb")
    result = pytester.runpytest_subprocess(
        "--nbval", "--nbval-current-env", "-v", "-p", "tests.nbval_tolerance"
    )
    result.assert_outcomes(passed=2, failed=2)
    lines = [f"sample-{n}::ipynb::Cell 0 {end} *" for n, end in enumerate(ends.values())]
    result.stdout.fnmatch_lines_random(lines)


def test_the_book_makes_use_of_it():
    assert any("±" in path.read_text(encoding="utf-8") for path in NOTEBOOKS)
