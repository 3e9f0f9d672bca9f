"""Captioned photographs: files written here in the exact layouts of the field, read, and used."""

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
from cs231n_lib.speak.photographs import (
    Described,
    load,
    load_photographs,
    read_captions,
    read_features,
    split_captions,
)
from cs231n_lib.speak.training import CaptioningSolver

# COCO 2017, captions_train2017.json: shortened, with all the fields.
COCO = """{"info": {"description": "COCO 2017 Dataset","url": "http://cocodataset.org",\
"version": "1.0","year": 2017,"contributor": "COCO Consortium","date_created": "2017/09/01"},\
"licenses": [{"url": "http://creativecommons.org/licenses/by/2.0/","id": 4,"name": "Attribution \
License"}],"images": [{"license": 4,"file_name": "000000522418.jpg","coco_url": "http://images.\
cocodataset.org/train2017/000000522418.jpg","height": 480,"width": 640,"date_captured": \
"2013-11-14 11:38:44","flickr_url": "http://farm1.staticflickr.com/1/127_z.jpg","id": 522418},\
{"license": 4,"file_name": "000000203564.jpg","coco_url": "http://images.cocodataset.org/\
train2017/000000203564.jpg","height": 400,"width": 300,"date_captured": "2013-11-14 11:40:00",\
"flickr_url": "http://farm8.staticflickr.com/7/736_z.jpg","id": 203564}],"annotations": \
[{"image_id": 203564,"id": 37,"caption": "A bicycle replica with a clock as the front wheel."},\
{"image_id": 522418,"id": 38,"caption": "A woman wearing a net on her head cutting a cake. "},\
{"image_id": 203564,"id": 43,"caption": "The bike has a clock as a tire."},\
{"image_id": 203564,"id": 44,"caption": "."}]}"""

FLICKR8K = """image,caption
1000268201_693b08cb0e.jpg,A child in a pink dress is climbing up a set of stairs in an entry way .
1000268201_693b08cb0e.jpg,A girl going into a wooden building .
1001773457_577c3a7d70.jpg,"A black dog and a white dog with ""brown"" spots stare , on the street ."
"""

# The last line but one has only one bar: so it is in the field.
FLICKR30K = """image_name| comment_number| comment
1000092795.jpg| 0| Two young guys with shaggy hair look at their hands .
1000092795.jpg| 1| Two young , "White" males are outside .
2199200615.jpg| 4   A dog runs across the grass .
10002456.jpg| 0| Several men in hard hats are operating a giant pulley system .
"""

TOKENS = """1000268201_693b08cb0e.jpg#0\tA child in a pink dress is climbing .
1000268201_693b08cb0e.jpg#1\tA girl going into a wooden building .
2258277193_586949ec62.jpg.1#0\tpeople waiting for the subway
"""


def written(folder, name, text, encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "captions_train2017.json",
            COCO,
            {
                "000000203564.jpg": [
                    "a bicycle replica with a clock as the front wheel",
                    "the bike has a clock as a tire",
                ],
                "000000522418.jpg": ["a woman wearing a net on her head cutting a cake"],
            },
        ),
        (
            "captions.txt",
            FLICKR8K,
            {
                "1000268201_693b08cb0e.jpg": [
                    "a child in a pink dress is climbing up a set of stairs in an entry way",
                    "a girl going into a wooden building",
                ],
                "1001773457_577c3a7d70.jpg": [
                    "a black dog and a white dog with brown spots stare on the street"
                ],
            },
        ),
        (
            "results.csv",
            FLICKR30K,
            {
                "1000092795.jpg": [
                    "two young guys with shaggy hair look at their hands",
                    "two young white males are outside",
                ],
                "2199200615.jpg": ["a dog runs across the grass"],
                "10002456.jpg": ["several men in hard hats are operating a giant pulley system"],
            },
        ),
        (
            "results_20130124.token",
            TOKENS,
            {
                "1000268201_693b08cb0e.jpg": [
                    "a child in a pink dress is climbing",
                    "a girl going into a wooden building",
                ],
                "2258277193_586949ec62.jpg.1": ["people waiting for the subway"],
            },
        ),
    ],
    ids=["COCO", "Flickr8k", "Flickr30k", "tokens"],
)
def test_captions_are_read_from_the_layouts_of_the_field(tmp_path, name, text, expected):
    captions = read_captions(written(tmp_path, name, text), images="images")
    assert captions == {f"images/{file}": sentences for file, sentences in expected.items()}
    dos = read_captions(str(written(tmp_path, name, text.replace("\n", "\r\n"))))
    assert dos == {str(tmp_path / file): sentences for file, sentences in expected.items()}


