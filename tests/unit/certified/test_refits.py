"""The one warm refit: a fit without rows is the fit of the rows that remain."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.certified.refits import refit_without, remaining
from derivata.solvers import Newton, ProximalNewton
from tests.cases import LOSSES, SPARSE_PENALTIES, problem, sparse_problem

SOLVER = Newton(tol=1e-12)
HYPER = np.array([0.0, 0.5])


def fit(objective, solver=SOLVER, hyper=HYPER):
    return solver.minimize(objective, np.zeros(objective.predictor.n_params), hyper).expansion


def test_a_group_removed_is_the_fit_of_the_other_rows():
    objective = problem(LOSSES["logistic"], 40, 3)
    rows = np.array([2, 9, 30])
    kept = np.setdiff1d(np.arange(40), rows)
    truth = fit(objective.take(kept))
    found = refit_without(fit(objective), SOLVER, rows)
    assert found.converged
    np.testing.assert_allclose(found.expansion.params, truth.params, atol=1e-9)


def test_one_of_two_equal_observations_is_taken_off_a_row_of_weight_two():
    objective = problem(LOSSES["poisson"], 30, 3, weighted=False)
    heavy = replace(objective, weight=np.where(np.arange(30) == 4, 2.0, 1.0))
    found = refit_without(fit(heavy), SOLVER, np.array([4]), removed=np.ones(1))
    np.testing.assert_allclose(found.expansion.params, fit(objective).params, atol=1e-9)


def test_a_row_that_keeps_no_weight_is_no_longer_there():
    objective = problem(LOSSES["squared"], 30, 3)
    rows = np.flatnonzero(objective.weight == 0.4)[:1]
    left = remaining(objective, rows, objective.weight[rows])
    assert len(left.y) == 29


def test_a_start_that_is_no_number_is_not_used():
    end = fit(problem(LOSSES["logistic"], 30, 3))
    found = refit_without(end, SOLVER, np.array([1]), np.full(len(end.params), np.nan))
    assert found.converged


def test_kinks_are_the_solvers_business():
    objective = sparse_problem(LOSSES["squared"], 40, 8, SPARSE_PENALTIES["lasso"])
    solver, hyper = ProximalNewton(tol=1e-10), np.array([1.5])
    found = refit_without(fit(objective, solver, hyper), solver, np.array([3]))
    truth = fit(objective.take(np.delete(np.arange(40), 3)), solver, hyper)
    np.testing.assert_allclose(found.expansion.params, truth.params, atol=1e-8)
    assert (found.expansion.params == 0.0).any()


@pytest.mark.parametrize("removed", [None, np.ones(2)])
def test_the_objective_with_all_rows_is_not_changed(removed):
    objective = problem(LOSSES["squared"], 20, 3)
    before = objective.weight.copy()
    remaining(objective, np.array([0, 5]), removed)
    np.testing.assert_array_equal(objective.weight, before)
