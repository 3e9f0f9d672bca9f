"""The repository's address, set everywhere: ``python -m website.address URL``, or ``make address``.

Badges, launch buttons, citations and the cells that install the library carry it. A fork sets its
own with one command.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

from cs231n_lib.files import write_atomically
from website.book import chapter_files, fingerprint, read

__all__ = ["set_address"]

_GITHUB = re.compile(r"https://github\.com/([\w-]+)/([\w.-]+?)(?:\.git)?/?")


def set_address(root: Path, url: str) -> list[str]:
    """Replace the repository's address in every file that Git tracks.

    Parameters
    ----------
    root : Path
        The working tree.
    url : str
        Such as ``https://github.com/owner/name``.

    Returns
    -------
    list of str
        The files that changed.

    Raises
    ------
    ValueError
        If that is not the address of a repository on GitHub. Then nothing has changed.
    """
    old = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
    new = _GITHUB.fullmatch(url)
    if new is None:
        raise ValueError(f"the address is {url!r}, expected one like https://github.com/owner/name")
    pairs = dict(zip(_forms(*_GITHUB.fullmatch(old).groups()), _forms(*new.groups())))
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True)
    current = _fingerprints(root)
    changed = []
    for name in filter(None, tracked.stdout.decode().split("\0")):
        before = (root / name).read_bytes()
        after = before
        for a, b in pairs.items():
            after = after.replace(a.encode(), b.encode())
        if after != before:
            write_atomically(root / name, lambda file, content=after: file.write(content))
            changed.append(name)
    _stay_current(root, current)
    return changed


def _forms(owner: str, name: str) -> tuple[str, str]:
    """Of the repository, and of its website."""
    return f"{owner}/{name}", f"{owner.lower()}.github.io/{name}"


def _fingerprints(root: Path) -> dict[str, str]:
    files = chapter_files(root / "chapters", ".ipynb")
    return {path.stem: fingerprint(read(path)) for path in files}


def _stay_current(root: Path, before: dict[str, str]) -> None:
    """The outputs of a chapter belong to its code as much as they did before."""
    path, after = root / "chapters" / "status.json", _fingerprints(root)
    text = path.read_text(encoding="utf-8")
    for name, old in before.items():
        text = text.replace(json.dumps(old), json.dumps(after[name]))
    write_atomically(path, lambda file: file.write(text.encode()))


if __name__ == "__main__":
    for line in set_address(Path.cwd(), sys.argv[1]):
        print(line)
