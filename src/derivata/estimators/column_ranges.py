"""Where the training rows lie in each column: what pictures of effects are drawn over."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.tables import Table
from derivata.terms.record import check_keys, list_field, number_field, text_field

N_QUANTILES, FEW_QUANTILES, MANY_COLUMNS = 101, 11, 200
MOST_LEVELS = 1_000


@dataclass(frozen=True)
class ColumnRange:
    """A column's training cells in brief.

    Attributes
    ----------
    quantiles : tuple of float     101 of the present numbers, smallest to largest, or 11 in tables
                                   of more than 200 columns; () for words
    levels : tuple of str or None  words, most frequent first, None for missing; () for numbers
    counts : tuple of int          rows of each level
    """

    quantiles: tuple[float, ...] = ()
    levels: tuple[str | None, ...] = ()
    counts: tuple[int, ...] = ()

    def axis(self, n_points: int) -> Array:
        """Points evenly over the range of numbers, or every level: cells as terms read them."""
        if self.quantiles:
            return np.linspace(self.quantiles[0], self.quantiles[-1], n_points)
        levels = np.empty(len(self.levels), dtype=object)
        levels[:] = self.levels
        return levels

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; a missing level is null."""
        return {
            "quantiles": list(self.quantiles),
            "levels": list(self.levels),
            "counts": list(self.counts),
        }

    @classmethod
    def from_dict(cls, record: Any, where: str) -> ColumnRange:
        """Rebuild what ``to_dict`` gave; a malformed field raises ``ModelFileError``."""
        check_keys(record, ("quantiles", "levels", "counts"), where)
        numbers = [
            number_field({"number": value}, "number", f"{where}.quantiles[{i}]")
            for i, value in enumerate(list_field(record, "quantiles", where))
        ]
        levels = [
            None if value is None else text_field({"level": value}, "level", f"{where}.levels[{i}]")
            for i, value in enumerate(list_field(record, "levels", where))
        ]
        counts = [
            int(number_field({"number": value}, "number", f"{where}.counts[{i}]"))
            for i, value in enumerate(list_field(record, "counts", where))
        ]
        return cls(tuple(numbers), tuple(levels), tuple(counts))


def column_ranges(
    table: Table, names: Collection[str], texts: Collection[str]
) -> dict[str, ColumnRange]:
    """The range of each named column of the training rows; those of ``texts`` as words."""
    n_quantiles = N_QUANTILES if len(names) <= MANY_COLUMNS else FEW_QUANTILES
    return {name: _range(table, name, name in texts, n_quantiles) for name in names}


def _range(table: Table, name: str, is_text: bool, n_quantiles: int) -> ColumnRange:
    column = table[name].as_text() if is_text else table[name]
    if not is_text:
        present = column.values[~column.missing]
        if not len(present):
            return ColumnRange(quantiles=(0.0,) * n_quantiles)
        found = np.quantile(present, np.linspace(0.0, 1.0, n_quantiles))
        return ColumnRange(quantiles=tuple(float(value) for value in found))
    counts: dict[str | None, int] = {}
    for word in column.values:
        counts[word] = counts.get(word, 0) + 1
    most = sorted(counts, key=lambda word: (-counts[word], word is None, word or ""))[:MOST_LEVELS]
    return ColumnRange(levels=tuple(most), counts=tuple(counts[word] for word in most))
