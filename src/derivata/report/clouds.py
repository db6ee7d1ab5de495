"""Charts of one point a row: predicted against observed, and residuals, as inline SVG.

Up to `MOST_POINTS` points are drawn as they are; beyond, they are counted on a grid and the counts
drawn in a few shades, so that a picture stays small whatever the table's size.
"""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from derivata.contracts import Array
from derivata.report.axes import (
    Axes,
    Scale,
    area,
    dots,
    joined,
    label_room,
    line,
    picture,
    polyline,
)

MOST_POINTS = 2000
GRID = (72, 48)
SHADES = 6


def scatter_chart(
    x: Array, y: Array, x_label: str, y_label: str, title: str, *, log: bool = False
) -> Markup:
    """Points about the line y = x: on equal scales, or each on a scale of its logarithm."""
    x_scale = y_scale = Scale.around(np.concatenate([x, y]), log=log)
    if log:  # amounts vary far more than their predictions
        x_scale, y_scale = Scale.around(x, log=True), Scale.around(y, log=True)
    axes = Axes(x_scale, y_scale, height=310, left=label_room(y_scale))
    ends = np.array([max(x_scale.low, y_scale.low), min(x_scale.high, y_scale.high)])
    parts = [axes.frame(x_label, y_label), _cloud(axes, x, y)]
    parts.append(polyline(axes.px(ends), axes.py(ends), "reference"))
    return picture(axes.width, axes.height, title, parts)


def smooth_chart(x: Array, y: Array, x_label: str, y_label: str, title: str) -> Markup:
    """Points with their running mean and twice its standard error, and the line y = 0."""
    y_scale = Scale.around(y)
    axes = Axes(Scale.around(x), y_scale, height=310, left=label_room(y_scale))
    parts = [axes.frame(x_label, y_label), _cloud(axes, x, y)]
    zero = float(axes.py(0.0))
    parts.append(line(axes.left, zero, axes.width - axes.right, zero, "reference"))
    bins = equal_parts(x, int(np.clip(len(x) // 15, 1, 20)))
    if len(bins) > 2:
        at = axes.px(np.array([x[rows].mean() for rows in bins]))
        mean = np.array([y[rows].mean() for rows in bins])
        twice = np.array([2.0 * y[rows].std() / max(len(rows) - 1, 1) ** 0.5 for rows in bins])
        parts.append(area(at, axes.py(mean - twice), axes.py(mean + twice), "band b"))
        parts.append(polyline(at, axes.py(mean), "line b"))
    return picture(axes.width, axes.height, title, parts)


def equal_parts(x: Array, n_parts: int) -> list[Array]:
    """Rows in order of x, cut into parts of nearly equal size; equal values stay together."""
    order = np.argsort(x, kind="stable")
    cuts = np.linspace(0, len(x), n_parts + 1).astype(int)[1:-1]
    values = x[order]
    cuts = np.unique(np.searchsorted(values, values[cuts])) if len(cuts) else cuts
    return [part for part in np.split(order, cuts) if len(part)]


def _cloud(axes: Axes, x: Array, y: Array) -> Markup:
    """Points as they are, or as shades of their counts on a grid."""
    if len(x) <= MOST_POINTS:
        return dots(axes.px(x), axes.py(y), "point a")
    columns, rows = GRID
    counts, x_edges, y_edges = np.histogram2d(
        axes.px(x),
        axes.py(y),
        bins=(columns, rows),
        range=((axes.left, axes.width - axes.right), (axes.top, axes.height - axes.bottom)),
    )
    # Equal steps of the logarithm: a cell of one row is seen beside one of a thousand.
    shade = np.ceil(SHADES * np.log1p(counts) / np.log1p(counts.max())).astype(int)
    size = f"h{np.diff(x_edges)[0]:.2f}v{np.diff(y_edges)[0]:.2f}h-{np.diff(x_edges)[0]:.2f}z"
    parts = []
    for level in range(1, SHADES + 1):
        path = "".join(
            f"M{x_edges[i]:.1f} {y_edges[j]:.1f}{size}" for i, j in np.argwhere(shade == level)
        )
        parts.append(
            Markup('<path d="{}" class="cell a" fill-opacity="{:.2f}"/>').format(
                path, level / SHADES
            )
        )
    return joined(parts)
