"""Pictures in files: whole, or refused in bounded time and memory, whatever is in the file."""

from __future__ import annotations

import io
import os
import re
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cs231n_lib.see.images import _FORMATS, load_image

pytestmark = [
    pytest.mark.timeout(60),  # a pipe that is opened would hang for ever
    pytest.mark.filterwarnings("ignore::UserWarning"),  # Pillow says what it does not understand
]

PATTERN = np.random.default_rng(0).integers(256, size=(12, 16, 3), dtype=np.uint8)


def picture_file(format_: str, height: int = 12) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PATTERN[:height]).save(file, format=format_)
    return file.getvalue()


@pytest.mark.parametrize("content", [b"", b"Dear reader,\n", bytes(5000)])
def test_what_is_not_a_picture_is_refused(tmp_path, content):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"load_image: .*a\.png'.* the kinds of files are AVIF"):
        load_image(path)


@pytest.mark.parametrize("format_", ["EPS", "JPEG2000"])
def test_a_kind_of_picture_that_is_not_safe_is_refused(tmp_path, format_):
    """Pillow would hand EPS to another program, and not see that a JPEG 2000 was cut short."""
    path = tmp_path / "picture"
    Image.fromarray(PATTERN).save(path, format=format_)
    assert Image.open(path).format == format_
    with pytest.raises(ValueError, match=r"load_image: .*picture'.* the kinds of files are AVIF"):
        load_image(path)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_folders_and_pipes_are_refused_and_not_waited_for(tmp_path, make):
    make(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"the picture .*a\.png is a (folder|pipe)"):
        load_image(tmp_path / "a.png")


def test_a_device_is_refused():
    with pytest.raises(ValueError, match="/dev/zero is a pipe, a socket or a device"):
        load_image(Path("/dev/zero"))


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
    with pytest.raises(ValueError, match="is damaged, cut short or"):
        load_image(image)


def png(width: int, height: int) -> bytes:
    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(100))
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    "content",
    [png(100_000, 100_000), b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\2"],
    ids=["PNG", "GIF"],
)
def test_a_huge_declared_size_is_refused_before_memory_is_asked_for(tmp_path, content):
    path = tmp_path / "huge"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"huge.*exceeds limit"):
            load_image(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**24, f"{peak / 2**20:.0f} MiB"
