"""The trainer: it learns, it resumes to the very same result, it loses nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.captions import build_vocabulary, encode_captions
from cs231n_lib.speak.training import CaptioningSolver, clip_gradients, drop_features, one_cycle

WORDS = ("red", "green", "blue", "circle", "square", "star")


def make_data(count=50):
    rng = np.random.default_rng(0)
    sentences = [" ".join(rng.choice(WORDS, size=rng.integers(2, 6))) for _ in range(count)]
    word_to_idx, idx_to_word = build_vocabulary(sentences)
    return {
        "word_to_idx": word_to_idx,
        "idx_to_word": idx_to_word,
        "train_captions": encode_captions(sentences, word_to_idx),
        "train_image_idxs": np.arange(count),
        "train_features": rng.standard_normal((count, 20)).astype(np.float32),
        "train_images": sentences,
    }


DATA = make_data()


def make_solver(cell_type="rnn", data=DATA, hidden=12, **settings):
    model = CaptioningRNN(data["word_to_idx"], 20, 8, hidden, cell_type)
    settings = {
        "update_rule": "adam", "optim_config": {"learning_rate": 5e-3}, "batch_size": 10,
        "num_epochs": 6, "max_grad_norm": 5.0, "feature_dropout": 0.1, "schedule": one_cycle,
        "validate": lambda model: float(np.abs(model.params["Wh"]).sum()),
    } | settings  # fmt: skip
    return CaptioningSolver(model, data, **settings)


def assert_same_result(ours, theirs):
    assert ours.loss_history == theirs.loss_history
    assert ours.validation_history == theirs.validation_history
    for name, weight in theirs.model.params.items():
        np.testing.assert_array_equal(ours.model.params[name], weight, strict=True)


@pytest.mark.parametrize("cell_type", ["rnn", "lstm"])
def test_fifty_captions_are_learnt_by_heart(cell_type):
    solver = make_solver(
        cell_type, hidden=64, num_epochs=160, batch_size=25, feature_dropout=0.0, validate=None
    )
    solver.train()
    assert solver.loss_history[-1] < 0.1


@pytest.mark.parametrize("rule", ["sgd", "sgd_momentum", "rmsprop", "adam"])
def test_every_update_rule_lowers_the_loss_and_keeps_float32(rule):
    rate = {"sgd": 0.1, "sgd_momentum": 0.02}.get(rule, 5e-3)
    solver = make_solver(update_rule=rule, optim_config={"learning_rate": rate}, num_epochs=10)
    solver.train()
    assert np.mean(solver.loss_history[-5:]) < 0.8 * solver.loss_history[0]
    assert {weight.dtype for weight in solver.model.params.values()} == {np.dtype(np.float32)}


def test_the_first_step_of_adam_is_as_long_as_the_learning_rate():
    # m / sqrt(v) is the gradient's sign once both are divided by what they lack at the step t = 1.
    data = make_data(10)
    solver = make_solver(data=data, num_epochs=1, schedule=None, max_grad_norm=None)
    before = {name: weight.copy() for name, weight in solver.model.params.items()}
    solver.train()
    moved = np.abs(solver.model.params["Wx"] - before["Wx"])
    np.testing.assert_allclose(moved.max(), 5e-3, rtol=1e-4)
    assert solver._configs["Wx"]["t"] == 1


def test_histories_have_one_entry_a_step_and_one_an_epoch():
    solver = make_solver()
    solver.train()
    assert len(solver.loss_history) == 6 * 5
    assert len(solver.validation_history) == 6


def test_an_epoch_has_at_least_one_step():
    solver = make_solver(batch_size=500, num_epochs=3)
    solver.train()
    assert len(solver.loss_history) == 3


def test_the_same_seed_gives_the_same_result_and_another_does_not():
    first, second, third = make_solver(), make_solver(), make_solver(seed=1)
    for solver in (first, second, third):
        solver.train()
    assert_same_result(first, second)
    assert first.loss_history != third.loss_history


def test_every_step_draws_other_captions(monkeypatch):
    drawn = []
    solver = make_solver(num_epochs=1)
    loss = solver.model.loss

    def spy(features, captions):
        drawn.append(captions.copy())
        return loss(features, captions)

    monkeypatch.setattr(solver.model, "loss", spy)
    solver.train()
    assert all((drawn[0] != captions).any() for captions in drawn[1:])


def test_validation_comes_at_the_end_of_every_epoch():
    steps = []
    solver = make_solver(
        num_epochs=3, validate=lambda model: float(steps.append(len(solver.loss_history)) or 0)
    )
    solver.train()
    assert steps == [5, 10, 15]


def test_learning_rates_follow_decay_and_schedule(monkeypatch):
    rates = []
    solver = make_solver(
        update_rule="sgd", optim_config={"learning_rate": 1.0}, lr_decay=0.5,
        schedule=lambda done: 1 - done, num_epochs=2, batch_size=25,
    )  # fmt: skip
    rule = solver.rule

    def spy(w, dw, config):
        rates.append(config["learning_rate"])
        return rule(w, 0 * dw, config)

    solver.rule = spy
    solver.train()
    np.testing.assert_allclose(rates[::8], [1, 0.75, 0.25, 0.125])


def test_the_global_random_state_is_left_alone():
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    make_solver().train()
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_verbose_prints_and_otherwise_there_is_silence(capfd):
    make_solver().train()
    assert capfd.readouterr() == ("", "")
    make_solver(verbose=True, print_every=10).train()
    lines = capfd.readouterr().out.splitlines()
    assert [line.split(")")[0] for line in lines] == [
        "(Iteration 1 / 30", "(Iteration 11 / 30", "(Iteration 21 / 30",
    ]  # fmt: skip


class Interruption:
    """Stands for ``validate``; behaves like Ctrl-C after some epochs."""

    def __init__(self, epochs):
        self.left = epochs

    def __call__(self, model):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return float(np.abs(model.params["Wh"]).sum())


@pytest.mark.parametrize("cell_type", ["rnn", "lstm"])
@pytest.mark.parametrize("rule", ["adam", "sgd_momentum"])
@pytest.mark.parametrize("epochs", [0, 1, 4])
def test_interrupted_training_ends_with_the_very_same_result(tmp_path, cell_type, rule, epochs):
    whole = make_solver(cell_type, update_rule=rule)
    whole.train()
    settings = {"update_rule": rule, "checkpoint": tmp_path / "saved" / "state.npz"}
    with pytest.raises(KeyboardInterrupt):
        make_solver(cell_type, validate=Interruption(epochs), **settings).train()
    resumed = make_solver(cell_type, **settings)
    resumed.train()
    assert_same_result(resumed, whole)


def test_finished_training_is_only_loaded(tmp_path):
    first = make_solver(checkpoint=tmp_path / "state.npz")
    first.train()
    again = make_solver(checkpoint=tmp_path / "state.npz", validate=Interruption(0))
    again.train()
    assert_same_result(again, first)


def test_a_killed_process_loses_nothing(tmp_path):
    """SIGKILL in the middle of training, several times over; then on to the end."""
    checkpoint = tmp_path / "state.npz"
    script = textwrap.dedent(
        f"""
        import time
        from tests.test_training import make_solver
        def slow(model):
            time.sleep(0.05)
            return float(abs(model.params["Wh"]).sum())
        make_solver(num_epochs=40, checkpoint={str(checkpoint)!r}, validate=slow).train()
        """
    )
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", script])
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        deadline = time.monotonic() + 60
        while not (checkpoint.exists() and checkpoint.stat().st_mtime_ns > before):
            assert process.poll() is None, "training ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
    resumed = make_solver(num_epochs=40, checkpoint=checkpoint)
    resumed.train()
    whole = make_solver(num_epochs=40)
    whole.train()
    assert_same_result(resumed, whole)


def test_an_interruption_while_saving_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    checkpoint = tmp_path / "state.npz"
    with pytest.raises(KeyboardInterrupt):
        make_solver(checkpoint=checkpoint, validate=Interruption(2)).train()
    good = checkpoint.read_bytes()

    def savez_half(file, **arrays):
        file.write(good[: len(good) // 2])
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez", savez_half)
    with pytest.raises(OSError, match="no space"):
        make_solver(checkpoint=checkpoint).train()
    assert checkpoint.read_bytes() == good
    assert list(tmp_path.iterdir()) == [checkpoint]


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.99])
def test_a_damaged_checkpoint_is_refused_and_the_model_left_alone(tmp_path, kept):
    checkpoint = tmp_path / "state.npz"
    make_solver(checkpoint=checkpoint).train()
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: int(kept * len(content))])
    solver = make_solver(checkpoint=checkpoint)
    before = {name: weight.copy() for name, weight in solver.model.params.items()}
    with pytest.raises(ValueError, match=r"state\.npz is damaged .*move it away"):
        solver.train()
    for name, weight in before.items():
        np.testing.assert_array_equal(solver.model.params[name], weight)
    assert checkpoint.stat().st_size == int(kept * len(content))


def test_no_changed_byte_of_a_checkpoint_goes_unnoticed(tmp_path):
    """Refused as damaged, or, where the byte says nothing (a date), loaded as it was."""
    checkpoint = tmp_path / "state.npz"
    whole = make_solver(checkpoint=checkpoint, num_epochs=1)
    whole.train()
    content = checkpoint.read_bytes()
    rng = np.random.default_rng(0)
    directory = range(content.index(b"PK\x01\x02"), len(content))  # ZIP's list of its members
    refused = 0
    for at in [*rng.integers(len(content), size=40), *rng.choice(directory, 200)]:
        changed = bytearray(content)
        changed[at] ^= 1 << rng.integers(8)
        checkpoint.write_bytes(changed)
        solver = make_solver(checkpoint=checkpoint, num_epochs=1)
        before = dict(solver.model.params)
        try:
            solver.train()
        except ValueError as error:
            assert "state.npz is damaged" in str(error)
            assert all(solver.model.params[name] is before[name] for name in before)
            refused += 1
        else:
            assert_same_result(solver, whole)
    assert refused > 100


@pytest.mark.parametrize("content", [{"a": 1}, [1, 2], "text"])
def test_another_file_in_the_place_of_a_checkpoint_is_refused(tmp_path, content):
    checkpoint = tmp_path / "state.npz"
    if isinstance(content, dict):
        np.savez(checkpoint, **content)
    elif isinstance(content, list):
        with checkpoint.open("wb") as file:
            np.save(file, content)
    else:
        checkpoint.write_text(content)
    message = r"the checkpoint .*state\.npz is damaged .*; move it away to train from the beginning"
    with pytest.raises(ValueError, match=message):
        make_solver(checkpoint=checkpoint).train()


def test_a_compressed_checkpoint_is_none_of_ours(tmp_path):
    checkpoint = tmp_path / "state.npz"
    np.savez_compressed(checkpoint, header=np.zeros(10_000))
    with pytest.raises(ValueError, match=r"is damaged \(it declares more than it holds\)"):
        make_solver(checkpoint=checkpoint).train()


def test_a_folder_in_the_place_of_a_checkpoint_is_named_as_such(tmp_path):
    with pytest.raises(ValueError, match=r"^the checkpoint .* is a folder"):
        make_solver(checkpoint=tmp_path).train()


def test_the_folder_of_a_checkpoint_is_made(tmp_path):
    checkpoint = tmp_path / "new" / "and deep" / "state.npz"
    make_solver(checkpoint=checkpoint, num_epochs=1).train()
    assert checkpoint.exists()
    make_solver(checkpoint=checkpoint, num_epochs=1).train()


def test_a_number_of_numpy_in_a_checkpoint_is_the_number_that_it_is(tmp_path):
    settings = {"checkpoint": tmp_path / "state.npz", "num_epochs": 1}
    make_solver(batch_size=np.int64(10), **settings).train()
    make_solver(batch_size=10, **settings).train()
    with pytest.raises(ValueError, match="batch_size"):
        make_solver(batch_size=np.int64(5), **settings).train()


def test_a_checkpoint_of_another_dtype_is_refused(tmp_path):
    checkpoint = tmp_path / "state.npz"
    make_solver(checkpoint=checkpoint).train()
    model = CaptioningRNN(DATA["word_to_idx"], 20, 8, 12, "rnn", np.float64)
    solver = make_solver(checkpoint=checkpoint)
    solver.model = model
    with pytest.raises(ValueError, match=r"other settings .*Wh"):
        solver.train()
    assert model.params["Wh"].dtype == np.float64


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": np.int64(10)},
        {"optim_config": {"learning_rate": np.float32(5e-3)}},
        {"max_grad_norm": np.float32(5)},
        {"seed": (1, 2)},
    ],
)
def test_settings_may_be_numbers_of_numpy(tmp_path, settings):
    whole = make_solver(**settings)
    whole.train()
    settings |= {"checkpoint": tmp_path / "state.npz"}
    with pytest.raises(KeyboardInterrupt):
        make_solver(validate=Interruption(2), **settings).train()
    resumed = make_solver(**settings)
    resumed.train()
    assert_same_result(resumed, whole)


def test_a_left_over_partial_file_is_no_checkpoint(tmp_path):
    (tmp_path / "state.npz123.partial").write_bytes(b"half a checkpoint")
    solver, whole = make_solver(checkpoint=tmp_path / "state.npz"), make_solver()
    solver.train()
    whole.train()
    assert_same_result(solver, whole)


def test_a_checkpoint_that_lacks_an_array_is_refused(tmp_path):
    checkpoint = tmp_path / "state.npz"
    make_solver(checkpoint=checkpoint).train()
    with np.load(checkpoint) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "params/Wh"}
    np.savez(checkpoint, **arrays)
    with pytest.raises(ValueError, match="damaged"):
        make_solver(checkpoint=checkpoint).train()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("optim/Wh/v", lambda v: v.astype(np.float64), r"float64 \(12, 12\) for \(12, 12\)"),
        ("optim/Wh/v", lambda v: v[:1], r"float32 \(1, 12\) for \(12, 12\)"),
        ("optim/Wh/t", lambda t: t.astype(str), r"<U21 \(\) for \(\)"),
        ("optim/Wh/t", lambda t: t[None], r"int64 \(1,\) for \(\)"),
        ("loss_history", lambda x: x.astype(np.float32), r"a history has float32 \(5,\), expected"),
        ("validation_history", lambda x: x[None], r"a history has float64 \(1, 1\), expected"),
    ],
)
def test_a_checkpoint_with_an_array_of_another_kind_is_refused(tmp_path, name, change, message):
    checkpoint = tmp_path / "state.npz"
    make_solver(checkpoint=checkpoint, num_epochs=1).train()
    with np.load(checkpoint) as archive:
        arrays = dict(archive)
    np.savez(checkpoint, **arrays | {name: change(arrays[name])})
    with pytest.raises(ValueError, match=rf"is damaged \(.*{message}.*\); move it away"):
        make_solver(checkpoint=checkpoint, num_epochs=1).train()


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"batch_size": 20}, "batch_size"),
        ({"seed": 5}, "seed"),
        ({"optim_config": {"learning_rate": 1e-4}}, "settings"),
        ({"num_epochs": 9}, "num_epochs"),
        ({"data": make_data(40)}, "data"),
        ({"hidden": 10}, "Wh"),
        ({"cell_type": "lstm"}, "cell_type"),
        ({"update_rule": "sgd"}, "update_rule"),
        ({"feature_dropout": 0.2}, "feature_dropout"),
        ({"lr_decay": 0.9}, "lr_decay"),
        ({"max_grad_norm": 1.0}, "max_grad_norm"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(tmp_path, other, named):
    checkpoint = tmp_path / "state.npz"
    make_solver(checkpoint=checkpoint).train()
    solver = make_solver(checkpoint=checkpoint, **other)
    before = dict(solver.model.params)
    message = rf"state\.npz was made with other settings \(.*{named}.*\); give another path"
    with pytest.raises(ValueError, match=message):
        solver.train()
    assert all(solver.model.params[name] is before[name] for name in before)


def test_a_checkpoint_of_a_simpler_rule_is_named_as_such(tmp_path):
    """Adam needs arrays that a checkpoint of SGD never had; that is no damage."""
    checkpoint = tmp_path / "state.npz"
    make_solver(update_rule="sgd", checkpoint=checkpoint).train()
    with pytest.raises(ValueError, match=r"other settings .*update_rule"):
        make_solver(update_rule="adam", checkpoint=checkpoint).train()


def test_a_loss_that_is_not_finite_stops_training_with_the_weights_kept(tmp_path):
    solver = make_solver(checkpoint=tmp_path / "state.npz", num_epochs=2)
    solver.train()
    saved = (tmp_path / "state.npz").read_bytes()
    solver.num_epochs = 3
    solver.model.params["b_vocab"][0] = np.nan
    weight = solver.model.params["Wh"].copy()
    solver.checkpoint = None
    message = "loss is nan at step 11 of 15: lower the learning rate, or set max_grad_norm"
    with pytest.raises(FloatingPointError, match=message):
        solver.train()
    np.testing.assert_array_equal(solver.model.params["Wh"], weight)
    assert (tmp_path / "state.npz").read_bytes() == saved


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"update_rule": "adamw"}, "update_rule is 'adamw', expected one of"),
        ({"batch_size": 0}, "batch_size is 0, expected at least 1"),
        ({"num_epochs": 1.5}, "num_epochs is 1.5, expected a whole number"),
        ({"print_every": 0}, "print_every is 0"),
        ({"lr_decay": -0.1}, "CaptioningSolver: lr_decay is -0.1, expected at least 0"),
        ({"max_grad_norm": 0.0}, "max_grad_norm is 0, expected above 0"),
        ({"feature_dropout": 1.0}, "feature_dropout is 1, expected 0 <= p < 1"),
        ({"optim_config": {"rate": 1}}, "unknown keys"),
        (
            {"data": DATA | {"train_captions": DATA["train_captions"][:0]}},
            "the split 'train' has no captions",
        ),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make_solver(**settings)


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
