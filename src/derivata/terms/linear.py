"""A numeric column as a straight line: one feature, standardised on the training rows.

    z(x) = (x - m) / s  where x is present,     z(x) = 0  where it is missing,

m and s the weighted mean and standard deviation of the present training cells. A gap counts as the
average, so it does not bend the column's coefficient; what the gap itself says is the business of
the `Missing` term beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.terms.cells import counted_rows, numbers, require_names
from derivata.terms.record import check_keys, text_field
from derivata.terms.standard import Standard


@dataclass(frozen=True)
class Linear:
    """The numeric column ``column`` as one feature."""

    column: str

    def __post_init__(self) -> None:
        require_names(self.column)

    @property
    def columns(self) -> tuple[str, ...]:
        """The name of the column it reads."""
        return (self.column,)

    def fit(
        self, cells: Mapping[str, np.ndarray], weight: np.ndarray | None = None
    ) -> FittedLinear:
        """Learn the weighted mean and standard deviation of the present cells.

        Parameters
        ----------
        cells : mapping                ``cells[column]`` is (n_rows,) float64; NaN = missing
        weight : (n_rows,) or None     non-negative; all ones if None

        Returns
        -------
        fitted : FittedLinear

        Raises
        ------
        InvalidData                    if no cell of positive weight is present
        """
        cells, weight = counted_rows(cells, self.columns, weight)
        standard = Standard.fit(self.column, numbers(cells, self.column), weight)
        return FittedLinear(self.column, standard)


@dataclass(frozen=True)
class FittedLinear:
    """The numeric column ``column``, standardised by ``standard``."""

    column: str
    standard: Standard

    @property
    def columns(self) -> tuple[str, ...]:
        """The name of the column it reads."""
        return (self.column,)

    @property
    def texts(self) -> tuple[str, ...]:
        """None: its cells are numbers."""
        return ()

    @property
    def label(self) -> str:
        """The name of its column."""
        return self.column

    @property
    def names(self) -> tuple[str, ...]:
        """Its one feature's name: the column's."""
        return (self.column,)

    @property
    def parts(self) -> tuple[str, ...]:
        """Its one feature is a straight line."""
        return ("straight",)

    def block(self, cells: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the design block (n_rows, 1) of float64 cells, NaN = missing."""
        return self.standard.standardize(numbers(cells, self.column))[:, None]

    def to_dict(self) -> dict[str, Any]:
        """Return the term as plain JSON types."""
        return {"kind": "linear", "column": self.column, "standard": self.standard.to_dict()}

    @classmethod
    def from_dict(cls, record: Any, where: str = "term") -> FittedLinear:
        """Rebuild what `to_dict` gave; a malformed field raises `ModelFileError`."""
        check_keys(record, ("kind", "column", "standard"), where)
        standard = Standard.from_dict(record["standard"], f"{where}.standard")
        return cls(text_field(record, "column", where), standard)
