"""Kinds of arguments that the half which speaks declares, beside those of :mod:`cs231n_lib.checks`.

A model is known by what it has (``params``, ``word_to_idx``, ``cell_type``, ``dtype``), not by its
class, so that your own is as good as :class:`~cs231n_lib.speak.captioning.CaptioningRNN`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cs231n_lib.checks import (
    Call,
    Count,
    Each,
    Floats,
    Indices,
    Instance,
    a_type,
    check_array,
    check_finite,
    check_precision,
    check_range,
    named,
)

__all__ = [
    "SPECIAL_WORDS",
    "Captions",
    "Features",
    "Model",
    "Vocabulary",
    "Words",
    "as_rows",
    "check_weight",
    "check_word",
]

_MEANINGS = {
    "<NULL>": "the padding behind a caption",
    "<START>": "the word to begin with",
    "<END>": "the word to end with",
    "<UNK>": "for words that are not known",
}
SPECIAL_WORDS = tuple(_MEANINGS)


@dataclass(frozen=True)
class Model:
    """A captioning model.

    ``finite``: of finite weights; ``speaks``: with a word to begin with; ``looks``: with attention.
    """

    finite: bool = False
    speaks: bool = False
    looks: bool = False

    def __call__(self, name: str, model: Any, call: Call) -> None:
        if not all(
            hasattr(model, part) for part in ("params", "word_to_idx", "cell_type", "dtype")
        ) or not {"W_embed", "W_proj"} <= {*model.params}:
            raise TypeError(
                named(
                    f"{name} is {a_type(model)}, expected a captioning model, "
                    "such as a CaptioningRNN"
                )
            )
        for weight, array in model.params.items():
            check_weight(f"{name}.params[{weight!r}]", array)
            if self.finite:
                check_finite(f"{name}.params[{weight!r}]", array)
        if self.speaks:
            V = len(model.params["W_embed"])
            check_word(f"{name}.word_to_idx", model.word_to_idx, "<START>", V)
        if self.looks and model.cell_type != "attention":
            cell = f"{name}.cell_type is {model.cell_type!r}"
            raise ValueError(named(f"{cell}, expected 'attention': this network does not look"))


def check_weight(name: str, array: np.ndarray, call: Call | None = None) -> None:
    """Raise TypeError unless something is an array of floats, or one float, of float32 or more."""
    if not isinstance(array, np.floating):
        check_array(name, array, "a NumPy array of floats")
    if array.dtype.kind != "f":
        raise TypeError(named(f"{name} is {array.dtype}, expected a NumPy array of floats"))
    check_precision(name, array.dtype, f"{name}.astype(np.float32)")


@dataclass(frozen=True)
class Vocabulary:
    """A dict that gives each word an index of its own; ``needs`` are words that it has to have.

    There may be gaps, but the index of a special word is below the number of words.
    """

    needs: tuple[str, ...] = SPECIAL_WORDS

    def __call__(self, name: str, word_to_idx: dict[str, int], call: Call | None = None) -> None:
        Instance(dict)(name, word_to_idx)
        for word in self.needs:
            check_word(name, word_to_idx, word, len(word_to_idx))
        words = {}
        for word, index in word_to_idx.items():
            Instance(str)(f"{word!r} in {name}", word)
            Count(0, np.iinfo(np.int32).max)(f"{name}[{word!r}]", index)
            other = words.setdefault(index, word)
            if other != word:
                raise ValueError(
                    named(
                        f"{name} gives {other!r} and {word!r} the index {index}, "
                        "expected one of its own for each word"
                    )
                )
            if word in SPECIAL_WORDS:
                check_word(name, word_to_idx, word, len(word_to_idx))


@dataclass(frozen=True)
class Words:
    """The words of a vocabulary by index: a list, a tuple, an array, or a dict from integers."""

    def __call__(
        self, name: str, idx_to_word: Sequence[str] | Mapping[int, str], call: Call
    ) -> None:
        if not isinstance(idx_to_word, Mapping):
            Each(Instance(str))(name, idx_to_word, call)
            return
        for index, word in idx_to_word.items():
            if isinstance(index, str):
                why = ", which JSON turns into strings" * index.isdecimal()
                parts = "int(i): word for i, word" if index.isdecimal() else "i: word for word, i"
                raise TypeError(
                    named(
                        f"{name} has the key {index!r}, expected integers{why}; "
                        f"give {{{parts} in {name}.items()}}"
                    )
                )
            Count(0)(f"a key of {name}", index)
            Instance(str)(f"{name}[{index}]", word)


def check_word(name: str, word_to_idx: dict[str, int], word: str, V: int) -> None:
    """Raise an error unless a vocabulary has a certain word, and an index in [0, V) for it."""
    if word not in word_to_idx:
        raise ValueError(
            named(
                f"{name} has no {word!r}, {_MEANINGS[word]}; "
                f"it has {len(word_to_idx)} words, such as {list(word_to_idx)[:3]}"
            )
        )
    index = word_to_idx[word]
    Count(0)(f"{name}[{word!r}]", index)
    check_range(f"{name}[{word!r}]", np.asarray(index), V)


@dataclass(frozen=True)
class Features:
    """Features of pictures, (N, D) floats, that are finite in the dtype of the call's model too."""

    model: str = "self"

    def __call__(self, name: str, features: np.ndarray, call: Call) -> None:
        model = call.arguments[self.model]
        Floats("D H")("W_proj", model.params["W_proj"], call)
        Floats("N D", finite=True, half=False)(name, features, call)
        with np.errstate(over="ignore"):
            check_finite(f"{name} as {model.dtype}", features.astype(model.dtype, copy=False))


@dataclass(frozen=True)
class Captions:
    """Captions of pictures, (N, T + 1) words, each with something to say after its first word.

    A list or a tuple of rows is as good as an array.
    """

    model: str = "self"

    def __call__(self, name: str, captions: np.ndarray, call: Call) -> None:
        model, captions = call.arguments[self.model], as_rows(name, captions)
        Indices("N C", below=len(model.params["W_embed"]))(name, captions, call)
        if captions.shape[1] < 2:
            raise ValueError(
                named(f"{name} has shape {captions.shape}, expected (N, T + 1) with T at least 1")
            )
        null = model.word_to_idx["<NULL>"]
        silent = np.flatnonzero((captions[:, 1:] == null).all(axis=1))
        if silent.size:
            raise ValueError(
                named(
                    f"{silent.size} of {len(captions)} {name} hold nothing but '<NULL>' after "
                    f"their first word (the first is {name}[{silent[0]}]), "
                    "expected words to predict"
                )
            )


def as_rows(name: str, captions: Any) -> Any:
    """An array of rows of words; anything but a list or a tuple is left as it is."""
    try:
        return np.asarray(captions) if isinstance(captions, list | tuple) else captions
    except ValueError:
        raise ValueError(named(f"{name} has rows of different lengths, expected (N, T)")) from None
