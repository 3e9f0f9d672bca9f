"""Write here, as a reader does it: typed into the page, checked there, kept, and taken home."""

from __future__ import annotations

import time
from pathlib import Path

import nbformat
import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import alert_is_present
from selenium.webdriver.support.wait import WebDriverWait

from cs231n_lib.workshop.grade import grade
from cs231n_lib.workshop.mistakes import source_of
from cs231n_lib.workshop.tasks import TASKS
from tests.browser import Browser
from tests.node import needs_runtime
from tests.page.test_write import EVERY_MISTAKE, with_mistake
from tests.site.test_browser import RULES, violations
from tests.workbooks import answer

PAGE = "chapters/02-lstm.html?write"
NAMES = ["sigmoid", "lstm_step_forward", "lstm_step_backward", "lstm_forward", "lstm_backward"]
NO_STORAGE = """Object.defineProperty(window, "localStorage", {get() {
    throw new DOMException("denied", "SecurityError"); }});"""


class Writing:
    """A chapter's page, open for writing, and one of its blanks."""

    def __init__(self, browser: Browser, name: str = "sigmoid", page: str = PAGE) -> None:
        self.browser, self.driver, self.name = browser, browser.driver, name
        browser.open(page, mathjax=False)
        self.wait("return document.querySelector('section.write')")

    def wait(self, script: str, seconds: float = 180) -> None:
        end = time.monotonic() + seconds
        while not self.browser.run(script):
            assert time.monotonic() < end, (script, self.text)
            time.sleep(0.1)

    def find(self, selector: str):
        return self.driver.find_element(
            By.CSS_SELECTOR, f"[aria-label='Write {self.name}'] {selector}"
        )

    def press(self, text: str, place: str = "") -> None:
        place = place or f"[aria-label='Write {self.name}']"
        script = """return [...document.querySelectorAll(`${arguments[0]} button`)].find((b) =>
            b.textContent === arguments[1] && !b.hidden)"""
        found = self.browser.run(script, place, text)
        assert found, text
        self.browser.run("arguments[0].scrollIntoView({block: 'center'})", found)
        found.send_keys(Keys.ENTER)

    def accept(self) -> str:
        alert = WebDriverWait(self.driver, 30).until(alert_is_present())
        text = alert.text
        alert.accept()
        return text

    def type(self, line: str, *keys: str) -> None:
        """Write a line in place of the last one, by the keyboard."""
        field = self.find(".cm-content, textarea")
        self.browser.run("arguments[0].scrollIntoView({block: 'center'})", field)
        ActionChains(self.driver).move_to_element(field).click().key_down(Keys.CONTROL).send_keys(
            Keys.END
        ).key_up(Keys.CONTROL).key_down(Keys.SHIFT).send_keys(Keys.HOME).key_up(
            Keys.SHIFT
        ).send_keys(line).perform()
        if keys:
            chain = ActionChains(self.driver)
            chain.key_down(Keys.SHIFT).send_keys(*keys).key_up(Keys.SHIFT).perform()

    def write(self, source: str) -> None:
        """Put this in place of all that is in the editor, and check it."""
        field = self.find(".cm-content, textarea")
        self.browser.run("arguments[0].focus()", field)
        field.send_keys(Keys.CONTROL, "a")
        self.browser.command("Input.insertText", text=source)
        self.press("Check")

    @property
    def source(self) -> str:
        lines = "return [...arguments[0].querySelectorAll('.cm-line')].map((x) => x.textContent)"
        return "\n".join(self.browser.run(lines, self.find(".write-field")))

    @property
    def text(self) -> str:
        return self.find(".write-said").text

    def check(self, words: str) -> None:
        """Wait until Python has answered, with these words."""
        self.wait(
            f"""const section = document.querySelector("[aria-label='Write {self.name}']");
            return [...section.querySelectorAll("button")].some((b) => b.textContent === "Check")
                && section.querySelector(".write-said").textContent.length > 0"""
        )
        assert words in self.text

    @property
    def progress(self) -> str:
        return self.driver.find_element(By.CSS_SELECTOR, ".write-progress").text


@pytest.fixture
def clean(browser):
    """A browser that keeps nothing of an earlier test, wide and light before and after."""
    needs_runtime()
    browser.view()
    browser.open(PAGE.partition("?")[0], mathjax=False)
    browser.run("localStorage.clear()")
    yield browser
    browser.view()


def test_the_page_leads_to_its_blanks_and_shows_no_answer(clean):
    link = clean.driver.find_element(By.CSS_SELECTOR, ".do-it-yourself a")
    assert link.text == "in the page"
    clean.responses()
    writing = Writing(clean)
    assert not clean.driver.find_element(By.CSS_SELECTOR, ".do-it-yourself").is_displayed()
    sections = clean.run(
        "return [...document.querySelectorAll('section.write')].map((s) => s.ariaLabel)"
    )
    assert sections == [f"Write {name}" for name in NAMES]
    shown = " ".join(clean.run("return document.querySelector('main').innerText").split())
    for name in NAMES:
        for function in TASKS[name].sources or (TASKS[name].function,):
            lines = [line for line in source_of(function).splitlines() if len(line) > 30]
            assert [line for line in lines[1:] if " ".join(line.split()) in shown] == []
    assert "def sigmoid(a):" in writing.source and "yours to write" in writing.source
    asked = {response.address.rpartition("/")[2] for response in clean.responses()}
    assert "02-lstm.json" in asked and not any(".wasm" in name for name in asked)
    clean.open(PAGE.partition("?")[0], mathjax=False)
    assert not clean.run("return document.querySelector('section.write')")


