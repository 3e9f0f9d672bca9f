"""Ten thousand small pictures: what is loaded is what was drawn, whatever it was kept in.

Files are written here byte by byte where Pillow writes no such file, so the truth is the drawn
array. Pillow drops the lower bytes of colours of 16 bits, and JPEG and AVIF lose a little: a kind
says how far a byte may be from the truth.
"""

from __future__ import annotations

import colorsys
import io
import itertools
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageOps

from cs231n_lib.see.images import deprocess, load_image, load_scaled, preprocess

EACH = 66  # of every kind; there are more than 150

# Orientation -> what undoes it, of an array of rows and columns.
TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a.swapaxes(0, 1)[::-1],
}

Drawing = tuple[bytes | Image.Image, np.ndarray]


class Kind:
    """How to draw a picture and write its file, and how far the loaded one may be from it."""

    def __init__(self, draw: Callable[..., Drawing], *args: object, **promises: float) -> None:
        self.draw, self.args = draw, args
        self.within = promises.get("within", 0.501)
        # Only the fresh file knows what its numbers mean; a copy that Pillow makes does not.
        self.fresh = promises.get("fresh", False)
        self.turns = promises.get("turns", False)


def on_white(samples: np.ndarray, most: int, opacity: np.ndarray | None = None) -> np.ndarray:
    """Grey or colours, (H, W) or (H, W, C), as they are seen: (H, W, 3), from 0 to 255."""
    colours = samples.reshape(*samples.shape[:2], -1) * (255 / most)
    if opacity is not None:
        opacity = opacity.reshape(*samples.shape[:2], 1)
        colours = colours * opacity + 255 * (1 - opacity)
    return np.broadcast_to(colours, (*samples.shape[:2], 3))


def packed(samples: np.ndarray, bits: int, order: str = ">") -> list[bytes]:
    """Rows of samples as a file holds them."""
    rows = samples.reshape(len(samples), -1)
    if bits == 16:
        return [row.tobytes() for row in rows.astype(f"{order}u2")]
    places = np.arange(bits - 1, -1, -1)
    return [np.packbits(row[:, None] >> places & 1).tobytes() for row in rows]


def png(rng, exif: int, samples: np.ndarray, bits: int, colour: int, *more: tuple) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    interlaced = int(rng.integers(2))
    adam7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
    data = b""
    for y, x, dy, dx in [*adam7, (1, 0, 2, 1)] if interlaced else [(0, 0, 1, 1)]:
        part = samples[y::dy, x::dx]
        data += b"".join(b"\0" + row for row in packed(part, bits)) if part.size else b""
    header = struct.pack(">2I5B", *samples.shape[1::-1], bits, colour, 0, 0, interlaced)
    chunks = [(b"IHDR", header), *more, (b"IDAT", zlib.compress(data, 1)), (b"IEND", b"")]
    if exif:
        chunks.insert(-2, (b"eXIf", note(exif)[6:]))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


def note(orientation: int) -> bytes:
    """An EXIF block that says how the camera was held."""
    return b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)


def png_plain(rng, shape, exif, bits: int, channels: int) -> Drawing:
    samples, most = rng.integers(2**bits, size=(*shape, channels)), 2**bits - 1
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    opacity = samples[..., -1] / most if channels in (2, 4) else None
    colours = samples[..., :-1] if channels in (2, 4) else samples
    return png(rng, exif, samples, bits, colour), on_white(colours, most, opacity)


def png_one_clear(rng, shape, exif, bits: int, channels: int) -> Drawing:
    """One colour counts as transparent."""
    samples = rng.integers(2**bits, size=(*shape, channels))
    clear = samples[-1, -1]
    samples[0] = clear
    file = png(rng, exif, samples, bits, channels - 1, (b"tRNS", clear.astype(">u2").tobytes()))
    return file, on_white(samples, 2**bits - 1, (samples != clear).any(axis=-1))


