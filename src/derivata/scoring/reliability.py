"""What was observed where so much was predicted: the curve, and what a score is made of.

The curve is the isotonic regression of outcomes on predictions (pooled adjacent violators): of all
curves that never fall the nearest to the outcomes. It needs no bins, and it is the same for
every proper score. With it any mean score of the predictions is

    score = miscalibration - discrimination + uncertainty
    miscalibration = score - score of the recalibrated predictions
    discrimination = score of the one best constant - score of the recalibrated ones
    uncertainty    = score of that constant

each of them at least zero. The recalibration is fitted to the same rows, so that miscalibration is
above zero by chance alone, by about (number of steps) / n; ``consistency_band`` says how far the
curve of perfectly calibrated predictions strays, and ``calibration_error`` has no such bias.

For probabilities the score is Brier's, (p - y)^2, or the log-loss; for means it is the square.

Source: Dimitriadis, Gneiting & Jordan (2021), Proc. Natl. Acad. Sci. 118, e2016191118,
doi:10.1073/pnas.2016191118.
Maths: docs/math/scoring.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from derivata.contracts import Array
from derivata.scoring.checked import checked_probabilities, checked_rows

Score = Callable[[Array, Array], Array]
BAND_LEVEL, BAND_SAMPLES = 0.9, 200


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """Steps of the isotonic regression of outcomes on predictions.

    Attributes
    ----------
    predicted : array (m,)         mean prediction of each step, ascending
    observed : array (m,)          mean outcome, ascending
    weight : array (m,)            summed weight of its rows
    low, high : array (m,)         the smallest and largest prediction of each step
    """

    predicted: Array
    observed: Array
    weight: Array
    low: Array
    high: Array

    @property
    def n_steps(self) -> int:
        """How many steps there are."""
        return len(self.observed)

    def recalibrated(self, predicted: Array) -> Array:
        """What was observed at predictions (n,): straight lines between steps, flat beyond."""
        x = np.column_stack([self.low, self.high]).ravel()
        return np.interp(predicted, x, np.repeat(self.observed, 2))


@dataclass(frozen=True)
class Decomposition:
    """A mean score in three parts: score = miscalibration - discrimination + uncertainty.

    Attributes
    ----------
    name : str                     of the score
    score : float                  smaller is better
    miscalibration : float         what recalibrating would gain; 0: reliable
    discrimination : float         what telling rows apart gains; 0: none
    uncertainty : float            of the outcomes themselves
    """

    name: str
    score: float
    miscalibration: float
    discrimination: float
    uncertainty: float

    @property
    def explained(self) -> float:
        """1 - score / uncertainty: the share of it that predictions remove."""
        return 1.0 - self.score / self.uncertainty if self.uncertainty > 0 else float("nan")

    def __str__(self) -> str:
        return (
            f"{self.name} {self.score:.4g} = {self.miscalibration:.3g} miscalibration "
            f"- {self.discrimination:.3g} discrimination + {self.uncertainty:.4g} uncertainty"
        )


def reliability_curve(y: Array, predicted: Array, weight: Array | None = None) -> ReliabilityCurve:
    """The isotonic regression of outcomes on predictions; equal predictions are one step.

    Parameters
    ----------
    y : array (n,)                 outcomes: 0 or 1, or numbers
    predicted : array (n,)         their probabilities, or their means
    weight : array (n,), optional

    Returns
    -------
    ReliabilityCurve               O(n log n)
    """
    y, predicted, weight = checked_rows(y, predicted, weight)
    values, place = np.unique(predicted, return_inverse=True)
    total = np.bincount(place, weight)
    fitted = _isotonic(np.bincount(place, weight * y) / total, total)
    starts = np.flatnonzero(np.diff(fitted, prepend=-np.inf) > 0)
    ends = np.append(starts[1:], len(values)) - 1
    summed = np.add.reduceat(total, starts)
    middle = np.add.reduceat(total * values, starts) / summed
    # A mean of equal numbers may leave their range by rounding.
    middle = np.clip(middle, values[starts], values[ends])
    return ReliabilityCurve(middle, fitted[starts], summed, values[starts], values[ends])


def consistency_band(
    predicted: Array,
    weight: Array | None = None,
    *,
    level: float = BAND_LEVEL,
    at: Array | None = None,
    random_state: int = 0,
    n_samples: int = BAND_SAMPLES,
) -> tuple[Array, Array, Array]:
    """Between which values the curve of these probabilities would lie if they were right.

    Outcomes are drawn from the probabilities and the curve fitted again, many times; the band is
    that of each point by itself.

    Parameters
    ----------
    predicted : array (n,)         probabilities
    weight : array (n,), optional
    level : float                  share of curves within, point by point
    at : array (m,), optional      predictions at which to read it; default: 101 of their quantiles
    random_state : int
    n_samples : int

    Returns
    -------
    at, low, high : array (m,)
    """
    _, predicted, weight = checked_probabilities(np.zeros(len(predicted)), predicted, weight)
    if at is None:
        at = np.unique(np.quantile(predicted, np.linspace(0.0, 1.0, 101)))
    values, place = np.unique(predicted, return_inverse=True)
    total = np.bincount(place, weight)
    rng = np.random.default_rng(random_state)
    curves = np.empty((n_samples, len(at)))
    for curve in curves:
        hit = rng.random(len(predicted)) < predicted
        fitted = _isotonic(np.bincount(place, weight * hit) / total, total)
        curve[:] = np.interp(at, values, fitted)
    low, high = np.quantile(curves, [0.5 - 0.5 * level, 0.5 + 0.5 * level], axis=0)
    return at, low, high


def decomposition(
    y: Array, predicted: Array, weight: Array | None = None, *, score: Score, name: str
) -> Decomposition:
    """A mean score in its three parts; see the module's formulas.

    Parameters
    ----------
    y, predicted : array (n,)
    weight : array (n,), optional
    score : callable               (outcomes, predictions) to losses (n,): `brier`, `log_loss` or
                                   `squared`; any that is proper for the mean
    name : str                     how to call it

    Returns
    -------
    Decomposition
    """
    y, predicted, weight = checked_rows(y, predicted, weight)
    values, place = np.unique(predicted, return_inverse=True)
    total = np.bincount(place, weight)
    fitted = _isotonic(np.bincount(place, weight * y) / total, total)[place]
    constant = np.full(len(y), float(weight @ y) / float(weight.sum()))
    mean, best, one = (
        float(weight @ score(y, p)) / float(weight.sum()) for p in (predicted, fitted, constant)
    )
    return Decomposition(name, mean, mean - best, one - best, one)


def brier(hit: Array, probability: Array) -> Array:
    """(p - y)^2 of outcomes 0 or 1."""
    return (probability - hit) ** 2


def squared(y: Array, mean: Array) -> Array:
    """(mean - y)^2."""
    return (mean - y) ** 2


def log_loss(hit: Array, probability: Array) -> Array:
    """-log of the probability given to what happened; at most that of the smallest double."""
    own = np.where(hit == 1.0, probability, 1.0 - probability)
    return -np.log(np.maximum(own, np.finfo(float).tiny))


def _isotonic(y: Array, weight: Array) -> Array:
    return isotonic_regression(y, weights=weight).x
