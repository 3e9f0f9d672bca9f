"""Python in a page, in Chromium: how it starts, works and stops, and what is said where it cannot.

The page has nothing but a title and the modules, so that no website has to be built.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from selenium.webdriver import ActionChains, Keys

from tests.browser import Browser, QuietHandler, find_programs
from tests.chapters import ROOT
from tests.node import archive, needs_runtime
from website.policy import policy
from website.runtime import facts, publish, word

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8" />
<meta http-equiv="Content-Security-Policy" content="POLICY">
<title>A page</title>
<link rel="icon" href="data:,">
<h1>A page</h1>
{word}
<script defer src="_static/page/begin.js"></script>
</html>
"""
PROBE = 'import * as here from "./python.mjs";\nwindow.here = here;\n'
BEFORE_THE_WORKER = """const first = arguments[0], B = Blob;
Blob = class extends B { constructor(parts, options) { super([first, ...parts], options); } };"""
ENDLESS = "while True: pass"
# How many milliseconds each of a hundred clicks waits, while a loop runs.
CLICKS = f"""await (async () => {{
    const waits = [];
    const running = python.call("page.probe.run", {{ code: "{ENDLESS}" }}).catch(() => 0);
    let sent;
    document.body.addEventListener("click", () => waits.push(performance.now() - sent));
    for (let k = 0; k < 100; k++) {{
        sent = performance.now();
        await new Promise((resolve) => setTimeout(resolve));
        document.body.click();
    }}
    await python.stop();
    await running;
    return waits.sort((a, b) => a - b);
}})()"""


class Faulty(QuietHandler):
    """Serves a folder, except where the name of a file has a fault, and notes what is asked for.

    A file is refused, damaged, or cut: begun and never ended. Or the whole server is away.
    """

    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def do_GET(self) -> None:  # noqa: N802
        server = self.server
        server.asked.append(self.path)
        name = self.path.rpartition("/")[2]
        fault = next((f for part, f in server.faults.items() if part in name), None)
        if fault is None:
            return super().do_GET()
        self.close_connection = True
        if fault == "away":
            return None
        if fault == "refused":
            return self.send_error(403)
        data = Path(self.translate_path(self.path)).read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(self.path))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        rest = bytes([data[-1] ^ 1]) if fault == "damaged" else b""
        self.wfile.write(data[: len(data) - 1] + rest)


def make_page(folder: Path, public: str = "") -> Path:
    """A folder with a page as the website has them; with the runtime, or with an address of it."""
    static, root = folder / "_static", folder / "book"
    shutil.copytree(ROOT / "chapters" / "_static" / "page", static / "page")
    root.mkdir()
    for name in ("cs231n_lib", "website", *([] if public else ["_build"])):
        (root / name).symlink_to(ROOT / name)
    publish(root, static)
    (static / "page" / "probe.mjs").write_text(PROBE)
    (static / "page" / "book.zip").write_bytes(book := archive())
    told = json.loads((static / "page" / "site.json").read_text())
    told |= {"book": facts(book), "public": public}
    (static / "page" / "site.json").write_text(json.dumps(told))
    page = PAGE.format(word=word(root, "probe.mjs"))
    allowed = policy(page, elsewhere=public).replace("https://127", "http://127")
    (folder / "index.html").write_text(page.replace("POLICY", allowed))
    return folder


@contextmanager
def serving(folder: Path) -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Faulty, directory=folder)) as http:
        http.asked, http.faults = [], {}
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield http
        http.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    needs_runtime()
    return make_page(tmp_path_factory.mktemp("a page"))


@pytest.fixture(scope="module")
def http(folder) -> Iterator[ThreadingHTTPServer]:
    with serving(folder) as http:
        yield http


@pytest.fixture(scope="module")
def chromium(http) -> Iterator[Browser]:
    opened = Browser(f"http://127.0.0.1:{http.server_port}", *find_programs())
    opened.driver.set_script_timeout(180)
    yield opened
    opened.driver.quit()


