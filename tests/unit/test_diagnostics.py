"""What the Hessian says is wrong with the data, against data made wrong on purpose."""

import numpy as np
import pytest

from derivata.curvature import invert
from derivata.designs import DenseDesign
from derivata.diagnostics import (
    NAMED_DIRECTIONS,
    collinear_directions,
    lone_rows,
    name_directions,
    separating_direction,
)
from derivata.losses import LogisticLoss, PoissonLoss, SoftmaxLoss, SquaredLoss
from derivata.objective import Objective
from derivata.penalties import FREE, GroupRidge
from derivata.predictors import LinearPredictor
from derivata.solvers import Newton

N = 80
RNG = np.random.default_rng(0)
COLUMNS = RNG.standard_normal((N, 3))
Z = COLUMNS @ [1.0, -1.0, 0.5]
TARGETS = {
    "squared": (SquaredLoss(), Z + RNG.standard_normal(N)),
    "logistic": (LogisticLoss(), (Z + RNG.logistic(size=N) > 0).astype(float)),
    "softmax": (SoftmaxLoss(3), np.digitize(Z + RNG.logistic(size=N), [-1, 1]).astype(float)),
    "poisson": (PoissonLoss(), RNG.poisson(np.exp(0.5 * Z)).astype(float)),
}
LOSS = pytest.mark.parametrize("loss, y", TARGETS.values(), ids=list(TARGETS))
# Nats of penalty that hold a coefficient of a column of unit size, or do not.
HELD, LOOSE = 1.0, 1e-12


def minimum(loss, y, columns, *, penalised=0, alpha=HELD, weight=None):
    """The minimiser with an intercept; the last ``penalised`` columns have a penalty."""
    n_free = columns.shape[1] - penalised
    groups = np.r_[np.full(n_free, FREE), np.zeros(penalised, dtype=int), FREE]
    names = ("held",) if penalised else ()
    rows = np.column_stack([columns, np.ones(len(columns))])
    objective = Objective(
        loss,
        LinearPredictor(DenseDesign.from_array(rows), loss.n_outputs),
        GroupRidge(np.tile(groups, loss.n_outputs), names),
        y,
        np.ones(len(y)) if weight is None else weight,
    )
    start = np.zeros(objective.predictor.n_params)
    hyper = np.log(np.full(len(names), alpha))
    return Newton(1e-9).minimize(objective, start, hyper).expansion


def named(expansion, width):
    directions = collinear_directions(expansion, invert(expansion))
    return sorted({tuple(sorted(j % width for j in d.params)) for d in name_directions(directions)})


# Collinear columns


@LOSS
def test_sound_columns_have_no_collinear_direction(loss, y):
    expansion = minimum(loss, y, COLUMNS)
    assert collinear_directions(expansion, invert(expansion)).shape[1] == 0


@LOSS
def test_each_set_of_repeated_columns_is_told_apart(loss, y):
    columns = np.column_stack([COLUMNS, 2.0 * COLUMNS[:, 0], COLUMNS[:, 1] - COLUMNS[:, 2]])
    assert named(minimum(loss, y, columns), 6) == [(0, 3), (1, 2, 4)]


@LOSS
def test_moves_along_a_collinear_direction_change_no_output(loss, y):
    expansion = minimum(loss, y, np.column_stack([COLUMNS, COLUMNS[:, 0]]))
    directions = collinear_directions(expansion, invert(expansion))
    assert directions.shape == (5 * loss.n_outputs, loss.n_outputs)
    np.testing.assert_allclose(
        directions.T @ directions, np.eye(loss.n_outputs), rtol=0, atol=1e-12
    )
    for direction in directions.T:
        moved = expansion.objective.predictor.jvp(expansion.params, direction)
        assert np.abs(moved).max() < 1e-10


@LOSS
def test_a_penalty_makes_repeated_columns_harmless(loss, y):
    columns = np.column_stack([COLUMNS, COLUMNS[:, 0]])
    assert named(minimum(loss, y, columns, penalised=1), 5) == []


