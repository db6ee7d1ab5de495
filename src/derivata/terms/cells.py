"""The cells of a table's columns as terms read them: numbers, or words.

``cells`` maps the name of a column to its cells, (n_rows,): float64 with NaN for a missing cell, or
an object array of str with None for one. What a term was not made for is refused here, by name.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from derivata.errors import InvalidData, InvalidParameter, ShapeMismatch

Cells = Mapping[str, np.ndarray]


def is_text(cells: Cells, column: str) -> bool:
    """Whether the cells of ``column`` are words."""
    return column_cells(cells, column).dtype == object


def numbers(cells: Cells, column: str) -> np.ndarray:
    """Return the cells of a numeric column.

    Parameters
    ----------
    cells : mapping                column name -> (n_rows,)
    column : str

    Returns
    -------
    values : (n_rows,) float64     finite, or NaN = missing

    Raises
    ------
    InvalidData                    if there is no such column, or it holds words or an infinite
                                   value
    """
    values = column_cells(cells, column)
    if values.dtype == object:
        raise InvalidData(
            f"column {column!r} holds words, and this term needs numbers. Read it as numbers, or "
            f"use `Category({column!r})`."
        )
    values = np.asarray(values, np.float64)
    infinite = np.isinf(values)
    if infinite.any():
        raise InvalidData(
            f"row {int(np.argmax(infinite))}, column {column!r}: an infinite value, in "
            f"{infinite.sum():,} of {values.size:,} rows. Replace it by a number, or by NaN to "
            "mark it missing."
        )
    return values


def words(cells: Cells, column: str) -> np.ndarray:
    """Return the cells of a text column.

    Parameters
    ----------
    cells : mapping                column name -> (n_rows,)
    column : str

    Returns
    -------
    values : (n_rows,) object      str; None = missing

    Raises
    ------
    InvalidData                    if there is no such column, or if it holds numbers
    """
    values = column_cells(cells, column)
    if values.dtype != object:
        raise InvalidData(
            f"column {column!r} holds numbers, and this term needs words. Turn them into words, or "
            f"use `Spline({column!r})` or `Linear({column!r})`."
        )
    return values


def column_cells(cells: Cells, column: str) -> np.ndarray:
    """Return the cells of ``column``; a name that is not there is `InvalidData`."""
    if column not in cells:
        names = ", ".join(map(repr, list(cells)[:12]))
        raise InvalidData(f"there is no column {column!r}. There are: {names or 'none'}.")
    return np.asarray(cells[column])


def counted_rows(
    cells: Cells, columns: tuple[str, ...], weight: np.ndarray | None
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the rows that count in a fit: a row of weight 0 counts as absent.

    Parameters
    ----------
    cells : mapping                column name -> (n_rows,)
    columns : tuple of str         those to return
    weight : (n_rows,) or None     non-negative; all ones if None

    Returns
    -------
    cells : dict                   column name -> (n_counted,)
    weight : (n_counted,) float64  positive

    Raises
    ------
    ShapeMismatch                  if there is not one weight a row
    InvalidData                    if no row counts
    """
    taken = {column: column_cells(cells, column) for column in columns}
    n_rows = taken[columns[0]].size
    weight = np.ones(n_rows) if weight is None else np.asarray(weight, np.float64)
    if weight.shape != (n_rows,):
        raise ShapeMismatch(f"weight has shape {weight.shape}, expected one a row: ({n_rows},).")
    counts = weight > 0
    if not counts.any():
        raise InvalidData(f"column {columns[0]!r} has no row with a positive weight.")
    if counts.all():
        return taken, weight
    return {column: values[counts] for column, values in taken.items()}, weight[counts]


def require_names(*columns: str) -> None:
    """Refuse what is no name of a column, and the same name twice.

    Raises
    ------
    InvalidParameter               naming the value
    """
    for column in columns:
        if not isinstance(column, str):
            raise InvalidParameter(
                f"a column is {column!r}, expected its name as a str. Columns of an array without "
                "names are called 'x0', 'x1', ..."
            )
    if len(set(columns)) < len(columns):
        raise InvalidParameter(
            f"column {columns[0]!r} is named twice, expected two different columns. For a curve of "
            f"one column use `Spline({columns[0]!r})`."
        )


def require_count(name: str, value: int, least: int, most: int) -> None:
    """Refuse a count that is no whole number between ``least`` and ``most``.

    Raises
    ------
    InvalidParameter               naming the argument
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidParameter(
            f"`{name}` is {value!r}, expected a whole number from {least} to {most}."
        )
