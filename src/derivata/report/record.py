"""Everything that is known of one run: what the screen, ``summary.json`` and the report all tell.

A record holds the fitted model, the rows it was fitted to, what outer folds said of it, and what
was said on the way. The three ways of telling it read nothing else, so they cannot disagree.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import derivata
from derivata.estimators.metrics import outer_metrics
from derivata.estimators.outer_folds import OuterFolds
from derivata.estimators.table_model import TableModel
from derivata.estimators.table_task import TrainingRows
from derivata.tables import Table

FORMAT_VERSION = 1


@dataclass(frozen=True)
class ColumnFact:
    """What became of one column.

    Parameters
    ----------
    name : str
    kind : str                     "numeric", "text" or "date"; "" if it was never read
    role : str                     "feature", "target", "weights", "exposure", "left out", "dropped"
    n_missing : int                missing cells
    n_features : int               features made of it
    """

    name: str
    kind: str
    role: str
    n_missing: int
    n_features: int


@dataclass(frozen=True)
class Said:
    """One coded warning."""

    code: str
    message: str


@dataclass(frozen=True, eq=False)
class RunRecord:
    """One run.

    Parameters
    ----------
    model : TableModel
    rows : TrainingRows            that it was fitted to
    columns : tuple of ColumnFact  of the table, in its order; then those dropped unread
    file_name : str                of the table, without its folder
    file_sha256 : str              of the table's bytes
    n_rows_read : int
    outer : OuterFolds or None
    outer_missing : str            why there is none; "" if there is
    warnings : tuple of Said
    seconds : dict of str to float by phase
    """

    model: TableModel
    rows: TrainingRows
    columns: tuple[ColumnFact, ...]
    file_name: str
    file_sha256: str
    n_rows_read: int
    outer: OuterFolds | None
    outer_missing: str
    warnings: tuple[Said, ...]
    seconds: dict[str, float]

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Metrics of the outer folds in the user's terms; empty if none were run."""
        if self.outer is None:
            return {}
        return outer_metrics(self.model.task, self.rows, self.outer)

    @property
    def converged(self) -> bool:
        """Whether the model's own fit and its tuning came to their end."""
        tuning = self.model.estimator.tuning_
        return bool(self.model.estimator.converged_) and (tuning is None or tuning.converged)

    def to_dict(self) -> dict[str, Any]:
        """The record as plain JSON types; numbers that JSON lacks are None."""
        model = self.model
        estimator, task = model.estimator, model.task
        return _plain(
            {
                "format_version": FORMAT_VERSION,
                "derivata_version": derivata.__version__,
                "data": {
                    "file": self.file_name,
                    "sha256": self.file_sha256,
                    "rows_read": self.n_rows_read,
                    "rows_fitted": model.n_rows,
                    "features": len(model.encoder.feature_names),
                    "columns": [vars(column) for column in self.columns],
                },
                "task": {
                    "target": task.target,
                    "family": task.family,
                    "reason": task.reason,
                    "classes": list(model.classes),
                    "weights": task.weights,
                    "exposure": task.exposure,
                },
                "tuning": self._tuning(),
                "outer_score": self._outer(),
                "metrics": self.metrics,
                "fit": {
                    "effective_params": estimator.effective_params_,
                    "coefficients": self.n_coefficients,
                    "dispersion": estimator.dispersion_,
                    "solver_steps": estimator.n_iter_,
                    "converged": bool(estimator.converged_),
                    "reason": estimator.convergence_,
                    "random_state": estimator.random_state,
                },
                "converged": self.converged,
                "warnings": [vars(said) for said in self.warnings],
                "seconds": self.seconds,
            }
        )

    @property
    def n_coefficients(self) -> int:
        """Coefficients that the penalties and the data decide, intercepts included."""
        n_outputs = max(len(self.model.classes) - 1, 1)
        return n_outputs * (len(self.model.encoder.feature_names) + 1)

    def _tuning(self) -> dict[str, Any] | None:
        tuning = self.model.estimator.tuning_
        if tuning is None:
            return None
        return {
            "criterion": {
                "name": tuning.criterion_name,
                "reason": tuning.criterion_reason,
                "value_a_row": tuning.criterion,
                "optimism_estimate": tuning.optimism,
            },
            "penalties": dict(self.model.estimator.alphas_per_group_),
            "at_bound": [list(pair) for pair in tuning.at_bound],
            "hypergradient_norm": tuning.hypergradient_norm,
            "evaluations": tuning.n_evaluations,
            "accepted_steps": len(tuning.path),
            "converged": tuning.converged,
            "reason": tuning.reason,
        }

    def _outer(self) -> dict[str, Any] | None:
        outer = self.outer
        if outer is None:
            return {"why_not": self.outer_missing}
        return {
            "score_a_row": outer.score.score,
            "standard_error": outer.score.standard_error,
            "criterion_in_folds": outer.score.inner,
            "optimism": outer.score.optimism,
            "folds": outer.n_folds,
            "rows_judged": int(outer.judged.sum()),
            "folds_not_converged": outer.n_not_converged,
        }


def column_facts(
    table: Table, model: TableModel, dropped: Collection[str]
) -> tuple[ColumnFact, ...]:
    """What became of every column of the table that ``model`` was fitted to.

    Parameters
    ----------
    table : Table                  as read
    model : TableModel
    dropped : collection of str    columns that were asked to be left out, and so not read

    Returns
    -------
    columns : tuple of ColumnFact
    """
    task = model.task
    roles = {task.target: "target", task.weights: "weights", task.exposure: "exposure"}
    made = model.encoder.feature_columns
    counts = {name: made.count(name) for name in model.encoder.columns}
    facts = [
        ColumnFact(
            column.name,
            column.kind,
            roles.get(column.name, "feature" if column.name in counts else "left out"),
            int(column.missing.sum()),
            counts.get(column.name, 0),
        )
        for column in table.columns
    ]
    return (*facts, *(ColumnFact(name, "", "dropped", 0, 0) for name in dropped))


def _plain(value: Any) -> Any:
    """Values that JSON has: no NaN, no infinity, no NumPy scalars."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    number = float(value)
    return number if math.isfinite(number) else None
