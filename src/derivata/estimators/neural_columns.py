"""A column as a network reads it: numbers of order one, and codes of the levels of categories.

    number      u = (x - middle) / spread,   z = u / sqrt(1 + (u / 3)^2),
                middle and spread the mean and standard deviation without the outermost cells;
                and, where cells were missing at fit, 1 for a gap; a gap itself is z = 0
    category    one 0/1 number a level up to `MOST_ONE_HOT` levels, else a code to be embedded
    date        its trend, season, weekday and hour, as `derivata.terms.date` has them

Middle and spread do not feel outliers, and z lies in (-3, 3) whatever comes at predict. A level
never seen at fit has zeros. (Quartiles instead were tried: a column that is zero in most rows has
none.)

Source of scaling and clipping: Holzmueller, Grinsztajn & Steinwart (2024), NeurIPS, section 3 and
appendix A.

Maths: docs/math/networks.md
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from derivata.contracts import Array
from derivata.errors import ModelFileError
from derivata.tables.columns import Column
from derivata.terms import Category, Date, FittedCategory, FittedDate
from derivata.terms.record import check_keys, flag_field, number_field, text_field

# Categories of more levels are embedded, each level as so many numbers.
MOST_ONE_HOT, EMBEDDING_WIDTH = 10, 8
# Where the smooth clip ends.
LARGEST_INPUT = 3.0
# Share of cells left out at each end for the scale, one at least of so many.
ENDS, FEWEST_TRIMMED = 0.005, 10
# A spread of so many times the distance of the quartiles is not that of the middle cells; and that
# distance for normal cells of spread one.
WIDEST, QUARTILES = 100.0, 1.349


class InputColumn(Protocol):
    """What becomes of one column: numbers, and perhaps a code."""

    @property
    def column(self) -> str:
        """The name of the column."""
        ...

    @property
    def n_numbers(self) -> int:
        """Numbers it gives; 0 if it gives a code."""
        ...

    @property
    def n_levels(self) -> int:
        """Codes it has, with that of the unseen; 0 if it gives numbers."""
        ...

    def numbers(self, cells: Array) -> Array:
        """Numbers (n, m) of its cells; m may be 0."""
        ...

    def codes(self, cells: Array) -> Array:
        """Codes (n,) of its cells, if it has any."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        ...


@dataclass(frozen=True)
class ScaledNumber:
    """A column of numbers, scaled by its middle cells and smoothly clipped.

    Parameters
    ----------
    column : str
    middle : float                 the mean of the cells but the outermost
    spread : float                 their standard deviation
    has_gaps : bool                cells were missing at fit
    """

    column: str
    middle: float
    spread: float
    has_gaps: bool = False

    n_levels = 0

    @property
    def n_numbers(self) -> int:
        """One, or two with the indicator of gaps."""
        return 1 + self.has_gaps

    @classmethod
    def fit(cls, column: Column) -> ScaledNumber:
        """Learn from the cells that are there."""
        present = np.sort(column.values[~np.isnan(column.values)])
        has_gaps = len(present) < len(column.values)
        # By the largest, so that squares neither overflow nor vanish.
        size = float(np.abs(present).max()) or 1.0
        unit = present / size
        first, median, third = np.quantile(unit, [0.25, 0.5, 0.75])
        inner = _without_ends(unit)
        middle, spread = float(inner.mean()), float(inner.std())
        if 0.0 < third - first < spread / WIDEST:  # outliers by the dozen
            middle, spread = float(median), float(third - first) / QUARTILES
        if spread == 0.0:
            middle, spread = float(unit.mean()), float(unit.std()) or 1.0
        return cls(column.name, middle * size, spread * size, has_gaps)

    def numbers(self, cells: Array) -> Array:
        """z (n, 1), or z and the indicator of gaps (n, 2)."""
        gaps = np.isnan(cells)
        with np.errstate(over="ignore"):
            scaled = (cells - self.middle) / self.spread
            clipped = np.clip(scaled, -1e300, 1e300)
        clipped = clipped / np.hypot(1.0, clipped / LARGEST_INPUT)
        clipped[gaps] = 0.0
        return np.column_stack([clipped, gaps]) if self.has_gaps else clipped[:, None]

    def codes(self, cells: Array) -> Array:
        """None: numbers have no codes."""
        return np.zeros((len(cells), 0), np.int32)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return {"kind": "number", **asdict(self)}

    @classmethod
    def from_dict(cls, record: Any, where: str) -> ScaledNumber:
        """Rebuild what `to_dict` gave; a malformed field raises `ModelFileError`."""
        check_keys(record, ("kind", "column", "middle", "spread", "has_gaps"), where)
        spread = number_field(record, "spread", where)
        if spread <= 0:
            raise ModelFileError(f"`{where}.spread` is {spread}, expected a positive number.")
        middle = number_field(record, "middle", where)
        return cls(
            text_field(record, "column", where),
            middle,
            spread,
            flag_field(record, "has_gaps", where),
        )


