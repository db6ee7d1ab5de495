"""What ``derivata converge`` prints."""

from __future__ import annotations

from derivata.cli.converging import PAGE, SUMMARY
from derivata.comparison import HEAD, row
from derivata.convergence.conditioning import Conditioning
from derivata.convergence.words import step_words
from derivata.plain_text import clean, number, plural
from derivata.report.convergence_record import ConvergenceRecord
from derivata.report.convergence_words import cure_lines, scaling_words

WIDTH = 12


def told(record: ConvergenceRecord, folder: str | None) -> str:
    """The lines to print.

    Parameters
    ----------
    record : ConvergenceRecord
    folder : str or None           where it was written

    Returns
    -------
    text : str                     lines without a last line end
    """
    columns = plural(len(record.names), "column")
    lines = [
        _line("table", f"{clean(record.file_name)}: {plural(record.n_rows, 'row')}, {columns}"),
        _line("loss", f"{record.task.family}: {clean(record.task.reason, 400)}"),
        _line("penalty", f"{number(record.alpha)} / 2 |w|^2"),
        _line("raw", _conditioning(record.as_raw, record.steps_raw)),
        _line("scaled", _conditioning(record.as_scaled, record.steps_scaled)),
        _line("", scaling_words(record)),
        "",
        *table_lines(record),
        "",
    ]
    lines += [
        _line(k == 0 and "stopped" or "", f"{run.name}: {clean(run.convergence.reason, 600)}")
        for k, run in enumerate(record.comparison.runs)
    ]
    lines += [
        _line(k == 0 and "cure" or "", f"{names}: {cure}")
        for k, (names, cure) in enumerate(cure_lines(record.comparison))
    ]
    if not record.has_minimiser:
        lines.append(_line("NOTE", record.why_no_minimiser))
    if folder is not None:
        lines += ["", f"{clean(folder)}: {PAGE}, {SUMMARY}"]
    return "\n".join(lines)


def table_lines(record: ConvergenceRecord) -> list[str]:
    """The runs as a table of words."""
    rows = [HEAD, *(row(run) for run in record.comparison.runs)]
    widths = [max(len(cells[k]) for cells in rows) for k in range(len(HEAD))]
    lines = []
    for first, *others in rows:
        padded = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([f"{first:{widths[0]}}", *padded]).rstrip())
    return lines


def _conditioning(found: Conditioning, steps: int | None) -> str:
    largest = number(found.largest_step, 3)
    needs = "" if steps is None else f"; gradient descent needs {step_words(steps)}"
    return f"{found}; largest stable step {largest}{needs}"


def _line(name: str, words: str) -> str:
    return f"{name:{WIDTH}}{words}"
