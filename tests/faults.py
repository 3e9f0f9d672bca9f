"""Bad values for an argument, made from a valid call and from what the argument is declared to be.

``faults(kind, name, arguments, known)`` yields pairs, what is wrong and the bad value. ``known``
are the letters whose sizes arguments declared before have fixed.
"""

from __future__ import annotations

import copy
import functools
import math
import types
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from cs231n_lib.checks import (
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
)
from cs231n_lib.figures.checks import Colours, Curves, Values
from cs231n_lib.see.checks import Classes, Generator, Like, Models, Network, Pictures, Tensor
from cs231n_lib.see.images import Source
from cs231n_lib.speak.checks import Captions, Features, Model, Vocabulary, Words

__all__ = ["faults", "letters"]

Faults = Iterator[tuple[str, Any]]


class Stranger:
    """Of a class that no function knows."""


@functools.singledispatch
def faults(kind: Any, name: str, arguments: Mapping[str, Any], known: set[str]) -> Faults:
    """Bad values of an argument. Each kind of declaration has an entry below.

    A kind that is private to a module has its faults in the contracts of that module.
    """
    if not type(kind).__name__.startswith("_"):
        raise NotImplementedError(f"tests/faults.py needs an entry for {type(kind).__name__}")
    yield "something else", Stranger()


def letters(kind: Any) -> set[str]:
    """The letters whose sizes a declaration fixes."""
    if isinstance(kind, tuple):
        return set().union(*map(letters, kind))
    if isinstance(kind, Rows):
        return {"N", "D"}
    if isinstance(kind, Pictures):
        return set() if kind.like else {"N", "H", "W"}
    if isinstance(kind, Features | Captions):
        return {"N", "D", "H"} if isinstance(kind, Features) else {"N", "C"}
    if isinstance(kind, Each):
        return letters(kind.kind)
    if isinstance(kind, Values):
        return letters(kind.length)
    # A shape, or a kind with one.
    shape = kind if isinstance(kind, str) else getattr(kind, "shape", "")
    return {part for part in shape.split() if part.isalpha()}


def _of_shape(value: Any, shape: str, known: set[str]) -> Faults:
    """Wrong shapes of an array or a tensor, ``value``."""
    parts = shape.split()
    if parts[:1] == ["..."]:
        parts = parts[1:]
        if value.ndim == len(parts):
            yield "a dimension less", value[0]
    else:
        yield "a dimension more", value[None]
    if value.ndim:
        yield "empty", value[:0]
    for axis, part in enumerate(parts, start=value.ndim - len(parts)):
        if part in known or parts.count(part) > 1 or not part.isalpha():
            both = [value, value]
            larger = torch.cat(both, axis) if torch.is_tensor(value) else np.concatenate(both, axis)
            yield f"twice the size in dimension {axis}", larger


def _with(value: Any, number: float) -> Any:
    """A copy of an array or a tensor with one of its numbers replaced."""
    copy = value.detach().clone() if torch.is_tensor(value) else value.copy()
    copy[(0,) * copy.ndim] = number
    return copy


@faults.register
def _(kind: str, name: str, arguments: Mapping, known: set) -> Faults:
    array = arguments[name]
    yield "a list", array.tolist()
    yield "a tensor", torch.from_numpy(array.copy())
    yield "integers", array.astype(int)
    yield "complex numbers", array.astype(complex)
    yield "objects", array.astype(object)
    yield from _of_shape(array, kind, known)


@faults.register
def _(kind: tuple, name: str, arguments: Mapping, known: set) -> Faults:
    parts = arguments[name]
    yield "None", None
    yield "a list", list(parts)
    yield "a part less", parts[:-1]
    before = set(known)
    for number, (part, of_part) in enumerate(zip(parts, kind)):
        for what, bad in faults(of_part, name, {name: part}, before) if of_part else ():
            yield f"part {number}: {what}", (*parts[:number], bad, *parts[number + 1 :])
        before |= letters(of_part)


