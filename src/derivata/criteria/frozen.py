"""Stand-ins for a criterion with the curvature frozen at one fit: p x p algebra and a few rows.

At a minimiser w0 with G = J^T W J and loss gradient g0, the losses are replaced by their quadratic
expansion, whose minimiser for other penalties Lambda is

    w(Lambda) = (G + Lambda)^-1 (G w0 - g0),        H(Lambda) = G + Lambda

A hold-out is judged exactly at w(Lambda). Leave-one-out is, to first order in the leverages,

    loss of the quadratic at w(Lambda) + trace((G + Lambda)^-1 J^T C J)

with C = dA/dL from the exact derivative at w0 (C = g g^T in the limit of small leverage). A tuner
that corrects a stand-in to have the exact gradient at w0 converges to the exact optimum.

Maths: docs/math/tuning.md
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import lapack

from derivata.contracts import Array, HessianInverse, Partials, Surrogate
from derivata.objective import Expansion, add_to_diagonal

# Rows a parameter from which on a stand-in for leave-one-out is both accurate and cheap.
ROWS_PER_PARAM = 20
# A product of fewer multiplications is so quick that a stand-in would only cost overhead.
SMALL_PASS = 5e6


class _FrozenFit:
    """The quadratic expansion of the losses at one fit, refitted for any penalty."""

    def __init__(self, expansion: Expansion):
        self.expansion, self.penalty = expansion, expansion.objective.penalty
        self.gram = expansion.gram
        self.right = self.gram @ expansion.params - expansion.loss_gradient

    def factor(self, hyper: Array) -> Array:
        diagonal = self.penalty.hessian_diagonal(self.expansion.params, hyper)
        hessian = self.gram.copy(order="F")
        # A relative 1e-14 keeps the factor finite where the losses are flat and free.
        add_to_diagonal(hessian, diagonal + 1e-14 * np.diagonal(self.gram))
        factor, flag = lapack.dpotrf(hessian, lower=1, overwrite_a=1)
        if flag != 0:
            raise np.linalg.LinAlgError("frozen Hessian is not positive definite")
        return factor

    def params(self, hyper: Array) -> Array:
        """Minimiser of the frozen quadratic for other hyperparameters, (p,)."""
        return lapack.dpotrs(self.factor(hyper), self.right, lower=1)[0]


class FrozenHoldOut(_FrozenFit):
    """The held-out loss at the frozen minimiser: p^3 / 3 multiplications and a pass of the rows."""

    def __init__(self, expansion: Expansion, judge: Callable[[Array], Partials]):
        super().__init__(expansion)
        self.judge = judge

    def at(self, hyper: Array) -> tuple[float, Array]:
        """Value and gradient by hyper."""
        factor = self.factor(hyper)
        params = lapack.dpotrs(factor, self.right, lower=1)[0]
        partials = self.judge(params)
        adjoint = lapack.dpotrs(factor, partials.by_params, lower=1)[0]
        return partials.value, -self.penalty.mixed_vjp(params, hyper, adjoint)


class FrozenLeaveOneOut(_FrozenFit):
    """Expanded loss plus a trace of leverages: about 4 p^3 an evaluation, no pass over rows."""

    def __init__(self, expansion: Expansion, leverage_gram: Array):
        super().__init__(expansion)
        self.leverage_gram = leverage_gram

    def at(self, hyper: Array) -> tuple[float, Array]:
        """Value (up to a constant) and gradient by hyper."""
        factor = self.factor(hyper)
        params = lapack.dpotrs(factor, self.right, lower=1)[0]
        step = params - self.expansion.params
        moved = self.gram @ step
        start = self.expansion.loss_gradient
        root, _ = lapack.dtrtri(factor, lower=1)
        inverse = root.T @ root
        product = inverse @ self.leverage_gram
        value = float(step @ start + 0.5 * (step @ moved) + np.trace(product))
        adjoint = lapack.dpotrs(factor, start + moved, lower=1)[0]
        sandwich = _Diagonal(np.einsum("ij,ij->i", product, inverse))
        gradient = -self.penalty.hessian_vjp(params, hyper, sandwich)
        gradient -= self.penalty.mixed_vjp(params, hyper, adjoint)
        return value, gradient


def freeze_leave_one_out(
    expansion: Expansion, inverse: HessianInverse, partials: Partials
) -> Surrogate | None:
    """A stand-in for leave-one-out around a fit, or None where it would not pay.

    It pays where leverages are small, so that the criterion is nearly linear in them, and where a
    pass over the rows is dearer than the p^3 of a stand-in: both mean many rows a parameter.
    """
    predictor = expansion.objective.predictor
    n_rows, n_params = predictor.n_rows, predictor.n_params
    if n_rows < ROWS_PER_PARAM * n_params or n_rows * n_params**2 < SMALL_PASS:
        return None
    if partials.leverage_gram is None:
        return None
    return FrozenLeaveOneOut(expansion, partials.leverage_gram) if is_dense(inverse) else None


def is_dense(inverse: HessianInverse) -> bool:
    """Whether H is a dense array of full rank, which is cheap to refactor for other penalties."""
    return hasattr(inverse, "matrix") and inverse.null_space is None


class _Diagonal:
    def __init__(self, values: Array):
        self.values = values

    def diagonal(self) -> Array:
        return self.values
