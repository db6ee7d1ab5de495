"""The cone of parameters that satisfy linear inequalities, and the nearest point in it.

    {v : A v >= 0},      nearest to u:   min over v of (v - u)^T H (v - u) / 2,   H = L L^T
    dual:                min over mu >= 0 of |C^T mu + x|,   C = A L^-T,  x = L^T u
    then                 v = L^-T (x + C^T mu),   H (v - u) = A^T mu

The dual is non-negative least squares: as the inequalities are homogeneous, the problem of least
distance of Lawson & Hanson (1974), Solving Least Squares Problems, needs no row more. The solver is
theirs too: SciPy's ``nnls``, whose documentation is the source here.

Maths: docs/math/constraints.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import nnls

from derivata.contracts import Array
from derivata.curvature import cholesky
from derivata.errors import NotConverged
from derivata.lazy import lazy

# A v is a sum of products, and zero to this share of their sizes.
ROUNDING = 1e-12
# Rows above zero by more than this share of the sizes of their products are not examined as pinned.
NEARLY_TIGHT = 1e-6
# How much of a row is taken from a sum of unit rows to see whether the sum contains it, and what
# may be left of it then.
TAKEN, LEFT = 1e-3, 1e-9
# Active-set steps allowed, in numbers of inequalities; SciPy's own 3 is short for repeated rows.
NNLS_STEPS = 10


@dataclass(frozen=True, eq=False)
class Cone:
    """Parameters v with rows @ v >= 0.

    Parameters
    ----------
    rows : array (m, p)
        A; m may be 0, and rows of zeros or repeated ones do no harm.
    """

    rows: Array

    @lazy
    def sizes(self) -> Array:
        """|A|, (m, p)."""
        return np.abs(self.rows)

    def slack(self, point: Array) -> Array:
        """A v, (m,), with what is rounding set to zero."""
        above = self.rows @ point
        return np.where(np.abs(above) <= ROUNDING * (self.sizes @ np.abs(point)), 0.0, above)

    def contains(self, point: Array) -> bool:
        """Whether A v >= 0 to rounding."""
        return bool((self.slack(point) >= 0.0).all())

    def project(self, point: Array, factor: Array) -> tuple[Array, Array]:
        """The nearest point of the cone, in the metric H = L L^T.

        Costs m p^2 for C and about m p a constraint that holds with equality.

        Parameters
        ----------
        point : array (p,)             u
        factor : array (p, p)          L, lower triangular

        Returns
        -------
        nearest : array (p,)           ``point`` itself if the cone contains it
        multipliers : array (m,)       mu >= 0, zero where the inequality is strict

        Raises
        ------
        NotConverged                   if ``nnls`` runs out of steps
        """
        if self.contains(point):
            return point, np.zeros(len(self.rows))
        columns = solve_triangular(factor, self.rows.T, lower=True)  # C^T
        lengths = np.sqrt(np.einsum("pm,pm->m", columns, columns))
        lengths[lengths == 0.0] = 1.0
        columns /= lengths
        image = factor.T @ point
        multipliers = _non_negative(columns, -image)
        multipliers, nearest = _polished(columns, image, multipliers)
        nearest = solve_triangular(factor, nearest, lower=True, trans=1)
        return _settled(nearest, self.rows[multipliers > 0.0]), multipliers / lengths

    def pinned(self, point: Array, multipliers: Array) -> Array:
        """Rows that cannot leave zero while those with a positive multiplier stay there, (m,) bool.

        Beside these themselves, the rows that they imply: a_i is one if the sum of the unit rows
        that have a multiplier, less a little of a_i, is still a non-negative sum of rows. Each row
        at zero without a multiplier is asked by one ``nnls``; mostly there is none.

        Parameters
        ----------
        point : array (p,)             in the cone, on the face of the multipliers
        multipliers : array (m,)       >= 0
        """
        found = multipliers > 0.0
        above = self.rows @ point
        tight = found | (above <= NEARLY_TIGHT * (self.sizes @ np.abs(point)))
        lengths = np.sqrt(np.einsum("mp,mp->m", self.rows, self.rows))
        tight &= lengths > 0.0
        places = np.flatnonzero(tight)
        unit = self.rows[places] / lengths[places, None]
        total = unit[found[places]].sum(axis=0)
        for i, place in enumerate(places):
            if found[place]:
                continue
            wanted = total - TAKEN * unit[i]
            shares = _non_negative(unit.T, wanted)
            if np.linalg.norm(unit.T @ shares - wanted) <= LEFT:
                found[place] = True
                found[places[shares > LEFT]] = True
        return found


def _non_negative(columns: Array, right: Array) -> Array:
    """Minimiser of |columns @ v - right| over v >= 0, (m,)."""
    if not columns.size:  # without columns SciPy 1.17's nnls aborts, without rows it reads anything
        return np.zeros(columns.shape[1])
    n_steps = NNLS_STEPS * max(columns.shape)
    try:
        return nnls(columns, right, maxiter=n_steps)[0]
    except RuntimeError:
        raise NotConverged(
            f"non-negative least squares with {columns.shape[1]} inequalities did not end in "
            f"{n_steps} steps. Do some of `constraints` nearly repeat each other? Leave them out."
        ) from None


def _polished(columns: Array, image: Array, multipliers: Array) -> tuple[Array, Array]:
    """Multipliers of the same support by one QR, and x + C^T mu orthogonal to it to rounding."""
    support = np.flatnonzero(multipliers)
    Q, R = np.linalg.qr(columns[:, support])
    along = Q.T @ image
    nearest = image - Q @ along
    nearest -= Q @ (Q.T @ nearest)  # what rounding left of the first subtraction
    if np.linalg.norm(nearest) <= ROUNDING * np.linalg.norm(image):
        nearest[:] = 0.0  # the apex
    solved = np.full(len(support), -1.0)
    if (np.abs(np.diagonal(R)) > 0.0).all():
        solved = -solve_triangular(R, along)
    if (solved < 0.0).any():  # on the edge of the support; the active-set solver has decided
        return multipliers, image + columns @ multipliers
    polished = np.zeros_like(multipliers)
    polished[support] = solved
    return polished, nearest


def _settled(point: Array, rows: Array) -> Array:
    """The point with rows @ point = 0 to its last digits, which an ill-conditioned H has moved."""
    factor = cholesky.factorize(rows @ rows.T) if len(rows) else None
    if factor is None:
        return point
    left = rows @ point
    settled = point - rows.T @ cholesky.solve(factor, left)
    better = np.abs(rows @ settled).max() < np.abs(left).max()
    return settled if better else point
