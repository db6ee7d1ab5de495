"""scikit-learn's fits (1.9) are minimisers of the objectives that adapters read off them.

Their own solvers run to tight tolerances here, so that what is compared is the objective; refits
without a row are fits of scikit-learn on the other rows.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LassoCV,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    PoissonRegressor,
    Ridge,
    RidgeCV,
    TweedieRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from derivata.adapters import adapt
from derivata.evaluation.leave_one_out import leave_one_out

N_ROWS, N_COLUMNS = 60, 5
ROWS = (0, 7, 31, 59)


@dataclass(frozen=True)
class Case:
    """A model, the targets it is fitted to, and how exactly its own solver ends."""

    model: Any
    target: Callable[..., Any]
    exact: float = 1e-7
    weighted: bool = True
    # Whether its strength is of a mean over rows: then a refit without a row of the same sum is
    # one with the strength of the same sum.
    by_mean: bool = False
    # Whether a refit without a row is held against scikit-learn's: balanced classes change with it.
    refitted: bool = True


def real(rng, z):
    return z + rng.standard_normal(len(z))


def heavy_tailed(rng, z):
    return z + rng.standard_t(2.0, len(z))


def counts(rng, z):
    return rng.poisson(np.exp(0.5 * z)).astype(float)


def amounts(rng, z):
    return rng.gamma(2.0, 0.5 * np.exp(0.5 * z)) + 1e-3


def two(rng, z):
    return np.where(z + rng.logistic(size=len(z)) > 0.3, "yes", "no")


def three(rng, z):
    return np.array(["a", "b", "c"])[np.digitize(z + rng.logistic(size=len(z)), [-0.8, 0.8])]


BY_MEAN = {"by_mean": True}
TIGHT = {"tol": 1e-12, "max_iter": 100_000}
LONG = {"tol": 1e-9, "max_iter": 10_000}
NEWTON = {"solver": "newton-cholesky", "tol": 1e-12}
CASES = {
    "linear regression": Case(LinearRegression(), real),
    "linear regression without intercept": Case(LinearRegression(fit_intercept=False), real),
    "ridge": Case(Ridge(alpha=3.0), real),
    "ridge without intercept": Case(Ridge(alpha=3.0, fit_intercept=False), real),
    "lasso": Case(Lasso(alpha=0.2, **TIGHT), real, **BY_MEAN),
    "elastic net": Case(ElasticNet(alpha=0.3, l1_ratio=0.4, **TIGHT), real, **BY_MEAN),
    "elastic net of squares": Case(
        ElasticNet(alpha=0.3, l1_ratio=0.01, **TIGHT), real, by_mean=True
    ),
    "logistic": Case(LogisticRegression(C=0.5, **NEWTON), two),
    "logistic of weighted classes": Case(
        LogisticRegression(C=0.5, class_weight={"no": 0.7, "yes": 2.0}, **NEWTON), two
    ),
    "logistic of balanced classes": Case(
        LogisticRegression(C=0.5, class_weight="balanced", **NEWTON), two, refitted=False
    ),
    "liblinear of balanced classes": Case(
        LogisticRegression(C=0.5, class_weight="balanced", solver="liblinear", **TIGHT),
        two,
        1e-5,
        refitted=False,
    ),
    "logistic without a penalty": Case(LogisticRegression(C=np.inf, **NEWTON), two),
    "logistic by liblinear": Case(
        LogisticRegression(C=0.5, solver="liblinear", intercept_scaling=2.5, **TIGHT), two, 1e-5
    ),
    "logistic lasso by liblinear": Case(
        LogisticRegression(C=0.5, solver="liblinear", l1_ratio=1.0, **TIGHT), two, 1e-5
    ),
    "logistic lasso by saga": Case(
        LogisticRegression(C=0.5, solver="saga", l1_ratio=1.0, **TIGHT), two
    ),
    "logistic elastic net by saga": Case(
        LogisticRegression(C=0.5, solver="saga", l1_ratio=0.5, **TIGHT), two
    ),
    "multinomial": Case(LogisticRegression(C=0.5, **NEWTON), three),
    "multinomial without intercept": Case(
        LogisticRegression(C=0.5, fit_intercept=False, **NEWTON), three
    ),
    "poisson": Case(PoissonRegressor(alpha=0.2, **NEWTON), counts, **BY_MEAN),
    "gamma": Case(GammaRegressor(alpha=0.2, **NEWTON), amounts, **BY_MEAN),
    "tweedie": Case(TweedieRegressor(power=1.4, alpha=0.2, **NEWTON), amounts, by_mean=True),
    "tweedie of 1": Case(TweedieRegressor(power=1.0, alpha=0.2, **NEWTON), counts, **BY_MEAN),
    "tweedie of 2": Case(TweedieRegressor(power=2.0, alpha=0.2, **NEWTON), amounts, **BY_MEAN),
    "tweedie of 0": Case(TweedieRegressor(power=0.0, alpha=0.2, **NEWTON), real, **BY_MEAN),
    # L-BFGS-B's own limit on the fall of the objective ends these.
    "huber": Case(HuberRegressor(alpha=0.1, **LONG), heavy_tailed, 1e-4),
    "huber without intercept": Case(
        HuberRegressor(epsilon=1.8, fit_intercept=False, **LONG), heavy_tailed, 1e-4
    ),
    "pipeline": Case(make_pipeline(StandardScaler(), Ridge(alpha=3.0)), real, weighted=False),
}
ALL = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


def drawn(case, seed=0):
    """Rows, targets and weights, some of them zero where the model takes weights."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N_ROWS, N_COLUMNS)) * [1.0, 3.0, 0.3, 1.0, 1.0] + [0, 10, 0, 0, -1]
    y = case.target(rng, (X - X.mean(axis=0)) @ [1.0, 0.2, -1.0, 0.0, 0.3])
    weight = rng.permutation(np.resize([0.0, 0.5, 1.0, 1.0, 2.0], N_ROWS))
    return X, y, weight if case.weighted else None


