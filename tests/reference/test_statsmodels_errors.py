"""Standard errors, tests and intervals without a penalty equal statsmodels' (0.14 and later)."""

import numpy as np
import pytest
from sklearn.linear_model import (
    GammaRegressor,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
)

from derivata.evaluation.standard_errors import standard_errors

sm = pytest.importorskip("statsmodels.api")

RNG = np.random.default_rng(0)
X = RNG.standard_normal((240, 3)) + 2.0
SIGNAL = (X - 2.0) @ [0.6, -0.4, 0.0]
CLUSTERS = np.repeat(np.arange(30), 8)
WITH_ONE = sm.add_constant(X)
EXACT = {"disp": 0, "tol": 1e-13, "maxiter": 200}

NUMBERS = SIGNAL + RNG.standard_normal(240) * (1.0 + 0.5 * np.abs(X[:, 0]))
LABELS = (RNG.random(240) < 1.0 / (1.0 + np.exp(-SIGNAL))).astype(int)
COUNTS = RNG.poisson(np.exp(SIGNAL))
MODELS = {
    "OLS": (LinearRegression(), NUMBERS, lambda **how: sm.OLS(NUMBERS, WITH_ONE).fit(**how)),
    "Logit": (
        LogisticRegression(C=np.inf, tol=1e-10, max_iter=1_000),
        LABELS,
        lambda **how: sm.Logit(LABELS, WITH_ONE).fit(**EXACT, **how),
    ),
    "Poisson": (
        PoissonRegressor(alpha=0.0, tol=1e-10, max_iter=1_000),
        COUNTS,
        lambda **how: sm.Poisson(COUNTS, WITH_ONE).fit(**EXACT, **how),
    ),
}
KINDS = {
    "bayes": ({}, {}),
    "sandwich": ({"kind": "sandwich"}, {"cov_type": "HC0"}),
    "cluster": (
        {"kind": "cluster", "clusters": CLUSTERS},
        {"cov_type": "cluster", "cov_kwds": {"groups": CLUSTERS}},
    ),
}


def in_order(values):
    """Statsmodels' numbers with the constant last."""
    values = np.asarray(values)
    return np.concatenate([values[1:], values[:1]])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MODELS)
def test_errors_equal_statsmodels(name, kind):
    model, y, theirs = MODELS[name]
    ours, how = KINDS[kind]
    found = standard_errors(model.fit(X, y), X, y, **ours)
    peer = theirs(**how)
    np.testing.assert_allclose(found.errors, in_order(peer.bse), rtol=1e-8)
    np.testing.assert_allclose(found.coef, in_order(peer.params), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["Logit", "Poisson"])
def test_p_values_and_intervals_of_likelihoods_equal_statsmodels(name):
    model, y, theirs = MODELS[name]
    found, peer = standard_errors(model.fit(X, y), X, y), theirs()
    np.testing.assert_allclose(found.p_value, in_order(peer.pvalues), rtol=1e-5)
    lower, upper = found.interval(0.9)
    np.testing.assert_allclose(np.column_stack([lower, upper]), in_order(peer.conf_int(0.1)), 1e-6)


@pytest.mark.parametrize("kind", ["bayes", "cluster"])
def test_least_squares_has_students_p_values_and_prediction_intervals(kind):
    model, y, theirs = MODELS["OLS"]
    ours, how = KINDS[kind]
    if kind == "cluster":  # statsmodels' degrees of freedom then are those of the clusters
        how = {**how, "use_t": True}
    found, peer = standard_errors(model.fit(X, y), X, y, **ours), theirs(**how)
    np.testing.assert_allclose(found.p_value, in_order(peer.pvalues), rtol=1e-6)
    if kind == "bayes":
        told = peer.get_prediction(WITH_ONE[:9]).summary_frame(alpha=0.2)
        band = found.predict_interval(X[:9], 0.8)
        for mine, name in (
            (band.mean, "mean"),
            (band.mean_lower, "mean_ci_lower"),
            (band.mean_upper, "mean_ci_upper"),
            (band.lower, "obs_ci_lower"),
            (band.upper, "obs_ci_upper"),
        ):
            np.testing.assert_allclose(mine, told[name], rtol=1e-9)


def test_gamma_errors_have_pearsons_dispersion():
    y = RNG.gamma(3.0, np.exp(SIGNAL) / 3.0)
    model = GammaRegressor(alpha=0.0, tol=1e-10, max_iter=1_000).fit(X, y)
    found = standard_errors(model, X, y)
    family = sm.families.Gamma(sm.families.links.Log())
    peer = sm.GLM(y, WITH_ONE, family=family).fit(tol=1e-13, maxiter=200)
    assert found.phi == pytest.approx(peer.scale, rel=1e-7)
    # statsmodels takes the expected curvature, derivata the observed: alike, not equal.
    np.testing.assert_allclose(found.errors, in_order(peer.bse), rtol=0.1)
