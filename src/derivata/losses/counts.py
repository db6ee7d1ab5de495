"""Losses of counts, with a log link: z is the log of the mean.

    Poisson             exp(z) - y z                                            y >= 0
    negative binomial   (y + t) log(1 + exp(z) / t) - y z - c(y, t)             y >= 0
                        c = log Gamma(y + t) - log Gamma(t) - y log t,          t = theta

Both are minus the log-likelihood without the constant log y!, so values are comparable between the
two and between thetas; as theta grows the second becomes the first. A negative binomial count has
variance mu + mu^2 / theta.

Sources: McCullagh & Nelder (1989), Generalized Linear Models, 2nd ed., chapter 6; Venables &
Ripley (2002), Modern Applied Statistics with S, 4th ed., section 7.4.

Maths: docs/math/losses.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, xlogy

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.lazy import lazy
from derivata.losses.targets import require, require_finite

# exp(300) is about 1e130: a line search refuses it, and sums of squares of such rows stay finite.
LARGEST_EXPONENT = 300.0
# From this theta on a difference of two log-gammas would cancel; Stirling's series does not.
STIRLING = 20.0


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
        return log_mean(y, weight)

    def saturated(self, y: Array) -> Array:
        """y - y log y, where the mean is y itself; (n,)."""
        return y - xlogy(y, y)

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
class NegativeBinomialLoss:
    """Minus the log-likelihood of a negative binomial count with mean exp(z), without log y!.

    Convex in z, with the observed curvature (y + theta) q (1 - q), q = mu / (mu + theta).

    Parameters
    ----------
    theta : float
        Positive; the variance is mu + mu^2 / theta.
    """

    theta: float
    name = "negative-binomial"
    n_outputs = 1
    curvature_is_constant = False
    scale_is_free = False
    targets_are_classes = False

    def __post_init__(self) -> None:
        if not 0 < self.theta < np.inf:
            raise InvalidParameter(
                f"`theta` is {self.theta!r}; it must be a positive number. Where counts vary no "
                "more than a Poisson's, use PoissonLoss()."
            )

    def at(self, y: Array, outputs: Array) -> _NegativeBinomialRows:
        """Derivatives at log-means (n, 1)."""
        return _NegativeBinomialRows(y, outputs[:, 0], self.theta)

    def null_outputs(self, y: Array, weight: Array) -> Array:
        """Log of the weighted mean."""
        return log_mean(y, weight)

    def saturated(self, y: Array) -> Array:
        """The loss where the mean is y itself, (n,)."""
        bulk = (y + self.theta) * np.log1p(y / self.theta) - xlogy(y, y)
        return bulk - log_rising(y, self.theta)

    def validate(self, y: Array) -> None:
        """Refuse negative targets."""
        require_finite(y)
        cure = "Use the squared loss, or correct the row."
        require(y, y >= 0, "a negative binomial target must be >= 0", cure)


class _NegativeBinomialRows:
    def __init__(self, y: Array, outputs: Array, theta: float):
        self.y, self.outputs, self.theta = y, outputs, theta
        # With u = log(mu / theta), exp(-|u|) <= 1 cannot overflow and serves every order.
        self.ratio = outputs - np.log(theta)
        self.exponential = np.exp(-np.abs(self.ratio))
        self.smaller = self.exponential / (1.0 + self.exponential)
        self.share = np.where(self.ratio >= 0, 1.0 - self.smaller, self.smaller)

    @lazy
    def value(self) -> Array:
        softplus = np.maximum(self.ratio, 0.0) + np.log1p(self.exponential)
        bulk = (self.y + self.theta) * softplus - self.y * self.outputs
        return bulk - log_rising(self.y, self.theta)

    @lazy
    def gradient(self) -> Array:
        return ((self.y + self.theta) * self.share - self.y)[:, None]

    @lazy
    def hessian(self) -> Array:
        curvature = (self.y + self.theta) * (self.smaller * (1.0 - self.smaller))
        return curvature[:, None, None]

    def third(self, matrices: Array) -> Array:
        return (self._third * matrices[:, 0, 0])[:, None]

    @lazy
    def _third(self) -> Array:
        return self.hessian[:, 0, 0] * (1.0 - 2.0 * self.share)

    def cubic(self, directions: Array) -> Array:
        return self._third * directions[:, 0] * directions[:, 0] * directions[:, 0]


def log_mean(y: Array, weight: Array) -> Array:
    """Log of the weighted mean of targets >= 0, (1,); finite also where all are zero."""
    return np.log(np.maximum([np.average(y, weights=weight)], 1e-12))


def log_rising(y: Array, theta: float) -> Array:
    """log Gamma(y + theta) - log Gamma(theta) - y log theta, (n,): y terms log(1 + j / theta).

    Absolute error some 1e-14 times y; zero at y = 0.
    """
    if theta < STIRLING:
        return gammaln(y + theta) - gammaln(theta) - y * np.log(theta)
    bulk = (y + theta - 0.5) * np.log1p(y / theta) - y
    return bulk + (_stirling_rest(y + theta) - _stirling_rest(theta))


def _stirling_rest(x: Array | float) -> Array | float:
    """log Gamma(x) less its leading terms, to 1e-16 for x >= 20."""
    square = 1.0 / (x * x)
    return (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680))) / x
