"""How predicted classes go wrong: calibration of their probabilities, and the confusion table."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from derivata.contracts import Array
from derivata.estimators.outer_folds import OuterFolds
from derivata.plain_text import clean, number, plural
from derivata.report.charts import Interval, calibration_chart
from derivata.report.parts import figure, paragraph, section, side_by_side, table
from derivata.report.record import RunRecord
from derivata.report.share_interval import share_interval

MOST_CLASSES = 20
TENTHS = 10
FEW = 15


def classes_section(record: RunRecord, outer: OuterFolds) -> Markup:
    """Shares observed against probabilities predicted, and which class was taken for which."""
    judged = outer.judged
    known = getattr(record.model.estimator, "classes_", np.unique(record.rows.y))
    codes = np.searchsorted(known, record.rows.y)[judged]
    probability, weight = outer.predictions[judged], record.rows.weights_or_ones()[judged]
    classes = record.model.classes
    hits = codes[:, None] == np.arange(len(classes))
    if len(classes) == 2:
        p, hit, w = probability[:, 1], hits[:, 1], weight
        of = f"“{clean(classes[1], 30)}”"
    else:
        p, hit, w = probability.ravel(), hits.ravel(), np.repeat(weight, len(classes))
        of = "a class"
    points, x = calibration(p, hit, w)
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


def calibration(p: Array, hit: Array, weight: Array) -> tuple[list[Interval], list[float]]:
    """Tenths of probability, joined where they have few rows: shares that hit, and mean p."""
    bins = np.minimum((TENTHS * p).astype(int), TENTHS - 1)
    parts = _joined_bins(bins, min(FEW, max(len(p) // 5, 1)))
    points = [share_interval(hit[part], weight[part]) for part in parts]
    return points, [float(np.average(p[part], weights=weight[part])) for part in parts]


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
