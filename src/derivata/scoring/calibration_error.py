"""How far probabilities are from the shares that come true, with an error bar.

    error^2 = E [(E(y | p) - p)^2]

The usual "expected calibration error" averages |mean outcome - mean prediction| over bins: chance
alone makes each of them positive, so that perfectly calibrated predictions get an error of about
sqrt(bins / n) and finer bins a larger one. Here each bin's square is estimated without that bias,
from products of residuals r = y - p of *different* rows:

    U_b = sum_{i != j} s_i s_j r_i r_j / sum_{i != j} s_i s_j,      error^2 = sum_b (s_b / s) U_b

whose mean is exactly the square of the bin's mean residual. It may come out below zero, as it must
to be right on average. Its variance, with v = Var r and m = E r of a bin of n rows, is

    Var U = 4 m^2 v / n + 2 v^2 / (n (n - 1)),      m^2 estimated by U, at least 0

to which the variance of U over bins, less what is noise of it, is added over n: rows are a sample,
and where predictions are off there may be more of them or fewer.

What bins average away is the variance of E(y | p) - p within them: little when each holds a
neighbourhood of p. They hold equal weights, n^(1/3) of them, up to 15, ties in one.

For means instead of probabilities the same holds with numbers for outcomes.

Source of debiasing bins: Kumar, Liang & Ma (2019), Verified uncertainty calibration, NeurIPS 32.
Maths: docs/math/scoring.md
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from derivata.contracts import Array
from derivata.errors import InvalidParameter, NotAvailable
from derivata.scoring.checked import checked_rows, effective_rows

MOST_BINS = 15
# A bin with fewer rows has too few pairs to tell its variance from.
FEWEST_IN_A_BIN = 5


@dataclass(frozen=True, eq=False)
class CalibrationError:
    """The squared calibration error, unbiased, with its standard error.

    Attributes
    ----------
    squared : float
        May be below zero by chance.
    standard_error : float
        Of ``squared``.
    null_error : float
        Its standard error if predictions were perfectly calibrated: what ``z`` divides by.
    bin_predicted, bin_observed, bin_weight : array (n_bins,)
        Means and summed weights of the bins.
    """

    squared: float
    standard_error: float
    null_error: float
    bin_predicted: Array
    bin_observed: Array
    bin_weight: Array

    @property
    def root(self) -> float:
        """The error in units of the outcome: a probability's is in 0 ... 1; 0 below zero."""
        return math.sqrt(max(self.squared, 0.0))

    @property
    def z(self) -> float:
        """How many standard errors from perfect calibration: above 2 is no chance."""
        return self.squared / self.null_error if self.null_error > 0 else 0.0

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Bounds of the root: roots of the bounds of the square, cut off at zero.

        Those of level .95 hold .93 to .99 of the time, in simulations with 200 rows and more.
        """
        if not 0.0 < level < 1.0:
            raise InvalidParameter(f"`level` is {level!r}; expected a probability, such as 0.95.")
        reach = float(ndtri(0.5 + 0.5 * level)) * self.standard_error
        low, high = (max(end, 0.0) for end in (self.squared - reach, self.squared + reach))
        return math.sqrt(low), math.sqrt(high)

    def __str__(self) -> str:
        low, high = self.interval()
        return f"calibration error {self.root:.3g} (95 %: {low:.3g} to {high:.3g})"


def calibration_error(
    y: Array, predicted: Array, weight: Array | None = None, n_bins: int | None = None
) -> CalibrationError:
    """The debiased calibration error of probabilities, or of means.

    Parameters
    ----------
    y : array (n,)                 outcomes: 0 or 1, or numbers
    predicted : array (n,)
    weight : array (n,), optional
    n_bins : int, optional         default n^(1/3), from 2 to 15

    Returns
    -------
    CalibrationError

    Raises
    ------
    NotAvailable                   fewer than 5 rows
    """
    y, predicted, weight = checked_rows(y, predicted, weight)
    if len(y) < FEWEST_IN_A_BIN:
        raise NotAvailable(
            f"{len(y)} rows are too few for a calibration error; it needs {FEWEST_IN_A_BIN}."
        )
    if n_bins is None:
        n_bins = int(np.clip(round(len(y) ** (1.0 / 3.0)), 2, MOST_BINS))
    elif n_bins < 1:
        raise InvalidParameter(f"`n_bins` is {n_bins!r}; expected at least 1.")
    bins = equal_bins(predicted, weight, n_bins)
    residual = y - predicted
    total = float(weight.sum())
    value, own, chance = np.array([_pairs(weight[rows], residual[rows]) for rows in bins]).T
    sums = np.array([weight[rows].sum() for rows in bins])
    share = sums / total
    square = float(share @ value)
    # How many rows fall where predictions are off varies too; bins' own noise is not part of it.
    between = float(share @ ((value - square) ** 2 - own)) / effective_rows(weight)
    variance = float(share**2 @ own) + max(between, 0.0)
    null = float(share**2 @ chance)
    at, observed = (
        np.array([np.average(values[rows], weights=weight[rows]) for rows in bins])
        for values in (predicted, y)
    )
    return CalibrationError(square, variance**0.5, null**0.5, at, observed, sums)


def usual_calibration_error(
    y: Array, predicted: Array, weight: Array | None = None, n_bins: int = MOST_BINS
) -> float:
    """sum_b s_b / s |mean outcome - mean prediction| over equally wide bins, as others print it.

    Kept to be compared with: it is biased upwards, by about sqrt(2 / pi) sqrt(bins v / n).
    """
    y, predicted, weight = checked_rows(y, predicted, weight)
    place = np.minimum((n_bins * predicted).astype(int), n_bins - 1)
    return float(np.abs(np.bincount(place, weight * (y - predicted))).sum() / weight.sum())


def equal_bins(predicted: Array, weight: Array, n_bins: int) -> list[Array]:
    """Rows in order of their prediction, cut into bins of nearly equal weight; ties stay together.

    A bin of fewer than 5 rows joins the one before it.
    """
    order = np.argsort(predicted, kind="stable")
    values = predicted[order]
    reached = np.cumsum(weight[order])
    cuts = np.searchsorted(reached, reached[-1] * np.arange(1, n_bins) / n_bins)
    cuts = np.unique(np.searchsorted(values, values[cuts], side="left"))
    kept = [0]
    for cut in cuts:
        if cut - kept[-1] >= FEWEST_IN_A_BIN and len(values) - cut >= FEWEST_IN_A_BIN:
            kept.append(int(cut))
    return np.split(order, kept[1:])


def _pairs(weight: Array, residual: Array) -> tuple[float, float, float]:
    """U of a bin, its variance, and its variance if the mean residual were zero."""
    total, squares = float(weight.sum()), float(weight @ weight)
    pairs = total**2 - squares
    if pairs <= 1e-12 * total**2:  # one row holds all the weight
        return 0.0, 0.0, 0.0
    value = (float(weight @ residual) ** 2 - float(weight**2 @ residual**2)) / pairs
    n = max(effective_rows(weight), 2.0)
    mean = float(weight @ residual) / total
    spread = float(weight @ (residual - mean) ** 2) / total * n / (n - 1.0)
    chance = 2.0 * spread**2 / (n * (n - 1.0))
    return value, 4.0 * max(value, 0.0) * spread / n + chance, chance
