"""No file that is read does harm, and no file that is written is ever half there.

The files here are crafted, damaged, swapped, far too large, or no files at all. Whoever reads one
gets a clear error, in bounded time and memory, and everything stays as it was.
"""

from __future__ import annotations

import contextlib
import copyreg
import errno
import io
import json
import os
import pickle
import re
import resource
import signal
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from cs231n_lib import files
from cs231n_lib.see import pretrained
from cs231n_lib.see.images import _FORMATS, load_image, save_png
from cs231n_lib.speak import photographs as coco
from cs231n_lib.speak.captions import SPECIAL_WORDS
from tests.speak.test_photographs import write_folder
from tests.speak.test_training import Interruption, assert_same_result, make_solver

pytestmark = pytest.mark.timeout(60)  # a pipe that is opened would hang for ever


def everything_in(folder: Path) -> dict[str, object]:
    """What lies in a folder: the content of each file, where each link leads."""
    return {
        str(path.relative_to(folder)): path.readlink() if path.is_symlink()
        else (path.read_bytes() if path.is_file() and path.stat().st_size < 2**20 else "large")
        for path in folder.rglob("*")
    }  # fmt: skip


# Weights: pickles that would run code


class Runs:
    """Made, or filled, by a careless unpickler, it writes a file."""

    def __new__(cls, path: str = "") -> Runs:
        if path:
            Path(path).touch()
        return super().__new__(cls)

    def __setstate__(self, path: str) -> None:
        Path(path).touch()


class Calls:
    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple:
        return self.call


_HERE = f"c{__name__}\nRuns\n".encode()


def _text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def _on_arrays(data: object) -> bytes:
    """A pickle as NumPy 1 wrote it, which is what the packaged one is."""
    program = pickle.dumps(data, 3).replace(b"numpy._core", b"numpy.core")
    return program.replace(b"\x89\x88\x87", b"K\0K\x01\x87")  # False and True were 0 and 1


# Route -> what is refused; the program, from the file that it would write and the command for it.
CRAFTED = {
    "GLOBAL, REDUCE": (
        "load os.system", lambda file, command: b"cos\nsystem\n(" + _text(command) + b"tR.",
    ),
    "eval": (
        "load builtins.eval",
        lambda file, command: b"cbuiltins\neval\n(" + _text(f"open({file!r}, 'w')") + b"tR.",
    ),
    "STACK_GLOBAL": (
        "STACK_GLOBAL",
        lambda file, command: (
            b"\x80\x04" + _text("os") + _text("system") + b"\x93(" + _text(command) + b"tR."
        ),
    ),
    "INST": ("INST", lambda file, command: b"(" + _text(command) + b"ios\nsystem\n."),
    "OBJ": ("OBJ", lambda file, command: b"(cos\nsystem\n" + _text(command) + b"o."),
    "NEWOBJ": ("NEWOBJ", lambda file, command: b"\x80\x02" + _HERE + _text(file) + b"\x85\x81."),
    "NEWOBJ_EX": (
        "NEWOBJ_EX",
        lambda file, command: (
            b"\x80\x04" + _HERE + b"(t}(" + _text("path") + _text(file) + b"u\x92."
        ),
    ),
    "BUILD with __setstate__": (
        r"load .*\.Runs", lambda file, command: b"\x80\x02" + _HERE + b"(tR" + _text(file) + b"b.",
    ),
    "EXT1": ("EXT1", lambda file, command: b"\x80\x02\x82\xf0(" + _text(command) + b"tR."),
    "EXT2": ("EXT2", lambda file, command: b"\x80\x02\x83\xf0\x01(" + _text(command) + b"tR."),
    "EXT4": (
        "EXT4", lambda file, command: b"\x80\x02\x84\xf0\0\x01\0(" + _text(command) + b"tR.",
    ),
    "EXT1, used before": (
        "EXT1", lambda file, command: b"\x80\x02\x82\xf1(" + _text(command) + b"tR.",
    ),
    "an array of objects": (
        "load posix.system",
        lambda file, command: _on_arrays(np.array([Calls(os.system, command), 1], dtype=object)),
    ),
    "behind honest arrays": (
        "load posix.system",
        lambda file, command: _on_arrays(
            {"conv1": [np.ones(3), 1], "conv10": [np.ones(3), Calls(os.system, command)]}
        ),
    ),
    "a dotted name": (
        "load numpy.lib._utils_impl.os.system",
        lambda file, command: (
            b"\x80\x04cnumpy.lib._utils_impl\nos.system\n(" + _text(command) + b"tR."
        ),
    ),
    "getattr": (
        "load builtins.getattr",
        lambda file, command: (
            b"cbuiltins\ngetattr\n(cbuiltins\n__import__\n(" + _text("os") + b"tR"
            + _text("system") + b"tR(" + _text(command) + b"tR."
        ),
    ),
}  # fmt: skip


