"""Losses of counts and positive amounts, with a log link: z is the log of the mean.

    Poisson   exp(z) - y z            y >= 0     (the constant log y! is left out)
    gamma     y exp(-z) + z           y > 0      (unit shape; a constant shape only rescales F)

Source: McCullagh & Nelder (1989), Generalized Linear Models, 2nd ed., chapters 6 and 8.

Maths: docs/math/losses.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.lazy import lazy
from derivata.losses.targets import require, require_finite

# exp(300) is about 1e130: a line search refuses it, and sums of squares of such rows stay finite.
LARGEST_EXPONENT = 300.0


@dataclass(frozen=True)
class PoissonLoss:
    """Minus the log-likelihood of a Poisson count with mean exp(z), without log y!."""

    name = "poisson"
    n_outputs = 1
    curvature_is_constant = False
    scale_is_free = False
    targets_are_classes = False

    def at(self, y: Array, outputs: Array) -> _PoissonRows:
        """Derivatives at log-means (n, 1)."""
        return _PoissonRows(y, outputs[:, 0])

    def null_outputs(self, y: Array, weight: Array) -> Array:
        """Log of the weighted mean."""
        return np.log(np.maximum([np.average(y, weights=weight)], 1e-12))

    def validate(self, y: Array) -> None:
        """Refuse negative targets."""
        require_finite(y)
        require(y, y >= 0, "a Poisson target must be >= 0", "Use a LinearRegressor instead.")


class _PoissonRows:
    def __init__(self, y: Array, outputs: Array):
        self.y, self.outputs = y, outputs
        self.mean = np.exp(np.minimum(outputs, LARGEST_EXPONENT))

    @lazy
    def value(self) -> Array:
        return self.mean - self.y * self.outputs

    @lazy
    def gradient(self) -> Array:
        return (self.mean - self.y)[:, None]

    @property
    def hessian(self) -> Array:
        return self.mean[:, None, None]

    def third(self, matrices: Array) -> Array:
        return self.mean[:, None] * matrices[:, :, 0]

    def cubic(self, directions: Array) -> Array:
        return self.mean * directions[:, 0] * directions[:, 0] * directions[:, 0]


@dataclass(frozen=True)
class GammaLoss:
    """Minus the log-likelihood of a gamma amount with mean exp(z) and unit shape."""

    name = "gamma"
    n_outputs = 1
    curvature_is_constant = False
    scale_is_free = False
    targets_are_classes = False

    def at(self, y: Array, outputs: Array) -> _GammaRows:
        """Derivatives at log-means (n, 1)."""
        return _GammaRows(y, outputs[:, 0])

    def null_outputs(self, y: Array, weight: Array) -> Array:
        """Log of the weighted mean."""
        return np.log([np.average(y, weights=weight)])

    def validate(self, y: Array) -> None:
        """Refuse targets that are not positive."""
        require_finite(y)
        require(y, y > 0, "a gamma target must be > 0", "Model zeros apart, or use another family.")


class _GammaRows:
    def __init__(self, y: Array, outputs: Array):
        self.outputs = outputs
        self.ratio = y * np.exp(np.minimum(-outputs, LARGEST_EXPONENT))

    @lazy
    def value(self) -> Array:
        return self.ratio + self.outputs

    @lazy
    def gradient(self) -> Array:
        return (1.0 - self.ratio)[:, None]

    @property
    def hessian(self) -> Array:
        return self.ratio[:, None, None]

    def third(self, matrices: Array) -> Array:
        return -self.ratio[:, None] * matrices[:, :, 0]

    def cubic(self, directions: Array) -> Array:
        return -self.ratio * directions[:, 0] * directions[:, 0] * directions[:, 0]
