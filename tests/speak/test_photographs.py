"""The course's own files: written here in their exact layout, loaded, and used."""

from __future__ import annotations

import json
import locale
import re

import h5py
import numpy as np
import pytest

from cs231n_lib.speak import photographs as coco
from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.captions import build_vocabulary, decode_captions, sample_minibatch
from cs231n_lib.speak.training import CaptioningSolver

PICTURES = {"train": 6, "val": 4}
CAPTIONS = {"train": 20, "val": 8}


def write_folder(folder):
    """A small coco_captioning."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    word_to_idx, idx_to_word = build_vocabulary(["a man rides a horse on the beach"])
    (folder / "coco2014_vocab.json").write_text(
        json.dumps({"word_to_idx": word_to_idx, "idx_to_word": idx_to_word})
    )
    with h5py.File(folder / "coco2014_captions.h5", "w") as file:
        for split in ("train", "val"):
            captions = rng.integers(4, len(idx_to_word), (CAPTIONS[split], 17)).astype(np.int32)
            captions[:, 0], captions[:, 10], captions[:, 11:] = 1, 2, 0
            file[f"{split}_captions"] = captions
            pictures = rng.integers(0, PICTURES[split], CAPTIONS[split]).astype(np.int32)
            file[f"{split}_image_idxs"] = pictures
    for split, count in PICTURES.items():
        for suffix, size in (("", 4096), ("_pca", 512)):
            with h5py.File(folder / f"{split}2014_vgg16_fc7{suffix}.h5", "w") as file:
                file["features"] = rng.standard_normal((count, size)).astype(np.float32)
        urls = [f"http://images.example/{split}/{i}.jpg" for i in range(count)]
        (folder / f"{split}2014_urls.txt").write_text("\n".join(urls) + "\n")


@pytest.fixture
def folder(tmp_path):
    """In a folder whose name has blanks and other letters."""
    folder = tmp_path / "données du cours 数据"
    write_folder(folder)
    return folder


@pytest.mark.parametrize(("pca", "size"), [(True, 512), (False, 4096)])
def test_files_are_loaded_as_they_are(folder, pca, size):
    data = coco.load(folder, pca_features=pca)
    for split in ("train", "val"):
        assert data[f"{split}_captions"].shape == (CAPTIONS[split], 17)
        assert data[f"{split}_image_idxs"].shape == (CAPTIONS[split],)
        assert data[f"{split}_features"].shape == (PICTURES[split], size)
        assert data[f"{split}_images"][1] == f"http://images.example/{split}/1.jpg"
    with h5py.File(folder / "coco2014_captions.h5") as file:
        np.testing.assert_array_equal(data["val_captions"], file["val_captions"][()])


def test_some_training_captions_can_be_kept(folder):
    everything, some = coco.load(folder), coco.load(folder, max_train=5)
    assert some["train_captions"].shape == (5, 17)
    assert some["train_image_idxs"].shape == (5,)
    pairs = {
        (tuple(row), i)
        for row, i in zip(everything["train_captions"], everything["train_image_idxs"])
    }
    for row, i in zip(some["train_captions"], some["train_image_idxs"]):
        assert (tuple(row), i) in pairs
    again = coco.load(folder, max_train=5)
    np.testing.assert_array_equal(again["train_captions"], some["train_captions"])
    with pytest.raises(ValueError, match="max_train is 0, expected at least 1"):
        coco.load(folder, max_train=0)


def test_the_same_functions_serve_these_data(folder):
    data = coco.load(folder)
    captions, features, urls = sample_minibatch(data, 3, "val")
    assert captions.shape == (3, 17)
    assert features.shape == (3, 512)
    assert all(url.startswith("http://images.example/val/") for url in urls)
    model = CaptioningRNN(data["word_to_idx"], 512, 16, 16, "lstm")
    solver = CaptioningSolver(model, data, update_rule="adam", batch_size=10, num_epochs=30)
    solver.train()
    assert solver.loss_history[-1] < solver.loss_history[0]
    sentences = decode_captions(model.sample(data["val_features"]), data["idx_to_word"])
    assert len(sentences) == PICTURES["val"]


FILES = ("coco2014_captions.h5", "coco2014_vocab.json", "train2014_vgg16_fc7_pca.h5")


@pytest.mark.parametrize("name", [*FILES, "val2014_urls.txt"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name}.*expected the assignment's folder"):
        coco.load(folder)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.*expected the assignment's folder"):
        coco.load(tmp_path / "nowhere")


def test_a_file_in_the_place_of_the_folder_is_refused(folder):
    with pytest.raises(FileNotFoundError, match="expected the assignment's folder"):
        coco.load(folder / "coco2014_captions.h5")


def test_a_group_in_the_place_of_an_array_is_refused(folder):
    with h5py.File(folder / "coco2014_captions.h5", "r+") as file:
        del file["val_captions"]
        file.create_group("val_captions")
    with pytest.raises(ValueError, match=r"lacks val_captions; it has \['train_captions',"):
        coco.load(folder)


def test_a_broken_vocabulary_is_refused(folder):
    path = folder / "coco2014_vocab.json"
    path.write_text(path.read_text().replace(":", ";"))
    with pytest.raises(ValueError, match=r"coco2014_vocab\.json is damaged"):
        coco.load(folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.9])
def test_a_truncated_file_is_refused(folder, name, kept):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ValueError, match=f"{name} is damaged or cut short"):
        coco.load(folder)


def rewrite(folder, name, key, value):
    with h5py.File(folder / name, "r+") as file:
        del file[key]
        if value is not None:
            file[key] = value


@pytest.mark.parametrize(
    ("name", "key"),
    [("coco2014_captions.h5", "train_captions"), ("train2014_vgg16_fc7_pca.h5", "features")],
)
def test_a_file_without_an_array_is_refused(folder, name, key):
    rewrite(folder, name, key, None)
    with pytest.raises(ValueError, match=rf"{name} lacks {key}; it has \["):
        coco.load(folder)


@pytest.mark.parametrize(
    ("key", "values", "complaint"),
    [
        (
            "val_captions",
            [np.zeros((8, 17)), np.zeros(8, int), [b"a man", b"a horse"], np.int32(3)],
            "captions are not (M, T + 1) integers",
        ),
        (
            "val_image_idxs",
            [[b"a"] * 8, np.zeros(7, int), np.zeros((8, 1), int)],
            "image_idxs are not one integer a caption",
        ),
        (
            "features",
            [np.zeros(4), np.float32(1), np.zeros((4, 512), int)],
            "features are not (P, D) floats",
        ),
        ("features", [np.zeros((3, 512))], "4 URLs for 3 rows of features"),
        (
            "val_captions",
            [np.full((8, 17), word) for word in (99, 11, -1)],
            "captions hold words outside 0 to 10",
        ),
        (
            "val_image_idxs",
            [np.full(8, 4), np.full(8, -1)],
            "image_idxs point outside the 4 rows of features",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_refused(folder, key, values, complaint):
    name = "val2014_vgg16_fc7_pca.h5" if key == "features" else "coco2014_captions.h5"
    message = f"{folder}: in the split 'val', {complaint}"
    for value in values:
        rewrite(folder, name, key, value)
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            coco.load(folder)


def test_the_last_word_and_the_last_picture_are_within_the_range(folder):
    rewrite(folder, "coco2014_captions.h5", "val_captions", np.full((8, 17), 10))
    rewrite(folder, "coco2014_captions.h5", "val_image_idxs", np.full(8, 3))
    assert coco.load(folder)["val_captions"].max() == 10


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"word_to_idx": {}}, "lacks idx_to_word"),
        ([], "lacks word_to_idx, idx_to_word"),
        ({"word_to_idx": {"<NULL>": 0}, "idx_to_word": ["<NULL>"]}, "no <START>, <END>, <UNK>"),
        ({"word_to_idx": ["<NULL>"], "idx_to_word": ["<NULL>"]}, "word_to_idx to be a dict"),
        ({"word_to_idx": {}, "idx_to_word": {}}, "idx_to_word a list"),
    ],
)
def test_a_vocabulary_without_what_is_needed_is_refused(folder, content, message):
    (folder / "coco2014_vocab.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        coco.load(folder)


def test_a_text_file_that_is_no_text_is_refused(folder):
    (folder / "val2014_urls.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ValueError, match=r"val2014_urls\.txt is damaged"):
        coco.load(folder)


def test_what_is_no_file_is_refused_in_the_name_of_the_function(folder):
    (folder / "val2014_urls.txt").unlink()
    (folder / "val2014_urls.txt").mkdir()
    with pytest.raises(ValueError, match=r"^load: the file .*val2014_urls\.txt is a folder"):
        coco.load(folder)


def test_text_is_read_as_utf_8_whatever_the_system_is_set_to(folder):
    (folder / "val2014_urls.txt").write_text("http://a.example/ü.jpg\n" * 4, encoding="utf-8")
    before = locale.setlocale(locale.LC_CTYPE)
    locale.setlocale(locale.LC_CTYPE, "C")
    try:
        data = coco.load(folder)
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    assert data["val_images"] == ["http://a.example/ü.jpg"] * 4
