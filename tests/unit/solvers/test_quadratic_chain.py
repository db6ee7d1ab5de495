"""The quadratic problem with total variation: the same minimum by other means, hard ones too."""

import numpy as np
import pytest

from derivata.penalties import FREE, ChainVariation
from derivata.solvers.quadratic_chain import minimize_chain
from derivata.solvers.quadratic_lasso import minimize_lasso


def drawn(kind, p, rng):
    """H and q of a signal of steps seen through a matrix of some kind."""
    truth = np.repeat(rng.standard_normal(p // 8 + 1), 8)[:p]
    n_rows = 2 * p if kind != "wide" else p // 2
    X = rng.standard_normal((n_rows, p))
    if kind == "identity":
        X = np.eye(p)
    if kind == "smooth columns":
        X = np.cumsum(X, axis=1)
    if kind == "blur":
        place = np.arange(p)
        X = np.exp(-((place[:, None] - place) ** 2) / 18.0)
    y = X @ truth + 0.3 * rng.standard_normal(len(X))
    return X.T @ X, X.T @ y


KINDS = pytest.mark.parametrize("kind", ["identity", "plain", "smooth columns", "blur", "wide"])


@KINDS
@pytest.mark.parametrize("p", [20, 80])
@pytest.mark.parametrize("strength", [1.0, 30.0, 500.0])
def test_the_minimum_is_that_of_a_lasso_on_the_differences(kind, p, strength):
    H, q = drawn(kind, p, np.random.default_rng(p))
    largest = np.abs(np.cumsum(q - H.sum(axis=0) * q.sum() / H.sum())).max()
    alpha = largest / strength
    penalty = ChainVariation(np.zeros(p, dtype=int))
    tol = np.full(p, 1e-9 * np.linalg.norm(q))
    found = minimize_chain(H, q, penalty, np.log([alpha]), np.zeros(p), tol)
    # w = C v, C of ones on and below the diagonal: v_1 is free, and |v_j| is what is penalised.
    C = np.tril(np.ones((p, p)))
    pull = np.append(0.0, np.full(p - 1, alpha))
    v = minimize_lasso(C.T @ H @ C, C.T @ q, pull, np.zeros(p), 0.5 * tol)

    def phi(w):
        return 0.5 * w @ H @ w - q @ w + alpha * np.abs(np.diff(w)).sum()

    # As far above the minimum as the tolerance of the gradient allows, and what is rounded.
    assert phi(found) <= phi(C @ v) + 1e-9 * abs(phi(found))
    left = penalty.shortest(found, np.log([alpha]), H @ found - q)
    assert np.abs(left).max() <= tol[0]


@KINDS
@pytest.mark.parametrize("strength", [1.0, 30.0, 500.0])
def test_sizes_beside_it_are_no_harder(kind, strength):
    p = 40
    H, q = drawn(kind, p, np.random.default_rng(7))
    chains = np.where(np.arange(p) == 11, FREE, np.arange(p) // 25)
    penalty = ChainVariation(chains, 1, ("variation", "l1"))
    alpha = np.abs(q).max() / strength
    hyper, tol = np.log([alpha, 0.3 * alpha]), np.full(p, 1e-9 * np.linalg.norm(q))
    start = np.random.default_rng(1).standard_normal(p)
    for w in (np.zeros(p), start):
        found = minimize_chain(H, q, penalty, hyper, w, tol)
        assert np.abs(penalty.shortest(found, hyper, H @ found - q)).max() <= tol[0]


def test_without_a_chain_it_is_a_linear_system():
    penalty = ChainVariation(np.full(3, FREE))
    H, q = np.diag([1.0, 2.0, 4.0]), np.ones(3)
    found = minimize_chain(H, q, penalty, np.zeros(1), np.zeros(3), np.full(3, 1e-9))
    assert np.allclose(found, [1.0, 0.5, 0.25])
    assert np.array_equal(penalty.prox(q, np.zeros(1), 1.0), q)
    assert np.array_equal(penalty.shortest(q, np.zeros(1), q), q)


def test_a_problem_without_curvature_ends():
    penalty = ChainVariation(np.zeros(4, dtype=int))
    H, q = np.zeros((4, 4)), np.array([0.5, -0.5, 0.2, -0.2])
    found = minimize_chain(H, q, penalty, np.zeros(1), np.zeros(4), np.full(4, 1e-9))
    assert np.isfinite(found).all() and np.ptp(found) == 0.0


@pytest.mark.parametrize("kind", ["plain", "running sums", "repeated columns"])
@pytest.mark.parametrize("names", [("variation",), ("variation", "l1")], ids=["tv", "fused"])
def test_any_problem_ends_at_its_minimum_also_where_columns_repeat(kind, names):
    # Breaking two numbers off at once once went up, where H was singular and signs did not come.
    rng = np.random.default_rng(5)
    for _ in range(60):
        p, n_rows = int(rng.integers(2, 40)), int(rng.integers(1, 60))
        X = rng.standard_normal((n_rows, p))
        if kind == "running sums":
            X = np.cumsum(X, axis=1)
        if kind == "repeated columns":
            X = X[:, rng.integers(0, p, p)]
        y = X @ np.repeat(rng.standard_normal(p // 4 + 1), 4)[:p] + rng.standard_normal(n_rows)
        H, q = X.T @ X, X.T @ y
        drawn_chains = rng.integers(-1, 2, p)
        number = np.unique(drawn_chains[drawn_chains >= 0], return_inverse=True)[1]
        chains = drawn_chains.copy()
        chains[drawn_chains >= 0] = number
        penalty = ChainVariation(chains, 1, names)
        hyper = np.log(np.abs(q).max() * 10.0 ** rng.uniform(-4.0, 0.5, len(names)))
        tol = np.full(p, 1e-9 * np.sqrt(np.diagonal(H).max() * (y @ y)))
        start = rng.standard_normal(p) if rng.random() < 0.5 else np.zeros(p)
        found = minimize_chain(H, q, penalty, hyper, start, tol)
        assert np.abs(penalty.shortest(found, hyper, H @ found - q)).max() <= tol[0]
