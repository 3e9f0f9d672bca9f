"""The page on which one asks: its eyes, its captioners, and what they say and show."""

from __future__ import annotations

import base64
import io
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.decomposition import PCA

from cs231n_lib.speak.captions import caption
from cs231n_lib.speak.features import describe_pictures
from cs231n_lib.speak.memory import attention_maps
from cs231n_lib.speak.nouns import sample_noun_scenes
from cs231n_lib.speak.scenes import draw, sample_scenes
from cs231n_lib.speak.truth import judge, share_true
from tests.chapters import ROOT
from website.captioners import WORLDS, identity
from website.page import ask, captioners, eyes

SAMPLE = {"scenes": sample_scenes, "nouns": sample_noun_scenes}
NAMES = [(world, cell) for world, found in WORLDS.items() for cell in found.captioners]
PRINTED = {  # where a chapter prints the share of true captions
    ("scenes", "rnn"): ("01-rnn", "rnn true"),
    ("scenes", "lstm"): ("02-lstm", "lstm true"),
    ("scenes", "attention"): ("07-captions-that-look", "attention true"),
    ("nouns", "lstm"): ("07-captions-that-look", "nouns lstm"),
    ("nouns", "attention"): ("07-captions-that-look", "nouns attention"),
}


def pixels(address: str) -> np.ndarray:
    coded = address.removeprefix("data:image/png;base64,")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(coded))))


@pytest.mark.parametrize("world", WORLDS)
def test_the_eyes_see_what_the_network_in_pytorch_sees(world):
    with np.load(eyes.FOLDER / f"{world}-eyes.npz") as file:
        projection = PCA(len(file["components"]))
        projection.mean_, projection.components_ = file["mean"], file["components"]
        projection.explained_variance_ = np.full(len(file["components"]), file["scale"] ** 2)
    scenes = SAMPLE[world]("test", 1000)[:24]
    expected, _ = describe_pictures(scenes, projection, WORLDS[world].layers)
    found = np.array([eyes.describe(draw(scene), world) for scene in scenes])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("world", WORLDS)
def test_the_features_of_the_chapters_are_at_hand(world):
    """Those on which the captioners were trained, but for the rounding to float16."""
    data = captioners.test_data(world)
    for name, split in {"train": data.train, "val": data.val, "test": data.test}.items():
        count = {"train": WORLDS[world].train}.get(name, 1000)
        assert list(split.images) == SAMPLE[world](name, count)[: len(split.images)]
        found = np.array([eyes.describe(draw(scene), world) for scene in split.images[:10]])
        np.testing.assert_allclose(split.features[:10], found, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("world", "cell"), NAMES)
def test_the_captioners_were_made_with_the_settings_of_the_chapters(world, cell):
    with np.load(eyes.FOLDER / f"{world}-{cell}.npz") as file:
        assert str(file["settings"]) == identity(WORLDS[world].captioners[cell])


@pytest.mark.parametrize(("world", "cell"), NAMES)
def test_the_captioners_tell_the_truth_as_often_as_the_chapters_print(world, cell):
    chapter, name = PRINTED[world, cell]
    notebook = (ROOT / "chapters" / f"{chapter}.ipynb").read_text(encoding="utf-8")
    printed, tolerance = map(float, re.search(rf'"{name}: ([\d.]+) ± ([\d.]+)', notebook).groups())
    data = captioners.test_data(world)
    share = share_true(caption(captioners.load(f"{world}-{cell}"), data, "test"), data.test.images)
    # Of the nouns, fewer pictures are at hand than a chapter counts: two standard errors more.
    count = len(data.test.images)
    error = 0 if count == 1000 else 2 * np.sqrt(printed * (1 - printed) * (1 / count - 1 / 1000))
    assert abs(share - printed) <= tolerance + error


@pytest.mark.parametrize("world", WORLDS)
def test_a_scene_is_drawn_told_and_judged_as_the_book_does_it(world):
    scenes = SAMPLE[world]("test", 1000)
    for number in (0, 7, 352):
        scene, things = scenes[number], ask.held_out(world, number)
        answer = ask.ask(world, number, things)
        np.testing.assert_array_equal(pixels(answer["picture"]), draw(scene))
        assert answer["truths"] == [scene.captions[0]]
        features = eyes.describe(draw(scene), world)[None]
        for one in answer["said"]:
            model = captioners.load(f"{world}-{one['name']}")
            vocabulary = list(model.word_to_idx)
            (words,) = model.sample(features, max_length=12)
            told = [word["word"] for word in one["words"]]
            assert [vocabulary[k] for k in words][: len(told) + 1] == [*told, "<END>"]
            verdict = judge(" ".join(told), scene)
            assert one["true"] == verdict.true
            assert [mistake["word"] for mistake in one["mistakes"]] == [
                mistake.word for mistake in verdict.mistakes
            ]
            for word in one["words"]:
                assert word["other_chance"] <= word["chance"] <= 1.0001 - word["other_chance"]


