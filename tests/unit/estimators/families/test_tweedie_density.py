"""The Tweedie density and distribution against their definition, a Poisson sum of gammas."""

import numpy as np
import pytest
from scipy import integrate, stats

from derivata.estimators.families import tweedie_density as density
from derivata.estimators.families.tweedie import LARGEST_POWER, SMALLEST_POWER, likeliest_power
from tests.differences import slope

SHAPES = [(1.05, 0.3), (1.2, 2.0), (1.5, 1.0), (1.5, 0.02), (1.8, 0.5), (1.95, 3.0)]
SHAPED = pytest.mark.parametrize("power, dispersion", SHAPES)
MEAN = 2.5


def by_definition(y, mean, dispersion, power, n_terms=3_000):
    """Log density at y > 0 by summing over the number of amounts."""
    number = mean ** (2 - power) / (dispersion * (2 - power))
    shape = (2 - power) / (power - 1)
    scale = dispersion * (power - 1) * mean ** (power - 1)
    j = np.arange(1, n_terms)
    terms = stats.poisson.logpmf(j, number) + stats.gamma.logpdf(y[:, None], j * shape, scale=scale)
    return np.logaddexp.reduce(terms, axis=1)


@SHAPED
def test_the_log_density_is_that_of_a_poisson_sum_of_gammas(power, dispersion):
    y = MEAN * np.array([1e-3, 0.1, 0.7, 1.0, 1.5, 4.0, 10.0])
    found = density.log_density(y, np.full(7, MEAN), dispersion, power)[0]
    # The largest target of one shape is left to the saddlepoint, 1e-7 off there.
    assert found == pytest.approx(by_definition(y, MEAN, dispersion, power), rel=1e-10, abs=1e-6)
    zero = density.log_density(np.zeros(1), np.full(1, MEAN), dispersion, power)[0]
    number = MEAN ** (2 - power) / (dispersion * (2 - power))
    assert zero[0] == pytest.approx(-number, rel=1e-14)


@pytest.mark.parametrize("power", [1.02, 1.3, 1.5, 1.7, 1.9, 1.98])
def test_the_saddlepoint_takes_over_without_a_jump(power):
    dispersion = 1.0 / (density.FARTHEST_PEAK * (2.0 - power))  # the peak of y = 1 lies there
    series = density._series(np.ones(1), dispersion, power)
    saddle = density._saddlepoint(np.ones(1), dispersion, power)
    assert saddle[0] == pytest.approx(series[0], abs=5e-5)
    for one, other in zip(series[1:], saddle[1:], strict=True):
        assert other == pytest.approx(one, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("power, dispersion", [*SHAPES, (1.5, 1e-3), (1.9, 1e-3)])
def test_slopes_are_those_of_the_log_density(power, dispersion):
    y = MEAN * np.array([0.0, 0.1, 0.7, 1.0, 1.5, 4.0])
    mean = np.full(6, MEAN)
    at = np.array([power, np.log(dispersion)])
    _, *found = density.log_density(y, mean, dispersion, power)
    for axis, by in enumerate(found):
        value = lambda v: density.log_density(y, mean, float(np.exp(v[1])), float(v[0]))[0]
        truth = slope(value, at, np.eye(2)[axis], step=1e-4)
        assert by == pytest.approx(truth, rel=1e-6, abs=1e-6 * np.abs(truth).max())


@SHAPED
def test_the_distribution_function_is_the_integral_of_the_density(power, dispersion):
    points = MEAN * np.array([0.5, 1.0, 2.0])
    found = density.probability_up_to(points, MEAN, dispersion, power)
    atom = float(density.probability_up_to(np.zeros(1), np.full(1, MEAN), dispersion, power)[0])
    # By the log of y: near zero the density of small shapes has a pole.
    each = lambda u: np.exp(u + by_definition(np.exp([u]), MEAN, dispersion, power))[0]
    total = atom
    ends = np.log(points)
    for start, end, probability in zip([-300.0, *ends], ends, found, strict=False):
        total += integrate.quad(each, start, end, limit=400)[0]
        assert probability == pytest.approx(total, abs=2e-4)  # the saddlepoint's error


@pytest.mark.parametrize("power", [1.05, 1.2, 1.5, 1.8, 1.95])
def test_series_and_saddlepoint_of_the_distribution_agree_where_they_meet(power):
    number = max(density.FARTHEST_MEAN_NUMBER, 1.0 / (density.LEAST_SPREAD * (2.0 - power)))
    dispersion = 1.0 / (number * (2.0 - power))
    y = np.linspace(0.05, 3.0, 100)
    shape, size = (2 - power) / (power - 1), dispersion * (power - 1)
    series = density._sum_over_numbers(y / size, np.full(100, number), shape)
    saddle = density._lugannani_rice(y, np.ones(100), dispersion, power)
    assert np.abs(series - saddle).max() < 2e-4
    assert (np.diff(saddle) >= -1e-12).all()
    edge = density._lugannani_rice(np.array([0.0, 1e-200, 1e300]), np.ones(3), dispersion, power)
    assert edge == pytest.approx([0.0, 0.0, 1.0], abs=1e-12)


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e6])
def test_the_likeliest_power_does_not_depend_on_the_unit_and_is_a_maximum(unit):
    rng = np.random.default_rng(0)
    mean = np.exp(rng.normal(0.0, 0.7, 2_000))
    number = rng.poisson(mean**0.4 / (0.8 * 0.4))
    y = np.where(number > 0, rng.gamma(np.maximum(number * 0.4 / 0.6, 1e-300)), 0.0)
    y *= 0.8 * 0.6 * mean**0.6
    weight = np.ones(2_000)
    found = likeliest_power(unit * y, unit * mean, weight, 1.5)
    assert found == pytest.approx(likeliest_power(y, mean, weight, 1.3), abs=2e-4)
    assert found == pytest.approx(1.6, abs=0.05)  # two standard errors

    def profile(power):
        grid = np.linspace(np.log(0.4), np.log(1.6), 200)
        values = [density.log_density(y, mean, np.exp(g), power)[0].sum() for g in grid]
        return max(values)

    assert profile(found) >= max(profile(found - 0.01), profile(found + 0.01))


def test_a_power_without_a_maximum_inside_ends_on_a_bound():
    rng = np.random.default_rng(0)
    mean = np.full(500, 3.0)
    counts = rng.poisson(3.0, 500).astype(float)
    assert likeliest_power(counts, mean, np.ones(500), 1.5) == pytest.approx(SMALLEST_POWER)
    normal = np.abs(rng.gamma(0.7, 3.0 / 0.7, 500))
    assert likeliest_power(normal, mean, np.ones(500), 1.5) == pytest.approx(LARGEST_POWER, abs=0.2)
