"""The captions of Microsoft COCO in the assignment's own form, a dict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cs231n_lib.checks import checked
from cs231n_lib.speak import captions as book

BASE_DIR = "cs231n/datasets/coco_captioning"


def load_coco_data(
    base_dir: str | Path = BASE_DIR, max_train: int | None = None, pca_features: bool = True
) -> dict[str, Any]:
    """Load the course's files: see :mod:`cs231n_lib.speak.photographs`.

    Returns
    -------
    dict
        ``train_captions``, ``train_image_idxs``, ``train_features``, ``train_urls``, the same for
        ``val``, ``idx_to_word`` and ``word_to_idx``. With ``max_train``, so many of the training
        captions, drawn by ``np.random``.
    """
    from cs231n_lib.speak import photographs

    loaded = photographs.load(base_dir, pca_features=pca_features)
    data: dict[str, Any] = {"idx_to_word": loaded.idx_to_word, "word_to_idx": loaded.word_to_idx}
    for name, split in (("train", loaded.train), ("val", loaded.val)):
        for part in ("captions", "image_idxs", "features"):
            data[f"{name}_{part}"] = getattr(split, part)
        data[f"{name}_urls"] = np.asarray(split.images)
    if max_train is not None:
        kept = np.random.randint(len(data["train_captions"]), size=max_train)  # noqa: NPY002
        data["train_captions"] = data["train_captions"][kept]
        data["train_image_idxs"] = data["train_image_idxs"][kept]
    return data


def sample_coco_minibatch(
    data: dict[str, Any], batch_size: int = 100, split: str = "train"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Captions (N, T), features (N, D) and URLs (N,), drawn by ``np.random``."""
    chosen = np.random.choice(len(data[f"{split}_captions"]), batch_size)  # noqa: NPY002
    pictures = data[f"{split}_image_idxs"][chosen]
    features, urls = data[f"{split}_features"][pictures], data[f"{split}_urls"][pictures]
    return data[f"{split}_captions"][chosen], features, urls


@checked(**book.decode_captions.declared)
def decode_captions(
    captions: np.ndarray, idx_to_word: Sequence[str] | dict[int, str]
) -> list[str] | str:
    """Sentences from rows of integers, (N, T), or one from a single row.

    ``<START>`` and ``<END>`` stay, ``<NULL>`` does not, and nothing follows ``<END>``.
    (:func:`cs231n_lib.speak.captions.decode_captions` leaves all three out.)
    """
    rows = [[idx_to_word[index] for index in row] for row in np.atleast_2d(captions).tolist()]
    ends = [row.index("<END>") + 1 if "<END>" in row else len(row) for row in rows]
    sentences = [
        " ".join(word for word in row[:end] if word != "<NULL>") for row, end in zip(rows, ends)
    ]
    return sentences if np.ndim(captions) == 2 else sentences[0]
