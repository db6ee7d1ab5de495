"""Fits of one model from the strongest penalty that does anything down to a weak one.

    alpha1 = alpha_max e^t,  t = 0, -.4, -.8, ...      alpha_max = max_b |g_b| / weight_b

with g the gradient of the losses where every penalised parameter is zero: from alpha_max on nothing
is left of the model, and no criterion has a slope there. Each fit starts from the one before, which
takes two or three steps, and is judged by leave-one-out on its active set: a guide to where a
search should start. The path ends where leave-one-out has been rising, or where the rows are
fitted with near certainty.

For an elastic net with two strengths, alpha2 = e^t times the mean curvature of a parameter.

Source: Friedman, Hastie & Tibshirani (2010), J. Statist. Softw. 33(1), section 2.5 (paths).

Maths: docs/math/sparse_penalties.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np

from derivata.contracts import Array, SparsePenalty
from derivata.criteria.left_out import leave_out
from derivata.curvature import invert
from derivata.curvature.active import ActiveExpansion, ActiveInverse
from derivata.objective import Objective
from derivata.solvers.proximal import ProximalNewton
from derivata.tuning.problem import SATURATED
from derivata.tuning.scale import loss_unit

STEP, LOWEST = 0.6, -9.2
# The path ends after so many points above the best one, the last of them by a nat; or if so many
# are equal to a tenth of one. A point is as good as the best if it is so to this many nats.
RISING, FLAT, AS_GOOD = 2, 3, 1.0
# Rows fitted to this share of the losses of a constant, or active parameters as many as this share
# of the rows, leave nothing to judge.
FITTED, FULL = 1e-3, 0.9
# Fits on the way to given strengths: how rough, and how far apart in the logs.
ROUGH, STRIDE = 1e-2, 1.0
# log of a strength that holds everything at zero, in units of any target.
INFINITE = 500.0


@dataclass(frozen=True, eq=False)
class PathPoint:
    """A fit of the path.

    Attributes
    ----------
    hyper : array (n_hyper,)
    expansion : ActiveExpansion
    criterion : float
        Summed leave-one-out losses.
    n_steps : int
        Steps that the fit took.
    """

    hyper: Array
    expansion: ActiveExpansion
    criterion: float
    n_steps: int


def first_point(objective: Objective, solver: ProximalNewton) -> PathPoint:
    """The weakest log strengths at which every penalised parameter is zero, and the fit there."""
    penalty = cast(SparsePenalty, objective.penalty)
    zeros = np.zeros(objective.predictor.n_params)
    fit = solver.minimize(objective, zeros, np.full(penalty.n_hyper, INFINITE))
    expansion = fit.expansion
    penalised = penalty.param_weights > 0.0
    pull = penalty.norms(expansion.loss_gradient)[penalised] / penalty.param_weights[penalised]
    strongest = float(pull.max(initial=0.0)) or 1.0
    curvature = float(objective.null_diagonal[penalised].mean()) if penalised.any() else 1.0
    # alpha1 = share of e^hyper, which is one but where an elastic net has a ratio.
    share = penalty.strengths(np.zeros(penalty.n_hyper))[0]
    hyper = np.log([strongest / share, max(curvature, 1e-300)][: penalty.n_hyper])
    point = ActiveExpansion(objective, expansion.params, hyper)
    return PathPoint(hyper, point, _leave_one_out(point), fit.n_iter)


def walk(
    objective: Objective,
    solver: ProximalNewton,
    first: PathPoint,
    on_point: Callable[[PathPoint], None] | None = None,
) -> list[PathPoint]:
    """The path from ``first``, at which everything is zero, to ever weaker penalties."""
    top, points = first.hyper, [first]
    unit = loss_unit(objective, first.criterion, float(objective.weight.sum()))
    params = first.expansion.params
    for t in np.arange(-STEP, LOWEST - STEP, -STEP):
        fit = solver.minimize(objective, params, top + t)
        expansion = cast(ActiveExpansion, fit.expansion)
        if _is_saturated(expansion, first.expansion):
            break
        params = expansion.params
        points.append(PathPoint(top + t, expansion, _leave_one_out(expansion), fit.n_iter))
        if on_point is not None:
            on_point(points[-1])
        if _has_ended([point.criterion for point in points], unit):
            break
    return points


def best_point(points: list[PathPoint]) -> PathPoint:
    """The strongest point as good as the best, among those at which something may be left.

    Leave-one-out jumps where a column enters, and is flat where strengths are weak; less than a nat
    is no reason for a weaker one.
    """
    among = points[1:] or points
    lowest = min(among, key=lambda point: point.criterion)
    objective = lowest.expansion.objective
    nat = loss_unit(objective, lowest.criterion, float(objective.weight.sum()))
    return next(point for point in among if point.criterion <= lowest.criterion + AS_GOOD * nat)


def approach(objective: Objective, hyper: Array) -> Array:
    """Params near the minimiser at given log strengths, (n_params,), by a few rough fits."""
    solver = ProximalNewton(ROUGH)
    first = first_point(objective, solver)
    params = first.expansion.params
    below = float(np.clip(first.hyper[0] - hyper[0], 0.0, -LOWEST))
    for t in np.linspace(0.0, below, int(np.ceil(below / STRIDE)) + 1)[1:-1]:
        strengths = np.array([first.hyper[0] - t, *hyper[1:]])
        params = solver.minimize(objective, params, strengths).expansion.params
    return params


def _leave_one_out(expansion: ActiveExpansion) -> float:
    return float(leave_out(expansion, invert(expansion))[1].row_losses.sum())


def _is_saturated(expansion: ActiveExpansion, null: ActiveExpansion) -> bool:
    objective = expansion.objective
    # A row of weight 2 is two, as in leave-one-out; one of weight 1/2 is one.
    weight = objective.weight[objective.weight > 0.0]
    n_numbers = float(np.maximum(weight, 1.0).sum()) * objective.predictor.n_outputs
    left = expansion.deviance <= FITTED * null.deviance
    certain = not objective.loss.scale_is_free and expansion.curvature_left < SATURATED
    inverse = cast(ActiveInverse, invert(expansion))
    return left or certain or inverse.effective_params > FULL * n_numbers


def _has_ended(values: list[float], unit: float) -> bool:
    best = int(np.argmin(values))
    risen = len(values) - 1 - best >= RISING and values[-1] > values[best] + unit
    return risen or (len(values) > FLAT and float(np.ptp(values[-FLAT:])) < 0.1 * unit)
