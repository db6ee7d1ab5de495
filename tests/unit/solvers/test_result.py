"""The outer loop of solvers, driven by directions made for the purpose."""

import numpy as np
import pytest

from derivata.criteria import KFold
from derivata.solvers import Newton
from derivata.solvers.newton import newton_direction
from derivata.solvers.result import descend
from tests.cases import LOSSES, problem

HYPER = np.array([0.4, 1.2])


def start_of(loss="logistic"):
    objective = problem(LOSSES[loss], 48, 4)
    return objective.at(np.full(objective.predictor.n_params, 2.0), HYPER)


def test_a_direction_that_is_far_too_long_is_shortened_until_it_decreases():
    start = start_of("poisson")
    fit = descend(start, lambda at: 1e4 * newton_direction(at), 1e-8, 1)
    assert fit.n_iter == 1
    assert fit.values[1] < fit.values[0]


def test_a_direction_that_leads_uphill_is_replaced_far_from_the_minimum():
    fit = descend(start_of(), lambda at: -newton_direction(at), 1e-3, 1)
    assert fit.values[1] < fit.values[0]


def test_a_direction_of_nan_ends_near_the_minimum_and_says_that_it_did_not_converge():
    end = Newton(tol=1e-13).minimize(start_of().objective, np.zeros(5), HYPER).expansion
    near = end.objective.at(end.params + 1e-3, HYPER)
    fit = descend(near, lambda at: np.full(5, np.nan), 1e-8, 10)
    assert fit.n_iter == 0 and not fit.converged
    assert "no step lowers the objective further" in fit.reason
    assert f"{near.relative_gradient:.1e}" in fit.reason


def test_a_step_beyond_float64_is_refused_without_a_warning():
    fit = descend(start_of("poisson"), lambda at: 1e200 * newton_direction(at), 1e-8, 3)
    assert np.isfinite(fit.values).all()


def test_a_steep_direction_alone_still_finds_the_minimum_of_a_ridge():
    start = start_of("squared")
    # Descent along the gradient with Armijo's rule is linear: slow but sure.
    fit = descend(start, lambda at: -at.gradient / 60.0, 1e-6, 500)
    assert fit.converged


@pytest.mark.parametrize("step", [-1e-2, -5e-3, 5e-3, 1e-2])
def test_losses_of_both_signs_do_not_hide_the_last_newton_step(step):
    # Poisson losses of both signs cancel to a small sum whose rounding is that of its terms; the
    # descent once took it for that of the sum and stopped at a relative gradient of 2.5e-9.
    objective = problem(LOSSES["poisson"], 48, 4, seed=4)
    for part in KFold(3).subproblems(objective):
        near = Newton(tol=1e-13).minimize(part.objective, np.zeros(5), HYPER)
        for unit in np.eye(2):
            moved = Newton(tol=1e-13).minimize(
                part.objective, near.expansion.params, HYPER + step * unit
            )
            assert moved.expansion.relative_gradient <= 1e-13


def test_every_step_is_recorded_with_its_value_and_gradient():
    fit = descend(start_of("gamma"), newton_direction, 1e-8, 50)
    assert len(fit.values) == len(fit.gradients) == fit.n_iter + 1
    assert fit.reason == f"relative gradient {fit.gradients[-1]:.1e} is at most tol 1e-08"
