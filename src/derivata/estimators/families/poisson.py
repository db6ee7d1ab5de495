"""Counts whose variance is their mean.

    log mu = z,   Var y = mu,   P(y <= k) = Q(k + 1, mu),   Q the regularised upper gamma function

Source: McCullagh & Nelder (1989), Generalized Linear Models, 2nd ed., chapter 6.

Maths: docs/math/families.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincc

from derivata.contracts import Array
from derivata.estimators.families.common import LogLinkFamily, freedom
from derivata.estimators.families.mixture import (
    LogLinkNoise,
    mixture_cumulative,
    mixture_interval,
)
from derivata.losses import PoissonLoss

# Counts that vary this much more than a Poisson's, and surely so, ask for another family.
LARGEST_RATIO, SURE = 1.5, 3.0


@dataclass(frozen=True)
class PoissonFamily(LogLinkFamily):
    """Counts >= 0, perhaps over an exposure."""

    name = "poisson"

    def loss(self) -> PoissonLoss:
        """Minus the log-likelihood, without log y!."""
        return PoissonLoss()

    def noise(self) -> LogLinkNoise:
        """How counts scatter about a mean."""
        return LogLinkNoise(
            cdf=lambda y, mean: gammaincc(y + 1.0, mean),
            spread=lambda mean: 1.0 / np.sqrt(mean),
            whole=True,
        )

    def interval(
        self, outputs: Array, output_variance: Array, dispersion: float, level: float
    ) -> tuple[Array, Array]:
        """Whole numbers: quantiles of the Poisson count, mixed over the uncertain mean."""
        return mixture_interval(self.noise(), outputs, output_variance, level)

    def cumulative(
        self, y: Array, outputs: Array, output_variance: Array, dispersion: float
    ) -> tuple[Array, Array]:
        """Of the count, mixed likewise."""
        return mixture_cumulative(self.noise(), y, outputs, output_variance)


def overdispersed(
    y: Array, outputs: Array, weight: Array, effective_params: float | None
) -> tuple[bool, str]:
    """Whether counts vary clearly more about a Poisson fit than they should, with a sentence.

    Pearson's statistic sum s (y - mu)^2 / mu should be about its degrees of freedom, with variance
    sum s (2 + 1 / mu). Clearly more is a ratio above 1.5 that is 3 standard deviations above 1.
    The spread of the targets themselves is no evidence: the features may explain it.

    Parameters
    ----------
    y : (n,)                       counts
    outputs : (n, 1)               log-means of a Poisson fit, offsets included
    weight : (n,)
    effective_params : float or None
    """
    mean = np.maximum(np.exp(np.minimum(outputs[:, 0], 300.0)), 1e-300)
    statistic = float(weight @ ((y - mean) ** 2 / mean))
    free = freedom(weight, effective_params)
    error = float(weight @ (2.0 + 1.0 / mean)) ** 0.5
    ratio = statistic / free
    clearly = ratio > LARGEST_RATIO and statistic - free > SURE * error
    measured = (
        f"(Pearson's statistic is {statistic:.4g} with {free:.4g} degrees of freedom, a ratio of "
        f"{ratio:.2f})"
    )
    if clearly:
        return True, f"counts vary clearly more than a Poisson's about their means {measured}."
    return False, f"counts do not vary clearly more than a Poisson's about their means {measured}."
