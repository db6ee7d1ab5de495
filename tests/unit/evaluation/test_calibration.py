"""Calibration of fitted models, and probabilities with the parameters integrated out."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.datasets import load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge

from derivata import AdditiveClassifier, TableModel
from derivata.adapters import adapt
from derivata.errors import InvalidParameter
from derivata.evaluation.calibration import calibration
from derivata.evaluation.expected_probabilities import expected_probabilities
from derivata.evaluation.leave_one_out import leave_one_out
from derivata.integrals.expectation import expected_sigmoid
from derivata.scoring.reliability import brier
from derivata.tables import Table
from derivata.tables.columns import Column


def two_classes(n_rows=200, n_columns=12, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, n_columns))
    y = np.where(rng.random(n_rows) < expit(X[:, 0] - 0.5 * X[:, 1]), "yes", "no")
    return X, y


def logistic(X, y, C=1.0):
    return LogisticRegression(C=C, tol=1e-9, max_iter=1000).fit(X, y)


def test_the_default_judges_rows_by_fits_without_them():
    X, y = two_classes(80)
    model = logistic(X, y, 10.0)
    found = calibration(model, X, y)
    wanted = leave_one_out(model, X, y, metric="brier")
    assert found.parts[0].score == pytest.approx(wanted.score, rel=1e-9)
    hit = (y == "yes").astype(float)
    refitted = [
        logistic(np.delete(X, i, 0), np.delete(y, i), 10.0).predict_proba(X[[i]])[0, 1]
        for i in range(80)
    ]
    assert found.parts[0].score == pytest.approx(brier(hit, np.array(refitted)).mean(), rel=2e-3)
    assert found.of == "the probability of yes" and "leave-one-out" in found.notes[0]


def test_a_model_flatters_itself_on_its_own_rows():
    X, y = two_classes()
    model = logistic(X, y, 1e3)
    own, unseen = calibration(model, X, y, held_out=None), calibration(model, X, y)
    assert own.parts[0].score < unseen.parts[0].score
    assert own.rankings[0].roc.value > unseen.rankings[0].roc.value
    assert own.parts[1].score < unseen.parts[1].score


def test_other_rows_are_judged_as_they_are():
    X, y = two_classes(400)
    model = logistic(X[:200], y[:200])
    found = calibration(model, X[200:], y[200:], held_out=None)
    p = model.predict_proba(X[200:])[:, 1]
    np.testing.assert_allclose(found.predicted, p, rtol=1e-6)
    assert found.parts[1].score == pytest.approx(
        -np.mean(np.log(np.where(y[200:] == "yes", p, 1 - p))), rel=1e-6
    )


def test_several_classes_have_the_predicted_one_judged_and_each_ranked():
    X, y = load_wine(return_X_y=True)
    X = (X - X.mean(0)) / X.std(0)
    found = calibration(logistic(X, y), X, y)
    assert len(found.rankings) == 3 and len(found.parts) == 1
    assert found.of == "the probability of the predicted class"
    assert found.predicted.min() > 1 / 3 and found.y.mean() > 0.95
    wanted = leave_one_out(logistic(X, y), X, y, metric="brier").score
    assert found.parts[0].score == pytest.approx(wanted, rel=1e-4)
    told = str(found)
    assert "ROC area of 2" in told and "miscalibration" in told


def test_means_have_no_ranking_and_an_error_in_their_unit():
    X, y = load_diabetes(return_X_y=True)
    found = calibration(Ridge(0.1).fit(X, y), X, y)
    assert found.rankings == () and found.band is None
    assert found.parts[0].name == "squared error" and found.of == "the mean"
    shifted = calibration(Ridge(0.1).fit(X, y), X, y + 40.0, held_out=None)
    low, high = shifted.error.interval()
    assert low < 40.0 < high and "more than chance" in str(shifted)


def test_weights_count_rows():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((120, 3))
    y, weight = rng.poisson(np.exp(X[:, 0])), rng.integers(0, 3, 120).astype(float)
    model = PoissonRegressor(alpha=0.1, tol=1e-9, max_iter=1000).fit(X, y, sample_weight=weight)
    found = calibration(model, X, y, sample_weight=weight, held_out=None)
    assert len(found.y) == np.count_nonzero(weight)
    mean = model.predict(X)
    assert found.parts[0].score == pytest.approx(np.average((y - mean) ** 2, weights=weight))


def test_an_unknown_way_of_holding_out_is_refused():
    X, y = two_classes(40)
    with pytest.raises(InvalidParameter, match="`held_out` is 'folds'"):
        calibration(logistic(X, y), X, y, held_out="folds")


# expected probabilities


def test_integrated_probabilities_are_nearer_to_even_odds():
    X, y = two_classes(60)
    model = logistic(X, y, 10.0)
    found, plain = expected_probabilities(model, X, y, X), model.predict_proba(X)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert (np.abs(found - 0.5) <= np.abs(plain - 0.5) + 1e-5).all()
    assert np.abs(found - plain).max() > 0.01


def test_an_additive_classifier_gives_the_integral_of_its_own_variance():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((150, 2))
    y = (X[:, 0] ** 2 - 1 + rng.logistic(size=150) > 0).astype(int)
    model = AdditiveClassifier(interactions=None).fit(X, y)
    found = expected_probabilities(model, None, None, X[:20])[:, 1]
    p = model.predict_proba(X[:20])[:, 1]
    outputs, upper = np.log(p / (1 - p)), model.predict_interval(X[:20], 0.95)[1][:, 1]
    deviation = (np.log(upper / (1 - upper)) - outputs) / 1.959964
    np.testing.assert_allclose(found, expected_sigmoid(outputs, deviation), atol=1e-6)
    # Of the fit alone it is nearly the same: the penalties' own uncertainty is left out.
    fitted = adapt(model, X, y)
    given = expected_probabilities(fitted, X, y, X[:20])[:, 1]
    assert 0.0 < np.abs(given - found).max() < 0.05


def test_a_table_model_expects_probabilities_of_a_table():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(150)
    label = np.array(["no", "yes"], object)[(x + rng.logistic(size=150) > 0).astype(int)]
    table = Table((Column("x", x), Column("y", label)))
    model = TableModel.fit(table, "y")
    found = expected_probabilities(model, None, None, table)
    plain = model.predict(table)["probability:yes"]
    assert (np.abs(found[:, 1] - 0.5) <= np.abs(plain - 0.5) + 1e-9).all()


def test_three_classes_are_integrated_together():
    X, y = load_wine(return_X_y=True)
    X = (X - X.mean(0)) / X.std(0)
    model = logistic(X, y, 100.0)
    found = expected_probabilities(model, X, y, X[::9])
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-9)
    plain = model.predict_proba(X[::9])
    assert found.max(axis=1).mean() < plain.max(axis=1).mean()


def test_numbers_have_no_probabilities():
    X, y = load_diabetes(return_X_y=True)
    with pytest.raises(InvalidParameter, match="no classifier"):
        expected_probabilities(Ridge().fit(X, y), X, y, X)
