"""What outer-fold predictions are worth in the user's own terms, beside the loss a row.

    squared            R2 = 1 - sum s (y - prediction)^2 / sum s (y - mean)^2,   RMSE
    huber              D2 by Huber's loss, and the median absolute error
    counts, amounts    D2 = 1 - deviance / deviance of one common rate, and the mean deviance
    quantile           D1 = 1 - pinball loss / pinball loss of one common quantile, the mean pinball
                       loss, and the share of rows at or below their predicted quantile
    classes            accuracy, log-loss; and both for guessing the class shares

Deviances are those of the family at the shape of the whole fit, whatever shapes the folds found.
Every baseline is the best constant for the judged rows themselves, so it is a little better than
one that could be had beforehand: the share explained is never overstated.

Maths: docs/math/families.md
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array
from derivata.estimators.families import Family, HuberFamily, QuantileFamily, SquaredFamily
from derivata.estimators.outer_folds import OuterFolds, least_losses
from derivata.estimators.table_task import TrainingRows
from derivata.losses.quantile import weighted_quantile

CONSTANT_STEPS = 60


def outer_metrics(
    family: Family, rows: TrainingRows, outer: OuterFolds, classes: Array | None = None
) -> dict[str, float]:
    """Metrics of the judged rows by name, in the order to print them.

    Parameters
    ----------
    family : Family                of the model, with its shape
    rows : TrainingRows            those that ``outer`` judged
    outer : OuterFolds
    classes : array, optional      labels in the order of the probabilities; default: those of
                                   ``rows``

    Returns
    -------
    metrics : dict of str to float
        NaN for a share of nothing: a target with one value among the judged rows.
    """
    judged = outer.judged
    predicted, weight = outer.predictions[judged], rows.weights_or_ones()[judged]
    if family.classifies:
        known = np.unique(rows.y) if classes is None else classes
        codes = np.searchsorted(known, rows.y)[judged]
        return _of_classes(codes, predicted, weight)
    rows = rows.take(judged)
    if isinstance(family, QuantileFamily):
        return _of_quantile(family.level, rows.y, predicted, weight)
    losses = deviances(family, rows.y, predicted)
    null = deviances(family, rows.y, common_prediction(family, rows))
    share = _share_explained(float(weight @ losses), float(weight @ null))
    total = float(weight.sum())
    if isinstance(family, SquaredFamily):
        return {"r2": share, "rmse": (float(weight @ losses) / total) ** 0.5}
    if isinstance(family, HuberFamily):
        typical = weighted_quantile(np.abs(rows.y - predicted), weight, 0.5)
        return {"d2": share, "median_absolute_error": typical}
    return {"d2": share, "mean_deviance": float(weight @ losses) / total}


def deviances(family: Family, y: Array, predicted: Array) -> Array:
    """Unit deviances (n,) of predicted values (n,), which are means, or a quantile."""
    return family.deviance(y, _outputs(family, predicted)[:, None])


def common_prediction(family: Family, rows: TrainingRows) -> Array:
    """What the best constant on the scale of the outputs predicts for each row, (n,).

    With exposures it is one rate times each row's exposure. Newton's method on a convex function of
    one number, from the ratio of the sums.
    """
    weight = rows.weights_or_ones()
    if isinstance(family, QuantileFamily):
        return np.full(rows.n_rows, weighted_quantile(rows.y, weight, family.level))
    loss = family.loss()
    if rows.exposure is None:
        constant = np.full((rows.n_rows, 1), loss.null_outputs(rows.y, weight)[0])
        return family.mean(constant)
    offset = np.log(rows.exposure)
    rate = float(np.log(weight @ rows.y / (weight @ rows.exposure)))
    for _ in range(CONSTANT_STEPS):
        at = loss.at(rows.y, (rate + offset)[:, None])
        slope, curvature = float(weight @ at.gradient[:, 0]), float(weight @ at.hessian[:, 0, 0])
        step = float(np.clip(slope / max(curvature, 1e-300), -1.0, 1.0))
        rate -= step
        if abs(step) < 1e-12:
            break
    return family.mean((rate + offset)[:, None])


def constant_losses(family: Family, rows: TrainingRows) -> Array:
    """The loss of each row (n_rows,) at the best constant, as `OuterFolds.row_losses` has it."""
    if family.classifies:
        codes = np.unique(rows.y, return_inverse=True)[1]
        weight = rows.weights_or_ones()
        return -np.log((np.bincount(codes, weight) / weight.sum())[codes])
    outputs = _outputs(family, common_prediction(family, rows))[:, None]
    return family.row_losses(rows.y, outputs) - least_losses(family, rows)


def pinball(y: Array, predicted: Array, level: float) -> Array:
    """The pinball loss of each row (n,): level times what is above, 1 - level times what is below.

    Its mean is least where ``predicted`` is the quantile ``level``.
    """
    above = y - predicted
    return np.maximum(level * above, (level - 1.0) * above)


def _outputs(family: Family, predicted: Array) -> Array:
    """The outputs whose mean is ``predicted``: their logarithm for amounts with a log link."""
    if not family.takes_exposure:
        return predicted
    return np.log(np.maximum(predicted, np.finfo(float).tiny))


def _of_quantile(level: float, y: Array, predicted: Array, weight: Array) -> dict[str, float]:
    total = float(weight.sum())
    mean = float(weight @ pinball(y, predicted, level)) / total
    common = weighted_quantile(y, weight, level)
    null = float(weight @ pinball(y, np.full(len(y), common), level)) / total
    return {
        "d1": _share_explained(mean, null),
        "pinball": mean,
        "share_below": float(weight @ (y <= predicted)) / total,
    }


def _of_classes(codes: Array, probability: Array, weight: Array) -> dict[str, float]:
    shares = np.bincount(codes, weight) / weight.sum()
    present = shares[shares > 0]
    own = np.maximum(probability[np.arange(len(codes)), codes], np.finfo(float).tiny)
    return {
        "accuracy": float(weight @ (probability.argmax(axis=1) == codes)) / float(weight.sum()),
        "log_loss": -float(weight @ np.log(own)) / float(weight.sum()),
        "accuracy_of_commonest_class": float(present.max()),
        "log_loss_of_class_shares": float(-(present @ np.log(present))),
    }


def _share_explained(left: float, whole: float) -> float:
    return 1.0 - left / whole if whole > 0 else float("nan")