@dataclass
class Opened:
    """The page: `js` awaits an expression, and gives what it was or what it threw."""

    browser: Browser
    http: ThreadingHTTPServer

    def open(self) -> Opened:
        """Open it anew."""
        self.browser.open("index.html", typeset=False)
        wait = "const wait = () => window.here ? done() : setTimeout(wait, 20); wait();"
        self.browser.wait_for(wait)
        self.http.asked.clear()
        return self

    def js(self, expression: str):
        return self.browser.wait_for(
            f"""(async () => {{ const {{ python }} = here; return {expression}; }})().then(done,
            ({{ name, reason, message, cause, traceback }}) =>
                done({{ name, reason, message, cause: String(cause), traceback }}));"""
        )

    def run(self, code: str):
        return self.js(f'await python.call("page.probe.run", {{ code: {code!r} }})')


@contextmanager
def at(browser: Browser, http: ThreadingHTTPServer) -> Iterator[None]:
    """Let a browser open the pages of another server."""
    home, browser.address = browser.address, f"http://127.0.0.1:{http.server_port}"
    try:
        yield
    finally:
        browser.address = home


@pytest.fixture
def page(chromium, http) -> Opened:
    http.faults.clear()
    return Opened(chromium, http).open()


@pytest.fixture
def started(chromium, http) -> Opened:
    """The page with Python ready: that of the test before, where it is."""
    http.faults.clear()
    page = Opened(chromium, http)
    if chromium.run("return window.here?.python.state") != "ready":
        page.open().js("await python.start()")
    http.asked.clear()
    return page


@pytest.fixture
def fresh(chromium, http) -> Opened:
    """The same on a first visit."""
    http.faults.clear()
    chromium.command("Network.clearBrowserCache")
    return Opened(chromium, http).open()


def test_until_it_is_asked_for_nothing_is_loaded_and_then_from_the_site_alone(fresh):
    assert fresh.http.asked == []
    assert fresh.js("[python.state, python.needsAsking()]") == ["off", False]
    told = fresh.js(
        """await (async () => {
            const progress = [], states = [];
            python.on("state", (state) => states.push(state));
            await python.start(({ done, total }) => progress.push([done, total]));
            return { progress, states, size: python.size };
        })()"""
    )
    done, total = told["progress"][-1]
    assert done == pytest.approx(total, rel=1e-4)
    assert total == pytest.approx(told["size"], rel=1e-3)  # the archive has the probe in it
    assert 9e6 < total < 12e6
    assert len(told["progress"]) > 20
    assert told["states"] == ["starting", "ready"]
    assert {path.rpartition("/")[2] for path in fresh.http.asked} >= {"book.zip", "pyodide.mjs"}
    addresses = [response.address for response in fresh.browser.responses()]
    assert [a for a in addresses if not a.startswith(("blob:", fresh.browser.address))] == []
    assert fresh.browser.console() == []


def test_what_is_printed_comes_before_the_answer_and_an_error_is_the_readers(started):
    said = started.js(
        """await (async () => {
            const said = [], onText = (stream, text) => said.push(`${python.state} ${text}`);
            await python.call("page.probe.run", { code: "print(1 + 1)" }, { onText });
            return [...said, python.state];
        })()"""
    )
    assert "".join(said) == "busy 2\nready"
    error = started.run("1 / 0")
    assert (error["name"], error["message"]) == (
        "PythonError", "ZeroDivisionError: division by zero",
    )  # fmt: skip
    assert '"<cell 1>", line 1' in error["traceback"]
    assert "bridge" not in error["traceback"]


def test_a_loop_that_prints_without_end_does_not_flood_the_page(started):
    count, length = started.js(
        """await (async () => {
            let count = 0, length = 0;
            const onText = (stream, text) => { count += 1; length += text.length; };
            const code = "for k in range(300_000): print(k)";
            await python.call("page.probe.run", { code }, { onText });
            return [count, length];
        })()"""
    )
    assert count < 400
    assert 200_000 < length < 210_000


def test_the_page_answers_while_python_works(started):
    """Half of the clicks count, as the machine may be busy."""
    waits = started.js(CLICKS)
    assert len(waits) == 100
    assert waits[50] < 100


