"""Train the captioner with attention on many processors: one process each, started by torchrun.

On one machine, with two processes::

    torchrun --standalone --nproc-per-node 2 -m cs231n_lib.speak.distributed scenes.h5 --out run

Each process takes its share of every minibatch, and DistributedDataParallel averages the gradients:
over gloo on CPUs, over NCCL on GPUs. Which captions are in a minibatch, and which features are
dropped, depends on the seed, the number of the step and nothing else. So any number of processes
draws the same minibatches and computes, but for rounding, the same losses; and a run that was
killed goes on from its last checkpoint as if nothing had happened, with as many processes as there
are then.

The data are an HDF5 file, of which only the rows that are needed are read::

    features (P, D) floats      captions (M, T + 1) integers
    words (V,) strings          image_idxs (M,) integers in [0, P)

:func:`write_data` makes one of any captioned data set. The run's folder gets ``checkpoint.pt`` and,
at the end, ``weights.npz``, which :func:`load_captioner` turns into a ``CaptioningRNN``. Both are
written whole or not at all.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import h5py
import numpy as np
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_
from torch.utils.data import DataLoader, Dataset

from cs231n_lib.checks import (
    Call,
    Count,
    Floats,
    Indices,
    Instance,
    Number,
    OneOf,
    check_fields,
    check_finite,
    checked,
    named,
)
from cs231n_lib.files import check_file, write_atomically
from cs231n_lib.reproducible import choose_device, make_reproducible
from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.captions import CaptionData
from cs231n_lib.speak.checks import Vocabulary
from cs231n_lib.speak.torch_captioner import TorchCaptioner
from cs231n_lib.speak.training import drop_features, one_cycle

__all__ = [
    "Minibatches",
    "RunSettings",
    "load_captioner",
    "main",
    "train",
    "write_data",
]

T = TypeVar("T")

_CHECKPOINT, _WEIGHTS = "checkpoint.pt", "weights.npz"
_PATH = Instance((str, os.PathLike))
_ERRORS = (OSError, TypeError, ValueError, FloatingPointError)  # that have something to say


@dataclass(frozen=True)
class RunSettings:
    """What a run computes. Raises TypeError or ValueError if a setting is not what is stated.

    Attributes
    ----------
    batch_size : int
        Captions in a minibatch, those of all processes together.
    num_epochs : int
        An epoch is ``number of captions // batch_size`` steps, at least one.
    learning_rate : float
        Of Adam, at the peak of :func:`~cs231n_lib.speak.training.one_cycle`.
    max_grad_norm : float
        Gradients whose joint norm is larger are scaled down to it.
    feature_dropout : float in [0, 1)
    wordvec_dim, hidden_dim, attention_dim, fields : int
        W, H, A and L of the captioner.
    seed : int
        For first weights, minibatches and dropout.
    dtype : {"float32", "float64"}
    amp : bool
        Mixed precision: matrix products in bfloat16. For GPUs that can do it.
    """

    batch_size: int = 128
    num_epochs: int = 12
    learning_rate: float = 2e-3
    max_grad_norm: float = 5.0
    feature_dropout: float = 0.1
    wordvec_dim: int = 64
    hidden_dim: int = 256
    attention_dim: int = 64
    fields: int = 36
    seed: int = 0
    dtype: str = "float32"
    amp: bool = False

    def __post_init__(self) -> None:
        sizes = ("batch_size", "num_epochs", "wordvec_dim", "hidden_dim", "attention_dim", "fields")
        check_fields(
            self,
            **dict.fromkeys(sizes, Count()),
            learning_rate=Number(above=0),
            max_grad_norm=Number(above=0),
            feature_dropout=Number(least=0, below=1),
            seed=Count(least=0),
            dtype=OneOf(("float32", "float64")),
            amp=Instance(bool),
        )


@checked(path=_PATH, data=Instance(CaptionData, "such as load_scenes returns"))
def write_data(path: str | Path, data: CaptionData) -> None:
    """Write what a run reads: the captions and features of ``data.train``, and the vocabulary.

    Raises TypeError or ValueError if an argument is not what is declared, or the indices of words
    have gaps, and OSError if the file cannot be written; what was there is kept.
    """
    words = [data.idx_to_word[index] for index in range(len(data.idx_to_word))]

    def write(file: BinaryIO) -> None:
        with h5py.File(file, "w") as store:
            for name in ("features", "captions", "image_idxs"):
                store[name] = getattr(data.train, name)
            store["words"] = words

    write_atomically(path, write)


class Minibatches(Dataset):
    """What one process sees of the minibatch of every step: ``self[step]`` are features, captions.

    Row ``rank``, row ``rank + processes``, and so on, of the minibatch that belongs to the step.

    Parameters
    ----------
    path : path
        An HDF5 file such as :func:`write_data` makes.
    settings : RunSettings
    rank, processes : int
        Which process this is, and of how many.

    Attributes
    ----------
    word_to_idx : dict
    steps_per_epoch : int
    identity : dict
        What has to be the same for a run to go on: the settings, and checksums of the data.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError, ValueError
        If it is damaged, lacks an array, or its arrays do not fit together; or if the minibatch
        cannot be shared evenly by the processes.
    """

    @checked(path=_PATH, settings=Instance(RunSettings), rank=Count(least=0), processes=Count())
    def __init__(
        self, path: str | Path, settings: RunSettings, rank: int = 0, processes: int = 1
    ) -> None:
        if settings.batch_size % processes:
            raise ValueError(
                named(
                    f"a batch_size of {settings.batch_size} cannot be shared evenly by {processes} "
                    "processes, expected a multiple"
                )
            )
        self.path, self.settings = Path(path), settings
        self.rows = range(rank, settings.batch_size, processes)
        self.features = None  # until a process reads: none can share the file of another
        check_file(path, "the data file")
        try:
            with h5py.File(path) as store:
                self.captions, self.image_idxs = store["captions"][()], store["image_idxs"][()]
                words = [word.decode() for word in store["words"]]
                features = store["features"]
                some = features[:: -(-len(features) // 100)]
                pictures, self.input_dim = features.shape
        except Exception as error:  # a damaged file can lead to nearly any
            raise ValueError(
                named(
                    f"the data file {path} is damaged, or no HDF5 file of features (P, D), "
                    f"captions, image_idxs and words: {error}"
                )
            ) from None
        self.word_to_idx = {word: index for index, word in enumerate(words)}
        call = Call({}, {"P": pictures, "D": self.input_dim, "V": len(words)})
        Vocabulary()("words", self.word_to_idx, call)
        Floats("S D", finite=True)("features", some, call)
        Indices("M C", below="V")("captions", self.captions, call)
        Indices("M", below="P")("image_idxs", self.image_idxs, call)
        self.steps_per_epoch = max(len(self.captions) // settings.batch_size, 1)
        arrays = (self.captions, self.image_idxs, some, np.array(words))
        self.identity = dataclasses.asdict(settings) | {
            "data": [pictures, *(zlib.crc32(np.ascontiguousarray(array)) for array in arrays)]
        }

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        if self.features is None:
            self.features = h5py.File(self.path)["features"]
        settings = self.settings
        rng = np.random.default_rng((settings.seed, step))
        which = rng.integers(len(self.captions), size=settings.batch_size)[list(self.rows)]
        features = np.stack([self.features[picture] for picture in self.image_idxs[which]])
        check_finite(f"features of step {step + 1}", features)
        features = features.astype(settings.dtype, copy=False)
        if settings.feature_dropout:
            # Each row has a generator of its own. 0 is that of the captions.
            for row, kept in zip(self.rows, features):
                rng = np.random.default_rng((settings.seed, step, 1 + row))
                kept[:] = drop_features(kept[None], settings.feature_dropout, rng)[0]
        return features, self.captions[which].astype(np.int64)


@checked(
    data=_PATH,
    out=_PATH,
    settings=Instance(RunSettings),
    workers=Count(least=0),
    save_every=Count(),
)
def train(
    data: str | Path,
    out: str | Path,
    settings: RunSettings,
    workers: int = 0,
    save_every: int | None = None,
) -> list[float]:
    """Train, from the checkpoint if there is one: alone, or as one of the processes of torchrun.

    Parameters
    ----------
    data : path
        An HDF5 file such as :func:`write_data` makes.
    out : path
        The run's folder. Process 0 alone reads and writes there.
    settings : RunSettings
    workers : int
        Processes that read ahead for this one.
    save_every : int, optional
        Steps from one checkpoint to the next. By default an epoch.

    Returns
    -------
    list of float
        The loss of every step, of the whole minibatch.

    Raises
    ------
    FloatingPointError
        If a loss is NaN or infinite. The last checkpoint is kept.
    FileNotFoundError
        If there are no data.
    OSError
        If the folder cannot be written.
    RuntimeError
        If another process was lost.
    TypeError, ValueError
        If an argument is not what is declared; data, settings and number of processes do not fit;
        the checkpoint is damaged or of other settings; ``amp`` was asked for in vain. An error in
        one process is raised in all.
    """
    device = _device(settings)
    with _processes(device):
        return _train(Path(data), Path(out), settings, device, workers, save_every)


def _train(
    data: Path,
    out: Path,
    settings: RunSettings,
    device: torch.device,
    workers: int,
    save_every: int | None,
) -> list[float]:
    rank, processes = dist.get_rank(), dist.get_world_size()
    batches = _together(lambda: Minibatches(data, settings, rank, processes))
    first = [batches.identity, _together(lambda: _begin(out, batches.identity, rank))]
    dist.broadcast_object_list(first)
    _together(lambda: _check_same_data(batches.identity, first[0]))

    captioner = TorchCaptioner(_new_model(batches)).to(device)
    adam = torch.optim.Adam(captioner.parameters())
    losses: list[float] = []
    if first[1] is not None:
        captioner.load_state_dict(first[1]["captioner"])
        adam.load_state_dict(first[1]["adam"])
        losses = first[1]["losses"]
    network = DistributedDataParallel(captioner, [device] if device.type == "cuda" else None)

    total = settings.num_epochs * batches.steps_per_epoch
    save_every = save_every or batches.steps_per_epoch
    steps = range(len(losses), total)
    loader = DataLoader(
        batches,
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        generator=torch.Generator(),  # not the global one
    )
    seen, start = steps.start, time.perf_counter()
    for step, (features, captions) in zip(steps, loader):
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.amp):
            loss = network(features.to(device), captions.to(device))
        adam.zero_grad()
        loss.backward()  # and the gradients are the mean of those of all processes
        loss = loss.detach() / processes
        dist.all_reduce(loss)
        if not loss.isfinite():
            raise FloatingPointError(
                f"the loss is {loss.item()} at step {step + 1} of {total}: "
                "lower learning_rate, or max_grad_norm"
            )
        losses.append(loss.item())
        clip_grad_norm_(captioner.parameters(), settings.max_grad_norm)
        adam.param_groups[0]["lr"] = settings.learning_rate * float(one_cycle(step / total))
        adam.step()
        if rank == 0 and ((step + 1) % save_every == 0 or step + 1 == total):
            rate = (step + 1 - seen) * settings.batch_size / (time.perf_counter() - start)
            print(f"step {step + 1} of {total}: loss {losses[-1]:.4f}, {rate:.0f} captions/s")
            state = {"captioner": captioner.state_dict(), "adam": adam.state_dict()}
            state |= {"losses": losses, "identity": batches.identity}
            write_atomically(out / _CHECKPOINT, partial(torch.save, state))
            seen, start = step + 1, time.perf_counter()
    if rank == 0:
        arrays = captioner.to_numpy() | {"words": np.array(list(batches.word_to_idx))}
        write_atomically(out / _WEIGHTS, lambda file: np.savez(file, **arrays))
    return losses


@checked(path=_PATH)
def load_captioner(path: str | Path) -> CaptioningRNN:
    """The network that a run has trained.

    Parameters
    ----------
    path : path
        The run's ``weights.npz``.

    Returns
    -------
    CaptioningRNN
        With attention.

    Raises
    ------
    FileNotFoundError
        If there is no such file: a run writes it at its end.
    ValueError
        If it is damaged.
    """
    check_file(path, "the file of weights")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            weights = dict(arrays)
        word_to_idx = {str(word): index for index, word in enumerate(weights.pop("words"))}
        (D, H), (_, W), (L, A) = (weights[n].shape for n in ("W_proj", "W_embed", "P_keys"))
        dtype = weights["W_proj"].dtype
        model = CaptioningRNN(word_to_idx, D, W, H, "attention", dtype, fields=L, attention_dim=A)
        model.params = {name: weights[name] for name in model.params}
    except Exception as error:  # a damaged file can lead to nearly any
        raise ValueError(named(f"the file of weights {path} is damaged: {error!r}")) from None
    return model


def _together(make: Callable[[], T]) -> T:
    """Do something in every process. An error in one of them is raised in all."""
    result, error = None, None
    try:
        result = make()
    except _ERRORS as caught:
        error = caught
    errors = [None] * dist.get_world_size()
    dist.all_gather_object(errors, error)
    for error in filter(None, errors):
        raise error
    return result


def _device(settings: RunSettings) -> torch.device:
    """The GPU of this process, or the CPU."""
    if choose_device() == "cpu":
        if settings.amp:
            raise ValueError(named("amp is for GPUs, and there is none: leave it out"))
        return torch.device("cpu")
    processes, devices = int(os.environ.get("LOCAL_WORLD_SIZE", 1)), torch.cuda.device_count()
    if processes > devices:
        raise ValueError(named(f"there are {processes} processes for {devices} GPUs"))
    if settings.amp and settings.dtype == "float64":
        raise ValueError(named("amp with float64 makes no sense: leave one of them out"))
    if settings.amp and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise ValueError(named("amp needs a GPU that computes in bfloat16: leave it out"))
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))


@contextmanager
def _processes(device: torch.device) -> Iterator[None]:
    """Find the others, which torchrun has started, if any."""
    alone = {} if "RANK" in os.environ else {"store": dist.HashStore(), "rank": 0, "world_size": 1}
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", **alone)
    try:
        yield
    finally:
        # The end of a group waits for its threads while it holds Python's lock. One of them may
        # need that lock to free a tensor of the last exchange: let it have it first.
        time.sleep(0.1)
        dist.destroy_process_group()


def _new_model(batches: Minibatches) -> CaptioningRNN:
    """The captioner with its first weights, the same in every process."""
    s = batches.settings
    model = CaptioningRNN(
        batches.word_to_idx, batches.input_dim, s.wordvec_dim, s.hidden_dim, "attention",
        np.dtype(s.dtype), fields=s.fields, attention_dim=s.attention_dim,
    )  # fmt: skip
    model.initialize(np.random.default_rng(s.seed))
    return model


def _begin(out: Path, identity: dict[str, Any], rank: int) -> dict[str, Any] | None:
    """Make the run's folder, and read its checkpoint if there is one: process 0 does."""
    if rank:
        return None
    out.mkdir(parents=True, exist_ok=True)
    path = out / _CHECKPOINT
    if not path.exists():
        return None
    check_file(path, "the checkpoint")
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:  # which PyTorch does not look at
                raise ValueError("a checksum is wrong")
        state = torch.load(path, map_location="cpu", weights_only=True)
        before = state["identity"]
    except Exception as error:  # one changed byte can lead to nearly any
        raise ValueError(
            named(f"the checkpoint {path} is damaged ({error}); move it away to begin anew")
        ) from None
    wrong = [key for key in identity if identity[key] != before.get(key)]
    if wrong:
        raise ValueError(
            named(
                f"the checkpoint {path} was made with other settings ({', '.join(wrong)}); "
                "give another folder, or move it away"
            )
        )
    return state


