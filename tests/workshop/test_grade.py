"""Grading: awkward notebooks get a clear line each, and harm nothing."""

from __future__ import annotations

import json
import multiprocessing
import resource
import runpy
import socket
import sys
import time

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from cs231n_lib.workshop.grade import _grade_here, _limit, grade, main

RIGHT = """
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)
"""


def notebook(path, source=RIGHT, *others):
    cells = [
        new_code_cell("import numpy as np\n%matplotlib inline"),
        new_code_cell(source, metadata={"function": "rnn_step_forward"}),
        *map(new_code_cell, others),
    ]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def graded(path, **limits):
    result = grade(path, **limits)
    (said,) = result["functions"].values()
    return said["state"], " ".join([*said["says"], result["problem"]])


def test_a_right_function_is_a_point_whatever_else_the_notebook_does(tmp_path):
    path = notebook(tmp_path / "a.ipynb", RIGHT, "while True: pass", "raise SystemExit(3)")
    assert grade(path) == {
        "notebook": str(path),
        "points": 1,
        "of": 1,
        "functions": {"rnn_step_forward": {"state": "right", "says": []}},
        "problem": "",
    }


def test_a_blank_is_none_the_less_blank_if_a_cell_below_imports_the_books(tmp_path):
    blank = "def rnn_step_forward(x, prev_h, Wx, Wh, b):\n    raise NotImplementedError"
    books = "from cs231n_lib.speak.rnn import rnn_step_forward"
    assert graded(notebook(tmp_path / "a.ipynb", blank, books)) == ("not written", "")
    assert graded(notebook(tmp_path / "b.ipynb", blank, RIGHT))[0] == "right"


@pytest.mark.parametrize(
    ("line", "state", "says"),
    [
        ("raise NotImplementedError", "wrong", "It still raises NotImplementedError"),
        ("while True: pass", "wrong", "It had not come to an end after 5 seconds"),
        ("import sys; sys.exit(3)", "wrong", "It stopped with SystemExit: 3"),
        ("np.random.seed(0); np.tanh = None", "wrong", "It replaced np.tanh for everyone"),
        ("print('x' * 10**7)", "right", ""),
        ("return np.tanh(", "wrong", "rnn_step_forward stopped with SyntaxError: '(' was never closed"),
        ("x *= 2", "wrong", "It changes its argument x."),
        ("return [1, 2, 3]", "wrong", "It returns 3 things; expected 2: next_h, cache."),
        ("return rnn_step_forward(x, prev_h, Wx, Wh, b)", "wrong", "It stopped with RecursionError"),
        ("open('secret.txt').read()", "wrong", "It stopped with FileNotFoundError"),
        ("open('large', 'wb').write(bytes(10**7))", "wrong", "File too large"),
        ("import urllib.request; urllib.request.urlopen('http://localhost')", "wrong", "there is no network"),
        ("np.ones(10**10)", "wrong", "Unable to allocate"),
        ("import os; os._exit(3)", "not written", "its process ended early, with exit code 3"),
    ],
)  # fmt: skip
def test_awkward_functions_get_a_clear_line(tmp_path, monkeypatch, line, state, says):
    monkeypatch.chdir(tmp_path)
    path = notebook(
        tmp_path / "a.ipynb", RIGHT.replace("    next_h =", f"    {line}\n    next_h =")
    )
    found, said = graded(path)
    assert found == state
    assert says in said
    assert [file.name for file in tmp_path.iterdir()] == ["a.ipynb"]


def test_a_notebook_that_takes_too_long_is_ended(tmp_path):
    start = time.monotonic()
    path = notebook(tmp_path / "a.ipynb", f"{RIGHT}\nclass Slow:\n    while True: pass")
    state, said = graded(path, seconds=8)
    assert (state, said) == ("not written", "it had not come to an end after 8 seconds")
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("text", ["", "{}", '{"cells": [{"cell', "no notebook"])
def test_what_is_not_a_notebook_is_said_to_be_none(tmp_path, text):
    path = tmp_path / "a.ipynb"
    path.write_text(text)
    result = grade(path)
    assert result["problem"].startswith("it is not a notebook")
    assert (result["points"], result["of"]) == (0, 0)


def test_what_happens_in_the_process_of_its_own(tmp_path, monkeypatch):
    """Here, so that it can be seen: other tests see only what comes of it."""
    limits = {}
    monkeypatch.setattr(resource, "setrlimit", limits.__setitem__)
    for owner, name in (
        (socket.socket, "connect"),
        (socket.socket, "connect_ex"),
        (socket, "getaddrinfo"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # so that it is put back
    ours, theirs = multiprocessing.Pipe(duplex=False)
    _grade_here(
        str(notebook(tmp_path / "a.ipynb", RIGHT, "print(3)", "import nothing")), 100, theirs
    )
    (first, second, end) = (ours.recv() for _ in range(3))
    assert first == ("rnn_step_forward", {"state": "not written", "says": []})
    assert second == ("rnn_step_forward", {"state": "right", "says": []})
    assert end == (None, "cell 4 stopped with ModuleNotFoundError: No module named 'nothing'")
    assert limits == {
        resource.RLIMIT_AS: [100 * 2**20] * 2,
        resource.RLIMIT_FSIZE: [2**20] * 2,
    }
    with pytest.raises(OSError, match="no network"):
        socket.getaddrinfo("localhost", 80)
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    limits.clear()
    _limit(100)
    assert limits == {}
    path = tmp_path / "empty.ipynb"
    for source in ("x = 1", "def rnn_step_forward(:"):
        _grade_here(str(notebook(path, source)), 100, theirs)
    answers = [ours.recv() for _ in range(6)]
    assert answers[1][1]["says"] == ["the notebook defines no rnn_step_forward"]
    assert answers[4][1]["state"] == "wrong"
    path.write_text("no notebook")
    _grade_here(str(path), 100, theirs)
    assert ours.recv()[1].startswith("it is not a notebook")


def test_the_command_is_that_of_the_package(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["workshop", "grade", str(tmp_path / "nothing.ipynb")])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("cs231n_lib.workshop", run_name="__main__", alter_sys=False)
    assert ended.value.code == 1
    assert "it is not a notebook" in capsys.readouterr().out


def test_the_command_prints_a_table_and_writes_json(tmp_path, capsys):
    good = notebook(tmp_path / "good.ipynb")
    wrong = notebook(tmp_path / "wrong.ipynb", RIGHT.replace(" + b)", ")"))
    file = tmp_path / "grades.json"
    assert main(["grade", str(good), str(wrong), "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    assert f"  1 of  1  {good}" in printed and f"  0 of  1  {wrong}" in printed
    assert "wrong        rnn_step_forward  The bias is missing." in printed
    assert [result["points"] for result in json.loads(file.read_text())] == [1, 0]
    assert main(["grade", str(tmp_path / "nothing.ipynb")]) == 1
    assert np.tanh(0.0) == 0
