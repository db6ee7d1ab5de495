"""Which rows move the active set: for squared error, exactly."""

import numpy as np
import pytest

from derivata.certified import kinks
from derivata.certified.kinks import rows_that_move
from derivata.certified.refits import refit_without
from derivata.criteria.left_out import leave_out
from derivata.curvature import invert
from derivata.solvers import ProximalNewton
from tests.cases import LOSSES, SPARSE_PENALTIES, sparse_problem

SOLVER = ProximalNewton(tol=1e-11)


def fit(name, n_rows=50, n_columns=16, kind="lasso", strength=1.5):
    objective = sparse_problem(LOSSES[name], n_rows, n_columns, SPARSE_PENALTIES[kind])
    hyper = np.full(objective.penalty.n_hyper, strength)
    return SOLVER.minimize(objective, np.zeros(objective.predictor.n_params), hyper).expansion


@pytest.mark.parametrize("kind", ["lasso", "elastic net"])
def test_rows_that_keep_the_active_set_are_exact_and_the_others_move_it(kind, monkeypatch):
    monkeypatch.setattr(kinks, "BLOCK", 340)  # several blocks of rows
    end = fit("squared", kind=kind)
    moves = rows_that_move(end)
    near = leave_out(end, invert(end))[1].outputs[:, 0]
    assert 0 < moves.sum() < 50
    for row in range(50):
        removed = np.minimum(end.objective.weight[[row]], 1.0)
        one = refit_without(end, SOLVER, np.array([row]), removed=removed).expansion
        exact = end.objective.take(np.array([row])).outputs(one.params)[0, 0]
        assert ((one.params != 0.0) != (end.params != 0.0)).any() == moves[row]
        if not moves[row]:
            assert exact == pytest.approx(near[row], abs=1e-8)


def test_several_outputs_are_all_taken_to_move():
    assert rows_that_move(fit("softmax of 4", 40, 6, strength=0.0)).all()
