"""The section on effects: a picture a term, strongest first, and a table of all terms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from derivata.estimators.term_summary import TermRow
from derivata.plain_text import clean, number, plural
from derivata.report.charts import ROW
from derivata.report.effect_charts import (
    COLOURS,
    OutputScale,
    curve_chart,
    levels_chart,
    spread,
    surface_chart,
)
from derivata.report.effects import MOST_CLASSES, EffectReader
from derivata.report.parts import figure, folded, legend, paragraph, section, table, two_columns
from derivata.report.pictured import CurveEffect, LevelsEffect, Picture
from derivata.report.record import RunRecord
from derivata.report.words import output_scale, p_value_in_words, share_in_words, term_kind

MINUS = "\N{MINUS SIGN}"
MOST_PICTURES, MOST_ROWS, MOST_SHRUNK = 24, 300, 12
# A weak effect's axis spans at least this part of the strongest's, so that it looks weak.
LEAST_SPAN = 0.2


def effects_section(record: RunRecord) -> Markup:
    """What each term adds to the output, as pictures, and all terms in a table."""
    rows = record.terms
    drawn = [row for row in rows if not row.shrunk]
    reader, scale = EffectReader.of(record.model), output_scale(record.model)
    chosen: list[tuple[TermRow, Picture]] = []
    for row in drawn:
        if len(chosen) >= MOST_PICTURES:
            break
        chosen += [(row, one) for one in reader.pictures(row.label)]
    chosen = chosen[:MOST_PICTURES]
    span = LEAST_SPAN * max((_span(one) for _, one in chosen), default=0.0)
    return section(
        "Effects",
        _lead(record, drawn),
        legend(list(zip(COLOURS, reader.names, strict=False)))
        if len(reader.names) > 1
        else Markup(""),
        two_columns([(_figure(row, one, scale, span), _height(one)) for row, one in chosen]),
        paragraph(_note(record, drawn, chosen), "note"),
        folded(f"The {plural(len(rows), 'term')}", _table(record, rows), len(rows)),
        paragraph(_table_note(len(rows)), "note"),
    )


def _lead(record: RunRecord, drawn: Sequence[TermRow]) -> str:
    if not drawn:
        return "No column helps to predict: every term was shrunk to nothing."
    strongest = drawn[0]
    words = (
        f"The strongest effect is that of {clean(strongest.label, 60)}: "
        f"{share_in_words(strongest.share)} of the variation of what the model predicts."
    )
    shrunk = [clean(row.label, 40) for row in record.terms if row.shrunk]
    if shrunk:
        more = f" and {len(shrunk) - MOST_SHRUNK:,} more" if len(shrunk) > MOST_SHRUNK else ""
        what = "it was" if len(shrunk) == 1 else "they were"
        words += (
            f" The data do not support {', '.join(shrunk[:MOST_SHRUNK])}{more}: {what} shrunk to "
            "nothing."
        )
    return words


def _figure(row: TermRow, one: Picture, scale: OutputScale, span: float) -> Markup:
    note = ""
    if isinstance(one, CurveEffect):
        drawing = curve_chart(one, scale, span)
        levels = [series.name for series in one.series]
        if row.label != one.column and len(levels) > 1 and levels != [""]:
            drawing = legend(list(zip(COLOURS, levels, strict=False))) + drawing
            note = "With what each of the two columns does alone."
    elif isinstance(one, LevelsEffect):
        drawing = levels_chart(one, scale, span)
        if one.n_levels > len(one.levels):
            note = f"The {len(one.levels)} commonest of {one.n_levels:,} levels."
    else:
        drawing = surface_chart(one, scale)
        note = "Beyond what each of the two columns does alone."
        most = float(np.abs(one.effect).max())
        if scale.multiplies and most < 300:
            note += f" Darkest: {scale.multiplies} ×{np.exp(most):.3g} or ×{np.exp(-most):.3g}."
    part = "part of " if one.label != row.label else ""
    title = f"{clean(one.label, 60)} · {part}{share_in_words(row.share)}"
    return figure(title, drawing, note)


def _height(one: Picture) -> float:
    """About how high a figure is, in the units of its drawing."""
    return 170.0 + ROW * len(one.levels) if isinstance(one, LevelsEffect) else 370.0


def _note(
    record: RunRecord, drawn: Sequence[TermRow], chosen: Sequence[tuple[TermRow, Picture]]
) -> str:
    known = record.model.model.covariance is not None
    words = "Per cent: share of the variation of the sum of all effects over the rows."
    if any(row.share < -5e-4 for row in drawn):
        words += " It is negative where a term takes back part of what others say."
    if known:
        words += (
            " Bands and bars: 95 % posterior intervals of each point, the uncertainty of the "
            "penalties included; wide ones are cut off."
        )
    else:
        words += " The model has too many coefficients for error bars."
    words += " Marks at the foot: 101 quantiles of the rows."
    n_shown = len({row.label for row, _ in chosen})
    if n_shown < len(drawn):
        words += f" Drawn are the {n_shown} strongest of {len(drawn):,} terms."
    n_classes = len(record.model.classes)
    if n_classes > 2:
        words += " A class's score is its log-odds against the mean of all classes."
        if n_classes > MOST_CLASSES:
            words += f" Drawn are the first {MOST_CLASSES} of {n_classes} classes."
    return words


def _table(record: RunRecord, rows: Sequence[TermRow]) -> Markup:
    head = ["term", "what it is", "share", "strength", "effective parameters", "p-value", ""]
    made = []
    for row in rows[:MOST_ROWS]:
        effective = f"{row.effective_params:.1f} of {row.n_features:,}"
        if np.isnan(row.effective_params):
            effective = f"{row.n_features:,} coefficients"
        made.append(
            [
                row.label,
                term_kind(record.model.model, row.label),
                share_in_words(row.share),
                "0" if row.shrunk else number(row.strength, 3),
                effective,
                p_value_in_words(row.p_value),
                "shrunk to nothing" if row.shrunk else "",
            ]
        )
    return table(head, made, numeric=(2, 3, 4, 5))


def _table_note(n_rows: int) -> str:
    words = (
        "Strength: standard deviation of the term's effect over the rows. Effective parameters: "
        "how many of its coefficients the data decide. p-value: that the term has no effect, given "
        "the penalties found."
    )
    if n_rows > MOST_ROWS:
        words += f" {n_rows - MOST_ROWS:,} weaker terms are listed in summary.json."
    return words


def _span(one: Picture) -> float:
    if isinstance(one, CurveEffect | LevelsEffect):
        scale = spread(one.series)
        return scale.high - scale.low
    return 2.0 * float(np.abs(one.effect).max())
