"""The scales of tuning: what a nat is, what a penalty is large against, and where to start.

Maths: docs/math/tuning.md
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array
from derivata.objective import Objective

# Where tuning starts: coefficients are shrunk by about 1 part in 50 for average columns.
START_BELOW = 4.0


def loss_unit(objective: Objective, criterion: float, judged_weight: float) -> float:
    """What one nat is in a criterion's units: twice a row's loss where the scale is free."""
    if not objective.loss.scale_is_free:
        return 1.0
    return max(2.0 * criterion / judged_weight, np.finfo(float).tiny)


def first_hyper(objective: Objective) -> Array:
    """Where tuning starts: every log penalty a little below the mean curvature, (n_hyper,)."""
    return np.full(objective.penalty.n_hyper, mean_curvature(objective) - START_BELOW)


def mean_curvature(objective: Objective) -> float:
    """log of the mean diagonal of J^T W J over penalised parameters, at the best constant fit."""
    diagonal = objective.null_diagonal
    no_pull = np.zeros(objective.penalty.n_hyper)
    penalised = (objective.penalty.hessian_diagonal(diagonal, no_pull) > 0) & (diagonal > 0)
    mean = float(diagonal[penalised].mean()) if penalised.any() else 1.0
    return float(np.log(max(mean, 1e-300)))
