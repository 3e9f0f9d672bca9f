"""Proofs that a gradient is right: compare it with differences of the function itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cs231n_lib.validation import check_number

__all__ = ["numeric_gradient", "relative_error"]


def numeric_gradient(
    f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, df: np.ndarray | float, h: float = 1e-5
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
        If ``x`` is no NumPy array of float64 or longer: in single precision the rounding is larger
        than the differences.
    ValueError
        If ``x`` is read-only, ``h`` is not positive, too small to move a number of ``x`` at all
        or infinite, or ``df`` has not the shape of ``f(x)``.

    Notes
    -----
    CS231n 2017, ``gradient_check.py``, ``eval_numerical_gradient_array``.
    """
    if not isinstance(x, np.ndarray):
        raise TypeError(f"numeric_gradient: x is a {type(x).__name__}, expected a NumPy array")
    if x.dtype.kind != "f" or x.dtype.itemsize < 8:
        raise TypeError(f"numeric_gradient: x has dtype {x.dtype}, expected float64 or longer")
    if not x.flags.writeable:
        raise ValueError("numeric_gradient: x is read-only, expected an array that can be moved")
    check_number("numeric_gradient", "h", h, above=0)
    still = x[(x + h == x) | (x - h == x)]
    if still.size:
        raise ValueError(
            f"numeric_gradient: h is {h:g}, too small to move {still[0]:g}, a number of x"
        )
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
        if np.shape(df) != above.shape:
            raise ValueError(
                f"numeric_gradient: df has shape {np.shape(df)}, "
                f"expected {above.shape}, that of f(x)"
            )
        gradient[index] = np.sum((above - below) * df) / (2 * h)
    return gradient


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
    TypeError
        If ``a`` or ``b`` holds anything but real numbers.
    ValueError
        If the shapes differ, or there is nothing to compare.

    Notes
    -----
    CS231n 2017, ``rel_error`` in every notebook.
    """
    for name, array in (("a", a), ("b", b)):
        if np.asarray(array).dtype.kind not in "iuf":
            raise TypeError(
                f"relative_error: {name} has dtype {np.asarray(array).dtype}, expected real numbers"
            )
    dtype = np.result_type(np.asarray(a), np.asarray(b), np.float64)
    a, b = np.asarray(a, dtype), np.asarray(b, dtype)
    if a.shape != b.shape:
        raise ValueError(f"relative_error: b has shape {b.shape}, expected {a.shape}, that of a")
    if a.size == 0:
        raise ValueError(f"relative_error: a and b have shape {a.shape}, expected some numbers")
    with np.errstate(invalid="ignore"):  # the NaN is the answer
        return float(np.max(np.abs(a - b) / np.maximum(1e-8, np.abs(a) + np.abs(b))))
