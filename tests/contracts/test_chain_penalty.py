"""Every penalty of total variation: away from its kinks by differences, at them by definition."""

import numpy as np
import pytest
from scipy.optimize import minimize

from derivata.errors import InvalidParameter, NotAvailable
from derivata.penalties import FREE, ChainVariation
from tests.differences import jacobian, relative_error, slope

# Two chains woven into each other, and free columns among them.
CHAINS = np.array([0, 1, FREE, 0, 0, 1, FREE, 0])
PENALTIES = {
    "a chain": ChainVariation(np.zeros(5, dtype=int)),
    "chains": ChainVariation(CHAINS),
    "chains with sizes": ChainVariation(CHAINS, 1, ("variation", "l1")),
    "two outputs": ChainVariation(np.array([0, 0, FREE, 0]), 2, ("variation", "l1")),
}
CASES = pytest.mark.parametrize("penalty", PENALTIES.values(), ids=list(PENALTIES))
EXACT = 1e-9


def drawn(penalty, kinks=True):
    """Params, with a run of equal neighbours and one at zero, and hyper."""
    rng = np.random.default_rng(0)
    params, hyper = rng.standard_normal(penalty.n_params), 0.3 * rng.standard_normal(2)
    if kinks:
        first, second, third = penalty.order[:3]
        params[second] = params[first]
        if penalty.n_hyper == 2:
            params[third] = 0.0
    return params, hyper[: penalty.n_hyper]


def by_hand(penalty, params, hyper):
    """R from its definition, chain by chain."""
    alpha1, alpha2 = penalty.strengths(hyper)
    total = 0.0
    for output in params.reshape(penalty.n_outputs, -1):
        for chain in range(penalty.n_chains):
            entries = output[penalty.chains == chain]
            total += alpha1 * np.abs(np.diff(entries)).sum() + alpha2 * np.abs(entries).sum()
    return total


@CASES
def test_the_value_is_a_sum_of_differences_and_of_sizes(penalty):
    params, hyper = drawn(penalty)
    assert penalty.value(params, hyper) == pytest.approx(by_hand(penalty, params, hyper), rel=1e-14)


@CASES
def test_derivatives_are_those_of_the_value_away_from_kinks(penalty):
    params, hyper = drawn(penalty, kinks=False)
    truth = jacobian(lambda w: penalty.value(w, hyper), params, 1e-5)
    assert relative_error(penalty.gradient(params, hyper), truth) < EXACT
    by_hyper = jacobian(lambda h: penalty.value(params, h), hyper)
    assert relative_error(penalty.hyper_gradient(params, hyper), by_hyper) < EXACT
    assert (penalty.hessian_diagonal(params, hyper) == 0.0).all()
    assert penalty.coupling(params, hyper) is None
    assert (penalty.hvp(params, hyper, np.ones((len(params), 2))) == 0.0).all()
    assert (penalty.hessian_vjp(params, hyper, None) == 0.0).all()
    assert (penalty.hessian_params_vjp(params, hyper, None) == 0.0).all()


@CASES
def test_mixed_derivatives_are_those_of_the_gradient_by_hyper(penalty):
    params, hyper = drawn(penalty)
    direction = np.random.default_rng(1).standard_normal(penalty.n_hyper)
    truth = slope(lambda h: penalty.gradient(params, h), hyper, direction)
    assert relative_error(penalty.mixed_jvp(params, hyper, direction), truth) < EXACT
    cotangent = np.random.default_rng(2).standard_normal(penalty.n_params)
    rows = [cotangent @ penalty.mixed_jvp(params, hyper, u) for u in np.eye(penalty.n_hyper)]
    assert relative_error(penalty.mixed_vjp(params, hyper, cotangent), np.array(rows)) < 1e-13


@CASES
@pytest.mark.parametrize("step", [0.1, 1.0, "each its own"])
def test_prox_is_the_minimiser_that_defines_it(penalty, step):
    params, hyper = drawn(penalty, kinks=False)
    rng = np.random.default_rng(1)
    step = 0.1 + rng.random(len(params)) if isinstance(step, str) else step
    found = penalty.prox(params, hyper, step)

    def objective(v):
        return float(((v - params) ** 2 / step).sum()) / 2.0 + penalty.value(v, hyper)

    best = objective(found)
    for size in (1e-4, 1e-2, 1.0):
        for _ in range(50):
            assert objective(found + size * rng.standard_normal(len(params))) > best
    other = minimize(objective, params, method="Nelder-Mead", options={"maxiter": 2000})
    assert best <= other.fun + 1e-12
    free = np.setdiff1d(np.arange(len(params)), penalty.order)
    assert np.array_equal(found[free], params[free])


@CASES
def test_the_shortest_subgradient_is_the_way_that_prox_moves_to_first_order(penalty):
    params, hyper = drawn(penalty)
    rng = np.random.default_rng(3)
    for scale in (0.1, 10.0):
        loss_gradient = scale * rng.standard_normal(penalty.n_params)
        shortest = penalty.shortest(params, hyper, loss_gradient)
        step = 1e-7
        moved = penalty.prox(params - step * loss_gradient, hyper, step)
        assert relative_error((params - moved) / step, shortest) < 1e-5


@CASES
def test_faces_number_runs_and_pinned_rows_say_what_stays(penalty):
    params, _ = drawn(penalty)
    number = penalty.faces(params)
    kept = number[number >= 0]
    assert np.array_equal(np.unique(kept), np.arange(kept.max() + 1))
    rows = penalty.pinned(params)
    assert np.linalg.matrix_rank(rows) == len(rows) == penalty.n_params - (kept.max() + 1)
    assert np.abs(rows @ params).max(initial=0.0) == 0.0
    for run in range(kept.max() + 1):
        assert np.ptp(params[number == run]) == 0.0
    assert (params[number < 0] == 0.0).all()


@CASES
def test_what_needs_a_smooth_penalty_is_refused(penalty):
    with pytest.raises(NotAvailable, match="kinks"):
        penalty.logdet(drawn(penalty)[1])
    with pytest.raises(NotAvailable, match="cannot be merged"):
        penalty.merged(np.zeros(penalty.n_hyper, dtype=int), ("all",))


@CASES
def test_a_strength_of_zero_is_no_penalty(penalty):
    params, hyper = drawn(penalty)
    none = np.full(penalty.n_hyper, -np.inf)
    assert penalty.value(params, none) == 0.0
    assert (penalty.gradient(params, none) == 0.0).all()
    assert np.array_equal(penalty.prox(params, none, 1.0), params)
    assert np.array_equal(penalty.shortest(params, none, params), params)


@CASES
def test_strengths_without_end_leave_a_level_or_nothing(penalty):
    params, _ = drawn(penalty, kinks=False)
    found = penalty.prox(params, np.full(penalty.n_hyper, 500.0), 1.0)
    chained = found[penalty.order]
    if penalty.n_hyper == 2:
        assert (chained == 0.0).all()
    else:
        for chain in range(penalty.n_chains):
            level = params[penalty.chains == chain].mean()
            assert np.allclose(found[penalty.chains == chain], level, rtol=1e-14)


@pytest.mark.parametrize("chains", [[0, 2], [0, -2], [1, 1]])
def test_chains_that_are_not_numbered_from_zero_are_refused(chains):
    with pytest.raises(InvalidParameter, match="`chains` holds"):
        ChainVariation(np.array(chains))


def test_names_that_do_not_fit_the_strengths_are_refused():
    with pytest.raises(InvalidParameter, match="`hyper_names`"):
        ChainVariation(np.zeros(3, dtype=int), 1, ())
