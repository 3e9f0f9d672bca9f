"""Captions as numbers: vocabularies, encoding and decoding, captioned data sets, minibatches."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cs231n_lib.checks import (
    RNG,
    Call,
    Count,
    Each,
    Floats,
    Indices,
    Instance,
    OneOf,
    Texts,
    check,
    check_fields,
    check_range,
    checked,
    named,
)
from cs231n_lib.speak.checks import SPECIAL_WORDS, Features, Model, Vocabulary, Words, as_rows

__all__ = [
    "SPECIAL_WORDS",
    "CaptionData",
    "Split",
    "build_vocabulary",
    "caption",
    "decode_captions",
    "encode_captions",
    "sample_minibatch",
]

IdxToWord = Sequence[str] | Mapping[int, str]


def _by_index(idx_to_word: IdxToWord) -> Mapping[int, str]:
    return idx_to_word if isinstance(idx_to_word, Mapping) else dict(enumerate(idx_to_word))


def _check_idx_to_word(name: str, idx_to_word: IdxToWord, call: Call) -> None:
    """The same words as in ``word_to_idx``, each at its index."""
    Words()(name, idx_to_word, call)
    word_to_idx = call.arguments["word_to_idx"]
    if len(idx_to_word) != len(word_to_idx):
        raise ValueError(
            named(f"{name} has {len(idx_to_word)} words, word_to_idx {len(word_to_idx)}")
        )
    for index, word in _by_index(idx_to_word).items():
        if word_to_idx.get(word) != index:
            raise ValueError(
                named(
                    f"{name}[{index}] is {word!r}, "
                    f"whose index in word_to_idx is {word_to_idx.get(word)}"
                )
            )


def _check_images(name: str, images: Sequence[Any], call: Call) -> None:
    """Whatever the pictures are, one for each row of features."""
    Each(Instance(object), length="P")(name, images, call)


def _check_captions(name: str, captions: np.ndarray, call: Call) -> None:
    """Words (M, T + 1); whether the vocabulary has so many is for :class:`CaptionData` to say."""
    Indices("M C", below=np.iinfo(np.int64).max)(name, as_rows(name, captions), call)


def _check_known(name: str, captions: np.ndarray, call: Call) -> None:
    """Words (N, T) or (T,) that are in ``idx_to_word``."""
    captions = as_rows(name, captions)
    Indices("... T", below=np.iinfo(np.int64).max)(name, captions, call)
    if captions.ndim > 2:
        raise ValueError(named(f"{name} has shape {captions.shape}, expected (N, T)"))
    unknown = set(np.unique(captions).tolist()) - _by_index(call.arguments["idx_to_word"]).keys()
    if unknown:
        raise ValueError(named(f"{name} contains {min(unknown)}, expected indices of idx_to_word"))


def _check_split_of_data(name: str, split: Split, call: Call) -> None:
    Instance(Split)(name, split)
    check_range(f"{name}.captions", split.captions, len(call.arguments["idx_to_word"]))


@dataclass(frozen=True, eq=False)
class Split:
    """One part of a captioned data set: M captions of P pictures. It holds what it is given.

    Raises TypeError or ValueError if a field is not what is stated here.

    Attributes
    ----------
    captions : (M, T + 1) integers
        An array, or a list of rows, which becomes one.
    image_idxs : (M,) integers in [0, P)
        Which picture each caption is of.
    features : (P, D) floats
        Finite; one row for each picture.
    images : sequence of length P
        Whatever the pictures are: scenes to draw, or URLs.
    """

    captions: np.ndarray
    image_idxs: np.ndarray
    features: np.ndarray
    images: Sequence[Any]

    def __post_init__(self) -> None:
        check_fields(
            self,
            features=Floats("P D", finite=True),
            captions=_check_captions,
            image_idxs=Indices("M", below="P"),
            images=_check_images,
        )
        object.__setattr__(self, "captions", np.asarray(self.captions))


@dataclass(frozen=True, eq=False)
class CaptionData:
    """A captioned data set. It holds what it is given; ``dataclasses.replace`` changes a part.

    Raises TypeError or ValueError if a special word is missing, the vocabulary does not agree with
    itself, or a caption holds a word outside of it.

    Attributes
    ----------
    word_to_idx : dict
        From V words to 0, ..., V - 1.
    idx_to_word : sequence of str, or dict
        Back again.
    train, val, test : Split
        Validation and test may be None.
    """

    word_to_idx: dict[str, int]
    idx_to_word: IdxToWord
    train: Split
    val: Split | None = None
    test: Split | None = None

    def __post_init__(self) -> None:
        check_fields(
            self,
            word_to_idx=Vocabulary(),
            idx_to_word=_check_idx_to_word,
            train=_check_split_of_data,
            val=_check_split_of_data,
            test=_check_split_of_data,
        )


_DATA = Instance(CaptionData, "such as load_scenes returns")


def _check_data(name: str, data: CaptionData, call: Call) -> None:
    """A data set whose captions are of its pictures, also after its arrays were changed."""
    _DATA(name, data)
    for split in filter(None, (data.train, data.val, data.test)):
        check_range(f"image_idxs in {name}", split.image_idxs, len(split.features))


def _check_split(name: str, split: str, call: Call) -> None:
    """The name of a split that the call's data have."""
    OneOf(("train", "val", "test"))(name, split)
    if getattr(call.arguments["data"], split) is None:
        raise ValueError(named(f"{name} is {split!r}, which the data do not have"))


