"""Standardising a design, and the way back to the user's units.

    z = ((x - center) / scale) @ params[:-1] + params[-1]
      = x @ coef + intercept,    coef = params[:-1] / scale,  intercept = params[-1] - center @ coef

The intercept is an ordinary last column of ones in the free penalty group; no solver sees it. A
constant column gets scale 1 (dense: it becomes zero), so its coefficient is zero. Sparse columns
are scaled and never centred: with a free intercept centring does not change the fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from derivata.contracts import Array, Design
from derivata.designs.dense import DenseDesign
from derivata.designs.sparse import SparseDesign

# A column whose spread is below this share of its size differs from a constant by rounding alone.
CONSTANT_SPREAD = 1e-13


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
        Columns that hold a single value.
    """

    design: Design
    center: Array
    scale: Array
    has_intercept: bool
    constant: Array

    def coefficients(self, params: Array) -> tuple[Array, Array]:
        """Coefficients and intercepts in the user's units: (k, p + 1) -> (k, p), (k,)."""
        if not self.has_intercept:
            return params / self.scale, np.zeros(len(params))
        coef = params[:, :-1] / self.scale
        return coef, params[:, -1] - coef @ self.center


def standardize(
    X: Array | sparse.csr_array, weight: Array, *, scale: bool = True, intercept: bool = True
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
    """
    share = weight / weight.sum()
    make = _standardize_sparse if sparse.issparse(X) else _standardize_dense
    return make(X, share, scale, intercept)


def _standardize_dense(X: Array, share: Array, scale: bool, intercept: bool) -> Standardized:
    n_rows, n_features = X.shape
    columns = np.empty((n_features + intercept, n_rows))
    features = columns[:n_features]
    features[...] = X.T
    largest = np.maximum(features.max(axis=1, initial=0), -features.min(axis=1, initial=0))
    mean = features @ share
    center = mean if intercept else np.zeros(n_features)
    if intercept:
        features -= center[:, None]
        columns[-1] = 1.0
    spread = _root_mean_square(features, share, largest)
    if not intercept:
        spread = np.sqrt(np.maximum((spread - mean) * (spread + mean), 0.0))
    constant = spread <= CONSTANT_SPREAD * largest
    divisor = np.where(constant, 1.0, spread) if scale else np.ones(n_features)
    features[constant & intercept] = 0.0
    if scale:
        features *= (1.0 / divisor)[:, None]
    return Standardized(DenseDesign(columns), center, divisor, intercept, constant)


def _root_mean_square(features: Array, share: Array, largest: Array) -> Array:
    """Weighted root mean square of each row of ``features``; huge numbers do not overflow."""
    unit = np.where(largest > 1e100, largest, 1.0)
    square = np.empty(len(features))
    for j, column in enumerate(features):  # one column at a time: no second n x p array
        scaled = column / unit[j] if unit[j] != 1.0 else column
        square[j] = (scaled * share) @ scaled
    return unit * np.sqrt(square)


def _standardize_sparse(
    X: sparse.csr_array, share: Array, scale: bool, intercept: bool
) -> Standardized:
    mean = X.T @ share
    square = (X.multiply(X)).T @ share
    spread = np.sqrt(np.maximum(square - mean * mean, 0.0))
    constant = spread <= 1e-7 * np.sqrt(square)  # square - mean^2 has lost half the digits
    divisor = np.where(constant, 1.0, spread) if scale else np.ones(X.shape[1])
    matrix = sparse.csr_array(X @ sparse.diags_array(1.0 / divisor))
    if intercept:
        matrix = sparse.hstack([matrix, np.ones((X.shape[0], 1))], format="csr")
    return Standardized(
        SparseDesign(sparse.csr_array(matrix)), np.zeros(X.shape[1]), divisor, intercept, constant
    )
