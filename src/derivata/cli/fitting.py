"""What ``derivata fit`` does, as a function: read, fit, judge by outer folds, report, write.

The command line and the demo both call `fit_table`; neither does any of it by itself.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from derivata.cli.console import heard_warnings, shown_progress
from derivata.cli.run_folder import RunFolder, run_folder
from derivata.errors import DerivataError, TableError
from derivata.estimators.outer_folds import OuterFolds
from derivata.estimators.table_model import TableModel
from derivata.report import RunRecord, Said, build_report
from derivata.report.record import column_facts
from derivata.tables import Table, read_table
from derivata.tables.columns import MISSING_WORDS


@dataclass(frozen=True)
class FitRequest:
    """The arguments of ``derivata fit``, named as its options are."""

    table: str
    target: str
    out: str
    family: str = "auto"
    level: float | None = None
    interactions: str | int | None = "auto"
    weights: str | None = None
    exposure: str | None = None
    drop: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    delimiter: str | None = None
    decimal: str | None = None
    drop_missing_target: bool = False
    folds: int = 5
    random_state: int = 0
    force: bool = False


def fit_table(request: FitRequest) -> tuple[RunRecord, dict[str, Any]]:
    """Fit a table and write the run.

    Parameters
    ----------
    request : FitRequest

    Returns
    -------
    record : RunRecord             all that was found
    summary : dict                 as written to ``summary.json``

    Raises
    ------
    CannotWrite                    if the folder cannot be written, is locked or holds a run
    DerivataError                  if the table cannot be used
    """
    with run_folder(request.out, request.force) as folder, heard_warnings() as heard:
        with shown_progress() as progress:
            record = _fit(request, progress)
            record = replace(record, warnings=tuple(Said(*said) for said in heard))
            progress("writing the report", 0, 1)
            summary = _write(folder, record)
    return record, summary


def _fit(request: FitRequest, progress: Callable[[str, int, int], None]) -> RunRecord:
    seconds: dict[str, float] = {}
    progress("reading", 0, 1)
    with _timed(seconds, "read"):
        table, sha256 = _read(request)
    with _timed(seconds, "fit"):
        model = TableModel.fit(
            table,
            request.target,
            family=request.family,
            level=request.level,
            interactions=request.interactions,
            weights=request.weights,
            exposure=request.exposure,
            drop_missing_target=request.drop_missing_target,
            missing_words=request.missing,
            random_state=request.random_state,
            progress=progress,
        )
    with _timed(seconds, "outer_folds"):
        outer, why_not = _judge(model, table, request.folds, progress)
    return RunRecord(
        model=model,
        rows=model.training_rows(table),
        columns=column_facts(table, model, request.drop),
        file_name=Path(request.table).name,
        file_sha256=sha256,
        n_rows_read=table.n_rows,
        outer=outer,
        outer_missing=why_not,
        warnings=(),
        seconds=seconds,
    )


def _judge(
    model: TableModel, table: Table, folds: int, progress: Callable[[str, int, int], None]
) -> tuple[OuterFolds | None, str]:
    """The outer folds, or why there can be none: a model without them is still a model."""
    try:
        return model.outer_score(table, folds=folds, progress=progress), ""
    except DerivataError as error:
        return None, str(error)


def _read(request: FitRequest) -> tuple[Table, str]:
    """The table and the checksum of its bytes."""
    before = _stamp(request.table)
    table = read_table(
        request.table,
        delimiter=request.delimiter,
        decimal=request.decimal,
        missing=MISSING_WORDS | set(request.missing),
        categories=request.category,
        drop=request.drop,
    )
    with open(request.table, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if _stamp(request.table) != before:
        raise TableError(f"`{request.table}` changed while it was read. Run again when it is done.")
    return table, sha256


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None  # the reader says it better
    return found.st_size, found.st_mtime_ns


def _write(folder: RunFolder, record: RunRecord) -> dict[str, Any]:
    return folder.write(record.model.save, build_report(record), record.to_dict())


@contextmanager
def _timed(seconds: dict[str, float], phase: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[phase] = round(time.perf_counter() - start, 4)