@LOSS
def test_a_column_of_zeros_is_not_collinear(loss, y):
    assert named(minimum(loss, y, np.column_stack([COLUMNS, np.zeros(N)])), 5) == []


def test_separation_is_not_taken_for_collinearity():
    # At the fit the Hessian has gone flat along the separating columns, but they differ.
    columns = np.column_stack([COLUMNS, COLUMNS[:, 0]])
    separated = (COLUMNS[:, 1] > 0).astype(float)
    assert named(minimum(LogisticLoss(), separated, COLUMNS), 4) == []
    assert named(minimum(LogisticLoss(), separated, columns), 5) == [(0, 3)]


def test_too_many_directions_are_counted_not_named():
    columns = np.random.default_rng(1).standard_normal((20, 50))
    expansion = minimum(SquaredLoss(), TARGETS["squared"][1][:20], columns)
    directions = collinear_directions(expansion, invert(expansion))
    assert directions.shape[1] == 51 - 20 > NAMED_DIRECTIONS
    assert name_directions(directions) == []


# Separation


@LOSS
def test_sound_data_are_not_separated(loss, y):
    assert separating_direction(minimum(loss, y, COLUMNS)) is None
    assert separating_direction(minimum(loss, y, COLUMNS, penalised=3, alpha=LOOSE)) is None


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_the_separating_column_is_named_whatever_its_unit(unit):
    columns = COLUMNS * [1.0, unit, 1.0]
    found = separating_direction(minimum(LogisticLoss(), COLUMNS[:, 1] > 0.1, columns))
    assert 1 in found.params
    assert set(found.params) <= {1, 3}  # 3 is the intercept


def test_the_direction_found_separates_the_classes():
    y = COLUMNS @ [1.0, 2.0, -1.0] > 0.2
    expansion = minimum(LogisticLoss(), y.astype(float), COLUMNS)
    direction = separating_direction(expansion).direction
    side = np.column_stack([COLUMNS, np.ones(N)]) @ direction
    side *= np.sign(side[np.argmax(np.abs(side))]) * (1 if y[np.argmax(np.abs(side))] else -1)
    # Every row lies on its side, up to the few that decide where the border runs.
    assert (side[y] > -0.05 * np.abs(side).max()).all()
    assert (side[~y] < 0.05 * np.abs(side).max()).all()


def test_a_level_without_counts_separates():
    level = (np.arange(N) % 8 == 0).astype(float)
    counts = np.where(level == 1, 0.0, TARGETS["poisson"][1])
    found = separating_direction(minimum(PoissonLoss(), counts, np.column_stack([COLUMNS, level])))
    assert found.params[0] == 3


def test_a_penalty_that_holds_settles_separation_and_one_that_does_not_does_not():
    y = (COLUMNS[:, 1] > 0.1).astype(float)
    assert separating_direction(minimum(LogisticLoss(), y, COLUMNS, penalised=3)) is None
    loose = minimum(LogisticLoss(), y, COLUMNS, penalised=3, alpha=LOOSE)
    assert 1 in separating_direction(loose).params


# Rows fitted alone


@pytest.mark.parametrize("name", ["squared", "poisson"])
def test_a_row_with_a_column_of_its_own_is_found(name):
    loss, y = TARGETS[name]
    own = (np.arange(N) == 7).astype(float)
    expansion = minimum(loss, y + 1.0, np.column_stack([COLUMNS, own]))
    assert lone_rows(expansion, invert(expansion)).tolist() == [7]
    held = minimum(loss, y + 1.0, np.column_stack([COLUMNS, own]), penalised=1)
    assert lone_rows(held, invert(held)).tolist() == []


def test_every_row_is_alone_where_columns_are_as_many():
    rows = slice(0, 4)
    expansion = minimum(SquaredLoss(), TARGETS["squared"][1][rows], COLUMNS[rows])
    assert lone_rows(expansion, invert(expansion)).tolist() == [0, 1, 2, 3]


@LOSS
def test_no_row_of_sound_data_is_alone(loss, y):
    expansion = minimum(loss, y, COLUMNS)
    assert lone_rows(expansion, invert(expansion)).tolist() == []
