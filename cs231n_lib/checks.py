"""Checks of arguments, declared around a function and made once, where a caller enters.

::

    @checked(x="N D", prev_h="N H", Wx="D H", Wh="H H", b="H", steps=Count())
    def rnn_step_forward(x, prev_h, Wx, Wh, b, steps=1): ...

A string says that an argument is a NumPy array of floats, and its shape. A letter is the same size
everywhere in one call; ``4H`` is four times ``H``, a letter seen before; a number is itself, and
``...`` at the beginning any number of dimensions. A tuple of strings does the same for the parts of
a tuple, such as a cache. Everything else is declared by one of the classes below.

What is declared by a shape may have any float dtype. Half precision is computed in single, and the
result rounded once: in half precision a long sum stands still, since 2048 + 1 is 2048.

A call that comes from the library itself is not checked again. Every message begins with the name
of the function that the caller entered.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

__all__ = [
    "RNG",
    "Bytes",
    "Call",
    "Count",
    "Each",
    "Floats",
    "Function",
    "Indices",
    "Instance",
    "Number",
    "OneOf",
    "Rows",
    "Texts",
    "a_type",
    "check",
    "check_array",
    "check_fields",
    "check_finite",
    "check_precision",
    "check_range",
    "check_shape",
    "checked",
    "named",
    "shown",
]

F = TypeVar("F", bound=Callable)

_LIBRARY = __name__.partition(".")[0] + "."
_RAISES = """

Raises
------
TypeError, ValueError
    If an argument is not what is described above.
"""
_entered: ContextVar[str] = ContextVar("entered", default="cs231n_lib")


@dataclass
class Call:
    """The arguments of one call, by name, and the sizes that letters have in it.

    ``sources`` says from which argument the size of a letter was taken, ``half`` whether there is
    an array of half precision.
    """

    arguments: Mapping[str, Any]
    sizes: dict[str, int] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    half: bool = False


# What an argument has to be: called with its name, its value and the call, it raises an error.
Kind = Callable[[str, Any, Call], None]
Declared = str | tuple | Kind


def checked(**declared: Declared) -> Callable[[F], F]:
    """Declare what the arguments of a function have to be.

    Parameters
    ----------
    **declared
        For an argument a shape, a tuple of shapes, or a kind such as ``Count()``. They are checked
        in this order. Where the default is None, None is right as well.

    Returns
    -------
    callable
        A decorator. What it declares can be read as ``function.declared``, and a docstring that
        says nothing of errors gets the section that is the same for all.
    """

    def decorate(function: F) -> F:
        parameters = inspect.signature(function).parameters
        names = tuple(parameters)
        optional = frozenset(n for n, p in parameters.items() if p.default is None)
        required = {n for n, p in parameters.items() if p.default is p.empty} & declared.keys()
        owner, _, title = function.__qualname__.rpartition(".")
        made_by_another = owner.endswith(".<locals>") and function.__module__.startswith(_LIBRARY)
        if title in ("__init__", "__call__", "forward") or made_by_another:
            title = owner.removesuffix(".<locals>").rpartition(".")[2]

        @functools.wraps(function)
        def entry(*args: Any, **kwargs: Any) -> Any:
            caller = sys._getframe(1).f_globals.get("__name__", "")
            if caller.startswith(_LIBRARY) and caller != __name__:
                return function(*args, **kwargs)
            arguments = dict(zip(names, args)) | kwargs
            if not required <= arguments.keys():
                return function(*args, **kwargs)  # Python says what is missing
            before = _entered.set(title)
            try:
                half = check(arguments, declared, optional).half
                kwargs = {name: _from_outside(value) for name, value in kwargs.items()}
                args = tuple(map(_from_outside, args))
                return _in_single(function, args, kwargs) if half else function(*args, **kwargs)
            finally:
                _entered.reset(before)

        entry.declared = declared
        if entry.__doc__ and "Raises" not in entry.__doc__:
            entry.__doc__ = inspect.cleandoc(entry.__doc__) + _RAISES
        return entry

    return decorate


def _from_outside(value: Any) -> Any:
    """A function of the library to which the caller has bound arguments, itself or in a dict.

    When the library calls it, the call comes from here, and the bound arguments are checked.
    """
    if isinstance(value, functools.partial):
        return lambda *args, **kwargs: value(*args, **kwargs)
    if type(value) is dict and any(isinstance(p, functools.partial) for p in value.values()):
        return {key: _from_outside(part) for key, part in value.items()}
    return value


def _in_single(function: Callable, args: tuple, kwargs: dict[str, Any]) -> Any:
    """What a function gives in single precision, in half if all arrays of floats are half."""
    dtypes = set()
    _map_floats((args, kwargs), lambda array: dtypes.add(array.dtype.type))
    args, kwargs = _map_floats((args, kwargs), _widened)
    result = function(*args, **kwargs)
    return _map_floats(result, _narrowed) if dtypes == {np.float16} else result


def _widened(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype.type is np.float16 else array


def _narrowed(array: np.ndarray) -> np.ndarray:
    if array.dtype.type is not np.float32:
        return array
    with np.errstate(over="ignore"):
        narrow = array.astype(np.float16)
    if np.isinf(narrow).any() and not np.isinf(array).any():
        raise ValueError(
            named(
                f"the answer goes up to {np.abs(array).max():.3g}, and float16 to "
                f"{np.finfo(np.float16).max:.3g}; give arrays of float32"
            )
        )
    return narrow


def _map_floats(value: Any, change: Callable[[np.ndarray], Any]) -> Any:
    """A value with every array of floats in it changed, also in tuples, lists and dicts."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return change(value)
    if isinstance(value, tuple | list):
        return type(value)(_map_floats(part, change) for part in value)
    if isinstance(value, dict):
        return {key: _map_floats(part, change) for key, part in value.items()}
    return value


