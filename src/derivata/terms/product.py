"""Two columns whose effects depend on each other: their product.

==================  ==========================================  ===============
``a`` and ``b``     features                                    fitted term
==================  ==========================================  ===============
two numbers         s_a s_b / scale                             `FittedProduct`
number and words    s_a [b is level l]: a slope a level         `FittedSlopes`
two of words        [a is level k and b is level l]             `FittedPairs`
==================  ==========================================  ===============

s is the standardised column, so a product is what the two do together beyond what each does at the
average of the other. Beside it belong terms for each column alone. The mean row of each block has
square-sum 1, as a category's has, so that penalties mean the same everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.errors import ModelFileError
from derivata.terms.cells import counted_rows, is_text, numbers, require_names
from derivata.terms.pairs import FittedPairs
from derivata.terms.record import check_keys, column_fields, number_field
from derivata.terms.slopes import FittedSlopes
from derivata.terms.standard import Standard


@dataclass(frozen=True)
class Product:
    """The product of the columns ``first`` and ``second``; each may hold numbers or words.

    >>> import numpy as np
    >>> age, city = np.array([20.0, 40.0, 60.0]), np.array(["Bath", "York", "Bath"], object)
    >>> Product("age", "city").fit({"age": age, "city": city}).names
    ('age×city=Bath', 'age×city=York')
    """

    first: str
    second: str

    def __post_init__(self) -> None:
        require_names(self.first, self.second)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns it reads."""
        return (self.first, self.second)

    def fit(
        self, cells: Mapping[str, np.ndarray], weight: np.ndarray | None = None
    ) -> FittedProduct | FittedSlopes | FittedPairs:
        """Learn means, spreads and levels; the cells say which columns are words.

        Parameters
        ----------
        cells : mapping                column name -> (n_rows,) float64 or object of str
        weight : (n_rows,) or None     non-negative; all ones if None

        Returns
        -------
        fitted : FittedProduct, FittedSlopes or FittedPairs

        Raises
        ------
        InvalidData                    if a column is not there or has no cell present
        """
        cells, weight = counted_rows(cells, self.columns, weight)
        texts = [column for column in self.columns if is_text(cells, column)]
        if len(texts) == 2:
            return FittedPairs.fit(self.first, self.second, cells, weight)
        if texts:
            return FittedSlopes.fit(self.first, self.second, texts[0], cells, weight)
        first, second = (
            Standard.fit(column, numbers(cells, column), weight) for column in self.columns
        )
        product = FittedProduct(self.first, self.second, first, second, 1.0)
        square = weight @ product.block(cells)[:, 0] ** 2 / weight.sum()
        scale = float(np.sqrt(square)) if square > 0 else 1.0
        return FittedProduct(self.first, self.second, first, second, scale)


@dataclass(frozen=True)
class FittedProduct:
    """The product of two numeric columns, standardised as ``standards`` say and over ``scale``."""

    first: str
    second: str
    first_standard: Standard
    second_standard: Standard
    scale: float

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
        """Its one feature, ``a×b``."""
        return (f"{self.first}×{self.second}",)

    @property
    def parts(self) -> tuple[str, ...]:
        """Its one feature is a product."""
        return ("product",)

    def block(self, cells: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the design block of ``cells``.

        Parameters
        ----------
        cells : mapping                column name -> (n_rows,) float64; NaN = missing

        Returns
        -------
        block : (n_rows, 1)            zero where a cell is missing
        """
        first = self.first_standard.standardize(numbers(cells, self.first))
        second = self.second_standard.standardize(numbers(cells, self.second))
        return (first * second / self.scale)[:, None]

    def to_dict(self) -> dict[str, Any]:
        """Return the term as plain JSON types."""
        return {
            "kind": "product",
            "first": self.first,
            "second": self.second,
            "first_standard": self.first_standard.to_dict(),
            "second_standard": self.second_standard.to_dict(),
            "scale": self.scale,
        }

    @classmethod
    def from_dict(cls, record: Any, where: str = "term") -> FittedProduct:
        """Rebuild what `to_dict` gave.

        Returns
        -------
        term : FittedProduct

        Raises
        ------
        ModelFileError                 naming the malformed field
        """
        standards = ("first_standard", "second_standard")
        check_keys(record, ("kind", "first", "second", *standards, "scale"), where)
        scale = number_field(record, "scale", where)
        if scale <= 0:
            raise ModelFileError(f"`{where}.scale` is {scale:g}, expected a positive number.")
        first, second = (Standard.from_dict(record[key], f"{where}.{key}") for key in standards)
        return cls(*column_fields(record, ("first", "second"), where), first, second, scale)