EXTENSIONS = (0xF0, 0x1F0, 0x100F0)


@pytest.fixture
def crafted(tmp_path, monkeypatch):
    """From a route to its program, and the file that it would write."""
    for code in EXTENSIONS:
        monkeypatch.setitem(copyreg._inverted_registry, code, ("os", "system"))
    monkeypatch.setitem(copyreg._extension_cache, 0xF1, os.system)
    file = tmp_path / "written"
    return lambda route: (CRAFTED[route][1](str(file), f"touch '{file}'"), file)


def proven_dangerous(load, file):
    """A careless reader does write the file: the program is one to be afraid of."""
    with contextlib.suppress(Exception):
        load()
    assert file.exists()
    file.unlink()
    for code in EXTENSIONS:
        copyreg._extension_cache.pop(code, None)


def as_checkpoint_of_torch(program: bytes) -> bytes:
    """What ``torch.save`` writes, with another program in the place of its own."""
    saved, crafted = io.BytesIO(), io.BytesIO()
    torch.save({"weight": torch.ones(3)}, saved)
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(crafted, "w") as target:
        for name in source.namelist():
            target.writestr(name, program if name.endswith("data.pkl") else source.read(name))
    return crafted.getvalue()


@pytest.mark.parametrize("route", CRAFTED)
def test_a_pickle_that_would_run_code_is_refused_by_the_loader_alone(crafted, route):
    program, file = crafted(route)
    proven_dangerous(lambda: pickle.loads(program), file)
    with pytest.raises(pickle.UnpicklingError, match=CRAFTED[route][0]):
        pretrained._read_arrays(program)
    assert not file.exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("route", CRAFTED)
def test_it_is_refused_in_a_file_of_torch_as_well(crafted, route):
    program, file = crafted(route)
    content = as_checkpoint_of_torch(program)
    proven_dangerous(lambda: torch.load(io.BytesIO(content), weights_only=False), file)
    for disguised in (content, program):
        with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
            pretrained._read_tensors(disguised)
        assert not file.exists()


@pytest.mark.parametrize(
    ("program", "named"),
    [
        (b"Pname\n.", "PERSID"),
        (_text("name") + b"Q.", "BINPERSID"),
        (b"\x80\x02]r\xff\xff\xff\x7f.", "LONG_BINPUT"),  # it would need 16 GB to keep a list
        (b"cnumpy.core.multiarray\nscalar\n.", "numpy.core.multiarray.scalar"),
        (b"cnumpy\nload\n.", "numpy.load"),
        (b"cbuiltins\ndict\n.", "builtins.dict"),
    ],
)
def test_what_no_array_needs_is_refused(program, named):
    with pytest.raises(pickle.UnpicklingError, match=rf"refused to (load|run) .*{named}"):
        pretrained._read_arrays(program)


def test_the_hash_comes_first(crafted, tmp_path, monkeypatch):
    """A file with another hash is not even looked into."""
    program, file = crafted("GLOBAL, REDUCE")
    path = tmp_path / "weights.pkl"
    path.write_bytes(program)
    monkeypatch.setattr(pretrained, "_read_arrays", lambda content: pytest.fail("it was read"))
    with pytest.raises(ValueError, match="SHA-256"):
        pretrained.read_packaged_weights(path)
    assert not file.exists()