@faults.register
def _(kind: Floats, name: str, arguments: Mapping, known: set) -> Faults:
    yield from faults(kind.shape, name, arguments, known)
    if kind.finite:
        yield "NaN", _with(arguments[name], math.nan)
        yield "infinity", _with(arguments[name], -math.inf)


@faults.register
def _(kind: Rows, name: str, arguments: Mapping, known: set) -> Faults:
    yield from faults("... D", name, arguments, known)
    yield "no rows", arguments[name].ravel()


@faults.register
def _(kind: Indices, name: str, arguments: Mapping, known: set) -> Faults:
    array = arguments[name]
    yield "a list", array.tolist()
    yield "floats", array.astype(float)
    yield "truth values", array.astype(bool)
    yield "a negative index", _with(array.astype(int), -1)
    yield "an index too high", _with(array.astype(int), 10**9)
    yield from _of_shape(array, kind.shape, known)


@faults.register
def _(kind: Bytes, name: str, arguments: Mapping, known: set) -> Faults:
    array = arguments[name]
    yield from (("a list", array.tolist()), ("floats", array / 255), ("signed", array.astype(int)))
    yield from _of_shape(array, kind.shape, known)


@faults.register
def _(kind: Each, name: str, arguments: Mapping, known: set) -> Faults:
    parts = [*arguments[name]]
    yield from (("a string", "text"), ("a number", 3))
    if not kind.empty:
        yield "none", []
    if kind.length in known or isinstance(kind.length, int):
        yield "twice as many", [*parts, *parts]
    for what, bad in faults(kind.kind, name, arguments | {name: parts[0]}, known) if parts else ():
        yield f"{what}, among others", [*parts[:-1], bad]


@faults.register
def _(kind: Count, name: str, arguments: Mapping, known: set) -> Faults:
    yield from (("a fraction", kind.least + 0.5), ("True", True), ("a string", str(kind.least)))
    yield "too small", kind.least - 1
    if kind.most < math.inf:
        yield "too large", int(kind.most) + 1


@faults.register
def _(kind: Number, name: str, arguments: Mapping, known: set) -> Faults:
    yield from (("a string", "1"), ("True", True), ("NaN", math.nan), ("infinity", math.inf))
    yield "minus infinity", -math.inf
    if kind.above is not None:
        yield "too small", kind.above
    if kind.least is not None:
        yield "too small", math.nextafter(kind.least, -math.inf)
    if kind.most < math.inf:
        yield "too large", math.nextafter(kind.most, math.inf)
    if kind.below < math.inf:
        yield "too large", kind.below


@faults.register
def _(kind: Instance, name: str, arguments: Mapping, known: set) -> Faults:
    yield "something else", Stranger()
    yield "its class", type(arguments[name])


@faults.register
def _(kind: Function, name: str, arguments: Mapping, known: set) -> Faults:
    yield "a name", "abs"


@faults.register
def _(kind: OneOf, name: str, arguments: Mapping, known: set) -> Faults:
    yield from (("an unknown name", "no such name"), ("a number", 0), ("a list", []))


@faults.register
def _(kind: Texts, name: str, arguments: Mapping, known: set) -> Faults:
    yield from (("a single string", "one"), ("a number", 3))
    yield "a number among them", [*arguments[name], 3][1:]
    yield from (("a dict", dict.fromkeys(arguments[name])), ("an array of one", np.array("a")))
    if kind.ordered:
        yield "a set", set(arguments[name])
    if not kind.empty:
        yield "none", []
    if kind.length in known or isinstance(kind.length, int):
        yield "one more", [*arguments[name], "more"]


def _of_tensors(tensor: torch.Tensor) -> Faults:
    yield "an array", tensor.detach().cpu().numpy()
    yield "integers", tensor.detach().long()


def _too_coarse(tensor: torch.Tensor, half: bool) -> Faults:
    """In a dtype of 8 bits, and of 16 where half precision is not right."""
    for dtype in (torch.float8_e5m2, *((torch.float16, torch.bfloat16) * (not half))):
        yield str(dtype), tensor.detach().to(dtype)


