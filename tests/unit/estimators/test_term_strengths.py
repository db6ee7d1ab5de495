"""Strengths of terms: standard deviations and shares of their effects over weighted rows."""

import numpy as np
import pytest

from derivata.estimators.term_strengths import term_strengths
from derivata.tables import Table
from derivata.tables.columns import Column
from derivata.tables.table_encoder import TableEncoder
from derivata.terms import Category, Linear, Spline

N_ROWS = 80


def example(k):
    rng = np.random.default_rng(0)
    table = Table(
        (
            Column("x", rng.normal(size=N_ROWS)),
            Column("town", rng.choice(["a", "b", "c"], N_ROWS).astype(object)),
            Column("z", rng.integers(0, 3, N_ROWS).astype(float)),
        )
    )
    weight = rng.uniform(0.2, 3.0, N_ROWS)
    encoder = TableEncoder.fit(table, (Spline("x", 6), Category("town"), Linear("z")), weight)
    params = rng.normal(size=(k, len(encoder.feature_names) + 1))
    return encoder, table, params, weight


@pytest.mark.parametrize("k", [1, 3])
def test_they_are_weighted_moments_of_the_effects(k):
    encoder, table, params, weight = example(k)
    found = term_strengths(encoder.encode(table), params, weight)
    X = encoder.design(table).dense(slice(None))
    effects = np.stack([X[:, span] @ params[:, span].T for span in encoder.spans])
    mean = np.average(effects, axis=1, weights=weight)
    np.testing.assert_allclose(found.mean, mean, atol=1e-12)
    means = np.average(X[:, :-1], axis=0, weights=weight)
    np.testing.assert_allclose(found.feature_mean, means, atol=1e-12)
    centred = effects - mean[:, None]
    moments = np.einsum("n,tnk,unk->tu", weight / weight.sum(), centred, centred)
    np.testing.assert_allclose(found.strength, np.sqrt(np.diagonal(moments)), rtol=1e-10)
    np.testing.assert_allclose(found.share, moments.sum(axis=1) / moments.sum(), rtol=1e-9)
    assert found.share.sum() == pytest.approx(1.0, abs=1e-12)


def test_of_a_model_without_effects_every_share_is_zero():
    encoder, table, params, weight = example(1)
    found = term_strengths(encoder.encode(table), np.zeros_like(params), weight)
    assert not found.strength.any() and not found.share.any()


def test_a_term_that_cancels_another_has_a_negative_share():
    table = Table((Column("x", np.arange(9.0)), Column("y", np.arange(9.0) ** 1.01)))
    encoder = TableEncoder.fit(table, (Linear("x"), Linear("y")))
    found = term_strengths(
        encoder.encode(table), np.array([[2.0, -1.0, 0.0]]), np.ones(table.n_rows)
    )
    assert found.share[0] > 1.0 and found.share[1] < 0.0
