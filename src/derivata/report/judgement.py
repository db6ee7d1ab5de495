"""The section on where predictions go wrong, from rows that the fit predicting them did not see.

    squared            predicted against observed; residuals with their running mean
    logistic, softmax  calibration (Wilson intervals) and the confusion table
    poisson            observed against predicted counts by tenths of the predicted rate

Source of the interval of a share: Wilson (1927), J. Am. Stat. Assoc. 22, 209-212.
"""

from __future__ import annotations

import math

import numpy as np
from markupsafe import Markup
from scipy.special import pdtr

from derivata.contracts import Array
from derivata.estimators.outer_folds import OuterFolds
from derivata.plain_text import clean, number, percent, plural
from derivata.report.charts import (
    MOST_POINTS,
    Interval,
    calibration_chart,
    equal_parts,
    scatter_chart,
    shares_chart,
    smooth_chart,
)
from derivata.report.parts import figure, paragraph, section, side_by_side, table
from derivata.report.record import RunRecord

MOST_CLASSES = 20
TENTHS = 10
FEW = 15
MOST_COUNTS = 24


def judgement_section(record: RunRecord) -> Markup:
    """Residuals, calibration or both, as the family has them."""
    outer = record.outer
    if outer is None:
        return Markup("")
    if record.model.task.classifies:
        return _of_classes(record, outer)
    if record.model.task.family == "poisson":
        return _of_counts(record, outer)
    return _of_numbers(record, outer)


def _of_numbers(record: RunRecord, outer: OuterFolds) -> Markup:
    judged = outer.judged
    observed, predicted = record.rows.y[judged], outer.predictions[judged]
    target = clean(record.model.task.target, 40)
    residual = observed - predicted
    slope = float(np.corrcoef(predicted, np.abs(residual))[0, 1]) if predicted.std() > 0 else 0.0
    within = float(np.mean(np.abs(residual) <= 2.0 * residual.std()))
    lead = (
        f"{percent(within)} of the residuals lie within twice their standard deviation (95 % if "
        "they are normal)"
    )
    if abs(slope) > 0.2:
        side = "larger" if slope > 0 else "smaller"
        lead += f"; errors grow {side} with the prediction, so one error bar does not fit all rows"
    binned = "" if len(observed) <= MOST_POINTS else " Shade: how many rows, by its logarithm."
    return section(
        "Residuals",
        lead + ".",
        side_by_side(
            figure(
                "Observed against predicted",
                scatter_chart(
                    predicted,
                    observed,
                    f"predicted {target}",
                    f"observed {target}",
                    f"Observed against predicted {target} for rows not seen by their fit",
                ),
                "On the line, a prediction is right." + binned,
            ),
            figure(
                "Residuals, with their running mean",
                smooth_chart(
                    predicted,
                    residual,
                    f"predicted {target}",
                    "observed − predicted",
                    f"Residuals of {target} against predictions, with their running mean",
                ),
                "Where the band leaves zero, a straight line in the columns does not suffice."
                + binned,
            ),
        ),
    )


def _of_counts(record: RunRecord, outer: OuterFolds) -> Markup:
    judged = outer.judged
    rows = record.rows.take(judged)
    mean, weight = outer.predictions[judged], rows.weights_or_ones()
    exposure = np.ones(rows.n_rows) if rows.exposure is None else rows.exposure
    points, x = [], []
    for part in equal_parts(mean / exposure, TENTHS):
        over = float(weight[part] @ exposure[part])
        observed = float(weight[part] @ rows.y[part]) / over
        # Poisson: the variance of a count is its mean.
        error = math.sqrt(float(weight[part] ** 2 @ mean[part])) / over
        points.append(Interval("", observed, max(observed - 2 * error, 0.0), observed + 2 * error))
        x.append(float(weight[part] @ mean[part]) / over)
    inside = sum(p.low <= at <= p.high for p, at in zip(points, x, strict=True))
    what = "rate" if rows.exposure is not None else "count"
    spread = float(np.average((rows.y - mean) ** 2 / mean, weights=weight))
    words = f"Predicted and observed {what}s agree within twice the Poisson error in {inside} of "
    words += f"{plural(len(points), 'bin')}."
    return section(
        "Calibration",
        words,
        side_by_side(
            figure(
                f"Observed against predicted {what}, by tenths of the rows",
                calibration_chart(
                    points,
                    x,
                    f"predicted {what}",
                    f"observed {what}",
                    f"Observed against predicted {what} in tenths of the rows",
                ),
                "Bars: twice the error of a Poisson count.",
            ),
            figure(
                "How many rows have which count",
                _spread(rows.y, mean, weight),
                "Grey: observed. Dots: expected of Poisson counts with the predicted means.",
            ),
        ),
        paragraph(
            f"The variance of the counts is {number(spread, 3)} times their mean"
            + (
                ", as Poisson counts have it."
                if 0.8 < spread < 1.25
                else "; Poisson counts would have 1, so standard errors are too "
                + ("small." if spread > 1 else "large.")
            ),
            "note",
        ),
    )


