"""Ask the networks: scenes that readers put together, and what the captioners say of them.

A scene comes from the page as its number among the held-out ones, whose ground, tints and angles it
keeps, and its two things: ``{"words": ["large", "red", "circle"], "x": 30, "y": 60}``, with their
centres in the pixels of a picture of 96 x 96.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image

from cs231n_lib.speak.captioning import CaptioningRNN
from cs231n_lib.speak.nouns import NOUNS, NamedThing, sample_noun_scenes
from cs231n_lib.speak.scenes import (
    COLOURS,
    PICTURE_SIZE,
    SHAPES,
    SIZES,
    Description,
    Painted,
    Scene,
    Thing,
    paint,
    places,
    put,
    sample_scenes,
)
from cs231n_lib.speak.steps import STEPS, begin
from cs231n_lib.speak.truth import Verdict, judge
from website.page.captioners import load
from website.page.eyes import describe
from website.page.figures import png_address

SCALE = 4  # of the pictures that are shown
MOST_WORDS = 12

_KINDS = {"scenes": Thing, "nouns": NamedThing}
_CAPTIONERS = {"scenes": ("rnn", "lstm", "attention"), "nouns": ("lstm", "attention")}


def words() -> dict[str, list[str]]:
    """What a thing can be, and in which colours."""
    return {
        "size": list(SIZES),
        "colour": list(COLOURS),
        "shape": list(SHAPES),
        "noun": sorted(NOUNS),
    }


def held_out(world: str, number: int) -> list[dict[str, Any]]:
    """The two things of a scene that was held out, by its number from 0 to 999."""
    scene = _held_out(world)[number]
    told = scene.description
    return [
        {"words": list(vars(thing).values()), "x": x, "y": y}
        for thing, (x, y, _) in zip((told.first, told.second), places(scene))
    ]


def show(world: str, number: int, things: list[dict]) -> dict[str, Any]:
    """The ground of a scene, and each thing with nothing behind it, four times as large as the
    networks see them; of a thing also its radius and the side of its picture, in their pixels."""
    ground, painted = _paint(world, number, things, SCALE)
    cut_out = []
    for mask, colours, (_, _, radius) in painted:
        picture = np.dstack([np.broadcast_to(colours, (*mask.shape, 3)), 255 * mask])
        side = len(mask) / SCALE
        cut_out.append({"picture": _png(picture), "radius": radius, "side": side})
    return {"ground": _png(ground), "things": cut_out}


def ask(world: str, number: int, things: list[dict]) -> dict[str, Any]:
    """What each captioner says of a scene, whether it is true, and the picture that it sees."""
    picture, painted = _paint(world, number, things)
    for thing, (mask, colours, _) in zip(things, painted):
        put(picture, mask, colours, (thing["x"], thing["y"]))
    picture = picture.clip(0, 255).astype(np.uint8)
    truths = _truths(world, things)
    said = [one | _verdict(one["words"], truths) for one in _ask(world, picture)]
    return {"picture": _png(picture), "said": said, "truths": [str(told) for told in truths]}


def ask_picture(world: str, pixels: str) -> dict[str, Any]:
    """What each captioner says of a picture of the reader's own: base64 of 96 x 96 x 3 bytes."""
    picture = np.frombuffer(base64.b64decode(pixels), np.uint8)
    picture = picture.reshape(PICTURE_SIZE, PICTURE_SIZE, 3)
    return {"picture": _png(picture), "said": _ask(world, picture)}


@lru_cache
def _held_out(world: str) -> list[Scene]:
    return (sample_scenes if world == "scenes" else sample_noun_scenes)("test", 1000)


def _thing(world: str, thing: dict) -> Thing | NamedThing:
    return _KINDS[world](*thing["words"])


def _paint(world: str, number: int, things: list[dict], scale: int = 1) -> Painted:
    return paint(_held_out(world)[number], [_thing(world, thing) for thing in things], scale)


def _truths(world: str, things: list[dict]) -> list[Description]:
    """The scene in words: in two ways where one thing is as much above the other as beside it.

    In the scenes that the networks have seen, it is always twice as much one as the other.
    """
    first, second = (_thing(world, thing) for thing in things)
    across, down = (things[1][axis] - things[0][axis] for axis in ("x", "y"))
    relations = []
    if 2 * abs(down) > abs(across):
        relations.append("above" if down > 0 else "below")
    if 2 * abs(across) > abs(down):
        relations.append("left of" if across > 0 else "right of")
    return [Description(first, relation, second) for relation in relations or ["above"]]


def _verdict(words: list[dict], truths: list[Description]) -> dict[str, Any]:
    """Whether a sentence is true, and, for each word that is wrong, what is true in its place."""
    sentence = " ".join(word["word"] for word in words)
    judged = (judge(sentence, Scene(told, 0)) for told in truths)
    verdict: Verdict = min(judged, key=lambda verdict: len(verdict.mistakes))
    return {
        "true": bool(verdict),
        "mistakes": [
            {"word": mistake.word, "true": mistake.true, "says": str(mistake)}
            for mistake in verdict.mistakes
        ],
    }


def _ask(world: str, picture: np.ndarray) -> list[dict[str, Any]]:
    features = describe(picture, world)[None]
    return [
        {"name": name, "words": _speak(load(f"{world}-{name}"), features)}
        for name in _CAPTIONERS[world]
    ]


def _speak(model: CaptioningRNN, features: np.ndarray) -> list[dict[str, Any]]:
    """The likeliest words one after the other: each with its chance, the next likeliest word, and
    what there is to see inside."""
    p, vocabulary = model.params, list(model.word_to_idx)
    forward, _ = STEPS[model.cell_type]
    state, weights = begin(model, features)
    word, said = model.word_to_idx["<START>"], []
    while len(said) < MOST_WORDS:
        *state, cache = forward(p["W_embed"][[word]], *state, *weights)
        scores = (state[0] @ p["W_vocab"] + p["b_vocab"])[0]
        chances = np.exp(scores - scores.max())
        chances /= chances.sum()
        other, word = (int(index) for index in chances.argsort()[-2:])
        if vocabulary[word] == "<END>":
            break
        said.append(
            {
                "word": vocabulary[word],
                "chance": round(float(chances[word]), 4),
                "other": vocabulary[other],
                "other_chance": round(float(chances[other]), 4),
                "inside": _inside(model.cell_type, state, cache),
            }
        )
    return said


def _inside(cell: str, state: list[np.ndarray], cache: tuple) -> dict[str, Any]:
    """Numbers of one step, from 0 to 255: all units of the RNN, or of three gates of the LSTM, or
    how much attention gives to each of the 36 fields."""
    if cell == "attention":
        look, _ = cache
        return {"fields": (255 * look[-1][0]).round().astype(int).tolist()}
    if cell == "rnn":
        return {"state": _bytes((state[0][0] + 1) / 2)}
    *_, i, f, o, _, _ = cache
    gates = {"forget": f, "input": i, "output": o}
    return {name: _bytes(gate[0]) for name, gate in gates.items()}


def _bytes(numbers: np.ndarray) -> str:
    return base64.b64encode((255 * numbers).round().astype(np.uint8).tobytes()).decode()


def _png(picture: np.ndarray) -> str:
    return png_address(Image.fromarray(picture.clip(0, 255).astype(np.uint8)))
