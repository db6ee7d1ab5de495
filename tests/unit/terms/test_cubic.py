"""Cubic splines by their bends: the B-splines they become, and their roughness."""

import numpy as np
import pytest
from scipy.interpolate import BSpline

from derivata.terms.cubic import CubicSplines, full_knots, roughness


def draw(spread, n_knots=8, seed=0):
    """Knots whose distances differ by factors up to about e^(2 spread); splines at random."""
    rng = np.random.default_rng(seed)
    knots = np.append(0, np.cumsum(np.exp(spread * rng.uniform(-1, 1, n_knots - 1))))
    knots = knots / knots[-1]
    bends, (value, slope) = rng.standard_normal((n_knots, 3)), rng.standard_normal((2, 3))
    rows = tuple(map(tuple, bends.tolist()))
    return CubicSplines(tuple(knots.tolist()), rows, tuple(value.tolist()), tuple(slope.tolist()))


SPREADS = pytest.mark.parametrize("spread", [0, 2, 8])


@SPREADS
def test_the_b_splines_have_the_bends_value_and_slope(spread):
    splines = draw(spread)
    curve = BSpline(full_knots(splines.knots), splines.coefficients, 3)
    np.testing.assert_allclose(curve(0), splines.value, rtol=1e-12)
    np.testing.assert_allclose(curve(0, 1), splines.slope, rtol=1e-5)
    slopes = BSpline(full_knots(splines.knots)[1:-1], splines.slopes, 2)
    u = np.linspace(0, 1, 50)
    np.testing.assert_allclose(curve(u, 1), slopes(u), atol=1e-6)
    np.testing.assert_allclose(slopes(np.array(splines.knots), 1), splines.bends, atol=1e-6)


@pytest.mark.parametrize("adaptive", [False, True])
def test_the_roughness_is_the_integral_of_the_squared_second_derivative(adaptive):
    splines = draw(2)
    curve = BSpline(full_knots(splines.knots), splines.coefficients, 3)
    nodes, weights = np.polynomial.legendre.leggauss(3)
    widest, total = np.diff(splines.knots).max(), 0.0
    for a, b in zip(splines.knots[:-1], splines.knots[1:], strict=True):
        second = curve((a + b) / 2 + (b - a) / 2 * nodes, 2)
        local = (b - a) / widest if adaptive else 1.0
        total = total + local * (b - a) / 2 * (second.T * weights) @ second
    bends = np.array(splines.bends)
    R = roughness(splines.knots, adaptive=adaptive)
    np.testing.assert_allclose(bends.T @ R @ bends, total, rtol=1e-9)


def test_adaptive_roughness_is_the_plain_one_for_evenly_spaced_knots():
    knots = np.linspace(0, 1, 9)
    np.testing.assert_allclose(roughness(knots, adaptive=True), roughness(knots), rtol=1e-14)
    bent = knots**2
    assert not np.allclose(roughness(bent, adaptive=True), roughness(bent), rtol=0.1)


def test_adaptive_roughness_is_in_the_unit_of_the_plain_one():
    # Both are bends squared times a length, so a stretch of the knots changes them alike.
    knots = np.linspace(0, 1, 9) ** 2
    for adaptive in (False, True):
        R = roughness(knots, adaptive=adaptive)
        np.testing.assert_allclose(roughness(1e9 * knots, adaptive=adaptive), 1e9 * R, rtol=1e-14)


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_the_roughness_is_well_conditioned_whatever_the_knots(seed, adaptive):
    R = roughness(draw(15, 12, seed).knots, adaptive=adaptive)
    scale = 1 / np.sqrt(np.diag(R))
    assert np.linalg.cond(scale[:, None] * R * scale) <= 3 + 1e-12


@SPREADS
def test_beyond_the_knots_splines_are_straight(spread):
    splines = draw(spread)
    below, above = splines.at(np.array([0.0, -1, -2])), splines.at(np.array([1.0, 2, 3]))
    np.testing.assert_allclose(below[0] - below[1], splines.slope, rtol=1e-9)
    for line, slope in ((below, -np.array(splines.slope)), (above, splines.slopes[-1])):
        np.testing.assert_allclose(np.diff(line, axis=0), [slope, slope], rtol=1e-9)


def test_no_splines_are_an_empty_block():
    assert CubicSplines((0.0, 1.0), ((), ()), (), ()).at(np.zeros(4)).shape == (4, 0)
