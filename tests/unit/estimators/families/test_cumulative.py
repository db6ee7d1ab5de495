"""The distribution function of new targets: what intervals bound, and what it jumps by."""

import numpy as np
import pytest
from scipy import stats

from derivata.errors import NotAvailable
from derivata.estimators.families import (
    GammaFamily,
    HuberFamily,
    LogisticFamily,
    NegativeBinomialFamily,
    PoissonFamily,
    QuantileFamily,
    SquaredFamily,
    TweedieFamily,
)

NUMBERS = (SquaredFamily(), HuberFamily(2.0), GammaFamily())
COUNTS = (PoissonFamily(), NegativeBinomialFamily(1.5))
OUTPUTS = np.linspace(0.5, 3.0, 6)[:, None]


@pytest.mark.parametrize("variance", [0.0, 0.04, 2.0])
@pytest.mark.parametrize("family", NUMBERS, ids=lambda family: family.name)
def test_the_bounds_of_an_interval_have_its_probabilities(family, variance):
    spread = np.full(6, variance)
    lower, upper = family.interval(OUTPUTS, spread, 0.4, 0.8)
    for bound, wanted in ((lower, 0.1), (upper, 0.9)):
        below, up_to = family.cumulative(bound, OUTPUTS, spread, 0.4)
        np.testing.assert_allclose(below, wanted, atol=1e-7)
        np.testing.assert_array_equal(below, up_to)


@pytest.mark.parametrize("variance", [0.0, 0.04, 2.0])
@pytest.mark.parametrize("family", COUNTS, ids=lambda family: family.name)
def test_counts_jump_over_the_probability_of_a_bound(family, variance):
    spread = np.full(6, variance)
    lower, upper = family.interval(OUTPUTS, spread, 1.0, 0.8)
    for bound, wanted in ((lower, 0.1), (upper, 0.9)):
        below, up_to = family.cumulative(bound, OUTPUTS, spread, 1.0)
        assert (below < wanted + 1e-9).all() and (up_to >= wanted - 1e-9).all()


def test_known_means_give_the_distributions_themselves():
    mean, none, y = np.exp(OUTPUTS[:, 0]), np.zeros(6), np.arange(6.0)
    below, up_to = PoissonFamily().cumulative(y, OUTPUTS, none, 1.0)
    np.testing.assert_allclose(below, stats.poisson.cdf(y - 1, mean), atol=1e-14)
    np.testing.assert_allclose(up_to, stats.poisson.cdf(y, mean), rtol=1e-12)
    found = NegativeBinomialFamily(1.5).cumulative(y, OUTPUTS, none, 1.0)[1]
    np.testing.assert_allclose(found, stats.nbinom.cdf(y, 1.5, 1.5 / (1.5 + mean)), rtol=1e-10)


def test_amounts_jump_at_zero_alone():
    y = np.array([0.0, 0.0, 0.3, 1.0, 4.0, 9.0])
    below, up_to = TweedieFamily(1.5).cumulative(y, OUTPUTS, np.full(6, 0.1), 1.3)
    assert (below[:2] == 0.0).all() and (up_to[:2] > 0.0).all()
    np.testing.assert_array_equal(below[2:], up_to[2:])


@pytest.mark.parametrize("family", [LogisticFamily(), QuantileFamily(0.5, 1.0)])
def test_families_without_a_distribution_say_so(family):
    with pytest.raises(NotAvailable, match=f"{family.name} foresees no distribution"):
        family.cumulative(np.zeros(6), OUTPUTS, np.zeros(6), 1.0)
