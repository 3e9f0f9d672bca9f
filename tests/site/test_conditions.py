"""What runs in the pages, by finger, with motion, with a full storage, and without Python there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from functools import partial

import pytest
from selenium.webdriver.support.expected_conditions import alert_is_present
from selenium.webdriver.support.wait import WebDriverWait

from tests.node import RUNTIME, needs_runtime
from tests.site.test_ask import Asked
from tests.site.test_runtime import at, serving
from tests.site.test_write_here import Writing, finished

PLACE = """const box = document.querySelector(".ask-thing").getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2, scrollY];"""
# How many words are still unsaid, and what is said meanwhile.
WATCH = """const find = (selector) => document.querySelector(selector);
    window.seen = [];
    new MutationObserver(() => seen.push([
        document.querySelectorAll(".ask-unsaid").length,
        find(".ask-headline").textContent,
        find(".ask-card").dataset.verdict,
    ])).observe(find(".ask"), {attributes: true, childList: true, subtree: true});"""
FILL = """let number = 0;
    for (let size = 2 ** 24; size >= 1; size /= 2)
        try { for (;;) localStorage.setItem(`full${number++}`, "x".repeat(size)); } catch {}"""
EMPTY = """for (const name of Object.keys(localStorage))
        if (name.startsWith("full")) localStorage.removeItem(name);"""


@pytest.fixture(scope="module")
def asked(browser) -> Iterator[Asked]:
    needs_runtime()
    asked = Asked(browser)
    asked.press(".ask-wake")
    yield asked
    browser.view()


def test_a_finger_drags_a_thing_and_the_page_stays(asked):
    browser = asked.browser
    browser.view(360, 740)
    browser.run("document.querySelector('.ask-stage').scrollIntoView({block: 'center'})")
    browser.command("Emulation.setTouchEmulationEnabled", enabled=True)
    touch = partial(browser.command, "Input.dispatchTouchEvent")
    try:
        x, y, scrolled = browser.run(PLACE)
        touch(type="touchStart", touchPoints=[{"x": x, "y": y}])
        for by in range(8, 81, 8):
            touch(type="touchMove", touchPoints=[{"x": x, "y": y + by}])
        asked.after(lambda: touch(type="touchEnd", touchPoints=[]))
        assert browser.run(PLACE) == pytest.approx([x, y + 80, scrolled], abs=3)
    finally:
        browser.command("Emulation.setTouchEmulationEnabled", enabled=False)


def test_words_come_one_after_the_other_where_motion_is_welcome(asked):
    browser = asked.browser
    browser.view()
    moving = {"name": "prefers-reduced-motion", "value": "no-preference"}
    browser.command("Emulation.setEmulatedMedia", features=[moving])
    browser.run(WATCH)
    asked.press("[data-do=another]")
    seen = browser.run("return seen")
    unsaid = [count for count, *_ in seen]
    unsaid = unsaid[unsaid.index(max(unsaid)) :]
    assert unsaid == sorted(unsaid, reverse=True)
    assert len(set(unsaid)) > 6 and unsaid[-1] == 0
    assert {tuple(said) for count, *said in seen if count} == {("They look …", "none")}
    assert seen[-1][1] != "They look …" and seen[-1][2] in ("true", "false")


def test_where_the_storage_is_full_the_page_says_so_and_nothing_is_lost(browser, tmp_path):
    needs_runtime()
    browser.view()
    browser.open("chapters/02-lstm.html", mathjax=False)
    browser.run("localStorage.clear()")
    writing, line = Writing(browser), "return 0.5 * (1 + np.tanh(0.5 * a))"
    leaves = "return dispatchEvent(new Event('beforeunload', {cancelable: true}))"
    try:
        writing.type("return a")
        browser.run(FILL)
        assert browser.run(leaves)
        writing.type(line)
        head = browser.driver.find_element("css selector", ".write-head")
        assert "does not keep what you write" in head.text
        assert not browser.run(leaves)  # A browser asks then whether to leave the page.
        browser.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
        writing.press("Download as a notebook", ".write-head")
        assert line in finished(tmp_path / "02-lstm.ipynb").read_text(encoding="utf-8")
        browser.run(EMPTY)
        writing.name = "lstm_step_forward"
        writing.type("return x")
        assert "does not keep what you write" not in head.text and browser.run(leaves)
        Writing(browser)
        shown = browser.run("return document.querySelector('main').innerText")
        assert line in shown and "return x" in shown
    finally:
        browser.run("localStorage.clear()")


@pytest.fixture(scope="module")
def bare(browser, site, tmp_path_factory) -> Iterator[list[str]]:
    """The browser at the site as it is without the runtime; what is asked for at the public address
    of that, which is on this machine, too."""
    needs_runtime()
    folder = tmp_path_factory.mktemp("bare") / "site"
    shutil.copytree(site, folder, copy_function=os.symlink)
    shutil.rmtree(folder / "_static" / "runtime")
    with serving(RUNTIME) as elsewhere, serving(folder) as http, at(browser, http):
        public = f"http://127.0.0.1:{elsewhere.server_port}"
        facts = json.loads((site / "_static/page/site.json").read_text(encoding="utf-8"))
        facts |= {"runtime": None, "public": f"{public}/"}
        texts = {"_static/page/site.json": json.dumps(facts)}
        for name in ("chapters/02-lstm.html", "chapters/ask.html"):
            text = (site / name).read_text(encoding="utf-8")
            text = text.replace('data-asks=""', f'data-asks="{public}/"')
            texts[name] = text.replace("connect-src 'self'", f"connect-src 'self' {public}")
        for name, text in texts.items():
            (folder / name).unlink()
            (folder / name).write_text(text, encoding="utf-8")
        browser.view()
        yield elsewhere.asked


def test_writing_asks_before_it_loads_python_from_elsewhere(browser, bare):
    writing = Writing(browser)
    writing.type("    return 0.5 * (1 + np.tanh(0.5 * a))")  # into a plain field
    writing.press("Check")
    question = WebDriverWait(browser.driver, 30).until(alert_is_present())
    assert question.text.startswith("Load Python from http://127.0.0.1:")
    question.dismiss()
    writing.check("What you wrote is still here.")
    assert bare == []
    writing.press("Check")
    writing.accept()
    writing.check("sigmoid is right.")
    assert any("pyodide.asm.wasm" in path for path in bare)


def test_the_ask_page_says_that_python_comes_from_elsewhere(browser, bare):
    bare.clear()
    browser.command("Network.clearBrowserCache")
    asked = Asked(browser)
    said = "Python is not part of this copy of the site, and comes from 127.0.0.1:"
    assert said in asked.find("#ask").text
    assert bare == []
    asked.press(".ask-wake")
    assert any("pyodide.asm.wasm" in path for path in bare)
    assert list(asked.said) == ["rnn", "lstm", "attention"]
