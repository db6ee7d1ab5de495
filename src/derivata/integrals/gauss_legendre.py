"""Integrals over [0, 1] by Gauss and Legendre's nodes, more of them until they add up.

    int_0^1 g(t) dt ~ sum_i w_i g(t_i)

For a function that is analytic around [0, 1] the error falls like r^(-2n), r the half axes of the
largest ellipse free of poles: smooth networks need 8 to 64 nodes, where a midpoint rule, whose
error falls like n^-2, needs thousands.

Source: Trefethen (2008), Is Gauss quadrature better than Clenshaw-Curtis?, SIAM Review 50, 67-87.
Maths: docs/math/attribution.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter

# Nodes of the first try: of gradients, whose tries are added up; and of what costs less.
FEWEST, FEWEST_FORWARD = 16, 8
# Of the contributions' sizes, what rounding alone may leave.
ROUNDING = 1e-13


@cache
def nodes(count: int) -> tuple[Array, Array]:
    """Nodes and weights on [0, 1], each (count,)."""
    place, weight = np.polynomial.legendre.leggauss(count)
    return 0.5 * (place + 1.0), 0.5 * weight


@dataclass(frozen=True)
class GaussLegendre:
    """Nodes doubled, row by row, until contributions add up.

    Parameters
    ----------
    tol : float
        Largest completeness error, as a share of the change from the baseline to the row.
    max_evaluations : int
        Gradients a row, all tries together.

    Raises
    ------
    InvalidParameter
        If one of them is not positive.

    Examples
    --------
    >>> GaussLegendre().doublings, GaussLegendre().tries
    ((8, 16, 32, 64), (16, 48))
    """

    tol: float = 1e-6
    max_evaluations: int = 64

    def __post_init__(self) -> None:
        if not self.tol > 0.0:
            raise InvalidParameter(f"`tol` is {self.tol!r}; it must be a positive number.")
        if isinstance(self.max_evaluations, bool) or not self.max_evaluations >= 1:
            raise InvalidParameter(
                f"`max_evaluations` is {self.max_evaluations!r}; it must be an integer >= 1."
            )

    @property
    def doublings(self) -> tuple[int, ...]:
        """Nodes of each try where tries cost no gradient."""
        found = [min(FEWEST_FORWARD, int(self.max_evaluations))]
        while found[-1] < self.max_evaluations:
            found.append(min(2 * found[-1], int(self.max_evaluations)))
        return tuple(found)

    @property
    def tries(self) -> tuple[int, ...]:
        """Nodes of each try where tries cost gradients: the last takes what is left of them."""
        found, left = [], int(self.max_evaluations)
        count = min(FEWEST, left)
        while left:
            # Not so few nodes left over that they would tell nothing new.
            count = left if left < 3 * count else count
            found.append(count)
            left -= count
            count *= 2
        return tuple(found)

    def enough(self, sums: Callable[[Array, int], tuple[Array, Array]], change: Array) -> Array:
        """How many nodes each row needs, told before any gradient is taken, int (m,).

        Parameters
        ----------
        sums : callable
            (rows (r,), nodes) -> what contributions would sum to, and their sizes, (r, q) each.
        change : array (m, q)
            What they have to add up to.
        """
        needed = np.full(len(change), int(self.max_evaluations))
        open_rows = np.arange(len(change))
        for count in self.doublings[:-1]:
            total, size = sums(open_rows, count)
            within = self._within(total, change[open_rows], size)
            needed[open_rows[within]] = count
            open_rows = open_rows[~within]
            if not len(open_rows):
                break
        return needed

    def integrate(
        self, integral: Callable[[Array, Array], Array], change: Array, n_values: int
    ) -> tuple[Array, Array]:
        """Contributions that add up to a change, and what they cost.

        Parameters
        ----------
        integral : callable
            (rows (r,), nodes (n,)) -> contributions (r, n_values, q).
        change : array (m, q)
            What they have to add up to.
        n_values : int

        Returns
        -------
        values : array (m, n_values, q)
        n_evaluations : int array (m,)
        """
        m, q = change.shape
        values, spent = np.zeros((m, n_values, q)), np.zeros(m, int)
        open_rows = np.arange(m)
        for count in self.tries:
            found = integral(open_rows, nodes(count)[0])
            values[open_rows] = found
            spent[open_rows] += count
            size = np.abs(found).sum(axis=1)
            within = self._within(found.sum(axis=1), change[open_rows], size)
            open_rows = open_rows[~within]
            if not len(open_rows):
                break
        return values, spent

    def _within(self, total: Array, change: Array, size: Array) -> Array:
        """Whether all outputs of a row add up, bool (r,)."""
        allowed = np.maximum(self.tol * np.abs(change), ROUNDING * size)
        return np.all(np.abs(total - change) <= allowed, axis=1)
