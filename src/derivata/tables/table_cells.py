"""The cells of a table as terms read them, as words or numbers; what does not fit is named."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidData, TableError
from derivata.tables import Table
from derivata.tables.columns import Column, did_you_mean, quote_names


def require_columns(table: Table, names: Collection[str]) -> None:
    """Raise ``TableError`` naming the columns that are not there."""
    there, wanted = set(table.names), set(names)
    absent = [name for name in names if name not in there]
    if not absent:
        return
    others = [name for name in table.names if name not in wanted]
    if list(table.names) == [f"x{j}" for j in range(len(table.names))]:
        hint = "An array has no column names: give a data frame with the names of the fit."
    elif others:
        hint = did_you_mean(absent[0], others)
    else:
        hint = "Add it; its cells may be missing."
    raise TableError(
        f"{table.source} has no {quote_names(absent)}, which the model was fitted with. {hint}"
    )


def read_cells(table: Table, names: Collection[str], texts: Collection[str]) -> dict[str, Array]:
    """The cells of named columns, (n_rows,) each.

    Parameters
    ----------
    table : Table
    names : collection of str      columns that are there
    texts : collection of str      those to be read as words

    Returns
    -------
    cells : dict of str to array   float64 with NaN, or object of str with None

    Raises
    ------
    TableError                     naming the word that stands where numbers were
    InvalidData                    naming the infinite number
    """
    return {
        name: table[name].as_text().values if name in texts else _numbers(table[name], table)
        for name in names
    }


def _numbers(column: Column, table: Table) -> Array:
    if column.kind == "numeric":
        _refuse_infinite(column, table)
        return column.values
    present = np.flatnonzero(~column.missing)
    if not present.size:
        return np.full(table.n_rows, np.nan)
    row = int(next((i for i in present if not _is_number(column.values[i])), present[0]))
    raise TableError(
        f"{table.place(row)}, column {column.name!r}: {column.values[row][:40]!r} is a word, but "
        "the model was fitted with numbers there. Correct the cell, or declare the word missing "
        "(`--missing WORD`)."
    )


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _refuse_infinite(column: Column, table: Table) -> None:
    infinite = np.isinf(column.values)
    if infinite.any():
        raise InvalidData(
            f"{table.place(int(np.argmax(infinite)))}, column {column.name!r}: an infinite value, "
            f"in {infinite.sum():,} of {table.n_rows:,} rows. Replace it by a number, or leave the "
            "cell empty to mark it missing."
        )
