"""Amounts that may be exactly zero: Tweedie, its power by the profile likelihood.

    log mu = z,   Var y = phi mu^p,   P(y = 0) = exp(- mu^(2 - p) / (phi (2 - p))),   1 < p < 2

At given means p maximises the likelihood with phi at its own maximum for each p, both found by
quasi-Newton steps from exact slopes of the density. Intervals use the phi of largest likelihood
too. For standard errors phi is Pearson's, which does not lean on the shape of the distribution; a
few huge amounts may make it a hundred times the other. Source: Dunn & Smyth (2005),
Statistics and Computing 15, 267-280, doi:10.1007/s11222-005-4070-y.

Maths: docs/math/families.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import minimize

from derivata.contracts import Array
from derivata.estimators.families.common import LogLinkFamily, freedom, pearson_dispersion
from derivata.estimators.families.mixture import (
    LogLinkNoise,
    mixture_cumulative,
    mixture_interval,
)
from derivata.estimators.families.tweedie_density import log_density, probability_up_to
from derivata.losses import TweedieLoss

FIRST_POWER = 1.5
# At 1 and 2 the distribution becomes another: a scaled Poisson's, and a gamma without zeros.
SMALLEST_POWER, LARGEST_POWER = 1.02, 1.98
# The power is estimated from at most this many rows, evenly spaced: its error is then some 1e-3.
MOST_ROWS = 20_000
LEAST_DISPERSION = 1e-12


@dataclass(frozen=True)
class TweedieFamily(LogLinkFamily):
    """Amounts >= 0, perhaps over an exposure.

    Parameters
    ----------
    power : float
        p in (1, 2); the variance is phi mu^p.
    """

    power: float = FIRST_POWER
    name = "tweedie"
    loss_unit = "nats at unit dispersion"

    def __post_init__(self) -> None:
        self.loss()  # refuses a power outside (1, 2)

    def loss(self) -> TweedieLoss:
        """Half the unit deviance, without its terms in y alone."""
        return TweedieLoss(self.power)

    @property
    def shape(self) -> dict[str, float]:
        """``power``."""
        return {"power": self.power}

    def started(self, y: Array, weight: Array) -> Self:
        """At 1.5; means are needed for better."""
        return type(self)(FIRST_POWER)

    def restated(
        self, y: Array, outputs: Array, weight: Array, effective_params: float | None
    ) -> Self:
        """By the profile likelihood at the fitted means."""
        return type(self)(likeliest_power(y, self.mean(outputs), weight, self.power))

    def dispersion(
        self, y: Array, outputs: Array, weight: Array, effective_params: float | None
    ) -> float:
        """Pearson's."""
        mean = self.mean(outputs)
        return pearson_dispersion(y, mean, mean**self.power, weight, effective_params)

    def noise_dispersion(
        self, y: Array, outputs: Array, weight: Array, effective_params: float | None
    ) -> float:
        """By maximum likelihood at the present power, times rows over degrees of freedom."""
        found = _maximum(y, self.mean(outputs), weight, (self.power, self.power))
        return found[1] * float(weight.sum()) / freedom(weight, effective_params)

    def noise(self, dispersion: float) -> LogLinkNoise:
        """How sums of amounts scatter about a mean."""
        scale, power = max(dispersion, LEAST_DISPERSION), self.power
        return LogLinkNoise(
            cdf=lambda y, mean: probability_up_to(y, mean, scale, power),
            spread=lambda mean: np.sqrt(scale * mean ** (power - 2.0)),
        )

    def interval(
        self, outputs: Array, output_variance: Array, dispersion: float, level: float
    ) -> tuple[Array, Array]:
        """Quantiles of the sum of amounts, mixed over the uncertain mean; often 0 below."""
        return mixture_interval(self.noise(dispersion), outputs, output_variance, level)

    def cumulative(
        self, y: Array, outputs: Array, output_variance: Array, dispersion: float
    ) -> tuple[Array, Array]:
        """Of the sum of amounts, mixed likewise."""
        return mixture_cumulative(self.noise(dispersion), y, outputs, output_variance)


def likeliest_power(y: Array, mean: Array, weight: Array, start: float) -> float:
    """The power of largest likelihood at given means (n,), to 1e-4.

    Where no target is zero, or targets are whole multiples of a unit, it may end on a bound,
    ``SMALLEST_POWER`` or ``LARGEST_POWER``.
    """
    start = float(np.clip(start, SMALLEST_POWER, LARGEST_POWER))
    return _maximum(y, mean, weight, (SMALLEST_POWER, LARGEST_POWER), start)[0]


def _maximum(
    y: Array, mean: Array, weight: Array, powers: tuple[float, float], start: float | None = None
) -> tuple[float, float]:
    """Power within bounds and dispersion of largest likelihood at given means (n,)."""
    start = powers[0] if start is None else start
    rows = np.flatnonzero(weight > 0)
    if len(rows) > MOST_ROWS:
        rows = rows[np.linspace(0, len(rows) - 1, MOST_ROWS).round().astype(np.intp)]
    weight = weight[rows] / float(weight[rows].sum())
    # In units of their mean, phi is of order one and hardly tied to the power.
    unit = max(float(weight @ y[rows]), np.finfo(float).tiny)
    y, mean = y[rows] / unit, np.maximum(mean[rows] / unit, 1e-100)
    loss = TweedieLoss(start)
    deviance = 2.0 * (loss.at(y, np.log(mean)[:, None]).value - loss.saturated(y))
    first = np.log(max(float(weight @ deviance), 1e-8))

    def cost(at: Array) -> tuple[float, Array]:
        value, by_power, by_scale = log_density(y, mean, float(np.exp(at[1])), float(at[0]))
        return -float(weight @ value), -np.array([weight @ by_power, weight @ by_scale])

    found = minimize(
        cost,
        np.array([start, first]),
        jac=True,
        method="L-BFGS-B",
        bounds=[powers, (first - 5.0, first + 5.0)],
        options={"gtol": 1e-7, "ftol": 1e-15, "maxiter": 60},
    ).x
    return float(found[0]), float(np.exp(found[1])) * unit ** (2.0 - float(found[0]))
