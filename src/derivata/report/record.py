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
from derivata.estimators.metrics import constant_losses, outer_metrics
from derivata.estimators.outer_folds import OuterFolds, mean_with_error
from derivata.estimators.table_model import TableModel
from derivata.estimators.table_task import TrainingRows
from derivata.estimators.term_summary import TermRow
from derivata.tables import Table

FORMAT_VERSION = 2


@dataclass(frozen=True)
class ColumnFact:
    """What became of one column.

    Parameters
    ----------
    name : str
    kind : str                     "numeric", "text" or "date"; "" if it was never read
    role : str                     "feature", "target", "weights", "exposure", "left out", "dropped"
    n_missing : int                missing cells
    n_features : int               features made of it, alone or with another column
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


@dataclass(frozen=True)
class Baseline:
    """What the best constant scores on the rows that outer folds judged.

    Parameters
    ----------
    score, standard_error : float  its mean loss, in the unit of the outer score
    gain, gain_error : float       how much lower the model's is, row by row, with its error
    """

    score: float
    standard_error: float
    gain: float
    gain_error: float


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
        classes = getattr(self.model.estimator, "classes_", None)
        return outer_metrics(self.model.model.family, self.rows, self.outer, classes)

    @cached_property
    def terms(self) -> tuple[TermRow, ...]:
        """What is known of each term, strongest first."""
        return self.model.summary().terms

    @cached_property
    def baseline(self) -> Baseline | None:
        """The best constant on the judged rows; None without outer folds."""
        if self.outer is None:
            return None
        judged = self.outer.judged
        rows, weight = self.rows.take(judged), self.rows.weights_or_ones()[judged]
        constant = constant_losses(self.model.model.family, rows)
        gain = constant - self.outer.row_losses[judged]
        return Baseline(*mean_with_error(constant, weight), *mean_with_error(gain, weight))

    @property
    def interactions(self) -> tuple[str, ...]:
        """The labels of the terms of two columns."""
        return tuple(t.label for t in self.model.encoder.terms if len(t.columns) > 1)

    @property
    def converged(self) -> bool:
        """Whether the model's own fit and its tuning came to their end."""
        tuning = self.model.estimator.tuning_
        return bool(self.model.estimator.converged_) and (tuning is None or tuning.converged)

    def to_dict(self) -> dict[str, Any]:
        """The record as plain JSON types; numbers that JSON lacks are None."""
        model = self.model
        estimator, task = model.estimator, model.task
        return plain(
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
                    "level": task.level,
                    "shape": model.model.family.shape,
                },
                "terms": [_term(row) for row in self.terms],
                "interactions": {
                    "kept": list(self.interactions),
                    "looked_at": [list(pair.columns) for pair in model.model.pairs],
                },
                "tuning": self._tuning(),
                "outer_score": self._outer(),
                "metrics": self.metrics,
                "fit": {
                    "terms": len(model.encoder.terms),
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
        return self.model.model.params.size

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
            "penalties": dict(self.model.model.alphas),
            "kinds_kept_equal": math.isinf(tuning.guard_strength),
            "at_bound": [list(pair) for pair in tuning.at_bound],
            "hypergradient_norm": tuning.hypergradient_norm,
            "evaluations": tuning.n_evaluations,
            "accepted_steps": len(tuning.path),
            "converged": tuning.converged,
            "reason": tuning.reason,
        }

    def _outer(self) -> dict[str, Any] | None:
        outer, baseline = self.outer, self.baseline
        if outer is None or baseline is None:
            return {"why_not": self.outer_missing}
        return {
            "unit": self.model.model.family.loss_unit,
            "score_a_row": outer.score.score,
            "standard_error": outer.score.standard_error,
            "score_of_best_constant": baseline.score,
            "gain": baseline.gain,
            "gain_standard_error": baseline.gain_error,
            "criterion_is_comparable": outer.criterion_is_comparable,
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
    counts = dict.fromkeys(model.encoder.columns, 0)
    for term in model.encoder.terms:
        for name in term.columns:
            counts[name] += len(term.names)
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


def _term(row: TermRow) -> dict[str, Any]:
    kept = ("label", "kind", "share", "strength", "n_features", "effective_params", "p_value")
    return {name: getattr(row, name) for name in (*kept, "shrunk")}


def plain(value: Any) -> Any:
    """Values that JSON has: no NaN, no infinity, no NumPy scalars."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    number = float(value)
    return number if math.isfinite(number) else None
