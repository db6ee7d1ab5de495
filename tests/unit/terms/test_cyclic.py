"""Cyclic curves: they close, smoothly, wherever the period is said to begin."""

import numpy as np
import pytest

from derivata.errors import InvalidData, InvalidParameter
from derivata.terms import Cyclic


def fit(x, *options, weight=None, **named):
    return Cyclic("x", *options, **named).fit({"x": x}, weight)


def block(fitted, x):
    return fitted.block({"x": np.asarray(x, float)})


def draw(n_rows=500):
    return np.random.default_rng(0).uniform(0, 24, n_rows)


def test_values_a_period_apart_are_the_same():
    fitted, x = fit(draw(), 24, n_basis=8), np.linspace(0, 24, 50)
    for periods in (1, -3, 1000):
        np.testing.assert_allclose(block(fitted, x + 24 * periods), block(fitted, x), atol=1e-10)


@pytest.mark.parametrize("start", [0.0, 5.3, -1e4])
def test_the_join_is_as_smooth_as_any_other_place(start):
    fitted, h = fit(draw(), 24, start), 1e-3
    around = block(fitted, start + 24 * 7 + h * np.arange(-3, 4))
    slope = np.diff(around, axis=0) / h
    bend = np.diff(around, 2, axis=0) / h**2
    assert np.abs(np.diff(around, axis=0)).max() < 0.01
    # f'' is straight between knots, with a slope of order one here: over 5 h it moves that little.
    np.testing.assert_allclose(slope[0], slope[-1], atol=10 * h)
    np.testing.assert_allclose(bend[0], bend[-1], atol=20 * h)
    assert np.abs(bend).max() > 0.01


def test_the_square_sum_of_the_coefficients_is_the_roughness_of_a_period():
    n_basis, period, start = 7, 24.0, 3.0
    fitted, rng, ratios = fit(draw(), period, start, n_basis), np.random.default_rng(1), []
    for _ in range(6):
        coef = rng.standard_normal(len(fitted.names))
        total = 0.0
        for i in range(n_basis):
            a, b = start + period * i / n_basis, start + period * (i + 1) / n_basis
            x = (a + b) / 2 + (b - a) / 2 * np.cos(np.pi * (np.arange(8) + 0.5) / 8)
            square = np.polynomial.Polynomial.fit(x, block(fitted, x) @ coef, 3).deriv(2) ** 2
            total += square.integ()(b) - square.integ()(a)
        ratios.append(total / (coef @ coef))
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-8)


def test_over_the_training_rows_curves_have_mean_zero_and_length_one():
    x, weight = draw(), np.random.default_rng(1).random(500)
    B = block(fit(x, 24, weight=weight), x)
    np.testing.assert_allclose(weight @ B, 0, atol=1e-10)
    assert weight @ (B**2).sum(1) / weight.sum() == pytest.approx(1, rel=1e-12)


def test_a_wave_is_within_reach():
    x = draw()
    B = np.column_stack([np.ones(500), block(fit(x, 24), x)])
    for wave in (np.sin(2 * np.pi * x / 24), np.cos(4 * np.pi * x / 24)):
        coef = np.linalg.lstsq(B, wave, rcond=None)[0]
        assert np.abs(B @ coef - wave).max() < 0.01


def test_few_phases_have_one_feature_fewer():
    for phases in ([6, 18], [0, 8, 16], range(0, 24, 4)):
        x = np.resize(np.array(phases, float), 100)
        fitted = fit(x, 24)
        assert len(fitted.names) == len(phases) - 1
        assert np.linalg.matrix_rank(block(fitted, x)) == len(phases) - 1


def test_gaps_are_the_average():
    x = draw()
    x[::4] = np.nan
    B = block(fit(x, 24), x)
    assert not B[::4].any()
    np.testing.assert_allclose(B.mean(0), 0, atol=1e-12)


def test_one_phase_is_refused():
    match = "column 'x' has 1 distinct places in its period of 24"
    with pytest.raises(InvalidData, match=match):
        fit(np.array([1.0, 25, 49]), 24)


def test_periods_name_features_apart():
    x = draw()
    assert not set(fit(x, 24).names) & set(fit(x, 12.5).names)
    assert fit(x, 24).label == "x (every 24)" and fit(x, 12.5).names[0] == "x~12.5~1"


@pytest.mark.parametrize("period", [0, -1, np.nan, np.inf, "day", True, None])
def test_a_period_is_a_positive_number(period):
    with pytest.raises(InvalidParameter, match="`period` is"):
        Cyclic("x", period)


def test_start_is_a_number_and_n_basis_a_count():
    with pytest.raises(InvalidParameter, match="`start` is nan"):
        Cyclic("x", 24, np.nan)
    with pytest.raises(InvalidParameter, match="`n_basis` is 2, expected a whole number from 3"):
        Cyclic("x", 24, n_basis=2)
