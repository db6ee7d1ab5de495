"""How many steps Newton's method will take: those it takes on the line to the minimiser.

    phi(t) = F(start + t (end - start)),    t <- t - s phi'(t) / phi''(t),    s = 1, 1/2, 1/4, ...

Newton's method does not depend on the scale of anything, so its steps are neither better nor worse
for a large kappa; what counts is how the curvature changes between the start and the minimiser, and
along the line between them that costs two products with the data a step. On a quadratic it is one
step. The path of the true method bends, so it may take a step or two more, and most where a penalty
hardly holds a classifier back.

Maths: docs/math/convergence.md
"""

from __future__ import annotations

from typing import Any

import numpy as np

from derivata.contracts import Array

MOST_STEPS = 100
SHORTEST = 1e-8
SUFFICIENT_DECREASE = 1e-4


def newton_iterations(
    start: Any, end: Any, tol: float, precision: float = np.inf, most: int = MOST_STEPS
) -> int | None:
    """Steps of damped Newton's method on the line from one expansion to the minimiser.

    Parameters
    ----------
    start, end : Expansion
    tol : float                    of the relative gradient
    precision : float              of the decrement, in posterior standard deviations
    most : int

    Returns
    -------
    n_steps : int or None          None if ``most`` were not enough
    """
    objective, hyper = start.objective, start.hyper
    along = end.params - start.params
    here, t = start, 0.0
    for count in range(most + 1):
        slope, bend = float(here.gradient @ along), float(along @ here.hvp(along))
        near = np.isinf(precision) or slope * slope <= precision**2 * here.nat * bend
        if here.relative_gradient <= tol and near:
            return count
        if not (np.isfinite(slope) and np.isfinite(bend) and bend > 0.0):
            return None
        step, following = _search(objective, hyper, start.params, along, here, t, -slope / bend)
        if following is None:
            # Rounding leaves nothing to gain: the minimiser, as near as the line comes to it.
            return count
        t, here = t + step, following
    return None


def _search(
    objective: Any, hyper: Array, start: Array, along: Array, here: Any, t: float, step: float
) -> tuple[float, Any]:
    """The first of the steps 1, 1/2, ... that lowers F enough, with the point it leads to."""
    slope = float(here.gradient @ along)
    share = 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        while share >= SHORTEST:
            trial = objective.at(start + (t + share * step) * along, hyper)
            enough = here.value + SUFFICIENT_DECREASE * share * step * slope
            if trial.value <= enough or trial.relative_gradient < 0.5 * here.relative_gradient:
                return share * step, trial
            share *= 0.5
    return 0.0, None
