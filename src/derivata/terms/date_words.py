"""Words that are dates, as days and hours.

    2024-03-01  2024/3/1  2024-03-01T14:30  2024-03-01 14:30:05.25Z  01.03.2024  1/3/2024 2:30 pm

ISO 8601, also with slashes; or day and month first with a year of four digits. Whether 1/3/2024 is
in March or in January is decided for a column as a whole (`is_month_first`). Times are those on
the clock where they were written: an offset such as +02:00 is read over.

Words of the commonest spelling, 2024-03-01 with or without 14:30 or 14:30:05, are read together as
arrays of characters: twenty times as fast as one after the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np

_WORD = re.compile(
    r"(?:(?P<year>\d{4})([-/])(?P<month>\d{1,2})\2(?P<day>\d{1,2})"
    r"|(?P<one>\d{1,2})(?P<mark>[-/.])(?P<two>\d{1,2})(?P=mark)(?P<last>\d{4}))"
    r"(?:[T ](?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:[.,]\d+)?))?"
    r"\s?(?P<half>[AaPp][Mm]|Z|[+-]\d{2}:?\d{2})?)?"
)
_EPOCH = date(1970, 1, 1).toordinal()

# Places of the digits of year, month, day, hour, minute and second in 2024-03-01T14:30:05.
_PLACES = ((0, 1, 2, 3), (5, 6), (8, 9), (11, 12), (14, 15), (17, 18))


def is_month_first(words: Iterable[str | None]) -> bool:
    """Return whether the dates with slashes or dashes must be read with the month first.

    So it is if some date has a second number above 12 and none has such a first number; otherwise
    the day is first. Dates with dots have the day first always.
    """
    forced = False
    for word in words:
        if word is None or word[:4].isdecimal():  # the year is first, or it is no date
            continue
        found = _WORD.fullmatch(word)
        if found and found["one"] and found["mark"] != ".":
            if int(found["one"]) > 12:
                return False
            forced = forced or int(found["two"]) > 12
    return forced


def read_dates(
    words: Sequence[str | None], month_first: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read each word.

    Parameters
    ----------
    words : sequence of str        None = missing
    month_first : bool             of dates such as 1/3/2024

    Returns
    -------
    days : (n_words,) float64      whole days since 1970-01-01, a Thursday; NaN if it is no date
    hours : (n_words,) float64     since midnight; 0 if the word has no time
    timed : (n_words,) bool        whether it has
    """
    days, hours, timed = _read_plain(words)
    for i in np.flatnonzero(np.isnan(days)).tolist():
        word = words[i]
        found = _WORD.fullmatch(word) if word is not None else None
        if found is None:
            continue
        if found["year"]:
            year, month, day = found["year"], found["month"], found["day"]
        elif month_first and found["mark"] != ".":
            year, month, day = found["last"], found["one"], found["two"]
        else:
            year, month, day = found["last"], found["two"], found["one"]
        hour = _hours(found) if found["hour"] else 0.0
        try:
            ordinal = date(int(year), int(month), int(day)).toordinal()
        except ValueError:  # the 30th of February
            continue
        if hour is not None:
            days[i], hours[i], timed[i] = ordinal - _EPOCH, hour, found["hour"] is not None
    return days, hours, timed


def _read_plain(words: Sequence[str | None]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read the words of the commonest spelling, as `read_dates` does; the others have NaN days."""
    days, hours = np.full(len(words), np.nan), np.zeros(len(words))
    timed = np.zeros(len(words), bool)
    lengths = np.fromiter((len(word or "") for word in words), np.intp, len(words))
    for length in (10, 16, 19):
        rows = np.flatnonzero(lengths == length)
        if not rows.size:
            continue
        letters = np.array([words[row] for row in rows.tolist()], f"U{length}")
        digits = letters.view(np.uint32).reshape(rows.size, length).astype(np.int64) - ord("0")
        values, plain = [], _has_marks(digits + ord("0"))
        for places in (places for places in _PLACES if places[-1] < length):
            found = digits[:, places]
            plain &= ((found >= 0) & (found <= 9)).all(axis=1)
            values.append(found @ 10 ** np.arange(len(places))[::-1])
        year, month, day, *clock = values
        plain &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
        first = (np.where(plain, (year - 1970) * 12 + month - 1, 0)).astype("datetime64[M]")
        start, end = (one.astype("datetime64[D]").astype(np.int64) for one in (first, first + 1))
        plain &= day <= end - start
        hour, minute, second = [*clock, *[np.zeros(rows.size, np.int64)] * (3 - len(clock))]
        plain &= (hour <= 23) & (minute <= 59) & (second <= 60)
        kept = rows[plain]
        days[kept] = (start + day - 1)[plain]
        hours[kept] = (hour + minute / 60 + second / 3600)[plain]
        timed[kept] = length > 10
    return days, hours, timed


def _has_marks(letters: np.ndarray) -> np.ndarray:
    """Return which rows of ``letters`` have a date's and a time's marks between the digits."""
    dashed = (letters[:, 4] == ord("-")) & (letters[:, 7] == ord("-"))
    if letters.shape[1] == 10:
        return dashed
    spaced = (letters[:, 10] == ord("T")) | (letters[:, 10] == ord(" "))
    return dashed & spaced & (letters[:, 13::3] == ord(":")).all(axis=1)


def _hours(found: re.Match[str]) -> float | None:
    """Return hours since midnight, or None if the clock has no such time."""
    hour, minute = int(found["hour"]), int(found["minute"])
    second = float((found["second"] or "0").replace(",", "."))
    half = (found["half"] or "").lower()
    if half in ("am", "pm"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (half == "pm")
    if hour > 23 or minute > 59 or second >= 61:  # 60 is a leap second
        return None
    return hour + minute / 60 + second / 3600
