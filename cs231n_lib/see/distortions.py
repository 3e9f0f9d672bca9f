"""What may happen to a picture on its way, and whether it still fools afterwards."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F  # noqa: N812

from cs231n_lib.checks import Call, Count, Number, checked, named
from cs231n_lib.see.checks import MODEL, Classes, Generator, Model, Pictures, Tensor
from cs231n_lib.see.fooling import round_to_bytes, seen_as
from cs231n_lib.see.images import blur_image, deprocess
from cs231n_lib.see.pixels import normalize

__all__ = ["DISTORTIONS", "crop", "jpeg", "shrink_and_pad", "survives"]

# From normalised pictures to normalised pictures.
Distortion = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class _Distortions:
    def __call__(self, name: str, distortions: Mapping[str, Distortion], call: Call) -> None:
        if not isinstance(distortions, Mapping) or not all(map(callable, distortions.values())):
            raise TypeError(
                named(f"{name} is {distortions!r}, expected a dict from names to functions")
            )


@checked(
    X=Pictures(), y=Classes(one_for_all=True), model=MODEL, distortions=_Distortions()
)  # fmt: skip
def survives(
    X: torch.Tensor,
    y: int | torch.Tensor,
    model: Model,
    distortions: Mapping[str, Distortion] | None = None,
) -> dict[str, torch.Tensor]:
    """Are pictures still taken for these classes after each distortion?

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    y : int or (N,) int64 tensor
    model : callable
    distortions : dict, optional
        Name -> function from normalised pictures to normalised pictures. By default
        ``DISTORTIONS``.

    Returns
    -------
    dict
        Name -> (N,) bool tensor, as from :func:`~cs231n_lib.see.fooling.seen_as`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, and as :func:`~cs231n_lib.see.fooling.seen_as`.
    """
    distortions = DISTORTIONS if distortions is None else distortions
    answers = {}
    for name, distort in distortions.items():
        answers[name] = seen_as(distort(X.detach()), y, model)
    return answers


@checked(X=Tensor("N 3 H W"), share=Number(above=0, most=1))
def crop(X: torch.Tensor, share: float = 0.9) -> torch.Tensor:
    """The middle of pictures, (N, 3, H, W), enlarged to the old size; differentiable.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
    share : float
        Share of height and width to keep, above 0 and at most 1.

    Returns
    -------
    (N, 3, H, W) tensor
    """
    H, W = X.shape[2:]
    h, w = (max(1, round(share * side)) for side in (H, W))
    top, left = (H - h) // 2, (W - w) // 2
    middle = X[:, :, top : top + h, left : left + w]
    return F.interpolate(middle, (H, W), mode="bilinear")


@checked(X=Tensor("N 3 H W"), generator=Generator(), least=Number(above=0, most=1))
def shrink_and_pad(X: torch.Tensor, generator: torch.Generator, least: float = 0.8) -> torch.Tensor:
    """Pictures, (N, 3, H, W), a little smaller, somewhere on a grey background; differentiable.

    An attack that sees through it, ``pgd(X, y, lambda X: model(shrink_and_pad(X, generator)),
    ...)``, cannot rely on single pixels (input diversity, Xie et al., arXiv:1803.06978).

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
    generator : torch.Generator
        On the CPU. It draws size and position, the same for the whole batch.
    least : float
        Smallest size, as a share of the old one, above 0 and at most 1.

    Returns
    -------
    (N, 3, H, W) tensor
        The background is zero, ImageNet's mean colour.
    """
    H, W = X.shape[2:]
    share, down, right = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
    share = least + (1 - least) * share
    h, w = max(1, round(share * H)), max(1, round(share * W))
    top, left = round(down * (H - h)), round(right * (W - w))
    small = F.interpolate(X, (h, w), mode="bilinear")
    return F.pad(small, (left, W - w - left, top, H - h - top))


@checked(X=Tensor("N 3 H W", finite=True), quality=Count(least=1, most=95))
def jpeg(X: torch.Tensor, quality: int = 75) -> torch.Tensor:
    """Pictures, (N, 3, H, W), as they come back from a JPEG file; without a gradient.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures.
    quality : int
        From 1 to 95.

    Returns
    -------
    (N, 3, H, W) tensor
    """
    pictures = []
    for picture in deprocess(X):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, format="JPEG", quality=quality)
        pictures.append(np.asarray(Image.open(file)))
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
    return normalize(pixels.to(X) / 255)


# Name -> function of normalised pictures.
DISTORTIONS: Mapping[str, Distortion] = MappingProxyType(
    {"rounding": round_to_bytes, "blur": blur_image, "crop": crop, "JPEG": jpeg}
)