def test_stop_ends_a_loop_at_once_and_starts_from_what_the_browser_has(started):
    stopped = started.js(
        f"""await (async () => {{
            const told = [];
            python.on("restarted", () => told.push("restarted"));
            const running = python.call("page.probe.run", {{ code: "{ENDLESS}" }});
            await new Promise((resolve) => setTimeout(resolve, 300));
            const pressed = performance.now();
            const ready = python.stop();
            const name = await running.catch((error) => error.name);
            const ended = performance.now() - pressed;
            await ready;
            return {{ name, ended, told, state: python.state }};
        }})()"""
    )
    assert stopped["ended"] < 1000
    assert (stopped["name"], stopped["told"], stopped["state"]) == (
        "Stopped",
        ["restarted"],
        "ready",
    )
    asked = [path.rpartition("/")[2] for path in started.http.asked]
    assert sorted(asked) == ["site.json", "worker.mjs"]
    assert started.run("pass") is None


def test_stop_while_it_loads_only_ends_that(page):
    stopped = page.js(
        """await (async () => {
            const starting = python.start().catch((error) => error.name);
            const early = [python.state, await python.stop(), await starting, python.state];
            const loading = new Promise((resolve) => python.start(resolve).catch(resolve));
            return [...early, (await loading).total > 0, await python.stop(), python.state];
        })()"""
    )
    assert stopped == ["starting", None, "Stopped", "off", True, None, "off"]


def test_python_that_has_died_is_started_anew(started):
    died = started.run("import ctypes; ctypes.string_at(2**32 - 16, 8)")
    assert died["message"] == "Python ran out of memory, or ended by itself."
    assert started.run("pass") is None


def test_code_in_the_page_can_send_nothing_anywhere(started):
    with serving(ROOT) as elsewhere:
        address = f"http://127.0.0.1:{elsewhere.server_port}/README.md"
        error = started.run(
            "from js import XMLHttpRequest\nrequest = XMLHttpRequest.new()\n"
            f"request.open('GET', '{address}', False)\nrequest.send()"
        )
        assert error["name"] == "PythonError"
        assert "NetworkError" in error["message"]
        assert elsewhere.asked == []


def test_no_text_that_gets_into_the_page_runs_as_a_script(page):
    """Such as what a reader's code gives back to be shown."""
    ran = page.js(
        """await (async () => {
            window.ran = 0;
            const script = document.createElement("script");
            script.text = "ran += 1";
            document.body.append(script);
            document.body.insertAdjacentHTML("beforeend", "<img src=x: onerror='ran += 1'>");
            await new Promise((resolve) => setTimeout(resolve, 200));
            return ran;
        })()"""
    )
    assert ran == 0
    assert all("Content Security Policy" in said for said in page.browser.console())


def test_where_the_site_has_no_runtime_it_comes_from_elsewhere_once_it_is_asked_for(
    chromium, tmp_path
):
    needs_runtime()
    with serving(ROOT / "_build" / "runtime") as elsewhere:
        public = f"http://127.0.0.1:{elsewhere.server_port}/"
        with serving(make_page(tmp_path, public)) as http, at(chromium, http):
            page = Opened(chromium, http).open()
            assert page.js("python.needsAsking()")
            assert elsewhere.asked == http.asked == []
            elsewhere.faults["numpy"] = "damaged"
            assert page.js("await python.start()")["reason"] == "damaged"
            elsewhere.faults.clear()
            assert page.run("pass") is None
            assert page.browser.console() == []