def _check_split_of_model(name: str, split: str, call: Call) -> None:
    """The name of a split whose pictures and words the call's model knows."""
    _check_split(name, split, call)
    data, model = call.arguments["data"], call.arguments["model"]
    Features("model")("features", getattr(data, split).features, call)
    words = len(model.params["W_embed"])
    if len(data.idx_to_word) != words:
        raise ValueError(
            named(f"model has {words} words, the vocabulary of data {len(data.idx_to_word)}")
        )


@checked(min_count=Count())
def build_vocabulary(
    sentences: Iterable[str], min_count: int = 1
) -> tuple[dict[str, int], list[str]]:
    """Number the words of some sentences: the four special words first, then the alphabet.

    Parameters
    ----------
    sentences : iterable of str
        Words separated by blanks.
    min_count : int
        How often a word must occur to be given a number. :func:`encode_captions` makes ``<UNK>`` of
        all others.

    Returns
    -------
    word_to_idx : dict
        From V words to 0, ..., V - 1.
    idx_to_word : list of str
        Back again.

    Raises
    ------
    TypeError, ValueError
        If ``sentences`` is a single string, or holds anything but strings; if ``min_count`` is not
        a whole number, or less than 1.
    """
    sentences = list(sentences) if isinstance(sentences, Iterator) else sentences
    check({"sentences": sentences}, {"sentences": Texts(ordered=False)})
    counts = Counter(word for sentence in sentences for word in sentence.split())
    words = sorted(word for word, count in counts.items() if count >= min_count)
    idx_to_word = [*SPECIAL_WORDS, *(word for word in words if word not in SPECIAL_WORDS)]
    return {word: i for i, word in enumerate(idx_to_word)}, idx_to_word


@checked(sentences=Texts(empty=False), word_to_idx=Vocabulary(), length=Count())
def encode_captions(
    sentences: Sequence[str], word_to_idx: dict[str, int], length: int | None = None
) -> np.ndarray:
    """Turn sentences into rows of integers: ``<START>`` words ``<END>`` ``<NULL>`` ...

    Parameters
    ----------
    sentences : sequence of str
        Words separated by blanks. A word outside the vocabulary becomes ``<UNK>``.
    word_to_idx : dict
    length : int, optional
        Columns of the result, ``<START>`` and ``<END>`` included. By default what the longest
        sentence needs.

    Returns
    -------
    (M, length) int32

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, a sentence does not fit into ``length``, or the
        vocabulary lacks a special word or gives two words one index.
    """
    rows = [["<START>", *sentence.split(), "<END>"] for sentence in sentences]
    longest = max(len(row) for row in rows)
    length = longest if length is None else length
    if longest > length:
        raise ValueError(
            named(f"a sentence needs {longest} columns with <START> and <END>, length is {length}")
        )
    unknown = word_to_idx["<UNK>"]
    captions = np.full((len(rows), length), word_to_idx["<NULL>"], dtype=np.int32)
    for caption, row in zip(captions, rows):
        caption[: len(row)] = [word_to_idx.get(word, unknown) for word in row]
    return captions


@checked(idx_to_word=Words(), captions=_check_known)
def decode_captions(captions: np.ndarray | Sequence, idx_to_word: IdxToWord) -> list[str] | str:
    """Turn rows of integers back into sentences.

    Parameters
    ----------
    captions : (N, T) or (T,) integers
        Indices of ``idx_to_word``. A list of rows is as good as an array.
    idx_to_word : sequence of str, or dict

    Returns
    -------
    list of str, or str for a single row
        Without ``<START>`` and ``<NULL>``, up to and without ``<END>``.
    """
    captions = np.asarray(captions)
    sentences = []
    for row in np.atleast_2d(captions):
        words = itertools.takewhile(lambda word: word != "<END>", (idx_to_word[i] for i in row))
        sentences.append(" ".join(word for word in words if word not in ("<START>", "<NULL>")))
    return sentences if captions.ndim == 2 else sentences[0]


@checked(data=_check_data, batch_size=Count(), split=_check_split, rng=RNG)
def sample_minibatch(
    data: CaptionData,
    batch_size: int = 100,
    split: str = "train",
    rng: np.random.Generator | None = None,
) -> tuple[np.ndarray, np.ndarray, list[Any]]:
    """Draw captions at random, with the features of their pictures.

    Parameters
    ----------
    data : CaptionData
    batch_size : int
        N. Captions are drawn with replacement.
    split : {"train", "val", "test"}
    rng : numpy.random.Generator, optional
        By default one seeded with 0, so that repeated calls give the same captions.

    Returns
    -------
    captions : (N, T + 1) integers
    features : (N, D) floats
    images : list of N
        Scenes or URLs.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, or the data do not have this split.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    part = getattr(data, split)
    which = rng.integers(len(part.captions), size=batch_size)
    pictures = part.image_idxs[which]
    images = [part.images[i] for i in pictures]
    return part.captions[which], part.features[pictures], images


@checked(model=Model(finite=True, speaks=True), data=_DATA, split=_check_split_of_model)
def caption(model: Any, data: CaptionData, split: str) -> list[str]:
    """Let a network caption all pictures of a split.

    Parameters
    ----------
    model : CaptioningRNN
    data : CaptionData
    split : {"train", "val", "test"}

    Returns
    -------
    list of str
        One sentence for each picture, found by greedy search, no longer than the captions of the
        data.

    Raises
    ------
    TypeError, ValueError
        If the data do not have this split, or its features and words are not those of the model.
    """
    pictures = getattr(data, split)
    length = pictures.captions.shape[1]
    words = model.sample(pictures.features, length)
    return decode_captions(words, data.idx_to_word)
