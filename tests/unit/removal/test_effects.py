"""What every row does to a loss, against fits without it."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.certified.kinks import rows_that_move
from derivata.certified.refits import refit_without
from derivata.curvature.iterative import IterativeInverse
from derivata.penalties import ElasticNet
from derivata.removal.effects import loss_effects
from derivata.removal.rows import row_steps
from derivata.solvers import Newton, ProximalNewton
from tests.cases import LOSSES, problem, sparse_problem
from tests.differences import relative_error

HYPER = np.array([1.0, 1.5])


def fit(objective, hyper=HYPER):
    solver = Newton(tol=1e-12)
    if hasattr(objective.penalty, "prox"):
        solver = ProximalNewton(tol=1e-11)
    start = np.zeros(objective.predictor.n_params)
    return solver.minimize(objective, start, hyper).expansion, solver


def truth(end, solver, judged, rows):
    """Changes of the loss of the other rows, and of the judged ones, by refits."""
    others, given = [], []
    before = judged.at(end.params, end.hyper).loss_value
    for row in rows:
        params = refit_without(end, solver, np.array([row])).expansion.params
        there = end.objective.at(params, end.hyper)
        change = end.objective.weight * (there.rows.value - end.rows.value)
        others.append(change.sum() - change[row])
        given.append(judged.at(params, end.hyper).loss_value - before)
    return np.array(others), np.array(given)


@pytest.mark.parametrize("shape", [(48, 4), (16, 24)], ids=["n > p", "p > n"])
def test_effects_on_losses_are_exact_for_squared_loss(shape):
    objective = problem(LOSSES["squared"], *shape)
    end, solver = fit(objective)
    judged, rows = objective.take(np.arange(0, shape[0], 3)), np.arange(1, 12)
    others, given = truth(end, solver, judged, rows)
    steps = row_steps(end, rows)
    assert relative_error(loss_effects(steps), others) < 1e-9
    assert relative_error(loss_effects(steps, judged), given) < 1e-9


@pytest.mark.parametrize("name", ["logistic", "softmax of 4", "poisson", "gamma"])
def test_effects_on_losses_are_right_to_second_order(name):
    # Rows of a hundredth of the weight: what is left out is of third order in that.
    objective = problem(LOSSES[name], 120, 5)
    weight, rows = objective.weight.copy(), np.arange(0, 60, 5)
    weight[rows] = 1e-2
    objective = replace(objective, weight=weight)
    end, solver = fit(objective)
    judged = objective.take(np.arange(60, 120))
    others, given = truth(end, solver, judged, rows)
    steps = row_steps(end, rows)
    assert relative_error(loss_effects(steps), others) < 1e-3
    assert relative_error(loss_effects(steps, judged), given) < 1e-4
    first_order = [
        end.row_gradients(np.array([row]))[0]
        @ steps.inverse.solve(judged.at(end.params, end.hyper).loss_gradient)
        for row in rows
    ]
    assert relative_error(np.array(first_order), given) > relative_error(
        loss_effects(steps, judged), given
    )


def test_effects_are_the_same_by_whichever_way_they_are_summed():
    objective = problem(LOSSES["logistic"], 48, 4)
    end, _ = fit(objective)
    few = objective.take(np.array([0, 1]))  # fewer numbers than parameters: a pass a row
    many = objective.take(np.r_[np.zeros(5, dtype=int), np.ones(5, dtype=int)])
    steps = row_steps(end)
    np.testing.assert_allclose(
        5.0 * loss_effects(steps, few), loss_effects(steps, many), atol=1e-12
    )
    squared = problem(LOSSES["squared"], 48, 4)
    end, _ = fit(squared)
    iterative = row_steps(end, None, IterativeInverse(end, tolerance=1e-13))
    dense = row_steps(end)
    np.testing.assert_allclose(loss_effects(iterative), loss_effects(dense), atol=1e-9)
    np.testing.assert_allclose(
        loss_effects(iterative, squared), loss_effects(dense, squared), atol=1e-9
    )


def test_effects_with_a_kinked_penalty_are_those_of_its_active_set():
    objective = sparse_problem(LOSSES["squared"], 120, 9, ElasticNet())
    end, solver = fit(objective, np.array([3.0, 0.5]))
    assert 0 < len(end.support) < 10
    judged = objective.take(np.arange(0, 120, 3))
    rows = np.flatnonzero(~rows_that_move(end) & (objective.weight <= 1.0))[:15]
    others, given = truth(end, solver, judged, rows)
    steps = row_steps(end, rows)
    assert relative_error(loss_effects(steps), others) < 1e-6
    assert relative_error(loss_effects(steps, judged), given) < 1e-6
