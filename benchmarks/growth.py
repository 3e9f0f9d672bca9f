"""How time and memory grow: with larger pictures, with more of them, and with more steps.

Each point is measured in a process of its own, forked by a server that has imported everything.
Memory is the peak of what the process holds during a call, less what it held before: network and
pictures are there already, and a first small call has loaded what is loaded once. What the call
gives back counts. Linux alone can forget an earlier peak, so this runs on Linux.
"""

from __future__ import annotations

import functools
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import torch

from benchmarks.timing import peak_memory
from cs231n_lib.see.attacks import fgsm, pgd
from cs231n_lib.see.class_visualization import create_class_visualization
from cs231n_lib.see.fooling import fool
from cs231n_lib.see.pixels import normalize
from cs231n_lib.see.pretrained import squeezenet, vgg19
from cs231n_lib.see.saliency import (
    compute_saliency_maps,
    grad_cam,
    integrated_gradients,
    smooth_grad,
)
from cs231n_lib.see.style_transfer import style_transfer_lbfgs
from cs231n_lib.see.torchvision_import import import_torchvision
from cs231n_lib.speak.features import describe_pictures
from cs231n_lib.speak.scenes import sample_scenes

Rows = list[dict[str, Any]]
Loop = Callable[[], object]

_ENOUGH = 0.5  # seconds of calls, of which the fastest counts
_SMALL = {"side": 32, "pictures": 1, "steps": 1}  # the first call of each process
_ALLOWED = 16e9  # bytes of a common laptop, for which the largest painting is extrapolated
_REMEMBERED = 480  # bytes a pixel: the pictures of twenty steps that L-BFGS has not taken here

# What is measured, what grows and from where on it is fitted: below, calls take no longer than
# what does not grow. What grows, and all other sizes.
_SIDES = (96, 128, 256, 384, 512, 768, 1024)
_PICTURES = (1, 4, 16, 64, 256)
_GROWING = {
    "side": (
        _SIDES, 256, {"pictures": 1, "steps": 1},
        ("saliency", "Grad-CAM", "fooling", "class visualisation"),
    ),
    "pictures": (
        _PICTURES, 16, {"side": 224, "steps": 2},
        ("saliency", "SmoothGrad", "Integrated Gradients", "FGSM", "PGD", "features described"),
    ),
    "steps": (
        (8, 32, 128, 512, 1024), 128, {"side": 96, "pictures": 1},
        ("SmoothGrad", "Integrated Gradients", "PGD", "fooling", "class visualisation"),
    ),
}  # fmt: skip
_PAINTINGS = {
    "SqueezeNet": (192, 256, 384, 512, 768, 1024, 1536, 2048),
    "VGG-19": (192, 256, 384, 512, 768, 1024, 1536),
}
_PAINTINGS_FROM = 384

import_torchvision()  # slow to load: once, for all processes
_network = functools.cache(squeezenet)
_oxford = functools.cache(vgg19)


def _asked(look: Callable[..., object]) -> Callable[[int, int, int], Loop]:
    """From the sizes of a problem to a call that looks into SqueezeNet."""

    def prepared(side: int, pictures: int, steps: int) -> Loop:
        generator = torch.Generator().manual_seed(0)
        X = normalize(torch.rand(pictures, 3, side, side, generator=generator))
        return functools.partial(look, X, torch.full((pictures,), 9), _network(), steps)

    return prepared


def _described(side: int, pictures: int, steps: int) -> Loop:
    scenes = sample_scenes("train", max(pictures, 32))
    _, projection = describe_pictures(scenes[:32])
    return functools.partial(describe_pictures, scenes[:pictures], projection)


def _painted(network: Callable[[], torch.nn.Module], side: int, steps: int) -> Loop:
    content, style = np.random.default_rng(0).integers(256, size=(2, side, side, 3), dtype=np.uint8)
    return lambda: style_transfer_lbfgs(content, style, side, evaluations=steps, cnn=network())


