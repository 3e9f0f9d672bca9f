"""Checkpoints: training resumes to the very same result, and nothing is ever half there."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from cs231n_lib.speak import checkpoint as module
from tests.speak.test_training import assert_same_result, make_data, make_solver, trained

pytestmark = pytest.mark.timeout(60)  # a pipe that is opened would hang for ever


class Interruption:
    """In the place of ``validate``, behaves like Ctrl-C after some epochs."""

    def __init__(self, epochs):
        self.left = epochs

    def __call__(self, model):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return float(np.abs(model.params["Wh"]).sum())


def interrupted(path, epochs=2, *args, **settings):
    """Train for some epochs, and leave a checkpoint."""
    with pytest.raises(KeyboardInterrupt):
        trained(*args, checkpoint=path, validate=Interruption(epochs), **settings)


@pytest.fixture
def path(tmp_path):
    """In a folder whose name has blanks and other letters."""
    return tmp_path / "Zwei Wörter, 两个词" / "state.npz"


@pytest.fixture
def saved(path):
    """A checkpoint of two epochs."""
    interrupted(path)
    return path


def assert_refused(path, match, **settings):
    """Neither the model nor the file is touched."""
    before = path.read_bytes() if path.is_file() else None
    solver = make_solver(checkpoint=path, **settings)
    weights, state = dict(solver.model.params), solver.rng.bit_generator.state
    with pytest.raises(ValueError, match=match):
        solver.train()
    assert all(solver.model.params[name] is weight for name, weight in weights.items())
    assert solver.rng.bit_generator.state == state
    assert solver.loss_history == []
    assert (path.read_bytes() if path.is_file() else None) == before


@pytest.mark.parametrize("cell_type", ["rnn", "lstm", "attention"])
@pytest.mark.parametrize("rule", ["adam", "sgd_momentum"])
@pytest.mark.parametrize("epochs", [0, 1, 4])
def test_interrupted_training_ends_with_the_very_same_result(path, cell_type, rule, epochs):
    settings = {"update_rule": rule}
    interrupted(path, epochs, cell_type, **settings)
    resumed = trained(cell_type, checkpoint=path, **settings)
    assert_same_result(resumed, trained(cell_type, **settings))


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": np.int64(10)},
        {"optim_config": {"learning_rate": np.float32(5e-3)}},
        {"max_grad_norm": np.float32(5)},
    ],
)
def test_settings_may_be_numbers_of_numpy(path, settings):
    interrupted(path, **settings)
    assert_same_result(trained(checkpoint=path, **settings), trained(**settings))


def test_finished_training_is_only_loaded(path):
    first = trained(checkpoint=path)
    assert_same_result(trained(checkpoint=str(path), validate=Interruption(0)), first)


def test_a_killed_process_loses_nothing(tmp_path):
    """SIGKILL in the middle of training, twice; then on to the end."""
    path = tmp_path / "state.npz"
    script = textwrap.dedent(
        f"""
        import time
        from tests.speak.test_training import make_solver
        def slow(model):
            time.sleep(0.05)
            return float(abs(model.params["Wh"]).sum())
        make_solver(num_epochs=40, checkpoint={str(path)!r}, validate=slow).train()
        """
    )
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", script])
        before = path.stat().st_mtime_ns if path.exists() else 0
        deadline = time.monotonic() + 60
        while not (path.exists() and path.stat().st_mtime_ns > before):
            assert process.poll() is None, "training ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert_same_result(trained(num_epochs=40, checkpoint=path), trained(num_epochs=40))


def kill_myself(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_a_child(work) -> int:
    """Do some work in a process of its own; how that ended, as ``os.wait`` says it."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1]


@pytest.mark.parametrize(
    ("target", "new"),
    [
        ("numpy.savez", False),
        ("os.fsync", False),
        ("shutil.copymode", False),
        ("pathlib.Path.replace", False),
        ("os._exit", True),
    ],
)
def test_a_process_killed_between_two_steps_leaves_one_checkpoint_or_the_other(
    saved, monkeypatch, target, new
):
    solver, last = make_solver(checkpoint=saved), saved.read_bytes()
    module.load(solver, saved)
    solver.loss_history[0] = 0.0
    with monkeypatch.context() as patch:
        patch.setattr(target, kill_myself)
        assert in_a_child(lambda: module.save(solver, saved)) == signal.SIGKILL
    assert (saved.read_bytes() != last) == new
    resumed, whole = trained(checkpoint=saved), trained()
    assert (resumed.loss_history[0] == 0) == new
    resumed.loss_history[0] = whole.loss_history[0]
    assert_same_result(resumed, whole)


@pytest.mark.parametrize("count", [0, 1000])
def test_a_file_that_the_system_cuts_off_leaves_the_last_checkpoint(saved, count):
    """The limit is real here: the system itself refuses to write more."""
    solver, last = make_solver(checkpoint=saved), saved.read_bytes()

    def save():
        resource.setrlimit(resource.RLIMIT_FSIZE, (count, count))
        with pytest.raises(OSError, match=rf"File too large: '.*{saved.name}'$"):
            module.save(solver, saved)

    assert in_a_child(save) == 0
    assert saved.read_bytes() == last
    assert list(saved.parent.iterdir()) == [saved]


