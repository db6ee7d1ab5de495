"""Ranked probability scores against the integral that defines them."""

import numpy as np
import pytest
from scipy import stats

from derivata.errors import InvalidParameter, ShapeMismatch
from derivata.scoring.crps import (
    crps_gamma,
    crps_negative_binomial,
    crps_normal,
    crps_poisson,
    crps_quantiles,
    crps_samples,
    quantile_rule,
)


def by_definition(distribution, y):
    """Integral of (F(x) - [x >= y])^2, exact for counts, by a fine grid for the rest."""
    if hasattr(distribution, "pmf"):
        counts = np.arange(0, int(distribution.ppf(1 - 1e-14)) + int(y) + 10)
        return float(((distribution.cdf(counts) - (counts >= y)) ** 2).sum())
    low, high = distribution.ppf([1e-13, 1 - 1e-13])
    total = 0.0
    for start, end, above in ((min(low, y), y, 0.0), (y, max(high, y), 1.0)):
        edges = np.linspace(start, end, 4001)
        nodes, weights = np.polynomial.legendre.leggauss(5)
        half = 0.5 * np.diff(edges)[:, None]
        x = 0.5 * (edges[1:] + edges[:-1])[:, None] + half * nodes
        total += float((half * weights * (distribution.cdf(x) - above) ** 2).sum())
    return total


@pytest.mark.parametrize("y", [-3.0, 0.2, 5.0])
def test_normal(y):
    wanted = by_definition(stats.norm(0.5, 1.7), y)
    assert crps_normal(y, 0.5, 1.7) == pytest.approx(wanted, rel=1e-8)


@pytest.mark.parametrize("mean", [0.05, 3.7, 400.0])
@pytest.mark.parametrize("y", [0.0, 2.0, 380.0])
def test_poisson(y, mean):
    wanted = by_definition(stats.poisson(mean), y)
    assert crps_poisson(y, mean) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("theta", [0.3, 4.0, 1e5])
def test_negative_binomial(theta):
    y, mean = np.array([0.0, 3.0, 40.0, 7.0]), np.array([0.2, 5.0, 20.0, 60.0])
    wanted = [
        by_definition(stats.nbinom(theta, theta / (theta + m)), k)
        for k, m in zip(y, mean, strict=True)
    ]
    np.testing.assert_allclose(crps_negative_binomial(y, mean, theta), wanted, rtol=1e-9)


@pytest.mark.parametrize("dispersion", [0.05, 0.9, 3.0])
@pytest.mark.parametrize("y", [0.4, 12.0])
def test_gamma(y, dispersion):
    shape = 1 / dispersion
    wanted = by_definition(stats.gamma(shape, scale=2.5 / shape), y)
    assert crps_gamma(y, 2.5, dispersion) == pytest.approx(wanted, rel=1e-5)


def test_a_distribution_that_is_one_point_scores_its_absolute_error():
    np.testing.assert_allclose(crps_normal(np.array([1.0, 4.0]), 2.0, 0.0), [1.0, 2.0])
    np.testing.assert_allclose(crps_samples(np.array([1.0]), np.full((1, 5), 3.0)), [2.0])
    levels, weights = quantile_rule()
    same = np.full((1, len(levels)), 3.0)
    np.testing.assert_allclose(crps_quantiles(np.array([1.0]), same, levels, weights), [2.0])


def test_samples_are_unbiased_for_any_number_of_them():
    rng = np.random.default_rng(0)
    samples = rng.normal(0.5, 1.7, (40_000, 3))
    found = crps_samples(np.full(40_000, 1.1), samples)
    wanted = float(crps_normal(1.1, 0.5, 1.7))
    assert found.mean() == pytest.approx(wanted, abs=4 * found.std() / 200)


def test_quantiles_give_the_score_to_a_few_tenths_of_a_per_cent_of_the_spread():
    levels, weights = quantile_rule()
    assert weights.sum() == pytest.approx(1.0, abs=1e-3) and (np.diff(levels) > 0).all()
    y = np.linspace(-4.0, 5.0, 60)
    quantiles = np.tile(stats.norm(0.5, 1.7).ppf(levels), (60, 1))
    found = crps_quantiles(y, quantiles, levels, weights)
    np.testing.assert_allclose(found, crps_normal(y, 0.5, 1.7), atol=0.005 * 1.7)


def test_what_has_another_shape_or_is_no_distribution_is_refused():
    with pytest.raises(ShapeMismatch, match="samples"):
        crps_samples(np.zeros(3), np.zeros((3, 1)))
    with pytest.raises(ShapeMismatch, match="quantiles"):
        crps_quantiles(np.zeros(3), np.zeros((3, 2)), np.array([0.5]), np.array([1.0]))
    with pytest.raises(InvalidParameter, match="`deviation` of row 1 is -1"):
        crps_normal(np.zeros(2), 0.0, np.array([1.0, -1.0]))
    with pytest.raises(InvalidParameter, match="mean"):
        crps_poisson(np.zeros(1), np.zeros(1))
