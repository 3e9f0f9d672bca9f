"""What a reader is told."""

from __future__ import annotations

import linecache
import sys

import numpy as np
import pytest

from cs231n_lib.speak import captioning, lstm, rnn
from cs231n_lib.workshop import check, hint, solution, summary, use_solution
from cs231n_lib.workshop.diagnosis import in_short
from cs231n_lib.workshop.hints import key_line, steps
from cs231n_lib.workshop.mistakes import with_mistakes, wrong
from cs231n_lib.workshop.tasks import every_task

RIGHT = """
import numpy as np

def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, tc = cache
    do = dnext_h * tc
    dc = dnext_c + dnext_h * o * (1 - tc**2)
    df, di, dg, dprev_c = dc * prev_c, dc * g, dc * i, dc * f
    da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
    return da.dot(Wx.T), da.dot(Wh.T), dprev_c, x.T.dot(da), prev_h.T.dot(da), da.sum(axis=0)
"""


def written(source, name="lstm_step_backward"):
    space = {}
    exec(source, space)
    return space[name]


def said(old, new):
    """What is said when a piece of the right source is replaced."""
    assert RIGHT.count(old) == 1
    report = check(written(RIGHT.replace(old, new)))
    assert not report.right
    return " ".join(repr(report).split())


def test_what_is_right_is_said_to_be_right_with_its_error_and_its_time():
    report = check(written(RIGHT))
    assert report.right
    assert report.lines[0] == "lstm_step_backward is right."
    assert report.lines[1].startswith("dx, dprev_h, dprev_c, dWx, dWh, db: the")
    slow = written("import time" + RIGHT.replace("    do =", "    time.sleep(0.002)\n    do ="))
    assert "ms; the book's takes" in check(slow).lines[2]
    assert "<strong>lstm_step_backward is right.</strong>" in report._repr_html_()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("    do = dnext_h * tc", "    raise NotImplementedError", "It still raises NotImplementedError"),
        ("dc * prev_c, dc * g", "dc * prev_c, dc * i", "The gradient of i was multiplied by i, not by g"),
        ("da.sum(axis=0)", "da.mean(axis=0)", "db is the mean over the batch"),
        ("x.T.dot(da)", "da.T.dot(x)", "expected (5, 24). It is transposed; its numbers are right"),
        ("do = dnext_h * tc", "do = -dnext_h * tc", "only the block of the output gate o is wrong: the sign is wrong"),
        ("di * i * (1 - i)", "di * i * (1 + i)", "only the block of the input gate i is wrong."),
        ("x.T.dot(da)", "2.5 * x.T.dot(da)", "dWx: the numbers are 2.5 times what they should be"),
        ("x.T.dot(da)", "x.T.dot(da) + 1", "dWx: the numbers are too large by 1."),
        ("x.T.dot(da)", "x.T.dot(da) / 0", "there is a NaN or an infinity, the first at (0, 0)"),
        ("x.T.dot(da)", "0 * Wx", "all numbers are zero"),
        ("x.T.dot(da)", "x.T.dot(da)[::-1]", "the numbers are right, but in the wrong places"),
        ("x.T.dot(da)", "x.T.dot(da).astype('f4')", "was something computed in float32?"),
        ("x.T.dot(da)", "None", "dWx: nothing (is a return missing?), expected an array of shape (5, 24)"),
        (", da.sum(axis=0)", "", "It returns 5 things; expected 6: dx, dprev_h, dprev_c, dWx, dWh, db."),
        ("return da", "da", "It returns nothing (is a return missing?)"),
        ("dc = dnext_c +", "dc = dnext_c; dc +=", "It changes its argument dnext_c. The caller still needs it"),
        ("do = dnext_h * tc", "do = dnext_h * tcc", "It stopped with NameError: name 'tcc' is not defined"),
        ("do = dnext_h * tc", "do = dnext_h * tc; np.tanh = 0", "It replaced np.tanh for everyone"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(old, new, words):
    assert words in said(old, new)


def test_where_shapes_do_not_fit_they_are_told():
    source = RIGHT.replace("x.T.dot(da)", "x.dot(da)")
    linecache.cache["<mine>"] = len(source), None, source.splitlines(keepends=True), "<mine>"
    space: dict = {}
    exec(compile(source, "<mine>", "exec"), space)
    says = check(space["lstm_step_backward"]).lines[1]
    assert "It stopped with ValueError: shapes (3,5) and (3,24) not aligned" in says
    assert says.endswith("The shapes there: da (3, 24), Wx (5, 24), Wh (6, 24), dprev_c (3, 6), "
                         "x (3, 5), prev_h (3, 6).")  # fmt: skip


def test_what_is_printed_is_shown_if_it_is_little():
    says = said("do = dnext_h * tc", "do = -dnext_h * tc; print(do.shape); print('do')")
    assert says.endswith("Your function printed: (3, 6) | do")
    looping = written(
        RIGHT.replace("do = dnext_h * tc", "do = dnext_h * tc; [print(i) for i in range(99)]")
    )
    assert check(looping).lines[-1] == "Your function printed: 0 | 1 | 2 | 3 | 4 …"
    assert "printed" not in repr(check(written(RIGHT)))


def test_two_mistakes_are_told_together():
    source = RIGHT.replace("dnext_h * o * (1", "dnext_h * (1").replace(
        "prev_h.T.dot", "(o * tc).T.dot"
    )
    says = " ".join(check(written(source)).lines)
    assert "Two mistakes together give exactly your numbers" in says
    assert "lacks its factor o" in says and "dWh was made with the new state" in says


def test_all_parts_of_a_result_are_told_as_one():
    wanted = ["loss", "grads['a']", "grads['b']", "last[0]"]
    assert in_short(["grads['a']", "grads['b']", "last[0]"], wanted) == "grads, last"
    assert in_short(["loss", "grads['b']"], wanted) == "loss, grads['b']"
    edit = wrong("", "", ('"b_proj": db_proj,', ""))
    says = check(with_mistakes([captioning.CaptioningRNN.loss], [edit])).lines[1]
    assert "Right: loss, the rest of grads, loss of an LSTM" in says


def test_results_may_be_a_list_of_tensors():
    source = RIGHT.replace("return da", "return [torch.tensor(r) for r in (da").replace(
        "da.sum(axis=0)", "da.sum(axis=0))]"
    )
    assert check(written("import torch" + source)).right


def test_hints_give_more_each_time():
    function = written(RIGHT.replace("dc * prev_c, dc * g", "dc * prev_c, dc * i"))
    first, second, third, again = (hint(function).lines for _ in range(4))
    assert first == [
        "Hint 1 of 3",
        "What is the derivative of a product with respect to one factor?",
    ]
    assert "was multiplied by i" in second[1]
    assert third == again and "In the book: dai = dc * g * i * (1 - i)" in third[1]
    assert hint(written(RIGHT)).lines == ["lstm_step_backward is right. It needs no hint."]


def test_the_line_that_matters_is_the_books():
    task = every_task()["rnn_step_backward"]
    assert key_line(task) == "da = dnext_h * (1 - next_h ** 2)"
    assert steps(task)[-5:] == ["dx", "dprev_h", "dWx", "dWh", "db"]


@pytest.mark.parametrize("name", every_task())
def test_each_function_has_three_hints_although_nothing_is_written(name):
    space = notebook(f"def {name}(*a, **k):\n    raise NotImplementedError")
    hint(space[name])
    assert not check(space[name]).right and not check(space[name]).right
    second, third = hint(space[name]).lines, hint(space[name]).lines
    assert second[0] == "Not written yet. Hint 2 of 3" and "has the formula" in second[1]
    assert third[0] == "Not written yet. Hint 3 of 3" and "in the book: " in third[1]
    assert summary().lines[1] == f"{name}: not written, 3 hints, the book's at work"


def test_a_summary_is_never_of_yesterday():
    space = notebook("import numpy as np\ndef sigmoid(a):\n    return a")
    check(space["sigmoid"])
    assert summary().lines[1] == "sigmoid: wrong, 0 hints, yours at work"
    exec("def sigmoid(a):\n    return 0.5 + 0.5 * np.tanh(a / 2)", space)
    assert summary().lines[1] == "sigmoid: right, 0 hints, yours at work"
    exec("def sigmoid(a):\n    return np.tanh(a)", space)
    assert summary().lines[1] == "sigmoid: wrong, 0 hints, yours at work"


def test_a_solution_is_the_books_source():
    assert "dc = dnext_c + dnext_h * o * (1 - tanh_c**2)" in solution(written(RIGHT)).data
    with pytest.raises(ValueError, match="check: 'sorted' is none of the functions to write"):
        check(sorted)
    assert check(lstm.lstm_step_backward).lines == ["This lstm_step_backward is the book's."]


FORWARD = """
from cs231n_lib.speak.rnn import rnn_loop_backward, rnn_loop_forward

def rnn_forward(x, h0, Wx, Wh, b):
    {}
    h, caches = rnn_loop_forward(x, h0, Wx, Wh, b)
    return h, (caches, "my own")
"""
BLANK = "def {}(*_):\n    raise NotImplementedError"
BACKWARD = """
from cs231n_lib.speak.rnn import rnn_loop_backward, rnn_loop_forward

def rnn_backward(dh, cache):
    caches, _ = cache
    return rnn_loop_backward(dh, caches)
"""


def notebook(*sources):
    space = {}
    for source in sources:
        exec(source, space)
    return space


def test_a_way_back_gets_the_cache_of_the_readers_own_way_forward():
    space = notebook(FORWARD.format(""), BACKWARD)
    assert check(space["rnn_backward"]).right
    space = notebook(FORWARD.format("x = -x"), BACKWARD)
    says = " ".join(check(space["rnn_backward"]).lines)
    assert "Your rnn_forward is not right yet" in says and "It stopped with ValueError" in says


def test_a_pair_is_put_to_work_together():
    space = notebook(BLANK.format("rnn_forward"), BACKWARD)
    assert "the cells below use the book's" in check(space["rnn_forward"]).lines[0]
    assert space["rnn_forward"] is rnn.rnn_forward

    exec(FORWARD.format(""), space)
    mine = space["rnn_forward"]
    assert "from the moment your rnn_backward is there" in check(mine).lines[-1]
    assert captioning.rnn_forward is rnn.rnn_forward
    check(space["rnn_backward"])
    assert captioning.rnn_forward is mine and captioning.rnn_backward is space["rnn_backward"]
    model = captioning.CaptioningRNN({"<NULL>": 0, "a": 1, "b": 2}, 4, 5, 6, dtype=np.float64)
    _, gradients = model.loss(np.ones((2, 4)), np.array([[1, 2, 1], [2, 1, 0]]))
    assert gradients["Wh"].any()

    assert use_solution("rnn_backward") is rnn.rnn_backward
    assert captioning.rnn_forward is rnn.rnn_forward
    assert summary().lines == [
        "2 of 2 are right.",
        "rnn_forward: right, 0 hints, the book's at work",
        "rnn_backward: right, 0 hints, the book's at work",
    ]


def test_a_half_that_is_missing_says_what_it_needs():
    space = notebook(FORWARD.format(""), BLANK.format("rnn_backward"))
    check(space["rnn_forward"])
    check(space["rnn_backward"])
    with pytest.raises(NotImplementedError, match=r"use_solution\('rnn_forward'\)"):
        space["rnn_backward"](None, None)
    assert "rnn_backward is not written yet" in check(space["rnn_backward"]).lines[0]


def test_a_half_that_was_written_anew_after_the_solution_stays_what_it_is():
    space = notebook(FORWARD.format(""), BACKWARD)
    check(space["rnn_forward"]), check(space["rnn_backward"])
    space["rnn_forward"] = use_solution("rnn_forward")
    exec(FORWARD.format("") + BACKWARD, space)
    mine = space["rnn_backward"]
    check(space["rnn_forward"])
    assert space["rnn_backward"] is mine
    assert check(mine).right and captioning.rnn_backward is mine


def test_a_name_will_do_as_well(monkeypatch):
    wrong = written(RIGHT.replace("da.sum(axis=0)", "da"))
    check(wrong)
    assert "db was not summed" in repr(check("lstm_step_backward"))
    monkeypatch.setattr(sys.modules["__main__"], wrong.__name__, written(RIGHT), raising=False)
    assert hint("lstm_step_backward").right and check("lstm_step_backward").right
    assert solution("sigmoid").data == solution(lstm.sigmoid).data
    assert use_solution(wrong) is use_solution("lstm_step_backward") is lstm.lstm_step_backward
    assert check("sigmoid").lines == ["This sigmoid is the book's."]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("0.5 + 0.5 * np.tanh(a / 2) + 1e-12", "sigmoid: it differs from the book's by at most 1e-12"),
        ("0.5 + 0.5 * np.tanh(a / 2)", "sigmoid: the same as the book's, on random arrays."),
        ("[a]", "sigmoid: a list, expected an array of shape (3, 5)."),
        ("np.array([a]), 3", "sigmoid: a tuple of 2 things, expected an array"),
    ],
)  # fmt: skip
def test_one_result_is_told_in_the_singular(line, says):
    source = f"import numpy as np\ndef sigmoid(a):\n    return {line}"
    assert says in " ".join(check(written(source, "sigmoid")).lines)
