"""Figures to work with: by mouse, by finger and by keyboard, and the stills behind them."""

from __future__ import annotations

import base64
import io
import json
import time

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver import ActionChains, Keys

from tests.browser import Browser, find_programs

FIGURES = {
    "fig-words": "02-lstm",
    "fig-fooling-opening": "04-fooling-images",
    "fig-class-unfolding": "05-class-visualization",
    "fig-style-idea": "06-style-transfer",
    "fig-unfolding": "06-style-transfer",
    "fig-looks": "07-captions-that-look",
    "fig-noun-looks": "07-captions-that-look",
}
LINES = ["fig-fooling-opening", "fig-style-idea"]
STEPS = ["fig-class-unfolding", "fig-unfolding"]
WORDS = ["fig-words", "fig-looks", "fig-noun-looks"]


class Shown:
    """A figure on an open page."""

    def __init__(self, browser: Browser, name: str) -> None:
        self.browser, self.name = browser, name
        browser.open(f"chapters/{FIGURES[name]}.html", mathjax=False)
        self.box = self.find(".panels-figure")
        self.stage = self.find(".panels-stage")
        # What is lazy above the figure would move it when it loads; bars on top would hide it.
        browser.run(
            """for (const image of document.querySelectorAll("article img"))
            if (!image.closest(arguments[0])) image.remove();""",
            f"#{name}",
        )
        browser.load_pictures()
        style = "document.head.append(Object.assign(document.createElement('style'), "
        hidden = ".skip-link, .bd-header-article {visibility: hidden !important}"
        browser.run(f"{style}{{textContent: '{hidden}'}}))")
        browser.run("arguments[0].scrollIntoView({block: 'center'})", self.box)
        browser.settle()

    def find(self, selector: str):
        return self.all(selector)[0]

    def all(self, selector: str) -> list:
        return self.browser.driver.find_elements("css selector", f"#{self.name} {selector}")

    @property
    def control(self):
        """Where the keyboard arrives: the first slider, or the chosen word."""
        return self.find(":is(input[type=range], button[tabindex='0'])")

    @property
    def text(self) -> str:
        return self.find("output").text

    @property
    def labels(self) -> list[str]:
        items = "return [...arguments[0].children].map((item) => item.textContent)"
        return self.browser.run(items, self.find("ol.panels"))

    def press(self, key: str) -> None:
        self.control.send_keys(key)
        self.browser.settle()

    def pixels(self, element=None) -> np.ndarray:
        """What the screen shows of an element, by default of the pictures."""
        x, y, width, height = self.browser.run(
            """arguments[0].scrollIntoView({block: "center", behavior: "instant"});
            const {left, top, right, bottom} = arguments[0].getBoundingClientRect();
            const [x, y, ...end] = [left, top, right, bottom].map(Math.round);
            return [x + scrollX, y + scrollY, end[0] - x, end[1] - y];""",
            element or self.stage,
        )
        self.browser.settle()
        clip = {"x": x, "y": y, "width": width, "height": height, "scale": 1}
        shot = self.browser.command("Page.captureScreenshot", clip=clip, optimizeForSpeed=True)
        screen = Image.open(io.BytesIO(base64.b64decode(shot["data"])))
        return np.asarray(screen.convert("RGB")).astype(int)

    def changed(self, before: np.ndarray, least: float = 3) -> bool:
        """Whether the pictures become others; a busy machine gets five seconds to draw them."""
        end = time.monotonic() + 5
        while np.abs(self.pixels() - before).mean() <= least:
            if time.monotonic() > end:
                return False
        return True

    def set(self, which: int, value: int) -> None:
        slider = self.all("input[type=range]")[which]
        self.browser.run(
            "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))",
            slider,
            value,
        )
        self.browser.settle()

    def tiles(self, site) -> list[np.ndarray]:
        """The tiles as the picture has them."""
        data = json.loads(self.find("ol.panels").get_attribute("data-panels"))
        source = self.browser.run("return arguments[0].src", self.find("img"))
        path = site / "_images" / source.rsplit("/", 1)[1]
        picture = np.asarray(Image.open(path).convert("RGB")).astype(int)
        columns, (width, height), (x, y, w, h) = (data[n] for n in ("columns", "cell", "tile"))
        places = [divmod(k, columns) for k in range(len(self.labels))]
        corners = [(row * height + y, column * width + x) for row, column in places]
        return [picture[top : top + h, left : left + w] for top, left in corners]


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """How far two pictures differ, in bytes, looked at from afar."""
    small = [
        Image.fromarray(x.astype(np.uint8)).resize((48, 32), Image.Resampling.BOX) for x in (a, b)
    ]
    return float(np.abs(np.subtract(*(np.asarray(x).astype(int) for x in small))).mean())


