"""The objective and its expansion: sums in nats, derivatives of one another, lazy and immutable."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.errors import NotConverged, ShapeMismatch
from derivata.objective import add_to_diagonal
from derivata.penalties import FREE, GroupRidge
from tests.cases import LOSSES, problem
from tests.differences import jacobian, relative_error

HYPER = np.array([0.4, 1.2])
LOSS = pytest.mark.parametrize("case", LOSSES.values(), ids=list(LOSSES))


def expansion_of(case, **settings):
    objective = problem(case, 40, 4, **settings)
    rng = np.random.default_rng(8)
    return objective.at(0.3 * rng.standard_normal(objective.predictor.n_params), HYPER)


@LOSS
def test_the_objective_is_the_weighted_sum_of_losses_plus_the_penalty(case):
    at = expansion_of(case)
    objective = at.objective
    outputs = objective.predictor.predict(at.params) + objective.offset
    losses = objective.loss.at(objective.y, outputs).value
    truth = float(objective.weight @ losses) + objective.penalty.value(at.params, HYPER)
    assert at.value == pytest.approx(truth, rel=1e-14)
    assert at.value == at.loss_value + at.penalty_value


@LOSS
def test_gradient_and_hessian_are_derivatives_of_the_value(case):
    at = expansion_of(case)
    objective = at.objective
    # Huber's kinks: the Hessian jumps there, and no row of this draw is near one.
    gradient = jacobian(lambda w: objective.at(w, HYPER).value, at.params)
    hessian = jacobian(lambda w: objective.at(w, HYPER).gradient, at.params)
    assert relative_error(at.gradient, gradient) < 1e-8
    assert relative_error(at.hessian, hessian) < 1e-8


@LOSS
def test_hvp_multiplies_by_the_hessian_without_forming_it(case):
    at = expansion_of(case)
    direction = np.random.default_rng(1).standard_normal(len(at.params))
    assert relative_error(at.hvp(direction), at.hessian @ direction) < 1e-12
    # A linear predictor does not curve, so Gauss and Newton leave nothing out.
    assert np.array_equal(at.hvp(direction, gauss_newton=True), at.hvp(direction))


@LOSS
def test_row_gradients_add_up_to_the_gradient_of_the_losses(case):
    at = expansion_of(case)
    every = at.row_gradients(slice(None))
    assert relative_error(every.sum(axis=0), at.loss_gradient) < 1e-12
    rows = np.array([7, 2, 2])
    assert np.array_equal(at.row_gradients(rows), every[rows])


@LOSS
def test_taking_rows_takes_everything_that_belongs_to_them(case):
    at = expansion_of(case)
    rows = np.array([3, 30, 3, 11])
    taken = at.objective.take(rows).at(at.params, HYPER)
    truth = at.objective.weight[rows] @ at.rows.value[rows] + at.penalty_value
    assert taken.value == pytest.approx(float(truth), rel=1e-13)


@LOSS
def test_going_without_rows_copies_a_small_design_and_shares_a_large_one(case, monkeypatch):
    at = expansion_of(case)
    without = np.arange(40) % 3 == 0
    copied = at.objective.without(without)
    monkeypatch.setattr("derivata.objective.LARGEST_COPY", 0)
    shared = at.objective.without(without)
    assert len(copied.y) == 26 and shared.predictor is at.objective.predictor
    one, other = copied.at(at.params, HYPER), shared.at(at.params, HYPER)
    assert one.value == pytest.approx(other.value, rel=1e-13)
    assert relative_error(one.gradient, other.gradient) < 1e-12
    assert relative_error(one.hessian, other.hessian) < 1e-12
    assert one.relative_gradient == pytest.approx(other.relative_gradient, rel=1e-12)


def test_an_integer_weight_is_as_many_equal_rows():
    objective = problem(LOSSES["poisson"], 40, 4)
    weight = np.resize([0.0, 1.0, 2.0, 3.0], 40)
    weighted = replace(objective, weight=weight)
    repeated = objective.take(np.repeat(np.arange(40), weight.astype(int)))
    repeated = replace(repeated, weight=np.ones(len(repeated.y)))
    params = np.full(5, 0.1)
    one, other = weighted.at(params, HYPER), repeated.at(params, HYPER)
    assert one.value == pytest.approx(other.value, rel=1e-13)
    assert relative_error(one.gradient, other.gradient) < 1e-12
    assert relative_error(one.hessian, other.hessian) < 1e-12
    assert one.relative_gradient == pytest.approx(other.relative_gradient, rel=1e-12)


def test_every_quantity_is_computed_once_and_kept():
    at = expansion_of(LOSSES["logistic"])
    for name in ("outputs", "rows", "gradient", "gram", "hessian", "output_hessian"):
        assert getattr(at, name) is getattr(at, name)


def test_the_hessian_does_not_change_the_gram_it_is_made_of():
    at = expansion_of(LOSSES["squared"])
    gram = at.gram.copy()
    assert relative_error(at.hessian - np.diag(at.penalty_diagonal), gram) < 1e-14
    assert np.array_equal(at.gram, gram)
    # The constant Gram matrix is shared between points, so this would spoil all of them.
    assert np.array_equal(at.objective.constant_gram, gram)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_the_relative_gradient_has_no_units(scale):
    at = expansion_of(LOSSES["squared"], offset=False)
    objective = at.objective
    rescaled = replace(objective, y=scale * objective.y).at(scale * at.params, HYPER)
    assert rescaled.relative_gradient == pytest.approx(at.relative_gradient, rel=1e-10)


def test_a_point_that_is_no_minimiser_is_refused_with_the_number():
    at = expansion_of(LOSSES["logistic"])
    number = f"{at.relative_gradient:.1e}"
    with pytest.raises(NotConverged, match=f"influence needs a minimiser.*{number}.*1e-04"):
        at.require_minimiser(1e-4, "influence")
    at.require_minimiser(10.0, "influence")


def test_a_gradient_that_is_nan_is_no_minimiser():
    at = expansion_of(LOSSES["logistic"])
    lost = at.objective.at(np.full(5, np.nan), HYPER)
    with pytest.raises(NotConverged):
        lost.require_minimiser(1e-4, "influence")


def test_parts_that_disagree_are_refused_with_both_numbers():
    objective = problem(LOSSES["logistic"], 40, 4)
    with pytest.raises(ShapeMismatch, match="has 40 rows, but `y` has 39"):
        replace(objective, y=objective.y[:-1])
    with pytest.raises(ShapeMismatch, match="`weight` has 41"):
        replace(objective, weight=np.ones(41))
    with pytest.raises(ShapeMismatch, match="6 parameters but the predictor has 5.*intercept"):
        replace(objective, penalty=GroupRidge(np.array([0, 1, 0, 1, 0, FREE]), ("a", "b")))
    with pytest.raises(ShapeMismatch, match="needs 3 outputs a row but the predictor gives 1"):
        replace(objective, loss=LOSSES["softmax of 4"].loss)


def test_adding_to_a_diagonal_changes_the_array_in_place_in_either_order():
    for order in "CF":
        matrix = np.asarray(np.arange(9.0).reshape(3, 3), order=order)
        truth = matrix + np.diag([1.0, 2.0, 3.0])
        assert add_to_diagonal(matrix, np.array([1.0, 2.0, 3.0])) is matrix
        assert np.array_equal(matrix, truth)
