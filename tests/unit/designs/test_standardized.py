"""Standardising: weights, storage, and columns of every size."""

import numpy as np
import pytest
from scipy import sparse

from derivata.designs import DenseDesign, SparseDesign, standardize
from tests.differences import relative_error

STORED = pytest.mark.parametrize("store", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
INTERCEPT = pytest.mark.parametrize("intercept", [True, False])
N_ROWS = 60


def array(n_columns=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((N_ROWS, n_columns)) * np.arange(1.0, n_columns + 1.0)


def weights(seed=1):
    return np.random.default_rng(seed).choice([0.0, 0.5, 1.0, 2.0, 3.0], N_ROWS)


def spread(X, weight):
    """Weighted standard deviations, in 80-bit numbers where the machine has them."""
    X, share = X.astype(np.longdouble), weight.astype(np.longdouble) / weight.sum()
    return np.sqrt(share @ (X - share @ X) ** 2).astype(float)


@STORED
@INTERCEPT
def test_columns_are_divided_by_their_weighted_standard_deviation(store, intercept):
    X, weight = array() + 2.0, weights()
    rows = standardize(store(X), weight, intercept=intercept)
    assert relative_error(rows.scale, spread(X, weight)) < 1e-13
    found = rows.design.dense(slice(None))
    assert relative_error(found[:, :4], (X - rows.center) / rows.scale) < 1e-13


def test_dense_columns_are_centred_by_their_weighted_mean_if_there_is_an_intercept():
    X, weight = array() + 2.0, weights()
    rows = standardize(X, weight)
    assert relative_error(rows.center, weight @ X / weight.sum()) < 1e-14
    assert np.abs(weight @ rows.design.dense(slice(None))[:, :4]).max() < 1e-12
    assert not standardize(X, weight, intercept=False).center.any()
    assert not standardize(sparse.csr_array(X), weight).center.any()


@STORED
def test_storage_stays_as_it_was(store):
    kind = SparseDesign if store is sparse.csr_array else DenseDesign
    assert isinstance(standardize(store(array()), np.ones(N_ROWS)).design, kind)


@STORED
@INTERCEPT
@pytest.mark.parametrize("scale", [True, False])
def test_coefficients_lead_back_to_the_users_units(store, intercept, scale):
    X, weight = array() + 2.0, weights()
    rows = standardize(store(X), weight, scale=scale, intercept=intercept)
    assert rows.has_intercept == intercept
    params = np.random.default_rng(2).standard_normal((3, 4 + intercept))
    coef, constant = rows.coefficients(params)
    assert coef.shape == (3, 4) and constant.shape == (3,)
    truth = rows.design.matvec(params.T)
    assert relative_error(X @ coef.T + constant, truth) < 1e-12
    assert relative_error(rows.params(coef, constant), params) < 1e-14


@STORED
@INTERCEPT
@pytest.mark.parametrize("scale", [True, False])
def test_other_rows_are_centred_and_scaled_as_those_of_the_fit(store, intercept, scale):
    X, weight = array() + 2.0, weights()
    X[:, 1] = 5.0
    rows = standardize(store(X), weight, scale=scale, intercept=intercept)
    found = rows.of(store(X[7:9]))
    assert relative_error(found.dense(slice(None)), rows.design.dense(slice(7, 9))) < 1e-14
    assert isinstance(found, type(rows.design))


@STORED
@INTERCEPT
def test_an_integer_weight_is_as_many_equal_rows(store, intercept):
    X, counts = array() + 2.0, np.resize([0, 1, 2, 3], N_ROWS)
    weighted = standardize(store(X), counts.astype(float), intercept=intercept)
    repeated = standardize(
        store(np.repeat(X, counts, axis=0)), np.ones(counts.sum()), intercept=intercept
    )
    assert relative_error(weighted.scale, repeated.scale) < 1e-13
    assert relative_error(weighted.center, repeated.center) < 1e-13


@STORED
def test_rows_of_weight_zero_have_no_part_whatever_they_hold(store):
    X, weight = array(), weights()
    out = weight == 0.0
    clean = standardize(store(X[~out]), weight[~out])
    X[out] = 1e30
    rows = standardize(store(X), weight)
    assert relative_error(rows.scale, clean.scale) < 1e-13
    assert not rows.constant.any()


@STORED
@INTERCEPT
@pytest.mark.parametrize("value", [0.0, 1.0, -7.3, 1e8, 0.1 + 0.2, 1e200])
def test_a_constant_column_is_named_and_keeps_scale_one(store, intercept, value):
    X = array()
    X[:, 2] = value
    rows = standardize(store(X), weights(), intercept=intercept)
    assert rows.constant.tolist() == [False, False, True, False]
    assert rows.scale[2] == 1.0
    if intercept:  # it would be a second intercept
        assert not rows.design.dense(slice(None))[:, 2].any()


@STORED
def test_a_column_that_is_constant_where_weights_are_positive_is_constant(store):
    X, weight = array(), weights()
    X[:, 1] = np.where(weight > 0.0, 4.0, -1.0)
    assert standardize(store(X), weight).constant.tolist() == [False, True, False, False]


@STORED
@INTERCEPT
@pytest.mark.parametrize("offset", [1e4, 1e8, -1e10])
def test_an_offset_does_not_cost_the_spread_its_digits(store, intercept, offset):
    # Squares minus the squared mean once called a column of 1e8 + noise constant, if sparse.
    X = array() + offset
    rows = standardize(store(X), weights(), intercept=intercept)
    assert not rows.constant.any()
    # The mean of n numbers near the offset is exact to some units of its own rounding, and the
    # spread around it to the square of that.
    assert relative_error(rows.scale, spread(X, weights())) < 1e-10
    if store is np.asarray and intercept:
        deviations = rows.design.dense(slice(None))[:, :4]
        share = weights() / weights().sum()
        assert np.sqrt(share @ deviations**2) == pytest.approx(np.ones(4), rel=1e-10)


@STORED
@INTERCEPT
@pytest.mark.parametrize("size", [1e-130, 1e-20, 1e20, 1e150, 1e200, 1e300])
def test_columns_of_any_size_are_scaled_without_overflow(store, intercept, size):
    X = array()
    rows = standardize(store(X * size), weights(), intercept=intercept)
    truth = standardize(store(X), weights(), intercept=intercept)
    assert not rows.constant.any()
    assert rows.scale / size == pytest.approx(truth.scale, rel=1e-12)
    one, other = rows.design.dense(slice(None)), truth.design.dense(slice(None))
    assert relative_error(one, other) < 1e-12


@STORED
def test_one_huge_column_leaves_the_others_alone(store):
    X = array()
    truth = standardize(store(X), weights())
    X[:, 2] *= 1e200
    rows = standardize(store(X), weights())
    keep = [0, 1, 3]
    assert np.array_equal(rows.scale[keep], truth.scale[keep])
    assert np.isfinite(rows.design.dense(slice(None))).all()


@STORED
@INTERCEPT
@pytest.mark.parametrize("size", [1e-310, 1e-170])
def test_a_column_too_small_to_be_squared_counts_as_constant_and_is_told_apart(
    store, intercept, size
):
    X = array()
    X[:, 2] *= size
    X[:, 3] = 0.0
    rows = standardize(store(X), weights(), intercept=intercept)
    assert rows.constant.tolist() == [False, False, True, True]
    assert rows.tiny.tolist() == [False, False, True, False]
    assert np.isfinite(rows.design.dense(slice(None))).all()


def test_sparse_columns_with_gaps_get_the_spread_of_the_whole_column():
    X = array() * (np.random.default_rng(3).random((N_ROWS, 4)) < 0.3)
    X[:, 3] = 0.0
    X[5, 3] = 1e6  # a single entry
    found = standardize(sparse.csr_array(X), weights())
    truth = standardize(X, weights())
    assert found.scale == pytest.approx(truth.scale, rel=1e-13)
    assert np.array_equal(found.constant, truth.constant)


def test_zeros_stored_in_a_sparse_matrix_change_nothing():
    X = sparse.csr_array(array())
    X.data[::3] = 0.0
    found = standardize(X, weights())
    truth = standardize(X.toarray(), weights())
    assert found.scale == pytest.approx(truth.scale, rel=1e-13)


@STORED
@INTERCEPT
def test_the_users_array_is_not_changed(store, intercept):
    X = store(array())
    kept = X.copy()
    standardize(X, weights(), intercept=intercept)
    assert np.array_equal(
        np.asarray(sparse.csr_array(X).toarray()), sparse.csr_array(kept).toarray()
    )


@INTERCEPT
def test_any_layout_of_a_dense_array_gives_the_same_bits(intercept):
    X = array(7)
    truth = standardize(np.ascontiguousarray(X), weights(), intercept=intercept)
    views = (np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2], X[::-1][::-1])
    for view in views:
        found = standardize(view, weights(), intercept=intercept)
        assert np.array_equal(found.design.dense(slice(None)), truth.design.dense(slice(None)))


def test_more_rows_than_are_turned_at_a_time_are_all_turned():
    X = np.random.default_rng(0).standard_normal((1030, 2))
    rows = standardize(X, np.ones(1030), scale=False, intercept=False)
    assert np.array_equal(rows.design.dense(slice(None)), X)
