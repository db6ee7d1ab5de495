"""Every penalty with a kink: away from it by differences, at it by its definition."""

import numpy as np
import pytest
from scipy.optimize import minimize

from derivata.errors import NotAvailable
from derivata.penalties import FREE, BlockNorm
from tests.cases import SPARSE_PENALTIES
from tests.differences import jacobian, relative_error, slope

# Columns in blocks of one, two and three, and a free one among them; one output or two.
BLOCKS = np.array([0, 1, 1, FREE, 2, 2, 2])
WEIGHTS = np.array([1.0, 1.5, 0.7])
PENALTIES = {
    "separable, one strength": BlockNorm(np.array([0, 1, FREE, 2]), 1, ("l1",), l1_ratio=1.0),
    "separable, two strengths": BlockNorm(np.array([0, FREE, 1, 2]), 1, ("l1", "l2")),
    "separable, tied strengths": BlockNorm(np.array([0, 1, 2, FREE]), 1, ("both",), l1_ratio=0.3),
    "blocks": BlockNorm(BLOCKS, 1, ("l1",), WEIGHTS, 1.0),
    "blocks of two outputs": BlockNorm(BLOCKS, 2, ("l1", "l2"), WEIGHTS),
}
CASES = pytest.mark.parametrize("penalty", PENALTIES.values(), ids=list(PENALTIES))
EXACT = 1e-9


def drawn(penalty, zero=True):
    """Params, one block of them zero, and hyper."""
    rng = np.random.default_rng(0)
    params, hyper = rng.standard_normal(penalty.n_params), 0.5 * rng.standard_normal(2)
    if zero:
        params[penalty.param_blocks == 1] = 0.0
    return params, hyper[: penalty.n_hyper]


def smooth(penalty, params):
    """The penalty's Hessian in full."""
    hessian = np.diag(penalty.hessian_diagonal(params, hyper := drawn(penalty)[1]))
    coupling = penalty.coupling(params, hyper)
    return hessian if coupling is None else hessian + coupling


@CASES
def test_the_value_is_a_sum_of_norms_and_half_of_squares(penalty):
    params, hyper = drawn(penalty)
    alpha1, alpha2 = penalty.strengths(hyper)
    expected = 0.0
    for block, weight in enumerate(penalty.block_weights):
        norm = np.linalg.norm(params[penalty.param_blocks == block])
        expected += alpha1 * weight * norm + 0.5 * alpha2 * norm**2
    assert penalty.value(params, hyper) == pytest.approx(expected, rel=1e-14)


@CASES
def test_the_gradient_is_the_derivative_of_the_value_where_no_block_is_zero(penalty):
    params, hyper = drawn(penalty, zero=False)
    truth = jacobian(lambda w: penalty.value(w, hyper), params)
    assert relative_error(penalty.gradient(params, hyper), truth) < EXACT


@CASES
def test_the_hessian_is_the_derivative_of_the_gradient_where_no_block_is_zero(penalty):
    params, hyper = drawn(penalty, zero=False)
    truth = jacobian(lambda w: penalty.gradient(w, hyper), params)
    assert relative_error(smooth(penalty, params), truth) < EXACT
    directions = np.random.default_rng(1).standard_normal((penalty.n_params, 3))
    assert relative_error(penalty.hvp(params, hyper, directions), truth @ directions) < EXACT
    found = penalty.hvp(params, hyper, directions[:, 0])
    assert relative_error(found, truth @ directions[:, 0]) < EXACT


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
def test_hessian_vjp_is_the_derivative_of_a_trace_or_is_refused(penalty):
    params, hyper = drawn(penalty)

    class Diagonal:
        def diagonal(self):
            return np.arange(1.0, penalty.n_params + 1.0)

    if not penalty.is_separable:
        with pytest.raises(NotAvailable, match="KFold"):
            penalty.hessian_vjp(params, hyper, Diagonal())
        return
    truth = jacobian(lambda h: Diagonal().diagonal() @ penalty.hessian_diagonal(params, h), hyper)
    assert relative_error(penalty.hessian_vjp(params, hyper, Diagonal()), truth) < EXACT


