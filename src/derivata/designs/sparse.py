"""A sparse design in compressed rows; products stay sparse until they are p x p."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.contracts import Array, Rows

# Rows of X @ M made dense at a time, as float64 numbers: 8 MiB.
DENSE_BLOCK = 2**20


@dataclass(frozen=True, eq=False)
class SparseDesign:
    """A matrix in compressed sparse rows.

    Parameters
    ----------
    matrix : scipy.sparse.csr_array (n_rows, n_columns)
        float64, without duplicates.
    """

    matrix: Any  # csr_array: SciPy's own types do not know its shape

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return self.matrix.shape[1]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.matrix.shape[0]

    def matvec(self, coefs: Array) -> Array:
        """X @ coefs: (p, k) -> (n, k)."""
        return self.matrix @ coefs

    def rmatvec(self, values: Array) -> Array:
        """X.T @ values: (n, k) -> (p, k)."""
        return self.matrix.T @ values

    def gram(self, weights: Array) -> Array:
        """X.T diag(weights[:, m]) X for each m, dense (m, p, p)."""
        result = np.empty((weights.shape[1], self.n_columns, self.n_columns))
        for m in range(weights.shape[1]):
            weighted = self.matrix.copy()
            weighted.data = weighted.data * np.repeat(weights[:, m], np.diff(self.matrix.indptr))
            result[m] = (self.matrix.T @ weighted).toarray()
        return result

    def quadratics(self, matrices: Array) -> Array:
        """x_i.T M x_i for each symmetric M of (m, p, p): (n, m)."""
        result = np.empty((self.n_rows, len(matrices)))
        height = max(DENSE_BLOCK // self.n_columns, 1)
        for start in range(0, self.n_rows, height):
            block = self.matrix[start : start + height]
            for m, matrix in enumerate(matrices):
                result[start : start + height, m] = block.multiply(block @ matrix).sum(axis=1)
        return result

    def column_squares(self, weights: Array) -> Array:
        """sum_i weights_i x_ij^2, (p,)."""
        return self.matrix.multiply(self.matrix).T @ weights

    def dense(self, rows: Rows) -> Array:
        """The chosen rows, (len(rows), p)."""
        return self.matrix[rows].toarray()

    def take(self, rows: Rows) -> SparseDesign:
        """The design of the chosen rows."""
        return SparseDesign(self.matrix[rows])

    def select(self, columns: Array) -> SparseDesign:
        """The design of the chosen columns."""
        return SparseDesign(self.matrix[:, columns])
