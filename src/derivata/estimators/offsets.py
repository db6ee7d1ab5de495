"""Offsets: what is added to the outputs of each row, and its constant part.

A constant offset is an intercept in other words. It is taken out before a fit and given back to the
intercept after it, so that neither the search nor the scale of penalties depends on the unit of an
exposure.
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array
from derivata.estimators.base import PenalizedLinearModel

# An offset beyond this would overflow the exponential of a log or logit link.
LARGEST_LOG = 500.0


def mean_offset(model: PenalizedLinearModel, offset: Array | None, weight: Array) -> float:
    """The constant part of an offset, which an intercept takes up: the search then starts near."""
    if offset is None or not model.fit_intercept:
        return 0.0
    return float(np.average(offset[:, 0], weights=weight))


def log_mean_exposure(model: PenalizedLinearModel, offset: Array | None, weight: Array) -> float:
    """Likewise for a log link, where a constant fit to exposures has a closed form."""
    if offset is None or not model.fit_intercept:
        return 0.0
    largest = float(offset[weight > 0.0].max())
    below = np.minimum(offset[:, 0] - largest, 0.0)  # rows of weight zero may lie above
    return largest + float(np.log(np.average(np.exp(below), weights=weight)))


def move_intercept(model: PenalizedLinearModel, by: float) -> None:
    """Give the constant part back to the intercepts of a fitted model."""
    model._output_intercept = model._output_intercept + by
    model._publish()
