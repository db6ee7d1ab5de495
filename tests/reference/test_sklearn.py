"""Against scikit-learn 1.9: equal coefficients at equal penalty, leave-one-out and tuned alpha.

scikit-learn's alpha and C refer to unscaled columns, so it is given standardised ones and its
coefficients are divided by their scales. Its sums are ours: alpha of Ridge = alpha, C = 1 / alpha,
and PoissonRegressor's alpha is ours over the total weight.
"""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
from sklearn.linear_model import PoissonRegressor as SklearnPoisson
from sklearn.preprocessing import StandardScaler

from derivata import LeaveOneOut, LinearRegressor, LogisticClassifier, PoissonRegressor
from derivata.criteria.leave_one_out import leave_one_out_outputs
from derivata.curvature import invert
from derivata.designs.standardized import standardize
from derivata.errors import BoundWarning
from derivata.losses import SquaredLoss
from derivata.objective import Objective
from derivata.penalties import FREE, GroupRidge
from derivata.predictors import LinearPredictor
from derivata.solvers import Newton
from derivata.tuning import loss_unit

N, P = 200, 8
ALPHA = 2.5
WEIGHTED = pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
INTERCEPT = pytest.mark.parametrize("intercept", [True, False], ids=["intercept", "no intercept"])
STORE = pytest.mark.parametrize("store", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    sizes = np.logspace(-2.0, 2.0, P)
    X = rng.standard_normal((N, P)) * sizes + 3.0
    outputs = (X - 3.0) @ (rng.standard_normal(P) / sizes)
    return {
        "X": X,
        "number": outputs + rng.standard_normal(N),
        "two": (outputs + rng.logistic(size=N) > 0).astype(int),
        "three": np.digitize(outputs + rng.logistic(size=N), [-1.0, 1.0]),
        "count": rng.poisson(np.exp(0.3 * outputs)),
        "weight": rng.uniform(0.2, 3.0, N),
    }


def scaled(X, weight, intercept=True):
    """Columns as derivata scales them, their scales, and their centres (0 without intercept)."""
    center = np.average(X, axis=0, weights=weight)
    scale = np.sqrt(np.average((X - center) ** 2, axis=0, weights=weight))
    center = center if intercept else np.zeros(X.shape[1])
    return (X - center) / scale, scale, center


def logistic(alpha, **settings):
    # Newton's method to the last digit.
    precise = {"solver": "newton-cholesky", "tol": 1e-14, "max_iter": 1000}
    return LogisticRegression(C=1.0 / alpha, **precise, **settings)


def assert_equal_fit(model, reference, scale=1.0, center=0.0):
    center = np.broadcast_to(center, model.n_features_in_)
    coef = np.atleast_2d(reference.coef_) / scale
    intercept = np.atleast_1d(reference.intercept_) - coef @ center
    difference = np.abs(np.atleast_2d(model.coef_) - coef).max(axis=0)
    assert (difference <= 1e-8 * np.abs(coef).max(axis=0)).all()
    size = np.abs(coef).max(axis=0) @ np.abs(center) + 1.0  # of the terms in the intercept
    np.testing.assert_allclose(np.atleast_1d(model.intercept_), intercept, rtol=0, atol=1e-8 * size)


# Equal coefficients at equal penalty


@WEIGHTED
@INTERCEPT
def test_ridge_coefficients_equal_those_of_ridge(rows, weighted, intercept):
    weight = rows["weight"] if weighted else np.ones(N)
    Z, scale, center = scaled(rows["X"], weight, intercept)
    reference = Ridge(ALPHA, fit_intercept=intercept, solver="svd")
    reference.fit(Z, rows["number"], weight)
    model = LinearRegressor(ALPHA, fit_intercept=intercept)
    assert_equal_fit(model.fit(rows["X"], rows["number"], weight), reference, scale, center)


@WEIGHTED
@INTERCEPT
@pytest.mark.parametrize("kind", ["two", "three"])
def test_logistic_coefficients_equal_those_of_logistic_regression(rows, kind, weighted, intercept):
    weight = rows["weight"] if weighted else np.ones(N)
    Z, scale, center = scaled(rows["X"], weight, intercept)
    reference = logistic(ALPHA, fit_intercept=intercept).fit(Z, rows[kind], weight)
    model = LogisticClassifier(ALPHA, fit_intercept=intercept, tol=1e-12)
    model.fit(rows["X"], rows[kind], weight)
    assert_equal_fit(model, reference, scale, center)
    np.testing.assert_allclose(
        model.predict_proba(rows["X"]), reference.predict_proba(Z), rtol=0, atol=1e-9
    )
    np.testing.assert_array_equal(model.predict(rows["X"]), reference.predict(Z))


@WEIGHTED
@INTERCEPT
def test_poisson_coefficients_equal_those_of_poisson_regressor(rows, weighted, intercept):
    weight = rows["weight"] if weighted else np.ones(N)
    Z, scale, center = scaled(rows["X"], weight, intercept)
    reference = SklearnPoisson(
        alpha=ALPHA / weight.sum(),
        fit_intercept=intercept,
        solver="newton-cholesky",
        tol=1e-13,
        max_iter=1000,
    )
    reference.fit(Z, rows["count"], weight)
    model = PoissonRegressor(ALPHA, fit_intercept=intercept, tol=1e-12)
    model.fit(rows["X"], rows["count"], weight)
    assert_equal_fit(model, reference, scale, center)
    np.testing.assert_allclose(model.predict(rows["X"]), reference.predict(Z), rtol=1e-8)


@INTERCEPT
@STORE
def test_coefficients_of_unscaled_columns_equal_scikit_learns(rows, store, intercept):
    # Half of the numbers are zero, so that sparse storage means something.
    far = np.abs(rows["X"] - 3.0)
    X = rows["X"] * (far > np.median(far, axis=0))
    settings = {"standardize": False, "fit_intercept": intercept, "tol": 1e-12}
    ridge = Ridge(ALPHA, fit_intercept=intercept, solver="svd").fit(X, rows["number"])
    assert_equal_fit(LinearRegressor(ALPHA, **settings).fit(store(X), rows["number"]), ridge)
    two = logistic(ALPHA, fit_intercept=intercept).fit(X, rows["two"])
    assert_equal_fit(LogisticClassifier(ALPHA, **settings).fit(store(X), rows["two"]), two)


def test_wide_data_give_the_coefficients_of_ridge():
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((30, 400)), rng.standard_normal(30)
    Z, scale, center = scaled(X, np.ones(30))
    reference = Ridge(ALPHA, solver="svd").fit(Z, y)
    assert_equal_fit(LinearRegressor(ALPHA).fit(X, y), reference, scale, center)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 0.5, 1: 3.0, 2: 1.0}])