@CASES
@pytest.mark.parametrize("step", [0.1, 1.0, 10.0])
def test_prox_is_the_minimiser_that_defines_it(penalty, step):
    params, hyper = drawn(penalty, zero=False)
    found = penalty.prox(params, hyper, step)

    def objective(v):
        return (v - params) @ (v - params) / (2.0 * step) + penalty.value(v, hyper)

    # Strongly convex with modulus 1 / step: no point nearby or found by a search is lower.
    best = objective(found)
    rng = np.random.default_rng(1)
    for size in (1e-4, 1e-2, 1.0):
        for _ in range(50):
            assert objective(found + size * rng.standard_normal(len(params))) > best
    other = minimize(objective, params, method="Nelder-Mead", options={"maxiter": 2000})
    assert best <= other.fun + 1e-12
    free = penalty.param_blocks < 0
    assert np.array_equal(found[free], params[free])


@CASES
def test_the_shortest_subgradient_is_zero_exactly_where_prox_stays(penalty):
    params, hyper = drawn(penalty)
    rng = np.random.default_rng(3)
    for scale in (0.1, 10.0):
        loss_gradient = scale * rng.standard_normal(penalty.n_params)
        shortest = penalty.shortest(params, hyper, loss_gradient)
        # Of all subgradients g + R'(w), it is the one along which prox moves to first order.
        step = 1e-7
        moved = penalty.prox(params - step * loss_gradient, hyper, step)
        assert relative_error((params - moved) / step, shortest) < 1e-5
    still = -penalty.gradient(params, hyper)
    still[penalty.param_blocks == 1] = 0.0
    assert np.abs(penalty.shortest(params, hyper, still)).max() < 1e-15


@CASES
def test_chosen_columns_carry_their_part_of_the_penalty(penalty):
    params, hyper = drawn(penalty)
    columns = np.flatnonzero(penalty.active(params))
    part = penalty.select(columns)
    number = np.arange(penalty.n_params).reshape(penalty.n_outputs, -1)[:, columns].ravel()
    inner = params[number]
    assert part.value(inner, hyper) == pytest.approx(penalty.value(params, hyper), rel=1e-14)
    assert np.array_equal(part.gradient(inner, hyper), penalty.gradient(params, hyper)[number])
    assert part.active(inner).all()


@CASES
def test_a_strength_of_zero_is_no_penalty(penalty):
    params, hyper = drawn(penalty)
    none = np.full(penalty.n_hyper, -np.inf)
    assert penalty.value(params, none) == 0.0
    assert (penalty.gradient(params, none) == 0.0).all()
    assert np.array_equal(penalty.prox(params, none, 1.0), params)
    assert np.array_equal(penalty.shortest(params, none, params), params)


@CASES
def test_what_needs_a_smooth_penalty_is_refused(penalty):
    with pytest.raises(NotAvailable, match="kink"):
        penalty.logdet(drawn(penalty)[1])
    with pytest.raises(NotAvailable, match="l1_ratio"):
        penalty.merged(np.zeros(penalty.n_hyper, dtype=int), ("all",))


@pytest.mark.parametrize("named", SPARSE_PENALTIES.values(), ids=list(SPARSE_PENALTIES))
def test_a_norm_over_outputs_does_not_depend_on_how_they_are_coded(named):
    groups = np.append(np.zeros(4, dtype=int), FREE)
    penalty = named.on(groups, 3)
    rng = np.random.default_rng(0)
    params = rng.standard_normal((3, 5))
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    hyper = np.array([0.3, -0.2])[: penalty.n_hyper]
    turned = penalty.value((turn @ params).ravel(), hyper)
    assert turned == pytest.approx(penalty.value(params.ravel(), hyper), rel=1e-13)
