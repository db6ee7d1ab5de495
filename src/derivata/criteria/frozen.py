"""Stand-ins for a criterion with the curvature frozen at one fit: p x p algebra, no data pass.

At a minimiser w0 with G = J^T W J and loss gradient g0, the losses are replaced by their quadratic
expansion, whose minimiser for other penalties Lambda is

    w(Lambda) = (G + Lambda)^-1 (G w0 - g0)

Leave-one-out adds to the expanded loss at w(Lambda) the optimism trace((G + Lambda)^-1 J^T C J),
linear in the leverages with C = dA/dL from the exact derivative (for C = g g^T and small leverage
this is the n >> p shortcut; here the weights keep the curvature correction of the fit at hand). A
hold-out is judged exactly at w(Lambda). A tuner that corrects a stand-in to have the exact
gradient at w0 converges to the exact optimum, in two or three exact evaluations.

Maths: docs/math/tuning.md
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import lapack

from derivata.contracts import Array, Partials
from derivata.designs.dense import mirror
from derivata.objective import Expansion


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
        hessian[np.diag_indices_from(hessian)] += diagonal + 1e-14 * np.diagonal(self.gram)
        factor, flag = lapack.dpotrf(hessian, lower=1, clean=0, overwrite_a=1)
        if flag != 0:
            raise np.linalg.LinAlgError("frozen Hessian is not positive definite")
        return factor

    def params(self, hyper: Array) -> Array:
        """Minimiser of the frozen quadratic for other hyperparameters, (p,)."""
        return lapack.dpotrs(self.factor(hyper), self.right, lower=1)[0]


class FrozenLeaveOneOut(_FrozenFit):
    """Expanded loss plus a trace of leverages: p^3 multiplications an evaluation.

    The weights C of the trace are squares of row gradients, which shrink as the fit improves. That
    is followed by one factor exp(rate * change of the expanded loss), its rate chosen so that the
    stand-in's gradient at w0 is as near as it can be to the exact one.
    """

    def __init__(self, expansion: Expansion, partials: Partials, exact_gradient: Array):
        super().__init__(expansion)
        if partials.leverage_gram is None:
            raise ValueError("leave-one-out is frozen only where a dense Hessian was used")
        self.leverage_gram, self.rate = partials.leverage_gram, 0.0
        _, frozen = self.at(expansion.hyper)
        lacking, along = exact_gradient - frozen, self.trace * self.loss_gradient
        square = float(along @ along)
        if square > 0.0:
            self.rate = max(float(lacking @ along) / square, 0.0)

    def at(self, hyper: Array) -> tuple[float, Array]:
        """Value and gradient by hyper."""
        factor = self.factor(hyper)
        params = lapack.dpotrs(factor, self.right, lower=1)[0]
        step = params - self.expansion.params
        moved = self.gram @ step
        start = self.expansion.loss_gradient
        change = float(step @ start + 0.5 * (step @ moved))
        inverse = mirror(lapack.dpotri(factor, lower=1)[0])
        product = inverse @ self.leverage_gram
        self.trace = float(np.trace(product))
        adjoint = lapack.dpotrs(factor, start + moved, lower=1)[0]
        self.loss_gradient = -self.penalty.mixed_vjp(params, hyper, adjoint)
        sandwich = _Diagonal(np.einsum("ij,ij->i", product, inverse))
        scale = np.exp(self.rate * change)
        gradient = (1.0 + self.rate * scale * self.trace) * self.loss_gradient
        gradient = gradient - scale * self.penalty.hessian_vjp(params, hyper, sandwich)
        return change + scale * self.trace, gradient


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


class _Diagonal:
    def __init__(self, values: Array):
        self.values = values

    def diagonal(self) -> Array:
        return self.values
