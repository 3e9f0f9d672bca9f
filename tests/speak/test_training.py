"""The trainer: it learns, it repeats, and it follows its settings."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.captions import CaptionData, Split, build_vocabulary, encode_captions
from cs231n_lib.speak.training import (
    SCENE_TRAINING,
    CaptioningSolver,
    TrainingSettings,
    clip_gradients,
    drop_features,
    one_cycle,
)

WORDS = ("red", "green", "blue", "circle", "square", "star")


def make_data(count=50):
    rng = np.random.default_rng(0)
    sentences = [" ".join(rng.choice(WORDS, size=rng.integers(2, 6))) for _ in range(count)]
    word_to_idx, idx_to_word = build_vocabulary(sentences)
    captions = encode_captions(sentences, word_to_idx)
    features = rng.standard_normal((count, 20)).astype(np.float32)
    return CaptionData(
        word_to_idx, idx_to_word, Split(captions, np.arange(count), features, sentences)
    )


DATA = make_data()


def make_solver(cell_type="rnn", data=DATA, hidden=12, **settings):
    model = CaptioningRNN(data.word_to_idx, 20, 8, hidden, cell_type, fields=4)
    settings = {
        "update_rule": "adam", "optim_config": {"learning_rate": 5e-3}, "batch_size": 10,
        "num_epochs": 6, "max_grad_norm": 5.0, "feature_dropout": 0.1, "schedule": one_cycle,
        "validate": lambda model: float(np.abs(model.params["Wh"]).sum()),
    } | settings  # fmt: skip
    return CaptioningSolver(model, data, **settings)


def trained(*args, **settings):
    solver = make_solver(*args, **settings)
    solver.train()
    return solver


def assert_same_result(ours, theirs):
    assert ours.loss_history == theirs.loss_history
    assert ours.validation_history == theirs.validation_history
    for name, weight in theirs.model.params.items():
        np.testing.assert_array_equal(ours.model.params[name], weight, strict=True)


@pytest.mark.parametrize("cell_type", ["rnn", "lstm", "attention"])
def test_fifty_captions_are_learnt_by_heart(cell_type):
    solver = trained(
        cell_type, hidden=64, num_epochs=160, batch_size=25, feature_dropout=0.0, validate=None
    )
    assert solver.loss_history[-1] < 0.1
    assert solver.validation_history == []


@pytest.mark.parametrize("rule", ["sgd", "sgd_momentum", "rmsprop", "adam"])
def test_every_update_rule_lowers_the_loss_and_keeps_float32(rule):
    rate = {"sgd": 0.1, "sgd_momentum": 0.02}.get(rule, 5e-3)
    solver = trained(update_rule=rule, optim_config={"learning_rate": rate}, num_epochs=10)
    assert np.mean(solver.loss_history[-5:]) < 0.8 * solver.loss_history[0]
    assert {weight.dtype for weight in solver.model.params.values()} == {np.dtype(np.float32)}


def test_a_factor_in_half_precision_does_not_make_the_learning_rate_coarse():
    factor = np.float16(0.3)
    first = trained(schedule=lambda _: factor)
    assert_same_result(first, trained(schedule=lambda _: float(factor)))


@pytest.mark.parametrize(("config", "rate"), [({"learning_rate": 5e-3}, 5e-3), (None, 1e-3)])
def test_the_first_step_of_adam_is_as_long_as_the_learning_rate(config, rate):
    # m / sqrt(v) is the gradient's sign once both are divided by what they lack at the step t = 1.
    settings = {"num_epochs": 1, "schedule": None, "max_grad_norm": None, "optim_config": config}
    solver = make_solver(data=make_data(10), **settings)
    before = solver.model.params["Wx"].copy()
    solver.train()
    np.testing.assert_allclose(np.abs(solver.model.params["Wx"] - before).max(), rate, rtol=1e-4)


def test_histories_have_one_entry_per_step_and_one_per_epoch():
    solver = trained()
    assert len(solver.loss_history) == 6 * 5
    assert len(solver.validation_history) == 6


def test_an_epoch_has_at_least_one_step():
    assert len(trained(batch_size=500, num_epochs=3).loss_history) == 3


def test_the_same_seed_gives_the_same_result_and_another_does_not():
    first, second, third = trained(), trained(), trained(seed=1)
    assert_same_result(first, second)
    assert first.loss_history != third.loss_history


def test_training_in_pieces_ends_with_the_very_same_weights():
    solver, done = make_solver(), []
    for steps in (0, 3, 3, 7, 1000, None):
        solver.train(steps)
        done.append(len(solver.loss_history))
    assert done == [0, 3, 3, 7, 30, 30]
    assert_same_result(solver, trained())


def spy(solver, monkeypatch):
    """Keep the features and captions of every step."""
    steps, loss = [], solver.model.loss

    def spying(features, captions):
        steps.append((features, captions))
        return loss(features, captions)

    monkeypatch.setattr(solver.model, "loss", spying)
    return steps


def test_every_step_draws_other_captions_and_drops_other_features(monkeypatch):
    solver = make_solver(num_epochs=1)
    steps = spy(solver, monkeypatch)
    solver.train()
    first, *others = (captions for _, captions in steps)
    assert all((first != captions).any() for captions in others)
    dropped = np.stack([features == 0 for features, _ in steps])
    assert 0.05 < dropped.mean() < 0.15
    assert (dropped[0] != dropped[1]).any()


def test_gradients_are_clipped_before_the_step():
    settings = {"update_rule": "sgd", "optim_config": {"learning_rate": 1.0}, "schedule": None}
    solver = make_solver(num_epochs=1, batch_size=50, max_grad_norm=0.5, **settings)
    before = dict(solver.model.params)
    solver.train()
    moved = [before[name] - weight for name, weight in solver.model.params.items()]
    np.testing.assert_allclose(np.sqrt(sum((m**2).sum() for m in moved)), 0.5, rtol=1e-4)


def test_validation_comes_at_the_end_of_every_epoch():
    steps = []
    solver = make_solver(
        num_epochs=3, validate=lambda model: float(steps.append(len(solver.loss_history)) or 0)
    )
    solver.train()
    assert steps == [5, 10, 15]


def test_learning_rates_follow_decay_and_schedule():
    rates = []
    solver = make_solver(
        update_rule="sgd", optim_config={"learning_rate": 1.0}, lr_decay=0.5,
        schedule=lambda done: 1 - done, num_epochs=2, batch_size=25,
    )  # fmt: skip
    rule = solver.rule

    def spying(w, dw, config):
        rates.append(config["learning_rate"])
        return rule(w, 0 * dw, config)

    solver.rule = spying
    solver.train()
    np.testing.assert_allclose(rates[::8], [1, 0.75, 0.25, 0.125])


@pytest.mark.parametrize("factor", [np.nan, -1.0, np.ones(2)])
def test_a_schedule_that_goes_wrong_is_refused_before_it_changes_a_weight(factor):
    solver = make_solver(schedule=lambda done: 1.0 if done < 0.5 else factor)
    with pytest.raises((TypeError, ValueError), match=r"^train: config\['learning_rate'\] is"):
        solver.train()
    assert len(solver.loss_history) == 15
    assert all(np.isfinite(weight).all() for weight in solver.model.params.values())


@pytest.mark.parametrize(
    ("wrong", "message"), [(np.sum, "dw is float32|dw has shape"), (np.int64, "dw is int64")]
)
def test_gradients_of_your_own_model_that_do_not_fit_are_refused(wrong, message):
    class Own(CaptioningRNN):
        def loss(self, features, captions):
            loss, grads = super().loss(features, captions)
            return loss, {name: wrong(g) for name, g in grads.items()}

    solver = CaptioningSolver(Own(DATA.word_to_idx, 20, 8, 12), DATA)
    with pytest.raises((TypeError, ValueError), match=f"^train: ({message})"):
        solver.train()


def test_verbose_may_be_any_truth_value_and_a_path_any_kind_of_path(tmp_path):
    class Place:
        def __fspath__(self):
            return str(tmp_path / "state.npz")

    trained(verbose=np.False_, checkpoint=Place(), num_epochs=1)
    assert (tmp_path / "state.npz").exists()


def test_settings_and_data_are_left_alone():
    config = {"learning_rate": 5e-3}
    features = DATA.train.features.copy()
    solver = trained(optim_config=config)
    assert config == solver.settings.optim_config == {"learning_rate": 5e-3}
    np.testing.assert_array_equal(DATA.train.features, features)


def test_the_global_random_state_is_left_alone():
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    trained()
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_verbose_prints_and_otherwise_there_is_silence(capfd):
    trained()
    assert capfd.readouterr() == ("", "")
    trained(verbose=True, print_every=10)
    lines = capfd.readouterr().out.splitlines()
    assert [line.split(")")[0] for line in lines] == [
        "(Iteration 1 / 30", "(Iteration 11 / 30", "(Iteration 21 / 30",
    ]  # fmt: skip


def test_a_loss_that_is_not_finite_stops_training_with_the_weights_kept():
    solver = trained(num_epochs=2)
    solver.settings = replace(solver.settings, num_epochs=3)
    solver.model.params["b_vocab"][0] = np.nan
    weight = solver.model.params["Wh"].copy()
    message = "loss is nan at step 11 of 15: lower the learning rate, or set max_grad_norm"
    with pytest.raises(FloatingPointError, match=message):
        solver.train()
    np.testing.assert_array_equal(solver.model.params["Wh"], weight)


def test_an_unknown_setting_is_refused_by_name():
    with pytest.raises(TypeError, match="CaptioningSolver: there is no setting 'learning_rate'"):
        make_solver(learning_rate=1e-3)


def test_both_chapters_train_with_these_settings():
    assert asdict(SCENE_TRAINING) == {
        "update_rule": "adam", "optim_config": {"learning_rate": 2e-3}, "lr_decay": 1.0,
        "schedule": one_cycle, "batch_size": 128, "num_epochs": 12, "max_grad_norm": 5.0,
        "feature_dropout": 0.1, "seed": 0,
    }  # fmt: skip
    assert make_solver(**vars(SCENE_TRAINING)).settings == SCENE_TRAINING
    assert TrainingSettings() != SCENE_TRAINING


def test_one_cycle_rises_and_falls():
    np.testing.assert_allclose([one_cycle(d) for d in (0, 0.1, 0.2, 0.6, 1)], [0, 0.5, 1, 0.5, 0])


@pytest.mark.parametrize(("limit", "factor"), [(2.5, 0.5), (5.0, 1.0), (9.0, 1.0)])
def test_gradients_are_clipped_together(limit, factor):
    grads = {"a": np.array([3.0], np.float32), "b": np.array([[4.0]], np.float32)}
    clipped = clip_gradients(grads, limit)
    for name, gradient in grads.items():
        np.testing.assert_allclose(clipped[name], factor * gradient)
        assert clipped[name].dtype == np.float32
    assert grads["a"] == 3


def test_gradients_whose_squares_are_too_large_are_clipped_to_the_same_length():
    grads = {"Wx": np.array([3e30, 0], np.float32), "b": np.array([-4e30], np.float32)}
    clipped = clip_gradients(grads, 10.0)
    np.testing.assert_allclose(clipped["Wx"], [6, 0], rtol=1e-6)
    np.testing.assert_allclose(clipped["b"], [-8], rtol=1e-6)


def test_dropout_keeps_the_mean_and_the_dtype():
    features = np.ones((200, 500), np.float32)
    dropped = drop_features(features, 0.25, np.random.default_rng(0))
    assert dropped.dtype == np.float32
    assert set(np.unique(dropped)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs((dropped == 0).mean() - 0.25) < 0.01
    assert features.min() == 1
