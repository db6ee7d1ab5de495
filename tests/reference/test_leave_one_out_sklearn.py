"""Leave-one-out of scikit-learn's models against scikit-learn's own refits (1.9)."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    TweedieRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from derivata.evaluation.leave_one_out import leave_one_out

N_ROWS = 40
TIGHT = {"tol": 1e-10, "max_iter": 10_000}


def draw(kind, n_columns=4):
    rng = np.random.default_rng(8)
    X = rng.normal(size=(N_ROWS, n_columns))
    z = 0.6 * X[:, 0] - 0.4 * X[:, 1]
    y = {
        "real": z + rng.standard_t(3, N_ROWS),
        "count": rng.poisson(np.exp(z)).astype(float),
        "positive": rng.gamma(2.0, np.exp(z)),
        "two": np.where(rng.random(N_ROWS) < 1 / (1 + np.exp(-2 * z)), "yes", "no"),
        "three": np.digitize(z + 0.7 * rng.normal(size=N_ROWS), [-0.3, 0.4]),
    }[kind]
    return X, y


def refits(model, X, y, weight, ask):
    """What each row would get from scikit-learn's fit without it."""
    found = []
    for row in range(N_ROWS):
        rest = np.delete(np.arange(N_ROWS), row)
        fitted = clone(model).fit(X[rest], y[rest], sample_weight=weight[rest])
        found.append(getattr(fitted, ask)(X[[row]])[0])
    return np.array(found)


REGRESSORS = {
    "ridge": (Ridge(2.0), "real"),
    "lasso": (Lasso(0.1, tol=1e-12, max_iter=100_000), "real"),
    "elastic net": (ElasticNet(0.1, l1_ratio=0.4, tol=1e-12, max_iter=100_000), "real"),
    "poisson": (PoissonRegressor(alpha=0.1, **TIGHT), "count"),
    "gamma": (GammaRegressor(alpha=0.1, **TIGHT), "positive"),
    "tweedie": (TweedieRegressor(power=1.5, alpha=0.1, **TIGHT), "positive"),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors_score_as_their_refits_do(name, weighted):
    model, kind = REGRESSORS[name]
    X, y = draw(kind)
    # Weights of at most one are taken off whole. scikit-learn's penalty counts beside the *mean*
    # loss, so that it grows with the weights that stay: one row less moves it as well.
    weight = np.tile([1.0, 0.5, 0.8, 0.3], N_ROWS // 4) if weighted else np.ones(N_ROWS)
    model = clone(model).fit(X, y, sample_weight=weight)
    found = leave_one_out(model, X, y, metric="squared", sample_weight=weight)
    held = [_with_held_penalty(model, weight, row) for row in range(N_ROWS)]
    means = []
    for row, other in enumerate(held):
        rest = np.delete(np.arange(N_ROWS), row)
        fitted = other.fit(X[rest], y[rest], sample_weight=weight[rest])
        means.append(fitted.predict(X[[row]])[0])
    truth = np.average((y - np.array(means)) ** 2, weights=weight)
    assert found.score == pytest.approx(truth, rel=2e-6)
    assert abs(found.score - truth) <= 3 * found.approximation_error + 2e-6 * truth


def _with_held_penalty(model, weight, row):
    """The same model whose summed penalty stays what it was with all rows."""
    other = clone(model)
    if not isinstance(model, Ridge):
        other.set_params(alpha=model.alpha * weight.sum() / np.delete(weight, row).sum())
    return other


@pytest.mark.parametrize("kind", ["two", "three"])
@pytest.mark.parametrize("metric", ["log_loss", "brier", "error"])
def test_classifiers_score_as_their_refits_do(kind, metric):
    X, y = draw(kind)
    model = LogisticRegression(C=0.8, **TIGHT).fit(X, y)
    found = leave_one_out(model, X, y, metric=metric)
    probability = refits(model, X, y, np.ones(N_ROWS), "predict_proba")
    hit = y[:, None] == model.classes_
    truth = {
        "log_loss": -np.log(probability[hit]).mean(),
        "brier": 0.5 * ((probability - hit) ** 2).sum(axis=1).mean(),
        "error": np.mean(model.classes_[probability.argmax(axis=1)] != y),
    }[metric]
    assert found.score == pytest.approx(truth, rel=1e-6, abs=1e-12)


def test_more_columns_than_rows():
    X, y = draw("two", 80)
    model = LogisticRegression(C=0.1, **TIGHT).fit(X, y)
    found = leave_one_out(model, X, y, metric="log_loss")
    probability = refits(model, X, y, np.ones(N_ROWS), "predict_proba")
    truth = -np.log(probability[y[:, None] == model.classes_]).mean()
    assert found.score == pytest.approx(truth, rel=1e-6)


def test_huber_with_its_scale_is_refitted():
    X, y = draw("real")
    model = HuberRegressor(alpha=0.1, tol=1e-10, max_iter=10_000).fit(X, y)
    found = leave_one_out(model, X, y, metric="absolute", budget=1.0)
    means = refits(model, X, y, np.ones(N_ROWS), "predict")
    truth = np.abs(y - means).mean()
    assert abs(found.score - truth) <= 3 * found.approximation_error + 1e-4 * truth


def test_a_transformer_before_the_model_is_taken_as_it_is():
    X, y = draw("two")
    X = 5.0 + 3.0 * X
    model = make_pipeline(StandardScaler(), LogisticRegression(**TIGHT)).fit(X, y)
    found = leave_one_out(model, X, y)
    inner = leave_one_out(model[-1], model[0].transform(X), y)
    assert found.score == pytest.approx(inner.score, rel=1e-8)
    assert any("StandardScaler" in note for note in found.notes)
