"""Every inverse Hessian against NumPy's inverse of the dense Hessian, and what ``invert`` picks."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.curvature import inverse as inverse_room
from derivata.curvature import invert
from derivata.curvature.inverse import CholeskyInverse, PseudoInverse
from derivata.curvature.iterative import IterativeInverse
from derivata.curvature.woodbury import WoodburyInverse
from derivata.designs import DenseDesign
from derivata.errors import NotAvailable, NotConverged
from derivata.penalties import FREE, GroupRidge
from derivata.predictors import LinearPredictor
from tests.cases import INVERSES, LOSSES, SOLVE_ONLY, problem
from tests.differences import relative_error

ALL = pytest.mark.parametrize("name", list(INVERSES))
DENSE = pytest.mark.parametrize("name", [name for name in INVERSES if name not in SOLVE_ONLY])
SHAPES = pytest.mark.parametrize("shape", [(40, 5), (8, 30)], ids=["n > p", "p > n"])
LOSS = pytest.mark.parametrize("loss", ["logistic", "softmax of 4"], ids=["k = 1", "k = 3"])
# Condition numbers here are at most some hundreds, and eps times them is 1e-13.
EXACT = 1e-11


def expansion_of(loss, shape, seed=0):
    objective = problem(LOSSES[loss], *shape, seed=seed)
    params = 0.3 * np.random.default_rng(seed).standard_normal(objective.predictor.n_params)
    return objective.at(params, np.array([0.3, -0.7]))


def truth_of(expansion):
    """H from the Jacobian alone, inverted, with the Jacobian."""
    objective = expansion.objective
    J = objective.predictor.jacobian(expansion.params, slice(None))
    W = objective.weight[:, None, None] * expansion.rows.hessian
    H = np.einsum("nap,nab,nbq->pq", J, W, J, optimize=True)
    diagonal = objective.penalty.hessian_diagonal(expansion.params, expansion.hyper)
    return np.linalg.inv(H + np.diag(diagonal)), J


@ALL
@SHAPES
@LOSS
def test_solve_multiplies_one_right_hand_side_or_several(name, shape, loss):
    expansion = expansion_of(loss, shape)
    truth, J = truth_of(expansion)
    inverse = INVERSES[name](expansion)
    right = np.random.default_rng(1).standard_normal((J.shape[2], 3))
    kept = right.copy()
    assert relative_error(inverse.solve(right), truth @ right) < EXACT
    assert relative_error(inverse.solve(right[:, 0]), truth @ right[:, 0]) < EXACT
    assert np.array_equal(right, kept)
    assert inverse.null_space is None
    assert inverse.reason


@DENSE
@SHAPES
@LOSS
def test_leverage_of_own_rows_and_of_others(name, shape, loss):
    expansion = expansion_of(loss, shape)
    truth, J = truth_of(expansion)
    inverse = INVERSES[name](expansion)
    forms = np.einsum("nap,pq,nbq->nab", J, truth, J, optimize=True)
    assert relative_error(inverse.leverage(), forms) < EXACT
    others = problem(LOSSES[loss], 11, shape[1], seed=5).predictor
    J = others.jacobian(expansion.params, slice(None))
    forms = np.einsum("nap,pq,nbq->nab", J, truth, J, optimize=True)
    assert relative_error(inverse.leverage(others), forms) < EXACT


@DENSE
@SHAPES
@LOSS
def test_sandwich_offers_its_diagonal_and_leverages(name, shape, loss):
    expansion = expansion_of(loss, shape)
    truth, J = truth_of(expansion)
    n, k, _ = J.shape
    cotangents = np.random.default_rng(1).standard_normal((n, k, k))  # of both signs
    cotangents = cotangents + cotangents.transpose(0, 2, 1)
    inner = np.einsum("nap,nab,nbq->pq", J, cotangents, J, optimize=True)
    sandwich = truth @ inner @ truth
    found = INVERSES[name](expansion).sandwich(cotangents)
    assert relative_error(found.diagonal(), np.diagonal(sandwich)) < EXACT
    forms = np.einsum("nap,pq,nbq->nab", J, sandwich, J, optimize=True)
    assert relative_error(found.leverage(), forms) < EXACT


@DENSE
@SHAPES
@LOSS
def test_determinant_and_diagonal(name, shape, loss):
    expansion = expansion_of(loss, shape)
    truth, _ = truth_of(expansion)
    inverse = INVERSES[name](expansion)
    assert inverse.logdet() == pytest.approx(-np.linalg.slogdet(truth)[1], abs=EXACT)
    assert relative_error(inverse.diagonal(), np.diagonal(truth)) < EXACT


@DENSE
def test_without_free_parameters_every_formula_still_holds(name):
    expansion = expansion_of("logistic", (8, 30))
    groups = np.zeros(31, dtype=int)
    objective = replace(expansion.objective, penalty=GroupRidge(groups, ("all",)))
    expansion = objective.at(expansion.params, np.array([-1.0]))
    truth, J = truth_of(expansion)
    inverse = INVERSES[name](expansion)
    assert relative_error(inverse.solve(J[:, 0].T), truth @ J[:, 0].T) < EXACT
    assert relative_error(inverse.diagonal(), np.diagonal(truth)) < EXACT
    assert inverse.logdet() == pytest.approx(-np.linalg.slogdet(truth)[1], abs=EXACT)


# Singular Hessians: free columns that repeat each other, and one that is zero.


def singular_expansion(n_rows, n_features, large=10.0, small=0.1):
    objective = problem(LOSSES["squared"], n_rows, n_features, weighted=False)
    X = objective.predictor.jacobian(np.zeros(n_features + 1), slice(None))[:, 0]
    X = np.column_stack([X, large * X[:, -1], np.zeros(n_rows), small * np.arange(n_rows)])
    groups = np.append(np.zeros(n_features, dtype=int), [FREE] * 4)
    objective = replace(
        objective,
        predictor=LinearPredictor(DenseDesign.from_array(X)),
        penalty=GroupRidge(groups, ("all",)),
    )
    return objective.at(np.ones(n_features + 4), np.array([0.5]))


@pytest.mark.parametrize("name", ["pseudo-inverse", "Woodbury"])
@SHAPES
def test_a_singular_hessian_gets_its_pseudo_inverse(name, shape):
    expansion = singular_expansion(*shape)
    inverse = INVERSES[name](expansion)
    H, flat = expansion.hessian, inverse.null_space
    p = len(H)
    assert "2 directions" in inverse.reason
    assert flat.shape == (p, 2)
    assert relative_error(flat.T @ flat, np.eye(2)) < 1e-14
    assert np.abs(H @ flat).max() < 1e-14 * np.abs(H).max()
    truth = np.linalg.pinv(H, rcond=1e-12, hermitian=True)
    right = np.random.default_rng(1).standard_normal((p, 2))
    assert relative_error(inverse.solve(right), truth @ right) < EXACT
    assert relative_error(inverse.diagonal(), np.diagonal(truth)) < EXACT
    J = expansion.objective.predictor.jacobian(expansion.params, slice(None))
    forms = np.einsum("nap,pq,nbq->nab", J, truth, J)
    assert relative_error(inverse.leverage(), forms) < EXACT


@pytest.mark.parametrize("name", ["pseudo-inverse", "Woodbury"])
@SHAPES
def test_the_rank_does_not_depend_on_units(name, shape):
    inverse = INVERSES[name](singular_expansion(*shape, large=1e7, small=1e-9))
    assert inverse.null_space.shape[1] == 2


@pytest.mark.parametrize("name", ["pseudo-inverse", "Woodbury"])
def test_the_determinant_of_a_singular_hessian_scales_as_one_that_is_not(name):
    # A column measured in other units moves log det by twice their log, flat directions or not.
    one, other = (singular_expansion(8, 30, small=small) for small in (0.1, 0.2))
    change = INVERSES[name](other).logdet() - INVERSES[name](one).logdet()
    assert change == pytest.approx(2.0 * np.log(2.0), abs=EXACT)


@pytest.mark.parametrize("shape", [(40, 5), (8, 30)], ids=["n > p", "p > n"])
def test_invert_leaves_flat_directions_out_instead_of_failing(shape):
    expansion = singular_expansion(*shape)
    inverse = invert(expansion)
    assert inverse.null_space.shape[1] == 2
    step = inverse.solve(expansion.gradient)
    # The gradient of a sum of squares lies in the range of H, so the system has a solution.
    diagonal = np.diagonal(expansion.hessian)
    size = np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    assert np.abs((expansion.hessian @ step - expansion.gradient) / size).max() < 1e-8


def test_rows_without_curvature_leave_the_free_parameters_flat():
    # Huber's tails: W = 0. With more columns than rows this once was an uncaught LinAlgError.
    objective = problem(LOSSES["huber"], 8, 30, weighted=False)
    objective = replace(objective, y=objective.y + 1e3)
    inverse = invert(objective.at(np.zeros(31), np.zeros(2)))
    assert isinstance(inverse, WoodburyInverse)
    right = np.random.default_rng(0).standard_normal(31)
    truth = np.append(right[:-1], 0.0)  # H is the identity on the penalised, zero on the free
    assert relative_error(inverse.solve(right), truth) < EXACT


# What conjugate gradients refuse.


@pytest.mark.parametrize(
    "ask",
    [
        lambda inverse: inverse.leverage(),
        lambda inverse: inverse.sandwich(np.ones((40, 1, 1))),
        lambda inverse: inverse.logdet(),
        lambda inverse: inverse.diagonal(),
    ],
    ids=["leverage", "sandwich", "logdet", "diagonal"],
)
def test_conjugate_gradients_refuse_what_needs_a_solve_a_row_and_name_the_cure(ask):
    inverse = IterativeInverse(expansion_of("logistic", (40, 5)))
    with pytest.raises(NotAvailable, match=r"cannot be had for 6 parameters.*KFold\(\)"):
        ask(inverse)


def test_conjugate_gradients_that_run_out_of_steps_say_how_far_they_came():
    expansion = expansion_of("logistic", (40, 5))
    inverse = IterativeInverse(expansion, max_iter=1)
    with pytest.raises(NotConverged, match="relative residual of .* after 1 iterations"):
        inverse.solve(expansion.gradient)


# The choice.


def test_invert_takes_cholesky_where_parameters_are_few():
    inverse = invert(expansion_of("logistic", (40, 5)))
    assert isinstance(inverse, CholeskyInverse)
    assert inverse.reason == "Cholesky: 6 parameters fit in a dense Hessian"


def test_invert_takes_the_dual_where_parameters_outnumber_outputs():
    inverse = invert(expansion_of("softmax of 4", (8, 30)))
    assert isinstance(inverse, WoodburyInverse)
    assert inverse.reason == "Woodbury: 93 parameters but only 24 outputs, so the dual is smaller"


def test_invert_does_not_divide_by_penalties_that_are_next_to_nothing():
    expansion = expansion_of("logistic", (8, 30))
    loose = expansion.objective.at(expansion.params, np.array([0.0, -30.0]))
    inverse = invert(loose)
    assert not isinstance(inverse, WoodburyInverse)
    G = inverse.solve(np.eye(31))
    # What is flat to 1e-12 of the curvature may be solved or left out, nothing in between.
    P = np.eye(31)
    if inverse.null_space is not None:
        P -= inverse.null_space @ inverse.null_space.T
    assert np.abs(loose.hessian @ G - P).max() < 1e-3


def test_invert_takes_the_pseudo_inverse_where_columns_repeat():
    inverse = invert(singular_expansion(40, 5))
    assert isinstance(inverse, PseudoInverse)
    assert inverse.reason == "pseudo-inverse: 2 directions of the Hessian are flat"


def test_invert_takes_conjugate_gradients_where_nothing_dense_fits(monkeypatch):
    monkeypatch.setattr(inverse_room, "LARGEST_DENSE", 5)
    for shape in ((40, 5), (8, 30)):
        inverse = invert(expansion_of("logistic", shape))
        assert isinstance(inverse, IterativeInverse)
        assert "too many for a dense Hessian" in inverse.reason
