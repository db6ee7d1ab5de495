"""Pictures of effects, as inline SVG: curves with bands, levels with intervals, surfaces.

Sizes are bounded whatever the model: a curve has the points it is given, cells of a surface of one
shade are one path, and neighbours in a row are one rectangle.
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
    factor_ticks,
    joined,
    label_room,
    line,
    picture,
    polyline,
    text,
)
from derivata.report.charts import ROW, named
from derivata.report.pictured import CurveEffect, LevelsEffect, Series, SurfaceEffect

COLOURS = "abcdef"
SHADES = 5
# Bands of more lines than this hide one another.
MOST_BANDS = 3
# Of what the lines of a picture move, where there is one line and where there are more.
BAND_ROOM = (1.5, 0.5)
FACTOR_ROOM = 56.0


@dataclass(frozen=True)
class OutputScale:
    """What effects are measured in.

    Parameters
    ----------
    adds_to : str                  "adds to the log of the expected price"
    multiplies : str               what exp(effect) multiplies: "the odds"; "" if nothing
    """

    adds_to: str
    multiplies: str = ""


def curve_chart(effect: CurveEffect, scale: OutputScale, least_span: float = 0.0) -> Markup:
    """Lines with their bands over the range of a column, quantiles of its cells at the foot.

    Parameters
    ----------
    effect : CurveEffect
    scale : OutputScale
    least_span : float             of the vertical axis, so that weak effects look weak

    Returns
    -------
    svg : Markup
    """
    y_scale = spread(effect.series, least_span)
    x_scale = Scale.around(effect.x, pad=0.01)
    right = FACTOR_ROOM if scale.multiplies else 14.0
    axes = Axes(x_scale, y_scale, left=label_room(y_scale), right=right)
    places = [(float(axes.px(x)), label) for x, label in effect.places] or None
    parts = [axes.frame(effect.column, scale.adds_to, x_places=places)]
    if scale.multiplies:
        parts.append(axes.factors(scale.multiplies))
    zero = float(axes.py(0.0))
    parts.append(line(axes.left, zero, axes.width - axes.right, zero, "reference"))
    x, faint = axes.px(effect.x), "faint " if len(effect.series) > 1 else ""
    parts.append(_rug(axes, effect.rug))
    if len(effect.series) <= MOST_BANDS:
        for colour, one in zip(COLOURS, effect.series, strict=False):
            if np.isfinite(one.lower).all():
                parts.append(
                    area(x, axes.py(one.lower), axes.py(one.upper), f"band {faint}{colour}")
                )
    for colour, one in zip(COLOURS, effect.series, strict=False):
        parts.append(polyline(x, axes.py(one.effect), f"line {colour}"))
    return picture(axes.width, axes.height, f"Effect of {effect.label}", parts)


def levels_chart(effect: LevelsEffect, scale: OutputScale, least_span: float = 0.0) -> Markup:
    """Levels one below the other, a dot with its interval for each line.

    Parameters
    ----------
    effect : LevelsEffect
    scale : OutputScale
    least_span : float             of the horizontal axis

    Returns
    -------
    svg : Markup
    """
    x_scale = spread(effect.series, least_span)
    longest = max(len(level) for level in effect.levels)
    left = min(7.4 * longest + 24.0, 400.0 / 3)
    top = 46.0 if scale.multiplies else 8.0
    height = len(effect.levels) * ROW + top + 50.0
    axes = Axes(x_scale, Scale(0, 1), 400.0, height, left, 12.0, top, 44.0)
    bottom = height - axes.bottom
    parts = []
    for value, label in x_scale.labelled(5):
        x = float(axes.px(value))
        parts.append(line(x, top, x, bottom, "grid"))
        parts.append(text(x, bottom + 18, label, "tick middle"))
    parts.append(text((left + 388.0) / 2, height - 4, scale.adds_to, "label middle"))
    if scale.multiplies:
        for value, label in factor_ticks(x_scale.low, x_scale.high, 5):
            x = float(axes.px(value))
            parts.append(line(x, top - 4, x, top, "axis"))
            parts.append(text(x, top - 8, label, "tick middle"))
        parts.append(text((left + 388.0) / 2, top - 30, scale.multiplies, "label middle"))
    parts.append(line(float(axes.px(0.0)), top, float(axes.px(0.0)), bottom, "reference"))
    n_series = len(effect.series)
    for place, level in enumerate(effect.levels):
        y = top + (place + 0.6) * ROW
        parts.append(named(0.0, y + 4, level, int((left - 24.0) / 7.0)))
        for turn, (colour, one) in enumerate(zip(COLOURS, effect.series, strict=False)):
            at = y + (turn - 0.5 * (n_series - 1)) * min(12.0 / n_series, 5.0)
            low, value, high = (
                float(axes.px(ends[place])) for ends in (one.lower, one.effect, one.upper)
            )
            if np.isfinite(one.lower[place]) and n_series <= MOST_BANDS:
                parts.append(line(low, at, high, at, f"whisker {colour}"))
            size = "large " if n_series == 1 else ""
            parts.append(dots(np.array([value]), np.array([at]), f"dot {size}{colour}"))
    return picture(400.0, height, f"Effect of {effect.label}", parts)


def surface_chart(effect: SurfaceEffect, scale: OutputScale, least_span: float = 0.0) -> Markup:
    """A grid of shades, one colour above zero and one below, with their values beside it.

    Parameters
    ----------
    effect : SurfaceEffect
    scale : OutputScale
    least_span : float             twice the value of the darkest shade, at least

    Returns
    -------
    svg : Markup
    """
    most = max(float(np.abs(effect.effect).max()), 0.5 * least_span, 1e-12)
    x_edges, y_edges = _edges(effect.x), _edges(effect.y)
    y_scale = Scale(float(y_edges[0]), float(y_edges[-1]))
    axes = Axes(
        Scale(float(x_edges[0]), float(x_edges[-1])),
        y_scale,
        left=label_room(y_scale),
        right=74.0,
    )
    px, py = axes.px(x_edges), axes.py(y_edges)
    shade = np.ceil(SHADES * np.abs(effect.effect) / most - 0.5).astype(int)
    signed = np.clip(shade, 0, SHADES) * np.sign(effect.effect).astype(int)
    parts = [axes.frame(*effect.columns)]
    for level in (*range(-SHADES, 0), *range(1, SHADES + 1)):
        path = _runs(signed == level, px, py)
        if path:
            parts.append(_shaded(path, level))
    parts.append(_colour_bar(axes, most))
    turned = Markup(
        '<text transform="translate({:.1f} {:.1f}) rotate(90)" class="label middle">{}</text>'
    )
    middle = 0.5 * (axes.top + axes.height - axes.bottom)
    parts.append(turned.format(axes.width - 9, middle, clean(scale.adds_to, 60)))
    return picture(axes.width, axes.height, f"Effect of {effect.label}", parts)


def spread(series: Sequence[Series], least_span: float = 0.0) -> Scale:
    """A scale that holds all lines, zero and their bands, of at least ``least_span``.

    Bands that reach farther beyond the lines than these move (`BAND_ROOM`) are cut off there.
    """
    values = np.concatenate([[0.0], *(one.effect for one in series)])
    low, high = float(values.min()), float(values.max())
    room = BAND_ROOM[len(series) > 1] * max(high - low, 0.5 * least_span)
    for one in series if len(series) <= MOST_BANDS else ():
        ends = np.concatenate([one.lower, one.upper])
        ends = ends[np.isfinite(ends)]
        if ends.size:
            low = min(low, max(float(ends.min()), low - room))
            high = max(high, min(float(ends.max()), high + room))
    short = least_span - (high - low)
    if short > 0:
        low, high = low - 0.5 * short, high + 0.5 * short
    return Scale.around(np.array([low, high]))


def _rug(axes: Axes, values: Array) -> Markup:
    """Short marks at the foot where the training cells lie."""
    if not len(values):
        return Markup("")
    foot = axes.height - axes.bottom
    marks = "".join(f"M{x:.1f} {foot:.0f}v-5" for x in axes.px(values))
    return Markup('<path d="{}" class="rug"/>').format(marks)


def _edges(middles: Array) -> Array:
    """The borders of cells of equal width about their middles."""
    half = 0.5 * float(middles[1] - middles[0]) if len(middles) > 1 else 0.5
    return np.append(middles - half, middles[-1] + half)


def _runs(cells: Array, px: Array, py: Array) -> str:
    """Rectangles, one for each run of cells (m_x, m_y) along x."""
    path = []
    for row in range(cells.shape[1]):
        marked = np.flatnonzero(np.diff(np.concatenate([[0], cells[:, row], [0]]).astype(int)))
        height = float(py[row] - py[row + 1])
        for start, stop in zip(marked[::2], marked[1::2], strict=True):
            width = float(px[stop] - px[start])
            path.append(
                f"M{px[start]:.1f} {py[row + 1]:.1f}h{width:.1f}v{height:.1f}h-{width:.1f}z"
            )
    return "".join(path)


def _shaded(path: str, level: int) -> Markup:
    return Markup('<path d="{}" class="cell {}" fill-opacity="{:.2f}"/>').format(
        path, "a" if level > 0 else "b", abs(level) / SHADES
    )


def _colour_bar(axes: Axes, most: float) -> Markup:
    """The shades from the top value to the bottom one, with round values beside them."""
    scale = Scale(-most * (1 + 0.5 / SHADES), most * (1 + 0.5 / SHADES))
    left, top, bottom = axes.width - axes.right + 14.0, axes.top, axes.height - axes.bottom
    parts = []
    for level in range(-SHADES, SHADES + 1):
        ends = [float(scale.at((level + side) * most / SHADES)) for side in (-0.5, 0.5)]
        low, high = (bottom - end * (bottom - top) for end in ends)
        if level:
            path = f"M{left:.1f} {high:.1f}h10v{low - high:.1f}h-10z"
            parts.append(_shaded(path, level))
    for value, label in scale.labelled(5):
        y = bottom - float(scale.at(value)) * (bottom - top)
        parts.append(text(left + 15.0, y + 4.0, clean(label, 12), "tick"))
    return joined(parts)