def check(
    arguments: Mapping[str, Any],
    declared: Mapping[str, Declared],
    optional: Collection[str] = (),
) -> Call:
    """Check arguments against what is declared; those not given, or None and optional, pass."""
    call = Call(arguments)
    for name, kind in declared.items():
        if name in arguments and not (arguments[name] is None and name in optional):
            _check_one(name, arguments[name], kind, call)
    return call


def check_fields(record: Any, **declared: Declared) -> None:
    """Check the fields of a dataclass, in its ``__post_init__``. Errors begin with its name."""
    optional = {f.name for f in dataclasses.fields(record) if f.default is None}
    before = _entered.set(type(record).__name__)
    try:
        check({f.name: getattr(record, f.name) for f in dataclasses.fields(record)},
              declared, optional)  # fmt: skip
    finally:
        _entered.reset(before)


def named(message: str) -> str:
    """A message that begins with the name of the function that the caller entered."""
    return f"{_entered.get()}: {message}"


def shown(value: float, *others: float) -> str:
    """A number in six digits, or in as many as it takes to tell it from others, such as a limit."""
    value = float(value)
    texts = (f"{value:.{digits}g}" for digits in range(6, 18))
    sides = [(value > other, value < other) for other in others]
    return next(
        text
        for text in texts
        if [(float(text) > other, float(text) < other) for other in others] == sides
    )


def _check_one(name: str, value: Any, kind: Declared, call: Call) -> None:
    if isinstance(kind, str):
        _check_floats(name, value, kind, call)
    elif isinstance(kind, tuple):
        if not isinstance(value, tuple) or len(value) != len(kind):
            given = f"{len(value)} parts" if isinstance(value, tuple) else type(value).__name__
            raise TypeError(named(f"{name} is {given}, expected a tuple of {len(kind)}"))
        for number, (part, shape) in enumerate(zip(value, kind)):
            if shape:
                _check_one(f"{name}[{number}]", part, shape, call)
    else:
        kind(name, value, call)


def _check_floats(name: str, array: np.ndarray, letters: str, call: Call) -> None:
    if type(array) is not np.ndarray:
        check_array(name, array, f"a NumPy array of shape {_tuple(letters)}")
    if array.dtype.kind != "f":
        raise TypeError(named(f"{name} has dtype {array.dtype}, expected floats"))
    call.half |= array.dtype.itemsize == 2
    check_shape(name, array.shape, letters, call)


