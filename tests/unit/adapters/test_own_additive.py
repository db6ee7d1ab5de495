"""Additive models of this package as objectives: at their minimum, and refitted without a row."""

import numpy as np
import pandas as pd
import pytest

from derivata import AdditiveClassifier, AdditiveRegressor
from derivata.adapters.own_additive import adapt_additive
from derivata.curvature.face import FaceExpansion
from derivata.errors import InvalidData, InvalidParameter, InvalidTarget, NotConverged
from derivata.terms import Category, Spline

N = 120
FAMILIES = {
    "squared": lambda rng, mean: mean + 0.3 * rng.standard_normal(N),
    "huber": lambda rng, mean: mean + 0.3 * rng.standard_t(2, N),
    "quantile": lambda rng, mean: mean + 0.3 * rng.standard_normal(N),
    "poisson": lambda rng, mean: rng.poisson(np.exp(mean)).astype(float),
    "negative-binomial": lambda rng, mean: rng.negative_binomial(2, 1 / (1 + np.exp(mean) / 2)),
    "gamma": lambda rng, mean: rng.gamma(3.0, np.exp(mean) / 3.0),
    "tweedie": lambda rng, mean: rng.poisson(np.exp(mean)) * rng.gamma(2.0, 1.0, N),
}
TOLERANCES = {"quantile": 1e-5}  # its smoothed corner is narrow: the last digits of F are rounding


def frame(seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"age": rng.normal(size=N), "town": rng.choice(["Bath", "Ely", "York"], N)})
    return rng, X, np.sin(2 * X["age"].to_numpy()) + (X["town"] == "Ely")


def classes_of(rng, mean, n_classes):
    scores = 2.0 * np.column_stack([mean, -mean, np.zeros(N)])[:, :n_classes]
    labels = np.array(["ash", "birch", "cedar"])
    return labels[np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_regressor_is_at_the_minimum_of_its_objective_and_predicts_the_same(family):
    rng, X, mean = frame()
    y = FAMILIES[family](rng, mean)
    weight = rng.integers(0, 3, N)
    exposed = family in ("poisson", "negative-binomial", "gamma", "tweedie")
    over = rng.uniform(0.5, 2.0, N) if exposed else None
    model = AdditiveRegressor(family=family, interactions=None)
    model.fit(X, y, weight, exposure=over)
    fitted = adapt_additive(model, X, y, weight, exposure=over)
    assert np.array_equal(fitted.kept, np.flatnonzero(weight))
    assert fitted.as_fitted.relative_gradient < TOLERANCES.get(family, 1e-7)
    expected = model.predict(X, exposure=over)[fitted.kept]
    found = fitted.response.mean(fitted.at_minimum.outputs)
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-8)
    assert fitted.is_tuned
    assert fitted.dispersion == model.dispersion_


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_classifier_is_at_the_minimum_of_its_objective_and_predicts_the_same(n_classes):
    rng, X, mean = frame()
    y = classes_of(rng, mean, n_classes)
    model = AdditiveClassifier(interactions=None).fit(X, y)
    fitted = adapt_additive(model, X, y)
    found = fitted.response.mean(fitted.at_minimum.outputs)
    assert np.allclose(found, model.predict_proba(X), atol=1e-8)
    assert list(fitted.response.classes) == list(model.classes_)


@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_the_fit_without_a_row_is_that_of_the_estimator_with_its_alphas(n_classes):
    # Levels are the same without the row, which knots would not be.
    rng, X, mean = frame()
    if n_classes:
        y, kind, given = classes_of(rng, mean, n_classes), AdditiveClassifier, {}
    else:
        y, kind, given = FAMILIES["poisson"](rng, mean), AdditiveRegressor, {"family": "poisson"}
    model = kind([Category("town")], **given).fit(X, y)
    fitted = adapt_additive(model, X, y)
    without = np.arange(N) != 7
    start = fitted.at_minimum
    rest = fitted.solver.minimize(fitted.objective.without(~without), start.params, start.hyper)
    again = kind([Category("town")], alpha=model.alphas_, **given).fit(X[without], y[without])
    assert np.allclose(rest.expansion.params, again.model_.params.ravel(), atol=1e-6)