def test_a_crafted_file_of_the_second_network_is_refused_even_past_the_hash(crafted, monkeypatch):
    program, file = crafted("GLOBAL, REDUCE")
    monkeypatch.setattr(pretrained, "_verified", lambda *_: as_checkpoint_of_torch(program))
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        pretrained.efficientnet_lite0()
    assert not file.exists()


# Every file that is read: damaged, swapped, or no file

SETTINGS = {"hidden": 4, "num_epochs": 3}
PATTERN = np.random.default_rng(0).integers(256, size=(12, 16, 3), dtype=np.uint8)


def train_an_epoch(path: Path) -> None:
    """Train for one more epoch of three, to the next checkpoint."""
    with pytest.raises(KeyboardInterrupt):
        make_solver(checkpoint=path, validate=Interruption(1), **SETTINGS).train()


def read_checkpoint(path: Path) -> None:
    solver = make_solver(checkpoint=path, **SETTINGS)
    before = dict(solver.model.params)
    state = solver._rng.bit_generator.state
    try:
        solver.train()
    finally:
        if not solver.loss_history:
            assert all(solver.model.params[name] is weight for name, weight in before.items())
            assert solver._rng.bit_generator.state == state


def write_picture(path: Path) -> None:
    path.parent.mkdir()
    save_png(path, PATTERN)


def write_weights(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(_on_arrays({"conv1": [np.ones(3)]}))


# What is read -> its name, how to write it with all that belongs to it, and how to read it.
READERS = {
    "picture": ("a.png", write_picture, load_image),
    "weights": ("w.pkl", write_weights, pretrained.read_packaged_weights),
    "checkpoint": ("state.npz", train_an_epoch, read_checkpoint),
} | {
    name: (name, lambda path: write_folder(path.parent), lambda path: coco.load(path.parent))
    for name in (
        "coco2014_vocab.json", "coco2014_captions.h5", "val2014_vgg16_fc7_pca.h5",
        "train2014_urls.txt",
    )
}  # fmt: skip


@pytest.fixture
def placed(tmp_path):
    """From what is read to a valid file, in a folder with a difficult name, and its reader."""

    def place(kind):
        name, write, read = READERS[kind]
        path = tmp_path / "Zwei Wörter, 两个词 (1)" / name
        write(path)
        return path, read

    return place


def assert_refused(path, read, error, match=None):
    before = everything_in(path.parent)
    with pytest.raises(error, match=match) as caught:
        read(path)
    assert path.name in str(caught.value) or path.parent.name in str(caught.value)
    assert everything_in(path.parent) == before


@pytest.mark.parametrize("kind", [kind for kind in READERS if kind != "weights"])
def test_a_whole_file_is_read_whatever_its_folder_is_called(placed, kind):
    path, read = placed(kind)
    read(path)


def picture_file(format_: str, height: int = 12) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PATTERN[:height]).save(file, format=format_)
    return file.getvalue()


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target:
        target.writestr("readme.txt", "text")
    return file.getvalue()


OTHER_CONTENT = {
    "nothing": b"",
    "text": b"Dear reader,\n",
    "a JPEG": picture_file("JPEG"),
    "a ZIP archive": archive(),
    "zeros": bytes(5000),
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(x) print\n",
}


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("content", OTHER_CONTENT)
def test_another_content_is_refused(placed, kind, content):
    path, read = placed(kind)
    path.write_bytes(OTHER_CONTENT[content])
    if (kind, content) == ("picture", "a JPEG"):
        assert read(path).shape == (12, 16, 3)  # what a picture is called does not matter
        return
    assert_refused(path, read, ValueError, {"picture": "is no picture"}.get(kind))


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.8])
def test_a_file_that_was_cut_short_is_refused(placed, kind, share):
    path, read = placed(kind)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert_refused(path, read, ValueError)


@pytest.mark.parametrize("kind", READERS)
def test_a_folder_in_the_place_of_a_file_is_refused(placed, kind):
    path, read = placed(kind)
    path.unlink()
    path.mkdir()
    assert_refused(path, read, ValueError, "is a folder, not to be read as a file")


