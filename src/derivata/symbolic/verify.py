"""An array against a function and its differences: whether it is what it is said to be.

Central differences over several steps, extrapolated, of which each entry takes the best:

    f'(x) ~ (4 D(h/2) - D(h)) / 3,   D(h) = (f(x + h) - f(x - h)) / 2h,   error O(h^4)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.errors import DerivataError

STEPS = (3e-3, 3e-4, 1e-5)
# Differences of a right derivative agree to this share of its size, kinks aside.
TOLERANCE = 1e-6
# What rounding of the function leaves in its differences, as a share of the function's size.
ROUNDING = 1e-9


class DerivationFailed(DerivataError):
    """What was derived is not the derivative: a fault of the deriver, never shown as a formula."""


def require_equal(what: str, derived: Any, true: Any) -> None:
    """Raise unless two arrays agree to rounding."""
    derived, true = np.asarray(derived, float), np.asarray(true, float)
    size = max(1.0, float(np.abs(true).max(initial=0.0)))
    if derived.shape != true.shape or not np.abs(derived - true).max(initial=0.0) <= 1e-9 * size:
        raise DerivationFailed(_message(what, derived, true))


def require_derivative(
    what: str,
    function: Callable[[Array], Any],
    at: Array,
    derived: Any,
) -> None:
    """Raise unless an array is the derivative of a function along every axis of its argument.

    Parameters
    ----------
    what : str
        For the message.
    function : callable
        Array of the shape of ``at`` to an array.
    at : array
        The point.
    derived : array
        Shape of the function's value, then that of ``at``.
    """
    derived = np.asarray(derived, float)
    value = np.asarray(function(at), float)
    if derived.shape != value.shape + at.shape:
        raise DerivationFailed(
            f"{what} has shape {derived.shape}, expected {value.shape + at.shape}. "
            "This is a fault of the deriver; please report the formula."
        )
    found = np.stack([_by_steps(function, at, step) for step in STEPS])
    # The best step of each entry; a step may leave the domain, where no number comes back.
    error = np.fmin.reduce(np.abs(found - derived))
    size = max(1.0, float(np.abs(derived).max(initial=0.0)))
    rounding = ROUNDING * float(np.abs(value).max(initial=0.0))
    if not error.max(initial=0.0) <= TOLERANCE * size + rounding:
        raise DerivationFailed(_message(what, derived, found[1]))


def _by_steps(function: Callable[[Array], Any], at: Array, step: float) -> Array:
    columns = []
    for place in range(at.size):
        axis = np.zeros(at.size)
        axis[place] = step
        axis = axis.reshape(at.shape)
        long = _slope(function, at, axis, step)
        short = _slope(function, at, 0.5 * axis, 0.5 * step)
        columns.append((4.0 * short - long) / 3.0)
    found = np.stack(columns, axis=-1)
    return found.reshape(found.shape[:-1] + at.shape)


def _slope(function: Callable[[Array], Any], at: Array, axis: Array, step: float) -> Array:
    ahead, behind = (np.asarray(function(at + sign * axis), float) for sign in (1.0, -1.0))
    return (ahead - behind) / (2.0 * step)


def _message(what: str, derived: Array, true: Array) -> str:
    if derived.shape != true.shape:
        found = f"has shape {derived.shape}, expected {true.shape}"
    else:
        place = np.unravel_index(int(np.argmax(np.abs(derived - true))), derived.shape)
        where = f" at {tuple(map(int, place))}" if place else ""
        found = f"is {derived[place]:.10g}{where}, expected {true[place]:.10g}"
    return (
        f"{what} {found} on random data, so it is not shown. This is a fault of the deriver; "
        "please report the formula."
    )
