"""Execute chapters in place and record how it went: ``python -m website.execute [CHAPTER ...]``.

Two run at a time. A chapter that fails or is interrupted is left as it was, and so is its record.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import signal
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from cs231n_lib.files import write_atomically
from website.book import chapter_files, fingerprint
from website.status import read_record

__all__ = ["execute", "main"]

CHAPTERS = Path(__file__).resolve().parent.parent / "chapters"

AT_ONCE = 2  # chapters: each takes half of the processors, see cs231n_lib.reproducible

# Run by a chapter's kernel when all is done: what it ran with, and its largest memory, in MB.
_FACTS = r"""
import json, pathlib, re, resource
proc = pathlib.Path("/proc/self/status")
if proc.exists():  # on Linux, what getrusage tells holds the memory of the parent process as well
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", proc.read_text())[1]) * 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
from cs231n_lib.reproducible import environment
print(json.dumps({"memory": round(peak / 1e6), **environment()}))
"""


def _leave_signals_to_python(notebook: nbformat.NotebookNode) -> None:
    """Have Ctrl-C raise KeyboardInterrupt, and a termination end this process.

    nbclient would end the kernel alone: its wake is an error, or the next chapter. The kernel ends
    all the same, when this process does.
    """
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().remove_signal_handler(signal_number)


async def execute(path: Path, record_path: Path) -> float:
    """Execute one notebook and return the seconds it took.

    The notebook and its entry in the record are replaced only when all cells ran. Raises
    nbclient's CellExecutionError or DeadKernelError otherwise.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=None,
        record_timing=False,
        coalesce_streams=True,  # what a loop prints is one block on the page
        extra_arguments=["--IPKernelApp.log_level=CRITICAL"],  # errors of cells come otherwise
        resources={"metadata": {"path": str(path.parent)}},
        on_notebook_start=_leave_signals_to_python,
    )
    notebook.cells.append(nbformat.v4.new_code_cell(_FACTS))
    start = time.perf_counter()
    await client.async_execute()
    seconds = time.perf_counter() - start
    facts = json.loads(notebook.cells.pop().outputs[0].text)
    entry = {
        "seconds": round(seconds),
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "code": fingerprint(notebook),
        **facts,
    }
    record = read_record(record_path) | {path.stem: entry}
    text = json.dumps(dict(sorted(record.items())), indent=2) + "\n"
    write_atomically(path, lambda file: file.write(nbformat.writes(notebook).encode() + b"\n"))
    write_atomically(record_path, lambda file: file.write(text.encode()))
    return seconds


async def _execute_all(paths: list[Path], record_path: Path) -> bool:
    """Execute notebooks, some at a time, and say how each ended; whether all of them ran."""
    free = asyncio.Semaphore(AT_ONCE)

    async def attempt(path: Path) -> bool:
        async with free:
            print(f"{path.stem}: running ...", flush=True)
            try:
                seconds = await execute(path, record_path)
            except (CellExecutionError, DeadKernelError) as error:
                if asyncio.current_task().cancelling():  # Ctrl-C; nbclient says the kernel died
                    raise asyncio.CancelledError from error
                print(f"{path.stem}: FAILED; notebook and record are as before.", flush=True)
                print(error, file=sys.stderr)
                return False
            print(f"{path.stem}: {seconds:.0f} s", flush=True)
            return True

    return all(await asyncio.gather(*map(attempt, paths)))


def main(arguments: list[str] | None = None, folder: Path = CHAPTERS) -> int:
    """Execute the chapters that are asked for, all without arguments; 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m website.execute", description=__doc__)
    notebooks = {path.stem: path for path in chapter_files(folder, ".ipynb")}
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help=", ".join(notebooks))
    asked = parser.parse_args(arguments).chapters or list(notebooks)
    asked = [Path(name).stem for name in asked]
    if unknown := [name for name in asked if name not in notebooks]:
        parser.error(f"no chapter {', '.join(unknown)}; there are {', '.join(notebooks)}")
    try:
        all_ran = asyncio.run(
            _execute_all([notebooks[name] for name in asked], folder / "status.json")
        )
    except KeyboardInterrupt:
        print("INTERRUPTED; what was running is as before.")
        return 130
    return int(not all_ran)


if __name__ == "__main__":
    sys.exit(main())
