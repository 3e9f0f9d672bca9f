"""The differences that prove the gradients: are they right themselves, and can they fail?"""

import numpy as np
import pytest

from cs231n_lib.speak.gradient_check import numeric_gradient, relative_error


def test_numeric_gradient_of_a_cubic_is_its_derivative():
    x = np.array([[-2.0, 0.5], [1.0, 3.0]])
    df = np.array([[1.0, -2.0], [0.5, 4.0]])
    gradient = numeric_gradient(lambda x: x**3, x, df)
    np.testing.assert_allclose(gradient, 3 * x**2 * df, rtol=1e-8)


def test_numeric_gradient_sums_over_every_output_that_an_input_reaches():
    x = np.array([0.3, -0.7])
    A = np.array([[1.0, 2.0], [3.0, 4.0], [-5.0, 6.0]])
    df = np.array([0.1, -0.2, 0.3])
    np.testing.assert_allclose(numeric_gradient(lambda x: A @ x, x, df), df @ A, rtol=1e-9)


def test_numeric_gradient_moves_by_h_to_both_sides():
    x = np.array([1.0])
    # Of x**3, the central difference is 3x**2 + h**2 exactly.
    np.testing.assert_allclose(numeric_gradient(lambda x: x**3, x, np.ones(1), h=0.5), [3.25])


def test_numeric_gradient_moves_by_a_hundred_thousandth_unless_told():
    seen = []
    numeric_gradient(lambda x: seen.append(x[0]) or x.copy(), np.zeros(1), np.ones(1))
    assert seen == [0, 1e-5, -1e-5]  # first it looks at the shape of f(x)


def test_numeric_gradient_moves_a_weight_that_f_reads_from_elsewhere():
    weights = {"w": np.array([2.0, 3.0])}
    gradient = numeric_gradient(lambda _: float(np.prod(weights["w"])), weights["w"], 1.0)
    np.testing.assert_allclose(gradient, [3.0, 2.0], rtol=1e-9)


def test_numeric_gradient_of_the_identity_that_returns_x_itself_is_df():
    gradient = numeric_gradient(lambda x: x, np.ones(2), np.array([5.0, 7.0]))
    np.testing.assert_allclose(gradient, [5, 7])


def test_numeric_gradient_gives_x_back_to_the_last_bit():
    x = np.random.default_rng(0).standard_normal((3, 4))
    before = x.copy()
    numeric_gradient(np.sin, x, np.ones((3, 4)))
    np.testing.assert_array_equal(x, before, strict=True)


def test_numeric_gradient_gives_x_back_when_f_fails():
    def fails_below(x):
        if x[1] < 2:
            raise ZeroDivisionError
        return x

    x = np.array([1.0, 2.0])
    with pytest.raises(ZeroDivisionError):
        numeric_gradient(fails_below, x, np.ones(2))
    np.testing.assert_array_equal(x, [1.0, 2.0])


def test_numeric_gradient_of_an_array_with_gaps_and_of_a_single_number():
    x = np.arange(12.0).reshape(3, 4)[::2, ::-2]
    np.testing.assert_allclose(
        numeric_gradient(lambda x: x**2, x, np.ones((2, 2))), 2 * x, atol=1e-8
    )
    assert numeric_gradient(np.exp, np.array(0.0), 1.0) == pytest.approx(1.0)


@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
def test_numeric_gradient_keeps_the_dtype(dtype):
    assert numeric_gradient(np.sin, np.zeros(2, dtype), np.ones(2, dtype)).dtype == dtype


@pytest.mark.parametrize("x", [1.0, -1.0])
def test_numeric_gradient_wants_every_number_to_move_both_ways(x):
    # Floats lie closer on one side of a power of two: there it moves, on the other it does not.
    with pytest.raises(ValueError, match=f"h is 1e-16, too small to move {x:g}, a number of x"):
        numeric_gradient(np.sin, np.array([x]), np.ones(1), h=1e-16)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([0.0], [0.0], 0.0),
        ([1.0], [-1.0], 1.0),
        ([1.0, 4.0], [1.0, 12.0], 0.5),  # the largest counts
        ([3.0, 1.0], [1.0, 1.0], 0.5),
        ([1e-9], [0.0], 0.1),  # below 1e-8 the difference is absolute
        ([[1.0, 1.0]], [[1.0, 3.0]], 0.5),
        ([-1.0], [3.0], 1.0),
        ([1.0], [-3.0], 1.0),
        ([-3.0], [-1.0], 0.5),
    ],
)
def test_relative_error_of_known_numbers(a, b, expected):
    error = relative_error(np.array(a), np.array(b))
    assert type(error) is float
    assert error == pytest.approx(expected, abs=1e-15)
    assert relative_error(a, b) == error  # lists will do


def test_relative_error_of_two_numbers():
    assert relative_error(3, 1.0) == 0.5


@pytest.mark.parametrize("other", [1, 1.0, np.float32(1), np.longdouble(1)])
def test_relative_error_sees_every_digit_of_long_floats(other):
    a = 1 + np.finfo(np.longdouble).eps
    assert relative_error(a, other) == pytest.approx(float(np.finfo(np.longdouble).eps) / 2)
    assert relative_error(other, a) == relative_error(a, other)
    assert type(relative_error(a, other)) is float


def test_relative_error_of_short_integers_does_not_wrap_around():
    assert relative_error(np.array([1], np.uint8), np.array([3], np.uint8)) == 0.5
    least = np.array([-128], np.int8)
    assert relative_error(least, np.array([128.0])) == 1.0
    assert relative_error(np.array([128.0]), least) == 1.0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("other", ["the same", 1.0])
def test_relative_error_of_numbers_that_are_not_finite_is_below_no_bound(bad, other):
    other = bad if other == "the same" else other
    assert not relative_error(np.array([1.0, bad]), np.array([1.0, other])) < 1e300
