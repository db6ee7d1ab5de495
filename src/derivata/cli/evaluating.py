"""What ``derivata evaluate`` does, as a function: read, judge, analyse, write.

A table is taken for the one of the fit if it has as many rows, and either its checksum is the one
in ``summary.json`` or the model stands at the minimum of its objective over these rows. Then every
row is judged by a fit without it; rows of another table are judged by the model itself. An
analysis that refuses leaves its sentence in the place of its result.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from derivata.adapters import FittedModel, adapt
from derivata.cli.console import heard_warnings, shown_progress
from derivata.cli.evaluated_rows import known_rows, read_judged
from derivata.cli.fit_analyses import analyses_of_fit
from derivata.cli.judged_rows import JudgedRows
from derivata.cli.run_folder import REPORT, run_folder
from derivata.cli.run_model import load_table_model, model_file_of, summary_of
from derivata.contracts import Array
from derivata.errors import DerivataError, NotAvailable
from derivata.estimators.outer_folds import OuterFolds
from derivata.estimators.table_model import TableModel
from derivata.evaluation.calibration import calibration_of_outputs
from derivata.evaluation.predictive_spread import (
    PredictiveSpread,
)
from derivata.plain_text import plural
from derivata.report.evaluation import build_evaluation
from derivata.report.evaluation_json import evaluation_as_json
from derivata.report.evaluation_record import EvaluationRecord, Promise, Refused
from derivata.report.record import RunRecord, Said, column_facts

PAGE, RECORD = "evaluation.html", "evaluation.json"
EVALUATION_FILES = (PAGE, RECORD)
Result = TypeVar("Result")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class EvaluateRequest:
    """The arguments of ``derivata evaluate``, named as its options are."""

    run: str
    table: str
    out: str | None = None
    missing: tuple[str, ...] = ()
    delimiter: str | None = None
    decimal: str | None = None
    random_state: int = 0
    force: bool = False

    @property
    def folder(self) -> Path:
        """Where the evaluation is written: by default the folder of the run."""
        if self.out is not None:
            return Path(self.out)
        run = Path(self.run)
        return run if run.is_dir() else run.parent


def evaluate_table(request: EvaluateRequest) -> EvaluationRecord:
    """Evaluate a run's model on a table and write the findings.

    Parameters
    ----------
    request : EvaluateRequest

    Returns
    -------
    EvaluationRecord

    Raises
    ------
    CannotWrite                    if the folder cannot be written, is locked or holds an evaluation
    ModelFileError                 if there is no model, or it cannot be read
    DerivataError                  if the table cannot be used
    """
    model_file = model_file_of(request.run)
    with heard_warnings() as heard:
        model = load_table_model(model_file)  # before a folder is made for nothing
        with run_folder(request.folder, request.force, EVALUATION_FILES) as folder:
            with shown_progress() as progress:
                record = _Evaluation(request, model, model_file, progress).record()
                said = tuple(Said(*each) for each in heard)
                record = replace(record, run=replace(record.run, warnings=said))
                progress("writing the page", 0, 1)
                text = json.dumps(
                    evaluation_as_json(record), indent=2, ensure_ascii=True, allow_nan=False
                )
                folder.write_texts({PAGE: build_evaluation(record), RECORD: text + "\n"})
    return record


class _Evaluation:
    """One evaluation under way."""

    def __init__(
        self, request: EvaluateRequest, model: TableModel, model_file: Path, progress: Progress
    ):
        self.request, self.model, self.progress = request, model, progress
        self.seconds: dict[str, float] = {}
        self.summary = summary_of(model_file)
        self.promise = Promise.of(self.summary)
        self.run_name = model_file.parent.resolve().name
        self.has_report = (request.folder / REPORT).exists()
        self._say("reading")
        self.table = read_judged(
            model, request.table, request.missing, request.delimiter, request.decimal
        )
        with open(request.table, "rb") as file:
            self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self.rows = known_rows(model, self.table)
        self.judged = JudgedRows(model, self.rows, request.random_state)

    def record(self) -> EvaluationRecord:
        """The findings."""
        fitted = self._guarded("recognising", self._adapted)
        is_training, recognised = self._is_training(fitted)
        if is_training and isinstance(fitted, FittedModel):
            return self._of_training(fitted, recognised)
        return self._of_others(recognised)

    def _of_training(self, fitted: FittedModel, recognised: str) -> EvaluationRecord:
        found = self._guarded(
            "leave-one-out",
            lambda: self.judged.left_out(fitted),
        )
        if isinstance(found, Refused):
            return replace(
                self._empty(recognised, found), leave_one_out=found, **self._analysed(fitted)
            )
        outer = self.judged.outer_of(found)
        return EvaluationRecord(
            run=self._run(outer),
            is_training=True,
            recognised=recognised,
            run_name=self.run_name,
            has_report=self.has_report,
            promise=self.promise,
            calibration=self._guarded(
                "calibration",
                lambda: calibration_of_outputs(
                    fitted, found.outputs, self.request.random_state
                ).noted("Each row is predicted by a fit without it (leave-one-out)."),
            ),
            spread=self._spread(found.outputs, left_out=True),
            leave_one_out=found,
            seconds=self.seconds,
            **self._analysed(fitted),
        )

    def _of_others(self, recognised: str) -> EvaluationRecord:
        with_note = "Each row is predicted by the model, which was not fitted to it."
        predicted, outer = self.judged.by_the_model()
        return EvaluationRecord(
            run=self._run(outer),
            is_training=False,
            recognised=recognised,
            run_name=self.run_name,
            has_report=self.has_report,
            promise=self.promise,
            calibration=self._guarded(
                "calibration", lambda: self.judged.calibration(predicted).noted(with_note)
            ),
            spread=self._spread(self.judged.outputs(), left_out=False),
            seconds=self.seconds,
        )

    def _empty(self, recognised: str, why: Refused) -> EvaluationRecord:
        """Of the training table, where nothing can be judged by fits without a row."""
        return EvaluationRecord(
            run=replace(self._run(None), outer_missing=why.reason),
            is_training=True,
            recognised=recognised,
            run_name=self.run_name,
            has_report=self.has_report,
            promise=self.promise,
            calibration=why,
            spread=None if self.model.task.classifies else why,
            seconds=self.seconds,
        )

    def _analysed(self, fitted: FittedModel) -> dict[str, Any]:
        return analyses_of_fit(
            self.model, fitted, self.table, self.rows, self.request.random_state, self._guarded
        )

    def _spread(self, outputs: Array, *, left_out: bool) -> PredictiveSpread | Refused | None:
        if self.model.task.classifies:
            return None
        return self._guarded(
            "spread", lambda: self.judged.distributions(outputs, left_out=left_out)
        )

    def _run(self, outer: OuterFolds | None) -> RunRecord:
        return RunRecord(
            model=self.model,
            rows=self.rows,
            columns=column_facts(self.table, self.model, ()),
            file_name=Path(self.request.table).name,
            file_sha256=self.sha256,
            n_rows_read=self.table.n_rows,
            outer=outer,
            outer_missing="",
            warnings=(),
            seconds={},
        )

    def _adapted(self) -> FittedModel:
        if self.rows.n_rows != self.model.n_rows:
            raise NotAvailable(
                f"it has {plural(self.rows.n_rows, 'row')} and the fit had {self.model.n_rows:,}."
            )
        return adapt(self.model, self.table, None)

    def _is_training(self, fitted: FittedModel | Refused) -> tuple[bool, str]:
        if isinstance(fitted, Refused):
            return False, f"The table is not the one of the fit: {fitted.reason}"
        data = self.summary.get("data")
        if isinstance(data, dict) and data.get("sha256") == self.sha256:
            return True, "The table is the one of the fit: it has the same checksum."
        at_minimum = self._guarded("recognising", lambda: fitted.at_minimum)
        if isinstance(at_minimum, Refused):
            return False, (
                "The table has as many rows as the one of the fit and is another: over these rows "
                "the model does not stand at the minimum of its objective."
            )
        return True, (
            "The table is that of the fit: the model stands at the minimum of its objective over "
            "these rows."
        )

    def _guarded(self, what: str, analysis: Callable[[], Result]) -> Result | Refused:
        """An analysis, or why there is none, with its time."""
        self._say(what)
        start = time.perf_counter()
        try:
            return analysis()
        except DerivataError as error:
            return Refused(" ".join(str(error).split()))
        finally:
            spent = time.perf_counter() - start
            self.seconds[what] = round(self.seconds.get(what, 0.0) + spent, 4)

    def _say(self, what: str) -> None:
        self.progress(what, 0, 1)
