"""What a nat is where the loss leaves its scale out, and a start where there is no curvature."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.tuning import first_hyper, loss_unit, mean_curvature
from tests.cases import LOSSES, problem

FREE = [name for name, case in LOSSES.items() if case.loss.scale_is_free]


@pytest.mark.parametrize("name", FREE)
def test_a_nat_is_the_mean_deviance_whatever_terms_in_y_the_loss_leaves_out(name):
    objective = problem(LOSSES[name], 48, 4)
    expansion = objective.at(np.full(5, 0.3), np.zeros(2))
    loss, weight = objective.loss, objective.weight
    unit = 2.0 * (loss.at(objective.y, expansion.outputs).value - loss.saturated(objective.y))
    assert expansion.nat == pytest.approx(np.average(unit, weights=weight), rel=1e-12)
    assert expansion.deviance == pytest.approx(weight @ unit, rel=1e-12)
    total = float(weight.sum())
    assert loss_unit(objective, expansion.loss_value, total) == pytest.approx(expansion.nat)


@pytest.mark.parametrize("name", sorted(set(LOSSES) - set(FREE)))
def test_a_nat_is_one_where_the_loss_is_a_log_likelihood(name):
    objective = problem(LOSSES[name], 48, 4)
    assert objective.at(np.zeros(objective.predictor.n_params), np.zeros(2)).nat == 1.0
    assert loss_unit(objective, 123.0, 48.0) == 1.0


def test_the_unit_does_not_depend_on_the_unit_of_gamma_targets():
    objective = problem(LOSSES["gamma"], 48, 4, offset=False)
    larger = replace(objective, y=1e6 * objective.y)
    moved = np.zeros(5)
    moved[-1] = np.log(1e6)
    here, there = objective.at(np.zeros(5), np.zeros(2)), larger.at(moved, np.zeros(2))
    assert there.nat == pytest.approx(here.nat, rel=1e-12)


def test_a_criterion_of_other_rows_that_seems_to_leave_nothing_still_has_a_unit():
    objective = problem(LOSSES["gamma"], 48, 4)
    weight, loss = objective.weight, objective.null_rows.value
    null = 2.0 * (weight @ loss - objective.saturated) / weight.sum()
    assert loss_unit(objective, -1e3, 10.0) == pytest.approx(0.01 * null)


def test_tuning_starts_from_a_curvature_of_one_a_row_where_the_null_fit_has_none():
    # Two lumps of targets: at the best constant every row is in Huber's straight tails.
    objective = problem(LOSSES["huber"], 48, 4, offset=False)
    objective = replace(objective, y=np.where(np.arange(48) % 2 == 0, -1e3, 1e3))
    middle = replace(objective, offset=np.where(objective.y > 0, 500.0, -500.0)[:, None])
    assert not middle.null_diagonal.any()
    penalised = middle.penalty.penalised
    assert mean_curvature(middle) == pytest.approx(np.log(middle.column_squares[penalised].mean()))
    assert np.isfinite(first_hyper(middle)).all()
