"""Photographs described once: whatever lies in the folder, and whoever ends the process."""

from __future__ import annotations

import os
import shutil
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from cs231n_lib.see.images import load_image, preprocess, save_png
from cs231n_lib.see.pretrained import squeezenet, vgg19
from cs231n_lib.speak import photograph_features
from cs231n_lib.speak.photograph_features import describe
from cs231n_lib.speak.photographs import load_photographs, read_captions, read_features
from tests.processes import FORKED

SHARD, BATCH, PICTURES = 4, 2, 14


def describe_until_killed(last: int, path: Path, files: list[Path]) -> None:
    """In small shards, in a process of its own, which kills itself in the middle of a file."""
    module = photograph_features
    module._SHARD, module._BATCH = SHARD, BATCH
    write_atomically, writes = module.write_atomically, []

    def write_until_killed(path, write):
        def half(file):
            write(file)
            file.truncate(file.seek(0, os.SEEK_END) // 2)
            os.kill(os.getpid(), signal.SIGKILL)

        writes.append(path)
        write_atomically(path, half if len(writes) == last else write)

    module.write_atomically = write_until_killed
    describe(files, path)


@pytest.fixture
def small(monkeypatch):
    """Shards of few pictures."""
    monkeypatch.setattr(photograph_features, "_SHARD", SHARD)
    monkeypatch.setattr(photograph_features, "_BATCH", BATCH)


@pytest.fixture
def folder(tmp_path):
    """Pictures of noise, with a blank and other letters in the names."""
    folder = tmp_path / "my photographs, été 数"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(PICTURES):
        coarse = rng.integers(0, 256, (4, 5, 3)).astype(np.uint8)
        save_png(folder / f"{number:02d}.png", np.kron(coarse, np.ones((8, 8, 1), np.uint8)))
    return folder


def pictures(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_features_are_the_networks_last_map_in_few_components(folder, tmp_path):
    described = describe(pictures(folder), tmp_path / "features.h5")
    with torch.inference_mode():
        maps = squeezenet().features(preprocess(pictures(folder)))
        fields = torch.nn.functional.adaptive_avg_pool2d(maps, 6).flatten(2).mT.numpy()
    with h5py.File(tmp_path / "features.h5") as file:
        mean, components = file["mean"][()], file["components"][()]
    np.testing.assert_allclose(mean, fields.mean(axis=(0, 1)), rtol=1e-4, atol=1e-5)
    expected = ((fields - mean) @ components).reshape(PICTURES, 36 * 64)
    np.testing.assert_allclose(described.features, expected, atol=1e-3)
    assert abs(described.features.mean()) < 1e-3
    assert described.features.std() == pytest.approx(1, abs=0.01)


def test_vgg19_sees_something_else(folder, tmp_path):
    described = describe(pictures(folder)[:2], tmp_path / "features.h5", network="vgg19")
    with torch.inference_mode():
        maps = vgg19()(preprocess(pictures(folder)[:2]))
        fields = torch.nn.functional.adaptive_avg_pool2d(maps, 6).flatten(2).mT.numpy()
    with h5py.File(tmp_path / "features.h5") as file:
        expected = (fields - file["mean"][()]) @ file["components"][()]
    np.testing.assert_allclose(described.features, expected.reshape(2, -1), atol=1e-3)


@pytest.mark.timeout(300)
def test_whoever_is_killed_at_any_moment_goes_on_and_ends_with_the_same_file(
    small, folder, tmp_path
):
    files = pictures(folder)
    undisturbed = describe(files, tmp_path / "undisturbed.h5")
    path, shards = tmp_path / "features.h5", tmp_path / "features.h5.shards"

    def start(last: int = 0) -> BaseProcess:
        process = FORKED.Process(
            target=describe_until_killed, args=(last, path, files), daemon=True
        )
        process.start()
        return process

    def killed(process: BaseProcess) -> bool:
        process.join()
        return process.exitcode == -signal.SIGKILL

    def complete() -> int:
        assert not path.exists()
        return len(list(shards.glob("0*.h5")))

    assert killed(start(last=1))  # in the middle of the projection
    assert complete() == 0
    assert killed(start(last=3))  # in the middle of the second shard
    assert complete() == 1
    assert list(shards.glob("*.partial"))
    process = start()
    while complete() < 2:  # wherever it is then
        time.sleep(0.001)
    process.kill()
    process.join()
    if not path.exists():
        assert complete() >= 2
        assert killed(start(last=6 - complete()))  # while it joins the shards
    found = describe(files, path)
    assert path.read_bytes() == (tmp_path / "undisturbed.h5").read_bytes()
    assert found.files == undisturbed.files == [str(file) for file in files]
    np.testing.assert_array_equal(found.features, undisturbed.features)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["features.h5", "undisturbed.h5", folder.name]
    )


def test_what_cannot_be_read_is_listed_with_the_reason(small, folder, tmp_path):
    whole = (folder / "03.png").read_bytes()
    photograph = tmp_path / "photograph.jpg"
    Image.fromarray(load_image("coffee")).save(photograph)
    (folder / "cut.jpg").write_bytes(photograph.read_bytes()[:20_000])
    (folder / "text.jpg").write_text("Dear diary, today I took no photographs.")
    (folder / "twice.png").write_bytes(whole)
    (folder / "empty.png").write_bytes(b"")
    (folder / "folder.jpg").mkdir()
    files = [*pictures(folder), folder / "gone.jpg"]
    described = describe(files, tmp_path / "features.h5")
    reasons = {Path(file).name: why for file, why in described.skipped.items()}
    assert reasons.keys() == {
        "cut.jpg", "text.jpg", "twice.png", "empty.png", "folder.jpg", "gone.jpg",
    }  # fmt: skip
    assert "is damaged, cut short or unreadable: image file is truncated" in reasons["cut.jpg"]
    assert "text.jpg' is not a picture that can be read" in reasons["text.jpg"]
    assert reasons["twice.png"] == f"the same picture as {folder / '03.png'}"
    assert "is not a picture that can be read" in reasons["empty.png"]
    assert "is a folder, expected a file" in reasons["folder.jpg"]
    assert "there is no file" in reasons["gone.jpg"]
    assert len(described.files) == PICTURES == len(described.features)
    # The others are described as if nothing had been there.
    rows = describe(described.files, tmp_path / "good.h5", like=tmp_path / "features.h5").features
    np.testing.assert_allclose(described.features, rows, atol=1e-4)


def test_a_shard_in_which_nothing_can_be_read_is_empty(small, folder, tmp_path):
    files = [folder / f"gone-{number}.jpg" for number in range(SHARD)] + pictures(folder)
    described = describe(files, tmp_path / "features.h5")
    assert len(described.skipped) == SHARD
    assert described.features.shape == (PICTURES, 36 * 64)


def test_new_pictures_are_described_as_those_of_the_training(folder, tmp_path):
    everything = describe(pictures(folder), tmp_path / "features.h5")
    path = tmp_path / "new.h5"
    new = describe(pictures(folder)[:3], path, like=tmp_path / "features.h5")
    np.testing.assert_allclose(new.features, everything.features[:3], atol=1e-4)
    with pytest.raises(ValueError, match=r"new\.h5 was made with other settings: like '\w+' and n"):
        describe(pictures(folder)[:3], path)


def test_what_is_complete_needs_no_pictures(folder, tmp_path):
    files, path = pictures(folder), tmp_path / "features.h5"
    features = describe(files, path).features.copy()
    shutil.rmtree(folder)
    np.testing.assert_array_equal(describe(files, path).features, features)


def test_black_pictures_have_finite_features(tmp_path):
    for number in range(2):
        save_png(tmp_path / f"{number}.png", np.zeros((8 + number, 8, 3), np.uint8))
    described = describe(sorted(tmp_path.glob("*.png")), tmp_path / "features.h5")
    assert np.isfinite(described.features).all()


def test_features_stay_on_the_disk(folder, tmp_path):
    path = tmp_path / "features.h5"
    (folder / "captions.csv").write_text(
        "file,caption\n" + "".join(f"{number:02d}.png,noise\n" for number in range(PICTURES))
    )
    captions = read_captions(folder / "captions.csv")
    describe(captions, path)
    halves = list(captions.items())[:7], list(captions.items())[7:]
    data = load_photographs({"train": dict(halves[0]), "val": dict(halves[1])}, path)
    mapped = data.train.features
    while not isinstance(mapped, np.memmap):
        mapped = mapped.base
    before = path.read_bytes()
    data.val.features[:] = 7
    assert path.read_bytes() == before
    np.testing.assert_array_equal(
        np.concatenate([data.train.features, read_features(path).features[7:]]),
        read_features(path).features,
    )


def test_shards_of_another_run_are_refused_by_name(small, folder, tmp_path, monkeypatch):
    files, path = pictures(folder), tmp_path / "features.h5"
    with monkeypatch.context() as patch:
        patch.setattr(photograph_features, "_join", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            describe(files, path)
    other = [*files[:-1], folder / "other.png"]
    message = r"0{8}\.h5 was made with other settings: list of files '\w+' and not"
    with pytest.raises(ValueError, match=message):
        describe(other, path)
    monkeypatch.setattr(photograph_features, "_CHANNELS", 32)
    with pytest.raises(ValueError, match=r"0{8}\.h5 .* channels 64 and not 32; give the same, or"):
        describe(files, path)