@pytest.mark.parametrize(
    "text",
    [
        "file,caption\na b.jpg,Ein Mädchen um 5 o'clock - ihr T-Shirt: grün!\n",
        "\ufefffile,caption\r\na b.jpg,Ein Mädchen um 5 o'clock - ihr T-Shirt: grün!\r\n",
        "Nr;Caption;File\n1;Ein Mädchen um 5 o'clock: ihr T-Shirt: grün;a b.jpg\n\n",
        'filename\ttext\na b.jpg\t"Ein Mädchen, um 5 o\'clock. Ihr T-Shirt\n grün"',
    ],
    ids=["commas", "from a spreadsheet", "semicolons", "tabs"],
)
def test_a_table_of_your_own_is_read_however_it_was_saved(tmp_path, text):
    captions = read_captions(written(tmp_path, "my captions.csv", text), tmp_path)
    expected = "ein mädchen um 5 o'clock ihr t-shirt grün"
    assert captions == {str(tmp_path / "a b.jpg"): [expected]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,caption\na.jpg,A cat\nb.jpg,A dog, a cat\n",
         "line 3 of .* has 3 columns, expected 2; a caption that contains ',' needs quotes"),
        ("file,caption\n\nb.jpg\n", "line 3 of .* has 1 columns, expected 2"),
        ("file,caption\na.jpg, ...\n", "line 2 of .* has no caption; complete the line, or"),
        ("file,caption\n,A cat\n", "line 2 of .* has no file"),
        ('file,caption\na.jpg,"A cat\n', "line 2 of .* is damaged: unexpected end of data"),
        ("a.jpg#0\tA cat\n\nb.jpg A dog\n", "line 3 of .* is 'b.jpg A dog', expected 'name.jp"),
        ("image_name| comment_number| comment\na.jpg| 4\n", "line 2 of .* has no caption"),
        ('{"images": [], "annot', "is damaged or cut short"),
        ('{"images": []}', "lacks annotations"),
        ('{"images": [3], "annotations": []}', "not laid out like COCO's .*: TypeError"),
        ('{"images": [], "annotations": []}', "holds no captions"),
        ('{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 1}]}',
         "not laid out like COCO's captions_train2017.json: KeyError 'caption'"),
        ('{"images": [{"id": 1,"file_name": 5}], "annotations": [{"image_id": 1, "caption": "b"}]}',
         "not laid out like COCO's .*: TypeError"),
        ('{"images": [{"id": 1,"file_name": "a"}], "annotations": [{"image_id": 1,"caption": 5}]}',
         "not laid out like COCO's .*: AttributeError"),
    ],
)  # fmt: skip
def test_captions_that_are_not_complete_are_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=f"^read_captions: .*{message}"):
        read_captions(written(tmp_path, "captions.csv", text))


def test_captions_in_another_encoding_are_refused(tmp_path):
    path = written(tmp_path, "captions.csv", "file,caption\na.jpg,ein Mädchen\n", "latin-1")
    with pytest.raises(ValueError, match=r"captions\.csv is damaged: 'utf-8' codec can't decode"):
        read_captions(path)
    with pytest.raises(ValueError, match="is a folder, expected a file"):
        read_captions(tmp_path)


def test_pictures_are_set_apart_whole_and_at_random():
    captions = {f"{number}.jpg": [f"a {number}", f"one {number}"] for number in range(100)}
    splits = split_captions(captions, val=0.2, test=0.1)
    assert [(split, len(part)) for split, part in splits.items()] == [
        ("train", 70), ("val", 20), ("test", 10)
    ]  # fmt: skip
    assert {file: told for part in splits.values() for file, told in part.items()} == captions
    assert list(splits["train"]) != sorted(splits["train"], key=list(captions).index)
    assert split_captions(captions, 0.2, 0.1) == splits
    assert split_captions(captions, 0.2, 0.1, seed=1) != splits
    assert split_captions(captions, val=0, test=0).keys() == {"train"}
    few = dict(list(captions.items())[:3])
    assert [len(part) for part in split_captions(few).values()] == [1, 1, 1]


