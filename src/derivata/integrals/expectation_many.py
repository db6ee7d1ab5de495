"""Expected values of a function of several outputs that are known up to a joint normal error.

    E f(z),    z ~ N(m, S)

for the probabilities of several classes with the parameters integrated out. With S = A A^T (by its
eigenvalues, so that a covariance of lower rank will do) z = m + A u, and over the standard normal u

    1 or 2 outputs     the trapezium rule in each, nodes of no weight left out
    3 or more          1,024 points of the Kronecker sequence of the generalised golden ratio, each
                       with its mirror image

The sequence is u_j = Phi^-1(frac(1/2 + j / g^i)), i = 1 ... k, where g^(k + 1) = g + 1. Mirror
images make what is odd in u exactly zero, so a linear function is exact. Probabilities of softmax
are good to 1e-6 with two outputs, and to some 1e-3 beyond, where deviations are about 1; nothing
is drawn at random.

Maths: docs/math/expectation.md
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import ndtri

from derivata.contracts import Array
from derivata.errors import InvalidParameter, ShapeMismatch
from derivata.integrals.expectation import trapezium

# Steps of the product of trapezium rules, by outputs; with more it is not affordable.
STEPS = {1: 0.1, 2: 0.25}
# Nodes of a product with less weight than this are left out.
LEAST_WEIGHT = 1e-13
N_POINTS = 1024
# Numbers of nodes times rows times outputs held at a time.
NUMBERS_AT_ONCE = 2**20
# An eigenvalue below zero by more than this share of the largest is no rounding.
ROUNDING = 1e-8


def expected_outputs(
    function: Callable[[Array], Array], mean: Array, covariance: Array, n_points: int = N_POINTS
) -> Array:
    """E f(z) a row, of outputs with normal errors.

    Parameters
    ----------
    function : callable            outputs (m, k) to values (m, r): ``response.mean`` of a model
    mean : array (n, k)
    covariance : array (n, k, k)
    n_points : int                 of the sequence, before mirroring; three outputs or more

    Returns
    -------
    expected : array (n, r)

    Raises
    ------
    ShapeMismatch                  covariances of another shape
    InvalidParameter               one that is no covariance: not finite, or not positive
    """
    mean = np.asarray(mean, float)
    root = _root(mean, np.asarray(covariance, float))
    n_rows, n_outputs = mean.shape
    nodes, weights = _rule(n_outputs, n_points)
    at_once = max(NUMBERS_AT_ONCE // (len(nodes) * n_outputs), 1)
    parts = []
    for start in range(0, n_rows, at_once):
        part = slice(start, start + at_once)
        z = mean[part, None, :] + np.einsum("nab,qb->nqa", root[part], nodes)
        values = function(z.reshape(-1, n_outputs))
        values = values.reshape(*z.shape[:2], -1)
        parts.append(np.einsum("q,nqr->nr", weights, values))
    return np.concatenate(parts) if parts else function(mean)


def _rule(n_outputs: int, n_points: int) -> tuple[Array, Array]:
    """Nodes (q, k) and weights (q,) against the standard normal density."""
    if n_outputs not in STEPS:
        nodes = kronecker_normals(n_points, n_outputs)
        nodes = np.concatenate([nodes, -nodes])
        return nodes, np.full(len(nodes), 1.0 / len(nodes))
    one, weight = trapezium(STEPS[n_outputs])
    grids = np.meshgrid(*[one] * n_outputs, indexing="ij")
    product = np.multiply.reduce(np.meshgrid(*[weight] * n_outputs, indexing="ij")).ravel()
    kept = product > LEAST_WEIGHT
    nodes = np.column_stack([grid.ravel() for grid in grids])[kept]
    return nodes, product[kept] / product[kept].sum()


def kronecker_normals(n_points: int, n_outputs: int) -> Array:
    """Points (n_points, n_outputs) that are spread as a standard normal is, the same every time."""
    ratio = 2.0
    for _ in range(60):  # a fixed point: the map's slope is 1 / (k + 1) there at most
        ratio = (1.0 + ratio) ** (1.0 / (n_outputs + 1))
    steps = ratio ** -np.arange(1.0, n_outputs + 1)
    return ndtri((0.5 + np.outer(np.arange(1, n_points + 1), steps)) % 1.0)


def _root(mean: Array, covariance: Array) -> Array:
    """A with A A^T the covariance, (n, k, k)."""
    if mean.ndim != 2 or covariance.shape != (*mean.shape, mean.shape[-1]):
        raise ShapeMismatch(
            f"`mean` has shape {mean.shape} and `covariance` {covariance.shape}; expected (n, k) "
            "and (n, k, k)."
        )
    finite = np.isfinite(mean).all(axis=1) & np.isfinite(covariance).all(axis=(1, 2))
    if not finite.all():
        raise InvalidParameter(
            f"row {int(np.argmin(finite))} of `mean` or `covariance` is not finite; expected "
            "numbers everywhere."
        )
    values, vectors = np.linalg.eigh(0.5 * (covariance + covariance.swapaxes(1, 2)))
    worst = values[:, 0] < -ROUNDING * np.maximum(values[:, -1], 1e-300)
    if worst.any():
        row = int(np.argmax(worst))
        raise InvalidParameter(
            f"row {row} of `covariance` has the eigenvalue {values[row, 0]:.3g}; a covariance has "
            "none below zero."
        )
    return vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
