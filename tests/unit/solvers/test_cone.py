"""The nearest point of a cone, against an enumeration of its faces, and what a face pins."""

from itertools import combinations

import numpy as np
import pytest

from derivata.errors import NotConverged
from derivata.solvers import cone as cone_room
from derivata.solvers.cone import Cone
from tests.differences import relative_error

EXACT = 1e-11


def nearest_by_enumeration(rows, point, metric):
    """The best of the points nearest on each face, among those in the cone."""
    best, least = None, np.inf
    for size in range(len(rows) + 1):
        for chosen in combinations(range(len(rows)), size):
            A = rows[list(chosen)]
            H = np.block([[metric, A.T], [A, np.zeros((size, size))]])
            right = np.append(metric @ point, np.zeros(size))
            found = np.linalg.lstsq(H, right)[0][: len(point)]
            distance = (found - point) @ metric @ (found - point)
            if (rows @ found >= -1e-10).all() and distance < least:
                best, least = found, distance
    return best


def draw(seed, n_rows=5, n_params=6):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((n_params, n_params))
    metric = root @ root.T + 0.1 * np.eye(n_params)
    return rng.standard_normal((n_rows, n_params)), rng.standard_normal(n_params), metric


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("shape", [(5, 6), (6, 3), (1, 4)], ids=str)
def test_the_nearest_point_is_that_of_the_best_face(seed, shape):
    rows, point, metric = draw(seed, *shape)
    found, multipliers = Cone(rows).project(point, np.linalg.cholesky(metric))
    assert relative_error(found, nearest_by_enumeration(rows, point, metric)) < 1e-9
    # Karush, Kuhn and Tucker: what is pushed, by whom, and only by who is touched.
    assert (multipliers >= 0.0).all() and Cone(rows).contains(found)
    assert relative_error(metric @ (found - point), rows.T @ multipliers) < EXACT
    assert np.abs(multipliers * (rows @ found)).max() < EXACT


def test_a_point_of_the_cone_is_its_own_nearest_to_the_bit():
    rows, point, metric = draw(0)
    rows *= np.sign(rows @ point)[:, None]
    found, multipliers = Cone(rows).project(point, np.linalg.cholesky(metric))
    assert found is point and not multipliers.any()


def test_without_inequalities_every_point_is_in_the_cone():
    cone = Cone(np.zeros((0, 3)))
    point = np.array([-1.0, 0.0, 1.0])
    assert cone.contains(point)
    nearest, multipliers = cone.project(point, np.eye(3))
    assert nearest is point and multipliers.shape == (0,)
    assert cone.pinned(np.ones(3), np.zeros(0)).shape == (0,)


@pytest.mark.parametrize("shape", [(3, 0), (0, 3), (0, 0)])
def test_least_squares_without_rows_or_columns_are_zero(shape):
    # SciPy 1.17.1 ends the process, or returns what it finds in memory.
    found = cone_room._non_negative(np.zeros(shape), np.zeros(shape[0]))
    np.testing.assert_array_equal(found, np.zeros(shape[1]))


def test_rows_of_zeros_and_repeated_rows_change_nothing():
    rows, point, metric = draw(3)
    factor = np.linalg.cholesky(metric)
    padded = np.vstack([rows, np.zeros(6), rows, 3.0 * rows])
    found, multipliers = Cone(padded).project(point, factor)
    assert relative_error(found, Cone(rows).project(point, factor)[0]) < EXACT
    assert multipliers[5] == 0.0


@pytest.mark.parametrize("unit", [1e-8, 1e8])
def test_the_unit_of_an_inequality_does_not_matter(unit):
    rows, point, metric = draw(4)
    factor = np.linalg.cholesky(metric)
    expected, multipliers = Cone(rows).project(point, factor)
    found, others = Cone(unit * rows).project(point, factor)
    assert relative_error(found, expected) < EXACT
    assert relative_error(unit * others, multipliers) < EXACT


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_the_units_of_parameters_do_not_matter(unit):
    rows, point, metric = draw(5)
    expected = Cone(rows).project(point, np.linalg.cholesky(metric))[0]
    size = np.array([1.0, unit, 1.0, unit, 1.0, 1.0])
    factor = np.linalg.cholesky(metric / size[:, None] / size)
    found = Cone(rows / size).project(size * point, factor)[0]
    assert relative_error(found / size, expected) < 1e-9


def test_inequalities_that_hold_with_equality_do_so_to_rounding_under_an_ill_conditioned_metric():
    # Curvatures from 1e-10 to 1 leave an inequality zero to 1e-12 only; it is settled afterwards.
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal((30, 30)))[0]
    metric = (basis * np.logspace(-10, 0, 30)) @ basis.T
    rows = np.diff(np.eye(30), axis=0) @ basis.T
    point = rng.standard_normal(30)
    found, multipliers = Cone(rows).project(point, np.linalg.cholesky(metric))
    held = multipliers > 0.0
    assert held.sum() > 5
    assert np.abs(rows[held] @ found).max() < 1e-14 * np.abs(found).max()


def test_two_opposite_inequalities_are_an_equality():
    rows, point, metric = draw(6)
    rows = np.vstack([rows[0], -rows[0]])
    found, multipliers = Cone(rows).project(point, np.linalg.cholesky(metric))
    assert np.abs(rows @ found).max() < 1e-14
    assert (multipliers > 0.0).sum() == 1
    assert Cone(rows).pinned(found, multipliers).all()


def test_rows_that_a_pushing_row_implies_are_pinned_with_it():
    # Rising and concave: the last rise at zero and concavity leave no other free, nor does the
    # first, which is the sum of all.
    rises = np.diff(np.eye(5), axis=0)
    rows = np.vstack([rises, rises[:-1] - rises[1:]])
    cone, flat = Cone(rows), np.ones(5)
    first = np.zeros(len(rows))
    first[0] = 2.0
    assert cone.pinned(flat, first).all()
    last = np.zeros(len(rows))
    last[3] = 2.0
    assert np.flatnonzero(cone.pinned(flat, last)).tolist() == [3]


def test_a_row_that_merely_touches_is_not_pinned():
    rows = np.eye(3)
    found = Cone(rows).pinned(np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0]))
    assert found.tolist() == [True, False, False]


def test_no_multipliers_pin_nothing_but_equalities():
    rows = np.vstack([np.eye(3), -np.eye(3)[0]])
    found = Cone(rows).pinned(np.zeros(3), np.zeros(4))
    assert found.tolist() == [True, False, False, True]


def test_least_squares_that_run_out_of_steps_say_what_to_do(monkeypatch):
    def endless(*_, **__):
        raise RuntimeError("Maximum number of iterations reached.")

    monkeypatch.setattr(cone_room, "nnls", endless)
    rows, point, metric = draw(0)
    with pytest.raises(NotConverged, match=r"with 5 inequalities .* `constraints`"):
        Cone(rows).project(point, np.linalg.cholesky(metric))
