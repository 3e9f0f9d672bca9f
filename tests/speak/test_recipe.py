"""The recipe of the captioning chapters: what they say of it, and that captions end in time."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from cs231n_lib.speak import recipe
from cs231n_lib.speak.training import one_cycle
from tests.contracts.speak.captions import small_data

PARTS = ("captions", "image_idxs", "features", "images")


@pytest.mark.parametrize("cell_type", ["rnn", "lstm"])
def test_both_networks_are_trained_as_the_chapters_say(monkeypatch, cell_type):
    trained, validated = [], []

    def solver(model, data_given, validate, **settings):
        assert data_given is data
        assert settings == {
            "update_rule": "adam", "optim_config": {"learning_rate": 2e-3}, "schedule": one_cycle,
            "batch_size": 128, "num_epochs": 12, "max_grad_norm": 5.0, "feature_dropout": 0.1,
        }  # fmt: skip
        assert model.cell_type == cell_type
        assert model.params["W_embed"].shape[1] == 64
        assert model.params["Wh"].shape[0] == 256
        assert model.params["W_proj"].shape[0] == data["train_features"].shape[1]
        return SimpleNamespace(train=lambda: trained.append(model), model=model, validate=validate)

    def share_true(sentences, scenes):
        validated.append((sentences, scenes))
        return 0.5

    monkeypatch.setattr(recipe, "CaptioningSolver", solver)
    monkeypatch.setattr(recipe, "caption", lambda *given: given)
    monkeypatch.setattr(recipe, "share_true", share_true)
    data = small_data()
    data |= {f"val_{part}": data[f"train_{part}"] for part in PARTS}
    trainer = recipe.train_captioner(data, cell_type)
    assert trained == [trainer.model]
    assert trainer.validate(trainer.model) == 0.5
    assert validated == [((trainer.model, data, "val"), data["val_images"])]


def test_a_caption_is_no_longer_than_those_of_the_data():
    data, asked = small_data(), []

    def sample(features, max_length):
        asked.append((features, max_length))
        return np.full((len(features), max_length), 4)

    said = recipe.caption(SimpleNamespace(sample=sample), data, "train")
    ((features, length),) = asked
    assert features is data["train_features"]
    assert length == data["train_captions"].shape[1]
    assert len(said) == len(features)
