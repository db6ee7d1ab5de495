"""Losses of a real target: squared error and Huber's.

    squared   (y - z)^2 / 2
    Huber     r^2 / 2 where |r| <= delta,  delta |r| - delta^2 / 2 beyond,   r = y - z

Huber's loss has no second derivative at |r| = delta; one side's value is used there. Source:
Huber (1964), Ann. Math. Statist. 35, 73-101, doi:10.1214/aoms/1177703732.

Maths: docs/math/losses.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.lazy import lazy
from derivata.losses.quantile import weighted_quantile
from derivata.losses.targets import require_finite


@dataclass(frozen=True)
class SquaredLoss:
    """Half the squared error, (y - z)^2 / 2; nats when the noise has unit variance."""

    name = "squared"
    n_outputs = 1
    curvature_is_constant = True
    scale_is_free = True
    targets_are_classes = False

    def at(self, y: Array, outputs: Array) -> _SquaredRows:
        """Derivatives at outputs (n, 1)."""
        return _SquaredRows(outputs[:, 0] - y)

    def null_outputs(self, y: Array, weight: Array) -> Array:
        """The weighted mean."""
        return np.array([np.average(y, weights=weight)])

    def saturated(self, y: Array) -> Array:
        """Zero, where the output is the target itself; (n,)."""
        return np.zeros(len(y))

    def validate(self, y: Array) -> None:
        """Refuse NaN and infinite targets."""
        require_finite(y)


class _SquaredRows:
    def __init__(self, residual: Array):
        self.residual = residual

    @lazy
    def value(self) -> Array:
        return 0.5 * self.residual * self.residual

    @property
    def gradient(self) -> Array:
        return self.residual[:, None]

    @property
    def hessian(self) -> Array:
        return np.ones((len(self.residual), 1, 1))

    def third(self, matrices: Array) -> None:
        return None

    def cubic(self, directions: Array) -> Array:
        return np.zeros(len(directions))


@dataclass(frozen=True)
class HuberLoss:
    """Squared error near zero, absolute error beyond ``delta``; robust to outliers.

    Parameters
    ----------
    delta : float
        Where the square becomes a straight line, in the target's own units; positive.
    """

    delta: float = 1.345
    name = "huber"
    n_outputs = 1
    curvature_is_constant = False
    scale_is_free = True
    targets_are_classes = False

    def __post_init__(self) -> None:
        if not self.delta > 0:
            raise InvalidParameter(f"`delta` is {self.delta!r}; it must be a positive number.")

    def at(self, y: Array, outputs: Array) -> _HuberRows:
        """Derivatives at outputs (n, 1)."""
        return _HuberRows(outputs[:, 0] - y, self.delta)

    def null_outputs(self, y: Array, weight: Array) -> Array:
        """The weighted median, near enough to the best constant for a start."""
        return np.array([weighted_quantile(y, weight, 0.5)])

    def saturated(self, y: Array) -> Array:
        """Zero, where the output is the target itself; (n,)."""
        return np.zeros(len(y))

    def validate(self, y: Array) -> None:
        """Refuse NaN and infinite targets."""
        require_finite(y)


class _HuberRows:
    def __init__(self, residual: Array, delta: float):
        self.residual, self.delta = residual, delta
        self.clipped = np.clip(residual, -delta, delta)

    @lazy
    def value(self) -> Array:
        # With c = clip(r): r^2/2 inside and delta|r| - delta^2/2 outside are both c r - c^2/2.
        return self.clipped * (self.residual - 0.5 * self.clipped)

    @property
    def gradient(self) -> Array:
        return self.clipped[:, None]

    @lazy
    def hessian(self) -> Array:
        return (np.abs(self.residual) <= self.delta).astype(float)[:, None, None]

    def third(self, matrices: Array) -> None:
        return None

    def cubic(self, directions: Array) -> Array:
        return np.zeros(len(directions))
