"""How predicted numbers go wrong: residuals, and of a quantile the share of rows below it."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from derivata.contracts import Array
from derivata.estimators.families import HuberFamily
from derivata.estimators.outer_folds import OuterFolds
from derivata.plain_text import clean, percent, plural
from derivata.report.charts import level_chart
from derivata.report.clouds import MOST_POINTS, equal_parts, scatter_chart, smooth_chart
from derivata.report.parts import figure, section, side_by_side
from derivata.report.record import RunRecord
from derivata.report.share_interval import share_interval
from derivata.report.words import quantile_in_words

TENTHS = 10
# Residuals of Huber's loss are drawn up to so many robust standard deviations.
FARTHEST = 8.0


def numbers_section(record: RunRecord, outer: OuterFolds) -> Markup:
    """Observed against predicted, and residuals with their running mean."""
    judged = outer.judged
    observed, predicted = record.rows.y[judged], outer.predictions[judged]
    target = clean(record.model.task.target, 40)
    residual = observed - predicted
    family = record.model.model.family
    note = _shade(observed)
    if isinstance(family, HuberFamily):
        far = FARTHEST * family.scale
        n_far = int(np.count_nonzero(np.abs(residual) > far))
        residual = np.clip(residual, -far, far)
        observed = np.clip(observed, predicted.min() - far, predicted.max() + far)
        lead = _robust_lead(record.rows.y[judged] - predicted, family.scale)
        if n_far:
            note = f" {plural(n_far, 'outlier')} drawn at the edge." + note
    else:
        lead = _normal_lead(residual, predicted)
    return section(
        "Residuals",
        lead,
        side_by_side(
            _scatter(predicted, observed, target, "On the line, a prediction is right." + note),
            figure(
                "Residuals, with their running mean",
                smooth_chart(
                    predicted,
                    residual,
                    f"predicted {target}",
                    "observed − predicted",
                    f"Residuals of {target} against predictions, with their running mean",
                ),
                "Where the band leaves zero, predictions of that size are off on average." + note,
            ),
        ),
    )


def quantile_section(record: RunRecord, outer: OuterFolds, level: float) -> Markup:
    """Observed against the predicted quantile, and the share of rows below it by its size."""
    judged = outer.judged
    observed, predicted = record.rows.y[judged], outer.predictions[judged]
    weight, target = record.rows.weights_or_ones()[judged], clean(record.model.task.target, 40)
    below = (observed <= predicted).astype(float)
    parts = equal_parts(predicted, TENTHS)
    points = [share_interval(below[part], weight[part]) for part in parts]
    x = [float(np.average(predicted[part], weights=weight[part])) for part in parts]
    inside = sum(point.low <= level <= point.high for point in points)
    of, wanted = f"{quantile_in_words(level)} of {target}", f"{100 * level:.10g} %"
    share = float(weight @ below) / float(weight.sum())
    return section(
        "Calibration",
        f"{percent(share)} of the rows lie at or below their predicted {of}. By size of the "
        f"prediction, the share agrees with {wanted} within its 95 % interval in {inside} "
        f"of {plural(len(points), 'bin')}.",
        side_by_side(
            _scatter(
                predicted,
                observed,
                target,
                f"{wanted} of the rows should lie on or below the line." + _shade(observed),
                of,
            ),
            figure(
                "Share of rows at or below their quantile",
                level_chart(
                    points,
                    x,
                    level,
                    f"predicted {of}",
                    "share of rows at or below",
                    f"Share of rows at or below their predicted {of}, by its size",
                ),
                "Bars: 95 % intervals, by tenths of the rows. Dashed: what it should be.",
            ),
        ),
    )


def _scatter(
    predicted: Array, observed: Array, target: str, note: str, of: str | None = None
) -> Markup:
    return figure(
        "Observed against predicted",
        scatter_chart(
            predicted,
            observed,
            f"predicted {of or target}",
            f"observed {target}",
            f"Observed against predicted {target} for rows not seen by their fit",
        ),
        note,
    )


def _shade(observed: Array) -> str:
    return "" if len(observed) <= MOST_POINTS else " Shade: how many rows, by its logarithm."


def _normal_lead(residual: Array, predicted: Array) -> str:
    within = float(np.mean(np.abs(residual) <= 2.0 * residual.std()))
    lead = (
        f"{percent(within)} of the residuals lie within twice their standard deviation (95 % if "
        "they are normal)"
    )
    slope = float(np.corrcoef(predicted, np.abs(residual))[0, 1]) if predicted.std() > 0 else 0.0
    if abs(slope) > 0.2:
        side = "larger" if slope > 0 else "smaller"
        lead += f"; errors grow {side} with the prediction, so one error bar does not fit all rows"
    return lead + "."


def _robust_lead(residual: Array, scale: float) -> str:
    beyond = float(np.mean(np.abs(residual) > 3.0 * scale))
    return (
        f"{percent(beyond)} of the residuals exceed three robust standard deviations (0.3 % if "
        "they are normal): these are the outliers that Huber's loss keeps from ruling the fit."
    )
