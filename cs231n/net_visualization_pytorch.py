"""The functions of ``NetworkVisualization-PyTorch``: see :mod:`cs231n_lib.see`.

Until 2019 the notebook itself holds them; since 2020 it imports them from here.
"""

from __future__ import annotations

import torch
from PIL import Image

from cs231n.image_utils import SQUEEZENET_MEAN, SQUEEZENET_STD
from cs231n_lib.see import class_visualization, images
from cs231n_lib.see.class_visualization import jitter
from cs231n_lib.see.fooling import make_fooling_image
from cs231n_lib.see.network import input_gradients, unit_step
from cs231n_lib.see.pixels import denormalize, normalize
from cs231n_lib.see.pretrained import class_names
from cs231n_lib.see.saliency import compute_saliency_maps
from cs231n_lib.see.torchvision_import import import_torchvision

__all__ = [
    "SQUEEZENET_MEAN", "SQUEEZENET_STD", "blur_image", "class_visualization_update_step",
    "compute_saliency_maps", "create_class_visualization", "deprocess", "jitter",
    "make_fooling_image", "preprocess", "rescale",
]  # fmt: skip

_functional = import_torchvision("torchvision.transforms.functional")


def preprocess(img: Image.Image, size: int = 224) -> torch.Tensor:
    """A picture as the network reads it, (1, 3, H, W); ``size`` is that of its shorter side."""
    scaled = _functional.resize(Image.fromarray(images.load_image(img)), size)
    return normalize(_functional.to_tensor(scaled))[None]


def deprocess(img: torch.Tensor, should_rescale: bool = True) -> Image.Image:
    """The first of some normalised pictures, (N, 3, H, W), to look at.

    It is stretched to the full range, or else clipped. (In 2017 what lay outside wrapped around.)
    """
    pixels = denormalize(img[0].detach().cpu())
    return _functional.to_pil_image(rescale(pixels) if should_rescale else pixels.clamp(0, 1))


def rescale(x: torch.Tensor) -> torch.Tensor:
    """Numbers stretched to the range from 0 to 1."""
    return (x - x.min()) / (x.max() - x.min())


def blur_image(X: torch.Tensor, sigma: float = 1) -> torch.Tensor:
    """Blur pictures, (N, 3, H, W), with a Gaussian, in place."""
    return X.copy_(images.blur_image(X, sigma))


def class_visualization_update_step(
    img: torch.Tensor, model: torch.nn.Module, target_y: int, l2_reg: float, learning_rate: float
) -> None:
    """Climb the score of a class, less a penalty on the size of the pixels; in place."""
    X = img.detach()
    y = torch.full((len(X),), target_y, device=X.device)
    gradients, _ = input_gradients(X, y, model)
    X += learning_rate * unit_step(gradients - 2 * l2_reg * X)


def create_class_visualization(
    target_y: int, model: torch.nn.Module, dtype: torch.dtype | type, **kwargs: float
) -> Image.Image:
    """Climb the score of a class from noise, and show the picture on its way and at the end.

    ``kwargs`` are those of
    :func:`cs231n_lib.see.class_visualization.create_class_visualization`.
    """
    model.type(dtype)
    steps = kwargs.get("num_iterations", 100)

    def show_progress(t: int, X: torch.Tensor, score: torch.Tensor) -> None:
        show(deprocess(X), f"{class_names()[target_y]}\nIteration {t + 1} / {steps}")

    seed = int(torch.randint(2**31, ()))  # torch.manual_seed has to count
    X = class_visualization.create_class_visualization(
        target_y, model, dtype, seed=seed, callback=show_progress, **kwargs
    )
    return deprocess(X)


def show(picture: Image.Image, title: str = "") -> None:
    """Show a picture where the notebook is."""
    import matplotlib.pyplot as plt

    plt.imshow(picture)
    plt.title(title)
    plt.axis("off")
    plt.show()