def check_array(name: str, value: Any, expected: str) -> None:
    """Raise TypeError unless something is a NumPy array, and computes as one."""
    if isinstance(value, np.ndarray) and not isinstance(value, np.matrix | np.ma.MaskedArray):
        return
    if isinstance(value, np.ma.MaskedArray):
        how = f"; give {name}.filled(0), or another number for what is masked"
    elif isinstance(value, np.matrix | list | tuple):
        how = f"; give np.asarray({name})"
    elif hasattr(value, "detach") and hasattr(value, "cpu"):  # a BytesIO detaches something else
        wide = ".float()" * (str(value.dtype) == "torch.bfloat16")  # which NumPy does not know
        how = f"; give {name}.detach().cpu(){wide}.numpy()"
    else:
        how = f"; give {name}.to_numpy()" * hasattr(value, "to_numpy")
    raise TypeError(named(f"{name} is {a_type(value)}, expected {expected}{how}"))


def check_precision(name: str, dtype: Any, instead: str) -> None:
    """Raise TypeError if floats, NumPy's or PyTorch's, have half precision or less.

    ``instead`` is what to give.
    """
    if dtype.itemsize < 4:
        raise TypeError(
            named(
                f"{name} has dtype {dtype}, expected float32 or float64: half precision is too "
                f"coarse here; give {instead}"
            )
        )


def check_shape(name: str, shape: tuple[int, ...], letters: str, call: Call) -> None:
    """Check a shape against letters, and take the size of each new letter from it.

    Raises ValueError if a rank or a size does not fit, or a size is zero.
    """
    parts, more = _dimensions(letters)
    if len(shape) != len(parts) and not (more and len(shape) > len(parts)):
        raise ValueError(
            named(
                f"{name} has shape {tuple(shape)}, expected {'at least ' * more}{len(parts)} "
                f"dimension{'s' * (len(parts) != 1)}, {_tuple(letters)}"
            )
        )
    if 0 in shape:
        raise ValueError(
            named(
                f"{name} has shape {tuple(shape)}, expected {_tuple(letters)} "
                "with no dimension of size zero"
            )
        )
    sizes, sources, fits = call.sizes, call.sources, True
    for (factor, letter), size in zip(parts, shape[-len(parts) :] if more else shape):
        if factor == 1 and letter and letter not in sizes:
            sizes[letter], sources[letter] = size, name
        fits = fits and size == (factor * sizes[letter] if letter else factor)
    if not fits:
        wanted = tuple(factor * sizes[letter] if letter else factor for factor, letter in parts)
        origin = ", ".join(
            f"{letter} = {sizes[letter]} from {sources[letter]}"
            for letter in sorted({letter for _, letter in parts if letter})
            if sources[letter] != name
        )
        raise ValueError(
            named(
                f"{name} has shape {tuple(shape)}, "
                f"expected {_tuple(letters)} = {wanted}{origin and '; '}{origin}"
            )
        )


@functools.cache
def _dimensions(letters: str) -> tuple[tuple[tuple[int, str], ...], bool]:
    """``"... N 4H 3"`` -> ``(((1, "N"), (4, "H"), (3, "")), True)``."""
    names = letters.split()
    more = names[:1] == ["..."]
    parts = ((name.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), name) for name in names[more:])
    return tuple((int(number or 1), name[len(number) :]) for number, name in parts), more


def _tuple(letters: str) -> str:
    names = letters.split()
    return f"({', '.join(names)}{',' * (len(names) == 1)})"


@dataclass(frozen=True)
class Floats:
    """A NumPy array of floats of a shape; on request finite ones, or none of half precision."""

    shape: str
    finite: bool = False
    half: bool = True

    def __call__(self, name: str, array: np.ndarray, call: Call) -> None:
        _check_floats(name, array, self.shape, call)
        if not self.half:
            check_precision(name, array.dtype, f"{name}.astype(np.float32)")
        if self.finite:
            check_finite(name, array)


