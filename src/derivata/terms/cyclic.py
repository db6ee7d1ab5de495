"""A numeric column that goes round: hour of the day, day of the year, direction of the wind.

    f(x) = Z(x) c,     f(x + period) = f(x),     penalty  alpha |c|^2 ~ int f''(x)^2 dx

over one period; see `PeriodicSplines`. There is no straight line that closes, so all of it is one
part, "wiggly".

Source: Wood (2017), Generalized Additive Models, 2nd ed., section 5.3.2.
Maths: docs/math/splines.md
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.errors import InvalidParameter
from derivata.terms.cells import counted_rows, numbers, require_count, require_names
from derivata.terms.periodic import LEAST_BASIS, PeriodicSplines
from derivata.terms.record import check_keys, text_field


@dataclass(frozen=True)
class Cyclic:
    """A smooth curve of the numeric column ``column`` that repeats after ``period``.

    Parameters
    ----------
    column : str
    period : float                 in the units of the column: 24 for hours, 365.2425 for days
    start : float                  where a period begins; it changes knots, hardly the curve
    n_basis : int                  knots a period

    >>> import numpy as np
    >>> hours = np.arange(0.0, 48.0)
    >>> fitted = Cyclic("hour", 24, n_basis=4).fit({"hour": hours})
    >>> fitted.names
    ('hour~24~1', 'hour~24~2', 'hour~24~3')
    >>> block = fitted.block({"hour": hours})
    >>> bool(np.allclose(block[:24], block[24:]))
    True
    """

    column: str
    period: float
    start: float = 0.0
    n_basis: int = 10

    def __post_init__(self) -> None:
        require_names(self.column)
        require_count("n_basis", self.n_basis, LEAST_BASIS, 200)
        if not _is_number(self.period) or not self.period > 0:
            raise InvalidParameter(
                f"`period` is {self.period!r}, expected a positive number in the units of "
                f"column {self.column!r}."
            )
        if not _is_number(self.start):
            raise InvalidParameter(f"`start` is {self.start!r}, expected a finite number.")

    @property
    def columns(self) -> tuple[str, ...]:
        """The name of the column it reads."""
        return (self.column,)

    def fit(
        self, cells: Mapping[str, np.ndarray], weight: np.ndarray | None = None
    ) -> FittedCyclic:
        """Whiten the periodic splines over the training rows.

        Parameters
        ----------
        cells : mapping                ``cells[column]`` is (n_rows,) float64; NaN = missing
        weight : (n_rows,) or None     non-negative; all ones if None

        Returns
        -------
        fitted : FittedCyclic

        Raises
        ------
        InvalidData                    if all cells are at one place in the period
        """
        cells, weight = counted_rows(cells, self.columns, weight)
        values = numbers(cells, self.column)
        period, start = float(self.period), float(self.start)
        splines = PeriodicSplines.fit(self.column, values, weight, period, start, self.n_basis)
        return FittedCyclic(self.column, splines)


@dataclass(frozen=True)
class FittedCyclic:
    """The repeating curve of the numeric column ``column``."""

    column: str
    splines: PeriodicSplines

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
        """Its column and the period, "hour (every 24)"."""
        return f"{self.column} (every {self._period})"

    @property
    def names(self) -> tuple[str, ...]:
        """``column~period~1`` and so on: one column may have several periods, and a trend."""
        numbers = range(1, self.splines.n_splines + 1)
        return tuple(f"{self.column}~{self._period}~{j}" for j in numbers)

    @property
    def parts(self) -> tuple[str, ...]:
        """One penalty for all."""
        return ("wiggly",) * self.splines.n_splines

    @property
    def _period(self) -> str:
        return repr(self.splines.period).removesuffix(".0")

    def block(self, cells: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the design block of ``cells``.

        Parameters
        ----------
        cells : mapping                ``cells[column]`` is (n_rows,) float64; NaN = missing

        Returns
        -------
        block : (n_rows, n_features)   zeros, which is the average, where a cell is missing
        """
        return self.splines.block(numbers(cells, self.column))

    def to_dict(self) -> dict[str, Any]:
        """Return the term as plain JSON types."""
        return {"kind": "cyclic", "column": self.column, "splines": self.splines.to_dict()}

    @classmethod
    def from_dict(cls, record: Any, where: str = "term") -> FittedCyclic:
        """Rebuild what `to_dict` gave; a malformed field raises `ModelFileError`."""
        check_keys(record, ("kind", "column", "splines"), where)
        splines = PeriodicSplines.from_dict(record["splines"], f"{where}.splines")
        return cls(text_field(record, "column", where), splines)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return False
    return math.isfinite(value)
