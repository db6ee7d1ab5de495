"""The kinds of chart a report has; each a function of plain arrays that returns inline SVG.

Up to `MOST_POINTS` points are drawn as they are; beyond, they are counted on a grid and the counts
drawn in a few shades, so that a picture stays small whatever the table's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from derivata.contracts import Array
from derivata.plain_text import clean
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
    text,
)

MOST_POINTS = 2000
GRID = (72, 48)
SHADES = 6
ROW = 22.0

_BAR = Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" class="bar"/>')


@dataclass(frozen=True)
class Interval:
    """A value with the interval it is known to, and how to name and colour it."""

    label: str
    value: float
    low: float
    high: float
    css: str = "a"
    note: str = ""


def path_chart(steps: Sequence[dict[str, float]], y_label: str, title: str, *, log: bool) -> Markup:
    """Named values over accepted steps, one line each, its name where it ends.

    Parameters
    ----------
    steps : sequence of dict       name to value, the same names in every step
    y_label, title : str
    log : bool                     draw by the logarithm

    Returns
    -------
    svg : Markup
    """
    names = list(steps[0])
    series = np.array([[step[name] for name in names] for step in steps])
    right = 14.0 if len(names) == 1 else 86.0
    last = max(len(steps) - 1, 1)
    y_scale = Scale.around(series.ravel(), log=log, pad=0.08)
    axes = Axes(Scale(0, last), y_scale, height=240, left=label_room(y_scale), right=right)
    every = max(1, -(-last // 8))
    places = [(float(axes.px(k)), str(k)) for k in range(0, last + 1, every)]
    parts = [axes.frame("accepted step", y_label, x_places=places)]
    x = axes.px(np.arange(len(steps)))
    ends = _apart([float(axes.py(values[-1])) for values in series.T], 14.0)
    for column, (name, end) in enumerate(zip(names, ends, strict=True)):
        colour = "abc"[column % 3]
        y = axes.py(series[:, column])
        parts += [polyline(x, y, f"line {colour}"), dots(x, y, f"dot {colour}")]
        if len(names) > 1:
            parts.append(text(float(x[-1]) + 9, end + 4, clean(name, 14), f"label {colour}-text"))
    return picture(axes.width, axes.height, title, parts)


def scatter_chart(x: Array, y: Array, x_label: str, y_label: str, title: str) -> Markup:
    """Points about the line y = x, on equal scales."""
    scale = Scale.around(np.concatenate([x, y]))
    axes = Axes(scale, scale, height=310, left=label_room(scale))
    ends = np.array([scale.low, scale.high])
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


def calibration_chart(
    points: Sequence[Interval],
    x: Sequence[float],
    x_label: str,
    y_label: str,
    title: str,
    shares: Sequence[float] = (),
) -> Markup:
    """What was observed against what was predicted, bin by bin, with intervals.

    Parameters
    ----------
    points : sequence of Interval  observed
    x : sequence of float          predicted
    x_label, y_label, title : str
    shares : sequence of float     of the rows in equal parts of 0 to 1, drawn at the foot; given,
                                   both axes are probabilities and show all of 0 to 1

    Returns
    -------
    svg : Markup
    """
    every = [*x, *(p.low for p in points), *(p.high for p in points)]
    scale = Scale(0.0, 1.0) if len(shares) else Scale.around(np.maximum(every, 0.0))
    axes = Axes(scale, scale, height=310, left=label_room(scale))
    ends = np.array([scale.low, scale.high])
    parts = [axes.frame(x_label, y_label)]
    edges = np.linspace(0.0, 1.0, len(shares) + 1)
    for low, high, share in zip(edges[:-1], edges[1:], shares, strict=True):
        foot, top = (float(axes.py(level)) for level in (0.0, 0.25 * share / max(shares)))
        left, right = (float(axes.px(edge)) for edge in (low, high))
        parts.append(_BAR.format(left + 0.5, top, right - left - 1.0, foot - top))
    parts.append(polyline(axes.px(ends), axes.py(ends), "reference"))
    for where, point in zip(axes.px(np.array(x)), points, strict=True):
        low, high = axes.py(np.array([point.low, point.high]))
        parts.append(line(float(where), float(low), float(where), float(high), "whisker a"))
    observed = axes.py(np.array([point.value for point in points]))
    parts.append(dots(axes.px(np.array(x)), observed, "dot large a"))
    return picture(axes.width, axes.height, title, parts)


def shares_chart(
    edges: Array, observed: Array, expected: Array, x_label: str, y_label: str, title: str
) -> Markup:
    """Observed shares as bars between ``edges`` (m + 1,), expected ones (m,) as joined dots."""
    y_scale = Scale(0.0, 1.08 * float(max(observed.max(), expected.max(), 1e-12)))
    axes = Axes(
        Scale(float(edges[0]), float(edges[-1])), y_scale, height=310, left=label_room(y_scale)
    )
    middle = axes.px((edges[:-1] + edges[1:]) / 2.0)
    if edges[1] - edges[0] == 1:  # one whole number a bar: its name stands below the bar
        every = max(1, len(observed) // 8)
        ticks = [(float(x), f"{k:g}") for x, k in zip(middle, edges, strict=False)][::every]
    else:
        ticks = [(float(axes.px(tick)), label) for tick, label in axes.x.labelled(6)]
    parts = [axes.frame(x_label, y_label, x_places=ticks)]
    foot = float(axes.py(0.0))
    for low, high, share in zip(axes.px(edges[:-1]), axes.px(edges[1:]), observed, strict=True):
        top = float(axes.py(share))
        parts.append(_BAR.format(float(low) + 1.0, top, float(high - low) - 2.0, foot - top))
    parts.append(polyline(middle, axes.py(expected), "line a"))
    parts.append(dots(middle, axes.py(expected), "dot a"))
    return picture(axes.width, axes.height, title, parts)


def interval_chart(
    rows: Sequence[Interval],
    x_label: str,
    title: str,
    *,
    zero: bool,
    width: float = 780.0,
    also: Sequence[float] = (),
) -> Markup:
    """Named values with intervals, one below the other.

    Parameters
    ----------
    rows : sequence of Interval    from top to bottom; NaN ends: no interval
    x_label, title : str
    zero : bool                    draw the line at 0
    width : float                  of the picture; up to a third of it is for the names
    also : sequence of float       values the scale is to hold too, to be that of a chart beside it

    Returns
    -------
    svg : Markup
    """
    ends = [*also, *(end for row in rows for end in (row.value, row.low, row.high))]
    scale = Scale.around(np.array([*ends, 0.0] if zero else ends))
    longest = max(len(row.label) for row in rows)
    left = min(7.4 * longest + 24.0, width / 3)
    right = 92.0 if any(row.note for row in rows) else 12.0
    height = len(rows) * ROW + 58.0
    axes = Axes(scale, Scale(0, 1), width, height, left, right, top=8.0, bottom=44.0)
    bottom = axes.height - axes.bottom
    parts = []
    for value, label in scale.labelled(6):
        x = float(axes.px(value))
        parts.append(line(x, axes.top, x, bottom, "grid"))
        parts.append(text(x, bottom + 18, label, "tick middle"))
    parts.append(text((left + width - right) / 2, height - 4, x_label, "label middle"))
    if zero:
        parts.append(line(float(axes.px(0.0)), axes.top, float(axes.px(0.0)), bottom, "reference"))
    for place, row in enumerate(rows):
        y = axes.top + (place + 0.6) * ROW
        parts.append(_named(0.0, y + 4, row.label, int((left - 24.0) / 7.0)))
        if np.isfinite([row.low, row.high]).all():
            low, high = (float(axes.px(end)) for end in (row.low, row.high))
            parts.append(line(low, y, high, y, f"whisker {row.css}"))
        parts.append(dots(axes.px(np.array([row.value])), np.array([y]), f"dot large {row.css}"))
        if row.note:
            parts.append(text(width, y + 4, row.note, "name end"))
    return picture(width, height, title, parts)


def equal_parts(x: Array, n_parts: int) -> list[Array]:
    """Rows in order of x, cut into parts of nearly equal size; equal values stay together."""
    order = np.argsort(x, kind="stable")
    cuts = np.linspace(0, len(x), n_parts + 1).astype(int)[1:-1]
    values = x[order]
    cuts = np.unique(np.searchsorted(values, values[cuts])) if len(cuts) else cuts
    return [part for part in np.split(order, cuts) if len(part)]


def _named(x: float, y: float, name: str, longest: int) -> Markup:
    """A row's name, shortened in the middle; whole in its tooltip."""
    whole = clean(name)
    longest = max(longest, 7)
    keep = longest - 1
    short = (
        whole if len(whole) <= longest else f"{whole[: keep - keep // 3]}…{whole[-(keep // 3) :]}"
    )
    return Markup('<text x="{:.1f}" y="{:.1f}" class="name">{}<title>{}</title></text>').format(
        x, y, short, whole
    )


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


def _apart(places: list[float], least: float) -> list[float]:
    """Positions moved so that no two are nearer than ``least``; their order stays."""
    order = np.argsort(places)
    moved = np.array(places, float)
    for before, after in zip(order, order[1:], strict=False):
        moved[after] = max(moved[after], moved[before] + least)
    return moved.tolist()
