"""Training on many processors: the same losses for any number of them, whatever is killed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import torch.distributed as dist

from cs231n_lib.speak import distributed
from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.captions import CaptionData, Split, build_vocabulary, encode_captions
from cs231n_lib.speak.distributed import (
    Minibatches,
    RunSettings,
    load_captioner,
    main,
    train,
    write_data,
)
from cs231n_lib.speak.optim import adam
from cs231n_lib.speak.training import clip_gradients, one_cycle
from tests.processes import FORKED

ROOT = Path(__file__).parents[2]
SETTINGS = RunSettings(
    batch_size=8, num_epochs=5, learning_rate=1e-2, max_grad_norm=2.0, wordvec_dim=6,
    hidden_dim=10, attention_dim=5, fields=4, dtype="float64",
)  # fmt: skip
STEPS = 50  # of which ten are an epoch
KILLED_AT = 27

# Process 1 keeps a copy of the run's folder, and kills itself in the middle of an epoch, the first
# time that it comes there.
KILLER = f"""
import os, shutil, signal, sys
from cs231n_lib.speak import distributed

read = distributed.Minibatches.__getitem__

def read_or_die(self, step):
    first = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
    if step == {KILLED_AT} and os.environ["RANK"] == "1" and first:
        out = sys.argv[sys.argv.index("--out") + 1]
        shutil.copytree(out, out + " when killed")
        os.kill(os.getpid(), signal.SIGKILL)
    return read(self, step)

