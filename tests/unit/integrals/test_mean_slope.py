"""Mean slopes of links, and contributions where outputs are sums."""

import numpy as np
import pytest

from derivata.integrals.links import Exponential, Identity, Logistic, MeanOfResponses, Softmax
from derivata.integrals.mean_slope import mean_slope
from derivata.integrals.summed_parts import linear_parts, share_out

LINKS = [
    (Identity(), 2),
    (Exponential(), 1),
    (Logistic(), 1),
    (Softmax(), 4),
    (MeanOfResponses(Softmax(), 2), 6),
]


@pytest.mark.parametrize(("link", "k"), LINKS)
@pytest.mark.parametrize("reach", [0.0, 1e-9, 0.3, 5.0, 60.0])
def test_mean_slopes_times_the_change_are_the_change_of_the_link(link, k, reach):
    rng = np.random.default_rng(0)
    start = rng.normal(size=(6, k))
    end = start + reach * rng.uniform(-1.0, 1.0, size=(6, k))
    slope, _ = mean_slope(link, start, end)
    change = link.value(end) - link.value(start)
    found = np.einsum("nqk,nk->nq", slope, end - start)
    np.testing.assert_allclose(found, change, rtol=1e-12, atol=1e-13 * max(reach, 1.0))


@pytest.mark.parametrize(("link", "k"), LINKS)
def test_mean_slopes_are_integrals_of_the_jacobian(link, k):
    rng = np.random.default_rng(1)
    start, end = rng.normal(size=(2, 3, k))
    place, weight = np.polynomial.legendre.leggauss(60)
    total = sum(
        0.5 * w * link.jacobian(start + 0.5 * (t + 1.0) * (end - start))
        for t, w in zip(place, weight, strict=True)
    )
    np.testing.assert_allclose(mean_slope(link, start, end)[0], total, atol=1e-13)


def test_linear_contributions_are_coefficients_times_the_change():
    rng = np.random.default_rng(2)
    weight, start, end = rng.normal(size=(2, 3)), rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    outputs = [values @ weight.T + 1.0 for values in (start, end)]
    found = share_out(linear_parts(weight, start, end), *outputs, Identity())
    expected = weight.T[None] * (end - start)[:, :, None]
    np.testing.assert_array_equal(found.values, expected)
    assert found.completeness_error.max() < 1e-14


def test_contributions_to_a_probability_are_in_proportion_to_those_to_the_log_odds():
    rng = np.random.default_rng(3)
    parts = rng.normal(size=(5, 4, 1))
    start = np.zeros((5, 1))
    found = share_out(parts, start, parts.sum(axis=1), Logistic())
    ratio = found.values / parts
    assert np.ptp(ratio, axis=1).max() < 1e-15
    assert found.completeness_error.max() < 1e-15
