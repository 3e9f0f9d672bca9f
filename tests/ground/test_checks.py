"""Declared checks: what passes, what is refused in which words, and that it is checked once."""

from __future__ import annotations

import functools
import inspect
import io
import timeit
import types
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from cs231n_lib.checks import (
    RNG,
    Bytes,
    Count,
    Each,
    Floats,
    Function,
    Indices,
    Instance,
    Number,
    OneOf,
    Rows,
    Texts,
    check_fields,
    checked,
    named,
)
from cs231n_lib.speak.rnn import rnn_step_forward

ONES = np.ones((2, 3))


def declared(**kinds):
    """A function ``f`` of some arguments, each declared, which gives them back."""
    arguments = ", ".join(kinds)
    return checked(**kinds)(eval(f"lambda {arguments}: ({arguments},)"))


def refused(error, message, kinds, values):
    function = declared(**kinds)
    with pytest.raises(error) as caught:
        function(**values)
    assert str(caught.value) == f"<lambda>: {message}"


# Shapes


@pytest.mark.parametrize(
    ("shapes", "arrays"),
    [
        (("N D", "N H", "D H"), (ONES, np.ones((2, 4)), np.ones((3, 4)))),
        (("H", "N 4H"), (np.ones(2), np.ones((5, 8)))),
        (("H", "12H"), (np.ones(2), np.ones(24))),
        (("N 3 H",), (np.ones((2, 3, 7)),)),
        (("... D", "D"), (np.ones((5, 4, 3)), np.ones(3))),
        (("... D", "D"), (np.ones(3), np.ones(3))),
        (("N D", "D N"), (ONES, ONES.T)),
        (("N", "N"), (np.ones(2, np.float32), np.ones(2, np.longdouble))),
    ],
)
def test_shapes_that_fit_pass(shapes, arrays):
    names = "abc"[: len(shapes)]
    assert declared(**dict(zip(names, shapes)))(*arrays) == arrays


@pytest.mark.parametrize(
    ("shapes", "arrays", "error", "message"),
    [
        ("N", [1.0], TypeError,
         "a is a list, expected a NumPy array of shape (N,); give np.asarray(a)"),
        ("N T D", None, TypeError, "a is a NoneType, expected a NumPy array of shape (N, T, D)"),
        ("N", np.ones(2, int), TypeError, "a has dtype int64, expected floats"),
        ("N", np.ones(2, bool), TypeError, "a has dtype bool, expected floats"),
        ("N", np.ones(2, complex), TypeError, "a has dtype complex128, expected floats"),
        ("N", ONES, ValueError, "a has shape (2, 3), expected 1 dimension, (N,)"),
        ("N D", np.ones(2), ValueError, "a has shape (2,), expected 2 dimensions, (N, D)"),
        ("... N D", np.ones(2), ValueError,
         "a has shape (2,), expected at least 2 dimensions, (..., N, D)"),
        ("N D", np.ones((2, 0)), ValueError,
         "a has shape (2, 0), expected (N, D) with no dimension of size zero"),
        ("N N", ONES, ValueError, "a has shape (2, 3), expected (N, N) = (2, 2)"),
        ("N 4", ONES, ValueError, "a has shape (2, 3), expected (N, 4) = (2, 4)"),
        (("N D", "D M"), (ONES, np.ones((4, 5))), ValueError,
         "b has shape (4, 5), expected (D, M) = (3, 5); D = 3 from a"),
        (("N D", "D N"), (ONES, ONES), ValueError,
         "b has shape (2, 3), expected (D, N) = (3, 2); D = 3 from a, N = 2 from a"),
        (("N H", "H 4H"), (ONES, np.ones((3, 9))), ValueError,
         "b has shape (3, 9), expected (H, 4H) = (3, 12); H = 3 from a"),
        (("N D", "... D"), (ONES, np.ones((7, 2))), ValueError,
         "b has shape (7, 2), expected (..., D) = (3,); D = 3 from a"),
    ],
)  # fmt: skip
def test_a_message_says_what_is_given_expected_and_where_that_comes_from(
    shapes, arrays, error, message
):
    if isinstance(shapes, str):
        shapes, arrays = (shapes,), (arrays,)
    refused(error, message, dict(zip("ab", shapes)), dict(zip("ab", arrays)))