def test_a_full_disk_keeps_the_last_checkpoint_and_leaves_nothing_else(saved, monkeypatch):
    good = saved.read_bytes()

    def savez_half(file, **arrays):
        file.write(good[: len(good) // 2])
        raise OSError("no space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="no space"):
        patch.setattr(np, "savez", savez_half)
        trained(checkpoint=saved)
    assert saved.read_bytes() == good
    assert list(saved.parent.iterdir()) == [saved]
    assert_same_result(trained(checkpoint=saved), trained())


@pytest.mark.parametrize("kept", [0.0, 0.02, 0.3, 0.99])
def test_a_checkpoint_that_was_cut_short_is_refused(saved, kept):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(kept * len(content))])
    assert_refused(saved, r"the checkpoint .*state\.npz is damaged .*; move it away")


def test_no_changed_byte_of_a_checkpoint_goes_unnoticed(tmp_path):
    """Refused as damaged, or, where the byte says nothing (a date), loaded as it was."""
    path = tmp_path / "state.npz"
    whole = trained(checkpoint=path, num_epochs=1)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    directory = range(content.index(b"PK\x01\x02"), len(content))  # ZIP's list of its members
    shape = content.index(b"(5,)") + 1  # of an array: NumPy would read the beginning of it
    refused = 0
    for at in [shape, *rng.integers(len(content), size=40), *rng.choice(directory, 200)]:
        changed = bytearray(content)
        changed[at] ^= 1 << rng.integers(8) if at != shape else 1
        path.write_bytes(changed)
        solver = make_solver(checkpoint=path, num_epochs=1)
        before = dict(solver.model.params)
        try:
            solver.train()
        except ValueError as error:
            assert "state.npz is damaged" in str(error)
            assert all(solver.model.params[name] is before[name] for name in before)
            refused += 1
        else:
            assert at != shape
            assert_same_result(solver, whole)
    assert refused > 100


def text(path):
    path.write_text("Dear reader,\n")


def archive(path):
    np.savez(path, a=1)


def one_array(path):
    with path.open("wb") as file:
        np.save(file, [1, 2])


def change(path, **arrays):
    """Other arrays in a checkpoint; one that is None is taken out."""
    with np.load(path) as archive:
        whole = dict(archive) | arrays
    np.savez(path, **{name: array for name, array in whole.items() if array is not None})


def without_a_weight(path):
    change(path, **{"params/Wh": None})


def another_random_generator(path):
    with np.load(path) as archive:
        header = json.loads(str(archive["header"]))
    header["rng"]["bit_generator"] = "MT19937"
    change(path, header=np.array(json.dumps(header)))


@pytest.mark.parametrize(
    "write", [text, archive, one_array, without_a_weight, another_random_generator]
)
def test_another_file_in_the_place_of_a_checkpoint_is_refused(saved, write):
    write(saved)
    message = r"the checkpoint .*state\.npz is damaged .*; move it away to train from the beginning"
    assert_refused(saved, message)


class Runs:
    """Unpickled, it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_code_in_a_checkpoint_is_refused_and_not_run(saved, tmp_path):
    change(saved, header=np.array([Runs(str(tmp_path / "made"))], dtype=object))
    assert_refused(saved, r"state\.npz is damaged \(Object arrays cannot be loaded")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(("make", "what"), [(os.mkdir, "is a folder"), (os.mkfifo, "is a pipe")])
def test_what_is_not_a_file_is_refused_and_not_waited_for(tmp_path, make, what):
    make(tmp_path / "state.npz")
    assert_refused(tmp_path / "state.npz", rf"^the checkpoint .*state\.npz {what}")


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"batch_size": 20}, "batch_size"),
        ({"seed": 5}, "seed"),
        ({"optim_config": {"learning_rate": 1e-4}}, "optim_config"),
        ({"num_epochs": 9}, "num_epochs"),
        ({"data": make_data(40)}, "data"),
        ({"hidden": 10}, "model"),
        ({"cell_type": "lstm"}, "model"),
        ({"update_rule": "sgd"}, "update_rule"),
        ({"feature_dropout": 0.2}, "feature_dropout"),
        ({"lr_decay": 0.9}, "lr_decay"),
        ({"max_grad_norm": None}, "max_grad_norm"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(saved, other, named):
    message = rf"state\.npz was made with other settings \({named}\); give another path"
    assert_refused(saved, message, **other)


def test_a_checkpoint_of_another_precision_is_refused(saved):
    solver = make_solver(checkpoint=saved)
    solver.model.params["Wh"] = solver.model.params["Wh"].astype(np.float64)
    with pytest.raises(ValueError, match=r"other settings \(model\)"):
        module.load(solver, saved)


def test_a_checkpoint_that_can_never_be_written_stops_training_before_its_first_step(tmp_path):
    (tmp_path / "file").write_bytes(b"kept")
    solver = make_solver(checkpoint=tmp_path / "file" / "state.npz")
    with pytest.raises(OSError, match="file'"):
        solver.train()
    assert solver.loss_history == []


def test_only_a_solver_has_a_state_to_save(tmp_path):
    with pytest.raises(TypeError, match="save: solver is a dict, expected a CaptioningSolver"):
        module.save({}, tmp_path / "state.npz")
