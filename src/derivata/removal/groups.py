"""What a group of rows does to a fit: the parameters without all of them.

    dw = H^-1 J_G^T (I - D_G J_G H^-1 J_G^T)^-1 g_G

with the rows' Jacobians J_G one below the other and D_G block-diagonal: one Newton step of the fit
without them. Influences of rows do not add up: a group that agrees with itself pulls further than
its members alone. ``fit_without`` goes on from there by damped Newton steps to the fit itself.

Maths: docs/math/influence.md
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array, HessianInverse
from derivata.objective import Expansion
from derivata.removal.rows import (
    SMALLEST_RESIDUAL_SHARE,
    Influence,
    checked_rows,
    require_influence,
)
from derivata.solvers.newton import Newton
from derivata.solvers.result import FitResult


def group_influence(
    expansion: Expansion, rows: Array, inverse: HessianInverse | None = None
) -> Influence:
    """What removing some rows together does to the parameters, by one Newton step.

    Costs (m k)^3 for m rows: meant for groups smaller than the parameters. For larger ones the
    first Newton step of a fit without them is the same and cheaper.

    Parameters, errors
        As ``row_influence``.

    Returns
    -------
    Influence
        With one change.
    """
    inverse = require_influence(expansion, inverse)
    rows = checked_rows(expansion, rows)
    jacobian = expansion.objective.predictor.jacobian(expansion.params, rows)
    m, k, n_params = jacobian.shape
    flat = jacobian.reshape(m * k, n_params)
    solved = inverse.solve(np.asfortranarray(flat.T))
    leverage = flat @ solved
    weighted = (expansion.output_hessian[rows] @ leverage.reshape(m, k, m * k)).reshape(m * k, -1)
    # By least squares where the rows decide a part of the fit alone.
    matrix, right = np.eye(m * k) - weighted, expansion.output_gradient[rows].ravel()
    pull = np.linalg.lstsq(matrix, right, rcond=SMALLEST_RESIDUAL_SHARE)[0]
    return Influence((solved @ pull)[None], expansion)


def start_without(expansion: Expansion, rows: Array) -> Array:
    """Where a fit without some rows may start, (n_params,): one Newton step on, if that is cheap.

    Of a group with more outputs than there are parameters, Newton's own first step is the same.
    """
    n_outputs = len(rows) * expansion.objective.predictor.n_outputs
    if n_outputs >= expansion.n_moving:
        return expansion.params
    start = expansion.params + group_influence(expansion, rows).params_change[0]
    return start if np.isfinite(start).all() else expansion.params


def fit_without(expansion: Expansion, rows: Array, solver: Newton | None = None) -> FitResult:
    """The fit without some rows, by damped Newton steps from ``group_influence``'s.

    ``fit.expansion.params - expansion.params`` is their influence to the solver's tolerance, as
    long as no other minimum is nearer.
    """
    require_influence(expansion, None)
    rows = checked_rows(expansion, rows)
    gone = np.zeros(expansion.objective.predictor.n_rows, dtype=bool)
    gone[rows] = True
    kept, start = expansion.objective.without(gone), start_without(expansion, rows)
    return (solver or Newton()).minimize(kept, start, expansion.hyper)
