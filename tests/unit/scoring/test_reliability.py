"""Reliability curves, score decompositions and the debiased calibration error."""

import numpy as np
import pytest
from scipy.special import expit

from derivata.errors import InvalidData, InvalidParameter, NotAvailable
from derivata.scoring.calibration_error import (
    calibration_error,
    equal_bins,
    usual_calibration_error,
)
from derivata.scoring.reliability import (
    brier,
    consistency_band,
    decomposition,
    log_loss,
    reliability_curve,
    squared,
)


def drawn(n_rows=500, slope=1.0, seed=0):
    """Outcomes of probabilities expit(slope z) that are said to be expit(z)."""
    rng = np.random.default_rng(seed)
    z = 1.5 * rng.standard_normal(n_rows)
    hit = (rng.random(n_rows) < expit(slope * z)).astype(float)
    return hit, expit(z), rng.integers(1, 4, n_rows).astype(float)


def test_the_reliability_curve_never_falls_and_keeps_the_mean():
    hit, p, weight = drawn()
    curve = reliability_curve(hit, p, weight)
    assert (np.diff(curve.observed) > 0).all() and (np.diff(curve.predicted) > 0).all()
    assert (curve.low <= curve.predicted).all() and (curve.predicted <= curve.high).all()
    assert curve.weight.sum() == weight.sum()
    assert curve.weight @ curve.observed == pytest.approx(weight @ hit)
    assert curve.weight @ curve.predicted == pytest.approx(weight @ p)
    recalibrated = curve.recalibrated(p)
    assert 0.0 <= recalibrated.min() and recalibrated.max() <= 1.0


def test_equal_predictions_are_one_step():
    curve = reliability_curve(np.array([0.0, 1, 1, 0]), np.array([0.3, 0.3, 0.7, 0.3]))
    np.testing.assert_allclose(curve.observed, [1 / 3, 1.0])
    np.testing.assert_allclose(curve.weight, [3.0, 1.0])


@pytest.mark.parametrize("score", [brier, log_loss, squared])
def test_a_score_is_the_sum_of_its_parts_none_below_zero(score):
    hit, p, weight = drawn(slope=0.6)
    parts = decomposition(hit, p, weight, score=score, name="score")
    assert parts.score == pytest.approx(np.average(score(hit, p), weights=weight))
    whole = parts.miscalibration - parts.discrimination + parts.uncertainty
    assert parts.score == pytest.approx(whole, rel=1e-12)
    assert min(parts.miscalibration, parts.discrimination, parts.uncertainty) > 0
    assert parts.explained == pytest.approx(1 - parts.score / parts.uncertainty)
    assert "miscalibration" in str(parts)


def test_recalibrated_predictions_have_no_miscalibration_left():
    hit, p, weight = drawn(slope=0.4)
    curve = reliability_curve(hit, p, weight)
    step = np.searchsorted(curve.high, p - 1e-15)
    parts = decomposition(hit, curve.observed[step], weight, score=brier, name="Brier")
    assert parts.miscalibration == pytest.approx(0.0, abs=1e-12)


def test_one_constant_neither_discriminates_nor_is_off():
    hit, _, weight = drawn()
    constant = np.full(len(hit), np.average(hit, weights=weight))
    parts = decomposition(hit, constant, weight, score=log_loss, name="log-loss")
    assert parts.miscalibration == pytest.approx(0.0, abs=1e-12) == parts.discrimination


def test_the_band_holds_calibrated_curves_and_not_others():
    hit, p, weight = drawn(2000)
    at, low, high = consistency_band(p, weight)
    assert (low <= high).all() and (np.diff(low) >= 0).all() and (np.diff(high) >= 0).all()
    inside = reliability_curve(hit, p, weight).recalibrated(at)
    assert ((low - 0.02 <= inside) & (inside <= high + 0.02)).mean() > 0.9
    other, p, weight = drawn(2000, slope=0.3)
    outside = reliability_curve(other, p, weight).recalibrated(at)
    assert ((low <= outside) & (outside <= high)).mean() < 0.5
    again = consistency_band(p, weight, random_state=0)
    np.testing.assert_array_equal(again[1], consistency_band(p, weight)[1])


# the calibration error


def test_the_squared_error_is_right_on_average_where_the_usual_one_is_not():
    found = [calibration_error(*drawn(300, seed=seed)) for seed in range(400)]
    squares = np.array([one.squared for one in found])
    assert abs(squares.mean()) < 3 * squares.std() / 20
    assert np.mean([one.null_error for one in found]) == pytest.approx(squares.std(), rel=0.15)
    usual = [usual_calibration_error(*drawn(300, seed=seed)) for seed in range(50)]
    assert np.mean(usual) > 0.04  # of predictions that are exactly right


def test_its_error_bar_covers_the_true_error():
    p = expit(1.5 * np.random.default_rng(99).standard_normal(200_000))
    z = np.log(p / (1 - p))
    truth = np.mean((expit(0.5 * z) - p) ** 2)
    found = [calibration_error(*drawn(1000, slope=0.5, seed=seed)) for seed in range(300)]
    apart = np.array([(one.squared - truth) / one.standard_error for one in found])
    # The square is skewed and its bar short where it is small: over more seeds it is .93 here.
    assert 0.9 <= np.mean(np.abs(apart) < 1.96) <= 0.98
    inside = [one.interval()[0] <= truth**0.5 <= one.interval()[1] for one in found]
    assert 0.9 <= np.mean(inside)
    assert found[0].root == pytest.approx(truth**0.5, rel=0.3) and found[0].z > 2
    assert "calibration error" in str(found[0])


def test_bins_are_nearly_equal_and_never_cut_ties():
    predicted = np.round(np.random.default_rng(0).random(200), 1)
    bins = equal_bins(predicted, np.ones(200), 8)
    assert sorted(np.concatenate(bins)) == list(range(200))
    for lower, higher in zip(bins[:-1], bins[1:], strict=True):
        assert predicted[lower].max() < predicted[higher].min()
    assert len(equal_bins(np.zeros(20), np.ones(20), 5)) == 1


def test_numbers_have_a_calibration_error_too():
    rng = np.random.default_rng(0)
    mean = rng.normal(size=2000)
    y = mean + 0.3 + rng.normal(size=2000)
    low, high = calibration_error(y, mean).interval()
    assert low < 0.3 < high


def test_what_cannot_be_judged_is_refused():
    hit, p, _ = drawn(20)
    with pytest.raises(NotAvailable, match="too few"):
        calibration_error(hit[:4], p[:4])
    with pytest.raises(InvalidParameter, match="n_bins"):
        calibration_error(hit, p, n_bins=0)
    with pytest.raises(InvalidParameter, match="level"):
        calibration_error(hit, p).interval(1.0)
    with pytest.raises(InvalidData, match="link scale"):
        consistency_band(np.array([0.2, 1.4]))
