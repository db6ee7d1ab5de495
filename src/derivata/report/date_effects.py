"""The parts of a term of dates, each with cells to draw it at: trend, season, weekday and hour.

A part is drawn with the features of the others left at their average, so any date serves that has
the season, weekday or hour in question.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.terms import FittedDate
from derivata.terms.date import WEEKDAYS, YEAR

POINTS = 61
DAY = 24 * 60  # minutes
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
# Any Monday will do, and any year that begins in January.
MONDAY, NEW_YEAR = np.datetime64("2001-01-01T12:00"), np.datetime64("2001-01-01T00:00")


@dataclass(frozen=True, eq=False)
class DatePart:
    """One part of a date's effect.

    Parameters
    ----------
    name : str                     "trend", "season", "weekday" or "hour"
    parts : tuple of str           the penalty parts it has
    words : array (m,) of str      dates to draw it at
    x : array (m,)                 where they lie on the axis
    axis : str                     what the axis shows
    places : tuple of (float, str) ticks of the axis
    levels : tuple of str          of a weekday; else ()
    """

    name: str
    parts: tuple[str, ...]
    words: Array
    x: Array
    axis: str
    places: tuple[tuple[float, str], ...] = ()
    levels: tuple[str, ...] = ()


def date_parts(term: FittedDate) -> list[DatePart]:
    """The parts that a fitted term has, in order."""
    standard = term.trend.standard
    days = standard.low + np.linspace(0.0, 1.0, POINTS) * standard.span
    start = np.datetime64("1970-01-01T00:00")
    found = [
        DatePart(
            "trend",
            ("straight", "wiggly"),
            _words(start, days),
            days,
            term.column,
            date_ticks(float(days[0]), float(days[-1])),
        )
    ]
    if term.season:
        days = np.linspace(0.0, 364.0, POINTS)
        places = [15.0 + k * YEAR / 12.0 for k in range(12)]
        ticks = tuple((x, month[:1]) for x, month in zip(places, MONTHS, strict=True))
        words = _words(NEW_YEAR, days)
        found.append(DatePart("season", ("season",), words, days, "month of the year", ticks))
    if term.has_weekday:
        days = np.arange(7.0)
        words = _words(MONDAY, days)
        found.append(DatePart("weekday", ("weekday",), words, days, "weekday", levels=WEEKDAYS))
    if term.hour:
        hours = np.linspace(0.0, 24.0, POINTS)[:-1]
        ticks = tuple((float(hour), f"{hour}") for hour in range(0, 25, 4))
        words = _words(NEW_YEAR, hours / 24.0)
        found.append(DatePart("hour", ("hour",), words, hours, "hour of the day", ticks))
    return found


def date_ticks(low: float, high: float, about: int = 5) -> tuple[tuple[float, str], ...]:
    """Round dates between two days since 1970: years, months or days, with their names."""
    for unit, step in (("Y", 1), ("M", 1), ("D", 1)):
        first, last = (
            np.datetime64(int(np.floor(day)), "D").astype(f"datetime64[{unit}]").astype(int)
            for day in (low, high)
        )
        n_units = last - first
        if n_units >= 3 or unit == "D":
            step = max(1, -(-int(n_units) // about))
            stamps = np.arange(first, last + 1, step).astype(f"datetime64[{unit}]")
            days = stamps.astype("datetime64[D]").astype(float)
            inside = (days >= low - 1e-9) & (days <= high + 1e-9)
            return tuple(
                (float(day), str(stamp))
                for day, stamp in zip(days[inside], stamps[inside], strict=True)
            )
    raise AssertionError("days are the last unit")


def _words(start: np.datetime64, days: Array) -> Array:
    """ISO words of a start plus days, to the minute."""
    stamps = start + np.round(days * DAY).astype("timedelta64[m]")
    words = np.empty(len(days), dtype=object)
    words[:] = [str(stamp) for stamp in stamps.astype("datetime64[m]")]
    return words