_PREPARED: dict[str, Callable[[int, int, int], Loop]] = {
    "saliency": _asked(lambda X, y, model, steps: compute_saliency_maps(X, y, model)),
    "Grad-CAM": _asked(lambda X, y, model, steps: grad_cam(X, y, model, "features.12")),
    "SmoothGrad": _asked(lambda X, y, model, steps: smooth_grad(X, y, model, steps)),
    "Integrated Gradients": _asked(
        lambda X, y, model, steps: integrated_gradients(X, y, model, steps=steps)
    ),
    "FGSM": _asked(lambda X, y, model, steps: fgsm(X, y, model, 8 / 255)),
    "PGD": _asked(lambda X, y, model, steps: pgd(X, y, model, 8 / 255, steps=steps)),
    "fooling": _asked(
        lambda X, y, model, steps: fool(X, y, model, max_steps=steps, margin=1e9, in_bytes=False)
    ),
    "class visualisation": _asked(
        lambda X, y, model, steps: create_class_visualization(
            y, model, size=X.shape[3], num_iterations=steps
        )
    ),
    "features described": _described,
    "SqueezeNet": lambda side, pictures, steps: _painted(
        lambda: _network().features, side, steps
    ),
    "VGG-19": lambda side, pictures, steps: _painted(_oxford, side, steps),
}  # fmt: skip


def measure(what: str, threads: int, **sizes: int) -> tuple[float, float]:
    """Processor seconds of a call, and the bytes that it needs at most, in this process."""
    torch.set_num_threads(threads)
    call = _PREPARED[what](**sizes)
    _PREPARED[what](**_SMALL)()
    seconds = []
    memory = peak_memory(lambda: seconds.append(_seconds(call)))
    while sum(seconds) < _ENOUGH:
        seconds.append(_seconds(call))
    return min(seconds), memory


def _seconds(call: Loop) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def points(what: str, grows: str, sizes: Sequence[int], fixed: dict[str, int]) -> np.ndarray:
    """Seconds and bytes at each size, (2, P), each from a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    found = []
    for size in sizes:
        with ProcessPoolExecutor(1, context) as fresh:
            options = fixed | {grows: size}
            call = fresh.submit(measure, what, torch.get_num_threads(), **options)
            found.append(call.result())
    return np.transpose(found)


def power(sizes: Sequence[int], values: Sequence[float], start: int) -> float:
    """The power of the sizes, from ``start`` on, that fits best: least squares on logarithms."""
    upper = np.array(sizes) >= start
    return np.polyfit(np.log(np.array(sizes)[upper]), np.log(np.array(values)[upper]), 1)[0]


def row(what: str, grows: str) -> dict[str, str]:
    sizes, start, fixed, _ = _GROWING[grows]
    seconds, peaks = points(what, grows, sizes, fixed)
    fetched = peaks[0] > 1e6  # otherwise what the first small call gave back was enough
    return {
        "loop": what,
        "what grows": f"{grows}, {sizes[0]} to {sizes[-1]:,}",
        "fitted from": f"{start}",
        "power of time": f"{power(sizes, seconds, start):.2f}",
        "power of memory": f"{power(sizes, peaks, start):.2f}" if fetched else "–",
        "first, s": f"{seconds[0]:.3f}",
        "last, s": f"{seconds[-1]:.2f}",
        "first, MB": f"{peaks[0] / 1e6:.0f}",
        "last, MB": f"{peaks[-1] / 1e6:.0f}",
    }


def painting(network: str) -> dict[str, str]:
    sizes = _PAINTINGS[network]
    seconds, peaks = points(network, "side", sizes, {"pictures": 1, "steps": 1})
    memory = power(sizes, peaks, _PAINTINGS_FROM)
    whole = peaks[-1] + _REMEMBERED * sizes[-1] ** 2
    return {
        "network": network,
        "side": f"{sizes[0]} to {sizes[-1]:,}",
        "fitted from": f"{_PAINTINGS_FROM}",
        "power of time": f"{power(sizes, seconds, _PAINTINGS_FROM):.2f}",
        "power of memory": f"{memory:.2f}",
        "last, GB": f"{peaks[-1] / 1e9:.1f}",
        "side for 16 GB": f"{round(sizes[-1] * (_ALLOWED / whole) ** (1 / memory), -2):,.0f}",
    }


def growing(repeats: int) -> dict[str, Rows]:
    """The table about what looks into SqueezeNet."""
    return {
        "growing": [row(what, grows) for grows, (*_, loops) in _GROWING.items() for what in loops]
    }


def paintings(repeats: int) -> dict[str, Rows]:
    """The table about style transfer."""
    return {"growing-paintings": [painting(network) for network in _PAINTINGS]}
