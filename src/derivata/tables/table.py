"""Tables: named columns of one length, from a file, a data frame or an array.

    table = read_table("houses.csv")        text of any usual delimiter, encoding and line ending,
                                            plain or gzip; Parquet if pyarrow is installed
    table = table_from_frame(frame)         pandas, polars, pyarrow, a 2-D array

A table remembers the line each row came from, so that a later complaint names the line that the
user sees in an editor. How words become numbers is told in `column_parser`, and what a file may not
be in `table_bytes`.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from derivata.errors import InvalidParameter, ShapeMismatch, TableError
from derivata.lazy import lazy
from derivata.tables.column_parser import ParseRules, parse_columns
from derivata.tables.columns import (
    MISSING_WORDS,
    Column,
    did_you_mean,
    quote_names,
    warn_of_rounded_integers,
)
from derivata.tables.csv_reader import open_csv
from derivata.tables.frame_reader import array_columns, frame_columns, parquet_columns
from derivata.tables.table_bytes import open_binary, read_text_bytes

__all__ = ["MISSING_WORDS", "Column", "Table", "read_table", "table_from_frame"]


@dataclass(frozen=True, eq=False)
class Table:
    """Ordered columns of one length with distinct names.

    Parameters
    ----------
    columns : tuple of Column
    source : str                   what to call the table in messages
    lines : (n_rows,) int or None  the line of its file that each row begins on; None: no file
    """

    columns: tuple[Column, ...]
    source: str = "the table"
    lines: np.ndarray | None = None

    def __post_init__(self):
        if not self.columns:
            raise TableError(f"{self.source} has no columns.")
        names = self.names
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise TableError(f"{self.source} has two columns named {twice!r}. Rename or drop one.")
        for column in self.columns:
            if len(column.values) != self.n_rows:
                raise ShapeMismatch(
                    f"{self.source}: column {column.name!r} has {len(column.values)} cells but "
                    f"{names[0]!r} has {self.n_rows}. Every column needs one cell a row."
                )

    @lazy
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    @lazy
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @property
    def n_rows(self) -> int:
        """How many rows it has."""
        return len(self.columns[0].values)

    def __getitem__(self, name: str) -> Column:
        if name in self._by_name:
            return self._by_name[name]
        raise TableError(f"{self.source} has no column {name!r}. {did_you_mean(name, self.names)}")

    def without(self, names: Collection[str]) -> Table:
        """Return the table without the columns ``names``.

        Returns
        -------
        table : Table

        Raises
        ------
        TableError                     if there is no such column, or none is left
        """
        dropped = {self[name].name for name in names}
        kept = tuple(column for column in self.columns if column.name not in dropped)
        if not kept:
            raise TableError(
                f"{self.source}: no column is left once {sorted(dropped)} are dropped."
            )
        return replace(self, columns=kept)

    def take(self, rows: np.ndarray) -> Table:
        """Return the table with only ``rows``: an index or bool array."""
        lines = None if self.lines is None else self.lines[rows]
        return replace(self, columns=tuple(c.take(rows) for c in self.columns), lines=lines)

    def place(self, row: int) -> str:
        """Return where ``row`` is, for messages: its file and line, or its number from 0."""
        if self.lines is None:
            return f"{self.source}, row {row} (counted from 0)"
        return f"{self.source}, line {self.lines[row]}"


def read_table(
    path: str | os.PathLike[str],
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    missing: Collection[str] = MISSING_WORDS,
    categories: Collection[str] = (),
    only: Collection[str] | None = None,
    drop: Collection[str] = (),
) -> Table:
    """Read a table from a text file, plain or gzip, or from a Parquet file.

    What kind of file it is, its encoding, its line ending and its delimiter are told from its
    bytes, not from its name. Whatever is repaired or doubtful is said by a `TableWarning`.

    Parameters
    ----------
    path : path-like
    delimiter : str or None        one character; found if None
    decimal : str or None          "." or ","; found if None: a decimal comma only where the
                                   delimiter is another
    missing : collection of str    cells that are missing, in place of `MISSING_WORDS`
    categories : collection of str names of columns that are text even if they look like numbers,
                                   such as codes
    only : collection of str       read these columns alone, of which some may not be there
    drop : collection of str       leave these columns out: nothing in them is looked at

    Returns
    -------
    table : Table

    Raises
    ------
    TableError                     naming the file, the line and the column if it cannot be read
    InvalidParameter               if ``delimiter`` or ``decimal`` cannot be one, or a string is
                                   given where several are expected
    """
    if decimal not in (None, ".", ",") or (decimal and decimal == delimiter):
        raise InvalidParameter(
            f"`decimal` is {decimal!r}, expected '.' or ',' and not the delimiter ({delimiter!r})."
        )
    groups = {"missing": missing, "categories": categories, "only": only, "drop": drop}
    for argument, names in groups.items():
        if isinstance(names, str):
            raise InvalidParameter(f"`{argument}` is the string {names!r}: write [{names!r}].")
    source = f"`{path}`"
    with open_binary(path) as file:
        is_parquet = file.read(4) == b"PAR1"
    if is_parquet or Path(path).suffix.lower() in (".parquet", ".pq"):
        table = Table(tuple(parquet_columns(path)), source)
        _refuse_no_rows(table)
        wanted = _wanted(table.names, source, categories, only, drop)
        kept = (column for column in table.columns if column.name in wanted)
        texts = set(categories)
        table = replace(table, columns=tuple(c.as_text() if c.name in texts else c for c in kept))
    else:
        text = open_csv(str(path), read_text_bytes(path), delimiter)
        wanted = _wanted(text.names, source, categories, only, drop)
        words = frozenset(word.strip() for word in missing)
        rules = ParseRules(words, frozenset(categories), decimal)
        columns, lines = parse_columns(text, rules, wanted)
        table = Table(tuple(columns), source, lines)
    warn_of_rounded_integers(table.columns)
    return table


def table_from_frame(frame: Any, source: str = "X") -> Table:
    """Make a table of a pandas, polars or pyarrow table, or of a 2-D array.

    Parameters
    ----------
    frame : data frame, or (n_rows, n_columns) array or nested list, whose columns are x0, x1, ...
    source : str                   what to call it in messages

    Returns
    -------
    table : Table                  of copies: later changes to ``frame`` do not reach it

    Raises
    ------
    TableError                     if it is no table, is empty, or a column cannot be used
    ShapeMismatch                  if an array has not two dimensions, or ragged rows
    InvalidData                    if a value is no real number that a float can hold
    """
    if isinstance(frame, Table):
        return frame
    if hasattr(frame, "tocsr"):
        raise TableError(
            f"{source} is a sparse matrix, which has no named columns; give it to the estimator "
            "as it is, or `.toarray()` it."
        )
    is_array = isinstance(frame, np.ndarray | list | tuple)
    columns = (array_columns if is_array else frame_columns)(frame, source)
    table = Table(tuple(columns), source)
    _refuse_no_rows(table)
    warn_of_rounded_integers(table.columns)
    return table


def _refuse_no_rows(table: Table) -> None:
    if not table.n_rows:
        raise TableError(f"{table.source} has {quote_names(table.names)} but no rows.")


def _wanted(
    names: tuple[str, ...],
    source: str,
    categories: Collection[str],
    only: Collection[str] | None,
    drop: Collection[str],
) -> frozenset[str]:
    """Return the names of the columns to read."""
    for name in [*categories, *drop]:
        if name not in names and (only is None or name not in only):
            raise TableError(f"{source} has no column {name!r}. {did_you_mean(name, names)}")
    wanted = frozenset(names if only is None else set(names) & set(only)) - set(drop)
    if not wanted:
        expected = f"; expected some of {sorted(only)[:8]}" if only else ""
        raise TableError(f"{source}: no column is left to read of {quote_names(names)}{expected}.")
    return wanted
