"""A table in, a tuned model out: encoder, estimator and the roles of the columns, as one value.

    model = TableModel.fit(table, target="price")
    model.predict(other_table)["prediction"]
    model.outer_score(table).score                what to expect on rows it has not seen

Each kind of column (numbers, categories, indicators of missing cells) is one penalty group, so its
strength is tuned on its own: how far a category's effect may stray from zero says nothing about
how far a number's slope may.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from scipy import sparse

from derivata.contracts import Array
from derivata.errors import (
    DerivataError,
    DerivataWarning,
    TableWarning,
    warn,
)
from derivata.estimators.logistic import LogisticClassifier
from derivata.estimators.outer_folds import OuterFolds, deal_outer_folds, judge_by_folds
from derivata.estimators.poisson import PoissonRegressor
from derivata.estimators.summary import Summary
from derivata.estimators.table_state import (
    ESTIMATORS,
    Estimator,
    read_table_model,
    write_table_model,
)
from derivata.estimators.table_task import TableTask, TrainingRows, exposures
from derivata.files.model_state import ModelState
from derivata.persistence import save
from derivata.tables import Table, table_from_frame
from derivata.tables.table_encoder import TableEncoder

Progress = Callable[[str, int, int], None]

SMALLEST_MEAN = 1e-300  # a mean below it would have an infinite loss where a count stands


@dataclass(frozen=True, eq=False)
class TableModel:
    """A tuned linear model of a table; made by `fit`, saved by `save`, loaded by `derivata.load`.

    Parameters
    ----------
    encoder : TableEncoder         columns to features
    estimator : estimator          fitted on those features
    task : TableTask               which column plays which role, and the family
    feature_scale : (n_features,)  weighted standard deviation of each feature at fit
    n_rows : int                   rows fitted
    missing_words : tuple of str   words its files spell missing by, beside the usual ones
    """

    encoder: TableEncoder
    estimator: Estimator
    task: TableTask
    feature_scale: Array
    n_rows: int
    missing_words: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        table: Any,
        target: str,
        *,
        family: str = "auto",
        weights: str | None = None,
        exposure: str | None = None,
        drop: Collection[str] = (),
        drop_missing_target: bool = False,
        missing_words: Collection[str] = (),
        random_state: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Infer the family, encode the columns, tune a penalty a kind of column, and fit.

        Parameters
        ----------
        table : Table or data frame
        target : str                   the column to predict
        family : str                   "auto": told from the target; or one of `FAMILIES`
        weights, exposure : str, optional
            Columns of row weights (>= 0) and of exposures (> 0, counts only).
        drop : collection of str       columns to leave out
        drop_missing_target : bool     leave out rows without a target instead of refusing them
        missing_words : collection of str
            Kept for whoever reads files for `predict`.
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
            weights=weights,
            exposure=exposure,
            drop=drop,
            drop_missing_target=drop_missing_target,
        )
        words = tuple(sorted(set(missing_words)))
        return cls._fit_rows(task, task.rows(table), random_state, words, progress)

    @classmethod
    def _fit_rows(
        cls,
        task: TableTask,
        rows: TrainingRows,
        random_state: int,
        missing_words: tuple[str, ...] = (),
        progress: Progress | None = None,
    ) -> Self:
        report = progress or (lambda *step: None)
        report("encoding columns", 0, 2)
        encoder = TableEncoder.fit(rows.features, rows.weight)
        X = encoder.transform(rows.features)
        kinds = [encoder.group_names[group] for group in encoder.groups]
        estimator = ESTIMATORS[task.family](groups=kinds, random_state=random_state)
        given: dict[str, Any] = {"sample_weight": rows.weight}
        if rows.exposure is not None:
            given["exposure"] = rows.exposure
        report("tuning and fitting", 1, 2)
        _fit_by_names(encoder.feature_names, lambda: estimator.fit(X, rows.y, **given))
        return cls(
            encoder,
            estimator,
            task,
            _standard_deviations(X, rows.weight),
            rows.n_rows,
            missing_words,
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, as words, in the order of their probabilities; () if it does not classify.

        The log-odds of two classes are those of the second.
        """
        if not isinstance(self.estimator, LogisticClassifier):
            return ()
        return tuple(str(label) for label in self.estimator.classes_)

    @property
    def inner(self) -> float:
        """The tuned criterion, in nats a row (squared: half squared units)."""
        tuning = self.estimator.tuning_
        return float("nan") if tuning is None else tuning.criterion

    @property
    def columns_needed(self) -> tuple[str, ...]:
        """The columns that `predict` reads; an exposure may be absent."""
        exposure = self.task.exposure
        return self.encoder.columns if exposure is None else (*self.encoder.columns, exposure)

    def predict(self, table: Any) -> dict[str, Array]:
        """Predictions for each row of a table, in its order.

        Parameters
        ----------
        table : Table or data frame    columns in any order; others are ignored

        Returns
        -------
        columns : dict of str to array (n_rows,)
            ``prediction``: the expected value (counts: for the row's exposure; a unit's if the
            table has none, with a warning), or the most probable class as a word. With classes
            also ``probability:CLASS`` for each.

        Raises
        ------
        DerivataError                  naming the column and line
        """
        table = table_from_frame(table, "the table")
        predicted = self._expected(table, self._exposure_in(table))
        if not self.classes:
            return {"prediction": predicted}
        words = np.array(self.classes, dtype=object)
        columns = {"prediction": words[predicted.argmax(axis=1)]}
        probabilities = zip(self.classes, predicted.T, strict=True)
        return columns | {f"probability:{word}": values for word, values in probabilities}

    def judge(self, rows: TrainingRows) -> tuple[Array, Array]:
        """Predictions (m,) or class probabilities (m, k), and the loss of each row (m,) in nats."""
        predicted = self._expected(rows.features, rows.exposure)
        if isinstance(self.estimator, LogisticClassifier):
            own = np.searchsorted(self.estimator.classes_, rows.y)
            probability = predicted[np.arange(len(own)), own]
            return predicted, -np.log(np.maximum(probability, np.finfo(float).tiny))
        y = rows.y
        if self.task.family == "squared":
            return predicted, 0.5 * (y - predicted) ** 2
        return predicted, predicted - y * np.log(np.maximum(predicted, SMALLEST_MEAN))

    def outer_score(
        self, table: Any, *, folds: int = 5, progress: Progress | None = None
    ) -> OuterFolds:
        """Judge the whole procedure by refitting it, encoder and tuning included, on outer folds.

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
        seed = self.estimator.random_state
        target = rows.y
        if self.task.classifies:
            target = np.unique(rows.y, return_inverse=True)[1].astype(float)
        return judge_by_folds(
            rows,
            deal_outer_folds(target, folds, seed, self.task.classifies),
            lambda some: self._fit_rows(self.task, some, seed),
            progress,
        )

    def training_rows(self, table: Any) -> TrainingRows:
        """The rows of ``table`` in the roles of this model's task, checked."""
        return self.task.rows(table_from_frame(table, "the table"))

    def summary(self) -> Summary:
        """Coefficients with posterior standard errors, penalties and effective parameters."""
        plain = self.estimator.summary()
        names = [*self.encoder.feature_names, "(intercept)"]
        labels = self.classes if len(self.classes) > 2 else ("",)
        prefixes = [f"{label}: " if label else "" for label in labels]
        return replace(plain, names=[prefix + name for prefix in prefixes for name in names])

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
        X = self.encoder.transform(features)
        if isinstance(self.estimator, LogisticClassifier):
            return self.estimator.predict_proba(X)
        if isinstance(self.estimator, PoissonRegressor):
            return self.estimator.predict(X, exposure=exposure)
        return self.estimator.predict(X)

    def _exposure_in(self, table: Table) -> Array | None:
        name = self.task.exposure
        if name is None:
            return None
        if name not in table.names:
            warn(
                f"{table.source} has no column {name!r}, the exposure the model was fitted with, "
                "so predictions are counts per unit of exposure. Add it for counts per row.",
                TableWarning,
            )
            return None
        return exposures(table, name)


