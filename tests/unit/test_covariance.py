"""Two covariances of a fit against textbook formulas and simulation."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.covariance import (
    cluster_covariance,
    hyper_covariance,
    penalty_spread,
    posterior_covariance,
    sandwich_covariance,
    standard_errors,
)
from derivata.criteria import Evidence, LeaveOneOut
from derivata.criteria.evidence import FrozenEvidence
from derivata.curvature.inverse import invert
from derivata.designs import DenseDesign
from derivata.errors import InvalidParameter, NotAvailable, NotConverged, ShapeMismatch
from derivata.estimators.custom import LossEstimator
from derivata.losses import LogisticLoss, SquaredLoss
from derivata.losses.identity import IdentityLoss
from derivata.objective import Objective
from derivata.penalties import FREE, GroupRidge
from derivata.predictors import LinearPredictor
from derivata.solvers import Newton
from derivata.tuning import tune
from tests.cases import LOSSES, problem
from tests.differences import relative_error


def unpenalised(loss, X, y, weight=None):
    free = GroupRidge(np.full(X.shape[1], FREE), ())
    weight = np.ones(len(y)) if weight is None else weight
    objective = Objective(loss, LinearPredictor(DenseDesign.from_array(X)), free, y, weight)
    return Newton(tol=1e-12).minimize(objective, np.zeros(X.shape[1]), np.zeros(0)).expansion


def drawn(n=80, seed=0):
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.standard_normal((n, 2))])
    return X, rng


def test_least_squares_has_its_textbook_errors():
    X, rng = drawn()
    y = X @ [1.0, 2.0, -1.0] + rng.standard_normal(80) * (0.2 + X[:, 1] ** 2)
    end = unpenalised(SquaredLoss(), X, y)
    bread = np.linalg.inv(X.T @ X)
    residual = y - X @ end.params
    classical = bread * (residual @ residual) / (80 - 3)
    assert relative_error(posterior_covariance(end), classical) < 1e-12
    robust = bread @ (X.T * residual**2) @ X @ bread  # White's
    assert relative_error(sandwich_covariance(end), robust) < 1e-12
    np.testing.assert_allclose(standard_errors(robust), np.sqrt(np.diag(robust)))


def test_logistic_errors_are_those_of_statsmodels():
    models = pytest.importorskip("statsmodels.api")
    X, rng = drawn()
    y = (rng.random(80) < 1 / (1 + np.exp(-X @ [0.3, 1.0, -0.5]))).astype(float)
    end = unpenalised(LogisticLoss(), X, y)
    for kind, covariance in (("nonrobust", posterior_covariance), ("HC0", sandwich_covariance)):
        fitted = models.Logit(y, X).fit(disp=0, tol=1e-12, cov_type=kind)
        assert relative_error(standard_errors(covariance(end)), fitted.bse) < 1e-7


@pytest.mark.parametrize("covariance", [posterior_covariance, sandwich_covariance])
@pytest.mark.parametrize("name", ["squared", "logistic", "softmax of 4"])
def test_a_weight_of_two_is_two_rows(covariance, name):
    objective = problem(LOSSES[name], 30, 3, weighted=False)
    hyper = np.array([0.4, 1.2])
    weight = 1.0 + np.arange(30) % 2
    twice = np.repeat(np.arange(30), weight.astype(int))
    results = []
    for each in (replace(objective, weight=weight), objective.take(twice)):
        start = np.zeros(each.predictor.n_params)
        results.append(covariance(Newton(tol=1e-12).minimize(each, start, hyper).expansion))
    assert relative_error(results[0], results[1]) < 1e-9


def test_the_sandwich_covers_the_spread_of_estimates_where_the_loss_is_wrong():
    # Noise that grows with x: the posterior, which believes in one variance, is far too small.
    estimates, stated, believed = [], [], []
    for seed in range(200):
        X, rng = drawn(150, seed)
        y = X @ [1.0, 2.0, -1.0] + rng.standard_normal(150) * np.abs(X[:, 1]) * 2.0
        end = unpenalised(SquaredLoss(), X, y)
        estimates.append(end.params[1])
        stated.append(standard_errors(sandwich_covariance(end))[1])
        believed.append(standard_errors(posterior_covariance(end))[1])
    spread = np.std(estimates)
    assert 0.8 < np.mean(stated) / spread < 1.1  # 200 draws know the spread to 5 %
    assert np.mean(believed) / spread < 0.75


def test_a_point_that_is_no_minimum_is_refused():
    objective = problem(LOSSES["squared"], 30, 3)
    for covariance in (posterior_covariance, sandwich_covariance):
        with pytest.raises(NotConverged, match="needs a minimiser"):
            covariance(objective.at(np.ones(4), np.zeros(2)))


# A loss given as a whole


def test_a_whole_objective_has_the_fit_and_the_posterior_errors_of_its_rows():
    jnp = pytest.importorskip("jax.numpy")
    X, rng = drawn()
    y = (rng.random(80) < 1 / (1 + np.exp(-X @ [0.3, 1.0, -0.5]))).astype(float)

    def total(params, X, y):
        z = X @ params["coef"]
        return jnp.sum(jnp.logaddexp(0.0, z) - y * z)

    start = {"coef": np.zeros(3)}
    model = LossEstimator(IdentityLoss(), predictor=total, params=start, alpha=0.0).fit(X, y)
    end = unpenalised(LogisticLoss(), X, y)
    np.testing.assert_allclose(model.params_["coef"], end.params, atol=1e-9)
    assert (
        relative_error(model.standard_errors(), standard_errors(posterior_covariance(end))) < 1e-8
    )
    for use, told in (
        (lambda: model.standard_errors("sandwich"), "the sandwich covariance needs a loss"),
        (model.leave_one_out, "leave-one-out needs a loss of the form"),
        (lambda: model.influence([3]), "influence needs a loss of the form"),
        (lambda: model.predict(X), "predictions need outputs of rows"),
        (lambda: model.score(X, y), "predictions need outputs of rows"),
    ):
        with pytest.raises(NotAvailable, match=told):
            use()
    with pytest.raises(InvalidParameter, match="expected 'posterior' or 'sandwich'"):
        model.standard_errors("bayes")


@pytest.mark.parametrize("criterion", [LeaveOneOut(), Evidence()], ids=lambda c: c.name)
def test_criteria_of_rows_refuse_a_loss_without_any(criterion):
    whole = replace(problem(LOSSES["squared"], 30, 3), loss=IdentityLoss())
    with pytest.raises(NotAvailable, match="needs a loss of the form"):
        criterion.subproblems(whole)


# Clusters


def test_clusters_of_one_row_are_the_sandwich():
    objective = problem(LOSSES["softmax of 4"], 40, 3)
    # A weight is many rows to the sandwich, one row of a cluster here: equal where it is 0 or 1.
    even = replace(objective, weight=np.minimum(np.ceil(objective.weight), 1.0))
    end = Newton(tol=1e-12).minimize(even, np.zeros(12), np.array([0.4, 1.2])).expansion
    rows = cluster_covariance(end, np.arange(40), corrected=False)
    assert relative_error(rows, sandwich_covariance(end)) < 1e-12


def test_clusters_cover_the_spread_of_estimates_where_rows_go_together():
    estimates, stated, believed = [], [], []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        clusters = np.repeat(np.arange(40), 5)
        X = np.column_stack([np.ones(200), rng.standard_normal(40)[clusters]])
        y = X @ [1.0, 0.5] + rng.standard_normal(40)[clusters] + 0.5 * rng.standard_normal(200)
        end = unpenalised(SquaredLoss(), X, y)
        estimates.append(end.params[1])
        stated.append(standard_errors(cluster_covariance(end, clusters))[1])
        believed.append(standard_errors(sandwich_covariance(end))[1])
    spread = np.std(estimates)
    assert 0.82 < np.mean(stated) / spread < 1.1
    assert np.mean(believed) / spread < 0.6


def test_labels_of_clusters_may_be_words_and_must_fit():
    X, rng = drawn()
    end = unpenalised(SquaredLoss(), X, X[:, 1] + rng.standard_normal(80))
    numbers = np.repeat(np.arange(8), 10)
    words = np.array([f"school {number}" for number in numbers], dtype=object)
    np.testing.assert_array_equal(cluster_covariance(end, words), cluster_covariance(end, numbers))
    with pytest.raises(ShapeMismatch, match="expected one label for each of the 80 rows"):
        cluster_covariance(end, numbers[:-1])
    with pytest.raises(InvalidParameter, match="holds a single label"):
        cluster_covariance(end, np.zeros(80))


# Penalties that are not known


def test_the_covariance_of_log_penalties_inverts_the_curvature_of_the_evidence():
    objective = problem(LOSSES["squared"], 60, 4, weighted=False)
    tuned = tune(objective, Evidence(), Newton(tol=1e-10), step_tol=1e-4)
    end = Newton(tol=1e-12).minimize(objective, np.zeros(5), tuned.hyper).expansion
    found = hyper_covariance(end, Newton(tol=1e-12), Evidence())
    frozen = FrozenEvidence(end, invert(end)).curvature(tuned.hyper)  # exact for squared loss
    values, vectors = np.linalg.eigh(frozen)
    wanted = vectors @ np.diag(1.0 / np.maximum(values, 1.0)) @ vectors.T
    assert relative_error(found, wanted) < 1e-3


def test_the_spread_of_penalties_is_that_of_refits_at_drawn_penalties():
    objective = problem(LOSSES["logistic"], 80, 4, weighted=False)
    hyper = np.array([0.5, 1.0])
    solver = Newton(tol=1e-12)
    end = solver.minimize(objective, np.zeros(5), hyper).expansion
    known = np.array([[0.02, 0.01], [0.01, 0.03]])
    added = penalty_spread(end, invert(end), known)
    rng = np.random.default_rng(0)
    draws = rng.multivariate_normal(hyper, known, 1_500)
    refits = [solver.minimize(objective, end.params, draw).expansion.params for draw in draws]
    assert relative_error(added, np.cov(np.array(refits).T)) < 0.1


def test_without_penalties_nothing_is_unknown_of_them():
    X, rng = drawn()
    end = unpenalised(SquaredLoss(), X, X[:, 1] + rng.standard_normal(80))
    assert hyper_covariance(end, Newton(), Evidence()).shape == (0, 0)
    assert not penalty_spread(end, invert(end), np.zeros((0, 0))).any()
