"""Huber's loss between the square and the absolute value."""

import numpy as np
import pytest

from derivata.errors import InvalidParameter
from derivata.losses import HuberLoss, SquaredLoss


def test_huber_is_the_square_inside_delta_and_a_straight_line_outside():
    residual = np.array([-5.0, -2.0, -1.0, 0.0, 0.5, 2.0, 9.0])
    value = HuberLoss(2.0).at(residual, np.zeros((7, 1))).value
    truth = np.where(np.abs(residual) <= 2.0, residual**2 / 2.0, 2.0 * np.abs(residual) - 2.0)
    assert value == pytest.approx(truth, rel=1e-15)


def test_huber_of_a_huge_delta_is_the_squared_loss():
    rng = np.random.default_rng(0)
    y, z = rng.standard_normal(20), rng.standard_normal((20, 1))
    huber, squared = HuberLoss(1e9).at(y, z), SquaredLoss().at(y, z)
    assert np.array_equal(huber.value, squared.value)
    assert np.array_equal(huber.gradient, squared.gradient)
    assert np.array_equal(huber.hessian, squared.hessian)


@pytest.mark.parametrize("delta", [0.0, -1.0, float("nan")])
def test_a_delta_that_is_not_positive_is_refused(delta):
    with pytest.raises(InvalidParameter, match="`delta` is .*positive"):
        HuberLoss(delta)
