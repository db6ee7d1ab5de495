"""The numbers that a user set behind the strengths of a fitted model."""

import numpy as np
import pytest
from sklearn.linear_model import (
    ElasticNet,
    LassoCV,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeCV,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import derivata
from derivata.adapters import adapt
from derivata.adapters.hyperparameters import hyperparameters_of

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3))
Y = X[:, 0] + RNG.standard_normal(40)
LABELS = (Y > 0).astype(int)


class Mine(Ridge):
    """A user's own subclass."""


def told(model, y=Y):
    fitted = adapt(model, X, y)
    objective, hyper, hypers = hyperparameters_of(model, fitted)
    np.testing.assert_allclose(hypers.hyper(hypers.values), hyper)
    assert objective.penalty.n_hyper == len(hyper)
    return dict(zip(hypers.names, hypers.values.tolist(), strict=True)), objective, hyper


@pytest.mark.parametrize(
    ("model", "y", "names"),
    [
        (Ridge(alpha=2.0), Y, {"alpha": 2.0}),
        (Mine(alpha=2.0), Y, {"alpha": 2.0}),
        (RidgeCV(alphas=[0.5]), Y, {"alpha": 0.5}),
        (LogisticRegression(C=0.2), LABELS, {"C": 0.2}),
        (PoissonRegressor(alpha=0.3), np.round(np.exp(Y)), {"alpha": 0.3}),
        (make_pipeline(StandardScaler(), Ridge(alpha=3.0)), Y, {"alpha": 3.0}),
        (GridSearchCV(Ridge(), {"alpha": [4.0]}, cv=3), Y, {"alpha": 4.0}),
        (LinearRegression(), Y, {}),
        (Ridge(alpha=0.0), Y, {}),
        (derivata.LinearRegressor(2.0), Y, {"all": 2.0}),
    ],
    ids=str,
)
def test_scikit_learns_models_have_their_own_names(model, y, names):
    assert told(model.fit(X, y), y)[0] == pytest.approx(names)


def test_an_elastic_net_is_restated_with_both_strengths_and_is_the_same():
    model = ElasticNet(alpha=0.1, l1_ratio=0.25, tol=1e-12).fit(X, Y)
    fitted = adapt(model, X, Y)
    names, objective, hyper = told(model)
    assert names == pytest.approx({"alpha": 0.1, "l1_ratio": 0.25})
    before = fitted.objective.penalty.value(fitted.params, fitted.hyper)
    assert objective.penalty.value(fitted.params, hyper) == pytest.approx(before, rel=1e-12)
    np.testing.assert_allclose(np.exp(hyper), 40 * 0.1 * np.array([0.25, 0.75]))


def test_a_lasso_has_no_ratio_to_move():
    model = LassoCV(alphas=[0.05], tol=1e-10, cv=3).fit(X, Y)
    assert told(model)[0] == pytest.approx({"alpha": 0.05})


def test_a_fitted_model_tells_the_names_of_its_penalty():
    fitted = adapt(Ridge(alpha=2.0).fit(X, Y), X, Y)
    assert hyperparameters_of(fitted, fitted)[2].names == ("alpha",)
