"""Standard errors of fitted models: units, words, intervals."""

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import (
    GammaRegressor,
    HuberRegressor,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from derivata import AdditiveRegressor, LinearRegressor, LogisticClassifier, LossEstimator
from derivata.adapters import adapt
from derivata.covariance import hyper_covariance, penalty_spread, posterior_covariance
from derivata.criteria import Evidence
from derivata.curvature.inverse import invert
from derivata.evaluation.standard_errors import standard_errors
from derivata.losses import PoissonLoss
from derivata.terms import Spline


def drawn(n=120, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3)) * [1.0, 5.0, 0.2] + [0.0, 20.0, 1.0]
    signal = (X - X.mean(axis=0)) @ [1.0, -0.1, 2.0]
    return X, signal, rng


def test_ridge_has_the_posterior_of_its_prior_in_the_users_units():
    X, signal, rng = drawn()
    y = signal + rng.standard_normal(120)
    found = standard_errors(Ridge(alpha=3.0).fit(X, y), X, y)
    Z = X - X.mean(axis=0)
    H = Z.T @ Z + 3.0 * np.eye(3)
    residual = y - y.mean() - Z @ np.linalg.solve(H, Z.T @ (y - y.mean()))
    coef = np.linalg.solve(H, Z.T @ (y - y.mean()))
    freedom = 120 - 1 - np.trace(np.linalg.solve(H, Z.T @ Z))
    # The deviance over what is left: derivata's dispersion.
    phi = residual @ residual / freedom
    np.testing.assert_allclose(found.coef[:3], coef, rtol=1e-9)
    np.testing.assert_allclose(
        found.errors[:3], np.sqrt(phi * np.diag(np.linalg.inv(H))), rtol=1e-9
    )
    intercept = phi * (1 / 120 + X.mean(axis=0) @ np.linalg.inv(H) @ X.mean(axis=0))
    np.testing.assert_allclose(found.errors[3], np.sqrt(intercept), rtol=1e-9)
    assert found.names == ("x0", "x1", "x2", "(intercept)")
    reach = stats.t(freedom).ppf(0.95)
    lower, upper = found.interval(0.9)
    np.testing.assert_allclose(upper - lower, 2 * reach * found.errors, rtol=1e-9)


def test_summaries_of_derivatas_own_models_agree():
    X, signal, rng = drawn()
    y = signal + rng.standard_normal(120)
    model = LinearRegressor().fit(X, y)
    np.testing.assert_allclose(
        standard_errors(model, X, y).errors, model.summary().standard_error, rtol=1e-8
    )
    labels = np.digitize(signal + rng.standard_normal(120), [-1.0, 1.0])
    model = LogisticClassifier(alpha=2.0).fit(X, labels)
    found, told = standard_errors(model, X, labels), model.summary()
    order = [told.names.index(name) for name in found.names]
    np.testing.assert_allclose(found.errors, told.standard_error[order], rtol=1e-6)


def test_p_values_are_given_where_no_penalty_touches_a_coefficient():
    X, signal, rng = drawn()
    y = signal + rng.standard_normal(120)
    free = standard_errors(LinearRegression().fit(X, y), X, y)
    assert np.isfinite(free.p_value).all() and free.freedom == pytest.approx(116)
    held = standard_errors(Ridge().fit(X, y), X, y)
    assert np.isnan(held.p_value).all() and np.isfinite(held.z).all()  # the intercept hangs on all
    words = str(held)
    assert "The penalty is a prior" in words and "Penalties are taken as known" in words
    assert "penalty pulls estimates towards zero" in str(
        standard_errors(Ridge().fit(X, y), X, y, kind="sandwich")
    )


def test_what_is_not_known_of_penalties_widens_errors_by_the_delta_method():
    X, signal, rng = drawn(60)
    y = 0.3 * signal + rng.standard_normal(60)
    model = LinearRegressor(criterion=Evidence()).fit(X, y)
    narrow = standard_errors(model, X, y)
    wide = standard_errors(model, X, y, hyper_uncertainty=True)
    assert (wide.errors > narrow.errors).all()
    assert "What is not known of the penalties is included" in str(wide)
    fitted = adapt(model, X, y)
    end, inverse = fitted.at_minimum, invert(fitted.at_minimum)
    spread = penalty_spread(end, inverse, hyper_covariance(end, fitted.solver, Evidence()))
    matrix = np.asarray(fitted.coefficients.matrix)
    added = wide.covariance - narrow.covariance
    np.testing.assert_allclose(added, matrix @ spread @ matrix.T, rtol=1e-5, atol=1e-12)


def test_intervals_of_means_and_of_new_rows_cover_as_they_say():
    hits, held = [], []
    for seed in range(40):
        X, signal, rng = drawn(80, seed)
        y = signal + rng.standard_normal(80)
        told = standard_errors(Ridge(alpha=0.1).fit(X, y), X, y).predict_interval(X, 0.8)
        fresh = signal + rng.standard_normal(80)
        hits.append(np.mean((told.lower <= fresh) & (fresh <= told.upper)))
        held.append(np.mean((told.mean_lower <= signal) & (signal <= told.mean_upper)))
    assert 0.77 < np.mean(hits) < 0.83
    assert 0.74 < np.mean(held) < 0.86


