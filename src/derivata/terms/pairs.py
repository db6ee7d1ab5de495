"""Two text columns as one 0/1 feature a pair of levels that occurred together.

    z_kl(row) = [a is k and b is l]

Beside a `Category` for each column, the coefficient of a pair is how far it lies from the sum of
its two levels; the penalty pulls it there. So a pair that is rare, new or incomplete needs no
feature: its row of zeros stands for that sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.errors import InvalidData, ModelFileError, TableWarning, warn
from derivata.terms.category import MAX_LEVELS, factorize
from derivata.terms.cells import Cells, words
from derivata.terms.record import check_keys, column_fields, list_field

Pair = tuple[str, str]


@dataclass(frozen=True)
class FittedPairs:
    """The pairs of levels of the text columns ``first`` and ``second``, most frequent first."""

    first: str
    second: str
    pairs: tuple[Pair, ...]

    @classmethod
    def fit(cls, first: str, second: str, cells: Cells, weight: np.ndarray) -> FittedPairs:
        """Learn the pairs, sorted by their total weight, then by name.

        Beyond `category.MAX_LEVELS` the rest gets no feature and a `TableWarning` says so.

        Parameters
        ----------
        first, second : str            the columns
        cells : mapping                column name -> (n_rows,) object of str; None = missing
        weight : (n_rows,)             positive

        Returns
        -------
        fitted : FittedPairs

        Raises
        ------
        InvalidData                    if no row has a level in both columns
        """
        codes, pairs = _factorize_pairs(words(cells, first), words(cells, second))
        totals = np.bincount(codes, weight, len(pairs))
        full = [code for code, pair in enumerate(pairs) if None not in pair]
        if not full:
            raise InvalidData(f"columns {first!r} and {second!r} are nowhere both present.")
        full.sort(key=lambda code: (-totals[code], pairs[code]))
        if len(full) > MAX_LEVELS:
            warn(
                f"columns {first!r} and {second!r} have {len(full):,} pairs of levels; the "
                f"{MAX_LEVELS:,} most frequent get a coefficient each and the other "
                f"{len(full) - MAX_LEVELS:,} none. Group the levels of one.",
                TableWarning,
            )
        kept = (pairs[code] for code in full[:MAX_LEVELS])
        return cls(first, second, tuple((str(a), str(b)) for a, b in kept))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns it reads."""
        return (self.first, self.second)

    @property
    def texts(self) -> tuple[str, ...]:
        """Both columns."""
        return self.columns

    @property
    def label(self) -> str:
        """Its columns, "city × shop"."""
        return f"{self.first} × {self.second}"

    @property
    def names(self) -> tuple[str, ...]:
        """One name a pair, ``city=Bath×shop=A``."""
        names = tuple(f"{self.first}={a}×{self.second}={b}" for a, b in self.pairs)
        if len(set(names)) == len(names):
            return names
        # A level may itself hold "×shop="; quoted, no two pairs read alike.
        return tuple(f"{self.first}={a!r}×{self.second}={b!r}" for a, b in self.pairs)

    @property
    def parts(self) -> tuple[str, ...]:
        """One penalty for all pairs."""
        return ("product",) * len(self.pairs)

    def block(self, cells: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the design block of ``cells``.

        Parameters
        ----------
        cells : mapping                column name -> (n_rows,) object of str; None = missing

        Returns
        -------
        block : (n_rows, n_pairs)      zeros and ones, one of them a row at most
        """
        rows, columns, ones = self.entries(cells)
        block = np.zeros((len(cells[self.first]), len(self.pairs)))
        block[rows, columns] = ones
        return block

    def entries(self, cells: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return rows, columns and values of the entries of `block` that are not zero."""
        codes, found = _factorize_pairs(words(cells, self.first), words(cells, self.second))
        position = {pair: place for place, pair in enumerate(self.pairs)}
        columns = np.array([position.get(pair, -1) for pair in found], np.intp)[codes]
        rows = np.flatnonzero(columns >= 0)
        return rows, columns[rows], np.ones(rows.size)

    def to_dict(self) -> dict[str, Any]:
        """Return the term as plain JSON types."""
        pairs = [list(pair) for pair in self.pairs]
        return {"kind": "pairs", "first": self.first, "second": self.second, "pairs": pairs}

    @classmethod
    def from_dict(cls, record: Any, where: str = "term") -> FittedPairs:
        """Rebuild what `to_dict` gave.

        Returns
        -------
        term : FittedPairs

        Raises
        ------
        ModelFileError                 naming the malformed field
        """
        check_keys(record, ("kind", "first", "second", "pairs"), where)
        first, second = column_fields(record, ("first", "second"), where)
        pairs = list_field(record, "pairs", where)
        if not all(
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(one, str) for one in pair)
            for pair in pairs
        ):
            raise ModelFileError(f"`{where}.pairs` is no list of pairs of strings.")
        found = tuple((pair[0], pair[1]) for pair in pairs)
        if not 1 <= len(found) <= MAX_LEVELS or len(set(found)) < len(found):
            raise ModelFileError(
                f"`{where}.pairs` holds {len(found):,} pairs, expected 1 to {MAX_LEVELS:,}, each "
                "once."
            )
        return cls(first, second, found)


def _factorize_pairs(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, list]:
    """Number the distinct pairs.

    Returns
    -------
    codes : (n_rows,) int
    pairs : list of tuple          ``pairs[codes[i]] == (first[i], second[i])``
    """
    (a, a_words), (b, b_words) = factorize(first), factorize(second)
    both, codes = np.unique(a * len(b_words) + b, return_inverse=True)
    pairs = [(a_words[one // len(b_words)], b_words[one % len(b_words)]) for one in both.tolist()]
    return codes, pairs
