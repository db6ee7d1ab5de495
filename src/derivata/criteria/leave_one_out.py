"""Approximate leave-one-out from one fit, with its exact derivative.

    z_i^(-i) = z_i + L_i (I - W_i L_i)^-1 g_i,      L_i = J_i H^-1 J_i^T
    A        = sum_i s_i loss(y_i, z_i^(-i))

g_i and W_i are the derivatives of the observation left out. Exact for squared loss and a linear
predictor; else one Newton step from the full fit. With C, q, b of ``left_out`` the derivatives are

    M                     H^-1 (sum_i J_i^T C_i J_i) H^-1     (moves of H move every leverage)
    by z_i                q_i + W_i b_i + third_i : (u_i sym[b_i (L_i a_i)^T] - s_i J_i M J_i^T)
    by hyper, directly    - d trace(M Lambda) / d hyper
    by params, directly   - d trace(M Lambda) / d params      (nothing for a quadratic penalty)
    by J_i                2 C_i J_i H^-1 - 2 s_i W_i J_i M    (nothing for a linear predictor)

followed by the implicit derivative through z. H is Gauss-Newton's in all of this. Cost: four passes
of n p^2, for any number of hyperparameters; where J moves, as much again. Source of the formula for
z: Rad & Maleki (2020), J. R. Statist. Soc. B 82, 965-996, doi:10.1111/rssb.12374; of the
derivative: docs/math/leave_one_out.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from derivata.contracts import Array, HessianInverse, Partials, Subproblem
from derivata.criteria.frozen import freeze_leave_one_out
from derivata.criteria.jacobian import moving_jacobian, require_rows
from derivata.criteria.left_out import leave_out
from derivata.objective import Expansion, Objective

# Leave-one-out needs a minimiser: it is off by about as much as the relative gradient.
LARGEST_GRADIENT = 1e-3


@dataclass(frozen=True)
class LeaveOneOut:
    """Criterion: the summed loss of every row, predicted by a fit without it."""

    name = "leave-one-out"

    def subproblems(self, objective: Objective) -> list[Subproblem]:
        """One fit of all rows."""
        require_rows(objective, "leave-one-out")
        weight = float(objective.weight.sum())
        part = Subproblem(
            objective, leave_one_out_partials, objective.predictor, weight, needs_leverage=True
        )
        return [part]


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
    NotAvailable                   if the loss is no sum over rows
    """
    require_rows(expansion.objective, "leave-one-out")
    expansion.require_minimiser(LARGEST_GRADIENT, "leave-one-out")
    return leave_out(expansion, inverse)[1].outputs


def leave_one_out_partials(expansion: Expansion, inverse: HessianInverse) -> Partials:
    """The criterion at a minimiser with its partial derivatives; see the module's formulas."""
    expansion.require_minimiser(LARGEST_GRADIENT, "leave-one-out")
    objective = expansion.objective
    leverage, rows = leave_out(expansion, inverse)
    sandwich = inverse.sandwich(rows.by_leverage)
    by_outputs = rows.by_outputs
    if not objective.loss.curvature_is_constant:
        # Moves of l'' through the row itself, and through H, which holds it s_i times.
        through_hessian = objective.weight[:, None, None] * sandwich.leverage()
        third = expansion.rows.third(rows.by_curvature - through_hessian)
        if third is not None:
            by_outputs = by_outputs + third
    penalty = objective.penalty
    by_params = objective.predictor.vjp(expansion.params, by_outputs)
    if not objective.predictor.is_linear:
        # J moves in every leverage, and once more inside H.
        by_params = by_params + moving_jacobian(expansion, inverse, rows.by_leverage)
        by_params = by_params - moving_jacobian(expansion, sandwich, expansion.output_hessian)
    if not penalty.curvature_is_constant:
        by_params = by_params - penalty.hessian_params_vjp(
            expansion.params, expansion.hyper, sandwich
        )
    return Partials(
        value=float(rows.row_losses.sum()),
        by_params=by_params,
        by_hyper=-penalty.hessian_vjp(expansion.params, expansion.hyper, sandwich),
        row_losses=rows.row_losses,
        row_gradients=rows.gradient,
        stand_in=lambda: freeze_leave_one_out(expansion, inverse, sandwich, leverage, rows),
    )
