"""Standardising a design, and the way back to the user's units.

    z = ((x - center) / scale) @ params[:-1] + params[-1]
      = x @ coef + intercept,    coef = params[:-1] / scale,  intercept = params[-1] - center @ coef

The intercept is an ordinary last column of ones in the free penalty group; no solver sees it. A
constant column gets scale 1 and becomes zero, so its coefficient is zero. Sparse columns
are scaled and never centred: with a free intercept centring does not change the fit.

Maths: docs/math/standardizing.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from derivata.contracts import Array, Design
from derivata.designs.dense import DenseDesign
from derivata.designs.sparse import SparseDesign

# A column whose spread is below this share of its size differs from a constant by rounding alone.
CONSTANT_SPREAD = 1e-13
# Squares of smaller numbers vanish, and squared coefficients overflow; it counts as constant.
SMALLEST_COLUMN = 1e-140


@dataclass(frozen=True, eq=False)
class Standardized:
    """A standardised design with the map back to the user's units.

    Attributes
    ----------
    design : Design
        Standardised columns, then a column of ones if there is an intercept.
    center, scale : array (n_features,)
        What was subtracted and divided by; scale is positive.
    has_intercept : bool
        Whether the last column is the column of ones.
    constant : bool array (n_features,)
        Columns that hold a single value, up to rounding, or are tiny.
    tiny : bool array (n_features,)
        Columns of numbers too small to be squared.
    """

    design: Design
    center: Array
    scale: Array
    has_intercept: bool
    constant: Array
    tiny: Array

    def coefficients(self, params: Array) -> tuple[Array, Array]:
        """Coefficients and intercepts in the user's units: (k, p + 1) -> (k, p), (k,)."""
        if not self.has_intercept:
            return params / self.scale, np.zeros(len(params))
        # A constant column moves nothing, so its parameter may be anything where H is singular.
        coef = np.where(self.constant, 0.0, params[:, :-1] / self.scale)
        return coef, params[:, -1] - coef @ self.center

    def params(self, coef: Array, intercept: Array) -> Array:
        """The way back from ``coefficients``: (k, p), (k,) -> (k, p + 1), or (k, p)."""
        if not self.has_intercept:
            return coef * self.scale
        return np.column_stack([coef * self.scale, intercept + coef @ self.center])

    def of(self, X: Any) -> Design:
        """Other rows, (n_rows, n_features), dense or CSR, centred and scaled as these were."""
        factor = 1.0 / self.scale
        if self.has_intercept:  # a constant column would be a second intercept
            factor = np.where(self.constant, 0.0, factor)
        ones = np.ones((X.shape[0], 1))
        if sparse.issparse(X):
            matrix = sparse.csr_array(X @ sparse.diags_array(factor))
            parts = [matrix, ones] if self.has_intercept else [matrix]
            return SparseDesign(sparse.csr_array(sparse.hstack(parts, format="csr")))
        columns = ((X - self.center) * factor).T
        parts = [columns, ones.T] if self.has_intercept else [columns]
        return DenseDesign(np.concatenate(parts))

    def rescaled(self, scale: Array) -> Standardized:
        """The same columns divided by other numbers, (n_features,), positive: a new design."""
        factor = np.append(self.scale / scale, 1.0)[: self.design.n_columns]
        if isinstance(self.design, SparseDesign):
            matrix = sparse.csr_array(self.design.matrix @ sparse.diags_array(factor))
            return replace(self, design=SparseDesign(matrix), scale=scale)
        columns = np.array(self.design.dense(slice(None)).T, order="C")  # a copy
        columns *= factor[:, None]
        return replace(self, design=DenseDesign(columns), scale=scale)


def standardize(
    X: Any, weight: Array, *, scale: bool = True, intercept: bool = True
) -> Standardized:
    """Centre and scale the columns of X with row weights, and append the intercept.

    Parameters
    ----------
    X : array or csr_array (n_rows, n_features)
        Finite numbers. Not changed; a dense X is copied once.
    weight : array (n_rows,)
        Row weights; a row of weight zero has no part in means and scales.
    scale : bool
        Divide by the standard deviation (sparse: by the root mean square around the mean too).
    intercept : bool
        Append a column of ones, and centre (dense only).

    Returns
    -------
    Standardized
    """
    share = weight / weight.sum()
    make = _standardize_sparse if sparse.issparse(X) else _standardize_dense
    return make(X, share, scale, intercept)


