"""The course's own files: written here in their exact layout, loaded, and used."""

from __future__ import annotations

import json
import locale

import h5py
import numpy as np
import pytest

from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.captions import (
    SPECIAL_WORDS,
    build_vocabulary,
    caption,
    sample_minibatch,
)
from cs231n_lib.speak.photographs import load
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
    data = load(folder, pca_features=pca)
    for split in ("train", "val"):
        part = getattr(data, split)
        assert part.captions.shape == (CAPTIONS[split], 17)
        assert part.image_idxs.shape == (CAPTIONS[split],)
        assert part.features.shape == (PICTURES[split], size)
        assert part.images[1] == f"http://images.example/{split}/1.jpg"
    assert data.test is None
    with h5py.File(folder / "coco2014_captions.h5") as file:
        np.testing.assert_array_equal(data.val.captions, file["val_captions"][()])
        np.testing.assert_array_equal(data.val.image_idxs, file["val_image_idxs"][()])


def test_some_training_captions_can_be_kept(folder):
    everything, some = load(folder).train, load(str(folder), max_train=5).train
    assert some.captions.shape == (5, 17)
    assert some.image_idxs.shape == (5,)
    pairs = {(tuple(row), i) for row, i in zip(everything.captions, everything.image_idxs)}
    assert pairs >= {(tuple(row), i) for row, i in zip(some.captions, some.image_idxs)}
    np.testing.assert_array_equal(load(folder, max_train=5).train.captions, some.captions)


def test_the_same_functions_serve_these_data(folder):
    data = load(folder)
    captions, features, urls = sample_minibatch(data, 3, "val")
    assert captions.shape == (3, 17)
    assert features.shape == (3, 512)
    assert all(url.startswith("http://images.example/val/") for url in urls)
    model = CaptioningRNN(data.word_to_idx, 512, 16, 16, "lstm")
    solver = CaptioningSolver(model, data, update_rule="adam", batch_size=10, num_epochs=30)
    solver.train()
    assert solver.loss_history[-1] < solver.loss_history[0]
    assert len(caption(model, data, "val")) == PICTURES["val"]


NAMES = ("coco2014_captions.h5", "coco2014_vocab.json", "train2014_vgg16_fc7_pca.h5")


@pytest.mark.parametrize("name", [*NAMES, "val2014_urls.txt"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    message = f"^load: there is no file .*{name}; expected the assignment's folder"
    with pytest.raises(FileNotFoundError, match=message):
        load(folder)
    (folder / name).mkdir()
    with pytest.raises(FileNotFoundError, match=message):
        load(folder)


@pytest.mark.parametrize("name", ["nowhere", "coco2014_captions.h5"])
def test_a_folder_that_is_not_there_is_named(folder, name):
    with pytest.raises(FileNotFoundError, match=rf"{name}.*expected the assignment's folder"):
        load(folder / name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.9])
def test_a_file_that_was_cut_short_is_refused(folder, name, kept):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ValueError, match=f"{name} is damaged or cut short"):
        load(folder)


@pytest.mark.parametrize("name", [*NAMES, "val2014_urls.txt"])
def test_another_content_is_refused(folder, name):
    (folder / name).write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ValueError, match=f"{name} is damaged"):
        load(folder)


def rewrite(folder, name, key, value):
    with h5py.File(folder / name, "r+") as file:
        del file[key]
        if isinstance(value, dict):
            file.create_group(key)
        elif value is not None:
            file[key] = value


@pytest.mark.parametrize("value", [None, {}], ids=["no array", "a group"])
@pytest.mark.parametrize(
    ("name", "key"),
    [("coco2014_captions.h5", "val_captions"), ("train2014_vgg16_fc7_pca.h5", "features")],
)
def test_a_file_without_an_array_is_refused(folder, name, key, value):
    rewrite(folder, name, key, value)
    with pytest.raises(ValueError, match=rf"{name} lacks {key}; it has \["):
        load(folder)


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("val_captions", np.zeros((8, 17)), "captions is float64, expected"),
        ("val_captions", np.zeros(8, int), r"captions has shape \(8,\)"),
        ("val_captions", [b"a man", b"a horse"], "captions is object, expected"),
        ("val_captions", np.int32(3), "captions is an int32, expected a NumPy array"),
        ("val_captions", h5py.Empty("i4"), "captions is an Empty, expected a NumPy array"),
        ("val_captions", np.full((8, 17), -1), "captions contains -1"),
        ("val_image_idxs", np.zeros(7, int), "image_idxs has shape"),
        ("val_image_idxs", np.zeros((8, 1), int), "image_idxs has shape"),
        ("val_image_idxs", np.full(8, 4), "image_idxs contains 4, expected indices from 0 to 3"),
        ("features", np.zeros((4, 512), int), "features has dtype int64, expected floats"),
        ("features", np.zeros(4), r"features has shape \(4,\)"),
        ("features", np.full((4, 512), np.nan), "features contains 2048 values that are NaN"),
        ("features", np.zeros((5, 512)), "images has 4 parts, expected 5"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(folder, key, value, complaint):
    name = "val2014_vgg16_fc7_pca.h5" if key == "features" else "coco2014_captions.h5"
    rewrite(folder, name, key, value)
    message = f"^load: the files for 'val' in .* do not fit together: Split: {complaint}"
    with pytest.raises(ValueError, match=message):
        load(folder)


def test_words_outside_the_vocabulary_are_refused(folder):
    rewrite(folder, "coco2014_captions.h5", "train_captions", np.full((20, 17), 11))
    message = r"^load: the files in .* do not fit together: .*train\.captions contains 11"
    with pytest.raises(ValueError, match=message):
        load(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"word_to_idx": {}}, "lacks idx_to_word"),
        ([], "lacks word_to_idx, idx_to_word"),
        ({"word_to_idx": {"<NULL>": 0}, "idx_to_word": ["<NULL>"]}, "no '<START>'"),
        ({"word_to_idx": ["<NULL>"], "idx_to_word": ["<NULL>"]}, "word_to_idx is a list"),
        (
            {"word_to_idx": dict(zip(SPECIAL_WORDS, range(4))), "idx_to_word": {}},
            "idx_to_word has 0 words",
        ),
    ],
)
def test_a_vocabulary_without_what_is_needed_is_refused(folder, content, message):
    (folder / "coco2014_vocab.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        load(folder)


def test_a_vocabulary_nested_too_deep_is_refused(folder):
    (folder / "coco2014_vocab.json").write_text(100_000 * "[")
    with pytest.raises(ValueError, match=r"coco2014_vocab\.json is damaged"):
        load(folder)


def test_text_is_read_as_utf_8_whatever_the_system_is_set_to(folder):
    urls = ["http://a.example/ü.jpg"] * 4
    (folder / "val2014_urls.txt").write_text("\n".join(urls) + "\n\n", encoding="utf-8")
    before = locale.setlocale(locale.LC_CTYPE)
    locale.setlocale(locale.LC_CTYPE, "C")
    try:
        data = load(folder)
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    assert data.val.images == urls
