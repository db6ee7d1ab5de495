"""Stand-ins for a criterion with the curvature frozen at one fit: p x p algebra and a few rows.

At a minimiser w0 with G = J^T W J and loss gradient g0, the losses are replaced by their quadratic
expansion, whose minimiser for other penalties Lambda is

    w(Lambda) = (G + Lambda)^-1 (G w0 - g0),        H(Lambda) = G + Lambda

A hold-out is judged exactly at w(Lambda). Leave-one-out is, to first order in the leverages,

    loss of the quadratic at w(Lambda) + trace((G + Lambda)^-1 J^T C J)

with C = dA/dL from the exact derivative at w0 (C = g g^T in the limit of small leverage). The rows
of largest leverage, for which first order does not do, are left out of the trace and judged by
their own formula. A tuner that corrects a stand-in to have the exact gradient at w0 converges to
the exact optimum.

Maths: docs/math/tuning.md
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from derivata.contracts import Array, HessianInverse, Partials, Sandwich, Surrogate
from derivata.criteria.left_out import LeftOut, left_out
from derivata.curvature import cholesky
from derivata.objective import Expansion, Objective, add_to_diagonal

# Rows a parameter from which on a stand-in for leave-one-out is both accurate and cheap.
ROWS_PER_PARAM = 20
# Rows of the largest leverage, whose loss is far from linear in it, are judged exactly.
EXACT_ROWS = 300
# A product of fewer multiplications is so quick that a stand-in would only cost overhead.
SMALL_PASS = 5e6


class FrozenFit:
    """The quadratic expansion of the losses at one fit, refitted for any penalty."""

    def __init__(self, expansion: Expansion):
        self.expansion, self.penalty = expansion, expansion.objective.penalty
        self.gram = expansion.gram
        self.right = self.gram @ expansion.params - expansion.loss_gradient

    def factor(self, hyper: Array) -> Array:
        """The Cholesky factor of the frozen Hessian for other hyperparameters."""
        diagonal = self.penalty.hessian_diagonal(self.expansion.params, hyper)
        hessian = self.gram.copy(order="F")
        # A relative 1e-14 keeps the factor finite where the losses are flat and free.
        add_to_diagonal(hessian, diagonal + 1e-14 * np.diagonal(self.gram))
        factor = cholesky.factorize(hessian)
        if factor is None:
            raise np.linalg.LinAlgError("frozen Hessian is not positive definite")
        return factor

    def params(self, hyper: Array) -> Array:
        """Minimiser of the frozen quadratic for other hyperparameters, (p,)."""
        return cholesky.solve(self.factor(hyper), self.right)


class FrozenHoldOut(FrozenFit):
    """The held-out loss at the frozen minimiser: p^3 / 3 multiplications and a pass of the rows."""

    def __init__(self, expansion: Expansion, judge: Callable[[Array], Partials]):
        super().__init__(expansion)
        self.judge = judge

    def at(self, hyper: Array) -> tuple[float, Array]:
        """Value and gradient by hyper."""
        factor = self.factor(hyper)
        params = cholesky.solve(factor, self.right)
        partials = self.judge(params)
        adjoint = cholesky.solve(factor, partials.by_params)
        return partials.value, -self.penalty.mixed_vjp(params, hyper, adjoint)


class FrozenLeaveOneOut(FrozenFit):
    """Expanded loss, a trace for most leverages and exact leave-one-out for the largest.

    Costs about 4 p^3 + 4 m p^2 an evaluation, m the rows judged exactly; no pass over the others.
    """

    def __init__(
        self, expansion: Expansion, leverage_gram: Array, top: Objective, top_curvature: Array
    ):
        super().__init__(expansion)
        self.leverage_gram, self.top, self.top_curvature = leverage_gram, top, top_curvature

    def at(self, hyper: Array) -> tuple[float, Array]:
        """Value (up to a constant) and gradient by hyper."""
        factor = self.factor(hyper)
        params = cholesky.solve(factor, self.right)
        step = params - self.expansion.params
        moved = self.gram @ step
        start = self.expansion.loss_gradient
        inverse = cholesky.inverse(factor)
        top = self.top.at(params, hyper)
        predictor = self.top.predictor
        rows = left_out(top, predictor.leverage(params, inverse), self.top_curvature)
        by_outputs = rows.by_outputs - top.output_gradient
        product = inverse @ (self.leverage_gram + predictor.gram(params, rows.by_leverage))
        value = float(step @ start + 0.5 * (step @ moved))
        value += float(np.sum(inverse * self.leverage_gram))
        value += float(rows.row_losses.sum()) - top.loss_value
        by_params = start + moved + predictor.vjp(params, by_outputs)
        adjoint = cholesky.solve(factor, by_params)
        sandwich = _Diagonal(np.einsum("ij,ij->i", product, inverse))
        gradient = -self.penalty.hessian_vjp(params, hyper, sandwich)
        gradient -= self.penalty.mixed_vjp(params, hyper, adjoint)
        return value, gradient


def freeze_leave_one_out(
    expansion: Expansion,
    inverse: HessianInverse,
    sandwich: Sandwich,
    leverage: Array,
    rows: LeftOut,
) -> Surrogate | None:
    """A stand-in for leave-one-out around a fit, or None where it would not pay.

    It pays where nearly all leverages are small, so that the criterion is nearly linear in them,
    and where a pass over the rows is dearer than the p^3 of a stand-in: both mean many rows a
    parameter.
    """
    objective = expansion.objective
    n_rows, n_params = objective.predictor.n_rows, objective.predictor.n_params
    inner = getattr(sandwich, "inner", None)
    if n_rows < ROWS_PER_PARAM * n_params or n_rows * n_params**2 < SMALL_PASS:
        return None
    if inner is None or not can_freeze(expansion, inverse):
        return None
    share = np.einsum("nab,nba->n", expansion.rows.hessian, leverage)
    top = np.sort(np.argpartition(share, -EXACT_ROWS)[-EXACT_ROWS:])
    exact = objective.take(top)
    others = inner - exact.predictor.gram(expansion.params, rows.by_leverage[top])
    return FrozenLeaveOneOut(expansion, others, exact, expansion.rows.hessian[top])


def can_freeze(expansion: Expansion, inverse: HessianInverse) -> bool:
    """Whether H is dense, of full rank, cheap to refactor, and the same at any parameters."""
    dense = hasattr(inverse, "matrix") and inverse.null_space is None
    objective = expansion.objective
    return dense and objective.predictor.is_linear and objective.penalty.curvature_is_constant


class _Diagonal:
    def __init__(self, values: Array):
        self.values = values

    def diagonal(self) -> Array:
        return self.values
