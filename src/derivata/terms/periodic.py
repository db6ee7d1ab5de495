"""Cubic splines that repeat: at the end of a period they go on as they began.

    f(u + 1) = f(u),  f' and f'' too,     u = (x - start) / period,

on knots that divide the period evenly, so the start is no special place. With the periodic
B-splines the roughness, int_0^1 f''^2 du, is a circulant matrix whose only null direction is the
constant. Whitened (`whiten`), it is a plain sum of squares, and the constant is gone: over the
training rows the splines have mean 0 and do not correlate, and their mean row has length 1.

Source: Wood (2017), Generalized Additive Models, 2nd ed., section 5.3.2 (cyclic cubic splines).
Maths: docs/math/splines.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.interpolate import BSpline

from derivata.errors import InvalidData, ModelFileError
from derivata.terms.cubic import Row
from derivata.terms.record import check_keys, list_field, matrix_field, number_field, numbers_field
from derivata.terms.whitening import whiten

LEAST_BASIS = 3
"""Knots a period; with two there would be a single wave whose phase the knots decide."""


@dataclass(frozen=True)
class PeriodicSplines:
    """Several cubic splines that repeat after ``period``.

    Parameters
    ----------
    period, start : float          in the units of the column
    coefficients : (n_knots, n_splines)   of periodic cubic B-splines on even knots
    """

    period: float
    start: float
    coefficients: tuple[Row, ...]

    @classmethod
    def fit(
        cls,
        column: str,
        values: np.ndarray,
        weight: np.ndarray,
        period: float,
        start: float,
        n_basis: int,
    ) -> PeriodicSplines:
        """Whiten.

        Parameters
        ----------
        column : str                   its name, for messages
        values : (n_rows,) float64     NaN = missing
        weight : (n_rows,)             positive
        period, start : float
        n_basis : int                  knots a period

        Returns
        -------
        splines : PeriodicSplines      at most one fewer than there are knots or distinct phases

        Raises
        ------
        InvalidData                    if all cells are at one phase
        """
        present = ~np.isnan(values)
        phases, place = np.unique(phase(values[present], period, start), return_inverse=True)
        if phases.size < 2:
            raise InvalidData(
                f"column {column!r} has {phases.size} distinct places in its period of {period:g}, "
                "expected 2 or more. Is the period in the units of the column? Else drop the term."
            )
        basis = BSpline.design_matrix(phases, _full_knots(n_basis), 3)
        basis = basis @ np.eye(n_basis)[np.arange(n_basis + 3) % n_basis]
        gram = basis.T @ (basis * np.bincount(place, weight[present])[:, None])
        rough, turn = np.linalg.eigh(_roughness(n_basis))
        functions = turn[:, 1:] / np.sqrt(rough[1:])
        one = np.ones((n_basis, 1))
        found = whiten(functions, one, gram)
        coefficients = functions @ found.turn - one @ found.lines
        return cls(float(period), float(start), tuple(map(tuple, coefficients.tolist())))

    @property
    def n_splines(self) -> int:
        """How many splines there are."""
        return len(self.coefficients[0])

    def block(self, values: np.ndarray) -> np.ndarray:
        """Return the splines (n_rows, n_splines) at ``values`` (n_rows,); zeros where NaN."""
        place = phase(values, self.period, self.start)
        missing = np.flatnonzero(np.isnan(place))
        place[missing] = 0.0
        n_knots = len(self.coefficients)
        wrapped = np.array(self.coefficients)[np.arange(n_knots + 3) % n_knots]
        block = BSpline(_full_knots(n_knots), wrapped, 3)(place)
        block[missing] = 0.0
        return block

    def to_dict(self) -> dict[str, Any]:
        """Return them as plain JSON types."""
        return {
            "period": self.period,
            "start": self.start,
            "coefficients": [list(row) for row in self.coefficients],
        }

    @classmethod
    def from_dict(cls, record: Any, where: str) -> PeriodicSplines:
        """Rebuild what `to_dict` gave.

        Returns
        -------
        splines : PeriodicSplines

        Raises
        ------
        ModelFileError                 naming the malformed field
        """
        check_keys(record, ("period", "start", "coefficients"), where)
        period = number_field(record, "period", where)
        rows = list_field(record, "coefficients", where)
        if period <= 0 or len(rows) < LEAST_BASIS:
            raise ModelFileError(
                f"`{where}` has the period {period:g} and {len(rows)} knots, expected a positive "
                f"number and {LEAST_BASIS} or more."
            )
        n_splines = len(numbers_field({"first": rows[0]}, "first", f"{where}.coefficients"))
        if not n_splines:
            raise ModelFileError(f"`{where}.coefficients` has no column.")
        coefficients = matrix_field(record, "coefficients", where, (len(rows), n_splines))
        return cls(period, number_field(record, "start", where), coefficients)


def phase(values: np.ndarray, period: float, start: float) -> np.ndarray:
    """Return how far into its period each value is, (n_rows,) in [0, 1]; NaN stays."""
    return np.mod(values - start, period) / period


def _full_knots(n_knots: int) -> np.ndarray:
    return np.arange(-3, n_knots + 4) / n_knots


def _roughness(n_knots: int) -> np.ndarray:
    """Return the integrals of B''_i B''_j over one period, (n_knots, n_knots)."""
    one = np.eye(n_knots)
    after, before = np.roll(one, 1, axis=1), np.roll(one, -1, axis=1)
    bends = (before - 2 * one + after) * n_knots**2
    hats = (4 * one + before + after) / (6 * n_knots)
    return bends.T @ hats @ bends
