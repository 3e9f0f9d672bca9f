"""The website in a headless Chromium, or Firefox, that can reach nothing but the website."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FIREFOX = ("firefox-esr", "firefox")
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"

# No extensions, updates, reports or first-run pages, and every name but the server's is unknown.
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
    "--disable-features=Translate,OptimizationHints,MediaRouter",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-pings",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    # A screenshot shows the page as it is now, not as it was drawn last.
    "--run-all-compositor-stages-before-draw",
    "--disable-checker-imaging",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@dataclass
class Response:
    """One request of a page: what was asked for, and what came of it."""

    address: str
    kind: str
    status: int = 0
    size: int = 0
    failure: str = ""


class Browser:
    """Chromium, and what it says about the page it has open.

    Parameters
    ----------
    address
        Where the site is: `http://127.0.0.1:…` or `file:///…`, without a slash at the end.
    chromium, chromedriver
        The two programs. Selenium is told both, so that it never looks for others.
    """

    def __init__(self, address: str, chromium: str, chromedriver: str) -> None:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for flag in FLAGS:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        environment = os.environ | {"SE_OFFLINE": "true", "SE_AVOID_STATS": "true"}
        self.address = address
        self.driver = webdriver.Chrome(options, Service(chromedriver, env=environment))
        self.driver.set_script_timeout(60)
        self.command("Network.enable")

    def command(self, name: str, **parameters: Any) -> dict:
        """Give Chromium a command of its DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, parameters)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run the body of a JavaScript function in the page; `arguments[0]`, … are given."""
        return self.driver.execute_script(script, *arguments)

    def wait_for(self, script: str, *arguments: Any) -> Any:
        """Run JavaScript until it calls `done`, and return what it gives to that."""
        done = "const done = arguments[arguments.length - 1];"
        return self.driver.execute_async_script(done + script, *arguments)

    def view(self, width: int = 1440, height: int = 900, dark: bool = False) -> None:
        """Make the viewport so many CSS pixels wide and high, in a light or dark colour scheme."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.command("Emulation.setEmulatedMedia", features=[scheme, still])
        self.wait_for(
            """const wanted = arguments[0];
            const wait = () => (innerWidth === wanted ? done() : requestAnimationFrame(wait));
            wait();""",
            width,
        )
        self.settle()

    def slow_down(self, factor: float) -> None:
        """Let the processor seem so many times slower; 1 is as fast as it is."""
        self.command("Emulation.setCPUThrottlingRate", rate=factor)

    def open(
        self, page: str, *, cache: bool = True, typeset: bool = True, mathjax: bool = True
    ) -> None:
        """Open a page, such as `chapters/02-lstm.html`, and wait for its mathematics.

        What the console and the network said before is forgotten. Without `cache`, all files are
        asked for again. Without `mathjax`, formulas stay as they were written, which saves seconds.
        """
        self.command("Network.setCacheDisabled", cacheDisabled=not cache)
        self.command("Network.setBlockedURLs", urls=[] if mathjax else ["*mathjax*"])
        self.driver.get("about:blank")
        for log in ("browser", "performance"):
            self.driver.get_log(log)
        self.driver.get(f"{self.address}/{page}")
        if typeset and mathjax:
            self.typeset()

    def typeset(self) -> None:
        """Wait until MathJax, where the page has it, has set all formulas."""
        self.wait_for(
            """const wanted = document.querySelector("script[src*=mathjax i]");
            const wait = () => {
                const ready = window.MathJax?.startup?.promise;
                if (!wanted) done();
                else if (ready) ready.then(() => done());
                else setTimeout(wait, 20);
            };
            wait();"""
        )

    def load_pictures(self) -> None:
        """Have the lazy pictures of the page loaded as well, and wait for all."""
        self.wait_for(
            """const images = [...document.images];
            for (const image of images) image.loading = "eager";
            Promise.allSettled(images.map((image) => image.decode())).then(() => done());"""
        )

    def settle(self) -> None:
        """Skip to the end of all movements and wait until it is drawn."""
        self.wait_for(
            """for (const moving of document.getAnimations()) try { moving.finish(); } catch {}
            requestAnimationFrame(() => requestAnimationFrame(() => done()));"""
        )

    def console(self) -> list[str]:
        """Warnings and errors that the console has shown since it was last asked."""
        levels = {"WARNING", "SEVERE"}
        return [e["message"] for e in self.driver.get_log("browser") if e["level"] in levels]

    def responses(self) -> list[Response]:
        """What the page has asked for since this was last asked."""
        found: dict[str, Response] = {}
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            said = message["params"]
            response = found.get(said.get("requestId"))
            match message["method"]:
                case "Network.requestWillBeSent":
                    address = said["request"]["url"]
                    if not address.startswith(("data:", "blob:", "about:")):
                        found[said["requestId"]] = Response(address, said.get("type", ""))
                case "Network.responseReceived" if response:
                    response.status = said["response"]["status"]
                case "Network.loadingFinished" if response:
                    response.size = int(said["encodedDataLength"])
                case "Network.loadingFailed" if response:
                    response.failure = said["errorText"]
        return list(found.values())

    def picture(self, element: Any) -> bytes:
        """A PNG of the place of an element, as it is shown. It has to fit into the view."""
        # A picture far away may have been forgotten, and is then decoded again.
        box = self.wait_for(
            """const element = arguments[0];
            element.scrollIntoView({block: "center"});
            Promise.resolve(element.decode?.()).then(() => requestAnimationFrame(() => {
                const {x, y, width, height} = element.getBoundingClientRect();
                done({x: x + scrollX, y: y + scrollY, width, height});
            }));""",
            element,
        )
        shot = self.command(
            "Page.captureScreenshot", clip=box | {"scale": 1}, optimizeForSpeed=True
        )
        return base64.b64decode(shot["data"])


