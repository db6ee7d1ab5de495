"""Approximate leave-one-out from one fit, with its exact derivative.

    z_i^(-i) = z_i + L_i (I - W_i L_i)^-1 g_i,    L_i = J_i H^-1 J_i^T,    A = sum_i s_i loss(z_i^(-i))

g_i and W_i are the weighted derivatives of row i's loss. Exact for squared loss and a linear
predictor; else one Newton step from the full fit. With R_i = (I - W_i L_i)^-1, q_i the weighted
loss gradient at z_i^(-i), a = R g, b = R^T L q, the derivatives are

    by L_i    C_i = sym[(R_i q_i)(R_i g_i)^T]
    M         H^-1 (sum_i J_i^T C_i J_i) H^-1               (moves of H move every leverage)
    by z_i    v_i = q_i + W_i b_i + third_i : (sym[b_i (L_i a_i)^T] - J_i M J_i^T)
    by hyper, directly    - d trace(M Lambda) / d hyper

followed by the implicit derivative through z. Cost: four passes of n p^2, for any number of
hyperparameters. Source of the formula for z: Rad & Maleki (2020), J. R. Statist. Soc. B 82,
965-996, doi:10.1111/rssb.12374; of the derivative: docs/math/leave_one_out.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array, HessianInverse, Partials, Subproblem
from derivata.criteria.frozen import FrozenLeaveOneOut
from derivata.objective import Expansion, Objective

# Leave-one-out needs a minimiser: at relative gradient 1e-5 it is off by about as much.
LARGEST_GRADIENT = 1e-4
# 1 - (curvature x leverage) below this: the row alone decides its own output.
SMALLEST_RESIDUAL_SHARE = 1e-10


@dataclass(frozen=True)
class LeaveOneOut:
    """Criterion: the summed loss of every row, predicted by a fit without it."""

    name = "leave-one-out"

    def subproblems(self, objective: Objective) -> list[Subproblem]:
        """One fit of all rows."""
        return [
            Subproblem(objective, leave_one_out_partials, objective.predictor, FrozenLeaveOneOut)
        ]


def leave_one_out_outputs(expansion: Expansion, inverse: HessianInverse) -> Array:
    """Outputs each row would get from a fit without it, by one Newton step.

    Parameters
    ----------
    expansion : Expansion          at a minimiser
    inverse : HessianInverse       of the same expansion

    Returns
    -------
    outputs : (n_rows, n_outputs)  link scale, like ``expansion.outputs``

    Raises
    ------
    NotConverged                   if the expansion is not at a minimiser
    """
    expansion.require_minimiser(LARGEST_GRADIENT, "leave-one-out")
    leverage = inverse.leverage()
    resolvent = _resolvent(expansion.output_hessian, leverage)
    return expansion.outputs + _times(leverage, _times(resolvent, expansion.output_gradient))


def leave_one_out_partials(expansion: Expansion, inverse: HessianInverse) -> Partials:
    """The criterion at a minimiser with its partial derivatives; see the module's formulas."""
    expansion.require_minimiser(LARGEST_GRADIENT, "leave-one-out")
    objective = expansion.objective
    W, g = expansion.output_hessian, expansion.output_gradient
    L = inverse.leverage()
    R = _resolvent(W, L)
    a = _times(R, g)
    moved = _times(L, a)
    left_out = objective.loss.at(objective.y, expansion.outputs + moved)
    row_losses = objective.weight * left_out.value
    q = objective.weight[:, None] * left_out.gradient
    b = _times(R.transpose(0, 2, 1), _times(L, q))
    C = _symmetric(_times(R, q), a)
    sandwich = inverse.sandwich(C)
    v = q + _times(W, b)
    if not objective.loss.curvature_is_constant:
        by_curvature = _symmetric(b, moved) - sandwich.leverage()
        third = expansion.rows.third(by_curvature)
        if third is not None:
            v = v + objective.weight[:, None] * third
    penalty = objective.penalty
    return Partials(
        value=float(row_losses.sum()),
        by_params=objective.predictor.vjp(expansion.params, v),
        by_hyper=-penalty.hessian_vjp(expansion.params, expansion.hyper, sandwich),
        row_losses=row_losses,
        row_gradients=q,
        leverage_gram=getattr(sandwich, "inner", None),
    )


def _resolvent(W: Array, L: Array) -> Array:
    """(I - W L)^-1 for each row; kept finite where a row decides its own output alone."""
    if W.shape[1] == 1:
        return 1.0 / np.maximum(1.0 - W * L, SMALLEST_RESIDUAL_SHARE)
    matrices = np.eye(W.shape[1]) - W @ L
    try:
        return np.linalg.inv(matrices)
    except np.linalg.LinAlgError:
        return np.linalg.pinv(matrices, rcond=SMALLEST_RESIDUAL_SHARE)


def _times(matrices: Array, vectors: Array) -> Array:
    """Matrix times vector, row by row: (n, k, k), (n, k) -> (n, k)."""
    if vectors.shape[1] == 1:
        return matrices[:, :, 0] * vectors
    return (matrices @ vectors[:, :, None])[:, :, 0]


def _symmetric(left: Array, right: Array) -> Array:
    """The symmetric part of left right^T, row by row: (n, k, k)."""
    outer = left[:, :, None] * right[:, None, :]
    return outer if left.shape[1] == 1 else 0.5 * (outer + outer.transpose(0, 2, 1))
