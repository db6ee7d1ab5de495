"""Whether a row's removal moves which constraints hold with equality: the KKT conditions of a row.

With constraints A w >= 0, of which A_F hold with equality, the Newton step d_i without row i stays
on that face. It ends near a minimiser only if w + d_i satisfies the others and no multiplier is
negative,

    A_F^T mu = grad F + H d_i - J_i^T (g_i + D_i J_i d_i)        (to first order, by least squares)

Maths: docs/math/influence.md
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array
from derivata.curvature.face import FaceExpansion
from derivata.removal.rows import RowSteps, chunks

# Of a constraint's terms, or of a gradient's: what counts as rounding.
ROUNDING = 1e-9


def leaves_face(steps: RowSteps, constraints: Array) -> Array:
    """Whether each row's removal lets go of a constraint or meets one: bool (m,).

    Parameters
    ----------
    steps : RowSteps
    constraints : array (c, n_params) or (c, n_params / n_outputs)
        A, as a solver has it: of fewer columns it holds for each output.
    """
    expansion = steps.expansion
    n_params = len(expansion.params)
    rows = np.kron(np.eye(n_params // constraints.shape[1]), constraints)
    leaves = np.empty(len(steps.rows), dtype=bool)
    for part in chunks(len(steps.rows), n_params):
        change = steps.params_change(part)
        ends = expansion.params + change
        allowed = -ROUNDING * (np.abs(ends) @ np.abs(rows.T))
        leaves[part] = (ends @ rows.T < allowed).any(axis=1)
        if isinstance(expansion, FaceExpansion):
            leaves[part] |= _lets_go(expansion, steps, part, change)
    return leaves


def _lets_go(expansion: FaceExpansion, steps: RowSteps, part: slice, change: Array) -> Array:
    """Whether a multiplier would have to be negative: bool (m,)."""
    objective, rows = expansion.objective, steps.rows[part]
    own = expansion.output_gradient[rows]
    own = own + np.einsum("mab,mb->ma", expansion.output_hessian[rows], steps.own_change[part])
    jacobian = objective.predictor.jacobian(expansion.params, rows)
    penalty = objective.penalty.gradient(expansion.params, expansion.hyper)
    slopes = expansion.loss_gradient + penalty + change @ expansion.hessian
    slopes -= np.einsum("mkp,mk->mp", jacobian, own)
    multipliers = np.linalg.lstsq(expansion.pinned.T, slopes.T)[0]
    return (multipliers < -ROUNDING * np.abs(multipliers).max(initial=0.0)).any(axis=0)
