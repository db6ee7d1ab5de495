"""A numeric column as it is: one feature, its gaps filled with the training mean.

    z(x) = x  where x is present,     z(x) = m  where it is missing,
    m = sum_i s_i x_i / sum_i s_i     over the present training rows, s the row weights.

A gap filled with the mean adds nothing to the column's covariance with anything, so it does not
bend the column's coefficient; what the gap itself says is the business of the `Missing` term beside
it. The column is not standardised here: the design does that, once for all columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.errors import InvalidData
from derivata.terms.record import check_keys, number_field, text_field


@dataclass(frozen=True)
class Linear:
    """The numeric column ``column``, with ``fill`` where a cell is missing."""

    column: str
    fill: float
    group = "numeric"

    @classmethod
    def fit(cls, column: str, values: np.ndarray, weight: np.ndarray | None = None) -> Linear:
        """Learn the weighted mean of the present cells.

        Parameters
        ----------
        column : str                   its name
        values : (n_rows,) float64     NaN = missing
        weight : (n_rows,) or None     non-negative; all ones if None

        Returns
        -------
        term : Linear

        Raises
        ------
        InvalidData                    if no cell is present, or their weights are all zero
        """
        present = ~np.isnan(values)
        cells = values[present]
        weights = np.ones(cells.size) if weight is None else np.asarray(weight, float)[present]
        total = weights.sum()
        if not total > 0:
            raise InvalidData(
                f"column {column!r} has no cell with a number and a positive weight, so there is "
                "no mean to fill its gaps with. Drop the column."
            )
        # Scaled first: the plain sum of values near 1e308 overflows though their mean does not.
        # By a power of two, which leaves every digit of ordinary numbers as it is.
        scale = 2.0 ** min(int(np.frexp(np.abs(cells).max())[1]), 1023)
        return cls(column, float(weights @ (cells / scale) / total * scale))

    @property
    def names(self) -> tuple[str, ...]:
        """Its one feature's name: the column's."""
        return (self.column,)

    def block(self, values: np.ndarray) -> np.ndarray:
        """Return the design block (n_rows, 1) of ``values`` (n_rows,), NaN = missing."""
        return np.where(np.isnan(values), self.fill, values)[:, None]

    def entries(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return rows, columns and values of the entries of `block` that are not zero."""
        filled = self.block(values)[:, 0]
        rows = np.flatnonzero(filled)
        return rows, np.zeros(rows.size, np.intp), filled[rows]

    def to_dict(self) -> dict[str, Any]:
        """Return the term as plain JSON types."""
        return {"kind": "linear", "column": self.column, "fill": self.fill}

    @classmethod
    def from_dict(cls, record: Any, where: str = "term") -> Linear:
        """Rebuild what `to_dict` gave; a malformed field raises `ModelFileError`."""
        check_keys(record, ("kind", "column", "fill"), where)
        return cls(text_field(record, "column", where), number_field(record, "fill", where))
