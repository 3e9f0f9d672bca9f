"""Pictures as arrays, and the constants of SqueezeNet's normalisation."""

from __future__ import annotations

import io
import urllib.request
from pathlib import Path

import numpy as np
from PIL import Image

SQUEEZENET_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
SQUEEZENET_STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)


def image_from_url(url: str) -> np.ndarray:
    """A picture, (H, W, 3) bytes, from the network.

    Where that fails, the reason is printed and the picture is grey, so that a notebook goes on.
    """
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return load_image(io.BytesIO(answer.read()))
    except (OSError, ValueError) as error:  # no network, no such address, or not a picture
        print(f"image_from_url: no picture from {url} ({error}); a grey one takes its place")
        return np.full((224, 224, 3), 192, np.uint8)


def load_image(filename: str | Path | io.BytesIO) -> np.ndarray:
    """A picture, (H, W, 3) bytes, from a file."""
    from cs231n_lib.see import images  # which loads PyTorch

    is_path = isinstance(filename, str | Path)
    return images.load_image(Path(filename) if is_path else Image.open(filename))
