"""Every page of the website in Chromium, without a network: as readers meet it, one by one."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import maximum_filter, minimum_filter

from tests.browser import AXE, Browser, Response, find_programs
from tests.website import contents

# What Sphinx adds to the pages of the contents. The page of the longest module stands for them all.
PAGES = [*contents(), "search", "genindex", "py-modindex", "_modules/index"]
PAGES += ["_modules/cs231n_lib/captioning"]
WIDTHS = (360, 768, 1440)
ZOOMED = 640  # a window of 1280 px at 200 %
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
MB = 1e6


@dataclass
class Loaded:
    """A page that the browser has open, and what was noted while it loaded."""

    name: str
    browser: Browser
    console: list[str]
    responses: list[Response]
    images: list[tuple[str, bool, bool]]  # of the text: what it says, has it a size, is it lazy
    painted: float  # ms until the largest thing in sight was painted, on a processor 4 × as slow


def largest_paint(browser: Browser) -> float:
    """Milliseconds from the start to the paint of what is the largest thing in sight so far."""
    return browser.wait_for(
        """new PerformanceObserver((list) => done(list.getEntries().at(-1).startTime))
        .observe({type: "largest-contentful-paint", buffered: true});"""
    )


def paint_again(browser: Browser, name: str) -> float:
    """Open a page on a slow processor and say when its largest thing was painted, formulas set."""
    browser.slow_down(4)
    browser.open(f"{name}.html", cache=False)
    painted = largest_paint(browser)
    browser.slow_down(1)
    browser.load_pictures()
    return painted


@pytest.fixture(scope="module", params=PAGES)
def page(request, browser: Browser) -> Loaded:
    browser.view()
    browser.slow_down(4)
    browser.open(f"{request.param}.html", cache=False, typeset=False)
    painted = largest_paint(browser)
    browser.slow_down(1)
    browser.typeset()
    images = browser.run(
        """return [...document.querySelectorAll("article img")].map((i) =>
            [i.alt, i.hasAttribute("width") && i.hasAttribute("height"), i.loading === "lazy"]);"""
    )
    browser.load_pictures()
    console, responses = browser.console(), browser.responses()
    if largest_paint(browser) > painted:  # Typesetting brought something larger. How late is that?
        painted = paint_again(browser, request.param)
    return Loaded(request.param, browser, console, responses, images, painted)


def test_a_page_loads_without_a_complaint(page, server):
    assert page.console == []
    assert page.responses
    assert [r for r in page.responses if r.failure or r.status != 200] == []
    assert [r.address for r in page.responses if not r.address.startswith(server)] == []


def test_all_mathematics_is_typeset(page):
    formulas, typeset, faults, raw = page.browser.run(
        r"""const count = (selector) => document.querySelectorAll(selector).length;
        const text = [];
        const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (walk.nextNode()) {
            const node = walk.currentNode;
            if (/\\[([]|\\begin\{|\$\$/.test(node.data) &&
                !node.parentElement.closest("pre, code, script, style, mjx-assistive-mml"))
                text.push(node.data);
        }
        return [count(".math"), count(".math mjx-container"),
                count("mjx-merror, [data-mjx-error]"), text];"""
    )
    assert (faults, raw) == (0, [])
    assert typeset >= formulas
    if page.name == "chapters/02-lstm":
        assert formulas > 50


@pytest.mark.parametrize("width", [*WIDTHS, ZOOMED])
def test_nothing_is_wider_than_the_screen(page, width):
    page.browser.view(width)
    wide, culprits = page.browser.run(
        """const width = document.documentElement.clientWidth;
        const scrolls = (e) => e && (getComputedStyle(e).overflowX !== "visible"
            || scrolls(e.parentElement));
        const wider = [...document.querySelectorAll("main *")].filter((e) =>
            e.getBoundingClientRect().right > width + 1 && !scrolls(e.parentElement));
        const names = wider.slice(0, 5).map((e) => `${e.tagName}.${e.className} ${e.textContent}`);
        return [document.documentElement.scrollWidth, names.map((name) => name.slice(0, 90))];"""
    )
    assert wide <= width, culprits


@pytest.mark.parametrize("width", [WIDTHS[0], ZOOMED])
def test_no_text_is_cut_off(page, width):
    page.browser.view(width)
    cut = page.browser.run(
        """return [...document.querySelectorAll("main *")].filter((e) => {
            const style = getComputedStyle(e), hides = ["hidden", "clip"];
            return e.innerText?.trim() && e.clientWidth > 1
                && !e.closest(".math, .toggle-hidden")
                && (hides.includes(style.overflowX) && e.scrollWidth > e.clientWidth + 1
                    || hides.includes(style.overflowY) && e.scrollHeight > e.clientHeight + 1);
        }).map((e) => `${e.tagName}.${e.className} ${e.innerText}`.slice(0, 90));"""
    )
    assert cut == []


def violations(browser: Browser, options: dict, without: str = "") -> list[str]:
    """What axe-core finds on the page that is open: the rule, the place, and why."""
    if not AXE.exists():
        pytest.skip("needs the npm package axe-core: `make browser`")
    if not browser.run("return Boolean(window.axe)"):
        browser.run(AXE.read_text(encoding="utf-8"))
    return browser.wait_for(
        """const place = {include: ["html"], exclude: arguments[1] ? [arguments[1]] : []};
        axe.run(place, {resultTypes: ["violations"], ...arguments[0]}).then((found) =>
        done(found.violations.flatMap((rule) => rule.nodes.map((node) =>
            `${rule.id}: ${node.target} ${node.failureSummary}`))),
        (error) => done([`${error}`]));""",
        options,
        without,
    )


def test_axe_finds_no_violation(page):
    page.browser.view()
    rules = {"heading-order": {"enabled": True}, "page-has-heading-one": {"enabled": True}}
    assert violations(page.browser, {"runOnly": RULES, "rules": rules}) == []


def test_axe_finds_no_violation_in_the_dark(page):
    page.browser.view(dark=True)
    assert page.browser.run("return document.documentElement.dataset.theme") == "dark"
    # Colours are all that differs: the markup is the one that was judged in the light.
    colours = {"runOnly": ["color-contrast", "link-in-text-block"]}
    assert violations(page.browser, colours, without="mjx-container") == []


def test_axe_finds_no_violation_on_a_narrow_screen(page):
    page.browser.view(WIDTHS[0])
    page.browser.wait_for("setTimeout(done, 400);")  # The theme measures again after 300 ms.
    narrow = ["scrollable-region-focusable", "aria-hidden-focus", "button-name", "link-name"]
    assert violations(page.browser, {"runOnly": narrow}) == []


def test_headings_go_down_one_level_at_a_time(page):
    page.browser.view()
    levels = page.browser.run(
        """return [...document.querySelectorAll("main :is(h1, h2, h3, h4, h5, h6)")]
        .filter((heading) => heading.checkVisibility()).map((heading) => +heading.tagName[1]);"""
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(lower - upper <= 1 for upper, lower in pairwise(levels)), levels


def luminance(png: bytes) -> np.ndarray:
    """The relative luminance of each pixel, as WCAG defines it."""
    colours = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")) / 255
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def local_contrast(png: bytes, within: int) -> np.ndarray:
    """The contrast ratio between the lightest and the darkest pixel within some pixels of each."""
    light, size = luminance(png), 2 * within + 1
    return (maximum_filter(light, size) + 0.05) / (minimum_filter(light, size) + 0.05)


def test_pictures_stay_readable_in_the_dark(page):
    browser = page.browser
    pictures = browser.run("return [...document.images].filter((i) => i.checkVisibility())")
    seen = {}
    for dark in (False, True):
        browser.view(height=2000, dark=dark)
        seen[dark] = [
            # One pixel more in the dark: there the text may have moved the picture by a fraction.
            local_contrast(browser.picture(picture), within=2 + dark)
            for picture in pictures
        ]
    lost = []
    for picture, light, dark in zip(pictures, seen[False], seen[True]):
        assert light.shape == dark.shape, picture.get_attribute("alt")
        ink = light >= 4.5  # what WCAG asks of text; of lines and areas it asks 3
        if ink.any() and (share := np.mean(dark[ink] < 3)) > 0.02:
            lost.append(f"{share:.0%} of the lines of: {picture.get_attribute('alt')}")
    assert lost == []


def test_pictures_keep_their_place_and_load_when_needed(page):
    assert [alt for alt, sized, _ in page.images if not sized] == []
    assert [alt for alt, _, lazy in page.images[1:] if not lazy] == []
    if page.name == "chapters/01-rnn":
        assert len(page.images) > 5


def test_the_largest_thing_is_painted_soon(page):
    painted = page.painted
    for _ in range(5):
        if painted < 2500:
            break
        time.sleep(2)  # Other work on the machine takes time, too: the best of several counts.
        painted = min(painted, paint_again(page.browser, page.name))
    assert painted < 2500


def test_a_page_is_light(page):
    def is_own(response: Response) -> bool:
        return "/mathjax/" not in response.address and response.kind != "Font"

    heaviest = sorted(page.responses, key=lambda r: -r.size)[:5]
    assert sum(r.size for r in page.responses if is_own(r)) <= 2.5 * MB, heaviest
    assert sum(r.size for r in page.responses) <= 8 * MB, heaviest


def search(browser: Browser, words: str) -> list[str]:
    """Type words into the search field of the page that is open; the addresses of the results."""
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    browser.run("document.querySelector('.search-button-field').click()")
    field = browser.run("return document.querySelector('#pst-search-dialog input[name=q]')")
    field.send_keys(words, Keys.ENTER)
    found = "return [...document.querySelectorAll('#search-results li a')].map((a) => a.href)"
    return WebDriverWait(browser.driver, 10).until(lambda _: browser.run(found))


def test_the_search_leads_to_the_chapter(browser):
    browser.view()
    browser.open("chapters/index.html")
    results = search(browser, "forget gate")
    assert "/chapters/02-lstm.html" in results[0]
    browser.run("document.querySelector('#search-results li a').click()")
    browser.typeset()
    assert "forget gate" in browser.run("return document.querySelector('article').innerText")
    assert browser.console() == []


def test_the_site_works_from_a_folder(site):
    """Opened as files, with no server, in a path with spaces."""
    browser = Browser(f"file://{quote(str(site))}", *find_programs())
    try:
        browser.view()
        for name in ("index", "chapters/02-lstm", "chapters/04-fooling-images"):
            browser.open(f"{name}.html")
            assert browser.console() == []
            assert [r for r in browser.responses() if r.failure] == []
        assert browser.run("return document.querySelectorAll('mjx-container').length") > 50
        assert "/chapters/02-lstm.html" in search(browser, "forget gate")[0]
        assert browser.console() == []
    finally:
        browser.driver.quit()


def test_the_first_page_leads_to_the_book(browser):
    from selenium.webdriver.support.ui import WebDriverWait

    browser.open("index.html")
    WebDriverWait(browser.driver, 10).until(
        lambda driver: driver.current_url.endswith("/chapters/index.html")
    )


def press(browser: Browser, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser.driver).send_keys(*keys).perform()
    browser.settle()


def test_the_scheme_can_be_chosen_and_stays(browser):
    browser.view()
    browser.open("chapters/01-rnn.html")
    theme = "return document.documentElement.dataset.theme"
    button = "button.theme-switch-button"
    for _ in range(3):
        if browser.run(theme) == "dark":
            break
        browser.run(
            f"[...document.querySelectorAll('{button}')].find((b) => b.checkVisibility()).click()"
        )
    assert browser.run(theme) == "dark"
    browser.open("chapters/02-lstm.html")
    assert browser.run(theme) == "dark"
    browser.run("localStorage.clear()")


def test_the_keyboard_reaches_the_text_first(browser):
    from selenium.webdriver.common.keys import Keys

    browser.view()
    browser.open("chapters/01-rnn.html")
    press(browser, Keys.TAB)
    text, top, bottom = browser.run(
        """const link = document.activeElement, box = link.getBoundingClientRect();
        return [link.innerText, box.top, box.bottom];"""
    )
    assert text == "Skip to main content"
    assert 0 <= top < bottom <= 900
    press(browser, Keys.ENTER)
    press(browser, Keys.TAB)
    assert browser.run("return document.activeElement.closest('main') !== null")


@pytest.mark.parametrize(("width", "dark"), [(WIDTHS[0], False), (WIDTHS[-1], True)])
def test_the_focus_is_seen(browser, width, dark):
    from selenium.webdriver.common.keys import Keys

    browser.view(width, dark=dark)
    browser.open("chapters/01-rnn.html")
    unseen, names = [], set()
    for _ in range(40):
        press(browser, Keys.TAB)
        name, seen = browser.run(
            """const e = document.activeElement;
            const look = () => {
                const s = getComputedStyle(e);
                return [s.outlineStyle === "none" ? "" : s.outline, s.boxShadow].join();
            };
            const focused = look();
            e.blur();
            const plain = look();
            e.focus({focusVisible: true});
            return [e.outerHTML.slice(0, 90), focused !== plain && e.checkVisibility()];"""
        )
        names.add(name)
        if not seen:
            unseen.append(name)
    assert unseen == []
    assert len(names) > 20


@pytest.mark.parametrize("width", [WIDTHS[0], ZOOMED])
def test_the_contents_open_and_close_by_keyboard(browser, width):
    from selenium.webdriver.common.keys import Keys

    browser.view(width)
    browser.open("chapters/01-rnn.html")
    modal = "#pst-primary-sidebar-modal"
    sidebar = f"return document.querySelector('{modal}').open"
    toggles = "[...document.querySelectorAll('.primary-toggle')]"
    toggle = f"{toggles}.find((button) => button.checkVisibility())"
    assert not browser.run(sidebar)
    for _ in range(12):
        press(browser, Keys.TAB)
        if browser.run(f"return document.activeElement === {toggle}"):
            break
    press(browser, Keys.ENTER)
    assert browser.run(sidebar)
    press(browser, Keys.TAB)
    assert browser.run(
        "return document.activeElement.closest('#pst-primary-sidebar-modal') !== null"
    )
    link = f"document.querySelector('{modal} a[href$=\"02-lstm.html\"]')"
    assert browser.run(f"return {link}.checkVisibility()")
    press(browser, Keys.ESCAPE)
    assert not browser.run(sidebar)
