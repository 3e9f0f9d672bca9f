"""Captioned photographs, from files as they are found in the field, as a data set to train on.

:func:`read_captions` reads the captions: COCO's annotations, the tables of Flickr8k and Flickr30k,
or your own. :func:`split_captions` sets some of the pictures apart. What is seen in the pictures is
for :func:`cs231n_lib.speak.photograph_features.describe` to say, and :func:`load_photographs` puts
both together.

:func:`load` reads the files of the assignment of 2017, in which all of this has been done. The
folder ``coco_captioning`` holds, for each of train2014 and val2014::

    coco2014_captions.h5           train_captions (M, 17), train_image_idxs (M,), val_...
    coco2014_vocab.json            word_to_idx, idx_to_word
    train2014_vgg16_fc7.h5         features (P, 4096)
    train2014_vgg16_fc7_pca.h5     features (P, 512)
    train2014_urls.txt             P lines
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cs231n_lib.checks import (
    Call,
    Count,
    Floats,
    Instance,
    Number,
    Texts,
    check_fields,
    checked,
    named,
)
from cs231n_lib.files import check_file
from cs231n_lib.speak.captions import CaptionData, Split, build_vocabulary, encode_captions

__all__ = [
    "Described",
    "load",
    "load_photographs",
    "read_captions",
    "read_features",
    "split_captions",
]

Captions = dict[str, list[str]]

_PATH = Instance((str, os.PathLike))

# What the columns of a table are called: by Flickr8k, by Flickr30k, and by others.
_FILES = ("image", "image_name", "file", "file_name", "filename", "path")
_SENTENCES = ("caption", "comment", "sentence", "text")

# "1000092795.jpg#0", a tab, "Two young guys ..."
_TOKEN = re.compile(r"(?P<file>[^\t]+)#\d+\t(?P<caption>.*)")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")  # letters and digits; "o'clock" and "t-shirt" too


def _check_captions(name: str, captions: Captions, call: Call | None = None) -> None:
    """Captions by the files of their pictures, as :func:`read_captions` returns them."""
    Instance(dict, "such as read_captions returns")(name, captions)
    if not captions:
        raise ValueError(named(f"{name} is empty, expected at least one picture"))
    for file, sentences in captions.items():
        Instance(str)(f"{file!r} in {name}", file)
        Texts(empty=False)(f"{name}[{file!r}]", sentences)


def _check_splits(name: str, splits: dict[str, Captions], call: Call) -> None:
    Instance(dict, "such as split_captions returns")(name, splits)
    names = ("train", "val", "test")
    if "train" not in splits or not splits.keys() <= {*names}:
        raise ValueError(named(f"{name} has {list(splits)}, expected 'train' and some of {names}"))
    for split, captions in splits.items():
        _check_captions(f"{name}[{split!r}]", captions)


@checked(path=_PATH, images=_PATH)
def read_captions(path: str | Path, images: str | Path | None = None) -> Captions:
    """Read the captions of photographs from a file, whose layout is recognised.

    Parameters
    ----------
    path : str or Path
        A file of one of these layouts:

        - COCO's ``captions_train2017.json``, with ``images`` and ``annotations``;
        - Flickr8k's ``captions.txt``, with the header ``image,caption``;
        - Flickr30k's ``results.csv``, with the header ``image_name| comment_number| comment``. The
          line of it that lacks its last bar is understood;
        - ``Flickr8k.token.txt`` and ``results_20130124.token``, with lines
          ``name.jpg#0<TAB>caption``;
        - your own table, of which two columns have the headers ``file`` and ``caption``, or names
          like those above. Commas, semicolons, tabs or bars lie between the columns. A caption that
          contains a comma is put in quotes, as every spreadsheet does.
    images : str or Path, optional
        The folder of the pictures. By default the one in which ``path`` lies.

    Returns
    -------
    dict of lists of str
        From the file of each picture, in the order in which they come, to its captions. A caption
        is in lower case and without punctuation: words, separated by blanks. Whether there are such
        pictures is not looked at. One of COCO's captions that holds no word is left out.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError, ValueError
        If an argument is not what is declared; if the file has none of these layouts or no caption,
        or is damaged; if a line is incomplete. The message names the line.
    """
    path = Path(path)
    check_file(path, named("the file of captions"))
    text = _read_text(path).removeprefix("\ufeff")
    first = text.lstrip().partition("\n")[0].rstrip()
    if first.startswith(("{", "[")):
        pairs = _of_coco(path)
    elif _TOKEN.fullmatch(first):
        pairs = _of_tokens(path, text)
    else:
        pairs = _of_table(path, text, first)
    folder = path.parent if images is None else Path(images)
    captions: Captions = {}
    for file, sentence in pairs:
        captions.setdefault(str(folder / file), []).append(sentence)
    if not captions:
        raise ValueError(named(f"{path} holds no captions"))
    return captions


def _words(sentence: str) -> str:
    return " ".join(_WORD.findall(sentence.lower()))


def _of_coco(path: Path) -> list[tuple[str, str]]:
    content = _read_json(path, ("images", "annotations"))
    try:
        files = {image["id"]: image["file_name"] for image in content["images"]}
        pairs = [(files[one["image_id"]], _words(one["caption"])) for one in content["annotations"]]
        return [(str(Path(file)), words) for file, words in pairs if words]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            named(
                f"{path} is not laid out like COCO's captions_train2017.json: "
                f"{type(error).__name__} {error}"
            )
        ) from None


def _of_tokens(path: Path, text: str) -> Iterable[tuple[str, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            found = _TOKEN.fullmatch(line.rstrip("\r"))
            if found is None:
                raise ValueError(
                    named(
                        f"line {number} of {path} is {line[:80]!r}, "
                        "expected 'name.jpg#0', a tab and a caption"
                    )
                )
            yield _pair(path, number, found["file"], found["caption"])


def _of_table(path: Path, text: str, first: str) -> Iterable[tuple[str, str]]:
    for delimiter in (",", ";", "\t", "|"):
        header = [cell.strip(' "').lower() for cell in first.split(delimiter)]
        files, sentences = ([i for i, cell in enumerate(header) if cell in names]
                            for names in (_FILES, _SENTENCES))  # fmt: skip
        if files and sentences:
            break
    else:
        raise ValueError(
            named(
                f"the first line of {path} is {first[:80]!r}, expected a header such as "
                "'file,caption', or 'name.jpg#0', a tab and a caption"
            )
        )
    quoting = csv.QUOTE_NONE if delimiter == "|" else csv.QUOTE_MINIMAL  # as Flickr30k has it
    table = csv.reader(
        io.StringIO(text.lstrip(), newline=""), delimiter=delimiter, quoting=quoting, strict=True
    )
    try:
        for cells in table:
            if table.line_num == 1 or not any(cell.strip() for cell in cells):
                continue
            if delimiter == "|" and len(cells) == len(header) - 1:
                cells[-1:] = cells[-1].strip().partition(" ")[::2]
            if len(cells) != len(header):
                raise ValueError(
                    named(
                        f"line {table.line_num} of {path} has {len(cells)} columns, expected "
                        f"{len(header)}; a caption that contains {delimiter!r} needs quotes"
                    )
                )
            yield _pair(path, table.line_num, cells[files[0]], cells[sentences[0]])
    except csv.Error as error:
        raise ValueError(named(f"line {table.line_num} of {path} is damaged: {error}")) from None


def _pair(path: Path, number: int, file: str, sentence: str) -> tuple[str, str]:
    file, words = file.strip(), _words(sentence)
    if not (file and words):
        what = "caption" if file else "file"
        raise ValueError(
            named(f"line {number} of {path} has no {what}; complete the line, or take it out")
        )
    return file, words


_SHARE = Number(least=0, below=1)


@checked(captions=_check_captions, val=_SHARE, test=_SHARE, seed=Count(least=0))
def split_captions(
    captions: Captions, val: float = 0.1, test: float = 0.1, seed: int = 0
) -> dict[str, Captions]:
    """Set pictures apart, at random, to validate and to test with.

    All captions of a picture go where the picture goes.

    Parameters
    ----------
    captions : dict of lists of str
        As :func:`read_captions` returns them.
    val, test : float in [0, 1)
        Shares of the pictures, rounded to whole pictures; at least one unless the share is 0.
    seed : int
        Another seed, other pictures.

    Returns
    -------
    dict of such dicts
        Called ``"train"``, ``"val"`` and ``"test"``, each in random order. A split without pictures
        is left out.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, or no picture is left to train with.
    """
    counts = {
        "val": max(round(val * len(captions)), val > 0),
        "test": max(round(test * len(captions)), test > 0),
    }
    counts = {"train": len(captions) - sum(counts.values()), **counts}
    if counts["train"] < 1:
        raise ValueError(
            named(f"captions has {len(captions)} pictures, of which none is left to train with")
        )
    files = iter(np.random.default_rng(seed).permutation(np.array(list(captions), object)))
    parts = {
        split: {file: captions[file] for file in itertools.islice(files, count)}
        for split, count in counts.items()
    }
    return {split: part for split, part in parts.items() if part}


@dataclass(frozen=True, eq=False)
class Described:
    """What a network saw in photographs. It holds what it is given.

    Raises TypeError or ValueError if a field is not what is stated here.

    Attributes
    ----------
    files : sequence of str, of length P
        The pictures that could be read.
    features : (P, D) floats
        One row for each of them.
    skipped : dict of str
        From each of the other pictures to the reason why it was left out.
    """

    files: Sequence[str]
    features: np.ndarray
    skipped: dict[str, str]

    def __post_init__(self) -> None:
        check_fields(
            self,
            features=Floats("P D"),
            files=Texts("P"),
            skipped=Instance(dict),
        )


@checked(path=_PATH)
def read_features(path: str | Path) -> Described:
    """Read what :func:`~cs231n_lib.speak.photograph_features.describe` has written.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Described
        Its features lie on the disk and are read when they are looked at. What you change in them
        stays in memory.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError, ValueError
        If ``path`` is not a path, or not of such a file.
    """
    check_file(path, named("the file of features"))
    try:
        with h5py.File(path) as file:
            about, features = json.loads(file["about"][()]), file["features"]
            place, dtype, shape = features.id.get_offset(), features.dtype, features.shape
        mapped = np.memmap(path, dtype, "c", place, shape).view(np.ndarray)
        return Described(about["files"], mapped, about["skipped"])
    except Exception as error:  # a damaged file can lead to nearly any
        raise ValueError(
            named(f"{path} is damaged, or was not made by describe ({error})")
        ) from None


@checked(
    splits=_check_splits,
    path=_PATH,
    min_count=Count(),
    max_words=Count(),
)
def load_photographs(
    splits: dict[str, Captions],
    path: str | Path,
    min_count: int = 1,
    max_words: int | None = None,
) -> CaptionData:
    """Captions and features as a data set, on which every captioner of the book can be trained.

    Parameters
    ----------
    splits : dict of dicts of lists of str
        As :func:`split_captions` returns them: the captions of ``"train"``, and of ``"val"`` and
        ``"test"`` if you like. COCO has files of its own for each.
    path : str or Path
        The file that :func:`~cs231n_lib.speak.photograph_features.describe` wrote. If it was given
        the pictures in the order of the splits, the features stay on the disk until they are looked
        at. In another order they are copied into memory.
    min_count : int
        Words that the training captions hold less often are ``<UNK>``. COCO is usually read with 5.
    max_words : int, optional
        Captions with more words are left out, so that one long one does not make all rows long.

    Returns
    -------
    CaptionData
        The images are files. Pictures that were skipped are left out, and so are their captions.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError, ValueError
        If an argument is not what is declared, the file is damaged, a picture was neither described
        nor skipped, or no picture or no caption of a split is left.
    """
    described = read_features(path)
    rows = {file: row for row, file in enumerate(described.files)}
    known = rows.keys() | described.skipped.keys()
    parts = {}
    for split, captions in splits.items():
        files = [file for file in captions if file in rows]
        unknown = [file for file in captions if file not in known]
        if unknown:
            raise ValueError(
                named(
                    f"{path} knows nothing of {len(unknown)} pictures of {split!r}, such as "
                    f"{unknown[0]!r}; describe them, too"
                )
            )
        pairs = [
            (number, sentence)
            for number, file in enumerate(files)
            for sentence in captions[file]
            if max_words is None or len(sentence.split()) <= max_words
        ]
        if not pairs:
            raise ValueError(
                named(f"of the {len(captions)} pictures of {split!r} none is left with a caption")
            )
        start, features = rows[files[0]], described.features
        if described.files[start : start + len(files)] == files:
            features = features[start : start + len(files)]
        else:
            features = features[[rows[file] for file in files]]
        parts[split] = (*zip(*pairs), features, files)
    word_to_idx, idx_to_word = build_vocabulary(parts["train"][1], min_count)
    return CaptionData(
        word_to_idx,
        idx_to_word,
        **{
            split: Split(encode_captions(sentences, word_to_idx), np.array(idxs), features, files)
            for split, (idxs, sentences, features, files) in parts.items()
        },
    )


@checked(folder=_PATH, max_train=Count(), pca_features=Instance(bool))
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