@pytest.fixture(scope="module")
def figure(browser, request) -> Shown:
    """A figure, opened once for all its tests, whatever state they leave it in."""
    browser.view()
    return Shown(browser, request.param)


def each(names):
    return pytest.mark.parametrize("figure", names, indirect=True)


@pytest.fixture
def narrow(browser):
    browser.view(360, 740)
    yield browser
    browser.view()


@each(FIGURES)
def test_the_keyboard_changes_picture_and_words(figure):
    figure.press(Keys.HOME)
    before, said = figure.pixels(), figure.text
    figure.press(Keys.END)
    assert figure.text != said and figure.text and said
    assert figure.changed(before, 0.3 if figure.name == "fig-fooling-opening" else 3)
    assert figure.find("output").get_attribute("aria-live") == "polite"


@each(FIGURES)
def test_one_arrow_is_one_step(figure):
    figure.press(Keys.HOME)
    first = figure.control.get_attribute("aria-valuetext") or figure.control.text
    figure.press(Keys.ARROW_RIGHT)
    second = figure.control.get_attribute("aria-valuetext") or figure.control.text
    labels = figure.labels
    if figure.name in LINES:
        assert (first, second) == (f"0 % {labels[0]}", f"1 % {labels[0]}")
    else:
        start = labels.index(first)
        assert second == labels[start + 1]
        assert second in figure.text


@each([*LINES, *STEPS])
@pytest.mark.parametrize("finger", [False, True], ids=["mouse", "finger"])
def test_dragging_on_the_picture_moves_its_slider(browser, figure, finger):
    slider = figure.find("input[type=range]")
    figure.set(0, 0)
    before, value = figure.pixels(), int(slider.get_attribute("value"))
    box = browser.run(
        "const b = arguments[0].getBoundingClientRect(); return [b.x, b.y, b.width, b.height]",
        figure.stage,
    )
    x, y = box[0] + box[2] / 4, box[1] + box[3] / 2
    if finger:
        for kind, dx in (("touchStart", 0), ("touchMove", 20), ("touchMove", 100), ("touchEnd", 0)):
            points = [] if kind == "touchEnd" else [{"x": x + dx, "y": y}]
            browser.command("Input.dispatchTouchEvent", type=kind, touchPoints=points)
    else:
        actions = ActionChains(browser.driver)
        actions.move_to_element_with_offset(figure.stage, -int(box[2] / 4), 0)
        actions.click_and_hold().move_by_offset(100, 0).release().perform()
    browser.settle()
    assert int(slider.get_attribute("value")) > value
    assert figure.changed(before, 0.1 if figure.name == "fig-fooling-opening" else 3)


@pytest.mark.parametrize("name", WORDS)
def test_pointing_at_a_word_shows_its_tile(browser, name):
    figure = Shown(browser, name)
    before = figure.pixels()
    last = figure.all(".panels-bar button")[-1]
    ActionChains(browser.driver).move_to_element(last).perform()
    browser.settle()
    assert figure.changed(before)
    assert last.text in figure.text
    assert last.get_attribute("aria-pressed") == "true"
    assert len(figure.all("[aria-pressed=true]")) == 1


@each([*WORDS, *STEPS])
def test_each_state_shows_its_own_tile(figure, site):
    tiles = figure.tiles(site)
    if figure.name in STEPS:
        states = len(tiles) // len(figure.all(".panels-stage .panels-tile"))
    else:
        states, tiles = len(tiles) - 1, tiles[1:]
    figure.press(Keys.HOME)
    for k in range(states):
        shown = figure.pixels(figure.find(".panels-stage .panels-tile"))
        distances = [apart(shown, tile) for tile in tiles]
        assert int(np.argmin(distances)) == k
        assert distances[k] < 4
        figure.press(Keys.ARROW_RIGHT)


@each(LINES)
def test_left_of_the_line_is_one_picture_and_right_of_it_the_other(figure, site):
    before, _, after = figure.tiles(site)
    figure.set(0, 50)
    shown = figure.pixels()
    half, middle = shown.shape[1] // 2, before.shape[1] // 2
    inner = slice(int(0.15 * half), int(0.85 * half))  # no line, no names
    rows = slice(int(0.15 * len(shown)), int(0.85 * len(shown)))
    wide = slice(int(0.15 * middle), int(0.85 * middle))
    high = slice(int(0.15 * len(before)), int(0.85 * len(before)))
    assert apart(shown[rows, :half][:, inner], before[high, :middle][:, wide]) < 5
    assert apart(shown[rows, half:][:, inner], after[high, middle:][:, wide]) < 5


