"""The guard: a pull to the mean of the kind, and the ties that it ends in; and the weak prior."""

import numpy as np
import pytest

from derivata.tuning.guard import Guard, WeakPrior, no_guard
from tests.differences import jacobian, relative_error

KINDS = np.array([0, 1, 0, 2, 1, 0])
HYPER = np.array([1.0, -2.0, 3.0, 0.5, 4.0, 2.0])


def test_gradient_is_the_derivative_of_the_value():
    guard = Guard(0.7, KINDS)
    truth = jacobian(lambda h: guard.at(h)[0], HYPER)
    assert relative_error(guard.at(HYPER)[1], truth) < 1e-10


def test_the_value_is_the_formula():
    # Kind 0 has mean 2 and squares 1 + 1 + 0, kind 1 mean 1 and 9 + 9, kind 2 stands alone.
    assert Guard(0.5, KINDS).at(HYPER)[0] == pytest.approx(0.5 * 0.5 * 20.0, rel=1e-15)


def test_moving_a_whole_kind_costs_nothing():
    guard = Guard(2.0, KINDS)
    moved = HYPER + 3.0 * (KINDS == 1)
    assert guard.at(moved)[0] == pytest.approx(guard.at(HYPER)[0], rel=1e-14)
    assert np.bincount(KINDS, guard.at(HYPER)[1]) == pytest.approx(np.zeros(3), abs=1e-14)


def test_penalties_alone_in_their_kind_and_equal_ones_are_not_pulled():
    value, gradient = Guard(2.0, np.arange(6)).at(HYPER)
    assert value == 0.0 and (gradient == 0.0).all()
    value, gradient = Guard(2.0, KINDS).at(np.full(6, 1.5))
    assert value == 0.0 and (gradient == 0.0).all()


def test_no_guard_is_zero_also_for_no_penalties():
    for n in (0, 3):
        value, gradient = no_guard(n).at(np.ones(n))
        assert value == 0.0 and gradient.shape == (n,) and not gradient.any()


def test_ties_are_one_direction_a_kind_that_the_guard_does_not_feel():
    guard = Guard(1.0, KINDS)
    ties = guard.ties()
    assert ties.shape == (6, 3)
    assert (ties.sum(axis=1) == 1.0).all()
    for direction in ties.T:
        assert guard.at(5.0 * direction)[0] == pytest.approx(0.0, abs=1e-14)
    assert Guard(1.0, np.zeros(0, dtype=int)).ties().shape == (0, 0)


@pytest.mark.parametrize("strength", [0.0, 0.7])
def test_curvature_is_the_derivative_of_the_gradient(strength):
    guard = Guard(strength, KINDS)
    truth = jacobian(lambda h: guard.at(h)[1], HYPER)
    assert relative_error(guard.curvature(HYPER), truth) < 1e-10


@pytest.mark.parametrize("rate", [0.0, 2.5, np.linspace(0.5, 2.0, 6)], ids=["0", "2.5", "each"])
def test_a_weak_prior_has_the_derivatives_of_its_value(rate):
    prior = WeakPrior(Guard(0.3, KINDS), rate)
    value, gradient = prior.at(HYPER)
    pull = Guard(0.3, KINDS).at(HYPER)[0]
    assert value == pytest.approx(pull + (rate * np.exp(-0.5 * HYPER)).sum(), rel=1e-14)
    assert relative_error(gradient, jacobian(lambda h: prior.at(h)[0], HYPER)) < 1e-10
    assert relative_error(prior.curvature(HYPER), jacobian(lambda h: prior.at(h)[1], HYPER)) < 1e-10
    assert prior.strength == 0.3
    assert np.array_equal(prior.ties(), Guard(0.3, KINDS).ties())


def test_a_weak_prior_asks_for_less_of_every_block_and_most_of_the_largest():
    gradient = WeakPrior(no_guard(6), 1.0).at(HYPER)[1]
    assert (gradient < 0.0).all()  # descent raises every penalty
    assert np.array_equal(np.argsort(gradient), np.argsort(HYPER))
