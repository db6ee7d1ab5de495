"""Whether a model's predicted distributions fit the outcomes of rows that were judged.

Coverage of central intervals at three levels, where outcomes fall in their distributions (PIT), and
the CRPS beside that of one distribution for all rows, half the mean difference of two outcomes,

    CRPS of the outcomes' own distribution = E |Y - Y'| / 2

Distributions are the family's with the uncertainty of the output mixed in. Of a row left out, the
output's variance is that of the fit without it,

    v / (1 - s l'' v / phi)

Maths: docs/math/scoring.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.estimators.families import Family, HuberFamily, SquaredFamily
from derivata.estimators.outer_folds import mean_with_error
from derivata.scoring.coverage import Coverage, Pit, interval_coverage, pit
from derivata.scoring.crps import crps_normal, crps_quantiles, quantile_rule

LEVELS = (0.5, 0.8, 0.95)
# Standard errors that are taken for more than chance.
SURE = 2.0
# Quantiles of every row cost some hundred passes over its distribution.
MOST_ROWS = 1500
N_QUANTILES = 20
# A row that decides its own output by more than this has no variance without it to speak of.
LARGEST_LEVERAGE = 0.999


@dataclass(frozen=True, eq=False)
class PredictiveSpread:
    """Coverage, PIT and CRPS of predicted distributions.

    Attributes
    ----------
    coverages : tuple of Coverage  at levels .5, .8 and .95
    pit : Pit
    crps, crps_error : float       mean and standard error, in units of the target
    crps_of_constant : float       of one distribution for all rows; NaN where exposures differ
    n_rows : int                   judged for quantiles and coverage; the PIT has all rows
    """

    coverages: tuple[Coverage, ...]
    pit: Pit
    crps: float
    crps_error: float
    crps_of_constant: float
    n_rows: int

    def in_words(self) -> str:
        """What is wrong with the distributions, if anything surely is."""
        middle, far = self.coverages[0].z, self.coverages[-1].z
        if middle > SURE and far <= 0.0:
            return (
                "Outcomes lie more often near the middle of their predicted distributions than "
                "they should, and no less often far out: errors have heavier tails than the "
                "family has."
            )
        return self.pit.in_words()

    def __str__(self) -> str:
        return "\n".join(
            [
                f"CRPS {self.crps:.4g} +- {self.crps_error:.2g}; one distribution for all rows: "
                f"{self.crps_of_constant:.4g}",
                *map(str, self.coverages),
                self.in_words(),
            ]
        )


def predictive_spread(
    family: Family,
    y: Array,
    outputs: Array,
    output_variance: Array,
    dispersion: float,
    weight: Array,
    *,
    has_exposure: bool = False,
) -> PredictiveSpread:
    """Judge the distributions of a family at outputs.

    Parameters
    ----------
    family : Family
    y : array (n,)
    outputs : array (n, 1)         link scale, offsets included
    output_variance : array (n,)
    dispersion : float             of the noise
    weight : array (n,)
    has_exposure : bool            whether outcomes were gathered over different exposures

    Returns
    -------
    PredictiveSpread

    Raises
    ------
    NotAvailable                   of a family without a distribution: quantiles, classes
    """
    below, up_to = family.cumulative(y, outputs, output_variance, dispersion)
    # Rounding may put the one above the other.
    found = pit(np.clip(np.minimum(below, up_to), 0.0, 1.0), np.clip(up_to, 0.0, 1.0), weight)
    rows = np.arange(len(y))
    if len(y) > MOST_ROWS:
        rows = np.linspace(0, len(y) - 1, MOST_ROWS).round().astype(np.intp)
    own_y, own, spread = y[rows], outputs[rows], output_variance[rows]
    coverages = []
    for level in LEVELS:
        lower, upper = family.interval(own, spread, dispersion, level)
        probability = (
            family.cumulative(upper, own, spread, dispersion)[1]
            - family.cumulative(lower, own, spread, dispersion)[0]
        )
        coverages.append(interval_coverage(own_y, lower, upper, level, weight[rows], probability))
    scores = _crps(family, own_y, own, spread, dispersion)
    constant = float("nan") if has_exposure else half_mean_difference(y, weight)
    mean, error = mean_with_error(scores, weight[rows])
    return PredictiveSpread(tuple(coverages), found, mean, error, constant, len(rows))


def variance_without(
    family: Family,
    y: Array,
    outputs: Array,
    output_variance: Array,
    dispersion: float,
    weight: Array,
) -> Array:
    """Variance (n,) of the output of each row from a fit without it; one output a row.

    Parameters
    ----------
    family : Family
    y, outputs, output_variance, weight
        As fitted: (n,), (n, 1), (n,), (n,).
    dispersion : float             that the covariance was multiplied by
    """
    curvature = family.loss().at(y, outputs).hessian[:, 0, 0]
    leverage = np.minimum(weight, 1.0) * curvature * output_variance / dispersion
    return output_variance / (1.0 - np.clip(leverage, 0.0, LARGEST_LEVERAGE))


def half_mean_difference(y: Array, weight: Array) -> float:
    """E |Y - Y'| / 2 of two independent draws from weighted rows: their CRPS of each other."""
    order = np.argsort(y, kind="stable")
    y, share = y[order], weight[order] / weight.sum()
    middle = np.cumsum(share) - 0.5 * share
    return float(share @ (y * (2.0 * middle - 1.0)))


def _crps(family: Family, y: Array, outputs: Array, variance: Array, dispersion: float) -> Array:
    if isinstance(family, SquaredFamily | HuberFamily):
        noise = dispersion if isinstance(family, SquaredFamily) else family.scale**2
        return crps_normal(y, outputs[:, 0], np.sqrt(variance + noise))
    levels, weights = quantile_rule(N_QUANTILES)
    half = N_QUANTILES // 2
    bounds = [
        family.interval(outputs, variance, dispersion, float(1.0 - 2.0 * level))
        for level in levels[:half]
    ]
    lower = np.column_stack([low for low, _ in bounds])
    upper = np.column_stack([high for _, high in bounds])[:, ::-1]
    return crps_quantiles(y, np.hstack([lower, upper]), levels, weights)