@dataclass(frozen=True)
class Rows:
    """A NumPy array of floats, (N, d_1, ..., d_k); D is the size of a row, d_1 * ... * d_k."""

    def __call__(self, name: str, array: np.ndarray, call: Call) -> None:
        _check_floats(name, array, "... D", call)
        if array.ndim < 2:
            raise ValueError(
                named(f"{name} has shape {array.shape}, expected (N, d_1, ..., d_k), a row each")
            )
        call.sizes |= {"N": len(array), "D": math.prod(array.shape[1:])}
        call.sources["N"] = name


@dataclass(frozen=True)
class Indices:
    """A NumPy array of integers of a shape, each from 0 to ``below - 1``.

    ``below`` is a number, or a letter declared before. NumPy would read -1 as the last row,
    silently.
    """

    shape: str
    below: int | str

    def __call__(self, name: str, array: np.ndarray, call: Call) -> None:
        check_array(name, array, "a NumPy array of integers")
        if array.dtype.kind not in "iu":
            raise TypeError(named(f"{name} is {array.dtype}, expected a NumPy array of integers"))
        check_shape(name, array.shape, self.shape, call)
        check_range(name, array, call.sizes.get(self.below, self.below))


@dataclass(frozen=True)
class Bytes:
    """A NumPy array of bytes, 0 to 255, of a shape: a picture to look at is ``"H W 3"``."""

    shape: str = "H W 3"

    def __call__(self, name: str, array: np.ndarray, call: Call) -> None:
        check_array(name, array, "a NumPy array of uint8")
        if array.dtype != np.uint8:
            raise TypeError(named(f"{name} is {array.dtype}, expected a NumPy array of uint8"))
        check_shape(name, array.shape, self.shape, call)


@dataclass(frozen=True)
class Count:
    """A whole number of steps, samples or pixels, within limits; True and False are not."""

    least: int = 1
    most: float = math.inf

    def __call__(self, name: str, value: int, call: Call | None = None) -> None:
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise TypeError(named(f"{name} is {value!r}, expected a whole number"))
        if value < self.least:
            raise ValueError(named(f"{name} is {value}, expected at least {self.least}"))
        if value > self.most:
            raise ValueError(named(f"{name} is {value}, expected at most {self.most}"))


@dataclass(frozen=True)
class Number:
    """A rate, a weight or another real number: finite, and within limits."""

    above: float | None = None
    least: float | None = None
    most: float = math.inf
    below: float = math.inf

    def __call__(self, name: str, value: float, call: Call | None = None) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise TypeError(named(f"{name} is {value!r}, expected a number"))
        too_low = (self.above is not None and value <= self.above) or (
            self.least is not None and value < self.least
        )
        if not math.isfinite(value) or too_low or value > self.most or value >= self.below:
            words = {"above": self.above, "at least": self.least}
            words |= {"at most": self.most, "below": self.below}
            limits = {w: limit for w, limit in words.items() if limit not in (None, math.inf)}
            expected = " and ".join(f"{w} {shown(limit, value)}" for w, limit in limits.items())
            raise ValueError(
                named(
                    f"{name} is {shown(value, *limits.values())}, "
                    f"expected {expected or 'a finite number'}"
                )
            )


@dataclass(frozen=True)
class Instance:
    """An instance of a class; ``hint`` says how to make one, as in "such as squeezenet()"."""

    of: type | tuple[type, ...]
    hint: str = ""

    def __call__(self, name: str, value: Any, call: Call | None = None) -> None:
        if not isinstance(value, self.of) or (isinstance(value, bool) and self.of is not bool):
            kinds = self.of if isinstance(self.of, tuple) else (self.of,)
            expected = " or ".join(_described(kind) for kind in kinds)
            raise TypeError(
                named(
                    f"{name} is {a_type(value)}, expected {expected}{self.hint and ', '}{self.hint}"
                )
            )


def _described(kind: type) -> str:
    title = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    return _with_article(title)


def a_type(value: Any) -> str:
    """What something is, such as ``"an int"``."""
    return _with_article(type(value).__name__)


def _with_article(title: str) -> str:
    # "Ndarray" is spoken "en-dee array".
    return f"{'an' if title[0] in 'aeiouAEIOU' or title == 'ndarray' else 'a'} {title}"


