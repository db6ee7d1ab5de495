"""The solver for penalties with a kink: every loss, every penalty, against plain proximal steps."""

import numpy as np
import pytest

from derivata.curvature.active import ActiveExpansion
from derivata.solvers import Newton, ProximalNewton
from derivata.solvers.duality_gap import duality_gap
from derivata.tuning.sparse_path import first_point
from tests.cases import LOSSES, SPARSE_PENALTIES, problem, sparse_problem

LOSS = pytest.mark.parametrize("case", LOSSES.values(), ids=list(LOSSES))
PENALTY = pytest.mark.parametrize("named", SPARSE_PENALTIES.values(), ids=list(SPARSE_PENALTIES))
SHAPES = pytest.mark.parametrize("shape", [(48, 6), (18, 30)], ids=["n > p", "p > n"])
TOL = 1e-9


def strengths(objective, below=1.5):
    """Log strengths this far below those at which everything is zero."""
    return first_point(objective, ProximalNewton(TOL)).hyper - below


def fitted(objective, hyper, tol=TOL):
    zeros = np.zeros(objective.predictor.n_params)
    return ProximalNewton(tol).minimize(objective, zeros, hyper)


def by_proximal_gradient(objective, hyper, start, n_steps=4_000):
    """F near its minimum by accelerated proximal steps with restarts, in NumPy alone."""
    penalty, params, momentum = objective.penalty, start, start
    J = objective.predictor.jacobian(params, slice(None)).reshape(-1, len(params))
    step, t = 1.0 / np.linalg.norm(J, 2) ** 2, 1.0
    value = objective.at(params, hyper).value
    for _ in range(n_steps):
        at = objective.at(momentum, hyper)
        while True:  # a step short enough for the quadratic bound to hold
            new = penalty.prox(momentum - step * at.loss_gradient, hyper, step)
            move = new - momentum
            bound = at.loss_value + at.loss_gradient @ move + move @ move / (2.0 * step)
            there = objective.at(new, hyper)
            if there.loss_value <= bound + 1e-12 * (1.0 + abs(bound)):
                break
            step *= 0.5
        following = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * t * t))
        if there.value > value:
            t, momentum = 1.0, params  # restart
            continue
        momentum = new + (t - 1.0) / following * (new - params)
        params, value, t = new, there.value, following
    return value


@LOSS
@PENALTY
@SHAPES
def test_the_minimum_is_that_of_plain_proximal_steps(case, named, shape):
    objective = sparse_problem(case, *shape, named)
    hyper = strengths(objective)
    fit = fitted(objective, hyper)
    assert fit.converged
    # The plain method starts at the end: it must not find anything lower from there.
    lower = by_proximal_gradient(objective, hyper, fit.expansion.params, n_steps=50)
    assert lower >= fit.expansion.value - 1e-9 * (1.0 + abs(fit.expansion.value))


@PENALTY
def test_plain_proximal_steps_from_zero_arrive_at_the_same_minimum(named):
    objective = sparse_problem(LOSSES["logistic"], 48, 6, named)
    hyper = strengths(objective)
    value = by_proximal_gradient(objective, hyper, np.zeros(7))
    assert value == pytest.approx(fitted(objective, hyper).expansion.value, rel=1e-10)


@LOSS
@PENALTY
@SHAPES
def test_the_conditions_of_karush_kuhn_and_tucker_hold(case, named, shape):
    objective = sparse_problem(case, *shape, named)
    expansion = fitted(objective, strengths(objective)).expansion
    penalty, gradient = objective.penalty, expansion.loss_gradient
    alpha1, alpha2 = penalty.strengths(expansion.hyper)
    room = 10 * TOL * objective.gradient_scale
    for block in range(-1, len(penalty.block_weights)):
        members = penalty.param_blocks == block
        params, pull = expansion.params[members], gradient[members]
        if block < 0:
            assert (np.abs(pull) <= room[members]).all()
        elif not params.any():
            held = alpha1 * penalty.block_weights[block]
            assert np.linalg.norm(pull) <= held + np.linalg.norm(room[members])
        else:
            along = alpha1 * penalty.block_weights[block] * params / np.linalg.norm(params)
            assert (np.abs(pull + along + alpha2 * params) <= room[members]).all()
    assert expansion.relative_gradient <= TOL