def png_palette(rng, shape, exif, bits: int, clear: int) -> Drawing:
    samples = rng.integers(2**bits, size=shape)
    palette = rng.integers(256, size=(2**bits, 3), dtype=np.uint8)
    opacity = np.full(2**bits, 255, np.uint8)
    clear = min(clear, 2**bits)
    opacity[:clear] = 0 if clear == 1 else rng.integers(256, size=clear)
    more = [(b"PLTE", palette.tobytes())] + [(b"tRNS", opacity.tobytes())] * bool(clear)
    file = png(rng, exif, samples, bits, 3, *more)
    return file, on_white(palette[samples], 255, opacity[samples] / 255)


def tiff(samples: np.ndarray, bits: int, meaning: int, exif: int, order: str, extra: int) -> bytes:
    H, W, channels = samples.shape
    data = b"".join(packed(samples, bits, order))
    depths = struct.pack(f"{order}{channels}H", *[bits] * channels).ljust(4, b"\0")
    far = depths if channels > 2 else b""
    numbers = {256: W, 257: H, 259: 1, 262: meaning, 273: 8 + len(far), 274: exif, 277: channels,
               278: H, 279: len(data), 338: extra}  # fmt: skip
    fields = {
        tag: struct.pack(f"{order}HHIHH", tag, 3, 1, number, 0)
        for tag, number in numbers.items()
        if number or tag == 262
    }
    where = struct.pack(f"{order}I", 8) if far else depths
    fields[258] = struct.pack(f"{order}HHI", 258, 3, channels) + where
    body = far + data + bytes(len(data) % 2)
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(body))
    listed = b"".join(field for _, field in sorted(fields.items()))
    return start + body + struct.pack(f"{order}H", len(fields)) + listed + bytes(4)


def tiff_grey(rng, shape, exif, bits: int, white: int, order: str) -> Drawing:
    """White is the largest number, or zero."""
    samples, most = rng.integers(2**bits, size=(*shape, 1)), 2**bits - 1
    file = tiff(samples, bits, white, exif, order, 0)
    return file, on_white(samples if white else most - samples, most)


def tiff_colour(rng, shape, exif, bits: int, channels: int, order: str, extra: int) -> Drawing:
    """With opacity, by which the colours are multiplied already if ``extra`` is 1."""
    samples, most = rng.integers(2**bits, size=(*shape, channels)), 2**bits - 1
    opacity = samples[..., -1:] / most if extra else np.ones((*shape, 1))
    colours = samples[..., :-1] if extra else samples
    if extra == 1:
        colours[...] = np.floor(colours * opacity)
    file = tiff(samples, bits, 1 if channels < 3 else 2, exif, order, extra)
    seen = on_white(colours, most, None if extra == 1 else opacity)
    return file, seen + 255 * (1 - opacity) if extra == 1 else seen


def cmyk_on_white(samples: np.ndarray) -> np.ndarray:
    return (255 - samples[..., :3].astype(float)) * (255 - samples[..., 3:].astype(float)) / 255


def saved(image: Image.Image, exif: int, format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format=format_, **({"exif": note(exif)} if exif else {}), **options)
    return file.getvalue()


def pillows(rng, shape, exif, format_: str, mode: str, options: dict) -> Drawing:
    """A file as Pillow writes it."""
    channels = len(mode.strip("16;I")) or 1
    if mode == "1":
        samples = rng.integers(2, size=shape).astype(bool)
        return saved(Image.fromarray(samples), exif, format_, **options), on_white(samples, 1)
    if mode == "I;16":
        samples = rng.integers(2**16, size=shape, dtype=np.uint16)
        return saved(Image.fromarray(samples), exif, format_, **options), on_white(samples, 65535)
    if mode == "P":
        samples, palette = rng.integers(9, size=shape), rng.integers(256, size=(9, 3))
        image = Image.fromarray(samples.astype(np.uint8), "P")
        image.putpalette(palette.ravel().tolist())
        return saved(image, exif, format_, **options), on_white(palette[samples], 255)
    samples = rng.integers(256, size=(*shape, channels), dtype=np.uint8)
    file = saved(Image.fromarray(samples.squeeze(-1) if mode == "L" else samples, mode), exif,
                 format_, **options)  # fmt: skip
    if mode == "CMYK":
        return file, cmyk_on_white(samples)
    if mode in ("RGBA", "LA"):
        return file, on_white(samples[..., :-1], 255, samples[..., -1] / 255)
    return file, on_white(samples, 255)