@dataclass(frozen=True)
class Function:
    """Anything that can be called; ``hint`` says from what to what."""

    hint: str

    def __call__(self, name: str, value: Callable, call: Call | None = None) -> None:
        if not callable(value):
            raise TypeError(named(f"{name} is {a_type(value)}, expected a function {self.hint}"))


@dataclass(frozen=True)
class OneOf:
    """One of a few names."""

    names: tuple[str, ...]

    def __call__(self, name: str, value: str, call: Call | None = None) -> None:
        if not isinstance(value, str) or value not in self.names:
            expected = " or ".join(map(repr, self.names))
            raise ValueError(named(f"{name} is {value!r}, expected {expected}"))


@dataclass(frozen=True)
class Texts:
    """A list, a tuple or an array of strings, as many as ``length``; none, unless ``empty``.

    A set will do where they need not be ``ordered``.
    """

    length: int | str | None = None
    empty: bool = True
    ordered: bool = True

    def __call__(self, name: str, texts: Collection[str], call: Call | None = None) -> None:
        others = str | Mapping | set | frozenset if self.ordered else str | Mapping
        if (
            isinstance(texts, others)
            or not isinstance(texts, Collection)
            or getattr(texts, "shape", None) == ()
        ):
            given = "a single string" if isinstance(texts, str) else a_type(texts)
            raise TypeError(named(f"{name} is {given}, expected a list of strings"))
        if not (len(texts) or self.empty):
            raise ValueError(named(f"{name} is empty, expected at least one"))
        for text in texts:
            if not isinstance(text, str):
                raise TypeError(named(f"{name} holds {a_type(text)}, expected strings only"))
        _check_length(name, texts, "strings", self.length, call)


def _check_length(
    name: str, parts: Collection[Any], what: str, wanted: int | str | None, call: Call | None
) -> None:
    if isinstance(wanted, str):
        call.sources.setdefault(wanted, name)
        wanted = call.sizes.setdefault(wanted, len(parts))
    if wanted is not None and len(parts) != wanted:
        raise ValueError(named(f"{name} has {len(parts)} {what}, expected {wanted}"))


@dataclass(frozen=True)
class Each:
    """A list of parts of a kind, as many as ``length``, a number or a letter; not ``empty``."""

    kind: Declared
    length: int | str | None = None
    empty: bool = False

    def __call__(self, name: str, parts: Sequence[Any], call: Call) -> None:
        one_by_one = hasattr(parts, "__len__") and hasattr(parts, "__getitem__")
        if isinstance(parts, str | Mapping) or not one_by_one or getattr(parts, "shape", 0) == ():
            raise TypeError(named(f"{name} is {a_type(parts)}, expected a list"))
        if not (len(parts) or self.empty):
            raise ValueError(named(f"{name} is empty, expected at least one"))
        _check_length(name, parts, "parts", self.length, call)
        for number, part in enumerate(parts):
            _check_one(f"{name}[{number}]", part, self.kind, call)


RNG = Instance(np.random.Generator, "such as numpy.random.default_rng(0)")


def check_range(name: str, indices: np.ndarray, upper: int) -> None:
    """Raise ValueError unless all of some integers lie from 0 to ``upper - 1``."""
    if indices.size and (indices.min() < 0 or indices.max() >= upper):
        worst = indices.min() if indices.min() < 0 else indices.max()
        raise ValueError(named(f"{name} contains {worst}, expected indices from 0 to {upper - 1}"))


def check_finite(name: str, array: np.ndarray) -> None:
    """Raise ValueError if an array holds NaN or infinity."""
    rows = np.atleast_1d(array)
    step = max(1, 2**22 // max(1, math.prod(rows.shape[1:])))  # an array may be a file, and large
    bad = sum(
        np.count_nonzero(~np.isfinite(rows[start : start + step]))
        for start in range(0, len(rows), step)
    )
    if bad:
        raise ValueError(
            named(
                f"{name} contains {bad} values that are NaN or infinite, "
                "expected finite numbers only"
            )
        )