def test_class_weights_mean_what_they_mean_in_scikit_learn(rows, class_weight):
    Z, _, _ = scaled(rows["X"], np.ones(N))
    reference = logistic(ALPHA, class_weight=class_weight).fit(Z, rows["three"])
    model = LogisticClassifier(ALPHA, class_weight=class_weight, standardize=False, tol=1e-12)
    assert_equal_fit(model.fit(Z, rows["three"]), reference)


def test_breast_cancer_at_its_tuned_penalty_equals_scikit_learns_fit():
    X, y = load_breast_cancer(return_X_y=True)
    model = LogisticClassifier(tol=1e-12).fit(X, y)
    Z, scale, center = scaled(X, np.ones(len(y)))
    assert_equal_fit(model, logistic(model.alpha_).fit(Z, y), scale, center)


# Leave-one-out, and the alpha it prefers


def objective_of(X, y, weight):
    standard = standardize(X, weight)
    groups = np.append(np.zeros(X.shape[1], dtype=int), FREE)
    predictor = LinearPredictor(standard.design)
    return Objective(SquaredLoss(), predictor, GroupRidge(groups, ("all",)), y, weight)


def minimum(objective, alpha):
    start = np.zeros(objective.predictor.n_params)
    return Newton(tol=1e-12).minimize(objective, start, np.log([alpha])).expansion


def ridge_leave_one_out(X, y, alphas):
    """Mean half squared leave-one-out error of each alpha, by scikit-learn."""
    Z = StandardScaler().fit_transform(X)
    return RidgeCV(alphas, store_cv_results=True).fit(Z, y).cv_results_.mean(axis=0) / 2.0