def pnm(rng, shape, exif, number: int, most: int) -> Drawing:
    """PBM, PGM and PPM, as text or not; PBM's ones are black."""
    samples = rng.integers(most + 1, size=(*shape, 3 if number in (3, 6) else 1))
    head = f"P{number}\n# drawn\n{shape[1]} {shape[0]}\n"
    head += "" if number in (1, 4) else f"{most}\n"
    if number <= 3:
        data = " ".join(map(str, samples.ravel())).encode()
    else:
        data = b"".join(packed(samples, 1 if number == 4 else 8 if most < 256 else 16))
    return head.encode() + data, on_white(most - samples if number in (1, 4) else samples, most)


def bmp_with_opacity(rng, shape, exif) -> Drawing:
    samples = rng.integers(256, size=(*shape, 4), dtype=np.uint8)
    masks = (0xFF, 0xFF00, 0xFF0000, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII4I", 56, shape[1], shape[0], 1, 32, 3, 0, 0, 0, 0, 0, *masks)
    start = b"BM" + struct.pack("<IHHI", 70 + samples.size, 0, 0, 70)
    file = start + header + samples[::-1].tobytes()
    return file, on_white(samples[..., :3], 255, samples[..., 3] / 255)


def frames(rng, shape, exif, format_: str, options: dict) -> Drawing:
    """The first of several frames; some of its pixels are transparent."""
    samples = rng.integers(4, size=(3, *shape), dtype=np.uint8)
    palette = rng.integers(256, size=(4, 3))
    images = [Image.fromarray(part, "P") for part in samples]
    for image in images:
        image.putpalette(palette.ravel().tolist())
        image.info["transparency"] = 0
    images = images if format_ == "GIF" else [image.convert("RGBA") for image in images]
    file = saved(images[0], exif, format_, save_all=True, append_images=images[1:], **options)
    return file, on_white(palette[samples[0]], 255, samples[0] > 0)


def in_memory(rng, shape, exif, mode: str) -> Drawing:
    """An image of Pillow's that was in no file; a note may have come with it."""
    samples = rng.integers(256, size=(*shape, 4), dtype=np.uint8)
    opacity = samples[..., 3] / 255
    if mode.startswith("I;16"):
        deep = rng.integers(2**16, size=shape).astype(">u2" if mode == "I;16B" else "<u2")
        image, seen = Image.frombytes(mode, shape[::-1], deep.tobytes()), on_white(deep, 65535)
    elif mode in ("RGBa", "La"):
        whole = np.rint(samples[..., : len(mode) - 1] * opacity[..., None])
        parts = np.concatenate([whole, samples[..., 3:]], axis=-1).astype(np.uint8)
        image = Image.frombytes(mode, shape[::-1], parts.tobytes())
        seen = on_white(whole, 255) + 255 * (1 - opacity[..., None])
    elif mode == "PA":
        image = Image.merge("PA", [Image.fromarray(samples[..., k]) for k in (0, 3)])
        palette = rng.integers(256, size=(256, 3))
        image.putpalette(palette.ravel().tolist())
        seen = on_white(palette[samples[..., 0]], 255, opacity)
    elif mode == "P":  # whose colours have opacity
        palette = rng.integers(256, size=(256, 4))
        image = Image.fromarray(samples[..., 0], "P")
        image.putpalette(palette.ravel().tolist(), "RGBA")
        entries = palette[samples[..., 0]]
        seen = on_white(entries[..., :3], 255, entries[..., 3] / 255)
    elif mode == "HSV":
        image = Image.fromarray(samples[..., :3], mode)
        seen = np.apply_along_axis(lambda p: colorsys.hsv_to_rgb(*p), -1, samples[..., :3] / 255)
        seen *= 255
    elif mode == "YCbCr":
        image = Image.fromarray(samples[..., :3], mode)
        mix = np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]])
        seen = (samples[..., :3] - [0.0, 128, 128]) @ mix.T
    if exif:
        image.info["exif"] = note(exif)
    return image, seen.clip(0, 255)


