"""The Tweedie distribution of power 1 < p < 2: a Poisson number of gamma amounts, summed.

    Y = X_1 + ... + X_N,   N ~ Poisson(lambda),   X ~ gamma of shape a and scale g
    lambda = mu^(2 - p) / (phi (2 - p)),   a = (2 - p) / (p - 1),   g = phi (p - 1) mu^(p - 1)

so E Y = mu and Var Y = phi mu^p. Given y > 0 its density is a series over N,

    log f = log sum_j W_j - log y + [y mu^(1 - p) / (1 - p) - mu^(2 - p) / (2 - p)] / phi
    log W_j = j log w - log j! - log Gamma(a j)
    log w = a log y - a log(p - 1) - (1 + a) log phi - log(2 - p)

whose terms peak near j = y^(2 - p) / (phi (2 - p)) and fall off within some (j (p - 1))^(1/2) of
there. Where the peak is far out the saddlepoint approximation takes over,

    f = (2 pi phi y^p)^(-1/2) exp(-d / (2 phi)) (1 + p (p - 3) phi y^(p - 2) / 24)

with d the unit deviance; its logarithm is exact to 5e-5 there. Sources: Dunn & Smyth (2005),
Statistics and Computing 15, 267-280, doi:10.1007/s11222-005-4070-y; for the saddlepoint and its
next term Barndorff-Nielsen & Cox (1979), J. R. Statist. Soc. B 41, 279-312.

Maths: docs/math/families.md
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammainc, gammaln, ndtr, psi

from derivata.contracts import Array

# Peaks of the series beyond this are left to the saddlepoint.
FARTHEST_PEAK = 400.0
# Terms this many standard deviations, and this many more, away from the peak are summed.
REACH, MORE_TERMS = 9.0, 20
# Numbers of a series held at a time.
NUMBERS_AT_ONCE = 2**20
# The distribution function is left to the saddlepoint where more amounts than this are expected and
# the variance is less than this share of the squared mean.
FARTHEST_MEAN_NUMBER, LEAST_SPREAD = 30.0, 1.0 / 15.0


def log_density(
    y: Array, mean: Array, dispersion: float, power: float
) -> tuple[Array, Array, Array]:
    """Log density of targets >= 0 (log probability at 0) and its slopes.

    Parameters
    ----------
    y, mean : (n,)
    dispersion, power : float      phi > 0 and p in (1, 2)

    Returns
    -------
    value, by_power, by_log_dispersion : (n,) each
    """
    p, log_mean = power, np.log(mean)
    falling = y * mean ** (1.0 - p) / (1.0 - p)
    rising = mean ** (2.0 - p) / (2.0 - p)
    value = (falling - rising) / dispersion
    by_scale = -value
    by_power = falling * (1.0 / (1.0 - p) - log_mean) - rising * (1.0 / (2.0 - p) - log_mean)
    by_power /= dispersion
    positive = np.flatnonzero(y > 0)
    peak = y[positive] ** (2.0 - p) / (dispersion * (2.0 - p))
    near = peak <= FARTHEST_PEAK
    for rows, own in ((positive[near], _series), (positive[~near], _saddlepoint)):
        if len(rows):
            parts = own(y[rows], dispersion, p)
            for total, part in zip((value, by_power, by_scale), parts, strict=True):
                total[rows] += part
    return value, by_power, by_scale


def _series(y: Array, dispersion: float, p: float) -> tuple[Array, Array, Array]:
    """log sum_j W_j - log y with its slopes, (m,) each; independent of the mean."""
    a, log_y = (2.0 - p) / (p - 1.0), np.log(y)
    log_w = a * (log_y - np.log(p - 1.0)) - (1.0 + a) * np.log(dispersion) - np.log(2.0 - p)
    peak = y ** (2.0 - p) / (dispersion * (2.0 - p))
    reach = REACH * np.sqrt(peak * (p - 1.0)) + MORE_TERMS
    first = np.maximum(np.floor(peak - reach), 1.0).astype(np.intp)
    last = np.ceil(peak + reach).astype(np.intp)
    j = np.arange(1.0, last.max() + (last - first).max() + 2.0)
    constants, digammas = -gammaln(j + 1.0) - gammaln(a * j), j * psi(a * j)
    log_sum, mean_j, mean_digamma = np.empty_like(y), np.empty_like(y), np.empty_like(y)
    order, start = np.argsort(last - first), 0
    while start < len(order):
        # Rows of like length together: the longest of them sets the width of the block.
        width = int((last - first)[order[start]]) + 1
        rows = order[start : start + max(NUMBERS_AT_ONCE // (2 * width), 1)]
        width = int((last - first)[rows].max()) + 1
        terms = first[rows, None] + np.arange(width)
        logs = constants[terms - 1] + terms * log_w[rows, None]
        top = logs.max(axis=1)
        shares = np.exp(logs - top[:, None])
        total = shares.sum(axis=1)
        log_sum[rows] = top + np.log(total)
        mean_j[rows] = np.einsum("mj,mj->m", shares, terms) / total
        mean_digamma[rows] = np.einsum("mj,mj->m", shares, digammas[terms - 1]) / total
        start += len(rows)
    a_slope = -1.0 / (p - 1.0) ** 2
    w_slope = a_slope * (log_y - np.log(p - 1.0) - np.log(dispersion))
    w_slope += -a / (p - 1.0) + 1.0 / (2.0 - p)
    by_power = mean_j * w_slope - a_slope * mean_digamma
    return log_sum - log_y, by_power, -(1.0 + a) * mean_j


def _saddlepoint(y: Array, dispersion: float, p: float) -> tuple[Array, Array, Array]:
    """The same by the saddlepoint, (m,) each."""
    log_y = np.log(y)
    # Half the deviance less its terms in mu.
    own = y ** (2.0 - p) / ((1.0 - p) * (2.0 - p)) / dispersion
    factor = p * (p - 3.0) / 24.0
    small = factor * dispersion * y ** (p - 2.0)
    value = -0.5 * (np.log(2.0 * np.pi * dispersion) + p * log_y) - own + np.log1p(small)
    by_power = -0.5 * log_y - own * (1.0 / (1.0 - p) + 1.0 / (2.0 - p) - log_y)
    by_power += small * ((2.0 * p - 3.0) / (p * (p - 3.0)) + log_y) / (1.0 + small)
    return value, by_power, -0.5 + own + small / (1.0 + small)


def probability_up_to(y: Array, mean: Array, dispersion: float, power: float) -> Array:
    """P(Y <= y), shape of y and mean broadcast; the series to 1e-9, the saddlepoint to 1e-4."""
    y, mean = np.broadcast_arrays(y, mean)
    number = mean ** (2.0 - power) / (dispersion * (2.0 - power))
    result = np.empty(y.shape)
    few = (number <= FARTHEST_MEAN_NUMBER) | (number * (2.0 - power) <= 1.0 / LEAST_SPREAD)
    if few.any():
        scale = dispersion * (power - 1.0) * mean[few] ** (power - 1.0)
        shape = (2.0 - power) / (power - 1.0)
        result[few] = _sum_over_numbers(y[few] / scale, number[few], shape)
    if not few.all():
        result[~few] = _lugannani_rice(y[~few], mean[~few], dispersion, power)
    return result


def _sum_over_numbers(y: Array, number: Array, shape: float) -> Array:
    """sum_j Poisson(j; number) P(j shape, y), (m,), with y in units of the amounts' scale."""
    total = np.exp(-number)
    reach = 6.0 * np.sqrt(number) + 6.0
    largest = np.ceil(number + reach)
    for j in range(1, int(largest.max()) + 1):
        rows = np.flatnonzero((number - reach <= j) & (j <= largest))
        chance = np.exp(j * np.log(number[rows]) - number[rows] - gammaln(j + 1.0))
        total[rows] += chance * gammainc(j * shape, y[rows])
    return np.minimum(total, 1.0)


