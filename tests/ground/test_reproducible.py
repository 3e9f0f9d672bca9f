"""One set-up for runs that repeat: seeds, kernels, the device, versions."""

from __future__ import annotations

import os
import platform
import random
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch
from threadpoolctl import ThreadpoolController

from cs231n_lib import reproducible
from cs231n_lib.reproducible import (
    choose_device,
    choose_threads,
    environment,
    make_reproducible,
)

CHAPTERS = sorted(Path(__file__).parents[2].glob("chapters/[0-9]*.md"))
KERNELS = (
    (torch.backends.cuda.matmul, "allow_tf32"),
    (torch.backends.cudnn, "allow_tf32"),
    (torch.backends.cudnn, "benchmark"),
    (torch.backends.cudnn, "deterministic"),
)


@pytest.fixture(autouse=True)
def everything_as_before(monkeypatch):
    monkeypatch.setattr(os, "environ", dict(os.environ))
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    kernels = [getattr(place, name) for place, name in KERNELS]
    yield
    for (place, name), value in zip(KERNELS, kernels):
        setattr(place, name, value)
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    torch.set_rng_state(states[2])


def draws() -> list[float]:
    return [random.random(), np.random.rand(), torch.rand(()).item()]  # noqa: NPY002


def test_a_gpu_neither_rounds_off_nor_chooses_anew_in_each_run():
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    matmul.allow_tf32 = cudnn.allow_tf32 = cudnn.benchmark = True
    cudnn.deterministic = False
    os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)
    make_reproducible()
    assert not (matmul.allow_tf32 or cudnn.allow_tf32 or cudnn.benchmark)
    assert cudnn.deterministic
    assert torch.get_float32_matmul_precision() == "highest"
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


def test_whoever_has_not_imported_torch_does_not_wait_for_it():
    script = """
import random, sys
from cs231n_lib.reproducible import make_reproducible
make_reproducible(7)
assert "torch" not in sys.modules
assert random.random() == random.Random(7).random()
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_that_computes_with_torch_imports_it_before_it_is_set_up(chapter):
    text = chapter.read_text(encoding="utf-8")
    if "choose_device()" in text:
        assert text.index("\nimport torch\n") < text.index("\nsetup(")


def test_a_setting_of_cublas_that_there_is_stays():
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":16:8"
    make_reproducible()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


@pytest.mark.parametrize(
    ("there", "asked", "chosen"),
    [
        (False, None, "cpu"),
        (False, "", "cpu"),
        (False, "cpu", "cpu"),
        (True, None, "cuda"),
        (True, "", "cuda"),
        (True, "cpu", "cpu"),
        (True, "cuda", "cuda"),
    ],
)
def test_a_gpu_is_used_where_there_is_one_unless_the_variable_says_otherwise(
    monkeypatch, there, asked, chosen
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    os.environ.pop("CS231N_DEVICE", None)
    if asked is not None:
        os.environ["CS231N_DEVICE"] = asked
    assert choose_device() == chosen


def test_a_gpu_that_is_not_there_cannot_be_forced(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    os.environ["CS231N_DEVICE"] = "cuda"
    with pytest.raises(RuntimeError, match=r"CS231N_DEVICE is 'cuda', .* finds no GPU"):
        choose_device()


def test_the_record_names_versions_device_and_threads():
    os.environ["CS231N_DEVICE"] = "cpu"
    record = environment()
    assert record["numpy"] == np.__version__
    assert torch.__version__.split("+")[0] == record["torch"].split("+")[0]
    assert record["device"] == "CPU"
    assert record["threads"] == torch.get_num_threads()
    assert set(record) == {
        "python", "numpy", "torch", "torchvision", "device", "threads", "architecture",
    }  # fmt: skip


# Threads.

OF_BLAS = ThreadpoolController().select(user_api="blas")


@pytest.fixture
def chosen(monkeypatch):
    """Choose, on a machine of so many processors, where libraries have started with 64 threads.

    Gives the threads of PyTorch, those of every BLAS, and the environment.
    """
    of_torch = torch.get_num_threads()

    def choose(processors: int, **variables: str) -> tuple[int, set[int], dict[str, str]]:
        monkeypatch.setattr(reproducible, "cpu_count", lambda: processors)
        for name in [name for name in os.environ if name.endswith("_NUM_THREADS")]:
            del os.environ[name]
        os.environ.update(variables)
        torch.set_num_threads(64)
        OF_BLAS.limit(limits=2)
        make_reproducible()
        names = {name: os.environ[name] for name in os.environ if name.endswith("_NUM_THREADS")}
        return torch.get_num_threads(), {pool["num_threads"] for pool in OF_BLAS.info()}, names

    with OF_BLAS.limit(limits=None):
        yield choose
    torch.set_num_threads(of_torch)


@pytest.mark.parametrize(
    ("processors", "threads"), [(1, 1), (2, 1), (3, 1), (4, 2), (7, 3), (8, 4), (64, 4)]
)
def test_pytorch_gets_half_of_the_processors_and_blas_one_thread(chosen, processors, threads):
    names = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": "1"}
    assert chosen(processors) == (threads, {1}, names)


@pytest.mark.parametrize(
    ("variables", "of_torch", "of_blas"),
    [
        ({"OMP_NUM_THREADS": "2"}, 64, 2),
        ({"MKL_NUM_THREADS": "2"}, 64, 1),
        ({"OPENBLAS_NUM_THREADS": "2"}, 3, 2),
        ({"OPENBLAS_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}, 64, 2),
        ({"OMP_NUM_THREADS": ""}, 3, 1),
    ],
)
def test_a_number_that_was_set_stays_and_rules_what_it_is_about(
    chosen, variables, of_torch, of_blas
):
    assert chosen(6, **variables)[:2] == (of_torch, {of_blas})


def test_fewer_threads_that_were_asked_for_stay_and_more_may_be_asked_for_afterwards(chosen):
    chosen(4)
    torch.set_num_threads(3)
    choose_threads()
    assert torch.get_num_threads() == 3
    del os.environ["OMP_NUM_THREADS"]
    torch.set_num_threads(1)
    choose_threads()
    assert torch.get_num_threads() == 1


def test_a_torch_that_is_imported_later_will_find_its_number(chosen, monkeypatch):
    monkeypatch.delitem(sys.modules, "torch")
    assert chosen(6) == (64, {1}, {"OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "1"})


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes cannot be bound here")
def test_a_real_process_of_one_processor_and_a_library_that_is_loaded_later():
    script = """
import os
import numpy
from cs231n_lib import reproducible
os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])
assert reproducible.cpu_count() == 1  # not what the machine has
reproducible.make_reproducible()
import scipy.linalg, threadpoolctl, torch
threads = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
assert len(threads) >= 3 and set(threads) == {1}, threads
assert torch.get_num_threads() == 1
"""
    kept = {name: value for name, value in os.environ.items() if "_NUM_THREADS" not in name}
    subprocess.run([sys.executable, "-c", script], check=True, env=kept)


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_each_generator_gets_the_seed_as_it_is(seed):
    make_reproducible(seed)
    assert draws() == [
        random.Random(seed).random(),
        np.random.RandomState(seed).rand(),
        torch.rand((), generator=torch.Generator().manual_seed(seed)).item(),
    ]


def test_the_record_tells_the_truth(monkeypatch):
    record = environment()
    assert record["python"] == platform.python_version()
    assert record["architecture"] == platform.machine()
    assert record["torchvision"] == metadata.version("torchvision")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a fast one")
    os.environ["CS231N_DEVICE"] = "cuda"
    assert environment()["device"] == "a fast one"
