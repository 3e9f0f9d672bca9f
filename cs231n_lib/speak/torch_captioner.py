"""The captioner with attention as a PyTorch module, for GPUs and for many processes.

It computes what :class:`~cs231n_lib.speak.captioning.CaptioningRNN` computes with
``cell_type="attention"``, and its weights have the same names and shapes, so that either can go on
with those of the other::

    captioner = TorchCaptioner(model)           # with the weights of a CaptioningRNN
    model.params.update(captioner.to_numpy())   # and back
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, embedding, scaled_dot_product_attention

from cs231n_lib.checks import (
    Call,
    Instance,
    check_precision,
    check_range,
    check_shape,
    checked,
    named,
)
from cs231n_lib.speak.checks import Model

__all__ = ["TorchCaptioner"]


def _check_model(name: str, model: Any, call: Call) -> None:
    """A captioning model that looks at fields."""
    Model(finite=True)(name, model, call)
    if model.cell_type != "attention":
        raise ValueError(named(f"{name} has cell_type {model.cell_type!r}, expected 'attention'"))


def _check_captioner(name: str, captioner: Any, call: Call) -> None:
    """A captioner whose weights are not in half precision."""
    Instance(TorchCaptioner, "made from a CaptioningRNN")(name, captioner)
    check_precision(f"{name}.W_proj", captioner.W_proj.dtype, f"{name}.float()")


def _check_features(name: str, features: torch.Tensor, call: Call) -> None:
    """(N, D) floats, of the size of which the weights are."""
    Instance(torch.Tensor, "of floats")(name, features)
    if not features.is_floating_point():
        raise TypeError(named(f"{name} has dtype {features.dtype}, expected floats"))
    check_precision(name, features.dtype, f"{name}.float()")
    call.sizes["D"], call.sources["D"] = len(call.arguments["self"].W_proj), "W_proj"
    check_shape(name, features.shape, "N D", call)


def _check_captions(name: str, captions: torch.Tensor, call: Call) -> None:
    """(N, T + 1) words of the vocabulary."""
    Instance(torch.Tensor, "of words")(name, captions)
    if captions.dtype not in (torch.int32, torch.int64):
        raise TypeError(named(f"{name} has dtype {captions.dtype}, expected int32 or int64"))
    check_shape(name, captions.shape, "N C", call)
    if captions.shape[1] < 2:
        raise ValueError(
            named(f"{name} has shape {tuple(captions.shape)}, expected (N, T + 1), T at least 1")
        )
    check_range(name, captions, len(call.arguments["self"].W_embed))


class TorchCaptioner(nn.Module):
    """A PyTorch module that equals a CaptioningRNN with attention, and begins with its weights.

    Parameters
    ----------
    model : CaptioningRNN
        With ``cell_type="attention"``. Its weights are copied, under their names, and their dtype
        is kept.

    Raises
    ------
    TypeError, ValueError
        If ``model`` is something else, or has a weight that is not finite.
    """

    @checked(model=_check_model)
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.null = model.word_to_idx["<NULL>"]
        for name, weight in model.params.items():
            self.register_parameter(name, nn.Parameter(torch.from_numpy(weight.copy())))

    @checked(self=_check_captioner, features=_check_features, captions=_check_captions)
    def forward(self, features: torch.Tensor, captions: torch.Tensor) -> torch.Tensor:
        """The loss of :meth:`CaptioningRNN.loss <cs231n_lib.speak.captioning.CaptioningRNN.loss>`.

        Parameters
        ----------
        features : (N, D) floats
            Of L fields, (N, L, C), flattened. Converted to the dtype of the weights.
        captions : (N, T + 1) int32 or int64 in [0, V)

        Returns
        -------
        () floats
            Cross-entropy, summed over the words that are not ``<NULL>``, averaged over captions.

        Raises
        ------
        TypeError, ValueError
            If shapes or dtypes do not fit.
        """
        captions = captions.long()
        words_in, words_out = captions[:, :-1], captions[:, 1:]
        features = features.to(self.W_proj.dtype)
        fields = features.unflatten(1, (len(self.P_keys), -1))
        keys = fields @ self.W_keys + self.P_keys
        values = fields @ self.W_values + self.P_values

        h = features @ self.W_proj + self.b_proj
        c = torch.zeros_like(h)
        x = embedding(words_in, self.W_embed)
        Wx, Wc = self.Wx.split([x.shape[2], keys.shape[2]])
        states = []
        for x_part in (x @ Wx + self.b).unbind(dim=1):
            query = (h @ self.Wq)[:, None]
            context = scaled_dot_product_attention(query, keys, values)
            a = x_part + context[:, 0] @ Wc + h @ self.Wh
            i, f, o, g = a.chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            states.append(h)
        scores = torch.stack(states, dim=1) @ self.W_vocab + self.b_vocab
        loss = cross_entropy(
            scores.flatten(0, 1),
            words_out.flatten(),
            ignore_index=self.null,
            reduction="sum",
        )
        return loss / len(captions)

    @checked(self=_check_captioner)
    def to_numpy(self) -> dict[str, np.ndarray]:
        """The weights as arrays, copied: what the ``params`` of a CaptioningRNN can be."""
        return {name: w.detach().cpu().numpy().copy() for name, w in self.named_parameters()}
