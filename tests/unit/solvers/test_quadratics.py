"""Quadratics plus norms: all sets of signs tried, and cases that once went round in circles."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize

from derivata.solvers.quadratic_groups import minimize_groups
from derivata.solvers.quadratic_lasso import minimize_lasso

TOL = 1e-10


def drawn(seed, m, rank=None, correlated=0.0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((rank or 2 * m, m)) + correlated * rng.standard_normal(
        (rank or 2 * m, 1)
    )
    H = X.T @ X
    linear = X.T @ rng.standard_normal(len(X)) * 2.0
    return H, linear, rng


def lasso_left(H, linear, pull, w):
    gradient = H @ w - linear
    zero = (w == 0.0) & (pull > 0.0)
    moving = np.abs(gradient + pull * np.sign(w))
    return np.where(zero, np.maximum(np.abs(gradient) - pull, 0.0), moving)


def by_signs(H, linear, pull):
    """The minimum over all sets of signs, in the naive way."""
    best, at = np.inf, None
    for signs in product((-1.0, 0.0, 1.0), repeat=len(linear)):
        s = np.array(signs)
        A = np.flatnonzero(s)
        w = np.zeros(len(s))
        if len(A):
            w[A] = np.linalg.solve(H[np.ix_(A, A)], (linear - pull * s)[A])
        value = 0.5 * w @ H @ w - linear @ w + pull @ np.abs(w)
        if value < best:
            best, at = value, w
    return at


@pytest.mark.parametrize("seed", range(20))
def test_the_lasso_is_the_best_of_all_sets_of_signs(seed):
    H, linear, rng = drawn(seed, 6, correlated=float(seed % 3))
    pull = rng.choice([0.1, 1.0, 5.0]) * np.ones(6)
    found = minimize_lasso(H, linear, pull, rng.standard_normal(6), np.full(6, TOL))
    assert np.abs(found - by_signs(H, linear, pull)).max() < 1e-9
    assert (lasso_left(H, linear, pull, found) <= TOL).all()


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("rank", [None, 10, 3])
def test_the_lasso_ends_from_anywhere_also_where_columns_depend_on_each_other(seed, rank):
    m = 40
    H, linear, rng = drawn(seed, m, rank, correlated=float(seed % 4))
    pull = np.abs(linear).max() * rng.choice([0.5, 0.1, 0.01]) * np.ones(m)
    pull[rng.integers(m)] = 0.0  # one is free
    start = rng.choice([0.0, 1.0, 100.0]) * rng.standard_normal(m)
    tol = np.full(m, 1e-9 * np.abs(linear).max())
    found = minimize_lasso(H, linear, pull, start, tol)
    assert (lasso_left(H, linear, pull, found) <= tol).all()


def test_of_columns_that_are_equal_one_enters():
    H, linear, _ = drawn(0, 4)
    twice = np.kron(np.ones((2, 2)), H)
    pull = np.full(8, 0.3 * np.abs(linear).max())
    found = minimize_lasso(twice, np.tile(linear, 2), pull, np.zeros(8), np.full(8, TOL))
    single = minimize_lasso(H, linear, pull[:4], np.zeros(4), np.full(4, TOL))
    assert np.abs(found[:4] + found[4:] - single).max() < 1e-9
    assert not ((found[:4] != 0.0) & (found[4:] != 0.0)).any()


def test_a_start_at_the_minimum_is_returned_as_it_is():
    H, linear, _ = drawn(1, 6)
    pull, tol = np.ones(6), np.full(6, 1e-8)
    end = minimize_lasso(H, linear, pull, np.zeros(6), np.full(6, TOL))
    assert minimize_lasso(H, linear, pull, end, tol) is end


def test_a_limit_of_rounds_returns_the_best_point_so_far():
    H, linear, rng = drawn(2, 30, correlated=3.0)
    pull, tol = np.full(30, 0.5), np.full(30, TOL)
    start = rng.standard_normal(30)
    found = minimize_lasso(H, linear, pull, start, tol, max_iter=1)

    def phi(w):
        return 0.5 * w @ H @ w - linear @ w + pull @ np.abs(w)

    assert phi(found) <= phi(start)


BLOCKS = np.array([0, 0, 0, 1, 1, 2, -1, 3, 3, 3])


def groups_left(H, linear, pull, w):
    gradient = H @ w - linear
    left = np.zeros(len(w))
    for block in np.unique(BLOCKS):
        members = BLOCKS == block
        g, v = gradient[members], w[members]
        if block < 0:
            left[members] = np.abs(g)
        elif v.any():
            left[members] = np.abs(g + pull[members] * v / np.linalg.norm(v))
        else:
            left[members] = max(np.linalg.norm(g) - pull[members][0], 0.0)
    return left


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("rank", [None, 6])
def test_groups_end_from_anywhere_with_every_condition_met(seed, rank):
    H, linear, rng = drawn(seed, 10, rank, correlated=float(seed % 3))
    strength = np.abs(linear).max() * rng.choice([0.8, 0.3, 0.03])
    pull = np.where(BLOCKS >= 0, strength, 0.0)
    start = rng.choice([0.0, 1.0, 50.0]) * rng.standard_normal(10)
    tol = np.full(10, 1e-9 * np.abs(linear).max())
    found = minimize_groups(H, linear, pull, BLOCKS, start, tol)
    assert (groups_left(H, linear, pull, found) <= tol).all()


def test_groups_of_one_are_the_lasso():
    H, linear, _ = drawn(3, 8)
    pull, tol = np.full(8, 0.3 * np.abs(linear).max()), np.full(8, TOL)
    found = minimize_groups(H, linear, pull, np.arange(8), np.zeros(8), tol)
    assert np.abs(found - minimize_lasso(H, linear, pull, np.zeros(8), tol)).max() < 1e-9


def test_groups_agree_with_a_general_minimiser():
    H, linear, _ = drawn(4, 10)
    pull = np.where(BLOCKS >= 0, 2.0, 0.0)
    found = minimize_groups(H, linear, pull, BLOCKS, np.zeros(10), np.full(10, TOL))

    def phi(w):
        norms = [np.linalg.norm(w[b == BLOCKS]) for b in range(4)]
        return 0.5 * w @ H @ w - linear @ w + 2.0 * sum(norms)

    other = minimize(phi, found + 0.1, method="Powell", options={"xtol": 1e-10, "ftol": 1e-14})
    assert phi(found) <= other.fun + 1e-9
