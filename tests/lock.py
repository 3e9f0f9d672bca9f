"""The lock file, as its tests and the table of licences read it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from tests.chapters import ROOT

LOCK = ROOT / "requirements.lock"

# Whether the packages beside this interpreter are those of the lock: `make environment LOCKED=1`.
IS_INSTALLED = (Path(sys.prefix) / "locked").exists()

_ENTRY = re.compile(r"([\w.-]+)==([\w.!+]+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n")


def strangers(text: str) -> str:
    """What a lock holds besides comments and pinned packages with their hashes."""
    return re.sub(r"^#.*\n", "", _ENTRY.sub("", text), flags=re.M)


def hashes(text: str) -> dict[NormalizedName, list[str]]:
    """The hashes of each package's files."""
    return {
        canonicalize_name(name): re.findall(r"sha256:(\w+)", listed)
        for name, _, listed in _ENTRY.findall(text)
    }


def versions(text: str) -> dict[NormalizedName, str]:
    """The version of each package of a lock, or of a list of pinned requirements."""
    pinned = re.findall(r"^([\w.-]+)==([\w.!+]+)", text, re.M)
    return {canonicalize_name(name): version for name, version in pinned}


def needed(roots: Iterable[str]) -> set[NormalizedName]:
    """Packages and all that they need here, as the metadata of the installed ones tell."""
    waiting, seen = [(canonicalize_name(name), "") for name in roots], set()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for requirement in map(Requirement, requires(name) or []):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                wanted = canonicalize_name(requirement.name)
                waiting += [(wanted, part) for part in ("", *requirement.extras)]
    return {name for name, _ in seen}
