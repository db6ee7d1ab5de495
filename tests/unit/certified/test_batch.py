"""Many leave-one-out fits at once equal as many fits."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from derivata.certified import batch
from derivata.certified.batch import can_batch, refit_rows
from derivata.certified.refits import refit_without
from derivata.designs import SparseDesign
from derivata.predictors import LinearPredictor
from derivata.solvers import ConstrainedNewton, Newton, ProximalNewton
from tests.cases import LOSSES, SPARSE_PENALTIES, problem, sparse_problem

SOLVER, PROXIMAL = Newton(tol=1e-12), ProximalNewton(tol=1e-10)
HYPER = np.array([-1.0, -0.5])
OURS = [name for name in LOSSES if not name.startswith("a user's")]


def fit(objective, solver=SOLVER, hyper=HYPER):
    return solver.minimize(objective, np.zeros(objective.predictor.n_params), hyper).expansion


def refitted(end, solver, rows):
    """Own outputs without one observation of each row, one fit after the other."""
    objective, found = end.objective, []
    for row in rows:
        removed = np.minimum(objective.weight[[row]], 1.0)
        one = refit_without(end, solver, np.array([row]), removed=removed)
        found.append(objective.take(np.array([row])).outputs(one.expansion.params)[0])
    return np.array(found)


@pytest.mark.parametrize("name", OURS)
def test_every_row_of_every_loss_is_refitted_with_weights_and_an_offset(name):
    end = fit(problem(LOSSES[name], 30, 4))
    rows = np.arange(0, 30, 2)
    found = refit_rows(end, rows)
    assert found.reached.all()
    # Newton's own fits end within 1e-9 of their minimum.
    np.testing.assert_allclose(found.outputs, refitted(end, SOLVER, rows), atol=3e-9)


@pytest.mark.parametrize("name", ["logistic", "softmax of 4", "poisson"])
def test_more_columns_than_rows_go_through_the_dual(name):
    end = fit(problem(LOSSES[name], 16, 30))
    rows = np.arange(16)
    found = refit_rows(end, rows)
    assert found.reached.all()
    np.testing.assert_allclose(found.outputs, refitted(end, SOLVER, rows), atol=1e-7)


def test_a_nearly_separable_fit_whose_curvature_changes_a_lot_is_reached():
    objective = problem(LOSSES["logistic"], 40, 6, weighted=False, offset=False)
    y = (objective.predictor.design.columns[0] > 0.0).astype(float)
    y[np.argmax(objective.predictor.design.columns[0])] = 0.0  # but for one row
    end = fit(replace(objective, y=y), hyper=np.array([-6.0, -6.0]))
    found = refit_rows(end, np.arange(40))
    truth = refitted(end, SOLVER, np.arange(40))
    assert np.abs(truth - end.outputs).max() > 10.0
    assert found.reached.mean() > 0.9
    np.testing.assert_allclose(found.outputs[found.reached], truth[found.reached], rtol=1e-6)


@pytest.mark.parametrize("kind", SPARSE_PENALTIES)
@pytest.mark.parametrize("name", ["squared", "logistic", "softmax of 4"])
def test_a_row_counts_as_reached_only_where_no_kink_moved(kind, name):
    objective = sparse_problem(LOSSES[name], 40, 12, SPARSE_PENALTIES[kind])
    end = fit(objective, PROXIMAL, np.full(objective.penalty.n_hyper, 1.0))
    rows = np.arange(40)
    found = refit_rows(end, rows)
    assert found.reached.any()
    truth = refitted(end, PROXIMAL, rows)
    np.testing.assert_allclose(found.outputs[found.reached], truth[found.reached], atol=1e-6)
    missed = np.abs(found.outputs - truth)[~found.reached]
    assert not len(missed) or missed.max() > 1e-6


def test_blocks_of_rows_and_a_sparse_design_give_the_same(monkeypatch):
    objective = problem(LOSSES["poisson"], 30, 4)
    whole = refit_rows(fit(objective), np.arange(30))
    monkeypatch.setattr(batch, "BLOCK", 300)
    blocks = refit_rows(fit(objective), np.arange(30))
    np.testing.assert_allclose(blocks.outputs, whole.outputs, atol=1e-10)
    X = objective.predictor.design.dense(slice(None))
    stored = replace(objective, predictor=LinearPredictor(SparseDesign(sparse.csr_array(X))))
    np.testing.assert_allclose(
        refit_rows(fit(stored), np.arange(30)).outputs, whole.outputs, atol=1e-9
    )


def test_a_row_that_alone_decides_a_coefficient_is_left_to_a_solver():
    objective = problem(LOSSES["logistic of shares"], 20, 3, weighted=False, offset=False)
    columns = objective.predictor.design.columns
    columns[0], columns[0, 7] = 0.0, 1.0
    end = fit(objective, hyper=np.array([-60.0, 0.0]))
    found = refit_rows(end, np.array([3, 7]))
    assert found.reached.tolist() == [True, False]


def test_constraints_and_outputs_that_bend_are_not_for_it():
    objective = problem(LOSSES["squared"], 40, 4, weighted=False)
    solver = ConstrainedNewton(np.eye(5)[:4])
    assert not can_batch(fit(objective, solver))
    assert can_batch(fit(objective))


def test_no_rows_are_no_work():
    found = refit_rows(fit(problem(LOSSES["logistic"], 20, 3)), np.zeros(0, dtype=int))
    assert found.outputs.shape == (0, 1) and found.params.shape == (0, 4)
