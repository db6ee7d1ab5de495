"""A number whose curve differs from level to level of a category.

    f(row) = sum_l [level is l] (b_l s + Z c_l),

s and Z the straight line and the smoothest bends of the number over its ranks (`RankedCurve`), the
same for all levels. One penalty pulls the slopes of all levels to zero ("slopes"), one all their
bends ("curves"); beside a term for the number alone they are differences from its common curve. A
row has zeros where the number is missing or the level was not there at fit.

Maths: docs/math/splines.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.errors import InvalidData
from derivata.terms.category import Category, FittedCategory, factorize
from derivata.terms.cells import Cells, numbers, words
from derivata.terms.ranked import RankedCurve
from derivata.terms.record import check_keys, flag_field, other_column_field

MAX_CURVES = 50
"""Levels that may have a curve of their own."""


@dataclass(frozen=True)
class FittedLevelCurves:
    """A curve of the numeric column ``column`` for each of ``levels``.

    Parameters
    ----------
    column : str                   the numeric one
    curve : RankedCurve            of it
    levels : FittedCategory        of the text column
    number_first : bool            whether the user named the numeric column first
    """

    column: str
    curve: RankedCurve
    levels: FittedCategory
    number_first: bool = True

    @classmethod
    def fit(
        cls,
        column: str,
        curve: RankedCurve,
        text: str,
        cells: Cells,
        weight: np.ndarray,
        number_first: bool = True,
    ) -> FittedLevelCurves:
        """Learn the levels.

        Parameters
        ----------
        column : str                   the numeric one
        curve : RankedCurve            of it
        text : str                     the column of words
        cells : mapping                column name -> (n_rows,)
        weight : (n_rows,)             positive
        number_first : bool            whether the user named the numeric column first

        Returns
        -------
        fitted : FittedLevelCurves

        Raises
        ------
        InvalidData                    if there are more than `MAX_CURVES` levels
        """
        n_levels = len(factorize(words(cells, text))[1])
        if n_levels > MAX_CURVES:
            raise InvalidData(
                f"column {text!r} has {n_levels:,} levels, and a surface gives a curve to at most "
                f"{MAX_CURVES}. Group its levels, or use `Product({column!r}, {text!r})`: a slope "
                "a level."
            )
        return cls(column, curve, Category(text).fit(cells, weight), number_first)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns it reads."""
        both = (self.column, self.levels.column)
        return both if self.number_first else both[::-1]

    @property
    def texts(self) -> tuple[str, ...]:
        """The column of the levels."""
        return self.levels.columns

    @property
    def label(self) -> str:
        """Its columns, "age × city"."""
        return " × ".join(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """``age×city=Bath`` for a level's slope, ``age~1×city=Bath`` and so on for its bends."""
        numbers = [self.column, *(f"{self.column}~{j}" for j in range(1, self.curve.n_features))]
        return tuple(f"{number}×{name}" for number in numbers for name in self.levels.names)

    @property
    def parts(self) -> tuple[str, ...]:
        """One penalty for the slopes of all levels, one for all their bends."""
        n_levels = len(self.levels.names)
        return ("slopes",) * n_levels + ("curves",) * (n_levels * self.curve.n_bends)

    def block(self, cells: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the design block of ``cells``.

        Parameters
        ----------
        cells : mapping                column name -> (n_rows,) float64 or object of str

        Returns
        -------
        block : (n_rows, n_features)   of each row, the features of its level alone are not zero
        """
        curve = self.curve.block(numbers(cells, self.column))
        rows, levels, _ = self.levels.entries(cells)
        block = np.zeros((len(curve), curve.shape[1], len(self.levels.names)))
        block[rows, :, levels] = curve[rows]
        return block.reshape(len(curve), len(self.names))

    def to_dict(self) -> dict[str, Any]:
        """Return the term as plain JSON types."""
        return {
            "kind": "level_curves",
            "column": self.column,
            "curve": self.curve.to_dict(),
            "levels": self.levels.to_dict(),
            "number_first": self.number_first,
        }

    @classmethod
    def from_dict(cls, record: Any, where: str = "term") -> FittedLevelCurves:
        """Rebuild what `to_dict` gave; a malformed field raises `ModelFileError`."""
        check_keys(record, ("kind", "column", "curve", "levels", "number_first"), where)
        levels = FittedCategory.from_dict(record["levels"], f"{where}.levels")
        return cls(
            other_column_field(record, "column", where, levels.column),
            RankedCurve.from_dict(record["curve"], f"{where}.curve"),
            levels,
            flag_field(record, "number_first", where),
        )
