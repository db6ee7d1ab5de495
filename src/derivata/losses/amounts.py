"""Losses of amounts, with a log link: z is the log of the mean.

    gamma     y exp(-z) + z                                              y > 0
    Tweedie   y exp(-(p - 1) z) / (p - 1) + exp((2 - p) z) / (2 - p)     y >= 0,   1 < p < 2

Both are half of a unit deviance, without its terms in y alone: the variance of the noise is
phi mu^2 and phi mu^p, and phi, its scale, is left out. A Tweedie amount of such a power is a sum of
a Poisson number of gamma amounts: exactly zero now and then, and continuous beyond.

Sources: McCullagh & Nelder (1989), Generalized Linear Models, 2nd ed., chapter 8; Dunn & Smyth
(2005), Statistics and Computing 15, 267-280, doi:10.1007/s11222-005-4070-y.

Maths: docs/math/losses.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.lazy import lazy
from derivata.losses.counts import LARGEST_EXPONENT, log_mean
from derivata.losses.targets import require, require_finite


@dataclass(frozen=True)
class GammaLoss:
    """Minus the log-likelihood of a gamma amount with mean exp(z) and unit shape."""

    name = "gamma"
    n_outputs = 1
    curvature_is_constant = False
    scale_is_free = True
    targets_are_classes = False

    def at(self, y: Array, outputs: Array) -> _GammaRows:
        """Derivatives at log-means (n, 1)."""
        return _GammaRows(y, outputs[:, 0])

    def null_outputs(self, y: Array, weight: Array) -> Array:
        """Log of the weighted mean."""
        return np.log([np.average(y, weights=weight)])

    def saturated(self, y: Array) -> Array:
        """1 + log y, where the mean is y itself; (n,)."""
        return 1.0 + np.log(y)

    def validate(self, y: Array) -> None:
        """Refuse targets that are not positive."""
        require_finite(y)
        cure = "Model zeros apart, or use the Tweedie loss, which allows them."
        require(y, y > 0, "a gamma target must be > 0", cure)


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


@dataclass(frozen=True)
class TweedieLoss:
    """Half the unit deviance of a Tweedie amount with mean exp(z), without its terms in y alone.

    Parameters
    ----------
    power : float
        p in (1, 2): the variance is phi mu^p. At 1 it would be Poisson, at 2 gamma.
    """

    power: float = 1.5
    name = "tweedie"
    n_outputs = 1
    curvature_is_constant = False
    scale_is_free = True
    targets_are_classes = False

    def __post_init__(self) -> None:
        if not 1 < self.power < 2:
            raise InvalidParameter(
                f"`power` is {self.power!r}; it must lie between 1 and 2. Use PoissonLoss() for 1, "
                "GammaLoss() for 2."
            )

    def at(self, y: Array, outputs: Array) -> _TweedieRows:
        """Derivatives at log-means (n, 1)."""
        return _TweedieRows(y, outputs[:, 0], self.power)

    def null_outputs(self, y: Array, weight: Array) -> Array:
        """Log of the weighted mean."""
        return log_mean(y, weight)

    def saturated(self, y: Array) -> Array:
        """y^(2 - p) / ((p - 1) (2 - p)), where the mean is y itself; (n,)."""
        return y ** (2.0 - self.power) / ((self.power - 1.0) * (2.0 - self.power))

    def validate(self, y: Array) -> None:
        """Refuse negative targets."""
        require_finite(y)
        cure = "Use the squared loss, or correct the row."
        require(y, y >= 0, "a Tweedie target must be >= 0", cure)


class _TweedieRows:
    def __init__(self, y: Array, outputs: Array, power: float):
        # Rates of the two exponentials, a falling and a rising one; both are positive.
        self.fall, self.rise = power - 1.0, 2.0 - power
        self.falling = y * np.exp(np.minimum(-self.fall * outputs, LARGEST_EXPONENT))
        self.rising = np.exp(np.minimum(self.rise * outputs, LARGEST_EXPONENT))

    @lazy
    def value(self) -> Array:
        return self.falling / self.fall + self.rising / self.rise

    @lazy
    def gradient(self) -> Array:
        return (self.rising - self.falling)[:, None]

    @lazy
    def hessian(self) -> Array:
        return (self.rise * self.rising + self.fall * self.falling)[:, None, None]

    def third(self, matrices: Array) -> Array:
        return (self._third * matrices[:, 0, 0])[:, None]

    @lazy
    def _third(self) -> Array:
        return self.rise * self.rise * self.rising - self.fall * self.fall * self.falling

    def cubic(self, directions: Array) -> Array:
        return self._third * directions[:, 0] * directions[:, 0] * directions[:, 0]
