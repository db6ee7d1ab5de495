"""What ``derivata explain`` prints of a row: the baseline, what each term adds, the prediction.

A prediction is the baseline plus the sum of contributions, on the scale of the effects; where that
is a logarithm, the baseline's mean times the product of their exponentials.
"""

from __future__ import annotations

import numpy as np

from derivata.cli.explained import ExplainedRows
from derivata.evaluation.attribution import SCORES
from derivata.evaluation.contribution_lines import decimals_of, fixed, signed_bar
from derivata.plain_text import clean, number, percent
from derivata.terms import FittedMissing

LONGEST_NAME, LONGEST_CELL = 48, 24
# What this file writes beyond ASCII.
PLAIN = str.maketrans({"“": '"', "”": '"', "×": "x", "…": "~"})


def told(explained: ExplainedRows, place: int, most: int, *, plain: bool = False) -> str:
    """The lines of one row.

    Parameters
    ----------
    explained : ExplainedRows
    place : int                    which of the rows
    most : int                     terms to name; the others are summed
    plain : bool                   for terminals that know ASCII alone
    """
    found, names = explained.found, _names(explained, place)
    values, order = found.values[place], found.order(place)
    shown, rest = order[:most], order[most:]
    lines = [(names[j], float(values[j])) for j in shown]
    if len(rest):
        title = names[rest[0]] if len(rest) == 1 else f"{len(rest):,} other terms"
        lines.append((title, float(values[rest].sum())))
    first, last = float(found.baseline_output[place]), float(found.output[place])
    largest = max((abs(float(value)) for value in values[shown]), default=0.0)
    digits = decimals_of([value for _, value in lines])
    change = float(values.sum())
    before, after = _levels(explained, place)
    # The others together have no bar: theirs could dwarf those of all that are named.
    bars = [signed_bar(float(value), largest, plain=plain) for value in values[shown]] + [""]
    cells = [
        ("baseline", fixed(first, digits), before, ""),
        *(
            (name, fixed(value, digits, signed=True), _factor(explained, value), bar)
            for (name, value), bar in zip(lines, bars, strict=False)
        ),
        ("sum", fixed(change, digits, signed=True), _factor(explained, change), ""),
        ("prediction", fixed(last, digits), after, ""),
    ]
    error = float(found.completeness_error[place])
    ending = f"contributions miss the change by {error:.1e} (completeness error)"
    text = "\n".join([*_head(explained, place), "", *_columns(cells), "", ending])
    return text.translate(PLAIN) if plain else text


def _head(explained: ExplainedRows, place: int) -> list[str]:
    rows, model = explained.rows, explained.model
    where = f"row {explained.number[place]:,} of {clean(rows.source)}"
    if rows.lines is not None:
        where += f" (line {rows.lines[place]:,})"
    predicted = explained.prediction[place]
    words = clean(predicted) if isinstance(predicted, str) else number(float(predicted), 6)
    lines = [where, f"predicted {clean(model.task.target)}: {words}"]
    scale = explained.found.scale
    if explained.classes:
        scale += f" of “{clean(explained.classes[place])}”"
    kind = "shares of" if explained.response else "effects on"
    lines.append(f"{kind} the {scale}, against the mean over the rows of the fit")
    if len(model.classes) > 2 and not explained.response:
        lines.append(SCORES)
    return lines


def _levels(explained: ExplainedRows, place: int) -> tuple[str, str]:
    """The baseline and the prediction as means or probabilities, where outputs are neither."""
    if not explained.is_log:
        return "", ""
    means = explained.responses
    ends = float(means.baseline_output[place]), float(means.output[place])
    words = percent if explained.classes else number
    return f"= {words(ends[0])}", f"= {words(ends[1])}"


def _factor(explained: ExplainedRows, value: float) -> str:
    """What a contribution to a logarithm multiplies by: means, or odds."""
    if not explained.is_log:
        return ""
    with np.errstate(over="ignore"):
        return f"× {number(float(np.exp(value)), 3)}"


def _columns(cells: list[tuple[str, str, str, str]]) -> list[str]:
    names = [clean(name, LONGEST_NAME) for name, *_ in cells]
    wide = max(map(len, names))
    digits = max(len(text) for _, text, _, _ in cells)
    beside = max(len(text) for _, _, text, _ in cells)
    lines = []
    for name, (_, text, more, bar) in zip(names, cells, strict=True):
        more = f"  {more:<{beside}}" if beside else ""
        lines.append(f"{name:{wide}}  {text:>{digits}}{more}  {bar}".rstrip())
    return lines


def _names(explained: ExplainedRows, place: int) -> list[str]:
    """Each term with the cells that it reads: ``rooms = 6.5``, ``a × b = 3, red``.

    An exposure that the table does not have is a unit.
    """
    names = []
    terms = explained.model.encoder.terms
    for j, label in enumerate(explained.found.names):
        cells = [explained.cell(name, place) for name in explained.columns_of(j)]
        if j < len(terms) and isinstance(terms[j], FittedMissing):
            names.append(f"{label}: {'yes' if cells[0] is None else 'no'}")
        elif cells:
            names.append(f"{label} = {', '.join(map(_in_words, cells))}")
        else:
            names.append(f"{label}: a unit")
    return names


def _in_words(cell: str | float | None) -> str:
    if cell is None:
        return "missing"
    return clean(cell, LONGEST_CELL) if isinstance(cell, str) else f"{cell:.6g}"
