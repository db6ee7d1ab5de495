"""The pseudo-inverse of small matrices known in closed form."""

import numpy as np
import pytest

from derivata.curvature.pseudo import pseudo_invert


def test_a_regular_matrix_gets_its_inverse_and_determinant():
    root = np.random.default_rng(0).standard_normal((5, 5))
    matrix = root @ root.T
    found = pseudo_invert(matrix)
    assert np.abs(found.matrix @ matrix - np.eye(5)).max() < 1e-11  # its condition is about 1e3
    assert found.null_space.shape == (5, 0)
    assert found.logdet == pytest.approx(np.linalg.slogdet(matrix)[1], abs=1e-12)


def test_a_repeated_column_is_left_out_whatever_its_unit():
    for unit in (1e-3, 1.0, 1e3):
        v = np.array([1.0, unit])
        found = pseudo_invert(np.outer(v, v))
        truth = np.outer(v, v) / (v @ v) ** 2
        # Directions are exact in the scaled units, so a factor of 1,000 between units costs that.
        assert np.abs(found.matrix - truth).max() < 1e-12 * truth.max()
        flat = np.array([unit, -1.0]) / np.hypot(1.0, unit)
        assert abs(flat @ found.null_space[:, 0]) == pytest.approx(1.0, abs=1e-14)


def test_zero_columns_beside_repeated_ones_do_not_disturb_each_other():
    # A zero column once got a scale of 1e-154, which drowned the other flat direction.
    matrix = np.zeros((4, 4))
    matrix[:2, :2] = 1.0
    matrix[3, 3] = 2.0
    found = pseudo_invert(matrix)
    truth = np.zeros((4, 4))
    truth[:2, :2], truth[3, 3] = 0.25, 0.5
    assert np.abs(found.matrix - truth).max() < 1e-15
    assert found.null_space.shape == (4, 2)
    assert found.logdet == pytest.approx(np.log(2.0 * 2.0), abs=1e-14)


def test_a_matrix_of_zeros_or_nearly_is_flat_everywhere():
    for size in (0.0, 1e-300, 1e-160):
        found = pseudo_invert(size * np.eye(3))
        assert not found.matrix.any()
        assert found.null_space.shape == (3, 3)
        assert found.logdet == 0.0


def test_no_parameters_at_all_have_an_empty_inverse():
    found = pseudo_invert(np.zeros((0, 0)))
    assert found.matrix.shape == (0, 0) and found.null_space.shape == (0, 0)
    assert found.logdet == 0.0
