"""Linear models of this package as objectives: at their minimum, and refitted without a row."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from derivata import LinearRegressor, LogisticClassifier, PoissonRegressor
from derivata.adapters.own_linear import adapt_linear
from derivata.errors import InvalidData, InvalidParameter, InvalidTarget, NotConverged
from derivata.penalties import (
    ElasticNet,
    FusedLasso,
    GroupLasso,
    Lasso,
    SmoothedLasso,
    SmoothedVariation,
    TotalVariation,
)
from derivata.solvers import GradientDescent

N, P = 80, 6
GROUPS = ["a", "a", "a", "b", "b", None]


def rows(kind, seed=0):
    rng = np.random.default_rng(seed)
    X = 5.0 + rng.normal(size=(N, P)) * np.logspace(-1, 1, P)
    z = (X - 5.0) @ (np.array([1.0, 1.0, 0.0, -1.0, 0.0, 0.5]) / np.logspace(-1, 1, P))
    if kind == "numbers":
        return X, z + 0.5 * rng.standard_normal(N)
    if kind == "counts":
        return X, rng.poisson(np.exp(0.4 * z)).astype(float)
    scores = np.column_stack([z, -z, np.zeros(N)])[:, : int(kind[0])]
    labels = np.array(["ash", "birch", "cedar"])
    return X, labels[np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)]


ESTIMATORS = {
    "numbers": LinearRegressor,
    "counts": PoissonRegressor,
    "2 classes": LogisticClassifier,
    "3 classes": LogisticClassifier,
}
PENALTIES = {
    "ridge": {},
    "ridge of groups": {"groups": GROUPS},
    "ridge without an intercept": {"fit_intercept": False},
    "ridge as the columns are": {"standardize": False},
    "lasso": {"penalty": Lasso()},
    "elastic net": {"penalty": ElasticNet()},
    "group lasso": {"penalty": GroupLasso(), "groups": GROUPS},
    "total variation": {"penalty": TotalVariation()},
    "fused lasso": {"penalty": FusedLasso(), "alpha": [1.0, 1.0]},
    "smoothed lasso": {"penalty": SmoothedLasso()},
    "smoothed variation": {"penalty": SmoothedVariation()},
}


def predicted(model, X, kind):
    return model.predict_proba(X) if "classes" in kind else model.predict(X)


ONE_OUTPUT = ("fused lasso", "total variation", "smoothed lasso", "smoothed variation")
CASES = [
    (kind, name)
    for kind in ESTIMATORS
    for name in PENALTIES
    if kind != "3 classes" or name not in ONE_OUTPUT
]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_model_is_at_the_minimum_of_its_objective_and_predicts_the_same(kind, name):
    X, y = rows(kind)
    weight = np.random.default_rng(1).integers(0, 3, N)
    model = ESTIMATORS[kind](**{"alpha": 2.0, **PENALTIES[name]}).fit(X, y, weight)
    fitted = adapt_linear(model, X, y, weight)
    assert np.array_equal(fitted.kept, np.flatnonzero(weight))
    assert fitted.as_fitted.relative_gradient < 1e-6
    expected = predicted(model, X, kind)[fitted.kept]
    assert np.allclose(fitted.response.mean(fitted.at_minimum.outputs), expected, atol=1e-6)
    coef = np.column_stack([model.coef_.reshape(-1, P), np.ravel(model.intercept_)])
    if not model.fit_intercept:
        coef = coef[:, :-1]
    assert np.allclose(fitted.coefficients.of(fitted.params), coef.ravel(), atol=1e-10)
    inputs = fitted.shape.inputs(X)
    outputs = inputs @ fitted.shape.weight.T + fitted.shape.intercept
    scores = fitted.as_fitted.outputs
    if kind == "3 classes":
        scores = scores @ fitted.objective.loss.contrasts
    assert np.allclose(outputs[fitted.kept], scores, atol=1e-10)


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("name", ["ridge as the columns are", "lasso"])
def test_the_fit_without_a_row_is_that_of_the_estimator_with_its_alphas(kind, name):
    # Without scaling, which a refit would do anew. The estimator still centres; that moves nothing.
    X, y = rows(kind)
    settings = {"standardize": False, **PENALTIES[name]}
    model = ESTIMATORS[kind](1.0, **settings).fit(X, y)
    fitted = adapt_linear(model, X, y)
    without = np.arange(N) != 7
    start = fitted.at_minimum
    rest = fitted.solver.minimize(fitted.objective.without(~without), start.params, start.hyper)
    again = ESTIMATORS[kind](model.alpha_, **settings).fit(X[without], y[without])
    found = fitted.coefficients.of(rest.expansion.params)
    expected = np.column_stack([again.coef_.reshape(-1, P), np.ravel(again.intercept_)])
    assert np.allclose(found, expected.ravel(), atol=1e-6)


def test_tuned_models_say_so_and_solvers_of_the_first_order_are_left_behind():
    X, y = rows("numbers")
    tuned = adapt_linear(LinearRegressor().fit(X, y), X, y)
    assert tuned.is_tuned
    slow = LinearRegressor(1.0, solver=GradientDescent(max_iter=5_000, tol=1e-5)).fit(X, y)
    fitted = adapt_linear(slow, X, y)
    assert not fitted.is_tuned
    assert fitted.at_minimum.relative_gradient < 1e-10


def test_a_frame_a_sparse_matrix_and_other_rows_are_the_same_columns():
    X, y = rows("counts")
    frame = pd.DataFrame(X, columns=[f"c{j}" for j in range(P)])
    model = PoissonRegressor(1.0).fit(frame, y)
    fitted = adapt_linear(model, frame, y)
    assert fitted.columns == tuple(frame.columns)
    judged = fitted.judged(frame[3:4], y[3:4])
    assert np.allclose(judged.outputs(fitted.params), fitted.as_fitted.outputs[3:4])
    thin = sparse.csr_array(np.where(X > 5.0, X, 0.0))
    other = adapt_linear(PoissonRegressor(1.0).fit(thin, y), thin, y)
    assert other.as_fitted.relative_gradient < 1e-8
    judged = other.judged(thin[[3]], y[[3]])
    assert np.allclose(judged.outputs(other.params), other.as_fitted.outputs[[3]])
    assert other.shape.inputs(thin).shape == (N, P)


def test_a_constant_column_has_no_coefficient():
    X, y = rows("2 classes")
    X[:, 2] = 3.0
    with pytest.warns(match="D203"):
        model = LogisticClassifier(1.0).fit(X, y)
    fitted = adapt_linear(model, X, y)
    assert fitted.coefficients.of(fitted.at_minimum.params)[2] == 0.0
    assert np.allclose(fitted.judged(X, y).outputs(fitted.params), fitted.as_fitted.outputs)


def test_weights_of_classes_multiply_those_of_rows():
    X, y = rows("2 classes")
    model = LogisticClassifier(1.0, class_weight="balanced").fit(X, y)
    fitted = adapt_linear(model, X, y)
    assert fitted.as_fitted.relative_gradient < 1e-8
    assert (fitted.objective.weight == 1.0).all()  # of rows: a class weight is a part of the loss
    share = np.array([np.mean(y == label) for label in model.classes_])
    assert np.allclose(fitted.objective.loss.factors, 0.5 / share)
    assert fitted.judged(X, y).loss is fitted.objective.loss
    without = np.where(np.arange(N) % 3, 1.0, 0.0)
    uneven = {"ash": 0.0, "birch": 1.0, "cedar": 3.0}
    X, y = rows("3 classes")
    model = LogisticClassifier(1.0, class_weight=uneven).fit(X, y, without)
    fitted = adapt_linear(model, X, y, without)
    assert np.array_equal(fitted.kept, np.flatnonzero((without > 0) & (y != "ash")))
    assert fitted.as_fitted.relative_gradient < 1e-8


def test_offsets_are_given_beside_the_rows_and_a_forgotten_exposure_is_named():
    X, y = rows("counts")
    over = np.random.default_rng(2).uniform(0.1, 10.0, N)
    y = np.round(y * over)
    model = PoissonRegressor(1.0).fit(X, y, exposure=over)
    fitted = adapt_linear(model, X, y, exposure=over)
    assert fitted.as_fitted.relative_gradient < 1e-8
    judged = fitted.judged(X[:2], y[:2], exposure=over[:2])
    assert np.allclose(judged.outputs(fitted.params), fitted.as_fitted.outputs[:2])
    with pytest.raises(NotConverged, match="`exposure`"):
        _ = adapt_linear(model, X, y).at_minimum
    X, y = rows("numbers")
    shifted = LinearRegressor(1.0).fit(X, y, offset=over)
    assert adapt_linear(shifted, X, y, offset=over).as_fitted.relative_gradient < 1e-10


def test_what_does_not_fit_the_model_is_named():
    X, y = rows("3 classes")
    frame = pd.DataFrame(X, columns=[f"c{j}" for j in range(P)])
    model = LogisticClassifier(1.0).fit(frame, y)
    with pytest.raises(InvalidParameter, match="not fitted"):
        adapt_linear(LogisticClassifier(), X, y)
    with pytest.raises(InvalidTarget, match="'?zelkova'? in row 3"):
        adapt_linear(model, frame, np.where(np.arange(N) == 3, "zelkova", y))
    with pytest.raises(InvalidData, match="feature names"):
        adapt_linear(model, frame[frame.columns[::-1]], y)
    with pytest.raises(InvalidParameter, match="fitted without"):
        adapt_linear(model, frame, y, offset=np.ones(N))
    with pytest.raises(NotConverged, match="not the rows"):
        _ = adapt_linear(model, frame, y[::-1].copy()).at_minimum
