"""One call for objectives and functions, whatever the solver."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.errors import InvalidParameter, ShapeMismatch
from derivata.penalties import FREE, Lasso
from derivata.solvers import (
    LBFGS,
    AdaGrad,
    Adam,
    AMSGrad,
    Backtracking,
    Cosine,
    GradientDescent,
    Momentum,
    Nesterov,
    Newton,
    ProximalNewton,
    RMSProp,
    minimize,
)
from tests.cases import LOSSES, problem

HYPER = np.array([0.4, 1.2])
CENTRE = np.array([1.0, -2.0, 0.5, 3.0])
ROOT = np.random.default_rng(0).standard_normal((4, 4))
BEND = ROOT @ ROOT.T + np.eye(4)


def value(w):
    away = w - CENTRE
    return 0.5 * away @ BEND @ away + 0.1 * (away**4).sum()


def gradient(w):
    away = w - CENTRE
    return BEND @ away + 0.4 * away**3


def hessian(w):
    return BEND + np.diag(1.2 * (w - CENTRE) ** 2)


SOLVERS = {
    "none": (None, 1e-6),
    "newton": (Newton(), 1e-6),
    "lbfgs": (LBFGS(), 1e-6),
    "gradient descent": (GradientDescent(), 1e-6),
    "line search": (GradientDescent(Backtracking()), 1e-6),
    "momentum": (Momentum(), 1e-6),
    "nesterov": (Nesterov(), 1e-6),
    "adam": (Adam(Cosine(0.1, 2_000), max_iter=2_000), 1e-4),
    "amsgrad": (AMSGrad(Cosine(0.1, 2_000), max_iter=2_000), 1e-4),
    "rmsprop": (RMSProp(Cosine(0.05, 2_000), max_iter=2_000), 1e-4),
    "adagrad": (AdaGrad(1.0, max_iter=2_000), 1e-4),
}
SOLVER = pytest.mark.parametrize(("solver", "exact"), SOLVERS.values(), ids=list(SOLVERS))


@SOLVER
@pytest.mark.parametrize(
    "given",
    [{}, {"gradient": gradient}, {"gradient": gradient, "hessian": hessian}],
    ids=["value", "gradient", "hessian"],
)
def test_every_solver_minimises_a_bare_function(solver, exact, given):
    fit = minimize(value, np.zeros(4), solver=solver, **given)
    assert np.abs(fit.expansion.params - CENTRE).max() < exact
    assert fit.expansion.value < 1e-6
    by_values = "gradients are central differences" in fit.reason
    assert by_values == ("gradient" not in given)
    told = "Hessians are central differences" in fit.reason
    assert told == (isinstance(solver, Newton) and "hessian" not in given)


@SOLVER
def test_every_solver_minimises_an_objective(solver, exact):
    objective = problem(LOSSES["logistic"], 60, 4)
    truth = Newton(1e-12).minimize(objective, np.zeros(5), HYPER).expansion
    fit = minimize(objective, solver=solver, hyper=HYPER)
    assert np.abs(fit.expansion.params - truth.params).max() < 10 * exact
    assert fit.expansion.objective is objective


@pytest.mark.parametrize("solver", [None, Newton(), LBFGS(), ProximalNewton()])
def test_a_kinked_penalty_goes_to_proximal_newton_and_the_reason_says_so(solver):
    objective = problem(LOSSES["logistic"], 60, 4)
    groups = np.append(np.zeros(4, dtype=int), FREE)
    kinked = replace(objective, penalty=Lasso().on(groups, 1))
    truth = ProximalNewton().minimize(kinked, np.zeros(5), np.array([1.5]))
    fit = minimize(kinked, solver=solver, hyper=[1.5])
    assert fit.converged
    np.testing.assert_allclose(fit.expansion.params, truth.expansion.params, atol=1e-6)
    if isinstance(solver, Newton | LBFGS):
        assert "proximal" in fit.reason.lower()


def test_a_function_of_one_number_takes_a_plain_start():
    fit = minimize(lambda w: (w[0] - 3.0) ** 2, 0.0)
    assert fit.converged and fit.expansion.params == pytest.approx([3.0])


def test_a_valley_is_walked_to_its_end():
    def rosenbrock(w):
        return 100.0 * (w[1] - w[0] ** 2) ** 2 + (1.0 - w[0]) ** 2

    for solver in (Newton(), LBFGS(), Momentum()):
        fit = minimize(rosenbrock, [-1.2, 1.0], solver=solver)
        assert fit.converged
        np.testing.assert_allclose(fit.expansion.params, [1.0, 1.0], atol=1e-6)


@pytest.mark.parametrize("solver", [LBFGS(), Newton(), GradientDescent(Backtracking())])
def test_a_function_that_ends_in_a_kink_says_so(solver):
    # |w| has no gradient at its minimum, and no step that leads there exactly.
    fit = minimize(
        lambda w: np.abs(w).sum() + 1e-3 * w @ w,
        [1.0, -0.37],
        gradient=lambda w: np.where(w >= 0.0, 1.0, -1.0) + 2e-3 * w,
        solver=solver,
    )
    assert not fit.converged
    assert "the function has a kink there" in fit.reason


def test_a_smooth_function_that_is_not_finished_has_no_kink():
    fit = minimize(value, np.zeros(4), gradient=gradient, solver=GradientDescent(max_iter=3))
    assert not fit.converged and "kink" not in fit.reason


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "words"),
    [
        ((value,), {}, InvalidParameter, "`start` is needed for a function"),
        ((3.0, [1.0]), {}, InvalidParameter, "`objective` is a float"),
        (
            (value, np.zeros(4)),
            {"hyper": [0.0]},
            InvalidParameter,
            "`hyper` belongs to an objective",
        ),
    ],
)
def test_a_function_without_what_it_needs_is_refused(arguments, settings, error, words):
    with pytest.raises(error, match=words):
        minimize(*arguments, **settings)


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({}, InvalidParameter, r"`hyper` is needed: the penalty has 2 strengths \(even, odd\)"),
        ({"hyper": [1.0]}, ShapeMismatch, r"`hyper` has shape \(1,\); expected \(2,\)"),
        ({"hyper": [1.0, np.inf]}, InvalidParameter, "finite logs of strengths"),
        ({"hyper": HYPER, "start": np.zeros(3)}, ShapeMismatch, r"`start` has shape \(3,\)"),
        ({"hyper": HYPER, "start": [np.nan] * 5}, InvalidParameter, "entry 0 of `start` is nan"),
        ({"hyper": HYPER, "gradient": gradient}, InvalidParameter, "an objective has its own"),
    ],
)
def test_an_objective_without_what_it_needs_is_refused(settings, error, words):
    with pytest.raises(error, match=words):
        minimize(problem(LOSSES["squared"], 20, 4), **settings)
