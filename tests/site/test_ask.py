"""Ask the networks, as readers do it: by mouse, by keyboard, with a picture of their own."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver import ActionChains, Keys

from cs231n_lib.speak.nouns import NamedThing, sample_noun_scenes
from cs231n_lib.speak.scenes import Description, Scene, Thing, places, sample_scenes
from cs231n_lib.speak.truth import judge
from tests.browser import Browser
from tests.node import needs_runtime
from tests.site.test_browser import RULES, violations

LINK = "scenes/5/large.red.star.25.30/small.blue.cross.70.40"
KINDS = {"scenes": (Thing, sample_scenes), "nouns": (NamedThing, sample_noun_scenes)}
HEADINGS = {"runOnly": RULES, "rules": {"heading-order": {"enabled": True}}}


class Asked:
    """The page. It is woken once, for all tests; each leaves a scene with two things."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        browser.view(1280, 1000)
        browser.open(f"chapters/ask.html#{LINK}", mathjax=False)
        self.wait("return Boolean(document.querySelector('.ask-wake'))")
        self.asked_for = [response.address for response in browser.responses()]

    def wait(self, script: str, seconds: float = 240) -> None:
        end = time.monotonic() + seconds
        while not self.browser.run(script):
            assert time.monotonic() < end, (script, self.find("#ask").text)
            time.sleep(0.05)

    def find(self, selector: str):
        return self.all(selector)[0]

    def all(self, selector: str) -> list:
        return self.browser.driver.find_elements("css selector", selector)

    def after(self, act) -> None:
        """Do something, and wait for what the networks say then."""
        act()
        self.wait("return document.querySelector('.ask-awake[aria-busy=false]')")

    def press(self, selector: str) -> None:
        """Click on a button, in the middle of the screen: at its upper edge is the header."""
        button = self.find(selector)
        self.browser.run("arguments[0].scrollIntoView({block: 'center'})", button)
        self.after(button.click)

    @property
    def link(self) -> list[str]:
        return self.browser.run("return location.hash.slice(1)").split("/")

    @property
    def said(self) -> dict[str, tuple[str, bool, list[int]]]:
        """Captioner -> its sentence, whether that is marked as true, and the words that are not."""
        cards = self.browser.run(
            """return [...document.querySelectorAll(".ask-card")].map((card) => [
            card.dataset.captioner, card.dataset.verdict,
            [...card.querySelectorAll(".ask-sentence button")].map((button) =>
                [button.firstChild.textContent, button.className === "ask-wrong"])])"""
        )
        return {
            name: (
                " ".join(word for word, _ in words),
                verdict == "true",
                [k for k, (_, wrong) in enumerate(words) if wrong],
            )
            for name, verdict, words in cards
            if words  # or it is not asked
        }

    def check_verdicts(self, scene: Scene) -> None:
        for sentence, true, wrong in self.said.values():
            verdict = judge(sentence, scene)
            assert (true, wrong) == (verdict.true, [m.word for m in verdict.mistakes]), sentence


@pytest.fixture(scope="module")
def sleeping(browser) -> Asked:
    needs_runtime()
    return Asked(browser)


@pytest.fixture(scope="module")
def asked(sleeping) -> Asked:
    sleeping.press(".ask-wake")
    return sleeping


def test_a_page_that_sleeps_has_an_example_and_asks_for_nothing(sleeping):
    text = sleeping.find("#ask").text
    size = int(re.search(r"Wake the networks \(about (\d+) MB, once\)", text)[1])
    assert 8 < size < 20
    assert "A picture that somebody has made waits for you." in text
    assert not any(
        "captioners" in address or "pyodide" in address for address in sleeping.asked_for
    )
    scene = sample_scenes("test", 1000)[int(sleeping.find("#ask").get_attribute("data-number"))]
    for card in sleeping.all(".ask-card"):
        words = [word.text for word in card.find_elements("css selector", ".ask-sentence > span")]
        sentence = " ".join(word.partition("(")[0].strip() for word in words)
        assert card.get_attribute("data-verdict") == str(bool(judge(sentence, scene))).lower()
    assert violations(sleeping.browser, HEADINGS) == []


def test_the_scene_of_a_link_is_described_and_judged(asked):
    assert "/".join(asked.link) == LINK
    told = Description(Thing("large", "red", "star"), "left of", Thing("small", "blue", "cross"))
    assert list(asked.said) == ["rnn", "lstm", "attention"]
    asked.check_verdicts(Scene(told, 0))
    assert asked.said["attention"][0] == str(told)
    assert asked.browser.console() == []


def test_a_thing_is_dragged_and_the_networks_are_asked_again(asked):
    thing, stage = asked.find(".ask-thing"), asked.find(".ask-stage")
    scale = stage.size["width"] / 96
    by = round((70 - 25) * scale), round((90 - 30) * scale)
    asked.after(ActionChains(asked.browser.driver).drag_and_drop_by_offset(thing, *by).perform)
    radius = places(sample_scenes("test", 1000)[5])[0][2]
    asked.wait(f"return location.hash.includes('.{96 - 3 - radius}/')")  # not beyond the border
    assert abs(int(asked.link[2].split(".")[-2]) - 70) <= 1
    told = Description(Thing("large", "red", "star"), "below", Thing("small", "blue", "cross"))
    asked.check_verdicts(Scene(told, 0))


