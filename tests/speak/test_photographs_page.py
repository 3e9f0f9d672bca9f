"""The page "Caption your own photographs": its code runs as it is printed, and prints that."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "chapters" / "photographs.md"
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.M | re.S)


def small_coco() -> None:
    """Where the page expects COCO: photographs of the page in its layout, each with captions."""
    Path("annotations").mkdir()
    for split, names in (("train2017", ("chelsea", "coffee")), ("val2017", ("rocket",))):
        Path(split).mkdir()
        for number, name in enumerate(names):
            shutil.copy(f"photographs/{name}.png", f"{split}/{number:012d}.jpg")
        coco = {
            "images": [{"file_name": f"{i:012d}.jpg", "id": i} for i in range(len(names))],
            "annotations": [
                {"image_id": i, "id": 5 * i + k, "caption": f"A {name}."}
                for i, name in enumerate(names)
                for k in range(5)
            ],
        }
        Path(f"annotations/captions_{split}.json").write_text(json.dumps(coco))


@pytest.mark.timeout(300)
def test_the_page_does_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) >= 6
    for code, printed in blocks:
        if "annotations/captions_" in code:
            small_coco()
        exec(compile(code, str(PAGE), "exec"), names)
        found = capsys.readouterr().out
        if printed:
            assert found == printed
    assert re.fullmatch(r"BLEU-1 to 4: \[0\.\d+(, 0\.\d+){3}\]\nCIDEr: \d\.\d+\n", found)
