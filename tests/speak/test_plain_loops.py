"""Every version of the recurrent networks, from the plain loop to the fast one, gives the same."""

import tracemalloc

import numpy as np
import pytest

from cs231n_lib.speak import lstm, plain_loops, rnn
from tests.gradients import normal

# N, T, D, H. In the last three the LSTM sums over time in pieces: of many steps, uneven, of one.
SHAPES = [
    (1, 1, 1, 1),
    (1, 5, 2, 3),
    (3, 1, 4, 2),
    (4, 6, 5, 7),
    (2, 700, 1, 2),
    (100, 13, 3, 2),
    (600, 3, 2, 2),
]
CELLS = {"rnn": (rnn, 1), "lstm": (lstm, 4)}


def sequence_case(cell, N, T, D, H):
    G = CELLS[cell][1] * H
    arguments = normal(N + T, x=(N, T, D), h0=(N, H), Wx=(D, G), Wh=(H, G), b=(G,))
    arguments["Wx"] /= np.sqrt(D)
    arguments["Wh"] /= np.sqrt(H)
    return arguments, normal(2, dh=(N, T, H))["dh"]


def run(module, name, arguments, dh):
    h, cache = getattr(module, f"{name}_forward")(**arguments)
    return h, *getattr(module, f"{name}_backward")(dh, cache)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("N", "T", "D", "H"), SHAPES)
def test_all_versions_are_equal(cell, N, T, D, H):
    arguments, dh = sequence_case(cell, N, T, D, H)
    expected = run(plain_loops, f"{cell}_loop", arguments, dh)
    for module, name in ((plain_loops, f"{cell}_hoisted"), (CELLS[cell][0], cell)):
        for result, other in zip(run(module, name, arguments, dh), expected, strict=True):
            assert result.shape == other.shape
            assert result.dtype == other.dtype
            np.testing.assert_allclose(result, other, rtol=0, atol=1e-12 * np.abs(other).max())


@pytest.mark.parametrize("cell", CELLS)
def test_the_fast_version_leaves_what_it_is_given_and_what_it_kept(cell):
    arguments, dh = sequence_case(cell, 3, 4, 5, 6)
    copies = {name: value.copy() for name, value in arguments.items()}
    module = CELLS[cell][0]
    h, cache = getattr(module, f"{cell}_forward")(**arguments)
    kept = h.copy()
    first, second = (getattr(module, f"{cell}_backward")(dh.copy(), cache) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    for name, copy in copies.items():
        np.testing.assert_array_equal(arguments[name], copy)
    np.testing.assert_array_equal(h, kept)


def memory(cell, N, T, D=4, H=8, dtype=np.float32):
    """Bytes at the peak of forward and backward, and of what is kept and returned in the end."""
    arguments, dh = sequence_case(cell, N, T, D, H)
    arguments = {name: value.astype(dtype) for name, value in arguments.items()}
    dh = dh.astype(dtype)
    given = dh.nbytes + sum(value.nbytes for value in arguments.values())
    module = CELLS[cell][0]
    tracemalloc.start()
    try:
        h, cache = getattr(module, f"{cell}_forward")(**arguments)
        results = h, cache, getattr(module, f"{cell}_backward")(dh, cache)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert results
    return given + peak, given + kept


def test_the_lstm_needs_little_more_memory_than_it_keeps_and_returns():
    peak, kept = memory("lstm", 128, 16, 256, 512)
    assert peak < 1.3 * kept


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "sizes",
    [[(8, 16), (8, 256), (8, 4096)], [(1, 64), (32, 64), (1024, 64)]],
    ids=["with T", "with N"],
)
def test_memory_grows_at_most_linearly(cell, sizes):
    peaks = [memory(cell, N, T)[0] for N, T in sizes]
    work = [N * T for N, T in sizes]
    slope, _ = np.polyfit(np.log(work), np.log(peaks), 1)
    assert slope < 1.05


@pytest.mark.parametrize("cell", CELLS)
def test_long_sequences_stay_finite(cell):
    arguments, dh = sequence_case(cell, 1, 4096, 2, 3)
    with np.errstate(all="raise", under="ignore"):
        results = run(CELLS[cell][0], cell, arguments, dh)
    assert all(np.isfinite(result).all() for result in results)
