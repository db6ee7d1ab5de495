"""The checker passes right gradients, finds wrong ones and says where."""

import numpy as np
import pytest

from derivata.gradient_check import gradient_check


def function(x):
    return float(np.sum(np.exp(x)) + x[0] * x[1])


def gradient(x):
    result = np.exp(x)
    result[0] += x[1]
    result[1] += x[0]
    return result


@pytest.mark.parametrize("n", [2, 7, 40])
def test_a_right_gradient_passes(n):
    at = np.random.default_rng(0).standard_normal(n)
    check = gradient_check(function, gradient(at), at)
    # Central differences of the best step: eps^(2/3) of the value.
    assert check.relative_error < 1e-8


@pytest.mark.parametrize("n", [2, 7, 40])
def test_a_factor_is_found_and_its_size_given(n):
    at = np.random.default_rng(0).standard_normal(n)
    check = gradient_check(function, 2.0 * gradient(at), at)
    assert check.relative_error > 0.1
    assert check.stated == pytest.approx(2.0 * check.numerical, rel=1e-6)


def test_one_wrong_entry_is_named_by_the_direction():
    at = np.random.default_rng(0).standard_normal(7)
    wrong = gradient(at)
    wrong[4] += 0.1
    check = gradient_check(function, wrong, at)
    assert np.array_equal(check.worst_direction, np.eye(7)[4])
    assert check.stated - check.numerical == pytest.approx(0.1, rel=1e-6)


def test_directions_can_be_chosen():
    at = np.zeros(3)
    wrong = gradient(at) + np.array([0.0, 0.0, 5.0])
    blind = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert gradient_check(function, wrong, at, directions=blind).relative_error < 1e-8


def test_the_same_seed_draws_the_same_directions():
    at = np.random.default_rng(0).standard_normal(40)
    one, other = (gradient_check(function, 2 * gradient(at), at, random_state=3) for _ in "ab")
    assert np.array_equal(one.worst_direction, other.worst_direction)
    another = gradient_check(function, 2 * gradient(at), at, random_state=4)
    assert not np.array_equal(one.worst_direction, another.worst_direction)


@pytest.mark.parametrize("size", [1e-6, 1e6])
def test_points_and_values_of_any_size_are_judged_alike(size):
    at = size * np.array([1.0, -2.0])
    check = gradient_check(lambda x: float(x @ x), 2.0 * at, at)
    # Steps are taken in units of max(1, |x|), exact for a square at any step.
    assert check.relative_error < 1e-4


def test_a_value_or_gradient_that_is_nan_does_not_pass():
    at = np.ones(2)
    assert not gradient_check(lambda x: float("nan"), np.ones(2), at).relative_error < 1e-6
    assert not gradient_check(function, np.array([np.nan, 1.0]), at).relative_error < 1e-6
    check = gradient_check(lambda x: float("nan"), np.ones(2), at)
    assert check.relative_error >= 0.0
