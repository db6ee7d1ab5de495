"""How predicted counts and amounts go wrong: by size of the prediction, and in their spread.

counts    variance mu, or mu + mu^2 / theta      amounts    phi mu^2, or phi mu^p
"""

from __future__ import annotations

import math

import numpy as np
from markupsafe import Markup
from scipy.special import betainc, pdtr

from derivata.contracts import Array
from derivata.estimators.families import (
    GammaFamily,
    NegativeBinomialFamily,
    PoissonFamily,
    TweedieFamily,
)
from derivata.estimators.outer_folds import OuterFolds
from derivata.estimators.table_model import TableModel
from derivata.plain_text import clean, number, plural
from derivata.report.charts import Interval, calibration_chart, shares_chart
from derivata.report.clouds import MOST_POINTS, equal_parts, scatter_chart
from derivata.report.parts import figure, paragraph, section, side_by_side
from derivata.report.record import RunRecord

TENTHS = 10
MOST_COUNTS = 24
# Between these a spread is called the family's.
TOO_LITTLE, TOO_MUCH = 0.8, 1.25
# Predictions that differ by more than this factor are drawn by their logarithms.
WIDE = 30.0


def amounts_section(record: RunRecord, outer: OuterFolds) -> Markup:
    """Observed against predicted by tenths, and how counts or amounts spread about it."""
    judged = outer.judged
    rows = record.rows.take(judged)
    mean, weight = outer.predictions[judged], rows.weights_or_ones()
    exposure = np.ones(rows.n_rows) if rows.exposure is None else rows.exposure
    points, x = [], []
    for part in equal_parts(mean / exposure, TENTHS):
        over = float(weight[part] @ exposure[part])
        observed = float(weight[part] @ rows.y[part]) / over
        misses = weight[part] * (rows.y[part] - mean[part])
        error = math.sqrt(float(misses @ misses)) / over
        points.append(Interval("", observed, max(observed - 2 * error, 0.0), observed + 2 * error))
        x.append(float(weight[part] @ mean[part]) / over)
    inside = sum(p.low <= at <= p.high for p, at in zip(points, x, strict=True))
    counts = isinstance(record.model.model.family, PoissonFamily | NegativeBinomialFamily)
    what = "rate" if rows.exposure is not None else "count" if counts else "amount"
    wide = min(x) > 0 and min(p.value for p in points) > 0 and max(x) > WIDE * min(x)
    chart = calibration_chart(
        points,
        x,
        f"predicted {what}",
        f"observed {what}",
        f"Observed against predicted {what} in tenths of the rows",
        log=wide,
    )
    return section(
        "Calibration",
        f"Mean predicted and observed {what}s agree within twice the standard error in {inside} of "
        f"{plural(len(points), 'bin')}.",
        side_by_side(
            figure(
                f"Observed against predicted {what}, by tenths of the rows",
                chart,
                "Bars: twice the standard error of the observed mean.",
            ),
            _counts(record.model, rows.y, mean, weight)
            if counts
            else _amounts(record.model, rows.y, mean),
        ),
        paragraph(_spread_in_words(record.model, rows.y, mean, weight), "note"),
    )


def _counts(model: TableModel, y: Array, mean: Array, weight: Array) -> Markup:
    """Observed and expected shares of rows by count, in at most `MOST_COUNTS` equal bins."""
    poisson = isinstance(model.model.family, PoissonFamily)
    top = int(np.quantile(y, 0.999 if poisson else 0.99))
    step = max(-(-(top + 1) // MOST_COUNTS), 1)
    edges = np.arange(0, top + 1 + step, step)  # [0, step), [step, 2 step), ...
    total = float(weight.sum())
    below = [float(weight @ _below(model, edge, mean)) if edge else 0.0 for edge in edges.tolist()]
    expected = np.diff(below) / total
    observed = np.histogram(y[y < edges[-1]], edges, weights=weight[y < edges[-1]])[0] / total
    name = "Poisson" if poisson else "negative binomial"
    return figure(
        "How many rows have which count",
        shares_chart(edges, observed, expected, "count", "share of rows", "Rows by count"),
        f"Grey: observed. Dots: expected of {name} counts with the predicted means.",
    )


def _below(model: TableModel, edge: float, mean: Array) -> Array:
    """The probability of a count below ``edge`` >= 1, a row of predicted means (m,) each."""
    family = model.model.family
    if isinstance(family, NegativeBinomialFamily):
        return betainc(family.theta, edge, family.theta / (family.theta + mean))
    return pdtr(edge - 1.0, mean)


def _amounts(model: TableModel, y: Array, mean: Array) -> Markup:
    target = clean(model.task.target, 40)
    above = y > 0
    n_zeros = int(np.count_nonzero(~above))
    note = "On the line, a prediction is right."
    if n_zeros:
        note += f" {plural(n_zeros, 'row')} of zero not drawn."
    if above.sum() > MOST_POINTS:
        note += " Shade: how many rows, by its logarithm."
    chart = scatter_chart(
        mean[above],
        y[above],
        f"predicted {target} (log scale)",
        f"observed {target} (log scale)",
        f"Observed against predicted {target} for rows not seen by their fit",
        log=True,
    )
    return figure("Observed against predicted", chart, note)


def _spread_in_words(model: TableModel, y: Array, mean: Array, weight: Array) -> str:
    """How the squared errors compare with the variance that the family has at these means."""
    family, floor = model.model.family, np.finfo(float).tiny
    if isinstance(family, NegativeBinomialFamily):
        variance, name = mean + mean * mean / family.theta, "negative binomial counts"
    elif isinstance(family, GammaFamily):
        variance, name = model.model.dispersion * mean * mean, "gamma amounts"
    elif isinstance(family, TweedieFamily):
        variance, name = model.model.dispersion * mean**family.power, "Tweedie amounts"
    else:
        variance, name = mean, "Poisson counts"
    spread = float(np.average((y - mean) ** 2 / np.maximum(variance, floor), weights=weight))
    words = f"Squared errors are {number(spread, 3)} times the variance of {name} of these means"
    if TOO_LITTLE < spread < TOO_MUCH:
        return words + ", as they should be."
    if spread > 1:
        return words + ": error bars and intervals are too narrow."
    return words + ": error bars and intervals are too wide."
