"""Exposures and offsets of a family's outputs, and their constant part, an intercept's."""

from __future__ import annotations

from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.estimators.families import Family
from derivata.estimators.row_values import LARGEST_TARGET, validate_exposure, validate_offset

# An offset beyond this would overflow the exponential of a log link.
LARGEST_LOG = 500.0


def log_scale(family: Family, exposure: Any, offset: Any, n_rows: int) -> Array | None:
    """log(exposure) + offset, (n_rows,), or None if neither is given.

    Raises
    ------
    InvalidParameter               if the family takes no exposure
    InvalidWeight                  naming the row that is not positive, or no number
    """
    if exposure is not None and not family.takes_exposure:
        raise InvalidParameter(
            f"`exposure` is given, but the family is {family.name}: only amounts on a log scale "
            "(poisson, negative-binomial, gamma, tweedie) grow with an exposure. Leave it out, or "
            "give it as `sample_weight` if it is one."
        )
    largest = LARGEST_LOG if family.takes_exposure else LARGEST_TARGET
    parts = [validate_exposure(exposure, n_rows), validate_offset(offset, n_rows, largest)]
    given = [part[:, 0] for part in parts if part is not None]
    return np.sum(given, axis=0) if given else None


def middle_of(offset: Array | None, weight: Array, family: Family) -> float:
    """The constant part of an offset: neither search nor penalties then depend on its unit."""
    if offset is None:
        return 0.0
    if not family.takes_exposure:
        return float(np.average(offset, weights=weight))
    largest = float(offset.max())
    return largest + float(np.log(np.average(np.exp(offset - largest), weights=weight)))