def fitted(case, X, y, weight, model=None):
    model = clone(case.model) if model is None else model
    return model.fit(X, y, sample_weight=weight) if case.weighted else model.fit(X, y)


def numbers(model):
    """Coefficients and intercepts as users read them, in the order of ``Coefficients``."""
    last = model[-1] if hasattr(model, "steps") else model
    coef = np.atleast_2d(last.coef_)
    if not last.fit_intercept:
        parts = coef.ravel()
    else:
        parts = np.column_stack([coef, np.ravel(last.intercept_)]).ravel()
    return np.append(parts, last.scale_) if hasattr(last, "scale_") else parts


def predictions(model, X):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


@ALL
def test_the_fit_minimises_the_objective(case):
    X, y, weight = drawn(case)
    model = fitted(case, X, y, weight)
    found = adapt(model, X, y, weight)
    expected = numbers(model)
    assert len(found.coefficients.names) == len(expected)
    at = found.coefficients.of(found.at_minimum.params)
    assert np.abs(at - expected).max() < case.exact * max(np.abs(expected).max(), 1.0)
    np.testing.assert_allclose(found.coefficients.of(found.params), expected, rtol=0, atol=1e-12)
    assert found.distance < 1e-2


@ALL
def test_predictions_are_the_models_own(case):
    X, y, weight = drawn(case)
    model = fitted(case, X, y, weight)
    found = adapt(model, X, y, weight)
    own = predictions(model, X)
    np.testing.assert_allclose(
        found.response.mean(found.as_fitted.outputs), own[found.kept], rtol=1e-12, atol=1e-13
    )
    new = np.random.default_rng(5).standard_normal((9, N_COLUMNS))
    judged = found.judged(new, y[:9])
    assert judged.weight.tolist() == [1.0] * 9
    means = found.response.mean(judged.outputs(found.params))
    np.testing.assert_allclose(means, predictions(model, new), rtol=1e-12, atol=1e-13)
    linear = found.shape.inputs(new) @ found.shape.weight.T + found.shape.intercept
    np.testing.assert_allclose(linear, judged.outputs(found.params), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    "case", [case for case in CASES.values() if case.refitted], ids=lambda case: str(case.model)
)
def test_refits_without_a_row_are_scikit_learns(case):
    X, y, weight = drawn(case)
    found = adapt(fitted(case, X, y, weight), X, y, weight)
    objective = found.objective
    for row in ROWS:
        out = np.flatnonzero(found.kept == row)
        if not len(out):  # of weight zero
            continue
        left = np.arange(N_ROWS) != row
        model = without(case, float(objective.weight[out[0]]), float(objective.weight.sum()))
        if hasattr(model, "steps"):  # transformers stay as they were
            inputs = found.shape.inputs(X)
            model = clone(model[-1])
        else:
            inputs = X
        fitted(case, inputs[left], y[left], None if weight is None else weight[left], model)
        start = found.at_minimum.params
        inner = objective.without(np.arange(len(found.kept)) == out[0])
        refit = found.solver.minimize(inner, start, found.hyper)
        assert refit.converged
        expected = numbers(model)
        at = found.coefficients.of(refit.expansion.params)
        assert np.abs(at - expected).max() < case.exact * max(np.abs(expected).max(), 1.0)


