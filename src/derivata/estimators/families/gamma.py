"""Positive amounts whose standard deviation is proportional to their mean.

    log mu = z,   Var y = phi mu^2,   y ~ gamma of shape 1 / phi
    P(y <= t) = P(1 / phi, t / (phi mu)),   P the regularised lower gamma function

phi is Pearson's statistic over the degrees of freedom for standard errors, which ask for the
variance alone. For intervals, which ask for the distribution, it is that of maximum likelihood:

    log nu - psi(nu) = D / 2,   nu = 1 / phi,   D the deviance over the degrees of freedom

A few huge amounts may make the first ten times the second.
Source: McCullagh & Nelder (1989), Generalized Linear Models, 2nd ed., chapter 8.

Maths: docs/math/families.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammainc, psi

from derivata.contracts import Array
from derivata.estimators.families.common import LogLinkFamily, freedom, pearson_dispersion
from derivata.estimators.families.mixture import (
    LogLinkNoise,
    mixture_cumulative,
    mixture_interval,
)
from derivata.losses import GammaLoss

# Below this the noise is a point as far as float64 is concerned.
LEAST_DISPERSION = 1e-12


@dataclass(frozen=True)
class GammaFamily(LogLinkFamily):
    """Amounts > 0, perhaps over an exposure."""

    name = "gamma"
    loss_unit = "nats at unit dispersion"

    def loss(self) -> GammaLoss:
        """Minus the log-likelihood at unit shape."""
        return GammaLoss()

    def dispersion(
        self, y: Array, outputs: Array, weight: Array, effective_params: float | None
    ) -> float:
        """Pearson's: the squared coefficient of variation of the noise."""
        mean = self.mean(outputs)
        return pearson_dispersion(y, mean, mean * mean, weight, effective_params)

    def noise_dispersion(
        self, y: Array, outputs: Array, weight: Array, effective_params: float | None
    ) -> float:
        """By maximum likelihood, with degrees of freedom in place of rows."""
        free = freedom(weight, effective_params)
        return likeliest_dispersion(float(weight @ self.deviance(y, outputs)) / free)

    def noise(self, dispersion: float) -> LogLinkNoise:
        """How amounts scatter about a mean."""
        shape = 1.0 / max(dispersion, LEAST_DISPERSION)
        return LogLinkNoise(
            cdf=lambda y, mean: gammainc(shape, shape * (y / mean)),
            spread=lambda mean: np.full_like(mean, shape**-0.5),
        )

    def interval(
        self, outputs: Array, output_variance: Array, dispersion: float, level: float
    ) -> tuple[Array, Array]:
        """Quantiles of the gamma amount, mixed over the uncertain mean."""
        return mixture_interval(self.noise(dispersion), outputs, output_variance, level)

    def cumulative(
        self, y: Array, outputs: Array, output_variance: Array, dispersion: float
    ) -> tuple[Array, Array]:
        """Of the amount, mixed likewise."""
        return mixture_cumulative(self.noise(dispersion), y, outputs, output_variance)


def likeliest_dispersion(deviance: float) -> float:
    """The phi of a gamma of largest likelihood, from its mean deviance; to a relative 1e-10."""

    def above(log_shape: float) -> float:
        # log nu - psi(nu) is 1 / (2 nu) + 1 / (12 nu^2) for large nu, where the two cancel.
        shape = np.exp(log_shape)
        half = 0.5 / shape + 1.0 / (12.0 * shape * shape)
        return float(half if shape > 1e4 else log_shape - psi(shape)) - 0.5 * deviance

    lowest, highest = np.log(1e-6), -np.log(LEAST_DISPERSION)
    if above(highest) >= 0.0:
        return LEAST_DISPERSION
    if above(lowest) <= 0.0:
        return float(np.exp(-lowest))
    root = float(brentq(above, lowest, highest, xtol=1e-10))  # type: ignore[arg-type]
    return float(np.exp(-root))
