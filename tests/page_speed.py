"""How fast Python in a page is on this machine, in Chromium: ``python -m tests.page_speed``.

Of each figure the time on the clock, and the time of all processors together, which another program
does not make longer. The machine is its own server, so that no download is waited for.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from tests.browser import Browser, find_programs
from tests.chapters import ROOT
from tests.site.test_runtime import CLICKS, Opened, make_page, serving

SCENE = """import time
from website.page import ask
things = ask.held_out("scenes", 0)
ask.ask("scenes", 0, things)
start = time.perf_counter()
ask.ask("scenes", 0, things)
result = time.perf_counter() - start
"""
CHECK = """import time
from cs231n_lib.speak.lstm import lstm_step_backward
from cs231n_lib.workshop import diagnosis, tasks
start = time.perf_counter()
diagnosis.diagnose(lstm_step_backward, tasks.TASKS["lstm_step_backward"])
result = time.perf_counter() - start
"""
MEMORY = "import pyodide_js\nresult = pyodide_js._module.HEAP8.length"


def processor_time(parent: int) -> float:
    """Seconds that a process and all it started have used so far."""
    used, parents = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        used[int(path.parent.name)] = int(fields[11]) + int(fields[12])
        parents[int(path.parent.name)] = int(fields[1])

    def is_below(process: int) -> bool:
        return process == parent or (process in parents and is_below(parents[process]))

    return sum(used[process] for process in used if is_below(process)) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, serving(make_page(Path(folder, "page"))) as http:
        browser = Browser(f"http://127.0.0.1:{http.server_port}", *find_programs())
        browser.driver.set_script_timeout(600)
        chromium = browser.driver.service.process.pid

        def timed(what: str, act: Callable[[], Any]) -> None:
            start, used = perf_counter(), processor_time(chromium)
            inside = act()
            assert not isinstance(inside, dict), inside  # an error
            took, used = perf_counter() - start, processor_time(chromium) - used
            inside = f", {inside:.3f} s of it within Python" if isinstance(inside, float) else ""
            print(f"{what}: {took:.2f} s, {used:.2f} s of processors{inside}", flush=True)

        try:
            page = Opened(browser, http).open()
            timed("first visit, from the press to the first output", lambda: page.run("print(1)"))
            print(f"to load, if the server packs it: {page.js('python.size') / 1e6:.1f} MB")
            timed("Stop, until it is ready again", lambda: page.js("await python.stop()"))
            page = Opened(browser, http).open()
            timed("second visit, to the first output", lambda: page.run("print(1)"))
            timed("an empty call", lambda: page.run("pass"))
            names = [
                f"captioners/scenes-{name}.npz" for name in ("eyes", "rnn", "lstm", "attention")
            ]
            page.js(f"await python.bring({names})")
            timed("a scene drawn, described, captioned by three", lambda: page.run(SCENE))
            timed("a check of lstm_step_backward", lambda: page.run(CHECK))
            print(f"memory of Python: {page.run(MEMORY) / 1e6:.0f} MB")
            waits = page.js(CLICKS)
            print(f"a click while Python works: {waits[50]:.1f} ms, at most {waits[-1]:.1f} ms")
        finally:
            browser.driver.quit()


if __name__ == "__main__":
    (ROOT / "_build" / "runtime").stat()  # make runtime
    main()
