"""Columns of a pandas, polars or pyarrow table, of a Parquet file, or of a NumPy array.

Frames are read through narwhals, so that one piece of code serves every library and none of them is
needed. Numbers of any width become float64 and lose only what float64 cannot hold; strings,
categoricals and enumerations become words, blank ones missing; true and false become the words
"true" and "false", as a CSV file has them; dates, times and durations become words that
are marked as dates. A masked cell is missing. In an array, true and false are 1 and 0.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from derivata.errors import InvalidData, ShapeMismatch, TableError
from derivata.tables.columns import Column, text_column
from derivata.tables.table_bytes import open_binary
from derivata.terms.category import factorize

_NUMBERS = (int, float, np.number, decimal.Decimal, fractions.Fraction)
_BOOLS = (bool, np.bool_)
_DATES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)


def frame_columns(frame: Any, source: str) -> list[Column]:
    """Read the columns of a data frame.

    Parameters
    ----------
    frame : pandas, polars or pyarrow table, or another that narwhals knows
    source : str                   what to call it in messages

    Returns
    -------
    columns : list of Column

    Raises
    ------
    TableError                     if it is no such table, has a name twice, or has a column that
                                   is neither numbers, words nor dates
    """
    import narwhals as nw

    if nw.dependencies.is_pandas_dataframe(frame):
        frame = frame.set_axis(_text_labels(list(frame.columns), source), axis=1)
    try:
        table = nw.from_native(frame)
    except (TypeError, ValueError, nw.exceptions.NarwhalsError) as error:
        if "uplicate" in f"{type(error).__name__} {error}":
            raise TableError(f"{source} has a column name twice: {error}") from error
        kind = f"{type(frame).__module__}.{type(frame).__qualname__}".removeprefix("builtins.")
        raise TableError(
            f"{source} is of type {kind}, expected a pandas, polars or pyarrow table, or a 2-D "
            "NumPy array."
        ) from error
    if isinstance(table, nw.LazyFrame):
        raise TableError(f"{source} is a lazy frame: call `.collect()` on it first.")
    return [_series_column(name, table[name], source) for name in table.columns]


def array_columns(array: Any, source: str) -> list[Column]:
    """Read the columns of a 2-D array, or of what NumPy makes one of; they are called x0, x1, ...

    Parameters
    ----------
    array : (n_rows, n_columns)    numbers, bools, strings or objects
    source : str                   what to call it in messages

    Returns
    -------
    columns : list of Column

    Raises
    ------
    ShapeMismatch                  if it has not two dimensions, or its rows differ in length
    InvalidData                    if it holds complex numbers or records
    """
    try:
        cells = np.asanyarray(array)
    except ValueError as error:
        lengths = [len(row) if isinstance(row, Sequence) else 1 for row in array]
        row = next((i for i, n in enumerate(lengths) if n != lengths[0]), 0)
        raise ShapeMismatch(
            f"{source}: row {row} has {lengths[row]} cells but row 0 has {lengths[0]}. Every row "
            "needs one cell a column; write NaN where there is none."
        ) from error
    if cells.ndim != 2:
        cure = {0: "", 1: " One column is `.reshape(-1, 1)`, one row `.reshape(1, -1)`."}
        raise ShapeMismatch(
            f"{source} has {cells.ndim} dimensions {cells.shape}, expected 2: (n_rows, n_columns)."
            + cure.get(cells.ndim, " Reshape each row to one dimension.")
        )
    names = [f"x{j}" for j in range(cells.shape[1])]
    if cells.dtype.kind in "biuf":
        numbers = np.ma.filled(np.ma.asarray(cells).astype(np.float64), np.nan)
        return [Column(name, numbers[:, j].copy()) for j, name in enumerate(names)]
    if cells.dtype.kind in "cV":
        what = "complex numbers" if cells.dtype.kind == "c" else "records"
        raise InvalidData(f"{source} holds {what} ({cells.dtype}), expected real numbers or words.")
    if cells.dtype.kind == "S":
        cells = np.char.decode(cells, "utf-8")
    if cells.dtype.kind in "mM":
        words = cells.astype(str).astype(object)
        words[np.isnat(cells)] = None
        return [Column(name, words[:, j], is_date=True) for j, name in enumerate(names)]
    cells = cells.astype(object)
    cells = np.ma.filled(cells, None) if isinstance(cells, np.ma.MaskedArray) else cells
    return [_object_column(name, cells[:, j], source) for j, name in enumerate(names)]


def parquet_columns(path: str | os.PathLike[str]) -> list[Column]:
    """Read the columns of a Parquet file, with pyarrow.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    columns : list of Column

    Raises
    ------
    TableError                     if pyarrow is not installed, the file is damaged, or a column is
                                   nested
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise TableError(
            f"`{path}` is Parquet, which needs pyarrow: `pip install 'derivata[arrow]'`, or save "
            "the table as CSV."
        ) from error
    with open_binary(path) as file:
        try:
            table = pq.ParquetFile(file).read()
        except (pa.ArrowException, OSError) as error:
            raise TableError(
                f"`{path}` is no whole Parquet file ({str(error).splitlines()[0]}). It may be cut "
                "short: copy or write it again."
            ) from error
    _text_labels(table.column_names, f"`{path}`")
    return frame_columns(table, f"`{path}`")


