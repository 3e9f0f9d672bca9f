"""How fast the library is, measured on this machine: ``make bench``.

Prints every table and writes it for the book's page about speed. A ratio below 1 in a column
"ours / something" says that ours is the faster one.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import torch
from tabulate import tabulate
from threadpoolctl import threadpool_info, threadpool_limits

from benchmarks import (
    captions,
    cells,
    growth,
    layers,
    nouns,
    painting,
    peers,
    photographs,
    pictures,
    processes,
    starting,
    transformer,
)
from cs231n_lib.reproducible import environment

_FOLDER = Path(__file__).parent.parent / "chapters" / "_measured"


def machine() -> list[dict[str, Any]]:
    """What did the work: versions, and which kernels the libraries chose for this processor."""
    blas = next(pool for pool in threadpool_info() if "numpy" in pool["filepath"])
    facts = {
        "date": datetime.date.today().isoformat(),
        "Python": platform.python_version(),
        "NumPy, SciPy": f"{np.__version__}, {scipy.__version__}",
        "matrix products of NumPy": "{internal_api} {version}, kernels for {architecture}".format(
            **blas
        )
        + ", as OPENBLAS_CORETYPE says" * ("OPENBLAS_CORETYPE" in os.environ),
        "PyTorch": f"{torch.__version__}, {torch.backends.cpu.get_cpu_capability()}"
        + ", oneMKL and oneDNN" * torch.backends.mkl.is_available(),
        "device": environment()["device"],
        "threads": torch.get_num_threads(),
    }
    return [{"what": name, "on this run": value} for name, value in facts.items()]


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7, help="turns of each side")
    parser.add_argument("--threads", type=int, default=1, help="of NumPy and PyTorch")
    about_speed = {
        "layers": layers.tables, "captions": captions.tables, "pictures": pictures.tables,
        "peers": peers.tables, "painting": painting.tables,
    }  # fmt: skip
    trained = {"looking": nouns.looking, "lacking": nouns.lacking, "reading": nouns.reading}
    trained |= {"transformer": transformer.tables, "processes": processes.tables}
    trained |= {"growing": growth.growing, "growing-paintings": growth.paintings}
    trained |= {"starting": starting.tables}
    functions = about_speed | {"cells": cells.tables, "photographs": photographs.tables} | trained
    parser.add_argument("only", nargs="*", choices=[[], *functions])
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    _FOLDER.mkdir(exist_ok=True)
    with threadpool_limits(arguments.threads):
        if not arguments.only:
            report("machine", machine())
        for name in arguments.only or about_speed:
            found = functions[name](arguments.repeats)
            # What takes long comes in part after each training, and is kept as it comes.
            for tables in found if isinstance(found, Iterator) else [found]:
                for table, rows in tables.items():
                    report(table, rows)


def report(name: str, rows: list[dict[str, Any]]) -> None:
    """Print a table, and keep it for the book."""
    print(f"\n{name}\n{tabulate(rows, headers='keys', disable_numparse=True)}", flush=True)
    text = tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)
    (_FOLDER / f"{name}.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