def test_a_cache_is_a_tuple_of_shapes_and_anything():
    kinds = {"cache": ("N D", None, "D"), "dout": "N D"}
    cache = (ONES, "anything", np.ones(3))
    assert declared(**kinds)(cache, ONES) == (cache, ONES)
    for given, said in (([ONES], "list"), ((ONES,), "1 parts")):
        refused(TypeError, f"cache is {said}, expected a tuple of 3",
                kinds, {"cache": given, "dout": ONES})  # fmt: skip
    refused(ValueError, "cache[2] has shape (4,), expected (D,) = (3,); D = 3 from cache[0]",
            kinds, {"cache": (ONES, 0, np.ones(4)), "dout": ONES})  # fmt: skip
    refused(ValueError, "dout has shape (3, 2), expected (N, D) = (2, 3); "
            "D = 3 from cache[0], N = 2 from cache[0]",
            kinds, {"cache": cache, "dout": ONES.T})  # fmt: skip


# Kinds

GOOD = [
    (Floats("N", finite=True), np.ones(2)),
    (Floats("N"), np.array([np.nan])),
    (Rows(), np.ones((2, 3, 4))),
    (Indices("N", below=3), np.array([0, 2])),
    (Indices("N", below=300), np.array([255], np.uint8)),
    (Bytes(), np.zeros((2, 4, 3), np.uint8)),
    (Bytes("N H W"), np.zeros((2, 4, 1), np.uint8)),
    (Count(), 1),
    (Count(least=0, most=2), np.int64(2)),
    (Number(), -1e300),
    (Number(above=0, most=1), np.float32(1)),
    (Number(least=0, below=1), 0),
    (Instance(str), "a"),
    (Instance((str, int)), 3),
    (Instance(bool), True),
    (RNG, np.random.default_rng(0)),
    (Function("from x to y"), len),
    (OneOf(("a", "b")), "b"),
    (Texts(), []),
    (Texts(2), ("a", "b")),
    (Texts(empty=False), {"a": 1}.keys()),
    (Texts(ordered=False), {"a", "b"}),
    (Texts(2), np.array(["a", "b"])),
    (Texts(), np.array(["a"], object)),
    (Each(Count()), [1, 2]),
    (Each(Count()), np.array([1, 2])),
    (Each(Count(), empty=True), ()),
    (Each("N", 2), (np.ones(2), np.ones(2))),
]


@pytest.mark.parametrize(("kind", "value"), GOOD)
def test_a_value_of_its_kind_passes(kind, value):
    assert declared(x=kind)(value) == (value,)


