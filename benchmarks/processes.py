"""How much faster two processes train the captioner with attention than one, on this machine.

Each run is started by torchrun, one thread to a process. The fastest stretch of steps of several
runs counts: noise only ever adds to a time.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from cs231n_lib.speak.captions import CaptionData, Split
from cs231n_lib.speak.checks import SPECIAL_WORDS
from cs231n_lib.speak.distributed import RunSettings, write_data

Table = list[dict[str, Any]]

# Words, steps of a caption, numbers of a picture, and the sizes of the network.
_DATA = {
    "scenes": (25, 11, 36 * 32, RunSettings()),
    "COCO": (10_000, 17, 36 * 64, RunSettings(wordvec_dim=256, hidden_dim=512, attention_dim=256)),
}
_STRETCHES, _STEPS = 4, {"scenes": 20, "COCO": 3}  # and steps of each stretch
_MOST_TURNS = 3


def made_up(V: int, T: int, D: int, M: int) -> CaptionData:
    """Captions of random words about random pictures: what they say does not matter here."""
    rng = np.random.default_rng(0)
    words = [*SPECIAL_WORDS, *(f"word {number}" for number in range(V - len(SPECIAL_WORDS)))]
    captions = rng.integers(len(SPECIAL_WORDS), V, size=(M, T + 1))
    features = rng.standard_normal((200, D), dtype=np.float32)
    split = Split(captions, rng.integers(200, size=M), features, range(200))
    return CaptionData({word: index for index, word in enumerate(words)}, words, split)


def rate(path: Path, settings: RunSettings, processes: int, stretch: int) -> float:
    """Captions in a second, in the fastest stretch of a run."""
    sizes = ("wordvec_dim", "hidden_dim", "attention_dim", "batch_size")
    options = [f"--{name.replace('_', '-')}={getattr(settings, name)}" for name in sizes]
    launch = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"]
    with tempfile.TemporaryDirectory() as out:
        run = ["cs231n_lib.speak.distributed", str(path), "--out", out, "--num-epochs=1"]
        found = subprocess.run(
            [sys.executable, "-m", *launch, *run, f"--save-every={stretch}", *options],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            check=True,
            capture_output=True,
            text=True,
        )
    return max(float(number) for number in re.findall(r"([\d.]+) captions/s", found.stdout))


def tables(repeats: int) -> dict[str, Table]:
    """Every table of this module by the name of its file."""
    rows = []
    for name, (V, T, D, settings) in _DATA.items():
        stretch, best = _STEPS[name], {1: 0.0, 2: 0.0}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "data.h5"
            write_data(path, made_up(V, T, D, _STRETCHES * stretch * settings.batch_size))
            for _ in range(min(repeats, _MOST_TURNS)):
                for processes in best:
                    best[processes] = max(best[processes], rate(path, settings, processes, stretch))
        rows += [
            {
                "sizes of": name,
                "processes": str(processes),
                "captions in a second": f"{found:,.0f}",
                "over one process": f"{found / best[1]:.2f}",
            }
            for processes, found in best.items()
        ]
    return {"processes": rows}
