"""Findings of an evaluation as sentences: what the screen and the page both say."""

from __future__ import annotations

import math

from derivata.evaluation.leave_one_out import LeaveOneOutResult
from derivata.plain_text import number, plural
from derivata.report.evaluation_record import EvaluationRecord, Refused
from derivata.report.words import gain_in_words, metrics_in_words, unit
from derivata.report.words import headline as headline_of_run


def headline(record: EvaluationRecord) -> str:
    """The finding in one sentence."""
    words = headline_of_run(record.run)
    if not record.is_training:
        words = words.replace("On rows it has not seen, the model", "On this table, the model", 1)
        words = words.replace(" on rows it has not seen", " of this table", 1)
    return f"{words[:-1]}: {record.verdict}." if record.verdict else words


def promise_in_words(record: EvaluationRecord) -> str:
    """The score beside what the fit promised, in a sentence or two."""
    if record.run.outer is None:
        return f"There is no score: {record.run.outer_missing}"
    score, error = record.score
    measure = unit(record.run.model)
    words = f"The mean loss is {number(score)} ± {number(error, 2)} {measure} a row"
    promise = record.promise
    if promise is None:
        return f"{words}. The run has no outer score to compare it with."
    return (
        f"{words}; the fit promised {number(promise.score)} ± {number(promise.standard_error, 2)} "
        f"by {plural(promise.n_folds, 'outer fold')}: {record.verdict}."
    )


def score_facts(record: EvaluationRecord) -> list[tuple[str, str]]:
    """Names of scores with their values and what they mean."""
    pairs = []
    found = record.leave_one_out
    if isinstance(found, LeaveOneOutResult):
        refits = plural(found.n_refits, "row")
        pairs += [
            ("Leave-one-out", _with_errors(found)),
            ("On its own rows", f"{number(found.fitted_score)}: the model on the rows it saw"),
            ("Optimism", f"{number(found.optimism, 3)}: how much better it looks on those"),
            ("Refitted", f"{refits}; the others by one Newton step"),
        ]
    elif isinstance(found, Refused):
        pairs.append(("Leave-one-out", found.reason))
    if record.run.outer is not None:
        pairs.append(("In other terms", metrics_in_words(record.run)))
        if record.run.baseline is not None:
            pairs.append(("Against a constant", _gain(record)))
    return pairs


def _with_errors(found: LeaveOneOutResult) -> str:
    off = found.approximation_error
    words = f"{number(found.score)} ± {number(found.standard_error, 2)} a row"
    if math.isnan(off):
        return f"{words}; what the approximation is off by is not known"
    if math.isinf(off):
        return f"{words}; without some rows the fit has no minimum"
    if off < 1e-6 * max(abs(found.score), 1e-300):
        return f"{words}, exact"
    return f"{words}; the approximation is off by some {number(off, 1)}"


def _gain(record: EvaluationRecord) -> str:
    words = gain_in_words(record.run)
    return words.replace("On unseen rows the model's loss is", "The model's loss is", 1)
