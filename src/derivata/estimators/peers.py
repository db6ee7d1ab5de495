"""scikit-learn's own tuned model of the same table, judged on the same outer folds.

    squared             RidgeCV               its leave-one-out over 50 alphas
    logistic, softmax   LogisticRegressionCV  its 5-fold log-loss over 10 values of C
    counts, amounts     PoissonRegressor, or GammaRegressor for gamma: a 5-fold grid of 6 alphas

Each at the end of the pipeline that its users write: numbers imputed by their mean and
standardised, words one-hot encoded with unseen ones ignored. Dates are left out. There is no tuned
peer for a quantile or Huber's loss, nor where there are exposures.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    GammaRegressor,
    LogisticRegression,
    LogisticRegressionCV,
    PoissonRegressor,
    Ridge,
    RidgeCV,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from derivata.contracts import Array
from derivata.errors import NotAvailable
from derivata.estimators.families import Family
from derivata.estimators.metrics import outer_metrics
from derivata.estimators.outer_folds import OuterFolds, judge_by_folds
from derivata.estimators.table_model import Progress, TableModel
from derivata.estimators.table_task import TrainingRows
from derivata.tables import Table

ALPHAS = np.logspace(-3, 4, 50)
# Of mean losses, as scikit-learn's own models of counts and amounts have it.
MEAN_ALPHAS = np.logspace(-4, 1, 6)
COUNTED = ("poisson", "negative-binomial", "tweedie", "gamma")
# Beyond so many seconds it is tuned once, on all rows, and only refitted without each fold. That
# favours it: its penalty has then seen the rows it is judged on.
PATIENCE = 10.0
MISSING = "(missing)"


@dataclass(frozen=True, eq=False)
class Peer:
    """What scikit-learn's tuned model did.

    Parameters
    ----------
    name : str                     of its class
    alpha : float                  the penalty it chose for all rows, of the summed loss
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
    model : TableModel             whose table, columns and family these are
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
    family = model.model.family
    if family.name in ("quantile", "huber") or rows.exposure is not None:
        given = " with exposures" if rows.exposure is not None else ""
        raise NotAvailable(f"scikit-learn has no tuned model of the family {family.name}{given}.")
    start = time.perf_counter()
    whole = _Fitted(model, rows)
    seconds = time.perf_counter() - start
    known = whole.alpha if seconds > PATIENCE else None
    outer = judge_by_folds(rows, fold, lambda some: _Fitted(model, some, known), progress)
    metrics = outer_metrics(family, rows, outer)
    return Peer(whole.name, whole.alpha, seconds, known is None, outer, metrics)


class _Fitted:
    """A pipeline fitted to rows, tuned unless ``alpha`` is given; answers `judge_by_folds`."""

    def __init__(self, model: TableModel, rows: TrainingRows, alpha: float | None = None):
        self.family_: Family = model.model.family  # of which the losses are
        self.columns = [c for c in model.encoder.columns if rows.features[c].kind != "date"]
        n_rows = float(rows.weights_or_ones().sum())
        last = _estimator(self.family_, alpha, n_rows)
        searched = last.estimator if isinstance(last, GridSearchCV) else last
        self.name = type(searched).__name__
        # Newton's method, a hundred times as fast as L-BFGS here, takes no sparse matrix.
        first = _preparation(rows.features, self.columns, self.family_.name in COUNTED)
        self.pipeline: Pipeline = make_pipeline(first, last)
        given: dict[str, Any] = {}
        if rows.weight is not None:
            given[f"{type(last).__name__.lower()}__sample_weight"] = rows.weight
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own were given at the fit; theirs are of defaults
            self.pipeline.fit(_cells(rows.features, self.columns), rows.y, **given)
        self.alpha = _chosen_alpha(last, n_rows) if alpha is None else alpha

    @property
    def estimator(self) -> _Fitted:
        """Itself: ``family_`` tells what its losses are; what its search minimised, it does not."""
        return self

    def judge(self, rows: TrainingRows) -> tuple[Array, Array]:
        """Predictions and losses of unseen rows, as a `TableModel` gives them."""
        X, family = _cells(rows.features, self.columns), self.family_
        if not family.classifies:
            predicted = self.pipeline.predict(X)
            outputs = np.log(predicted) if family.takes_exposure else predicted
            return predicted, family.row_losses(rows.y, outputs[:, None])
        probability = self.pipeline.predict_proba(X)
        own = np.searchsorted(self.pipeline.classes_, rows.y)
        picked = probability[np.arange(len(own)), own]
        return probability, -np.log(np.maximum(picked, np.finfo(float).tiny))


def _cells(table: Table, names: list[str]) -> Array:
    """The named columns as scikit-learn takes mixed ones: an array of objects."""
    cells = np.empty((table.n_rows, len(names)), dtype=object)
    for place, name in enumerate(names):
        column = table[name]
        values = column.values
        if column.kind == "text":
            values = np.array([MISSING if word is None else word for word in values], object)
        cells[:, place] = values
    return cells


def _preparation(table: Table, names: list[str], dense: bool) -> ColumnTransformer:
    numbers = [place for place, name in enumerate(names) if table[name].kind == "numeric"]
    words = [place for place, name in enumerate(names) if table[name].kind == "text"]
    scaled = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    return ColumnTransformer(
        [("numbers", scaled, numbers), ("words", OneHotEncoder(handle_unknown="ignore"), words)],
        sparse_threshold=0.0 if dense else 0.3,
    )


def _chosen_alpha(fitted: Any, n_rows: float) -> float:
    if isinstance(fitted, GridSearchCV):
        return float(fitted.best_params_["alpha"]) * n_rows
    return float(1.0 / np.ravel(fitted.C_)[0] if hasattr(fitted, "C_") else fitted.alpha_)


def _estimator(family: Family, alpha: float | None, n_rows: float) -> Any:
    """The estimator, tuned by itself unless ``alpha``, of the summed loss, is given."""
    if family.name in COUNTED:
        kind = GammaRegressor if family.name == "gamma" else PoissonRegressor
        if alpha is not None:
            return kind(alpha=alpha / n_rows, solver="newton-cholesky", max_iter=1000)
        plain = kind(solver="newton-cholesky", max_iter=1000)
        return GridSearchCV(plain, {"alpha": MEAN_ALPHAS}, cv=5)
    if not family.classifies:
        return RidgeCV(ALPHAS) if alpha is None else Ridge(alpha)
    if alpha is not None:
        return LogisticRegression(C=1.0 / alpha, max_iter=1000)
    return LogisticRegressionCV(Cs=10, cv=5, scoring="neg_log_loss", max_iter=1000)
