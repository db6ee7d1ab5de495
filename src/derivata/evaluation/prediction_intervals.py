"""Intervals of predictions, from how the outputs vary: of expected targets, and of new ones.

    output z +- q (J V J^T)^(1/2), through the inverse link;    a new observation adds its noise

Probabilities of classes are bounded by their log-odds (``families.classes``). Where no family says
how outputs become a mean, its variance is by the delta method.

Maths: docs/math/standard_errors.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from derivata.adapters.responses import Response
from derivata.contracts import Array
from derivata.estimators.families import Family, QuantileFamily, SquaredFamily

# Rows that are printed.
SHOWN = 12
# Of outputs, as a share of the largest: for differences of means.
STEP = 1e-6


@dataclass(frozen=True, eq=False)
class PredictionIntervals:
    """Predictions with two intervals; ``print`` it for the first rows.

    Attributes
    ----------
    mean : array (n,) or (n, n_classes)
    mean_lower, mean_upper : array     of the expected target, or the probability; of two classes
        that of the second, (n,)
    lower, upper : array (n,) or None  of a new observation; None of classes, and where the noise
        has no known distribution
    level : float
    """

    mean: Array
    mean_lower: Array
    mean_upper: Array
    lower: Array | None
    upper: Array | None
    level: float

    def __str__(self) -> str:
        columns = {"expected": self.mean, "from": self.mean_lower, "to": self.mean_upper}
        if self.mean.ndim > self.mean_lower.ndim:
            columns["expected"] = self.mean[:, 1]
        share = f"{100 * self.level:g} % intervals of the expected target"
        if self.lower is not None and self.upper is not None:
            columns.update({"new row from": self.lower, "new row to": self.upper})
            share += ", and of a new observation"
        lines = [share + ":", "  ".join(f"{name:>12s}" for name in columns)]
        for row in range(min(len(self.mean), SHOWN)):
            cells = [np.atleast_1d(values[row]) for values in columns.values()]
            for each in zip(*cells, strict=True):
                lines.append("  ".join(f"{value:12.5g}" for value in each))
        if len(self.mean) > SHOWN:
            lines.append(f"... {len(self.mean) - SHOWN:,} rows more")
        return "\n".join(lines)


def intervals_of(
    outputs: Array,
    spread: Array,
    response: Response,
    family: Family | None,
    noise: float,
    level: float,
    reach: float,
) -> PredictionIntervals:
    """Intervals of rows whose outputs are known with an error.

    Parameters
    ----------
    outputs, spread : array (n, k), (n, k, k)
        The outputs and their covariances.
    response : Response
    family : Family or None        None: a loss of one's own
    noise : float                  the family's dispersion
    level : float                  in (0, 1)
    reach : float                  how many standard deviations that is
    """
    mean, k = response.mean(outputs), outputs.shape[1]
    if family is None and (response.is_classifier or k > 1):
        error = np.sqrt(np.maximum(_mean_variance(response.mean, outputs, spread), 0.0))
        ends = mean - reach * error, mean + reach * error
        return PredictionIntervals(mean, *ends, None, None, level)
    if response.is_classifier and family is not None:
        given = spread if k > 1 else spread[:, 0, 0]
        return PredictionIntervals(
            mean, *family.interval(outputs, given, noise, level), None, None, level
        )
    variance = np.maximum(spread[:, 0, 0], 0.0)
    error = reach * np.sqrt(variance)[:, None]
    one, other = response.mean(outputs - error), response.mean(outputs + error)
    new: tuple[Array, Array] | tuple[None, None] = None, None
    if isinstance(family, SquaredFamily):  # Student's t, where the family's own is normal
        wide = reach * np.sqrt(variance + noise)
        new = outputs[:, 0] - wide, outputs[:, 0] + wide
    elif family is not None and not isinstance(family, QuantileFamily):
        new = family.interval(outputs, variance, noise, level)
    return PredictionIntervals(mean, np.minimum(one, other), np.maximum(one, other), *new, level)


def _mean_variance(mean: Callable[[Array], Array], outputs: Array, spread: Array) -> Array:
    """Variance of each mean, by its differences along the outputs: of the shape of the means."""
    step = STEP * max(1.0, float(np.abs(outputs).max(initial=0.0)))
    slopes = np.stack(
        [
            (mean(outputs + step * unit) - mean(outputs - step * unit)) / (2.0 * step)
            for unit in np.eye(outputs.shape[1])
        ]
    )
    return np.einsum("an...,nab,bn...->n...", slopes, spread, slopes)
