"""What runs in the pages, in Firefox: by mouse and keyboard, with the text that the book has."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest
from selenium.webdriver import Keys

from tests.browser import FIREFOX, Firefox
from tests.node import needs_runtime
from tests.site.test_run_here import CHECK, LOOPS, PICTURES

NUMBER = """return [...document.querySelectorAll(".run-here")].findIndex((place) =>
    place.closest(".cell").querySelector(".cell_input").textContent.includes(arguments[0]))"""
CELL = """const place = document.querySelectorAll(".run-here")[arguments[0]];
    const cell = place.closest(".cell"), word = place.querySelector(".run-word").innerText;"""
SAID = "return document.querySelector('main').innerText"
BUTTON = r"""const button = [...document.querySelectorAll("button")].find((button) => {
        const name = button.ariaLabel ?? button.textContent;
        return button.checkVisibility() && name.replace(/ \(.*/, "") === arguments[0];
    });
    button?.scrollIntoView({block: "center"});
    const box = button?.getBoundingClientRect();
    return box && [box.x + box.width / 2, box.y + box.height / 2];"""


class Reader:
    """Somebody who presses buttons by their names and waits for what is said."""

    def __init__(self, firefox: Firefox) -> None:
        self.firefox = firefox

    def wait(self, script: str, *arguments: object) -> Any:
        end = time.monotonic() + 240
        while not (found := self.firefox.run(script, *arguments)):
            assert time.monotonic() < end, (script, arguments, self.firefox.run(SAID))
            time.sleep(0.1)
        return found

    def press(self, name: str) -> None:
        self.firefox.click(*self.wait(BUTTON, name))

    def type(self, editor: str, code: str) -> None:
        """Write this in place of all that is in an editor, and run it from there."""
        self.firefox.run(f"document.querySelector('{editor} .cm-content').focus()")
        self.firefox.press(Keys.CONTROL + "a", *code, Keys.SHIFT + Keys.ENTER)


@pytest.fixture(scope="module")
def firefox(server, tmp_path_factory) -> Iterator[Firefox]:
    program = next(filter(None, map(shutil.which, FIREFOX)), None)
    if not program:
        pytest.skip("needs Firefox, such as Debian's package firefox-esr")
    needs_runtime()
    opened = Firefox(server, program, tmp_path_factory.mktemp("firefox"))
    yield opened
    opened.quit()


def test_cells_run_draw_and_stop(firefox):
    reader = Reader(firefox)
    firefox.open("chapters/01-rnn.html")
    check, pictures, loops = (firefox.run(NUMBER, piece) for piece in (CHECK, PICTURES, LOOPS))
    reader.press(f"Run cell {check + 1}")
    reader.wait(CELL + "return word.startsWith('As in the book.')", check)
    reader.press(f"Run cell {pictures + 1}")
    reader.press("Run those 2 cells first")
    reader.wait(CELL + "return word.startsWith('Done.')", pictures)
    drawn = "return [...place.querySelectorAll('img')].filter((image) => image.width > 90).length"
    assert firefox.run(CELL + drawn, pictures) == 8
    reader.press(f"Run cell {loops + 1}")
    reader.wait(CELL + "return word.startsWith('As in the book.')", loops)
    firefox.run(CELL + "cell.id = 'loops'", loops)
    reader.type("#loops", "while True: pass")
    reader.wait(CELL + r"return /Running …\s*[2-9] s/.test(word)", loops)
    begun = time.monotonic()
    reader.press(f"Stop cell {loops + 1}")
    reader.wait(CELL + "return word.startsWith('Stopped.')", loops)
    assert time.monotonic() - begun < 10  # within a second, if the machine is idle


def test_the_networks_are_asked(firefox):
    reader = Reader(firefox)
    firefox.open("chapters/ask.html#scenes/5/large.red.star.25.30/small.blue.cross.70.40")
    reader.press("Wake the networks")
    said = """return document.querySelector(".ask-awake[aria-busy=false]") &&
        document.querySelector("[data-captioner=attention] .ask-sentence").innerText
            .replace(/\\s+/g, " ").trim() === arguments[0]"""
    reader.wait(said, "a large red star left of a small blue cross")


def test_a_function_is_written_and_checked(firefox):
    reader = Reader(firefox)
    firefox.open("chapters/02-lstm.html?write")
    reader.wait("return Boolean(document.querySelector('#write-sigmoid .cm-content'))")
    reader.type("#write-sigmoid", "def sigmoid(a): return 0.5 * (1 - np.tanh(0.5 * a))")
    reader.wait(f"{SAID}.includes('sigmoid is not right yet.')")
    reader.type("#write-sigmoid", "def sigmoid(a): return 0.5 * (1 + np.tanh(0.5 * a))")
    reader.wait(f"{SAID}.includes('sigmoid is right.')")
