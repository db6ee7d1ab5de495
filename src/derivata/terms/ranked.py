"""Curves over the rank of a number: where surfaces must not run away.

    f(x) = b s(r(x)) + Z(r(x)) c,      r(x) the share of training rows below x, in [0, 1]

A product of two straight lines in x grows without bound where both columns have long tails, and a
handful of rows out there decide it. Over ranks every part of a surface has its share of the rows,
its roughness is measured where they are, and beyond the outer training values it stays as it is.

r is a monotone cubic through at most `N_POINTS` quantiles, ties at their middle rank. In the cell
between two points, t the share of the way from one to the other and rise the difference of their r,

    r = r_left + rise (m_0 t + (3 - 2 m_0 - m_1) t^2 + (m_0 + m_1 - 2) t^3),

m_0 and m_1 the slopes at its ends over the slope of its chord: weighted harmonic means of the
chords' slopes on both sides of a point, so 0 <= m <= 3 and r never falls.

Sources: Fritsch & Carlson (1980), SIAM J. Numer. Anal. 17, 238-246 (0 <= m <= 3); Fritsch & Butland
(1984), SIAM J. Sci. Stat. Comput. 5, 300-304, doi:10.1137/0905021 (the slopes), as SciPy's
`PchipInterpolator` has them. Not SciPy's code: by t, neither large nor close numbers upset it.
Maths: docs/math/splines.md
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from derivata.errors import ModelFileError
from derivata.lazy import lazy
from derivata.terms.curve import Curve
from derivata.terms.record import check_keys, numbers_field
from derivata.terms.standard import Standard

N_POINTS = 101
"""Quantiles through which r goes: each the next hundredth of the rows."""

ROUNDING = 1e-9
"""Shares of rows nearer than this are one, so that no unit of the weights moves a quantile."""


@dataclass(frozen=True)
class RankedCurve:
    """The straight line and the bends of a column's ranks.

    Parameters
    ----------
    ranks : Ranks
    curve : Curve                  of the ranks
    """

    ranks: Ranks
    curve: Curve

    @classmethod
    def fit(
        cls, column: str, values: np.ndarray, weight: np.ndarray, n_basis: int, n_bends: int
    ) -> RankedCurve:
        """Learn the ranks, then the curve over them.

        Parameters
        ----------
        column : str                   its name, for messages
        values : (n_rows,) float64     NaN = missing
        weight : (n_rows,)             positive
        n_basis : int                  dimension of all curves, the constant and the line included
        n_bends : int                  keep only so many, the smoothest

        Returns
        -------
        curve : RankedCurve

        Raises
        ------
        InvalidData                    if no cell is present, or their range is no finite number
        """
        Standard.fit(column, values, weight)  # refuses in the column's own numbers, not in ranks
        ranks = Ranks.fit(values, weight)
        return cls(ranks, Curve.fit(column, ranks.at(values), weight, n_basis, n_bends))

    @property
    def n_features(self) -> int:
        """One straight feature and the bends."""
        return self.curve.n_features

    @property
    def n_bends(self) -> int:
        """The bends alone."""
        return self.curve.splines.n_splines

    def block(self, values: np.ndarray) -> np.ndarray:
        """Return the features (n_rows, n_features) of ``values`` (n_rows,); zeros where NaN."""
        return self.curve.block(self.ranks.at(values))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return {
            "values": list(self.ranks.values),
            "shares": list(self.ranks.shares),
            "curve": self.curve.to_dict(),
        }

    @classmethod
    def from_dict(cls, record: Any, where: str) -> RankedCurve:
        """Rebuild what `to_dict` gave; a malformed field raises `ModelFileError`."""
        check_keys(record, ("values", "shares", "curve"), where)
        values, shares = (numbers_field(record, key, where) for key in ("values", "shares"))
        if len(values) != len(shares) or len(values) < 2:
            raise ModelFileError(
                f"`{where}` holds {len(values)} values and {len(shares)} shares, expected as many "
                "of both, at least 2."
            )
        rising = all(a < b for a, b in pairwise(values)) and math.isfinite(values[-1] - values[0])
        if not (rising and all(a <= b for a, b in pairwise((0.0, *shares, 1.0)))):
            raise ModelFileError(
                f"`{where}` holds ranks that do not go from 0 to 1 as their values increase."
            )
        return cls(Ranks(values, shares), Curve.from_dict(record["curve"], f"{where}.curve"))


@dataclass(frozen=True)
class Ranks:
    """The share of training rows below a value.

    Parameters
    ----------
    values, shares : tuple of float    points of r, increasing

    >>> import numpy as np
    >>> x = np.array([0.0, 0.0, 1.0, 1e6])
    >>> Ranks.fit(x, np.ones(4)).at(np.array([-5.0, 0.0, 1.0, 1e6, 1e9]))
    array([0.25 , 0.25 , 0.625, 0.875, 0.875])
    """

    values: tuple[float, ...]
    shares: tuple[float, ...]

    @classmethod
    def fit(cls, values: np.ndarray, weight: np.ndarray) -> Ranks:
        """Learn from the present cells.

        Parameters
        ----------
        values : (n_rows,) float64     NaN = missing; their range is a finite number
        weight : (n_rows,)             positive

        Returns
        -------
        ranks : Ranks                  of a constant column 1/2 for every value
        """
        present = ~np.isnan(values)
        distinct, place = np.unique(values[present], return_inverse=True)
        if distinct.size < 2:
            return cls((0.0, 1.0), (0.5, 0.5))
        totals = np.bincount(place, weight[present], distinct.size)
        middle = (np.cumsum(totals) - 0.5 * totals) / totals.sum()
        if distinct.size > N_POINTS:
            wanted = np.linspace(middle[0], middle[-1], N_POINTS) - ROUNDING
            places = np.searchsorted(middle, wanted)
            places[-1] = distinct.size - 1
            kept = np.unique(places)
            distinct, middle = distinct[kept], middle[kept]
        return cls(tuple(distinct.tolist()), tuple(middle.tolist()))

    def at(self, values: np.ndarray) -> np.ndarray:
        """Return r of ``values`` (n_rows,); NaN stays, beyond the outer points r is constant."""
        points = np.array(self.values)
        inside = np.clip(values, points[0], points[-1])
        cell = np.searchsorted(points[1:-1], inside, side="right")
        t = (inside - points[cell]) / np.diff(points)[cell]
        constant, linear, square, cube = self._cubics[:, cell]
        return constant + t * (linear + t * (square + t * cube))

    @lazy
    def _cubics(self) -> np.ndarray:
        """Coefficients of 1, t, t^2 and t^3 in each cell, (4, n_points - 1)."""
        steps, rises = np.diff(self.values), np.diff(self.shares)
        both = steps[:-1] + steps[1:]
        before, after = steps[:-1] / both, steps[1:] / both
        mean = (1 + after) * before * rises[1:] + (1 + before) * after * rises[:-1]
        mean = np.where(mean > 0, mean, 1.0)
        # At the ends r is as steep as the chord.
        left = np.append(1.0, 3 * after * rises[:-1] / mean)
        right = np.append(3 * before * rises[1:] / mean, 1.0)
        cubics = rises * [np.ones_like(rises), left, 3 - 2 * left - right, left + right - 2]
        cubics[0] = self.shares[:-1]
        return cubics
