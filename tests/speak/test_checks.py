"""Arguments of the half which speaks: a model of your own will do, a broken one will not."""

from types import SimpleNamespace

import numpy as np
import pytest

from cs231n_lib.checks import Call
from cs231n_lib.speak.checks import Captions, Features, Model
from cs231n_lib.speak.memory import gradient_norms
from tests.contracts.speak.captioning import CAPTIONS, features, small_model


def own_model(**changes):
    """What a captioning model has, without its class."""
    return SimpleNamespace(**(vars(small_model("rnn")) | changes))


def test_a_model_of_your_own_is_as_good():
    ours = gradient_norms(own_model(), features(), CAPTIONS, 2)["h"]
    np.testing.assert_array_equal(
        ours, gradient_norms(small_model("rnn"), features(), CAPTIONS, 2)["h"]
    )


@pytest.mark.parametrize(
    ("vocabulary", "error", "message"),
    [
        ({"<NULL>": 0}, ValueError, "no '<START>', the word to begin with; it has 1 words"),
        ({"<START>": 6}, ValueError, r"model.word_to_idx\['<START>'\] contains 6, .* 0 to 5"),
        ({"<START>": -1}, ValueError, "is -1, expected at least 0"),
        ({"<START>": "1"}, TypeError, "is '1', expected a whole number"),
    ],
)
def test_a_model_that_speaks_needs_a_word_to_begin_with(vocabulary, error, message):
    model = own_model(word_to_idx=vocabulary)
    Model()("model", model, Call({}))
    with pytest.raises(error, match=message):
        Model(speaks=True)("model", model, Call({}))


def test_features_and_captions_are_those_of_the_model():
    call = Call({"model": small_model("rnn")})
    Features("model")("features", features().astype(float), call)
    Captions("model")("captions", CAPTIONS.astype(np.uint8), call)
    with pytest.raises(ValueError, match=r"captions has shape \(1, 4\), expected \(N, C\)"):
        Captions("model")("captions", CAPTIONS[:1], call)
    with pytest.raises(ValueError, match="features as float32 contains 6 values that are NaN"):
        Features("model")("features", np.full((2, 3), 1e300), call)
