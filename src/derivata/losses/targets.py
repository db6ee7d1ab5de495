"""Checks of targets that several losses share; each names the first offending row."""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidTarget


def require_finite(y: Array) -> None:
    """Raise ``InvalidTarget`` naming the first row whose target is NaN or infinite."""
    if not np.isfinite(y).all():
        row = int(np.flatnonzero(~np.isfinite(y))[0])
        raise InvalidTarget(
            f"`y` is {y[row]} in row {row}: Input y contains NaN or infinity. "
            "Drop the rows without a target before fitting."
        )


def require(y: Array, legal: Array, what: str, cure: str) -> None:
    """Raise ``InvalidTarget`` naming the first row where ``legal`` is False."""
    if not legal.all():
        row = int(np.flatnonzero(~legal)[0])
        raise InvalidTarget(f"`y` is {y[row]} in row {row}, but {what}. {cure}")
