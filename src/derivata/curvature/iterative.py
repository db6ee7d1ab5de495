"""H^-1 by conjugate gradients, when neither H nor its dual fits in memory.

Only solves are offered: each takes passes over the data through ``Expansion.hvp``, preconditioned
by the diagonal of H. Leverages, determinants and diagonals would need p solves; they are refused
with the criterion that does without them.

Maths: docs/math/inverse.md
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

from derivata.contracts import Array, Predictor, Sandwich
from derivata.errors import NotAvailable, NotConverged
from derivata.objective import Expansion


class IterativeInverse:
    """H^-1 @ b by preconditioned conjugate gradients.

    H is Gauss-Newton's or, with ``gauss_newton=False``, the exact one, which must be positive
    definite: a solution is checked by its residual alone.

    Raises
    ------
    NotConverged
        By ``solve``, if the residual stays above ``tolerance`` times the right-hand side.
    NotAvailable
        By everything that would need p solves.
    """

    null_space: Array | None = None

    def __init__(
        self,
        expansion: Expansion,
        tolerance: float = 1e-3,
        max_iter: int = 2_000,
        *,
        gauss_newton: bool = True,
    ):
        self.expansion, self.tolerance, self.max_iter = expansion, tolerance, max_iter
        self.gauss_newton = gauss_newton
        predictor = expansion.objective.predictor
        self.reason = (
            f"conjugate gradients: {predictor.n_params:,} parameters are too many for a dense "
            "Hessian"
        )
        curvature = np.einsum("naa->n", expansion.output_hessian) / predictor.n_outputs
        preconditioner = predictor.column_squares(curvature) + expansion.penalty_diagonal
        self.scale = 1.0 / np.maximum(preconditioner, np.finfo(float).tiny)

    def solve(self, right: Array) -> Array:
        """H^-1 @ right: (p,) or (p, m)."""
        if right.ndim == 2:
            return np.stack([self.solve(column) for column in right.T], axis=1)
        n = len(right)
        operator: Any = LinearOperator  # SciPy's factory picks a subclass, which checkers miss
        product = operator((n, n), matvec=self._product, dtype=float)
        scale = operator((n, n), matvec=lambda v: self.scale * v, dtype=float)
        solution, flag = cg(
            product, right, rtol=self.tolerance, atol=0.0, maxiter=self.max_iter, M=scale
        )
        if flag != 0:
            left = np.linalg.norm(right - self._product(solution)) / np.linalg.norm(right)
            raise NotConverged(
                f"conjugate gradients left a relative residual of {left:.1e} after "
                f"{self.max_iter} iterations (tolerance {self.tolerance:.0e}). The Hessian is "
                "ill-conditioned: raise the penalty, or drop columns that repeat each other."
            )
        return solution

    def _product(self, direction: Array) -> Array:
        return self.expansion.hvp(direction, gauss_newton=self.gauss_newton)

    def leverage(self, predictor: Predictor | None = None) -> Array:
        """Refused: it would need a solve a row."""
        self._refuse("leverage")

    def sandwich(self, cotangents: Array) -> Sandwich:
        """Refused: it would need a solve a row."""
        self._refuse("a leverage derivative")

    def logdet(self) -> float:
        """Refused: conjugate gradients have no determinant."""
        self._refuse("a determinant")

    def diagonal(self) -> Array:
        """Refused: it would need a solve a parameter."""
        self._refuse("standard errors")

    def entries(self, first: Array, second: Array) -> Array:
        """Refused: it would need a solve a parameter."""
        self._refuse("standard errors")

    def _refuse(self, what: str) -> NoReturn:
        n_params = self.expansion.objective.predictor.n_params
        raise NotAvailable(
            f"{what} cannot be had for {n_params:,} parameters and as many rows without a dense "
            "Hessian. Use `criterion=KFold()` for tuning, or fewer columns."
        )
