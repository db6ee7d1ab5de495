"""Cubic splines on shared knots, straight beyond them.

    f''(u) = sum_i bends_i hat_i(u),     f(u) = value + slope u + int_0^u (u - t) f''(t) dt,

on [0, 1]; below 0 and above 1 the spline goes on as the straight line that touches it there. A
cubic spline *is* its second derivatives at the knots, between which f'' is straight, and a line.
So it is written here, and not by coefficients of B-splines, whose second differences lose all
digits where quantiles put knots close together. The roughness is

    int f''(u)^2 du = bends^T R bends,     R_ii = (h_(i-1) + h_i) / 3,  R_(i,i+1) = h_i / 6,

h the distances of the knots: the Gram matrix of the hats, exact, positive definite and tridiagonal.
To be evaluated they are turned into B-splines, of which four are not zero at any point.

Source: Wood (2017), Generalized Additive Models, 2nd ed., section 5.3.1 (second derivatives at the
knots, and R); Eilers & Marx (1996), Statistical Science 11, 89-121 (derivatives of B-splines are
differences of their coefficients).
Maths: docs/math/splines.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.interpolate import BSpline

from derivata.errors import ModelFileError
from derivata.terms.record import check_keys, matrix_field, numbers_field

Row = tuple[float, ...]


@dataclass(frozen=True)
class CubicSplines:
    """Several cubic splines on one set of knots.

    Parameters
    ----------
    knots : (n_knots,)             rising from 0 to 1
    bends : (n_knots, n_splines)   second derivatives at the knots
    value, slope : (n_splines,)    at 0
    """

    knots: Row
    bends: tuple[Row, ...]
    value: Row
    slope: Row

    @property
    def n_splines(self) -> int:
        """How many splines there are."""
        return len(self.value)

    def at(self, unit: np.ndarray) -> np.ndarray:
        """Return the splines at ``unit`` (n_rows,), finite, as (n_rows, n_splines)."""
        if not self.n_splines:
            return np.zeros((unit.size, 0))
        inside = np.clip(unit, 0.0, 1.0)
        found = BSpline(full_knots(self.knots), self.coefficients, 3)(inside)
        beyond = np.flatnonzero(inside != unit)
        if beyond.size:
            slopes = self.slopes[np.where(unit[beyond] < 0, 0, -1)]
            found[beyond] += (unit[beyond] - inside[beyond])[:, None] * slopes
        return found

    @property
    def slopes(self) -> np.ndarray:
        """Coefficients of f' in quadratic B-splines, (n_knots + 1, n_splines).

        The first and the last are the slopes at 0 and 1. If none is negative, f never falls.
        """
        return slopes_of(self.knots, np.array(self.bends), np.array(self.slope))

    @property
    def coefficients(self) -> np.ndarray:
        """Coefficients of f in cubic B-splines, (n_knots + 2, n_splines)."""
        return coefficients_of(self.knots, self.slopes, np.array(self.value))

    def to_dict(self) -> dict[str, Any]:
        """Return them as plain JSON types."""
        return {
            "knots": list(self.knots),
            "bends": [list(row) for row in self.bends],
            "value": list(self.value),
            "slope": list(self.slope),
        }

    @classmethod
    def from_dict(cls, record: Any, where: str) -> CubicSplines:
        """Rebuild what `to_dict` gave.

        Returns
        -------
        splines : CubicSplines

        Raises
        ------
        ModelFileError                 naming the malformed field
        """
        check_keys(record, ("knots", "bends", "value", "slope"), where)
        knots = numbers_field(record, "knots", where)
        if len(knots) < 2 or (knots[0], knots[-1]) != (0.0, 1.0) or np.any(np.diff(knots) <= 0):
            raise ModelFileError(f"`{where}.knots` do not rise from 0 to 1.")
        value = numbers_field(record, "value", where)
        bends = matrix_field(record, "bends", where, (len(knots), len(value)))
        slope = numbers_field(record, "slope", where, len(value))
        return cls(knots, bends, value, slope)


def full_knots(knots: Row | np.ndarray) -> np.ndarray:
    """Return the knots of the B-splines: the outer ones four times, (n_knots + 6,)."""
    return np.concatenate([[knots[0]] * 3, knots, [knots[-1]] * 3])


def slopes_of(knots: Row | np.ndarray, bends: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Integrate f'' once: coefficients of f' in quadratic B-splines.

    Parameters
    ----------
    knots : (n_knots,)
    bends : (n_knots, m)           f'' at the knots
    slope : (m,)                   f' at the first knot

    Returns
    -------
    slopes : (n_knots + 1, m)
    """
    full = full_knots(knots)
    steps = (full[4:-2] - full[2:-4]) / 2
    return slope + _running_sum(bends * steps[:, None])


def coefficients_of(knots: Row | np.ndarray, slopes: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Integrate f' once: coefficients of f in cubic B-splines.

    Parameters
    ----------
    knots : (n_knots,)
    slopes : (n_knots + 1, m)      as `slopes_of` gives them
    value : (m,)                   f at the first knot

    Returns
    -------
    coefficients : (n_knots + 2, m)
    """
    full = full_knots(knots)
    steps = (full[4:-1] - full[1:-4]) / 3
    return value + _running_sum(slopes * steps[:, None])


def roughness(knots: Row | np.ndarray, *, adaptive: bool = False) -> np.ndarray:
    """Return R (n_knots, n_knots): the integral of f''^2 is ``bends @ R @ bends``.

    ``adaptive``: each interval counts by its length, as a share of the longest.
    """
    h = np.diff(knots)
    h = h * h / h.max() if adaptive else h
    middle = np.concatenate([[0.0], h]) + np.concatenate([h, [0.0]])
    return np.diag(middle / 3) + np.diag(h / 6, 1) + np.diag(h / 6, -1)


def _running_sum(steps: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros((1, steps.shape[1])), np.cumsum(steps, axis=0)])
