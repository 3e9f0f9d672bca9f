"""Contracts of the captioner as a PyTorch module."""

from __future__ import annotations

from typing import Any

import torch

from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.torch_captioner import TorchCaptioner
from tests.contracts import Contract, Refusal
from tests.contracts.speak.captioning import CAPTIONS, VOCABULARY, D, features, small_model


def looking_model() -> CaptioningRNN:
    return CaptioningRNN(VOCABULARY, D, 4, 5, "attention", fields=3, attention_dim=2)


def _forward() -> dict[str, Any]:
    return {
        "self": TorchCaptioner(looking_model()),
        "features": torch.from_numpy(features()),
        "captions": torch.from_numpy(CAPTIONS.copy()),
    }


CONTRACTS = (
    Contract(
        TorchCaptioner,
        lambda: {"model": looking_model()},
        (
            Refusal("a model that does not look", lambda a: {"model": small_model("lstm")},
                    ValueError, "model has cell_type 'lstm', expected 'attention'"),
        ),
    ),
    Contract(
        TorchCaptioner.forward,
        _forward,
        (
            Refusal("an array of features", {"features": features()},
                    TypeError, "features is an ndarray, expected a torch.Tensor, of floats"),
            Refusal("whole numbers for features", {"features": torch.ones(2, D, dtype=int)},
                    TypeError, "features has dtype torch.int64, expected floats"),
            Refusal("features of another network", {"features": torch.ones(2, D + 1)},
                    ValueError, r"features has shape \(2, 4\), expected .*D = 3 from W_proj"),
            Refusal("features in half precision", {"features": torch.ones(2, D).half()},
                    TypeError, "features has dtype torch.float16, expected float32 or float64"),
            Refusal("weights in half precision", lambda a: {"self": a["self"].half()},
                    TypeError, r"self\.W_proj has dtype torch.float16, expected float32"),
            Refusal("an array of captions", {"captions": CAPTIONS},
                    TypeError, "captions is an ndarray, expected a torch.Tensor, of words"),
            Refusal("fractions for words", {"captions": torch.ones(2, 4)},
                    TypeError, "captions has dtype torch.float32, expected int32 or int64"),
            Refusal("captions of other pictures", {"captions": torch.ones(3, 4, dtype=int)},
                    ValueError, r"captions has shape \(3, 4\)"),
            Refusal("one word, and nothing to say", {"captions": torch.ones(2, 1, dtype=int)},
                    ValueError, r"captions has shape \(2, 1\), expected \(N, T \+ 1\)"),
            Refusal("a word that is unknown", {"captions": torch.full((2, 4), 6)},
                    ValueError, "captions contains 6, expected indices from 0 to 5"),
        ),
    ),
    Contract(TorchCaptioner.to_numpy, lambda: {"self": TorchCaptioner(looking_model())}),
)  # fmt: skip
