"""One set-up for runs that repeat: seeds, kernels, threads, the device, a record of versions."""

from __future__ import annotations

import os
import platform
import random
import sys
from importlib.metadata import version

import numpy as np
from joblib import cpu_count
from threadpoolctl import ThreadpoolController

from cs231n_lib.checks import Count, checked

__all__ = [
    "DEVICE_VARIABLE", "choose_device", "choose_threads", "environment", "make_reproducible",
]  # fmt: skip

DEVICE_VARIABLE = "CS231N_DEVICE"

_LARGEST_SEED = 2**32 - 1  # of NumPy's global generator
_MOST_THREADS = 4  # of PyTorch, however many processors there are


@checked(seed=Count(least=0, most=_LARGEST_SEED))
def make_reproducible(seed: int = 231) -> None:
    """Begin a run that repeats: the same seeds, and kernels that round alike in every run.

    PyTorch is set up if it has been imported: import it first. Numbers are then multiplied with all
    24 bits of a float32 (a GPU would shorten them to the 11 of TF32), and cuDNN may use only
    algorithms that add in a fixed order, and may not choose among them by how fast each was. On a
    CPU these change nothing. How many threads there are is for :func:`choose_threads` to say; what
    the chapters print does not depend on it.

    PyTorch's ``use_deterministic_algorithms`` is left off. On a GPU it forbids gradients of
    interpolation and of adaptive pooling, which the chapters need.

    Parameters
    ----------
    seed : int
        Of the global generators of ``random``, NumPy and PyTorch, from 0 to 4294967295. The
        library itself draws from generators of its own.

    Raises
    ------
    TypeError, ValueError
        If ``seed`` is not a whole number, negative or too large.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the global generator is the one to be set
    # Read when cuBLAS starts: scratch memory of a fixed size, without which sums may change order.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    choose_threads()
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True


def choose_threads() -> None:
    """Set how many threads NumPy and PyTorch compute with, so that a busy machine does no harm.

    NumPy and SciPy get one thread. PyTorch gets half of the processors that this process may use,
    at least one and at most four. It may use those that it is bound to, and not more than the quota
    of its container.

    Left to themselves, all three start a thread for every processor they see. Such threads wait for
    one another in loops that keep processors busy, and wait long where another program runs, or a
    quota is used up. On two cores a training step of chapter 1 takes 17 ms with one thread, 11 with
    two, and up to 533 when two notebooks with two threads each are at work; with one thread each it
    stays at 17. Two style transfers at once took forty times as long with two threads each as with
    one. With half of the processors, each of two chapters has its own; and no more than four, since
    large machines are often shared.

    A number that you choose yourself stays. Before Python starts, that is ``OMP_NUM_THREADS`` for
    all, ``OPENBLAS_NUM_THREADS`` for NumPy and SciPy, ``MKL_NUM_THREADS`` for PyTorch. In Python,
    call ``torch.set_num_threads``, or ``threadpoolctl.threadpool_limits`` with ``user_api="blas"``,
    once this function has been called: what was set there earlier is set anew.

    What is set goes into the environment, too, for libraries that are imported later and for
    processes that this one starts.
    """
    pools = ThreadpoolController()
    if _is_open("OPENBLAS_NUM_THREADS"):
        pools.select(internal_api="openblas").limit(limits=1)
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
    if _is_open("MKL_NUM_THREADS"):
        pools.select(internal_api="mkl").limit(limits=1)
        threads = max(1, min(_MOST_THREADS, cpu_count() // 2))
        os.environ["OMP_NUM_THREADS"] = str(threads)
        if torch := sys.modules.get("torch"):
            torch.set_num_threads(min(threads, torch.get_num_threads()))


def _is_open(variable: str) -> bool:
    """Whether nobody has said how many threads there are to be."""
    return not (os.environ.get(variable) or os.environ.get("OMP_NUM_THREADS"))


def choose_device() -> str:
    """The device to compute on: a GPU if there is one, else the CPU.

    The environment variable ``CS231N_DEVICE`` forces either: ``cpu`` or ``cuda``.

    Returns
    -------
    str
        ``"cuda"`` or ``"cpu"``.

    Raises
    ------
    ValueError
        If the variable holds anything else.
    RuntimeError
        If it asks for a GPU and PyTorch finds none.
    """
    import torch  # here: whoever sets up a run of NumPy alone need not wait for it

    available = torch.cuda.is_available()
    asked = os.environ.get(DEVICE_VARIABLE, "")
    if asked not in ("", "cpu", "cuda"):
        raise ValueError(f"{DEVICE_VARIABLE} is {asked!r}, expected 'cpu' or 'cuda', or unset")
    if asked == "cuda" and not available:
        raise RuntimeError(
            f"{DEVICE_VARIABLE} is 'cuda', but PyTorch {torch.__version__} finds no GPU; "
            "unset it, or set it to 'cpu'"
        )
    return asked or ("cuda" if available else "cpu")


def environment() -> dict[str, str | int]:
    """What results and run times may depend on; nothing that tells whose machine it is.

    Returns
    -------
    dict
        The versions of Python, NumPy, torch and torchvision, the device, PyTorch's number of
        threads and the processor's architecture.
    """
    import torch

    return {
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "torch", "torchvision")},
        "device": torch.cuda.get_device_name() if choose_device() == "cuda" else "CPU",
        "threads": torch.get_num_threads(),
        "architecture": platform.machine(),
    }