@faults.register
def _(kind: Tensor, name: str, arguments: Mapping, known: set) -> Faults:
    yield from _of_tensors(arguments[name])
    yield from _of_shape(arguments[name], kind.shape, known)
    yield from _too_coarse(arguments[name], kind.half)
    if kind.finite:
        yield "NaN", _with(arguments[name], math.nan)


@faults.register
def _(kind: Pictures, name: str, arguments: Mapping, known: set) -> Faults:
    X = arguments[name]
    yield from _of_tensors(X)
    yield from (("one picture", X[0]), ("no picture", X[:0]), ("one channel", X[:, :1]))
    yield from (("NaN", _with(X, math.nan)), ("infinity", _with(X, math.inf)))
    yield "pixels from 0 to 255", _with(X, 255)
    yield from _too_coarse(X, kind.half)
    if kind.like:
        yield "other pictures", torch.cat([arguments[kind.like]] * 2)[..., 1:]
        yield "another dtype", X.double()
    if isinstance(arguments.get("model"), nn.Module):
        yield from (("another device", X.to("meta")), ("another dtype", X.double()))


@faults.register
def _(kind: Classes, name: str, arguments: Mapping, known: set) -> Faults:
    N = len(arguments[kind.of])
    y = torch.zeros(N, dtype=torch.int64)
    yield from (("a list", y.tolist()), ("an array", y.numpy()), ("floats", y.float()))
    yield from (("True", True), ("a class more", torch.cat([y, y[:1]])), ("a column", y[:, None]))
    yield from (("a negative class", y - 1), ("another device", y.to("meta")))
    yield "one for all", -1 if kind.one_for_all else 0


@faults.register
def _(kind: Models, name: str, arguments: Mapping, known: set) -> Faults:
    yield from _of_modules(arguments[name])
    yield from (("a name", "squeezenet"), ("None", None), ("a list", [] if kind.several else [abs]))


@faults.register
def _(kind: Generator, name: str, arguments: Mapping, known: set) -> Faults:
    yield from (("a seed", 0), ("NumPy's", np.random.default_rng(0)))


@faults.register
def _(kind: Like, name: str, arguments: Mapping, known: set) -> Faults:
    tensor = arguments[name]
    yield from _of_tensors(tensor)
    yield from (("another shape", tensor[None]), ("another device", tensor.to("meta")))
    yield from _too_coarse(tensor, half=False)


@faults.register
def _(kind: Source, name: str, arguments: Mapping, known: set) -> Faults:
    yield from (("a number", 3), ("an empty list", []))


@faults.register
def _(kind: Network, name: str, arguments: Mapping, known: set) -> Faults:
    yield from (("something else", Stranger()), ("its class", type(arguments[name])))
    yield from _of_modules(arguments[name])
    if not kind.half:
        yield "half precision", copy.deepcopy(arguments[name]).half()
    if kind.of is nn.Sequential:
        yield from (("a layer", nn.Tanh()), ("a list", list(arguments[name])))


def _of_modules(model: Any) -> Faults:
    yield "a list of layers", nn.ModuleList()
    if isinstance(model, nn.Module) and next(model.parameters(), None) is not None:
        yield "without numbers", copy.deepcopy(model).to("meta")
        yield "lazy", nn.Sequential(nn.LazyConv2d(3, 1), model)
        with torch.inference_mode():
            made = copy.deepcopy(model)
        yield "made under inference mode", made


@faults.register
def _(kind: Model, name: str, arguments: Mapping, known: set) -> Faults:
    yield "something else", Stranger()
    half = copy.deepcopy(arguments[name])
    half.params["b"] = half.params["b"].astype(np.float16)
    yield "a weight of half precision", half
    bad = copy.deepcopy(arguments[name])
    if kind.finite:
        bad.params["W_proj"][0, 0] = math.nan
        yield "a weight that is NaN", bad
    elif kind.speaks:
        bad.word_to_idx["<START>"] = -1
        yield "a vocabulary with a negative index", bad
    if kind.looks:
        blind = copy.copy(arguments[name])
        blind.cell_type = "lstm"
        yield "a model that does not look", blind


