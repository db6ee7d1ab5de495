"""Numbers with normal noise and outliers: Huber's loss, its corner placed by a robust scale.

    delta = 1.345 scale,     scale = 1.4826 median |y - z| (n / (n - df))^(1/2)

At 1.345 the estimate keeps 95 % of the efficiency of least squares where the noise is normal after
all. Sources: Huber (1964), Ann. Math. Statist. 35, 73-101, doi:10.1214/aoms/1177703732; Venables &
Ripley (2002), Modern Applied Statistics with S, 4th ed., section 6.5.

Maths: docs/math/families.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from derivata.contracts import Array
from derivata.estimators.families.common import (
    FamilyOfLoss,
    freedom,
    normal_cumulative,
    normal_interval,
    score_dispersion,
)
from derivata.losses import HuberLoss
from derivata.losses.quantile import weighted_quantile

# delta in scales: 95 % efficient for normal noise.
CORNER = 1.345
# One over the third quartile of a normal: a median absolute deviation as a standard deviation.
MAD_TO_SCALE = 1.482602218505602


@dataclass(frozen=True)
class HuberFamily(FamilyOfLoss):
    """Least squares that outliers do not rule; z is the centre.

    Parameters
    ----------
    delta : float
        Where the square becomes a straight line, in the target's units.
    """

    delta: float = CORNER
    name = "huber"
    loss_unit = "half squared units"

    def __post_init__(self) -> None:
        self.loss()  # refuses a delta that is not positive

    def loss(self) -> HuberLoss:
        """Huber's loss with the corner at ``delta``."""
        return HuberLoss(self.delta)

    @property
    def shape(self) -> dict[str, float]:
        """``delta``."""
        return {"delta": self.delta}

    @property
    def scale(self) -> float:
        """Robust standard deviation of the noise."""
        return self.delta / CORNER

    @property
    def known_dispersion(self) -> float:
        """The square of the robust scale: a profiled one would be ruled by outliers."""
        return self.scale**2

    def started(self, y: Array, weight: Array) -> Self:
        """Of the targets about their median: too wide, as far as features explain anything."""
        return type(self)(CORNER * robust_scale(y, weight))

    def restated(
        self, y: Array, outputs: Array, weight: Array, effective_params: float | None
    ) -> Self:
        """Of the residuals about zero; the same where more than half of them are zero."""
        median = weighted_quantile(np.abs(y - outputs[:, 0]), weight, 0.5)
        lost = float(weight.sum()) / freedom(weight, effective_params)
        scale = MAD_TO_SCALE * median * lost**0.5
        return type(self)(CORNER * scale) if scale > 0.0 else self

    def mean(self, outputs: Array) -> Array:
        """The outputs themselves, (n,)."""
        return outputs[:, 0]

    def dispersion(
        self, y: Array, outputs: Array, weight: Array, effective_params: float | None
    ) -> float:
        """What stands for a variance: mean squared clipped residual over the share not clipped."""
        return score_dispersion(self.loss(), y, outputs, weight, effective_params)

    def interval(
        self, outputs: Array, output_variance: Array, dispersion: float, level: float
    ) -> tuple[Array, Array]:
        """Normal, with the robust variance of the noise: outliers are not foreseen."""
        return normal_interval(outputs[:, 0], output_variance + self.scale**2, level)

    def cumulative(
        self, y: Array, outputs: Array, output_variance: Array, dispersion: float
    ) -> tuple[Array, Array]:
        """Normal, likewise."""
        return normal_cumulative(y, outputs[:, 0], output_variance + self.scale**2)


def robust_scale(values: Array, weight: Array) -> float:
    """Standard deviation from the median absolute deviation; the ordinary one if that is zero."""
    apart = values - weighted_quantile(values, weight, 0.5)
    scale = MAD_TO_SCALE * weighted_quantile(np.abs(apart), weight, 0.5)
    if scale == 0.0:  # more than half of the values are equal
        scale = float(np.sqrt(np.average(apart * apart, weights=weight)))
    return scale if scale > 0.0 else 1.0
