"""Tuned models compared by rows left out: exactly where that can be had, else by folds."""

import numpy as np
import pytest

from derivata.solvers import Newton
from derivata.tuning import left_out
from derivata.tuning.left_out import Candidate, left_out_losses
from tests.cases import LOSSES, problem

SOLVER = Newton(tol=1e-8)
HYPER = np.array([0.4, 1.2])


def by_refits(objective, hyper):
    """The summed loss of every row from a fit of its own without it."""
    total, start = 0.0, np.zeros(objective.predictor.n_params)
    for row in range(objective.predictor.n_rows):
        held = np.arange(objective.predictor.n_rows) == row
        params = SOLVER.minimize(objective.without(held), start, hyper).expansion.params
        total += objective.take(np.flatnonzero(held)).at(params, hyper).loss_value
    return total


@pytest.mark.parametrize("start", [None, "zeros"])
def test_rows_of_squared_loss_are_left_out_one_by_one_in_effect(start):
    objective = problem(LOSSES["squared"], 30, 4, weighted=False)
    params = None if start is None else np.zeros(5)
    hypers = [HYPER, HYPER + 2.0]
    found = left_out_losses([Candidate(objective, params, hyper) for hyper in hypers], SOLVER, 0)
    assert found == pytest.approx([by_refits(objective, hyper) for hyper in hypers], rel=1e-9)


def test_leave_one_out_is_taken_where_it_can_be_trusted():
    objective = problem(LOSSES["logistic"], 60, 3, weighted=False)
    (found,) = left_out_losses([Candidate(objective, None, HYPER + 1.0)], SOLVER, 0)
    assert found == pytest.approx(by_refits(objective, HYPER + 1.0), rel=0.01)
    again = left_out_losses([Candidate(objective, None, HYPER + 1.0)], SOLVER, 7)
    assert again == [found]  # no fold is dealt


@pytest.mark.parametrize("name", ["logistic", "softmax of 4", "poisson", "gamma"])
def test_else_all_are_judged_by_the_same_folds(name, monkeypatch):
    class Rough:
        tolerable = False

    monkeypatch.setattr(left_out, "leave_one_out_error", lambda *_: Rough())
    objective = problem(LOSSES[name], 60, 4)
    candidates = [Candidate(objective, None, hyper) for hyper in (HYPER, HYPER, HYPER + 1.0)]
    found = [left_out_losses(candidates, SOLVER, seed) for seed in (0, 0, 1)]
    assert found[0] == found[1] and found[0][0] != found[2][0]
    assert found[0][0] == pytest.approx(found[0][1], rel=1e-9)
    # A row left out is judged worse than in the fit, and not by much at so strong a penalty.
    start = np.zeros(objective.predictor.n_params)
    inside = SOLVER.minimize(objective, start, HYPER).expansion.loss_value - objective.saturated
    assert inside < found[0][0] - objective.saturated < 3.0 * inside


def test_of_very_many_rows_one_fold_is_enough(monkeypatch):
    class Rough:
        tolerable = False

    monkeypatch.setattr(left_out, "leave_one_out_error", lambda *_: Rough())
    candidates = [Candidate(problem(LOSSES["gamma"], 60, 4), None, HYPER)]
    whole = left_out_losses(candidates, SOLVER, 0)[0]
    monkeypatch.setattr(left_out, "MANY_ROWS", 60)
    assert 0.0 < left_out_losses(candidates, SOLVER, 0)[0] < 0.5 * whole