@pytest.mark.parametrize("kind", READERS)
def test_a_pipe_is_refused_and_not_waited_for(placed, kind):
    path, read = placed(kind)
    path.unlink()
    os.mkfifo(path)
    assert_refused(path, read, ValueError, "is a pipe, a socket or a device")


@pytest.mark.parametrize("read", [load_image, pretrained.read_packaged_weights, read_checkpoint])
def test_a_device_is_refused(read):
    with pytest.raises(ValueError, match="/dev/zero is a pipe, a socket or a device"):
        read(Path("/dev/zero"))


@pytest.mark.parametrize("kind", [kind for kind in READERS if kind != "checkpoint"])
def test_a_missing_file_is_named(placed, kind):
    path, read = placed(kind)
    path.unlink()
    assert_refused(path, read, FileNotFoundError)


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.skipif(os.geteuid() == 0, reason="whoever is root may read everything")
def test_a_file_that_may_not_be_read_is_refused(placed, kind):
    path, read = placed(kind)
    path.chmod(0)
    with pytest.raises((ValueError, OSError), match="Permission denied"):
        read(path)


@pytest.mark.parametrize("kind", READERS)
def test_a_link_is_followed_unless_it_leads_out_of_a_folder_of_data(placed, tmp_path, kind):
    path, read = placed(kind)
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    if kind == "weights":
        assert_refused(path, read, ValueError, "SHA-256")
    elif path.name == kind:
        assert_refused(path, read, ValueError, "is a link that leads out of the folder, to .*where")
    else:
        read(path)


def test_the_folder_of_data_itself_may_be_a_link(placed, tmp_path):
    path, _ = placed("coco2014_vocab.json")
    (tmp_path / "link").symlink_to(path.parent)
    assert coco.load(tmp_path / "link")["train_features"].shape == (6, 512)


@pytest.mark.parametrize("format_", ["EPS", "JPEG2000"])
def test_a_kind_of_picture_that_is_not_safe_is_no_picture(tmp_path, format_):
    """Pillow would hand EPS to another program, and not see that a JPEG 2000 was cut short."""
    path = tmp_path / "picture"
    Image.fromarray(PATTERN).save(path, format=format_)
    assert Image.open(path).format == format_
    with pytest.raises(ValueError, match=r"picture' is no picture that can be read; the kinds"):
        load_image(path)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow says what it does not understand
@pytest.mark.parametrize("format_", _FORMATS)
def test_a_picture_cut_anywhere_is_whole_or_refused(tmp_path, format_):
    """Whole: nothing but the mark of the end is missing."""
    path = tmp_path / "cut"
    content = picture_file(format_, height=4)
    path.write_bytes(content)
    whole = load_image(path)
    lengths = [*range(0, len(content) - 25, 4), *range(len(content) - 25, len(content))]
    refused = 0
    for length in lengths:
        path.write_bytes(content[:length])
        try:
            np.testing.assert_array_equal(load_image(path), whole)
        except ValueError as error:
            assert re.match("load_image: .*cut'", str(error))
            refused += 1
    assert refused >= len(lengths) - 20


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("format_", _FORMATS)
def test_a_damaged_picture_is_a_picture_or_a_clear_error(tmp_path, format_):
    content = picture_file(format_)
    rng = np.random.default_rng(0)
    path = tmp_path / "hurt"
    for _ in range(40):
        hurt = bytearray(content)
        for at in rng.integers(min(len(hurt), 300), size=4):
            hurt[at] = rng.integers(256)
        path.write_bytes(hurt)
        try:
            assert load_image(path).shape[2] == 3
        except ValueError as error:
            assert re.match("load_image: .*hurt", str(error))


def test_a_damaged_picture_of_pillow_is_refused():
    image = Image.open(io.BytesIO(picture_file("PNG")[:-200]))
    with pytest.raises(ValueError, match="is damaged, cut short or not to be read"):
        load_image(image)


# Sizes that are declared and not meant


def png(width: int, height: int) -> bytes:
    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(100))
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def npy(shape: str, dtype: str = "<f8", data: bytes = b"12345678") -> bytes:
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def npz(path: Path, compression: int = zipfile.ZIP_STORED, **members: bytes) -> None:
    """A checkpoint with some arrays replaced by other bytes."""
    with zipfile.ZipFile(path) as source:
        contents = {name.removesuffix(".npy"): source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, "w", compression) as target:
        for name, content in (contents | members).items():
            target.writestr(f"{name}.npy", content)


