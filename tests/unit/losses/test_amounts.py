"""Amounts: Tweedie's loss lies between Poisson's and gamma's, and is half its deviance."""

import numpy as np
import pytest
from sklearn.metrics import mean_tweedie_deviance

from derivata.errors import InvalidParameter, InvalidTarget
from derivata.losses import GammaLoss, PoissonLoss, TweedieLoss

RNG = np.random.default_rng(0)
Y, Z = RNG.gamma(2.0, 1.0, 40), RNG.standard_normal((40, 1))


@pytest.mark.parametrize("power", [1.1, 1.5, 1.9])
def test_twice_the_loss_above_the_saturated_one_is_the_tweedie_deviance(power):
    loss = TweedieLoss(power)
    unit = 2.0 * (loss.at(Y, Z).value - loss.saturated(Y))
    for row in range(len(Y)):
        truth = mean_tweedie_deviance(Y[row : row + 1], np.exp(Z[row]), power=power)
        # Two terms of size 1 / (p - 1) (2 - p) cancel.
        assert unit[row] == pytest.approx(truth, rel=1e-11, abs=1e-13)


def test_twice_the_gamma_loss_above_the_saturated_one_is_the_gamma_deviance():
    unit = 2.0 * (GammaLoss().at(Y, Z).value - GammaLoss().saturated(Y))
    assert unit.mean() == pytest.approx(mean_tweedie_deviance(Y, np.exp(Z[:, 0]), power=2))


@pytest.mark.parametrize("power, limit", [(1.0 + 1e-9, PoissonLoss()), (2.0 - 1e-9, GammaLoss())])
def test_the_ends_of_the_power_are_poisson_and_gamma(power, limit):
    rows, truth = TweedieLoss(power).at(Y, Z), limit.at(Y, Z)
    assert rows.gradient == pytest.approx(truth.gradient, rel=1e-7, abs=1e-7)
    assert rows.hessian == pytest.approx(truth.hessian, rel=1e-7)


@pytest.mark.parametrize("power", [1.0, 2.0, 0.0, 3.0, float("nan")])
def test_a_power_outside_one_and_two_is_refused(power):
    with pytest.raises(InvalidParameter, match="`power` is .*between 1 and 2"):
        TweedieLoss(power)


def test_a_zero_is_refused_by_gamma_with_the_cure():
    with pytest.raises(InvalidTarget, match="`y` is 0.0 in row 1.*Tweedie"):
        GammaLoss().validate(np.array([1.0, 0.0]))
