"""Huber's loss with the scale of the noise as a second output: convex in both.

    loss(y, z, sigma) = max over |a| <= epsilon of  a r + sigma (1 - a^2) / 2,    r = y - z
                      = (sigma + r^2 / sigma) / 2                   where |r| <= epsilon sigma
                      = epsilon |r| + sigma (1 - epsilon^2) / 2     beyond, and for sigma <= 0

each divided by a fixed ``unit``. As a maximum of functions linear in (r, sigma) it is jointly
convex; minimised over a common sigma it gives Huber's proposal 2, sum min(r^2 / sigma^2,
epsilon^2) = n. It has the target's units, and dividing by the scale of a fit turns it into nats
there: then its second derivative by z is 1 / sigma^2. Second derivatives jump at |r| = epsilon
sigma; the tip, r = sigma = 0, is a kink.

Source: half the loss of scikit-learn's HuberRegressor, whose documentation names Huber & Ronchetti,
Robust Statistics, p. 172. Maths: docs/math/adapters.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.lazy import lazy
from derivata.losses.quantile import weighted_quantile
from derivata.losses.targets import require_finite

# A constant target has no scale; its null output gets this share of its size.
LEAST_SCALE = 1e-12


@dataclass(frozen=True)
class JointHuberLoss:
    """Huber's loss of the residual in units of a scale that is fitted with it; outputs (z, sigma).

    Parameters
    ----------
    epsilon : float
        Where the square becomes a straight line, in units of sigma; at least 1.
    unit : float
        Positive, in the target's units: what the loss is divided by.
    """

    epsilon: float = 1.35
    unit: float = 1.0
    name = "huber with its scale"
    n_outputs = 2
    curvature_is_constant = False
    scale_is_free = False
    targets_are_classes = False

    def __post_init__(self) -> None:
        if not self.epsilon >= 1.0:
            raise InvalidParameter(
                f"`epsilon` is {self.epsilon!r}; it must be at least 1: with less, the best scale "
                "is zero."
            )
        if not 0.0 < self.unit < np.inf:
            raise InvalidParameter(f"`unit` is {self.unit!r}; it must be a positive number.")

    def at(self, y: Array, outputs: Array) -> _JointRows:
        """Derivatives at outputs (n, 2)."""
        return _JointRows(y - outputs[:, 0], outputs[:, 1], self.epsilon, self.unit)

    def null_outputs(self, y: Array, weight: Array) -> Array:
        """The weighted median, near the best constant, and the best scale around it."""
        middle = weighted_quantile(y, weight, 0.5)
        scale = best_scale(y - middle, weight, self.epsilon)
        return np.array([middle, scale or LEAST_SCALE * max(abs(middle), self.unit)])

    def saturated(self, y: Array) -> Array:
        """Zero, at the target itself and a scale of zero; (n,)."""
        return np.zeros(len(y))

    def validate(self, y: Array) -> None:
        """Refuse NaN and infinite targets."""
        require_finite(y)


class _JointRows:
    """With t = r / sigma clipped to +-epsilon, the loss is t r + sigma (1 - t^2) / 2 everywhere."""

    def __init__(self, residual: Array, scale: Array, epsilon: float, unit: float):
        self.residual, self.scale, self.unit = residual, scale, unit
        self.inside = np.abs(residual) <= epsilon * scale
        self.inside &= scale > 0.0
        ratio = residual / np.where(self.inside, scale, 1.0)
        self.ratio = np.where(self.inside, ratio, np.copysign(epsilon, residual))

    @lazy
    def value(self) -> Array:
        ratio = self.ratio
        return (ratio * self.residual + 0.5 * self.scale * (1.0 - ratio * ratio)) / self.unit

    @lazy
    def gradient(self) -> Array:
        return np.column_stack([-self.ratio, 0.5 * (1.0 - self.ratio**2)]) / self.unit

    @lazy
    def _curvature(self) -> Array:
        """1 / (sigma unit) inside, zero beyond."""
        return self.inside / np.where(self.inside, self.scale * self.unit, 1.0)

    @lazy
    def hessian(self) -> Array:
        # v v^T / sigma with v = (1, t)
        t = self.ratio
        result = np.empty((len(t), 2, 2))
        result[:, 0, 0] = self._curvature
        result[:, 0, 1] = result[:, 1, 0] = self._curvature * t
        result[:, 1, 1] = self._curvature * t * t
        return result

    @lazy
    def _bend(self) -> Array:
        """-1 / (sigma^2 unit) inside, zero beyond."""
        return -self._curvature / np.where(self.inside, self.scale, 1.0)

    def third(self, matrices: Array) -> Array:
        t = self.ratio
        a, b, c = matrices[:, 0, 0], matrices[:, 0, 1], matrices[:, 1, 1]
        by_output = 2.0 * (b + t * c)
        by_scale = a + 4.0 * t * b + 3.0 * t * t * c
        return self._bend[:, None] * np.column_stack([by_output, by_scale])

    def cubic(self, directions: Array) -> Array:
        along = directions[:, 0] + self.ratio * directions[:, 1]
        return 3.0 * self._bend * directions[:, 1] * along * along


def best_scale(residual: Array, weight: Array, epsilon: float) -> float:
    """The sigma at which sum_i s_i min(r_i^2 / sigma^2, epsilon^2) = sum_i s_i; zero if none is.

    The left side falls as sigma grows and is S / sigma^2 + const between the sorted |r| / epsilon,
    so the root is found on its piece exactly.
    """
    order = np.argsort(np.abs(residual))
    squares, weight = residual[order] ** 2, weight[order]
    inside = np.cumsum(weight * squares)
    beyond = weight.sum() - np.cumsum(weight)
    # With the rows up to the m-th inside: sigma^2 (W - epsilon^2 W_beyond) = sum of their squares.
    room = weight.sum() - epsilon**2 * beyond
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.where(room > 0.0, inside / room, np.inf)
    limit = epsilon**2 * variance
    following = np.append(squares[1:], np.inf)
    fits = (limit >= squares) & (limit <= following) & (weight > 0.0)
    return float(np.sqrt(variance[np.argmax(fits)])) if fits.any() else 0.0