def _text_labels(labels: list, source: str) -> list[str]:
    """Return column labels as strings: all are strings, or all are whole numbers."""
    kinds = {type(label) for label in labels}
    if not (kinds <= {str} or all(issubclass(kind, int | np.integer) for kind in kinds)):
        spelled = sorted(kind.__name__ for kind in kinds)
        raise TableError(
            f"{source} has column names of the types {', '.join(spelled)}, expected strings. "
            "Rename them: `frame.columns = [str(name) for name in frame.columns]`."
        )
    seen: set[str] = set()
    for label in map(str, labels):
        if label in seen:
            raise TableError(f"{source} has two columns named {label!r}. Rename or drop one.")
        seen.add(label)
    return [str(label) for label in labels]


def _series_column(name: str, series: Any, source: str) -> Column:
    """Read one narwhals series by its type."""
    import narwhals as nw

    if series.dtype.is_numeric():
        return Column(name, np.array(series.cast(nw.Float64).to_numpy(), np.float64))
    if series.dtype.is_nested() or series.dtype == nw.Binary:
        raise TableError(
            f"{source}, column {name!r} holds {series.dtype}, expected numbers, words or dates. "
            "Unnest it into columns of its own, or drop it."
        )
    cells = np.empty(len(series), object)
    cells[:] = series.to_list()
    return _object_column(name, cells, source)


def _object_column(name: str, cells: np.ndarray, source: str) -> Column:
    """Read a column of Python objects: all numbers, all words, all bools or all dates."""
    kinds = {kind: _family(kind) for kind in set(map(type, cells))}
    families = {family for family in kinds.values() if family != "gap"}
    if "number" in families and _only_nan(kinds, cells):
        families.remove("number")
    if not families:
        return Column(name, np.full(len(cells), np.nan))
    if len(families) > 1 or "other" in families:
        raise TableError(_mixed_fault(name, cells, kinds, families, source))
    family = families.pop()
    if family == "number":
        return Column(name, _numbers(name, cells, source))
    codes, levels = factorize(cells)
    words = [None if _is_gap(level) or not str(level).strip() else str(level) for level in levels]
    column = text_column(name, codes, words)
    return Column(name, column.values, is_date=column.is_date or family == "date")


def _family(kind: type) -> str:
    if kind is type(None) or kind.__name__ in ("NAType", "NaTType", "MaskedConstant"):
        return "gap"
    if issubclass(kind, _BOOLS):  # before numbers: Python's bool is an int
        return "bool"
    if issubclass(kind, _DATES):  # before numbers: NumPy's timedelta is one
        return "date"
    if issubclass(kind, complex | np.complexfloating):
        return "other"
    if issubclass(kind, _NUMBERS):
        return "number"
    return "word" if issubclass(kind, str) else "other"


def _is_gap(cell: Any) -> bool:
    return _family(type(cell)) == "gap" or (isinstance(cell, float) and cell != cell)


def _only_nan(kinds: dict[type, str], cells: np.ndarray) -> bool:
    """Whether the only numbers are NaN, as pandas writes a gap between words."""
    if any(family == "number" and not issubclass(kind, float) for kind, family in kinds.items()):
        return False
    return all(cell != cell for cell in cells if isinstance(cell, float))


def _numbers(name: str, cells: np.ndarray, source: str) -> np.ndarray:
    values = np.empty(len(cells))
    for row, cell in enumerate(cells):
        try:
            values[row] = np.nan if _family(type(cell)) == "gap" else float(cell)
        except OverflowError as error:
            raise InvalidData(
                f"{source}, row {row} (counted from 0), column {name!r}: a whole number of "
                f"{cell.bit_length()} bits, beyond the largest float (1.8e308). Take logarithms, "
                "or drop the row."
            ) from error
    return values


def _mixed_fault(
    name: str, cells: np.ndarray, kinds: dict[type, str], families: set[str], source: str
) -> str:
    first = {}
    for row, cell in enumerate(cells):
        family = kinds[type(cell)]
        if family in families:
            first.setdefault(family, f"{type(cell).__name__} {str(cell)[:40]!r} in row {row}")
    return (
        f"{source}, column {name!r} holds {' and '.join(first.values())} (counted from 0), "
        "expected all numbers, all words or all dates. Convert the column, or drop it."
    )
