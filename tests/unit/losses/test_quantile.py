"""The smoothed pinball loss: sharp in the limit, with the quantile at its minimum."""

import numpy as np
import pytest

from derivata.errors import InvalidParameter
from derivata.losses import QuantileLoss
from derivata.losses.quantile import weighted_quantile


@pytest.mark.parametrize("level", [0.05, 0.5, 0.9])
def test_the_loss_lies_above_the_pinball_by_at_most_width_log_2(level):
    r = np.linspace(-5.0, 5.0, 101)
    pinball = np.where(r > 0, level * r, (level - 1.0) * r)
    for width in (1.0, 0.1, 1e-6):
        above = QuantileLoss(level, width).at(r, np.zeros((101, 1))).value - pinball
        assert (above >= -1e-15).all() and above.max() == pytest.approx(width * np.log(2.0))


def test_the_best_constant_has_the_smoothed_share_of_rows_below_it():
    rng = np.random.default_rng(0)
    y, weight = rng.standard_cauchy(200), rng.choice([0.0, 1.0, 3.0], 200)
    null = float(QuantileLoss(0.8, 0.05).null_outputs(y, weight)[0])
    share = np.average(1.0 / (1.0 + np.exp(np.clip((y - null) / 0.05, -700, 700))), weights=weight)
    assert share == pytest.approx(0.8, abs=1e-13)
    # At a width far below the gaps between targets it is the quantile itself.
    sharp = QuantileLoss(0.8, 1e-7).null_outputs(y, weight)
    assert sharp[0] == pytest.approx(weighted_quantile(y, weight, 0.8), abs=1e-5)


@pytest.mark.parametrize("y", [np.full(5, 3.0), np.array([-1e9, 0.0, 1e9]), np.zeros(1)])
@pytest.mark.parametrize("width", [1e-3, 1e3])
def test_the_best_constant_is_found_for_odd_targets(y, width):
    loss = QuantileLoss(0.3, width)
    null = loss.null_outputs(y, np.ones(len(y)))
    gradient = loss.at(y, np.full((len(y), 1), null[0])).gradient
    # Rounding of z itself, in widths, is what a slope can be exact to.
    assert abs(gradient.sum()) <= 1e-12 + 1e-15 * np.abs(y).max() / width


def test_the_weighted_quantile_is_a_target_with_enough_weight_at_or_below_it():
    y, weight = np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 1.0])
    assert [weighted_quantile(y, weight, q) for q in (0.1, 0.5, 0.6, 1.0)] == [1.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, float("nan")])
def test_a_level_that_is_no_probability_is_refused(level):
    with pytest.raises(InvalidParameter, match="`level` is"):
        QuantileLoss(level)


@pytest.mark.parametrize("width", [0.0, -1.0, float("inf"), float("nan")])
def test_a_width_that_is_not_positive_is_refused(width):
    with pytest.raises(InvalidParameter, match="`width` is"):
        QuantileLoss(0.5, width)
