"""Contracts of the course's own captions of photographs."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cs231n_lib.speak.photographs import load
from tests.contracts import Contract, Refusal
from tests.contracts.speak.captioning import CAPTIONS, VOCABULARY


def _folder(without: str = "", **replaced: np.ndarray) -> Path:
    """The course's folder, two pictures in each split. A file can be left out, arrays replaced."""
    folder = Path(tempfile.mkdtemp())
    vocabulary = {"word_to_idx": VOCABULARY, "idx_to_word": list(VOCABULARY)}
    (folder / "coco2014_vocab.json").write_text(json.dumps(vocabulary))
    with h5py.File(folder / "coco2014_captions.h5", "w") as file:
        for split in ("train", "val"):
            arrays = {f"{split}_captions": CAPTIONS, f"{split}_image_idxs": np.array([1, 0])}
            for name, array in arrays.items():
                file[name] = replaced.get(name, array)
    for split in ("train", "val"):
        with h5py.File(folder / f"{split}2014_vgg16_fc7_pca.h5", "w") as file:
            file["features"] = np.ones((2, 512), np.float32)
        (folder / f"{split}2014_urls.txt").write_text("http://a.example\nhttp://b.example\n")
    if without:
        (folder / without).unlink()
    return folder


def _cut_short() -> dict[str, Any]:
    folder = _folder()
    path = folder / "coco2014_captions.h5"
    path.write_bytes(path.read_bytes()[:1000])
    return {"folder": folder}


CONTRACTS = (
    Contract(
        load,
        lambda: {"folder": _folder(), "max_train": 1, "pca_features": True},
        (
            Refusal("a folder that does not exist", {"folder": "nowhere"},
                    FileNotFoundError, "expected the assignment's folder coco_captioning"),
            Refusal("a folder that lacks a file",
                    lambda a: {"folder": _folder(without="val2014_urls.txt")},
                    FileNotFoundError, "there is no file .*val2014_urls.txt; expected the"),
            Refusal("a file cut short", lambda a: _cut_short(),
                    ValueError, "coco2014_captions.h5 is damaged or cut short"),
            Refusal("a word beyond the vocabulary",
                    lambda a: {"folder": _folder(train_captions=CAPTIONS + 1)},
                    ValueError, r"train\.captions contains 6, expected indices from 0 to 5"),
            Refusal("a picture that does not exist",
                    lambda a: {"folder": _folder(val_image_idxs=np.array([0, 2]))},
                    ValueError, "the files for 'val' in .* do not fit together: .* contains 2"),
        ),
    ),
)  # fmt: skip