def without(case, row_weight, total):
    """The model to be fitted without a row, its strength that of the same sum."""
    model = clone(case.model)
    if case.by_mean:
        model.set_params(alpha=model.alpha * total / (total - row_weight))
    return model


@pytest.mark.parametrize("name", ["ridge", "lasso", "logistic by liblinear", "poisson", "huber"])
def test_sparse_rows_give_the_same_as_dense_ones(name):
    case = CASES[name]
    X, y, weight = drawn(case)
    X[np.abs(X) < 0.5] = 0.0
    model = fitted(case, sparse.csr_array(X), y, weight)
    dense, thin = adapt(model, X, y, weight), adapt(model, sparse.csr_array(X), y, weight)
    one, other = (f.coefficients.of(f.at_minimum.params) for f in (dense, thin))
    np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-7)


SCORED = {"l1_ratios": (0.0,), "use_legacy_attributes": False, "scoring": "neg_log_loss"}


@pytest.mark.parametrize(
    ("model", "target"),
    [
        (RidgeCV(), real),
        (LassoCV(**TIGHT), real),
        (ElasticNetCV(l1_ratio=[0.3, 0.9], **TIGHT), real),
        (LogisticRegressionCV(**SCORED, tol=1e-7, max_iter=1_000), two),
        (LogisticRegressionCV(**SCORED, tol=1e-7, max_iter=1_000), three),
        (GridSearchCV(Ridge(), {"alpha": [0.1, 10.0]}), real),
        (GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [3.0]}), real),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", None),
)
def test_what_tuned_itself_minimises_the_objective_of_its_choice(model, target):
    case = Case(model, target, weighted=False)
    X, y, _ = drawn(case)
    model = fitted(case, X, y, None)
    found = adapt(model, X, y)
    assert found.is_tuned
    assert found.distance < 1e-3
    assert found.as_fitted.relative_gradient < 1e-4


@pytest.mark.parametrize(
    "name",
    [
        "huber",
        "multinomial",
        "logistic lasso by liblinear",
        "poisson",
        "logistic of weighted classes",
    ],
)
def test_leave_one_out_is_that_of_scikit_learns_refits(name):
    case = replace(CASES[name], weighted=False)
    X, y, _ = drawn(case)
    model = fitted(case, X, y, None)
    result = leave_one_out(model, X, y, budget=1.0)
    found = adapt(model, X, y).response.mean(result.outputs)
    own = predictions(model, X)
    for row in (*ROWS, int(np.argmax(np.abs(found - own).reshape(N_ROWS, -1).max(axis=1)))):
        left = np.arange(N_ROWS) != row
        refit = fitted(case, X[left], y[left], None, without(case, 1.0, float(N_ROWS)))
        expected = predictions(refit, X[[row]])[0]
        # A prediction sums the errors of several coefficients.
        np.testing.assert_allclose(found[row], expected, rtol=0, atol=5.0 * case.exact)
