"""Error messages: what was given, what was expected, and where that came from."""

import re

import numpy as np
import pytest

from cs231n_lib.validation import (
    check_count,
    check_finite,
    check_indices,
    check_number,
    check_shapes,
)


def test_check_shapes_returns_the_size_of_every_letter():
    sizes = check_shapes(
        "f",
        x=(np.ones((2, 3, 4)), "N T D"),
        h=(np.ones((2, 5), np.float32), "N H"),
        W=(np.ones((4, 20), np.float16), "D 4H"),
        b=(np.ones(20, np.longdouble), "4H"),
    )
    assert sizes == {"N": 2, "T": 3, "D": 4, "H": 5}


def test_check_shapes_understands_factors_of_several_digits():
    assert check_shapes("f", h=(np.ones(2), "H"), b=(np.ones(24), "12H")) == {"H": 2}


def test_check_shapes_accepts_letters_in_any_order():
    y, h = (np.ones((3, 2)), "D N"), (np.ones(2), "N")
    assert check_shapes("f", x=(np.ones((2, 3)), "N D"), h=h, y=y) == {"N": 2, "D": 3}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"x": ([1.0], "N")},
            TypeError,
            "f: x is a list, expected a NumPy array of shape (N,)",
        ),
        (
            {"x": (None, "N T D")},
            TypeError,
            "f: x is a NoneType, expected a NumPy array of shape (N, T, D)",
        ),
        ({"x": (np.ones(2, int), "N")}, TypeError, "f: x has dtype int64, expected floats"),
        ({"x": (np.ones(2, bool), "N")}, TypeError, "f: x has dtype bool, expected floats"),
        (
            {"x": (np.ones(2, complex), "N")},
            TypeError,
            "f: x has dtype complex128, expected floats",
        ),
        (
            {"x": (np.ones((2, 3)), "N")},
            ValueError,
            "f: x has shape (2, 3), expected 1 dimension, (N,)",
        ),
        (
            {"x": (np.ones(2), "N D")},
            ValueError,
            "f: x has shape (2,), expected 2 dimensions, (N, D)",
        ),
        (
            {"x": (np.ones((2, 0)), "N D")},
            ValueError,
            "f: x has shape (2, 0), expected (N, D) with no dimension of size zero",
        ),
        (
            {"x": (np.ones((2, 3)), "N D"), "w": (np.ones((4, 5)), "D M")},
            ValueError,
            "f: w has shape (4, 5), expected (D, M) = (3, 5); D = 3 from x",
        ),
        (
            {"x": (np.ones((2, 3)), "N D"), "y": (np.ones((2, 3)), "D N")},
            ValueError,
            "f: y has shape (2, 3), expected (D, N) = (3, 2); D = 3 from x, N = 2 from x",
        ),
        (
            {"x": (np.ones((2, 3)), "N H"), "W": (np.ones((3, 9)), "H 4H")},
            ValueError,
            "f: W has shape (3, 9), expected (H, 4H) = (3, 12); H = 3 from x",
        ),
        (
            {"x": (np.ones((2, 3)), "N D"), "h": (np.ones((2, 4)), "N H"), "c": (np.ones(3), "H")},
            ValueError,
            "f: c has shape (3,), expected (H,) = (4,); H = 4 from h",
        ),
        (
            {"W": (np.ones((2, 3)), "H H")},
            ValueError,
            "f: W has shape (2, 3), expected (H, H) = (2, 2)",
        ),
    ],
)
def test_check_shapes_says_what_does_not_fit(arguments, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        check_shapes("f", **arguments)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.uint64])
def test_check_indices_accepts_every_integer_in_range(dtype):
    check_indices("f", "x", np.array([[0, 4], [2, 1]], dtype), 5)
    check_indices("f", "x", np.zeros((0, 3), dtype), 5)
    check_indices("f", "x", np.zeros(1, dtype), 1)


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        ([0, 1], TypeError, "f: x is list, expected a NumPy array of integers"),
        (np.ones(2), TypeError, "f: x is float64, expected a NumPy array of integers"),
        (np.ones(2, bool), TypeError, "f: x is bool, expected a NumPy array of integers"),
        (np.array([0, 5]), ValueError, "f: x contains 5, expected indices from 0 to 4"),
        (np.array([[9, 7]]), ValueError, "f: x contains 9, expected indices from 0 to 4"),
        (np.array([2, -1]), ValueError, "f: x contains -1, expected indices from 0 to 4"),
        (np.array([9, -3, -1]), ValueError, "f: x contains -3, expected indices from 0 to 4"),
        (np.array([2**64 - 1], np.uint64), ValueError, f"f: x contains {2**64 - 1}, expected in"),
    ],
)
def test_check_indices_says_what_is_wrong(array, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        check_indices("f", "x", array, 5)


def test_check_finite_accepts_every_finite_number():
    check_finite("f", {"a": np.array([0.0, -1e300, 5e-324]), "b": np.zeros((0, 2))})


def test_check_finite_names_the_array_and_counts():
    arrays = {"a": np.zeros(3), "b": np.array([[np.nan, 1.0], [np.inf, -np.inf]])}
    message = "f: b contains 3 values that are NaN or infinite, expected finite numbers only"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_finite("f", arrays)


@pytest.mark.parametrize("value", [0, 1, 7, np.int64(3)])
def test_check_count_lets_whole_numbers_pass(value):
    check_count("f", "steps", value, least=0)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (0, ValueError, "f: steps is 0, expected at least 1"),
        (np.int32(-2), ValueError, "f: steps is -2, expected at least 1"),
        (2.0, TypeError, "f: steps is 2.0, expected a whole number"),
        (True, TypeError, "f: steps is True, expected a whole number"),
        ("5", TypeError, "f: steps is '5', expected a whole number"),
        (None, TypeError, "f: steps is None, expected a whole number"),
    ],
)
def test_check_count_refuses(value, error, message):
    with pytest.raises(error, match=re.escape(message)):
        check_count("f", "steps", value)


@pytest.mark.parametrize(
    ("value", "limits"),
    [
        (0.1, {"above": 0}), (1, {"above": 0, "most": 1}), (0, {"least": 0}), (-5, {}),
        (np.float32(0.5), {"least": 0.5}),
    ],
)  # fmt: skip
def test_check_number_lets_numbers_within_the_limits_pass(value, limits):
    check_number("f", "rate", value, **limits)


@pytest.mark.parametrize(
    ("value", "limits", "error", "message"),
    [
        (0, {"above": 0}, ValueError, "f: rate is 0, expected above 0"),
        (-0.1, {"least": 0}, ValueError, "f: rate is -0.1, expected at least 0"),
        (
            1.5,
            {"above": 0, "most": 1},
            ValueError,
            "f: rate is 1.5, expected above 0 and at most 1",
        ),
        (np.nan, {"least": 0}, ValueError, "f: rate is nan, expected at least 0"),
        (np.inf, {}, ValueError, "f: rate is inf, expected a finite number"),
        ("1", {}, TypeError, "f: rate is '1', expected a number"),
        (True, {}, TypeError, "f: rate is True, expected a number"),
    ],
)
def test_check_number_refuses(value, limits, error, message):
    with pytest.raises(error, match=re.escape(message)):
        check_number("f", "rate", value, **limits)
