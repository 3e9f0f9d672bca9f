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
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cs231n_lib.checks import Count, Instance, checked, named
from cs231n_lib.speak.captions import CaptionData, Split

__all__ = ["load"]


@checked(folder=Instance((str, os.PathLike)), max_train=Count(), pca_features=Instance(bool))
def load(
    folder: str | Path, max_train: int | None = None, pca_features: bool = True
) -> CaptionData:
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
    CaptionData
        With the splits ``train`` and ``val``; the images are URLs.

    Raises
    ------
    FileNotFoundError
        If the folder or a file is missing.
    TypeError, ValueError
        If an argument is not what is declared, or a file is damaged, lacks a key, or does not fit
        the others.
    """
    folder = Path(folder)
    vocabulary = _read_json(folder / "coco2014_vocab.json", ("word_to_idx", "idx_to_word"))
    splits = {split: _read_split(folder, split, pca_features) for split in ("train", "val")}
    try:
        data = CaptionData(vocabulary["word_to_idx"], vocabulary["idx_to_word"], **splits)
    except (TypeError, ValueError) as error:
        raise ValueError(named(f"the files in {folder} do not fit together: {error}")) from None
    if max_train is None:
        return data
    train = data.train
    kept = np.random.default_rng(0).integers(len(train.captions), size=max_train)
    captions, image_idxs = train.captions[kept], train.image_idxs[kept]
    return replace(data, train=replace(train, captions=captions, image_idxs=image_idxs))


def _read_split(folder: Path, split: str, pca_features: bool) -> Split:
    names = [f"{split}_captions", f"{split}_image_idxs"]
    captions, image_idxs = _read_hdf5(folder / "coco2014_captions.h5", names)
    name = f"{split}2014_vgg16_fc7{'_pca' if pca_features else ''}.h5"
    (features,) = _read_hdf5(folder / name, ["features"])
    images = _read_text(folder / f"{split}2014_urls.txt").split()
    try:
        return Split(captions, image_idxs, features, images)
    except (TypeError, ValueError) as error:
        message = f"the files for {split!r} in {folder} do not fit together: {error}"
        raise ValueError(named(message)) from None


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(
            named(f"there is no file {path}; expected the assignment's folder coco_captioning")
        )


def _read_text(path: Path) -> str:
    _check_file(path)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(named(f"{path} is damaged: {error}")) from None


def _read_json(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    text = _read_text(path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(named(f"{path} is damaged or cut short: {error}")) from None
    missing = [key for key in keys if not isinstance(content, dict) or key not in content]
    if missing:
        raise ValueError(named(f"{path} lacks {', '.join(missing)}"))
    return content


def _read_hdf5(path: Path, names: list[str]) -> list[np.ndarray]:
    _check_file(path)
    try:
        with h5py.File(path) as file:
            missing = [name for name in names if not isinstance(file.get(name), h5py.Dataset)]
            found, arrays = list(file), [file[name][()] for name in names if name not in missing]
    except Exception as error:  # a damaged file can lead to nearly any
        raise ValueError(named(f"{path} is damaged or cut short: {error}")) from None
    if missing:
        raise ValueError(named(f"{path} lacks {', '.join(missing)}; it has {found}"))
    return arrays
