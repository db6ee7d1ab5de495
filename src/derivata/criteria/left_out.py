"""Leave-one-out, row by row: what follows from outputs, their loss and their leverage.

A row of weight s stands for s equal observations, so one observation, u = min(s, 1), is left out:
a row of weight 2 is judged as two equal rows would be, and a row of weight 1/2 is left out whole.
With l', l'' the derivatives of the row's loss, g = u l', W = u l'', R = (I - W L)^-1, a = R g,
q = s l' at the left-out outputs and b = R^T L q, row by row:

    z_i^(-i) = z_i + L_i a_i
    by L_i   C_i = sym[(R_i q_i) a_i^T]
    by z_i   q_i + W_i b_i + u_i (third derivative of l) : sym[b_i (L_i a_i)^T]    (leverage held)

Everything is (n, k) or (n, k, k); nothing here knows parameters.

Maths: docs/math/leave_one_out.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array, HessianInverse
from derivata.objective import Expansion

# 1 - (curvature x leverage) below this: the row alone decides its own output.
SMALLEST_RESIDUAL_SHARE = 1e-10


@dataclass(frozen=True)
class LeftOut:
    """Leave-one-out losses of rows, and their derivatives by leverage, outputs and curvature.

    Attributes
    ----------
    row_losses : array (n,)             weighted
    outputs : array (n, k)              left-out outputs
    gradient : array (n, k)             of row_losses by the left-out outputs: q
    by_leverage : array (n, k, k)       C
    by_outputs : array (n, k)           with curvature held too: q + W b
    by_curvature : array (n, k, k)      by l'', through W alone
    """

    row_losses: Array
    outputs: Array
    gradient: Array
    by_leverage: Array
    by_outputs: Array
    by_curvature: Array


def leave_out(expansion: Expansion, inverse: HessianInverse) -> tuple[Array, LeftOut]:
    """Leverages of an expansion's own rows and their leave-one-out, computed once."""

    def compute() -> tuple[Array, LeftOut]:
        leverage = inverse.leverage()
        return leverage, left_out(expansion, leverage)

    return expansion.keep("left out", compute)


def left_out(expansion: Expansion, leverage: Array, curvature: Array | None = None) -> LeftOut:
    """Leave-one-out of every row of an expansion with leverages (n, k, k).

    ``curvature`` (n, k, k) replaces l'' where the leverages belong to a Hessian that was frozen
    with other curvatures: a row must be taken out of H as it is in H.
    """
    objective = expansion.objective
    removed = np.minimum(objective.weight, 1.0)
    hessian = expansion.rows.hessian if curvature is None else curvature
    W = removed[:, None, None] * hessian
    g = removed[:, None] * expansion.rows.gradient
    R = _resolvent(W, leverage)
    a = _times(R, g)
    moved = _times(leverage, a)
    outputs = expansion.outputs + moved
    rows = objective.loss.at(objective.y, outputs)
    q = objective.weight[:, None] * rows.gradient
    b = _times(R.transpose(0, 2, 1), _times(leverage, q))
    return LeftOut(
        row_losses=objective.weight * rows.value,
        outputs=outputs,
        gradient=q,
        by_leverage=_symmetric(_times(R, q), a),
        by_outputs=q + _times(removed[:, None, None] * expansion.rows.hessian, b),
        by_curvature=removed[:, None, None] * _symmetric(b, moved),
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
