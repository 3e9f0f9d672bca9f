"""The sheet of nouns: which pictures are on it, and where."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cs231n_lib.speak import nouns as reader
from cs231n_lib.speak.nouns import NOUNS
from website import nouns


def entry(label: str, order: int, group: int = 3) -> dict[str, str | int]:
    return {"label": label, "hexcode": f"1F{order}", "order": order, "group": group}


def test_the_shortest_names_are_chosen_in_the_order_of_unicode(monkeypatch):
    monkeypatch.setattr(nouns, "COUNT", 3)
    entries = [
        entry("guitar", 500), entry("ox", 400), entry("lemon", 300), entry("melon", 450),
        entry("moon", 100, group=2), entry("hot dog", 110), entry("Mrs", 120), entry("dvd", 130),
        entry("né", 140), entry("bee", 150), {"label": "no order", "hexcode": "1F1"},
    ]  # fmt: skip
    files = [f"1f{order}.webp" for order in (500, 400, 300, 450, 100, 110, 120, 130, 140)]
    chosen = {"lemon": "1f300.webp", "ox": "1f400.webp", "melon": "1f450.webp"}
    assert list(nouns.choose(entries, files).items()) == list(chosen.items())


def test_what_is_excluded_by_name_is_not_on_the_sheet():
    assert len(NOUNS) == nouns.COUNT
    assert not nouns.EXCLUDED & set(NOUNS)


def test_a_picture_is_cut_out_and_lies_where_the_library_looks_for_it(monkeypatch):
    pictures = []
    for side in range(50, 70):
        picture = Image.new("RGBA", (80, 80))
        picture.paste((255, 0, 0, 255), (5, 20, 5 + side, 24))
        pictures.append(picture)
    sheet = nouns.make_sheet(2 * pictures)
    assert sheet.size == (1920, 192)
    monkeypatch.setattr(reader, "_sheet", lambda: sheet)
    for number in (0, 19, 25):
        mask, colours = reader._cut_out.__wrapped__(NOUNS[number], 48, False, 0)
        side = 50 + number % 20
        assert mask.sum() / 96**2 == pytest.approx(side * 4 / (1.08 * side) ** 2, rel=0.1)
        red = colours[mask > 0.9]
        assert (red == [255, 0, 0]).all()
        assert max(mask[:3].max(), mask[:, :1].max()) < 0.1, "there is room around it"
        place = np.arange(96) - 47.5
        assert abs(mask.sum(axis=0) @ place) / mask.sum() < 1.5


def test_what_npm_sends_must_be_what_was_looked_at(monkeypatch, tmp_path):
    def send(command: list[str], **_) -> object:
        (tmp_path / "new.tgz").write_bytes(b"another")
        return type("Result", (), {"stdout": "new.tgz\n"})

    monkeypatch.setattr(nouns.subprocess, "run", send)
    with pytest.raises(ValueError, match=r"another emojibase-data@17\.0\.0 than"):
        nouns._download("emojibase-data@17.0.0", str(tmp_path))