def _standard_deviations(X: Any, weight: Array | None) -> Array:
    """Weighted standard deviation of each column of a dense or sparse matrix, (n_features,)."""
    share = np.full(X.shape[0], 1.0 / X.shape[0]) if weight is None else weight / weight.sum()
    mean = X.T @ share
    if sparse.issparse(X):  # 0 - 1 columns only: their squares lose no digits
        return np.sqrt(np.maximum(X.multiply(X).T @ share - mean * mean, 0.0))
    variance = np.empty(X.shape[1])
    for column in range(X.shape[1]):  # a column at a time: no second matrix
        centred = X[:, column] - mean[column]
        variance[column] = share @ (centred * centred)
    return np.sqrt(variance)


def _fit_by_names(names: tuple[str, ...], fit: Callable[[], Any]) -> None:
    """Call ``fit``; its warnings and errors say what column ``'x3'`` is called in the table."""

    def renamed(message: str) -> str:
        return re.sub(r"'x(\d+)'", lambda found: repr(names[int(found[1])]), message)

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", DerivataWarning)
        try:
            fit()
        except DerivataError as error:
            raise type(error)(renamed(str(error))) from error
    for one in said:
        if isinstance(one.message, DerivataWarning):
            warn(renamed(one.message.args[0]), type(one.message))
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
