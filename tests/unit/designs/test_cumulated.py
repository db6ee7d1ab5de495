"""Designs whose coefficients are differences, and columns on another scale."""

import numpy as np
import pytest
from scipy import sparse

from derivata.designs import DenseDesign, SparseDesign, standardize
from derivata.designs.cumulated import cumulate, differences, running_sums

CHAINS = np.array([0, 1, -1, 0, 0, 1])


@pytest.mark.parametrize("store", ["dense", "sparse"])
def test_differences_times_sums_are_coefficients_times_columns(store):
    rng = np.random.default_rng(0)
    X, coefs = rng.standard_normal((9, 6)), rng.standard_normal(6)
    design = DenseDesign.from_array(X) if store == "dense" else SparseDesign(sparse.csr_array(X))
    moved = differences(coefs, CHAINS)
    found = cumulate(design, CHAINS).matvec(moved[:, None])[:, 0]
    assert np.allclose(found, X @ coefs, rtol=1e-13, atol=1e-13)
    assert np.allclose(running_sums(moved, CHAINS), coefs, rtol=1e-14)
    assert np.array_equal(design.dense(slice(None)), X)  # it is not changed


def test_a_sum_of_columns_that_cancels_is_zero():
    level = np.arange(8) % 3
    X = np.eye(3)[level] - np.eye(3)[level].mean(axis=0)
    design = cumulate(DenseDesign.from_array(X), np.zeros(3, dtype=int))
    assert (design.columns[0] == 0.0).all() and design.columns[1:].any()


@pytest.mark.parametrize("store", ["dense", "sparse"])
def test_columns_on_another_scale_have_the_same_coefficients(store):
    rng = np.random.default_rng(1)
    X = 2.0 + rng.standard_normal((20, 3)) * [1.0, 5.0, 0.1]
    rows = standardize(X if store == "dense" else sparse.csr_array(X), np.ones(20))
    other = rows.rescaled(np.array([2.0, 2.0, 2.0]))
    params = rng.standard_normal((1, 4))
    moved = params.copy()
    moved[:, :3] *= 2.0 / rows.scale
    for one, two in zip(rows.coefficients(params), other.coefficients(moved), strict=True):
        assert np.allclose(one, two, rtol=1e-13)
    before, after = rows.design.matvec(params.T), other.design.matvec(moved.T)
    assert np.allclose(before, after, rtol=1e-12, atol=1e-12)
    assert other.has_intercept and (other.scale == 2.0).all()
