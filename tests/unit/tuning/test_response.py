"""The criterion along each hyperparameter."""

import numpy as np
import pytest

from derivata.criteria import HoldOut, KFold, LeaveOneOut
from derivata.penalties import Lasso
from derivata.solvers import LBFGS, Newton, TwoPhase
from derivata.tuning.parametrisation import each_strength
from derivata.tuning.response import precisely, problem_of, respond, without_zeros
from tests.cases import LOSSES, problem, sparse_problem
from tests.differences import slope

HYPER = np.array([0.4, 1.2])


def response(objective, criterion, hyper=HYPER, n_refitted=2):
    made = problem_of(criterion.subproblems(objective), Newton(), len(hyper))
    hypers = each_strength(objective.penalty.hyper_names, hyper)
    start = Newton().minimize(objective, np.zeros(objective.predictor.n_params), hyper)
    return made, respond(made, hypers, start.expansion.params, n_refitted)


@pytest.mark.parametrize("criterion", [LeaveOneOut(), KFold(3), HoldOut(0.3)], ids=str)
def test_slope_and_curvature_are_those_of_the_criterion_refitted(criterion):
    objective = problem(LOSSES["poisson"], 48, 4)
    made, found = response(objective, criterion)
    starts = [fit.expansion.params for fit in found.base.fits]
    for place, unit in enumerate(np.eye(2)):
        value = lambda hyper: made.evaluate(hyper, starts).criterion
        first = slope(value, HYPER, unit, step=2e-2)
        assert found.along[place].slope == pytest.approx(float(first), rel=1e-6)
        by_slope = lambda hyper, u=unit: made.evaluate(hyper, starts).gradient @ u
        second = slope(by_slope, HYPER, unit, step=2e-2)
        assert found.along[place].curvature == pytest.approx(float(second), rel=1e-4)


def test_fits_of_folds_tell_no_effective_parameters():
    objective = sparse_problem(LOSSES["squared"], 20, 4, Lasso(), offset=False)
    hyper = np.array([1.0])
    _, found = response(objective, KFold(3), hyper, 1)
    assert np.isfinite(found.along[0].curvature)
    assert np.isnan(found.along[0].effective_params)  # fits of folds are not that of all rows


def test_what_was_not_asked_for_is_unknown_and_predicted_to_first_order():
    _, found = response(problem(LOSSES["poisson"], 48, 4), LeaveOneOut(), n_refitted=0)
    for each in found.along:
        assert np.isnan(each.curvature) and each.refits == ()
        assert each.predicted(1.1) == pytest.approx(each.slope * np.log(1.1))


def test_solvers_are_made_precise():
    assert precisely(Newton(tol=1e-6)).tol == 1e-11
    assert precisely(Newton(tol=1e-13)).tol == 1e-13
    assert precisely(LBFGS(tol=1e-6)).tol == 1e-11
    assert precisely(TwoPhase()).fine.tol == 1e-11


def test_groups_of_strength_zero_become_free():
    objective = problem(LOSSES["logistic"], 48, 4)
    freed, hyper = without_zeros(objective, np.array([-np.inf, 1.2]))
    assert freed.penalty.hyper_names == ("odd",)
    np.testing.assert_array_equal(hyper, [1.2])
    params = np.arange(5.0)
    before = objective.penalty.gradient(params, np.array([-np.inf, 1.2]))
    np.testing.assert_array_equal(freed.penalty.gradient(params, hyper), before)
