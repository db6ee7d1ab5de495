"""Charts of few values: paths, calibration, shares, intervals; each returns inline SVG."""

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
    dots,
    label_room,
    line,
    picture,
    polyline,
    text,
)

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


def calibration_chart(
    points: Sequence[Interval],
    x: Sequence[float],
    x_label: str,
    y_label: str,
    title: str,
    shares: Sequence[float] = (),
    *,
    log: bool = False,
) -> Markup:
    """What was observed against what was predicted, bin by bin, with intervals.

    Parameters
    ----------
    points : sequence of Interval  observed
    x : sequence of float          predicted
    x_label, y_label, title : str
    shares : sequence of float     of the rows in equal parts of 0 to 1, drawn at the foot; given,
                                   both axes are probabilities and show all of 0 to 1
    log : bool                     draw both by their logarithms

    Returns
    -------
    svg : Markup
    """
    every = [*x, *(p.low for p in points), *(p.high for p in points)]
    scale = Scale(0.0, 1.0) if len(shares) else Scale.around(np.maximum(every, 0.0), log=log)
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


def level_chart(
    points: Sequence[Interval],
    x: Sequence[float],
    level: float,
    x_label: str,
    y_label: str,
    title: str,
) -> Markup:
    """Shares with intervals against ``x``, and a line at the share that they should be."""
    ends = [level, *(p.low for p in points), *(p.high for p in points)]
    y_scale = Scale.around(np.array(ends))
    axes = Axes(Scale.around(np.array(x)), y_scale, height=310, left=label_room(y_scale))
    parts = [axes.frame(x_label, y_label)]
    at = float(axes.py(level))
    parts.append(line(axes.left, at, axes.width - axes.right, at, "reference"))
    for where, point in zip(axes.px(np.array(x)), points, strict=True):
        low, high = axes.py(np.array([point.low, point.high]))
        parts.append(line(float(where), float(low), float(where), float(high), "whisker a"))
    shares = axes.py(np.array([point.value for point in points]))
    parts.append(dots(axes.px(np.array(x)), shares, "dot large a"))
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
        parts.append(named(0.0, y + 4, row.label, int((left - 24.0) / 7.0)))
        if np.isfinite([row.low, row.high]).all():
            low, high = (float(axes.px(end)) for end in (row.low, row.high))
            parts.append(line(low, y, high, y, f"whisker {row.css}"))
        parts.append(dots(axes.px(np.array([row.value])), np.array([y]), f"dot large {row.css}"))
        if row.note:
            parts.append(text(width, y + 4, row.note, "name end"))
    return picture(width, height, title, parts)


def named(x: float, y: float, name: str, longest: int) -> Markup:
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


def _apart(places: list[float], least: float) -> list[float]:
    """Positions moved so that no two are nearer than ``least``; their order stays."""
    order = np.argsort(places)
    moved = np.array(places, float)
    for before, after in zip(order, order[1:], strict=False):
        moved[after] = max(moved[after], moved[before] + least)
    return moved.tolist()
