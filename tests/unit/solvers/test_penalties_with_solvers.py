"""Every penalty with every solver: the same minimum, by whatever way the solver takes."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.curvature.chain import expand
from derivata.curvature.exact import invert_exact
from derivata.errors import NotAvailable
from derivata.losses import SquaredLoss
from derivata.objective import Objective
from derivata.penalties import (
    FREE,
    ElasticNet,
    FusedLasso,
    GroupLasso,
    GroupRidge,
    Lasso,
    SmoothedAbsolute,
    SmoothedLasso,
    SmoothedVariation,
    TotalVariation,
    weight_decay,
)
from derivata.solvers import LBFGS, Newton, ProximalNewton, TwoPhase
from derivata.solvers.first_order import (
    AdaGrad,
    Adam,
    AdamW,
    AMSGrad,
    GradientDescent,
    Momentum,
    Nesterov,
    RMSProp,
)
from derivata.solvers.minimize import minimize
from derivata.solvers.schedules import Cosine
from tests.cases import LOSSES, problem

# Nine columns and the intercept; groups of three.
ONE = np.append(np.zeros(9, dtype=int), FREE)
THREE = np.append(np.arange(9) // 3, FREE)
PENALTIES = {
    "L2": GroupRidge(ONE, ("all",)),
    "L2 of groups": GroupRidge(THREE, ("a", "b", "c")),
    "weight decay": weight_decay([{"weight": (3, 3), "zero": (1,)}]),
    "L1": Lasso().on(ONE, 1),
    "elastic net": ElasticNet().on(ONE, 1),
    "elastic net of one strength": ElasticNet(0.5).on(ONE, 1),
    "group": GroupLasso().on(THREE, 1),
    "smoothed L1": SmoothedLasso(0.1).on(ONE, 1),
    "smoothed L1 of groups": SmoothedAbsolute.of_sizes(THREE, ("a", "b", "c"), 0.1),
    "total variation": TotalVariation().on(ONE, 1),
    "total variation of chains": TotalVariation().on(THREE, 1),
    "fused lasso": FusedLasso().on(ONE, 1),
    "smoothed total variation": SmoothedVariation(0.1).on(ONE, 1),
}
DECAYING = Cosine(0.3, 3_000)
# How near the minimum each comes, as a relative gradient: theory ends where rounding does, and
# those with a step of their own making where the schedule has come to nothing.
SOLVERS = {
    "newton": (Newton(1e-10), 1e-10),
    "lbfgs": (LBFGS(1e-9), 1e-8),
    "two-phase": (TwoPhase(fine=Newton(1e-10)), 1e-10),
    "proximal newton": (ProximalNewton(1e-10), 1e-10),
    "gradient descent": (GradientDescent(tol=1e-9, max_iter=20_000), 1e-9),
    "momentum": (Momentum(tol=1e-9, max_iter=20_000), 1e-9),
    "nesterov": (Nesterov(tol=1e-9, max_iter=20_000), 1e-9),
    "adam": (Adam(DECAYING, tol=1e-6, max_iter=3_000), 1e-4),
    "amsgrad": (AMSGrad(DECAYING, tol=1e-6, max_iter=3_000), 1e-4),
    "rmsprop": (RMSProp(DECAYING, tol=1e-6, max_iter=3_000), 1e-4),
    "adagrad": (AdaGrad(0.5, tol=1e-6, max_iter=3_000), 1e-4),
}
PENALTY = pytest.mark.parametrize("penalty", PENALTIES.values(), ids=list(PENALTIES))
SOLVER = pytest.mark.parametrize("solver, allowed", SOLVERS.values(), ids=list(SOLVERS))


def posed(penalty, name):
    """A small problem with a minimum that no strength of the penalty alone decides."""
    objective = problem(LOSSES[name], 60, 9, offset=False)
    hyper = np.log(np.full(penalty.n_hyper, 3.0))
    return replace(objective, penalty=penalty), hyper


@pytest.mark.parametrize("name", ["squared", "logistic"])
@PENALTY
@SOLVER
def test_every_penalty_with_every_solver_has_one_minimum(solver, allowed, penalty, name):
    objective, hyper = posed(penalty, name)
    truth = ProximalNewton(1e-12).minimize(objective, np.zeros(10), hyper).expansion
    fit = minimize(objective, np.zeros(10), solver=solver, hyper=hyper)
    end = expand(objective, fit.expansion.params, hyper)
    assert end.relative_gradient <= allowed
    assert fit.expansion.relative_gradient == end.relative_gradient
    # Strongly convex: parameters are as near as gradients over the smallest curvature, here 1 to
    # 30, times their scale, some tens; values are the square of that.
    assert np.abs(end.params - truth.params).max() <= 100 * allowed
    assert end.value == pytest.approx(truth.value, abs=1e-12 + 1e3 * allowed**2, rel=1e-13)


@PENALTY
def test_a_kinked_penalty_leaves_exact_zeros_or_ties_with_first_order_steps_too(penalty):
    objective, hyper = posed(penalty, "squared")
    if not hasattr(penalty, "prox"):
        pytest.skip("smooth: nothing is exactly zero")
    truth = ProximalNewton(1e-12).minimize(objective, np.zeros(10), hyper + 2.0).expansion.params
    for solver in (GradientDescent(tol=1e-9), Nesterov(tol=1e-9), Adam(DECAYING, max_iter=3_000)):
        found = solver.minimize(objective, np.zeros(10), hyper + 2.0).expansion.params
        assert np.array_equal(found == 0.0, truth == 0.0)
        assert np.array_equal(np.diff(found) == 0.0, np.diff(truth) == 0.0)


@PENALTY
def test_the_solver_chosen_for_a_penalty_arrives(penalty):
    objective, hyper = posed(penalty, "logistic")
    fit = minimize(objective, hyper=hyper)
    truth = ProximalNewton(1e-12).minimize(objective, np.zeros(10), hyper).expansion
    assert fit.converged and np.abs(fit.expansion.params - truth.params).max() < 1e-7


@PENALTY
def test_solvers_that_know_no_kinks_say_who_took_over(penalty):
    objective, hyper = posed(penalty, "squared")
    for solver in (Newton(), LBFGS()):
        reason = minimize(objective, solver=solver, hyper=hyper).reason
        assert ("by ProximalNewton" in reason) == hasattr(penalty, "prox")


def test_adamw_without_decay_is_adam_with_a_penalty():
    objective, hyper = posed(PENALTIES["L1"], "squared")
    ends = [
        solver.minimize(objective, np.zeros(10), hyper).expansion.params
        for solver in (
            Adam(DECAYING, max_iter=500),
            AdamW(DECAYING, max_iter=500, weight_decay=0.0),
        )
    ]
    assert np.array_equal(*ends)


KINKED_OR_NEAR = ["L1", "group", "total variation", "fused lasso", "smoothed L1"]


@pytest.mark.parametrize("name", KINKED_OR_NEAR)
def test_a_predictor_that_is_not_linear_takes_them_too(name):
    pytest.importorskip("jax")
    from derivata.predictors.autodiff import AutodiffPredictor

    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 9))
    # Of order one everywhere and curved: outputs move with params as tanh does.
    predictor = AutodiffPredictor(
        lambda params, x: _tanh(x @ params[:9]) + params[9], X, np.full(10, 0.1)
    )
    y = np.tanh(X @ np.repeat([0.5, 0.0, -0.3], 3)) + 0.1 * rng.standard_normal(40)
    objective = Objective(SquaredLoss(), predictor, PENALTIES[name], y, np.ones(40))
    hyper, start = np.full(PENALTIES[name].n_hyper, -1.0), np.full(10, 0.1)
    truth = ProximalNewton(1e-9).minimize(objective, start, hyper)
    assert truth.converged
    for solver, allowed in ((Nesterov(tol=1e-7), 1e-7), (Adam(DECAYING, max_iter=3_000), 1e-4)):
        fit = solver.minimize(objective, start, hyper)
        assert fit.expansion.relative_gradient <= allowed
        assert fit.expansion.value == pytest.approx(truth.expansion.value, abs=1e-6)
    if hasattr(PENALTIES[name], "prox"):
        with pytest.raises(NotAvailable, match="not linear"):
            invert_exact(truth.expansion)


def _tanh(values):
    import jax.numpy as jnp

    return jnp.tanh(values)
