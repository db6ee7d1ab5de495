"""Counts that vary more than a Poisson's: negative binomial, theta by maximum likelihood.

    log mu = z,   Var y = mu + mu^2 / theta
    P(y <= k) = I_q(theta, k + 1),   q = theta / (theta + mu),   I the regularised incomplete beta

At given means theta solves

    sum s [psi(y + theta) - psi(theta) + log(theta / (theta + mu)) + (mu - y) / (theta + mu)] = 0

with psi the digamma function. Where the counts vary less than a Poisson's there is no finite root,
and theta is ``LARGEST_THETA``, at which the two families are one. Source: Venables & Ripley
(2002), Modern Applied Statistics with S, 4th ed., section 7.4.

Maths: docs/math/families.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import brentq
from scipy.special import betainc, psi

from derivata.contracts import Array
from derivata.estimators.families.common import LogLinkFamily
from derivata.estimators.families.mixture import (
    LogLinkNoise,
    mixture_cumulative,
    mixture_interval,
)
from derivata.losses import NegativeBinomialLoss

SMALLEST_THETA, LARGEST_THETA = 1e-3, 1e6


@dataclass(frozen=True)
class NegativeBinomialFamily(LogLinkFamily):
    """Counts >= 0 that are overdispersed, perhaps over an exposure.

    Parameters
    ----------
    theta : float
        Positive; the variance is mu + mu^2 / theta.
    """

    theta: float = 1.0
    name = "negative-binomial"

    def __post_init__(self) -> None:
        self.loss()  # refuses a theta that is not positive

    def loss(self) -> NegativeBinomialLoss:
        """Minus the log-likelihood, without log y!."""
        return NegativeBinomialLoss(self.theta)

    @property
    def shape(self) -> dict[str, float]:
        """``theta``."""
        return {"theta": self.theta}

    def started(self, y: Array, weight: Array) -> Self:
        """By moments: mean^2 / (variance - mean) of the targets."""
        mean = float(np.average(y, weights=weight))
        excess = float(np.average((y - mean) ** 2, weights=weight)) - mean
        theta = mean * mean / excess if excess > 0.0 else LARGEST_THETA
        return type(self)(float(np.clip(theta, SMALLEST_THETA, LARGEST_THETA)))

    def restated(
        self, y: Array, outputs: Array, weight: Array, effective_params: float | None
    ) -> Self:
        """By maximum likelihood at the fitted means."""
        return type(self)(likeliest_theta(y, self.mean(outputs), weight))

    def noise(self) -> LogLinkNoise:
        """How counts scatter about a mean."""
        theta = self.theta
        return LogLinkNoise(
            cdf=lambda y, mean: betainc(theta, y + 1.0, theta / (theta + mean)),
            spread=lambda mean: np.sqrt(1.0 / mean + 1.0 / theta),
            whole=True,
        )

    def interval(
        self, outputs: Array, output_variance: Array, dispersion: float, level: float
    ) -> tuple[Array, Array]:
        """Whole numbers: quantiles of the count, mixed over the uncertain mean."""
        return mixture_interval(self.noise(), outputs, output_variance, level)

    def cumulative(
        self, y: Array, outputs: Array, output_variance: Array, dispersion: float
    ) -> tuple[Array, Array]:
        """Of the count, mixed likewise."""
        return mixture_cumulative(self.noise(), y, outputs, output_variance)


def likeliest_theta(y: Array, mean: Array, weight: Array) -> float:
    """The theta of largest likelihood at given means (n,), to a relative 1e-10."""

    def slope(log_theta: float) -> float:
        theta = np.exp(log_theta)
        total = theta + mean
        return float(
            weight @ (psi(y + theta) - psi(theta) - np.log1p(mean / theta) + (mean - y) / total)
        )

    low, high = np.log(SMALLEST_THETA), np.log(LARGEST_THETA)
    if slope(low) <= 0.0:
        return SMALLEST_THETA
    if slope(high) >= 0.0:
        return LARGEST_THETA
    return float(np.exp(float(brentq(slope, low, high, xtol=1e-10))))  # type: ignore[arg-type]
