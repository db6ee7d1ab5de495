"""How runs came down: gaps on a logarithmic scale, and paths over the contours of F."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from derivata.comparison import Comparison, SolverRun
from derivata.contracts import Array
from derivata.report.axes import Axes, Scale, dots, joined, label_room, picture, polyline
from derivata.report.contours import contour

COLOURS = "abcdefgh"
# Runs whose lengths differ by more than this factor are drawn over the logarithm of their length.
FAR_APART = 30.0
# What is left of a gap below this share of the first one is rounding.
ROUNDING = 1e-15
# A run that goes up is drawn up to so many times the first gap.
TALLEST = 1e6
MOST_POINTS, MOST_DOTS, N_CONTOURS = 240, 40, 11

_PATH = Markup('<path d="{}" class="contour"/>')


@dataclass(frozen=True, eq=False)
class Descended:
    """A line of a chart: a name, its colour, and gaps over what they cost."""

    name: str
    colour: str
    cost: Array
    gap: Array


def colours(comparison: Comparison) -> list[tuple[str, str]]:
    """The colour of each run with its name, for a legend."""
    return [(COLOURS[place % len(COLOURS)], run.name) for place, run in enumerate(comparison.runs)]


def gap_by_gradients(comparison: Comparison) -> Markup:
    """Gaps against gradients taken."""
    lines = [
        Descended(name, colour, run.trace.evaluations, run.gaps)
        for (colour, name), run in zip(colours(comparison), comparison.runs, strict=True)
    ]
    return gap_chart(lines, comparison.start_gap, "gradients taken", "Gap by gradients taken")


def gap_by_time(comparison: Comparison) -> Markup:
    """Gaps against seconds."""
    lines = [
        Descended(name, colour, run.trace.seconds, run.gaps)
        for (colour, name), run in zip(colours(comparison), comparison.runs, strict=True)
    ]
    return gap_chart(lines, comparison.start_gap, "seconds", "Gap by seconds")


def gap_chart(lines: Sequence[Descended], first: float, x_label: str, title: str) -> Markup:
    """Gaps by their logarithm over what they cost, a line a run.

    Parameters
    ----------
    lines : sequence of Descended
    first : float                  the gap at the start
    x_label, title : str

    Returns
    -------
    svg : Markup                   at most `MOST_POINTS` points a line
    """
    first = max(first, 1e-300)
    shown = [_within(line, ROUNDING * first, TALLEST * first) for line in lines]
    costs = np.concatenate([line.cost for line in shown if len(line.cost)] or [np.ones(1)])
    gaps = np.concatenate([line.gap for line in shown if len(line.gap)] or [np.ones(1)])
    ends = [float(line.cost[-1]) for line in shown if len(line.cost)] or [1.0]
    log = max(ends) > FAR_APART * max(min(ends), 1e-12) and costs.min() > 0.0
    x_scale = Scale.around(costs, log=True, pad=0.02) if log else Scale(0.0, max(ends))
    y_scale = Scale.around(gaps, log=True, pad=0.04)
    axes = Axes(x_scale, y_scale, height=330, left=label_room(y_scale) + 8.0)
    parts = [axes.frame(x_label, "F − F*")]
    for line in shown:
        if not len(line.cost):
            continue
        kept = _thinned(axes.px(line.cost))
        x, y = axes.px(line.cost[kept]), axes.py(line.gap[kept])
        parts.append(polyline(x, y, f"line {line.colour}"))
        parts.append(dots(x[-1:], y[-1:], f"dot {line.colour}"))
    return picture(axes.width, axes.height, title, parts)


def path_map(comparison: Comparison, names: Sequence[str]) -> Markup:
    """The paths of two parameters over contours of F, with a ring at the minimiser.

    Parameters
    ----------
    comparison : Comparison        of two parameters
    names : sequence of str        of both, for the axes

    Returns
    -------
    svg : Markup
    """
    land = comparison.landscape
    assert land is not None
    x_scale, y_scale = (Scale(float(v[0]), float(v[-1])) for v in (land.x, land.y))
    axes = Axes(x_scale, y_scale, width=780, height=470, left=label_room(y_scale))
    gaps = land.values - comparison.best
    inside = gaps[np.isfinite(gaps) & (gaps > 0.0)]
    # Heights go with the square of the distance: equal steps of its logarithm are even rings.
    levels = np.geomspace(np.quantile(inside, 0.002), np.quantile(inside, 0.97), N_CONTOURS)
    parts = [axes.frame(names[0], names[1])]
    for level in levels:
        pieces = contour(land.x, land.y, gaps, float(level))
        path = "".join(
            f"M{axes.px(a):.1f} {axes.py(b):.1f}L{axes.px(c):.1f} {axes.py(d):.1f}"
            for a, b, c, d in pieces
        )
        parts.append(_PATH.format(path))
    for (colour, _), run in zip(colours(comparison), comparison.runs, strict=True):
        parts.append(_path(axes, run, colour))
    at = comparison.minimiser
    parts.append(dots(axes.px(at[:1]), axes.py(at[1:]), "dot large soft"))
    return picture(axes.width, axes.height, "Paths over contours of F", parts)


def _path(axes: Axes, run: SolverRun, colour: str) -> Markup:
    """One path, up to where it leaves the picture."""
    points = run.trace.params
    if points is None or not len(points):
        return Markup("")
    x, y = axes.x.at(points[:, 0]), axes.y.at(points[:, 1])
    outside = np.flatnonzero(~((x >= 0.0) & (x <= 1.0) & (y >= 0.0) & (y <= 1.0)))
    points = points[: outside[0] + 1] if len(outside) else points
    px, py = axes.px(points[:, 0]), axes.py(points[:, 1])
    # A point wherever the path has gone on by enough to be seen.
    length = np.cumsum(np.hypot(np.diff(px, prepend=px[0]), np.diff(py, prepend=py[0])))
    apart = max(0.5, float(length[-1]) / MOST_POINTS)
    kept = np.flatnonzero(np.diff(np.floor(length / apart), prepend=-1.0) > 0.0)
    kept = np.union1d(kept, [len(px) - 1])
    drawn = polyline(px[kept], py[kept], f"line {colour}")
    return joined([drawn, dots(px[:MOST_DOTS], py[:MOST_DOTS], f"point {colour}")])


def _within(line: Descended, lowest: float, highest: float) -> Descended:
    """A run up to where it leaves the chart, or its gap is rounding, drawn as ``lowest``."""
    with np.errstate(invalid="ignore"):
        inside = line.gap <= highest  # what is no number is not
    end = int(np.argmin(inside)) if not inside.all() else len(inside)
    rounded = np.flatnonzero(line.gap[:end] <= lowest)
    end = int(rounded[0]) + 1 if len(rounded) else end
    gap = np.maximum(line.gap[:end], lowest)
    return Descended(line.name, line.colour, line.cost[:end], gap)


def _thinned(x: Array) -> Array:
    """Points that a picture can tell apart: at most one in so much of its width."""
    if len(x) <= MOST_POINTS:
        return np.arange(len(x))
    width = max(float(x.max() - x.min()), 1e-9) / MOST_POINTS
    place = np.floor((x - x.min()) / width)
    kept = np.flatnonzero(np.diff(place, prepend=-1.0) > 0.0)
    return np.union1d(kept, [len(x) - 1])
