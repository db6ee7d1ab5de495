"""Penalties as users give them, one or one a group, as their logs."""

from __future__ import annotations

from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter


def log_alphas(alpha: Any, names: tuple[str, ...]) -> Array:
    """Log of one penalty, or of one for each group, in the order of ``names``."""
    if isinstance(alpha, str):
        raise InvalidParameter(f"`alpha` is {alpha!r}; expected 'tune', a number, or one a group.")
    if isinstance(alpha, dict):
        alpha = {str(label): value for label, value in alpha.items()}
        if set(alpha) != set(names):
            raise InvalidParameter(
                f"`alpha` names the groups {sorted(map(str, alpha))}, but they are {list(names)}."
            )
        alpha = [alpha[name] for name in names]
    try:
        values = np.asarray(alpha, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise InvalidParameter(
            f"`alpha` is {alpha!r:.60}; expected 'tune', a number, or one a group."
        ) from None
    if values.ndim > 1 or (values.ndim == 1 and len(values) != len(names)):
        raise InvalidParameter(
            f"`alpha` has shape {values.shape}; expected one number, or {len(names)}, one for "
            f"each of the groups {list(names)}."
        )
    if not np.isfinite(values).all() or (values < 0).any():
        raise InvalidParameter(f"`alpha` is {alpha!r}; penalties must be finite and >= 0.")
    with np.errstate(divide="ignore"):  # alpha = 0 is log alpha = -inf: no penalty
        return np.log(np.broadcast_to(values, (len(names),)))
