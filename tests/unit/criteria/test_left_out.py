"""Leave-one-out row by row: what a weight stands for, and each partial derivative."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.criteria.leave_one_out import leave_one_out_outputs
from derivata.criteria.left_out import left_out
from derivata.curvature import invert
from derivata.designs import DenseDesign
from derivata.errors import NotConverged
from derivata.penalties import FREE, GroupRidge
from derivata.predictors import LinearPredictor
from derivata.solvers import Newton
from tests.cases import LOSSES, problem
from tests.differences import relative_error, slope

HYPER = np.array([0.4, 1.2])
LOSS = pytest.mark.parametrize("case", LOSSES.values(), ids=list(LOSSES))


def judged(objective):
    """Leave-one-out of every row at the minimiser, with the expansion."""
    end = Newton(tol=1e-13).minimize(objective, np.zeros(objective.predictor.n_params), HYPER)
    return left_out(end.expansion, invert(end.expansion).leverage()), end.expansion


@LOSS
def test_a_row_of_weight_two_is_judged_as_two_equal_rows_are(case):
    objective = problem(case, 40, 4)
    counts = np.resize([1, 2, 3], 40)
    weighted, _ = judged(replace(objective, weight=counts.astype(float)))
    rows = np.repeat(np.arange(40), counts)
    repeated, _ = judged(replace(objective.take(rows), weight=np.ones(len(rows))))
    assert relative_error(weighted.outputs[rows], repeated.outputs) < 1e-9
    losses = np.bincount(rows, repeated.row_losses)
    assert relative_error(weighted.row_losses, losses) < 1e-9


@LOSS
def test_a_row_of_weight_one_half_is_left_out_whole(case):
    objective = problem(case, 40, 4, weighted=False)
    objective.weight[3] = 0.5
    found, end = judged(objective)
    # By hand: the curvature and gradient that the row adds to F are halved, and both are removed.
    L = invert(end).leverage()[3]
    removed = end.output_hessian[3]
    k = len(L)
    step = L @ np.linalg.solve(np.eye(k) - removed @ L, end.output_gradient[3])
    assert relative_error(found.outputs[3], end.outputs[3] + step) < 1e-12
    loss = objective.loss.at(objective.y[3:4], found.outputs[3:4]).value[0]
    assert found.row_losses[3] == pytest.approx(0.5 * loss, rel=1e-13)


def test_for_squared_loss_half_a_row_is_left_out_exactly():
    objective = problem(LOSSES["squared"], 40, 4, weighted=False)
    objective.weight[3] = 0.5
    found, end = judged(objective)
    weight = objective.weight.copy()
    weight[3] = 0.0
    refitted = Newton(tol=1e-13).minimize(replace(objective, weight=weight), end.params, HYPER)
    assert found.outputs[3, 0] == pytest.approx(refitted.expansion.outputs[3, 0], abs=1e-11)


@LOSS
def test_a_row_of_weight_zero_keeps_its_outputs_and_counts_nothing(case):
    objective = problem(case, 40, 4)
    found, end = judged(objective)
    out = objective.weight == 0.0
    assert out.any()
    assert np.array_equal(found.outputs[out], end.outputs[out])
    assert not found.row_losses[out].any() and not found.gradient[out].any()
    assert not found.by_leverage[out].any() and not found.by_outputs[out].any()


class Moved:
    """Rows of a loss with its outputs, gradients and curvatures set apart, for differences."""

    def __init__(self, end, outputs, leverage, hessian):
        self.end, self.outputs, self.leverage, self.hessian = end, outputs, leverage, hessian

    def total(self, *, with_gradient):
        """Summed left-out losses with l'' held; l' moves with the outputs if asked."""
        objective = self.end.objective
        removed = np.minimum(objective.weight, 1.0)
        gradient = self.end.rows.gradient
        if with_gradient:
            gradient = objective.loss.at(objective.y, self.outputs).gradient
        W = removed[:, None, None] * self.hessian
        eye = np.eye(W.shape[1])
        right = (removed[:, None] * gradient)[:, :, None]
        a = np.linalg.solve(eye - W @ self.leverage, right)
        outputs = self.outputs + (self.leverage @ a)[:, :, 0]
        return float(objective.weight @ objective.loss.at(objective.y, outputs).value)


@LOSS
def test_partial_derivatives_by_leverage_outputs_and_curvature(case):
    objective = problem(case, 40, 4)
    found, end = judged(objective)
    L, z, W = invert(end).leverage(), end.outputs, end.rows.hessian
    rng = np.random.default_rng(0)
    for row in (4, 17, 33):
        direction = np.zeros_like(L)
        direction[row] = rng.standard_normal(L[row].shape)
        direction[row] = direction[row] + direction[row].T
        by_leverage = slope(
            lambda x: Moved(end, z, x, W).total(with_gradient=False), L, direction, step=1e-4
        )
        assert relative_error(np.sum(found.by_leverage * direction), by_leverage) < 1e-8
        by_curvature = slope(
            lambda x: Moved(end, z, L, x).total(with_gradient=False), W, direction, step=1e-4
        )
        assert relative_error(np.sum(found.by_curvature * direction), by_curvature) < 1e-8
        move = np.zeros_like(z)
        move[row] = rng.standard_normal(z[row].shape)
        by_outputs = slope(
            lambda x: Moved(end, x, L, W).total(with_gradient=True), z, move, step=1e-4
        )
        assert relative_error(np.sum(found.by_outputs * move), by_outputs) < 1e-8


@LOSS
def test_the_gradient_is_that_of_the_row_losses_at_the_left_out_outputs(case):
    found, end = judged(problem(case, 40, 4))
    objective = end.objective
    for unit in np.eye(found.outputs.shape[1]):
        truth = slope(
            lambda z: objective.weight * objective.loss.at(objective.y, z).value,
            found.outputs,
            unit,
        )
        assert relative_error(found.gradient @ unit, truth) < 1e-8


def test_a_row_fitted_by_itself_alone_stays_finite_without_a_warning():
    # One free indicator column of one row: leverage one, residual zero, 0 / 0.
    base = problem(LOSSES["squared"], 20, 3, weighted=False, offset=False)
    X = base.predictor.jacobian(np.zeros(4), slice(None))[:, 0]
    X[:, 0] = 0.0
    X[5, 0] = 1.0
    lone = replace(
        base,
        predictor=LinearPredictor(DenseDesign.from_array(X)),
        penalty=GroupRidge(np.array([FREE, 0, 1, FREE]), ("a", "b")),
    )
    found, _ = judged(lone)
    for quantity in (found.outputs, found.row_losses, found.by_leverage, found.by_outputs):
        assert np.isfinite(quantity).all()


def test_leaving_out_needs_a_minimiser():
    objective = problem(LOSSES["logistic"], 40, 4)
    start = objective.at(np.zeros(5), HYPER)
    with pytest.raises(NotConverged, match="leave-one-out needs a minimiser"):
        leave_one_out_outputs(start, invert(start))