def array(rng, shape, exif, dtype: str, channels: tuple) -> Drawing:
    """An array, in which nothing says how to turn it."""
    most = {"uint8": 255, "uint16": 65535, ">u2": 65535, "bool": 1}.get(dtype, 255)
    samples = rng.integers(most + 1, size=(*shape, *channels))
    seen = on_white(samples[..., :3], most, samples[..., 3] / most) if channels == (4,) else (
        on_white(samples, most))  # fmt: skip
    return (samples / (most if "float" in dtype else 1)).astype(dtype), seen


KINDS: dict[str, Kind] = {}


def add(name: str, *args: object, **promises: float) -> None:
    KINDS[name] = Kind(*args, **promises)


for channels, bits in ((1, 1), (1, 2), (1, 4), (1, 8), (1, 16), (3, 8), (3, 16)):
    dropped = 0.5 * (channels == 3 and bits == 16)
    add(f"PNG, {channels} × {bits}", png_plain, bits, channels, within=0.501 + dropped,
        fresh=channels == 1 and bits == 16, turns=True)  # fmt: skip
    add(f"PNG, {channels} × {bits}, one is clear", png_one_clear, bits, channels,
        within=0.501 + dropped, fresh=bits in (2, 4, 16), turns=True)  # fmt: skip
for channels, bits in ((2, 8), (2, 16), (4, 8), (4, 16)):
    add(f"PNG, {channels} × {bits}", png_plain, bits, channels, within=2.5 if bits == 16 else 1,
        turns=True)  # fmt: skip
for bits, clear in itertools.product((1, 2, 4, 8), (0, 1, 5)):
    add(f"PNG, palette of {bits} bits, {clear} clear", png_palette, bits, clear, within=1,
        turns=True)  # fmt: skip
for bits, white, order in [*itertools.product((1, 2, 4, 8), (0, 1), "<>"), (12, 1, "<"),
                           (16, 0, "<"), (16, 1, "<"), (16, 1, ">")]:  # fmt: skip
    add(f"TIFF, {order}{bits}, white is {white}", tiff_grey, bits, white, order,
        fresh=bits > 8 or (bits == 8 and white == 1), turns=True)  # fmt: skip
for channels, order, extra in ((3, "<", 0), (3, ">", 0), (4, "<", 1), (4, ">", 2)):
    add(f"TIFF, {order}{channels} × 8, opacity {extra}", tiff_colour, 8, channels, order, extra,
        within=1.1, fresh=extra == 2, turns=True)  # fmt: skip
    add(f"TIFF, {order}{channels} × 16, opacity {extra}", tiff_colour, 16, channels, order, extra,
        within=3.1 if extra else 1.001, turns=True)  # fmt: skip
for order, extra in (("<", 1), (">", 2)):
    add(f"TIFF, {order}2 × 8, opacity {extra}", tiff_colour, 8, 2, order, extra, within=1.1,
        turns=True)  # fmt: skip
for mode, how in itertools.product(
    ("1", "L", "P", "RGB", "RGBA", "CMYK"), ("tiff_lzw", "tiff_adobe_deflate")
):
    add(f"TIFF by Pillow, {mode}, {how}", pillows, "TIFF", mode, {"compression": how},
        within=1, turns=True)  # fmt: skip
add("TIFF by Pillow, I;16", pillows, "TIFF", "I;16", {"compression": "tiff_lzw"}, fresh=True,
    turns=True)  # fmt: skip
BEST = {"quality": 100, "subsampling": 0}
for mode in ("L", "RGB", "CMYK"):
    add(f"JPEG, {mode}", pillows, "JPEG", mode, BEST, within=6, turns=True)
    add(f"JPEG, {mode}, progressive", pillows, "JPEG", mode, BEST | {"progressive": True},
        within=6, turns=True)  # fmt: skip
add("MPO", pillows, "MPO", "RGB", BEST, within=6, turns=True)
for mode in ("RGB", "RGBA"):
    add(f"WebP, {mode}", pillows, "WEBP", mode, {"lossless": True}, within=1, turns=True)
    add(f"AVIF, {mode}", pillows, "AVIF", mode, BEST | {"subsampling": "4:4:4", "speed": 10},
        within=6, turns=True)  # fmt: skip
for mode in ("1", "L", "P"):
    add(f"GIF, {mode}", pillows, "GIF", mode, {"interlace": int(mode == "L")})
