"""Checks that a gradient is right: compare it with differences of the function itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cs231n_lib.checks import Call, Function, Number, check_array, checked, named

__all__ = ["numeric_gradient", "relative_error"]


def _check_movable(name: str, x: np.ndarray, call: Call) -> None:
    check_array(name, x, "a NumPy array")
    _check_fine(name, x.dtype, "f")
    if not x.flags.writeable:
        raise ValueError(named(f"{name} is read-only, expected an array that can be moved"))


def _check_fine(name: str, dtype: np.dtype, kinds: str) -> None:
    if dtype.kind not in kinds or (dtype.kind == "f" and dtype.itemsize < 8):
        raise TypeError(
            named(
                f"{name} has dtype {dtype}, expected float64 or longer: "
                "the rounding of others is larger than the differences; compute in float64"
            )
        )


def _check_differences(fx: np.ndarray, x: np.ndarray, df: np.ndarray | float, h: float) -> None:
    """Raise an error if ``df`` does not fit ``f(x)``, or rounding swallows ``h`` in it or ``x``."""
    _check_fine("f(x)", np.asarray(fx).dtype, "fiu")
    if np.shape(df) != np.shape(fx):
        raise ValueError(
            named(f"df has shape {np.shape(df)}, expected {np.shape(fx)}, that of f(x)")
        )
    still = x[(x + h == x) | (x - h == x)]
    if still.size:
        raise ValueError(named(f"h is {h:g}, too small to move {still[0]:g}, a number of x"))


def _check_real(name: str, numbers: np.ndarray | float, call: Call) -> None:
    odd = isinstance(numbers, np.matrix | np.ma.MaskedArray) or hasattr(numbers, "detach")
    if odd:
        check_array(name, numbers, "real numbers")
    dtype = np.asarray(numbers).dtype
    if dtype.kind not in "iuf":
        raise TypeError(named(f"{name} has dtype {dtype}, expected real numbers"))


@checked(f=Function("from x to an array"), x=_check_movable, df=_check_real, h=Number(above=0))
def numeric_gradient(
    f: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    df: np.ndarray | float,
    h: float = 1e-5,
) -> np.ndarray:
    """The gradient of ``sum(f(x) * df)`` with respect to ``x``, by central differences.

    Each number of ``x`` is moved by ``h`` up and down, in place, so that ``f`` may read ``x`` as
    its argument or as a weight of a model. Afterwards ``x`` is what it was, even if ``f`` fails.

    Parameters
    ----------
    f : callable
        From ``x`` to an array of any shape, or to a number.
    x : floats of any shape, float64 or longer
    df : floats of the shape of ``f(x)``
        The gradient of the loss with respect to ``f(x)``; 1.0 if ``f`` is the loss itself.
    h : float
        Positive. The error is about ``h**2`` from the curvature, and ``1e-16 / h`` from rounding.

    Returns
    -------
    floats of the shape and dtype of ``x``

    Raises
    ------
    TypeError
        If ``x`` is not a NumPy array of float64 or longer, or ``f(x)`` is shorter: in single
        precision the rounding is larger than the differences.
    ValueError
        If ``x`` is read-only, ``h`` is not positive, infinite or too small to move a number of
        ``x`` at all, or ``df`` does not have the shape of ``f(x)``.

    Notes
    -----
    CS231n 2017, ``gradient_check.py``, ``eval_numerical_gradient_array``.
    """
    _check_differences(f(x), x, df, h)
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        kept = x[index]
        try:
            x[index] = kept + h
            above = np.array(f(x))  # a copy: f may return x itself
            x[index] = kept - h
            below = np.array(f(x))
        finally:
            x[index] = kept
        gradient[index] = np.sum((above - below) * df) / (2 * h)
    return gradient


def _check_numbers(name: str, numbers: np.ndarray | float, call: Call) -> None:
    _check_real(name, numbers, call)
    shape, wanted = np.shape(numbers), np.shape(call.arguments["a"])
    if shape != wanted:
        raise ValueError(named(f"{name} has shape {shape}, expected {wanted}, that of a"))
    if 0 in shape:
        raise ValueError(named(f"{name} has shape {shape}, expected some numbers"))


@checked(a=_check_numbers, b=_check_numbers)
def relative_error(a: np.ndarray | float, b: np.ndarray | float) -> float:
    """The largest difference of two arrays, relative to the size of the numbers compared.

    Parameters
    ----------
    a, b : numbers of one shape
        At least one number each.

    Returns
    -------
    float
        The maximum of ``|a - b| / max(1e-8, |a| + |b|)``, from 0 (equal) to 1 (of opposite
        sign). NaN if there is a NaN or an infinity, so that ``relative_error(a, b) < 1e-7`` is
        false.

    Raises
    ------
    TypeError, ValueError
        If ``a`` or ``b`` holds anything but real numbers, the shapes differ, or there is nothing
        to compare.

    Notes
    -----
    CS231n 2017, ``rel_error`` in every notebook.
    """
    dtype = np.result_type(np.asarray(a), np.asarray(b), np.float64)
    a, b = np.asarray(a, dtype), np.asarray(b, dtype)
    with np.errstate(invalid="ignore"):  # the NaN is the answer
        errors = np.abs(a - b) / np.maximum(1e-8, np.abs(a) + np.abs(b))
    return float(errors.max())