@pytest.mark.parametrize("public", ["", "http://127.0.0.1:9/"], ids=["CodeMirror", "field"])
def test_the_editor_is_used_by_keyboard_and_lets_go(chromium, tmp_path, public):
    """CodeMirror's, which comes with the runtime, and the plain field where there is none."""
    needs_runtime()
    with serving(make_page(tmp_path, public)) as http, at(chromium, http):
        page = Opened(chromium, http).open()
        page.js(
            """await (async () => {
                const { makeEditor } = await import("./_static/page/editor.mjs");
                const before = document.createElement("button"), after = before.cloneNode();
                window.told = { changed: 0, run: 0 };
                document.body.append(before);
                window.editor = makeEditor(document.body, {
                    code: "x = 1", label: "Cell 1",
                    onChange: () => (told.changed += 1), onRun: () => (told.run += 1),
                });
                document.body.append(after);
                before.focus();
            })()"""
        )

        def press(*keys: str) -> str | None:
            ActionChains(chromium.driver).send_keys(*keys).perform()
            return chromium.run("return document.activeElement.ariaLabel")

        def with_enter(key: str) -> None:
            ActionChains(chromium.driver).key_down(key).send_keys(Keys.ENTER).key_up(key).perform()

        assert press(Keys.TAB) == "Cell 1"
        press(Keys.END, "2")
        with_enter(Keys.SHIFT)
        with_enter(Keys.CONTROL)
        assert chromium.run("return [editor.get(), told]") == ["x = 12", {"changed": 1, "run": 2}]
        assert press(Keys.TAB) is None
        chromium.run("editor.set('y = 3'); editor.focus()")
        assert press() == "Cell 1"
        assert chromium.run("return [editor.get(), told.changed]") == ["y = 3", 2]
        chromium.run("editor.destroy()")
        assert chromium.run("return document.querySelector('[aria-label=\"Cell 1\"]')") is None
        assert chromium.console() == []


# What is said where it cannot start, and that it starts as soon as it can.


@pytest.mark.parametrize(
    ("file", "fault", "reason"),
    [
        ("site.json", "refused", "refused"),
        ("site.json", "away", "offline"),
        ("worker.mjs", "refused", "refused"),
        ("numpy", "refused", "refused"),
        ("pyodide.asm.wasm", "cut", "offline"),
        ("pyodide.asm.wasm", "away", "offline"),
        ("book.zip", "damaged", "damaged"),
    ],
)
def test_a_fault_on_the_way_is_named(fresh, file, fault, reason):
    fresh.http.faults[file] = fault
    failure = fresh.js("await python.start()")
    assert (failure["name"], failure["reason"]) == ("PythonUnavailable", reason)
    assert failure["message"].startswith("The download ")
    assert fresh.js("python.state") == "off"


@pytest.mark.parametrize("fault", ["refused", "damaged"])
def test_another_try_does_not_take_what_the_first_one_left(fresh, fault):
    fresh.http.faults["pillow"] = fault
    assert fresh.js("await python.start()")["reason"] == fault
    fresh.http.faults.clear()
    assert fresh.run("pass") is None


def test_without_a_connection_it_starts_from_what_the_browser_has(page):
    page.js("await python.start()")
    page.open().http.faults[""] = "away"
    assert page.run("pass") is None


def test_on_plain_http_the_wheels_are_checked_by_the_runtimes_own_lock(fresh):
    """There a page has nothing to compute SHA-256 with."""
    fresh.browser.run(BEFORE_THE_WORKER, "Object.defineProperty(crypto, 'subtle', {});")
    fresh.http.faults["numpy"] = "damaged"
    assert fresh.js("await python.start()")["reason"] == "broken"
    fresh.http.faults.clear()
    fresh.browser.command("Network.clearBrowserCache")
    assert fresh.run("import numpy") is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("delete globalThis.WebAssembly", "no wasm"),
        ("const W = Worker; Worker = function (code) { return new W(code); }", "old browser"),
        (
            BEFORE_THE_WORKER.replace("arguments[0]", "'WebAssembly.Memory = () => 0;'"),
            "no space",
        ),
    ],
)
def test_what_a_browser_lacks_is_named(page, change, reason):
    page.browser.run(change)
    failure = page.js("await python.start()")
    assert (failure["name"], failure["reason"]) == ("PythonUnavailable", reason)
    assert page.js("python.state") == "off"


def test_a_page_that_is_opened_as_a_file_says_so(folder):
    browser = Browser(f"file://{quote(str(folder))}", *find_programs())
    try:
        browser.open("index.html", typeset=False)
        said = browser.run("return document.querySelector('.page-word').innerText")
        assert "opened as a file" in said
        assert browser.console() == []
    finally:
        browser.driver.quit()


def test_without_scripts_the_page_says_what_they_are_for(page):
    page.browser.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.browser.driver.get(f"{page.browser.address}/index.html")
        said = page.browser.driver.find_element("css selector", "noscript").text
        assert said == "The code of this page can be run in it, where scripts are allowed."
    finally:
        page.browser.command("Emulation.setScriptExecutionDisabled", value=False)
