"""What ``derivata fit`` prints: the findings of a run in a dozen lines."""

from __future__ import annotations

from derivata.cli.run_folder import FILES
from derivata.plain_text import clean, duration, number, plural
from derivata.report.record import RunRecord
from derivata.report.words import columns_in_words, metrics_in_words, unit

WIDTH = 14


def told(record: RunRecord, folder: str) -> str:
    """The lines to print.

    Parameters
    ----------
    record : RunRecord
    folder : str                   where it was written

    Returns
    -------
    text : str                     lines without a last line end
    """
    lines = [
        *_data(record),
        *_penalties(record),
        *_score(record),
        *_fit(record),
        "",
        f"{clean(folder)}: {', '.join(FILES)}",
    ]
    return "\n".join(lines)


def _data(record: RunRecord) -> list[str]:
    model, task = record.model, record.model.task
    n_gaps = sum(column.n_missing for column in record.columns if column.role == "feature")
    out = [
        clean(c.name, 40) + (" (as asked)" if c.role == "dropped" else "")
        for c in record.columns
        if c.role in ("left out", "dropped")
    ]
    gaps = f", {plural(n_gaps, 'missing cell')}" if n_gaps else ""
    lines = [
        _line("table", f"{clean(record.file_name)}: {plural(record.n_rows_read, 'row')}"),
        _line(
            "features",
            f"{len(model.encoder.feature_names):,} from {columns_in_words(record)}{gaps}",
        ),
    ]
    if out:
        more = f" and {len(out) - 8} more" if len(out) > 8 else ""
        lines.append(_line("left out", ", ".join(out[:8]) + more))
    if record.n_rows_read != model.n_rows:
        lines.append(
            _line("fitted", f"{plural(model.n_rows, 'row')}; the others have no target or weight")
        )
    lines.append(_line("family", f"{task.family}: {clean(task.reason, 400)}"))
    return lines


def _penalties(record: RunRecord) -> list[str]:
    estimator = record.model.estimator
    alphas = ", ".join(f"{name} {number(a)}" for name, a in estimator.alphas_per_group_.items())
    lines = [_line("penalties", alphas)]
    tuning = estimator.tuning_
    if tuning is not None:
        value = f"{number(tuning.criterion)} {unit(record.model.task.family)} a row"
        lines.append(_line("criterion", f"{value}, by {tuning.criterion_reason}"))
    return lines


def _score(record: RunRecord) -> list[str]:
    outer = record.outer
    if outer is None:
        return [_line("outer score", f"not to be had: {clean(record.outer_missing, 400)}")]
    score = outer.score
    return [
        _line(
            "outer score",
            f"{number(score.score)} +- {number(score.standard_error, 2)} "
            f"{unit(record.model.task.family)} a row, {plural(outer.n_folds, 'outer fold')}; "
            f"optimism of the criterion {number(score.optimism, 2)}",
        ),
        _line("", metrics_in_words(record)),
    ]


def _fit(record: RunRecord) -> list[str]:
    estimator, took = record.model.estimator, record.seconds
    effective = (
        f"{number(estimator.effective_params_, 3)} of {record.n_coefficients:,} coefficients"
    )
    ended = "converged" if record.converged else "NOT converged, see the warnings"
    return [
        _line("effective", f"{effective}; {ended}"),
        _line(
            "time",
            f"{duration(took['fit'])} tuned and fitted, {duration(took['outer_folds'])} outer "
            f"folds, {duration(took['read'])} reading",
        ),
    ]


def _line(name: str, words: str) -> str:
    return f"{name:{WIDTH}}{words}"
