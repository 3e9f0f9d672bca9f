"""The loops of the vision chapters against the plain loops of the assignment, and a floor.

The plain side is what the tests prove ours equal to, on the network as torchvision builds it:
channels first, all layers, one picture after another, weights frozen as in 2017. The floor is what
no loop can do without: for each step, one pass through the network and one back to the pictures, in
the best layout and in batches of the best size, cut at the last layer that is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from benchmarks.timing import best_of
from cs231n_lib.figures.paintings import PAINTINGS
from cs231n_lib.see.class_visualization import create_class_visualization
from cs231n_lib.see.fooling import fool
from cs231n_lib.see.images import load_image, preprocess
from cs231n_lib.see.inversion import invert_features
from cs231n_lib.see.network import pictures_at_once
from cs231n_lib.see.pretrained import class_index, only_classes, squeezenet
from cs231n_lib.see.saliency import compute_saliency_maps, smooth_grad
from cs231n_lib.see.style_transfer import style_transfer
from cs231n_lib.see.torchvision_import import import_torchvision
from tests.see.test_class_visualization import noise_and_shifts, plain_2017
from tests.see.test_saliency import noise_for, plain_saliency
from tests.see.test_style_transfer import plain_style_transfer

Loop = Callable[[], object]
Rows = list[dict[str, Any]]

STEPS = {"SmoothGrad": 8, "fooling": 20, "class": 100, "classes": 30, "inversion": 20, "style": 200}
_MOST_TURNS = 3  # of a loop that takes seconds
TRANSFER = {
    "content_layer": 3,
    "content_weight": 6e-2,
    "style_layers": (1, 4, 6, 7),
    "style_weights": (300000, 1000, 15, 3),
    "tv_weight": 2e-2,
}


def plain_network() -> nn.Module:
    """SqueezeNet as torchvision builds it, with our weights."""
    network = import_torchvision().squeezenet1_1(weights=None)
    network.load_state_dict(squeezenet().state_dict())
    return network.to(memory_format=torch.contiguous_format).eval().requires_grad_(False)


def plain_smooth_grad(X: torch.Tensor, y: torch.Tensor, model: nn.Module, samples: int) -> None:
    for noise in noise_for(X, samples):
        plain_saliency(X + 0.6 * noise, y, model)


def plain_fooling(X: torch.Tensor, y: torch.Tensor, model: nn.Module, steps: int) -> None:
    for x, target in zip(X, y):
        x = x[None].clone()
        for _ in range(steps):
            x = x.detach().requires_grad_()
            scores = model(x)
            scores.argmax().item()
            scores[0, target].backward()
            x = x + x.grad / x.grad.norm()
        model(x.detach()).argmax().item()


def plain_inversion(X: torch.Tensor, model: nn.Module, layer: int, steps: int) -> None:
    for x in X:
        x = x[None]
        img = torch.randn_like(x).requires_grad_()
        adam = torch.optim.Adam([img], lr=0.05)
        target = [x := part(x) for part in model.features][layer]
        for _ in range(steps):
            feats, out = [], img
            for part in model.features:
                feats.append(out := part(out))
            adam.zero_grad()
            ((feats[layer] - target) ** 2).sum().backward()
            adam.step()


def passes(X: torch.Tensor, model: nn.Module, steps: int) -> Loop:
    """The floor: for each step once through the network, and back from its first score or map."""
    inputs = [
        part.contiguous(memory_format=torch.channels_last).requires_grad_()
        for part in X.clone().split(pictures_at_once(X))
    ]
    douts = [torch.zeros_like(model(part)) for part in inputs]
    for dout in douts:
        dout[:, 0] = 1

    def loop() -> None:
        for _ in range(steps):
            for part, dout in zip(inputs, douts):
                torch.autograd.grad(model(part), part, dout)

    return loop


def loops() -> dict[str, dict[str, Loop]]:
    """Name -> the plain loop, ours, and the floor."""
    plain, ours = plain_network(), squeezenet()
    names = ("Egyptian cat", "espresso", "tripod", "bow tie", "stupa")
    X = preprocess(["chelsea", "coffee", "camera", "grace_hopper", "china"])
    y, each = torch.tensor([class_index(name) for name in names]), torch.arange(5)
    five, stingray = only_classes(ours, y), torch.full((5,), class_index("stingray"))
    small, cut = preprocess(["chelsea", "rocket"], 144), ours.features[:5]
    cat, swirls = load_image("chelsea", 192), PAINTINGS["swirls"](192)
    tensors = preprocess(cat, None), preprocess(swirls, None)
    steps = STEPS

    def paint() -> object:
        return style_transfer(
            cat, swirls, 192, 192, cnn=ours.features, num_iterations=steps["style"], **TRANSFER
        )

    return {
        "saliency, 5 pictures": {
            "plain": lambda: plain_saliency(X, y, plain),
            "ours": lambda: compute_saliency_maps(X, each, five),
            "floor": passes(X, five, 1),
        },
        f"SmoothGrad, 5 pictures, {steps['SmoothGrad']} samples": {
            "plain": lambda: plain_smooth_grad(X, y, plain, steps["SmoothGrad"]),
            "ours": lambda: smooth_grad(X, each, five, samples=steps["SmoothGrad"]),
            "floor": passes(X, five, steps["SmoothGrad"]),
        },
        f"fooling, 5 pictures, {steps['fooling']} steps": {
            "plain": lambda: plain_fooling(X, stingray, plain, steps["fooling"]),
            "ours": lambda: fool(
                X, stingray, ours, max_steps=steps["fooling"], margin=1e9, in_bytes=False
            ),
            "floor": passes(X, ours, steps["fooling"]),
        },
        f"class visualisation, 1 class, {steps['class']} steps": visualisation(
            plain, ours, [9], steps["class"]
        ),
        f"class visualisation, 3 classes, {steps['classes']} steps": visualisation(
            plain, ours, [9, 483, 8], steps["classes"]
        ),
        f"inversion of features.4, 2 pictures, {steps['inversion']} steps": {
            "plain": lambda: plain_inversion(small, plain, 4, steps["inversion"]),
            "ours": lambda: invert_features(
                small, ours, "features.4", num_iterations=steps["inversion"]
            ),
            "floor": passes(small, cut, steps["inversion"]),
        },
        f"style transfer, 192 px, {steps['style']} steps": {
            "plain": lambda: plain_style_transfer(
                plain.features, *tensors, TRANSFER, steps["style"]
            ),
            "ours": paint,
            "floor": passes(tensors[0], ours.features[:8], steps["style"]),
        },
    }


def visualisation(
    plain: nn.Module, ours: nn.Module, classes: list[int], steps: int
) -> dict[str, Loop]:
    """All classes at once, and plainly one after another."""
    noise, shifts = noise_and_shifts(224, steps, 0, torch.float32, count=len(classes))
    few, each = only_classes(ours, classes), torch.arange(len(classes))
    return {
        "plain": lambda: [plain_2017(k, plain, noise[[n]], shifts) for n, k in enumerate(classes)],
        "ours": lambda: create_class_visualization(each, few, num_iterations=steps),
        "floor": passes(noise, few, steps),
    }


def row(name: str, sides: dict[str, Loop], repeats: int) -> dict[str, Any]:
    best = best_of(sides, repeats if name.startswith("saliency") else min(repeats, _MOST_TURNS))
    return {
        "loop": name,
        "plain, s": f"{best['plain']:.3f}",
        "ours, s": f"{best['ours']:.3f}",
        "floor, s": f"{best['floor']:.3f}",
        "plain / ours": f"{best['plain'] / best['ours']:.2f}",
        "ours / floor": f"{best['ours'] / best['floor']:.2f}",
    }


def tables(repeats: int) -> dict[str, Rows]:
    """Every table of this module by the name of its file."""
    return {"pictures": [row(name, sides, repeats) for name, sides in loops().items()]}