@dataclass(frozen=True)
class OneHot:
    """A column of words as one 0/1 number a level."""

    term: FittedCategory

    n_levels = 0

    @property
    def n_numbers(self) -> int:
        """One a level."""
        return len(self.term.names)

    @property
    def column(self) -> str:
        """The name of the column."""
        return self.term.column

    def numbers(self, cells: Array) -> Array:
        """Zeros and ones (n, levels)."""
        return self.term.block({self.column: cells})

    def codes(self, cells: Array) -> Array:
        """None."""
        return np.zeros((len(cells), 0), np.int32)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return {"kind": "one_hot", "term": self.term.to_dict()}


@dataclass(frozen=True)
class Embedded:
    """A column of words as a code a level, the last one for what was never seen."""

    term: FittedCategory

    n_numbers = 0

    @property
    def column(self) -> str:
        """The name of the column."""
        return self.term.column

    @property
    def n_levels(self) -> int:
        """Levels, and one more."""
        return len(self.term.names) + 1

    def numbers(self, cells: Array) -> Array:
        """None."""
        return np.zeros((len(cells), 0))

    def codes(self, cells: Array) -> Array:
        """The level of each cell, (n, 1)."""
        rows, columns, _ = self.term.entries({self.column: cells})
        codes = np.full((len(cells), 1), self.n_levels - 1, np.int32)
        codes[rows, 0] = columns
        return codes

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return {"kind": "embedded", "term": self.term.to_dict()}


@dataclass(frozen=True)
class Dated:
    """A column of dates as its trend, season, weekday and hour."""

    term: FittedDate

    n_levels = 0

    @property
    def n_numbers(self) -> int:
        """One a feature of the date."""
        return len(self.term.names)

    @property
    def column(self) -> str:
        """The name of the column."""
        return self.term.column

    def numbers(self, cells: Array) -> Array:
        """The features of the date (n, m), smoothly clipped."""
        block = self.term.block({self.column: cells})
        return block / np.hypot(1.0, block / LARGEST_INPUT)

    def codes(self, cells: Array) -> Array:
        """None."""
        return np.zeros((len(cells), 0), np.int32)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return {"kind": "date", "term": self.term.to_dict()}


def fitted_column(column: Column, cells: dict[str, Array]) -> InputColumn:
    """What a column becomes, fitted to its cells."""
    if column.kind == "numeric":
        return ScaledNumber.fit(column)
    if column.kind == "date":
        return Dated(Date(column.name).fit(cells))
    term = Category(column.name).fit(cells)
    return OneHot(term) if len(term.names) <= MOST_ONE_HOT else Embedded(term)


def column_from(record: Any, where: str) -> InputColumn:
    """Rebuild what ``to_dict`` of any of them gave; a damaged record raises ``ModelFileError``."""
    kind = record.get("kind") if isinstance(record, dict) else None
    if kind == "number":
        return ScaledNumber.from_dict(record, where)
    if kind not in ("one_hot", "embedded", "date"):
        raise ModelFileError(
            f"`{where}.kind` is {kind!r}, expected number, one_hot, embedded or date. The model "
            "file is damaged or was written by a newer version of derivata."
        )
    check_keys(record, ("kind", "term"), where)
    if kind == "date":
        return Dated(FittedDate.from_dict(record["term"], f"{where}.term"))
    term = FittedCategory.from_dict(record["term"], f"{where}.term")
    return OneHot(term) if kind == "one_hot" else Embedded(term)


def _without_ends(ordered: Array) -> Array:
    n_left = 0 if len(ordered) <= FEWEST_TRIMMED else max(int(ENDS * len(ordered)), 1)
    return ordered[n_left : len(ordered) - n_left]
