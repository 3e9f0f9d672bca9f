"""The whole nbval run on one kind of machine after the other: ``make test-matrix``.

What a chapter prints must not depend on threads, on a quota of processors, on the kernels that a
processor is given, on what an earlier run left behind, on the language of the system, or on a
network. Each cell of the matrix is such a machine: it sets its conditions, proves that they hold,
and runs every chapter.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from joblib import cpu_count
from tabulate import tabulate

from cs231n_lib.reproducible import DEVICE_VARIABLE

__all__ = ["CELLS", "Cell", "main"]

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "_build" / "matrix"

_KERNELS = (
    "import os, subprocess, sys, numpy, threadpoolctl, torch; "
    "assert torch.backends.cpu.get_cpu_capability() == {aten!r}; "
    "assert [pool['architecture'] for pool in threadpoolctl.threadpool_info() "
    "if pool['internal_api'] == 'openblas'] == [{blas!r}]; "
    "extensions = numpy.show_config('dicts')['SIMD Extensions'].get('found', []); "
    "assert not set({without!r}.split()) & set(extensions), extensions; "
    "convolve = 'import torch; x = torch.ones(1, 1, 9, 9); torch.conv2d(x, x)'; "
    "said = subprocess.run([sys.executable, '-c', convolve], capture_output=True, text=True, "
    "env=os.environ | dict(ONEDNN_VERBOSE='1')).stdout; assert {onednn!r} in said, said"
)
_SET_UP = (
    "import os, threadpoolctl, torch; from cs231n_lib.notebook import setup; "
    "chosen = [name for name in os.environ if name.endswith('_NUM_THREADS')]; setup(); "
    "blas = {pool['num_threads'] for pool in threadpoolctl.threadpool_info() "
    "if pool['user_api'] == 'blas'}; "
)
_THREADS = "assert torch.get_num_threads() == {0}; assert blas == {{{0}}}"
_LEFT_TO_THE_BOOK = _SET_UP + (
    "from joblib import cpu_count; assert (chosen, blas) == ([], {1}), (chosen, blas); "
    "assert torch.get_num_threads() <= max(1, cpu_count() // 2); "
)
# What begins with AVX-512 for NumPy, by the names that it gives to groups of instructions.
_NUMPY_AVX512 = "X86_V4 AVX512_ICL AVX512_SPR"


def _kernels(aten: str, blas: str, without: str, onednn: str, mkl: str) -> dict[str, str]:
    """The variables that give every library the kernels of a processor of some age."""
    return {
        "ATEN_CPU_CAPABILITY": aten,
        "OPENBLAS_CORETYPE": blas,
        "NPY_DISABLE_CPU_FEATURES": without,
        "ONEDNN_MAX_CPU_ISA": onednn,
        "MKL_ENABLE_INSTRUCTIONS": mkl,
    }


def _avx512() -> str:
    there = "AVX512" in torch.backends.cpu.get_cpu_capability()
    return "" if there else "this processor has no AVX-512"


def _no_gpu() -> str:
    return "" if torch.cuda.is_available() else "PyTorch finds no GPU"


def _always() -> str:
    return ""


@dataclass(frozen=True)
class Cell:
    """One kind of machine.

    ``prepare`` is given an empty folder and returns further environment variables. ``missing`` says
    why that cannot be had on this machine, if it cannot. ``proof`` is Python code that
    fails where a condition does not hold. ``begin`` is put in front of the command. Without
    ``threads``, two chapters run at once, and the book chooses.
    """

    proof: str
    environment: dict[str, str] = field(default_factory=dict)
    threads: int | None = 1
    missing: Callable[[], str] = _always
    prepare: Callable[[Path], dict[str, str]] = lambda folder: {}
    begin: tuple[str, ...] = ()
    elsewhere: bool = False


# A new network has nothing but a loopback device, which is off: kernels are spoken to through it.
# 0x8914 is SIOCSIFFLAGS, 1 is IFF_UP.
_WITHOUT_NETWORK = (
    "unshare", "--map-root-user", "--net", sys.executable, "-c",
    "import fcntl, os, socket, struct, sys; "
    "fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh22x', b'lo', 1)); "
    "os.execvp(sys.argv[1], sys.argv[1:])",
)  # fmt: skip


def _no_network() -> str:
    tried = subprocess.run([*_WITHOUT_NETWORK[:3], "true"], capture_output=True)
    return tried.stderr.decode().strip()


# A group of its own, in the first version of control groups or the second, which the command finds
# where a container finds its own: at their root. The group goes when the command has ended.
_ONE_CPU = ("sh", "-c", """
root=/sys/fs/cgroup file=cpu.max
[ -e $root/cgroup.controllers ] || root=$root/cpu file=cpu.cfs_quota_us
group=$(mktemp -d $root/one-cpu-XXXXXX) && trap 'rmdir "$group"' EXIT || exit
echo 100000 > "$group/$file" && unshare --mount sh -c '
    echo $$ > "$0/cgroup.procs" && mount --bind "$0" "$1" && shift && exec "$@"
