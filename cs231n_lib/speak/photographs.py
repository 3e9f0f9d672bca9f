"""The course's own captions of photographs: Microsoft COCO, as the assignment packed it.

The assignment's folder ``coco_captioning`` holds, for each of train2014 and val2014::

    coco2014_captions.h5           train_captions (M, 17), train_image_idxs (M,), val_...
    coco2014_vocab.json            word_to_idx, idx_to_word
    train2014_vgg16_fc7.h5         features (P, 4096)
    train2014_vgg16_fc7_pca.h5     features (P, 512)
    train2014_urls.txt             P lines

A reader who still has it can load it here and use it wherever the book uses its scenes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cs231n_lib.files import check_file
from cs231n_lib.speak.captions import check_vocabulary
from cs231n_lib.validation import check_count

__all__ = ["load"]

_MOST_TEXT = 2**26  # bytes; the longest of the course's text files has a tenth of it
_MOST_PACKED = 50  # times that an array may be larger than its file, where that is compressed


def load(
    folder: str | Path, max_train: int | None = None, pca_features: bool = True
) -> dict[str, Any]:
    """Load the assignment's COCO captions and features.

    Parameters
    ----------
    folder : path
        The folder ``coco_captioning``.
    max_train : int, optional
        Keep so many training captions, drawn at random (always the same).
    pca_features : bool
        Features of size 512, or else of size 4096.

    Returns
    -------
    dict
        A captioned data set, see :mod:`cs231n_lib.speak.captions`, with the splits ``train`` and
        ``val``; the images are URLs.

    Raises
    ------
    FileNotFoundError
        If the folder or a file is missing.
    ValueError
        If a file is damaged, lacks a key, or does not fit the others; if it is a link that leads
        out of the folder, or a folder or a pipe, or declares more than it can hold.
    OSError
        If the system does not let us look for a file.
    TypeError
        If ``max_train`` is no whole number, or ``pca_features`` no truth value.
    """
    if max_train is not None:
        check_count("load", "max_train", max_train)
    if not isinstance(pca_features, bool):
        raise TypeError(f"load: pca_features is {pca_features!r}, expected True or False")
    folder = Path(folder)
    vocabulary = _read_json(folder / "coco2014_vocab.json", ("word_to_idx", "idx_to_word"))
    word_to_idx, idx_to_word = vocabulary["word_to_idx"], vocabulary["idx_to_word"]
    check_vocabulary(word_to_idx, idx_to_word, str(folder / "coco2014_vocab.json"))
    data: dict[str, Any] = {"word_to_idx": word_to_idx, "idx_to_word": idx_to_word}

    names = [f"{split}_{part}" for split in ("train", "val") for part in ("captions", "image_idxs")]
    data |= _read_hdf5(folder / "coco2014_captions.h5", names)
    for split in ("train", "val"):
        suffix = "_pca" if pca_features else ""
        path = folder / f"{split}2014_vgg16_fc7{suffix}.h5"
        data[f"{split}_features"] = _read_hdf5(path, ["features"])["features"]
        data[f"{split}_images"] = _read_text(folder / f"{split}2014_urls.txt").splitlines()
        _check_split(data, split, folder)

    if max_train is not None:
        count = len(data["train_captions"])
        kept = np.random.default_rng(0).integers(count, size=max_train)
        for part in ("captions", "image_idxs"):
            data[f"train_{part}"] = data[f"train_{part}"][kept]
    return data


def _check_split(data: dict[str, Any], split: str, folder: Path) -> None:
    captions, pictures = data[f"{split}_captions"], data[f"{split}_image_idxs"]
    features, images = data[f"{split}_features"], data[f"{split}_images"]
    words = len(data["idx_to_word"])
    # In this order: each complaint is about what the ones before it let pass.
    if captions.ndim != 2 or captions.dtype.kind not in "iu":
        complaint = "captions are not (M, T + 1) integers"
    elif pictures.shape != captions.shape[:1] or pictures.dtype.kind not in "iu":
        complaint = "image_idxs are not one integer a caption"
    elif features.ndim != 2 or features.dtype.kind != "f":
        complaint = "features are not (P, D) floats"
    elif len(images) != len(features):
        complaint = f"{len(images)} URLs for {len(features)} rows of features"
    elif captions.size and not 0 <= captions.min() <= captions.max() < words:
        complaint = f"captions hold words outside 0 to {words - 1}"
    elif pictures.size and not 0 <= pictures.min() <= pictures.max() < len(features):
        complaint = f"image_idxs point outside the {len(features)} rows of features"
    else:
        return
    raise ValueError(f"{folder}: in the split {split!r}, {complaint}")


def _check_file(path: Path, most: int | None = None) -> None:
    try:
        check_file(path, "load: the file", most)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(
            f"no file {path}: expected the assignment's folder coco_captioning"
        ) from None
    if path.resolve().parent != path.parent.resolve():
        raise ValueError(
            f"{path} is a link that leads out of the folder, to {path.resolve()}; copy the file, "
            "or give the folder it lies in"
        )


def _read_text(path: Path) -> str:
    _check_file(path, _MOST_TEXT)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None


def _read_json(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    text = _read_text(path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged or cut short: {error}") from None
    missing = [key for key in keys if not isinstance(content, dict) or key not in content]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}")
    return content


def _read_hdf5(path: Path, names: list[str]) -> dict[str, np.ndarray]:
    _check_file(path)
    try:
        with h5py.File(path) as file:
            # No links: they can lead into another file.
            own = [name for name in file if isinstance(file.get(name, getlink=True), h5py.HardLink)]
            arrays = sorted(name for name in own if isinstance(file[name], h5py.Dataset))
            missing = [name for name in names if name not in arrays]
            if missing:
                raise ValueError(f"{path} lacks {', '.join(missing)}; it has {arrays}")
            return {name: _read_dataset(path, file[name]) for name in names}
    except ValueError:
        raise
    except Exception as error:  # a damaged file can lead to nearly any
        raise ValueError(f"{path} is damaged or cut short: {error}") from None


def _read_dataset(path: Path, dataset: h5py.Dataset) -> np.ndarray:
    """The values of an array, which must be in this file, and fit into it."""
    if dataset.shape is None or dataset.external or dataset.is_virtual:
        raise ValueError(f"{path}: {dataset.name} is empty, or its values are in another file")
    if dataset.nbytes > _MOST_PACKED * path.stat().st_size:
        raise ValueError(
            f"{path}: {dataset.name} declares {dataset.nbytes} bytes, more than a file of "
            f"{path.stat().st_size} bytes can hold"
        )
    return dataset[()]
