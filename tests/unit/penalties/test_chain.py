"""The proximal map of a chain: against a numerical minimiser, and by what defines it."""

import time

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from derivata.penalties.chain import prox_chain


def by_the_dual(values, pull, hold, weight):
    """The minimiser from its dual, least squares in a box, by SciPy.

    v = values - (D^T u + s) / weight,    |u| <= pull, |s| <= hold
    """
    n = len(values)
    root = np.sqrt(weight)
    matrix = np.column_stack([np.diff(np.eye(n), axis=0).T, np.eye(n)]) / root[:, None]
    bound = np.append(pull, hold)
    kept = bound > 0.0
    if not kept.any():
        return values
    box = (-bound[kept], bound[kept])
    found = lsq_linear(matrix[:, kept], root * values, box, method="bvls", tol=1e-15, max_iter=9999)
    return values - matrix[:, kept] @ found.x / root


def drawn(rng, n):
    """A chain of any kind: strengths that are zero, equal or far apart, ties among the values."""
    values = rng.standard_normal(n) * rng.choice([0.1, 1.0, 10.0])
    if rng.random() < 0.3:
        values = np.round(values)
    pull = rng.random(n - 1) * rng.choice([0.0, 0.1, 1.0, 5.0])
    pull[rng.random(n - 1) < 0.2] = 0.0
    hold = rng.random(n) * rng.choice([0.0, 0.1, 1.0, 5.0])
    hold[rng.random(n) < 0.2] = 0.0
    if rng.random() < 0.3:
        pull, hold = np.full(n - 1, 0.5), np.full(n, rng.choice([0.0, 0.5]))
    weight = rng.random(n) + 0.1 if rng.random() < 0.5 else np.ones(n)
    return values, pull, hold, weight


def test_prox_is_the_numerical_minimiser_of_what_defines_it():
    rng = np.random.default_rng(0)
    for _ in range(400):
        problem = drawn(rng, rng.integers(1, 9))
        # Both are exact to rounding; SciPy's ends at 1e-15 of a residual of up to 30.
        assert np.abs(prox_chain(*problem) - by_the_dual(*problem)).max() < 1e-11


@pytest.mark.parametrize("strength", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("kind", ["noise", "steps", "walk"])
def test_the_conditions_of_optimality_hold_on_a_long_chain(kind, strength):
    rng = np.random.default_rng(1)
    n = 20_000
    values = rng.standard_normal(n)
    if kind == "steps":
        values = 0.1 * values + np.repeat(rng.standard_normal(n // 100), 100)
    if kind == "walk":
        values = np.cumsum(values)
    found = prox_chain(values, np.full(n - 1, strength), np.zeros(n), np.ones(n))
    u = np.cumsum(values - found)  # the multiplier of each difference
    step = np.diff(found)
    rounding = 1e-10 * np.abs(values).max()
    assert abs(u[-1]) < rounding
    assert np.abs(u[:-1]).max() < strength + rounding
    apart = step != 0.0
    assert np.abs(u[:-1][apart] + strength * np.sign(step[apart])).max(initial=0.0) < rounding
    # Sizes beside the variation, of equal strength and weight, are a soft threshold after it.
    held = prox_chain(values, np.full(n - 1, strength), np.full(n, 0.3), np.ones(n))
    soft = np.sign(found) * np.maximum(np.abs(found) - 0.3, 0.0)
    assert np.abs(held - soft).max() < rounding


def test_neighbours_that_are_joined_are_equal_to_the_bit():
    values = np.random.default_rng(2).standard_normal(500)
    found = prox_chain(values, np.full(499, 2.0), np.zeros(500), np.ones(500))
    assert len(np.unique(found)) < 60
    assert ((np.diff(found) == 0.0) | (np.abs(np.diff(found)) > 1e-6)).all()


def test_infinite_strengths_join_a_chain_and_hold_it_at_zero():
    values = np.array([1.0, 2.0, 6.0, -5.0])
    pull, ones = np.array([np.inf, np.inf, 0.0]), np.ones(4)
    assert np.allclose(prox_chain(values, pull, np.zeros(4), ones), [3.0, 3.0, 3.0, -5.0])
    assert (prox_chain(values, pull, np.full(4, np.inf), ones) == 0.0).all()
    assert np.array_equal(prox_chain(values, np.zeros(3), np.zeros(4), ones), values)
    # One entry held for good takes its neighbours with it.
    one = prox_chain(values, pull, np.array([0.0, np.inf, 0.0, 0.0]), ones)
    assert one.tolist() == [0.0, 0.0, 0.0, -5.0]


def test_a_value_that_is_no_number_stays_in_its_chain():
    values = np.array([1.0, np.nan, 2.0, 3.0, 4.0])
    found = prox_chain(values, np.array([1.0, 1.0, 0.0, 0.5]), np.zeros(5), np.ones(5))
    assert np.isnan(found[:3]).all() and np.array_equal(found[3:], [3.5, 3.5])


def test_nothing_is_something():
    assert prox_chain(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0)).shape == (0,)
    assert prox_chain(np.array([2.0]), np.zeros(0), np.array([0.5]), np.ones(1)) == [1.5]


def test_the_cost_is_linear_in_the_length():
    rng = np.random.default_rng(3)

    def seconds(n):
        values = rng.standard_normal(n)
        start = time.process_time()
        prox_chain(values, np.full(n - 1, 3.0), np.zeros(n), np.ones(n))
        return time.process_time() - start

    seconds(1_000)
    # 0.08 s for 100,000 entries were measured; a busy machine may take ten times as long.
    assert seconds(100_000) < 0.8
