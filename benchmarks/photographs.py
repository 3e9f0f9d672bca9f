"""A large collection of photographs: time, memory and disk to describe it and to train on it."""

from __future__ import annotations

import io
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from cs231n_lib.reproducible import choose_threads
from cs231n_lib.see.images import PHOTOGRAPHS, load_image
from cs231n_lib.speak import photograph_features
from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.photograph_features import describe
from cs231n_lib.speak.photographs import load_photographs
from cs231n_lib.speak.training import CaptioningSolver

Row = dict[str, Any]

# Photographs of COCO's usual size, and many tiny ones that the network is shown as they are: what
# grows with their number is the same.
_COLLECTIONS = ((1_000, (640, 480), 224), (100_000, (32, 32), 32))
_STEPS = 100  # of training


def collection(folder: Path, count: int, size: tuple[int, int]) -> list[Path]:
    """Photographs of the book over and over, each a file of its own with a comment of its own."""
    contents = []
    for name in PHOTOGRAPHS:
        file = io.BytesIO()
        Image.fromarray(load_image(name)).resize(size).save(file, "JPEG", quality=90)
        contents.append(file.getvalue())
    files = [folder / f"{number:06d}.jpg" for number in range(count)]
    for number, file in enumerate(files):
        content = contents[number % len(contents)]
        comment = b"\xff\xfe\x00\x0a" + f"{number:08d}".encode()
        file.write_bytes(content[:2] + comment + content[2:])
    return files


def _own_memory() -> int:
    """Bytes of memory that are this process's own: not those of files that it has mapped."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(status.split("RssAnon:")[1].split()[0])


def _watched(work: Callable[[], object]) -> tuple[float, int]:
    """The processor's time for some work, and the most memory during it."""
    most, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            most[0] = max(most[0], _own_memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.process_time()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return time.process_time() - start, most[0]


def _train(files: list[Path], path: Path) -> None:
    captions = {str(file): ["a photograph of the book"] for file in files}
    data = load_photographs({"train": captions}, path)
    D = data.train.features.shape[1]
    model = CaptioningRNN(data.word_to_idx, D, 64, 256, "attention")
    solver = CaptioningSolver(model, data, update_rule="adam", batch_size=128)
    solver.train(_STEPS)


def _measure(count: int, size: tuple[int, int], side: int, folder: str) -> Row:
    choose_threads()
    torch.set_num_threads(1)
    photograph_features._SIDE = side
    files, path = collection(Path(folder), count, size), Path(folder) / "features.h5"
    taken, most = _watched(lambda: describe(files, path))
    _, trained = _watched(lambda: _train(files, path))
    return {
        "photographs": f"{count:,} of {size[0]} x {size[1]}",
        "shown at": f"{side} x {side}",
        "ms each": f"{1e3 * taken / count:.1f}",
        "memory to describe, MB": f"{most / 1e6:.0f}",
        "memory to train, MB": f"{trained / 1e6:.0f}",
        "features, MB": f"{path.stat().st_size / 1e6:.0f}",
    }


def tables(repeats: int) -> dict[str, list[Row]]:
    """Each collection once, in a process of its own: what each photograph takes is a mean."""
    rows, context = [], multiprocessing.get_context("spawn")
    for count, size, side in _COLLECTIONS:
        with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(1, context) as pool:
            rows.append(pool.submit(_measure, count, size, side, folder).result())
    return {"photographs": rows}
