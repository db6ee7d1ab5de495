"""A Taylor test of any gradient: the remainder must shrink with the square of the step.

    r(h) = f(x + h d) - f(x) - h grad.d = O(h^2)  if and only if the gradient is right along d

The central difference (f(x + h d) - f(x - h d)) / 2h is fitted over several steps, so that neither
rounding (small h) nor curvature (large h) decides alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array

STEPS = 10.0 ** np.arange(-2.0, -8.0, -0.5)


@dataclass(frozen=True)
class GradientCheck:
    """Outcome of a gradient check.

    Attributes
    ----------
    relative_error : float
        Largest error over the directions, relative to the size of the derivative.
    worst_direction : array (p,)
        The direction in which it occurs.
    stated, numerical : float
        The directional derivative from the gradient given, and from differences.
    """

    relative_error: float
    worst_direction: Array
    stated: float
    numerical: float


def gradient_check(
    value: Callable[[Array], float],
    gradient: Array,
    at: Array,
    *,
    directions: Array | None = None,
    random_state: int = 0,
) -> GradientCheck:
    """Compare a gradient with central differences along directions.

    Parameters
    ----------
    value : callable
        Array (p,) to a float.
    gradient : array (p,)
        The gradient claimed at ``at``.
    at : array (p,)
        The point.
    directions : array (m, p), optional
        Default: every axis up to 20 parameters, else 20 random unit vectors.
    random_state : int
        Seed of the random directions.

    Returns
    -------
    GradientCheck
        With the error of the best step for each direction, the worst direction kept.
    """
    if directions is None:
        directions = _spread_directions(len(at), random_state)
    size = max(float(np.abs(gradient).max(initial=0.0)), np.finfo(float).tiny)
    unit = max(1.0, float(np.abs(at).max(initial=0.0)))
    worst = GradientCheck(-1.0, directions[0], 0.0, 0.0)
    for direction in directions:
        stated = float(gradient @ direction)
        slopes = np.array([_slope(value, at, direction, step * unit) for step in STEPS])
        numerical = float(slopes[np.argmin(np.abs(np.diff(slopes)))])
        error = abs(numerical - stated) / size
        if np.isnan(error):
            error = np.inf  # a gradient or a value that is no number has failed the test
        if error > worst.relative_error:
            worst = GradientCheck(error, direction, stated, numerical)
    return worst


def _slope(value: Callable[[Array], float], at: Array, direction: Array, step: float) -> float:
    return (value(at + step * direction) - value(at - step * direction)) / (2.0 * step)


def _spread_directions(n: int, random_state: int) -> Array:
    if n <= 20:
        return np.eye(n)
    drawn = np.random.default_rng(random_state).standard_normal((20, n))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
