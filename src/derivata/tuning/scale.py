"""The scales of tuning: what a nat is, what a penalty is large against, and where to start.

Maths: docs/math/tuning.md
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array
from derivata.objective import Objective

# Where tuning starts: coefficients are shrunk by about 1 part in 50 for average columns.
START_BELOW = 4.0
# A criterion of other rows may seem to leave less than this share of what a constant leaves.
LEAST_UNIT = 0.01


def loss_unit(objective: Objective, criterion: float, judged_weight: float) -> float:
    """What one nat is in a criterion's units: a row's deviance where the scale is free.

    ``criterion`` sums the losses of rows of weight ``judged_weight``. The smallest they could be is
    taken to be, a row, that of the objective's own rows. Where those are others and the smallest
    depends on the targets, the difference may be too small; it counts as at least a hundredth of
    what the best constant leaves.
    """
    if not objective.loss.scale_is_free:
        return 1.0
    weight = float(objective.weight.sum())
    unit = 2.0 * (criterion / judged_weight - objective.saturated / weight)
    least = np.finfo(float).tiny
    if objective.saturated != 0.0:
        null = float(objective.weight @ objective.null_rows.value)
        least = max(LEAST_UNIT * 2.0 * (null - objective.saturated) / weight, least)
    return max(unit, least)


def first_hyper(objective: Objective) -> Array:
    """Where tuning starts: every log penalty a little below the mean curvature, (n_hyper,)."""
    return np.full(objective.penalty.n_hyper, mean_curvature(objective) - START_BELOW)


def mean_curvature(objective: Objective) -> float:
    """log of the mean diagonal of J^T W J over penalised parameters, at the best constant fit.

    Where the strength is no precision but a force, as of a lasso, smoothed or not: of the root mean
    square gradient there.
    """
    penalty = objective.penalty
    if not penalty.curvature_is_constant or hasattr(penalty, "prox"):
        return mean_pull(objective)
    diagonal = objective.null_diagonal
    if not diagonal.any():  # every row in Huber's straight tails: no curvature there to start from
        diagonal = objective.column_squares
    no_pull = np.zeros(objective.penalty.n_hyper)
    penalised = (objective.penalty.hessian_diagonal(diagonal, no_pull) > 0) & (diagonal > 0)
    mean = float(diagonal[penalised].mean()) if penalised.any() else 1.0
    return float(np.log(max(mean, 1e-300)))


def mean_pull(objective: Objective) -> float:
    """log of the root mean square gradient over penalised parameters, at the best constant fit."""
    params = objective.predictor.reference
    null = objective.weight[:, None] * objective.null_rows.gradient
    gradient = objective.predictor.vjp(params, null)
    no_pull = np.zeros(objective.penalty.n_hyper)
    penalised = objective.penalty.hessian_diagonal(np.zeros(len(params)), no_pull) > 0.0
    square = float(np.mean(gradient[penalised if penalised.any() else slice(None)] ** 2))
    return 0.5 * float(np.log(max(square, 1e-300)))
