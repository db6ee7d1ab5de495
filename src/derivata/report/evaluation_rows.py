"""The rows that decide most, and the rows whose label is doubtful."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup

from derivata.evaluation.influence import InfluenceResult
from derivata.evaluation.label_errors import LabelErrors
from derivata.plain_text import clean, number, percent, plural
from derivata.report.evaluation_record import EvaluationRecord, Refused
from derivata.report.parts import figure, paragraph, section, table

MOST_SHOWN = 12
# Labels less doubtful than this are not listed.
LEAST_DOUBT = 0.05


def influence_section(record: EvaluationRecord) -> Markup:
    """Rows, and groups of rows, whose removal changes the fit most."""
    found = record.influence
    if found is None:
        return Markup("")
    if isinstance(found, Refused):
        return section("Influence", f"Not to be had: {found.reason}")
    target = clean(record.run.model.task.target, 40)
    head = ["line", target, "predicted without it", "change", "by"]
    note = (
        f"Change: of the {found.unit}, {number(float(found.before))} with all rows. The further "
        "below zero, the more the row bends the fit to itself."
    )
    if np.isfinite(found.error) and found.error > 0.0:
        note += f" Steps are off by about {number(found.error, 1)}."
    return section(
        "Influence",
        influence_in_words(record, found),
        table(head, _influential(record, found), numeric=(0, 3)),
        paragraph(note, "note"),
        _groups(record),
    )


def influence_in_words(record: EvaluationRecord, found: InfluenceResult) -> str:
    """The row that decides most, and how much of all influence a few have."""
    size = np.nan_to_num(np.abs(found.effect), posinf=0.0)
    few = max(len(size) // 100, 1)
    share = float(np.sort(size)[::-1][:few].sum() / max(size.sum(), 1e-300))
    line = line_of(record, int(found.rows[found.ranked[0]][0]))
    return (
        f"The row that decides most is on line {line}; the {plural(few, 'row')} of largest effect, "
        f"{percent(few / len(size))} of all, have {percent(share)} of it."
    )


def _influential(record: EvaluationRecord, found: InfluenceResult) -> list[list[str]]:
    rows = []
    for place in found.ranked[:MOST_SHOWN]:
        row = int(found.rows[place][0])
        by = "a fit without" if found.refitted[place] else "one step"
        change = _signed(float(found.effect[place]))
        rows.append([line_of(record, row), *_predicted(record, row), change, by])
    return rows


def _predicted(record: EvaluationRecord, number_in_table: int) -> tuple[str, str]:
    """A row's target, and what a fit without it predicts."""
    run = record.run
    place = int(np.searchsorted(run.rows.numbers, number_in_table))
    target = run.rows.y[place]
    if run.outer is None:
        return _cell(target), "unknown"
    predicted = run.outer.predictions[place]
    if not run.model.task.classifies:
        return _cell(target), number(float(predicted))
    most = int(np.argmax(predicted))
    return str(target), f"{run.model.classes[most]}, {percent(float(predicted[most]))}"


def _signed(change: float) -> str:
    return f"+{number(change, 3)}" if change > 0 else number(change, 3)


def _cell(value: Any) -> str:
    return str(value) if isinstance(value, str) else number(float(value))


def _groups(record: EvaluationRecord) -> Markup:
    """The same of groups of rows that share a word."""
    found = record.groups
    if found is None or isinstance(found, Refused):
        return Markup("")
    rows = [
        [found.names[place], f"{len(found.rows[place]):,}", _signed(float(found.effect[place]))]
        for place in found.ranked[:MOST_SHOWN]
    ]
    return figure(
        "Rows that share a word, taken out together",
        table(["rows where", "rows", "change"], rows, numeric=(1, 2)),
        "By fits without them.",
    )


def labels_section(record: EvaluationRecord) -> Markup:
    """Labels that the other rows contradict; nothing where there are no classes."""
    found = record.label_errors
    if found is None:
        return Markup("")
    if isinstance(found, Refused):
        return section("Labels", f"Not to be had: {found.reason}")
    rows = doubtful_rows(record, found)
    lead = labels_in_words(found)
    if not rows:
        return section("Labels", lead)
    head = ["line", clean(record.run.model.task.target, 40), "perhaps", "wrong with"]
    return section(
        "Labels",
        lead,
        table(head, rows, numeric=(0, 3)),
        paragraph(
            "A probability holds as far as the model does: rows that it cannot describe look "
            "mislabelled too. Look at them before changing a label.",
            "note",
        ),
    )


def labels_in_words(found: LabelErrors) -> str:
    """How many labels are doubtful."""
    likely = len(found.likely)
    many = plural(likely, "label") if likely else "No label"
    return (
        f"{many} of {len(found.kept):,} {'is' if likely < 2 else 'are'} more likely wrong than "
        f"right, by what the other rows say; {percent(found.rate)} of all are estimated to be "
        "wrong."
    )


def doubtful_rows(record: EvaluationRecord, found: LabelErrors) -> list[list[str]]:
    """Line, label, likeliest other one and probability, most doubtful first."""
    places = np.searchsorted(found.kept, found.rows[:MOST_SHOWN])
    return [
        [
            line_of(record, int(found.kept[place])),
            str(found.labels[place]),
            str(found.suggested[place]),
            percent(float(found.probability[place])),
        ]
        for place in places
        if found.probability[place] >= LEAST_DOUBT
    ]


def line_of(record: EvaluationRecord, number_in_table: int) -> str:
    """The line of the file that a row of the table stands on; its number if it has none."""
    rows = record.run.rows
    place = int(np.searchsorted(rows.numbers, number_in_table))
    lines = rows.features.lines
    return f"{number_in_table + 1 if lines is None else int(lines[place]):,}"
