"""A file is written whole, or the old one stays and nothing else."""

from __future__ import annotations

import errno

import pytest

from cs231n_lib.files import write_atomically


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
