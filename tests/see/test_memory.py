"""No memory grows with the number of steps."""

from __future__ import annotations

from benchmarks.growth import points

# What is done -> few steps and many, each more than go through the network at once, and more than
# L-BFGS remembers. The last two once kept 50 and 90 kB of every step.
STEPS = {
    "Integrated Gradients": (64, 512),
    "class visualisation": (40, 240),
    "SqueezeNet": (30, 130),
}


def test_many_steps_need_no_more_memory_than_few():
    grown = {}
    for what, steps in STEPS.items():
        _, (few, many) = points(what, "steps", steps, {"side": 96, "pictures": 1})
        assert few > 0
        grown[what] = many / few
    assert max(grown.values()) < 1.4, grown
