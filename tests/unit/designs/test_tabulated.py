"""Tabulated designs: blocks of few distinct rows, products of which are passes over codes."""

import numpy as np
import pytest

from derivata.designs import DenseDesign, TabulatedBlock, TabulatedDesign, tabulated
from tests.differences import relative_error

N_ROWS = 90
# Sums of 90 products of order one, in another order: a few hundred units of rounding.
ROUNDING = 1e-12


@pytest.fixture(params=["tables of pairs", "blocks spread over rows"], autouse=True)
def way(request, monkeypatch):
    """Both ways to multiply two blocks: by a table of pairs of codes, or by spreading one."""
    if request.param == "blocks spread over rows":
        monkeypatch.setattr(tabulated, "LARGEST_PAIRS", 0)
        monkeypatch.setattr(tabulated, "SMALL_PAIRS", 0)


def example(n_dense=2):
    """A spline's table, a one-hot column, a table with a code that no row has; then numbers."""
    rng = np.random.default_rng(0)
    blocks = (
        TabulatedBlock(rng.integers(0, 7, N_ROWS), rng.standard_normal((7, 4)), 7),
        TabulatedBlock(rng.integers(0, 3, N_ROWS), None, 3),
        TabulatedBlock(rng.integers(0, 5, N_ROWS), rng.standard_normal((6, 2)), 6),
        TabulatedBlock(rng.integers(0, 12, N_ROWS), None, 12),
    )
    columns = rng.standard_normal((n_dense, N_ROWS))
    return TabulatedDesign(blocks, columns, rng.permutation(21 + n_dense))


def as_array(design):
    """Its columns from the blocks' definition alone."""
    parts = [
        (np.eye(block.n_codes) if block.table is None else block.table)[block.codes]
        for block in design.blocks
    ]
    return np.hstack([*parts, design.dense_columns.T])[:, design.order]


DENSE = pytest.mark.parametrize("n_dense", [0, 1, 3])


@DENSE
def test_rows_are_those_of_the_tables_in_the_order_given(n_dense):
    design = example(n_dense)
    assert (design.n_rows, design.n_columns) == (N_ROWS, 21 + n_dense)
    for rows in (slice(None), slice(3, 9), np.array([8, 1, 1])):
        assert np.array_equal(design.dense(rows), as_array(design)[rows])


@DENSE
def test_every_product_is_that_of_the_array(n_dense):
    design, rng = example(n_dense), np.random.default_rng(1)
    X = as_array(design)
    coefs, values = rng.standard_normal((X.shape[1], 3)), rng.standard_normal((N_ROWS, 3))
    assert relative_error(design.matvec(coefs), X @ coefs) < ROUNDING
    assert relative_error(design.rmatvec(values), X.T @ values) < ROUNDING
    grams = np.einsum("ij,im,il->mjl", X, values, X, optimize=True)
    assert relative_error(design.gram(values), grams) < ROUNDING
    matrices = grams + grams.transpose(0, 2, 1)
    forms = np.einsum("ij,mjl,il->im", X, matrices, X, optimize=True)
    assert relative_error(design.quadratics(matrices), forms) < ROUNDING
    squares = (X**2).T @ values[:, 0]
    assert relative_error(design.column_squares(values[:, 0]), squares) < ROUNDING


def test_taking_rows_keeps_the_tables_and_drops_the_others():
    design = example()
    rows = np.array([5, 80, 5, 2])
    taken = design.take(rows)
    assert np.array_equal(taken.dense(slice(None)), as_array(design)[rows])
    assert taken.blocks[0].table is design.blocks[0].table
    weights = np.array([[1.0], [2.0], [0.5], [0.0]])
    X = as_array(design)[rows]
    assert relative_error(taken.gram(weights)[0], (X.T * weights[:, 0]) @ X) < ROUNDING


@pytest.mark.parametrize(
    "columns",
    [np.array([7]), np.array([20, 0, 13, 4]), np.arange(23) % 3 == 0, np.arange(0)],
    ids=["one", "some, out of order", "a mask", "none"],
)
def test_selecting_columns_keeps_their_order_and_empties_no_block(columns):
    design = example()
    selected, X = design.select(columns), as_array(design)[:, columns]
    assert selected.n_columns == X.shape[1]
    assert np.array_equal(selected.dense(slice(None)), X)
    assert all(block.n_columns for block in selected.blocks)
    weights = np.linspace(0.0, 1.0, N_ROWS)[:, None]
    assert relative_error(selected.gram(weights)[0], (X.T * weights[:, 0]) @ X) < ROUNDING


def test_a_design_of_dense_columns_alone_is_a_dense_design():
    columns = np.random.default_rng(0).standard_normal((4, N_ROWS))
    design = TabulatedDesign((), columns, np.arange(4))
    weights = np.ones((N_ROWS, 1))
    assert np.array_equal(design.gram(weights), DenseDesign(columns).gram(weights))
    assert np.array_equal(design.dense(slice(None)), columns.T)


def test_two_runs_give_the_same_bits():
    rng = np.random.default_rng(1)
    weights, coefs = rng.random((N_ROWS, 2)), rng.standard_normal((23, 1))
    one, other = example(), example()
    assert np.array_equal(one.gram(weights), other.gram(weights))
    assert np.array_equal(one.matvec(coefs), other.matvec(coefs))


def test_large_codes_do_not_overflow_their_type():
    # Pairs of codes reach 10,000, beyond int8, in which a hundred codes may well be stored.
    rng = np.random.default_rng(0)
    blocks = tuple(
        TabulatedBlock(rng.integers(0, 100, N_ROWS).astype(np.int8), rng.random((100, 2)), 100)
        for _ in range(2)
    )
    design = TabulatedDesign(blocks, np.empty((0, N_ROWS)), np.arange(4))
    X = as_array(design)
    assert relative_error(design.gram(np.ones((N_ROWS, 1)))[0], X.T @ X) < ROUNDING
