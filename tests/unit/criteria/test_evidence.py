"""Evidence: against the marginal likelihood computed otherwise, and its frozen stand-in."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import dblquad

from derivata.criteria.evidence import Evidence, FrozenEvidence
from derivata.curvature import invert
from derivata.designs import DenseDesign
from derivata.implicit import value_and_hypergradient
from derivata.losses import LogisticLoss, SquaredLoss
from derivata.objective import Objective
from derivata.penalties import FREE, GroupRidge
from derivata.predictors import LinearPredictor
from derivata.solvers import Newton
from derivata.tuning import tune
from tests.cases import LOSSES, problem
from tests.differences import jacobian, relative_error

LOSS = pytest.mark.parametrize("case", LOSSES.values(), ids=list(LOSSES))
SHAPES = pytest.mark.parametrize("shape", [(40, 4), (14, 22)], ids=["n > p", "p > n"])
HYPER = np.array([0.4, 1.2])
OTHERS = (np.array([-1.5, 0.3]), np.array([2.0, 4.0]), np.array([0.0, -3.0]))
# Differences of fourth order of an algebraic function leave 1e-10 of doubt or so.
DIFFERENCES = 1e-8


def fitted(objective, hyper):
    start = np.zeros(objective.predictor.n_params)
    return Newton(tol=1e-13).minimize(objective, start, hyper).expansion


def evidence(objective, hyper):
    """Value and gradient by hyper."""
    expansion = fitted(objective, hyper)
    inverse = invert(expansion)
    partials = Evidence().subproblems(objective)[0].judge(expansion, inverse)
    return value_and_hypergradient(expansion, partials, inverse)


def frozen(objective, hyper=HYPER):
    expansion = fitted(objective, hyper)
    return FrozenEvidence(expansion, invert(expansion))


def restricted_likelihood(X, y, free, precision):
    """-log likelihood of y ~ N(X_free b, phi (I + X_other Lambda^-1 X_other^T)), flat in b.

    phi is profiled; Harville's formula: no Hessian of the coefficients is ever formed.
    """
    F, P = X[:, free], X[:, ~free]
    V = np.eye(len(y)) + (P / precision) @ P.T
    inverse = np.linalg.inv(V)
    inner = F.T @ inverse @ F
    left = inverse - inverse @ F @ np.linalg.solve(inner, F.T @ inverse)
    n_left = len(y) - F.shape[1]
    logs = np.linalg.slogdet(V)[1] + np.linalg.slogdet(inner)[1]
    return 0.5 * logs + 0.5 * n_left * np.log(y @ left @ y / n_left)


@SHAPES
@pytest.mark.parametrize("copies", [False, True], ids=["weights of 1", "weights that repeat rows"])
def test_for_squared_loss_it_is_the_restricted_likelihood_up_to_a_constant(shape, copies):
    objective = problem(LOSSES["squared"], *shape, weighted=False)
    counts = np.resize([0, 1, 3, 2], shape[0]) if copies else np.ones(shape[0], dtype=int)
    objective = replace(objective, weight=counts.astype(float))
    X = objective.predictor.jacobian(np.zeros(shape[1] + 1), slice(None))[:, 0]
    rows = np.repeat(np.arange(shape[0]), counts)
    X, y = X[rows], (objective.y - objective.offset[:, 0])[rows]
    free = objective.penalty.groups == FREE

    def truth(hyper):
        precision = objective.penalty.hessian_diagonal(np.zeros(shape[1] + 1), hyper)[~free]
        return restricted_likelihood(X, y, free, precision)

    start = evidence(objective, HYPER)[0] - truth(HYPER)
    for hyper in OTHERS:
        value, gradient = evidence(objective, hyper)
        assert value - truth(hyper) == pytest.approx(start, abs=1e-10)
        assert relative_error(gradient, jacobian(truth, hyper, step=5e-3)) < DIFFERENCES


@LOSS
@SHAPES
def test_the_value_is_the_formula_with_determinants_from_the_dense_hessian(case, shape):
    objective = problem(case, *shape)
    expansion, k = fitted(objective, HYPER), objective.predictor.n_outputs
    G = objective.predictor.gram(expansion.params, expansion.output_hessian)
    precision = objective.penalty.hessian_diagonal(expansion.params, HYPER)
    logs = np.linalg.slogdet(G + np.diag(precision))[1]
    logs -= np.log(precision[precision > 0]).sum()
    fit = expansion.value
    if case.loss.scale_is_free:
        n_left = objective.weight.sum() - k
        above = fit - objective.weight @ case.loss.saturated(objective.y)
        fit = 0.5 * n_left * np.log(2.0 * above / n_left)
    assert evidence(objective, HYPER)[0] == pytest.approx(fit + 0.5 * logs, rel=1e-10)


@pytest.mark.parametrize("name", ["squared", "poisson", "gamma", "softmax of 4"])
def test_weights_of_two_are_rows_given_twice(name):
    objective = problem(LOSSES[name], 30, 4, weighted=False)
    twice = objective.take(np.tile(np.arange(30), 2))
    value, gradient = evidence(replace(objective, weight=np.full(30, 2.0)), HYPER)
    expected, expected_gradient = evidence(twice, HYPER)
    assert value == pytest.approx(expected, rel=1e-10)
    assert relative_error(gradient, expected_gradient) < 1e-9


def test_the_unit_of_a_target_of_squared_loss_moves_it_by_a_constant():
    objective = problem(LOSSES["squared"], 40, 4, offset=False)
    scaled = replace(objective, y=1e6 * objective.y)
    moved = (objective.weight.sum() - 1.0) * np.log(1e6)
    for hyper in OTHERS:
        value, gradient = evidence(objective, hyper)
        other, other_gradient = evidence(scaled, hyper)
        assert other - value == pytest.approx(moved, rel=1e-9)
        assert relative_error(other_gradient, gradient) < 1e-8


def test_free_columns_that_repeat_each_other_count_once():
    objective = problem(LOSSES["squared"], 40, 4)
    X = objective.predictor.jacobian(np.zeros(5), slice(None))[:, 0]
    groups = np.append(objective.penalty.groups, FREE)
    doubled = replace(
        objective,
        predictor=LinearPredictor(DenseDesign.from_array(np.column_stack([X, X[:, -1]]))),
        penalty=GroupRidge(groups, objective.penalty.hyper_names),
    )
    start = evidence(doubled, HYPER)[0] - evidence(objective, HYPER)[0]
    for hyper in OTHERS:
        value, gradient = evidence(doubled, hyper)
        expected, expected_gradient = evidence(objective, hyper)
        assert value - expected == pytest.approx(start, abs=1e-8)
        assert relative_error(gradient, expected_gradient) < 1e-8
    expansion = fitted(doubled, HYPER)
    part = Evidence().subproblems(doubled)[0]
    assert part.judge(expansion, invert(expansion)).stand_in() is None


def test_laplace_is_near_the_integral_for_logistic_loss():
    # Two coefficients, 30 rows: the integral over both by adaptive quadrature.
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.standard_normal(30), np.ones(30)])
    y = (rng.random(30) < 1.0 / (1.0 + np.exp(-X @ [1.0, 0.3]))).astype(float)
    penalty = GroupRidge(np.array([0, FREE]), ("a",))
    objective = Objective(
        LogisticLoss(), LinearPredictor(DenseDesign.from_array(X)), penalty, y, np.ones(30)
    )
    found, truth = [], []
    for hyper in (np.array([-2.0]), np.array([0.5]), np.array([3.0])):
        least = fitted(objective, hyper).value

        def density(b, a, hyper=hyper, least=least):
            return np.exp(least - objective.at(np.array([a, b]), hyper).value)

        integral = dblquad(density, -8.0, 8.0, -5.0, 5.0, epsabs=1e-6)[0]
        truth.append(least - np.log(integral) - 0.5 * hyper[0])
        found.append(evidence(objective, hyper)[0])
    errors = np.array(found) - truth
    # Constants apart, a few hundredths of a nat: what 30 rows leave of order 1 / n.
    assert np.ptp(errors) < 0.05


def test_it_finds_the_variances_that_the_data_were_drawn_with():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.standard_normal((2000, 60)), np.ones(2000)])
    coefs = np.r_[0.1 * rng.standard_normal(30), 0.5 * rng.standard_normal(30), 1.0]
    groups = np.r_[np.zeros(30, int), np.ones(30, int), FREE]
    objective = Objective(
        SquaredLoss(),
        LinearPredictor(DenseDesign.from_array(X)),
        GroupRidge(groups, ("small", "large")),
        X @ coefs + rng.standard_normal(2000),
        np.ones(2000),
    )
    hyper = tune(objective, Evidence(), Newton(tol=1e-6)).hyper
    # 30 coefficients tell a standard deviation to 1 / sqrt(60) = 13 %; three of those are allowed.
    assert np.exp(-0.5 * hyper) == pytest.approx([0.1, 0.5], rel=0.39)


# The stand-in.


def test_the_stand_in_of_squared_loss_is_the_evidence_itself():
    objective = problem(LOSSES["squared"], 60, 5)
    model = frozen(objective)
    for hyper in (HYPER, *OTHERS):
        value, gradient = model.at(hyper)
        expected, expected_gradient = evidence(objective, hyper)
        assert value == pytest.approx(expected, abs=1e-9)
        assert relative_error(gradient, expected_gradient) < 1e-9


@LOSS
def test_the_stand_in_has_the_value_where_it_was_made(case):
    objective = problem(case, 60, 5)
    assert frozen(objective).at(HYPER)[0] == pytest.approx(evidence(objective, HYPER)[0], rel=1e-9)


@LOSS
def test_the_curvature_of_the_stand_in_is_the_derivative_of_its_gradient(case):
    model = frozen(problem(case, 60, 5))
    for hyper in (HYPER, *OTHERS):
        truth = jacobian(lambda h: model.at(h)[1], hyper, step=5e-3)
        found = model.curvature(hyper)
        assert relative_error(found, truth) < DIFFERENCES
        assert relative_error(found, found.T) < 1e-12


def test_asking_elsewhere_between_value_and_curvature_changes_neither():
    model = frozen(problem(LOSSES["poisson"], 60, 5))
    value, gradient = model.at(HYPER)
    curvature = model.curvature(OTHERS[0])
    model.at(OTHERS[1])
    assert np.array_equal(model.curvature(OTHERS[0]), curvature)
    again = model.at(HYPER)
    assert again[0] == value and np.array_equal(again[1], gradient)


def test_a_target_of_zeros_alone_gives_finite_numbers():
    objective = replace(problem(LOSSES["squared"], 40, 4, offset=False), y=np.zeros(40))
    value, gradient = evidence(objective, HYPER)
    assert np.isfinite(value) and np.isfinite(gradient).all()
    model = frozen(objective)
    assert np.isfinite(model.at(OTHERS[0])[1]).all()
    assert np.isfinite(model.curvature(OTHERS[0])).all()