def _lugannani_rice(y: Array, mean: Array, dispersion: float, p: float) -> Array:
    """The saddlepoint's distribution function, (m,): Lugannani & Rice (1980).

    P = Phi(r + log(u / r) / r),   r = signed root of (deviance / phi),   u = t (phi y^p)^(1/2)

    with t the saddlepoint, (y^(1 - p) - mu^(1 - p)) / ((1 - p) phi).
    """
    ratio = np.clip(y / mean, 1e-100, 1e100)  # beyond, probabilities are 0 and 1 and powers large
    # In units of the mean, with phi' = phi mu^(p - 2); near y = mu both r and u vanish alike.
    unit = dispersion * mean ** (p - 2.0)
    near = np.abs(ratio - 1.0) < 1e-4
    safe = np.where(near, 2.0, ratio)
    deviance = 2.0 * (
        safe * (safe ** (1.0 - p) - 1.0) / (1.0 - p) - (safe ** (2.0 - p) - 1.0) / (2.0 - p)
    )
    r = np.sign(safe - 1.0) * np.sqrt(np.maximum(deviance, 0.0) / unit)
    u = (safe ** (1.0 - p) - 1.0) / (1.0 - p) * np.sqrt(safe**p / unit)
    # Beside the atom at 0 the correction breaks down; there, 1e-10 and less, r itself will do.
    steps = np.log(np.where(r > -6.5, u / r, 1.0)) / r
    middle = (ratio - 1.0) / np.sqrt(unit) + p * np.sqrt(unit) / 6.0
    return ndtr(np.where(near, middle, r + steps))