def test_intervals_go_through_the_link_and_the_familys_noise():
    X, signal, rng = drawn(200)
    counts = rng.poisson(np.exp(0.5 * signal))
    told = standard_errors(PoissonRegressor(alpha=0.01).fit(X, counts), X, counts)
    band = told.predict_interval(X[:20], 0.9)
    assert (band.mean_lower > 0).all() and (band.mean_lower < band.mean).all()
    assert (band.mean < band.mean_upper).all()
    assert np.array_equal(band.upper, np.round(band.upper)) and (band.lower >= 0).all()
    amounts = rng.gamma(4.0, np.exp(0.5 * signal) / 4.0)
    told = standard_errors(GammaRegressor(alpha=0.01).fit(X, amounts), X, amounts)
    assert told.phi == pytest.approx(0.25, rel=0.3)
    band = told.predict_interval(X, 0.9)
    inside = np.mean((band.lower <= amounts) & (amounts <= band.upper))
    assert 0.85 < inside < 0.96
    assert "of a new observation" in str(band) and "rows more" in str(band)


def test_intervals_of_classes_are_of_probabilities():
    X, signal, rng = drawn(150)
    labels = np.where(signal + rng.logistic(size=150) > 0, "yes", "no")
    told = standard_errors(LogisticRegression().fit(X, labels), X, labels)
    band = told.predict_interval(X[:7])
    assert band.lower is None and band.mean.shape == (7, 2)
    assert ((band.mean_lower < band.mean[:, 1]) & (band.mean[:, 1] < band.mean_upper)).all()
    three = np.digitize(signal + rng.standard_normal(150), [-1.0, 1.0])
    model = LogisticRegression(max_iter=2_000).fit(X, three)
    told = standard_errors(model, X, three)
    band = told.predict_interval(X[:7])
    assert band.mean_lower.shape == (7, 3) and (band.mean_lower < band.mean).all()
    assert "new row" not in str(band)


def test_pipelines_and_weights_are_taken():
    X, signal, rng = drawn()
    y = signal + rng.standard_normal(120)
    weight = rng.integers(0, 3, 120).astype(float)
    twice = np.repeat(np.arange(120), weight.astype(int))
    one = Ridge(alpha=2.0).fit(X, y, sample_weight=weight)
    other = Ridge(alpha=2.0).fit(X[twice], y[twice])
    clusters = np.arange(120) // 10
    for how, again in (
        ({}, {}),
        ({"kind": "sandwich"}, {"kind": "sandwich"}),
        (
            {"kind": "cluster", "clusters": clusters},
            {"kind": "cluster", "clusters": clusters[twice]},
        ),
    ):
        np.testing.assert_allclose(
            standard_errors(one, X, y, sample_weight=weight, **how).errors,
            standard_errors(other, X[twice], y[twice], **again).errors,
            rtol=1e-8,
        )
    piped = make_pipeline(StandardScaler(), Ridge(alpha=2.0)).fit(X, y)
    found = standard_errors(piped, X, y)
    inner = standard_errors(piped[-1], piped[:-1].transform(X), y)
    np.testing.assert_allclose(found.errors, inner.errors, rtol=1e-10)
    np.testing.assert_allclose(
        found.predict_interval(X[:3]).lower,
        inner.predict_interval(piped[:-1].transform(X[:3])).lower,
    )


def test_additive_models_have_their_own_covariance():
    rng = np.random.default_rng(3)
    X = rng.random((150, 2))
    y = np.sin(5 * X[:, 0]) + rng.standard_normal(150)
    model = AdditiveRegressor(interactions=None).fit(X, y)
    fitted = adapt(model, X, y)
    wanted = posterior_covariance(fitted.at_minimum, phi=model.model_.dispersion)
    found = standard_errors(model, X, y)
    np.testing.assert_allclose(found.covariance, wanted, rtol=1e-5, atol=1e-12)
    assert found.predict_interval(X[:4]).mean.shape == (4,)


def test_a_loss_estimator_has_the_errors_that_it_gives_itself():
    pytest.importorskip("jax")
    X, signal, rng = drawn()
    counts = rng.poisson(np.exp(0.5 * signal))
    model = LossEstimator(PoissonLoss(), alpha=1.0).fit(X, counts)
    for kind, theirs in (("bayes", "posterior"), ("sandwich", "sandwich")):
        found = standard_errors(model, X, counts, kind=kind).errors
        np.testing.assert_allclose(np.sort(found), np.sort(model.standard_errors(theirs)), 1e-6)


def test_outputs_that_no_family_reads_have_means_by_the_delta_method():
    X, signal, rng = drawn()
    y = signal + rng.standard_t(3, 120)
    model = HuberRegressor(tol=1e-9, max_iter=1_000).fit(X, y)
    found = standard_errors(model, X, y, kind="sandwich")
    band = found.predict_interval(X[:5])
    rows = np.column_stack([X[:5], np.ones(5), np.zeros(5)])
    wanted = np.sqrt(np.einsum("ij,jk,ik->i", rows, found.covariance, rows))
    np.testing.assert_allclose(band.mean_upper - band.mean, 1.959964 * wanted, rtol=1e-5)
    assert band.lower is None


def test_curves_that_a_constraint_holds_are_said_to_be_known():
    X, signal, rng = drawn()
    # Rises and then falls, so that a rising curve is held flat from there on.
    y = np.minimum(4.0 * X[:, 0], 0.0) - X[:, 0] + rng.standard_normal(120)
    model = AdditiveRegressor([Spline("x0", monotone="increasing")]).fit(X, y)
    assert "count as known in the directions held" in str(standard_errors(model, X, y))
