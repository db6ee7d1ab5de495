"""Which rows, left out, move the active set: the check behind leave-one-out where there are kinks.

One Newton step d_i on the active set A of the fit with all rows leads to where the losses without
row i have the gradient, to first order (exactly for squared loss),

    c_i = c + J^T W J d_i - J_i^T (g_i + W_i J_i d_i)

and the active set stays what it is if the shortest subgradient at w + d_i is zero: signs in A are
kept and c_ij is within its kink for every j outside. For squared loss the step is then the refit.

Maths: docs/math/certified_leave_one_out.md
"""

from __future__ import annotations

from typing import cast

import numpy as np

from derivata.contracts import Array
from derivata.curvature.active import ActiveExpansion, ActiveInverse
from derivata.curvature.inverse import invert
from derivata.predictors import LinearPredictor

# The shortest subgradient, relative, beyond which a row moves the active set.
MOVED = 1e-7
# Numbers (parameters times rows) held at a time.
BLOCK = 2**22


def rows_that_move(expansion: ActiveExpansion) -> Array:
    """Whether leaving out each row moves the active set, as far as one step tells: bool (n,).

    All are True where outputs are several a row: blocks then hold curved norms, and the step is not
    exact in any case. Cost: two products of all columns with the active ones, n p |A| each.
    """
    objective, inverse = expansion.objective, cast(ActiveInverse, invert(expansion))
    n_rows = objective.predictor.n_rows
    if objective.predictor.n_outputs > 1 or not isinstance(objective.predictor, LinearPredictor):
        return np.ones(n_rows, dtype=bool)
    design = objective.predictor.design
    removed = np.minimum(objective.weight, 1.0)
    active = design.dense(slice(None))[:, expansion.support]  # (n, |A|)
    W = expansion.output_hessian[:, 0]
    gram = design.rmatvec(W * active)  # (p, |A|)
    scale, penalty = objective.gradient_scale, expansion.penalty
    own_curvature = removed * expansion.rows.hessian[:, 0, 0]
    own_gradient = removed * expansion.rows.gradient[:, 0]
    moves = np.empty(n_rows, dtype=bool)
    height = max(BLOCK // objective.predictor.n_params, 16)
    for start in range(0, n_rows, height):
        rows = np.arange(start, min(start + height, n_rows))
        solved = inverse.inner.solve(np.asfortranarray(active[rows].T))  # (|A|, m)
        leverage = np.einsum("ma,am->m", active[rows], solved)
        share = 1.0 - own_curvature[rows] * leverage
        step = solved * (own_gradient[rows] / np.where(share > 0.0, share, 1.0))
        own = own_gradient[rows] + own_curvature[rows] * np.einsum("ma,am->m", active[rows], step)
        pulled = expansion.loss_gradient[:, None] + gram @ step - design.dense(rows).T * own
        params = np.repeat(expansion.params[:, None], len(rows), axis=1)
        params[expansion.support] += step
        for number, row in enumerate(rows):
            left = penalty.shortest(params[:, number], expansion.hyper, pulled[:, number])
            moves[row] = not np.abs(left / scale).max(initial=0.0) <= MOVED
    return moves
