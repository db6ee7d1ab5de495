"""Outcomes, predictions and weights of rows, checked once: what every score begins with."""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidData, InvalidTarget, InvalidWeight, NotAvailable, ShapeMismatch


def checked_rows(y: Array, predicted: Array, weight: Array | None) -> tuple[Array, Array, Array]:
    """Outcomes, predictions and weights as float arrays (n,), without rows of weight zero.

    Parameters
    ----------
    y, predicted : array (n,)
    weight : array (n,) or None    None: all ones

    Raises
    ------
    ShapeMismatch                  lengths that differ
    InvalidData                    a value that is not finite; names the row
    InvalidWeight                  a weight below zero, or none above it
    """
    y, predicted = np.asarray(y, float), np.asarray(predicted, float)
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, float)
    if y.ndim != 1 or predicted.shape != y.shape or weight.shape != y.shape:
        raise ShapeMismatch(
            f"outcomes have shape {y.shape}, predictions {predicted.shape} and weights "
            f"{weight.shape}; expected one number a row in each."
        )
    for name, values in (("outcome", y), ("prediction", predicted)):
        if not np.isfinite(values).all():
            row = int(np.argmin(np.isfinite(values)))
            raise InvalidData(f"the {name} of row {row} is {values[row]}; expected a number.")
    if not (np.isfinite(weight) & (weight >= 0)).all():
        row = int(np.argmin(np.isfinite(weight) & (weight >= 0)))
        raise InvalidWeight(f"the weight of row {row} is {weight[row]}; expected a number >= 0.")
    kept = weight > 0
    if not kept.any():
        raise InvalidWeight("no row has a weight above zero, so there is nothing to score.")
    return y[kept], predicted[kept], weight[kept]


def checked_hits(hit: Array, score: Array, weight: Array | None) -> tuple[Array, Array, Array]:
    """As `checked_rows`, with outcomes that are 0 or 1 and both there.

    Raises
    ------
    InvalidTarget                  another outcome
    NotAvailable                   all outcomes alike: there is nothing to rank
    """
    hit, score, weight = checked_rows(hit, score, weight)
    require_binary(hit)
    if hit.min() == hit.max():
        raise NotAvailable(
            f"every row's outcome is {hit[0]:g}; a ranking needs rows of both outcomes."
        )
    return hit, score, weight


def checked_probabilities(
    hit: Array, probability: Array, weight: Array | None
) -> tuple[Array, Array, Array]:
    """As `checked_rows`, with outcomes 0 or 1 and predictions in [0, 1]."""
    hit, probability, weight = checked_rows(hit, probability, weight)
    require_binary(hit)
    outside = (probability < 0.0) | (probability > 1.0)
    if outside.any():
        raise InvalidData(
            f"a predicted probability is {probability[outside][0]:g}; expected values from 0 to 1. "
            "Were outputs of the link scale passed?"
        )
    return hit, probability, weight


def require_binary(hit: Array) -> None:
    """Refuse outcomes other than 0 and 1."""
    other = (hit != 0.0) & (hit != 1.0)
    if other.any():
        raise InvalidTarget(
            f"an outcome is {hit[other][0]:g}; expected 0 or 1, whether the row is of the class."
        )


def effective_rows(weight: Array) -> float:
    """The number of rows of equal weight that are worth as much: (sum s)^2 / sum s^2."""
    return float(weight.sum()) ** 2 / float(weight @ weight)
