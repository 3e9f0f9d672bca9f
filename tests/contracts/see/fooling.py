"""Contracts of ``cs231n_lib.see.fooling``."""

from __future__ import annotations

import functools
import math
from typing import Any

import torch

from cs231n_lib.see.fooling import (
    Fooling,
    crop,
    fgsm,
    fool,
    jpeg,
    loss_gradient,
    make_fooling_image,
    pgd,
    project,
    round_to_bytes,
    seen_as,
    shrink_and_pad,
    steepest,
    survives,
)
from cs231n_lib.see.pixels import denormalize
from tests.contracts import Contract, Refusal
from tests.tiny import (
    classes,
    in_short,
    network,
    of_classes,
    of_models,
    of_pictures,
    of_tensors,
    pictures,
    question,
)


def _attempt(**more: Any) -> dict[str, Any]:
    return {"X": pictures(), "target_y": classes(), "model": network(), "max_steps": 2, **more}


@functools.cache
def _fooling() -> Fooling:
    return fool(pictures().detach(), classes(), network(), max_steps=1)


def _pixels(**more: Any) -> dict[str, Any]:
    pixels = denormalize(pictures()).detach().clamp(0, 1).requires_grad_()
    return {"pixels": pixels, "y": classes(), "model": network(), **more}


OF_TARGETS = (
    Refusal("a class that does not exist", {"target_y": 5}, ValueError,
            "target_y contains class 5, expected 0 to 4"),
    Refusal("a negative class", {"target_y": -1}, ValueError, "target_y contains class -1"),
    Refusal("True in place of a class", {"target_y": True}, TypeError,
            "target_y is bool, expected an int64 tensor"),
    Refusal("a class too few", {"target_y": torch.tensor([0])}, ValueError,
            r"target_y has shape \(1,\), expected \(2,\)"),
)  # fmt: skip
OF_STEPS = (
    Refusal("a negative number of steps", {"max_steps": -1}, ValueError,
            "max_steps is -1, expected at least 0"),
    Refusal("half a step", {"max_steps": 0.5}, TypeError, "max_steps is 0.5, expected a whole"),
    Refusal("a step of no length", {"learning_rate": 0.0}, ValueError,
            "learning_rate is 0, expected above 0"),
    Refusal("a step of NaN", {"learning_rate": math.nan}, ValueError, "learning_rate is nan"),
)  # fmt: skip
OUT_OF_RANGE = Refusal("pixels that no byte can hold", lambda a: {"X": a["X"].detach() + 2},
                       ValueError, "clamp_pixels moves them there")  # fmt: skip
OF_BUDGETS = (
    Refusal("no budget", {"epsilon": 0.0}, ValueError, "epsilon is 0, expected above 0"),
    Refusal("a budget above all pixels", {"epsilon": 1.5}, ValueError, "1.5, expected at most 1"),
    Refusal("a budget in bytes", {"epsilon": 8}, ValueError, "so 8 bytes are 8 / 255"),
    Refusal("a budget that is no number", {"epsilon": "8 / 255"}, TypeError,
            "epsilon is '8 / 255', expected a number"),
    Refusal("no models", {"model": []}, ValueError, "no models were given"),
)  # fmt: skip
ANOTHER_NORM = (
    Refusal("another norm", {"norm": 1}, ValueError, 'norm is 1, expected "inf" or 2'),
    Refusal("a norm as a text", {"norm": "2"}, ValueError, """norm is '2', expected "inf" or 2"""),
)  # fmt: skip
NO_GENERATOR = Refusal("no generator, so that numbers would come from the one that all share",
                       {"generator": None}, TypeError,
                       "generator is a NoneType, expected a torch.Generator")  # fmt: skip


def _of_shares(name: str) -> tuple[Refusal, ...]:
    return (
        Refusal("nothing", {name: 0.0}, ValueError, f"{name} is 0, expected above 0 and at most 1"),
        Refusal("more than all", {name: 1.5}, ValueError, f"{name} is 1.5, expected above 0"),
        Refusal("a share that is NaN", {name: math.nan}, ValueError, f"{name} is nan, expected"),
    )  # fmt: skip


