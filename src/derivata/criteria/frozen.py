"""Stand-ins for a criterion with the curvature frozen at one fit: p x p algebra and a few rows.

At a minimiser w0 with G = J^T W J and loss gradient g0, the losses are replaced by their quadratic
expansion, whose minimiser for other penalties Lambda is

    w(Lambda) = (G + Lambda)^-1 (G w0 - g0),        H(Lambda) = G + Lambda

A hold-out is judged exactly at w(Lambda). Leave-one-out is judged by its own formula with
w(Lambda) and H(Lambda), on a random sample of rows, scaled up: it is only a shape for the tuner,
which corrects it to have the exact gradient at w0. Cost of an evaluation: a few p^3 and m p^2, m
the rows sampled, whatever n is.

Maths: docs/math/tuning.md
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import lapack

from derivata.contracts import Array, HessianInverse, Partials, Surrogate
from derivata.criteria.left_out import left_out
from derivata.objective import Expansion, Objective, add_to_diagonal

# Rows that a stand-in for leave-one-out looks at, and how many times more rows there must be for
# a stand-in to be cheaper than the criterion itself.
SAMPLED_ROWS = 1_000
WORTHWHILE = 4


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
    """Leave-one-out of sampled rows with the frozen Hessian: about 4 p^3 + 4 m p^2."""

    def __init__(self, expansion: Expansion, sample: Objective, scale: float):
        super().__init__(expansion)
        self.sample, self.scale = sample, scale

    def at(self, hyper: Array) -> tuple[float, Array]:
        """Value and gradient by hyper."""
        factor = self.factor(hyper)
        params = lapack.dpotrs(factor, self.right, lower=1)[0]
        root, _ = lapack.dtrtri(factor, lower=1)
        inverse = root.T @ root
        at = self.sample.at(params, hyper)
        predictor = self.sample.predictor
        rows = left_out(at, predictor.leverage(params, inverse))
        half = inverse @ predictor.gram(params, rows.by_leverage)
        sandwich = _Diagonal(np.einsum("ij,ij->i", half, inverse))
        by_outputs = rows.by_outputs
        third = at.rows.third(rows.by_curvature)
        if third is not None:
            by_outputs = by_outputs + third
        adjoint = lapack.dpotrs(factor, predictor.vjp(params, by_outputs), lower=1)[0]
        gradient = -self.penalty.hessian_vjp(params, hyper, sandwich)
        gradient -= self.penalty.mixed_vjp(params, hyper, adjoint)
        return self.scale * float(rows.row_losses.sum()), self.scale * gradient


def freeze_leave_one_out(expansion: Expansion, inverse: HessianInverse) -> Surrogate | None:
    """A stand-in for leave-one-out around a fit, or None where it would not be cheaper."""
    objective = expansion.objective
    n_rows, n_params = objective.predictor.n_rows, objective.predictor.n_params
    m = max(SAMPLED_ROWS, 2 * n_params)
    if not is_dense(inverse) or n_rows < WORTHWHILE * m:
        return None
    rows = np.sort(np.random.default_rng(0).choice(n_rows, m, replace=False))
    sample = objective.take(rows)
    scale = float(objective.weight.sum() / max(sample.weight.sum(), np.finfo(float).tiny))
    return FrozenLeaveOneOut(expansion, sample, scale)


def is_dense(inverse: HessianInverse) -> bool:
    """Whether H is a dense array of full rank, which is cheap to refactor for other penalties."""
    return hasattr(inverse, "matrix") and inverse.null_space is None


class _Diagonal:
    def __init__(self, values: Array):
        self.values = values

    def diagonal(self) -> Array:
        return self.values
