"""The linear predictor: outputs z = X W^T with params = W.ravel(), W (k, p) one row an output.

Its Jacobian is J_i = I_k (x) x_i, so a Hessian has k x k blocks X^T diag(w_ab) X and a leverage has
entries x_i^T A_ab x_i: both are one call of the design with k (k + 1) / 2 weights or matrices.

Maths: docs/math/objective.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array, Design, Rows
from derivata.predictors.straight import Straight


@dataclass(frozen=True, eq=False)
class LinearPredictor(Straight):
    """Outputs that are linear in the parameters.

    Parameters
    ----------
    design : Design
        (n_rows, n_columns).
    n_outputs : int
        Outputs a row, k; n_params = k * n_columns, output by output.
    """

    design: Design
    n_outputs: int = 1

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.design.n_rows

    @property
    def n_params(self) -> int:
        """Number of parameters."""
        return self.n_outputs * self.design.n_columns

    @property
    def reference(self) -> Array:
        """Zeros: J is the same everywhere."""
        return np.zeros(self.n_params)

    def predict(self, params: Array) -> Array:
        """Outputs, (n, k)."""
        return self.design.matvec(params.reshape(self.n_outputs, -1).T)

    def jvp(self, params: Array, direction: Array) -> Array:
        """J @ direction, (n, k)."""
        return self.predict(direction)

    def vjp(self, params: Array, cotangent: Array) -> Array:
        """J.T @ cotangent, (n_params,)."""
        return self.design.rmatvec(cotangent).T.ravel()

    def jacobian(self, params: Array, rows: Rows) -> Array:
        """J of the chosen rows, dense (m, k, n_params)."""
        block = self.design.dense(rows)
        return np.einsum("ab,ij->iabj", np.eye(self.n_outputs), block).reshape(
            len(block), self.n_outputs, -1
        )

    def gram(self, params: Array, weights: Array) -> Array:
        """sum_i J_i.T W_i J_i for symmetric W_i: (n, k, k) -> (n_params, n_params)."""
        if self.n_outputs == 1:
            return self.design.gram(weights[:, :, 0])[0]
        first, second = np.triu_indices(self.n_outputs)
        return self._assemble(self.design.gram(weights[:, first, second]))

    def leverage(self, params: Array, matrix: Array) -> Array:
        """J_i A J_i.T for a symmetric A (n_params, n_params): (n, k, k)."""
        if self.n_outputs == 1:
            return self.design.quadratics(matrix[None])[:, :, None]
        k, p = self.n_outputs, self.design.n_columns
        first, second = np.triu_indices(k)
        blocks = matrix.reshape(k, p, k, p)[first, :, second, :]
        blocks = 0.5 * (blocks + blocks.transpose(0, 2, 1))  # x^T A x sees the symmetric part only
        quadratics = self.design.quadratics(blocks)
        result = np.empty((self.n_rows, k, k))
        result[:, first, second] = quadratics
        result[:, second, first] = quadratics
        return result

    def column_squares(self, weights: Array) -> Array:
        """sum_i weights_i |J_ij|^2 for each parameter, (n_params,)."""
        return np.tile(self.design.column_squares(weights), self.n_outputs)

    def take(self, rows: Rows) -> LinearPredictor:
        """The predictor of the chosen rows."""
        return LinearPredictor(self.design.take(rows), self.n_outputs)

    def select(self, columns: Array) -> LinearPredictor:
        """The predictor of the chosen columns, for all outputs."""
        return LinearPredictor(self.design.select(columns), self.n_outputs)

    def _assemble(self, blocks: Array) -> Array:
        k, p = self.n_outputs, self.design.n_columns
        full = np.empty((k, p, k, p))
        for block, a, b in zip(blocks, *np.triu_indices(k), strict=True):
            full[a, :, b, :] = block
            full[b, :, a, :] = block
        return full.reshape(k * p, k * p)
