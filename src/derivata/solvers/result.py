"""The one outer loop of every full-batch solver, and what it returns.

A solver is a direction; the loop around it is the same: stop if the gradient is small, step along
the direction, shorten the step until F decreases enough (Armijo), repeat. Source of the step rule:
Nocedal & Wright (2006), Numerical Optimization, 2nd ed., section 3.1.

Maths: docs/math/solvers.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.objective import Expansion

# Armijo's constant: a step must realise this share of the decrease its slope promises.
SUFFICIENT_DECREASE = 1e-4
SHORTEST_STEP = 1e-10
# Above this relative gradient, where a direction leaves more than this share of it, the steepest
# one is tried too: far from a minimum F may be almost straight (Huber's tails, probabilities that
# round to 0 or 1), and then H says nothing about how far to go.
FAR, LEAST_FALL = 0.1, 0.9


@dataclass(frozen=True)
class FitResult:
    """Where a solver stopped, and why.

    Attributes
    ----------
    expansion : Expansion
        At the last point: parameters, value, gradient, Hessian.
    converged : bool
        Whether the relative gradient met the tolerance.
    n_iter : int
        Steps taken.
    reason : str
        One sentence.
    values : tuple of float
        F before each step and at the end.
    gradients : tuple of float
        The relative gradient likewise.
    n_gradients : int
        Gradients of F that were taken, those of points refused included; 0 if they were not
        counted. A pass over all mini-batches counts as one.
    interrupted, diverged : bool
        Whether Ctrl-C, or a value beyond all bounds, ended the run: then the expansion is that of
        the lowest F on the way.
    solver : Solver or None
        What ran at the end, with its step and its other settings filled in, where they followed
        from the curvature.
    """

    expansion: Expansion
    converged: bool
    n_iter: int
    reason: str
    values: tuple[float, ...] = field(repr=False, default=())
    gradients: tuple[float, ...] = field(repr=False, default=())
    n_gradients: int = field(default=0, kw_only=True)
    interrupted: bool = field(default=False, kw_only=True)
    diverged: bool = field(default=False, kw_only=True)
    solver: Any = field(default=None, kw_only=True, repr=False)


def descend(
    start: Expansion,
    direction: Callable[[Expansion], Array],
    tol: float,
    max_iter: int,
    precision: float = np.inf,
) -> FitResult:
    """Follow ``direction`` with Armijo steps until the gradient is small.

    Small means a relative gradient of at most ``tol``, and, for a Newton direction, a decrement
    (g^T H^-1 g)^(1/2) of at most ``precision``: the distance to the minimiser in posterior standard
    deviations, which also sees a column that hardly any row has.

    Rounding ends a descent that cannot go lower: if no step decreases F, or F has stopped moving
    to the last digit, the result counts as converged when the gradient is within 1e4 rounding
    units of zero, and says so.

    Returns
    -------
    FitResult
    """
    expansion = start
    values, gradients = [expansion.value], [expansion.relative_gradient]
    n_iter = 0
    while n_iter < max_iter:
        small = expansion.relative_gradient <= tol
        if small and np.isinf(precision):
            break
        step = direction(expansion)
        if small and -float(expansion.gradient @ step) <= precision**2 * expansion.nat:
            break
        following = armijo(expansion, step)
        if expansion.relative_gradient > FAR and _is_stuck(expansion, following):
            following = _lower(following, armijo(expansion, _steepest(expansion)))
        if following is None:
            break
        expansion = following
        n_iter += 1
        values.append(expansion.value)
        gradients.append(expansion.relative_gradient)
    converged = expansion.relative_gradient <= tol
    if converged:
        reason = f"relative gradient {expansion.relative_gradient:.1e} is at most tol {tol:.0e}"
    elif n_iter >= max_iter:
        reason = (
            f"max_iter = {max_iter} reached with a relative gradient of "
            f"{expansion.relative_gradient:.1e} (tol {tol:.0e})"
        )
    else:
        rounding = 1e4 * np.finfo(float).eps
        converged = expansion.relative_gradient <= max(rounding, 100 * tol)
        reason = (
            f"no step lowers the objective further; relative gradient "
            f"{expansion.relative_gradient:.1e} (tol {tol:.0e})"
        )
    return FitResult(expansion, converged, n_iter, reason, tuple(values), tuple(gradients))


def armijo(expansion: Expansion, direction: Array) -> Expansion | None:
    """The expansion at the first of the steps 1, 1/2, 1/4 ... that decreases F enough, or None."""
    # A trial beyond float64 has the value inf or NaN and is refused; that is no news to a user.
    with np.errstate(over="ignore", invalid="ignore"):
        return _search(expansion, direction)


def _search(expansion: Expansion, direction: Array) -> Expansion | None:
    slope = float(expansion.gradient @ direction)
    if not slope < 0.0:
        return None
    # Near the minimum F changes by less than its rounding; there a step that lowers the gradient
    # is accepted instead.
    rounding = rounding_of(expansion)
    step = 1.0
    while step >= SHORTEST_STEP:
        trial = expansion.objective.at(expansion.params + step * direction, expansion.hyper)
        enough = expansion.value + SUFFICIENT_DECREASE * step * slope
        if trial.value <= enough:
            return trial
        if trial.value <= expansion.value + rounding:
            if trial.relative_gradient < 0.5 * expansion.relative_gradient:
                return trial
            if -slope * step < rounding:
                return None
        step *= 0.5
    return None


def rounding_of(expansion: Expansion) -> float:
    """What F may be off by, as a sum of rounded losses of both signs."""
    losses = float(expansion.objective.weight @ np.abs(expansion.rows.value))
    return 1e-15 * (losses + expansion.penalty_value + 1.0)


def _is_stuck(expansion: Expansion, following: Expansion | None) -> bool:
    if following is None:
        return True
    return following.relative_gradient > LEAST_FALL * expansion.relative_gradient


def _lower(one: Expansion | None, other: Expansion | None) -> Expansion | None:
    if one is None or other is None:
        return one or other
    return one if one.value <= other.value else other


def _steepest(expansion: Expansion) -> Array:
    """Down the gradient, each parameter in its own scale, to where a straight F would reach 0."""
    objective = expansion.objective
    size = objective.predictor.column_squares(objective.weight) + expansion.penalty_diagonal
    largest = float(np.abs(expansion.gradient).max())
    unit = expansion.gradient / largest
    downhill = unit / np.maximum(size, np.finfo(float).tiny)
    return -(abs(expansion.value) / largest) / float(unit @ downhill) * downhill
