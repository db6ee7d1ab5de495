"""Charts of an evaluation: reliability with its band, ROC and precision-recall curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from derivata.contracts import Array
from derivata.report.axes import (
    Axes,
    Scale,
    area,
    dots,
    label_room,
    line,
    picture,
    polyline,
)
from derivata.scoring.calibration import Calibration
from derivata.scoring.ranking import Steps

# A curve is drawn by at most so many of its points, evenly along its length.
MOST_POINTS = 300
BAR_PARTS = 40
_BAR = Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" class="bar"/>')


def reliability_chart(found: Calibration, x_label: str, y_label: str, title: str) -> Markup:
    """The isotonic curve of outcomes on predictions, its band, the bins, and how many rows."""
    curve = found.curve
    ends = np.array([0.0, 1.0])
    scale = Scale(0.0, 1.0)
    if found.band is None:
        held = [curve.low[0], curve.high[-1], curve.observed[0], curve.observed[-1]]
        scale = Scale.around(np.array(held))
        ends = np.array([scale.low, scale.high])
    axes = Axes(scale, scale, height=310, left=label_room(scale))
    parts = [axes.frame(x_label, y_label), *_bars(axes, scale, found)]
    if found.band is not None:
        at, low, high = found.band
        parts.append(area(axes.px(at), axes.py(low), axes.py(high), "band soft"))
    parts.append(polyline(axes.px(ends), axes.py(ends), "reference"))
    x = np.column_stack([curve.low, curve.high]).ravel()
    y = np.repeat(curve.observed, 2)
    kept = _thinned(x, y)
    parts.append(polyline(axes.px(x[kept]), axes.py(y[kept]), "line a"))
    error = found.error
    parts.append(dots(axes.px(error.bin_predicted), axes.py(error.bin_observed), "dot large b"))
    return picture(axes.width, axes.height, title, parts)


def roc_chart(rankings: Sequence[tuple[str, Steps]], title: str) -> Markup:
    """True against false positive rates, a line a class."""
    scale = Scale(0.0, 1.0)
    axes = Axes(scale, scale, height=310, left=label_room(scale))
    ends = np.array([0.0, 1.0])
    parts = [axes.frame("share of the others taken", "share of the class found")]
    parts.append(polyline(axes.px(ends), axes.py(ends), "reference"))
    for css, steps in rankings:
        x, y = steps.roc
        kept = _thinned(x, y)
        parts.append(polyline(axes.px(x[kept]), axes.py(y[kept]), f"line {css}"))
    return picture(axes.width, axes.height, title, parts)


def precision_recall_chart(
    rankings: Sequence[tuple[str, Steps]], shares: Sequence[float], title: str
) -> Markup:
    """Precision against recall, a line a class, as counts between thresholds give it."""
    scale = Scale(0.0, 1.0)
    axes = Axes(scale, scale, height=310, left=label_room(scale))
    parts = [axes.frame("share of the class found (recall)", "share taken that is (precision)")]
    if len(shares) == 1:
        level = float(axes.py(shares[0]))
        parts.append(line(axes.left, level, axes.width - axes.right, level, "reference"))
    for css, steps in rankings:
        x, y = _between(steps)
        kept = _thinned(x, y)
        parts.append(polyline(axes.px(x[kept]), axes.py(y[kept]), f"line {css}"))
    return picture(axes.width, axes.height, title, parts)


def pit_chart(shares: Array, error: float, title: str) -> Markup:
    """Shares of outcomes in tenths of their distributions, and the range that chance allows."""
    edges = np.linspace(0.0, 1.0, len(shares) + 1)
    top = float(max(shares.max(), 1.0 / len(shares) + 3.0 * error))
    y_scale = Scale(0.0, 1.08 * top)
    axes = Axes(Scale(0.0, 1.0), y_scale, height=310, left=label_room(y_scale))
    parts = [axes.frame("probability of a smaller outcome, as predicted", "share of rows")]
    even = 1.0 / len(shares)
    ends = axes.px(np.array([0.0, 1.0]))
    band = [np.full(2, float(axes.py(even + side * 2.0 * error))) for side in (-1.0, 1.0)]
    parts.append(area(ends, band[0], band[1], "band b"))
    foot = float(axes.py(0.0))
    for low, high, share in zip(axes.px(edges[:-1]), axes.px(edges[1:]), shares, strict=True):
        height = float(axes.py(share))
        parts.append(_BAR.format(float(low) + 1, height, float(high - low) - 2, foot - height))
    level = float(axes.py(even))
    parts.append(line(axes.left, level, axes.width - axes.right, level, "reference"))
    return picture(axes.width, axes.height, title, parts)


def _bars(axes: Axes, scale: Scale, found: Calibration) -> list[Markup]:
    """At the foot, how the weight of the rows lies over predictions."""
    edges = np.linspace(scale.low, scale.high, BAR_PARTS + 1)
    weights = np.histogram(found.predicted, edges, weights=found.weight)[0]
    most = float(weights.max()) or 1.0
    foot, height = float(axes.py(scale.low)), 0.22 * (axes.height - axes.top - axes.bottom)
    bars = []
    for low, high, weight in zip(edges[:-1], edges[1:], weights, strict=True):
        left, right = float(axes.px(low)), float(axes.px(high))
        tall = height * float(weight) / most
        bars.append(_BAR.format(left + 0.5, foot - tall, right - left - 1.0, tall))
    return bars


def _between(steps: Steps) -> tuple[Array, Array]:
    """Recall and precision at thresholds, and within steps of several rows between them."""
    hits, others = steps.hits, steps.others
    large = np.diff(hits) > 0.02 * hits[-1]
    x, y = steps.precision_recall
    pieces_x, pieces_y = [x[:1]], [y[:1]]
    for step in range(len(large)):
        share = np.linspace(0.0, 1.0, 12)[1:] if large[step] else np.ones(1)
        t = hits[step] + share * (hits[step + 1] - hits[step])
        f = others[step] + share * (others[step + 1] - others[step])
        pieces_x.append(t / hits[-1])
        pieces_y.append(t / (t + f))
    return np.concatenate(pieces_x), np.concatenate(pieces_y)


def _thinned(x: Array, y: Array) -> Array:
    """Positions of at most `MOST_POINTS` points, evenly along the line."""
    if len(x) <= MOST_POINTS:
        return np.arange(len(x))
    width = (float(np.ptp(x)) or 1.0), (float(np.ptp(y)) or 1.0)
    steps = np.hypot(np.diff(x) / width[0], np.diff(y) / width[1])
    along = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0.0, along[-1], MOST_POINTS)
    return np.unique(np.searchsorted(along, wanted, side="left").clip(0, len(x) - 1))