@pytest.mark.parametrize("world", ["scenes", "nouns", "scenes"])
def test_another_picture_is_one_that_was_held_out(asked, world):
    if world != asked.link[0]:
        asked.press(f"[value={world}]")
    kind, sample = KINDS[world]
    for _ in range(3):
        asked.press("[data-do=another]")
        found, number, *things = asked.link
        scene = sample("test", 1000)[int(number)]
        assert found == world
        told = [kind(*thing.split(".")[:-2]) for thing in things]
        assert told == [scene.description.first, scene.description.second]
        asked.check_verdicts(scene)
    assert ("rnn" in asked.said) == (world == "scenes")
    why = "It was not trained on these things" in asked.find("[data-captioner=rnn]").text
    assert why == (world == "nouns")


def test_the_keyboard_moves_and_changes_a_thing(asked):
    asked.press("[data-do=another]")
    second = asked.all(".ask-thing")[1]
    *words, x, y = asked.link[3].split(".")
    key = Keys.ARROW_LEFT if int(x) > 48 else Keys.ARROW_RIGHT
    asked.after(lambda: second.send_keys(key))
    asked.wait(f"return !location.hash.endsWith('{x}.{y}')")
    assert abs(int(asked.link[3].split(".")[-2]) - int(x)) == 2
    colour = asked.find(".ask-colours :checked")
    asked.after(lambda: colour.send_keys(Keys.ARROW_RIGHT))
    chosen = asked.find(".ask-colours :checked").get_attribute("value")
    asked.wait(f"return location.hash.includes('.{chosen}.')")
    assert chosen != words[1] and asked.link[3].split(".")[1] == chosen
    assert chosen in second.get_attribute("aria-label")


def test_a_word_tells_its_chance_and_where_the_network_looked(asked):
    word = asked.find("[data-captioner=attention] .ask-sentence [tabindex='0']")
    word.send_keys(Keys.HOME)
    assert re.match(
        r"“a”: .* %\. Next likeliest: “", asked.find("[data-captioner=attention] .ask-detail").text
    )
    assert len(asked.all(".ask-stage > .ask-shadow")) == 1
    word.send_keys(Keys.TAB)
    assert asked.all(".ask-stage > .ask-shadow") == []
    captions = [c.text for c in asked.all("[data-captioner=lstm] figcaption")]
    assert [caption.split()[0] for caption in captions] == ["forget", "input", "output"]


def test_a_picture_of_ones_own_and_what_is_none(asked, tmp_path):
    choose = asked.find(".ask-file input").send_keys
    (tmp_path / "notes.jpg").write_text("no picture")
    choose(str(tmp_path / "notes.jpg"))
    asked.wait("return document.querySelector('.ask-trouble').textContent")
    assert (
        asked.find(".ask-trouble").text == "notes.jpg is not a picture that this browser can read."
    )
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(31 * 10**6)
    choose(str(tmp_path / "huge.jpg"))
    asked.wait("return document.querySelector('.ask-trouble').textContent.startsWith('huge')")
    assert "huge.jpg has 31 MB" in asked.find(".ask-trouble").text
    pixels = np.random.default_rng(0).integers(0, 256, (60, 100, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "mine.png")
    choose(str(tmp_path / "mine.png"))
    asked.wait("return document.querySelector('.ask-ground').alt.startsWith('mine.png')")
    asked.after(lambda: None)
    assert "have never seen anything like it" in asked.find(".ask-headline").text
    part = "the middle of your picture, cut to a square"
    assert part in asked.find(".ask-all").text
    assert asked.find(".ask-ground").get_attribute("alt") == f"mine.png: {part}"
    assert asked.find(".ask-trouble").text == "" and asked.all(".ask-thing") == []
    assert {card.get_attribute("data-verdict") for card in asked.all(".ask-card")} == {"none"}
    asked.press("[data-do=another]")
    assert len(asked.all(".ask-thing")) == 2


def test_a_picture_can_be_dropped(asked):
    asked.browser.run(
        """const canvas = document.createElement("canvas");
        canvas.toBlob((blob) => {
            const data = new DataTransfer();
            data.items.add(new File([blob], "dropped.png", {type: "image/png"}));
            document.querySelector(".ask-stage").dispatchEvent(
                new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
        });"""
    )
    asked.wait("return document.querySelector('.ask-ground').alt.startsWith('dropped.png')")
    asked.press("[data-do=another]")
    assert len(asked.all(".ask-thing")) == 2


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (360, True)])
def test_axe_finds_no_violation_when_it_is_awake(asked, width, dark):
    asked.browser.view(width, 1000, dark=dark)
    assert violations(asked.browser, HEADINGS) == []
    assert asked.browser.run("return document.documentElement.scrollWidth") <= width
    asked.browser.view(1280, 1000)
