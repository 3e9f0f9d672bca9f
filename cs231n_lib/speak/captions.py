"""Captions as numbers: vocabularies, encoding and decoding, minibatches.

A captioned data set is a dict with the keys of the course's loader. For each split, such as
``train``: ``train_captions`` (M, T + 1) integers, ``train_image_idxs`` (M,) integers that say which
picture each caption is of, ``train_features`` (P, D) floats and ``train_images``, P of whatever the
pictures are (scenes to draw, or URLs). And for all: ``word_to_idx`` and ``idx_to_word``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from cs231n_lib.validation import check_count, check_indices, check_rng, check_texts

__all__ = [
    "SPECIAL_WORDS",
    "build_vocabulary",
    "check_split",
    "check_vocabulary",
    "decode_captions",
    "encode_captions",
    "sample_minibatch",
]

SPECIAL_WORDS = ("<NULL>", "<START>", "<END>", "<UNK>")


def build_vocabulary(sentences: Iterable[str]) -> tuple[dict[str, int], list[str]]:
    """Number the words of some sentences: the four special words first, then the alphabet.

    Returns
    -------
    word_to_idx : dict
        From V words to 0, ..., V - 1.
    idx_to_word : list of str
        Back again.

    Raises
    ------
    TypeError
        If ``sentences`` is a single string, or holds anything but strings.
    """
    if isinstance(sentences, Iterator):
        sentences = list(sentences)
    check_texts("build_vocabulary", "sentences", sentences)
    words = sorted({word for sentence in sentences for word in sentence.split()})
    idx_to_word = [*SPECIAL_WORDS, *(word for word in words if word not in SPECIAL_WORDS)]
    return {word: i for i, word in enumerate(idx_to_word)}, idx_to_word


def check_vocabulary(word_to_idx: dict[str, int], idx_to_word: Sequence[str], source: str) -> None:
    """Raise ValueError, naming ``source``, unless the two agree and hold every special word."""
    if not isinstance(word_to_idx, dict) or not isinstance(idx_to_word, (list, tuple)):
        raise ValueError(f"{source}: expected word_to_idx to be a dict and idx_to_word a list")
    missing = [word for word in SPECIAL_WORDS if word not in word_to_idx]
    if missing:
        raise ValueError(f"{source}: the vocabulary has no {', '.join(missing)}")
    if len(word_to_idx) != len(idx_to_word):
        raise ValueError(
            f"{source}: word_to_idx has {len(word_to_idx)} words, idx_to_word {len(idx_to_word)}"
        )
    for word, index in word_to_idx.items():
        if isinstance(index, bool) or not isinstance(index, (int, np.integer)):
            raise ValueError(f"{source}: word_to_idx[{word!r}] is {index!r}, expected an integer")
        if not 0 <= index < len(idx_to_word) or idx_to_word[index] != word:
            raise ValueError(f"{source}: word_to_idx[{word!r}] is {index}, idx_to_word disagrees")


def check_split(function: str, data: dict[str, Any], split: str) -> None:
    """Check that a split of a captioned data set is complete, and that its parts match.

    What the captions and indices are is not looked at: whoever uses some of them checks those.

    Raises
    ------
    TypeError
        If ``data`` is no dict.
    ValueError
        If there is no such split, it lacks a part, has no captions, or not as many pictures as
        features, or not one picture for each caption.
    """
    if not isinstance(data, dict):
        raise TypeError(
            f"{function}: data is a {type(data).__name__}, expected a captioned data set, a dict"
        )
    known = sorted(key.removesuffix("_captions") for key in data if key.endswith("_captions"))
    if split not in known:
        raise ValueError(f"{function}: split is {split!r}, expected one of {known}")
    parts = [f"{split}_{part}" for part in ("captions", "image_idxs", "features", "images")]
    if len(data[parts[0]]) == 0:
        raise ValueError(f"{function}: the split {split!r} has no captions")
    missing = [part for part in parts if part not in data]
    if missing:
        raise ValueError(f"{function}: data has no {', '.join(missing)}")
    captions, pictures, features, images = (len(data[part]) for part in parts)
    if pictures != captions or images != features:
        raise ValueError(
            f"{function}: the split {split!r} has {captions} captions with {pictures} image_idxs, "
            f"and {features} rows of features with {images} images, expected as many"
        )


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
        If there is no sentence, ``sentences`` holds anything but strings, one does not fit into
        ``length``, or the vocabulary lacks a special word.
    """
    check_texts("encode_captions", "sentences", sentences)
    if not sentences:
        raise ValueError("encode_captions: sentences is empty, expected at least one")
    rows = [["<START>", *sentence.split(), "<END>"] for sentence in sentences]
    longest = max(len(row) for row in rows)
    length = longest if length is None else length
    check_count("encode_captions", "length", length)
    missing = [word for word in SPECIAL_WORDS if word not in word_to_idx]
    if missing:
        raise ValueError(f"encode_captions: word_to_idx has no {', '.join(missing)}")
    if longest > length:
        raise ValueError(
            f"encode_captions: a sentence needs {longest} columns with <START> and <END>, "
            f"length is {length}"
        )
    unknown = word_to_idx["<UNK>"]
    captions = np.full((len(rows), length), word_to_idx["<NULL>"], dtype=np.int32)
    for caption, row in zip(captions, rows):
        caption[: len(row)] = [word_to_idx.get(word, unknown) for word in row]
    return captions