@faults.register
def _(kind: Features, name: str, arguments: Mapping, known: set) -> Faults:
    yield from faults(Floats("N D", finite=True), name, arguments, known | {"D"})
    yield "half precision", arguments[name].astype(np.float16)
    yield "a matrix", arguments[name].view(np.matrix)
    yield "masked numbers", np.ma.array(arguments[name], mask=arguments[name] > 0)
    if np.dtype(arguments[kind.model].dtype).itemsize < 8:
        yield "too large for the model", np.full(arguments[name].shape, 1e300)


@faults.register
def _(kind: Captions, name: str, arguments: Mapping, known: set) -> Faults:
    as_list = "a list"  # of rows is right
    for what, bad in faults(Indices("N C", below=0), name, arguments, known):
        if what != as_list:
            yield what, bad
    yield "rows of different lengths", [[1, 2], [1]]
    yield "a single word", arguments[name][:, :1]
    null = arguments[kind.model].word_to_idx["<NULL>"]
    yield "nothing to say", np.full_like(arguments[name], null)


@faults.register
def _(kind: Vocabulary, name: str, arguments: Mapping, known: set) -> Faults:
    words = arguments[name]
    yield from (("a list", list(words)), ("turned round", {i: word for word, i in words.items()}))
    yield from (
        ("a negative index", words | {"new": -1}),
        ("an index in text", words | {"new": "9"}),
    )
    yield from (("True", words | {"new": True}), ("a fraction", words | {"new": 0.5}))
    yield from (("one index twice", words | {"new": 0}), ("a word that is none", words | {99: 99}))
    yield from (("an index too high", words | {"new": 2**31}), ("none", {}))
    for word in kind.needs:
        yield f"no {word}", {other: i for other, i in words.items() if other != word}
        yield f"{word} beyond the vocabulary", words | {word: len(words)}


@faults.register
def _(kind: Words, name: str, arguments: Mapping, known: set) -> Faults:
    words = list(arguments[name])
    yield from (("a string", "text"), ("none", []), ("bytes", np.array(words).astype("S")))
    yield from (("indices", list(range(len(words)))), ("a single word", np.array("cat")))
    yield "JSON's keys", {str(i): word for i, word in enumerate(words)}
    yield "fractions for keys", {i + 0.5: word for i, word in enumerate(words)}
    yield "no words", dict(enumerate(range(len(words))))


@faults.register
def _(kind: Values, name: str, arguments: Mapping, known: set) -> Faults:
    values = np.asarray(arguments[name], dtype=float)
    yield from (("strings", ["a"] * len(values)), ("a number", 3.0), ("none", []))
    yield from (("rows", values[None]), ("infinity", _with(values, math.inf)))
    if not kind.gaps:
        yield "NaN", _with(values, math.nan)
    if kind.least > -math.inf:
        yield "too small", _with(values, kind.least - 1)
    if kind.most < math.inf:
        yield "too large", _with(values, kind.most + 1)
    if kind.length in known or kind.length.isdigit():
        yield "twice as many", [*values, *values]


@faults.register
def _(kind: Curves, name: str, arguments: Mapping, known: set) -> Faults:
    yield from (("a list", list(arguments[name].values())), ("none", {}))
    key, values = next(iter(arguments[name].items()))
    for what, bad in faults(kind.values, name, {name: values}, known):
        yield f"{key}: {what}", arguments[name] | {key: bad}


@faults.register
def _(kind: Colours, name: str, arguments: Mapping, known: set) -> Faults:
    yield from (("an unknown name", "no such name"), ("a number", 3))


@faults.register
def _(kind: types.FunctionType, name: str, arguments: Mapping, known: set) -> Faults:
    yield "something else", Stranger()  # the function's contract knows more
