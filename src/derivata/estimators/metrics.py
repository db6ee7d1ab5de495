"""What outer-fold predictions are worth in the user's own terms, beside the loss in nats.

    squared            R2 = 1 - sum s (y - prediction)^2 / sum s (y - mean)^2,   RMSE
    logistic, softmax  accuracy, log-loss; and both for guessing the class shares
    poisson            D2 = 1 - deviance / deviance of one common rate,
                       deviance = 2 sum s (y log(y / mu) - y + mu)

Every baseline is the best constant for the judged rows themselves, so it is a little better than
one that could be had beforehand: the share explained is never overstated.
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array
from derivata.estimators.outer_folds import OuterFolds
from derivata.estimators.table_task import TableTask, TrainingRows


def outer_metrics(task: TableTask, rows: TrainingRows, outer: OuterFolds) -> dict[str, float]:
    """Metrics of the judged rows by name, in the order to print them.

    Parameters
    ----------
    task : TableTask
    rows : TrainingRows            those that ``outer`` judged
    outer : OuterFolds

    Returns
    -------
    metrics : dict of str to float
        NaN for a share of nothing: a target with one value among the judged rows.
    """
    judged = outer.judged
    predicted, weight = outer.predictions[judged], rows.weights_or_ones()[judged]
    if task.classifies:
        codes = np.unique(rows.y, return_inverse=True)[1][judged]
        return _of_classes(codes, predicted, weight, outer.score.score)
    rows = rows.take(judged)
    if task.family == "poisson":
        return _of_counts(rows, predicted, weight)
    squares = float(weight @ (rows.y - predicted) ** 2)
    spread = float(weight @ (rows.y - np.average(rows.y, weights=weight)) ** 2)
    return {"r2": _share_explained(squares, spread), "rmse": (squares / weight.sum()) ** 0.5}


def deviance_rows(y: Array, mean: Array) -> Array:
    """Poisson deviance of each row, 2 (y log(y / mean) - y + mean); y log y is 0 at 0."""
    ratio = np.where(y > 0, y, 1.0) / np.maximum(mean, 1e-300)
    return 2.0 * (np.where(y > 0, y * np.log(ratio), 0.0) - y + mean)


def _of_classes(
    codes: Array, probability: Array, weight: Array, log_loss: float
) -> dict[str, float]:
    shares = np.bincount(codes, weight) / weight.sum()
    present = shares[shares > 0]
    return {
        "accuracy": float(weight @ (probability.argmax(axis=1) == codes)) / float(weight.sum()),
        "log_loss": log_loss,
        "accuracy_of_commonest_class": float(present.max()),
        "log_loss_of_class_shares": float(-(present @ np.log(present))),
    }


def _of_counts(rows: TrainingRows, mean: Array, weight: Array) -> dict[str, float]:
    exposure = np.ones(rows.n_rows) if rows.exposure is None else rows.exposure
    rate = float(weight @ rows.y) / float(weight @ exposure)
    null = float(weight @ deviance_rows(rows.y, rate * exposure))
    deviance = float(weight @ deviance_rows(rows.y, mean))
    return {
        "d2": _share_explained(deviance, null),
        "mean_deviance": deviance / float(weight.sum()),
    }


def _share_explained(left: float, whole: float) -> float:
    return 1.0 - float(left) / float(whole) if whole > 0 else float("nan")
