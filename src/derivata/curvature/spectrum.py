"""Extreme eigenvalues of the Hessian: what decides how fast descent can go.

    mu |v|^2 <= v^T H v <= L |v|^2,      kappa = L / mu

over directions v in which F is not flat. H is the exact Hessian of F, with the curvature of the
outputs; where the penalty has a kink, it is that of the losses alone, as a proximal step takes the
penalty as it is. Up to ``LARGEST_DENSE`` parameters all eigenvalues are computed from a dense H, to
rounding; beyond it the Lanczos process finds L to about 1e-6, and mu from above: by then kappa is
a lower bound. Source: Golub & Van Loan (2013), Matrix Computations, 4th ed., section 10.1.

Maths: docs/math/first_order.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigvalsh, eigvalsh_tridiagonal

from derivata.contracts import Array
from derivata.objective import Expansion

LARGEST_DENSE = 2_000
# Steps of the Lanczos process, and numbers in the vectors that it keeps (160 MB).
MOST_VECTORS, LARGEST_BASIS = 300, 20_000_000
FEWEST_VECTORS = 20
# Eigenvalues below this share of the largest, times their number, are the rounding of zero.
ROUNDING = 10.0 * np.finfo(float).eps


@dataclass(frozen=True)
class Spectrum:
    """The ends of a spectrum.

    Attributes
    ----------
    largest : float
        L; of an indefinite Hessian the largest size of an eigenvalue.
    smallest : float
        mu, the smallest eigenvalue above rounding; L if there is none.
    n_flat : int
        Eigenvalues that are zero to rounding; by Lanczos, of those that it found.
    n_negative : int
        Eigenvalues below zero, likewise: more than none only where F is not convex.
    """

    largest: float
    smallest: float
    n_flat: int
    n_negative: int = 0

    @property
    def condition(self) -> float:
        """kappa = L / mu; one for a Hessian of zeros."""
        return self.largest / self.smallest if self.smallest > 0.0 else 1.0


def spectrum(expansion: Expansion, *, scaled: bool = False) -> Spectrum:
    """Extreme eigenvalues of the Hessian of F at one point.

    Parameters
    ----------
    expansion : Expansion
    scaled : bool
        Of D^(-1/2) H D^(-1/2) instead, D the diagonal of H: what H would be if every parameter were
        measured in its own unit. Parameters with no curvature of their own are left as they are.

    Returns
    -------
    Spectrum

    Notes
    -----
    Costs one Gram product and p^3 / 3 multiplications; for a predictor that is not linear two
    passes over the data a parameter; beyond ``LARGEST_DENSE`` parameters two passes a Lanczos step,
    of which there are at most ``MOST_VECTORS``, and with ``scaled`` as many for the diagonal's
    estimate. Kept with the expansion.
    """
    name = "scaled spectrum" if scaled else "spectrum"
    return expansion.keep(name, lambda: _spectrum(expansion, scaled))


def _spectrum(expansion: Expansion, scaled: bool) -> Spectrum:
    n_params = len(expansion.params)
    if n_params <= LARGEST_DENSE:
        hessian = exact_hessian(expansion)
        if scaled:
            root = 1.0 / _root(np.diagonal(hessian))
            hessian = root[:, None] * hessian * root
        return _ends(eigvalsh(hessian, check_finite=False))
    product = smooth_hvp(expansion)
    if scaled:
        root = 1.0 / _root(_diagonal(expansion, product))
        unscaled = product
        product = lambda v: root * unscaled(root * v)
    return _ends(_lanczos(product, n_params))


def exact_hessian(expansion: Expansion) -> Array:
    """The Hessian of F, (p, p); of the losses alone where the penalty has a kink."""
    if not _has_kink(expansion):
        return expansion.exact_hessian
    predictor = expansion.objective.predictor
    return expansion.gram + predictor.curvature(expansion.params, expansion.output_gradient)


def smooth_hvp(expansion: Expansion) -> Callable[[Array], Array]:
    """The exact Hessian times a direction; that of the losses alone for a penalty with a kink."""
    if not _has_kink(expansion):
        return lambda direction: expansion.hvp(direction)
    predictor = expansion.objective.predictor

    def product(direction: Array) -> Array:
        moved = predictor.jvp(expansion.params, direction)
        weighted = np.einsum("nab,nb->na", expansion.output_hessian, moved)
        bend = predictor.curvature_vp(expansion.params, expansion.output_gradient, direction)
        return predictor.vjp(expansion.params, weighted) + bend

    return product


def _has_kink(expansion: Expansion) -> bool:
    return hasattr(expansion.objective.penalty, "prox")


def _ends(values: Array) -> Spectrum:
    """What is asked of the eigenvalues."""
    if len(values) == 0:
        return Spectrum(0.0, 0.0, 0)
    largest = float(np.abs(values).max())
    least = ROUNDING * len(values) * largest
    above = values[values > least]
    return Spectrum(
        largest,
        float(above.min()) if len(above) else largest,
        int(np.count_nonzero(np.abs(values) <= least)),
        int(np.count_nonzero(values < -least)),
    )


def _root(diagonal: Array) -> Array:
    """Roots of a diagonal; one where it is not positive."""
    return np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))


def _diagonal(expansion: Expansion, product: Callable[[Array], Array]) -> Array:
    """The diagonal of H: exact for one output and a linear predictor, else estimated.

    The estimate is Hutchinson's, the mean of v * Hv over random signs v.
    """
    predictor = expansion.objective.predictor
    if predictor.n_outputs == 1 and predictor.is_linear:
        losses = predictor.column_squares(expansion.output_hessian[:, 0, 0])
        return losses if _has_kink(expansion) else losses + expansion.penalty_diagonal
    rng = np.random.default_rng(0)
    signs = rng.choice([-1.0, 1.0], size=(100, len(expansion.params)))
    return np.mean([sign * product(sign) for sign in signs], axis=0)


def _lanczos(product: Callable[[Array], Array], n_params: int) -> Array:
    """Ritz values of a symmetric operator: its ends first, and never outside them."""
    vector = np.random.default_rng(0).standard_normal(n_params)
    vector /= np.linalg.norm(vector)
    n_vectors = min(MOST_VECTORS, n_params, max(LARGEST_BASIS // n_params, FEWEST_VECTORS))
    basis = np.empty((n_vectors, n_params))
    diagonal: list[float] = []
    beside: list[float] = []
    values = np.zeros(0)
    for step in range(len(basis)):
        basis[step] = vector
        moved = product(vector)
        diagonal.append(float(vector @ moved))
        # Twice is enough: without it, copies of converged eigenvalues appear (Paige 1972).
        for _ in range(2):
            moved = moved - basis[: step + 1].T @ (basis[: step + 1] @ moved)
        values = np.asarray(eigvalsh_tridiagonal(np.array(diagonal), np.array(beside)))
        size = float(np.abs(values).max())
        length = float(np.linalg.norm(moved))
        if length <= ROUNDING * max(size, np.finfo(float).tiny):
            break  # the space is invariant: what was found is exact
        beside.append(length)
        vector = moved / length
    return values