distributed.Minibatches.__getitem__ = read_or_die
distributed.main()
"""


def can_be_distributed():
    try:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
    except OSError:
        return False
    return dist.is_available() and dist.is_gloo_available()


pytestmark = pytest.mark.skipif(not can_be_distributed(), reason="needs gloo and sockets")


def some_data():
    rng = np.random.default_rng(0)
    words = ("red", "green", "blue", "circle", "square", "star")
    sentences = [" ".join(rng.choice(words, size=rng.integers(2, 6))) for _ in range(80)]
    word_to_idx, idx_to_word = build_vocabulary(sentences)
    captions = encode_captions(sentences, word_to_idx)
    features = rng.standard_normal((40, 12)).astype(np.float32)
    split = Split(captions, np.arange(80) % 40, features, range(40))
    return CaptionData(word_to_idx, idx_to_word, split)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "data.h5"
    write_data(path, some_data())
    return path


def options(settings=SETTINGS):
    """Those of the command that are not as they are by default."""
    changed = {k: v for k, v in vars(settings).items() if v != getattr(RunSettings(), k)}
    return [part for k, v in changed.items() for part in (f"--{k.replace('_', '-')}", str(v))]


def torchrun(script, data, out):
    """Two processes, which may begin anew."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "--max-restarts", "2"]
    command += [script, data, "--out", out, *options()]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    # After a restart, processes must not find the addresses of the dead.
    environment["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
    return subprocess.run(
        list(map(str, command)), env=environment, capture_output=True, text=True, timeout=300
    )


def one_of(processes, rank, port, data, out):
    """What torchrun starts."""
    os.environ |= {
        "RANK": str(rank), "WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    train(data, out, SETTINGS)


def together(processes, data, out):
    """As torchrun does, but PyTorch is imported once for all."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ranks = [
        FORKED.Process(target=one_of, args=(processes, rank, port, data, out), daemon=True)
        for rank in range(processes)
    ]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join(300)
    assert [rank.exitcode for rank in ranks] == [0] * processes


def losses(out):
    return torch.load(out / "checkpoint.pt", weights_only=True)["losses"]


def weights(out):
    return load_captioner(out / "weights.npz").params


def assert_same(out, other, tolerance=0.0):
    for name, weight in weights(other).items():
        np.testing.assert_allclose(weights(out)[name], weight, rtol=0, atol=tolerance)
    np.testing.assert_allclose(losses(out), losses(other), rtol=0, atol=tolerance)


@pytest.fixture(scope="module")
def alone(data, tmp_path_factory):
    """A run with one process, undisturbed."""
    out = tmp_path_factory.mktemp("one")
    train(data, out, SETTINGS)
    return out


@pytest.fixture(scope="module")
def killed(data, tmp_path_factory):
    """A run with two processes of which one was killed."""
    out = tmp_path_factory.mktemp("killed") / "run"
    script = out.parent / "killer.py"
    script.write_text(KILLER)
    found = torchrun(script, data, out)
    assert found.returncode == 0, found.stderr
    return out


def test_a_run_of_which_a_process_is_killed_ends_with_the_same_weights(data, killed, tmp_path):
    left = killed.with_name("run when killed")
    assert [path.name for path in left.iterdir()] == ["checkpoint.pt"]
    assert len(losses(left)) == KILLED_AT // 10 * 10
    together(2, data, tmp_path)
    assert len(losses(tmp_path)) == STEPS
    assert_same(killed, tmp_path)


def test_any_number_of_processes_computes_the_same_losses(data, alone, killed, tmp_path):
    """50 steps of one process; of two; of two, and from their checkpoint on of one or four."""
    assert_same(killed, alone, 1e-12)
    for processes in (1, 4):
        out = tmp_path / str(processes)
        shutil.copytree(killed.with_name("run when killed"), out)
        if processes == 1:
            train(data, out, SETTINGS)
        else:
            together(processes, data, out)
        assert_same(out, alone, 1e-12)


def test_a_run_computes_what_the_functions_of_the_chapters_compute(data, alone):
    batches = Minibatches(data, SETTINGS)
    model = CaptioningRNN(
        batches.word_to_idx, 12, 6, 10, "attention", np.float64, fields=4, attention_dim=5
    )
    configs = dict.fromkeys(model.params)
    found = []
    for step in range(STEPS):
        loss, grads = model.loss(*batches[step])
        found.append(loss)
        rate = SETTINGS.learning_rate * one_cycle(step / STEPS)
        for name, grad in clip_gradients(grads, SETTINGS.max_grad_norm).items():
            config = (configs[name] or {}) | {"learning_rate": rate}
            model.params[name], configs[name] = adam(model.params[name], grad, config)
    # PyTorch adds 1e-6 to the norm when it clips.
    np.testing.assert_allclose(found, losses(alone), rtol=1e-5)
    assert np.mean(found[-10:]) < 0.9 * np.mean(found[:10])


@pytest.mark.parametrize("processes", [2, 4, 8])
def test_the_processes_share_the_minibatch_of_one(data, processes):
    features, captions = Minibatches(data, SETTINGS)[3]
    assert features.dtype == np.float64
    assert 0.05 < (features == 0).mean() < 0.2
    for rank in range(processes):
        shared = Minibatches(data, SETTINGS, rank, processes)[3]
        np.testing.assert_array_equal(shared[0], features[rank::processes])
        np.testing.assert_array_equal(shared[1], captions[rank::processes])


def test_minibatches_are_pictures_with_their_captions_and_differ(data):
    plain = Minibatches(data, replace(SETTINGS, feature_dropout=0.0))
    train = some_data().train
    features, captions = plain[0]
    known = {
        (*row, *caption)
        for row, caption in zip(train.features[train.image_idxs].tolist(), train.captions.tolist())
    }
    assert all(pair in known for pair in zip_rows(features, captions))
    assert (plain[1][1] != captions).any()
    assert (Minibatches(data, replace(SETTINGS, seed=1))[0][1] != captions).any()
    dropped = [Minibatches(data, SETTINGS)[step][0] == 0 for step in (0, 1)]
    assert (dropped[0] != dropped[1]).any()
    assert len({row.tobytes() for row in dropped[0]}) > 2  # rows drop others, too


def zip_rows(features, captions):
    return [(*row, *caption) for row, caption in zip(features.tolist(), captions.tolist())]


def test_features_in_half_precision_may_lie_in_the_file(data, tmp_path):
    half = shutil.copy(data, tmp_path)
    with h5py.File(half, "r+") as store:
        features = store["features"][()]
        del store["features"]
        store["features"] = features.astype(np.float16)
    plain = replace(SETTINGS, feature_dropout=0.0)
    found, exact = (Minibatches(path, plain)[0][0] for path in (half, data))
    assert found.dtype == exact.dtype
    np.testing.assert_allclose(found, exact, rtol=1e-3, atol=1e-5)


class Interrupted(Minibatches):
    def __getitem__(self, step):
        if step == KILLED_AT:
            raise KeyboardInterrupt
        return super().__getitem__(step)


def test_an_interrupted_run_goes_on_with_the_same_command(data, alone, tmp_path, monkeypatch):
    command = [str(data), "--out", str(tmp_path / "a" / "run"), "--save-every", "7", *options()]
    with monkeypatch.context() as patch, pytest.raises(SystemExit, match="interrupted; the same"):
        patch.setattr(distributed, "Minibatches", Interrupted)
        main(command)
    assert len(losses(tmp_path / "a" / "run")) == KILLED_AT // 7 * 7
    main(command)
    assert_same(tmp_path / "a" / "run", alone)
    main(command)  # which has nothing left to do
    assert_same(tmp_path / "a" / "run", alone)


def test_workers_read_ahead_and_change_nothing(data, alone, tmp_path):
    train(data, tmp_path, SETTINGS, workers=1)
    assert_same(tmp_path, alone)


def test_what_was_trained_can_be_read_and_speaks(data, alone):
    model = load_captioner(alone / "weights.npz")
    batches = Minibatches(data, replace(SETTINGS, feature_dropout=0.0))
    assert (model.cell_type, model.word_to_idx) == ("attention", batches.word_to_idx)
    features, captions = batches[STEPS]
    assert model.loss(features, captions)[0] < 0.9 * losses(alone)[0]
    assert model.sample(features, 4).shape == (8, 4)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"batch_size": 4, "seed": 1}, r"made with other settings \(batch_size, seed\); give ano"),
        ({"dtype": "float32"}, r"made with other settings \(dtype\)"),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused(data, alone, changes, says):
    with pytest.raises(ValueError, match=says):
        train(data, alone, replace(SETTINGS, **changes))


def test_a_checkpoint_of_other_data_is_refused(data, alone, tmp_path):
    other = shutil.copy(data, tmp_path)
    with h5py.File(other, "r+") as store:
        store["features"][0, 0] += 1
    with pytest.raises(ValueError, match=r"made with other settings \(data\)"):
        train(other, alone, SETTINGS)


def test_a_damaged_checkpoint_is_refused_wherever_the_damage_is(data, alone, tmp_path):
    content = (alone / "checkpoint.pt").read_bytes()
    path = tmp_path / "checkpoint.pt"
    weights_lie_here = content.index(np.array(weights(alone)["Wh"]).tobytes()[:64])
    for place in (0, weights_lie_here, len(content) // 2, len(content) - 20):
        path.write_bytes(content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :])
        with pytest.raises(ValueError, match=r"checkpoint\.pt is damaged"):
            train(data, tmp_path, SETTINGS)
    path.write_bytes(content[:-1000])
    with pytest.raises(ValueError, match=r"is damaged .*; move it away to begin anew"):
        train(data, tmp_path, SETTINGS)


def test_a_loss_that_is_not_finite_stops_the_run(data, tmp_path):
    with pytest.raises(FloatingPointError, match="at step 3 of 50: lower learning_rate"):
        train(data, tmp_path, replace(SETTINGS, learning_rate=1e308), save_every=1)
    assert len(losses(tmp_path)) == 2


def test_the_data_of_all_processes_are_those_of_the_first(data):
    identity = Minibatches(data, SETTINGS).identity
    distributed._check_same_data(identity, dict(identity))
    with pytest.raises(ValueError, match="the data differ from those of process 0"):
        distributed._check_same_data(identity, identity | {"data": [40, 1, 2, 3, 4]})


def test_an_error_of_another_process_is_raised_here(monkeypatch):
    def gather(errors, mine):
        errors[:] = [mine, FileNotFoundError("there is no file there")]

    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(dist, "all_gather_object", gather)
    with pytest.raises(FileNotFoundError, match="there is no file there"):
        distributed._together(lambda: 1)


@pytest.mark.parametrize(
    ("settings", "computes", "processes", "says"),
    [
        ({"amp": True, "dtype": "float64"}, True, 2, "amp with float64 makes no sense"),
        ({"amp": True}, False, 1, "amp needs a GPU that computes in bfloat16"),
        ({}, True, 3, "there are 3 processes for 2 GPUs"),
    ],
)
def test_what_a_gpu_cannot_do_is_refused(monkeypatch, settings, computes, processes, says):
    with_gpus(monkeypatch, computes)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    with pytest.raises(ValueError, match=says):
        distributed._device(RunSettings(**settings))


def with_gpus(monkeypatch, computes=True):
    monkeypatch.setattr(distributed, "choose_device", lambda: "cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: computes)


def test_each_process_has_a_gpu_of_its_own_and_nccl(monkeypatch):
    with_gpus(monkeypatch)
    monkeypatch.setenv("LOCAL_RANK", "1")
    device = distributed._device(RunSettings(amp=True))
    assert device == torch.device("cuda:1")
    chosen = []
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(dist, "init_process_group", lambda backend, **_: chosen.append(backend))
    monkeypatch.setattr(dist, "destroy_process_group", lambda: chosen.append("ended"))
    with distributed._processes(device):
        assert chosen == [device, "nccl"]
    assert chosen[-1] == "ended"


def test_other_processes_than_the_first_neither_read_nor_write(tmp_path):
    assert distributed._begin(tmp_path / "none", {}, rank=1) is None
    assert not (tmp_path / "none").exists()


def test_the_command_says_what_is_wrong(data, tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit, match="seed is -1, expected at least 0"):
        main([str(data), "--out", str(tmp_path), "--seed", "-1"])
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(SystemExit) as caught:
        main([str(data), "--out", str(tmp_path), "--seed", "-1"])
    assert caught.value.code == 1
    with pytest.raises(SystemExit):
        main([str(data)])
    assert "the following arguments are required: --out" in capsys.readouterr().err