def sparse(path: Path) -> None:
    os.truncate(path, 2**40)


def huge_dataset(path: Path, **settings: object) -> None:
    with h5py.File(path, "r+") as file:
        del file["features"]
        file.create_dataset("features", dtype="f4", **settings)


def archive_within_itself(path: Path) -> None:
    """The list of the archive names the one member many times over."""
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("header.npy", npy("(100000,)", data=bytes(800000)))
        target.filelist *= 50
        target.NameToInfo |= {str(i): target.filelist[0] for i in range(50)}


HUGE = {
    "a PNG of 10^10 pixels": (
        "picture", lambda path: path.write_bytes(png(100_000, 100_000)), "exceeds limit",
    ),
    "a GIF of 4*10^9 pixels": (
        "picture",
        lambda path: path.write_bytes(b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\2"),
        "exceeds limit",
    ),
    "an array of 10^12 numbers": (
        "checkpoint", lambda path: npz(path, loss_history=npy("(1000000000000,)")),
        "declares another size",
    ),
    "an array of 10^12 empty texts": (
        "checkpoint", lambda path: npz(path, loss_history=npy("(1000000000000,)", "<U0", b"")),
        "declares another size",
    ),
    "a compressed archive": (
        "checkpoint",
        lambda path: npz(path, zipfile.ZIP_DEFLATED, more=npy("(4194304,)", data=bytes(2**25))),
        "declares more than it holds",
    ),
    "an archive that lists a part many times": (
        "checkpoint", archive_within_itself, "declares more than it holds",
    ),
    "a dataset of 10^12 numbers": (
        "val2014_vgg16_fc7_pca.h5",
        lambda path: huge_dataset(path, shape=(10**6, 10**6), chunks=(64, 64)),
        "declares 4000000000000 bytes, more than a file",
    ),
    "a compressed dataset": (
        "val2014_vgg16_fc7_pca.h5",
        lambda path: huge_dataset(path, data=np.zeros((4096, 2048)), compression="gzip"),
        "declares 33554432 bytes, more than a file",
    ),
    "a vocabulary of 10^12 bytes": ("coco2014_vocab.json", sparse, "bytes, expected at most"),
    "URLs of 10^12 bytes": ("train2014_urls.txt", sparse, "bytes, expected at most"),
    "weights of 10^12 bytes": ("weights", sparse, "bytes, expected at most"),
}  # fmt: skip


@pytest.mark.parametrize("case", HUGE)
def test_a_huge_declared_size_is_refused_before_memory_is_asked_for(placed, case):
    kind, enlarge, message = HUGE[case]
    path, read = placed(kind)
    enlarge(path)
    tracemalloc.start()
    try:
        assert_refused(path, read, ValueError, message)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**24, f"{peak / 2**20:.0f} MiB"


# Files of the right kind with the wrong things in them


def replace(**arrays: np.ndarray):
    """A checkpoint with other arrays; ``slash`` in a name stands for ``/``."""

    def change(path):
        with np.load(path) as archive:
            whole = dict(archive)
        np.savez(path, **whole | {name.replace("slash", "/"): a for name, a in arrays.items()})

    return change


def header(change):
    def rewrite(path):
        with np.load(path) as archive:
            content = json.loads(str(archive["header"]))
        change(content)
        replace(header=np.array(json.dumps(content)))(path)

    return rewrite


def dataset(link):
    def change(path):
        with h5py.File(path, "r+") as file:
            del file["features"]
            link(file)

    return change


def virtual(file):
    layout = h5py.VirtualLayout(shape=(4, 512), dtype="f4")
    layout[:] = h5py.VirtualSource("train2014_vgg16_fc7_pca.h5", "features", shape=(6, 512))[:4]
    file.create_virtual_dataset("features", layout)


def external(file):
    file.create_dataset("features", (4, 512), "f4", external=[("/etc/hostname", 0, 8192)])


def external_link(file):
    file["features"] = h5py.ExternalLink("train2014_vgg16_fc7_pca.h5", "features")


SPECIAL = {word: number for number, word in enumerate(SPECIAL_WORDS)}
WRONG = {
    "JSON nested too deep": (
        "coco2014_vocab.json", lambda path: path.write_text(100_000 * "["), "damaged",
    ),
    "JSON with a number too long": (
        "coco2014_vocab.json", lambda path: path.write_text(5000 * "9"), "damaged",
    ),
    "JSON with true for a number": (
        "coco2014_vocab.json",
        lambda path: path.write_text(
            json.dumps({"word_to_idx": SPECIAL | {"<START>": True}, "idx_to_word": SPECIAL_WORDS})
        ),
        "is True, expected an integer",
    ),
    "a link into another HDF5 file": (
        "val2014_vgg16_fc7_pca.h5", dataset(external_link), "lacks features",
    ),
    "an array that another HDF5 file holds": (
        "val2014_vgg16_fc7_pca.h5", dataset(virtual), "are in another file",
    ),
    "an array that any other file holds": (
        "val2014_vgg16_fc7_pca.h5", dataset(external), "are in another file",
    ),
    "an array without a shape": (
        "val2014_vgg16_fc7_pca.h5",
        dataset(lambda file: file.create_dataset("features", data=h5py.Empty("f4"))),
        "is empty",
    ),
    "another random generator": (
        "checkpoint",
        header(lambda content: content["rng"].update(bit_generator="MT19937")),
        "PCG64",
    ),
    "half a random generator": (
        "checkpoint", header(lambda content: content["rng"].pop("state")), "state",
    ),
    "another header": ("checkpoint", header(lambda content: content.clear()), "identity"),
    "losses in rows": (
        "checkpoint", replace(loss_history=np.ones((5, 2))), "a history has float64",
    ),
    "losses as texts": ("checkpoint", replace(loss_history=np.array(["1.5"])), "a history has <U3"),
    "a running average of another shape": (
        "checkpoint", replace(optimslashWhslashm=np.ones(4, np.float32)), "the update rule has",
    ),
    "a running average of another precision": (
        "checkpoint", replace(optimslashWhslashv=np.ones((4, 4))), "the update rule has float64",
    ),
    "a step that is a text": (
        "checkpoint", replace(optimslashWhslasht=np.array("2")), "the update rule has <U1",
    ),
    "objects": (
        "checkpoint",
        lambda path: replace(header=np.array([{}], dtype=object))(path),
        "declares another size|Object arrays",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_layout_is_refused(placed, case):
    kind, change, message = WRONG[case]
    path, read = placed(kind)
    change(path)
    assert_refused(path, read, ValueError, message)


def test_code_in_an_array_of_a_checkpoint_is_not_run(crafted, placed):
    program, file = crafted("GLOBAL, REDUCE")
    path, read = placed("checkpoint")
    whole = npy("(1,)", "|O", program)
    proven_dangerous(lambda: np.lib.format.read_array(io.BytesIO(whole), allow_pickle=True), file)
    for data in (program, program.ljust(8 * (len(program) // 8 + 1), b".")):
        npz(path, header=npy(f"({len(data) // 8},)", "|O", data))
        assert_refused(path, read, ValueError, "declares another size|Object arrays cannot be")
        assert not file.exists()


# Writing: killed at any byte, or the disk is full


class Ending(io.FileIO):
    """A file that comes to its end after some bytes, in the middle of a call to write."""

    def __init__(self, handle: int, left: float, end: object) -> None:
        super().__init__(handle, "wb")
        self.left, self.end = left, end

    def write(self, data: bytes) -> int:
        data = memoryview(data).cast("B")
        if len(data) > self.left:
            super().write(data[: self.left])
            self.left = 0
            self.end()
        self.left -= len(data)
        return super().write(data)


def ends_after(monkeypatch, count: float, end: object) -> None:
    monkeypatch.setattr(files.os, "fdopen", lambda handle, mode: Ending(handle, count, end))


def kill_myself(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def disk_is_full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def in_a_child(work) -> int:
    """Do some work in a process of its own; how that ended, as ``os.wait`` says it."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1]


@pytest.fixture
def two_states(tmp_path):
    """A trainer at the end of its second epoch, and the checkpoint of the first."""
    path = tmp_path / "Zustand 状态.npz"
    train_an_epoch(path)
    last = path.read_bytes()
    train_an_epoch(path)
    solver = make_solver(checkpoint=path, **SETTINGS)
    solver._load()
    path.write_bytes(last)
    return solver, path


def resumed(path):
    solver = make_solver(checkpoint=path, **SETTINGS)
    solver.train()
    return solver


def uninterrupted():
    solver = make_solver(**SETTINGS)
    solver.train()
    return solver


def test_a_process_killed_at_any_byte_leaves_the_last_checkpoint(two_states, monkeypatch):
    solver, path = two_states
    last = path.read_bytes()
    written = io.BytesIO()
    monkeypatch.setattr(
        "cs231n_lib.speak.training.write_atomically", lambda _, write: write(written)
    )
    solver._save()
    monkeypatch.undo()
    size = len(written.getvalue())
    for count in [*range(0, size, size // 20), *range(size - 3, size)]:
        with monkeypatch.context() as patch:
            ends_after(patch, count, kill_myself)
            assert in_a_child(solver._save) == signal.SIGKILL, f"not killed after {count} bytes"
        assert path.read_bytes() == last
    assert_same_result(resumed(path), uninterrupted())


@pytest.mark.parametrize(
    ("target", "new"),
    [("os.fsync", False), ("shutil.copymode", False), ("pathlib.Path.replace", False),
     ("os._exit", True)],
)  # fmt: skip
def test_a_process_killed_between_two_steps_leaves_one_checkpoint_or_the_other(
    two_states, monkeypatch, target, new
):
    solver, path = two_states
    last = path.read_bytes()
    monkeypatch.setattr(target, kill_myself)
    assert in_a_child(solver._save) == signal.SIGKILL
    monkeypatch.undo()
    assert (path.read_bytes() != last) == new
    assert_same_result(resumed(path), uninterrupted())


@pytest.mark.parametrize("count", [0, 1, 1000, 5000])
def test_a_full_disk_leaves_the_last_checkpoint_and_nothing_else(two_states, monkeypatch, count):
    solver, path = two_states
    last = path.read_bytes()
    ends_after(monkeypatch, count, disk_is_full)
    with pytest.raises(OSError, match=rf"No space left on device: '.*{path.name}'$") as caught:
        solver._save()
    assert caught.value.errno == errno.ENOSPC
    assert everything_in(path.parent) == {path.name: last}
    monkeypatch.undo()
    assert_same_result(resumed(path), uninterrupted())


@pytest.mark.parametrize("count", [0, 1000])
def test_a_file_that_the_system_cuts_off_leaves_the_last_checkpoint(two_states, count):
    """The limit is real here: the system itself refuses to write more."""
    solver, path = two_states
    last = path.read_bytes()

    def save():
        resource.setrlimit(resource.RLIMIT_FSIZE, (count, count))
        with pytest.raises(OSError, match=rf"File too large: '.*{path.name}'$"):
            solver._save()

    assert in_a_child(save) == 0
    assert everything_in(path.parent) == {path.name: last}


@pytest.mark.parametrize("count", [0, 50])
def test_a_full_disk_leaves_the_old_picture_and_nothing_else(tmp_path, monkeypatch, count):
    path = tmp_path / "Bild 图.png"
    save_png(path, PATTERN)
    ends_after(monkeypatch, count, disk_is_full)
    with pytest.raises(OSError, match=r"No space left on device: '.*png'$"):
        save_png(path, PATTERN[::-1])
    assert len(everything_in(tmp_path)) == 1
    np.testing.assert_array_equal(load_image(path), PATTERN)


def test_a_checkpoint_that_can_never_be_written_stops_training_before_its_first_step(tmp_path):
    (tmp_path / "file").write_bytes(b"kept")
    solver = make_solver(checkpoint=tmp_path / "file" / "state.npz", **SETTINGS)
    with pytest.raises(OSError, match="file'"):
        solver.train()
    assert solver.loss_history == []
