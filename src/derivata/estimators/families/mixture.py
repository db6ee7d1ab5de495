"""Probabilities and quantiles of a new observation whose log-mean is itself uncertain.

    P(y <= t) = integral F(t; exp(z + s x)) phi(x) dx ~ sum_j w_j F(t; exp(z + s x_j))

with F the distribution function of the family's noise, z the output, s^2 its posterior variance and
(x_j, w_j) Gauss-Hermite nodes and weights of the normal. Quantiles are the roots of that sum, by
the secant rule of Dowell & Jarratt (1971), BIT 11, 168-174 (the "Illinois" rule), on the normal
scale of probabilities, where it is nearly straight. Counts have a distribution function that is
continuous between whole numbers as well; the root is rounded up.

Nine nodes are exact to 1e-3 in probability while s is below the noise's own relative spread.
Beyond, F is nearly a step as a function of x, and 81 even nodes take their place: half of one is
at most .5 % of probability at a 90 % interval.

Maths: docs/math/families.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, roots_hermitenorm

from derivata.contracts import Array
from derivata.estimators.families.common import two_sided

NODES, EVEN_NODES, FARTHEST_NODE = 9, 81, 4.5
# Rows at a time: a family's series may need hundreds of numbers a row and node.
ROWS_AT_ONCE = 4096
STEPS, DOUBLINGS = 60, 200
# Roots are exact to this in the log of the target.
TOLERANCE = 1e-9
FARTHEST = 38.0  # standard deviations at which a double's probability is 0 or 1
LARGEST_LOG = 690.0  # so that no target or mean overflows when it is doubled

Noise = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class LogLinkNoise:
    """How targets scatter about a mean.

    Parameters
    ----------
    cdf : callable                 (targets, means) -> probabilities, any shapes that broadcast
    spread : callable              means -> standard deviations over means
    whole : bool                   whether targets are whole numbers
    """

    cdf: Noise
    spread: Callable[[Array], Array]
    whole: bool = False


def mixture_interval(
    noise: LogLinkNoise, outputs: Array, output_variance: Array, level: float
) -> tuple[Array, Array]:
    """Lower and upper bounds (n,) of the central interval of probability ``level``.

    Parameters
    ----------
    noise : LogLinkNoise
    outputs : (n, 1)               log-means
    output_variance : (n,)         their posterior variances
    level : float                  in (0, 1)
    """
    two_sided(level)  # refuses a level outside (0, 1)
    bounds = np.empty((2, len(outputs)))
    for part, mixed in _mixtures(noise, outputs, output_variance):
        bounds[0, part] = mixed.quantile(0.5 - 0.5 * level)
        bounds[1, part] = mixed.quantile(0.5 + 0.5 * level)
    return bounds[0], bounds[1]


def mixture_cumulative(
    noise: LogLinkNoise, y: Array, outputs: Array, output_variance: Array
) -> tuple[Array, Array]:
    """P(Y < y) and P(Y <= y), (n,) each.

    Parameters
    ----------
    noise : LogLinkNoise
    y : (n,)                       counts, or amounts >= 0
    outputs : (n, 1)               log-means
    output_variance : (n,)         their posterior variances
    """
    both = np.empty((2, len(outputs)))
    for part, mixed in _mixtures(noise, outputs, output_variance):
        every, own = np.arange(len(part)), y[part]
        both[1, part] = mixed.probability(own, every)
        if noise.whole:
            before = mixed.probability(np.maximum(own - 1.0, 0.0), every)
            both[0, part] = np.where(own >= 1.0, before, 0.0)
        else:  # the only jump is at zero
            both[0, part] = np.where(own > 0.0, both[1, part], 0.0)
    return both[0], both[1]


def _mixtures(
    noise: LogLinkNoise, outputs: Array, output_variance: Array
) -> Iterator[tuple[Array, _Mixture]]:
    """Rows, some at a time, with their mixed distributions; each by the rule that is enough."""
    log_mean = np.clip(outputs[:, 0], -LARGEST_LOG, LARGEST_LOG)
    deviation = np.sqrt(np.maximum(output_variance, 0.0))
    narrow = deviation <= noise.spread(np.exp(log_mean))
    for chosen, rule in ((narrow, roots_hermitenorm(NODES)), (~narrow, _even_nodes())):
        rows = np.flatnonzero(chosen)
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = rows[start : start + ROWS_AT_ONCE]
            yield part, _Mixture(noise, log_mean[part], deviation[part], rule)


def _even_nodes() -> tuple[Array, Array]:
    """The trapezium rule for an integral against the normal density, up to a factor."""
    nodes = np.linspace(-FARTHEST_NODE, FARTHEST_NODE, EVEN_NODES)
    return nodes, np.exp(-0.5 * nodes * nodes)


class _Mixture:
    """The distribution of targets of some rows, mixed over nodes of their log-means."""

    def __init__(
        self,
        noise: LogLinkNoise,
        log_mean: Array,
        deviation: Array,
        rule: tuple[Array, Array],
    ):
        nodes, weights = rule
        if not deviation.any():
            nodes, weights = np.zeros(1), np.ones(1)
        self.noise, self.weights = noise, weights / weights.sum()
        log_means = log_mean[:, None] + deviation[:, None] * nodes
        self.means = np.exp(np.clip(log_means, -LARGEST_LOG, LARGEST_LOG))
        # Counts are searched by log(y + 1), which reaches 0; amounts above 0 by log y.
        self.shift = 1.0 if noise.whole else 0.0

    def probability(self, targets: Array, rows: Array) -> Array:
        """P(y <= target) of chosen rows, (m,)."""
        return self.noise.cdf(targets[:, None], self.means[rows]) @ self.weights

    def quantile(self, probability: float) -> Array:
        """The smallest targets with at least this probability at or below them, (n,)."""
        everyone = np.arange(len(self.means))
        result = np.zeros(len(everyone))
        rows = everyone[self.probability(result, everyone) < probability]
        if len(rows) == 0:
            return result
        point = self._root(probability, rows)
        targets = np.exp(point) - self.shift
        if self.noise.whole:
            # The root is exact to TOLERANCE only: what lies that near above a whole number is it.
            targets = np.maximum(np.ceil(targets - 1e-6 * (1.0 + targets)), 0.0)
            short = self.probability(targets, rows) < probability - 1e-12
            targets = np.where(short, targets + 1.0, targets)
        result[rows] = targets
        return result

    def _root(self, probability: float, rows: Array) -> Array:
        """Where the log of (target + shift) has this probability, (m,)."""
        goal = float(ndtri(probability))

        def above(point: Array, of: Array) -> Array:
            p = self.probability(np.exp(point) - self.shift, rows[of])
            return np.clip(ndtri(np.clip(p, 0.0, 1.0)), -FARTHEST, FARTHEST) - goal

        low, high = self._bracket(above, rows)
        every = np.arange(len(rows))
        at_low, at_high = above(low, every), above(high, every)
        side, point = np.zeros(len(rows)), 0.5 * (low + high)
        open_ = np.flatnonzero(high - low > TOLERANCE)
        for step in range(STEPS):
            if len(open_) == 0:
                break
            left, right = low[open_], high[open_]
            fall, rise = at_low[open_], at_high[open_]
            trial = (left * rise - right * fall) / (rise - fall)
            if step % 4 == 3:  # a bisection now and then bounds the number of steps
                trial = 0.5 * (left + right)
            trial = np.clip(trial, left, right)
            value = above(trial, open_)
            point[open_] = trial
            up = value >= 0.0
            # An end that stays twice has its value halved: the secant then lands beyond the root.
            again = np.where(up, side[open_] > 0, side[open_] < 0)
            at_low[open_] = np.where(up, np.where(again, 0.5 * fall, fall), value)
            at_high[open_] = np.where(up, value, np.where(again, 0.5 * rise, rise))
            low[open_], high[open_] = np.where(up, left, trial), np.where(up, trial, right)
            side[open_] = np.where(up, 1.0, -1.0)
            done = (high[open_] - low[open_] <= TOLERANCE) | (np.abs(value) <= TOLERANCE)
            open_ = open_[~done]
        return point

    def _bracket(self, above: Callable[[Array, Array], Array], rows: Array) -> tuple[Array, Array]:
        """Points below and above the root, (m,) each."""
        high = np.log(self.means[rows].max(axis=1) + self.shift)
        low = np.log(self.means[rows].min(axis=1) + self.shift)
        for bound, sign in ((high, 1.0), (low, -1.0)):
            reach = 1.0
            for _ in range(DOUBLINGS):
                of = np.flatnonzero(sign * above(bound, np.arange(len(rows))) < 0.0)
                of = of[np.abs(bound[of]) < LARGEST_LOG]
                if len(of) == 0:
                    break
                bound[of] += sign * reach
                reach *= 1.5
            np.clip(bound, 0.0 if self.noise.whole else -LARGEST_LOG, LARGEST_LOG, out=bound)
        return low, high