BAD = [
    (Floats("N"), [1.0], TypeError,
     "is a list, expected a NumPy array of shape (N,); give np.asarray(x)"),
    (Floats("N N"), np.ones((1, 1)).view(np.matrix), TypeError,
     "is a matrix, expected a NumPy array of shape (N, N); give np.asarray(x)"),
    (Floats("N"), np.ma.array([1.0, 2.0], mask=[False, True]), TypeError,
     "is a MaskedArray, expected a NumPy array of shape (N,); give x.filled(0), or another number "
     "for what is masked"),
    (Floats("N"), torch.ones(2, requires_grad=True), TypeError,
     "is a Tensor, expected a NumPy array of shape (N,); give x.detach().cpu().numpy()"),
    (Floats("N"), torch.ones(2).bfloat16(), TypeError,
     "is a Tensor, expected a NumPy array of shape (N,); give x.detach().cpu().float().numpy()"),
    (Floats("N"), io.BytesIO(), TypeError, "is a BytesIO, expected a NumPy array of shape (N,)"),
    (Floats("N"), types.SimpleNamespace(to_numpy=None), TypeError,
     "is a SimpleNamespace, expected a NumPy array of shape (N,); give x.to_numpy()"),
    (Floats("N", half=False), np.ones(2, np.float16), TypeError,
     "has dtype float16, expected float32 or float64: half precision is too coarse here; "
     "give x.astype(np.float32)"),
    (Floats("N", finite=True), np.array([1, np.nan, np.inf]), ValueError,
     "contains 2 values that are NaN or infinite, expected finite numbers only"),
    (Rows(), np.ones(3), ValueError, "has shape (3,), expected (N, d_1, ..., d_k), a row each"),
    (Rows(), np.ones((2, 0)), ValueError,
     "has shape (2, 0), expected (..., D) with no dimension of size zero"),
    (Floats("N"), np.zeros(2, "M8[s]"), TypeError, "has dtype datetime64[s], expected floats"),
    (Floats("N"), np.zeros(2, "f4,f4"), TypeError,
     "has dtype [('f0', '<f4'), ('f1', '<f4')], expected floats"),
    (Indices("N", 3), [0], TypeError,
     "is a list, expected a NumPy array of integers; give np.asarray(x)"),
    (Indices("N", 3), np.ones(2), TypeError, "is float64, expected a NumPy array of integers"),
    (Indices("N", 3), np.zeros((1, 1), int), ValueError,
     "has shape (1, 1), expected 1 dimension, (N,)"),
    (Indices("N", 3), np.array([0, 3]), ValueError, "contains 3, expected indices from 0 to 2"),
    (Indices("N", 3), np.array([5, -1]), ValueError, "contains -1, expected indices from 0 to 2"),
    (Bytes(), [[[0, 0, 0]]], TypeError,
     "is a list, expected a NumPy array of uint8; give np.asarray(x)"),
    (Bytes(), np.zeros((1, 1, 3)), TypeError, "is float64, expected a NumPy array of uint8"),
    (Bytes(), np.zeros((2, 2, 4), np.uint8), ValueError,
     "has shape (2, 2, 4), expected (H, W, 3) = (2, 2, 3)"),
    (Count(), 0, ValueError, "is 0, expected at least 1"),
    (Count(most=4), 5, ValueError, "is 5, expected at most 4"),
    (Count(), True, TypeError, "is True, expected a whole number"),
    (Count(), 2.0, TypeError, "is 2.0, expected a whole number"),
    (Count(), None, TypeError, "is None, expected a whole number"),
    (Number(above=0), 0, ValueError, "is 0, expected above 0"),
    (Number(least=0), -0.1, ValueError, "is -0.1, expected at least 0"),
    (Number(above=0, most=1), 1.5, ValueError, "is 1.5, expected above 0 and at most 1"),
    (Number(least=0, below=1), 1, ValueError, "is 1, expected at least 0 and below 1"),
    (Number(most=1), 1 + 1e-9, ValueError, "is 1.000000001, expected at most 1"),
    (Number(least=0), np.nan, ValueError, "is nan, expected at least 0"),
    (Number(), np.inf, ValueError, "is inf, expected a finite number"),
    (Number(), "1", TypeError, "is '1', expected a number"),
    (Number(), True, TypeError, "is True, expected a number"),
    (Instance(str), 3, TypeError, "is an int, expected a str"),
    (Instance(int), True, TypeError, "is a bool, expected an int"),
    (Instance((str, types.FunctionType)), 3, TypeError, "is an int, expected a str or a function"),
    (RNG, 0, TypeError, "is an int, expected a numpy.random._generator.Generator, "
     "such as numpy.random.default_rng(0)"),
    (Function("from x to y"), 3, TypeError, "is an int, expected a function from x to y"),
    (OneOf(("a", "b")), "c", ValueError, "is 'c', expected 'a' or 'b'"),
    (OneOf(("a",)), ["a"], ValueError, "is ['a'], expected 'a'"),
    (Texts(), {"a": 1}, TypeError, "is a dict, expected a list of strings"),
    (Texts(), {"a"}, TypeError, "is a set, expected a list of strings"),
    (Texts(), np.array("a"), TypeError, "is an ndarray, expected a list of strings"),
    (Texts(), "ab", TypeError, "is a single string, expected a list of strings"),
    (Texts(), 3, TypeError, "is an int, expected a list of strings"),
    (Texts(), ["a", 3], TypeError, "holds an int, expected strings only"),
    (Texts(2), ["a"], ValueError, "has 1 strings, expected 2"),
    (Texts(empty=False), (), ValueError, "is empty, expected at least one"),
    (Each(Count()), 3, TypeError, "is an int, expected a list"),
    (Each(Count()), {0: 1}, TypeError, "is a dict, expected a list"),
    (Each(Count()), {1}, TypeError, "is a set, expected a list"),
    (Each(Count()), np.array(1), TypeError, "is an ndarray, expected a list"),
    (Each(Count()), "ab", TypeError, "is a str, expected a list"),
    (Each(Count()), [], ValueError, "is empty, expected at least one"),
    (Each(Count(), 2), [1], ValueError, "has 1 parts, expected 2"),
    (Each(Count()), [1, 0], ValueError, "[1] is 0, expected at least 1"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "error", "message"), BAD)
