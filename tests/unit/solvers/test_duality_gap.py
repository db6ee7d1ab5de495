"""The duality gap against conjugates in closed form, and where it says nothing."""

import numpy as np
import pytest

from derivata.curvature.active import ActiveExpansion
from derivata.penalties import ElasticNet, Lasso
from derivata.solvers import ProximalNewton
from derivata.solvers.duality_gap import duality_gap
from derivata.tuning.sparse_path import first_point
from tests.cases import LOSSES, sparse_problem


def rough(named, name="squared", below=1.0):
    """A point that is no minimiser, though its free parameter is at its own minimum."""
    objective = sparse_problem(LOSSES[name], 40, 8, named, weighted=False, offset=False)
    first = first_point(objective, ProximalNewton(1e-13))
    params = first.expansion.params.copy()
    hyper = first.hyper - below
    # A column orthogonal to the ones moves no intercept of squared loss.
    X = objective.predictor.design.columns
    X[:-1] -= X[:-1].mean(axis=1, keepdims=True)
    params[2] = 0.05
    return ActiveExpansion(objective, params, hyper)


def test_for_squared_loss_it_is_at_most_what_the_bound_on_conjugates_costs_above_the_exact_gap():
    at = rough(Lasso())
    y, z = at.objective.y, at.outputs[:, 0]
    residual = z - y
    alpha = np.exp(at.hyper[0])
    pull = np.abs(at.loss_gradient[:-1]).max()
    c = min(1.0, alpha / pull)
    dual = -(0.5 * c**2 * residual @ residual + c * residual @ y)
    exact = at.value - dual
    assert exact > 0.0
    assert exact <= duality_gap(at) <= exact + (1.0 - c) * at.loss_value + 1e-12


def test_with_squares_in_the_penalty_no_residual_is_scaled():
    at = rough(ElasticNet())
    alpha1, alpha2 = np.exp(at.hyper)
    over = np.maximum(np.abs(at.loss_gradient[:-1]) - alpha1, 0.0)
    residual, y = at.outputs[:, 0] - at.objective.y, at.objective.y
    dual = -(0.5 * residual @ residual + residual @ y) - over @ over / (2.0 * alpha2)
    assert duality_gap(at) <= at.value - dual + 1e-10


def test_without_any_strength_there_is_no_bound():
    at = rough(Lasso())
    none = ActiveExpansion(at.objective, at.params, np.array([-np.inf]))
    assert duality_gap(none) == np.inf


@pytest.mark.parametrize("name", ["logistic", "poisson", "gamma", "softmax of 4", "huber"])
def test_it_vanishes_at_the_minimum(name):
    at = rough(Lasso(), name)
    zeros = np.zeros(len(at.params))
    end = ProximalNewton(1e-12).minimize(at.objective, zeros, at.hyper).expansion
    assert 0.0 <= duality_gap(end) < 1e-8 * (1.0 + abs(end.value))
