"""A text column of dates: its trend, the season of the year, the weekday and the hour.

    f(t) = b s(t) + Z(t) c  +  season(t mod 365.2425 days)  +  w_(weekday of t)  +  hour(t mod 24 h)

========================  ======================  =================================================
part                      as in                   there if
========================  ======================  =================================================
"straight", "wiggly"      `Curve`, in days        always; bends if there are 4 distinct times
"season"                  `PeriodicSplines`       the training rows span more than a year and a half
"weekday"                 `Category`, 7 features  the training rows fall on two weekdays or more
"hour"                    `PeriodicSplines`       the words have times of day, and they differ
========================  ======================  =================================================

Beyond the training rows the trend goes on as a straight line and the rest repeats. A cell that is
missing or no date has zeros: the average of all but the weekday.

Maths: docs/math/splines.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.errors import InvalidData, TableWarning, warn
from derivata.terms.category import factorize
from derivata.terms.cells import counted_rows, require_count, require_names, words
from derivata.terms.curve import Curve
from derivata.terms.date_words import is_month_first, read_dates
from derivata.terms.periodic import PeriodicSplines
from derivata.terms.record import check_keys, flag_field, text_field

YEAR = 365.2425
"""Days of a year of the Gregorian calendar, on average."""

LEAST_SPAN = 1.5 * YEAR
"""Days that the training rows must span for a season to be told from a trend."""

N_SEASON, N_HOUR = 10, 10
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Date:
    """The dates of the text column ``column``.

    Parameters
    ----------
    column : str
    n_basis : int                  of the trend, as in `Spline`

    >>> import numpy as np
    >>> when = np.array(["2024-03-01", "2024-03-02", "2024-03-04", None], object)
    >>> fitted = Date("when").fit({"when": when})
    >>> fitted.names[:3]
    ('when', 'when=Monday', 'when=Tuesday')
    >>> fitted.block({"when": when}).round(2)[:, :2]
    array([[-1.07,  0.  ],
           [-0.27,  0.  ],
           [ 1.34,  1.  ],
           [ 0.  ,  0.  ]])
    """

    column: str
    n_basis: int = 12

    def __post_init__(self) -> None:
        require_names(self.column)
        require_count("n_basis", self.n_basis, 4, 200)

    @property
    def columns(self) -> tuple[str, ...]:
        """The name of the column it reads."""
        return (self.column,)

    def fit(self, cells: Mapping[str, np.ndarray], weight: np.ndarray | None = None) -> FittedDate:
        """Read the dates, and find which parts they have.

        Parameters
        ----------
        cells : mapping                ``cells[column]`` is (n_rows,) object of str; None = missing
        weight : (n_rows,) or None     non-negative; all ones if None

        Returns
        -------
        fitted : FittedDate

        Raises
        ------
        InvalidData                    if fewer than two cells are different dates
        """
        cells, weight = counted_rows(cells, self.columns, weight)
        values = words(cells, self.column)
        month_first = is_month_first(factorize(values)[1])
        days, hours, timed = _read(values, month_first)
        present = ~np.isnan(days)
        time = days + hours / 24
        if np.unique(time[present]).size < 2:
            raise InvalidData(
                f"column {self.column!r} holds {present.sum():,} dates among {present.size:,} "
                "cells, and two that differ are needed. Dates look like 2024-03-01, 1/3/2024 or "
                "01.03.2024 14:30. Drop the term."
            )
        trend = Curve.fit(self.column, time, weight, self.n_basis)
        season = hour = None
        if trend.standard.span > LEAST_SPAN:
            season = PeriodicSplines.fit(self.column, time, weight, YEAR, 0.0, N_SEASON)
        clock = np.where(timed, hours, np.nan)
        if np.unique(clock[timed & present]).size > 1:
            hour = PeriodicSplines.fit(self.column, clock, weight, 24.0, 0.0, N_HOUR)
        has_weekday = np.unique(_weekday(days[present])).size > 1
        return FittedDate(self.column, month_first, trend, season, has_weekday, hour)


@dataclass(frozen=True)
class FittedDate:
    """The parts of the dates in the text column ``column``.

    Parameters
    ----------
    column : str
    month_first : bool             1/3/2024 is in January
    trend : Curve                  of days since 1970-01-01
    season : PeriodicSplines or None
    has_weekday : bool
    hour : PeriodicSplines or None
    """

    column: str
    month_first: bool
    trend: Curve
    season: PeriodicSplines | None
    has_weekday: bool
    hour: PeriodicSplines | None

    @property
    def columns(self) -> tuple[str, ...]:
        """The name of the column it reads."""
        return (self.column,)

    @property
    def texts(self) -> tuple[str, ...]:
        """Its column: dates are words."""
        return (self.column,)

    @property
    def label(self) -> str:
        """The name of its column."""
        return self.column

    @property
    def names(self) -> tuple[str, ...]:
        """``when``, ``when~1``, ``when~season1``, ``when=Monday``, ``when~hour1`` and so on."""
        ends = ["", *(f"~{j}" for j in range(1, self.trend.n_features))]
        for name, splines in (("season", self.season), ("hour", self.hour)):
            n_splines = splines.n_splines if splines else 0
            ends += [f"~{name}{j}" for j in range(1, n_splines + 1)]
            if name == "season" and self.has_weekday:
                ends += [f"={weekday}" for weekday in WEEKDAYS]
        return tuple(f"{self.column}{end}" for end in ends)

    @property
    def parts(self) -> tuple[str, ...]:
        """One penalty each for trend, bends of the trend, season, weekday and hour."""
        return (
            "straight",
            *("wiggly",) * self.trend.splines.n_splines,
            *("season",) * (self.season.n_splines if self.season else 0),
            *("weekday",) * (len(WEEKDAYS) * self.has_weekday),
            *("hour",) * (self.hour.n_splines if self.hour else 0),
        )

    def block(self, cells: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the design block of ``cells``.

        A cell that is no date has zeros, and one `TableWarning` names such cells.

        Parameters
        ----------
        cells : mapping                ``cells[column]`` is (n_rows,) object of str; None = missing

        Returns
        -------
        block : (n_rows, n_features)
        """
        values = words(cells, self.column)
        days, hours, timed = _read(values, self.month_first)
        _warn_of_unreadable(self.column, values, days)
        time = days + hours / 24
        parts = [self.trend.block(time)]
        if self.season:
            parts.append(self.season.block(time))
        if self.has_weekday:
            parts.append((_weekday(days)[:, None] == np.arange(len(WEEKDAYS))).astype(np.float64))
        if self.hour:
            parts.append(self.hour.block(np.where(timed, hours, np.nan)))
        return np.hstack(parts)

    def to_dict(self) -> dict[str, Any]:
        """Return the term as plain JSON types."""
        return {
            "kind": "date",
            "column": self.column,
            "month_first": self.month_first,
            "trend": self.trend.to_dict(),
            "season": self.season.to_dict() if self.season else None,
            "has_weekday": self.has_weekday,
            "hour": self.hour.to_dict() if self.hour else None,
        }

    @classmethod
    def from_dict(cls, record: Any, where: str = "term") -> FittedDate:
        """Rebuild what `to_dict` gave; a malformed field raises `ModelFileError`."""
        keys = ("kind", "column", "month_first", "trend", "season", "has_weekday", "hour")
        check_keys(record, keys, where)
        season, hour = (
            PeriodicSplines.from_dict(record[key], f"{where}.{key}")
            if record[key] is not None
            else None
            for key in ("season", "hour")
        )
        return cls(
            text_field(record, "column", where),
            flag_field(record, "month_first", where),
            Curve.from_dict(record["trend"], f"{where}.trend"),
            season,
            flag_field(record, "has_weekday", where),
            hour,
        )


def _read(values: np.ndarray, month_first: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return days, hours and whether there is a time, each (n_rows,), of the cells."""
    codes, distinct = factorize(values)
    days, hours, timed = read_dates(distinct, month_first)
    return days[codes], hours[codes], timed[codes]


def _weekday(days: np.ndarray) -> np.ndarray:
    """Return 0 for a Monday to 6 for a Sunday; NaN stays."""
    return np.mod(days + 3, 7)


def _warn_of_unreadable(column: str, values: np.ndarray, days: np.ndarray) -> None:
    rows = [row for row in np.flatnonzero(np.isnan(days)) if values[row] is not None]
    if rows:
        shown = ", ".join(repr(word) for word in dict.fromkeys(values[row] for row in rows[:5]))
        warn(
            f"column {column!r} holds words that are no dates, such as {shown}, in {len(rows):,} "
            f"of {len(values):,} rows; they count as missing. Dates look like 2024-03-01, "
            "1/3/2024 or 01.03.2024 14:30.",
            TableWarning,
        )
