"""The training that both captioning chapters use, so that their networks can be compared."""

from __future__ import annotations

from typing import Any

from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.captions import check_split, decode_captions
from cs231n_lib.speak.training import CaptioningSolver, one_cycle
from cs231n_lib.speak.truth import share_true

__all__ = ["caption", "train_captioner"]


def train_captioner(data: dict[str, Any], cell_type: str) -> CaptioningSolver:
    """Train a captioning network on scenes.

    Parameters
    ----------
    data : dict
        As :func:`cs231n_lib.speak.scenes.load` returns it.
    cell_type : {"rnn", "lstm"}

    Returns
    -------
    CaptioningSolver
        Trained; its ``model`` is the network, and its ``validation_history`` the share of captions
        of validation pictures that were true after each epoch.

    Raises
    ------
    TypeError, ValueError
        If ``data`` lacks a part of the splits ``train`` and ``val``, or ``cell_type`` is unknown.
    """
    for split in ("train", "val"):
        check_split("train_captioner", data, split)
    features = data["train_features"]
    model = CaptioningRNN(
        data["word_to_idx"],
        input_dim=features.shape[1],
        wordvec_dim=64,
        hidden_dim=256,
        cell_type=cell_type,
    )
    solver = CaptioningSolver(
        model,
        data,
        update_rule="adam",
        optim_config={"learning_rate": 2e-3},
        schedule=one_cycle,
        batch_size=128,
        num_epochs=12,
        max_grad_norm=5.0,
        feature_dropout=0.1,
        validate=lambda model: share_true(caption(model, data, "val"), data["val_images"]),
    )
    solver.train()
    return solver


def caption(model: CaptioningRNN, data: dict[str, Any], split: str) -> list[str]:
    """Let a network caption all pictures of a split.

    Parameters
    ----------
    model : CaptioningRNN
    data : dict
        A captioned data set, see :mod:`cs231n_lib.speak.captions`.
    split : str

    Returns
    -------
    list of str
        One sentence a picture, found by greedy search, no longer than the captions of the data.

    Raises
    ------
    TypeError, ValueError
        If there is no such split, or its features do not fit the network.
    """
    check_split("caption", data, split)
    length = data[f"{split}_captions"].shape[1]
    return decode_captions(model.sample(data[f"{split}_features"], length), data["idx_to_word"])
