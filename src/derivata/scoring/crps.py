"""The continuous ranked probability score: a whole predicted distribution against one outcome.

    CRPS(F, y) = integral (F(x) - [x >= y])^2 dx = E |X - y| - E |X - X'| / 2

in units of y: the absolute error of a distribution that is one point. Smaller is better, and it is
proper: the true distribution has the least on average.

    normal      s [w (2 Phi(w) - 1) + 2 phi(w) - 1 / sqrt(pi)],   w = (y - m) / s
    Poisson     (y - m)(2 F(y) - 1) + 2 m f(y) - m exp(-2 m) (I_0(2 m) + I_1(2 m))
    negative binomial, exact sum over counts    sum_k (F(k) - [k >= y])^2
    gamma       y (2 F_a(y) - 1) - m (2 F_{a + 1}(y) - 1) - m / (a B(1/2, a)),   a = 1 / phi
    samples     mean |x - y| - sum_{i < j} |x_i - x_j| / (m (m - 1))       (unbiased)
    quantiles   2 integral_0^1 pinball(Q(t), y) dt, by a rule in t

Every one is compared with the first integral in the tests. Source: Gneiting & Raftery (2007), J.
Am. Statist. Assoc. 102, 359-378, doi:10.1198/016214506000001437.
Maths: docs/math/scoring.md
"""

from __future__ import annotations

import numpy as np
from scipy.special import betainc, betaln, gammainc, gammaln, ive, ndtr, pdtr

from derivata.contracts import Array
from derivata.errors import InvalidParameter, ShapeMismatch

# Counts are summed up to where the rest of the distribution is below this.
TAIL = 1e-12
MOST_COUNTS = 200_000
NUMBERS_AT_ONCE = 2**20


def crps_normal(y: Array, mean: Array, deviation: Array) -> Array:
    """CRPS of normal distributions, (n,); a deviation of zero gives the absolute error."""
    y, mean, deviation = np.broadcast_arrays(*(np.asarray(v, float) for v in (y, mean, deviation)))
    _require(deviation >= 0.0, "deviation", deviation, ">= 0")
    safe = np.where(deviation > 0.0, deviation, 1.0)
    w = (y - mean) / safe
    density = np.exp(-0.5 * w * w) / np.sqrt(2.0 * np.pi)
    score = safe * (w * (2.0 * ndtr(w) - 1.0) + 2.0 * density - 1.0 / np.sqrt(np.pi))
    return np.where(deviation > 0.0, score, np.abs(y - mean))


def crps_poisson(y: Array, mean: Array) -> Array:
    """CRPS of Poisson distributions at counts, (n,)."""
    y, mean = np.broadcast_arrays(np.asarray(y, float), np.asarray(mean, float))
    _require(mean > 0.0, "mean", mean, "> 0")
    density = np.exp(y * np.log(mean) - mean - gammaln(y + 1.0))
    apart = mean * (ive(0, 2.0 * mean) + ive(1, 2.0 * mean))
    return (y - mean) * (2.0 * pdtr(y, mean) - 1.0) + 2.0 * mean * density - apart


def crps_negative_binomial(y: Array, mean: Array, theta: float) -> Array:
    """CRPS of negative binomial distributions of variance m + m^2 / theta at counts, (n,).

    The sum runs to where less than 1e-12 of the distribution is left.
    """
    y, mean = np.broadcast_arrays(np.asarray(y, float), np.asarray(mean, float))
    _require(mean > 0.0, "mean", mean, "> 0")
    deviation = np.sqrt(mean + mean * mean / theta)
    score = np.empty(mean.shape)
    # Rows of like length together: the longest of them sets the width of the block.
    last = np.maximum(mean + 30.0 * deviation + 30.0 / min(theta, 1.0), y + 1.0)
    order, start = np.argsort(last), 0
    while start < len(order):
        rows = order[start : start + max(NUMBERS_AT_ONCE // int(last[order[start]] + 2), 1)]
        width = min(int(last[rows].max()) + 2, MOST_COUNTS)
        counts = np.arange(width, dtype=float)
        at = betainc(theta, counts + 1.0, (theta / (theta + mean[rows]))[:, None])
        above = counts >= y[rows, None]
        score[rows] = ((at - above) ** 2).sum(axis=1)
        start += len(rows)
    return score


def crps_gamma(y: Array, mean: Array, dispersion: float | Array) -> Array:
    """CRPS of gamma distributions of variance phi m^2, (n,)."""
    y, mean, phi = np.broadcast_arrays(*(np.asarray(v, float) for v in (y, mean, dispersion)))
    _require(mean > 0.0, "mean", mean, "> 0")
    _require(phi > 0.0, "dispersion", phi, "> 0")
    shape = 1.0 / phi
    at = np.maximum(y, 0.0) * shape / mean
    apart = np.exp(-np.log(shape) - betaln(0.5, shape))
    lower, higher = gammainc(shape, at), gammainc(shape + 1.0, at)
    return y * (2.0 * lower - 1.0) - mean * (2.0 * higher - 1.0 + apart)


def crps_samples(y: Array, samples: Array) -> Array:
    """CRPS from samples (n, m) of each row's distribution, unbiased, (n,); m at least 2."""
    y, samples = np.asarray(y, float), np.asarray(samples, float)
    if samples.ndim != 2 or len(samples) != len(y) or samples.shape[1] < 2:
        raise ShapeMismatch(
            f"`samples` has shape {samples.shape}; expected ({len(y)}, m) with m at least 2."
        )
    m = samples.shape[1]
    ranked = np.sort(samples, axis=1)
    # The sum over pairs of |x_i - x_j|, by ranks.
    pairs = ranked @ (2.0 * np.arange(1, m + 1) - m - 1.0)
    return np.abs(samples - y[:, None]).mean(axis=1) - pairs / (m * (m - 1.0))


def crps_quantiles(y: Array, quantiles: Array, levels: Array, weights: Array) -> Array:
    """CRPS from quantiles (n, m) at levels (m,), whose rule has weights (m,): (n,).

    With `quantile_rule` the error is some tenths of a per cent of the spread: the pinball loss has
    a corner at y.
    """
    y, quantiles = np.asarray(y, float), np.asarray(quantiles, float)
    levels, weights = np.asarray(levels, float), np.asarray(weights, float)
    if quantiles.shape != (len(y), len(levels)) or weights.shape != levels.shape:
        raise ShapeMismatch(
            f"`quantiles` has shape {quantiles.shape}; expected ({len(y)}, {len(levels)}), a "
            "column for each level."
        )
    above = y[:, None] - quantiles
    return 2.0 * (np.maximum(levels * above, (levels - 1.0) * above) @ weights)


def quantile_rule(n_levels: int = 32) -> tuple[Array, Array]:
    """Levels in (0, 1), symmetric about 1/2, and weights, for `crps_quantiles`.

    Gauss-Legendre's in the angle a of t = (1 - cos a) / 2, which is fine at both ends, where
    quantiles run off.
    """
    nodes, weights = np.polynomial.legendre.leggauss(n_levels)
    angle = 0.5 * np.pi * (nodes + 1.0)
    return 0.5 * (1.0 - np.cos(angle)), 0.25 * np.pi * weights * np.sin(angle)


def _require(good: Array, name: str, values: Array, expected: str) -> None:
    if not np.all(good):
        row = int(np.argmin(good))
        raise InvalidParameter(
            f"`{name}` of row {row} is {np.ravel(values)[row]:g}; expected {expected}."
        )