def test_a_value_of_another_kind_is_refused(kind, value, error, message):
    refused(error, "x" + " " * (message[0] != "[") + message, {"x": kind}, {"x": value})


@pytest.mark.parametrize(
    ("kinds", "values", "message"),
    [
        ({"w": "V D", "x": Indices("N", below="V")}, (ONES, np.array([2])),
         "x contains 2, expected indices from 0 to 1"),
        ({"x": Rows(), "w": "D M"}, (np.ones((2, 3, 4)), ONES),
         "w has shape (2, 3), expected (D, M) = (12, 3); D = 12 from x"),
        ({"x": Rows(), "y": "N"}, (np.ones((2, 3)), np.ones(3)),
         "y has shape (3,), expected (N,) = (2,); N = 2 from x"),
        ({"x": "T D", "words": Texts("T")}, (ONES, ["a"]), "words has 1 strings, expected 2"),
        ({"words": Texts("T"), "x": "T D"}, (["a"], ONES),
         "x has shape (2, 3), expected (T, D) = (1, 3); T = 1 from words"),
        ({"x": Each("D", "N"), "y": "N"}, ([np.ones(2)], np.ones(3)),
         "y has shape (3,), expected (N,) = (1,); N = 1 from x"),
    ],
)  # fmt: skip
def test_kinds_share_the_sizes_of_letters(kinds, values, message):
    refused(ValueError, message, kinds, dict(zip(kinds, values)))


# The decorator


@checked(x="N", times=Count(), weight=Number(above=0))
def scale(x, times=1, weight=None):
    """Double."""
    return x * times * (weight or 1)


def test_defaults_are_not_checked_and_none_passes_where_it_is_the_default():
    assert scale(np.ones(1)) == scale(np.ones(1), weight=None) == 1
    with pytest.raises(TypeError, match=r"^scale: times is None, expected a whole number$"):
        scale(np.ones(1), None)


def test_arguments_are_checked_by_place_and_by_name():
    for call in (lambda: scale(np.ones(1), 0), lambda: scale(times=0, x=np.ones(1))):
        with pytest.raises(ValueError, match=r"^scale: times is 0, expected at least 1$"):
            call()


def test_python_says_which_argument_is_missing_unknown_or_too_much():
    for arguments, settings in (((), {}), ((ONES[0],), {"time": 1}), ((ONES[0], 1, 2.0, 4), {})):
        with pytest.raises(TypeError, match=r"scale\(\) (missing|got|takes)"):
            scale(*arguments, **settings)


def test_name_docstring_and_signature_stay():
    assert (scale.__name__, scale.__module__) == ("scale", __name__)
    assert scale.__doc__.startswith("Double.\n\nRaises\n------\nTypeError, ValueError\n    If")
    assert list(inspect.signature(scale).parameters) == ["x", "times", "weight"]
    assert scale.declared == {"x": "N", "times": Count(), "weight": Number(above=0)}


