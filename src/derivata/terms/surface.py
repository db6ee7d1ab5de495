"""Two columns as a smooth surface, without what each column does alone.

    f(a, b) = beta s_a s_b  +  [s_a Z_b, Z_a s_b, Z_a x Z_b] c

s the standardised ranks of the columns, Z the smoothest bends over them (`RankedCurve`, which says
why ranks), x all products of two columns.
Every factor has mean 0 over the training rows, so the surface leaves the curves of a and b alone to
their own terms: an analysis of variance of smooth functions. One penalty is for the warped plane
s_a s_b ("bilinear"), one for all the rest ("surface"). In the rest, products of rough bends have
less variance than those of smooth ones, as the columns of Z have: so the ridge penalty holds back a
product by the roughness of both its factors. Each part's mean row has square-sum 1.

With one column of words it is a curve a level, `FittedLevelCurves`.

Source: Lee & Durban (2011), Statistical Modelling 11, 49-69 (the split); Wood, Scheipl & Faraway
(2013), Statistics and Computing 23, 341-360 (tensor products of whitened bases, whose penalties are
parts of the identity).
Maths: docs/math/splines.md
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.errors import InvalidData, ModelFileError
from derivata.terms.category import factorize
from derivata.terms.cells import (
    Cells,
    counted_rows,
    is_text,
    numbers,
    require_count,
    require_names,
    words,
)
from derivata.terms.level_curves import FittedLevelCurves
from derivata.terms.ranked import RankedCurve
from derivata.terms.record import check_keys, column_fields, numbers_field

MARGINAL_BASIS = 16
"""Most features of a column: its line and the smoothest bends."""


@dataclass(frozen=True)
class Surface:
    """A smooth function of the columns ``first`` and ``second`` together.

    Parameters
    ----------
    first, second : str            two numeric columns; or one of them of words
    n_basis : int                  dimension of the curves of each column, without the constant: the
                                   line and the ``n_basis - 1`` smoothest bends. A column with few
                                   distinct values, or levels, leaves its part to the other
    """

    first: str
    second: str
    n_basis: int = 5

    def __post_init__(self) -> None:
        require_names(self.first, self.second)
        require_count("n_basis", self.n_basis, 2, MARGINAL_BASIS)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns it reads."""
        return (self.first, self.second)

    def fit(
        self, cells: Mapping[str, np.ndarray], weight: np.ndarray | None = None
    ) -> FittedSurface | FittedLevelCurves:
        """Find the curves of each column, and scale their products.

        Parameters
        ----------
        cells : mapping                column name -> (n_rows,) float64 or object of str
        weight : (n_rows,) or None     non-negative; all ones if None

        Returns
        -------
        fitted : FittedSurface or FittedLevelCurves

        Raises
        ------
        InvalidData                    if both columns hold words, a column has no cell present, or
                                       there are too many levels for a curve each
        """
        cells, weight = counted_rows(cells, self.columns, weight)
        texts = [column for column in self.columns if is_text(cells, column)]
        if len(texts) == 2:
            raise InvalidData(
                f"columns {self.first!r} and {self.second!r} both hold words, of which there is no "
                f"smooth surface. Use `Product({self.first!r}, {self.second!r})`."
            )
        if texts:
            column = self.second if texts[0] == self.first else self.first
            n_levels = len(factorize(words(cells, texts[0]))[1])
            most = int(np.clip(self.n_basis**2 // n_levels, self.n_basis, MARGINAL_BASIS))
            curve = _curve(column, cells, weight, most)
            number_first = column == self.first
            return FittedLevelCurves.fit(column, curve, texts[0], cells, weight, number_first)
        first, second = (_curve(name, cells, weight, self.n_basis) for name in self.columns)
        # What one column cannot use, for want of distinct values, is the other's.
        if first.n_features < self.n_basis:
            most = min(self.n_basis**2 // first.n_features, MARGINAL_BASIS)
            second = _curve(self.second, cells, weight, most)
        elif second.n_features < self.n_basis:
            most = min(self.n_basis**2 // second.n_features, MARGINAL_BASIS)
            first = _curve(self.first, cells, weight, most)
        # The square of a product is the product of squares, so no block is formed.
        left = first.block(numbers(cells, self.first)) ** 2
        right = second.block(numbers(cells, self.second)) ** 2
        bilinear, *surface = ((left.T * weight) @ right / weight.sum()).ravel().tolist()
        scales = _length(bilinear), _length(sum(surface))
        return FittedSurface(self.first, self.second, first, second, scales)


def _length(square: float) -> float:
    """The root of a mean square-sum; 1 for what is zero on all rows."""
    return math.sqrt(square) if square > 0 else 1.0


def _curve(column: str, cells: Cells, weight: np.ndarray, n_features: int) -> RankedCurve:
    """The line and the smoothest bends of a column's ranks, ``n_features`` at most."""
    values = numbers(cells, column)
    return RankedCurve.fit(column, values, weight, MARGINAL_BASIS + 2, n_features - 1)


@dataclass(frozen=True)
class FittedSurface:
    """Products of the curves of two numeric columns.

    Parameters
    ----------
    first, second : str
    first_curve, second_curve : RankedCurve
    scales : two floats            by which the parts "bilinear" and "surface" are divided
    """

    first: str
    second: str
    first_curve: RankedCurve
    second_curve: RankedCurve
    scales: tuple[float, float] = (1.0, 1.0)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns it reads."""
        return (self.first, self.second)

    @property
    def texts(self) -> tuple[str, ...]:
        """None: all cells are numbers."""
        return ()

    @property
    def label(self) -> str:
        """Its columns, "a × b"."""
        return f"{self.first} × {self.second}"

    @property
    def names(self) -> tuple[str, ...]:
        """``a×b`` for the product of the lines, ``a~i×b~j`` for that of bends i and j."""
        first, second = (
            [name, *(f"{name}~{j}" for j in range(1, curve.n_features))]
            for name, curve in ((self.first, self.first_curve), (self.second, self.second_curve))
        )
        return tuple(f"{a}×{b}" for a in first for b in second)

    @property
    def parts(self) -> tuple[str, ...]:
        """One penalty for the product of the lines, one for all the rest."""
        n_features = self.first_curve.n_features * self.second_curve.n_features
        return ("bilinear", *("surface",) * (n_features - 1))

    def block(self, cells: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the design block of ``cells``.

        Parameters
        ----------
        cells : mapping                column name -> (n_rows,) float64; NaN = missing

        Returns
        -------
        block : (n_rows, n_features)   zeros where a cell is missing
        """
        first = self.first_curve.block(numbers(cells, self.first))
        second = self.second_curve.block(numbers(cells, self.second))
        bilinear, surface = self.scales
        second = second / surface
        block = (first[:, :, None] * second[:, None, :]).reshape(len(first), len(self.parts))
        block[:, 0] *= surface / bilinear
        return block

    def to_dict(self) -> dict[str, Any]:
        """Return the term as plain JSON types."""
        return {
            "kind": "surface",
            "first": self.first,
            "second": self.second,
            "first_curve": self.first_curve.to_dict(),
            "second_curve": self.second_curve.to_dict(),
            "scales": list(self.scales),
        }

    @classmethod
    def from_dict(cls, record: Any, where: str = "term") -> FittedSurface:
        """Rebuild what `to_dict` gave.

        Returns
        -------
        term : FittedSurface

        Raises
        ------
        ModelFileError                 naming the malformed field
        """
        curves = ("first_curve", "second_curve")
        check_keys(record, ("kind", "first", "second", *curves, "scales"), where)
        bilinear, surface = numbers_field(record, "scales", where, 2)
        if not (bilinear > 0 and surface > 0):
            raise ModelFileError(f"`{where}.scales` are not both positive.")
        first, second = (RankedCurve.from_dict(record[key], f"{where}.{key}") for key in curves)
        names = column_fields(record, ("first", "second"), where)
        return cls(*names, first, second, (bilinear, surface))
