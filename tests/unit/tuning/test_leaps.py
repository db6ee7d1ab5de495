"""What lies between two fits beyond which no derivative reaches."""

import numpy as np

from derivata.curvature.active import ActiveExpansion
from derivata.objective import Expansion
from derivata.penalties import Lasso
from derivata.tuning.leaps import Leaps
from tests.cases import LOSSES, problem, sparse_problem

HYPER = np.array([0.4, 1.2])


def between(old, new, start=None):
    return Leaps.between([old], [new], [new.params if start is None else start])


def test_columns_that_enter_and_leave_are_told_by_their_numbers():
    objective = sparse_problem(LOSSES["squared"], 20, 4, Lasso())
    at = lambda *params: ActiveExpansion(objective, np.array(params), np.zeros(1))
    found = between(at(1.0, 0.0, 2.0, 0.0, 0.5), at(1.0, -0.1, 0.0, 0.0, 0.5))
    assert (found.entered, found.left) == ((1,), (2,))
    assert found
    assert not between(at(1.0, 0.0, 2.0, 0.0, 0.5), at(0.9, 0.0, 2.5, 0.0, 0.4))


def test_rows_that_cross_hubers_kink_are_counted():
    objective = problem(LOSSES["huber"], 30, 2, weighted=False)
    old, new = (objective.at(np.array(p), HYPER) for p in ([0.0, 0.0, 0.0], [0.0, 0.0, 0.3]))
    straight = [np.abs(each.outputs[:, 0] - objective.y) > 1.345 for each in (old, new)]
    assert between(old, new).n_crossed == np.count_nonzero(straight[0] != straight[1]) > 0


def test_other_bounds_are_told():
    objective = problem(LOSSES["squared"], 20, 2)
    old, new = (objective.at(np.zeros(3), HYPER) for _ in range(2))
    new.pinned = np.eye(3)[:1]
    assert between(old, new).n_bounds == 1
    old.pinned = np.eye(3)[:1]
    assert not between(old, new)


def test_a_fit_far_from_where_it_was_predicted_is_another_minimum():
    objective = problem(LOSSES["logistic"], 20, 2)
    far = objective.at(np.full(3, 5.0), HYPER)
    base = objective.at(np.zeros(3), HYPER)
    assert not between(base, far, np.full(3, 0.1))  # a linear predictor: F is convex

    class Bent(Expansion):
        def hvp(self, direction, *, gauss_newton=False):
            return direction

    class Bending:
        is_linear = False

    class Made:
        predictor, loss = Bending(), LOSSES["squared"].loss

    old, new = Bent(Made(), np.zeros(3), HYPER), Bent(Made(), np.full(3, 5.0), HYPER)
    assert between(old, new, np.full(3, 0.1)).n_minima == 1
    assert not between(old, new, np.full(3, 4.0))
