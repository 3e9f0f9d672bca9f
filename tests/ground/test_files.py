"""A file is written whole, or the old one stays and nothing else."""

from __future__ import annotations

import errno
import os
import tempfile

import pytest

from cs231n_lib.files import check_file, write_atomically


def test_a_file_is_replaced_by_the_new_one(tmp_path):
    path = tmp_path / "ein Name für Überall.bin"
    for content in (b"old", b"new"):
        write_atomically(path, lambda file, content=content: file.write(content))
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_an_interruption_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise error

    with pytest.raises(error):
        write_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_names_the_file_and_not_the_one_beside_it(tmp_path):
    path = tmp_path / "picture.png"

    def fail(file):
        (partial,) = tmp_path.iterdir()
        assert partial.name.startswith(path.name) and partial.suffix == ".partial"
        raise OSError(errno.ENOSPC, "no space")

    with pytest.raises(OSError, match="no space") as caught:
        write_atomically(path, fail)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))


def test_a_replaced_file_stays_readable_for_whoever_could_read_it(tmp_path):
    path = tmp_path / "shared"
    path.write_bytes(b"old")
    path.chmod(0o644)
    write_atomically(path, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644


def test_an_error_about_another_file_is_left_as_it_is(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"source\.bin'$"):
        write_atomically(tmp_path / "a", lambda file: (tmp_path / "source.bin").read_bytes())


@pytest.mark.parametrize("name", ["ein Bild", "图" * 80, "x" * 255])
def test_a_name_may_be_as_long_and_as_foreign_as_the_system_allows(tmp_path, name):
    write_atomically(tmp_path / name, lambda file: file.write(b"new"))
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(name, b"new")]


@pytest.mark.parametrize(
    ("where", "message"),
    [("nowhere/a.png", "no folder to write into: '.*nowhere'"),
     ("file/a.png", "no folder to write into: '.*file'"),
     ("folder", "folder is a folder, expected a file"),
     ("folder/..", r"folder/\.\. is a folder"),
     ("pipe", "pipe is a pipe, a socket or a device"),
     ("a link to nowhere", "no folder to write into: '.*nowhere'"),
     ("a link to itself", "Too many levels of symbolic links: '.*a link to itself'"),
     ("a\0b", r"a\\x00b' has a name that no file has: embedded null byte"),
     ("\ud800", r"\\ud800' has a name that no file has: .*surrogates not allowed"),
     ("x" * 300, "File name too long: '.*xxx'$")],
)  # fmt: skip
def test_a_place_that_cannot_be_written_is_named_and_nothing_is_left(tmp_path, where, message):
    (tmp_path / "file").write_bytes(b"kept")
    (tmp_path / "folder").mkdir()
    (tmp_path / "a link to nowhere").symlink_to(tmp_path / "nowhere" / "file")
    (tmp_path / "a link to itself").symlink_to(tmp_path / "a link to itself")
    os.mkfifo(tmp_path / "pipe")
    before = {path: path.lstat().st_ino for path in tmp_path.rglob("*")}
    with pytest.raises((OSError, ValueError), match=message):
        write_atomically(tmp_path / where, lambda file: file.write(b"new"))
    assert {path: path.lstat().st_ino for path in tmp_path.rglob("*")} == before
    assert (tmp_path / "file").read_bytes() == b"kept"


def test_a_link_stays_and_leads_to_the_new_file(tmp_path):
    (tmp_path / "folder").mkdir()
    link, file = tmp_path / "link", tmp_path / "folder" / "file"
    link.symlink_to(file)
    for content in (b"first", b"second"):
        write_atomically(link, lambda f, content=content: f.write(content))
        assert link.is_symlink() and not file.is_symlink() and file.read_bytes() == content
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "folder", file, link]


def test_a_folder_that_may_not_be_written_is_named(tmp_path, monkeypatch):
    def fail(suffix, prefix, folder):  # root may write into any
        raise PermissionError(errno.EACCES, "Permission denied", f"{folder}/{prefix}{suffix}")

    monkeypatch.setattr(tempfile, "mkstemp", fail)
    with pytest.raises(PermissionError, match=r"Permission denied: '.*/a'$"):
        write_atomically(tmp_path / "a", lambda file: file.write(b"new"))


def test_only_a_file_of_the_right_size_is_opened(tmp_path):
    path, pipe = tmp_path / "file", tmp_path / "pipe"
    path.write_bytes(b"1234")
    os.mkfifo(pipe)
    check_file(path, most=4)
    with pytest.raises(ValueError, match="has 4 bytes, expected at most 3"):
        check_file(path, most=3)
    with pytest.raises(ValueError, match="is a folder"):
        check_file(tmp_path)
    with pytest.raises(ValueError, match="is a pipe, a socket or a device"):
        check_file(pipe)
    with pytest.raises(FileNotFoundError):
        check_file(tmp_path / "nothing")
