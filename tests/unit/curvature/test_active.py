"""The inverse Hessian on the active set: dense truths, and the smooth inverse where all are in."""

import numpy as np
import pytest

from derivata.curvature import invert
from derivata.curvature.active import ActiveExpansion, ActiveInverse, restrict
from derivata.penalties import GroupLasso, Lasso
from derivata.solvers import ProximalNewton
from derivata.tuning.sparse_path import first_point
from tests.cases import LOSSES, SPARSE_PENALTIES, sparse_problem
from tests.differences import jacobian, relative_error

PENALTY = pytest.mark.parametrize("named", SPARSE_PENALTIES.values(), ids=list(SPARSE_PENALTIES))
LOSS = pytest.mark.parametrize("name", ["squared", "logistic", "softmax of 4"])


def fitted(name, named, shape=(40, 12), below=0.5):
    objective = sparse_problem(LOSSES[name], *shape, named)
    grouped = isinstance(named, GroupLasso)
    below = 0.25 if grouped and name == "squared" else below
    hyper = first_point(objective, ProximalNewton(1e-10)).hyper - below
    zeros = np.zeros(objective.predictor.n_params)
    return ProximalNewton(1e-12).minimize(objective, zeros, hyper).expansion


def truth(expansion):
    """(H_AA)^-1 among zeros, H by differences of the gradient of F in the active parameters."""
    objective, support = expansion.objective, expansion.support
    assert 0 < len(support) < len(expansion.params)

    def gradient(active):
        params = np.zeros(len(expansion.params))
        params[support] = active
        return objective.at(params, expansion.hyper).gradient[support]

    full = np.zeros((len(expansion.params),) * 2)
    hessian = jacobian(gradient, expansion.params[support], 1e-4)
    full[np.ix_(support, support)] = np.linalg.inv(0.5 * (hessian + hessian.T))
    return full


@PENALTY
@LOSS
def test_everything_asked_of_the_inverse_agrees_with_a_dense_one(name, named):
    expansion = fitted(name, named)
    inverse, dense = invert(expansion), truth(expansion)
    assert isinstance(inverse, ActiveInverse)
    assert f"{len(expansion.support)} of {len(expansion.params)}" in inverse.reason
    rng = np.random.default_rng(0)
    right = rng.standard_normal((len(expansion.params), 2))
    assert relative_error(inverse.solve(right), dense @ right) < 1e-6
    assert relative_error(inverse.solve(right[:, 0]), dense @ right[:, 0]) < 1e-6
    assert relative_error(inverse.diagonal(), np.diag(dense)) < 1e-6
    first, second = rng.integers(0, len(dense), (2, 40))
    assert relative_error(inverse.entries(first, second), dense[first, second]) < 1e-6
    predictor = expansion.objective.predictor
    J = predictor.jacobian(expansion.params, slice(None))
    L = np.einsum("iap,pq,ibq->iab", J, dense, J)
    assert relative_error(inverse.leverage(), L) < 1e-5
    rows = np.array([3, 1, 7])
    assert relative_error(inverse.leverage(predictor.take(rows)), L[rows]) < 1e-5
    C = rng.standard_normal(L.shape)
    C = C + C.transpose(0, 2, 1)
    M = dense @ np.einsum("iap,iab,ibq->pq", J, C, J) @ dense
    sandwich = inverse.sandwich(C)
    assert relative_error(sandwich.diagonal(), np.diag(M)) < 1e-5
    assert relative_error(sandwich.leverage(), np.einsum("iap,pq,ibq->iab", J, M, J)) < 1e-5
    inside = np.ix_(expansion.support, expansion.support)
    assert inverse.logdet() == pytest.approx(-np.linalg.slogdet(dense[inside])[1], abs=1e-5)


@PENALTY
@LOSS
def test_effective_parameters_are_the_summed_curved_leverages(name, named):
    expansion = fitted(name, named)
    inverse = invert(expansion)
    expected = np.einsum("iab,iba->", expansion.output_hessian, inverse.leverage())
    assert inverse.effective_params == pytest.approx(expected, rel=1e-9)


def test_effective_parameters_of_a_lasso_are_its_columns_and_the_intercept():
    expansion = fitted("logistic", Lasso())
    n_left = np.count_nonzero(expansion.params[:-1])
    assert invert(expansion).effective_params == pytest.approx(n_left + 1, rel=1e-9)


@PENALTY
def test_the_gradient_is_zero_at_the_minimiser_and_not_beside_it(named):
    expansion = fitted("logistic", named)
    assert expansion.relative_gradient < 1e-11
    expansion.require_minimiser(1e-9, "this")
    beside = ActiveExpansion(expansion.objective, 1.1 * expansion.params, expansion.hyper)
    assert beside.relative_gradient > 1e-3


def test_outputs_of_few_columns_are_those_of_all(monkeypatch):
    expansion = fitted("softmax of 4", Lasso())
    assert 0 < len(expansion.columns) < 12
    monkeypatch.setattr("derivata.curvature.active.LARGE_DESIGN", 0)
    monkeypatch.setattr("derivata.curvature.active.SMALL_SUPPORT", 1.0)
    again = ActiveExpansion(expansion.objective, expansion.params, expansion.hyper)
    assert relative_error(again.outputs, expansion.objective.outputs(expansion.params)) < 1e-14


def test_a_known_gram_product_is_passed_on_to_the_restricted_objective():
    expansion = fitted("squared", Lasso())
    objective = expansion.objective
    columns = expansion.columns
    fresh = restrict(objective, columns).constant_gram
    assert objective.constant_gram is not None
    passed = vars(restrict(objective, columns))["constant_gram"]
    assert relative_error(passed, fresh) < 1e-13


def test_more_columns_than_a_dense_hessian_holds_are_inverted_on_the_active_set():
    # Beyond LARGEST_DENSE only the active set has an inverse; no p x p array may be made.
    objective = sparse_problem(LOSSES["squared"], 30, 6_500, Lasso())
    hyper = first_point(objective, ProximalNewton(1e-8)).hyper - 0.3
    fit = ProximalNewton(1e-8).minimize(objective, np.zeros(6_501), hyper)
    inverse = invert(fit.expansion)
    assert isinstance(inverse, ActiveInverse)
    assert inverse.leverage().shape == (30, 1, 1)
