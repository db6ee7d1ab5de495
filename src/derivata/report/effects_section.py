"""The section on coefficients: what a standard deviation of each feature does, with error bars."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from derivata.plain_text import clean, number, plural
from derivata.report.charts import Interval, interval_chart
from derivata.report.effects import Effect, strongest_effects
from derivata.report.parts import figure, folded, legend, paragraph, section, side_by_side, table
from derivata.report.record import RunRecord

MINUS = "\N{MINUS SIGN}"
IN_CHART = 25
CLASSES_IN_CHARTS, IN_CHART_A_CLASS = 12, 6
GROUP_COLOURS = {"numeric": "a", "category": "b", "missing": "c"}
OUTPUTS = {
    "squared": "the prediction",
    "logistic": "the log-odds of",
    "softmax": "the log-odds of its class, against the mean of all,",
    "poisson": "the log of the expected count",
}


def effects_section(record: RunRecord) -> Markup:
    """The largest standardised effects as a chart, and their coefficients as a table."""
    model = record.model
    effects, n_effects = strongest_effects(model)
    labels = tuple(dict.fromkeys(effect.label for effect in effects))
    output = OUTPUTS[model.task.family]
    if model.task.family == "logistic":
        output += f" “{clean(model.classes[1], 40)}”"
    one = len(labels) == 1
    groups = [(GROUP_COLOURS.get(name, "a"), name) for name in model.encoder.group_names]
    shown = f"The {plural(len(effects), 'largest coefficient')}"
    if len(effects) == n_effects:
        shown = "The one coefficient" if n_effects == 1 else f"All {n_effects:,} coefficients"
    return section(
        "Effects",
        _lead(effects, output),
        legend(groups) if len(groups) > 1 else Markup(""),
        _chart(effects, output) if one else _chart_a_class(effects, labels),
        folded(shown, _table(effects), len(effects)),
        paragraph(_note(effects, n_effects, labels), "note"),
    )


def _lead(effects: tuple[Effect, ...], output: str) -> str:
    strongest = max(effects, key=lambda effect: abs(effect.size))
    feature, on = clean(strongest.feature, 60), ""
    if strongest.label:
        on = f" on class “{clean(strongest.label, 30)}”"
    return (
        f"The strongest effect is that of {feature}{on}: one standard deviation more moves "
        f"{output} by {number(strongest.size, 3).replace('-', MINUS)}."
    )


def _note(effects: tuple[Effect, ...], n_effects: int, labels: tuple[str, ...]) -> str:
    words = "Coefficients are in the columns' own units, and shrunk by their penalty. "
    if len(effects) < n_effects:
        kept = f"the {len(effects):,} largest" + (" over all classes" if len(labels) > 1 else "")
        words += f"Shown are {kept} of {n_effects:,}; the model file has them all. "
    if len(labels) > CLASSES_IN_CHARTS:
        words += f"Charts show the first {CLASSES_IN_CHARTS} classes. "
    if np.isfinite(effects[0].error):
        return words + "Standard errors are posterior: they hold given the penalties found."
    return words + "Standard errors are not available for this model."


def _chart(effects: tuple[Effect, ...], output: str) -> Markup:
    shown = effects[:IN_CHART]
    of = f"The {IN_CHART} largest: what" if len(effects) > IN_CHART else "What"
    drawing = interval_chart(
        [_interval(effect) for effect in shown],
        "effect of one standard deviation",
        "Standardised effects with twice their standard errors",
        zero=True,
    )
    bars = "Bars: twice the posterior standard error." if np.isfinite(shown[0].error) else ""
    return figure(f"{of} one standard deviation of a feature adds to {output}", drawing, bars)


def _chart_a_class(effects: tuple[Effect, ...], labels: tuple[str, ...]) -> Markup:
    rows = {
        label: [_interval(effect) for effect in effects if effect.label == label]
        for label in labels[:CLASSES_IN_CHARTS]
    }
    shown = [row for own in rows.values() for row in own[:IN_CHART_A_CLASS]]
    ends = [end for row in shown for end in (row.value, row.low, row.high)]
    charts = []
    for label, own in rows.items():
        drawing = interval_chart(
            own[:IN_CHART_A_CLASS],
            "effect of one standard deviation",
            f"Strongest effects on class {clean(label, 40)}",
            zero=True,
            width=400.0,
            also=ends,
        )
        charts.append(figure(f"Class “{clean(label, 40)}”", drawing))
    return side_by_side(*charts)


def _interval(effect: Effect) -> Interval:
    twice = 2.0 * effect.error
    colour = GROUP_COLOURS.get(effect.group, "a")
    return Interval(effect.feature, effect.size, effect.size - twice, effect.size + twice, colour)


def _table(effects: tuple[Effect, ...]) -> Markup:
    of_classes, with_errors = bool(effects[0].label), bool(np.isfinite(effects[0].error))
    head = ["feature", "group", "effect of 1 sd", "coefficient"]
    head = (["class"] if of_classes else []) + head + (["std. error", "z"] if with_errors else [])
    rows = []
    for effect in effects:
        row = [effect.feature, effect.group, number(effect.size, 3), number(effect.coef, 4)]
        if of_classes:
            row.insert(0, effect.label)
        if with_errors:
            row += [number(effect.coef_error, 3), number(effect.ratio, 3)]
        rows.append(row)
    return table(head, rows, numeric=range(2 + of_classes, len(head)))