def test_what_is_shown_of_the_inside_is_what_the_book_computes():
    scene = sample_scenes("test", 1000)[3]
    features = eyes.describe(draw(scene), "scenes")[None]
    said = {one["name"]: one for one in ask.ask("scenes", 3, ask.held_out("scenes", 3))["said"]}
    inside = {name: [word["inside"] for word in one["words"]] for name, one in said.items()}
    model = captioners.load("scenes-attention")
    words = model.sample(features, max_length=12)
    maps = attention_maps(model, features, words)[0]
    for step, looked in enumerate(inside["attention"]):
        np.testing.assert_allclose(np.array(looked["fields"]) / 255, maps[step], atol=0.003)
    model = captioners.load("scenes-lstm")
    p, start = model.params, model.word_to_idx["<START>"]
    h = features @ p["W_proj"] + p["b_proj"]
    sums = (p["W_embed"][start] @ p["Wx"] + h @ p["Wh"] + p["b"])[0]
    for name, a in zip(("input", "forget", "output"), np.split(sums, 4)):
        gate = np.frombuffer(base64.b64decode(inside["lstm"][0][name]), np.uint8)
        np.testing.assert_allclose(gate / 255, 1 / (1 + np.exp(-a)), atol=0.003)
    model = captioners.load("scenes-rnn")
    p = model.params
    h = features @ p["W_proj"] + p["b_proj"]
    h = np.tanh(p["W_embed"][start] @ p["Wx"] + h @ p["Wh"] + p["b"])[0]
    state = np.frombuffer(base64.b64decode(inside["rnn"][0]["state"]), np.uint8)
    np.testing.assert_allclose(state / 255, (h + 1) / 2, atol=0.003)


def test_things_can_be_put_elsewhere_and_be_others():
    things = [
        {"words": ["large", "red", "star"], "x": 25, "y": 30},
        {"words": ["small", "blue", "cross"], "x": 70, "y": 40},
    ]
    answer = ask.ask("scenes", 5, things)
    assert answer["truths"] == ["a large red star left of a small blue cross"]
    picture = pixels(answer["picture"]).astype(int)
    assert picture[30, 25, 0] - picture[30, 25, 2] > 100
    assert picture[40, 70, 2] - picture[40, 70, 0] > 100
    shown = ask.show("scenes", 5, things)
    for thing, cut_out in zip(things, shown["things"]):
        assert abs(cut_out["radius"] - {"large": 18, "small": 11}[thing["words"][0]]) <= 2
        assert pixels(cut_out["picture"]).shape == (4 * cut_out["side"], 4 * cut_out["side"], 4)
    assert pixels(shown["ground"]).shape == (384, 384, 3)


@pytest.mark.parametrize(
    ("x", "y", "relations"),
    [
        (48, 80, ["above"]),
        (48, 16, ["below"]),
        (80, 48, ["left of"]),
        (16, 48, ["right of"]),
        (80, 70, ["above", "left of"]),
        (20, 80, ["above", "right of"]),
        (48, 48, ["above"]),
    ],
)
def test_diagonally_two_relations_are_true(x, y, relations):
    things = [
        {"words": ["large", "red", "star"], "x": 48, "y": 48},
        {"words": ["large", "blue", "cross"], "x": x, "y": y},
    ]
    told = ask.ask("scenes", 0, things)["truths"]
    assert [
        text[len("a large red star ") : -len(" a large blue cross")] for text in told
    ] == relations


def test_a_picture_of_ones_own_is_not_judged():
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    answer = ask.ask_picture("scenes", base64.b64encode(noise.tobytes()).decode())
    np.testing.assert_array_equal(pixels(answer["picture"]), noise)
    assert [one["name"] for one in answer["said"]] == ["rnn", "lstm", "attention"]
    assert all("true" not in one for one in answer["said"])


@pytest.fixture(scope="module")
def page(page_python):
    """Python in Node, with the captioners where a page puts them."""
    for path in sorted(eyes.FOLDER.glob("*.npz")):
        if not path.stem.endswith("-data"):
            coded = base64.b64encode(path.read_bytes()).decode()
            page_python.run(
                "import base64\nfrom website.page.eyes import FOLDER\n"
                f"FOLDER.mkdir(exist_ok=True)\n"
                f"(FOLDER / {path.name!r}).write_bytes(base64.b64decode({coded!r}))"
            )
    return page_python


def seconds(process) -> float:
    """Seconds of a processor that another process has used so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("world", WORLDS)
def test_a_page_gets_the_same_answers_and_within_150_ms_a_caption(page, world):
    things = ask.held_out(world, 0)
    assert page.call("page.ask.held_out", world=world, number=0) == things
    found = page.call("page.ask.ask", world=world, number=0, things=things)
    expected = ask.ask(world, 0, things)
    np.testing.assert_array_equal(pixels(found.pop("picture")), pixels(expected.pop("picture")))
    for one, other in zip(found["said"], expected["said"]):
        for word, native in zip(one["words"], other["words"], strict=True):
            del word["inside"], native["inside"]
            assert word == pytest.approx(native, abs=0.002)
    assert json.dumps(found["truths"]) == json.dumps(expected["truths"])
    before, times = seconds(page.process), 10
    for x in range(30, 30 + times):
        things[0]["x"] = x
        page.call("page.ask.ask", world=world, number=0, things=things)
    used = (seconds(page.process) - before) / times
    print(f"{world}: {1000 * used:.0f} ms of a processor for {len(found['said'])} captions")
    assert used / len(found["said"]) < 0.15