class Model:
    @checked(size=Count())
    def __init__(self, size):
        self.size = size

    @checked(x="N")
    def loss(self, x):
        return x.sum()


def test_methods_are_named_and_classes_for_their_init():
    with pytest.raises(ValueError, match=r"^Model: size is 0"):
        Model(0)
    with pytest.raises(TypeError, match=r"^loss: x is a list"):
        Model(1).loss([1.0])
    assert Model(1).loss(np.ones(2)) == 2


@dataclass(frozen=True)
class Settings:
    rate: float = 0.1
    decay: float | None = None

    def __post_init__(self):
        check_fields(self, rate=Number(above=0), decay=Number(below=1))


def test_a_record_checks_its_own_fields():
    assert (Settings().decay, Settings(decay=0.5).decay) == (None, 0.5)
    with pytest.raises(ValueError, match=r"^Settings: rate is 0, expected above 0$"):
        Settings(0)
    with pytest.raises(ValueError, match=r"^Settings: decay is 2, expected below 1$"):
        Settings(decay=2)
    with pytest.raises(TypeError, match=r"^Settings: rate is None, expected a number$"):
        Settings(rate=None)


@checked(x="N")
def inner(x):
    return x


@checked(x="N", then=Function("of x"))
def outer(x, then=inner):
    if not x.any():
        raise ValueError(named("x is zero"))
    return then(list(x))


@checked(x="N")
def entered(x):
    library("cs231n_lib.x")(inner, x)
    inner(x)
    raise ValueError(named("late"))


def library(name):
    """A module of the library that calls what it is given."""
    module = types.ModuleType(name)
    exec("def call(function, *arguments):\n    return function(*arguments)", module.__dict__)
    return module.call


def test_a_call_from_inside_the_library_is_not_checked_again():
    call = library("cs231n_lib.see.x")
    assert call(inner, [1.0]) == [1.0]
    for outside in ("cs231n_library", "__main__", "cs231n_lib_tests.x"):
        with pytest.raises(TypeError, match=r"^inner: x is a list"):
            library(outside)(inner, [1.0])


def test_a_callback_of_the_user_is_outside_again_and_named_itself():
    with pytest.raises(TypeError, match=r"^inner: x is a list"):
        library("cs231n_lib.x")(outer, ONES[0])  # its own call of `inner` comes from here


@checked(then=Function("of nothing"))
def calls(then, by_name=None):
    library("cs231n_lib.x")(then)
    for one in (by_name or {}).values():
        library("cs231n_lib.x")(one)


def test_what_the_user_bound_to_a_function_is_checked_when_the_library_calls_it():
    good, bad = functools.partial(inner, ONES[0]), functools.partial(inner, x=[1.0])
    calls(good, {"a": good, "b": dict})
    for arguments, settings in (((bad,), {}), ((), {"then": bad}), ((good, {"a": bad}), {})):
        with pytest.raises(TypeError, match=r"^inner: x is a list"):
            calls(*arguments, **settings)


def test_the_message_names_the_function_that_was_entered_also_after_a_nested_call():
    inner(ONES[0])
    with pytest.raises(ValueError, match=r"^outer: x is zero$"):
        outer(np.zeros(1), lambda x: inner(np.ones(1)))
    with pytest.raises(ValueError, match=r"^entered: late$"):
        entered(ONES[0])
    assert named("message") == "cs231n_lib: message"


def test_the_cost_of_a_call(capsys):
    arrays = ONES, np.ones((2, 4)), np.ones((3, 4)), np.ones((4, 4)), np.ones(4)
    checked_, bare = (
        min(timeit.repeat("f(*arrays)", number=500, repeat=5, globals={"f": f, "arrays": arrays}))
        for f in (rnn_step_forward, rnn_step_forward.__wrapped__)
    )
    with capsys.disabled():
        print(f"\nthe checks of rnn_step_forward take {(checked_ - bare) / 500 * 1e6:.1f} µs")