def write_features(path, files, skipped=()):
    """What describe writes, of pictures whose first feature is their number."""
    features = np.random.default_rng(0).standard_normal((len(files), 8)).astype(np.float32)
    features[:, 0] = np.arange(len(files))
    with h5py.File(path, "w") as file:
        file["about"] = json.dumps({"files": files, "skipped": dict.fromkeys(skipped, "damaged")})
        file["features"] = features
    return path


def test_captions_and_features_become_a_data_set(tmp_path):
    path = write_features(tmp_path / "features.h5", ["a", "b", "d", "e"], ["c"])
    splits = {
        "train": {"a": ["a cat", "the cat"], "b": ["a dog"], "c": ["a cow"]},
        "val": {"d": ["a cat and a cow", "a dog"]},
        "test": {"e": ["a"]},
    }
    data = load_photographs(splits, path)
    assert data.idx_to_word == [*SPECIAL_WORDS, "a", "cat", "dog", "the"]
    assert data.train.captions.tolist() == [[1, 4, 5, 2], [1, 7, 5, 2], [1, 4, 6, 2]]
    assert data.train.image_idxs.tolist() == [0, 0, 1]
    assert data.train.images == ["a", "b"]
    assert [part.features[:, 0].tolist() for part in (data.train, data.val, data.test)] == [
        [0, 1], [2], [3]
    ]  # fmt: skip
    assert data.val.captions.tolist() == [[1, 4, 5, 3, 4, 3, 2], [1, 4, 6, 2, 0, 0, 0]]
    rare = load_photographs(splits, path, min_count=2, max_words=4)
    assert rare.idx_to_word == [*SPECIAL_WORDS, "a", "cat"]
    assert rare.train.captions.tolist() == [[1, 4, 5, 2], [1, 3, 5, 2], [1, 4, 3, 2]]
    assert rare.val.captions.tolist() == [[1, 4, 3, 2]]


def test_pictures_described_in_another_order_have_their_own_features(tmp_path):
    path = write_features(tmp_path / "features.h5", ["a", "b", "d", "e"])
    splits = {"train": {"e": ["a cat"], "a": ["a dog"]}, "val": {"d": ["a cow"], "b": ["a cat"]}}
    data = load_photographs(splits, path)
    assert data.train.features[:, 0].tolist() == [3, 0]
    assert data.val.features[:, 0].tolist() == [2, 1]
    assert data.val.images == ["d", "b"]


def test_every_captioner_is_trained_on_photographs(tmp_path):
    files = [f"{number}.jpg" for number in range(6)]
    path = write_features(tmp_path / "features.h5", files)
    captions = {file: [f"number {number}"] for number, file in enumerate(files)}
    data = load_photographs({"train": captions}, path)
    for cell in ("rnn", "lstm", "attention"):
        fields = {"fields": 4, "attention_dim": 4} if cell == "attention" else {}
        model = CaptioningRNN(data.word_to_idx, 8, 16, 32, cell, **fields)
        rate = {"learning_rate": 0.02}
        CaptioningSolver(
            model, data, update_rule="adam", optim_config=rate, batch_size=6, num_epochs=150
        ).train()
        assert caption(model, data, "train") == [f"number {number}" for number in range(6)]


def test_features_of_which_there_is_no_file_are_refused(tmp_path):
    path = write_features(tmp_path / "features.h5", ["a", "b"])
    content = path.read_bytes()
    described = read_features(path)
    assert isinstance(described, Described)
    assert described.files == ["a", "b"]
    path.write_bytes(content[: len(content) // 2])
    for read in (read_features, lambda path: load_photographs({"train": {"a": ["a"]}}, path)):
        with pytest.raises(ValueError, match="is damaged, or was not made by describe"):
            read(path)


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
