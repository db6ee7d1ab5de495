"""Leave-one-out outputs of every row by one Newton step, and where that step is one.

    z_i^(-i) ~ z_i + L_i (I - W_i L_i)^-1 g_i,      L_i = J_i H^-1 J_i^T

``criteria.left_out`` with the exact Hessian, also of outputs that bend. Where I - W_i L_i is
singular, nothing but row i decides some direction: there is no step, and the row keeps its fitted
outputs.

Maths: docs/math/certified_leave_one_out.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array, HessianInverse
from derivata.criteria.left_out import left_out
from derivata.curvature.exact import invert_exact
from derivata.objective import Expansion

# Of the curvature along a row's own outputs, what must be left without it.
SMALLEST_SHARE = 1e-8


@dataclass(frozen=True, eq=False)
class OneStep:
    """One Newton step from the full fit for every row.

    Attributes
    ----------
    outputs : array (n, k)         left-out outputs; fitted ones where there is no step
    is_step : bool array (n,)
    leverage : array (n, k, k)     L
    inverse : HessianInverse       that gave it
    """

    outputs: Array
    is_step: Array
    leverage: Array
    inverse: HessianInverse


def one_step(expansion: Expansion) -> OneStep:
    """The step of every row: one leverage pass, n p^2 with a dense inverse.

    Raises
    ------
    NotAvailable                   if there are too many parameters for leverages
    NotConverged                   at a saddle
    """
    inverse = invert_exact(expansion)
    leverage = inverse.leverage()
    removed = np.minimum(expansion.objective.weight, 1.0)[:, None, None]
    with np.errstate(over="ignore", invalid="ignore"):
        outputs = left_out(expansion, leverage).outputs
        share = least_share(removed * expansion.rows.hessian, leverage)
    is_step = (share > SMALLEST_SHARE) & np.isfinite(outputs).all(axis=1)
    outputs = np.where(is_step[:, None], outputs, expansion.outputs)
    return OneStep(outputs, is_step, leverage, inverse)


def least_share(W: Array, L: Array) -> Array:
    """The smallest eigenvalue of I - W_i L_i, what curvature is left without row i: (n,)."""
    if W.shape[1] == 1:
        return 1.0 - (W * L)[:, 0, 0]
    return np.linalg.eigvals(np.eye(W.shape[1]) - W @ L).real.min(axis=1)
