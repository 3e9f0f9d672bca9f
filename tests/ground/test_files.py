"""A file is written whole, or the old one stays and nothing else."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import urllib.error
import urllib.request

import pytest

from cs231n_lib.files import download, write_atomically

URL = "https://a.example/file"


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


class Response(io.BytesIO):
    """The body of an answer, which knows how much of it is still to come."""

    status = 200

    @property
    def length(self):
        return len(self.getbuffer()) - self.tell()


@pytest.fixture
def web(monkeypatch):
    """Gives an answer, bytes or the number of an error, and notes for how long it may take."""

    def answer(what):
        waits = []

        def urlopen(request, timeout=None):
            waits.append(timeout)
            if isinstance(what, int):
                raise urllib.error.HTTPError(request.full_url, what, "no", {}, io.BytesIO())
            return Response(what)

        monkeypatch.setattr(urllib.request, "urlopen", urlopen)
        return waits

    return answer


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(web, tmp_path):
    waits = web(b"new")
    download(URL, tmp_path / "x", hashlib.sha256(b"new").hexdigest())
    assert len(waits) == 1 and 0 < waits[0] <= 60


@pytest.mark.parametrize("most", [1, 2**16, 2**17])
def test_a_download_may_have_as_many_bytes_as_allowed_and_not_one_more(web, tmp_path, most):
    content = bytes(most + 1)
    web(content[:most])
    for _ in range(2):  # fetched, then there
        download(URL, tmp_path / "x", hashlib.sha256(content[:most]).hexdigest(), most)
    assert (tmp_path / "x").read_bytes() == content[:most]
    web(content)
    with pytest.raises(ValueError, match=f"^download: {URL} has more than {most} bytes$"):
        download(URL, tmp_path / "y", hashlib.sha256(content).hexdigest(), most)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize(("left", "code"), [(b"half", 404), (b"half", 500), (b"", 404), (b"", 416)])
def test_what_has_come_outlives_an_error_of_the_server(web, tmp_path, left, code):
    if left:
        (tmp_path / "x.partial").write_bytes(left)
    waits = web(code)
    with pytest.raises(OSError, match=f"^download: {URL}: HTTP Error {code}: no$"):
        download(URL, tmp_path / "x", "0" * 64)
    assert len(waits) == 1
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert found == ({"x.partial": left} if left else {})


def test_what_is_no_file_is_named_wherever_a_download_meets_it(web, tmp_path):
    waits = web(b"new")
    os.mkfifo(tmp_path / "x.partial")
    with pytest.raises(ValueError, match=r"^download: the file .*x\.partial is a pipe"):
        download(URL, tmp_path / "x", "0" * 64)
    (tmp_path / "x").mkdir()
    with pytest.raises(ValueError, match=r"^download: the file .*x is a folder"):
        download(URL, tmp_path / "x", "0" * 64)
    assert waits == []