@LOSS
@PENALTY
@SHAPES
def test_the_gap_bounds_what_is_left_at_every_stage(case, named, shape):
    objective = sparse_problem(case, *shape, named)
    hyper = strengths(objective)
    best = fitted(objective, hyper, 1e-11).expansion
    for tol in (1e-1, 1e-2, 1e-4, 1e-6, 1e-9):
        at = ActiveExpansion(objective, fitted(objective, hyper, tol).expansion.params, hyper)
        left = at.value - best.value
        free = objective.penalty.param_blocks < 0
        if np.abs(at.loss_gradient[free] / objective.gradient_scale[free]).max() < 1e-9:
            # It holds where the free parameters are at their minimum, to rounding.
            assert duality_gap(at) >= left - 1e-10 * (1.0 + abs(best.value))
    scale = abs(best.value) + float(objective.weight @ np.abs(objective.null_rows.value))
    assert duality_gap(best) <= 1e-6 * (1.0 + scale)


@LOSS
@PENALTY
def test_values_never_rise_and_are_kept_for_every_step(case, named):
    objective = sparse_problem(case, 48, 6, named)
    start = np.random.default_rng(3).standard_normal(objective.predictor.n_params)
    fit = ProximalNewton(TOL).minimize(objective, start, strengths(objective))
    values = np.array(fit.values)
    assert len(values) == len(fit.gradients) == fit.n_iter + 1
    losses = objective.weight @ np.abs(fit.expansion.rows.value)
    assert (np.diff(values) <= 1e-14 * (1.0 + losses)).all()
    assert values[-1] == fit.expansion.value
    assert fit.gradients[-1] == fit.expansion.relative_gradient


@PENALTY
@pytest.mark.parametrize("distance", [5.0, 1e3])
def test_a_far_start_ends_at_the_minimum(named, distance):
    objective = sparse_problem(LOSSES["logistic"], 48, 6, named)
    hyper = strengths(objective)
    start = distance * np.random.default_rng(4).standard_normal(7)
    fit = ProximalNewton(TOL).minimize(objective, start, hyper)
    assert fit.converged
    truth = fitted(objective, hyper).expansion
    assert fit.expansion.value == pytest.approx(truth.value, rel=1e-9)


@PENALTY
def test_above_the_largest_strength_every_coefficient_is_zero_and_below_it_one_is_not(named):
    objective = sparse_problem(LOSSES["poisson"], 48, 6, named)
    top = first_point(objective, ProximalNewton(1e-12)).hyper
    penalised = objective.penalty.param_blocks >= 0
    assert not fitted(objective, top + 0.001).expansion.params[penalised].any()
    assert fitted(objective, top - 0.001).expansion.params[penalised].any()


@PENALTY
@pytest.mark.parametrize("below", [1.0, 4.0, 8.0])
def test_columns_that_repeat_each_other_still_converge(named, below):
    objective = sparse_problem(LOSSES["logistic"], 18, 30, named, weighted=False)
    X = objective.predictor.design.columns
    X[3], X[7], X[11] = X[0], -X[1], 0.0
    X[8] = X[0] + X[1]
    fit = fitted(objective, strengths(objective, below), 1e-8)
    assert fit.converged


@PENALTY
def test_a_strength_of_zero_gives_the_fit_without_a_penalty(named):
    objective = sparse_problem(LOSSES["logistic"], 48, 6, named)
    none = np.full(objective.penalty.n_hyper, -np.inf)
    fit = fitted(objective, none)
    assert fit.converged
    assert np.abs(fit.expansion.loss_gradient / objective.gradient_scale).max() < TOL


def test_the_step_limit_ends_a_fit_and_is_reported():
    objective = sparse_problem(LOSSES["gamma"], 48, 6, SPARSE_PENALTIES["lasso"])
    fit = ProximalNewton(1e-12, max_iter=1).minimize(
        objective, np.full(7, 2.0), strengths(objective, 4.0)
    )
    assert not fit.converged and fit.n_iter == 1
    assert "max_iter = 1" in fit.reason and f"{fit.expansion.relative_gradient:.1e}" in fit.reason


def test_starting_at_the_minimum_takes_no_step_and_changes_nothing():
    objective = sparse_problem(LOSSES["logistic"], 48, 6, SPARSE_PENALTIES["lasso"])
    hyper = strengths(objective)
    start = fitted(objective, hyper, 1e-12).expansion.params
    before = start.copy()
    fit = ProximalNewton(TOL).minimize(objective, start, hyper)
    assert fit.n_iter == 0 and np.array_equal(fit.expansion.params, before)


def test_a_smooth_penalty_is_fitted_by_newtons_steps_and_the_reason_says_so():
    objective = problem(LOSSES["logistic"], 48, 4)
    hyper = np.array([0.4, 1.2])
    fit = ProximalNewton(TOL).minimize(objective, np.zeros(5), hyper)
    truth = Newton(TOL).minimize(objective, np.zeros(5), hyper)
    assert fit.converged and "smooth" in fit.reason
    assert np.allclose(fit.expansion.params, truth.expansion.params, rtol=0.0, atol=1e-8)
