"""A quantile of numbers, whatever their distribution: the smoothed pinball loss.

    width = scale (d / n)^(1/3) / 2

with scale the robust standard deviation of the residuals about their median and d the effective
parameters. The rate is that of least mean squared error: Fasiolo et al. (2021) give

    width^3 = 9 d / (pi^4 n) f(q) / f'(q)^2

f the density of the residuals and q their quantile. Were they normal this would be .68 to .86 scale
(d / n)^(1/3) at levels from .75 to .99; a half is taken for the sake of less bias where f is
steeper. Source: Fasiolo, Wood, Zaffran, Nedellec & Goude (2021), J. Am. Statist. Assoc. 116,
1402-1412, doi:10.1080/01621459.2020.1725521.

Maths: docs/math/families.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from derivata.contracts import Array
from derivata.estimators.families.common import FamilyOfLoss, normal_interval, score_dispersion
from derivata.estimators.families.huber import robust_scale
from derivata.losses import QuantileLoss

SHARE_OF_SCALE = 0.5
# A width smooths; moving it by this share moves the quantile by a tenth of a bias that is small.
SETTLED_WIDTH = 0.05


@dataclass(frozen=True)
class QuantileFamily(FamilyOfLoss):
    """Numbers of which z is the quantile ``level``.

    Parameters
    ----------
    level : float
        In (0, 1).
    width : float
        How far the corner of the pinball loss is rounded, in the target's units.
    """

    level: float = 0.5
    width: float = 1.0
    name = "quantile"
    loss_unit = "units of the target"
    settles_within = SETTLED_WIDTH

    def __post_init__(self) -> None:
        self.loss()  # refuses a level or a width that cannot be one

    def loss(self) -> QuantileLoss:
        """The pinball loss with its corner rounded over ``width``."""
        return QuantileLoss(self.level, self.width)

    @property
    def shape(self) -> dict[str, float]:
        """``width``; the level is given, not estimated."""
        return {"width": self.width}

    def started(self, y: Array, weight: Array) -> Self:
        """For one parameter, from the targets."""
        return self._of(y, weight, 1.0)

    def restated(
        self, y: Array, outputs: Array, weight: Array, effective_params: float | None
    ) -> Self:
        """From the residuals."""
        return self._of(y - outputs[:, 0], weight, effective_params or 1.0)

    def _of(self, residuals: Array, weight: Array, n_params: float) -> Self:
        share = min(max(n_params, 1.0) / float(weight.sum()), 1.0)
        width = SHARE_OF_SCALE * robust_scale(residuals, weight) * share ** (1.0 / 3.0)
        return type(self)(self.level, width)

    def mean(self, outputs: Array) -> Array:
        """The quantile itself, (n,)."""
        return outputs[:, 0]

    def dispersion(
        self, y: Array, outputs: Array, weight: Array, effective_params: float | None
    ) -> float:
        """Level (1 - level) over the density at the quantile, both as smoothed."""
        return score_dispersion(self.loss(), y, outputs, weight, effective_params)

    def interval(
        self, outputs: Array, output_variance: Array, dispersion: float, level: float
    ) -> tuple[Array, Array]:
        """Of the quantile itself: no distribution of targets about it is assumed."""
        return normal_interval(outputs[:, 0], output_variance, level)
