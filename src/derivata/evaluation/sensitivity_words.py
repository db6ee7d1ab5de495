"""A ``Sensitivity`` as tables, and each hyperparameter in a few words.

The words weigh predicted changes against 1 % of the criterion's own standard error over rows
(evidence: of one nat), far less than what its choice can be told by:

    at its minimum        the predicted minimum is within a factor of two and would gain less than
                          that, while twice the value would lose more
    flat                  10 % of the value moves the criterion by less than that
    on a slope            anything else: the value was not tuned by this criterion

Maths: docs/math/sensitivity.md
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from derivata.plain_text import clean, number, plural

if TYPE_CHECKING:
    from derivata.evaluation.measurement_error import ColumnSensitivity
    from derivata.evaluation.sensitivity_result import HyperSensitivity, Moved, Sensitivity

SHARE = 0.01
TENTH, TWICE = float(np.log(1.1)), float(np.log(2.0))
# Slopes within so many of their own standard errors might be none.
CLEAR = 2.0


def verdict_of(hyper: HyperSensitivity, error: float, *, is_tuned: bool) -> str:
    """A hyperparameter in words; ``error`` is the criterion's standard error, NaN in nats."""
    least = SHARE * (error if np.isfinite(error) else 1.0)
    slope, bend = hyper.slope, hyper.curvature
    if bend > 0.0 and abs(slope) <= TWICE * bend and 0.5 * TWICE**2 * bend > least:
        if slope**2 / (2.0 * bend) <= least:
            return "at its minimum"
    curved = 0.5 * TENTH**2 * abs(bend) if np.isfinite(bend) else 0.0
    if TENTH * abs(slope) + curved <= least:
        return "flat: a tenth more or less changes next to nothing"
    way = "smaller" if slope > 0.0 else "larger"
    told = "was not tuned by this criterion"
    if is_tuned:
        told = "was tuned otherwise than by this criterion alone"
    unclear = np.isfinite(hyper.slope_error) and abs(slope) <= CLEAR * hyper.slope_error
    doubt = "; the rows cannot tell this slope from none" if unclear else ""
    return f"on a slope: a {way} {hyper.name} would lower it; it {told}{doubt}"


def table_of(made: Sensitivity) -> str:
    """Both tables, with a word on what the numbers are."""
    unit = "nats" if made.in_nats else "a row"
    error = "" if made.in_nats else f" ± {number(made.standard_error, 2)}"
    lines = [f"{clean(made.model)}: {made.criterion} {number(made.value)}{error} ({unit})"]
    if made.hyper:
        head = ("hyperparameter", "value", "elasticity", "slope", "at -10 %", "refitted")
        head = (*head, "at +10 %", "refitted", "predictions", "in errors")
        lines += ["", *_aligned([head, *(_hyper(each, made.in_nats) for each in made.hyper)])]
        lines += _verdicts(made)
        lines += [_changes(each.name, moved) for each in made.hyper for moved in _changing(each)]
        lines += [
            "",
            "elasticity: per cent of the criterion for one per cent of the value; slope: change of "
            "the",
            "criterion for the log of the value, with its standard error over rows; predictions: "
            "their",
            "root mean square slope in their own unit, and in their standard errors.",
        ]
    if made.columns:
        with_fit = any(np.isfinite(column.coefficient) for column in made.columns)
        head = ("column", "error", "predictions", "largest", "in errors", "held-out loss")
        head = (*head, "coefficient", "attenuation") if with_fit else head
        rows = [_column(each, with_fit) for each in made.columns]
        lines += ["", *_aligned([head, *rows])]
        lines += [
            "error: standard deviation of the error of measurement; predictions: root mean square "
            "of their",
            "change; held-out loss: expected change of its mean.",
        ]
        if with_fit:
            lines.append(
                "attenuation: share of the coefficient lost if the model is fitted with such "
                "errors."
            )
    return "\n".join([*lines, *(f"Note: {note}" for note in made.notes)])


def _hyper(hyper: HyperSensitivity, in_nats: bool) -> tuple[str, ...]:
    ends = []
    for factor in (0.9, 1.1):
        moved = hyper.at(factor)
        ends += ["", ""] if moved is None else [_signed(moved.predicted), _signed(moved.refitted)]
    slope = _signed(hyper.slope)
    return (
        clean(hyper.name, 40),
        number(hyper.value, 3),
        f"{hyper.elasticity:+.2g} %",
        slope if in_nats else f"{slope} ± {number(hyper.slope_error, 2)}",
        *ends,
        number(hyper.prediction_rms, 3),
        number(hyper.prediction_rms_errors, 2),
    )


def _verdicts(made: Sensitivity) -> list[str]:
    """What is said of each, once for those of which the same is said."""
    said: dict[str, list[str]] = {}
    for each in made.hyper:
        said.setdefault(each.verdict, []).append(clean(each.name, 40))
    return [f"{', '.join(names)}: {verdict}." for verdict, names in said.items()]


def _changing(hyper: HyperSensitivity) -> list[Moved]:
    return [moved for moved in hyper.moved if moved.leaps]


def _changes(name: str, moved: Moved) -> str:
    percent = f"{100.0 * (moved.factor - 1.0):+.0f} %"
    parts = [
        f"{', '.join(clean(each, 40) for each in names[:8])}{' ...' * (len(names) > 8)} {verb}"
        for names, verb in ((moved.entered, "entered"), (moved.left, "left"))
        if names
    ]
    if moved.n_crossed:
        parts.append(f"{plural(moved.n_crossed, 'row')} crossed the kink of the loss")
    for count, told in (
        (moved.n_bounds, "came to rest on other bounds"),
        (moved.n_minima, "ended in another minimum"),
    ):
        if count:
            parts.append(f"{plural(count, 'fit')} {told}")
    return f"{name} {percent}: {'; '.join(parts)}; no prediction holds beyond such a leap."


def _column(column: ColumnSensitivity, with_fit: bool) -> tuple[str, ...]:
    cells = (
        clean(column.name, 40),
        number(column.error, 3),
        number(column.prediction_change, 3),
        number(column.prediction_change_max, 3),
        number(column.in_errors, 2),
        _signed(column.loss_change),
    )
    if not with_fit:
        return cells
    if not np.isfinite(column.coefficient):
        return (*cells, "", "")
    return (*cells, number(column.coefficient, 3), f"{100.0 * column.attenuation:.2g} %")


def _signed(value: float) -> str:
    return "unknown" if np.isnan(value) else f"{value:+.3g}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines: the first column to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            f"{cell:{'<' if not place else '>'}{width}}"
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in rows
    ]
