"""Cells that run in the page, as a reader meets them: pressed, edited, broken, stopped, reset."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.browser import Browser
from tests.nbval_tolerance import accept
from tests.node import needs_runtime
from tests.page.test_cells import CHAPTERS, EVERY_CELL, book_says, broken, cells_that_run
from tests.site.test_browser import RULES, violations
from website.book import read
from website.run_here import cells_of

PAGE = "chapters/01-rnn.html"
BACKWARD, CHECK, LOOPS, PICTURES = "rnn_step_backward)", "variables = {", "T = 3", "right, wrong ="
# A site without the runtime: the page says from where it would load it.
WITHOUT_RUNTIME = """new MutationObserver(() => {
    const word = document.querySelector(".page-word");
    if (word) word.dataset.asks = "https://python.example/full/";
}).observe(document, {childList: true, subtree: true});"""


class Cell:
    """A cell of the page that is open, found by its number or a piece of its code."""

    def __init__(self, browser: Browser, piece: str | int) -> None:
        self.browser, self.number = browser, piece
        if isinstance(piece, str):
            self.number = browser.run(
                """return [...document.querySelectorAll(".run-here")].findIndex((place) =>
                place.closest(".cell").querySelector(".cell_input").textContent
                    .includes(arguments[0]))""",
                piece,
            )
        assert self.number >= 0

    def get(self, script: str, *arguments: str):
        """Run JavaScript that knows the `place` of the cell and all of it, `cell`."""
        known = f"const place = document.querySelectorAll('.run-here')[{self.number}];"
        known += "const cell = place.closest('.cell');"
        return self.browser.run(known + script, *arguments)

    def button(self, name: str) -> WebElement:
        script = """return [...place.querySelectorAll("button")].find((button) =>
            !button.hidden && button.textContent.startsWith(arguments[0]))"""
        found = self.get(script, name)
        assert found, (name, self.word)
        return found

    def press(self, name: str = "Run") -> None:
        """Press a button by the keyboard."""
        button = self.button(name)
        self.browser.run("arguments[0].focus()", button)
        button.send_keys(Keys.ENTER)

    def run(self, name: str = "Run") -> str:
        """Press a button and wait until something has come of it."""
        self.press(name)
        return self.wait()

    def wait(self, words: str = "") -> str:
        end = time.monotonic() + (3600 if EVERY_CELL else 240)
        while not self.get(
            "return !place.querySelector('[aria-disabled]') && "
            "place.querySelector('.run-word').textContent.includes(arguments[0])",
            words,
        ):
            assert time.monotonic() < end, self.word
            time.sleep(0.1)
        return self.word

    @property
    def word(self) -> str:
        """What is said beside the buttons."""
        return self.get("return place.querySelector('.run-word > span')?.textContent ?? ''")

    @property
    def output(self) -> str:
        return self.get("return place.querySelector('.run-output')?.innerText ?? ''")

    @property
    def printed(self) -> str:
        """Its text, as it was printed, without what is to be looked at."""
        script = "return [...place.querySelectorAll('.run-output > pre')].map((p) => p.textContent)"
        return "".join(self.get(script))

    def type(self, text: str) -> None:
        """Write something else into the editor, and run it from there."""
        self.get("cell.querySelector('.cm-content, textarea').focus()")
        keys = ActionChains(self.browser.driver)
        keys.key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).perform()
        self.browser.command("Input.insertText", text=text)
        keys = ActionChains(self.browser.driver)
        keys.key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()

    @property
    def code(self) -> str:
        """What the editor shows."""
        return self.get(
            """const lines = [...cell.querySelectorAll(".cm-line")].map((l) => l.textContent);
            return lines.join("\\n") || cell.querySelector("textarea").value"""
        )


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Browser]:
    """Chapter 1, in which the tests press one thing after the other, as a reader does."""
    needs_runtime()
    browser.view()
    browser.open(PAGE, mathjax=False)
    yield browser
    browser.view()


@pytest.fixture(autouse=True)
def wide(page: Browser) -> None:
    page.view()


def test_before_a_press_nothing_is_loaded_and_every_cell_says_what_it_can(page, site):
    addresses = [response.address for response in page.responses()]
    assert not any("runtime" in address or "worker" in address for address in addresses)
    places = page.run("return document.querySelectorAll('.run-here').length")
    notebook = next((site.parents[1] / "chapters").glob("01-rnn.ipynb"))
    assert places == len(cells_of(read(notebook)))
    first = page.run("return document.querySelector('.run-word > span').textContent")
    assert first.startswith("Run loads Python into this page: about ") and "MB, once" in first
    notes = page.run("return [...document.querySelectorAll('.run-note')].map((x) => x.textContent)")
    assert any("The notebook runs this: download it at the top." in note for note in notes)
    names = page.run(
        "return [...document.querySelectorAll('.run-here button')].map((b) => b.ariaLabel)"
    )
    assert len(set(names)) == len(names)
    assert violations(page, {"runOnly": RULES}, without="mjx-container") == []


def test_the_first_press_loads_python_and_runs_the_cell(page, server):
    page.responses()
    cell = Cell(page, CHECK)
    cell.press()
    assert page.run("return document.querySelector('.run-here progress')?.ariaLabel") in (
        "Loading Python",
        None,  # loaded already
    )
    assert cell.wait().startswith("As in the book.")
    assert cell.output.strip().endswith("db: relative error below 1e-7")
    assert page.run("return document.activeElement.textContent") == "Run"
    asked = [response.address for response in page.responses()]
    assert any("worker.mjs" in address for address in asked)
    assert [address for address in asked if not address.startswith((server, "blob:"))] == []
    assert page.console() == []


def test_a_line_that_is_broken_turns_the_check_red_until_it_is_reset(page):
    listing, check = Cell(page, BACKWARD), Cell(page, CHECK)
    listing.run("Edit")
    assert page.run("return document.activeElement.ariaLabel").startswith("Python of cell")
    book = listing.code
    assert listing.run() == "As the book has it."
    listing.type(book.replace("1 - next_h", "1 + next_h"))
    listing.wait("yours now")
    listing.press("Run the next cell that uses it")
    check.wait("error")
    assert "AssertionError: dx is wrong" in check.output
    assert page.run("return document.activeElement.ariaLabel") == f"Run cell {check.number + 1}"
    assert violations(page, {"runOnly": RULES}, without="mjx-container") == []
    listing.press("Reset")
    assert listing.word == "As the book has it. What ran with yours shows that until it runs again."
    assert page.run("return document.activeElement.textContent") == "Edit"
    assert check.run().startswith("As in the book.")
    listing.run("Edit")
    assert listing.code == book
    listing.press("Reset")


def test_a_cell_says_what_it_needs_and_runs_that_at_a_press(page):
    pictures = Cell(page, PICTURES)
    assert pictures.run() == "It uses data and model, which 2 cells further up make."
    pictures.press("Run those 2 cells first")
    pictures.wait("Done.")
    shown = "return [...place.querySelectorAll('img')].filter((image) => image.width > 90).length"
    assert pictures.get(shown) == 8
    assert pictures.get("return place.querySelectorAll('.page-said strong').length") >= 4
    assert pictures.get("return cell.querySelector('.cell_output').offsetHeight") == 0
    pictures.press("Reset")
    assert pictures.get("return cell.querySelector('.cell_output').offsetHeight") > 100
    assert page.console() == []


def test_an_endless_loop_is_stopped_within_a_second(page):
    """Also one that prints without end: the page answers all the time."""
    check, times = Cell(page, CHECK), []
    check.run()
    for code in (
        "while True:\n    pass",
        "while True:\n    print('more')",
        "while True:\n    pass",
    ):
        check.type(code)
        check.browser.wait_for("setTimeout(done, 1500);")
        begun = page.run("return performance.now()")
        check.press("Stop")
        check.wait("Stopped.")
        times.append(page.run("return performance.now()") - begun)
        check.browser.wait_for("setTimeout(done, 100);")
    assert min(times) < 1000, times  # The machine may be busy: the best counts.
    assert page.run("return document.activeElement.textContent") == "Run"
    # All is gone, and what is needed is asked for again.
    assert "which a cell further up makes" in Cell(page, LOOPS).run()


@pytest.mark.parametrize(("width", "dark"), [(360, False), (640, True)])
def test_it_fits_a_telephone_and_two_hundred_percent_and_the_dark(page, width, dark):
    page.view(width, dark=dark)
    page.wait_for("setTimeout(done, 400);")  # The theme measures again after 300 ms.
    assert page.run("return document.documentElement.scrollWidth") <= width
    assert violations(page, {"runOnly": RULES}, without="mjx-container") == []


def test_the_keyboard_gets_into_the_editor_and_out_again(page):
    check = Cell(page, CHECK)
    check.get("cell.querySelector('.cm-content, textarea').focus()")
    page.driver.switch_to.active_element.send_keys(Keys.TAB)
    assert page.run("return document.activeElement.ariaLabel") == f"Run cell {check.number + 1}"


def test_a_site_without_python_asks_before_it_loads_it_from_elsewhere(browser):
    script = "Page.addScriptToEvaluateOnNewDocument"
    added = browser.command(script, source=WITHOUT_RUNTIME)["identifier"]
    try:
        browser.open(PAGE, mathjax=False)
    finally:
        browser.command("Page.removeScriptToEvaluateOnNewDocument", identifier=added)
    browser.responses()
    cell = Cell(browser, CHECK)
    cell.press()
    cell.get("return 0")
    browser.wait_for("setTimeout(done, 200);")
    assert "Load it from python.example: about" in cell.word
    assert cell.get("return place.querySelectorAll('button:not([hidden])').length") == 3
    assert browser.run("return document.activeElement.textContent") == "Load"
    cell.press("Not now")
    assert cell.wait() == ""
    assert browser.run("return document.activeElement.textContent") == "Run"
    assert {response.kind for response in browser.responses()} <= {"Image"}  # lazy pictures


@pytest.mark.parametrize("stem", CHAPTERS if EVERY_CELL else CHAPTERS[-1:])
def test_cells_give_what_the_book_shows_and_the_error_of_what_is_broken(browser, server, stem):
    """One after the other, as one reads: ten cells, or with EVERY_CELL=1 all of every chapter."""
    needs_runtime()
    browser.open(f"chapters/{stem}.html", mathjax=False)
    different = []
    for known in cells_that_run(stem)[: None if EVERY_CELL else 10]:
        cell = Cell(browser, known.number)
        # The answer to an exercise opens at a press.
        cell.get("place.closest('.toggle-hidden')?.querySelector('.toggle-button').click()")
        if known.listing.strip():
            cell.run("Edit")
            assert cell.run() == "As the book has it."
            cell.type(known.listing.replace("(", "", 1))
            assert (cell.wait(), "SyntaxError" in cell.printed) == ("Nothing is changed.", True)
            continue
        word, output = cell.run(), book_says(known)
        if accept(output, cell.printed).rstrip() != output.rstrip():
            different.append((known.number, output, cell.printed))
        assert word.startswith(("As in the book.", "Done.")), (known.number, word, cell.printed)
        code, error = broken(known.code)
        cell.type(code)
        assert cell.wait() == "It ended with an error." and error in cell.printed, known.number
    assert different == []
    assert {
        r.address for r in browser.responses() if not r.address.startswith((server, "blob:"))
    } == set()
    assert browser.console() == []
