"""What ``derivata evaluate`` prints: the findings in a dozen lines or two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from derivata.evaluation.leave_one_out import LeaveOneOutResult
from derivata.plain_text import clean, number, percent, plural
from derivata.report.evaluation_fit import (
    evidence_in_words,
    sensitivity_in_words,
    terms_in_words,
)
from derivata.report.evaluation_record import EvaluationRecord, Refused
from derivata.report.evaluation_rows import doubtful_rows, influence_in_words, labels_in_words
from derivata.report.evaluation_words import promise_in_words
from derivata.report.words import family_in_words, metrics_in_words

WIDTH, LONGEST = 14, 400
MOST_LABELS = 5


def told(record: EvaluationRecord, folder: str) -> str:
    """The lines to print.

    Parameters
    ----------
    record : EvaluationRecord
    folder : str                   where it was written

    Returns
    -------
    text : str                     lines without a last line end
    """
    lines = [
        *_data(record),
        *_score(record),
        *_calibration(record),
        *_spread(record),
        *_fit(record),
        *_labels(record),
        "",
        f"{clean(folder)}: evaluation.html, evaluation.json",
    ]
    return "\n".join(lines)


def _data(record: EvaluationRecord) -> list[str]:
    run = record.run
    return [
        _line("table", f"{clean(run.file_name)}: {plural(run.n_rows_read, 'row')}"),
        _line("", record.recognised),
        _line("family", family_in_words(run.model)),
    ]


def _score(record: EvaluationRecord) -> list[str]:
    lines = [_line("score", promise_in_words(record).replace("±", "+-"))]
    if record.run.outer is not None:
        lines.append(_line("", metrics_in_words(record.run)))
    found = record.leave_one_out
    if isinstance(found, LeaveOneOutResult):
        words = (
            f"approximation error {number(found.approximation_error, 1)}, "
            f"{plural(found.n_refits, 'refit')}; on its own rows {number(found.fitted_score)}, "
            f"optimism {number(found.optimism, 2)}"
        )
        lines.append(_line("leave-one-out", words))
    return lines


def _calibration(record: EvaluationRecord) -> list[str]:
    found = record.calibration
    if isinstance(found, Refused):
        return [_line("calibration", f"not to be had: {found.reason}")]
    lines = [_line("calibration", found.verdict())]
    lines += [_line("", str(part)) for part in found.parts]
    for place, one in enumerate(found.rankings):
        of = f"of {clean(one.label, 30)}: " if len(found.rankings) > 1 else ""
        words = (
            f"{of}ROC area {one.roc}, average precision {one.average_precision} (no order: "
            f"{percent(one.share)})"
        )
        lines.append(_line("" if place else "ranking", words))
    return lines


def _spread(record: EvaluationRecord) -> list[str]:
    found = record.spread
    if found is None:
        return []
    if isinstance(found, Refused):
        return [_line("distributions", f"not to be had: {found.reason}")]
    lines = [_line("distributions", found.in_words())]
    lines.append(_line("", "; ".join(map(str, found.coverages))))
    constant = ""
    if found.crps_of_constant > 0.0:
        constant = f"; one distribution for all: {number(found.crps_of_constant, 3)}"
    lines.append(
        _line("CRPS", f"{number(found.crps, 3)} +- {number(found.crps_error, 2)}{constant}")
    )
    return lines


def _fit(record: EvaluationRecord) -> list[str]:
    lines = []
    asked: list[tuple[str, Any, Callable[[Any], str]]] = [
        ("influence", record.influence, lambda found: influence_in_words(record, found)),
        ("terms", record.errors, terms_in_words),
        ("evidence", record.evidence, evidence_in_words),
        ("sensitivity", record.sensitivity, sensitivity_in_words),
    ]
    for name, found, words in asked:
        if isinstance(found, Refused):
            lines.append(_line(name, f"not to be had: {found.reason}"))
        elif found is not None:
            lines.append(_line(name, words(found).replace("±", "+-")))
    return lines


def _labels(record: EvaluationRecord) -> list[str]:
    found = record.label_errors
    if found is None:
        return []
    if isinstance(found, Refused):
        return [_line("labels", f"not to be had: {found.reason}")]
    lines = [_line("labels", labels_in_words(found))]
    for line, label, other, share in doubtful_rows(record, found)[:MOST_LABELS]:
        words = f"line {line}: {clean(label, 30)}, perhaps {clean(other, 30)}: wrong with {share}"
        lines.append(_line("", words))
    return lines


def _line(name: str, words: str) -> str:
    return f"{name:{WIDTH}}{clean(words, LONGEST)}"
