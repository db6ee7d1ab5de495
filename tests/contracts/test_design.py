"""Every design against the dense array it stands for."""

import numpy as np
import pytest

from derivata.designs import dense as dense_room
from derivata.designs import sparse as sparse_room
from derivata.designs import tabulated as tabulated_room
from derivata.designs.dense import NARROW, WIDEST_PAIRING
from tests.cases import DESIGNS
from tests.differences import relative_error

CASES = pytest.mark.parametrize("make", DESIGNS.values(), ids=list(DESIGNS))
# On both sides of each width at which a design changes how it multiplies.
WIDTHS = pytest.mark.parametrize(
    "n_columns", [1, 4, NARROW - 1, NARROW, WIDEST_PAIRING, WIDEST_PAIRING + 1]
)
N_ROWS = 150
# Sums of 150 products of order one, in another order: a few hundred units of rounding.
ROUNDING = 1e-12


def array(n_columns, seed=0):
    """Numbers of which some are zero, so that a sparse design has gaps; one column is empty."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N_ROWS, n_columns)) * (rng.random((N_ROWS, n_columns)) < 0.6)
    if n_columns > 1:
        X[:, 1] = 0.0
    return X


@pytest.fixture(params=["one block", "blocks"])
def blocks(request, monkeypatch):
    """Rows in one block, or in several of which the last is ragged."""
    if request.param == "blocks":
        monkeypatch.setattr(dense_room, "BLOCK_SIZE", 1)  # 64 rows, the least height
        monkeypatch.setattr(sparse_room, "DENSE_BLOCK", 60)
        # No table of pairs of codes is small enough: one of two blocks is spread over the rows.
        monkeypatch.setattr(tabulated_room, "LARGEST_PAIRS", 0)
        monkeypatch.setattr(tabulated_room, "SMALL_PAIRS", 0)


@CASES
def test_a_design_knows_its_shape(make):
    design = make(array(4))
    assert (design.n_rows, design.n_columns) == (N_ROWS, 4)


@CASES
def test_products_with_coefficients_and_their_transpose(make):
    X, rng = array(5), np.random.default_rng(1)
    coefs, values = rng.standard_normal((5, 3)), rng.standard_normal((N_ROWS, 3))
    assert relative_error(make(X).matvec(coefs), X @ coefs) < ROUNDING
    assert relative_error(make(X).rmatvec(values), X.T @ values) < ROUNDING


@WIDTHS
@CASES
@pytest.mark.parametrize("signed", [False, True], ids=["weights >= 0", "signed weights"])
@pytest.mark.parametrize("m", [1, 3])
def test_gram_sums_weighted_outer_products(make, n_columns, signed, m, blocks):
    X = array(n_columns)
    weights = np.random.default_rng(1).standard_normal((N_ROWS, m))
    weights = weights if signed else np.abs(weights)
    weights[::7] = 0.0
    truth = np.einsum("ij,im,il->mjl", X, weights, X, optimize=True)
    found = make(X).gram(weights)
    assert relative_error(found, truth) < ROUNDING
    assert relative_error(found, found.transpose(0, 2, 1)) < ROUNDING


@WIDTHS
@CASES
@pytest.mark.parametrize("m", [1, 3])
def test_quadratics_are_the_forms_of_each_row(make, n_columns, m, blocks):
    X = array(n_columns)
    matrices = np.random.default_rng(1).standard_normal((m, n_columns, n_columns))
    matrices = matrices + matrices.transpose(0, 2, 1)
    truth = np.einsum("ij,mjl,il->im", X, matrices, X, optimize=True)
    assert relative_error(make(X).quadratics(matrices), truth) < ROUNDING


@CASES
def test_column_squares_are_weighted_sums(make, blocks):
    X, weights = array(6), np.random.default_rng(1).random(N_ROWS)
    assert relative_error(make(X).column_squares(weights), weights @ X**2) < ROUNDING


@CASES
@pytest.mark.parametrize(
    "rows",
    [slice(10, 50), slice(None), np.array([7, 3, 3, 149, 0]), np.arange(0)],
    ids=["slice", "all", "indices in any order, repeated", "none"],
)
def test_rows_are_chosen_by_slice_or_indices(make, rows):
    X = array(5)
    design, coefs = make(X), np.arange(10.0).reshape(5, 2)
    assert np.array_equal(design.dense(rows), X[rows])
    taken = design.take(rows)
    assert (taken.n_rows, taken.n_columns) == X[rows].shape
    assert np.array_equal(taken.dense(slice(None)), X[rows])
    assert relative_error(taken.matvec(coefs), X[rows] @ coefs) < ROUNDING


@WIDTHS
@CASES
def test_no_question_changes_the_design(make, n_columns, blocks):
    # A triangular product once wrote its result over the design.
    X = array(n_columns)
    design, weights = make(X), np.random.default_rng(1).standard_normal((N_ROWS, 2))
    design.gram(weights), design.gram(weights[:, :1]), design.gram(np.abs(weights[:, :1]))
    design.quadratics(np.ones((1, n_columns, n_columns)))
    design.quadratics(np.ones((2, n_columns, n_columns)))
    design.column_squares(weights[:, 0]), design.matvec(np.ones((n_columns, 1)))
    assert np.array_equal(design.dense(slice(None)), X)


@CASES
def test_the_array_it_was_made_of_is_not_changed(make):
    X = array(NARROW)
    kept = X.copy()
    design = make(X)
    design.quadratics(np.ones((1, NARROW, NARROW)))
    design.gram(np.ones((N_ROWS, 1)))
    assert np.array_equal(X, kept)
