"""The gaps of a numeric column: 1 where the cell is missing, else 0.

Beside `Linear`, which fills the gap with the mean, its coefficient is how far a row with a gap lies
from an average row: missingness is allowed to mean something instead of being hidden by the fill.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.terms.record import check_keys, text_field


@dataclass(frozen=True)
class Missing:
    """The indicator of missing cells of the numeric column ``column``."""

    column: str
    group = "missing"

    @classmethod
    def fit(cls, column: str, values: np.ndarray, weight: np.ndarray | None = None) -> Missing:
        """Return the term; nothing is learnt from ``values`` or ``weight``."""
        return cls(column)

    @property
    def names(self) -> tuple[str, ...]:
        """Its one feature's name, as a category would name its missing level."""
        return (f"{self.column}=(missing)",)

    def block(self, values: np.ndarray) -> np.ndarray:
        """Return the design block (n_rows, 1) of ``values`` (n_rows,), NaN = missing."""
        return np.isnan(values).astype(np.float64)[:, None]

    def entries(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return rows, columns and values of the entries of `block` that are not zero."""
        rows = np.flatnonzero(np.isnan(values))
        return rows, np.zeros(rows.size, np.intp), np.ones(rows.size)

    def to_dict(self) -> dict[str, Any]:
        """Return the term as plain JSON types."""
        return {"kind": "missing", "column": self.column}

    @classmethod
    def from_dict(cls, record: Any, where: str = "term") -> Missing:
        """Rebuild what `to_dict` gave; a malformed field raises `ModelFileError`."""
        check_keys(record, ("kind", "column"), where)
        return cls(text_field(record, "column", where))