def _spread(y: Array, mean: Array, weight: Array) -> Markup:
    """Observed and expected shares of rows by count, in at most `MOST_COUNTS` equal bins."""
    top = int(np.quantile(y, 0.999))
    step = max(-(-(top + 1) // MOST_COUNTS), 1)
    edges = np.arange(0, top + 1 + step, step)  # [0, step), [step, 2 step), ...
    total = float(weight.sum())
    below = [float(weight @ pdtr(edge - 1.0, mean)) if edge else 0.0 for edge in edges]
    expected = np.diff(below) / total
    observed = np.histogram(y, edges, weights=weight)[0] / total
    return shares_chart(edges, observed, expected, "count", "share of rows", "Rows by count")


def _of_classes(record: RunRecord, outer: OuterFolds) -> Markup:
    judged = outer.judged
    codes = np.unique(record.rows.y, return_inverse=True)[1][judged]
    probability, weight = outer.predictions[judged], record.rows.weights_or_ones()[judged]
    classes = record.model.classes
    hits = codes[:, None] == np.arange(len(classes))
    if len(classes) == 2:
        p, hit, w = probability[:, 1], hits[:, 1], weight
        of = f"“{clean(classes[1], 30)}”"
    else:
        p, hit, w = probability.ravel(), hits.ravel(), np.repeat(weight, len(classes))
        of = "a class"
    points, x = _calibration(p, hit, w)
    inside = sum(q.low <= at <= q.high for q, at in zip(points, x, strict=True))
    return section(
        "Calibration",
        f"Predicted probabilities agree with the share observed, within its 95 % interval, in "
        f"{inside} of {plural(len(points), 'bin')}.",
        side_by_side(
            figure(
                "Observed and predicted frequency",
                calibration_chart(
                    points,
                    x,
                    f"predicted probability of {of}",
                    "share observed",
                    f"Share observed against predicted probability of {of}",
                    shares=np.histogram(p, 40, (0.0, 1.0), weights=w)[0] / w.sum(),
                ),
                "Bars: 95 % intervals. At the foot: how many rows"
                + (", each once for every class." if len(classes) > 2 else "."),
            ),
            figure(
                "Which class was taken for which",
                _confusion(codes, probability.argmax(axis=1), weight, classes),
                "Down: the true class; across: the most probable one.",
            ),
        ),
    )


def _calibration(p: Array, hit: Array, weight: Array) -> tuple[list[Interval], list[float]]:
    """Tenths of probability, joined where they have few rows; Wilson's intervals."""
    points, x = [], []
    bins = np.minimum((TENTHS * p).astype(int), TENTHS - 1)
    for part in _joined_bins(bins, min(FEW, max(len(p) // 5, 1))):
        total = float(weight[part].sum())
        n = total**2 / float(weight[part] @ weight[part])  # rows of equal weight worth as much
        share, z = float(weight[part] @ hit[part]) / total, 1.96
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
        points.append(Interval("", share, max(middle - half, 0.0), min(middle + half, 1.0)))
        x.append(float(weight[part] @ p[part]) / total)
    return points, x


def _joined_bins(bins: Array, fewest: int) -> list[Array]:
    """Rows of neighbouring bins, joined from below until each part has ``fewest`` rows."""
    parts: list[Array] = []
    waiting = np.zeros(0, dtype=np.intp)
    for one in range(TENTHS):
        waiting = np.concatenate([waiting, np.flatnonzero(bins == one)])
        if len(waiting) >= fewest:
            parts.append(waiting)
            waiting = waiting[:0]
    if len(waiting) and parts:
        parts[-1] = np.concatenate([parts[-1], waiting])
    elif len(waiting):
        parts.append(waiting)
    return parts


def _confusion(codes: Array, winner: Array, weight: Array, classes: tuple[str, ...]) -> Markup:
    """Counts of true class by most probable class, the commonest `MOST_CLASSES` of them."""
    n = len(classes)
    counts = np.bincount(codes * n + winner, weight, n * n).reshape(n, n)
    shown = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[:MOST_CLASSES])
    rows = []
    for true in shown:
        total = max(float(counts[true].sum()), 1e-300)
        cells = []
        for said in shown:
            count = float(counts[true, said])
            css = "" if true == said else " off"
            heat = Markup('<span class="heat{}" style="--share:{:.3f}">{}</span>')
            cells.append(heat.format(css, count / total, _count(count)))
        rows.append([classes[true], *cells])
    made = table(["", *(classes[said] for said in shown)], rows, numeric=range(1, len(shown) + 1))
    left_out = n - len(shown)
    note = f"{plural(left_out, 'rarer class', 'rarer classes')} not shown." if left_out else ""
    return made + (paragraph(note, "note") if note else Markup(""))


def _count(value: float) -> str:
    """A number of rows, or their weight."""
    return number(value, 3) if value % 1 else f"{value:,.0f}"
