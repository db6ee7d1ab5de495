"""The distinct cells of columns, and which of them each row has: a term is evaluated on those only.

    cells[i] = distinct[codes[i]]

A table of a million policies has some hundred ages, so a spline of age costs a hundred rows. Pairs
of columns are told apart by pairs of codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.terms.category import factorize

PARTS = 48


@dataclass(frozen=True, eq=False)
class Distinct:
    """Some columns' distinct rows.

    Parameters
    ----------
    codes : int array (n_rows,)
    cells : dict of str to array   each column's cells (n_codes,) in the distinct rows
    n_codes : int
    """

    codes: Array
    cells: dict[str, Array]
    n_codes: int


class DistinctCells:
    """The cells of a table, told apart column by column as terms ask for them.

    Parameters
    ----------
    cells : mapping of str to array (n_rows,)
        float64 with NaN for a missing cell, or object of str with None for one.
    coarse : bool
        Round numbers of pairs of columns to the medians of `PARTS` parts of equally many rows: what
        a smooth surface of a long table loses by it is far below its error, and a pair has at most
        `PARTS` squared distinct rows. Single columns are never rounded.
    """

    def __init__(self, cells: Mapping[str, Array], coarse: bool = False):
        self.cells, self.coarse = cells, coarse
        self._known: dict[tuple[str, ...], Distinct] = {}

    def of(self, columns: tuple[str, ...]) -> Distinct:
        """The distinct rows of some columns; a sort of the rows, done once for each tuple."""
        if columns not in self._known:
            self._known[columns] = self._find(columns)
        return self._known[columns]

    def _find(self, columns: tuple[str, ...]) -> Distinct:
        if len(columns) == 1:
            codes, distinct = _told_apart(self.cells[columns[0]])
            return Distinct(codes, {columns[0]: distinct}, len(distinct))
        parts = [self.of((column,)) for column in columns]
        if self.coarse:
            parts = [_rounded(part) for part in parts]
        joint = parts[0].codes
        for part in parts[1:]:
            joint = joint * part.n_codes + part.codes
        pairs, codes = np.unique(joint, return_inverse=True)
        cells, rest = {}, pairs
        for column, part in reversed(list(zip(columns, parts, strict=True))):
            rest, own = np.divmod(rest, part.n_codes)
            cells[column] = part.cells[next(iter(part.cells))][own]
        return Distinct(codes, cells, len(pairs))


def _rounded(part: Distinct) -> Distinct:
    """One column of numbers in at most `PARTS` parts, each named by its median."""
    ((column, values),) = part.cells.items()
    if values.dtype == object or part.n_codes <= PARTS:
        return part
    counts = np.bincount(part.codes, minlength=part.n_codes)
    # Distinct numbers are sorted, missing cells last: they keep a part of their own.
    below = (np.cumsum(counts) - 0.5 * counts) / counts.sum()
    places = np.minimum((below * PARTS).astype(np.intp), PARTS - 1)
    places[np.isnan(values)] = PARTS
    _, places = np.unique(places, return_inverse=True)
    medians = [values[places == place] for place in range(int(places.max()) + 1)]
    cells = np.array([np.median(each) for each in medians])
    return Distinct(places[part.codes], {column: cells}, len(cells))


def _told_apart(cells: Array) -> tuple[Array, Array]:
    if cells.dtype != object:
        distinct, codes = np.unique(cells, return_inverse=True)  # all NaN are one
        return codes, distinct
    codes, words = factorize(cells)
    distinct = np.empty(len(words), dtype=object)
    distinct[:] = words
    return codes, distinct
