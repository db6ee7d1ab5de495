"""A Taylor test of any gradient: the remainder must shrink with the square of the step.

    r(h) = f(x + h d) - f(x) - h grad.d = O(h^2)  if and only if the gradient is right along d

The central difference (f(x + h d) - f(x - h d)) / 2h is fitted over several steps, so that neither
rounding (small h) nor curvature (large h) decides alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter

STEPS = 10.0 ** np.arange(-2.0, -8.0, -0.5)
# A cheap check's: of two neighbours that agree best the difference says what rounding leaves.
FEW_STEPS = (1e-3, 1e-4, 1e-5, 1e-6)
# Errors below this share of the slope, or below so many times that difference, are no faults.
TOLERANCE, ROUNDINGS = 1e-6, 30.0
# Slopes ahead and behind that differ by this share of the slope, and no less for a shorter step.
KINK = 1e-3
# Entries that are looked at one by one, and those that are named.
LOOKED_AT, NAMED = 1_000, 3


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


def require_right_gradient(
    value: Callable[[Array], float], gradient: Callable[[Array], Array], at: Array
) -> None:
    """Raise ``InvalidParameter`` if a gradient is not that of a function, saying which entries.

    It is compared with differences along one random direction at ``at`` and at a point nearby: 20
    values and one gradient more. Where it differs, entry by entry.

    Parameters
    ----------
    value : callable
        Array (p,) to a float.
    gradient : callable
        Array (p,) to an array (p,).
    at : array (p,)
        Where both are finite.

    Raises
    ------
    InvalidParameter
        If they disagree by more than rounding, or the function has a kink at ``at``.
    """
    rng = np.random.default_rng(0)
    unit = max(1.0, float(np.abs(at).max(initial=0.0)))
    _require_no_kink(value, at, rng.standard_normal(len(at)), unit)
    for point in (at, at + 0.1 * unit * rng.standard_normal(len(at)) / np.sqrt(len(at))):
        with np.errstate(all="ignore"):  # the point nearby may lie outside the function's domain
            if not np.isfinite(value(point)):
                continue
            stated = gradient(point)
            if not np.isfinite(stated).all():
                continue
        direction = rng.standard_normal(len(at))
        numerical, noise = _best_slope(value, point, direction, unit)
        off = abs(numerical - float(stated @ direction))
        if off > max(TOLERANCE * float(np.abs(stated) @ np.abs(direction)), ROUNDINGS * noise):
            _refuse(value, stated, point, unit, off)


def has_kink_at(value: Callable[[Array], float], at: Array) -> bool:
    """Whether slopes ahead and behind differ at a point, or within 1e-5 of it: five values."""
    direction = np.random.default_rng(0).standard_normal(len(at))
    unit = max(1.0, float(np.abs(at).max(initial=0.0)))
    return _is_kink(_bends(value, at, direction, unit, value(at)))


def _best_slope(
    value: Callable[[Array], float], at: Array, direction: Array, unit: float
) -> tuple[float, float]:
    """The slope along a direction, and what rounding and curvature may leave of error."""
    with np.errstate(all="ignore"):
        slopes = np.array([_slope(value, at, direction, step * unit) for step in FEW_STEPS])
    slopes = slopes[np.isfinite(slopes)]
    if len(slopes) < 2:
        return 0.0, np.inf
    apart = np.abs(np.diff(slopes))
    best = int(np.argmin(apart))
    return float(slopes[best + 1]), float(apart[best])


def _require_no_kink(
    value: Callable[[Array], float], at: Array, direction: Array, unit: float
) -> None:
    """Refuse a point where slopes ahead and behind differ, however short the step."""
    here = value(at)
    bends = _bends(value, at, direction, unit, here)
    if not _is_kink(bends):
        return
    axes = np.eye(len(at))[:LOOKED_AT]
    entries = [j for j, axis in enumerate(axes) if _is_kink(_bends(value, at, axis, unit, here))]
    where = f"in parameter {', '.join(map(str, entries[:NAMED]))}" if entries else "between some"
    raise InvalidParameter(
        f"the function has a kink at the start, {where}: its slopes ahead and behind differ by "
        f"{bends[1]:.3g}, so it has no gradient there. Start elsewhere; for a sum of absolute "
        "values use an objective with `Lasso()`, whose solvers take the kink as it is."
    )


def _bends(
    value: Callable[[Array], float], at: Array, direction: Array, unit: float, here: float
) -> tuple[float, float, float]:
    """Slope ahead less slope behind, for a long step and for a short one, and the slope's size."""
    found, size = [], 0.0
    with np.errstate(all="ignore"):
        for step in (1e-3 * unit, 1e-5 * unit):
            ahead = (value(at + step * direction) - here) / step
            behind = (here - value(at - step * direction)) / step
            found.append(ahead - behind)
            size = max(abs(ahead), abs(behind))
    return found[0], found[1], size


def _is_kink(bends: tuple[float, float, float]) -> bool:
    long, short, size = bends
    return bool(abs(short) > max(KINK * size, 0.5 * abs(long)) and np.isfinite(size))


def _refuse(
    value: Callable[[Array], float], stated: Array, at: Array, unit: float, off: float
) -> NoReturn:
    looked = np.argsort(-np.abs(stated), kind="stable")[:LOOKED_AT]
    slopes = np.zeros(len(at))
    errors = np.zeros(len(at))
    for j in looked:
        axis = np.zeros(len(at))
        axis[j] = 1.0
        slopes[j], noise = _best_slope(value, at, axis, unit)
        errors[j] = max(abs(slopes[j] - stated[j]) - ROUNDINGS * noise, 0.0)
    errors[errors <= TOLERANCE * np.maximum(np.abs(stated), np.abs(slopes))] = 0.0
    wrong = np.argsort(-errors, kind="stable")[: np.count_nonzero(errors)]
    named = [f"entry {j} is {stated[j]:.6g}, by differences {slopes[j]:.6g}" for j in wrong[:NAMED]]
    if not named:
        named = [f"it is off by {off:.3g} along a random direction"]
    more = f", and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    raise InvalidParameter(
        f"`gradient` is not the gradient of the function: {'; '.join(named)}{more} "
        f"({len(wrong)} of {len(at)} entries are wrong).{_likely(stated, slopes, wrong)}"
    )


def _likely(stated: Array, slopes: Array, wrong: Array) -> str:
    """A factor that all wrong entries share says what was forgotten."""
    if not len(wrong) or not (slopes[wrong] != 0.0).all():
        return " Derive it again, or leave it out."
    ratio = stated[wrong] / slopes[wrong]
    if np.ptp(ratio) > 1e-3 * np.abs(ratio).max() or np.abs(ratio).max() == 0.0:
        return " Derive it again, or leave it out."
    factor = float(ratio[0])
    return f" The wrong ones are all {factor:.4g} times the right ones: look for that factor."


def _slope(value: Callable[[Array], float], at: Array, direction: Array, step: float) -> float:
    return (value(at + step * direction) - value(at - step * direction)) / (2.0 * step)


def _spread_directions(n: int, random_state: int) -> Array:
    if n <= 20:
        return np.eye(n)
    drawn = np.random.default_rng(random_state).standard_normal((20, n))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
