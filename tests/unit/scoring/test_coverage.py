"""Coverage and the probability integral transform."""

import numpy as np
import pytest
from scipy import stats

from derivata.errors import InvalidData, InvalidParameter
from derivata.scoring.coverage import interval_coverage, pit


def test_coverage_is_a_weighted_share_with_the_error_that_the_level_has():
    y = np.array([0.0, 1.0, 2.0, 3.0])
    found = interval_coverage(
        y, y - 1, y + np.array([1, -0.5, 1, 1]), 0.8, np.array([1.0, 2, 1, 1])
    )
    assert found.share == pytest.approx(3 / 5) and found.level == 0.8
    assert found.standard_error == pytest.approx((0.16 / (25 / 7)) ** 0.5)
    assert found.mean_width == pytest.approx((2 + 2 * 0.5 + 2 + 2) / 5)
    assert found.z == pytest.approx(-0.2 / found.standard_error)
    assert str(found).startswith("80 % intervals hold 60.0 %")


def test_intervals_between_whole_numbers_should_hold_more_than_their_level():
    rng = np.random.default_rng(0)
    y = rng.poisson(2.0, 2000)
    lower, upper = stats.poisson(2.0).interval(0.5)
    own = stats.poisson.cdf(upper, 2.0) - stats.poisson.cdf(lower - 1, 2.0)
    ends = np.full(2000, lower), np.full(2000, upper)
    assert interval_coverage(y, *ends, 0.5).z > 5
    found = interval_coverage(y, *ends, 0.5, probability=np.full(2000, own))
    assert found.expected == pytest.approx(own) and abs(found.z) < 3
    assert "of whole numbers" in str(found)


def test_intervals_that_are_right_are_within_their_error():
    rng = np.random.default_rng(0)
    z = [
        interval_coverage(rng.normal(size=200), np.full(200, -1.645), np.full(200, 1.645), 0.9).z
        for _ in range(300)
    ]
    assert np.mean(np.abs(z) < 2) > 0.92


@pytest.mark.parametrize("discrete", [False, True])
def test_right_distributions_have_a_flat_transform(discrete):
    rng = np.random.default_rng(0)
    worst, means, spreads = [], [], []
    for _ in range(200):
        if discrete:
            mean = rng.uniform(0.3, 6.0, 400)
            y = rng.poisson(mean)
            found = pit(stats.poisson.cdf(y - 1, mean), stats.poisson.cdf(y, mean))
        else:
            u = rng.random(400)
            found = pit(u, u)
        assert found.shares.sum() == pytest.approx(1.0)
        worst.append(found.chi_square)
        means.append((found.mean - 0.5) / found.mean_error)
        spreads.append((found.spread - 1.0) / found.spread_error)
    # Spread jumps make the tenths of counts more even than those of numbers.
    assert np.mean(worst) == pytest.approx(9.0, rel=0.1) or (discrete and np.mean(worst) < 9.0)
    assert np.std(means) == pytest.approx(1.0, abs=0.15)
    assert abs(np.mean(spreads)) < 0.3 and 0.5 < np.std(spreads) < 1.15


@pytest.mark.parametrize(
    ("shift", "width", "says"),
    [
        (0.0, 0.5, "too narrow"),
        (0.0, 2.0, "too wide"),
        (-0.5, 1.0, "too low"),
        (0.5, 1.0, "too high"),
    ],
)
def test_words_say_what_is_wrong_with_distributions(shift, width, says):
    y = np.random.default_rng(0).normal(size=2000)
    u = stats.norm(shift, width).cdf(y)
    assert says in pit(u, u).in_words()
    right = stats.norm.cdf(y)
    assert "neither" in pit(right, right).in_words()


def test_a_jump_from_none_to_all_is_flat_by_itself():
    found = pit(np.zeros(10), np.ones(10))
    np.testing.assert_allclose(found.shares, 0.1)
    assert found.mean == 0.5 and found.spread == pytest.approx(1.0)


def test_what_is_no_probability_is_refused():
    with pytest.raises(InvalidData, match="row 1 has"):
        pit(np.array([0.1, 0.5]), np.array([0.2, 0.4]))
    with pytest.raises(InvalidParameter, match="level"):
        interval_coverage(np.zeros(2), np.zeros(2), np.zeros(2), 95)
