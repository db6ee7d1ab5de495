"""The estimated error of approximate leave-one-out against refits without each row."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.criteria.left_out import left_out
from derivata.criteria.trust import leave_one_out_error
from derivata.curvature import invert
from derivata.solvers import Newton
from tests.cases import LOSSES, problem

CURVED = ["logistic", "softmax of 4", "poisson", "gamma"]


def compared(name, hyper, n_rows=40):
    """The estimate, and the summed error of all rows from exact refits."""
    objective = problem(LOSSES[name], n_rows, 4, weighted=False)
    solver = Newton(tol=1e-11)
    end = solver.minimize(objective, np.zeros(objective.predictor.n_params), hyper).expansion
    inverse = invert(end)
    rows = left_out(end, inverse.leverage())
    exact = np.empty(n_rows)
    for row in range(n_rows):
        weight = np.ones(n_rows)
        weight[row] = 0.0
        fit = solver.minimize(replace(objective, weight=weight), end.params, hyper).expansion
        exact[row] = fit.rows.value[row]
    return leave_one_out_error(end, inverse), np.abs(rows.row_losses - exact).sum(), exact, end


@pytest.mark.parametrize("name", CURVED)
def test_the_estimate_is_the_error_within_a_factor_of_two(name):
    found, error, exact, end = compared(name, np.array([0.0, 1.0]))
    # Of third order, over half of the rows (those that move most); small problems move far.
    assert 0.5 * error < found.error < 2.0 * error
    assert found.change == pytest.approx(exact.sum() - end.loss_value, rel=0.2)


def test_squared_loss_has_no_error():
    found, error, _, _ = compared("squared", np.array([0.0, 1.0]))
    assert found.error == 0.0 and found.tolerable
    assert error < 1e-9


def test_a_nearly_separated_fit_is_not_to_be_trusted_and_a_shrunk_one_is():
    assert not compared("softmax of 4", np.array([-6.0, -6.0]), n_rows=24)[0].tolerable
    assert compared("softmax of 4", np.array([2.0, 2.0]))[0].tolerable
