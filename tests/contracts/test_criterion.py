"""Every criterion: its derivative by every penalty against refits, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from derivata.criteria import LeaveOneOut, frozen
from derivata.criteria.leave_one_out import leave_one_out_outputs
from derivata.curvature import invert
from derivata.designs import standardize
from derivata.errors import NotConverged
from derivata.implicit import hypergradient, params_by_hyper, value_and_hypergradient
from derivata.losses import LogisticLoss
from derivata.objective import Objective
from derivata.penalties import FREE, GroupRidge
from derivata.predictors import LinearPredictor
from derivata.solvers import Newton
from tests.cases import CRITERIA, DESIGNS, LOSSES, problem
from tests.differences import jacobian, relative_error, slope

CRITERION = pytest.mark.parametrize("criterion", CRITERIA.values(), ids=list(CRITERIA))
LOSS = pytest.mark.parametrize("case", LOSSES.values(), ids=list(LOSSES))
SHAPES = pytest.mark.parametrize("shape", [(48, 4), (16, 24)], ids=["n > p", "p > n"])
HYPER = np.array([0.4, 1.2])
# Refits to 1e-13 and differences of fourth order leave about 1e-9 of doubt (3e-10 measured here);
# 1e-6 is asked for.
EXACT = 1e-8


def refit(part, hyper, params):
    return Newton(tol=1e-13).minimize(part.objective, params, hyper).expansion


def by_refits(criterion, objective):
    """The criterion as a function of hyper, every part fitted anew from a fit nearby."""
    parts = criterion.subproblems(objective)
    zero = np.zeros(objective.predictor.n_params)
    starts = [refit(part, HYPER, zero).params for part in parts]

    def value(hyper):
        total = 0.0
        for part, start in zip(parts, starts, strict=True):
            expansion = refit(part, hyper, start)
            total += part.judge(expansion, invert(expansion)).value
        return total

    return value


def by_derivatives(criterion, objective):
    """Its value and hypergradient by the implicit function theorem."""
    value, gradient = 0.0, np.zeros(2)
    for part in criterion.subproblems(objective):
        expansion = refit(part, HYPER, np.zeros(objective.predictor.n_params))
        inverse = invert(expansion)
        partials = part.judge(expansion, inverse)
        value += partials.value
        gradient += hypergradient(expansion, partials, inverse)
    return value, gradient


@LOSS
@CRITERION
@SHAPES
def test_hypergradient_equals_differences_of_refits(case, criterion, shape):
    objective = problem(case, *shape)
    truth = by_refits(criterion, objective)
    value, gradient = by_derivatives(criterion, objective)
    assert value == pytest.approx(truth(HYPER), rel=1e-12)
    assert relative_error(gradient, jacobian(truth, HYPER, step=5e-3)) < EXACT


@pytest.mark.parametrize("make", DESIGNS.values(), ids=list(DESIGNS))
@CRITERION
def test_the_storage_of_the_design_does_not_matter(make, criterion):
    expected = by_derivatives(criterion, problem(LOSSES["softmax of 4"], 48, 4))
    found = by_derivatives(criterion, problem(LOSSES["softmax of 4"], 48, 4, design=make))
    assert found[0] == pytest.approx(expected[0], rel=1e-12)
    assert relative_error(found[1], expected[1]) < 1e-11


@CRITERION
def test_sharing_the_design_between_folds_changes_nothing(criterion, monkeypatch):
    expected = by_derivatives(criterion, problem(LOSSES["softmax of 4"], 48, 4))
    monkeypatch.setattr("derivata.objective.LARGEST_COPY", 0)
    found = by_derivatives(criterion, problem(LOSSES["softmax of 4"], 48, 4))
    assert found[0] == pytest.approx(expected[0], rel=1e-12)
    assert relative_error(found[1], expected[1]) < 1e-10


@LOSS
@CRITERION
def test_partials_add_up_and_row_gradients_are_of_row_losses(case, criterion):
    objective = problem(case, 48, 4)
    for part in criterion.subproblems(objective):
        expansion = refit(part, HYPER, np.zeros(objective.predictor.n_params))
        partials = part.judge(expansion, invert(expansion))
        n, k = part.judged.n_rows, part.judged.n_outputs
        assert partials.row_losses.shape == (n,) and partials.row_gradients.shape == (n, k)
        if not part.in_nats:  # else there are determinants besides, which no row is to blame for
            assert partials.value == pytest.approx(partials.row_losses.sum(), rel=1e-14)


@LOSS
def test_rows_of_weight_zero_do_not_move_leave_one_out(case):
    objective = problem(case, 48, 4)
    kept = objective.take(np.flatnonzero(objective.weight > 0))
    value, gradient = by_derivatives(LeaveOneOut(), objective)
    expected, expected_gradient = by_derivatives(LeaveOneOut(), kept)
    assert value == pytest.approx(expected, rel=1e-10)
    assert relative_error(gradient, expected_gradient) < 1e-9


@pytest.mark.parametrize(
    "criterion",
    [pytest.param(criterion, id=name) for name, criterion in CRITERIA.items()],
)
def test_a_fit_that_has_not_converged_is_refused_with_its_gradient(criterion):
    objective = problem(LOSSES["logistic"], 48, 4)
    for part in criterion.subproblems(objective):
        start = part.objective.at(np.zeros(objective.predictor.n_params), HYPER)
        with pytest.raises(NotConverged, match=r"the relative gradient here is .*max_iter"):
            part.judge(start, invert(start))


@CRITERION
def test_the_adjoint_makes_the_value_second_order_in_the_gradient_left(criterion):
    objective = problem(LOSSES["logistic"], 48, 4)
    part = criterion.subproblems(objective)[0]
    end = refit(part, HYPER, np.zeros(objective.predictor.n_params))
    truth = part.judge(end, invert(end)).value
    errors = []
    for distance in (2e-5, 2e-6):
        near = part.objective.at(end.params + distance, HYPER)
        inverse = invert(near)
        partials = part.judge(near, inverse)
        corrected = value_and_hypergradient(near, partials, inverse)[0]
        errors.append((abs(partials.value - truth), abs(corrected - truth)))
    # Ten times nearer: ten times less without the correction, a hundred times less with it.
    assert errors[1][0] > errors[0][0] / 20
    assert errors[1][1] < errors[0][1] / 50


@LOSS
def test_the_minimiser_moves_as_the_implicit_derivative_says(case):
    objective = problem(case, 48, 4)
    part = LeaveOneOut().subproblems(objective)[0]
    end = refit(part, HYPER, np.zeros(objective.predictor.n_params))
    truth = jacobian(lambda hyper: refit(part, hyper, end.params).params, HYPER, step=5e-3)
    assert relative_error(params_by_hyper(end, invert(end)), truth) < EXACT


# Leave-one-out against fits without each row.


def ridge_without(objective, hyper, row):
    """Left-out output of one row by normal equations alone: one observation of it removed."""
    X = objective.predictor.jacobian(np.zeros(objective.predictor.n_params), slice(None))[:, 0]
    weight = objective.weight.copy()
    weight[row] -= min(weight[row], 1.0)
    y = objective.y - objective.offset[:, 0]
    precision = objective.penalty.hessian_diagonal(np.zeros(X.shape[1]), hyper)
    params = np.linalg.solve((X.T * weight) @ X + np.diag(precision), X.T @ (weight * y))
    return X[row] @ params + objective.offset[row, 0]


@SHAPES
def test_leave_one_out_equals_refits_for_squared_loss_weights_included(shape):
    objective = problem(LOSSES["squared"], *shape)
    expansion = refit(
        LeaveOneOut().subproblems(objective)[0], HYPER, np.zeros(objective.predictor.n_params)
    )
    outputs = np.array([ridge_without(objective, HYPER, row) for row in range(shape[0])])
    found = leave_one_out_outputs(expansion, invert(expansion))[:, 0]
    assert relative_error(found, outputs) < 1e-10
    value = 0.5 * float(objective.weight @ (objective.y - outputs) ** 2)
    assert by_derivatives(LeaveOneOut(), objective)[0] == pytest.approx(value, rel=1e-10)


@pytest.mark.parametrize("alpha", [3.0, 30.0])
def test_leave_one_out_is_within_one_percent_of_refits_on_breast_cancer(alpha):
    X, y = load_breast_cancer(return_X_y=True)
    n = len(y)
    rows = standardize(X, np.ones(n))
    groups = np.append(np.zeros(X.shape[1], dtype=int), FREE)
    objective = Objective(
        LogisticLoss(),
        LinearPredictor(rows.design),
        GroupRidge(groups, ("all",)),
        y.astype(float),
        np.ones(n),
    )
    hyper = np.log([alpha])
    end = Newton().minimize(objective, np.zeros(X.shape[1] + 1), hyper).expansion
    found = float(LeaveOneOut().subproblems(objective)[0].judge(end, invert(end)).value)
    exact = np.empty((n, 1))
    for row in range(n):
        weight = np.ones(n)
        weight[row] = 0.0
        fit = Newton(tol=1e-6).minimize(replace(objective, weight=weight), end.params, hyper)
        exact[row] = fit.expansion.outputs[row]
    truth = float(objective.loss.at(objective.y, exact).value.sum())
    assert found == pytest.approx(truth, rel=0.01)
    assert found > end.loss_value  # a row left out is never predicted better


# The stand-ins of the tuner.


def stand_in_at(part, hyper, monkeypatch, exact_rows=20):
    """A minimiser and the stand-in around it, made although the problem is small."""
    monkeypatch.setattr(frozen, "ROWS_PER_PARAM", 0)
    monkeypatch.setattr(frozen, "SMALL_PASS", 0)
    monkeypatch.setattr(frozen, "EXACT_ROWS", exact_rows)
    expansion = refit(part, hyper, np.zeros(part.objective.predictor.n_params))
    inverse = invert(expansion)
    partials = part.judge(expansion, inverse)
    stand_in = partials.stand_in()
    assert stand_in is not None
    return expansion, partials, stand_in


@LOSS
@CRITERION
def test_a_stand_in_has_the_gradient_of_its_value(case, criterion, monkeypatch):
    for part in criterion.subproblems(problem(case, 120, 4)):
        _, _, stand_in = stand_in_at(part, HYPER, monkeypatch)
        for hyper in (HYPER, HYPER + np.array([0.6, -0.9])):
            truth = jacobian(lambda h: stand_in.at(h)[0], hyper, step=5e-3)  # noqa: B023
            assert relative_error(stand_in.at(hyper)[1], truth) < EXACT


@LOSS
@CRITERION
def test_a_stand_in_knows_the_minimiser_and_how_it_moves(case, criterion, monkeypatch):
    part = criterion.subproblems(problem(case, 120, 4))[0]
    expansion, _, stand_in = stand_in_at(part, HYPER, monkeypatch)
    assert relative_error(stand_in.params(HYPER), expansion.params) < 1e-11
    direction = np.array([0.3, -1.0])
    moves = params_by_hyper(expansion, invert(expansion)) @ direction
    assert relative_error(slope(stand_in.params, HYPER, direction, step=5e-3), moves) < EXACT


@LOSS
@pytest.mark.parametrize("name", ["3-fold", "hold-out"])
def test_a_held_out_stand_in_is_exact_where_it_was_made(case, name, monkeypatch):
    for part in CRITERIA[name].subproblems(problem(case, 120, 4)):
        expansion, partials, stand_in = stand_in_at(part, HYPER, monkeypatch)
        value, gradient = stand_in.at(HYPER)
        assert value == pytest.approx(partials.value, rel=1e-11)
        exact = hypergradient(expansion, partials, invert(expansion))
        assert relative_error(gradient, exact) < 1e-9


def test_a_leave_one_out_stand_in_of_all_rows_is_exact_for_squared_loss(monkeypatch):
    # Then no leverage is expanded, and nothing that is frozen moves.
    part = LeaveOneOut().subproblems(problem(LOSSES["squared"], 120, 4))[0]
    _, _, stand_in = stand_in_at(part, HYPER, monkeypatch, exact_rows=120)
    start = stand_in.at(HYPER)[0]
    for hyper in (HYPER, HYPER + np.array([1.0, -2.0])):
        expansion = refit(part, hyper, np.zeros(5))
        exact = part.judge(expansion, invert(expansion))
        value, gradient = stand_in.at(hyper)
        first = refit(part, HYPER, np.zeros(5))
        change = exact.value - part.judge(first, invert(first)).value
        assert value - start == pytest.approx(change, abs=1e-9)
        truth = hypergradient(expansion, exact, invert(expansion))
        assert relative_error(gradient, truth) < 1e-9


@LOSS
def test_a_leave_one_out_stand_in_is_near_the_truth_where_leverages_are_small(case, monkeypatch):
    part = LeaveOneOut().subproblems(problem(case, 400, 4))[0]
    # Shrunk so far that the criterion has a slope worth comparing with.
    expansion, partials, stand_in = stand_in_at(part, HYPER + 4.0, monkeypatch)
    exact = hypergradient(expansion, partials, invert(expansion))
    # What it leaves out is of the order of a leverage, 5 / 400, times terms of the order of the
    # slope; a wrong sign or a forgotten term would be of the order of the slope itself.
    assert np.abs(stand_in.at(HYPER + 4.0)[1] - exact).max() < 0.1 * np.abs(exact).max()
