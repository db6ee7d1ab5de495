"""scikit-learn's own tuned model of the same table, judged on the same outer folds.

    squared             RidgeCV              its leave-one-out over 50 alphas
    logistic, softmax   LogisticRegressionCV  its 5-fold log-loss over 10 values of C

Each in a pipeline after StandardScaler, on the features that our encoder makes of the training
rows, as one would set it up by hand. There is no tuned peer for counts.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, Ridge, RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from derivata.contracts import Array
from derivata.errors import NotAvailable
from derivata.estimators.metrics import outer_metrics
from derivata.estimators.outer_folds import OuterFolds, judge_by_folds
from derivata.estimators.table_model import Progress, TableModel
from derivata.estimators.table_task import TableTask, TrainingRows
from derivata.tables.table_encoder import TableEncoder

ALPHAS = np.logspace(-3, 4, 50)
# Beyond so many seconds it is tuned once, on all rows, and only refitted without each fold. That
# favours it: its penalty has then seen the rows it is judged on.
PATIENCE = 10.0


@dataclass(frozen=True, eq=False)
class Peer:
    """What scikit-learn's tuned model did.

    Parameters
    ----------
    name : str                     of its class
    alpha : float                  the penalty it chose for all rows, in our scaling
    seconds : float                to tune and fit all rows
    tuned_in_folds : bool          whether each fold was tuned anew; see `PATIENCE`
    outer : OuterFolds             on our folds
    metrics : dict of str to float
    """

    name: str
    alpha: float
    seconds: float
    tuned_in_folds: bool
    outer: OuterFolds
    metrics: dict[str, float]


def judge_peer(
    model: TableModel, rows: TrainingRows, fold: Array, progress: Progress | None = None
) -> Peer:
    """Fit scikit-learn's tuned model to ``rows``, and to each of the outer folds.

    Parameters
    ----------
    model : TableModel             whose table and task these are
    rows : TrainingRows
    fold : int array (n_rows,)     from ``OuterFolds.fold``
    progress : callable, optional  as in `TableModel.fit`

    Returns
    -------
    Peer

    Raises
    ------
    NotAvailable                   if it has no tuned model of this family
    """
    task = model.task
    if task.family == "poisson":
        raise NotAvailable("scikit-learn has no tuned model of counts.")
    start = time.perf_counter()
    whole = _Fitted(task, rows)
    seconds = time.perf_counter() - start
    known = whole.alpha if seconds > PATIENCE else None
    outer = judge_by_folds(rows, fold, lambda some: _Fitted(task, some, known), progress)
    metrics = outer_metrics(task, rows, outer)
    return Peer(whole.name, whole.alpha, seconds, known is None, outer, metrics)


class _Fitted:
    """A pipeline fitted to rows, tuned unless ``alpha`` is given; answers `judge_by_folds`."""

    inner = float("nan")  # what its search minimised, it does not tell

    def __init__(self, task: TableTask, rows: TrainingRows, alpha: float | None = None):
        self.task = task
        last = _estimator(task, alpha)
        self.name = type(last).__name__
        self.pipeline: Pipeline = make_pipeline(StandardScaler(), last)
        given: dict[str, Any] = {}
        if rows.weight is not None:
            given[f"{self.name.lower()}__sample_weight"] = rows.weight
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own were given at the fit; theirs are of defaults
            self.encoder = TableEncoder.fit(rows.features, rows.weight)
            self.pipeline.fit(self.encoder.transform(rows.features), rows.y, **given)
        self.alpha = _chosen_alpha(task, last) if alpha is None else alpha

    def judge(self, rows: TrainingRows) -> tuple[Array, Array]:
        """Predictions and losses of unseen rows, as a `TableModel` gives them."""
        X = self.encoder.transform(rows.features)
        if not self.task.classifies:
            predicted = self.pipeline.predict(X)
            return predicted, 0.5 * (rows.y - predicted) ** 2
        probability = self.pipeline.predict_proba(X)
        own = np.searchsorted(self.pipeline.classes_, rows.y)
        picked = probability[np.arange(len(own)), own]
        return probability, -np.log(np.maximum(picked, np.finfo(float).tiny))


def _chosen_alpha(task: TableTask, fitted: Any) -> float:
    return float(1.0 / np.ravel(fitted.C_)[0] if task.classifies else fitted.alpha_)


def _estimator(task: TableTask, alpha: float | None) -> Any:
    if not task.classifies:
        return RidgeCV(ALPHAS) if alpha is None else Ridge(alpha)
    if alpha is not None:
        return LogisticRegression(C=1.0 / alpha, max_iter=1000)
    return LogisticRegressionCV(Cs=10, cv=5, scoring="neg_log_loss", max_iter=1000)
