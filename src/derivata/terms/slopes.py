"""A number whose slope differs from level to level of a category.

    z_l(row) = s [level is l],     s the standardised number,

one feature a level of the text column, as in `Category`. The penalty pulls the slopes of all levels
to zero alike (random slopes); beside a term for the number alone they are differences from its
common slope. A row has zeros where the number is missing or the level was not there at fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.terms.category import Category, FittedCategory
from derivata.terms.cells import Cells, numbers
from derivata.terms.record import check_keys, flag_field, other_column_field
from derivata.terms.standard import Standard


@dataclass(frozen=True)
class FittedSlopes:
    """A slope of the numeric column ``column`` for each of ``levels``.

    Parameters
    ----------
    column : str                   the numeric one
    standard : Standard            of it
    levels : FittedCategory        of the text column
    number_first : bool            whether the user named the numeric column first
    """

    column: str
    standard: Standard
    levels: FittedCategory
    number_first: bool = True

    @classmethod
    def fit(
        cls, first: str, second: str, text: str, cells: Cells, weight: np.ndarray
    ) -> FittedSlopes:
        """Learn the mean and spread of the number, and the levels.

        Parameters
        ----------
        first, second : str            the columns, as the user ordered them
        text : str                     which of them holds words
        cells : mapping                column name -> (n_rows,)
        weight : (n_rows,)             positive

        Returns
        -------
        fitted : FittedSlopes

        Raises
        ------
        InvalidData                    if the number is nowhere present
        """
        column = second if text == first else first
        standard = Standard.fit(column, numbers(cells, column), weight)
        return cls(column, standard, Category(text).fit(cells, weight), column == first)

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
        """One name a level, ``age×city=Bath``."""
        return tuple(f"{self.column}×{name}" for name in self.levels.names)

    @property
    def parts(self) -> tuple[str, ...]:
        """One penalty for the slopes of all levels."""
        return ("product",) * len(self.names)

    def block(self, cells: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the design block of ``cells``.

        Parameters
        ----------
        cells : mapping                column name -> (n_rows,) float64 or object of str

        Returns
        -------
        block : (n_rows, n_levels)     one entry a row at most
        """
        rows, columns, values = self.entries(cells)
        block = np.zeros((len(cells[self.column]), len(self.names)))
        block[rows, columns] = values
        return block

    def entries(self, cells: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return rows, columns and values of the entries of `block` that are not zero."""
        rows, columns, _ = self.levels.entries(cells)
        values = self.standard.standardize(numbers(cells, self.column))[rows]
        kept = np.flatnonzero(values)
        return rows[kept], columns[kept], values[kept]

    def to_dict(self) -> dict[str, Any]:
        """Return the term as plain JSON types."""
        return {
            "kind": "slopes",
            "column": self.column,
            "standard": self.standard.to_dict(),
            "levels": self.levels.to_dict(),
            "number_first": self.number_first,
        }

    @classmethod
    def from_dict(cls, record: Any, where: str = "term") -> FittedSlopes:
        """Rebuild what `to_dict` gave; a malformed field raises `ModelFileError`."""
        check_keys(record, ("kind", "column", "standard", "levels", "number_first"), where)
        levels = FittedCategory.from_dict(record["levels"], f"{where}.levels")
        return cls(
            other_column_field(record, "column", where, levels.column),
            Standard.from_dict(record["standard"], f"{where}.standard"),
            levels,
            flag_field(record, "number_first", where),
        )
