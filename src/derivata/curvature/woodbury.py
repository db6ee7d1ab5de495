"""H^-1 in the dual, for more penalised parameters than rows times outputs.

With J = [P F] split into penalised and free columns, Lambda the penalties, W the row curvatures,
R^T R = W, K = P Lambda^-1 P^T and B = I + R K R^T (n x n; n stands for rows times outputs):

    C^-1 = R^T B^-1 R                    the inverse of W^-1 + K, also where W is singular
    E    = F - K C^-1 F,   S = F^T C^-1 F
    T    = J H^-1 J^T = K - K C^-1 K + E S^-1 E^T
    H^-1 J^T = [ Lambda^-1 P^T (I - W T) ;  S^-1 E^T ]

Where S is singular (free columns that repeat each other, rows without curvature) its pseudo-inverse
makes this the pseudo-inverse of H, whose flat directions involve free parameters alone.
Everything asked of H^-1 follows from T and these two blocks; no p x p array is formed. Sources:
Woodbury's identity; B as in Rasmussen & Williams (2006), eq. 3.26; the free block as a Schur
complement.

Maths: docs/math/inverse.md
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from derivata.contracts import Array, Predictor
from derivata.curvature.pseudo import pseudo_invert
from derivata.lazy import lazy
from derivata.objective import Expansion


class WoodburyInverse:
    """H^-1 by an n x n Cholesky factor: n^2 p + n^3 / 3 multiplications."""

    def __init__(self, expansion: Expansion):
        predictor = expansion.objective.predictor
        self.predictor, self.params = predictor, expansion.params
        self.n_rows, self.n_outputs = predictor.n_rows, predictor.n_outputs
        self.reason = (
            f"Woodbury: {predictor.n_params:,} parameters but only "
            f"{self.n_rows * self.n_outputs:,} outputs, so the dual is smaller"
        )
        self.penalised = expansion.penalty_diagonal > 0
        self.precision = expansion.penalty_diagonal[self.penalised]
        jacobian = predictor.jacobian(expansion.params, slice(None)).reshape(-1, predictor.n_params)
        self.P, self.F = jacobian[:, self.penalised], jacobian[:, ~self.penalised]
        scaled = self.P / np.sqrt(self.precision)
        self.K = scaled @ scaled.T
        self.W = expansion.output_hessian
        self.root = _square_root(self.W)
        rotated = self._by_rows(self.root, self.K)
        B = self._by_rows(self.root, rotated.T)
        B[np.diag_indices_from(B)] += 1.0
        self.factor = cho_factor(B, lower=True, overwrite_a=True)
        # G^T G = K C^-1 K and V^T V = S: one triangular solve each.
        self.G = solve_triangular(self.factor[0], rotated, lower=True)
        V = solve_triangular(self.factor[0], self._by_rows(self.root, self.F), lower=True)
        self.E = self.F - self.G.T @ V
        self.schur = pseudo_invert(V.T @ V)
        self.null_space = self._null_space()

    def _by_rows(self, blocks: Array, matrix: Array) -> Array:
        """blockdiag(blocks) @ matrix for one (k, k) block a row."""
        if self.n_outputs == 1:
            return blocks[:, 0] * matrix
        shape = (self.n_rows, self.n_outputs, matrix.shape[1])
        return (blocks @ matrix.reshape(shape)).reshape(matrix.shape)

    def _null_space(self) -> Array | None:
        flat = self.schur.null_space
        if flat.shape[1] == 0:
            return None
        self.reason += f"; {flat.shape[1]} directions of the Hessian are flat"
        null_space = np.zeros((len(self.penalised), flat.shape[1]))
        null_space[~self.penalised] = flat
        return null_space

    def _dual_solve(self, right: Array) -> Array:
        """C^-1 @ right."""
        inner = cho_solve(self.factor, self._by_rows(self.root, right))
        return self._by_rows(self.root.transpose(0, 2, 1), inner)

    @lazy
    def T(self) -> Array:
        """J H^-1 J^T, (n k, n k)."""
        return self.K - self.G.T @ self.G + self.E @ self.schur.matrix @ self.E.T

    def solve(self, right: Array) -> Array:
        """H^-1 @ right: (p,) or (p, m)."""
        right_2d = right.reshape(len(right), -1)
        above = (right_2d[self.penalised].T / self.precision).T
        dual = self._dual_solve(self.P @ above)
        below = self.schur.matrix @ (right_2d[~self.penalised] - self.F.T @ dual)
        dual = dual + self._dual_solve(self.F @ below)
        result = np.empty_like(right_2d)
        result[self.penalised] = above - ((self.P.T @ dual).T / self.precision).T
        result[~self.penalised] = below
        return result.reshape(right.shape)

    def leverage(self, predictor: Predictor | None = None) -> Array:
        """J_i H^-1 J_i.T, (n, k, k)."""
        if predictor is None:
            blocks = self.T.reshape(self.n_rows, self.n_outputs, self.n_rows, self.n_outputs)
            return np.einsum("iaib->iab", blocks).copy()
        jacobian = predictor.jacobian(self.params, slice(None))
        flat = jacobian.reshape(-1, jacobian.shape[2])
        solved = self.solve(flat.T).T.reshape(jacobian.shape)
        return np.einsum("iap,ibp->iab", jacobian, solved)

    def sandwich(self, cotangents: Array) -> _DualSandwich:
        """H^-1 (J.T C J) H^-1, never formed."""
        return _DualSandwich(self, cotangents)

    def logdet(self) -> float:
        """log det H."""
        pivots = np.log(np.diagonal(self.factor[0])).sum()
        return float(np.log(self.precision).sum() + 2.0 * pivots + self.schur.logdet)

    def diagonal(self) -> Array:
        """Diagonal of H^-1, (p,)."""
        every = np.arange(self.predictor.n_params)
        return self.entries(every, every)

    def entries(self, first: Array, second: Array) -> Array:
        """Entries of H^-1 at pairs of parameters, both penalised or both free: (m,)."""
        place = np.where(self.penalised, np.cumsum(self.penalised), np.cumsum(~self.penalised)) - 1
        pulled = self.penalised[first]
        i, j = place[first][pulled], place[second][pulled]
        half = solve_triangular(self.factor[0], self._by_rows(self.root, self.P), lower=True)
        along = self.P.T @ self._dual_solve(self.F)
        removed = np.einsum("nm,nm->m", half[:, i], half[:, j])
        removed -= np.einsum("mf,mf->m", along[i], along[j] @ self.schur.matrix)
        result = np.empty(len(first))
        result[pulled] = ((i == j) - removed / self.precision[j]) / self.precision[i]
        result[~pulled] = self.schur.matrix[place[first][~pulled], place[second][~pulled]]
        return result


class _DualSandwich:
    def __init__(self, inverse: WoodburyInverse, cotangents: Array):
        self.inverse, self.cotangents = inverse, cotangents

    def diagonal(self) -> Array:
        inverse = self.inverse
        keep = np.eye(len(inverse.T)) - inverse._by_rows(inverse.W, inverse.T)
        result = np.empty(inverse.predictor.n_params)
        result[inverse.penalised] = self._squares(keep.T @ inverse.P) / inverse.precision**2
        result[~inverse.penalised] = self._squares(inverse.E @ inverse.schur.matrix)
        return result

    def _squares(self, columns: Array) -> Array:
        """Diagonal of columns.T blockdiag(C) columns."""
        weighted = self.inverse._by_rows(self.cotangents, columns)
        return np.einsum("np,np->p", columns, weighted)

    def leverage(self) -> Array:
        inverse = self.inverse
        shape = (inverse.n_rows, inverse.n_outputs, -1)
        weighted = inverse._by_rows(self.cotangents, inverse.T).T.reshape(shape)
        return np.einsum("iam,ibm->iab", weighted, inverse.T.reshape(shape))


def _square_root(blocks: Array) -> Array:
    """R with R^T R = W for each positive semi-definite (k, k) block."""
    if blocks.shape[1] == 1:
        return np.sqrt(np.maximum(blocks, 0.0))
    values, vectors = np.linalg.eigh(blocks)
    return np.sqrt(np.maximum(values, 0.0))[:, :, None] * vectors.transpose(0, 2, 1)