class Firefox:
    """Firefox, with one page. It speaks WebDriver BiDi itself, so that no driver is needed.

    Parameters
    ----------
    address
        Where the site is, without a slash at the end.
    program
        Firefox.
    profile
        An empty folder.
    """

    def __init__(self, address: str, program: str, profile: Path) -> None:
        from websocket import create_connection

        (profile / "user.js").write_text('user_pref("network.dns.disabled", true);\n')
        command = [program, "--headless", "--remote-debugging-port=0", "--profile", str(profile)]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.address, self.sent = address, 0
        self.process = subprocess.Popen(command, env=os.environ | {"HOME": str(profile)}, **silent)
        port, end = profile / "WebDriverBiDiServer.json", time.monotonic() + 120
        while not (port.exists() and port.read_text().endswith("}")):
            assert self.process.poll() is None and time.monotonic() < end, "Firefox does not start"
            time.sleep(0.1)
        told = json.loads(port.read_text())
        place = f"ws://{told['ws_host']}:{told['ws_port']}/session"
        self.socket = create_connection(place, timeout=300, suppress_origin=True)
        self.command("session.new", capabilities={})
        self.page = self.command("browsingContext.getTree")["contexts"][0]["context"]

    def command(self, name: str, **parameters: Any) -> dict:
        """Give Firefox a command of WebDriver BiDi, and return what it answers."""
        self.sent += 1
        self.socket.send(json.dumps({"id": self.sent, "method": name, "params": parameters}))
        while (answer := json.loads(self.socket.recv())).get("id") != self.sent:
            pass
        assert answer["type"] == "success", answer
        return answer["result"]

    def open(self, page: str) -> None:
        """Open a page, such as `chapters/02-lstm.html`."""
        place = {"url": f"{self.address}/{page}", "wait": "complete"}
        self.command("browsingContext.navigate", context=self.page, **place)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run the body of a JavaScript function in the page; `arguments[0]`, … are given."""
        given = json.dumps(arguments)
        script = f"JSON.stringify((function () {{ {script} }}).apply(null, {given}) ?? null)"
        answer = self.command(
            "script.evaluate", expression=script, target={"context": self.page}, awaitPromise=False
        )
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def click(self, x: float, y: float) -> None:
        """Move the mouse to a place in the view, and click."""
        there = {"type": "pointerMove", "x": round(x), "y": round(y)}
        down, up = ({"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp"))
        self._act("pointer", [there, down, up])

    def press(self, *chords: str) -> None:
        """Press keys one after the other; those of one text together."""
        keys = [
            {"type": what, "value": key}
            for chord in chords
            for what, order in (("keyDown", chord), ("keyUp", chord[::-1]))
            for key in order
        ]
        self._act("key", keys)

    def _act(self, kind: str, actions: list[dict]) -> None:
        device = {"type": kind, "id": kind, "actions": actions}
        self.command("input.performActions", context=self.page, actions=[device])

    def quit(self) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait(30)


def find_programs() -> tuple[str, str]:
    """Chromium (or Chrome) and its driver; where they are missing, skip the test that asked."""
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    chromedriver = shutil.which("chromedriver")
    if not chromium or not chromedriver:
        pytest.skip("needs Debian's packages chromium and chromium-driver: `make browser`")
    return chromium, chromedriver


@pytest.fixture(scope="session")
def server(site) -> Iterator[str]:
    """The address of a server of the site on this machine."""
    handler = partial(QuietHandler, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


@pytest.fixture(scope="session")
def browser(server) -> Iterator[Browser]:
    """A browser for the site; what a test needs of size and scheme it sets itself."""
    opened = Browser(server, *find_programs())
    opened.view()
    yield opened
    opened.driver.quit()
