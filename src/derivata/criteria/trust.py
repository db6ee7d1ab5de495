"""How far approximate leave-one-out is off, from the third derivative of the objective.

Leaving row i out moves the fit along d_i = H^-1 J_i^T a_i, by one Newton step. Along that direction
the objective without the row is, to third order,

    - t A + t^2 A / 2 + t^3 C / 6
    A = a^T L a - dz_i^T W_i dz_i,     C = sum_{j not i} s_j (third derivative)_j dz_j^3

with dz = J d_i, whose minimum is not at t = 1 but at (sqrt(A^2 + 2 A C) - A) / C. The change of row
i's loss from t = 1 to there estimates the error. It tells rows for which the Newton step will do
from rows for which it will not; it is no correction. Cost: n p k a row examined.

Where the predictor is not linear, J moves along d_i too, and the Hessian that gave d_i was
Gauss-Newton's. There the change of row i's loss is estimated by a second Newton step, from w + d_i
and without the row, with the exact Hessian of the whole fit. Cost: a pass a row examined.

Maths: docs/math/leave_one_out.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from derivata.contracts import Array, HessianInverse
from derivata.criteria.left_out import leave_out
from derivata.curvature.exact import invert_exact
from derivata.curvature.indefinite import IndefiniteInverse
from derivata.objective import Expansion

EXAMINED = 10
# An error is tolerable below one nat, or below this share of what leaving rows out changes at all.
TOLERABLE_NATS, TOLERABLE_SHARE = 1.0, 0.1


@dataclass(frozen=True)
class LeaveOneOutError:
    """What the approximation is estimated to be off by, over the most influential rows.

    Attributes
    ----------
    error : float
        Estimated summed |error| of the examined rows' losses, in nats.
    change : float
        What leaving rows out changes in all: summed leave-one-out minus fitted losses.
    """

    error: float
    change: float

    @property
    def tolerable(self) -> bool:
        """Whether penalties may be tuned on it."""
        return self.error <= max(TOLERABLE_NATS, TOLERABLE_SHARE * abs(self.change))


def leave_one_out_error(expansion: Expansion, inverse: HessianInverse) -> LeaveOneOutError:
    """Examine the rows whose loss leaving them out changes most; exact losses give zero."""
    objective = expansion.objective
    straight = objective.penalty.curvature_is_constant
    if objective.is_quadratic and straight:
        return LeaveOneOutError(0.0, 1.0)
    leverage, rows = leave_out(expansion, inverse)
    change = rows.row_losses - objective.weight * expansion.rows.value
    most = min(EXAMINED, len(change))
    examined = np.sort(np.argpartition(np.abs(change), -most)[-most:])
    known = objective.predictor.is_linear and straight
    row_errors = _row_errors if known else _second_step_errors
    errors = row_errors(expansion, inverse, leverage[examined], rows.outputs, examined)
    return LeaveOneOutError(float(np.abs(errors).sum()), float(change.sum()))


def _row_errors(
    expansion: Expansion, inverse: HessianInverse, L: Array, outputs: Array, examined: Array
) -> Array:
    """Estimated error of each examined row's leave-one-out loss, weighted: (m,)."""
    objective = expansion.objective
    weight = objective.weight[examined]
    removed = np.minimum(weight, 1.0)
    W = removed[:, None, None] * expansion.rows.hessian[examined]
    # The step of the outputs is known, L a; a itself gives the direction in params.
    own = outputs[examined] - expansion.outputs[examined]
    a = _solve_blocks(L, own)
    jacobian = objective.predictor.jacobian(expansion.params, examined)
    directions = inverse.solve(np.einsum("mkp,mk->pm", jacobian, a))
    quadratic = np.einsum("mk,mk->m", a, own) - np.einsum("mk,mkl,ml->m", own, W, own)
    moved = [objective.predictor.jvp(expansion.params, direction) for direction in directions.T]
    cubic = np.array([expansion.rows.cubic(each) for each in moved])  # (m, n)
    others = cubic @ objective.weight - removed * cubic[np.arange(len(examined)), examined]
    steps = np.array([_cubic_step(A, C) for A, C in zip(quadratic, others, strict=True)])
    y, base = objective.y[examined], expansion.outputs[examined]
    there = objective.loss.at(y, base + steps[:, None] * own).value
    return weight * (there - objective.loss.at(y, base + own).value)


def _second_step_errors(
    expansion: Expansion, inverse: HessianInverse, L: Array, outputs: Array, examined: Array
) -> Array:
    """The same by another Newton step from each left-out fit; infinite at a saddle."""
    exact = invert_exact(expansion)
    if isinstance(exact, IndefiniteInverse):
        return np.full(len(examined), np.inf)
    objective, params = expansion.objective, expansion.params
    a = _solve_blocks(L, outputs[examined] - expansion.outputs[examined])
    errors = np.empty(len(examined))
    for number, row in enumerate(examined):
        own = objective.take(np.array([row]))
        own = replace(own, weight=np.minimum(own.weight, 1.0))
        J = own.predictor.jacobian(params, slice(None))[0]  # (k, p)
        there = params + inverse.solve(J.T @ a[number])
        slope = objective.at(there, expansion.hyper).gradient
        slope = slope - own.at(there, expansion.hyper).loss_gradient
        # (H - J^T W J)^-1 by the row's own k numbers.
        pulled, spread = exact.solve(slope), exact.solve(np.asfortranarray(J.T))
        W = own.at(params, expansion.hyper).output_hessian[0]
        removed = np.linalg.lstsq(np.eye(len(W)) - W @ J @ spread, W @ (J @ pulled))[0]
        outputs_there = own.outputs(there - pulled - spread @ removed)
        losses = [own.loss.at(own.y, z).value[0] for z in (outputs_there, outputs[[row]])]
        errors[number] = objective.weight[row] * (losses[0] - losses[1])
    return np.where(np.isfinite(errors), errors, np.inf)


def _solve_blocks(blocks: Array, right: Array) -> Array:
    """Least-squares solutions block by block: (m, k, k), (m, k) -> (m, k)."""
    if right.shape[1] == 1:
        return right / np.where(blocks[:, 0] > 0.0, blocks[:, 0], 1.0)
    return np.stack([np.linalg.lstsq(b, r)[0] for b, r in zip(blocks, right, strict=True)])


def _cubic_step(quadratic: float, cubic: float) -> float:
    """Minimiser of - t A + t^2 A / 2 + t^3 C / 6 next to t = 1; 2, the largest, if none."""
    if quadratic <= 0.0 or abs(cubic) < 1e-12 * quadratic:
        return 1.0
    root = quadratic * quadratic + 2.0 * quadratic * cubic
    if root <= 0.0:
        return 2.0
    # (sqrt(A^2 + 2AC) - A) / C without cancellation.
    return 2.0 * quadratic / (np.sqrt(root) + quadratic)
