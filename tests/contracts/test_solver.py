"""Every solver: the one minimum of every convex loss, from anywhere, and honest when it is not."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.penalties import FREE, GroupRidge
from tests.cases import CARRIED, FIRST_ORDER, LOSSES, SOLVERS, problem
from tests.differences import relative_error

SOLVER = pytest.mark.parametrize("make", SOLVERS.values(), ids=list(SOLVERS))
LOSS = pytest.mark.parametrize("case", LOSSES.values(), ids=list(LOSSES))
SHAPES = pytest.mark.parametrize("shape", [(48, 4), (16, 24)], ids=["n > p", "p > n"])
HYPER = np.array([0.4, 1.2])
TOL = 1e-8
# The curvature is at least e^0.4 along penalised directions, so params are as exact as gradients
# (tol times their scale, some tens) within a factor of ten.
EXACT = 1e-5


def minimum(objective):
    """The minimiser by plain Newton steps with halving, in NumPy alone."""
    params = np.zeros(objective.predictor.n_params)
    J = objective.predictor.jacobian(params, slice(None))
    for _ in range(200):
        at = objective.at(params, HYPER)
        H = np.einsum("nap,nab,nbq->pq", J, at.output_hessian, J, optimize=True)
        step = np.linalg.lstsq(H + np.diag(at.penalty_diagonal), at.gradient, rcond=None)[0]
        while objective.at(params - step, HYPER).value > at.value and np.abs(step).max() > 1e-14:
            step = 0.5 * step
        params = params - step
        if np.abs(step).max() < 1e-13:
            break
    return objective.at(params, HYPER)


@SOLVER
@LOSS
@SHAPES
def test_every_solver_reaches_the_same_minimum(make, case, shape):
    objective = problem(case, *shape)
    truth = minimum(objective)
    fit = make(tol=TOL).minimize(objective, np.zeros(objective.predictor.n_params), HYPER)
    assert fit.converged
    # L-BFGS alone ends where F no longer falls to the last digit, which may be a little above.
    room = 2.0 if make is SOLVERS["lbfgs"] else 1.0
    assert fit.expansion.relative_gradient <= room * TOL
    assert fit.expansion.value == pytest.approx(truth.value, rel=1e-12, abs=1e-10)
    assert relative_error(fit.expansion.params, truth.params) < EXACT


@SOLVER
@LOSS
def test_values_never_rise_and_are_kept_with_gradients_for_every_step(make, case):
    objective = problem(case, 48, 4)
    start = 2.0 * np.random.default_rng(3).standard_normal(objective.predictor.n_params)
    fit = make(tol=TOL).minimize(objective, start, HYPER)
    values = np.array(fit.values)
    assert len(values) == len(fit.gradients) == fit.n_iter + 1
    assert values[0] == objective.at(start, HYPER).value
    assert values[-1] == fit.expansion.value
    # At the end F moves by its own rounding: some units of 1e-16 of the sum of losses.
    losses = objective.weight @ np.abs(fit.expansion.rows.value)
    if make not in CARRIED:
        assert (np.diff(values) <= 1e-14 * (1.0 + losses)).all()
    assert fit.gradients[-1] == fit.expansion.relative_gradient


@SOLVER
@LOSS
@SHAPES
@pytest.mark.parametrize("distance", [5.0, 1e3])
def test_a_hostile_start_ends_at_the_minimum_or_says_that_it_did_not(make, case, shape, distance):
    objective = problem(case, *shape)
    truth = minimum(objective)
    start = distance * np.random.default_rng(4).standard_normal(objective.predictor.n_params)
    # With outputs in the thousands, exp(z) is beyond float64 and softmax has no curvature in most
    # directions: only honesty is asked there.
    hopeless = case.loss.name in ("poisson", "gamma", "tweedie", "softmax") and distance > 100.0
    most = 10_000 if make in FIRST_ORDER.values() and not hopeless else 500
    fit = make(tol=TOL, max_iter=most).minimize(objective, start, HYPER)
    assert fit.converged or hopeless
    if fit.converged:
        assert fit.expansion.value == pytest.approx(truth.value, rel=1e-8)
    else:
        assert fit.expansion.relative_gradient > TOL
        assert f"{fit.expansion.relative_gradient:.1e}" in fit.reason


@SOLVER
def test_huber_is_reached_from_where_every_row_lies_in_its_straight_tails(make):
    # There the Hessian is that of the penalty alone and says nothing about the intercept. Newton
    # once stopped, and L-BFGS took a first step of 1e153.
    objective = problem(LOSSES["huber"], 48, 4)
    objective = replace(objective, y=objective.y + 1e3)
    fit = make(tol=TOL).minimize(objective, np.zeros(5), HYPER)
    assert fit.converged
    near = objective.at(fit.expansion.params, HYPER)
    assert np.abs(near.output_gradient).max() > 0.0
    assert abs(fit.expansion.params[-1] - 1e3) < 3.0


@SOLVER
@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_tolerance_means_the_same_in_any_unit_of_the_target(make, scale):
    objective = problem(LOSSES["squared"], 48, 4, offset=False)
    truth = minimum(objective).params
    rescaled = replace(objective, y=scale * objective.y)
    fit = make(tol=TOL).minimize(rescaled, np.zeros(5), HYPER)
    assert fit.converged
    assert relative_error(fit.expansion.params / scale, truth) < EXACT


@SOLVER
def test_the_step_limit_ends_a_fit_and_is_reported(make):
    objective = problem(LOSSES["gamma"], 48, 4)
    fit = make(tol=TOL, max_iter=2).minimize(objective, np.full(5, 3.0), HYPER)
    assert not fit.converged
    assert fit.n_iter == 2
    assert f"{fit.expansion.relative_gradient:.1e}" in fit.reason


@SOLVER
def test_starting_at_the_minimum_takes_no_step(make):
    objective = problem(LOSSES["logistic"], 48, 4)
    end = minimum(objective)
    fit = make(tol=TOL).minimize(objective, end.params, HYPER)
    assert fit.converged and fit.n_iter == 0
    assert np.array_equal(fit.expansion.params, end.params)


@SOLVER
def test_columns_that_repeat_each_other_without_a_penalty_still_converge(make):
    objective = problem(LOSSES["logistic"], 48, 4, weighted=False)
    free = replace(objective, penalty=GroupRidge(np.array([0, 0, FREE, 0, FREE]), ("a",)))
    X = objective.predictor.design.columns
    X[2] = 2.0 * X[4]  # a multiple of the intercept
    fit = make(tol=TOL).minimize(free, np.zeros(5), HYPER[:1])
    assert fit.converged


@SOLVER
def test_the_start_is_not_changed(make):
    objective = problem(LOSSES["poisson"], 48, 4)
    start = np.ones(5)
    make(tol=TOL).minimize(objective, start, HYPER)
    assert (start == 1.0).all()
