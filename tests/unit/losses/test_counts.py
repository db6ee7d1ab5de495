"""Counts: the negative binomial is its distribution, and Poisson at a large theta."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import gammaln

from derivata.errors import InvalidParameter
from derivata.losses import NegativeBinomialLoss, PoissonLoss
from derivata.losses.counts import STIRLING, log_rising


@pytest.mark.parametrize("theta", [0.3, 2.0, 19.0, 21.0, 500.0])
def test_the_negative_binomial_loss_is_minus_its_log_probability_without_the_factorial(theta):
    y, z = np.arange(60.0), np.linspace(-4.0, 5.0, 60)[:, None]
    chance = theta / (theta + np.exp(z[:, 0]))
    truth = -stats.nbinom.logpmf(y, theta, chance) - gammaln(y + 1.0)
    # SciPy's log-gammas cancel at large theta: 1e-11 is theirs.
    assert NegativeBinomialLoss(theta).at(y, z).value == pytest.approx(truth, rel=1e-11, abs=1e-11)


def test_a_huge_theta_is_poisson():
    rng = np.random.default_rng(0)
    y, z = rng.poisson(4.0, 50).astype(float), rng.standard_normal((50, 1))
    near, poisson = NegativeBinomialLoss(1e12).at(y, z), PoissonLoss().at(y, z)
    assert near.value == pytest.approx(poisson.value, rel=1e-9, abs=1e-9)
    assert near.gradient == pytest.approx(poisson.gradient, rel=1e-9, abs=1e-9)
    assert near.hessian == pytest.approx(poisson.hessian, rel=1e-9)
    saturated = NegativeBinomialLoss(1e12).saturated(y)
    assert saturated == pytest.approx(PoissonLoss().saturated(y), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("theta", [0.01, 1.0, 0.999 * STIRLING, STIRLING, 1e3, 1e9])
def test_the_log_of_the_rising_factorial_is_a_sum_of_logs(theta):
    y = np.array([0.0, 1.0, 2.0, 7.0, 40.0])
    truth = [float(np.log1p(np.arange(count) / theta).sum()) for count in y]
    assert log_rising(y, theta) == pytest.approx(truth, rel=1e-13, abs=1e-12)


@pytest.mark.parametrize("theta", [0.0, -1.0, float("inf"), float("nan")])
def test_a_theta_that_is_not_positive_is_refused(theta):
    with pytest.raises(InvalidParameter, match="`theta` is .*PoissonLoss"):
        NegativeBinomialLoss(theta)


def test_counts_that_are_all_zero_have_a_finite_null_output():
    for loss in (PoissonLoss(), NegativeBinomialLoss(1.0)):
        assert np.isfinite(loss.null_outputs(np.zeros(4), np.ones(4))).all()
