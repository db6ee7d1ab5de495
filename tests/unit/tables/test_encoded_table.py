"""Encoded tables: one design whether it is stored as tables of codes or dense."""

import numpy as np
import pytest

from derivata.designs import DenseDesign, TabulatedDesign
from derivata.tables import Table, encoded_table
from derivata.tables.columns import Column
from derivata.tables.table_encoder import TableEncoder
from derivata.terms import Category, Missing, Spline, Surface
from tests.differences import relative_error

N_ROWS = 400


def encoder_and_table():
    rng = np.random.default_rng(0)
    age = rng.integers(20, 70, N_ROWS).astype(float)
    age[::11] = np.nan
    town = rng.choice(["Bath", "York", "Hull"], N_ROWS).astype(object)
    table = Table(
        (Column("age", age), Column("town", town), Column("size", rng.normal(size=N_ROWS)))
    )
    terms = (Spline("size", 8), Category("town"), Spline("age", 8), Missing("age"))
    return TableEncoder.fit(table, (*terms, Surface("age", "town", 3))), table


@pytest.fixture
def tabulated(monkeypatch):
    """Products are worth tables of codes, though the table is small."""
    monkeypatch.setattr(encoded_table, "SMALL_PRODUCT", 0.0)
    monkeypatch.setattr(encoded_table, "PRODUCT_SPEED", 1e-9)
    monkeypatch.setattr(encoded_table, "PAIR", 0.0)


def test_a_small_table_is_stored_dense():
    encoder, table = encoder_and_table()
    assert isinstance(encoder.design(table), DenseDesign)


def test_tables_of_codes_give_the_dense_design(tabulated):
    encoder, table = encoder_and_table()
    design = encoder.design(table)
    assert isinstance(design, TabulatedDesign)
    # The continuous column is stored as it is, every row having a cell of its own; so are pairs,
    # which are more than a few times the root of the rows.
    assert len(design.dense_columns) == len(encoder.terms[0].names) + len(encoder.terms[4].names)
    X = design.dense(slice(None))
    blocks = encoder.encode(table).blocks
    truth = np.hstack([*(block.spread(slice(None)) for block in blocks), np.ones((N_ROWS, 1))])
    np.testing.assert_array_equal(X, truth)
    weight = np.random.default_rng(1).random(N_ROWS)
    assert relative_error(design.gram(weight[:, None])[0], (X.T * weight) @ X) < 1e-12


def test_the_intercept_can_be_left_out(tabulated):
    encoder, table = encoder_and_table()
    encoded = encoder.encode(table)
    whole = encoded.design().dense(slice(None))
    np.testing.assert_array_equal(encoded.design(intercept=False).dense(slice(None)), whole[:, :-1])


def test_terms_are_evaluated_on_distinct_cells_only():
    encoder, table = encoder_and_table()
    sizes = [block.n_codes for block in encoder.encode(table).blocks]
    # Sizes all differ; 3 towns; 50 ages and a gap, twice; pairs of age and town.
    assert sizes[:4] == [N_ROWS, 3, 51, 51]
    assert 51 < sizes[4] <= 153


def test_effects_are_those_of_the_design():
    encoder, table = encoder_and_table()
    coef = np.random.default_rng(1).normal(size=(len(encoder.feature_names), 2))
    X = encoder.design(table).dense(slice(None))[:, :-1]
    effects = encoder.encode(table).effects(coef)
    assert effects.shape == (5, N_ROWS, 2)
    for effect, span in zip(effects, encoder.spans, strict=True):
        np.testing.assert_allclose(effect, X[:, span] @ coef[span], atol=1e-12)


def test_feature_means_are_weighted_by_the_share_of_each_row():
    encoder, table = encoder_and_table()
    share = np.random.default_rng(1).dirichlet(np.ones(N_ROWS))
    X = encoder.design(table).dense(slice(None))[:, :-1]
    np.testing.assert_allclose(encoder.encode(table).feature_means(share), share @ X, atol=1e-12)


@pytest.mark.parametrize("beside", [[], [0], [1, 2]], ids=["alone", "one term", "two terms"])
def test_feature_grams_are_those_of_what_others_leave_over(beside):
    encoder, table = encoder_and_table()
    X = encoder.design(table).dense(slice(None))
    spans = [*encoder.spans]
    columns = np.concatenate([[X.shape[1] - 1], *(np.r_[spans[other]] for other in beside)])
    others = X[:, columns.astype(int)]
    own = X[:, spans[4]]
    rest = own - others @ np.linalg.lstsq(others, own, rcond=None)[0]
    found = encoder.encode(table).feature_grams([[], [], [], [], beside])[4]
    assert relative_error(found, rest.T @ rest) < 1e-9
    np.testing.assert_array_equal(found, found.T)


def test_rounded_surfaces_are_near_the_exact_ones_and_curves_are_exact():
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(2, 5_000))
    table = Table((Column("x", x), Column("z", z)))
    encoder = TableEncoder.fit(table, (Spline("x", 8), Surface("x", "z", 4)))
    exact, coarse = encoder.encode(table), encoder.encode(table, coarse=True)
    one, other = (each.design().dense(slice(None)) for each in (exact, coarse))
    span = encoder.spans[0]
    np.testing.assert_array_equal(one[:, span], other[:, span])
    assert coarse.blocks[1].n_codes < 2_500 < exact.blocks[1].n_codes
    # Ranks are rounded by 1 / 96, features by some per cent of their size.
    apart = (one - other)[:, encoder.spans[1]]
    assert np.sqrt((apart**2).mean()) < 0.1 * np.sqrt((one[:, encoder.spans[1]] ** 2).mean())
