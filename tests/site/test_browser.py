"""Every page of the website in Chromium, without a network: as readers meet it, one by one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser import AXE, Browser, Response, find_programs
from tests.website import contents

# The pages of the contents, what Sphinx adds to them, and the source of one module for all.
PAGES = [*contents(), "search", "genindex", "py-modindex", "_modules/index"]
PAGES += ["_modules/cs231n_lib/speak/captioning"]
WIDTHS = (360, 768, 1440)
ZOOMED = 640  # a window of 1280 px at 200 %
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
MB = 1e6
# What axe-core says about the page that is open. It judges thousands of words of code and formulas
# one by one. Meanwhile, of those that look alike on the same ground, the page has one as it is and
# the others as mere text; of what is not to be judged, nothing.
AXE_SAYS = """const [options, without] = arguments, places = [], known = new Set();
    const isNew = (kind) => known.size < known.add(kind).size;
    const look = (e, ...names) => {
        const style = getComputedStyle(e);
        return names.map((name) => style[name]).join();
    };
    const alike = ".highlight pre, dt.sig, mjx-container:not([display])";
    for (const place of document.querySelectorAll(without ? `${alike}, ${without}` : alike)) {
        const copy = place.cloneNode(false), kept = new Set();
        places.push([place, copy]);
        if (without && place.matches(without)) continue;
        let ground = "";
        for (let e = place; e; e = e.parentElement)
            ground += look(e, "backgroundColor", "backgroundImage", "opacity");
        const {right} = place.getBoundingClientRect();
        for (let e of place.querySelectorAll("*")) {
            if (e.firstElementChild) continue;
            const inSight = e.checkVisibility() && e.getBoundingClientRect().right <= right;
            const own = look(e, "color", "backgroundColor", "opacity", "fontSize", "fontWeight");
            if (!isNew([e.tagName, e.parentElement.tagName, inSight, own, ground].join())) continue;
            while (e.parentElement !== place) e = e.parentElement;
            kept.add(e);
        }
        const parts = [...place.childNodes];
        copy.append(...parts.map((e) => kept.has(e) ? e.cloneNode(true) : e.textContent));
    }
    for (const [place, copy] of places) place.replaceWith(copy);
    const exclude = without ? [without] : [];
    axe.run({include: ["html"], exclude}, {resultTypes: ["violations"], ...options}).then(
        (found) => found.violations.flatMap((rule) => rule.nodes.map((node) =>
            `${rule.id}: ${node.target} ${node.failureSummary}`)),
        (error) => [`${error}`],
    ).then((said) => {
        for (const [place, copy] of places) copy.replaceWith(place);
        done(said);
    });"""


@dataclass
class Loaded:
    """A page that the browser has open, and what was noted while it loaded."""

    name: str
    browser: Browser
    console: list[str]
    responses: list[Response]
    painted: float  # ms until the largest thing in sight was painted, at most, if 4 × as slow
    screen: tuple[int, bool] = (WIDTHS[-1], False)

    def at(self, width: int, dark: bool = False) -> Browser:
        """The browser so wide, in the light or the dark: laid out anew only if it is not."""
        if self.screen != (width, dark):
            self.browser.view(width, dark=dark)
            self.screen = width, dark
        return self.browser


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
    browser.open(f"{request.param}.html", cache=False)
    painted = 4 * largest_paint(browser)  # No processor 4 × as slow would need more.
    browser.load_pictures()
    return Loaded(request.param, browser, browser.console(), browser.responses(), painted)


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


def violations(browser: Browser, options: dict, without: str = "") -> list[str]:
    """What axe-core finds on the page that is open: the rule, the place, and why."""
    if not AXE.exists():
        pytest.skip("needs the npm package axe-core: `make browser`")
    if not browser.run("return Boolean(window.axe)"):
        browser.run(AXE.read_text(encoding="utf-8"))
    return browser.wait_for(AXE_SAYS, options, without)


def test_axe_finds_no_violation(page):
    browser = page.at(WIDTHS[-1])
    rules = {"heading-order": {"enabled": True}, "page-has-heading-one": {"enabled": True}}
    assert violations(browser, {"runOnly": RULES, "rules": rules}) == []


def test_axe_finds_no_violation_in_the_dark(page):
    browser = page.at(WIDTHS[-1], dark=True)
    assert browser.run("return document.documentElement.dataset.theme") == "dark"
    # Colours are all that differs: the markup is the one that was judged in the light.
    colours = {"runOnly": ["color-contrast", "link-in-text-block"]}
    assert violations(browser, colours, without="mjx-container") == []


def test_no_listing_of_a_chapter_scrolls_sideways_on_a_laptop(page):
    wide = page.at(1280).run(
        """const folded = [...document.querySelectorAll("article details:not([open])")];
        for (const details of folded) details.open = true;
        const wide = [...document.querySelectorAll("article .cell pre")]
            .filter((listing) => listing.scrollWidth > listing.clientWidth);
        for (const details of folded) details.open = false;
        return wide.map((listing) => listing.textContent);"""
    )
    assert [max(listing.splitlines(), key=len) for listing in wide] == []


@pytest.mark.parametrize("width", sorted([*WIDTHS, ZOOMED], reverse=True))
def test_nothing_is_wider_than_the_screen(page, width):
    wide, culprits = page.at(width).run(
        """const width = document.documentElement.clientWidth;
        const scrolls = (e) => e && (getComputedStyle(e).overflowX !== "visible"
            || scrolls(e.parentElement));
        const wider = [...document.querySelectorAll("main *")].filter((e) =>
            e.getBoundingClientRect().right > width + 1 && !scrolls(e.parentElement));
        const names = wider.slice(0, 5).map((e) => `${e.tagName}.${e.className} ${e.textContent}`);
        return [document.documentElement.scrollWidth, names.map((name) => name.slice(0, 90))];"""
    )
    assert wide <= width, culprits


@pytest.mark.parametrize("width", [ZOOMED, WIDTHS[0]])
def test_no_text_is_cut_off(page, width):
    cut = page.at(width).run(
        """return [...document.querySelectorAll("main *")].filter((e) => {
            const style = getComputedStyle(e), hides = ["hidden", "clip"];
            return e.innerText?.trim() && e.clientWidth > 1
                && !e.closest(".math, .toggle-hidden")
                && (hides.includes(style.overflowX) && e.scrollWidth > e.clientWidth + 1
                    || hides.includes(style.overflowY) && e.scrollHeight > e.clientHeight + 1);
        }).map((e) => `${e.tagName}.${e.className} ${e.innerText}`.slice(0, 90));"""
    )
    assert cut == []


def test_axe_finds_no_violation_on_a_narrow_screen(page):
    browser = page.at(WIDTHS[0])
    # The theme measures again 300 ms after a change, and lets the keyboard into what scrolls.
    browser.wait_for(
        """const end = performance.now() + 1000;
        const places = "pre, .output, .pst-scrollable-table-container";
        const scrolls = (e) => e.scrollWidth > e.clientWidth && e.tabIndex < 0;
        const wait = () => [...document.querySelectorAll(places)].some(scrolls)
            && performance.now() < end ? setTimeout(wait, 20) : done();
        wait();"""
    )
    narrow = ["scrollable-region-focusable", "aria-hidden-focus", "button-name", "link-name"]
    assert violations(browser, {"runOnly": narrow}) == []


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
    # Chapter 6 shows paintings at up to 384 pixels, and a browser fetches what comes into view.
    assert sum(r.size for r in page.responses if is_own(r)) <= 3 * MB, heaviest
    assert sum(r.size for r in page.responses) <= 8 * MB, heaviest


def search(browser: Browser, words: str) -> list[str]:
    """Type words into the search field of the page that is open; the addresses of the results."""
    browser.run("document.querySelector('.search-button-field').click()")
    field = browser.run("return document.querySelector('#pst-search-dialog input[name=q]')")
    field.send_keys(words, Keys.ENTER)
    found = "return [...document.querySelectorAll('#search-results li a')].map((a) => a.href)"
    return WebDriverWait(browser.driver, 10).until(lambda _: browser.run(found))


def test_the_search_leads_to_the_chapter(browser):
    browser.view()
    browser.open("chapters/index.html")
    results = search(browser, "forget gate")
    first = next(k for k, address in enumerate(results) if "/chapters/02-lstm.html" in address)
    assert all("/chapters/0" in address for address in results[:first])
    browser.run("document.querySelector(\"#search-results a[href*='02-lstm']\").click()")
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
        assert "/chapters/02-lstm.html" in "".join(search(browser, "forget gate"))
        assert browser.console() == []
    finally:
        browser.driver.quit()


def test_the_first_page_leads_to_the_book(browser):
    browser.open("index.html")
    WebDriverWait(browser.driver, 10).until(
        lambda driver: driver.current_url.endswith("/chapters/index.html")
    )


@pytest.mark.parametrize(("width", "dark"), [(WIDTHS[0], False), (WIDTHS[-1], True)])
def test_the_focus_is_seen(browser, width, dark):
    browser.view(width, dark=dark)
    browser.open("chapters/01-rnn.html")
    unseen, names = [], set()
    for _ in range(40):
        ActionChains(browser.driver).send_keys(Keys.TAB).perform()
        browser.settle()
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
