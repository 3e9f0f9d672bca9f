"""The pictures of ``NetworkVisualization-PyTorch``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cs231n_lib.see.images import load_image
from cs231n_lib.see.pretrained import class_index, class_names

_FILE = Path("cs231n/datasets/imagenet_val_25.npz")
_PHOTOGRAPHS = {
    "chelsea": "Egyptian cat", "coffee": "espresso", "camera": "tripod",
    "grace_hopper": "bow tie", "china": "stupa",
}  # fmt: skip


def load_imagenet_val(num: int | None = None) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
    """Pictures of ImageNet: the 25 of the course's file, or without it five of the book.

    Returns
    -------
    X : (num, 224, 224, 3) uint8 array
    y : (num,) integers
    class_names : dict
        From classes to names, those of torchvision. (The names in the course's file are pickled,
        and unpickling runs whatever a file tells it to.)
    """
    if _FILE.exists():
        with np.load(_FILE) as file:
            X, y = file["X"], file["y"]
    else:
        print(f"load_imagenet_val: there is no {_FILE}; photographs of the book take its place")
        X = np.stack([load_image(name, 224) for name in _PHOTOGRAPHS])
        y = np.array([class_index(name) for name in _PHOTOGRAPHS.values()])
    return X[:num], y[:num], dict(enumerate(class_names()))
