"""This package's networks: judged and explained as they are, and refused what needs a minimum."""

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("jax")

from derivata.adapters.networks import adapt_network
from derivata.errors import InvalidData, InvalidParameter, InvalidTarget, NotAvailable
from derivata.estimators.neural import MLPClassifier, MLPRegressor
from derivata.evaluation.calibration import calibration
from derivata.neural.ensemble import FoldEnsemble
from derivata.neural.settings import Training

N = 64
BRIEF = {
    "hidden": (6,),
    "training": Training(n_epochs=3, batch_size=32),
    "method": FoldEnsemble(2),
    "held_out": 0.25,
}


def rows():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"age": rng.normal(size=N), "town": rng.choice(["Bath", "Ely", "York"], N)})
    scores = np.column_stack([X["age"], -X["age"], 2.0 * (X["town"] == "Ely")])
    labels = np.array(["ash", "birch", "cedar"])
    return X, scores, labels[np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)]


@pytest.fixture(scope="module")
def three():
    X, _, y = rows()
    return X, y, MLPClassifier(**BRIEF).fit(X, y)


def test_outputs_are_those_of_the_averaged_probabilities(three):
    X, y, model = three
    fitted = adapt_network(model, X, y)
    assert "2 networks" in fitted.name
    expected = model.predict_proba(X)
    assert np.allclose(fitted.response.mean(fitted.as_fitted.outputs), expected, atol=1e-12)
    own = expected[np.arange(N), np.searchsorted(model.classes_, y)]
    assert np.isclose(fitted.as_fitted.loss_value, -np.log(own).sum())
    judged = fitted.judged(X[:1], y[:1])
    assert np.allclose(judged.outputs(fitted.params), fitted.as_fitted.outputs[:1], atol=1e-6)
    assert len(fitted.shape.networks) == 2


def test_numbers_come_in_the_units_of_the_target_and_two_classes_as_log_odds():
    X, scores, y = rows()
    weight = (np.arange(N) % 3 > 0).astype(float)
    regressor = MLPRegressor(**BRIEF).fit(X, 100.0 + 10.0 * scores[:, 0])
    fitted = adapt_network(regressor, X, 100.0 + 10.0 * scores[:, 0], weight)
    assert np.array_equal(fitted.kept, np.flatnonzero(weight))
    found = fitted.response.mean(fitted.as_fitted.outputs)
    assert np.allclose(found, regressor.predict(X)[fitted.kept])
    two = MLPClassifier(**BRIEF).fit(X, y == "ash")
    fitted = adapt_network(two, X, y == "ash")
    assert np.allclose(fitted.response.mean(fitted.as_fitted.outputs), two.predict_proba(X))


def test_what_needs_a_minimum_is_refused_with_what_there_is_instead(three):
    X, y, model = three
    with pytest.raises(NotAvailable, match=r"no minimum.*`attribute`.*`calibration"):
        _ = adapt_network(model, X, y).at_minimum
    judged = calibration(model, X, y, held_out=None)
    assert "calibration" in str(judged)


def test_what_does_not_fit_the_model_is_named(three):
    X, y, model = three
    with pytest.raises(InvalidParameter, match="not fitted"):
        adapt_network(MLPClassifier(), X, y)
    with pytest.raises(InvalidTarget, match="'?zelkova'? in row 3"):
        adapt_network(model, X, np.where(np.arange(N) == 3, "zelkova", y))
    with pytest.raises(InvalidData, match="feature names"):
        adapt_network(model, X.rename(columns={"age": "years"}), y)