@pytest.mark.parametrize("alpha", [1e-3, 1.0, 1e3])
def test_the_criterion_equals_ridge_cvs_leave_one_out_error(alpha):
    X, y = load_diabetes(return_X_y=True)
    (part,) = LeaveOneOut().subproblems(objective_of(X, y, np.ones(len(y))))
    expansion = minimum(part.objective, alpha)
    ours = part.judge(expansion, invert(expansion)).value / len(y)
    assert ours == pytest.approx(ridge_leave_one_out(X, y, [alpha])[0], rel=1e-8)


@WEIGHTED
def test_leave_one_out_predictions_equal_refits_without_each_row(rows, weighted):
    # Weights of at most one: a row of such a weight is left out whole.
    weight = rows["weight"] / 3.0 if weighted else np.ones(N)
    X, y = rows["X"], rows["number"]
    Z, _, _ = scaled(X, weight)
    expansion = minimum(objective_of(X, y, weight), ALPHA)
    outputs = leave_one_out_outputs(expansion, invert(expansion))[:, 0]
    for row in range(0, N, 10):
        others = np.arange(N) != row
        refit = Ridge(ALPHA, solver="svd").fit(Z[others], y[others], weight[others])
        assert outputs[row] == pytest.approx(refit.predict(Z[[row]])[0], rel=1e-10, abs=1e-10)


def test_the_tuned_alpha_of_diabetes_is_that_of_a_fine_grid_to_one_percent():
    X, y = load_diabetes(return_X_y=True)
    grid = np.exp(np.linspace(-3.0, 5.0, 4001))
    best = grid[ridge_leave_one_out(X, y, grid).argmin()]
    assert LinearRegressor().fit(X, y).alpha_ == pytest.approx(best, rel=0.01)


@pytest.mark.parametrize("seed", range(20))
def test_no_alpha_of_a_fine_grid_is_better_by_what_data_can_tell(seed):
    rng = np.random.default_rng(seed)
    n, p, noise = rng.choice([30, 60, 150]), rng.choice([3, 10, 40]), rng.choice([0.1, 1.0, 3.0])
    X = rng.standard_normal((n, p))
    y = X @ rng.standard_normal(p) / np.sqrt(p) + noise * rng.standard_normal(n)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundWarning)  # some targets are mostly noise
        model = LinearRegressor().fit(X, y)
    found = ridge_leave_one_out(X, y, [model.alpha_])[0]
    best = ridge_leave_one_out(X, y, n * np.exp(np.linspace(-18.0, 12.0, 601))).min()
    # In nats over all rows: e^.03 in likelihood is beneath what any data can tell.
    unit = loss_unit(objective_of(X, y, np.ones(n)), n * best, n)
    assert n * (found - best) / unit < 0.03


# What weights mean


MODEL = pytest.mark.parametrize(
    "model_class, target",
    [
        (LinearRegressor, "number"),
        (LogisticClassifier, "two"),
        (LogisticClassifier, "three"),
        (PoissonRegressor, "count"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
PENALTY = pytest.mark.parametrize("alpha", ["tune", 1.0])


def assert_same_fit(one, other):
    # Tuning starts from differently rounded sums.
    assert one.alpha_ == pytest.approx(other.alpha_, rel=1e-6)
    np.testing.assert_allclose(one.coef_, other.coef_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(one.intercept_, other.intercept_, rtol=1e-6, atol=1e-9)


@MODEL
@PENALTY
def test_integer_weights_are_repeated_rows(rows, model_class, target, alpha):
    X, y = rows["X"], rows[target]
    repeats = np.random.default_rng(2).integers(1, 4, N)
    settings = {"alpha": alpha, "criterion": LeaveOneOut(), "tol": 1e-10}
    weighted = model_class(**settings).fit(X, y, sample_weight=repeats)
    repeated = model_class(**settings).fit(np.repeat(X, repeats, 0), np.repeat(y, repeats))
    assert_same_fit(weighted, repeated)


@MODEL
@PENALTY
@STORE
def test_a_row_of_weight_zero_is_no_row(rows, model_class, target, alpha, store):
    X, y = rows["X"] - 3.0, rows[target]
    kept = np.random.default_rng(3).random(N) > 0.2
    spoiled = np.where(kept[:, None], X, 1e6 * X)
    settings = {"alpha": alpha, "criterion": LeaveOneOut(), "tol": 1e-10}
    zeroed = model_class(**settings).fit(store(spoiled), y, sample_weight=kept)
    removed = model_class(**settings).fit(store(X[kept]), y[kept])
    assert_same_fit(zeroed, removed)
