"""What families have in common: everything that follows from the loss alone.

Maths: docs/math/families.md
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Self

import numpy as np
from scipy.special import ndtr, ndtri

from derivata.contracts import Array, Loss
from derivata.errors import InvalidParameter, InvalidTarget, NotAvailable

# Shapes nearer to each other than this, relatively, give fits that nobody could tell apart.
SETTLED = 1e-3
# exp(709) is the largest double.
LARGEST_LOG_MEAN = 709.0


class FamilyOfLoss:
    """Base of the families: no shape, no exposure, a dispersion of 1 unless they say otherwise."""

    name: str
    classifies: bool = False
    takes_exposure: bool = False
    loss_unit: str = "nats"
    settles_within: float = SETTLED

    def loss(self) -> Loss:
        """The loss at the present shape."""
        raise NotImplementedError

    @property
    def shape(self) -> dict[str, float]:
        """Parameters that ``restated`` estimates; none."""
        return {}

    @property
    def known_dispersion(self) -> float | None:
        """Of the noise, at this shape; None where it is 1 or is profiled in tuning."""
        return None

    def started(self, y: Array, weight: Array) -> Self:
        """The same: there is no shape to begin."""
        return self

    def restated(
        self, y: Array, outputs: Array, weight: Array, effective_params: float | None
    ) -> Self:
        """The same: there is no shape to estimate."""
        return self

    def settled(self, other: Self) -> bool:
        """Whether shapes agree to a relative ``settles_within``."""
        here, there, within = self.shape, other.shape, self.settles_within
        return all(abs(here[key] - there[key]) <= within * abs(here[key]) for key in here)

    def dispersion(
        self, y: Array, outputs: Array, weight: Array, effective_params: float | None
    ) -> float:
        """1: the loss is a log-likelihood by itself."""
        return 1.0

    def noise_dispersion(
        self, y: Array, outputs: Array, weight: Array, effective_params: float | None
    ) -> float:
        """The dispersion itself."""
        return self.dispersion(y, outputs, weight, effective_params)

    def row_losses(self, y: Array, outputs: Array) -> Array:
        """The loss of each row, (n,)."""
        return self.loss().at(y, outputs).value

    def deviance(self, y: Array, outputs: Array) -> Array:
        """Unit deviances, 2 (loss - saturated), (n,); rounding below zero is cut off."""
        return 2.0 * np.maximum(self.row_losses(y, outputs) - self.loss().saturated(y), 0.0)

    def cumulative(
        self, y: Array, outputs: Array, output_variance: Array, dispersion: float
    ) -> tuple[Array, Array]:
        """None: the family foresees no distribution of targets."""
        raise NotAvailable(
            f"the family {self.name} foresees no distribution of targets, so nothing can be said "
            "of where they fall in it."
        )

    def validate(self, y: Array) -> None:
        """Refuse what the loss refuses."""
        self.loss().validate(y)

    def to_dict(self) -> dict[str, Any]:
        """The name and every parameter, as plain JSON."""
        return {"family": self.name, **asdict(self)}  # type: ignore[call-overload]


class LogLinkFamily(FamilyOfLoss):
    """Base of the families of counts and amounts: the mean is exp(z)."""

    takes_exposure = True

    def mean(self, outputs: Array) -> Array:
        """exp(z), (n,); cut off at the largest double."""
        return exp_outputs(outputs)

    def validate(self, y: Array) -> None:
        """Refuse what the loss refuses, and targets that are all zero."""
        super().validate(y)
        if not y.any():
            raise InvalidTarget(
                f"`y` is zero in every row, so its mean has no logarithm for the family {self.name}"
                " to fit. Was the right column taken?"
            )


def exp_outputs(outputs: Array) -> Array:
    """Exp of one output a row, (n, 1) -> (n,)."""
    return np.exp(np.minimum(outputs[:, 0], LARGEST_LOG_MEAN))


def freedom(weight: Array, effective_params: float | None) -> float:
    """Summed weight less the effective parameters (None: unknown, not subtracted); at least 1."""
    return max(float(weight.sum()) - (effective_params or 0.0), 1.0)


def pearson_dispersion(
    y: Array, mean: Array, variance: Array, weight: Array, effective_params: float | None
) -> float:
    """sum s (y - mu)^2 / V(mu) over the degrees of freedom."""
    squares = (y - mean) ** 2 / np.maximum(variance, np.finfo(float).tiny)
    return float(weight @ squares) / freedom(weight, effective_params)


def score_dispersion(
    loss: Loss, y: Array, outputs: Array, weight: Array, effective_params: float | None
) -> float:
    """Mean squared slope of the losses over their mean curvature.

        phi = [sum s l'^2 / (sum s - df)] / [sum s l'' / sum s]

    Then phi H^-1 is the sandwich H^-1 (sum s l'^2 x x^T) H^-1 if slopes do not depend on x: the
    asymptotic covariance of an M-estimator. For squared loss it is the residual variance.
    """
    rows = loss.at(y, outputs)
    slopes = float(weight @ rows.gradient[:, 0] ** 2) / freedom(weight, effective_params)
    curvature = float(weight @ rows.hessian[:, 0, 0]) / float(weight.sum())
    return slopes / max(curvature, np.finfo(float).tiny)


def normal_interval(middle: Array, variance: Array, level: float) -> tuple[Array, Array]:
    """The central interval of a normal distribution, lower and upper (n,)."""
    reach = two_sided(level) * np.sqrt(np.maximum(variance, 0.0))
    return middle - reach, middle + reach


def normal_cumulative(y: Array, middle: Array, variance: Array) -> tuple[Array, Array]:
    """P(Y < y) and P(Y <= y) of a normal distribution: the same, (n,)."""
    deviation = np.sqrt(np.maximum(variance, np.finfo(float).tiny))
    below = ndtr((y - middle) / deviation)
    return below, below


def two_sided(level: float) -> float:
    """How many standard deviations hold the share ``level`` in the middle of a normal."""
    if not 0.0 < level < 1.0:
        raise InvalidParameter(
            f"`level` is {level!r}; expected a probability between 0 and 1, such as 0.9."
        )
    return float(ndtri(0.5 + 0.5 * level))