def _standardize_dense(X: Array, share: Array, scale: bool, intercept: bool) -> Standardized:
    n_rows, n_features = X.shape
    columns = np.empty((n_features + intercept, n_rows))
    features = columns[:n_features]
    features[...] = X.T
    judged = features if share.all() else features[:, share > 0]
    largest = np.maximum(judged.max(axis=1, initial=0), -judged.min(axis=1, initial=0))
    mean = features @ share
    center = mean if intercept else np.zeros(n_features)
    if intercept:
        features -= center[:, None]
        columns[-1] = 1.0
    spread = _spread(features, share, np.zeros(n_features) if intercept else mean, largest)
    constant = _is_constant(spread, largest)
    divisor = np.where(constant, 1.0, spread) if scale else np.ones(n_features)
    features[constant & intercept] = 0.0
    if scale:
        features *= (1.0 / divisor)[:, None]
    design = DenseDesign(columns)
    return Standardized(design, center, divisor, intercept, constant, _is_tiny(largest))


def _spread(features: Array, share: Array, around: Array, largest: Array) -> Array:
    """Weighted root mean square of each row of ``features`` around a number of its own."""
    unit = _unit(largest)
    with np.errstate(over="ignore", invalid="ignore"):  # of columns that are redone below
        square = DenseDesign(features).column_squares(share)
    for j in np.flatnonzero((around != 0.0) | (unit != 1.0)):
        apart = (features[j] - around[j]) / unit[j]
        square[j] = (apart * share) @ apart
    return unit * np.sqrt(square)


def _unit(largest: Array) -> Array:
    """What a column is divided by so that its squares neither overflow nor vanish; mostly 1."""
    return np.where((largest > 1e100) | ((largest < 1e-100) & (largest > 0.0)), largest, 1.0)


def _is_constant(spread: Array, largest: Array) -> Array:
    return (spread <= CONSTANT_SPREAD * largest) | _is_tiny(largest)


def _is_tiny(largest: Array) -> Array:
    return (largest > 0.0) & (largest < SMALLEST_COLUMN)


def _standardize_sparse(X: Any, share: Array, scale: bool, intercept: bool) -> Standardized:
    largest = abs(X[share > 0]).max(axis=0).toarray()
    spread = _sparse_spread(X, share, largest)
    constant = _is_constant(spread, largest)
    divisor = np.where(constant, 1.0, spread) if scale else np.ones(X.shape[1])
    # A constant column would be a second intercept.
    factor = np.where(constant & intercept, 0.0, 1.0 / divisor)
    matrix = sparse.csr_array(X @ sparse.diags_array(factor))
    if intercept:
        matrix = sparse.hstack([matrix, np.ones((X.shape[0], 1))], format="csr")
    return Standardized(
        SparseDesign(sparse.csr_array(matrix)),
        np.zeros(X.shape[1]),
        divisor,
        intercept,
        constant,
        _is_tiny(largest),
    )


def _sparse_spread(X: Any, share: Array, largest: Array) -> Array:
    """Weighted standard deviation of each column, in two passes over the stored entries."""
    unit = _unit(largest)
    stored_share = np.repeat(share, np.diff(X.indptr))
    values = X.data / unit[X.indices]

    def total(entries: Array) -> Array:
        return np.bincount(X.indices, entries, minlength=X.shape[1])

    mean = total(stored_share * values)
    apart = values - mean[X.indices]
    # The zeros not stored lie -mean away; their share is rounding where every row is stored.
    full = total(stored_share > 0.0) == np.count_nonzero(share)
    absent = np.where(full, 0.0, np.maximum(1.0 - total(stored_share), 0.0))
    return unit * np.sqrt(total(stored_share * apart * apart) + absent * mean * mean)
