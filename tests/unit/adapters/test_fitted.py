import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)
from sklearn.preprocessing import StandardScaler

from derivata.adapters import adapt
from derivata.adapters.fitted import Coefficients
from derivata.adapters.linear_fit import solver_of
from derivata.adapters.linear_units import LinearUnits
from derivata.curvature.active import ActiveExpansion
from derivata.losses.classification import helmert
from derivata.penalties import FREE, ElasticNet, GroupRidge
from derivata.solvers import LBFGS, Newton, ProximalNewton

RNG = np.random.default_rng(0)


def quietly(fit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return fit()


@pytest.mark.parametrize(
    ("load", "model", "scaled"),
    [
        (load_breast_cancer, LogisticRegression(max_iter=10_000), False),
        (load_breast_cancer, LogisticRegression(), True),
        (load_breast_cancer, LogisticRegression(solver="newton-cholesky"), False),
        (load_diabetes, Ridge(), False),
        (load_diabetes, Lasso(), False),
        (load_diabetes, PoissonRegressor(), False),
        (load_digits, LogisticRegression(max_iter=1_000), True),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value),
)
def test_default_tolerances_of_scikit_learn_are_near_enough_on_real_data(load, model, scaled):
    X, y = load(return_X_y=True)
    if load is load_digits:  # the first rows, for time
        X, y = X[:600], y[:600]
    X = StandardScaler().fit_transform(X) if scaled else X
    found = adapt(model.fit(X, y), X, y)
    assert found.distance < (0.5 if load is load_digits else 0.1)
    assert found.at_minimum.relative_gradient < 1e-6


def test_the_distance_is_that_of_posterior_standard_errors():
    X, y = load_diabetes(return_X_y=True)
    model = Ridge(alpha=0.1).fit(X, y)
    found = adapt(model, X, y)
    truth = found.at_minimum
    covariance = truth.nat * np.linalg.inv(truth.hessian)
    moved = 0.7 * np.linalg.cholesky(covariance) @ np.eye(len(truth.params))[3]
    model.coef_ = model.coef_ + moved[:-1]
    model.intercept_ += moved[-1] - moved[:-1] @ X.mean(axis=0)
    off = adapt(model, X, y)
    assert off.distance == pytest.approx(0.7, rel=1e-6)
    with pytest.warns(match=r"up to 0.7 standard errors"):
        np.testing.assert_allclose(off.at_minimum.params, truth.params, rtol=1e-9)


def test_a_kink_is_no_obstacle_to_the_distance():
    X, y = load_diabetes(return_X_y=True)
    model = Lasso(alpha=0.3).fit(X, y)
    model.coef_[np.flatnonzero(model.coef_ == 0.0)[0]] = 1e-3  # off its kink by a hair
    found = adapt(model, X, y)
    assert isinstance(found.at_minimum, ActiveExpansion)
    assert found.distance < 1e-2
    assert np.count_nonzero(found.at_minimum.params == 0.0) > 0


def test_a_fit_of_every_row_exactly_is_at_its_minimum():
    X, y = RNG.standard_normal((8, 20)), RNG.standard_normal(8)
    found = adapt(LinearRegression().fit(X, y), X, y)
    assert found.at_minimum.loss_value < 1e-20
    np.testing.assert_allclose(found.at_minimum.params, found.params, atol=1e-10)


def test_columns_that_repeat_or_stand_still_leave_the_fit_where_it_is():
    X = RNG.standard_normal((30, 3))
    X = np.column_stack([X, X[:, 0], np.full(30, 0.1), np.full(30, 1e6)])
    y = X[:, 1] + RNG.standard_normal(30)
    for model in (LinearRegression(), Ridge()):
        found = adapt(model.fit(X, y), X, y)
        np.testing.assert_allclose(found.at_minimum.params, found.params, atol=1e-8)
    labels = (y > 0).astype(int)
    found = adapt(LogisticRegression(C=np.inf, tol=1e-8).fit(X[:, :5], labels), X[:, :5], labels)
    assert found.distance < 1e-3


def test_columns_far_from_zero_are_centred():
    X = RNG.standard_normal((60, 2)) + [2000.0, 1e6]
    y = X @ [1.0, 2.0] + RNG.standard_normal(60)
    found = adapt(LinearRegression().fit(X, y), X, y)
    hessian = found.at_minimum.hessian
    assert np.linalg.cond(hessian) < 10.0


def test_numbers_of_single_precision_are_taken():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X).astype(np.float32)
    found = adapt(LogisticRegression().fit(X, y), X, y)
    assert found.objective.predictor.design.dense(slice(0, 1)).dtype == np.float64
    assert found.distance < 0.1


