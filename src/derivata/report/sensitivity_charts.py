"""How a criterion answers to each hyperparameter: elasticities, and what refits say of predictions.

Every function takes a ``Sensitivity`` and returns inline SVG, or nothing where there is nothing to
draw.
"""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from derivata.evaluation.measurement_error import ColumnSensitivity
from derivata.evaluation.sensitivity_result import HyperSensitivity, Sensitivity
from derivata.plain_text import clean, number
from derivata.report.axes import Axes, Scale, dots, joined, label_room, picture, polyline
from derivata.report.charts import Interval, interval_chart
from derivata.report.parts import figure, legend, side_by_side

# Curves of more hyperparameters than this are not drawn; bars of more would be too many to read.
MOST_CURVES, MOST_BARS = 6, 40
N_POINTS = 41
TICKS = (0.9, 0.95, 1.0, 1.05, 1.1)
MINUS = "\N{MINUS SIGN}"
NO_END = float("nan")
LEGEND = (
    ("a", "predicted: slope and curvature"),
    ("b", "refitted"),
    ("c", "refitted, beyond a leap"),
)


def sensitivity_pictures(made: Sensitivity) -> Markup:
    """All pictures of a sensitivity, with their names; empty for a model without a penalty."""
    parts = []
    bars = elasticity_chart(made)
    if bars:
        parts.append(figure(f"Change of the criterion ({made.criterion}) for 1 % of a value", bars))
    shown = [each for each in made.hyper if each.moved][:MOST_CURVES]
    if shown:
        curves = [
            figure(f"{clean(each.name, 40)} (is {number(each.value, 3)})", curve)
            for each in shown
            if (curve := response_chart(made, each))
        ]
        others = any(moved.leaps for each in shown for moved in each.moved)
        parts += [side_by_side(*curves), legend(LEGEND if others else LEGEND[:2])]
    bars = column_chart(made)
    if bars:
        parts.append(figure("Change of predictions by errors of measurement", bars))
    return joined(parts)


def elasticity_chart(made: Sensitivity) -> Markup:
    """The elasticity of the criterion by each hyperparameter, twice its standard error around."""
    chosen = sorted(made.hyper, key=lambda each: -abs(each.slope))[:MOST_BARS]
    kept = [each for each in made.hyper if each in chosen and np.isfinite(each.elasticity)]
    if not kept:
        return Markup("")
    rows = []
    for each in kept:
        error = 2.0 * each.slope_error / abs(made.value)
        note = f"{each.elasticity:+.2g} %".replace("-", MINUS)
        ends = (each.elasticity - error, each.elasticity + error)
        rows.append(Interval(each.name, each.elasticity, *ends, "a", note))
    label = "per cent of the criterion for one per cent of the value"
    return interval_chart(rows, label, "Elasticity of the criterion", zero=True)


def response_chart(made: Sensitivity, hyper: HyperSensitivity) -> Markup:
    """The predicted change of the criterion along one hyperparameter, and refits as points.

    Parameters
    ----------
    made : Sensitivity             that it is of
    hyper : HyperSensitivity       with refits

    Returns
    -------
    svg : Markup                   empty without a refit that could be judged
    """
    refits = [moved for moved in hyper.moved if np.isfinite(moved.refitted)]
    if not refits:
        return Markup("")
    ends = [moved.factor for moved in hyper.moved]
    factors = np.linspace(min(*ends, 1.0), max(*ends, 1.0), N_POINTS)
    steps = np.log(factors)
    bend = hyper.curvature if np.isfinite(hyper.curvature) else 0.0
    straight = steps * hyper.slope
    curve = straight + 0.5 * steps * steps * bend
    heights = [*curve, *straight, *(moved.refitted for moved in refits)]
    x_scale, y_scale = Scale.around(factors), Scale.around(heights, pad=0.1)
    axes = Axes(x_scale, y_scale, left=label_room(y_scale))
    ticks = [f for f in TICKS if factors[0] - 1e-9 <= f <= factors[-1] + 1e-9]
    places = [(float(axes.px(f)), _percent(100.0 * (f - 1.0))) for f in ticks]
    y_label = f"change of the criterion ({'nats' if made.in_nats else 'a row'})"
    parts = [axes.frame(clean(hyper.name, 40), y_label, x_places=places)]
    parts.append(polyline(axes.px(factors), axes.py(straight), "reference"))
    parts.append(polyline(axes.px(factors), axes.py(curve), "line a"))
    for css, kept in (("b", False), ("c", True)):
        own = [moved for moved in refits if moved.leaps is kept]
        x = axes.px(np.array([moved.factor for moved in own]))
        parts.append(dots(x, axes.py(np.array([m.refitted for m in own])), f"dot large {css}"))
    title = f"Change of the criterion along {clean(hyper.name, 40)}, predicted and refitted"
    return picture(axes.width, axes.height, title, parts)


def _percent(change: float) -> str:
    return f"{change:+.0f} %".replace("-", MINUS) if abs(change) > 0.5 else "as fitted"


def column_chart(made: Sensitivity) -> Markup:
    """The root mean square change of predictions, in standard errors, of each column."""
    if not made.columns:
        return Markup("")
    rows = [_column(each) for each in sorted(made.columns, key=lambda c: -c.in_errors)[:MOST_BARS]]
    label = "root mean square change, in standard errors of the outputs"
    return interval_chart(rows, label, "Predictions and errors of measurement", zero=True)


def _column(column: ColumnSensitivity) -> Interval:
    note = number(column.in_errors, 2)
    return Interval(column.name, column.in_errors, NO_END, NO_END, "a", note)