' "$group" "$root" "$@"
""", "one-cpu")  # fmt: skip

# The quota is seen, and is that of the group which this process is in.
_ONE_CPU_HOLDS = (
    "from pathlib import Path; assert cpu_count() == 1 < os.cpu_count(); "
    "groups = [Path('/sys/fs/cgroup', place, 'cgroup.procs') for place in ('', 'cpu')]; "
    "members = next(group.read_text() for group in groups if group.exists()); "
    "assert str(os.getpid()) in members.split()"
)


def _no_quota() -> str:
    if os.cpu_count() == 1:
        return "this machine has a single processor"
    return subprocess.run([*_ONE_CPU, "true"], capture_output=True).stderr.decode().strip()


def _fresh_home(folder: Path) -> dict[str, str]:
    return {"HOME": str(folder), "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


def _abroad(folder: Path) -> dict[str, str]:
    """German, with a decimal comma, and a home folder that may not be written to."""
    target = folder / "de_DE.UTF-8"
    subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", target], check=True)
    folder.chmod(0o555)
    german = {"LOCPATH": str(folder), "LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"}
    return german | {"HOME": str(folder)}


def _cannot_go_abroad() -> str:
    if not (shutil.which("localedef") and Path("/usr/share/i18n/locales/de_DE").exists()):
        return "localedef or the definition of de_DE is missing"
    return _no_network()


# Where the first of these lead, programs keep what they need again; without them it is in the home
# folder. The last are for the cell to set.
_CACHES = "XDG_|MPLCONFIGDIR|JUPYTER_|IPYTHONDIR|PYTHONPYCACHEPREFIX"
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_NOT_KEPT = re.compile("|".join((_CACHES, *_THREAD_VARIABLES)))

# Root may write everywhere, until it gives that privilege up.
_AS_ANYBODY = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()

CELLS = {
    "threads-1": Cell(_SET_UP + _THREADS.format(1)),
    "threads-2": Cell(_SET_UP + _THREADS.format(2), threads=2),
    "quota-of-one-cpu": Cell(
        _LEFT_TO_THE_BOOK + _ONE_CPU_HOLDS, threads=None, begin=_ONE_CPU, missing=_no_quota
    ),
    # Processors of about 2010, 2013 and 2017.
    "kernels-sse": Cell(
        _KERNELS.format(
            aten="DEFAULT",
            blas="Nehalem",
            without=f"X86_V3 {_NUMPY_AVX512}",
            onednn="isa:Intel SSE4.1",
        ),
        _kernels("default", "Nehalem", f"X86_V3 {_NUMPY_AVX512}", "SSE41", "SSE4_2"),
    ),
    "kernels-avx2": Cell(
        _KERNELS.format(
            aten="AVX2", blas="Haswell", without=_NUMPY_AVX512, onednn="isa:Intel AVX2"
        ),
        _kernels("avx2", "Haswell", _NUMPY_AVX512, "AVX2", "AVX2"),
    ),
    "kernels-avx512": Cell(
        _KERNELS.format(
            aten="AVX512", blas="SkylakeX", without="AVX512_SPR", onednn="isa:Intel AVX-512"
        ),
        _kernels("avx512", "SkylakeX", "AVX512_SPR", "AVX512_CORE", "AVX512"),
        missing=_avx512,
    ),
    # The first run after an installation: two chapters at once, and no cache of any kind.
    "fresh-home": Cell(
        "import locale; from pathlib import Path; assert not (Path.home() / '.cache').exists(); "
        "locale.setlocale(locale.LC_ALL, ''); "
        "assert locale.setlocale(locale.LC_NUMERIC) == 'C'; " + _LEFT_TO_THE_BOOK,
        {"LC_ALL": "C", "LANG": "C"},
        threads=None,
        prepare=_fresh_home,
    ),
    # In another folder and another language, with a home that is not to be written to, offline.
    "abroad": Cell(
        "import locale, os, socket; from pathlib import Path; "
        "locale.setlocale(locale.LC_ALL, ''); assert locale.format_string('%.1f', 0.5) == '0,5'; "
        "assert not os.access(Path.home(), os.W_OK); assert not os.path.exists('chapters'); "
        "assert [name for _, name in socket.if_nameindex()] == ['lo']; "
        "server = socket.create_server(('127.0.0.1', 0)); "
        "socket.create_connection(server.getsockname())",
        prepare=_abroad,
        missing=_cannot_go_abroad,
        begin=(*_WITHOUT_NETWORK, *_AS_ANYBODY),
        elsewhere=True,
    ),
    "gpu": Cell(
        "from cs231n_lib.reproducible import choose_device; assert choose_device() == 'cuda'",
        {DEVICE_VARIABLE: "cuda"},
        missing=_no_gpu,
    ),
}


def _run(name: str, cell: Cell, chapters: Path) -> tuple[bool, str]:
    """Run chapters under one condition; whether all agreed, and how many cells that were."""
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as elsewhere:
        threads, processes = {"CS231N_TEST_THREADS": "book"}, 2
        if cell.threads:
            threads = dict.fromkeys(_THREAD_VARIABLES, str(cell.threads))
            processes = max(1, cpu_count() // cell.threads)
        kept = {name: value for name, value in os.environ.items() if not _NOT_KEPT.match(name)}
        kept[DEVICE_VARIABLE] = "cpu"  # whose kernels and threads the conditions are about
        environment = kept | threads | cell.environment | cell.prepare(Path(home))
        place = elsewhere if cell.elsewhere else ROOT

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            command = [*cell.begin, sys.executable, *arguments]
            return subprocess.run(
                command, cwd=place, env=environment, capture_output=True, text=True
            )

        proof = run("-c", cell.proof)
        if proof.returncode:
            return False, f"the condition does not hold: {proof.stderr.strip()}"
        done = run(
            "-m", "pytest", "-q", f"--numprocesses={processes}", "--rootdir", str(ROOT),
            "--config-file", str(ROOT / "pyproject.toml"), str(chapters),
        )  # fmt: skip
    LOGS.mkdir(parents=True, exist_ok=True)
    (LOGS / f"{name}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    passed = re.search(r"(\d+) passed", done.stdout)
    if done.returncode or not passed:
        return False, f"exit status {done.returncode}, see _build/matrix/{name}.log"
    return True, f"{passed[1]} cells agree"


def main(arguments: list[str] | None = None) -> int:
    """Run the cells that are asked for, all without arguments; 1 if one of them is red."""
    parser = argparse.ArgumentParser(prog="make test-matrix", description=__doc__.splitlines()[0])
    parser.add_argument("cells", nargs="*", metavar="CELL", help=", ".join(CELLS))
    parser.add_argument("--chapter", default="", help="one alone, such as 07-captions-that-look")
    parser.add_argument("--list", action="store_true", help="print the names of all cells")
    parsed = parser.parse_args(arguments)
    if parsed.list:
        print("\n".join(CELLS))
        return 0
    if unknown := [name for name in parsed.cells if name not in CELLS]:
        parser.error(f"no cell {', '.join(unknown)}; there are {', '.join(CELLS)}")
    chapters = ROOT / "chapters" / (parsed.chapter and f"{parsed.chapter}.ipynb")
    rows = []
    for name in parsed.cells or CELLS:
        start = time.perf_counter()
        if reason := CELLS[name].missing():
            state, what = "skipped", reason
        else:
            green, what = _run(name, CELLS[name], chapters)
            state = "green" if green else "RED"
        rows.append((name, state, what, f"{time.perf_counter() - start:.0f} s"))
        print(*rows[-1], sep=" · ", flush=True)
    print(tabulate(rows, headers=("cell", "", "what was seen", "time"), tablefmt="github"))
    return int(any(state == "RED" for _, state, _, _ in rows))


if __name__ == "__main__":
    sys.exit(main())
