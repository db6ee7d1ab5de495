"""The inverse Hessian on a face, against a dense basis of it; as an inverse: tests/contracts."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import null_space

from derivata.curvature import invert
from derivata.curvature.face import FaceExpansion, FaceInverse
from derivata.designs import DenseDesign
from derivata.penalties import FREE, GroupRidge
from derivata.predictors import LinearPredictor
from tests.cases import LOSSES, problem
from tests.differences import relative_error

HYPER = np.array([0.3, -0.7])
EXACT = 1e-11
LOSS = pytest.mark.parametrize("loss", ["squared", "poisson", "softmax of 4"])
SHAPES = pytest.mark.parametrize("shape", [(40, 5), (8, 30)], ids=["n > p", "p > n"])


def expansion_of(loss, shape, seed=0):
    objective = problem(LOSSES[loss], *shape, seed=seed)
    params = 0.3 * np.random.default_rng(seed).standard_normal(objective.predictor.n_params)
    return objective.at(params, HYPER)


def rows_of(expansion, n_pinned=2, seed=7):
    return np.random.default_rng(seed).standard_normal((n_pinned, len(expansion.params)))


@LOSS
@SHAPES
def test_every_answer_is_that_of_an_orthonormal_basis_of_the_face(loss, shape):
    expansion = expansion_of(loss, shape)
    rows = rows_of(expansion)
    inverse = FaceInverse(expansion, rows)
    N = null_space(rows)
    reduced = N.T @ expansion.hessian @ N
    truth = N @ np.linalg.inv(reduced) @ N.T
    assert relative_error(inverse.solve(np.eye(len(truth))), truth) < EXACT
    assert relative_error(inverse.diagonal(), np.diagonal(truth)) < EXACT
    some = np.array([0, 1]), np.array([2, 1])
    assert relative_error(inverse.entries(*some), truth[some]) < EXACT
    assert inverse.logdet() == pytest.approx(np.linalg.slogdet(reduced)[1], abs=EXACT)
    J = expansion.objective.predictor.jacobian(expansion.params, slice(None))
    assert relative_error(inverse.leverage(), np.einsum("nap,pq,nbq->nab", J, truth, J)) < EXACT
    effective = np.trace(np.linalg.solve(reduced, N.T @ expansion.gram @ N))
    assert inverse.effective_params == pytest.approx(effective, abs=EXACT)
    C = expansion.output_hessian
    M = truth @ np.einsum("nap,nab,nbq->pq", J, C, J) @ truth
    sandwich = inverse.sandwich(C)
    assert relative_error(sandwich.diagonal(), np.diagonal(M)) < EXACT
    assert relative_error(sandwich.leverage(), np.einsum("nap,pq,nbq->nab", J, M, J)) < EXACT


def test_what_is_pinned_is_left_out_and_is_not_called_flat():
    expansion = expansion_of("poisson", (40, 5))
    rows = rows_of(expansion)
    inverse = FaceInverse(expansion, rows)
    assert inverse.reason == "face: constraints pin 2 of 6 directions"
    assert inverse.n_pinned == 2 and inverse.null_space is None
    assert np.abs(inverse.solve(rows.T)).max() < 1e-14
    assert np.abs(rows @ inverse.solve(np.eye(6))).max() < 1e-14


def test_repeated_and_implied_rows_pin_once():
    expansion = expansion_of("squared", (40, 5))
    rows = rows_of(expansion)
    repeated = np.vstack([rows, 1e3 * rows, rows[0] + rows[1], np.zeros(6)])
    one, other = FaceInverse(expansion, rows), FaceInverse(expansion, repeated)
    assert other.n_pinned == 2
    assert relative_error(other.solve(np.eye(6)), one.solve(np.eye(6))) < EXACT
    assert other.logdet() == pytest.approx(one.logdet(), abs=EXACT)


def test_a_face_of_one_point_has_nothing_to_invert():
    expansion = expansion_of("squared", (40, 5))
    inverse = FaceInverse(expansion, np.eye(6))
    assert not inverse.solve(np.ones(6)).any() and not inverse.diagonal().any()
    assert inverse.logdet() == 0.0 and inverse.effective_params == 0.0
    assert inverse.n_pinned == 6


def test_the_units_of_parameters_do_not_decide_what_is_pinned_or_flat():
    expansion = expansion_of("squared", (40, 5))
    size = np.array([1.0, 1e6, 1.0, 1e-6, 1.0, 1.0])
    X = expansion.objective.predictor.jacobian(expansion.params, slice(None))[:, 0]
    free = replace(expansion.objective, penalty=GroupRidge(np.full(6, FREE), ()))
    scaled = replace(free, predictor=LinearPredictor(DenseDesign.from_array(X * size)))
    rows = rows_of(expansion)
    expected = FaceInverse(free.at(expansion.params, np.zeros(0)), rows)
    found = FaceInverse(scaled.at(expansion.params / size, np.zeros(0)), rows * size)
    assert found.n_pinned == 2 and found.null_space is None
    back = found.solve(np.diag(size)) * size[:, None]
    assert relative_error(back, expected.solve(np.eye(6))) < EXACT


def test_flat_directions_of_the_face_are_left_where_they_are():
    # The intercept twice, and a constraint across it: one direction stays flat on the face.
    objective = problem(LOSSES["squared"], 40, 5, weighted=False)
    X = objective.predictor.jacobian(np.zeros(6), slice(None))[:, 0]
    objective = replace(
        objective,
        predictor=LinearPredictor(DenseDesign.from_array(np.column_stack([X, X[:, -1]]))),
        penalty=GroupRidge(np.array([0, 1, 0, 1, 0, FREE, FREE]), ("even", "odd")),
    )
    expansion = objective.at(np.ones(7), HYPER)
    rows = np.array([[1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
    inverse = FaceInverse(expansion, rows)
    assert inverse.n_pinned == 1 and inverse.null_space.shape == (7, 1)
    assert "; 1 directions of the Hessian are flat" in inverse.reason
    N = null_space(rows)
    truth = N @ np.linalg.pinv(N.T @ expansion.hessian @ N, rcond=1e-12, hermitian=True) @ N.T
    assert relative_error(inverse.solve(np.eye(7)), truth) < EXACT
    effective = np.trace(truth @ expansion.gram)
    assert inverse.effective_params == pytest.approx(effective, abs=EXACT)


@LOSS
def test_the_gradient_on_a_face_is_what_multipliers_cannot_hold(loss):
    expansion = expansion_of(loss, (40, 5))
    rows = rows_of(expansion)
    on_face = FaceExpansion(expansion, rows)
    N = null_space(rows)
    assert relative_error(N.T @ on_face.gradient, N.T @ expansion.gradient) < EXACT
    held = expansion.gradient - on_face.gradient
    assert np.abs(held @ N).max() < EXACT * np.abs(held).max()
    scale = expansion.objective.gradient_scale
    assert np.linalg.norm(on_face.gradient / scale) <= np.linalg.norm(expansion.gradient / scale)


def test_an_expansion_on_a_face_shares_what_is_known_and_inverts_on_the_face():
    expansion = expansion_of("poisson", (40, 5))
    known = expansion.gram
    on_face = FaceExpansion(expansion, rows_of(expansion))
    assert on_face.gram is known and on_face.value == expansion.value
    inverse = invert(on_face)
    assert isinstance(inverse, FaceInverse) and invert(on_face) is inverse
    assert not isinstance(invert(expansion), FaceInverse)
    step = inverse.solve(expansion.gradient)
    assert relative_error(step, inverse.solve(on_face.gradient)) < EXACT