@each(LINES[:1])
def test_the_change_is_magnified_as_often_as_it_says(figure, site):
    before, change, _ = figure.tiles(site)
    figure.set(0, 0)
    high = slice(int(0.15 * len(before)), int(0.85 * len(before)))
    for times in (10, 40):
        figure.set(1, times)
        assert f"× {times}." in figure.text
        shown = figure.pixels()
        rows = slice(int(0.15 * len(shown)), int(0.85 * len(shown)))
        wanted = (before + times / 10 * (change - 128)).clip(0, 255)
        assert apart(shown[rows], wanted[high]) < 2
        grain = [np.asarray(Image.fromarray(x.astype(np.uint8)).resize((448, 314)), float) for x in
                 (shown[rows], wanted[high], before[high])]  # fmt: skip
        assert np.abs(grain[0] - grain[1]).mean() < 0.4 * np.abs(grain[2] - grain[1]).mean() + 2


@each(FIGURES)
@pytest.mark.parametrize("width", [360, 1440])
def test_nothing_around_the_figure_moves_while_it_is_used(narrow, figure, width):
    narrow.view(width)
    heights = set()
    for key in (Keys.HOME, *[Keys.ARROW_RIGHT] * 3, Keys.END):
        figure.press(key)
        heights.add(round(figure.box.rect["height"]))
    if figure.name == "fig-fooling-opening":
        figure.set(0, 50)
        figure.set(1, 40)
        heights.add(round(figure.box.rect["height"]))
    assert len(heights) == 1


@pytest.mark.parametrize("name", FIGURES)
def test_a_narrow_screen_has_the_whole_figure_and_its_keys(narrow, name):
    figure = Shown(narrow, name)
    box = figure.box.rect
    assert box["x"] >= 0 and box["x"] + box["width"] <= 360
    assert figure.stage.rect["width"] > 270
    assert all(c.rect["height"] >= 24 for c in figure.all("input, .panels-bar button"))
    figure.press(Keys.HOME)
    before, said = figure.pixels(), figure.text
    figure.press(Keys.END)
    assert figure.text != said
    assert figure.changed(before, 0.3 if name == "fig-fooling-opening" else 3)


@pytest.mark.parametrize("name", STEPS)
def test_play_goes_through_the_steps_unless_motion_is_unwelcome(browser, name):
    figure = Shown(browser, name)
    button = figure.find(".panels-controls button")
    assert not button.is_displayed()
    moving = {"name": "prefers-reduced-motion", "value": "no-preference"}
    browser.command("Emulation.setEmulatedMedia", features=[moving])
    try:
        assert button.is_displayed()
        slider = figure.find("input")
        last = slider.get_attribute("max")
        assert slider.get_attribute("value") == last
        button.click()
        assert button.text == "Pause" and slider.get_attribute("value") == "0"
        # Stopped by the page itself: on a busy machine an order from here may come after the end.
        at = browser.wait_for(
            """const [slider, button] = arguments;
            const look = () => slider.value === "0" ? setTimeout(look, 20)
                : (button.click(), done(slider.value));
            look();""",
            slider,
            button,
        )
        assert 0 < int(at) < int(last)
        assert button.text == "Play"
        browser.driver.execute_async_script("setTimeout(arguments[0], 900)")
        assert slider.get_attribute("value") == at
    finally:
        browser.view()


@each(FIGURES)
def test_on_paper_there_is_the_still(browser, figure):
    still = figure.all("img")[0]
    assert figure.box.is_displayed() and not still.is_displayed()
    browser.command("Emulation.setEmulatedMedia", media="print")
    try:
        assert still.is_displayed() and not figure.box.is_displayed()
        assert browser.run("return arguments[0].complete && arguments[0].naturalWidth > 0", still)
    finally:
        browser.command("Emulation.setEmulatedMedia", media="")
        browser.view()


def test_without_scripts_there_is_the_still(browser):
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        for name, chapter in FIGURES.items():
            browser.driver.get(f"{browser.address}/chapters/{chapter}.html")
            find = browser.driver.find_elements
            assert find("css selector", f"#{name} img")[0].is_displayed()
            assert len(find("css selector", f"#{name} img")[0].get_attribute("alt").split()) >= 8
            assert not find("css selector", ".panels-figure")
            assert not any(tag.is_displayed() for tag in find("css selector", "ol.panels"))
    finally:
        browser.command("Emulation.setScriptExecutionDisabled", value=False)


def test_figures_work_from_a_folder(site):
    folder = Browser(site.as_uri(), *find_programs())
    try:
        folder.view()
        for name in (LINES[0], STEPS[0], WORDS[0]):
            figure = Shown(folder, name)
            figure.press(Keys.HOME)
            before = figure.pixels()
            figure.press(Keys.END)
            least = 0.3 if name == "fig-fooling-opening" else 3
            assert np.abs(figure.pixels() - before).mean() > least, name
    finally:
        folder.driver.quit()
