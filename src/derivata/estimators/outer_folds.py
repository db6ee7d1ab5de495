"""The whole of a procedure judged on rows it did not see: encoder, tuning and fit, fold by fold.

    score = sum_i s_i (l_i - least(y_i)) / sum_i s_i,  l_i the loss of i by the fit without its fold
    optimism = score - mean over folds of the criterion that tuning minimised there

least(y) is the loss of a prediction that is y itself, where that is not zero already: without it
the score of counts would be ruled by how large they are, and so would its standard error,
sqrt(sum (s_i (l_i - score))^2) / sum s_i, which treats the rows as independent given the fits. For
both families of counts it is the Poisson loss's, so that their scores can be compared.

A criterion that is a mean loss of rows chose the penalties, so it flatters them; the score did not,
so it is the number to believe. Evidence is no loss of rows: there is no optimism to be had from it,
and `OuterFolds.criterion_is_comparable` is False.

A class whose every row lies in one fold could not be learnt there: one of its rows is moved to
another fold, and the row of a class that has only one is always trained on and never judged.

Maths: docs/math/tuning.md
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from derivata.contracts import Array
from derivata.criteria.evidence import Evidence
from derivata.criteria.resampling import deal_folds
from derivata.errors import DerivataError, DerivataWarning, NotAvailable, NotConvergedWarning
from derivata.estimators.families import Family, NegativeBinomialFamily
from derivata.estimators.table_task import TrainingRows
from derivata.losses import PoissonLoss
from derivata.tuning import OuterScore

NEVER_JUDGED = -1


class Judged(Protocol):
    """What a fold's fit must answer."""

    @property
    def estimator(self) -> Any:
        """What was fitted; its ``tuning_`` and ``family_``, if it has them, are read."""
        ...

    def judge(self, rows: TrainingRows) -> tuple[Array, Array]:
        """Predictions (m,) or class probabilities (m, k), and the loss of each row (m,)."""
        ...


@dataclass(frozen=True, eq=False)
class OuterFolds:
    """Predictions for rows unseen by the fit that made them, and what they are worth.

    Attributes
    ----------
    score : OuterScore
        Mean loss a row with its standard error, and the mean criterion of the same folds; NaN if
        that is no loss of rows.
    n_folds : int
    fold : int array (n_rows,)
        Of each row; -1 where it was only ever trained on.
    predictions : array (n_rows,) or (n_rows, n_classes)
        Expected values, or class probabilities; NaN where not judged.
    row_losses : array (n_rows,)
        Unweighted, 0 for a prediction equal to the target; NaN where not judged.
    n_not_converged : int
        Folds whose fit or tuning stopped early.
    """

    score: OuterScore
    n_folds: int
    fold: Array
    predictions: Array
    row_losses: Array
    n_not_converged: int

    @property
    def judged(self) -> Array:
        """Which rows were judged, bool (n_rows,)."""
        return self.fold != NEVER_JUDGED

    @property
    def criterion_is_comparable(self) -> bool:
        """Whether the criterion is measured in what the score is, so that there is an optimism."""
        return bool(np.isfinite(self.score.inner))


def judge_by_folds(
    rows: TrainingRows,
    fold: Array,
    fit: Callable[[TrainingRows], Judged],
    progress: Callable[[str, int, int], None] | None = None,
) -> OuterFolds:
    """Fit without each fold in turn and judge its rows.

    Parameters
    ----------
    rows : TrainingRows
    fold : int array (n_rows,)     from `deal_outer_folds`
    fit : callable                 the whole procedure
    progress : callable or None    receives ("outer fold", folds done, folds)

    Returns
    -------
    OuterFolds

    Raises
    ------
    NotAvailable                   if a fold cannot be fitted, such as for want of rows; says why
    """
    n_folds = int(fold.max(initial=-1)) + 1
    predictions, inner, n_not_converged = None, [], 0
    row_losses = np.full(rows.n_rows, np.nan)
    for number in range(n_folds):
        if progress is not None:
            progress("outer fold", number, n_folds)
        held = np.flatnonzero(fold == number)
        # What folds have to say about columns was said of the whole table already.
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", DerivataWarning)
            part, kept = rows.take(held), rows.take(np.flatnonzero(fold != number))
            try:
                fitted = fit(kept)
                judged, losses = fitted.judge(part)
            except DerivataError as error:
                raise NotAvailable(
                    f"the table cannot be judged by {n_folds} outer folds: without fold "
                    f"{number + 1}, {error}"
                ) from error
        n_not_converged += any(issubclass(w.category, NotConvergedWarning) for w in said)
        row_losses[held] = losses - least_losses(_family(fitted.estimator), part)
        inner.append(_criterion(fitted.estimator, kept))
        if predictions is None:
            predictions = np.full((rows.n_rows, *judged.shape[1:]), np.nan)
        predictions[held] = judged
    if predictions is None:
        raise NotAvailable("no row can be judged by outer folds: every class has one row only.")
    score = _score(row_losses, rows.weights_or_ones(), fold, float(np.mean(inner)))
    return OuterFolds(score, n_folds, fold, predictions, row_losses, n_not_converged)


def deal_outer_folds(target: Array, n_folds: int, random_state: int, classifies: bool) -> Array:
    """A fold for each row, balanced over the target, every class present outside every fold.

    Parameters
    ----------
    target : array (n_rows,)       numbers, or class codes 0, 1, ...
    n_folds : int                  at least 2; at most a row each
    random_state : int
    classifies : bool

    Returns
    -------
    fold : int array (n_rows,)     -1 for the row of a class that has only one

    Raises
    ------
    NotAvailable                   if there are fewer than three rows
    """
    n_rows = len(target)
    if n_rows < 3:
        raise NotAvailable(f"{n_rows} rows are too few to leave some out and fit the others.")
    fold = deal_folds(target, min(n_folds, n_rows), random_state, classes=classifies)
    # Numbered anew, so that no fold is empty.
    used = np.unique(fold[fold != NEVER_JUDGED])
    return np.where(fold == NEVER_JUDGED, NEVER_JUDGED, np.searchsorted(used, fold))


def mean_with_error(values: Array, weight: Array) -> tuple[float, float]:
    """The weighted mean of rows' values (n_rows,) and its standard error."""
    total = float(weight.sum())
    mean = float(weight @ values) / total
    spread = weight * (values - mean)
    return mean, float(np.sqrt(spread @ spread)) / total


def least_losses(family: Family | None, rows: TrainingRows) -> Array:
    """The loss of each row (n_rows,) of a prediction that is its target; 0 for classes."""
    if family is None or family.classifies:
        return np.zeros(rows.n_rows)
    if isinstance(family, NegativeBinomialFamily):
        return PoissonLoss().saturated(rows.y)
    return family.loss().saturated(rows.y)


def _criterion(estimator: Any, rows: TrainingRows) -> float:
    """The tuned criterion a row on the scale of the scores; NaN if it is no loss of rows."""
    tuning = getattr(estimator, "tuning_", None)
    if tuning is None or tuning.criterion_name == Evidence.name:
        return float("nan")
    least = least_losses(_family(estimator), rows)
    return float(tuning.criterion - np.average(least, weights=rows.weights_or_ones()))


def _family(estimator: Any) -> Family | None:
    return getattr(estimator, "family_", None)


def _score(row_losses: Array, weight: Array, fold: Array, inner: float) -> OuterScore:
    judged = fold != NEVER_JUDGED
    return OuterScore(*mean_with_error(row_losses[judged], weight[judged]), inner)
