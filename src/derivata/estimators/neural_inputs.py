"""A table as a network reads it: every column in order, as numbers and as codes.

Maths: docs/math/networks.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.errors import TableError
from derivata.estimators.neural_columns import (
    EMBEDDING_WIDTH,
    InputColumn,
    ScaledNumber,
    column_from,
    fitted_column,
)
from derivata.neural.network import Inputs
from derivata.tables import Table
from derivata.tables.column_choice import usable_columns
from derivata.tables.table_cells import read_cells, require_columns
from derivata.terms.record import check_keys, list_field


@dataclass(frozen=True, eq=False)
class InputEncoder:
    """Every column that a network reads, in order.

    Parameters
    ----------
    columns : tuple of InputColumn
    """

    columns: tuple[InputColumn, ...]

    @classmethod
    def fit(cls, table: Table) -> InputEncoder:
        """Learn scales and levels from the training rows.

        Raises
        ------
        TableError                     if no column can be used
        InvalidData                    if a number is infinite
        """
        usable = usable_columns(table)
        if not usable:
            raise TableError(
                f"{table.source}: no column can be used as a feature; {len(table.columns)} were "
                "left out, as the warnings say."
            )
        names = [column.name for column in usable]
        texts = {column.name for column in usable if column.kind != "numeric"}
        cells = read_cells(table, names, texts)
        return cls(tuple(fitted_column(column, cells) for column in usable))

    @property
    def n_numbers(self) -> int:
        """Numbers a row."""
        return sum(one.n_numbers for one in self.columns)

    @property
    def n_scaled(self) -> int:
        """Columns of the table that hold numbers."""
        return sum(isinstance(one, ScaledNumber) for one in self.columns)

    @property
    def levels(self) -> tuple[int, ...]:
        """Codes of each embedded category."""
        return tuple(one.n_levels for one in self.columns if one.n_levels)

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers that stand for a level of each embedded category."""
        return tuple(min(EMBEDDING_WIDTH, levels // 2) for levels in self.levels)

    def encode(self, table: Table) -> Inputs:
        """What a network reads of a table, in float64; columns may come in any order.

        Raises
        ------
        TableError                     naming the column that is not there, or the word in a number
        InvalidData                    if a number is infinite
        """
        names = [one.column for one in self.columns]
        require_columns(table, names)
        texts = {one.column for one in self.columns if not isinstance(one, ScaledNumber)}
        cells = read_cells(table, names, texts)
        numbers = [one.numbers(cells[one.column]) for one in self.columns]
        codes = [one.codes(cells[one.column]) for one in self.columns]
        return Inputs(np.concatenate(numbers, axis=1), np.concatenate(codes, axis=1))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return {"columns": [one.to_dict() for one in self.columns]}

    @classmethod
    def from_dict(cls, record: Any, where: str = "encoder") -> InputEncoder:
        """Rebuild what `to_dict` gave; a malformed field raises `ModelFileError`."""
        check_keys(record, ("columns",), where)
        records = list_field(record, "columns", where)
        columns = tuple(column_from(one, f"{where}.columns[{i}]") for i, one in enumerate(records))
        return cls(columns)
