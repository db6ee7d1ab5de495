"""A table in, a tuned additive model out: estimator and the roles of the columns, as one value.

    model = TableModel.fit(table, target="price")
    model.predict(other_table)["prediction"]
    model.outer_score(table).score                what to expect on rows it has not seen

Columns become smooth effects, categories and trends, each with penalties of its own, and pairs of
them surfaces where that proves worth having; see ``AdditiveRegressor``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from derivata.contracts import Array
from derivata.errors import TableWarning, warn
from derivata.estimators.additive import AdditiveClassifier, AdditiveRegressor
from derivata.estimators.additive_model import AdditiveModel
from derivata.estimators.outer_folds import OuterFolds, deal_outer_folds, judge_by_folds
from derivata.estimators.table_state import read_table_model, write_table_model
from derivata.estimators.table_task import TableTask, TrainingRows, exposures
from derivata.estimators.term_summary import TermSummary
from derivata.files.model_state import ModelState
from derivata.persistence import save
from derivata.tables import Table, table_from_frame
from derivata.tables.table_encoder import TableEncoder
from derivata.terms import Term

Estimator = AdditiveRegressor | AdditiveClassifier
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class TableModel:
    """A tuned additive model of a table; made by `fit`, saved by `save`, loaded by `derivata.load`.

    Parameters
    ----------
    estimator : estimator          fitted to the feature columns
    task : TableTask               which column plays which role, and the family
    n_rows : int                   rows fitted
    missing_words : tuple of str   words its files spell missing by, beside the usual ones
    """

    estimator: Estimator
    task: TableTask
    n_rows: int
    missing_words: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        table: Any,
        target: str,
        *,
        family: str = "auto",
        level: float | None = None,
        weights: str | None = None,
        exposure: str | None = None,
        drop: Collection[str] = (),
        drop_missing_target: bool = False,
        missing_words: Collection[str] = (),
        terms: Sequence[Term] | None = None,
        interactions: str | int | None = "auto",
        random_state: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Infer family and terms, tune a penalty for each part of each term, and fit.

        Parameters
        ----------
        table : Table or data frame
        target : str                   the column to predict
        family : str                   "auto": told from the target; or one of `FAMILIES`
        level : float, optional        of the family "quantile"; default .5
        weights, exposure : str, optional
            Columns of row weights (>= 0) and of exposures (> 0, families with a log link only).
        drop : collection of str       columns to leave out
        drop_missing_target : bool     leave out rows without a target instead of refusing them
        missing_words : collection of str
            Kept for whoever reads files for `predict`.
        terms, interactions
            As in ``AdditiveRegressor``.
        random_state : int             deals rows to folds, where there are any
        progress : callable, optional  receives (what is being done, steps done, steps)

        Returns
        -------
        TableModel

        Raises
        ------
        DerivataError                  naming the column, the line and the cure
        """
        table = table_from_frame(table, "the table")
        task = TableTask.choose(
            table,
            target,
            family=family,
            level=level,
            weights=weights,
            exposure=exposure,
            drop=drop,
            drop_missing_target=drop_missing_target,
        )
        words = tuple(sorted(set(missing_words)))
        settings = {"terms": terms, "interactions": interactions, "random_state": random_state}
        model = cls._fit_rows(task, task.rows(table), settings, words, progress)
        found = model.estimator.family_
        note = model.estimator.model_.family_note
        if note and found.name != task.family:
            # Counts that were read as Poisson's turned out to vary more.
            return replace(model, task=replace(task, family=found.name, reason=note))
        return model

    @classmethod
    def _fit_rows(
        cls,
        task: TableTask,
        rows: TrainingRows,
        settings: dict[str, Any],
        missing_words: tuple[str, ...] = (),
        progress: Progress | None = None,
    ) -> Self:
        if progress is not None:
            progress("tuning and fitting", 0, 1)
        given: dict[str, Any] = {"sample_weight": rows.weight}
        if task.classifies:
            estimator: Estimator = AdditiveClassifier(**settings)
        else:
            estimator = AdditiveRegressor(family=task.family_to_fit, level=task.level, **settings)
            given["exposure"] = rows.exposure
        estimator.fit(rows.features, rows.y, **given)
        return cls(estimator, task, rows.n_rows, missing_words)

    @property
    def model(self) -> AdditiveModel:
        """The fitted value: terms, coefficients, covariance."""
        return self.estimator.model_

    @property
    def encoder(self) -> TableEncoder:
        """Its fitted terms."""
        return self.model.encoder

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, as words, in the order of their probabilities; () if it does not classify.

        The log-odds of two classes are those of the second.
        """
        if not isinstance(self.estimator, AdditiveClassifier):
            return ()
        return tuple(str(label) for label in self.estimator.classes_)

    @property
    def inner(self) -> float:
        """The tuned criterion, in nats a row."""
        tuning = self.estimator.tuning_
        return float("nan") if tuning is None else tuning.criterion

    @property
    def columns_needed(self) -> tuple[str, ...]:
        """The columns that `predict` reads; an exposure may be absent."""
        exposure = self.task.exposure
        return self.encoder.columns if exposure is None else (*self.encoder.columns, exposure)

    def predict(self, table: Any, *, interval: float | None = None) -> dict[str, Array]:
        """Predictions for each row of a table, in its order.

        Parameters
        ----------
        table : Table or data frame    columns in any order; others are ignored
        interval : float, optional     also bounds that hold a new row with this probability

        Returns
        -------
        columns : dict of str to array (n_rows,)
            ``prediction``: the expected value (counts: for the row's exposure; a unit's if the
            table has none, with a warning), or the most probable class as a word. With classes
            also ``probability:CLASS`` for each. With an interval ``lower`` and ``upper``, or
            ``lower:CLASS`` and ``upper:CLASS`` of each probability.

        Raises
        ------
        DerivataError                  naming the column and line
        """
        table = table_from_frame(table, "the table")
        exposure = self._exposure_in(table)
        predicted = self._expected(table, exposure)
        if not isinstance(self.estimator, AdditiveClassifier):
            columns = {"prediction": predicted}
            if interval is not None:
                bounds = self.estimator.predict_interval(table, interval, exposure=exposure)
                columns |= {"lower": bounds[:, 0], "upper": bounds[:, 1]}
            return columns
        words = np.array(self.classes, dtype=object)
        columns = {"prediction": words[predicted.argmax(axis=1)]}
        for word, values in zip(self.classes, predicted.T, strict=True):
            columns[f"probability:{word}"] = values
        if interval is not None:
            lower, upper = self.estimator.predict_interval(table, interval)
            for number, word in enumerate(self.classes):
                columns[f"lower:{word}"] = lower[:, number]
                columns[f"upper:{word}"] = upper[:, number]
        return columns

    def judge(self, rows: TrainingRows) -> tuple[Array, Array]:
        """Predictions (m,) or class probabilities (m, k), and the loss of each row (m,)."""
        predicted = self._expected(rows.features, rows.exposure)
        if isinstance(self.estimator, AdditiveClassifier):
            own = np.searchsorted(self.estimator.classes_, rows.y)
            probability = predicted[np.arange(len(own)), own]
            return predicted, -np.log(np.maximum(probability, np.finfo(float).tiny))
        outputs = self.model.outputs(rows.features)
        if rows.exposure is not None:
            outputs = outputs + np.log(rows.exposure)[:, None]
        return predicted, self.model.family.row_losses(rows.y, outputs)

    def outer_score(
        self, table: Any, *, folds: int = 5, progress: Progress | None = None
    ) -> OuterFolds:
        """Judge the whole procedure by refitting it, terms and tuning included, on outer folds.

        Parameters
        ----------
        table : Table or data frame    the one this model was fitted to
        folds : int                    at least 2
        progress : callable, optional  receives ("outer fold", folds done, folds)

        Returns
        -------
        OuterFolds                     the score with its standard error and optimism, and
                                       predictions for rows their fit did not see

        Raises
        ------
        NotAvailable                   if the table has too few rows; says why
        """
        rows = self.training_rows(table)
        estimator = self.estimator
        settings = {
            "terms": estimator.terms,
            "interactions": estimator.interactions,
            "random_state": estimator.random_state,
        }
        target = rows.y
        if self.task.classifies:
            target = np.unique(rows.y, return_inverse=True)[1].astype(float)
        return judge_by_folds(
            rows,
            deal_outer_folds(target, folds, estimator.random_state, self.task.classifies),
            lambda some: self._fit_rows(self.task, some, settings),
            progress,
        )

    def training_rows(self, table: Any) -> TrainingRows:
        """The rows of ``table`` in the roles of this model's task, checked."""
        return self.task.rows(table_from_frame(table, "the table"))

    def summary(self) -> TermSummary:
        """Strength, effective parameters, share of variation and a test of each term."""
        return self.estimator.summary()

    def save(self, path: Any) -> None:
        """Save to one file, which ``derivata.load`` reads; see ``derivata.persistence``."""
        save(self, path)

    def to_state(self) -> ModelState:
        """All that the model remembers, as names, JSON and arrays."""
        return write_table_model(self)

    @classmethod
    def from_state(cls, state: ModelState) -> Self:
        """The model that ``to_state`` wrote; whatever does not fit together is refused."""
        return cls(**read_table_model(state))

    def _expected(self, features: Table, exposure: Array | None) -> Array:
        """Expected values (n,), or class probabilities (n, k)."""
        if isinstance(self.estimator, AdditiveClassifier):
            return self.estimator.predict_proba(features)
        return self.estimator.predict(features, exposure=exposure)

    def _exposure_in(self, table: Table) -> Array | None:
        name = self.task.exposure
        if name is None:
            return None
        if name not in table.names:
            warn(
                f"{table.source} has no column {name!r}, the exposure the model was fitted with, "
                "so predictions are for a unit of exposure. Add it for those of each row.",
                TableWarning,
            )
            return None
        return exposures(table, name)
