"""The check of the active set, row by row, against refits without the row."""

import numpy as np
import pytest

from derivata.criteria.support import support_changes
from derivata.curvature import invert
from derivata.penalties import ElasticNet, Lasso
from derivata.solvers import ProximalNewton
from derivata.tuning.sparse_path import first_point
from tests.cases import LOSSES, sparse_problem


def fitted(objective, below):
    hyper = first_point(objective, ProximalNewton(1e-10)).hyper - below
    zeros = np.zeros(objective.predictor.n_params)
    return ProximalNewton(1e-12).minimize(objective, zeros, hyper).expansion


def by_refits(expansion):
    """Whether the active set changes when one observation of each row is left out."""
    objective, changes = expansion.objective, []
    for row in np.flatnonzero(objective.weight > 0.0):
        weight = objective.weight.copy()
        weight[row] = max(weight[row] - 1.0, 0.0)
        without = type(objective)(
            objective.loss,
            objective.predictor,
            objective.penalty,
            objective.y,
            weight,
            objective.offset,
        )
        fit = ProximalNewton(1e-12).minimize(without, expansion.params, expansion.hyper)
        changes.append(not np.array_equal(fit.expansion.columns, expansion.columns))
    return np.array(changes)


@pytest.mark.parametrize("named", [Lasso(), ElasticNet()], ids=["lasso", "elastic net"])
@pytest.mark.parametrize("below", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("shape", [(48, 6), (24, 30)], ids=["n > p", "p > n"])
def test_for_squared_loss_a_row_changes_the_active_set_exactly_if_a_refit_does(named, below, shape):
    expansion = fitted(sparse_problem(LOSSES["squared"], *shape, named), below)
    found = support_changes(expansion, invert(expansion))
    expected = by_refits(expansion)
    # A column may leave and come back while others move: one Newton step does not see that.
    assert np.mean(found.changes != expected) <= 0.05
    assert np.array_equal(found.changes[~expected], expected[~expected]) or shape[0] < shape[1]


def test_for_other_losses_nearly_all_rows_are_told_right():
    expansion = fitted(sparse_problem(LOSSES["logistic"], 200, 8, Lasso()), 1.5)
    found = support_changes(expansion, invert(expansion))
    assert np.mean(found.changes != by_refits(expansion)) < 0.05


def test_the_share_counts_rows_by_weight_and_decides():
    expansion = fitted(sparse_problem(LOSSES["squared"], 48, 6, Lasso()), 1.0)
    found = support_changes(expansion, invert(expansion))
    used = expansion.objective.weight > 0.0
    assert np.array_equal(found.examined, np.flatnonzero(used))
    weight = expansion.objective.weight[used]
    assert found.share == pytest.approx(float(weight @ found.changes) / weight.sum())
    assert found.tolerable == (found.share <= 0.1)


def test_of_many_rows_a_sample_is_examined_always_the_same(monkeypatch):
    monkeypatch.setattr("derivata.criteria.support.EXAMINED", 50)
    expansion = fitted(sparse_problem(LOSSES["logistic"], 400, 6, Lasso()), 1.0)
    one = support_changes(expansion, invert(expansion), 3)
    two = support_changes(expansion, invert(expansion), 3)
    assert len(one.examined) == 50
    assert np.array_equal(one.examined, two.examined) and np.array_equal(one.changes, two.changes)
