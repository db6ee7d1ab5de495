"""Quantiles of a new observation against an integral over its uncertain mean."""

import numpy as np
import pytest
from scipy import stats

from derivata.estimators.families import GammaFamily, NegativeBinomialFamily, PoissonFamily


def share_below(cdf, z, deviation, at):
    """P(y <= at) by a fine rule over the log-mean."""
    nodes = np.linspace(-8.0, 8.0, 4_001)
    weights = stats.norm.pdf(nodes)
    return float(cdf(at, np.exp(z + deviation * nodes)) @ weights / weights.sum())


@pytest.mark.parametrize("deviation", [0.0, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("dispersion", [1e-3, 0.3, 8.0])
def test_bounds_of_an_amount_leave_the_same_share_on_either_side(deviation, dispersion):
    cdf = lambda y, mean: stats.gamma.cdf(y, 1 / dispersion, scale=dispersion * mean)
    bounds = GammaFamily().interval(np.array([[1.0]]), np.array([deviation**2]), dispersion, 0.9)
    found = [share_below(cdf, 1.0, deviation, bound[0]) for bound in bounds]
    assert found == pytest.approx([0.05, 0.95], abs=5e-3 if deviation > dispersion**0.5 else 1e-3)


@pytest.mark.parametrize("z", [-6.0, -1.0, 1.0, 4.0, 12.0])
@pytest.mark.parametrize("deviation", [0.0, 0.3, 1.0])
def test_bounds_of_a_count_are_the_smallest_with_their_share(z, deviation):
    bounds = PoissonFamily().interval(np.array([[z]]), np.array([deviation**2]), 1.0, 0.9)
    for bound, share in zip(bounds, (0.05, 0.95), strict=True):
        assert bound[0] == np.floor(bound[0]) >= 0.0
        room = 5e-3 if deviation else 1e-9
        assert share_below(stats.poisson.cdf, z, deviation, bound[0]) >= share - room
        assert share_below(stats.poisson.cdf, z, deviation, bound[0] - 1.0) < share + room


def test_without_uncertainty_the_bounds_are_the_quantiles_of_the_noise():
    z = np.linspace(-2.0, 6.0, 40)
    lower, upper = PoissonFamily().interval(z[:, None], np.zeros(40), 1.0, 0.9)
    assert np.array_equal(lower, stats.poisson.ppf(0.05, np.exp(z)))
    assert np.array_equal(upper, stats.poisson.ppf(0.95, np.exp(z)))
    lower, upper = NegativeBinomialFamily(0.7).interval(z[:, None], np.zeros(40), 1.0, 0.9)
    chance = 0.7 / (0.7 + np.exp(z))
    assert np.array_equal(lower, stats.nbinom.ppf(0.05, 0.7, chance))
    assert np.array_equal(upper, stats.nbinom.ppf(0.95, 0.7, chance))


def test_extreme_means_give_finite_bounds_without_a_warning():
    z = np.array([-700.0, -100.0, 100.0, 700.0])[:, None]
    for family, dispersion in (
        (PoissonFamily(), 1.0),
        (NegativeBinomialFamily(1.0), 1.0),
        (GammaFamily(), 1.0),
        (GammaFamily(), 0.0),
    ):
        for variance in (0.0, 1.0, 100.0):
            bounds = family.interval(z, np.full(4, variance), dispersion, 0.9)
            assert np.isfinite(bounds).all() and (bounds[0] <= bounds[1]).all()


def test_rows_are_judged_alike_whichever_rows_stand_beside_them():
    rng = np.random.default_rng(0)
    z, variance = rng.normal(1.0, 2.0, (9_000, 1)), rng.uniform(0.0, 2.0, 9_000)
    whole = GammaFamily().interval(z, variance, 0.2, 0.9)
    part = GammaFamily().interval(z[8_500:], variance[8_500:], 0.2, 0.9)
    assert part[0] == pytest.approx(whole[0][8_500:], rel=1e-7)
    assert part[1] == pytest.approx(whole[1][8_500:], rel=1e-7)
