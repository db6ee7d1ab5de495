"""What ``derivata fit`` prints: the findings of a run in a dozen lines."""

from __future__ import annotations

from derivata.cli.run_folder import FILES
from derivata.plain_text import clean, duration, number, plural
from derivata.report.record import RunRecord
from derivata.report.words import (
    columns_in_words,
    family_in_words,
    metrics_in_words,
    share_in_words,
    unit,
)

WIDTH = 14
MOST_EFFECTS, MOST_NAMES = 6, 8


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
        *_effects(record),
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
    n_features = len(model.encoder.feature_names)
    gaps = f", {plural(n_gaps, 'missing cell')}" if n_gaps else ""
    lines = [
        _line("table", f"{clean(record.file_name)}: {plural(record.n_rows_read, 'row')}"),
        _line(
            "terms",
            f"{len(model.encoder.terms):,} with {plural(n_features, 'feature')} from "
            f"{columns_in_words(record)}{gaps}",
        ),
    ]
    if out:
        lines.append(_line("left out", _listed(out, MOST_NAMES)))
    if record.n_rows_read != model.n_rows:
        lines.append(
            _line("fitted", f"{plural(model.n_rows, 'row')}; the others have no target or weight")
        )
    lines.append(_line("family", f"{family_in_words(model)}: {clean(task.reason, 400)}"))
    return lines


def _effects(record: RunRecord) -> list[str]:
    """The strongest terms, those that are nothing, and what became of pairs of columns."""
    drawn = [row for row in record.terms if not row.shrunk]
    strongest = [f"{clean(row.label, 40)} {share_in_words(row.share)}" for row in drawn]
    shrunk = [clean(row.label, 40) for row in record.terms if row.shrunk]
    lines = [_line("effects", _listed(strongest, MOST_EFFECTS) if drawn else "none")]
    if shrunk:
        lines.append(_line("shrunk", f"{_listed(shrunk, MOST_NAMES)}: to nothing"))
    looked, kept = len(record.model.model.pairs), record.interactions
    if kept:
        names = _listed([clean(label, 60) for label in kept], MOST_NAMES)
        lines.append(_line("pairs", f"{names}: {len(kept)} kept of {max(looked, len(kept))}"))
    elif looked:
        lines.append(_line("pairs", f"none kept of {looked} that looked as if they act together"))
    return lines


def _penalties(record: RunRecord) -> list[str]:
    model = record.model.model
    tuning = model.tuning
    if tuning is None:
        return [_line("penalties", f"{len(model.alphas):,} given, not tuned")]
    lines = [_line("penalties", f"{len(model.alphas):,} tuned by {tuning.criterion_reason}")]
    if record.outer is not None and record.outer.criterion_is_comparable:
        value = f"{number(tuning.criterion)} {unit(record.model)} a row ({tuning.criterion_name})"
        lines.append(_line("criterion", value))
    return lines


def _score(record: RunRecord) -> list[str]:
    outer, baseline = record.outer, record.baseline
    if outer is None or baseline is None:
        return [_line("outer score", f"not to be had: {clean(record.outer_missing, 400)}")]
    score = outer.score
    optimism = ""
    if outer.criterion_is_comparable:
        optimism = f"; optimism of the criterion {number(score.optimism, 2)}"
    return [
        _line(
            "outer score",
            f"{number(score.score)} +- {number(score.standard_error, 2)} a row "
            f"({unit(record.model)}), {plural(outer.n_folds, 'outer fold')}; one constant for all: "
            f"{number(baseline.score)}{optimism}",
        ),
        _line("", metrics_in_words(record)),
    ]


def _fit(record: RunRecord) -> list[str]:
    took = record.seconds
    coefficients = plural(record.n_coefficients, "coefficient")
    effective = f"{number(record.model.model.effective_params, 3)} of {coefficients}"
    ended = "converged" if record.converged else "NOT converged, see the warnings"
    return [
        _line("effective", f"{effective}; {ended}"),
        _line(
            "time",
            f"{duration(took['fit'])} tuned and fitted, {duration(took['outer_folds'])} outer "
            f"folds, {duration(took['read'])} reading",
        ),
    ]


def _listed(names: list[str], most: int) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _line(name: str, words: str) -> str:
    return f"{name:{WIDTH}}{words}"
