"""What a network sees in photographs: worked out once, and kept in a file.

Describing a large collection takes hours. It is done in shards, each written whole or not at all.
Whoever is interrupted, at any moment, goes on with the shard that was not complete.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import joblib
import numpy as np
import torch

from cs231n_lib.checks import Call, Instance, OneOf, a_type, checked, named
from cs231n_lib.files import check_file, write_atomically
from cs231n_lib.progress import progress
from cs231n_lib.reproducible import choose_device
from cs231n_lib.see.images import load_image
from cs231n_lib.see.pixels import normalize
from cs231n_lib.see.pretrained import squeezenet, vgg19
from cs231n_lib.speak.photographs import Described, read_features

__all__ = ["describe"]

_NETWORKS = {"squeezenet": lambda: squeezenet().features, "vgg19": vgg19}
_SIDE = 224  # each picture is cut to a square of so many pixels
_FIELDS = 6  # the network's map is averaged over 6 x 6 fields
_CHANNELS = 64  # principal components that are kept of the map's 512 channels
_BATCH = 32  # pictures at a time
_SHARD = 1024  # pictures in a shard, a multiple of the batch
_SAMPLE = 512  # pictures, evenly spaced, to which the principal components are fitted

Look = Callable[[np.ndarray], np.ndarray]


def _check_files(name: str, files: Collection[str | Path], call: Call) -> None:
    """Paths of pictures, each once."""
    if isinstance(files, str | os.PathLike) or not isinstance(files, Collection):
        raise TypeError(named(f"{name} is {a_type(files)}, expected a list of paths"))
    if not len(files):
        raise ValueError(named(f"{name} is empty, expected at least one picture"))
    known = set()
    for file in files:
        Instance((str, os.PathLike))(f"a part of {name}", file)
        if str(file) in known:
            raise ValueError(named(f"{name} has {str(file)!r} twice, expected each picture once"))
        known.add(str(file))


_PATH = Instance((str, os.PathLike))


@checked(files=_check_files, path=_PATH, network=OneOf(tuple(_NETWORKS)), like=_PATH)
def describe(
    files: Collection[str | Path],
    path: str | Path,
    network: str = "squeezenet",
    like: str | Path | None = None,
) -> Described:
    """Describe photographs by what a network sees in them, and keep that in a file.

    Each picture is cut to a square and scaled to 224 pixels. The network's last map is averaged
    over 6 x 6 fields, and its 512 channels are reduced to 64 by principal component analysis. So
    the attention of :class:`~cs231n_lib.speak.captioning.CaptioningRNN` finds 36 fields there.

    If it is interrupted, even by a power cut, call it again with the same arguments: it goes on,
    and ends with the same file. Memory holds one shard of 1,024 pictures, however many there are.
    On a GPU if there is one, see :func:`~cs231n_lib.reproducible.choose_device`.

    Parameters
    ----------
    files : collection of str or Path
        The pictures, each once; captions as ``read_captions`` returns them will do. Any kind that
        :func:`~cs231n_lib.see.images.load_image` reads.
    path : str or Path
        The file to write, such as ``"features.h5"``. Until it is complete, a folder of the same
        name and ``.shards`` holds what is done. Only one process may write it at a time.
    network : {"squeezenet", "vgg19"}
        VGG-19 sees more, and takes about 30 times as long.
    like : str or Path, optional
        A file of an earlier call, whose principal components are used: pictures that a trained
        captioner is to caption must be described as those were that it was trained on.

    Returns
    -------
    Described
        ``files`` and ``features``, (P, 2304) float32, of the pictures that could be read, in their
        order; and ``skipped``, which has for each other one the reason: it is missing, damaged, no
        picture, or the same, byte for byte, as an earlier one. The features lie on the disk and
        are read when they are looked at; what you change in them stays in memory. If ``path`` is
        there already, it is returned, and no picture is opened.

    Raises
    ------
    FileNotFoundError
        If there is no folder to write into, or no file ``like``.
    TypeError, ValueError
        If an argument is not what is declared; if what is already there was made of other files or
        with other settings, or is damaged; if no picture can be read.
    OSError
        If the disk is full, or the file may not be written.

    Notes
    -----
    The file is HDF5: ``features``, and as JSON in ``about`` the settings, the files and what was
    skipped; ``mean`` and ``components`` reduce the channels.
    """
    files, path = [str(file) for file in files], Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(named(f"there is no folder {path.parent} to write {path.name} to"))
    about = {
        "network": network,
        "side": _SIDE,
        "fields": _FIELDS,
        "channels": _CHANNELS,
        "shard": _SHARD,
        "pictures": len(files),
        "list of files": _digest(json.dumps(files).encode()),
        "like": None,
    }
    shards = path.with_name(f"{path.name}.shards")
    projection = None
    if like is not None:
        projection = _read_projection(Path(like), {"network": network})
        about["like"] = _digest(b"".join(part.tobytes() for part in projection))
    if not path.exists():
        _describe(files, about, projection, shards)
        _join(about, shards)
        (shards / "whole.h5").replace(path)
    _read_about(path, about)
    described = read_features(path)
    shutil.rmtree(shards, ignore_errors=True)
    return described


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _describe(
    files: list[str],
    about: dict[str, Any],
    projection: tuple[np.ndarray, np.ndarray] | None,
    shards: Path,
) -> None:
    """Write the projection, and the shards that are not there yet."""
    seen: dict[str, str] = {}  # from what is in a file to its name
    done = 0
    while done < len(files) and _shard(shards, done).exists():
        seen |= _read_about(_shard(shards, done), about)["seen"]
        done += _SHARD
    look = _eye(about["network"])
    with ThreadPoolExecutor(joblib.cpu_count()) as threads:
        if _projection(shards).exists():
            projection = _read_projection(_projection(shards), about)
        elif projection is None:
            projection = _fit(files[:: -(-len(files) // _SAMPLE)], look, threads)
        shards.mkdir(exist_ok=True)
        for partial in shards.glob("*.partial"):  # of somebody who was killed while writing
            partial.unlink()
        _write(_projection(shards), about, mean=projection[0], components=projection[1])
        batches = iter(progress(range(done, len(files), _BATCH), "describing photographs"))
        for first in range(done, len(files), _SHARD):
            new: dict[str, Any] = {"files": [], "skipped": {}, "seen": {}}
            rows = [np.empty((0, _FIELDS**2 * _CHANNELS), np.float32)]
            for start in itertools.islice(batches, _SHARD // _BATCH):
                pictures = _load_new(files[start : start + _BATCH], threads, seen, new)
                if pictures:
                    maps = (look(np.stack(pictures)) - projection[0]) @ projection[1]
                    rows.append(maps.reshape(len(pictures), -1))
            _write(_shard(shards, first), about | new, features=np.concatenate(rows))


def _shard(shards: Path, first: int) -> Path:
    return shards / f"{first:08d}.h5"


def _projection(shards: Path) -> Path:
    return shards / "projection.h5"


def _eye(network: str) -> Look:
    """A function from pictures, (n, 224, 224, 3) bytes, to their fields, (n, 36, 512)."""
    device = choose_device()
    cnn = _NETWORKS[network]().to(device, memory_format=torch.channels_last)

    def look(pictures: np.ndarray) -> np.ndarray:
        # On a GPU: with all bits, and alike in every run.
        exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            x = torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2)
            y = torch.nn.functional.adaptive_avg_pool2d(cnn(normalize(x / 255)), _FIELDS)
            return y.flatten(2).mT.cpu().numpy()

    return look


def _load(file: str) -> tuple[np.ndarray | None, str]:
    """A picture and a digest of its file, or None and the reason."""
    try:
        picture = load_image(Path(file), _SIDE)
        return picture, _digest(Path(file).read_bytes())
    except (OSError, ValueError) as error:
        return None, str(error).removeprefix(named(""))


def _load_new(
    files: list[str], threads: ThreadPoolExecutor, seen: dict[str, str], about: dict[str, Any]
) -> list[np.ndarray]:
    """The pictures that can be read and were not seen before; note what became of each file."""
    pictures = []
    for file, (picture, mark) in zip(files, threads.map(_load, files)):
        if picture is None:
            about["skipped"][file] = mark
        elif mark in seen:
            about["skipped"][file] = f"the same picture as {seen[mark]}"
        else:
            seen[mark] = about["seen"][mark] = file
            about["files"].append(file)
            pictures.append(picture)
    return pictures


def _fit(
    files: list[str], look: Look, threads: ThreadPoolExecutor
) -> tuple[np.ndarray, np.ndarray]:
    """A mean and components for which features have mean 0 and standard deviation about 1."""
    from sklearn.decomposition import PCA  # only here, and slow to load

    maps = []
    for start in progress(range(0, len(files), _BATCH), "looking at a sample"):
        loaded = list(threads.map(_load, files[start : start + _BATCH]))
        pictures = [picture for picture, _ in loaded if picture is not None]
        if pictures:
            maps.append(look(np.stack(pictures)))
    if sum(map(len, maps)) * _FIELDS**2 < _CHANNELS:
        raise ValueError(
            named(
                f"of {len(files)} pictures {sum(map(len, maps))} can be read, expected at least 2 "
                f"to fit principal components to; of the last, {loaded[-1][1]}"
            )
        )
    fields = np.concatenate(maps).reshape(-1, maps[0].shape[-1])
    pca = PCA(_CHANNELS, svd_solver="covariance_eigh").fit(fields)
    scale = np.sqrt(pca.explained_variance_.mean()) or 1  # 0 if all pictures are black
    return pca.mean_, pca.components_.T / scale


def _join(about: dict[str, Any], shards: Path) -> None:
    """Write one file of all shards, and read no more than one of them at a time."""
    paths = [_shard(shards, first) for first in range(0, about["pictures"], about["shard"])]
    parts = [_read_about(path, about) for path in paths]
    whole = about | {
        "files": [file for part in parts for file in part["files"]],
        "skipped": {file: why for part in parts for file, why in part["skipped"].items()},
    }
    if not whole["files"]:
        shutil.rmtree(shards)
        file, why = next(iter(whole["skipped"].items()))
        raise ValueError(named(f"none of {about['pictures']} pictures can be read: {file}, {why}"))
    mean, components = _read_projection(_projection(shards), about)

    def write(file: BinaryIO) -> None:
        with h5py.File(file, "w") as target:
            _put(target, whole, mean=mean, components=components)
            shape = len(whole["files"]), about["fields"] ** 2 * about["channels"]
            features = target.create_dataset("features", shape, np.float32)
            start = 0
            for path, part in zip(paths, parts):
                with h5py.File(path) as shard:
                    features[start : start + len(part["files"])] = shard["features"][()]
                start += len(part["files"])

    write_atomically(shards / "whole.h5", write)


def _put(file: h5py.File, about: dict[str, Any], **arrays: np.ndarray) -> None:
    file["about"] = json.dumps(about)
    for name, array in arrays.items():
        file[name] = array


def _write(path: Path, about: dict[str, Any], **arrays: np.ndarray) -> None:
    def write(file: BinaryIO) -> None:
        with h5py.File(file, "w") as target:
            _put(target, about, **arrays)

    write_atomically(path, write)


def _read_about(path: Path, expected: dict[str, Any]) -> dict[str, Any]:
    """What a file says of itself, if it was made as is expected."""
    check_file(path, named("the file of features"))
    try:
        with h5py.File(path) as file:
            about = json.loads(file["about"][()])
            wrong = [key for key, value in expected.items() if about[key] != value]
    except Exception as error:  # a damaged file can lead to nearly any
        raise ValueError(
            named(f"{path} is damaged, or was not made by describe ({error}); move it away")
        ) from None
    if wrong:
        differences = ", ".join(f"{key} {about[key]!r} and not {expected[key]!r}" for key in wrong)
        raise ValueError(
            named(
                f"{path} was made with other settings: {differences}; "
                "give the same, or another path, or move it away"
            )
        )
    return about


def _read_projection(path: Path, expected: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    _read_about(path, expected)
    with h5py.File(path) as file:
        return file["mean"][()], file["components"][()]
