"""A numeric column as a straight line and what bends away from it.

    f(x) = b s(x) + Z(x) c,     int f''^2 dx ~ |c|^2,

s the standardised column, Z cubic splines whose roughness is a plain sum of squares (`whiten`) and
which hold no straight line: over the training rows they have mean 0 and no correlation with s, and
their mean row has length 1. Two ridge penalties then say everything: how strong the trend is, and
how much it may bend. Beyond the outer knots all is straight.

The knots are quantiles of the distinct training values, each weighted by the root of its rows: a
value that a thousand rows share needs no thousand knots, and a stretch with many rows needs more
than one with few. The outer knots are the least and the largest value.

Roughness may be measured where the rows are (``adaptive``): int h(x) f''^2 dx, h the distance of
the knots around x as a share of the largest. A column with a long tail may then bend among the many
as freely as out there among the few, whatever its unit; for evenly spread values nothing changes.

Sources: Wood (2017), Generalized Additive Models, 2nd ed., chapter 5; of weighted roughness:
Pintore, Speckman & Holmes (2006), Biometrika 93, 113-125, doi:10.1093/biomet/93.1.113.
Maths: docs/math/splines.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.interpolate import BSpline
from scipy.linalg import solve_triangular

from derivata.terms.cubic import CubicSplines, coefficients_of, full_knots, roughness, slopes_of
from derivata.terms.record import check_keys
from derivata.terms.standard import Standard
from derivata.terms.whitening import whiten

LEAST_GAP = 1e-8
"""Knots nearer than this part of the range are one."""

LEAST_VALUES = 4
"""Distinct values that a curve needs; with fewer there is the straight line alone."""


@dataclass(frozen=True)
class Curve:
    """The straight line and the bends of one numeric column.

    Parameters
    ----------
    standard : Standard            the straight line s, and the unit in which the knots lie
    splines : CubicSplines         Z: (n_rows, n_bends); none if there were few distinct values
    """

    standard: Standard
    splines: CubicSplines

    @classmethod
    def fit(
        cls,
        column: str,
        values: np.ndarray,
        weight: np.ndarray,
        n_basis: int,
        n_bends: int | None = None,
        *,
        adaptive: bool = False,
    ) -> Curve:
        """Place knots and whiten.

        Parameters
        ----------
        column : str                   its name, for messages
        values : (n_rows,) float64     NaN = missing
        weight : (n_rows,)             positive
        n_basis : int                  dimension of all curves, the constant and the line included;
                                       fewer where there are fewer distinct values
        n_bends : int or None          keep only so many, the smoothest
        adaptive : bool                weight roughness by the local distance of the knots

        Returns
        -------
        curve : Curve

        Raises
        ------
        InvalidData                    if no cell is present, or their range is no finite number
        """
        standard = Standard.fit(column, values, weight)
        present = ~np.isnan(values)
        distinct, place = np.unique(values[present], return_inverse=True)
        if distinct.size < LEAST_VALUES:
            return cls(standard, CubicSplines((0.0, 1.0), ((), ()), (), ()))
        totals = np.bincount(place, weight[present])
        unit = standard.unit(distinct)
        knots = _quantile_knots(unit, totals, min(n_basis, distinct.size) - 2)
        basis = BSpline.design_matrix(unit, full_knots(knots), 3)
        gram = (basis.T @ basis.multiply(totals[:, None])).toarray()
        # Columns of `bends` have the roughness |c|^2: R^-1 = bends @ bends.T.
        root = np.linalg.cholesky(roughness(knots, adaptive=adaptive))
        bends = solve_triangular(root, np.eye(knots.size), lower=True, trans=1)
        start = np.zeros(knots.size)
        functions = coefficients_of(knots, slopes_of(knots, bends, start), start)
        rise, height = 1.0 / standard.spread, -standard.center / standard.spread
        line = np.full((knots.size + 1, 1), rise)
        lines = np.column_stack(
            [np.ones(knots.size + 2), coefficients_of(knots, line, np.array([height]))]
        )
        found = whiten(functions, lines, gram, n_bends)
        splines = CubicSplines(
            tuple(knots.tolist()),
            tuple(map(tuple, (bends @ found.turn).tolist())),
            tuple((-found.lines[0] - height * found.lines[1]).tolist()),
            tuple((-rise * found.lines[1]).tolist()),
        )
        return cls(standard, splines)

    @property
    def n_features(self) -> int:
        """One straight feature and the bends."""
        return 1 + self.splines.n_splines

    def block(self, values: np.ndarray) -> np.ndarray:
        """Return s and Z (n_rows, n_features) of ``values`` (n_rows,); zeros where NaN."""
        unit = self.standard.unit(values)
        missing = np.flatnonzero(np.isnan(unit))
        unit[missing] = self.standard.center
        block = np.empty((unit.size, self.n_features))
        block[:, 0] = (unit - self.standard.center) / self.standard.spread
        block[:, 1:] = self.splines.at(unit)
        block[missing] = 0.0
        return block

    @property
    def slopes(self) -> np.ndarray:
        """B-spline coefficients of the features' slopes, (n_knots + 1, n_features).

        A combination of features never falls if this matrix times its coefficients is nowhere
        negative. Slopes are by `Standard.unit`, whose direction is that of x.
        """
        line = np.full((len(self.splines.knots) + 1, 1), 1.0 / self.standard.spread)
        return np.hstack([line, self.splines.slopes])

    @property
    def bends(self) -> np.ndarray:
        """Second derivatives of the features at the knots, (n_knots, n_features).

        Between the knots they are straight: a combination of features is convex if and only if this
        matrix times its coefficients is nowhere negative.
        """
        bends = np.array(self.splines.bends)
        return np.hstack([np.zeros((len(bends), 1)), bends])

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return {"standard": self.standard.to_dict(), "splines": self.splines.to_dict()}

    @classmethod
    def from_dict(cls, record: Any, where: str) -> Curve:
        """Rebuild what `to_dict` gave; a malformed field raises `ModelFileError`."""
        check_keys(record, ("standard", "splines"), where)
        return cls(
            Standard.from_dict(record["standard"], f"{where}.standard"),
            CubicSplines.from_dict(record["splines"], f"{where}.splines"),
        )


def _quantile_knots(unit: np.ndarray, totals: np.ndarray, n_knots: int) -> np.ndarray:
    """Return up to ``n_knots`` quantiles of the sorted distinct ``unit``, from 0 to 1."""
    mass = np.sqrt(totals)
    below = np.cumsum(mass) - mass
    share = below / max(float(below[-1]), 1e-300)
    knots = [0.0]
    for knot in np.interp(np.linspace(0, 1, n_knots)[1:-1], share, unit):
        if knot - knots[-1] > LEAST_GAP and 1.0 - knot > LEAST_GAP:
            knots.append(float(knot))
    return np.array([*knots, 1.0])