@pytest.mark.parametrize("contrasts", [None, helmert(3)], ids=["one output", "contrasts"])
@pytest.mark.parametrize("size", [None, 1.0, 2.5], ids=["no intercept", "intercept", "scaled"])
def test_params_are_another_way_to_write_coefficients(contrasts, size):
    X = RNG.standard_normal((20, 4)) + 3.0
    X[:, 2] = 7.0
    units = LinearUnits.of(X, size, centred=True, contrasts=contrasts)
    n_parts = 1 if contrasts is None else 3
    coef, intercept = RNG.standard_normal((n_parts, 4)), RNG.standard_normal(n_parts)
    if contrasts is not None:
        coef, intercept = coef - coef.mean(axis=0), intercept - intercept.mean()
    intercept = np.zeros(n_parts) if size is None else intercept
    params = units.params(coef, intercept)
    outputs = units.design(X).matvec(params.reshape(len(params) // units.design(X).n_columns, -1).T)
    expected = X @ coef.T + intercept
    expected = expected if contrasts is None else expected @ contrasts.T
    np.testing.assert_allclose(outputs, expected, atol=1e-12)
    labels = ("",) if contrasts is None else ("a", "b", "c")
    found = units.coefficients(("p", "q", "r", "s"), labels)
    truth = coef if size is None else np.column_stack([coef, intercept])
    np.testing.assert_allclose(found.of(params), truth.ravel(), atol=1e-12)
    np.testing.assert_allclose(found.of(np.stack([params, 2 * params]))[1], 2 * truth.ravel())
    if size is not None:
        assert units.center[2] == 7.0
        assert not units.design(X).dense(slice(None))[:, 2].any()


def test_a_large_map_is_sparse_and_the_same(monkeypatch):
    import derivata.adapters.linear_units as module

    X = RNG.standard_normal((20, 4)) + 3.0
    for contrasts, size in ((None, 1.0), (helmert(3), 1.0), (helmert(3), None)):
        units = LinearUnits.of(X, size, centred=True, contrasts=contrasts)
        dense = units.map_back()
        monkeypatch.setattr(module, "LARGEST_MAP", 1)
        thin = units.map_back()
        monkeypatch.undo()
        assert sparse.issparse(thin)
        np.testing.assert_array_equal(thin.toarray(), dense)
        params = RNG.standard_normal((2, dense.shape[1]))
        one = Coefficients(("",), dense, np.zeros(len(dense)))
        other = Coefficients(("",), thin, np.zeros(len(dense)))
        np.testing.assert_allclose(other.of(params), one.of(params), atol=1e-14)
        np.testing.assert_allclose(other.of(params[0]), one.of(params[0]), atol=1e-14)


def test_columns_are_renamed_behind_their_classes():
    names = ("a: x0", "a: (intercept)", "b: x0", "x1")
    found = Coefficients(names, np.eye(4), np.zeros(4)).renamed({"x0": "age", "x1": "dose"})
    assert found.names == ("a: age", "a: (intercept)", "b: age", "dose")


def test_weights_of_classes_are_factors_of_the_loss_and_a_note():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    found = adapt(LogisticRegression(class_weight="balanced").fit(X, y), X, y)
    assert (found.objective.weight == 1.0).all()
    share = np.bincount(y, np.asarray(found.objective.loss.factors)[y])
    assert share[0] == pytest.approx(share[1])
    assert "weights of the classes" in found.notes[0]
    assert found.judged(X, y).loss is found.objective.loss


def test_coefficients_that_were_made_sparse_are_read_all_the_same():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    model = LogisticRegression(l1_ratio=1.0, C=0.1, solver="liblinear").fit(X, y)
    dense = adapt(model, X, y).params
    assert np.array_equal(adapt(model.sparsify(), X, y).params, dense)


@pytest.mark.parametrize(
    ("n_params", "n_numbers", "kind"),
    [(40, 10**6, Newton), (10**5, 100, Newton), (10**5, 10**5, LBFGS)],
)
def test_steps_need_a_hessian_of_parameters_or_of_outputs_that_fits(n_params, n_numbers, kind):
    assert isinstance(solver_of(GroupRidge(np.full(n_params, FREE), ()), n_numbers), kind)


def test_a_penalty_with_kinks_has_a_solver_that_knows_them():
    assert isinstance(solver_of(ElasticNet(0.5).on(np.zeros(4, int), 1), 10), ProximalNewton)
