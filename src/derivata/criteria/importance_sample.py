"""An integral by importance sampling, with its error and a judgement of it.

    log of the integral of exp(L)  ~  log mean of w,    w = exp(L(v)) / t(v),    v ~ t

t is a multivariate Student's t about a middle, drawn in pairs on either side of it, so that odd
terms of L cancel. The error is the standard error of the mean weight, over pairs. It is believed
only where the effective sample size (sum w)^2 / sum w^2 is not small and the weights' tail has a
finite variance: the Pareto shape of the largest ones is at most .7.

Sources: Geweke (1989), Econometrica 57, 1317-1339 (t proposals); Zhang & Stephens (2009),
Technometrics 51, 316-325 (the shape's estimate); Vehtari, Simpson, Gelman, Yao & Gabry (2024), JMLR
25(72), 1-58 (what it says).
Maths: docs/math/evidence_correction.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from derivata.contracts import Array
from derivata.errors import NotConverged

# Degrees of freedom of the proposal: heavy enough a tail, yet near a normal in many dimensions.
LEAST_FREEDOM = 7.0
ROUNDS = 3
# A sample from a rough place is not asked for another round above this share of even weights.
EVEN = 0.5
# Believed from here on.
LEAST_EFFECTIVE, LARGEST_SHAPE = 100.0, 0.7


@dataclass(frozen=True)
class SampledIntegral:
    """The log of an integral.

    Attributes
    ----------
    value, error : float
        The log of the mean weight, and its standard error.
    n_draws : int
    effective_sample_size, pareto_shape : float
    """

    value: float
    error: float
    n_draws: int
    effective_sample_size: float
    pareto_shape: float

    @property
    def is_trusted(self) -> bool:
        """Whether weights are even enough for the error to be believed."""
        enough = self.effective_sample_size >= LEAST_EFFECTIVE
        return enough and self.pareto_shape <= LARGEST_SHAPE


def sample_integral(
    density: Callable[[Array], Array],
    middle: Array,
    root: Array,
    n_samples: int,
    rng: np.random.Generator,
    *,
    is_nearest: bool,
) -> SampledIntegral:
    """Integrate exp(density) over all of space.

    Parameters
    ----------
    density : callable             L at points (m, d), (m,); -inf is allowed
    middle, root : array (d,), (d, d)
        Of the draws: a root of their covariance.
    n_samples : int                the next even number of draws
    rng : Generator
    is_nearest : bool
        Whether they are those of the nearest normal: then more draws are added where few count,
        up to four times as many; else the draws move to the mean and covariance found, up to twice.
    """
    points, log_weights = _sampled(density, middle, root, n_samples, rng)
    for _ in range(1, ROUNDS):
        effective = _effective(log_weights)
        if effective >= (LEAST_EFFECTIVE if is_nearest else EVEN * len(points)):
            break
        if is_nearest:  # moments of uneven weights would be a worse place: more draws instead
            more = _sampled(density, middle, root, len(points), rng)
            log_weights = _joined(log_weights, more[1])
            points = np.concatenate([points, more[0]])  # only their number counts from here on
        else:
            middle, root = _moments(points, log_weights, middle, root)
            points, log_weights = _sampled(density, middle, root, n_samples, rng)
    effective = _effective(log_weights)
    # Pairs are independent of each other, their two members are not.
    value = float(np.logaddexp.reduce(log_weights)) - float(np.log(len(log_weights)))
    pairs = np.exp(log_weights.reshape(2, -1) - value).mean(axis=0)
    error = float(pairs.std(ddof=1) / np.sqrt(len(pairs)))
    shape = pareto_shape(log_weights)
    return SampledIntegral(value, error, len(log_weights), effective, shape)


def _sampled(
    density: Callable[[Array], Array],
    middle: Array,
    root: Array,
    n_samples: int,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Points of a t in pairs about ``middle``, (2 m, d), and log weights L - log t."""
    size = len(middle)
    freedom = max(LEAST_FREEDOM, float(size))
    half = rng.standard_normal(((n_samples + 1) // 2, size))
    half *= np.sqrt(freedom / rng.chisquare(freedom, len(half)))[:, None]
    square = np.einsum("ij,ij->i", half, half)
    log_t = gammaln(0.5 * (freedom + size)) - gammaln(0.5 * freedom)
    log_t -= 0.5 * size * np.log(freedom * np.pi)
    log_t = log_t - 0.5 * (freedom + size) * np.log1p(square / freedom) - log_det(root)
    moved = half @ root.T
    points = np.concatenate([middle + moved, middle - moved])
    return points, density(points) - np.tile(log_t, 2)


def _joined(first: Array, second: Array) -> Array:
    """Log weights of two samples in pairs, as of one: (2 m,), pairs m apart."""
    return np.concatenate([first.reshape(2, -1), second.reshape(2, -1)], axis=1).ravel()


def _moments(points: Array, log_weights: Array, middle: Array, root: Array) -> tuple[Array, Array]:
    """Mean and a root of the covariance of weighted points, held to the last where few count."""
    weights = np.exp(log_weights - np.logaddexp.reduce(log_weights))
    effective, size = 1.0 / float(weights @ weights), len(middle)
    mean = weights @ points
    apart = points - mean
    found = (weights[:, None] * apart).T @ apart
    share = effective / (effective + 4.0 * size)
    covariance = share * found + (1.0 - share) * root @ root.T
    return middle + share * (mean - middle), root_of(covariance)


def _effective(log_weights: Array) -> float:
    """(sum w)^2 / sum w^2."""
    both = np.logaddexp.reduce(log_weights), np.logaddexp.reduce(2.0 * log_weights)
    return float(np.exp(2.0 * both[0] - both[1]))


def pareto_shape(log_weights: Array) -> float:
    """Shape k of a generalised Pareto distribution fitted to the largest weights.

    The largest min(n / 5, 3 sqrt n), above the next. Weights have a finite variance if k < 1/2,
    and means of them are usable in practice up to .7. By the posterior mean of Zhang & Stephens
    (2009) over a grid, shrunk towards 1/2 as by ten observations more. -inf where weights are
    equal.
    """
    ordered = np.sort(np.exp(log_weights - log_weights.max()))
    n_tail = int(min(len(ordered) // 5, np.ceil(3.0 * np.sqrt(len(ordered)))))
    above = ordered[-n_tail:] - ordered[-n_tail - 1]
    if n_tail < 5 or not above[0] >= 0.0 or above[-1] <= 1e-12:
        return -np.inf
    above = np.maximum(above, 1e-300)
    n_grid = 30 + int(np.sqrt(n_tail))
    quartile = above[int(n_tail / 4 + 0.5) - 1]
    grid = 1.0 - np.sqrt(n_grid / (np.arange(1, n_grid + 1) - 0.5))
    rate = 1.0 / above[-1] + grid / (3.0 * quartile)
    shapes = np.log1p(-rate[:, None] * above).mean(axis=1)
    likelihood = n_tail * (np.log(-rate / shapes) - shapes - 1.0)
    weight = np.exp(likelihood - np.logaddexp.reduce(likelihood))
    shape = float(np.log1p(-(weight @ rate) * above).mean())
    return (n_tail * shape + 5.0) / (n_tail + 10.0)


def root_of(matrix: Array) -> Array:
    """R with R R^T = matrix."""
    try:
        return np.linalg.cholesky(0.5 * (matrix + matrix.T))
    except np.linalg.LinAlgError as error:
        raise NotConverged(
            "the Hessian is not positive definite here: this is no minimum of F."
        ) from error


def log_det(root: Array) -> float:
    """log |det R|."""
    return float(np.linalg.slogdet(root)[1])
