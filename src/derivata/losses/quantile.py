"""The loss of a quantile: the pinball loss with its corner rounded off.

    level r + width log(1 + exp(-r / width)),    r = y - z

As width falls to 0 this becomes level r for r > 0 and (level - 1) r for r < 0, whose expectation is
least where z is the quantile. For any width > 0 it is convex and has derivatives of every order:

    by z:   q - level,    q (1 - q) / width,    q (1 - q) (1 - 2 q) / width^2,
    q = 1 / (1 + exp(r / width))

so at the best constant the *smoothed* share of targets below z is ``level``. The bias this gives a
quantile is pi^2 / 6 width^2 |f' / f| to leading order, f the density of r there.

Source: Fasiolo, Wood, Zaffran, Nedellec & Goude (2021), J. Am. Statist. Assoc. 116, 1402-1412,
doi:10.1080/01621459.2020.1725521 (their loss, in other letters).

Maths: docs/math/losses.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import entr

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.lazy import lazy
from derivata.losses.targets import require_finite

# Newton steps for a constant; bisection alone would need as many.
NULL_STEPS = 60


@dataclass(frozen=True)
class QuantileLoss:
    """Smoothed pinball loss; z estimates the quantile ``level`` of the target.

    Parameters
    ----------
    level : float
        In (0, 1); 0.5 for the median.
    width : float
        How wide the rounded corner is, in the target's own units; positive. The narrower, the
        smaller the bias and the harder the fit.
    """

    level: float = 0.5
    width: float = 1.0
    name = "quantile"
    n_outputs = 1
    curvature_is_constant = False
    scale_is_free = True
    targets_are_classes = False

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise InvalidParameter(f"`level` is {self.level!r}; it must lie between 0 and 1.")
        if not 0 < self.width < np.inf:
            raise InvalidParameter(f"`width` is {self.width!r}; it must be a positive number.")

    def at(self, y: Array, outputs: Array) -> _QuantileRows:
        """Derivatives at outputs (n, 1)."""
        return _QuantileRows(outputs[:, 0] - y, self.level, self.width)

    def null_outputs(self, y: Array, weight: Array) -> Array:
        """The best constant, by Newton's method kept inside a bracket."""
        # Beyond these every row pulls the same way.
        room = self.width * (1.0 + np.abs(np.log(self.level / (1.0 - self.level))))
        kept = weight > 0
        low, high = float(y[kept].min()) - room, float(y[kept].max()) + room
        constant = weighted_quantile(y, weight, self.level)
        for _ in range(NULL_STEPS):
            rows = self.at(y, np.full((len(y), 1), constant))
            slope = float(weight @ rows.gradient[:, 0])
            low, high = (low, constant) if slope > 0 else (constant, high)
            curvature = float(weight @ rows.hessian[:, 0, 0])
            step = slope / curvature if curvature > 0.0 else np.inf
            if not low <= constant - step <= high:
                step = constant - 0.5 * (low + high)
            constant -= step
            if abs(step) <= 1e-16 * max(abs(constant), self.width):
                break
        return np.array([constant])

    def saturated(self, y: Array) -> Array:
        """Width times the entropy of ``level``, at r = - width log(level / (1 - level)); (n,)."""
        return np.full(len(y), self.width * float(entr(self.level) + entr(1.0 - self.level)))

    def validate(self, y: Array) -> None:
        """Refuse NaN and infinite targets."""
        require_finite(y)


class _QuantileRows:
    def __init__(self, above: Array, level: float, width: float):
        # `above` is z - y: how far the output lies above the target.
        self.above, self.level, self.width = above, level, width
        self.exponential = np.exp(-np.abs(above) / width)
        self.smaller = self.exponential / (1.0 + self.exponential)
        self.share = np.where(above >= 0, 1.0 - self.smaller, self.smaller)

    @lazy
    def value(self) -> Array:
        # Both terms are >= 0: no cancellation far from the target.
        straight = np.where(self.above >= 0, 1.0 - self.level, -self.level) * self.above
        return straight + self.width * np.log1p(self.exponential)

    @lazy
    def gradient(self) -> Array:
        return (self.share - self.level)[:, None]

    @lazy
    def hessian(self) -> Array:
        return (self.smaller * (1.0 - self.smaller) / self.width)[:, None, None]

    def third(self, matrices: Array) -> Array:
        return (self._third * matrices[:, 0, 0])[:, None]

    @lazy
    def _third(self) -> Array:
        return self.hessian[:, 0, 0] * (1.0 - 2.0 * self.share) / self.width

    def cubic(self, directions: Array) -> Array:
        return self._third * directions[:, 0] * directions[:, 0] * directions[:, 0]


def weighted_quantile(y: Array, weight: Array, level: float) -> float:
    """The smallest target with at least ``level`` of the weight at or below it."""
    order = np.argsort(y)
    below = np.cumsum(weight[order])
    return float(y[order][np.searchsorted(below, level * below[-1])])
