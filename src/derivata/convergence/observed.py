"""The rate at which a run came nearer: the slope of log(F - F*) over its tail.

    rate = exp(slope / 2)

Half of the slope, because near a minimiser the gap is the square of the distance, which is what
rates are told of.

Maths: docs/math/convergence.md
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from derivata.contracts import Array

FEWEST = 4
# Gaps below this share of the size of F are its rounding.
ROUNDING = 1e-13


def gaps_above_rounding(values: Sequence[float], best: float) -> Array:
    """Values less the best one; NaN where the difference is no more than rounding.

    Parameters
    ----------
    values : sequence of float     F at each step
    best : float                   F*

    Returns
    -------
    gaps : array, as long as ``values``
    """
    gaps = np.asarray(values, float) - best
    size = max(abs(best), 1e-300)
    return np.where(gaps > ROUNDING * size, gaps, np.nan)


def observed_rate(values: Sequence[float], best: float) -> float | None:
    """What a step multiplied the distance to the minimiser by, over the last half of a run.

    Parameters
    ----------
    values : sequence of float     F before each step and at the end
    best : float                   F*

    Returns
    -------
    rate : float or None           above 1 if it went away; None if fewer than four gaps are above
                                   rounding
    """
    gaps = gaps_above_rounding(values, best)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(gaps)
    steps = np.flatnonzero(np.isfinite(logs))
    # Beyond the first gap that is rounding there is nothing but rounding.
    lost = np.flatnonzero(np.isnan(gaps))
    if len(lost):
        steps = steps[steps < lost[0]]
    if len(steps) < FEWEST:
        return None
    tail = steps[min(len(steps) // 2, len(steps) - FEWEST) :]
    slope = np.polyfit(tail - tail.mean(), logs[tail], 1)[0]
    return float(np.exp(0.5 * slope))


def lowest(values: Sequence[float]) -> float:
    """The least of the values that are numbers."""
    found = np.asarray(values, float)
    return float(found[np.isfinite(found)].min(initial=np.inf))
