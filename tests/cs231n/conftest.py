"""What a reader has from 2017 beside the notebooks: captions of COCO, and pictures."""

import json

import h5py
import numpy as np
import pytest
from PIL import Image

from cs231n_lib.see.images import load_image

WORDS = ["<NULL>", "<START>", "<END>", "<UNK>", *"abcdefghij"]


@pytest.fixture
def coco(tmp_path, monkeypatch):
    """The course's files, 60 captions of 60 pictures for each split, where the notebooks look.

    The features are links, and the URLs end with a blank line.
    """
    rng = np.random.default_rng(0)
    folder = tmp_path / "cs231n" / "datasets" / "coco_captioning"
    folder.mkdir(parents=True)
    vocabulary = {"idx_to_word": WORDS, "word_to_idx": {word: n for n, word in enumerate(WORDS)}}
    (folder / "coco2014_vocab.json").write_text(json.dumps(vocabulary))
    for split in ("train", "val"):
        captions = np.zeros((60, 17), np.int32)
        for row in captions:
            length = rng.integers(3, 14)
            row[: length + 2] = 1, *rng.integers(4, len(WORDS), size=length), 2
        with h5py.File(folder / "coco2014_captions.h5", "a") as file:
            file[f"{split}_captions"] = captions
            file[f"{split}_image_idxs"] = np.arange(60, dtype=np.int32)
        urls = [f"http://a.place.invalid/{split}{n}.jpg" for n in range(60)]
        (folder / f"{split}2014_urls.txt").write_text("\n".join([*urls, "", ""]))
        for name, size in (("vgg16_fc7_pca.h5", 32), ("vgg16_fc7.h5", 64)):
            with h5py.File(tmp_path / f"{split}_{name}", "w") as file:
                file["features"] = rng.standard_normal((60, size), np.float32)
            (folder / f"{split}2014_{name}").symlink_to(tmp_path / f"{split}_{name}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def styles(tmp_path, monkeypatch):
    """The folder ``styles``, with other pictures."""
    (tmp_path / "styles").mkdir()
    for name, photograph in (("tubingen", "china"), ("starry_night", "hubble")):
        Image.fromarray(load_image(photograph)).save(tmp_path / "styles" / f"{name}.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path
