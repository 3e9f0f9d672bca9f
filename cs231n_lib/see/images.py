"""Pictures: from a file, an array or a name to what a network reads, and back.

There are three scales. A picture to look at has bytes, (H, W, 3) uint8. In between lie floats from
0 to 1. A network reads *normalised* pictures, (N, 3, H, W): ImageNet's mean colour is subtracted,
and each channel divided by its standard deviation.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION

from cs231n_lib.checks import (
    Bytes,
    Call,
    Count,
    Instance,
    Number,
    check_array,
    checked,
    named,
    shown,
)
from cs231n_lib.files import check_file, write_atomically
from cs231n_lib.see.checks import Tensor
from cs231n_lib.see.pixels import denormalize, normalize
from cs231n_lib.see.precision import in_float32

__all__ = [
    "PAINTED",
    "PHOTOGRAPHS",
    "Source",
    "as_tensor",
    "blur_image",
    "deprocess",
    "load_image",
    "load_scaled",
    "preprocess",
    "save_png",
]

# Photographs that come with installed packages: name -> package, file in it. They are in the public
# domain or under CC0, except two from flickr under CC BY 2.0: china, by danielbuechele, and flower,
# by vultilion.
PHOTOGRAPHS = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "camera": ("skimage", "data/camera.png"),
    "chelsea": ("skimage", "data/chelsea.png"),
    "china": ("sklearn", "datasets/images/china.jpg"),
    "coffee": ("skimage", "data/coffee.png"),
    "coins": ("skimage", "data/coins.png"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
    "grace_hopper": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    "hubble": ("skimage", "data/hubble_deep_field.jpg"),
    "motorcycle": ("skimage", "data/motorcycle_left.png"),
    "rocket": ("skimage", "data/rocket.jpg"),
}

# A painting that comes with this library, as the photographs come with others: "De sterrennacht" by
# Vincent van Gogh (1889), in the public domain, cut to the canvas.
PAINTED = {"starry_night": ("cs231n_lib", "see/paintings/starry_night.jpg")}

# Files of other kinds are refused. Of the others that Pillow reads, EPS is a program that another
# program would run, JPEG 2000 can be cut short unnoticed, and the rest are not used for
# photographs.
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")

# A larger square would have more pixels than Pillow reads from a file without a warning.
_LARGEST_SIDE = 9000

# Of a picture that keeps its shape: that of a square of the largest side, twice as long.
_MOST_PIXELS = 2 * _LARGEST_SIDE**2

# White in arrays that are neither of bytes nor of floats.
_WHITES = {"bool": 1, "uint16": 65535}

# Of a PNG whose pixels are stored like this, Pillow makes bytes of all pixels, but not of the one
# colour that counts as transparent.
_TO_BYTES = {
    "L;2": lambda grey: 85 * grey,
    "L;4": lambda grey: 17 * grey,
    "RGB;16B": lambda colour: tuple(channel >> 8 for channel in colour),
}

Picture = str | Path | np.ndarray | Image.Image


@dataclass(frozen=True)
class Source:
    """A picture as :func:`load_image` takes it; with ``several``, or a list of pictures."""

    several: bool = False

    def __call__(self, name: str, source: Any, call: Call | None = None) -> None:
        several = self.several and isinstance(source, list | tuple)
        if several and not source:
            raise ValueError(named(f"{name} is empty, expected at least one picture"))
        for number, picture in enumerate(source if several else [source]):
            if not isinstance(picture, str | Path | Image.Image):
                which = f"{name}[{number}]" if several else name
                check_array(which, picture, "a name, a path, a NumPy array or a PIL image")


@checked(source=Source(), size=Count(most=_LARGEST_SIDE))
def load_image(source: Picture, size: int | None = None) -> np.ndarray:
    """A picture as an array of bytes, whatever form it comes in.

    Parameters
    ----------
    source : str, Path, array or PIL.Image.Image
        A name of ``PHOTOGRAPHS`` or ``PAINTED``; the path of a file (AVIF, BMP, GIF, JPEG, PNG,
        PPM, TIFF or WebP), which a Path always is; an open image, which stays as it is; or an
        array: (H, W) or (H, W, 1) grey, (H, W, 3) RGB, (H, W, 4) RGB with opacity, as uint8 from 0
        to 255, uint16 from 0 to 65535, bool, or floats from 0 to 1.

        It is read as a viewer shows it. Transparent places become white, an orientation tag is
        obeyed, and of several frames it is the first, or the one at which an open image stands.
        Colour profiles and gamma are not applied: nor were they when the networks were trained.
    size : int, optional
        Scale the shorter side to this many pixels, at most 9000, then cut a square from the middle.
        By default the picture keeps its size.

    Returns
    -------
    (H, W, 3) uint8 array
        RGB.

    Raises
    ------
    FileNotFoundError
        If there is neither such a name nor such a file.
    TypeError, ValueError
        If an argument is not what is declared; if a file is not a complete picture of such a kind,
        or declares more than Pillow's limit of 178 million pixels; if an open image was closed, or
        has numbers of unknown range for pixels; if an array has another shape or dtype, no pixels,
        NaN, or floats outside 0 to 1.
    OSError
        If the system does not let us look for the file.
    """
    image = _open(source)
    if size is not None:
        image = ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC)
    return np.array(image)


@checked(source=Source(), side=Count(most=_LARGEST_SIDE))
def load_scaled(source: Picture, side: int) -> np.ndarray:
    """A picture whose shorter side has this many pixels, as torchvision's ``Resize`` makes it.

    It keeps its shape. Parameters, result and errors are those of :func:`load_image`; ValueError
    also if the picture is so long that it would have more than 162 million pixels.
    """
    image = _open(source)
    scale = side / min(image.size)
    width, height = (max(side, round(scale * length)) for length in image.size)
    if width * height > _MOST_PIXELS:
        raise ValueError(
            named(
                f"the picture has size {image.size}; scaled to {(width, height)}, it would have "
                f"more than {_MOST_PIXELS} pixels; give a smaller size, or cut the picture"
            )
        )
    return np.array(image.resize((width, height), Image.Resampling.BICUBIC))


def _open(source: Picture) -> Image.Image:
    if isinstance(source, np.ndarray):
        return _to_rgb(Image.fromarray(_to_bytes(source)))
    path = None if isinstance(source, Image.Image) else _path(source)
    try:
        if path is None:
            image = _decode(source)
        else:
            with Image.open(path, formats=_FORMATS) as file:
                image = _decode(file)
    except UnidentifiedImageError:
        raise ValueError(
            named(
                f"{str(source)!r} is not a picture that can be read; "
                f"the kinds of files are {', '.join(_FORMATS)}"
            )
        ) from None
    except Exception as error:  # a damaged file can raise nearly any
        bad = "unreadable" if path else "closed"
        why = f": {error}" if str(error) else ""
        raise ValueError(
            named(f"the picture {str(source)!r} is damaged, cut short or {bad}{why}")
        ) from error
    return _to_rgb(image)


def _decode(file: Image.Image) -> Image.Image:
    """An upright copy in which numbers mean what they mean in the file."""
    stored = _stored(file) if file.format == "PNG" and "transparency" in file.info else None
    tags = getattr(file, "tag_v2", {})
    if file.format == "TIFF":  # which Pillow maps by name, and mixes up if it has to be turned
        name, file.filename = file.filename, ""
        try:
            file.load()
        finally:
            file.filename = name
    file.load()
    try:
        image = ImageOps.exif_transpose(file)
    except Exception:  # notes that cannot be read turn nothing
        image = file.copy()
    clear = image.info.get("transparency")
    if clear is not None and stored in _TO_BYTES:
        image.info["transparency"] = _TO_BYTES[stored](clear)
    if image.mode.startswith("I;16") or (image.mode == "I" and file.format == "PPM"):
        deep, (bits, *_) = np.asarray(image), tags.get(BITSPERSAMPLE, (16,))
        grey = np.rint(deep * (255 / (2**bits - 1)))
        if tags.get(PHOTOMETRIC_INTERPRETATION) == 0:
            grey = 255 - grey
        image = Image.fromarray(np.where(deep == clear, 255, grey).astype(np.uint8))
    return image


def _stored(file: Image.Image) -> str | None:
    """How the pixels of a PNG are stored, which an image forgets when it is loaded."""
    if not file.tile:
        with suppress(OSError), Image.open(file.filename, formats=["PNG"]) as again:
            return _stored(again) if again.tile else None
        return None
    return file.tile[0].args


def _path(source: str | Path) -> Path:
    packaged = PHOTOGRAPHS | PAINTED
    if source in packaged:
        package, file = packaged[source]
        return Path(importlib.util.find_spec(package).submodule_search_locations[0]) / file
    try:
        check_file(source, named("the picture"))
    except FileNotFoundError:
        names = f", and no picture of that name; the names are {', '.join(packaged)}"
        home = f"; for a path from the home folder give Path({str(source)!r}).expanduser()"
        raise FileNotFoundError(
            named(
                f"there is no file {str(source)!r}{names * isinstance(source, str)}"
                + home * str(source).startswith("~")
            )
        ) from None
    return Path(source)


def _to_bytes(array: np.ndarray) -> np.ndarray:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ValueError(
            named(
                f"the array has shape {array.shape}, expected (H, W), (H, W, 1), (H, W, 3) or "
                "(H, W, 4) with no dimension of size zero"
            )
        )
    if array.dtype == np.uint8:
        return array
    if array.dtype.name in _WHITES:
        array = array / _WHITES[array.dtype.name]
    if array.dtype.kind != "f":
        raise TypeError(
            named(
                f"the array has dtype {array.dtype}, expected uint8 from 0 to 255, uint16 from 0 "
                "to 65535, bool, or floats from 0 to 1"
            )
        )
    if not np.isfinite(array).all():
        raise ValueError(named("the array contains NaN or infinite pixels"))
    if array.min() < 0 or array.max() > 1:
        raise ValueError(
            named(
                f"the array has floats from {shown(array.min(), 0)} to {shown(array.max(), 1)}, "
                "expected 0 to 1"
            )
        )
    exact = np.result_type(array.dtype, np.float32)
    return np.rint(np.multiply(255, array, dtype=exact)).astype(np.uint8)


def _to_rgb(image: Image.Image) -> Image.Image:
    if 0 in image.size:
        raise ValueError(named(f"the picture has size {image.size}, expected at least one pixel"))
    if image.mode in ("I", "F"):
        raise ValueError(
            named(
                f"the picture has {image.mode!r} pixels of unknown range; "
                "give an array of floats from 0 to 1"
            )
        )
    if image.mode == "La":  # which PIL converts only to this
        image = image.convert("LA")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _size(name: str, size: int | None, call: Call) -> None:
    if size is not None:
        Count(most=_LARGEST_SIDE)(name, size)


@checked(images=Source(several=True), size=_size)
def preprocess(images: Picture | Sequence[Picture], size: int | None = 224) -> torch.Tensor:
    """Pictures as a network reads them (the assignment's ``preprocess``, for one or many).

    Parameters
    ----------
    images : picture, or list of N pictures
        As for :func:`load_image`.
    size : int or None
        Side of the square that each picture becomes, see :func:`load_image`. With None they keep
        their sizes, which must then be equal.

    Returns
    -------
    (N, 3, H, W) float32 tensor
        Normalised, on the CPU. N is 1 for a single picture.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        As :func:`load_image`; ValueError also if there are no pictures, or if their sizes differ.
    """
    if not isinstance(images, list | tuple):
        images = [images]
    arrays = [load_image(image, size) for image in images]
    shapes = {array.shape[:2] for array in arrays}
    if len(shapes) > 1:
        raise ValueError(
            named(
                f"images of different sizes, {sorted(shapes)}, do not fit in one tensor; "
                "give a size"
            )
        )
    return as_tensor(np.stack(arrays))


@checked(images=Bytes("N H W 3"))
def as_tensor(images: np.ndarray) -> torch.Tensor:
    """Bytes, (N, H, W, 3), as a network reads them: (N, 3, H, W) float32, normalised.

    Raises TypeError or ValueError if ``images`` is not such an array.
    """
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    return normalize(pixels.float() / 255)


@checked(X=Tensor("N 3 H W", finite=True, half=True))
@in_float32
def deprocess(X: torch.Tensor) -> np.ndarray:
    """Normalised pictures as bytes to look at; the inverse of :func:`preprocess`.

    Parameters
    ----------
    X : (N, 3, H, W) tensor of floats
        Normalised pictures, on any device.

    Returns
    -------
    (N, H, W, 3) uint8 array
        What lies outside 0 to 255 is clipped, the rest rounded. (The assignment's ``deprocess``
        stretched each picture to the full range, which hides a change of brightness.)

    Raises
    ------
    TypeError, ValueError
        If ``X`` is not what is declared, or a pixel is NaN or infinite.
    """
    pixels = denormalize(X.detach()).clamp(0, 1).mul(255).round()
    return pixels.to("cpu", torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


@checked(X=Tensor("N C H W"), sigma=Number(above=0))
def blur_image(X: torch.Tensor, sigma: float = 1) -> torch.Tensor:
    """Blur pictures with a Gaussian (the assignment used SciPy, on the CPU, in place).

    Parameters
    ----------
    X : (N, C, H, W) tensor of floats
        Its sides must be at least ``int(4 * sigma + 0.5)`` long.
    sigma : float
        Standard deviation, in pixels.

    Returns
    -------
    (N, C, H, W) tensor
        What ``scipy.ndimage.gaussian_filter1d`` along H, then W, gives: the bell is cut off at four
        standard deviations, and the picture mirrored at its edges.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is declared, or ``sigma`` is so large that the mirror image ends.
    """
    radius = int(4 * sigma + 0.5)
    _check_wide_enough(X, sigma, radius)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    bell = torch.exp(-0.5 * (offsets / sigma) ** 2)
    bell = (bell / bell.sum()).tolist()
    for axis in (2, 3):
        side = X.shape[axis]
        before = X.narrow(axis, 0, radius).flip(axis)
        behind = X.narrow(axis, side - radius, radius).flip(axis)
        wide = torch.cat([before, X, behind], dim=axis)
        X = sum(weight * wide.narrow(axis, k, side) for k, weight in enumerate(bell))
    return X


def _check_wide_enough(X: torch.Tensor, sigma: float, radius: int) -> None:
    if radius > min(X.shape[2:]):
        raise ValueError(
            named(
                f"sigma is {sigma}, which needs pictures of {radius} pixels a side or more; "
                f"X has shape {tuple(X.shape)}"
            )
        )


@checked(path=Instance((str, os.PathLike)), image=Bytes())
def save_png(path: str | Path, image: np.ndarray) -> None:
    """Save a picture losslessly, completely or not at all.

    Parameters
    ----------
    path : str or Path
        Its folder must exist. An existing file is replaced only at the very end.
    image : (H, W, 3) uint8 array

    Raises
    ------
    TypeError, ValueError
        If ``image`` is not what is declared.
    """
    picture = Image.fromarray(image)
    write_atomically(path, lambda file: picture.save(file, format="PNG"))