def test_terms_and_intercept_add_up_to_the_outputs():
    rng, X, mean = frame()
    y = classes_of(rng, mean, 3)
    fitted = adapt_additive(AdditiveClassifier(interactions=None).fit(X, y), X, y)
    shape = fitted.shape
    assert shape.labels == ("age", "town")
    summed = shape.intercept + shape.effects(X).sum(axis=0)
    scores = fitted.as_fitted.outputs @ fitted.objective.loss.contrasts
    assert np.allclose(summed, scores, atol=1e-10)


def test_a_monotone_term_gives_a_minimum_on_its_face():
    rng, X, mean = frame()
    y = FAMILIES["squared"](rng, mean)
    model = AdditiveRegressor([Spline("age", monotone="increasing"), Category("town")]).fit(X, y)
    fitted = adapt_additive(model, X, y)
    assert isinstance(fitted.at_minimum, FaceExpansion)
    assert fitted.at_minimum.relative_gradient < 1e-7
    assert np.allclose(fitted.at_minimum.outputs[:, 0], model.predict(X), atol=1e-8)


def test_offsets_are_given_beside_the_rows_and_judged_rows_take_their_own():
    rng, X, mean = frame()
    shift = rng.normal(size=N) + 3.0
    y = FAMILIES["squared"](rng, mean + shift)
    model = AdditiveRegressor(interactions=None).fit(X, y, offset=shift)
    fitted = adapt_additive(model, X, y, offset=shift)
    assert fitted.as_fitted.relative_gradient < 1e-8
    judged = fitted.judged(X[:1], y[:1], offset=shift[:1])
    assert np.allclose(judged.outputs(fitted.params), fitted.as_fitted.outputs[:1])


def test_rows_of_another_fit_are_refused_and_a_forgotten_exposure_is_named():
    rng, X, mean = frame()
    over = rng.uniform(0.1, 10.0, N)
    y = rng.poisson(over * np.exp(mean)).astype(float)
    model = AdditiveRegressor(family="poisson", interactions=None).fit(X, y, exposure=over)
    with pytest.raises(NotConverged, match=r"not the rows.*`exposure`"):
        _ = adapt_additive(model, X, y).at_minimum
    with pytest.raises(NotConverged, match="not the rows"):
        _ = adapt_additive(model, X, y[::-1].copy(), exposure=over).at_minimum


def test_what_does_not_fit_the_model_is_named():
    rng, X, mean = frame()
    y = classes_of(rng, mean, 2)
    model = AdditiveClassifier(interactions=None).fit(X, y)
    with pytest.raises(InvalidParameter, match="not fitted"):
        adapt_additive(AdditiveClassifier(), X, y)
    with pytest.raises(InvalidTarget, match="'?zelkova'? in row 3"):
        adapt_additive(model, X, np.where(np.arange(N) == 3, "zelkova", y))
    with pytest.raises(InvalidData, match="feature names"):
        adapt_additive(model, X.rename(columns={"age": "years"}), y)
    with pytest.raises(InvalidParameter, match="fitted without"):
        adapt_additive(model, X, y, offset=np.ones(N))
    with pytest.raises(InvalidParameter, match="the family is squared"):
        adapt_additive(
            AdditiveRegressor(interactions=None).fit(X, mean), X, mean, exposure=np.ones(N)
        )


def test_a_long_table_whose_surface_was_fitted_to_rounded_numbers_is_at_its_minimum(monkeypatch):
    for module in ("estimators.additive_surfaces", "adapters.own_additive"):
        monkeypatch.setattr(f"derivata.{module}.MANY_ROWS", 2_000)
    rng = np.random.default_rng(5)
    X = pd.DataFrame({"a": rng.normal(size=2_000), "b": rng.normal(size=2_000)})
    y = np.sin(X["a"]) * np.cos(2.0 * X["b"]) + 0.3 * rng.normal(size=2_000)
    model = AdditiveRegressor().fit(X, y)
    assert model.terms_[-1].label == "a × b"
    fitted = adapt_additive(model, X, y)
    assert fitted.as_fitted.relative_gradient < 1e-7
    assert fitted.distance < 1e-6