CONTRACTS = (
    *(
        Contract(
            Fooling.__dict__[name].fget,
            lambda: {"self": _fooling()},
            name=f"Fooling.{name}",
        )
        for name in ("fooled", "margin", "l2", "linf", "l2_bytes", "linf_bytes")
    ),
    Contract(
        make_fooling_image,
        lambda: _attempt(max_steps=100),
        (
            *in_short(),
            *OF_TARGETS[:2],
            Refusal("too few steps", {"max_steps": 0, "target_y": 4, "learning_rate": 1e-3},
                    RuntimeError, "is not taken for class 4: step limit after 0 steps"),
        ),
    ),
    Contract(
        fool,
        _attempt,
        (
            *of_pictures(),
            *OF_TARGETS,
            *of_models(),
            *OF_STEPS,
            OUT_OF_RANGE,
            Refusal("a negative margin", {"margin": -1}, ValueError, "margin is -1, expected at"),
            Refusal("another thing to climb", {"climb": "hill"}, ValueError,
                    """climb is 'hill', expected "score" or "margin\""""),
            Refusal("a model with a single class",
                    {"model": lambda X: X.mean(dim=(1, 2, 3))[:, None], "target_y": 0}, ValueError,
                    "the model has a single class"),
        ),
    ),
    Contract(
        fgsm,
        lambda: question(epsilon=0.1),
        (*in_short(), *of_classes(), of_models()[1], OUT_OF_RANGE, *OF_BUDGETS),
    ),
    Contract(
        pgd,
        lambda: question(epsilon=0.1, steps=2, random_start=True),
        (
            *in_short(),
            *of_classes()[:3],
            of_models()[1],
            OUT_OF_RANGE,
            *OF_BUDGETS,
            *ANOTHER_NORM,
            Refusal("no steps", {"steps": 0}, ValueError, "steps is 0, expected at least 1"),
            Refusal("a step backwards", {"step_size": -1.0}, ValueError, "step_size is -1, exp"),
        ),
    ),
    Contract(
        loss_gradient,
        _pixels,
        (
            *of_tensors("pixels", "pictures"),
            *of_classes()[:4],
            *(of_models()[kind] for kind in (1, 3, 4)),
            Refusal("normalised pictures", lambda a: {"pixels": pictures()}, ValueError,
                    "pixels go from -.* to .*, expected 0 to 1, not normalised"),
            Refusal("pictures with NaN", lambda a: {"pixels": a["pixels"].detach() * math.nan},
                    ValueError, "pixels go from nan to nan, expected 0 to 1"),
        ),
    ),
    Contract(
        steepest,
        lambda: {"g": pictures(), "norm": 2},
        (*of_tensors("g", "gradients"), *ANOTHER_NORM),
    ),
    Contract(
        project,
        lambda: {"change": pictures(), "epsilon": 0.1, "norm": math.inf},
        (
            *of_tensors("change", "changes"),
            *ANOTHER_NORM,
            Refusal("a negative budget", {"epsilon": -0.1}, ValueError, "epsilon is -0.1, expect"),
            Refusal("a budget of NaN", {"epsilon": math.nan}, ValueError, "epsilon is nan"),
        ),
    ),
    Contract(
        seen_as,
        question,
        (*in_short(), *of_classes()[:3], of_models()[1]),
    ),
    Contract(
        survives,
        question,
        (
            *in_short(),
            *of_classes()[:3],
            Refusal("a list of distortions without names", {"distortions": [crop]}, TypeError,
                    "expected a dict from names to functions"),
            Refusal("a distortion that is no function", {"distortions": {"crop": 0.9}}, TypeError,
                    "expected a dict from names to functions"),
        ),
    ),
    Contract(round_to_bytes, lambda: {"X": pictures()}, of_tensors("X", "pictures")),
    Contract(
        crop,
        lambda: {"X": pictures(), "share": 0.9},
        (*of_tensors("X", "pictures"), *_of_shares("share")),
    ),
    Contract(
        shrink_and_pad,
        lambda: {"X": pictures(), "generator": torch.Generator(), "least": 0.8},
        (*of_tensors("X", "pictures"), *_of_shares("least"), NO_GENERATOR),
        changes={"generator": "numbers are drawn from it"},
    ),
    Contract(
        jpeg,
        lambda: {"X": pictures(), "quality": 75},
        (
            *of_tensors("X", "pictures"),
            Refusal("a quality beyond 95", {"quality": 99}, ValueError, "expected 1 to 95"),
            Refusal("no quality", {"quality": 0}, ValueError, "quality is 0, expected at least 1"),
            Refusal("a quality that is no whole number", {"quality": 0.75}, TypeError,
                    "quality is 0.75, expected a whole number"),
            Refusal("pictures with NaN", lambda a: {"X": a["X"].detach() * math.nan}, ValueError,
                    "X contains pixels that are NaN or infinite"),
        ),
    ),
)  # fmt: skip
