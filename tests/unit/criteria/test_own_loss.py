"""Criteria over a loss by autodiff that is not convex, on a plain design, against refits."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.criteria import Evidence, HoldOut, LeaveOneOut
from derivata.criteria.leave_one_out import leave_one_out_outputs
from derivata.curvature import invert
from derivata.curvature.indefinite import IndefiniteInverse
from derivata.errors import NotConverged
from derivata.implicit import hypergradient
from derivata.losses.autodiff import AutodiffLoss
from derivata.solvers import Newton
from tests.cases import LossCase, problem
from tests.differences import jacobian, relative_error
from tests.jax_cases import student_row

HYPER = np.array([0.4, 1.2])


def objective():
    def targets(rng, z):
        return z[:, 0] + rng.standard_t(2.0, len(z))

    return problem(LossCase(AutodiffLoss(student_row), targets), 48, 4)


def fit(part, hyper, start):
    return Newton(1e-13).minimize(part, start, hyper).expansion


@pytest.mark.parametrize(
    "criterion", [LeaveOneOut(), HoldOut(0.3), Evidence()], ids=lambda c: c.name
)
def test_hypergradients_equal_differences_of_refits(criterion):
    (part,) = criterion.subproblems(objective())
    end = fit(part.objective, HYPER, np.zeros(5))
    assert (end.output_hessian < 0.0).any()  # some rows are curved downwards

    def value(hyper):
        near = fit(part.objective, hyper, end.params)
        return part.judge(near, invert(near)).value

    found = hypergradient(end, part.judge(end, invert(end)), invert(end))
    assert relative_error(found, jacobian(value, HYPER)) < 1e-8


def test_leave_one_out_is_near_refits():
    whole = objective()
    end = fit(whole, HYPER, np.zeros(5))
    found = leave_one_out_outputs(end, invert(end))
    truth = np.empty_like(found)
    for row in range(48):
        weight = whole.weight.copy()
        weight[row] -= min(weight[row], 1.0)
        truth[row] = fit(replace(whole, weight=weight), HYPER, end.params).outputs[row]
    losses = [whole.weight @ whole.loss.at(whole.y, z).value for z in (found, truth)]
    assert abs(losses[0] - losses[1]) < 0.01 * (losses[1] - end.loss_value)


def test_far_from_a_minimum_the_hessian_is_called_indefinite_and_newton_still_arrives():
    whole = objective()
    far = whole.at(np.full(5, 6.0), HYPER)
    inverse = invert(far)
    assert isinstance(inverse, IndefiniteInverse)
    with pytest.raises(NotConverged, match="negative direction"):
        inverse.leverage()
    end = Newton().minimize(whole, far.params, HYPER)
    assert end.converged and not isinstance(invert(end.expansion), IndefiniteInverse)


def test_more_columns_than_rows_take_no_dual_where_rows_are_curved_downwards():
    wide = problem(
        LossCase(AutodiffLoss(student_row), lambda rng, z: 3.0 * rng.standard_t(2.0, 16)), 16, 24
    )
    end = Newton(1e-12).minimize(wide, np.zeros(25), HYPER).expansion
    if (end.output_hessian < 0.0).any():
        assert not invert(end).reason.startswith("Woodbury")
    dense = np.linalg.inv(end.hessian)
    J = wide.predictor.jacobian(end.params, slice(None))
    assert relative_error(invert(end).leverage(), J @ dense @ J.transpose(0, 2, 1)) < 1e-9