for mode in ("1", "L", "P", "RGB"):
    add(f"BMP, {mode}", pillows, "BMP", mode, {})
add("BMP with opacity", bmp_with_opacity, within=1)
for number, most in [(1, 1), (4, 1), (2, 1), (2, 255), (2, 1023), (3, 255), (3, 65535),
                     *itertools.product((5, 6), (7, 255, 1023, 65535))]:  # fmt: skip
    add(f"P{number} to {most}", pnm, number, most, within=0.51,
        fresh=most > 255 and number in (2, 5))  # fmt: skip
for disposal in (0, 1, 2):
    add(f"GIF, frames, disposal {disposal}", frames, "GIF", {"disposal": disposal})
    add(f"PNG, frames, disposal {disposal}", frames, "PNG", {"disposal": disposal}, turns=True)
add("WebP, frames", frames, "WEBP", {"lossless": True}, turns=True)
for mode in ("I;16", "I;16B", "I;16L", "I;16N", "RGBa", "La", "PA", "P", "HSV", "YCbCr"):
    add(f"in memory, {mode}", in_memory, mode, within=1.6, turns=True)
for dtype, channels in itertools.product(
    ("uint8", "uint16", ">u2", "bool", "float16", "float32", "float64"), ((), (1,), (3,), (4,))
):
    add(f"array, {dtype}, {channels}", array, dtype, channels, within=1.6)


def upright(path) -> Image.Image:
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image)


def loaded(path) -> Image.Image:
    image = Image.open(path)
    image.load()
    return image


def as_colours(image: Image.Image) -> Image.Image:
    image = image.convert("LA") if image.mode == "La" else image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def converted(path) -> Image.Image:
    return as_colours(Image.open(path))


FRESH = {"a path": lambda path: path, "a name": str, "an open image": Image.open}
OTHERS = {
    "a loaded image": loaded,
    "a copy": lambda path: Image.open(path).copy(),
    "turned already": upright,
    "converted": converted,
    "an array": lambda path: np.asarray(as_colours(upright(path))),
}
LOADS = {
    "load_image": load_image,
    "load_scaled": lambda source, shape: load_scaled(source, min(shape)),
    "preprocess": lambda source: deprocess(preprocess(source, None))[0],
}


def state(image: Image.Image) -> tuple:
    return image.mode, image.size, image.tell(), image.info.get("exif"), image.info.get("xmp")


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("name", KINDS)
def test_what_is_loaded_is_what_was_drawn(tmp_path, name):
    kind, path = KINDS[name], tmp_path / "drawn"
    for number in range(EACH):
        rng = np.random.default_rng([number, zlib.crc32(name.encode())])
        shape = tuple(rng.integers(1, 8, size=2))
        exif = int(rng.integers(9)) if kind.turns else 0
        file, seen = kind.draw(rng, shape, exif, *kind.args)
        source, way = file, "itself"
        if isinstance(file, bytes):
            path.write_bytes(file)
            ways = FRESH if kind.fresh else FRESH | OTHERS
            way = list(ways)[rng.integers(len(ways))]
            source = ways[way](path)
        before = state(source) if isinstance(source, Image.Image) else None
        look = list(LOADS)[rng.integers(len(LOADS))]
        image = LOADS[look](source, shape) if look == "load_scaled" else LOADS[look](source)
        expected = TURNS[exif or 1](seen)
        case = f"{name}, number {number}: {way} through {look}, orientation {exif}, {shape}"
        assert image.shape == expected.shape, case
        assert np.abs(image - expected).max() <= kind.within, case
        assert before is None or state(source) == before, case


@pytest.mark.parametrize(("bits", "channels"), [(2, 1), (4, 1), (16, 3)])
def test_a_loaded_png_still_knows_its_clear_colour(tmp_path, bits, channels):
    path = tmp_path / "drawn"
    file, seen = png_one_clear(np.random.default_rng(2), (4, 5), 0, bits, channels)
    path.write_bytes(file)
    source = loaded(path)
    for image in (load_image(source), load_image(source)):
        assert np.abs(image - seen).max() < 1


def test_they_are_ten_thousand():
    assert len(KINDS) * EACH >= 10_000
