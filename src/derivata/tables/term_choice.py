"""Which terms a table's columns become where the user names none.

    numeric, at least `FEWEST_VALUES` distinct values     `Spline`; fewer: `Linear`
    numeric with gaps                                     `Missing` beside it
    words                                                 `Category`
    dates                                                 `Date`

Where there are more columns than one in `ROWS_A_COLUMN` rows, curves cannot be told from noise and
numbers stay straight.
"""

from __future__ import annotations

import numpy as np

from derivata.errors import TableWarning, warn
from derivata.tables.columns import Column
from derivata.terms import Category, Date, Linear, Missing, Spline, Term

FEWEST_VALUES = 4
ROWS_A_COLUMN = 4
# A basis of more functions than one in so many rows says nothing more, and more functions of all
# columns together than this cost more than they tell: a fit takes the cube of their number.
ROWS_A_FUNCTION, MOST_FUNCTIONS, SMALLEST_BASIS = 10, 400, 6
# Beyond this many coefficients of the smallest bases, for all outputs together, there are none.
MOST_COEFFICIENTS = 2_000


def infer_terms(
    columns: tuple[Column, ...], n_rows: int, n_basis: int, n_outputs: int = 1
) -> list[Term]:
    """The terms of usable columns, in their order.

    Parameters
    ----------
    columns : tuple of Column      usable ones (see `column_choice`)
    n_rows : int
    n_basis : int                  basis functions of each spline, at most
    n_outputs : int                each function has a coefficient for each

    Returns
    -------
    terms : list of Term
    """
    numeric = [column for column in columns if column.kind == "numeric"]
    n_curved = sum(_count_distinct(column.values) >= FEWEST_VALUES for column in numeric)
    straight = len(numeric) * ROWS_A_COLUMN > n_rows
    if straight and n_curved:
        warn(
            f"{len(numeric):,} columns of numbers for {n_rows:,} rows are too many to tell curves "
            "from noise: all effects are straight lines. Give `terms` to have curves of some.",
            TableWarning,
        )
    elif len(numeric) * SMALLEST_BASIS * n_outputs > MOST_COEFFICIENTS:
        straight = True
        warn(
            f"curves of {len(numeric):,} columns of numbers for {n_outputs:,} outputs would have "
            "too many coefficients: all effects are straight lines. Give `terms` to have curves "
            "of some.",
            TableWarning,
        )
    most = min(n_rows // ROWS_A_FUNCTION, MOST_FUNCTIONS // max(len(numeric), 1), n_basis)
    basis = max(most, min(SMALLEST_BASIS, n_basis))
    terms: list[Term] = []
    for column in columns:
        terms += _column_terms(column, straight, basis)
    return terms


def _column_terms(column: Column, straight: bool, n_basis: int) -> list[Term]:
    name = column.name
    if column.kind == "date":
        return [Date(name)]
    if column.kind == "text":
        return [Category(name)]
    gaps: list[Term] = [Missing(name)] if column.missing.any() else []
    n_distinct = _count_distinct(column.values)
    if n_distinct <= 1:  # the gaps are all that the column says
        return gaps
    if straight or n_distinct < FEWEST_VALUES:
        return [Linear(name), *gaps]
    return [Spline(name, n_basis=n_basis, adaptive=True), *gaps]


def _count_distinct(values: np.ndarray) -> int:
    """How many distinct numbers, counted up to `FEWEST_VALUES` without a sort of them all."""
    found: set[float] = set()
    for start in range(0, len(values), 1024):
        part = values[start : start + 1024]
        found.update(part[~np.isnan(part)].tolist())
        if len(found) >= FEWEST_VALUES:
            break
    return len(found)
