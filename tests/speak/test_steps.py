"""One step of every cell, called alike: equal to the whole sequence."""

import numpy as np
import pytest

from cs231n_lib.speak.steps import STEPS, begin
from tests.speak.test_captioning import CAPTIONS, CELLS, pictures, scores_after, small_model


@pytest.mark.parametrize("cell_type", CELLS)
def test_steps_from_the_beginning_say_what_the_whole_sequence_says(cell_type):
    model, features = small_model(cell_type), pictures(3)
    p, (forward, _) = model.params, STEPS[cell_type]
    state, weights = begin(model, features)
    for t, words in enumerate(CAPTIONS.T):
        *state, _ = forward(p["W_embed"][words], *state, *weights)
        for n, scores in enumerate(state[0] @ p["W_vocab"] + p["b_vocab"]):
            expected = scores_after(model, features[[n]], CAPTIONS[[n], : t + 1])
            np.testing.assert_allclose(scores, expected, rtol=1e-10, atol=1e-12)
