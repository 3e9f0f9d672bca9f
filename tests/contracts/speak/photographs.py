"""Contracts of captioned photographs."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cs231n_lib.speak.photographs import (
    Described,
    load,
    load_photographs,
    read_captions,
    read_features,
    split_captions,
)
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


def captions(*names: str) -> dict[str, list[str]]:
    return {f"{name}.jpg": [f"this is {name}", name] for name in names}


def _features() -> Path:
    """What was written of the pictures of Ann and Bob; Eve's is damaged."""
    path = Path(tempfile.mkdtemp()) / "features.h5"
    about = {"files": ["ann.jpg", "bob.jpg"], "skipped": {"eve.jpg": "damaged"}}
    with h5py.File(path, "w") as file:
        file["about"], file["features"] = json.dumps(about), np.eye(2, 3, dtype=np.float32)
    return path


def _file(text: str, name: str = "captions.csv") -> Path:
    path = Path(tempfile.mkdtemp()) / name
    path.write_text(text, encoding="utf-8")
    return path


CONTRACTS = (
    Contract(
        read_captions,
        lambda: {"path": _file("file,caption\na.jpg,A cat.\n"), "images": "photographs"},
        (
            Refusal("a file that is not there", {"path": "nowhere.csv"},
                    FileNotFoundError, "nowhere.csv"),
            Refusal("a table without a header", lambda a: {"path": _file("a.jpg,A cat.\n")},
                    ValueError, "the first line of .* is 'a.jpg,A cat.', expected a header such"),
            Refusal("a file without a line", lambda a: {"path": _file("")},
                    ValueError, "the first line of .* is '', expected a header"),
            Refusal("a header alone", lambda a: {"path": _file("file,caption\n")},
                    ValueError, "holds no captions"),
            Refusal("other annotations of COCO",
                    lambda a: {"path": _file('{"images": [], "annotations": [{"image_id": 1}]}')},
                    ValueError, "is not laid out like COCO's captions_train2017.json: KeyError 1"),
        ),
    ),
    Contract(
        split_captions,
        lambda: {"captions": captions("ann", "bob", "eve"), "val": 0.1, "test": 0.1, "seed": 0},
        (
            Refusal("too few pictures", {"captions": captions("ann", "bob")},
                    ValueError, "captions has 2 pictures, of which none is left to train with"),
            Refusal("no pictures", {"captions": {}},
                    ValueError, "captions is empty, expected at least one picture"),
            Refusal("a caption that is not in a list", {"captions": {"a.jpg": "a cat"}},
                    TypeError, r"captions\['a.jpg'\] is a single string"),
        ),
    ),
    Contract(
        Described,
        lambda: {"files": ["a.jpg", "b.jpg"], "features": np.eye(2), "skipped": {"c.jpg": "why"}},
    ),
    Contract(
        read_features,
        lambda: {"path": _features()},
        (
            Refusal("a file that is not there", {"path": "nowhere.h5"},
                    FileNotFoundError, "nowhere.h5"),
            Refusal("a file of something else", lambda a: {"path": _file("file,caption")},
                    ValueError, "is damaged, or was not made by describe"),
        ),
    ),
    Contract(
        load_photographs,
        lambda: {
            "splits": {"train": captions("ann", "eve"), "val": captions("bob")},
            "path": _features(), "min_count": 1, "max_words": 3,
        },
        (
            Refusal("nothing to train with", {"splits": {"val": captions("ann")}},
                    ValueError, r"splits has \['val'\], expected 'train' and some of"),
            Refusal("a picture that was not described", {"splits": {"train": captions("zoe")}},
                    ValueError, "knows nothing of 1 pictures of 'train', such as 'zoe.jpg'"),
            Refusal("captions that are all too long",
                    {"splits": {"train": {"ann.jpg": ["a b c d"]}}},
                    ValueError, "of the 1 pictures of 'train' none is left with a caption"),
            Refusal("pictures that were all skipped", {"splits": {"train": captions("eve")}},
                    ValueError, "of the 1 pictures of 'train' none is left with a caption"),
        ),
    ),
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
