"""The functions of ``StyleTransfer-PyTorch``: see :mod:`cs231n_lib.see`.

Until 2019 the notebook itself holds them; in 2020 it imports them from here.
"""
# ruff: noqa: F401 - names for the notebooks

from __future__ import annotations

import inspect

import numpy as np
import torch
from PIL import Image

from cs231n import net_visualization_pytorch
from cs231n.net_visualization_pytorch import deprocess, rescale, show
from cs231n_lib.see import style_transfer as transfer
from cs231n_lib.see.network import extract_features
from cs231n_lib.see.pretrained import squeezenet
from cs231n_lib.see.style_losses import content_loss, gram_matrix, style_loss, tv_loss
from cs231n_lib.speak.gradient_check import relative_error


def preprocess(img: Image.Image, size: int = 512) -> torch.Tensor:
    """A picture as the network reads it, (1, 3, H, W); ``size`` is that of its shorter side."""
    return net_visualization_pytorch.preprocess(img, size)


def rel_error(x: np.ndarray, y: np.ndarray) -> float:
    """The largest relative error; one number is compared with all."""
    return relative_error(*np.broadcast_arrays(x, y))


def features_from_img(
    imgpath: str, imgsize: int, cnn: torch.nn.Sequential | None = None
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """The features of a file's picture, by default SqueezeNet's, and the picture."""
    with Image.open(imgpath) as file:
        img = preprocess(file, imgsize)
    return extract_features(img, squeezenet().features if cnn is None else cnn), img


def style_transfer(*args: object, **kwargs: object) -> None:
    """Paint one picture in the style of another; show both, the way and the result.

    Arguments are those of :func:`cs231n_lib.see.style_transfer.style_transfer`; the pictures are
    files.
    """
    given = inspect.signature(transfer.style_transfer).bind(*args, **kwargs).arguments
    for kind in ("content", "style"):
        size = given["image_size" if kind == "content" else "style_size"]
        with Image.open(given[f"{kind}_image"]) as file:
            show(deprocess(preprocess(file, size)), f"{kind.title()} Source Img.")

    def show_progress(step: int, img: torch.Tensor, losses: object) -> None:
        if step % 100 == 0:
            print(f"Iteration {step}")
            show(deprocess(img))

    result = transfer.style_transfer(**given, callback=show_progress)
    print(f"Iteration {len(result.history['total']) - 1}")
    show(result.image)
