"""An extension of nbval: freshly drawn pictures are compared with the committed ones.

nbval skips pictures. Here each is compared by its structural similarity (Wang et al. 2004), 1 for
equal pictures. It must reach :data:`LEAST_SIMILARITY`, or what the cell's metadata state, as in
``least_similarity: 0.5``, where the loop that made the picture magnifies rounding errors. When it
does not, committed picture, fresh picture and their difference are put side by side in a file.
"""

from __future__ import annotations

import base64
import functools
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from nbval.plugin import IPyNbCell
from PIL import Image
from skimage.metrics import structural_similarity

LEAST_SIMILARITY = 0.97
REPORT = Path("_build") / "pictures"
_KINDS = ("image/png", "image/jpeg")
_WIDTH = 700  # compare what a reader sees, in a column of the page


def pictures(outputs: list[dict]) -> list[Image.Image]:
    """The pictures among a cell's outputs, in their order."""
    return [
        Image.open(io.BytesIO(base64.b64decode(output["data"][kind]))).convert("RGB")
        for output in outputs
        for kind in _KINDS
        if kind in output.get("data", {})
    ]


def similarity(committed: Image.Image, fresh: Image.Image) -> float:
    """Structural similarity at reading size, from -1 to 1; -1 for pictures of other shapes."""
    if abs(committed.width / committed.height - fresh.width / fresh.height) > 0.01:
        return -1.0
    size = (_WIDTH, round(_WIDTH * committed.height / committed.width))
    arrays = [np.asarray(picture.resize(size)) for picture in (committed, fresh)]
    return float(structural_similarity(*arrays, channel_axis=2, gaussian_weights=True))


def report(committed: Image.Image, fresh: Image.Image, path: Path) -> None:
    """Save committed picture, fresh picture and their difference side by side."""
    fresh = fresh.resize(committed.size)
    arrays = [np.asarray(picture).astype(int) for picture in (committed, fresh)]
    difference = np.abs(arrays[0] - arrays[1]).clip(0, 255)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate([*arrays, difference], axis=1).astype(np.uint8)).save(path)


def compare(
    item: IPyNbCell, compare_text: Callable[..., bool], fresh: list[dict], committed: list[dict]
) -> bool:
    if not compare_text(fresh, committed):
        return False
    least = item.cell.metadata.get("least_similarity", LEAST_SIMILARITY)
    ours, theirs = pictures(committed), pictures(fresh)
    if len(ours) != len(theirs):
        item.comparison_traceback.append(f"{len(ours)} pictures committed, {len(theirs)} drawn")
        return False
    for number, (old, new) in enumerate(zip(ours, theirs)):
        found = similarity(old, new)
        if found < least:
            path = REPORT / f"{Path(item.parent.name).stem}-cell-{item.cell_num}-{number}.png"
            report(old, new, path)
            item.comparison_traceback.append(
                f"the picture has changed: similarity {found:.3f}, expected at least {least}; "
                f"committed, fresh and difference are in {path}"
            )
            return False
    return True


@pytest.hookimpl(trylast=True)  # behind the tolerance of numbers, which wraps the same method
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, IPyNbCell):
            item.compare_outputs = functools.partial(compare, item, item.compare_outputs)
