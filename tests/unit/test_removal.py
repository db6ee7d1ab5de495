"""What removing rows does to a fit, against fits without them."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.curvature import invert
from derivata.curvature.iterative import IterativeInverse
from derivata.errors import InvalidParameter, NotAvailable, NotConverged
from derivata.losses.identity import IdentityLoss
from derivata.removal import fit_without, group_influence, row_influence
from derivata.removal.groups import start_without
from derivata.removal.rows import row_steps
from derivata.solvers import Newton
from tests.cases import LOSSES, problem
from tests.differences import relative_error

HYPER = np.array([0.4, 1.2])


def fit(objective, start=None):
    start = np.zeros(objective.predictor.n_params) if start is None else start
    return Newton(tol=1e-12).minimize(objective, start, HYPER).expansion


def without(objective, rows):
    weight = objective.weight.copy()
    weight[rows] = 0.0
    return fit(replace(objective, weight=weight))


@pytest.mark.parametrize("shape", [(48, 4), (16, 24)], ids=["n > p", "p > n"])
def test_rows_and_groups_equal_refits_for_squared_loss(shape):
    objective = problem(LOSSES["squared"], *shape)
    end = fit(objective)
    rows = np.array([1, 4, 9])  # of weights above, below and at one
    alone = row_influence(end, rows)
    truth = np.stack([without(objective, row).params - end.params for row in rows])
    assert relative_error(alone.params_change, truth) < 1e-9
    together = group_influence(end, rows)
    assert (
        relative_error(together.params_change[0], without(objective, rows).params - end.params)
        < 1e-9
    )


def test_a_group_is_more_than_the_sum_of_its_rows():
    objective = problem(LOSSES["squared"], 48, 4, weighted=False)
    X = objective.predictor.design.columns
    X[:, 1:4] = X[:, [0]] + 0.01 * X[:, 1:4]  # four rows that look alike
    y = objective.y.copy()
    y[:4] += 5.0
    objective = replace(objective, y=y)
    end, rows = fit(objective), np.arange(4)
    truth = without(objective, rows).params - end.params
    summed = row_influence(end, rows).params_change.sum(axis=0)
    assert relative_error(group_influence(end, rows).params_change[0], truth) < 1e-9
    assert np.abs(summed - truth).max() > 0.05 * np.abs(truth).max()


@pytest.mark.parametrize("name", ["logistic", "softmax of 4", "poisson"])
def test_a_row_of_another_loss_is_near_its_refit_and_newton_steps_end_there(name):
    objective = problem(LOSSES[name], 48, 4)
    end = fit(objective)
    rows = np.array([3, 7])
    truth = without(objective, rows).params - end.params
    near = group_influence(end, rows).params_change[0]
    assert np.abs(near - truth).max() < 0.5 * np.abs(truth).max()
    exact = fit_without(end, rows, Newton(tol=1e-12)).expansion.params - end.params
    assert relative_error(exact, truth) < 1e-8


def test_effects_on_outputs_and_losses_are_those_at_the_moved_parameters():
    objective = problem(LOSSES["logistic"], 48, 4)
    end = fit(objective)
    influence = row_influence(end, np.array([3, 7]))
    for number, change in enumerate(influence.params_change):
        there = objective.at(end.params + change, HYPER)
        np.testing.assert_allclose(influence.outputs_change()[number], there.outputs - end.outputs)
        moved = there.loss_value - end.loss_value
        assert influence.loss_change()[number] == pytest.approx(moved, abs=1e-12)
    held = objective.take(slice(0, 5))
    assert influence.outputs_change(held).shape == (2, 5, 1)


def test_a_network_moves_as_its_exact_hessian_says():
    pytest.importorskip("jax")
    from tests.unit.predictors.test_autodiff import HYPER as STRONG
    from tests.unit.predictors.test_autodiff import problem as network_problem

    objective = network_problem("logistic", weighted=False)
    solver, hyper = Newton(tol=1e-12), STRONG + 1.0
    end = solver.minimize(objective, objective.predictor.reference, hyper).expansion
    row = np.array([5])
    truth = fit_without(end, row, solver).expansion.params - end.params
    exact = row_influence(end, row).params_change[0]
    rough = row_influence(end, row, invert(end)).params_change[0]  # Gauss-Newton's
    assert np.abs(exact - truth).max() < 0.3 * np.abs(truth).max()
    assert np.abs(exact - truth).max() < np.abs(rough - truth).max()


def test_a_row_that_decides_a_coefficient_alone_leaves_numbers_finite():
    objective = problem(LOSSES["squared"], 16, 2, weighted=False, offset=False)
    X = objective.predictor.design.columns
    X[0] = 0.0
    X[0, 5] = 1.0  # without row 5 nothing says anything of column 0
    end = fit(objective)
    free = objective.at(end.params, np.array([-40.0, 0.0]))
    free = Newton(tol=1e-12).minimize(objective, free.params, free.hyper).expansion
    assert np.isfinite(row_influence(free, np.array([5])).params_change).all()


@pytest.mark.parametrize("rows", [[], [48], [-1], [1.5], [2, 2], [True, False]])
def test_rows_that_are_no_row_numbers_are_refused(rows):
    end = fit(problem(LOSSES["logistic"], 48, 4))
    with pytest.raises(InvalidParameter, match="`rows`"):
        row_influence(end, np.array(rows))


def test_a_point_that_is_no_minimum_and_a_loss_without_rows_are_refused():
    objective = problem(LOSSES["squared"], 48, 4)
    with pytest.raises(NotConverged, match="influence needs a minimiser"):
        row_influence(objective.at(np.zeros(5), HYPER), np.array([0]))
    whole = replace(objective, loss=IdentityLoss())
    with pytest.raises(NotAvailable, match="influence needs a loss of the form"):
        group_influence(whole.at(np.zeros(5), HYPER), np.array([0]))


def test_a_group_larger_than_the_parameters_starts_from_the_fit_and_ends_at_the_refit():
    objective = problem(LOSSES["logistic"], 48, 4)
    end = fit(objective)
    rows = np.arange(10, 22)
    assert (start_without(end, rows) == end.params).all()
    assert (start_without(end, rows[:2]) != end.params).any()
    exact = fit_without(end, rows, Newton(tol=1e-12)).expansion.params
    assert relative_error(exact, without(objective, rows).params) < 1e-8


@pytest.mark.parametrize("name", ["logistic", "softmax of 4"])
def test_steps_of_all_rows_are_those_of_each(name):
    end = fit(problem(LOSSES[name], 48, 4))
    steps, few = row_steps(end), row_steps(end, np.array([3, 7]))
    assert relative_error(few.leverage, steps.leverage[[3, 7]]) < 1e-9
    assert relative_error(few.params_change(), steps.params_change([3, 7])) < 1e-9
    own = end.objective.predictor.jacobian(end.params, np.array([3]))[0] @ few.params_change()[0]
    np.testing.assert_allclose(own, steps.own_change[3], atol=1e-12)
    assert (steps.length >= 0.0).all()


def test_steps_by_conjugate_gradients_are_those_of_a_dense_hessian():
    end = fit(problem(LOSSES["logistic"], 48, 4))
    iterative = row_steps(end, None, IterativeInverse(end, tolerance=1e-13))
    assert relative_error(iterative.params_change(), row_steps(end).params_change()) < 1e-8
