"""Kinds of arguments that the half which speaks declares, beside those of :mod:`cs231n_lib.checks`.

A model is known by what it has (``params``, ``word_to_idx``, ``cell_type``, ``dtype``), not by its
class, so that your own is as good as :class:`~cs231n_lib.speak.captioning.CaptioningRNN`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cs231n_lib.checks import Call, Count, Floats, Indices, a_type, check_finite, check_range, named

__all__ = ["Captions", "Features", "Model", "check_word"]


@dataclass(frozen=True)
class Model:
    """A captioning model; ``finite``: of finite weights; ``speaks``: with a word to begin with."""

    finite: bool = False
    speaks: bool = False

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
        if self.finite:
            for weight, array in model.params.items():
                check_finite(f"{name}.params[{weight!r}]", array)
        if self.speaks:
            V = len(model.params["W_embed"])
            check_word(
                f"{name}.word_to_idx", model.word_to_idx, "<START>", "the word to begin with", V
            )


def check_word(name: str, word_to_idx: dict[str, int], word: str, what: str, V: int) -> None:
    """Raise an error unless a vocabulary has a certain word, and an index in [0, V) for it."""
    if word not in word_to_idx:
        raise ValueError(
            named(
                f"{name} has no {word!r}, {what}; "
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
        Floats("N D", finite=True)(name, features, call)
        with np.errstate(over="ignore"):
            check_finite(f"{name} as {model.dtype}", features.astype(model.dtype, copy=False))


@dataclass(frozen=True)
class Captions:
    """Captions of pictures, (N, T + 1) words, each with something to say after its first word."""

    model: str = "self"

    def __call__(self, name: str, captions: np.ndarray, call: Call) -> None:
        model = call.arguments[self.model]
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
