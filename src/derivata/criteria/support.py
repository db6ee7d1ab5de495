"""Whether the active set outlives the loss of a row: the check behind sparse leave-one-out.

Leaving row i out moves the active parameters by d_i = H_AA^-1 J_iA^T a_i, by one Newton step. The
row then keeps the active set, and its leave-one-out is as exact as for a smooth penalty, if

    (w_A + d_i) keeps the signs of w_A
    |g_j + x_j^T D X_A d_i - x_ij a_i| <= alpha1 weight_j    for every column j that is zero

with g the gradient of the losses, D their curvatures and a_i the pull that the row leaves behind
(``left_out``). Otherwise a column enters or leaves, which leave-one-out does not know. Cost: n p m
with m active columns, and p m a row examined.

Maths: docs/math/sparse_penalties.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from derivata.contracts import Array, HessianInverse
from derivata.criteria.left_out import leave_out
from derivata.curvature.active import ActiveExpansion

# Rows examined at most; a share is known to two per cent from so many.
EXAMINED = 300
# Leave-one-out is trusted if at most this share of the rows change the active set.
LARGEST_SHARE = 0.1


@dataclass(frozen=True)
class SupportChanges:
    """Rows whose absence changes the active set.

    Attributes
    ----------
    examined : int array (m,)
        Rows that were examined, in order: all, or a random sample.
    changes : bool array (m,)
        Whether leaving the row out makes a column enter or leave.
    weight : array (m,)
        Of the rows.
    """

    examined: Array
    changes: Array
    weight: Array

    @property
    def share(self) -> float:
        """Share of the examined rows, by weight, that change the active set."""
        return float(self.weight @ self.changes) / max(float(self.weight.sum()), 1e-300)

    @property
    def tolerable(self) -> bool:
        """Whether penalties may be tuned on leave-one-out."""
        return self.share <= LARGEST_SHARE


def support_changes(
    expansion: ActiveExpansion, inverse: HessianInverse, random_state: int = 0
) -> SupportChanges:
    """Examine rows one by one; for penalties of single coefficients and one output."""
    objective, penalty = expansion.objective, expansion.penalty
    rows = np.flatnonzero(objective.weight > 0.0)
    if len(rows) > EXAMINED:
        rng = np.random.default_rng(random_state)
        rows = np.sort(rng.choice(rows, EXAMINED, replace=False))
    pulls = _pulls(expansion, inverse, rows)
    active = expansion.support
    design = cast(Any, objective.predictor).design
    own = design.dense(rows)  # (m, p)
    right = np.zeros((objective.predictor.n_params, len(rows)))
    right[active] = own[:, active].T * pulls
    moves = inverse.solve(right)[active]  # d, (|A|, m)
    params = expansion.params[active]
    penalised = penalty.param_blocks[active] >= 0
    turned = ((params[:, None] + moves) * params[:, None] < 0.0) & penalised[:, None]
    among = design.select(active).dense(slice(None))
    cross = design.rmatvec(expansion.output_hessian[:, 0] * among)  # X^T D X_A, (p, |A|)
    gradients = expansion.loss_gradient[:, None] + cross @ moves - own.T * pulls
    held = penalty.strengths(expansion.hyper)[0] * penalty.param_weights[:, None]
    outside = np.ones(len(held), dtype=bool)
    outside[active] = False
    entered = (np.abs(gradients) > held)[outside]
    changes = turned.any(axis=0) | entered.any(axis=0)
    return SupportChanges(rows, changes, objective.weight[rows])


def _pulls(expansion: ActiveExpansion, inverse: HessianInverse, rows: Array) -> Array:
    """a_i, what H^-1 J_i^T is multiplied by when row i is left out: (m,)."""
    leverage = leave_out(expansion, inverse)[0][rows, 0, 0]
    removed = np.minimum(expansion.objective.weight[rows], 1.0)
    gradient, hessian = expansion.rows.gradient[rows, 0], expansion.rows.hessian[rows, 0, 0]
    return removed * gradient / np.maximum(1.0 - removed * hessian * leverage, 1e-10)
