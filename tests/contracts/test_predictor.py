"""Every predictor against differences of its outputs and sums over its Jacobian."""

import numpy as np
import pytest

from tests.cases import PREDICTORS
from tests.differences import jacobian, relative_error, slope

CASES = pytest.mark.parametrize("make", PREDICTORS.values(), ids=list(PREDICTORS))
N_ROWS, N_COLUMNS = 40, 4
ROUNDING = 1e-13  # sums of some tens of products of order one


def drawn(make):
    rng = np.random.default_rng(0)
    predictor = make(rng.standard_normal((N_ROWS, N_COLUMNS)))
    return predictor, rng.standard_normal(predictor.n_params), rng


def symmetric(rng, n, k):
    matrices = rng.standard_normal((n, k, k))
    return matrices + matrices.transpose(0, 2, 1)


@CASES
def test_jacobian_is_the_derivative_of_the_outputs(make):
    predictor, params, _ = drawn(make)
    truth = jacobian(predictor.predict, params)
    assert truth.shape == (N_ROWS, predictor.n_outputs, predictor.n_params)
    assert relative_error(predictor.jacobian(params, slice(None)), truth) < 1e-10  # differences
    rows = np.array([5, 2, 2])
    assert relative_error(predictor.jacobian(params, rows), truth[rows]) < 1e-10


@CASES
def test_jvp_and_vjp_are_adjoint_and_multiply_the_jacobian(make):
    predictor, params, rng = drawn(make)
    J = predictor.jacobian(params, slice(None))
    direction = rng.standard_normal(predictor.n_params)
    cotangent = rng.standard_normal((N_ROWS, predictor.n_outputs))
    moved, pulled = predictor.jvp(params, direction), predictor.vjp(params, cotangent)
    assert relative_error(moved, J @ direction) < ROUNDING
    assert relative_error(pulled, np.einsum("nkp,nk->p", J, cotangent)) < ROUNDING
    assert np.sum(moved * cotangent) == pytest.approx(direction @ pulled, rel=1e-12)


@CASES
def test_gram_sums_the_curvature_of_rows(make):
    predictor, params, rng = drawn(make)
    J = predictor.jacobian(params, slice(None))
    weights = symmetric(rng, N_ROWS, predictor.n_outputs)
    truth = np.einsum("nap,nab,nbq->pq", J, weights, J, optimize=True)
    assert relative_error(predictor.gram(params, weights), truth) < ROUNDING


@CASES
def test_leverage_is_the_form_of_each_row(make):
    predictor, params, rng = drawn(make)
    J = predictor.jacobian(params, slice(None))
    matrix = symmetric(rng, 1, predictor.n_params)[0]
    truth = np.einsum("nap,pq,nbq->nab", J, matrix, J, optimize=True)
    assert relative_error(predictor.leverage(params, matrix), truth) < ROUNDING


@CASES
def test_curvature_vp_is_the_derivative_of_the_vjp(make):
    predictor, params, rng = drawn(make)
    cotangent = rng.standard_normal((N_ROWS, predictor.n_outputs))
    direction = rng.standard_normal(predictor.n_params)
    truth = slope(lambda w: predictor.vjp(w, cotangent), params, direction)
    found = predictor.curvature_vp(params, cotangent, direction) + np.zeros(predictor.n_params)
    assert relative_error(found, truth) < 1e-9  # differences


@CASES
def test_row_curvature_vp_sums_second_derivatives_along_a_direction_an_output(make):
    predictor, params, rng = drawn(make)
    directions = rng.standard_normal((N_ROWS, predictor.n_outputs, predictor.n_params))
    truth = jacobian(lambda w: np.sum(predictor.jacobian(w, slice(None)) * directions), params)
    found = predictor.row_curvature_vp(params, directions) + np.zeros(predictor.n_params)
    assert relative_error(found, truth) < 1e-9  # differences


@CASES
def test_curvature_is_the_matrix_of_curvature_vp(make):
    predictor, params, rng = drawn(make)
    cotangent = rng.standard_normal((N_ROWS, predictor.n_outputs))
    n = predictor.n_params
    found = predictor.curvature(params, cotangent) + np.zeros((n, n))
    columns = [predictor.curvature_vp(params, cotangent, unit) + np.zeros(n) for unit in np.eye(n)]
    assert relative_error(found, np.stack(columns, axis=1)) < ROUNDING
    assert (found == found.T).all()


@CASES
def test_leverage_vjp_is_the_derivative_of_leverages_by_params(make):
    predictor, params, rng = drawn(make)
    matrix = symmetric(rng, 1, predictor.n_params)[0]
    cotangents = symmetric(rng, N_ROWS, predictor.n_outputs)
    truth = jacobian(lambda w: np.sum(cotangents * predictor.leverage(w, matrix)), params)
    found = predictor.leverage_vjp(params, matrix, cotangents) + np.zeros(predictor.n_params)
    assert relative_error(found, truth) < 1e-9  # differences


@CASES
def test_linear_is_claimed_only_where_the_jacobian_stands_still(make):
    predictor, params, _ = drawn(make)
    here, there = (predictor.jacobian(w, slice(None)) for w in (params, 2.0 * params + 1.0))
    assert predictor.is_linear == np.array_equal(here, there)
    assert predictor.reference.shape == (predictor.n_params,)


@CASES
def test_column_squares_are_weighted_norms_of_the_jacobian(make):
    predictor, _, rng = drawn(make)
    weights = rng.random(N_ROWS)
    J = predictor.jacobian(predictor.reference, slice(None))
    truth = np.einsum("n,nkp,nkp->p", weights, J, J)
    assert relative_error(predictor.column_squares(weights), truth) < ROUNDING


@CASES
def test_taking_rows_takes_their_outputs(make):
    predictor, params, _ = drawn(make)
    for rows in (slice(3, 9), np.array([8, 1, 1])):
        taken = predictor.take(rows)
        assert (taken.n_outputs, taken.n_params) == (predictor.n_outputs, predictor.n_params)
        truth = predictor.predict(params)[rows]
        assert taken.n_rows == len(truth)
        assert relative_error(taken.predict(params), truth) < ROUNDING
