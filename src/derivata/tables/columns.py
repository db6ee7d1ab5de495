"""A named column of a table: numbers, or words.

    numeric   float64, NaN = missing
    text      object array of str, None = missing
    date      text whose every present cell is a date

Whole numbers are kept exactly up to 2^53; what is beyond is rounded to the nearest float, and said.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from derivata.errors import TableWarning, warn

MISSING_WORDS = frozenset(
    ["", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "None", "?", "-", "."]
)
"""Cells of a file that are read as missing, in numeric and text columns alike."""

# ISO 8601, also with slashes; and day or month first with a year of four digits.
_DATE = re.compile(
    r"(\d{4}([-/])\d{1,2}\2\d{1,2}|\d{1,2}([-/.])\d{1,2}\3\d{4})"
    r"([T ]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s?([AaPp][Mm]|Z|[+-]\d{2}:?\d{2})?)?"
)


@dataclass(frozen=True, eq=False)
class Column:
    """A column of a table.

    Parameters
    ----------
    name : str
    values : (n_rows,)             float64 (NaN = missing) or object of str (None = missing)
    is_date : bool                 the words are dates
    """

    name: str
    values: np.ndarray
    is_date: bool = False

    @property
    def kind(self) -> str:
        """``"numeric"``, ``"text"`` or ``"date"``."""
        if self.is_date:
            return "date"
        return "numeric" if self.values.dtype == np.float64 else "text"

    @property
    def missing(self) -> np.ndarray:
        """Which cells are missing, (n_rows,) bool."""
        if self.values.dtype == np.float64:
            return np.isnan(self.values)
        return np.fromiter((cell is None for cell in self.values), bool, len(self.values))

    def take(self, rows: np.ndarray) -> Column:
        """Return the column with only ``rows``: an index or bool array."""
        return replace(self, values=self.values[rows])

    def as_text(self) -> Column:
        """Return the column as text: 2.5 as "2.5", 3.0 as "3", each in its shortest spelling."""
        if self.values.dtype != np.float64:
            return self
        numbers, codes = np.unique(self.values, return_inverse=True)
        words = [None if x != x else repr(x).removesuffix(".0") for x in numbers.tolist()]
        return text_column(self.name, codes, words)


def text_column(name: str, codes: np.ndarray, words: Sequence[str | None]) -> Column:
    """Make a text or date column of distinct words and the code of each cell.

    Blanks around a word are dropped. A column of nothing but true and false is spelled so, however
    its writer did, since pandas, R and polars each spell them in their own way.

    Parameters
    ----------
    name : str
    codes : (n_rows,) int          position in ``words``
    words : sequence of str        None = missing

    Returns
    -------
    column : Column
    """
    levels = [word if word is None else word.strip() for word in words]
    present = [word for word in levels if word is not None]
    if present and {word.lower() for word in present} <= {"true", "false"}:
        levels = [word if word is None else word.lower() for word in levels]
    lookup = np.empty(len(levels), object)
    lookup[:] = levels
    is_date = bool(present) and all(map(_DATE.fullmatch, present))
    return Column(name, lookup[codes], is_date)


def warn_of_rounded_integers(columns: Iterable[Column]) -> None:
    """Warn of columns of whole numbers that float64 can no longer tell apart: from 2^53 on."""
    names = []
    for column in columns:
        if column.kind == "numeric" and column.values.size:
            top = np.fmax.reduce(np.abs(column.values))
            # Beyond 2^64 it is no integer type's value but a measurement such as 6e23.
            if 2.0**53 <= top < 2.0**64 and not np.any(column.values % 1 > 0):
                names.append(column.name)
    if names:
        warn(
            f"{quote_names(names)}: whole numbers of 2^53 = 9007199254740992 and more are rounded "
            "to the nearest float, so neighbours become equal. Drop it if it is an identifier.",
            TableWarning,
        )


def quote_names(names: Sequence[str], most: int = 8) -> str:
    """Return ``column 'a'`` or ``columns 'a', 'b' and 3 more``, for messages."""
    shown = ", ".join(repr(name) for name in names[:most])
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"column{'s' if len(names) > 1 else ''} {shown}{more}"


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return a sentence with the nearest of ``names``, or what there is."""
    names = list(names)
    folded = {candidate.casefold(): candidate for candidate in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    if near:
        return f"Did you mean {folded[near[0]]!r}?"
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"There are: {', '.join(map(repr, names[:12]))}{more}."
