"""Numbers with normal noise of one variance.

    y = z + e,   e ~ N(0, phi),   phi = sum s (y - z)^2 / (sum s - df)

Maths: docs/math/families.md
"""

from __future__ import annotations

from dataclasses import dataclass

from derivata.contracts import Array
from derivata.estimators.families.common import (
    FamilyOfLoss,
    freedom,
    normal_cumulative,
    normal_interval,
)
from derivata.losses import SquaredLoss


@dataclass(frozen=True)
class SquaredFamily(FamilyOfLoss):
    """Least squares; z is the mean."""

    name = "squared"
    loss_unit = "half squared units"

    def loss(self) -> SquaredLoss:
        """Half the squared error."""
        return SquaredLoss()

    def mean(self, outputs: Array) -> Array:
        """The outputs themselves, (n,)."""
        return outputs[:, 0]

    def dispersion(
        self, y: Array, outputs: Array, weight: Array, effective_params: float | None
    ) -> float:
        """The residual variance."""
        return float(weight @ self.deviance(y, outputs)) / freedom(weight, effective_params)

    def interval(
        self, outputs: Array, output_variance: Array, dispersion: float, level: float
    ) -> tuple[Array, Array]:
        """Normal, with the variances of the mean and of the noise added."""
        return normal_interval(outputs[:, 0], output_variance + dispersion, level)

    def cumulative(
        self, y: Array, outputs: Array, output_variance: Array, dispersion: float
    ) -> tuple[Array, Array]:
        """Normal, likewise."""
        return normal_cumulative(y, outputs[:, 0], output_variance + dispersion)
