"""The gaps of a numeric column: 1 where the cell is missing, else 0.

Beside `Linear`, which fills the gap with the mean, its coefficient is how far a row with a gap lies
from an average row: missingness is allowed to mean something instead of being hidden by the fill.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.terms.cells import numbers, require_names
from derivata.terms.record import check_keys, text_field


@dataclass(frozen=True)
class Missing:
    """The gaps of the numeric column ``column`` as one feature."""

    column: str

    def __post_init__(self) -> None:
        require_names(self.column)

    @property
    def columns(self) -> tuple[str, ...]:
        """The name of the column it reads."""
        return (self.column,)

    def fit(
        self, cells: Mapping[str, np.ndarray], weight: np.ndarray | None = None
    ) -> FittedMissing:
        """Return the fitted term; nothing is learnt from ``cells`` or ``weight``."""
        return FittedMissing(self.column)


@dataclass(frozen=True)
class FittedMissing:
    """The indicator of missing cells of the numeric column ``column``."""

    column: str

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
        """The name of its one feature."""
        return self.names[0]

    @property
    def names(self) -> tuple[str, ...]:
        """Its one feature's name, as a category would name its missing level."""
        return (f"{self.column}=(missing)",)

    @property
    def parts(self) -> tuple[str, ...]:
        """Its one feature marks gaps."""
        return ("missing",)

    def block(self, cells: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the design block (n_rows, 1) of float64 cells, NaN = missing."""
        return np.isnan(numbers(cells, self.column)).astype(np.float64)[:, None]

    def to_dict(self) -> dict[str, Any]:
        """Return the term as plain JSON types."""
        return {"kind": "missing", "column": self.column}

    @classmethod
    def from_dict(cls, record: Any, where: str = "term") -> FittedMissing:
        """Rebuild what `to_dict` gave; a malformed field raises `ModelFileError`."""
        check_keys(record, ("kind", "column"), where)
        return cls(text_field(record, "column", where))