def decode_captions(captions: np.ndarray, idx_to_word: Sequence[str]) -> list[str] | str:
    """Turn rows of integers back into sentences.

    Parameters
    ----------
    captions : (N, T) or (T,) integers in [0, V)
    idx_to_word : sequence of str

    Returns
    -------
    list of str, or str for a single row
        Without ``<START>`` and ``<NULL>``, up to and without ``<END>``.

    Raises
    ------
    TypeError, ValueError
        If ``captions`` is of another rank, or holds what is no index, or ``idx_to_word`` is no
        sequence of strings.
    """
    check_texts("decode_captions", "idx_to_word", idx_to_word)
    check_indices("decode_captions", "captions", captions, len(idx_to_word))
    if captions.ndim not in (1, 2):
        raise ValueError(f"decode_captions: captions has shape {captions.shape}, expected (N, T)")
    sentences = []
    for row in np.atleast_2d(captions):
        words = itertools.takewhile(lambda word: word != "<END>", (idx_to_word[i] for i in row))
        sentences.append(" ".join(word for word in words if word not in ("<START>", "<NULL>")))
    return sentences if captions.ndim == 2 else sentences[0]


def sample_minibatch(
    data: dict[str, Any],
    batch_size: int = 100,
    split: str = "train",
    rng: np.random.Generator | None = None,
) -> tuple[np.ndarray, np.ndarray, list]:
    """Draw captions at random, with the features of their pictures.

    Parameters
    ----------
    data : dict
        A captioned data set, see the head of this module.
    batch_size : int
        N. Captions are drawn with replacement.
    split : str
        Such as ``"train"`` or ``"val"``.
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
        If there is no such split, it is empty, its parts do not match, ``batch_size`` is no
        positive integer, or ``rng`` no generator.
    """
    check_split("sample_minibatch", data, split)
    check_count("sample_minibatch", "batch_size", batch_size)
    rng = np.random.default_rng(0) if rng is None else rng
    check_rng("sample_minibatch", rng)
    which = rng.integers(len(data[f"{split}_captions"]), size=batch_size)
    pictures = data[f"{split}_image_idxs"][which]
    check_indices("sample_minibatch", "image_idxs", pictures, len(data[f"{split}_features"]))
    images = data[f"{split}_images"]
    return (
        data[f"{split}_captions"][which],
        data[f"{split}_features"][pictures],
        [images[i] for i in pictures],
    )
