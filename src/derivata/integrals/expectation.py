"""Expected values of a function of one output that is known up to a normal error.

    E f(z),    z ~ N(m, s^2)

What a model predicts when its output is uncertain: with the logistic sigmoid, a probability that
has the parameters integrated out.

Where f is smooth on the scale of s, the trapezium rule in u = (z - m) / s with a step h is exact up
to exp(-2 pi d / (s h)), d the distance of f's nearest singularity from the real line: pi for the
sigmoid. With h = 1/2 that is 1e-15 at s = 1, and it is used up to there. Beyond, the sigmoid is a
step that the normal density hardly notices to be round; so the step is taken exactly and what is
left is integrated: with a = |m|,

    E sigma(z) = Phi(-a / s) + integral_0^T sigma(-t) [phi((t - a) / s) - phi((t + a) / s)] / s dt

for m = -a (for m = a it is one minus that) by Gauss-Legendre on two panels of 32 nodes, [0, T / 5]
and [T / 5, T], T where the integrand has fallen by exp(-40). The error is below 1e-14 for any m and
s; that of the slopes, which are integrals of the same kind, below 2e-13:

    by m   E sigma'(z)            by s   E u sigma'(z)

The probit formula sigma(m / sqrt(1 + pi s^2 / 8)), which is often used instead, is off by up to
1.7e-2. Source of the trapezium rule's error: Trefethen & Weideman (2014), SIAM Review 56, 385-458,
doi:10.1137/130932132, section 5.

Maths: docs/math/expectation.md
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit, ndtr

from derivata.contracts import Array
from derivata.errors import InvalidParameter, ShapeMismatch

# The trapezium rule: its step and its farthest node, in standard deviations.
STEP, FARTHEST = 0.5, 9.0
# Up to this deviation the sigmoid is smooth enough for it.
SMOOTH_UP_TO = 1.0
PANEL_NODES = 32
# exp(-40) is below rounding of what it is added to.
NEGLIGIBLE = 40.0
ROWS_AT_ONCE = 8192


def expected_sigmoid(mean: Array, deviation: Array) -> Array:
    """E sigma(z) of normal outputs, each row its own.

    Parameters
    ----------
    mean, deviation : array        any shapes that broadcast; deviations >= 0

    Returns
    -------
    probability : array            of the same shape, in [0, 1]; error below 1e-14

    Raises
    ------
    InvalidParameter               a deviation below zero, or a value that is no number

    Examples
    --------
    >>> expected_sigmoid(np.array([2.0]), np.array([0.0, 1.0, 3.0])).round(6)
    array([0.880797, 0.844537, 0.717424])
    """
    return _by_rows(_sigmoid, mean, deviation)[..., 0]


def expected_sigmoid_slopes(mean: Array, deviation: Array) -> tuple[Array, Array]:
    """How E sigma(z) moves with the mean and with the deviation; shapes as `expected_sigmoid`."""
    slopes = _by_rows(_sigmoid_slopes, mean, deviation)
    return slopes[..., 0], slopes[..., 1]


def expected_exp(mean: Array, deviation: Array) -> Array:
    """E exp(z) = exp(m + s^2 / 2); inf beyond the largest double."""
    mean, deviation = _checked(mean, deviation)
    with np.errstate(over="ignore"):
        return np.exp(mean + 0.5 * deviation * deviation)


def normal_expectation(
    function: Callable[[Array], Array], mean: Array, deviation: Array, step: float = STEP
) -> Array:
    """E f(z) by the trapezium rule, of a function that is smooth on the scale of the deviation.

    Parameters
    ----------
    function : callable            of an array, element by element
    mean, deviation : array        any shapes that broadcast; deviations >= 0
    step : float
        In standard deviations, at most 1/2. The error is about exp(-2 pi d / (s step)), d how far
        the function is analytic beside the real line; a function that grows like exp(c z) is
        integrated up to c s of about 3.

    Returns
    -------
    expected : array               of the shape of mean and deviation together
    """
    if not 0.0 < step <= STEP:
        raise InvalidParameter(f"`step` is {step!r}; expected a number above 0, at most {STEP}.")
    mean, deviation = _checked(mean, deviation)
    nodes, weights = trapezium(step)
    return function(mean[..., None] + deviation[..., None] * nodes) @ weights


def trapezium(step: float = STEP) -> tuple[Array, Array]:
    """Nodes and weights of the trapezium rule against the standard normal density."""
    half = int(np.ceil(FARTHEST / step))
    nodes = step * np.arange(-half, half + 1)
    weights = np.exp(-0.5 * nodes * nodes)
    return nodes, weights / weights.sum()


def _by_rows(rule: Callable[[Array, Array], Array], mean: Array, deviation: Array) -> Array:
    """A rule of (m,) means and deviations to (m, r), on arrays of any shape, in blocks."""
    mean, deviation = _checked(mean, deviation)
    flat, spread = mean.ravel(), deviation.ravel()
    parts = [
        rule(flat[start : start + ROWS_AT_ONCE], spread[start : start + ROWS_AT_ONCE])
        for start in range(0, max(len(flat), 1), ROWS_AT_ONCE)
    ]
    values = np.concatenate(parts)
    return values.reshape(*mean.shape, values.shape[1])


def _sigmoid(mean: Array, deviation: Array) -> Array:
    value = np.empty((len(mean), 1))
    smooth = deviation <= SMOOTH_UP_TO
    nodes, weights = trapezium()
    value[smooth, 0] = expit(mean[smooth, None] + deviation[smooth, None] * nodes) @ weights
    a, s = np.abs(mean[~smooth]), deviation[~smooth]
    t, weight = _panels(a, s)
    # phi((t - a) / s) - phi((t + a) / s), without the cancellation at small a
    density = _density(t - a[:, None], s) * -np.expm1(-2.0 * t * (a / s**2)[:, None])
    lower = ndtr(-a / s) + np.einsum("mt,mt->m", weight, expit(-t) * density)
    value[~smooth, 0] = np.where(mean[~smooth] < 0.0, lower, 1.0 - lower)
    return value


def _sigmoid_slopes(mean: Array, deviation: Array) -> Array:
    slopes = np.empty((len(mean), 2))
    smooth = deviation <= SMOOTH_UP_TO
    nodes, weights = trapezium()
    at = expit(mean[smooth, None] + deviation[smooth, None] * nodes)
    slope = at * (1.0 - at)
    slopes[smooth] = np.column_stack([slope @ weights, slope @ (weights * nodes)])
    a, s = np.abs(mean[~smooth]), deviation[~smooth]
    t, weight = _panels(a, s)
    weight = weight * (expit(t) * expit(-t))
    near, far = _density(t - a[:, None], s), _density(t + a[:, None], s)
    by_mean = np.einsum("mt,mt->m", weight, near + far)
    # z = -t of N(a, s^2) is u = -(t + a) / s, and z = t is u = (t - a) / s.
    moment = (t - a[:, None]) * near - (t + a[:, None]) * far
    by_deviation = np.sign(mean[~smooth]) * np.einsum("mt,mt->m", weight, moment) / s
    slopes[~smooth] = np.column_stack([by_mean, by_deviation])
    return slopes


def _panels(a: Array, s: Array) -> tuple[Array, Array]:
    """Nodes and weights, (m, 64) each, for exp(-t) phi((t - a) / s) over t > 0."""
    tilt = np.maximum(1.0 - a / s**2, 0.0)
    end = 2.0 * NEGLIGIBLE / (tilt + np.sqrt(tilt**2 + 2.0 * NEGLIGIBLE / s**2))
    # Beyond a = s^2 the integrand peaks inside, at a - s^2.
    end = np.where(a > s * s, np.minimum(a - s * s + FARTHEST * s, NEGLIGIBLE), end)
    nodes, weights = np.polynomial.legendre.leggauss(PANEL_NODES)
    nodes, weights = 0.5 * (nodes + 1.0), 0.5 * weights
    nodes = np.concatenate([0.2 * nodes, 0.2 + 0.8 * nodes])
    weights = np.concatenate([0.2 * weights, 0.8 * weights])
    return end[:, None] * nodes, end[:, None] * weights


def _density(apart: Array, s: Array) -> Array:
    return np.exp(-0.5 * (apart / s[:, None]) ** 2) / (np.sqrt(2.0 * np.pi) * s[:, None])


def _checked(mean: Array, deviation: Array) -> tuple[Array, Array]:
    mean, deviation = np.asarray(mean, float), np.asarray(deviation, float)
    try:
        mean, deviation = np.broadcast_arrays(mean, deviation)
    except ValueError:
        raise ShapeMismatch(
            f"`mean` has shape {mean.shape} and `deviation` {deviation.shape}; expected shapes "
            "that broadcast: a deviation for each mean, or one for all."
        ) from None
    wrong = ~(np.isfinite(mean) & np.isfinite(deviation) & (deviation >= 0.0))
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise InvalidParameter(
            f"at {where} `mean` is {mean[where]:g} and `deviation` {deviation[where]:g}; expected "
            "finite numbers, and deviations >= 0. Was a variance negative by rounding? Cut it off "
            "at zero."
        )
    return mean, deviation