def _check_same_data(identity: dict[str, Any], first: dict[str, Any]) -> None:
    if identity != first:
        raise ValueError(named("the data differ from those of process 0: copy the same file"))


def main(arguments: list[str] | None = None) -> None:
    """The command: see ``python -m cs231n_lib.speak.distributed --help``."""
    parser = argparse.ArgumentParser(
        "torchrun ... -m cs231n_lib.speak.distributed", description=__doc__.splitlines()[0]
    )
    parser.add_argument("data", help="an HDF5 file of features, captions, image_idxs and words")
    parser.add_argument("--out", required=True, help="the folder for checkpoint.pt, weights.npz")
    parser.add_argument("--workers", type=int, default=0, help="reading ahead, for each process")
    parser.add_argument("--save-every", type=int, help="steps between checkpoints (an epoch)")
    for setting in dataclasses.fields(RunSettings):
        how = (
            {"action": "store_true"}
            if setting.default is False
            else {"type": type(setting.default), "help": f"({setting.default})"}
        )
        parser.add_argument(f"--{setting.name.replace('_', '-')}", default=setting.default, **how)
    given = vars(parser.parse_args(arguments))
    run = {name: given.pop(name) for name in ("data", "out", "workers", "save_every")}
    make_reproducible()
    try:
        train(settings=RunSettings(**given), **run)
    except KeyboardInterrupt:
        sys.exit("interrupted; the same command goes on from the last checkpoint")
    except _ERRORS as error:  # in all processes
        sys.exit(1 if int(os.environ.get("RANK", 0)) else str(error))


if __name__ == "__main__":
    main()
