"""The inverse Hessian, asked for solves, leverages, sandwiches, determinant and diagonal.

Leverage, L_i = J_i H^-1 J_i^T, is the noun beneath leave-one-out, prediction errors and effective
parameters; it is computed here and nowhere else. ``invert`` chooses an implementation from the
sizes and records why:

=====================  =======================================  ================================
implementation         when                                     cost
=====================  =======================================  ================================
``CholeskyInverse``    p up to the number of outputs n k        n p^2 + p^3 / 3
``PseudoInverse``      the same, but H is singular              n p^2 + 10 p^3
``WoodburyInverse``    more penalised parameters than outputs   n^2 p + n^3 / 3 (n means n k)
``IterativeInverse``   too large for either                     a few passes over the data a solve
``IndefiniteInverse``  H has a negative direction: no minimum   n p^2 + 10 p^3; refuses everything
=====================  =======================================  ================================

H is Gauss-Newton's, exact for a linear predictor; ``curvature.exact`` inverts the exact one.

Maths: docs/math/inverse.md
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from derivata.contracts import Array, HessianInverse, Predictor
from derivata.curvature import cholesky
from derivata.curvature.indefinite import NEGATIVE, IndefiniteInverse
from derivata.curvature.iterative import IterativeInverse
from derivata.curvature.pseudo import SINGULAR_PIVOT, Pseudo, pseudo_invert
from derivata.curvature.woodbury import WoodburyInverse
from derivata.errors import NotConverged
from derivata.lazy import lazy
from derivata.objective import Expansion

# A p x p array of this size takes 288 MB; beyond it only products with H are affordable.
LARGEST_DENSE = 6_000
# The dual form stores J: 5e7 numbers are 400 MB.
LARGEST_JACOBIAN = 50_000_000


def invert(expansion: Expansion) -> HessianInverse:
    """Prepare H^-1 of an expansion by the cheapest exact means, once: it is kept with it.

    Returns
    -------
    HessianInverse
        With ``reason``, a sentence saying what was chosen and why, and ``null_space``, (p, m) or
        None: directions in which F is flat, which the inverse leaves out.
    """
    if _is_iterative(expansion):
        return IterativeInverse(expansion)  # holds the expansion, so it cannot be kept by it
    return expansion.keep("inverse", lambda: _invert(expansion))


def _is_dual(expansion: Expansion) -> bool:
    predictor = expansion.objective.predictor
    n_params, n_numbers = predictor.n_params, predictor.n_rows * predictor.n_outputs
    if n_params <= n_numbers or n_numbers > LARGEST_DENSE:
        return False
    # What moves J needs H^-1 as an array, and the dual needs the root of every row's curvature.
    if not predictor.is_linear or has_negative_rows(expansion):
        return False
    if not expansion.objective.penalty.is_diagonal:
        return False
    diagonal = expansion.penalty_diagonal
    if np.count_nonzero(diagonal) <= n_numbers:
        return False
    every_pull = diagonal[diagonal > 0].min() > 1e-10 * diagonal.max()
    return bool(every_pull and n_numbers * n_params <= LARGEST_JACOBIAN)


def has_negative_rows(expansion: Expansion) -> bool:
    """Whether the loss of some row is curved downwards; asked of losses that say they may be."""
    if not getattr(expansion.objective.loss, "may_curve_down", False):
        return False
    blocks = expansion.output_hessian
    if blocks.shape[1] == 1:
        return bool((blocks < 0.0).any())
    values = np.linalg.eigvalsh(blocks)
    return bool((values[:, 0] < -NEGATIVE * np.abs(values[:, -1])).any())


def _is_iterative(expansion: Expansion) -> bool:
    if expansion.n_moving <= LARGEST_DENSE:
        return False
    return not _is_dual(expansion)


def _invert(expansion: Expansion) -> HessianInverse:
    return WoodburyInverse(expansion) if _is_dual(expansion) else invert_dense(expansion)


def invert_dense(expansion: Expansion, hessian: Array | None = None) -> HessianInverse:
    """H^-1 by Cholesky, or its pseudo-inverse where it is singular.

    ``hessian`` (p, p) takes the place of Gauss-Newton's.

    Raises
    ------
    NotConverged
        If the Hessian holds numbers that are not finite.
    """
    # Gauss-Newton's of a convex loss has no negative direction but by rounding, however large.
    is_convex = hessian is None and not getattr(expansion.objective.loss, "may_curve_down", False)
    hessian = expansion.hessian if hessian is None else hessian
    factor = cholesky.factorize(hessian)
    if factor is not None:
        # A pivot small beside its diagonal entry means that the column repeats earlier ones.
        pivots = np.diagonal(factor)
        if (pivots * pivots > SINGULAR_PIVOT * np.diagonal(hessian)).all():
            return CholeskyInverse(expansion, factor)
    if not np.isfinite(hessian).all():
        raise NotConverged(
            "the Hessian holds numbers that are not finite: the loss has no second derivative "
            "somewhere near this fit. Smooth its kinks, and keep logs and roots away from zero."
        )
    pseudo = pseudo_invert(hessian)
    if pseudo.lowest < -NEGATIVE and not is_convex:
        return IndefiniteInverse(hessian)
    return PseudoInverse(expansion, pseudo)


def shrunk_params(expansion: Expansion, inverse: HessianInverse) -> float:
    """tr(H^-1 Lambda): the number of parameters that the penalty decides, not the data."""
    shrunk = float(expansion.penalty_diagonal @ inverse.diagonal())
    coupling = expansion.objective.penalty.coupling(expansion.params, expansion.hyper)
    if coupling is not None:
        rows, columns = np.nonzero(coupling)
        shrunk += float(coupling[rows, columns] @ inverse.entries(rows, columns))
    return shrunk


class _DenseInverse:
    """What follows from having H^-1 as an array."""

    null_space: Array | None = None

    def __init__(self, expansion: Expansion, compute: Callable[[], Array]):
        # Not the expansion itself: it keeps this inverse, and a circle would keep both in memory.
        self._compute = compute
        self.predictor, self.params = expansion.objective.predictor, expansion.params

    @lazy
    def matrix(self) -> Array:
        """H^-1 itself, (p, p)."""
        return self._compute()

    def solve(self, right: Array) -> Array:
        """H^-1 @ right."""
        return self.matrix @ right

    def leverage(self, predictor: Predictor | None = None) -> Array:
        """J_i H^-1 J_i.T, (n, k, k); n p^2 multiplications."""
        return (predictor or self.predictor).leverage(self.params, self.matrix)

    def sandwich(self, cotangents: Array) -> _DenseSandwich:
        """H^-1 (J.T C J) H^-1; one Gram product."""
        inner = self.predictor.gram(self.params, cotangents)
        return _DenseSandwich(self, inner)

    def diagonal(self) -> Array:
        """Diagonal of H^-1, (p,)."""
        return np.diagonal(self.matrix).copy()

    def entries(self, first: Array, second: Array) -> Array:
        """Entries of H^-1 at pairs of parameters, (m,)."""
        return self.matrix[first, second]


class _DenseSandwich:
    def __init__(self, inverse: _DenseInverse, inner: Array):
        self.inverse, self.inner = inverse, inner
        self.half = inverse.matrix @ inner

    @lazy
    def matrix(self) -> Array:
        return self.half @ self.inverse.matrix

    def diagonal(self) -> Array:
        return np.einsum("ij,ij->i", self.half, self.inverse.matrix)

    def entries(self, first: Array, second: Array) -> Array:
        return self.matrix[first, second]

    def leverage(self) -> Array:
        return self.inverse.predictor.leverage(self.inverse.params, self.matrix)


class CholeskyInverse(_DenseInverse):
    """H^-1 through H = L L^T."""

    def __init__(self, expansion: Expansion, factor: Array):
        super().__init__(expansion, lambda: cholesky.inverse(factor))
        self.factor = factor
        self.reason = f"Cholesky: {len(factor):,} parameters fit in a dense Hessian"

    def solve(self, right: Array) -> Array:
        """H^-1 @ right by two triangular solves."""
        return cholesky.solve(self.factor, right)

    def logdet(self) -> float:
        """log det H."""
        return 2.0 * float(np.log(np.diagonal(self.factor)).sum())


class PseudoInverse(_DenseInverse):
    """H^-1 on the range of a singular H: flat directions are left where they are."""

    def __init__(self, expansion: Expansion, pseudo: Pseudo | None = None):
        self.pseudo = pseudo = pseudo or pseudo_invert(expansion.hessian)
        super().__init__(expansion, lambda: pseudo.matrix)
        n_flat = self.pseudo.null_space.shape[1]
        self.null_space = self.pseudo.null_space if n_flat else None
        self.reason = f"pseudo-inverse: {n_flat} directions of the Hessian are flat"

    def logdet(self) -> float:
        """log of the product of the eigenvalues kept, with unit-diagonal scaling undone."""
        return self.pseudo.logdet
