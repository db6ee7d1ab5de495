"""Newton under linear inequalities, against an enumeration of faces, SciPy and closed forms."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy.linalg import null_space
from scipy.optimize import LinearConstraint, isotonic_regression, minimize

from derivata.criteria import KFold, LeaveOneOut
from derivata.criteria.leave_one_out import leave_one_out_outputs
from derivata.curvature import invert
from derivata.curvature.face import FaceExpansion, FaceInverse
from derivata.designs import DenseDesign
from derivata.errors import InvalidParameter, NotAvailable, NotConverged, ShapeMismatch
from derivata.implicit import params_by_hyper, value_and_hypergradient
from derivata.losses import LogisticLoss, PoissonLoss, SquaredLoss
from derivata.objective import Objective
from derivata.penalties import FREE, GroupRidge
from derivata.predictors import LinearPredictor
from derivata.solvers import ConstrainedNewton, Newton
from derivata.solvers import constrained as room
from derivata.tuning import tune
from tests.cases import LOSSES, problem
from tests.differences import jacobian, relative_error

HYPER = np.array([0.4, 1.2])
TOL = 1e-8
# As for every solver: curvatures are at least e^0.4, so params are as exact as gradients.
EXACT = 1e-5
LOSS = pytest.mark.parametrize("case", LOSSES.values(), ids=list(LOSSES))
SOME = pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
SHAPES = pytest.mark.parametrize("shape", [(48, 4), (16, 24)], ids=["n > p", "p > n"])


def rows_for(objective, n_rows=4, seed=1):
    return np.random.default_rng(seed).standard_normal((n_rows, objective.predictor.n_params))


def start_of(objective):
    return np.zeros(objective.predictor.n_params)


def on_face(objective, rows, hyper=HYPER):
    """The minimiser with rows @ params = 0: Newton steps with halving in a basis, NumPy alone."""
    N = null_space(rows) if len(rows) else np.eye(objective.predictor.n_params)
    params = start_of(objective)
    for _ in range(200):
        at = objective.at(params, hyper)
        reduced = N.T @ at.hessian @ N
        step = N @ np.linalg.lstsq(reduced, N.T @ at.gradient, rcond=1e-13)[0]
        while objective.at(params - step, hyper).value > at.value and np.abs(step).max() > 1e-14:
            step = 0.5 * step
        params = params - step
        if np.abs(step).max(initial=0.0) < 1e-13:
            break
    return objective.at(params, hyper)


def by_enumeration(objective, rows):
    """The lowest of the minimisers on each face, among those in the cone."""
    found = []
    for size in range(len(rows) + 1):
        for chosen in combinations(range(len(rows)), size):
            end = on_face(objective, rows[list(chosen)])
            if (rows @ end.params >= -1e-10).all():
                found.append(end)
    return min(found, key=lambda end: end.value)


@LOSS
@SHAPES
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_minimum_is_that_of_the_best_face(case, shape, seed):
    objective = problem(case, *shape)
    rows = rows_for(objective, seed=seed)
    truth = by_enumeration(objective, rows)
    fit = ConstrainedNewton(rows).minimize(objective, start_of(objective), HYPER)
    end = fit.expansion
    assert fit.converged and fit.gradients[-1] <= TOL
    assert end.value == pytest.approx(truth.value, rel=1e-12, abs=1e-10)
    assert relative_error(end.params, truth.params) < EXACT
    assert (rows @ end.params).min() > -1e-14
    held = end.loss_gradient + objective.penalty.gradient(end.params, HYPER)
    assert (fit.multipliers >= 0.0).all()
    assert np.abs((held - rows.T @ fit.multipliers) / objective.gradient_scale).max() < 2 * TOL
    assert np.array_equal(fit.pinned, fit.multipliers > 0.0)


@SOME
@pytest.mark.parametrize("method", ["SLSQP", "trust-constr"])
def test_scipy_ends_where_it_does(loss, method):
    objective = problem(LOSSES[loss], 48, 4)
    rows = rows_for(objective)
    outcome = minimize(
        lambda params: objective.at(params, HYPER).value,
        np.ones(5),
        jac=lambda params: objective.at(params, HYPER).gradient,
        hess=None if method == "SLSQP" else lambda params: objective.at(params, HYPER).hessian,
        method=method,
        constraints=LinearConstraint(rows, 0.0, np.inf),
        **({"tol": 1e-14} if method == "SLSQP" else {"options": {"gtol": 1e-12, "xtol": 1e-14}}),
    )
    fit = ConstrainedNewton(rows).minimize(objective, np.zeros(5), HYPER)
    assert fit.pinned.any()
    # SLSQP leaves the cone by its tolerance, 1e-9 of F; trust-constr ends inside by its barrier's.
    room_left = 1e-8 if method == "SLSQP" else 1e-5
    assert fit.expansion.value == pytest.approx(outcome.fun, rel=room_left)
    assert relative_error(fit.expansion.params, outcome.x) < room_left**0.5


@LOSS
def test_where_no_constraint_is_active_the_steps_are_those_of_newton(case):
    objective = problem(case, 48, 4)
    free = Newton(precision=1e-6).minimize(objective, start_of(objective), HYPER)
    inside = np.vstack([free.expansion.params, np.zeros_like(free.expansion.params)])
    for rows in (inside, inside[:0]):
        fit = ConstrainedNewton(rows).minimize(objective, start_of(objective), HYPER)
        assert not fit.pinned.any() and not isinstance(fit.expansion, FaceExpansion)
        assert fit.n_iter == free.n_iter
        # The very steps, except that Huber's steepest ones are scaled in another order.
        assert relative_error(fit.expansion.params, free.expansion.params) < 1e-14
        assert relative_error(fit.gradients, free.gradients) < 1e-14


def test_a_quadratic_takes_one_step_whatever_is_active():
    objective = problem(LOSSES["squared"], 48, 10)
    rows = rows_for(objective, 8)
    fit = ConstrainedNewton(rows).minimize(objective, start_of(objective), HYPER)
    assert fit.converged and fit.n_iter == 1 and fit.pinned.sum() > 2
    assert fit.gradients[-1] < 1e-13


@LOSS
def test_values_never_rise_and_are_kept_with_gradients_for_every_step(case):
    objective = problem(case, 48, 4)
    rows = rows_for(objective)
    start = 2.0 * np.random.default_rng(3).standard_normal(objective.predictor.n_params)
    fit = ConstrainedNewton(rows).minimize(objective, start, HYPER)
    values = np.array(fit.values)
    assert len(values) == len(fit.gradients) == fit.n_iter + 1
    assert values[-1] == fit.expansion.value
    losses = objective.weight @ np.abs(fit.expansion.rows.value)
    assert (np.diff(values) <= 1e-14 * (1.0 + losses)).all()


@LOSS
@pytest.mark.parametrize("distance", [5.0, 1e3])
def test_a_hostile_start_outside_the_cone_ends_at_the_minimum_or_says_that_it_did_not(
    case, distance
):
    objective = problem(case, 48, 4)
    rows = rows_for(objective)
    truth = by_enumeration(objective, rows)
    start = distance * np.random.default_rng(4).standard_normal(objective.predictor.n_params)
    fit = ConstrainedNewton(rows, max_iter=500).minimize(objective, start, HYPER)
    # With outputs in the thousands exp(z) is beyond float64: only honesty is asked there.
    hopeless = distance > 100.0 and case.loss.name not in ("squared", "huber", "logistic")
    assert fit.converged or hopeless
    if fit.converged:
        assert fit.expansion.value == pytest.approx(truth.value, rel=1e-8)
    else:
        assert fit.gradients[-1] > TOL and f"{fit.gradients[-1]:.1e}" in fit.reason


def test_a_start_outside_is_moved_to_the_cone_and_one_inside_is_kept():
    objective = problem(LOSSES["poisson"], 48, 4)
    rows = rows_for(objective)
    outside = -rows.sum(axis=0)
    still = ConstrainedNewton(rows, max_iter=0)
    moved = still.minimize(objective, outside, HYPER).expansion.params
    assert (rows @ outside).min() < 0.0 <= (rows @ moved).min() + 1e-14
    inside = np.linalg.lstsq(rows, np.ones(4))[0]
    kept = still.minimize(objective, inside, HYPER)
    assert np.array_equal(kept.expansion.params, inside)
    assert "max_iter = 0 reached" in kept.reason and not kept.converged


@SOME
def test_constraints_that_repeat_or_follow_from_others_change_nothing(loss):
    objective = problem(LOSSES[loss], 48, 4)
    rows = rows_for(objective)
    more = np.vstack([rows, rows, 5.0 * rows, rows[0] + rows[1], rows.sum(axis=0), np.zeros(5)])
    one = ConstrainedNewton(rows).minimize(objective, start_of(objective), HYPER)
    other = ConstrainedNewton(more).minimize(objective, start_of(objective), HYPER)
    assert other.converged
    assert relative_error(other.expansion.params, one.expansion.params) < 1e-9
    assert np.array_equal(other.pinned[:12], np.tile(one.pinned, 3))
    inverses = [invert(fit.expansion).solve(np.eye(5)) for fit in (one, other)]
    assert relative_error(*inverses) < 1e-9


def test_two_opposite_constraints_are_an_equality():
    objective = problem(LOSSES["poisson"], 48, 4)
    row = rows_for(objective, 1)
    fit = ConstrainedNewton(np.vstack([row, -row])).minimize(objective, start_of(objective), HYPER)
    assert fit.converged and fit.pinned.all()
    assert relative_error(fit.expansion.params, on_face(objective, row).params) < EXACT


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_the_tolerance_means_the_same_in_any_unit_of_the_target(unit):
    objective = problem(LOSSES["squared"], 48, 4, offset=False)
    rows = rows_for(objective)
    expected = ConstrainedNewton(rows).minimize(objective, np.zeros(5), HYPER)
    rescaled = replace(objective, y=unit * objective.y)
    fit = ConstrainedNewton(rows).minimize(rescaled, np.zeros(5), HYPER)
    assert fit.converged and np.array_equal(fit.pinned, expected.pinned)
    assert relative_error(fit.expansion.params / unit, expected.expansion.params) < 1e-11


def test_starting_at_the_minimum_takes_no_step():
    objective = problem(LOSSES["logistic"], 48, 4)
    solver = ConstrainedNewton(rows_for(objective))
    end = solver.minimize(objective, np.zeros(5), HYPER)
    again = solver.minimize(objective, end.expansion.params, HYPER)
    assert again.converged and again.n_iter == 0
    assert np.array_equal(again.pinned, end.pinned)
    assert "4 constraints hold with equality" in again.reason


def test_the_step_limit_ends_a_fit_and_is_reported():
    objective = problem(LOSSES["gamma"], 48, 4)
    solver = ConstrainedNewton(rows_for(objective), max_iter=2)
    fit = solver.minimize(objective, np.full(5, 3.0), HYPER)
    assert not fit.converged and fit.n_iter == 2
    assert f"{fit.gradients[-1]:.1e}" in fit.reason


def test_the_start_is_not_changed():
    objective = problem(LOSSES["poisson"], 48, 4)
    start = -np.ones(5)
    ConstrainedNewton(np.eye(5)).minimize(objective, start, HYPER)
    assert (start == -1.0).all()


# Monotone curves: a parameter a row, no penalty.


def stepwise(loss, y, weight):
    """One free parameter a row, which may only rise."""
    n = len(y)
    objective = Objective(
        loss,
        LinearPredictor(DenseDesign.from_array(np.eye(n))),
        GroupRidge(np.full(n, FREE), ()),
        y,
        weight,
    )
    return ConstrainedNewton(np.diff(np.eye(n), axis=0)), objective


@pytest.mark.parametrize("loss", [SquaredLoss(), PoissonLoss(), LogisticLoss()])
def test_a_rising_step_function_is_isotonic_regression(loss):
    # For a natural parameter the mean of each block is its mean target, whatever the family.
    rng = np.random.default_rng(0)
    y, weight = np.sort(rng.poisson(3.0, 60))[rng.permutation(60)] / 10.0, rng.random(60) + 0.2
    y = 0.3 * y + np.linspace(0.01, 0.6, 60)
    solver, objective = stepwise(loss, y, weight)
    fit = solver.minimize(objective, np.zeros(60), np.zeros(0))
    truth = isotonic_regression(y, weights=weight)
    link = {"poisson": np.log, "logistic": lambda m: np.log(m / (1.0 - m))}
    expected = link.get(loss.name, lambda m: m)(truth.x)
    assert fit.converged
    assert relative_error(fit.expansion.params, expected) < 1e-7
    # Blocks are free, what ties the rows of one is pinned.
    n_blocks = len(truth.blocks) - 1
    inverse = invert(fit.expansion)
    assert fit.pinned.sum() == 60 - n_blocks
    assert inverse.effective_params == pytest.approx(n_blocks, abs=1e-9)
    # The variance of a mean: one over the curvature of its block.
    curvature = fit.expansion.output_hessian[:, 0, 0]
    blocks = np.searchsorted(truth.blocks, np.arange(60), side="right") - 1
    sizes = np.bincount(blocks, curvature)[blocks]
    assert relative_error(inverse.diagonal(), 1.0 / sizes) < 1e-11


def test_rising_and_concave_pins_what_is_implied():
    # A target that falls: rising leaves a constant, and concavity adds nothing to it.
    solver, objective = stepwise(SquaredLoss(), -np.arange(6.0), np.ones(6))
    rises = solver.constraints
    both = ConstrainedNewton(np.vstack([rises, rises[:-1] - rises[1:]]))
    fit = both.minimize(objective, np.zeros(6), np.zeros(0))
    assert relative_error(fit.expansion.params, np.full(6, -2.5)) < 1e-12
    assert invert(fit.expansion).effective_params == pytest.approx(1.0, abs=1e-11)


# Hessians that are singular, or nearly.


def test_columns_that_repeat_each_other_share_what_a_constraint_leaves():
    objective = problem(LOSSES["logistic"], 48, 4, weighted=False)
    free = replace(objective, penalty=GroupRidge(np.array([0, 0, FREE, 0, FREE]), ("a",)))
    free.predictor.design.columns[2] = 2.0 * free.predictor.design.columns[4]
    without = Newton().minimize(free, np.zeros(5), HYPER[:1]).expansion
    rows = np.zeros((1, 5))
    rows[0, 4] = -np.sign(without.params[4])  # the intercept on its other side, which costs nothing
    fit = ConstrainedNewton(rows).minimize(free, np.zeros(5), HYPER[:1])
    assert fit.converged
    assert fit.expansion.value == pytest.approx(without.value, rel=1e-12)
    assert rows @ fit.expansion.params >= 0.0


def test_a_sign_makes_separable_rows_a_minimum():
    x = np.linspace(-1.0, 1.0, 20)
    objective = Objective(
        LogisticLoss(),
        LinearPredictor(DenseDesign.from_array(np.column_stack([x, np.ones(20)]))),
        GroupRidge(np.full(2, FREE), ()),
        (x > 0.1).astype(float),
        np.ones(20),
    )
    fit = ConstrainedNewton(np.array([[-1.0, 0.0]])).minimize(objective, np.zeros(2), np.zeros(0))
    assert fit.converged and fit.pinned.all()
    assert fit.expansion.params[0] == 0.0
    assert fit.expansion.params[1] == pytest.approx(np.log(9 / 11), abs=1e-8)


def test_huber_is_reached_from_where_every_row_lies_in_its_straight_tails():
    objective = problem(LOSSES["huber"], 48, 4)
    objective = replace(objective, y=objective.y + 1e3)
    rows = np.vstack([np.eye(5), np.array([[1.0, -1.0, 0.0, 0.0, 0.0]])])
    fit = ConstrainedNewton(rows).minimize(objective, np.zeros(5), HYPER)
    truth = by_enumeration(replace(objective, y=objective.y - 1e3), rows[[0, 1, 2, 3, 5]])
    assert fit.converged
    assert relative_error(fit.expansion.params - [0, 0, 0, 0, 1e3], truth.params) < 1e-3


# Several outputs.


def test_constraints_on_the_parameters_of_one_output_hold_for_each():
    objective = problem(LOSSES["softmax of 4"], 48, 4)
    rows = np.random.default_rng(5).standard_normal((2, 5))
    short = ConstrainedNewton(rows).minimize(objective, start_of(objective), HYPER)
    full = ConstrainedNewton(np.kron(np.eye(3), rows))
    assert np.array_equal(
        short.expansion.params,
        full.minimize(objective, start_of(objective), HYPER).expansion.params,
    )
    assert short.pinned.shape == (6,)
    assert (short.expansion.params.reshape(3, 5) @ rows.T >= -1e-14).all()


# What is derived from a minimiser stays on its face.


@SOME
def test_the_minimiser_moves_with_penalties_along_its_face(loss):
    objective = problem(LOSSES[loss], 48, 4)
    solver = ConstrainedNewton(rows_for(objective), tol=1e-12)

    def params(hyper):
        return solver.minimize(objective, np.zeros(5), hyper).expansion.params

    fit = solver.minimize(objective, np.zeros(5), HYPER)
    inverse = invert(fit.expansion)
    assert isinstance(inverse, FaceInverse) and inverse.n_pinned >= 1
    found = params_by_hyper(fit.expansion, inverse)
    assert relative_error(found, jacobian(params, HYPER, step=5e-3)) < 1e-8


@SOME
@pytest.mark.parametrize("criterion", [LeaveOneOut(), KFold(3)], ids=["leave-one-out", "3-fold"])
def test_hypergradients_equal_differences_of_constrained_refits(loss, criterion):
    objective = problem(LOSSES[loss], 48, 4)
    solver = ConstrainedNewton(rows_for(objective), tol=1e-12)

    def evaluate(hyper):
        value, gradient = 0.0, np.zeros(2)
        for part in criterion.subproblems(objective):
            end = solver.minimize(part.objective, np.zeros(5), hyper).expansion
            inverse = invert(end)
            there = value_and_hypergradient(end, part.judge(end, inverse), inverse)
            value, gradient = value + there[0], gradient + there[1]
        return value, gradient

    truth = jacobian(lambda hyper: evaluate(hyper)[0], HYPER, step=5e-3)
    assert relative_error(evaluate(HYPER)[1], truth) < 1e-7


def test_leave_one_out_equals_refits_on_the_face_for_squared_loss():
    objective = problem(LOSSES["squared"], 48, 4, weighted=False)
    rows = rows_for(objective)
    fit = ConstrainedNewton(rows).minimize(objective, np.zeros(5), HYPER)
    found = leave_one_out_outputs(fit.expansion, invert(fit.expansion))
    held, n_same = rows[fit.pinned], 0
    for i in range(48):
        without = objective.without(np.arange(48) == i)
        one = objective.take(np.array([i]))
        end = on_face(without, held)
        assert found[i] == pytest.approx(one.outputs(end.params)[0], abs=1e-10)
        # It is the constrained refit too where that ends on the same face.
        refit = ConstrainedNewton(rows).minimize(without, np.zeros(5), HYPER)
        if np.array_equal(refit.pinned, fit.pinned):
            n_same += 1
            assert found[i] == pytest.approx(one.outputs(refit.expansion.params)[0], abs=1e-10)
    assert n_same >= 40


def test_a_plain_expansion_there_is_refused_and_that_on_the_face_is_not():
    objective = problem(LOSSES["squared"], 48, 4)
    fit = ConstrainedNewton(rows_for(objective)).minimize(objective, np.zeros(5), HYPER)
    plain = objective.at(fit.expansion.params, HYPER)
    with pytest.raises(NotConverged):
        plain.require_minimiser(1e-3, "this")
    fit.expansion.require_minimiser(1e-3, "this")


def test_penalties_are_tuned_under_constraints():
    objective = problem(LOSSES["poisson"], 120, 6)
    rows = np.vstack([np.eye(7)[:6], np.diff(np.eye(7), axis=0)[:3]])
    result = tune(objective, LeaveOneOut(), ConstrainedNewton(rows))
    fit = result.fits[0]
    assert result.converged and fit.converged and fit.pinned.any()
    assert (rows @ fit.expansion.params).min() > -1e-14


# Arguments.


@pytest.mark.parametrize(
    ("constraints", "says"),
    [(np.ones(3), "is 1-d"), (np.full((2, 3), np.nan), "not finite")],
)
def test_constraints_that_are_no_matrix_of_numbers_are_refused(constraints, says):
    with pytest.raises(InvalidParameter, match=rf"`constraints` .*{says}.*\(m, n_params\)"):
        ConstrainedNewton(constraints)


def test_constraints_on_another_number_of_parameters_are_refused():
    objective = problem(LOSSES["softmax of 4"], 48, 4)
    with pytest.raises(ShapeMismatch, match="4 columns but there are 15 parameters, 5 for each"):
        ConstrainedNewton(np.eye(4)).minimize(objective, np.zeros(15), HYPER)


def test_more_parameters_than_a_dense_hessian_can_hold_are_refused(monkeypatch):
    monkeypatch.setattr(room, "LARGEST_DENSE", 4)
    objective = problem(LOSSES["squared"], 48, 4)
    with pytest.raises(NotAvailable, match=r"5 parameters are more than 4.*LBFGS"):
        ConstrainedNewton(np.eye(5)).minimize(objective, np.zeros(5), HYPER)
