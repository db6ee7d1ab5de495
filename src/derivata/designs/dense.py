"""A dense design, stored feature by feature, and its weighted products in blocks of rows.

Rows are scaled and multiplied a block at a time, so that a block is still in cache when it is
multiplied and no second n x p array is ever made. Storing features contiguously lets a row weight
be applied along long contiguous runs, which is what makes narrow designs fast.

With several weight vectors at once (the class blocks of a multinomial Hessian), all of
X^T diag(w_m) X are one matrix product of the weights with the row-wise products x_ij x_il, j <= l
(a face-splitting product: Slyusar 1999), at half the multiplications of one product each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import blas

from derivata.contracts import Array, Rows
from derivata.lazy import lazy

# 2^17 float64 are 1 MiB: a block and its scaled copy stay in a core's second-level cache.
BLOCK_SIZE = 2**17
# Above this width the row-wise products of one block no longer fit in the cache.
WIDEST_PAIRING = 160
# Row-wise products up to this many numbers (32 MiB) are kept between calls.
LARGEST_PAIRS_KEPT = 2**22
# Below this width a full product is faster than preparing a triangular one.
NARROW = 64


@dataclass(frozen=True, eq=False)
class DenseDesign:
    """A matrix stored by feature.

    Parameters
    ----------
    columns : array (n_columns, n_rows)
        C-contiguous float64; the transpose of the design matrix.
    """

    columns: Array

    @classmethod
    def from_array(cls, X: Array) -> DenseDesign:
        """Copy (n_rows, n_columns) into feature-major storage."""
        return cls(np.ascontiguousarray(np.asarray(X, dtype=float).T))

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return self.columns.shape[0]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.columns.shape[1]

    def matvec(self, coefs: Array) -> Array:
        """X @ coefs: (p, k) -> (n, k)."""
        return self.columns.T @ coefs

    def rmatvec(self, values: Array) -> Array:
        """X.T @ values: (n, k) -> (p, k)."""
        return self.columns @ values

    def gram(self, weights: Array) -> Array:
        """X.T diag(weights[:, m]) X for each m, (m, p, p).

        Costs n p^2 multiplications a weight vector when its weights are all >= 0, twice that when
        signs are mixed and p is wide.

        Returns
        -------
        array (m, p, p)
        """
        if weights.shape[1] > 1 and self.n_columns <= WIDEST_PAIRING:
            return self._gram_by_pairs(weights)
        products = [self._gram(weights[:, m]) for m in range(weights.shape[1])]
        return products[0][None] if len(products) == 1 else np.stack(products)

    def _gram(self, weight: Array) -> Array:
        if weight.min(initial=0.0) < 0.0:
            return self._signed_gram(weight)
        # NumPy sees that scaled @ scaled.T is symmetric and computes one triangle.
        root = np.sqrt(weight)
        total: Array | float = 0.0
        for rows in self._row_blocks(BLOCK_SIZE // self.n_columns):
            scaled = self.columns[:, rows] * root[rows]
            total = total + scaled @ scaled.T
        return np.asarray(total)

    def _signed_gram(self, weight: Array) -> Array:
        total: Array | float = 0.0
        for rows in self._row_blocks(BLOCK_SIZE // self.n_columns):
            block = self.columns[:, rows]
            total = total + (block * weight[rows]) @ block.T
        return np.asarray(total)

    def _gram_by_pairs(self, weights: Array) -> Array:
        packed = np.zeros((self._n_pairs, weights.shape[1]))
        for rows, pairs in self._pair_blocks():
            packed += pairs @ weights[rows]
        full = np.empty((weights.shape[1], self.n_columns, self.n_columns))
        upper = np.triu_indices(self.n_columns)
        full[:, upper[0], upper[1]] = packed.T
        full[:, upper[1], upper[0]] = packed.T
        return full

    def quadratics(self, matrices: Array) -> Array:
        """x_i.T M x_i for each symmetric M of (m, p, p): (n, m). Costs n p^2 each."""
        result = np.empty((self.n_rows, len(matrices)))
        if len(matrices) > 1 and self.n_columns <= WIDEST_PAIRING:
            upper = np.triu_indices(self.n_columns)
            # Off-diagonal entries stand for two of the symmetric matrix.
            packed = matrices[:, upper[0], upper[1]] * np.where(upper[0] == upper[1], 1.0, 2.0)
            for rows, pairs in self._pair_blocks():
                result[rows] = pairs.T @ packed.T
            return result
        for m, matrix in enumerate(matrices):
            for rows in self._row_blocks(BLOCK_SIZE // self.n_columns):
                block = self.columns[:, rows]
                result[rows, m] = np.einsum("ij,ij->j", _half_product(matrix, block), block)
        return result

    def column_squares(self, weights: Array) -> Array:
        """sum_i weights_i x_ij^2, (p,)."""
        total = np.zeros(self.n_columns)
        for rows in self._row_blocks(BLOCK_SIZE // self.n_columns):
            block = self.columns[:, rows]
            total += (block * block) @ weights[rows]
        return total

    def dense(self, rows: Rows) -> Array:
        """The chosen rows, (len(rows), p)."""
        return self.columns[:, rows].T

    def take(self, rows: Rows) -> DenseDesign:
        """The design of the chosen rows (a copy)."""
        return DenseDesign(np.ascontiguousarray(self.columns[:, rows]))

    def select(self, columns: Array) -> DenseDesign:
        """The design of the chosen columns (a copy)."""
        return DenseDesign(self.columns[columns])

    @property
    def _n_pairs(self) -> int:
        return self.n_columns * (self.n_columns + 1) // 2

    def _row_blocks(self, height: int) -> Iterator[slice]:
        height = max(height, 64)
        for start in range(0, self.n_rows, height):
            yield slice(start, min(start + height, self.n_rows))

    def _pair_blocks(self) -> Iterator[tuple[slice, Array]]:
        """Row-wise products of every pair of columns, (p (p + 1) / 2, block)."""
        if self._n_pairs * self.n_rows > LARGEST_PAIRS_KEPT:
            yield from self._make_pair_blocks()
        else:
            yield slice(0, self.n_rows), self._pairs

    @lazy
    def _pairs(self) -> Array:
        return next(self._make_pair_blocks(self.n_rows))[1]

    def _make_pair_blocks(self, height: int = 0) -> Iterator[tuple[slice, Array]]:
        height = height or max(8 * BLOCK_SIZE // self._n_pairs, 64)
        buffer = np.empty((self._n_pairs, min(height, self.n_rows)))
        for rows in self._row_blocks(height):
            block = self.columns[:, rows]
            pairs = buffer[:, : block.shape[1]]
            start = 0
            for column in range(self.n_columns):
                stop = start + self.n_columns - column
                np.multiply(block[column:], block[column], out=pairs[start:stop])
                start = stop
            yield rows, pairs


def _half_product(matrix: Array, block: Array) -> Array:
    """Some N @ block with x.T N x = x.T M x for every column x of the block."""
    if len(matrix) < NARROW:
        return matrix @ block
    # x.T M x = 2 x.T U x with U the upper triangle, its diagonal halved: a triangular product,
    # half the multiplications of the full one.
    half = np.asfortranarray(np.triu(matrix))
    half.T.reshape(-1)[:: len(half) + 1] *= 0.5
    # Right-multiplication of the transposed block is what BLAS can do without another transpose.
    # The copy is what BLAS overwrites; the block itself may be the whole design.
    return blas.dtrmm(  # pyright: ignore[reportAttributeAccessIssue]
        2.0, half, block.copy().T, side=1, trans_a=1, overwrite_b=1
    ).T