def test_a_function_is_written_checked_kept_and_taken_home(clean, tmp_path):
    writing = Writing(clean)
    writing.type("return 1 / 1 + np.exp(-a)", Keys.ENTER)
    writing.check("1 / 1 + exp(-a) divides first.")
    assert "It is derived in the section “One step forward”." in writing.text
    assert violations(clean, {"runOnly": RULES}, without="mjx-container") == []
    for rung in (1, 2, 3):
        writing.press("Hint")
        writing.wait(f"return document.body.innerText.includes('Hint {rung} of 3')")
        writing.check(f"Hint {rung} of 3")
    for still_said in ("1 / 1 + exp(-a) divides first.", "Hint 1 of 3", "“Show the solution”"):
        assert still_said in writing.text
    writing.press("Show the solution")
    writing.check("return 0.5 * (1 + np.tanh(0.5 * a))")
    writing.press("Go on with the book's")
    writing.check("use the book's sigmoid now")
    writing.type("return 0.5 * (1 + np.tanh(0.5 * a))", Keys.ENTER)
    writing.wait("return document.body.innerText.includes('sigmoid is right.')")
    assert writing.progress == "1 of 5 begun, 1 right, 3 hints used."
    writing.check(f"Next to write: {NAMES[1]}.")

    writing.type("while True: pass", Keys.ENTER)
    writing.wait("return document.body.innerText.includes('Python is at work')")
    start = time.monotonic()
    writing.press("Stop")
    writing.check("It was stopped. What you wrote is still here.")
    assert time.monotonic() - start < 10 and "while True: pass" in writing.source
    writing.type("return 0.5 * (1 + np.tanh(0.5 * a))")

    writing = Writing(clean)
    assert "return 0.5 * (1 + np.tanh(0.5 * a))" in writing.source
    assert writing.progress == "1 of 5 begun, 0 right, 3 hints used."
    clean.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    writing.press("Download as a notebook", ".write-head")
    file = finished(tmp_path / "02-lstm.ipynb")
    nbformat.validate(nbformat.read(file, 4))
    graded = grade(file, seconds=300)  # on a busy machine
    states = {name: said["state"] for name, said in graded["functions"].items()}
    assert states == dict.fromkeys(NAMES, "not written") | {"sigmoid": "right"}, graded

    writing.press("Clear all", ".write-head")
    assert "Clear all that you wrote" in writing.accept()
    assert "yours to write" in writing.source
    writing.driver.find_element(By.CSS_SELECTOR, ".write-head input").send_keys(str(file))
    assert "Take what 02-lstm.ipynb holds" in writing.accept()
    writing.wait("return document.body.innerText.includes('02-lstm.ipynb was read')")
    assert "return 0.5 * (1 + np.tanh(0.5 * a))" in writing.source


def finished(file: Path) -> Path:
    end = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    return file


def test_where_the_browser_keeps_nothing_the_page_says_so(clean):
    script = clean.command("Page.addScriptToEvaluateOnNewDocument", source=NO_STORAGE)
    try:
        writing = Writing(clean)
        writing.type("return a")
        assert "does not keep what you write" in clean.run(
            "return document.querySelector('.write-head').innerText"
        )
        assert "return a" in writing.source
    finally:
        clean.command("Page.removeScriptToEvaluateOnNewDocument", **script)


def test_tab_leaves_an_editor_and_all_has_a_name(clean):
    writing = Writing(clean)
    writing.type("return a")
    ActionChains(clean.driver).send_keys(Keys.TAB).perform()
    assert clean.run("return document.activeElement.textContent") == "Check"
    assert "return a" in writing.source
    assert violations(clean, {"runOnly": RULES}, without="mjx-container") == []
    clean.view(dark=True)
    colours = {"runOnly": ["color-contrast", "link-in-text-block"]}
    assert violations(clean, colours, without="mjx-container") == []
    clean.view(360, 740)
    wide = """const width = document.documentElement.clientWidth;
        return [...document.querySelectorAll(".write, .write-head, .write button")].filter((e) =>
            e.getBoundingClientRect().right > width + 1).map((e) => e.className);"""
    assert clean.run(wide) == []


FUNCTIONS = list(TASKS) if EVERY_MISTAKE else ["attention_step_forward", "attention_step_backward"]


def test_functions_are_written_wrongly_and_rightly_in_their_pages(clean):
    """Two of them; with EVERY_MISTAKE=1 all, each with a mistake first that the page explains."""
    for name in sorted(FUNCTIONS, key=lambda name: TASKS[name].section.partition("#")[0]):
        page = TASKS[name].section.partition("#")[0]
        if not clean.driver.current_url.endswith(f"{page}.html?write"):
            writing = Writing(clean, page=f"chapters/{page}.html?write")
        writing.name, mistake = name, TASKS[name].mistakes[0]
        writing.write(with_mistake(name, mistake))
        writing.check(" ".join(mistake.what.split()))
        writing.write(answer(TASKS[name], set()))
        writing.check(f"{name} is right.")
