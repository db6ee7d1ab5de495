"""A table as the plain matrix that textbooks minimise over: a number a cell, nothing tuned.

    numbers   as they are, a gap as the mean; and 1 where there was a gap
    words     a column of 0 and 1 for each level but the first
    dates     days since the first

Raw columns stand beside a column of ones; scaled ones are moved to mean 0 and divided by their
standard deviation first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array, Design
from derivata.designs import DenseDesign
from derivata.designs.standardized import standardize
from derivata.errors import TableError
from derivata.tables import Table
from derivata.tables.column_choice import usable_columns
from derivata.tables.columns import Column
from derivata.terms.category import factorize
from derivata.terms.date_words import is_month_first, read_dates

# A dense Hessian of more columns than this is no longer a matter of a second.
MOST_COLUMNS = 2_000


@dataclass(frozen=True, eq=False)
class PlainDesign:
    """Columns of numbers with their names: ``columns`` (n_columns, n_rows)."""

    names: tuple[str, ...]
    columns: Array

    @classmethod
    def of(cls, table: Table) -> PlainDesign:
        """The features of a table, from which the target was taken out.

        Raises
        ------
        TableError                     if no column is left, a number is infinite, or there would
                                       be more than `MOST_COLUMNS`
        """
        names: list[str] = []
        columns: list[Array] = []
        for column in usable_columns(table):
            for name, values in _features(column, table):
                names.append(name)
                columns.append(values)
            if len(names) > MOST_COLUMNS:
                raise TableError(
                    f"{table.source}: its columns become more than {MOST_COLUMNS:,} columns of "
                    "numbers, whose Hessian would take long to look at. Leave columns out "
                    "(`--drop`), or merge rare words."
                )
        if not names:
            raise TableError(
                f"{table.source}: no column can be used as a feature; {len(table.columns)} were "
                "left out, as the warnings say."
            )
        return cls(tuple(names), np.array(columns))

    def raw(self) -> Design:
        """The columns as they are, and one of ones."""
        ones = np.ones((1, self.columns.shape[1]))
        return DenseDesign(np.concatenate([self.columns, ones]))

    def scaled(self, weight: Array) -> Design:
        """The columns at mean 0 and standard deviation 1, and one of ones."""
        return standardize(self.columns.T, weight).design


def _features(column: Column, table: Table) -> list[tuple[str, Array]]:
    if column.kind == "text":
        codes, levels = factorize(column.values)
        order = sorted(range(len(levels)), key=lambda k: (levels[k] is None, levels[k] or ""))
        return [(f"{column.name}={levels[k]}", (codes == k).astype(float)) for k in order[1:]]
    values = _days(column) if column.kind == "date" else column.values
    if np.isinf(values).any():
        row = int(np.argmax(np.isinf(values)))
        raise TableError(
            f"{table.place(row)}, column {column.name!r}: an infinite value. Correct the cell, or "
            "leave the row out."
        )
    gaps = np.isnan(values)
    if not gaps.any():
        return [(column.name, values)]
    filled = np.where(gaps, values[~gaps].mean(), values)
    made = [(column.name, filled)] if np.ptp(filled) > 0.0 else []
    return [*made, (f"{column.name}=(missing)", gaps.astype(float))]


def _days(column: Column) -> Array:
    words = column.values.tolist()
    days, hours, _ = read_dates(words, is_month_first(words))
    whole = days + hours / 24.0
    return whole - np.nanmin(whole)
